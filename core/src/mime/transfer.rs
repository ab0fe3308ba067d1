//! Transfer encodings: how a body is written so that it passes (RFC 2045 section 6), and uuencode.
//!
//! Decides what encoding a part has, and undoes it. uuencode was never one of MIME's, but mail has
//! it under four names since before MIME; it is told as a defect, since many readers leave it as it is.

use std::borrow::Cow;

use encodify::base64;
use mail_parser::Encoding;
#[cfg(feature = "legacy")]
use mail_parser::HeaderName;
use memchr::memchr;

use super::Part;
#[cfg(feature = "legacy")]
use super::legacy;

/// How the body of a part is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transfer {
    /// One of RFC 2045, or none.
    Mime(Encoding),
    #[cfg(feature = "legacy")]
    Uuencode,
}

impl Transfer {
    /// The encoding of a part; multiparts and messages are in none but those of RFC 2045.
    pub(crate) fn of(part: &Part<'_>) -> Self {
        let inner = part.inner;
        #[cfg(feature = "legacy")]
        if inner.encoding() == Encoding::None
            && !inner.is_multipart()
            && !inner.is_message()
            && is_uuencode(part)
        {
            return Transfer::Uuencode;
        }
        Transfer::Mime(inner.encoding())
    }

    /// Whether the body is as it came.
    pub(crate) fn is_none(self) -> bool {
        self == Transfer::Mime(Encoding::None)
    }

    /// The content of a body, borrowed where it is the body.
    pub(crate) fn decode(self, body: &[u8]) -> Cow<'_, [u8]> {
        match self {
            #[cfg(target_arch = "x86_64")]
            Transfer::Mime(Encoding::QuotedPrintable) if memchr(b'=', body).is_some() => {
                let mut content = Vec::new();
                popmail_simd::decode_quoted_printable(body, &mut content);
                Cow::Owned(content)
            }
            #[cfg(any(target_arch = "x86_64", target_arch = "wasm32"))]
            Transfer::Mime(Encoding::Base64) => {
                let mut content = Vec::new();
                self.decode_append(body, &mut content);
                Cow::Owned(content)
            }
            Transfer::Mime(encoding) => encoding.decode(body),
            #[cfg(feature = "legacy")]
            Transfer::Uuencode => match legacy::decode_uuencode(body) {
                Some(content) => Cow::Owned(content),
                None => Cow::Borrowed(body),
            },
        }
    }

    /// [`Transfer::decode`], and whether the body breaks the rules of the encoding.
    pub(crate) fn decode_checked(self, body: &[u8]) -> (Cow<'_, [u8]>, bool) {
        match self {
            Transfer::Mime(encoding) => encoding.decode_checked(body),
            #[cfg(feature = "legacy")]
            Transfer::Uuencode => match legacy::decode_uuencode_checked(body) {
                Some((content, malformed)) => (Cow::Owned(content), malformed),
                None => (Cow::Borrowed(body), true),
            },
        }
    }

    /// Appends the content to `out`.
    pub(crate) fn decode_append(self, body: &[u8], out: &mut Vec<u8>) {
        match self {
            #[cfg(any(target_arch = "x86_64", target_arch = "wasm32"))]
            Transfer::Mime(Encoding::Base64) => {
                let lines = popmail_simd::decode_base64_lines(body, out);
                Encoding::Base64.decode_append(body.get(lines..).unwrap_or_default(), out);
            }
            Transfer::Mime(encoding) => encoding.decode_append(body, out),
            #[cfg(feature = "legacy")]
            Transfer::Uuencode => out.extend_from_slice(&self.decode(body)),
        }
    }

    /// The size of the content; only uuencode is undone to find it.
    pub(crate) fn decoded_len(self, body: &[u8]) -> usize {
        match self {
            Transfer::Mime(encoding) => encoding.decoded_len(body),
            #[cfg(feature = "legacy")]
            Transfer::Uuencode => self.decode(body).len(),
        }
    }

    /// See [`Part::size_hint`](super::Part::size_hint).
    pub(crate) fn size_hint(self, body: &[u8]) -> usize {
        match self {
            Transfer::Mime(Encoding::Base64) => base64_size(body),
            _ => body.len(),
        }
    }

    /// See [`Part::decode_into_slice`](super::Part::decode_into_slice).
    pub(crate) fn decode_into_slice(self, body: &[u8], out: &mut [u8]) -> Option<usize> {
        let written = match self {
            #[cfg(target_arch = "x86_64")]
            Transfer::Mime(Encoding::Base64) => base64_into(body, out),
            #[cfg(not(target_arch = "x86_64"))]
            Transfer::Mime(Encoding::Base64) => base64::MIME.decode_slice(body, out).ok(),
            Transfer::Mime(Encoding::QuotedPrintable) => {
                encodify::qp::BODY.decode_slice(body, out).ok()
            }
            _ => None,
        };
        written.or_else(|| {
            let content = self.decode(body);
            out.get_mut(..content.len())?.copy_from_slice(&content);
            Some(content.len())
        })
    }
}

