//! yEnc: files in 8-bit text, as newsgroups have them (the draft of J. Helbing, version 1.3).
//!
//! Decides that a wrong checksum or size is told and the content given all the same. A file in
//! several pieces is given piece by piece: they are in several messages.

use super::{EmbeddedDefect, EmbeddedFile, EmbeddedFormat, MAX_FILES, find_line, split_line};

/// Adds the files of a text.
pub(super) fn find(text: &[u8], files: &mut Vec<EmbeddedFile>) {
    let mut at = 0;
    while files.len() < MAX_FILES {
        let Some(start) = find_line(text, at, b"=ybegin ") else {
            return;
        };
        let rest = text.get(start..).unwrap_or_default();
        match read(rest) {
            Some((file, left)) => {
                files.push(file);
                at = text.len() - left.len();
            }
            None => at = start + 8,
        }
    }
}

/// The file that starts here and what follows it, `None` where none starts.
fn read(text: &[u8]) -> Option<(EmbeddedFile, &[u8])> {
    let (first, mut rest) = split_line(text);
    // The name is the last value: it may hold spaces and equals signs.
    let at = memchr::memmem::find(first, b" name=")?;
    let (values, name) = first.split_at(at);
    let name = name.get(6..).unwrap_or_default().trim_ascii();
    let size = number(values, b"size=", 10)?;
    number(values, b"line=", 10)?;
    let name = String::from_utf8_lossy(name.get(..name.len().min(1_000))?).into_owned();
    let mut file = EmbeddedFile::new(EmbeddedFormat::Yenc, Some(name), Vec::new());
    let mut expected = size;
    if number(values, b"part=", 10).is_some() {
        let (line, after) = split_line(rest);
        let range = number(line, b"begin=", 10).zip(number(line, b"end=", 10));
        match range.filter(|_| line.starts_with(b"=ypart ")) {
            Some((begin, end)) => {
                expected = (end + 1).saturating_sub(begin);
                rest = after;
                if expected != size {
                    file.add(EmbeddedDefect::Piece);
                }
            }
            None => file.add(EmbeddedDefect::Malformed),
        }
    }
    loop {
        if rest.is_empty() {
            file.add(EmbeddedDefect::Truncated);
            break;
        }
        let (line, after) = split_line(rest);
        if line.starts_with(b"=ybegin ") {
            file.add(EmbeddedDefect::Truncated);
            break;
        }
        rest = after;
        if line.starts_with(b"=yend") {
            finish(line, expected, &mut file);
            break;
        }
        decode_line(line, &mut file);
    }
    Some((file, rest))
}

fn decode_line(line: &[u8], file: &mut EmbeddedFile) {
    // A line that began with a dot may have come with two.
    let line = match line {
        [b'.', b'.', ..] => line.get(1..).unwrap_or_default(),
        _ => line,
    };
    let mut bytes = line.iter();
    while let Some(&byte) = bytes.next() {
        let plain = match byte {
            b'=' => match bytes.next() {
                Some(&escaped) => escaped.wrapping_sub(64),
                None => {
                    file.add(EmbeddedDefect::Malformed);
                    break;
                }
            },
            other => other,
        };
        file.content.push(plain.wrapping_sub(42));
    }
}

/// Compares what the last line tells.
fn finish(line: &[u8], expected: u64, file: &mut EmbeddedFile) {
    let len = file.content.len() as u64;
    let told = number(line, b" size=", 10);
    if len != expected || told.is_some_and(|told| told != len) {
        file.add(EmbeddedDefect::SizeMismatch);
    }
    // Of a piece `crc32` is that of the whole file.
    let is_piece = file.defects.contains(&EmbeddedDefect::Piece);
    let whole = number(line, b" crc32=", 16).filter(|_| !is_piece);
    if let Some(told) = number(line, b" pcrc32=", 16).or(whole)
        && told != u64::from(crc32fast::hash(&file.content))
    {
        file.add(EmbeddedDefect::ChecksumMismatch);
    }
}

/// The value of a key in a line of keys and values.
fn number(line: &[u8], key: &[u8], radix: u32) -> Option<u64> {
    let at = memchr::memmem::find(line, key)?;
    let rest = line.get(at + key.len()..)?;
    let digits = rest
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count();
    u64::from_str_radix(std::str::from_utf8(rest.get(..digits)?).ok()?, radix).ok()
}
