//! Drives `tests/vectors/pop3/client`: each dialogue whole, byte by byte, and
//! split at seeded random places. The other languages drive the same files.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::collections::BTreeSet;
use std::path::PathBuf;

use popmail::{
    AuthChoice, Capabilities, ChannelBinding, ClientConfig, ClientConnection, ClientEvent,
    ContentMode, Deviation, Limits, LoginRequest, Secret, Security,
};
use serde_json::{Value, json};

/// How the server's octets are cut on their way.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Whole,
    Single,
    Random(u64),
}

/// Every vector with its name.
fn vectors() -> Vec<(String, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/pop3/client");
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let vector = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            (name, vector)
        })
        .collect();
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert!(all.len() >= 100, "only {} dialogues found", all.len());
    all
}

#[test]
fn every_dialogue_is_the_same_however_it_is_cut() {
    for (name, vector) in vectors() {
        let seeds = (1..=20).map(Cut::Random);
        for cut in [Cut::Whole, Cut::Single].into_iter().chain(seeds) {
            println!("{name} {cut:?}");
            run(&vector, cut);
        }
    }
}

/// What a server says in a dialogue, with octets changed, lost and repeated,
/// brings the same events and the same answers however it is cut.
#[test]
fn damaged_dialogues_are_the_same_however_they_are_cut() {
    for (name, vector) in vectors() {
        for damage in 1..=40 {
            let whole = play(&vector, damage, false, Cut::Whole);
            for cut in [Cut::Single, Cut::Random(damage), Cut::Random(damage + 99)] {
                println!("{name} damage {damage} {cut:?}");
                assert_eq!(play(&vector, damage, false, cut), whole);
            }
        }
    }
}

#[test]
fn every_deviation_has_a_dialogue_and_strict_mode_refuses_it() {
    let mut seen = BTreeSet::new();
    for (name, vector) in vectors() {
        if vector["config"]["strict"] == true {
            continue;
        }
        println!("{name}");
        let (events, _) = play(&vector, 0, false, Cut::Whole);
        let Some(first) = events
            .iter()
            .position(|event| event["deviation"].is_string())
        else {
            continue;
        };
        seen.extend(
            events
                .iter()
                .filter_map(|event| event["deviation"].as_str())
                .map(str::to_owned),
        );
        let (strict, _) = play(&vector, 0, true, Cut::Whole);
        assert_eq!(strict[..first], events[..first]);
        assert_eq!(
            strict[first..],
            [json!({"closed": "POP3_ERR_MALFORMED_REPLY"})]
        );
    }
    let all: BTreeSet<_> = Deviation::ALL
        .iter()
        .map(|one| one.as_str().to_owned())
        .collect();
    assert_eq!(seen, all);
}

/// Goes through a dialogue without expecting anything: all events, and all
/// that the client says. After the end of the connection nothing is said.
fn play(vector: &Value, damage: u64, strict: bool, cut: Cut) -> (Vec<Value>, String) {
    let mut config = configuration(vector);
    config.strict |= strict;
    let mut connection = ClientConnection::new(config);
    let (mut events, mut handles, mut output) = (Vec::new(), Vec::new(), Vec::new());
    let mut dice = damage;
    let mut randomness = match cut {
        Cut::Random(seed) => seed,
        _ => 0,
    };
    for step in vector["steps"].as_array().unwrap() {
        let (kind, value) = step.as_object().unwrap().iter().next().unwrap();
        match kind.as_str() {
            "server" => {
                let octets = damaged(latin1(value), &mut dice);
                for piece in pieces(&octets, cut, &mut randomness) {
                    connection.receive(piece);
                }
            }
            "command" if !connection.state().is_over() => {
                if let Ok(handle) = command(&mut connection, value) {
                    handles.push(handle);
                }
            }
            "tls_established" => {
                let _ = connection.tls_established();
            }
            "eof" => connection.receive_eof(),
            _ => {}
        }
        while let Some(event) = connection.next_event() {
            push(&mut events, event, &handles);
        }
        connection.take_output(&mut output);
    }
    (events, output.escape_ascii().to_string())
}

/// Changes, drops or repeats some octets; with the seed 0 none.
fn damaged(mut octets: Vec<u8>, dice: &mut u64) -> Vec<u8> {
    if *dice == 0 {
        return octets;
    }
    for _ in 0..2 {
        let (what, at) = (roll(dice) % 6, roll(dice) as usize % octets.len().max(1));
        match what {
            0 if at < octets.len() => octets[at] = b"\r\n.+- \0a1"[roll(dice) as usize % 9],
            1 if at < octets.len() => drop(octets.remove(at)),
            2 => octets.insert(at, b"\r\n.+"[roll(dice) as usize % 4]),
            _ => {}
        }
    }
    octets
}

