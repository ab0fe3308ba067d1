//! What the structured fields of this folder share: values without comments, pieces between
//! separators, blocks of fields inside a body.

use std::borrow::Cow;

use memchr::memchr;

use crate::mime::header::unstructured;

/// Fields, entries or parts of one kind that are listed for one message.
pub(super) const MAX_FIELDS: usize = 1_000;

/// One character class of a field: text, the inside of quotes, the inside of a comment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Text,
    Quoted,
    Comment,
}

/// Every byte of a value with the place it is in; the bytes that open and close belong to what they
/// enclose. A bracket that is never closed opens nothing.
pub(super) fn places(value: &[u8]) -> Vec<(u8, Place)> {
    let mut out = Vec::with_capacity(value.len());
    let mut depth = 0_usize;
    let mut quoted = false;
    let mut escaped = false;
    let mut open = 0;
    for (at, &byte) in value.iter().enumerate() {
        let place = if depth > 0 {
            Place::Comment
        } else if quoted {
            Place::Quoted
        } else {
            Place::Text
        };
        if escaped {
            escaped = false;
            out.push((byte, place));
            continue;
        }
        match byte {
            b'\\' if place != Place::Text => escaped = true,
            b'"' if depth == 0 => {
                quoted = !quoted;
                out.push((byte, Place::Quoted));
                continue;
            }
            b'(' if !quoted => {
                if depth == 0 {
                    open = at;
                }
                depth += 1;
                out.push((byte, Place::Comment));
                continue;
            }
            b')' if depth > 0 => {
                depth -= 1;
                out.push((byte, Place::Comment));
                continue;
            }
            _ => {}
        }
        out.push((byte, place));
    }
    if depth > 0 {
        for (_, place) in out.iter_mut().skip(open) {
            *place = Place::Text;
        }
    }
    out
}

/// The value without comments, cut at each separator that is plain text; quotes are kept.
pub(super) fn pieces(value: &[u8], separator: u8) -> Vec<String> {
    let mut pieces = vec![Vec::new()];
    for (byte, place) in places(value) {
        if place == Place::Text && byte == separator {
            pieces.push(Vec::new());
        } else if place == Place::Comment {
            if byte == b'('
                && let Some(piece) = pieces.last_mut()
            {
                piece.push(b' ');
            }
        } else if let Some(piece) = pieces.last_mut() {
            piece.push(byte);
        }
    }
    pieces
        .iter()
        .take(MAX_FIELDS)
        .map(|piece| unstructured(piece).trim().to_owned())
        .collect()
}

/// The words of a text, what stands in quotes being one word without them.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' if quoted => word.get_or_insert_default().extend(chars.next()),
            char if char.is_whitespace() && !quoted => words.extend(word.take()),
            char => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    words
}

/// Blocks of fields in the body of a report, a blank line between two: RFC 3464 section 2.1.
pub(super) fn blocks(body: &[u8]) -> Vec<Vec<(String, String)>> {
    let mut blocks: Vec<Vec<(String, Vec<u8>)>> = Vec::new();
    let mut new = true;
    let mut count = 0;
    let mut rest = body;
    while !rest.is_empty() && count < MAX_FIELDS {
        let len = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let (line, after) = rest.split_at(len);
        rest = after;
        let text = line.trim_ascii_end();
        if text.is_empty() {
            new = true;
            continue;
        }
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            if let Some((_, value)) = blocks.last_mut().and_then(|block| block.last_mut()) {
                value.extend_from_slice(b"\r\n");
                value.extend_from_slice(text);
            }
            continue;
        }
        let Some(colon) = memchr(b':', text) else {
            continue;
        };
        if std::mem::take(&mut new) {
            blocks.push(Vec::new());
        }
        let (name, value) = text.split_at(colon);
        let name = String::from_utf8_lossy(name).trim().to_owned();
        let value = value.get(1..).unwrap_or_default().to_vec();
        if let Some(block) = blocks.last_mut() {
            block.push((name, value));
            count += 1;
        }
    }
    let decode = |(name, value): (String, Vec<u8>)| (name, plain(&value));
    blocks
        .into_iter()
        .map(|block| block.into_iter().map(decode).collect())
        .collect()
}

/// The text of a value without spaces around it.
pub(super) fn plain(value: &[u8]) -> String {
    let text: Cow<'_, str> = unstructured(value);
    text.trim().to_owned()
}
