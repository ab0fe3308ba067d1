//! Every vector of `tests/vectors/mime`: one message in, the same Email object, tree, attachments
//! and defects out as in every other language.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs
)]

use std::path::{Path, PathBuf};

use base64::Engine;
use popmail::mime::{Message, parse};
use serde_json::Value;
use sha2::{Digest, Sha256};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn input(vector: &Value) -> Vec<u8> {
    match vector["input"]["file"].as_str() {
        Some(file) => std::fs::read(root().join(file)).unwrap(),
        None => {
            let text = vector["input"]["base64"].as_str().unwrap();
            base64::engine::general_purpose::STANDARD
                .decode(text)
                .unwrap()
        }
    }
}

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What only some vectors ask for.
fn beyond(name: &str, message: &Message<'_>, expect: &Value) {
    if let Some(expected) = expect.get("details") {
        let details: Value = serde_json::from_str(&message.details().to_json()).unwrap();
        assert_eq!(details, *expected, "{name}: details");
    }
    let texts = [
        ("text", message.text().map(String::from)),
        ("unwrapped_text", message.unwrapped_text().map(String::from)),
        ("own_text", message.own_text()),
        ("markdown", message.markdown()),
    ];
    for (key, found) in texts {
        if let Some(expected) = expect.get(key) {
            assert_eq!(found.as_deref(), expected.as_str(), "{name}: {key}");
        }
    }
}

fn attachments(message: &Message<'_>) -> Value {
    let describe = |part: &popmail::Part<'_>| {
        let content = part.content();
        assert_eq!(part.size(), content.len() as u64, "part {}", part.index());
        let mut decoded = vec![0; content.len()];
        assert_eq!(part.decode_into_slice(&mut decoded), Some(content.len()));
        assert_eq!(decoded, content[..], "part {}", part.index());
        serde_json::json!({
            "filename": part.filename(),
            "safe_filename": part.safe_filename(),
            "content_type": part.content_type(),
            "size": part.size(),
            "sha256": sha256(&content),
        })
    };
    message.attachments().iter().map(describe).collect()
}

/// The other readings: what a filter and a person would see.
fn views(message: &Message<'_>) -> Value {
    let describe = |view: popmail::mime::views::View| {
        let raw = view.apply(message.raw());
        let other = parse(&raw);
        let names = other
            .attachments()
            .into_iter()
            .map(|part| part.safe_filename());
        serde_json::json!({
            "code": view.code.as_str(),
            "subject": other.subject(),
            "tree": other.tree(),
            "text": other.text(),
            "attachments": names.collect::<Vec<_>>(),
            "json_sha256": sha256(other.to_json().as_bytes()),
        })
    };
    message.views().into_iter().map(describe).collect()
}

#[test]
fn every_vector_is_met() {
    let mut files: Vec<_> = std::fs::read_dir(root().join("tests/vectors/mime"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    assert!(files.len() >= 60, "{} vectors", files.len());
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let vector: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let expect = &vector["expect"];
        let raw = input(&vector);
        for message in [parse(&raw), Message::parse_owned(raw.clone())] {
            let email: Value = serde_json::from_str(&message.to_json()).unwrap();
            assert_eq!(email, expect["email"], "{name}: email");
            assert_eq!(
                sha256(message.to_json().as_bytes()),
                expect["json_sha256"].as_str().unwrap(),
                "{name}: bytes of the JSON"
            );
            let view = message.view();
            view.with_text(|text| assert_eq!(text, message.text().as_deref(), "{name}: text"));
            view.with_html(|html| assert_eq!(html, message.html().as_deref(), "{name}: html"));
            beyond(&name, &message, expect);
            assert_eq!(
                message.tree(),
                expect["tree"].as_str().unwrap(),
                "{name}: tree"
            );
            assert_eq!(
                attachments(&message),
                expect["attachments"],
                "{name}: attachments"
            );
            let defects: Value = message
                .defects()
                .iter()
                .map(|defect| defect.code.as_str())
                .collect();
            assert_eq!(defects, expect["defects"], "{name}: defects");
            assert_eq!(message.raw(), raw, "{name}: raw");
            let expected = expect.get("views").cloned();
            let expected = expected.unwrap_or_else(|| Value::Array(Vec::new()));
            assert_eq!(views(&message), expected, "{name}: views");
        }
    }
}