/// Xorshift: the same numbers for the same seed everywhere; 0 stays 0.
fn roll(dice: &mut u64) -> u64 {
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    *dice
}

fn configuration(vector: &Value) -> ClientConfig {
    let config = &vector["config"];
    let flag = |name: &str, default| config[name].as_bool().unwrap_or(default);
    let mut limits = Limits::default();
    if let Some(octets) = config["buffered_content"].as_u64() {
        limits.buffered_content = octets;
    }
    if let Some(octets) = config["status_line"].as_u64() {
        limits.status_line = octets as usize;
    }
    if let Some(entries) = config["listing_entries"].as_u64() {
        limits.listing_entries = entries as usize;
    }
    ClientConfig {
        security: match config["tls"].as_str().unwrap() {
            "implicit" => Security::Implicit,
            "starttls" => Security::StartTls,
            _ => Security::None,
        },
        allow_cleartext: flag("allow_cleartext", false),
        pipelining: flag("pipelining", true),
        strict: flag("strict", false),
        trace: flag("trace", false),
        reconnect: flag("reconnect", false),
        limits,
    }
}

fn run(vector: &Value, cut: Cut) {
    let mut connection = ClientConnection::new(configuration(vector));
    let mut events = Vec::new();
    let mut handles = Vec::new();
    let mut randomness = match cut {
        Cut::Random(seed) => seed,
        _ => 0,
    };
    for step in vector["steps"].as_array().unwrap() {
        let (kind, value) = step.as_object().unwrap().iter().next().unwrap();
        match kind.as_str() {
            "server" => {
                let octets = latin1(value);
                for piece in pieces(&octets, cut, &mut randomness) {
                    connection.receive(piece);
                }
            }
            "client" => {
                let mut output = Vec::new();
                connection.take_output(&mut output);
                assert_eq!(
                    output.escape_ascii().to_string(),
                    latin1(value).escape_ascii().to_string()
                );
            }
            "command" => match command(&mut connection, value) {
                Ok(handle) => handles.push(handle),
                Err(error) => events.push(json!({"usage_error": error.code().as_str()})),
            },
            "tls_established" => connection.tls_established().unwrap(),
            "eof" => connection.receive_eof(),
            "silence" => {
                let seconds = std::time::Duration::from_secs(value.as_u64().unwrap());
                connection.handle_timeout(std::time::Duration::from_secs(1000));
                connection.handle_timeout(std::time::Duration::from_secs(1000) + seconds);
            }
            "state" => assert_eq!(connection.state().as_str(), value.as_str().unwrap()),
            "events" => {
                while let Some(event) = connection.next_event() {
                    push(&mut events, event, &handles);
                }
                assert_eq!(Value::Array(std::mem::take(&mut events)), *value);
            }
            other => panic!("unknown step {other}"),
        }
    }
    while let Some(event) = connection.next_event() {
        push(&mut events, event, &handles);
    }
    assert_eq!(
        events,
        Vec::<Value>::new(),
        "events that the vector does not name"
    );
}

fn command(
    connection: &mut ClientConnection,
    value: &Value,
) -> Result<popmail::Handle, popmail::UsageError> {
    let words = value.as_array().unwrap();
    let text = |at: usize| words[at].as_str().unwrap();
    let number = |at: usize| words[at].as_u64().unwrap() as u32;
    let optional = |at: usize| words.get(at).and_then(Value::as_u64).map(|n| n as u32);
    let mode = |at: usize| match words.get(at).and_then(Value::as_str) {
        Some("chunks") => ContentMode::Chunks,
        _ => ContentMode::Buffer,
    };
    match text(0) {
        "login" => {
            let choice = AuthChoice::NAMES
                .into_iter()
                .find(|(name, _)| *name == text(3))
                .unwrap()
                .1;
            let Some(options) = words.get(4) else {
                return connection.login(text(1), text(2), choice);
            };
            let option = |name: &str| options[name].as_str();
            let secret = |text: &str| Secret::new(text.as_bytes().to_vec());
            connection.login_with(LoginRequest {
                user: text(1).to_owned(),
                password: words[2].as_str().map(secret),
                token: option("token").map(secret),
                authzid: option("authzid").unwrap_or_default().to_owned(),
                auth: choice,
                initial_response: options["initial_response"].as_bool().unwrap_or(false),
                utf8: options["utf8"].as_bool().unwrap_or(false),
                nonce: option("nonce").unwrap_or_default().to_owned(),
                channel_binding: option("binding").map(|data| ChannelBinding {
                    name: "tls-exporter".to_owned(),
                    data: data.as_bytes().to_vec(),
                }),
            })
        }
        "utf8" => connection.utf8(),
        "lang" => connection.lang(words.get(1).and_then(Value::as_str)),
        "capa" => connection.capa(),
        "stls" => connection.stls(),
        "user" => connection.user(text(1)),
        "pass" => connection.pass(text(1)),
        "apop" => connection.apop(text(1), text(2)),
        "auth_plain" => connection.auth_plain(text(1), text(2)),
        "stat" => connection.stat(),
        "list" => connection.list(optional(1)),
        "uidl" => connection.uidl(optional(1)),
        "retr" => connection.retr(number(1), mode(2)),
        "top" => connection.top(number(1), words[2].as_u64().unwrap(), mode(3)),
        "dele" => connection.dele(number(1)),
        "rset" => connection.rset(),
        "noop" => connection.noop(),
        "quit" => connection.quit(),
        other => panic!("unknown command {other}"),
    }
}

