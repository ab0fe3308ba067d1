//! AppleSingle and AppleDouble: files of the old Mac OS with their two forks (RFC 1740).
//!
//! Decides that the data fork is the file; the resource fork, which no other system can use, is left
//! out. The name is that of the part, else the real name in the header.

use super::{EmbeddedDefect, EmbeddedFile, EmbeddedFormat};
use crate::mime::Part;

const SINGLE: u32 = 0x0005_1600;
const DOUBLE: u32 = 0x0005_1607;
const DATA_FORK: u32 = 1;
const REAL_NAME: u32 = 3;

/// What the header of either kind tells.
struct Forks<'c> {
    data: Option<&'c [u8]>,
    name: Option<String>,
    truncated: bool,
}

/// Reads the entries of a header, at most 64: a file has a dozen.
fn read(content: &[u8], magic: u32) -> Option<Forks<'_>> {
    if word(content, 0)? != magic {
        return None;
    }
    let count = content
        .get(24..26)?
        .try_into()
        .ok()
        .map(u16::from_be_bytes)?;
    let mut forks = Forks {
        data: None,
        name: None,
        truncated: false,
    };
    for index in 0..usize::from(count.min(64)) {
        let at = 26 + index * 12;
        let (Some(id), Some(offset), Some(length)) = (
            word(content, at),
            word(content, at + 4),
            word(content, at + 8),
        ) else {
            forks.truncated = true;
            break;
        };
        let start = offset as usize;
        let end = start.saturating_add(length as usize);
        let entry = content
            .get(start..end.min(content.len()))
            .unwrap_or_default();
        if matches!(id, DATA_FORK | REAL_NAME) && end > content.len() {
            forks.truncated = true;
        }
        match id {
            DATA_FORK => forks.data = Some(entry),
            REAL_NAME => {
                let name = entry.get(..entry.len().min(1_000)).unwrap_or_default();
                forks.name = Some(String::from_utf8_lossy(name).into_owned());
            }
            _ => {}
        }
    }
    Some(forks)
}

/// A file in one piece.
pub(super) fn single(content: &[u8], files: &mut Vec<EmbeddedFile>) {
    let Some(forks) = read(content, SINGLE) else {
        return;
    };
    let Some(data) = forks.data else {
        return;
    };
    let mut file = EmbeddedFile::new(EmbeddedFormat::Apple, forks.name, data.to_vec());
    if forks.truncated {
        file.add(EmbeddedDefect::Truncated);
    }
    files.push(file);
}

/// A `multipart/appledouble`: the header in one part, the data fork in the other.
pub(super) fn double(multipart: Part<'_>, files: &mut Vec<EmbeddedFile>) {
    let mut header = None;
    let mut data = None;
    for part in multipart.children() {
        if part.content_type() == "application/applefile" {
            header = header.or(Some(part));
        } else {
            data = data.or(Some(part));
        }
    }
    let Some(data) = data else {
        return;
    };
    let content = header.map(|part| part.content());
    let forks = content.as_deref().and_then(|content| read(content, DOUBLE));
    let name = data.filename().map(|name| name.into_owned());
    let real_name = forks.as_ref().and_then(|forks| forks.name.clone());
    let mut file = EmbeddedFile::new(
        EmbeddedFormat::Apple,
        name.or(real_name),
        data.content().into_owned(),
    );
    file.content_type = data.content_type().into_owned();
    if forks.is_none_or(|forks| forks.truncated) {
        file.add(EmbeddedDefect::Malformed);
    }
    files.push(file);
}

fn word(content: &[u8], at: usize) -> Option<u32> {
    content
        .get(at..at + 4)?
        .try_into()
        .ok()
        .map(u32::from_be_bytes)
}
