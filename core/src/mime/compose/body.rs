//! Bodies: line ends, which transfer encoding a body needs, and the encodings (RFC 2045 section 6).
//!
//! Decides that text stays readable where it can: as it is where it is ASCII in short lines, else
//! quoted-printable, base64 where that is shorter. A line that starts with `From ` is encoded, since
//! programs that keep mail in one file would change it.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memchr;

/// The longest line without its line end (RFC 5322 section 2.1.1).
const MAX_LINE: usize = 998;

/// The longest line of quoted-printable and of base64.
const ENCODED_LINE: usize = 76;

/// The octets of a base64 line.
const BASE64_OCTETS: usize = ENCODED_LINE / 4 * 3;

/// Transfer encodings; the identities in the order of what they permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Encoding {
    SevenBit,
    EightBit,
    Binary,
    QuotedPrintable,
    Base64,
}

/// What decides the encoding of a body; found in one pass.
#[derive(Default)]
struct Facts {
    /// Octets above 127.
    high: usize,
    /// Control characters beyond TAB and line ends.
    controls: usize,
    nul: bool,
    /// A CR or LF that is no CRLF.
    lone: bool,
    longest: usize,
    from: bool,
}

impl Facts {
    fn of(body: &[u8]) -> Self {
        let mut facts = Facts::default();
        let mut rest = body;
        while !rest.is_empty() {
            let (line, after) = match memchr(b'\n', rest) {
                Some(end) => (
                    rest.get(..end).unwrap_or_default(),
                    rest.get(end + 1..).unwrap_or_default(),
                ),
                None => (rest, &[][..]),
            };
            let ended = line.len() < rest.len();
            let line = match line.strip_suffix(b"\r") {
                Some(line) if ended => line,
                _ => {
                    facts.lone |= ended;
                    line
                }
            };
            facts.longest = facts.longest.max(line.len());
            facts.from |= line.starts_with(b"From ");
            for byte in line {
                match byte {
                    b'\t' | b' '..=b'~' => {}
                    0x80.. => facts.high += 1,
                    other => {
                        facts.controls += 1;
                        facts.nul |= *other == 0;
                        facts.lone |= *other == b'\r';
                    }
                }
            }
            rest = after;
        }
        facts
    }
}

/// The encoding of a text with CRLF line ends.
pub(super) fn for_text(text: &[u8], eight: bool) -> Encoding {
    let facts = Facts::of(text);
    let plain = facts.controls == 0 && !facts.lone && facts.longest <= MAX_LINE && !facts.from;
    if plain && facts.high == 0 {
        return Encoding::SevenBit;
    }
    if plain && eight {
        return Encoding::EightBit;
    }
    // Three octets for one against four for three; the rest of quoted-printable is about as it is.
    let encoded = facts.high + facts.controls;
    if encoded * 6 > text.len() {
        Encoding::Base64
    } else {
        Encoding::QuotedPrintable
    }
}

/// The encoding that an attached message has as it is (RFC 2046 section 5.2.1).
pub(super) fn as_it_is(message: &[u8]) -> Encoding {
    let facts = Facts::of(message);
    if facts.nul || facts.lone || facts.longest > MAX_LINE {
        Encoding::Binary
    } else if facts.high > 0 {
        Encoding::EightBit
    } else {
        Encoding::SevenBit
    }
}

impl Encoding {
    /// What the encoded octets are.
    pub(super) fn on_the_wire(self) -> Self {
        if self.is_identity() {
            self
        } else {
            Self::SevenBit
        }
    }

    pub(super) fn is_identity(self) -> bool {
        !matches!(self, Self::QuotedPrintable | Self::Base64)
    }

    pub(super) fn write_field(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"Content-Transfer-Encoding: ");
        out.extend_from_slice(match self {
            Self::SevenBit => b"7bit".as_slice(),
            Self::EightBit => b"8bit",
            Self::Binary => b"binary",
            Self::QuotedPrintable => b"quoted-printable",
            Self::Base64 => b"base64",
        });
        out.extend_from_slice(b"\r\n");
    }

    /// About how many octets the encoded content takes.
    pub(super) fn size(self, content: &[u8]) -> usize {
        match self {
            Self::Base64 => content.len() / BASE64_OCTETS * (ENCODED_LINE + 2) + ENCODED_LINE + 2,
            Self::QuotedPrintable => content.len() + content.len() / 3,
            _ => content.len(),
        }
    }

    pub(super) fn write(self, content: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Base64 => base64(content, out),
            Self::QuotedPrintable => quoted_printable(content, out),
            _ => out.extend_from_slice(content),
        }
    }
}

fn base64(content: &[u8], out: &mut Vec<u8>) {
    let mut line = [0; ENCODED_LINE];
    for octets in content.chunks(BASE64_OCTETS) {
        // A line always has room for its octets.
        let len = STANDARD.encode_slice(octets, &mut line).unwrap_or_default();
        out.extend_from_slice(line.get(..len).unwrap_or_default());
        out.extend_from_slice(b"\r\n");
    }
}

/// RFC 2045 section 6.7, for text: CRLF stays a line end.
fn quoted_printable(text: &[u8], out: &mut Vec<u8>) {
    const HEX: [u8; 16] = *b"0123456789ABCDEF";
    let mut column = 0;
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'\r' && after.first() == Some(&b'\n') {
            out.extend_from_slice(b"\r\n");
            column = 0;
            rest = after.get(1..).unwrap_or_default();
            continue;
        }
        let ends_line = after.is_empty() || after.starts_with(b"\r\n");
        let is_literal = |column: usize| match byte {
            b' ' | b'\t' => !ends_line,
            b'=' => false,
            b'F' if column == 0 => !rest.starts_with(b"From "),
            b'.' if column == 0 => !ends_line,
            b'!'..=b'~' => true,
            _ => false,
        };
        let width = if is_literal(column) { 1 } else { 3 };
        // The last column is for the soft line break.
        if column + width > ENCODED_LINE - usize::from(!ends_line) {
            out.extend_from_slice(b"=\r\n");
            column = 0;
        }
        if is_literal(column) {
            out.push(byte);
            column += 1;
        } else {
            let digit = |value: u8| HEX.get(usize::from(value)).copied().unwrap_or(b'0');
            out.extend_from_slice(&[b'=', digit(byte >> 4), digit(byte & 15)]);
            column += 3;
        }
        rest = after;
    }
}

/// The text with CRLF for every CRLF, CR and LF.
pub(super) fn with_crlf(text: &str) -> Cow<'_, str> {
    if !Facts::of(text.as_bytes()).lone {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + text.len() / 32);
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\r' => {
                chars.next_if_eq(&'\n');
                out.push_str("\r\n");
            }
            '\n' => out.push_str("\r\n"),
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

/// A message as it is sent: where every line ends with LF alone, as in files, CRLF is put there.
pub(super) fn message_with_crlf(message: Vec<u8>) -> Vec<u8> {
    if memchr(b'\n', &message).is_none() || memchr(b'\r', &message).is_some() {
        return message;
    }
    let mut out = Vec::with_capacity(message.len() + message.len() / 32);
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(line) => {
                out.extend_from_slice(line);
                out.extend_from_slice(b"\r\n");
            }
            None => out.extend_from_slice(line),
        }
    }
    out
}