/// Adds an event in the form of the vectors. Chunks of one message, which
/// differ with the cuts, are joined.
fn push(events: &mut Vec<Value>, event: ClientEvent, handles: &[popmail::Handle]) {
    let at = |handle| handles.iter().position(|known| *known == handle).unwrap() + 1;
    let value = match event {
        ClientEvent::GreetingReceived { reply } => json!({"greeting": text(reply.line())}),
        ClientEvent::TlsReady { handle } => json!({"tls_ready": at(handle)}),
        ClientEvent::ReconnectRequested { handle } => json!({"reconnect": at(handle)}),
        ClientEvent::LoginFinished { handle } => json!({"login_finished": at(handle)}),
        ClientEvent::CommandFinished { handle, reply } => {
            json!({"finished": at(handle), "line": text(reply.line())})
        }
        ClientEvent::CommandFailed { handle, error } => {
            let mut value = json!({
                "failed": at(handle),
                "code": error.code().as_str(),
                "response": error.reply().map(|reply| text(reply.line())),
            });
            if let Some(detail) = error.detail() {
                value["detail"] = json!(detail);
            }
            value
        }
        ClientEvent::CapabilitiesReceived {
            handle,
            capabilities,
        } => json!({"capabilities": at(handle), "all": capabilities_of(&capabilities)}),
        ClientEvent::StatReceived { handle, stat } => {
            json!({"stat": at(handle), "count": stat.count, "octets": stat.octets})
        }
        ClientEvent::ListReceived { handle, entries } => {
            let entries: Vec<_> = entries
                .iter()
                .map(|e| json!([e.number, e.octets]))
                .collect();
            json!({"list": at(handle), "entries": entries})
        }
        ClientEvent::UidlReceived { handle, entries } => {
            let entries: Vec<_> = entries.iter().map(|e| json!([e.number, e.uid])).collect();
            json!({"uidl": at(handle), "entries": entries})
        }
        ClientEvent::ContentReceived { handle, chunk } => {
            let chunk = text(&chunk);
            let handle = at(handle);
            if let Some(last) = events.last_mut()
                && last["chunks"] == handle
            {
                last["content"] = json!(last["content"].as_str().unwrap().to_owned() + &chunk);
                return;
            }
            json!({"chunks": handle, "content": chunk})
        }
        ClientEvent::ContentFinished {
            handle,
            octets,
            content,
        } => json!({"content_finished": at(handle), "octets": octets, "content": text(&content)}),
        ClientEvent::DeviationObserved { deviation, octets } => {
            json!({"deviation": deviation.as_str(), "octets": text(&octets)})
        }
        ClientEvent::LanguagesReceived { handle, languages } => {
            let all: Vec<_> = languages.iter().map(|l| json!([l.tag, l.name])).collect();
            json!({"languages": at(handle), "all": all})
        }
        ClientEvent::LineTraced { direction, line } => json!({direction.as_str(): line}),
        ClientEvent::ConnectionClosed { error } => {
            json!({"closed": error.map(|error| error.code().as_str())})
        }
        other => panic!("an event that the vectors cannot name: {other:?}"),
    };
    events.push(value);
}

fn capabilities_of(capabilities: &Capabilities) -> Value {
    let all = capabilities.iter().map(|(tag, words)| (tag, json!(words)));
    Value::Object(all.collect())
}

fn pieces<'a>(octets: &'a [u8], cut: Cut, randomness: &mut u64) -> Vec<&'a [u8]> {
    match cut {
        Cut::Whole => vec![octets],
        Cut::Single => octets.chunks(1).collect(),
        Cut::Random(_) => {
            let mut rest = octets;
            let mut all = Vec::new();
            while !rest.is_empty() {
                let length = roll(randomness) % 7 + 1;
                let (piece, after) = rest.split_at(length.min(rest.len() as u64) as usize);
                all.push(piece);
                rest = after;
            }
            all
        }
    }
}

/// The vectors write octets as the characters of the same number.
fn latin1(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    text.chars().map(|c| u8::try_from(c).unwrap()).collect()
}

fn text(octets: &[u8]) -> String {
    octets.iter().map(|&octet| char::from(octet)).collect()
}
