//! Drives `tests/vectors/sync`: sessions of one mailbox, one after the other.
//! The other languages drive the same files.
#![cfg(feature = "sync")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::path::PathBuf;

use popmail::sync::{Identity, Listed, ServerPolicy, SyncPlan, SyncRules, SyncState, TooLarge};
use serde_json::{Value, json};

#[test]
fn every_history_of_a_mailbox_is_planned_as_written() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/sync");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.file_stem().unwrap().to_string_lossy());
        run(&serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap());
        count += 1;
    }
    assert!(count >= 25, "only {count} histories found");
}

fn run(vector: &Value) {
    let mut state = SyncState::new(vector["mailbox"].as_str().unwrap());
    let mut snapshot = state.snapshot();
    state = SyncState::new(vector["mailbox"].as_str().unwrap());
    let mut journal = String::new();
    for (at, step) in vector["steps"].as_array().unwrap().iter().enumerate() {
        println!("  step {}", at + 1);
        let details = ["expect", "now", "receipt", "rules"];
        let mut keys = step.as_object().unwrap().iter();
        let (kind, value) = keys
            .find(|(key, _)| !details.contains(&key.as_str()))
            .unwrap();
        let now = step["now"].as_u64().unwrap_or_default();
        match kind.as_str() {
            "plan" => assert_eq!(described(&plan(&mut state, value)), step["expect"]),
            "deliver" | "deliver_headers" => {
                for number in numbers(value) {
                    let headers = kind == "deliver_headers";
                    state.delivered(number, headers, now).unwrap();
                    journal += &state.journal_line(number, headers, now, None).unwrap();
                }
            }
            "arriving" => {
                let number = value.as_u64().unwrap() as u32;
                let receipt = step["receipt"].as_str();
                journal += &state.journal_line(number, false, now, receipt).unwrap();
            }
            "save" => {
                snapshot = state.snapshot();
                if *value == true {
                    journal.clear();
                }
            }
            "tear" => journal.truncate(journal.len() - value.as_u64().unwrap() as usize),
            "restore" => {
                let arrived = |receipt: &str| value.as_array().unwrap().contains(&json!(receipt));
                state = SyncState::restore(&snapshot, &journal, arrived).unwrap();
            }
            "snapshot" => {
                assert_eq!(snapshot, lines(value));
                let mut again = SyncState::restore(&snapshot, "", |_| false).unwrap();
                let saved = format!("\"saved\":{}", snapshot_number(&snapshot));
                let next = format!("\"saved\":{}", snapshot_number(&snapshot) + 1);
                assert_eq!(again.snapshot(), snapshot.replace(&saved, &next));
            }
            "snapshot_contains" => assert!(snapshot.contains(value.as_str().unwrap())),
            "journal" => assert_eq!(journal, lines(value)),
            "deletions" => {
                assert_eq!(state.deletions(&rules(&step["rules"]), now), numbers(value));
            }
            "dele" => {
                for number in numbers(value) {
                    state.dele_accepted(number, now).unwrap();
                }
            }
            "quit" => state.quit_accepted(value.as_u64().unwrap()),
            "next_login" => assert_eq!(json!(state.next_login()), *value),
            other => panic!("unknown step {other}"),
        }
    }
}

fn plan(state: &mut SyncState, value: &Value) -> SyncPlan {
    let listing = value["listing"].as_array().unwrap().iter().map(|line| {
        let octets = line[1].as_u64().unwrap();
        let header = value["headers"][line[0].to_string()].as_str();
        let by_header = header.map(|header| Identity::of_header(header.as_bytes(), octets));
        Listed {
            number: line[0].as_u64().unwrap() as u32,
            octets,
            identity: line[2].as_str().map(Identity::of_uid).or(by_header),
        }
    });
    let policy = ServerPolicy::new(value["expire"].as_str(), value["login_delay"].as_str());
    let now = value["now"].as_u64().unwrap();
    state.plan(listing.collect(), policy, &rules(&value["rules"]), now)
}

fn rules(value: &Value) -> SyncRules {
    SyncRules {
        delete_after: value["delete_after"].as_u64(),
        largest: value["largest"].as_u64(),
        too_large: match value["too_large"].as_str() {
            Some("headers") => TooLarge::Headers,
            _ => TooLarge::Skip,
        },
        newest_first: value["newest_first"].as_bool().unwrap_or_default(),
        most_messages: value["most_messages"].as_u64().map(|most| most as usize),
    }
}

fn described(plan: &SyncPlan) -> Value {
    let fetch = plan.fetch.iter().map(|one| match one.headers_only {
        true => json!([one.number, "headers"]),
        false => json!(one.number),
    });
    json!({
        "fetch": fetch.collect::<Vec<_>>(),
        "present": plan.present,
        "too_large": plan.too_large,
        "postponed": plan.postponed,
        "warnings": plan.warnings.iter().map(|one| one.as_str()).collect::<Vec<_>>(),
    })
}

fn numbers(value: &Value) -> Vec<u32> {
    let numbers = value.as_array().unwrap().iter();
    numbers
        .map(|number| number.as_u64().unwrap() as u32)
        .collect()
}

fn lines(value: &Value) -> String {
    let lines = value.as_array().unwrap().iter();
    lines
        .map(|line| format!("{}\n", line.as_str().unwrap()))
        .collect()
}

fn snapshot_number(snapshot: &str) -> u64 {
    serde_json::from_str::<Value>(snapshot).unwrap()["saved"]
        .as_u64()
        .unwrap()
}
