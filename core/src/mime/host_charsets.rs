//! The legacy charsets in a build that leaves their tables to its host.
//!
//! A browser has the decoders of every charset of the Encoding Standard. A build without the feature
//! `charsets` is 120 kB smaller, asks the host for these, and reads the same as one with it: bodies
//! and encoded words come through [`decode`]. Parameters of Content-Type and Content-Disposition
//! (RFC 2231) are decoded inside the parser, which knows nothing of hosts: [`parameters`] has the
//! parser read the field with each legacy label replaced by one that keeps the bytes apart, and
//! decodes these.

use std::sync::OnceLock;

use mail_parser::{Charset, HeaderForm};
use memchr::memchr;

/// Decodes bytes by a label of the Encoding Standard: the text, bytes that are not valid replaced
/// by U+FFFD, and whether there were such bytes. `None` when the host does not know the label.
pub type HostCharsets = fn(label: &str, bytes: &[u8]) -> Option<(String, bool)>;

static HOST: OnceLock<HostCharsets> = OnceLock::new();

/// The charset in which every byte is a character of its own, and ASCII is ASCII.
const STAND_IN: Charset = Charset::Koi8R;
const STAND_IN_LABEL: &[u8] = b"koi8-r";

const ESC: char = '\x1b';

/// Has the legacy charsets decoded by the host, from now on and in this whole process. Later calls
/// change nothing.
pub fn set_host_charsets(decoder: HostCharsets) {
    let _ = HOST.set(decoder);
}

/// The text of bytes in a legacy charset, as the host decodes them, and whether some were not
/// valid; `None` when the charset is built in or the host does not know it.
pub(crate) fn decode(charset: Charset, bytes: &[u8]) -> Option<(String, bool)> {
    let host = HOST.get()?;
    if charset == Charset::XUserDefined && !bytes.is_ascii() {
        let char = |byte: &u8| match byte {
            0x80.. => char::from_u32(0xf700 + u32::from(*byte)).unwrap_or_default(),
            _ => char::from(*byte),
        };
        return Some((bytes.iter().map(char).collect(), false));
    }
    let label = label(charset)?;
    if charset != Charset::Iso2022Jp && bytes.is_ascii() {
        return None;
    }
    // As the Encoding Standard's "decode": a byte order mark overrules the label.
    let marked = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => Some((Charset::Utf8, rest)),
        [0xff, 0xfe, rest @ ..] => Some((Charset::Utf16Le, rest)),
        [0xfe, 0xff, rest @ ..] => Some((Charset::Utf16Be, rest)),
        _ => None,
    };
    if let Some((charset, rest)) = marked {
        let (text, malformed) = charset.decode_checked(rest);
        return Some((text.into_owned(), malformed));
    }
    host(label, bytes)
}

/// The label in the Encoding Standard of a charset that this build may lack.
pub(crate) fn label(charset: Charset) -> Option<&'static str> {
    Some(match charset {
        Charset::ShiftJis => "shift_jis",
        Charset::Big5 => "big5",
        Charset::EucJp => "euc-jp",
        Charset::EucKr => "euc-kr",
        Charset::Gb18030 => "gb18030",
        Charset::Gbk => "gbk",
        Charset::Iso2022Jp => "iso-2022-jp",
        Charset::Ibm866 => "ibm866",
        Charset::XMacCyrillic => "x-mac-cyrillic",
        _ => return None,
    })
}

/// The parameters of a Content-Type or Content-Disposition field that names a legacy charset, by
/// name in lower case; `None` when it names none, so that the parser's reading is right.
pub(crate) fn parameters(field: &[u8]) -> Option<Vec<(String, String)>> {
    HOST.get()?;
    let (stand_in, charset) = with_stand_in(field)?;
    let plain = HeaderForm::ContentType.parse(field);
    let kept = HeaderForm::ContentType.parse(&stand_in);
    let plain = plain.value().as_content_type()?;
    let kept = kept.value().as_content_type()?;
    let read = plain.attributes().zip(kept.attributes());
    Some(
        read.map(|((name, plain), (_, kept))| {
            let in_charset = plain != kept || plain.contains(ESC);
            let bytes = in_charset.then(|| stand_in_bytes(kept)).flatten();
            let decoded = bytes.and_then(|bytes| decode(charset, &bytes));
            let value = decoded.map_or_else(|| plain.to_owned(), |(text, _)| text);
            (name.to_owned(), value)
        })
        .collect(),
    )
}

