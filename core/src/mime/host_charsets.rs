//! The legacy charsets in a build that leaves their tables to its host.
//!
//! A browser has the decoders of every charset of the Encoding Standard. A build without the feature
//! `charsets` is 120 kB smaller, asks the host for these, and reads the same as one with it: bodies
//! and encoded words come through [`decode`], parameters in such a charset through
//! [`super::parameters`].

use std::sync::OnceLock;

use mail_parser::Charset;

/// Decodes bytes by a label of the Encoding Standard: the text, bytes that are not valid replaced
/// by U+FFFD, and whether there were such bytes. `None` when the host does not know the label.
pub type HostCharsets = fn(label: &str, bytes: &[u8]) -> Option<(String, bool)>;

static HOST: OnceLock<HostCharsets> = OnceLock::new();

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
        // The decoder of the one is that of the other (Encoding Standard, section 10.1.1); not every host's.
        Charset::Gbk | Charset::Gb18030 => "gb18030",
        Charset::Iso2022Jp => "iso-2022-jp",
        Charset::Ibm866 => "ibm866",
        Charset::XMacCyrillic => "x-mac-cyrillic",
        _ => return None,
    })
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use mail_parser::Charset;

    use super::{HostCharsets, set_host_charsets};
    use crate::mime::parse;

    /// A host that knows two characters of Shift_JIS and one of ISO-2022-JP.
    const HOST: HostCharsets = |label, bytes| match (label, bytes) {
        ("shift_jis", b"\x93\xfa\x96\x7b.txt") => Some(("日本.txt".to_owned(), false)),
        ("shift_jis", b"\x93\xfa\x96\x7b") => Some(("日本".to_owned(), false)),
        ("iso-2022-jp", b"\x1b$BF|\x1b(B.txt") => Some(("日.txt".to_owned(), false)),
        // Tests run side by side: those of other files see this host, too.
        _ => Charset::from_label(label.as_bytes()).map(|charset| {
            let (text, malformed) = charset.decode_checked(bytes);
            (text.into_owned(), malformed)
        }),
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
}
