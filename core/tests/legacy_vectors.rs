//! Every vector of `tests/vectors/legacy`: one message in, the files inside its bodies out.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs
)]

use std::path::Path;

use base64::Engine;
use popmail::mime::legacy::{EmbeddedDefect, EmbeddedFile, Tnef, TnefValue};
use popmail::mime::parse;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn defects(defects: &[EmbeddedDefect]) -> Vec<&str> {
    defects.iter().map(|defect| defect.as_str()).collect()
}

fn described(file: &EmbeddedFile) -> Value {
    let digest = Sha256::digest(&file.content);
    json!({
        "format": file.format.as_str(),
        "name": file.name,
        "content_type": file.content_type,
        "content_id": file.content_id,
        "size": file.content.len(),
        "sha256": digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        "defects": defects(&file.defects),
        "part": file.part,
    })
}

fn compare(tnef: &Tnef, expected: &Value, name: &str) {
    let found = json!({
        "subject": tnef.subject,
        "message_class": tnef.message_class,
        "text": tnef.text,
        "html": tnef.html,
        "defects": defects(&tnef.defects),
        "attributes": expected["attributes"],
    });
    assert_eq!(&found, expected, "{name}");
    for (key, expected) in expected["attributes"].as_object().unwrap() {
        let attribute = tnef.attributes.iter().find(|one| one.name == *key);
        let found = match &attribute.unwrap().value {
            TnefValue::Integer(number) => json!(number),
            TnefValue::Boolean(value) => json!(value),
            TnefValue::Text(text) => json!(text),
            TnefValue::Time(1_777_887_000) => json!("2026-05-04T09:30:00Z"),
            other => panic!("{name}: {key}: {other:?}"),
        };
        assert_eq!(&found, expected, "{name}: {key}");
    }
}

#[test]
fn every_vector_is_met() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/legacy");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let vector: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let input = vector["input"]["base64"].as_str().unwrap();
        let raw = base64::engine::general_purpose::STANDARD
            .decode(input)
            .unwrap();
        let message = parse(&raw);
        let files: Vec<_> = message
            .view()
            .embedded_files()
            .iter()
            .map(described)
            .collect();
        assert_eq!(Value::from(files), vector["expect"]["files"], "{name}");
        let tnef = message.parts().iter().find_map(|part| part.tnef());
        let expected = &vector["expect"]["tnef"];
        assert_eq!(tnef.is_some(), expected.is_object(), "{name}");
        if let Some(tnef) = tnef {
            compare(&tnef, expected, &name);
        }
        count += 1;
    }
    assert!(count >= 14, "{count} vectors");
}
