//! uuencode: the oldest way to put a file into a text (POSIX.1-2017 `uuencode`), and its base64 form.
//!
//! Decides what is the start of a file: `begin`, a mode of three or four octal digits, a name, and a
//! next line that can be data. A letter that begins a line with "begin 100 years ago" stays a letter
//! (some mail programs lose such letters).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{EmbeddedDefect, EmbeddedFile, EmbeddedFormat, MAX_FILES, find_line, split_line};

/// The longest name that is read.
const MAX_NAME: usize = 1_000;

/// Adds the files of a text.
pub(super) fn find(text: &[u8], files: &mut Vec<EmbeddedFile>) {
    let mut at = 0;
    while files.len() < MAX_FILES {
        let Some(start) = find_line(text, at, b"begin") else {
            return;
        };
        let rest = text.get(start..).unwrap_or_default();
        match read(rest) {
            Some((file, left)) => {
                files.push(file);
                at = text.len() - left.len();
            }
            None => at = start + 5,
        }
    }
}

/// The content of a body whose transfer encoding is uuencode, `None` where it holds no file.
pub fn decode_uuencode(body: &[u8]) -> Option<Vec<u8>> {
    decode_uuencode_checked(body).map(|(content, _)| content)
}

/// [`decode_uuencode`], and whether lines of it are none or the end is missing.
pub(crate) fn decode_uuencode_checked(body: &[u8]) -> Option<(Vec<u8>, bool)> {
    let mut at = 0;
    while let Some(start) = find_line(body, at, b"begin") {
        if let Some((file, _)) = read(body.get(start..)?) {
            return Some((file.content, !file.defects.is_empty()));
        }
        at = start + 5;
    }
    None
}

/// The file that starts here and what follows it, `None` where none starts.
fn read(text: &[u8]) -> Option<(EmbeddedFile, &[u8])> {
    let (first, rest) = split_line(text);
    let (is_base64, mode) = match first.strip_prefix(b"begin-base64 ") {
        Some(mode) => (true, mode),
        None => (false, first.strip_prefix(b"begin ")?),
    };
    let space = mode.iter().position(|byte| *byte == b' ')?;
    let (mode, name) = mode.split_at(space);
    let is_mode =
        (3..=4).contains(&mode.len()) && mode.iter().all(|byte| (b'0'..=b'7').contains(byte));
    let name = name.trim_ascii();
    let name = name.get(..name.len().min(MAX_NAME))?;
    if !is_mode || name.is_empty() {
        return None;
    }
    let next = split_line(rest).0;
    let starts = if is_base64 {
        next == b"====" || (!next.is_empty() && decode_base64(next).is_some())
    } else {
        is_end(next) || next == b"end" || line_octets(next).is_some()
    };
    if !starts {
        return None;
    }
    let name = String::from_utf8_lossy(name).into_owned();
    let mut file = EmbeddedFile::new(EmbeddedFormat::Uuencode, Some(name), Vec::new());
    let left = if is_base64 {
        read_base64(rest, &mut file)
    } else {
        read_lines(rest, &mut file)
    };
    Some((file, left))
}

/// Reads data lines up to `end`; returns what follows.
fn read_lines<'t>(text: &'t [u8], file: &mut EmbeddedFile) -> &'t [u8] {
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = split_line(rest);
        if line == b"end" {
            return after;
        }
        if !is_end(line) {
            match line_octets(line) {
                Some(count) => {
                    decode_line(line.get(1..).unwrap_or_default(), count, &mut file.content)
                }
                None if line.starts_with(b"begin ") => break,
                None => file.add(EmbeddedDefect::Malformed),
            }
        }
        rest = after;
    }
    file.add(EmbeddedDefect::Truncated);
    rest
}

/// Whether the line is the one without octets that comes before `end`.
fn is_end(line: &[u8]) -> bool {
    matches!(line, [] | [b'`' | b' '])
}

/// How many octets a line holds; `None` when it is no data line.
fn line_octets(line: &[u8]) -> Option<usize> {
    let (first, data) = line.split_first()?;
    if !(b' '..=b'`').contains(first) || !data.iter().all(|byte| (b' '..=b'`').contains(byte)) {
        return None;
    }
    let count = usize::from((first - b' ') & 63);
    // Spaces at the end, which stand for zeros, get lost on the way; some writers add a checksum.
    (count > 0 && data.len() <= count.div_ceil(3) * 4 + 2).then_some(count)
}

fn decode_line(data: &[u8], count: usize, out: &mut Vec<u8>) {
    let mut left = count;
    let value = |byte: Option<&u8>| byte.map_or(0, |byte| u32::from(byte.wrapping_sub(b' ') & 63));
    for group in data.chunks(4).chain(std::iter::repeat(&[][..])) {
        if left == 0 {
            break;
        }
        let bits = value(group.first()) << 18
            | value(group.get(1)) << 12
            | value(group.get(2)) << 6
            | value(group.get(3));
        let octets = bits.to_be_bytes();
        let taken = left.min(3);
        out.extend(octets.iter().skip(1).take(taken));
        left -= taken;
    }
}

/// Reads base64 lines up to `====`; returns what follows.
fn read_base64<'t>(text: &'t [u8], file: &mut EmbeddedFile) -> &'t [u8] {
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = split_line(rest);
        if line == b"====" {
            return after;
        }
        match decode_base64(line) {
            Some(octets) => file.content.extend_from_slice(&octets),
            None => file.add(EmbeddedDefect::Malformed),
        }
        rest = after;
    }
    file.add(EmbeddedDefect::Truncated);
    rest
}

fn decode_base64(line: &[u8]) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let line = line.trim_ascii();
    STANDARD.decode(line).ok().or_else(|| {
        GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT)
            .decode(line)
            .ok()
    })
}
