//! The layout of the flat index as JavaScript reads it is the one that the core writes, and what an
//! index says of a message is what the message says.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::fmt::Write;
use std::path::{Path, PathBuf};

use popmail::mime::index::{self, LAYOUT, MessageIndex};
use popmail::mime::parse;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// `POPMAIL_WRITE_LAYOUT=1` writes the file instead of comparing it.
#[test]
fn typescript_has_the_same_layout() {
    let mut expected = String::from(
        "/**\n * The layout of the flat index, written from `core/src/mime/index.rs`: do not edit.\n *\n \
         * `POPMAIL_WRITE_LAYOUT=1 cargo test --test index_layout` writes it.\n */\n",
    );
    for (name, value, doc) in LAYOUT {
        write!(
            expected,
            "\n/** {} */\nexport const {name} = {value};\n",
            doc.trim()
        )
        .unwrap();
    }
    let file = root().join("bindings-wasm/ts/layout.ts");
    if std::env::var_os("POPMAIL_WRITE_LAYOUT").is_some() {
        std::fs::write(&file, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap();
    assert!(found == expected, "{} is out of date", file.display());
}

#[test]
fn bodies_by_position_are_the_bodies_of_the_parts() {
    let mut count = 0;
    for raw in inputs() {
        let message = parse(&raw);
        let index = index::index(&raw);
        let sources = sources(&raw, &index);
        for (part, record) in message.parts().iter().zip(parts(&index)) {
            let source = &sources[record[index::PART_SOURCE as usize] as usize];
            let at = |field: u32| record[field as usize] as usize;
            let body = &source[at(index::PART_BODY)..at(index::PART_END)];
            let encoding = record[index::PART_ENCODING as usize];
            let charset = record[index::PART_CHARSET as usize];
            assert_eq!(
                &source[at(index::PART_HEADER)..at(index::PART_END)],
                part.raw()
            );
            assert_eq!(index::content(body, encoding), part.content());
            let mut out = vec![0; index::content_size(body, encoding)];
            assert_eq!(
                index::content_into(body, encoding, &mut out),
                Some(out.len())
            );
            assert_eq!(out, part.content()[..]);
            if let Some(text) = part.text() {
                assert_eq!(index::text(body, encoding, charset), text);
            }
            let fields = list(&index, record[index::PART_HEADERS as usize]);
            for (field, header) in fields
                .chunks(index::FIELD as usize)
                .zip(part.headers().iter())
            {
                let value = &source[field[1] as usize..field[2] as usize];
                assert_eq!(value, header.raw_value());
                assert_eq!(index::field(value, index::FIELD_TEXT), header.value());
            }
            count += 1;
        }
    }
    assert!(count > 100, "{count} parts");
}

#[test]
fn hostile_messages_have_an_index() {
    for raw in inputs() {
        for end in (0..raw.len().min(600)).step_by(7) {
            let index = index::index(&raw[..end]);
            sources(&raw[..end], &index);
        }
    }
    assert_eq!(index::view(b"", 7, index::VIEW_JSON), None);
    assert_eq!(index::view(b"", 0, 99), None);
    assert_eq!(index::text(b"x", 99, 9_999), "x");
}

fn inputs() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(root().join("tests/vectors/mime")).unwrap() {
        let vector: serde_json::Value =
            serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
        let input = &vector["input"];
        found.push(match input["file"].as_str() {
            Some(file) => std::fs::read(root().join(file)).unwrap(),
            None => {
                let text = input["base64"].as_str().unwrap();
                base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap()
            }
        });
    }
    found
}

/// The items of a list, words of fields counted as the list counts them.
fn list(index: &MessageIndex, at: u32) -> &[u32] {
    match at as usize {
        0 => &[],
        at => {
            let len = index.words[at] as usize * index::FIELD as usize;
            &index.words[at + 1..at + 1 + len]
        }
    }
}

fn parts(index: &MessageIndex) -> impl Iterator<Item = &[u32]> {
    let head = |field: u32| index.words[field as usize] as usize;
    let start = index::HEAD as usize + head(index::HEAD_MESSAGES) * index::MESSAGE as usize;
    let len = head(index::HEAD_PARTS) * index::PART as usize;
    index.words[start..start + len].chunks(index::PART as usize)
}

fn sources(raw: &[u8], index: &MessageIndex) -> Vec<Vec<u8>> {
    let head = |field: u32| index.words[field as usize] as usize;
    let start = index::HEAD as usize
        + head(index::HEAD_MESSAGES) * index::MESSAGE as usize
        + head(index::HEAD_PARTS) * index::PART as usize;
    let records = &index.words[start..start + head(index::HEAD_SOURCES) * index::SOURCE as usize];
    let mut made: Vec<Vec<u8>> = Vec::new();
    for record in records.chunks(index::SOURCE as usize) {
        made.push(match record[index::SOURCE_KIND as usize] {
            index::SOURCE_RAW => raw.to_vec(),
            index::SOURCE_LINE_ENDS => index::line_ends(raw),
            _ => {
                let part = parts(index)
                    .nth(record[index::SOURCE_PART as usize] as usize)
                    .unwrap();
                let at = |field: u32| part[field as usize] as usize;
                let source = &made[at(index::PART_SOURCE)];
                let body = &source[at(index::PART_BODY)..at(index::PART_END)];
                index::content(body, part[index::PART_ENCODING as usize]).into_owned()
            }
        });
    }
    made
}
