//! The dialogues of `tests/vectors/pop3/server`, driven in every way.
//!
//! `whole`: each client turn in one piece. `bytes`: octet by octet. `random`:
//! cut at seeded places. `pipelined`: all client turns at once, as far as the
//! next TLS handshake. A vector may name the ways that it is meant for.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs
)]

mod server_host;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use popmail::pop3::{Expire, LoginDelay, Stamp};
use popmail::{Faults, SaslMechanism, Security, ServerConfig, ServerLimits};
use serde_json::Value;
use server_host::{Account, Host, Random};

#[test]
fn every_dialogue_goes_as_written_however_its_octets_arrive() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/pop3/server");
    let mut random = Random::new();
    let mut count = 0;
    for item in std::fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let vector: Value = serde_json::from_str(&text).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        for way in ["whole", "bytes", "random", "pipelined"] {
            let meant = vector["drive"].as_array();
            if meant.is_none_or(|ways| ways.iter().any(|meant| meant == way)) {
                drive(&vector, way, &format!("{name} ({way})"), &mut random);
            }
        }
        count += 1;
    }
    assert!(count >= 20, "only {count} vectors found");
}

fn drive(vector: &Value, way: &str, name: &str, random: &mut Random) {
    let mut host = Host::new(config(&vector["config"]), accounts(&vector["accounts"]));
    if way != "whole" {
        host.chunk = 1 + random.below(7);
    }
    let mut expected: Vec<u8> = Vec::new();
    let mut held: Vec<u8> = Vec::new();
    let mut closed = None;
    for step in vector["dialogue"].as_array().unwrap() {
        let (kind, value) = step.as_object().unwrap().iter().next().unwrap();
        let pipelines = way == "pipelined";
        if kind != "server" && !(pipelines && kind == "client") {
            feed(&mut host, &std::mem::take(&mut held), way, random);
            compare(&host.wire, &expected, name);
        }
        match kind.as_str() {
            "client" => held.extend(octets(value)),
            "server" => expected.extend(octets(value)),
            "tls" => {
                assert!(std::mem::take(&mut host.wants_tls), "{name}: no TlsReady");
                host.server.tls_established().unwrap();
                host.run();
            }
            "eof" => {
                host.server.receive_eof();
                host.run();
            }
            "closed" => closed = value.as_str(),
            other => panic!("{name}: unknown step {other}"),
        }
        if kind == "client" && !pipelines {
            feed(&mut host, &std::mem::take(&mut held), way, random);
        }
    }
    feed(&mut host, &held, way, random);
    compare(&host.wire, &expected, name);
    assert_eq!(host.closed.map(|reason| reason.as_str()), closed, "{name}");
    for (user, account) in vector["accounts"].as_object().unwrap() {
        let messages = account["messages"].as_array().unwrap();
        let left: Vec<Vec<u8>> = match account["remaining"].as_array() {
            Some(numbers) => numbers
                .iter()
                .map(|number| octets(&messages[number.as_u64().unwrap() as usize - 1]))
                .collect(),
            None => messages.iter().map(octets).collect(),
        };
        assert_eq!(host.left(user), left, "{name}: what is left of {user}");
    }
}

fn feed(host: &mut Host, octets: &[u8], way: &str, random: &mut Random) {
    let mut rest = octets;
    while !rest.is_empty() {
        let count = match way {
            "bytes" => 1,
            "random" => 1 + random.below(rest.len().min(40)),
            _ => rest.len(),
        };
        let (piece, after) = rest.split_at(count);
        host.say(piece);
        rest = after;
    }
}

fn compare(wire: &[u8], expected: &[u8], name: &str) {
    assert_eq!(
        wire.escape_ascii().to_string().replace("\\n", "\\n\n"),
        expected.escape_ascii().to_string().replace("\\n", "\\n\n"),
        "{name}"
    );
}

/// Text, or `{"text": …}`, or `{"base64": …}`, or `{"repeat": [text, times]}`.
fn octets(value: &Value) -> Vec<u8> {
    if let Some(text) = value.as_str().or(value["text"].as_str()) {
        text.as_bytes().to_vec()
    } else if let Some(encoded) = value["base64"].as_str() {
        BASE64.decode(encoded).unwrap()
    } else {
        let times = value["repeat"][1].as_u64().unwrap() as usize;
        value["repeat"][0].as_str().unwrap().repeat(times).into()
    }
}

