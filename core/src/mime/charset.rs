//! From bytes to text: which charset a label means, and decoding by label.
//!
//! Decides the labels that occur in mail and that the parser does not know, and repairs
//! ISO-2022-JP text that was cut into encoded words (RFC 2047) and joined again. Unknown labels are
//! read as UTF-8; what is not valid becomes U+FFFD. No guessing from the content. Not here: the
//! legacy charsets of a build that leaves them to its host ([`super::host_charsets`]).

use std::borrow::Cow;

use mail_parser::Charset;
use memchr::memchr;

const ESC: u8 = 0x1b;

/// The charset of a label, `None` when it is not known.
pub(crate) fn from_label(label: &[u8]) -> Option<Charset> {
    let label = label.trim_ascii();
    Charset::from_label(label)
        .or_else(|| alias(label))
        .filter(|found| *found != Charset::Replacement)
}

/// Labels of mail programs beyond the IANA and WHATWG registries, and plain misspellings.
fn alias(label: &[u8]) -> Option<Charset> {
    const ALIASES: [(&str, Charset); 24] = [
        ("cp932", Charset::ShiftJis),
        ("ms932", Charset::ShiftJis),
        ("cp943", Charset::ShiftJis),
        ("cp943c", Charset::ShiftJis),
        ("shift-jisx0213", Charset::ShiftJis),
        ("cp51932", Charset::EucJp),
        ("eucjp-ms", Charset::EucJp),
        ("iso-2022-jp-1", Charset::Iso2022Jp),
        ("iso-2022-jp-2", Charset::Iso2022Jp),
        ("iso-2022-jp-ms", Charset::Iso2022Jp),
        ("cp50220", Charset::Iso2022Jp),
        ("cp50221", Charset::Iso2022Jp),
        ("cp950", Charset::Big5),
        ("ms950", Charset::Big5),
        ("uhc", Charset::EucKr),
        ("ms949", Charset::EucKr),
        ("cp-850", Charset::Ibm850),
        ("cp-1250", Charset::Windows1250),
        ("cp-1251", Charset::Windows1251),
        ("cp-1252", Charset::Windows1252),
        ("unicode-1-1-utf-7", Charset::Utf7),
        ("x-unicode-2-0-utf-7", Charset::Utf7),
        ("uft-8", Charset::Utf8),
        ("default", Charset::Utf8),
    ];
    ALIASES
        .iter()
        .find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(label))
        .map(|(_, charset)| *charset)
}

/// The text of `bytes`, borrowed when the bytes already are that text.
pub(crate) fn decode(charset: Charset, bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    let bytes = match joined_words(charset, &bytes) {
        Some(joined) => Cow::Owned(joined),
        None => bytes,
    };
    #[cfg(feature = "host-charsets")]
    if let Some((text, _)) = super::host_charsets::decode(charset, &bytes) {
        return Cow::Owned(text);
    }
    match bytes {
        Cow::Borrowed(bytes) => charset.decode(bytes),
        Cow::Owned(bytes) => Cow::Owned(charset.decode_owned(bytes)),
    }
}

/// [`decode`], and whether some bytes were not valid in the charset.
pub(crate) fn decode_checked(charset: Charset, bytes: &[u8]) -> (Cow<'_, str>, bool) {
    let joined = joined_words(charset, bytes);
    #[cfg(feature = "host-charsets")]
    if let Some((text, malformed)) =
        super::host_charsets::decode(charset, joined.as_deref().unwrap_or(bytes))
    {
        return (Cow::Owned(text), malformed);
    }
    match joined {
        Some(joined) => {
            let (text, malformed) = charset.decode_checked(&joined);
            (Cow::Owned(text.into_owned()), malformed)
        }
        None => charset.decode_checked(bytes),
    }
}

/// The bytes of encoded words that were joined, made valid again; `None` if they already are.
fn joined_words(charset: Charset, bytes: &[u8]) -> Option<Vec<u8>> {
    (charset == Charset::Iso2022Jp)
        .then(|| without_idle_escapes(bytes))
        .flatten()
}

/// The decoder for the bytes of RFC 2047 encoded words in one charset.
pub(crate) fn append(label: &[u8], bytes: &[u8], out: &mut String) {
    let charset = from_label(label).unwrap_or_default();
    out.push_str(&decode(charset, Cow::Borrowed(bytes)));
}

/// ISO-2022-JP without the escapes that another escape undoes at once, `None` if there are none.
///
/// Each encoded word starts and ends in ASCII (RFC 2047 section 2), so words that were joined hold
/// `ESC ( B ESC $ B`, on which a WHATWG decoder must report an error.
fn without_idle_escapes(bytes: &[u8]) -> Option<Vec<u8>> {
    let idle = |rest: &[u8]| {
        let len = escape_len(rest)?;
        (escape_len(rest.get(len..)?).is_some() || rest.len() == len).then_some(len)
    };
    let mut kept: Option<Vec<u8>> = None;
    let (mut from, mut at) = (0, 0);
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr(ESC, rest)) {
        at += found;
        let rest = bytes.get(at..).unwrap_or_default();
        match idle(rest).filter(|len| at + len < bytes.len()) {
            Some(len) => {
                let out = kept.get_or_insert_default();
                out.extend_from_slice(bytes.get(from..at).unwrap_or_default());
                at += len;
                from = at;
            }
            None => at += 1,
        }
    }
    let mut out = kept?;
    out.extend_from_slice(bytes.get(from..).unwrap_or_default());
    Some(out)
}

/// The length of the ISO-2022-JP escape sequence (RFC 1468) at the start of `bytes`.
fn escape_len(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [ESC, b'(', b'B' | b'J' | b'I', ..] | [ESC, b'$', b'@' | b'B', ..] => Some(3),
        [ESC, b'$', b'(', b'D', ..] => Some(4),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::{append, from_label};

    #[test]
    fn joined_words_in_iso_2022_jp_decode_whole() {
        let mut out = String::new();
        append(b"ISO-2022-JP", b"\x1b$BF|K\\\x1b(B\x1b$B8l\x1b(B", &mut out);
        assert_eq!(out, "日本語");
    }

    #[test]
    fn labels_of_mail_programs_are_known() {
        for label in [
            "cp932",
            "CP-850",
            "iso-2022-jp-2",
            "unicode-1-1-utf-7",
            "uft-8",
            "utf8",
            "gb2312",
        ] {
            assert!(from_label(label.as_bytes()).is_some(), "{label}");
        }
        assert_eq!(from_label(b"x-nonsense"), None);
        assert_eq!(from_label(b"iso-2022-kr"), None);
    }
}