/// The field with legacy labels replaced, and the first of the charsets that they name.
fn with_stand_in(field: &[u8]) -> Option<(Vec<u8>, Charset)> {
    let mut found = None;
    let mut out = Vec::new();
    let mut from = 0;
    let mut at = 0;
    while let Some(rest) = field.get(at..).filter(|rest| !rest.is_empty()) {
        // `=?label?` of an encoded word, `*=label'` and `*0*=label'` of an extended parameter.
        let (skip, end) = match rest {
            [b'=', b'?', ..] => (2, b'?'),
            [b'*', b'=', b'"', ..] => (3, b'\''),
            [b'*', b'=', ..] => (2, b'\''),
            _ => {
                at += 1;
                continue;
            }
        };
        at += skip;
        let text = field.get(at..).unwrap_or_default();
        let Some(len) = memchr(
            end,
            text.get(..MAX_LABEL.min(text.len())).unwrap_or_default(),
        ) else {
            continue;
        };
        let named = text.get(..len).unwrap_or_default();
        // RFC 2231 section 5: a language may follow the charset of an encoded word.
        let named = named.split(|byte| *byte == b'*').next().unwrap_or_default();
        let Some(charset) = Charset::from_label(named).filter(|found| label(*found).is_some())
        else {
            continue;
        };
        found.get_or_insert(charset);
        out.extend_from_slice(field.get(from..at).unwrap_or_default());
        out.extend_from_slice(STAND_IN_LABEL);
        at += named.len();
        from = at;
    }
    let charset = found?;
    out.extend_from_slice(field.get(from..).unwrap_or_default());
    Some((out, charset))
}

/// The longest label that is looked for.
const MAX_LABEL: usize = 64;

/// The bytes whose text in the stand-in charset this is.
fn stand_in_bytes(text: &str) -> Option<Vec<u8>> {
    let high: Vec<u8> = (0x80..=0xff).collect();
    let table = STAND_IN.decode(&high);
    text.chars()
        .map(|char| match u8::try_from(char) {
            Ok(byte) if byte < 0x80 => Some(byte),
            _ => {
                let at = table.chars().position(|known| known == char)?;
                u8::try_from(0x80 + at).ok()
            }
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use mail_parser::Charset;

    use super::{HostCharsets, parameters, set_host_charsets};
    use crate::mime::parse;

    /// A host that knows two characters of Shift_JIS and one of ISO-2022-JP.
    const HOST: HostCharsets = |label, bytes| match (label, bytes) {
        ("shift_jis", b"\x93\xfa\x96\x7b.txt") => Some(("日本.txt".to_owned(), false)),
        ("shift_jis", b"\x93\xfa\x96\x7b") => Some(("日本".to_owned(), false)),
        ("iso-2022-jp", b"\x1b$BF|\x1b(B.txt") => Some(("日.txt".to_owned(), false)),
        _ => Some((format!("{label}?"), true)),
    };

    fn name(raw: &str) -> Option<String> {
        set_host_charsets(HOST);
        let raw = format!("Content-Disposition: attachment; {raw}\r\n\r\n");
        parse(raw.as_bytes()).root().filename().map(String::from)
    }

    #[test]
    fn names_in_legacy_charsets_are_decoded_by_the_host() {
        for raw in [
            "filename*=shift_jis''%93%fa%96%7b.txt",
            "filename*0*=Shift_JIS'ja'%93%fa%96; filename*1*=%7b.txt",
            "filename=\"=?shift_jis?B?k/qWey50eHQ=?=\"",
            "x*=utf-8''%D0%90; filename*=sjis''%93%fa%96%7b.txt",
        ] {
            assert_eq!(name(raw).as_deref(), Some("日本.txt"), "{raw}");
        }
        let raw = "filename=\"=?iso-2022-jp?B?GyRCRnwbKEIudHh0?=\"";
        assert_eq!(name(raw).as_deref(), Some("日.txt"));
        let raw = "filename*=utf-8''%D0%90; x*=sjis''%93%fa%96%7b";
        assert_eq!(name(raw).as_deref(), Some("А"));
    }

    #[test]
    fn fields_without_legacy_charsets_are_the_parsers() {
        set_host_charsets(HOST);
        assert!(parameters(b" attachment; filename*=utf-8''a%20b").is_none());
        assert!(parameters(b" attachment; filename=\"=?koi8-r?Q?a?=\"").is_none());
    }

    #[test]
    fn every_byte_has_a_character_of_its_own_in_the_stand_in() {
        let bytes: Vec<u8> = (0..=0xff).collect();
        let text = Charset::Koi8R.decode(&bytes).into_owned();
        assert_eq!(super::stand_in_bytes(&text), Some(bytes));
    }

    #[test]
    fn hostile_fields_are_read_to_their_end() {
        set_host_charsets(HOST);
        for piece in [
            "=?",
            "*=",
            "*=\"",
            "=?sjis?",
            "*0*=sjis'",
            "=?sjis?B?k/o=?= ",
        ] {
            parameters(piece.repeat(60_000).as_bytes());
        }
    }
}