/// Decodes base64 to the start of `out`; `None` where it is not sound, or has no room.
#[cfg(target_arch = "x86_64")]
fn base64_into(body: &[u8], out: &mut [u8]) -> Option<usize> {
    let (read, written) = popmail_simd::decode_base64_lines_into(body, out);
    let (rest, room) = (body.get(read..)?, out.get_mut(written..)?);
    Some(written + base64::MIME.decode_slice(rest, room).ok()?)
}

/// Whether the field names uuencode, as mail does and as Python's `email` reads it.
#[cfg(feature = "legacy")]
fn is_uuencode(part: &Part<'_>) -> bool {
    const NAMES: [&[u8]; 4] = [b"x-uuencode", b"uuencode", b"x-uue", b"uue"];
    let field = part.field(HeaderName::ContentTransferEncoding);
    field.is_some_and(|field| {
        let value = field.raw_value();
        let noise = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b';');
        let start = value.iter().position(|byte| !noise(byte));
        let value = start.and_then(|at| value.get(at..)).unwrap_or_default();
        // Hardly any other name starts so.
        if !matches!(value.first(), Some(b'x' | b'X' | b'u' | b'U')) {
            return false;
        }
        let end = value.iter().position(|byte| noise(byte) || *byte == b'(');
        let name = end.and_then(|end| value.get(..end)).unwrap_or(value);
        NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
    })
}

/// The size of base64 content whose lines are all as long as the first one.
fn base64_size(body: &[u8]) -> usize {
    let body = body.trim_ascii_end();
    let line = memchr(b'\n', body).map_or(body.len(), |at| at + 1);
    let symbols = body.get(..line).unwrap_or_default().trim_ascii_end().len();
    let full = body.len().checked_div(line).unwrap_or_default();
    let rest = body.len().checked_rem(line).unwrap_or_default();
    let padding = body
        .iter()
        .rev()
        .take_while(|byte| **byte == b'=')
        .count()
        .min(2);
    let symbols = full.saturating_mul(symbols) + rest.min(symbols);
    (symbols - padding.min(symbols)) * 3 / 4
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use mail_parser::Encoding;

    use super::{Transfer, base64_size};

    #[test]
    fn regular_base64_is_measured_without_reading_it() {
        for (body, size) in [
            (&b""[..], 0),
            (b"SGVsbG8=", 5),
            (b"SGVsbG8=\r\n", 5),
            (b"SGVs\r\nbG8=", 5),
            (b"SGVs\r\nbG8h\r\nSA==\r\n", 7),
            (b"SGVs\nbG8h\nSA==", 7),
        ] {
            assert_eq!(base64_size(body), size, "{}", String::from_utf8_lossy(body));
        }
    }

    #[cfg(feature = "legacy")]
    #[test]
    fn uuencode_is_a_transfer_encoding_under_four_names() {
        use crate::mime::parse;

        let body = "begin 644 a.txt\r\n%2&5L;&\\\r\n`\r\nend\r\n";
        for (name, decoded) in [
            ("x-uuencode", true),
            ("X-UUENCODE", true),
            ("uuencode", true),
            ("uue", true),
            ("x-uue (old)", true),
            ("\"x-uuencode\"", true),
            ("x-uuencode;", true),
            ("x-uu", false),
            ("x-unknown", false),
            ("7bit", false),
        ] {
            let raw = format!("Content-Transfer-Encoding: {name}\r\n\r\n{body}");
            let message = parse(raw.as_bytes());
            let part = message.root();
            let expected = if decoded { "Hello" } else { body };
            assert_eq!(part.content(), expected.as_bytes(), "{name}");
            assert_eq!(part.size(), expected.len() as u64);
            assert_eq!(message.text().as_deref(), Some(expected));
        }
        // What holds no file is as it came.
        let raw = b"Content-Transfer-Encoding: x-uuencode\r\n\r\nno file\r\n";
        assert_eq!(parse(raw).root().content(), &b"no file\r\n"[..]);
    }

    #[test]
    fn broken_base64_is_read_as_the_parser_reads_it() {
        let body = b"VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZyAuLi4gYWdhaW4g\r\n"
            .repeat(9);
        let transfer = Transfer::Mime(Encoding::Base64);
        let mut room = vec![0; body.len()];
        let mut check = |body: &[u8]| {
            let expected = Encoding::Base64.decode(body);
            assert_eq!(transfer.decode(body), expected);
            let written = transfer.decode_into_slice(body, &mut room).unwrap();
            assert_eq!(room[..written], *expected);
        };
        check(&body);
        for at in (0..body.len()).step_by(7) {
            check(&body[..at]);
            for odd in [
                &b"="[..],
                b"==",
                b"=\r\n",
                b"-",
                b"\0",
                b"\xff",
                b" ",
                b"A",
                b"\n",
                b"=QQ==",
            ] {
                let (before, after) = body.split_at(at);
                check(&[before, odd, after].concat());
                check(&[before, odd, &after[odd.len().min(after.len())..]].concat());
            }
        }
    }
}