fn config(value: &Value) -> ServerConfig {
    let limit = |name: &str, default: u32| {
        value["limits"][name]
            .as_u64()
            .map_or(default, |given| given as u32)
    };
    let defaults = ServerLimits::default();
    ServerConfig {
        greeting: value["greeting"].as_str().unwrap_or_default().to_owned(),
        apop_stamp: value["apop_stamp"]
            .as_str()
            .map(|stamp| Stamp::new(stamp.as_bytes()).unwrap()),
        tls: match value["tls"].as_str() {
            Some("starttls") => Security::StartTls,
            Some("none") => Security::None,
            _ => Security::Implicit,
        },
        allow_cleartext: value["allow_cleartext"] == true,
        implementation: value["implementation"].as_str().map(str::to_owned),
        mechanisms: match value["mechanisms"].as_array() {
            None => vec![SaslMechanism::Plain],
            Some(names) => names.iter().map(mechanism).collect(),
        },
        seed: value["seed"]
            .as_str()
            .unwrap_or_default()
            .as_bytes()
            .to_vec()
            .into(),
        utf8: value["utf8"] == true,
        lang: value["lang"] == true,
        last: value["last"] == true,
        xclient: value["xclient"] == true,
        expire: (!value["expire"].is_null()).then(|| Expire {
            days: value["expire"].as_u64(),
            per_user: false,
        }),
        login_delay: value["login_delay"].as_u64().map(|seconds| LoginDelay {
            seconds,
            per_user: false,
        }),
        faults: faults(&value["faults"]),
        limits: ServerLimits {
            failed_login_delay: Duration::ZERO,
            bad_command_delay: Duration::ZERO,
            bad_commands: limit("bad_commands", defaults.bad_commands),
            bad_commands_before_login: limit(
                "bad_commands_before_login",
                defaults.bad_commands_before_login,
            ),
            failed_logins: limit("failed_logins", defaults.failed_logins),
            commands_before_login: limit("commands_before_login", defaults.commands_before_login),
            ..defaults
        },
        ..ServerConfig::default()
    }
}

fn mechanism(name: &Value) -> SaslMechanism {
    let mut all = SaslMechanism::ALL.into_iter();
    all.find(|one| name == one.as_str()).unwrap()
}

fn faults(value: &Value) -> Faults {
    let persona = value["persona"].as_str();
    let mut faults = persona.map_or_else(Faults::default, |name| Faults::persona(name).unwrap());
    for (name, value) in value.as_object().into_iter().flatten() {
        let words = || {
            let words = value.as_array().unwrap().iter();
            words
                .map(|word| word.as_str().unwrap().to_owned())
                .collect()
        };
        match name.as_str() {
            "persona" => {}
            "cut_after" => faults.cut_after = value.as_u64(),
            "cut_content_after" => faults.cut_content_after = value.as_u64(),
            "piece" => faults.piece = Some(value.as_u64().unwrap() as usize),
            "size_error" => faults.size_error = value.as_i64().unwrap(),
            "negative_stat" => faults.negative_stat = value == true,
            "unstuffed_dots" => faults.unstuffed_dots = value == true,
            "unstuffed_first_dot" => faults.unstuffed_first_dot = value == true,
            "lf_line_ends" => faults.lf_line_ends = value == true,
            "missing" => faults.missing = words(),
            "late" => faults.late = words(),
            "ok_for_challenge" => faults.ok_for_challenge = value == true,
            "close_for_err" => faults.close_for_err = value == true,
            "stls_residue" => faults.stls_residue = octets(value),
            "extra_blanks" => faults.extra_blanks = value.as_u64().unwrap() as usize,
            "uidl_without_number" => faults.uidl_without_number = value == true,
            "blank_line" => faults.blank_line = value == true,
            "lower_case_status" => faults.lower_case_status = value == true,
            "top_octets" => faults.top_octets = value.as_u64(),
            other => panic!("unknown fault {other}"),
        }
    }
    faults
}

fn accounts(value: &Value) -> BTreeMap<String, Account> {
    let account = |value: &Value| {
        let messages = value["messages"].as_array().unwrap();
        Account {
            password: value["password"].as_str().unwrap().into(),
            maildrop: messages.iter().map(octets).collect(),
            fails_after: (1..)
                .zip(messages)
                .filter_map(|(number, message)| {
                    Some((number, message["fails_after"].as_u64()? as usize))
                })
                .collect(),
            in_use: value["in_use"] == true,
            commit_fails: value["commit_fails"] == true,
        }
    };
    let accounts = value.as_object().unwrap();
    accounts
        .iter()
        .map(|(user, value)| (user.clone(), account(value)))
        .collect()
}
