//! Holds the error codes to `tests/registry/errors.json`.
#![allow(clippy::unwrap_used, missing_docs)]

use popmail::ErrorCode;
use popmail::mime::DefectCode;
use serde_json::{Value, json};

#[test]
fn every_defect_has_its_row_and_every_row_its_defect() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/registry/defects.json"
    );
    let registry: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let rows: Vec<Value> = registry
        .as_array()
        .unwrap()
        .iter()
        .map(|row| json!([row["code"], row["severity"]]))
        .collect();
    let codes: Vec<Value> = DefectCode::ALL
        .iter()
        .map(|code| json!([code.as_str(), code.severity().as_str()]))
        .collect();
    assert_eq!(rows, codes);
}

/// Python and TypeScript tell the codes in their types.
#[test]
fn every_defect_is_a_literal_of_python_and_of_typescript() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    for (file, start, quote) in [
        (
            "bindings-python/python/popmail/defect.py",
            "DefectCode: TypeAlias",
            '"',
        ),
        ("bindings-wasm/ts/defect.ts", "type DefectCode", '\''),
    ] {
        let text = std::fs::read_to_string(format!("{root}/{file}")).unwrap();
        let (_, text) = text.split_once(start).unwrap();
        let (list, _) = text.split_once("\n\"\"\"").unwrap_or((text, ""));
        let literals: Vec<&str> = list.split(quote).skip(1).step_by(2).collect();
        let codes: Vec<&str> = DefectCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(literals, codes, "{file}");
    }
}

#[test]
fn every_error_code_has_its_row_and_every_row_its_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/registry/errors.json");
    let registry: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let rows: Vec<Value> = registry
        .as_array()
        .unwrap()
        .iter()
        .map(|row| json!([row["code"], row["family"], row["fatal"]]))
        .collect();
    let codes: Vec<Value> = ErrorCode::ALL
        .iter()
        .map(|code| {
            json!([
                code.as_str(),
                format!("{:?}", code.family()),
                code.is_fatal()
            ])
        })
        .collect();
    assert_eq!(rows, codes);
}
