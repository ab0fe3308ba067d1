//! A message that was sent in pieces (`message/partial`, RFC 2046 section 5.2.2).
//!
//! Decides which fields of the first piece and of the message inside make the header of the whole:
//! all of the outer ones but those that describe the piece, then of the inner ones those that
//! describe the whole. Nothing is guessed: a piece that is missing is an error that says which.

use std::collections::BTreeMap;
use std::fmt;

use crate::mime::{Message, Part};

/// Pieces that one message may have.
const MAX_PIECES: usize = 100_000;

/// Why messages are no whole.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartialError {
    /// There are no messages, or one of them is no piece.
    NotPartial,
    /// The pieces are of different messages.
    DifferentIds,
    /// Pieces are missing: their numbers, at most a hundred of them.
    Missing(Vec<u32>),
    /// No piece tells how many there are.
    NoTotal,
}

impl fmt::Display for PartialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPartial => {
                f.write_str("expected messages of type message/partial with id and number")
            }
            Self::DifferentIds => f.write_str("expected pieces of one message, got several ids"),
            Self::Missing(numbers) => {
                let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
                write!(f, "expected every piece, {} missing", numbers.join(", "))
            }
            Self::NoTotal => f.write_str("expected the last piece, which tells how many there are"),
        }
    }
}

impl std::error::Error for PartialError {}

/// Puts the pieces of a message together, in whatever order they come; of two with one number the
/// first counts. Returns the message as it was before it was cut.
///
/// # Errors
///
/// See [`PartialError`]; nothing is made of pieces that are not complete.
pub fn join_partial(pieces: &[Message<'_>]) -> Result<Vec<u8>, PartialError> {
    let mut found: BTreeMap<u32, &Message<'_>> = BTreeMap::new();
    let mut whole_id = None;
    let mut total = None;
    if pieces.is_empty() || pieces.len() > MAX_PIECES {
        return Err(PartialError::NotPartial);
    }
    for message in pieces {
        let root = message.root();
        let number = root
            .parameter("number")
            .and_then(|text| text.trim().parse::<u32>().ok());
        let (Some(id), Some(number)) = (root.parameter("id"), number) else {
            return Err(PartialError::NotPartial);
        };
        if !root.is_type("message", "partial") || number == 0 {
            return Err(PartialError::NotPartial);
        }
        if *whole_id.get_or_insert_with(|| id.to_owned()) != id {
            return Err(PartialError::DifferentIds);
        }
        total = total.or_else(|| root.parameter("total")?.trim().parse::<u32>().ok());
        found.entry(number).or_insert(message);
    }
    let total = total.ok_or(PartialError::NoTotal)?;
    let missing: Vec<u32> = (1..=total)
        .filter(|number| !found.contains_key(number))
        .take(100)
        .collect();
    if !missing.is_empty() {
        return Err(PartialError::Missing(missing));
    }
    let mut bodies = found.range(..=total).map(|(_, message)| message.root());
    let Some(first) = bodies.next() else {
        return Err(PartialError::NotPartial);
    };
    let mut out = Vec::new();
    let inner = crate::mime::parse(first.raw_body());
    fields(first, false, &mut out);
    fields(inner.root(), true, &mut out);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(inner.root().raw_body());
    for body in bodies {
        out.extend_from_slice(body.raw_body());
    }
    Ok(out)
}

/// Copies the fields of one of the two headers, folded as they are.
fn fields(part: Part<'_>, inner: bool, out: &mut Vec<u8>) {
    for field in part.headers().iter() {
        let name = field.name().to_ascii_lowercase();
        let describes = name.starts_with("content-")
            || matches!(
                name.as_str(),
                "subject" | "message-id" | "encrypted" | "mime-version"
            );
        if describes == inner {
            out.extend_from_slice(field.name().as_bytes());
            out.push(b':');
            out.extend_from_slice(field.raw_value());
            out.extend_from_slice(b"\r\n");
        }
    }
}
