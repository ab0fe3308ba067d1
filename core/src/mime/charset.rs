//! Charsets by their labels, and decoding by charset.
//!
//! Decides what the labels that occur in mail mean, misspelt and vendors' ones too, and repairs
//! ISO-2022-JP text that was cut into encoded words (RFC 2047) and joined again. What is not valid
//! in a charset becomes U+FFFD. Not here: what a body without a usable label is in
//! ([`super::reading`]), the decoders that the parser lacks ([`super::own_charsets`]) and the legacy
//! charsets of a build that leaves them to its host ([`super::host_charsets`]).

use std::borrow::Cow;

use mail_parser::Charset as Known;
use memchr::memchr;

use super::labels;
use super::own_charsets::Own;

const ESC: u8 = 0x1b;

/// The longest label that is looked at.
const MAX_LABEL: usize = 64;

/// A charset that text can be made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charset {
    /// One that the parser decodes, or a browser.
    Known(Known),
    /// One that this crate decodes.
    Own(Own),
}

impl Charset {
    /// UTF-8, which text without a label is tried as first.
    pub(crate) const UTF_8: Charset = Charset::Known(Known::Utf8);

    fn is_here(self) -> bool {
        cfg!(feature = "rare-charsets") || matches!(self, Charset::Known(_))
    }
}

impl Default for Charset {
    fn default() -> Self {
        Charset::UTF_8
    }
}

/// The charset of a label, `None` when it is not known.
pub(crate) fn from_label(label: &[u8]) -> Option<Charset> {
    let label = label.trim_ascii();
    let known = |label: &[u8]| labels::find(label).map(Charset::Known);
    known(label).or_else(|| {
        let is_noise = |byte: &u8| byte.is_ascii_whitespace() || b"\"'<>;,".contains(byte);
        let label = label.get(..MAX_LABEL).unwrap_or(label);
        let mut bare: Vec<u8> = label
            .iter()
            .filter(|byte| !is_noise(byte))
            .map(u8::to_ascii_lowercase)
            .collect();
        for prefix in ["charset=", "text/plain;charset="] {
            if let Some(rest) = bare.strip_prefix(prefix.as_bytes()) {
                bare = rest.to_vec();
            }
        }
        known(&bare).or_else(|| odd(&bare).filter(|found| found.is_here()))
    })
}

/// Whether a label says no more than no label: that the text is ASCII, or that nobody knows.
pub(crate) fn says_nothing(label: &[u8]) -> bool {
    const EMPTY: [&str; 16] = [
        "",
        "us-ascii",
        "ascii",
        "us_ascii",
        "ansi_x3.4-1968",
        "iso646-us",
        "iso-ir-6",
        "default",
        "default_charset",
        "unknown",
        "unknown-8bit",
        "x-unknown",
        "none",
        "unspecified",
        "8bit",
        "binary",
    ];
    let label = label.trim_ascii();
    // Most labels; the page's download is small rather than this fast.
    if cfg!(not(target_family = "wasm")) && label.eq_ignore_ascii_case(b"utf-8") {
        return false;
    }
    EMPTY
        .iter()
        .any(|empty| empty.as_bytes().eq_ignore_ascii_case(label))
}

/// Labels of mail programs beyond the IANA and WHATWG registries, and plain misspellings; `label`
/// in lower case.
fn odd(label: &[u8]) -> Option<Charset> {
    const NAMES: [(&str, Own); 22] = [
        ("ansi_x3.110-1983", Own::AnsiX3110),
        ("ansi_x3.110", Own::AnsiX3110),
        ("iso-ir-99", Own::AnsiX3110),
        ("csa_t500-1983", Own::AnsiX3110),
        ("naplps", Own::AnsiX3110),
        ("hz", Own::Hz),
        ("hz-gb-2312", Own::Hz),
        ("hz-gb2312", Own::Hz),
        ("csiso2022kr", Own::Iso2022Kr),
        ("iso-2022-kr", Own::Iso2022Kr),
        ("iso-2022-cn", Own::Iso2022Cn),
        ("iso-2022-cn-ext", Own::Iso2022Cn),
        ("johab", Own::Johab),
        ("x-johab", Own::Johab),
        ("x-mac-ce", Own::MacCe),
        ("x-mac-centraleurroman", Own::MacCe),
        ("macce", Own::MacCe),
        ("utf-32", Own::Utf32),
        ("utf-32le", Own::Utf32Le),
        ("utf-32be", Own::Utf32Be),
        ("ucs-4", Own::Utf32),
        ("iso-10646-ucs-4", Own::Utf32),
    ];
    if cfg!(feature = "rare-charsets")
        && let Some((_, charset)) = NAMES.iter().find(|(name, _)| name.as_bytes() == label)
    {
        return Some(Charset::Own(*charset));
    }
    if says_nothing(label) && !label.is_empty() {
        return Some(Charset::UTF_8);
    }
    // What is left of `UTF8mb4`, `cp-850`, `Windows_1251`, `x-iso88591` without punctuation.
    let text = std::str::from_utf8(label).ok()?;
    let text = text.strip_prefix("x-").unwrap_or(text);
    let key: String = text
        .chars()
        .filter(|char| char.is_ascii_alphanumeric())
        .collect();
    let number = |prefixes: &[&str]| {
        let digits = prefixes
            .iter()
            .find_map(|prefix| key.strip_prefix(prefix))?;
        digits.parse::<u32>().ok()
    };
    if let Some(digits) = number(&["iso8859", "8859"]) {
        return iso_8859(digits);
    }
    const PAGES: &[&str] = &[
        "windows",
        "win",
        "codepage",
        "cspc8codepage",
        "cspcp",
        "cspc",
        "mscp",
        "ms",
        "csibm",
        "ibm",
        "cp",
        "",
    ];
    if let Some(page) = number(PAGES) {
        return code_page(page);
    }
    let utf = |name: &str| key.starts_with(name) || key.starts_with(&format!("x{name}"));
    Some(match () {
        () if utf("utf8") => Charset::UTF_8,
        () if utf("utf16le") => Charset::Known(Known::Utf16Le),
        () if utf("utf16be") => Charset::Known(Known::Utf16Be),
        () if utf("utf16") || key == "ucs2" => Charset::Known(Known::Utf16),
        () if utf("utf32le") => Charset::Own(Own::Utf32Le),
        () if utf("utf32be") => Charset::Own(Own::Utf32Be),
        () if utf("utf32") => Charset::Own(Own::Utf32),
        () if utf("utf7") => Charset::Known(Known::Utf7),
        // `iso-2022-jp` and the like with other punctuation.
        () if key.starts_with("iso2022jp") => Charset::Known(Known::Iso2022Jp),
        () if key.starts_with("iso2022kr") => Charset::Own(Own::Iso2022Kr),
        () if key.starts_with("cp943") => Charset::Known(Known::ShiftJis),
        () if key.starts_with("big5") => Charset::Known(Known::Big5),
        () if key.starts_with("gb18030") => Charset::Known(Known::Gb18030),
        () if key.starts_with("gb2312") || key.starts_with("gbk") => Charset::Known(Known::Gbk),
        () if key.starts_with("ksc5601") => Charset::Known(Known::EucKr),
        () if key.starts_with("iso88598") => Charset::Known(Known::Iso8859_8),
        () if key.starts_with("iso88596") => Charset::Known(Known::Iso8859_6),
        () => return labels::find(key.as_bytes()).map(Charset::Known),
    })
}

/// A part of ISO 8859.
fn iso_8859(part: u32) -> Option<Charset> {
    let label = format!("iso-8859-{part}");
    labels::find(label.as_bytes()).map(Charset::Known)
}

/// A code page of Microsoft or IBM.
fn code_page(page: u32) -> Option<Charset> {
    use Charset::{Known as K, Own as O};
    Some(match page {
        437 => O(Own::Ibm437),
        737 => O(Own::Ibm737),
        775 => O(Own::Ibm775),
        850 => K(Known::Ibm850),
        852 => O(Own::Ibm852),
        855 => O(Own::Ibm855),
        857 => O(Own::Ibm857),
        858 => O(Own::Ibm858),
        862 => O(Own::Ibm862),
        866 => K(Known::Ibm866),
        874 => K(Known::Windows874),
        932 | 943 => K(Known::ShiftJis),
        936 | 20_936 | 51_936 => K(Known::Gbk),
        949 | 51_949 => K(Known::EucKr),
        950 => K(Known::Big5),
        1200 => K(Known::Utf16Le),
        1201 => K(Known::Utf16Be),
        1250 => K(Known::Windows1250),
        1251 => K(Known::Windows1251),
        1252 | 819 | 20_127 => K(Known::Windows1252),
        1253 => K(Known::Windows1253),
        1254 => K(Known::Windows1254),
        1255 => K(Known::Windows1255),
        1256 => K(Known::Windows1256),
        1257 => K(Known::Windows1257),
        1258 => K(Known::Windows1258),
        1361 => O(Own::Johab),
        10_000 => K(Known::Macintosh),
        10_007 => K(Known::XMacCyrillic),
        10_029 => O(Own::MacCe),
        12_000 => O(Own::Utf32Le),
        12_001 => O(Own::Utf32Be),
        20_866 => K(Known::Koi8R),
        20_932 | 51_932 => K(Known::EucJp),
        21_866 => K(Known::Koi8U),
        28_591..=28_606 => return iso_8859(page - 28_590),
        50_220..=50_222 => K(Known::Iso2022Jp),
        50_225 => O(Own::Iso2022Kr),
        50_227 => O(Own::Iso2022Cn),
        52_936 => O(Own::Hz),
        54_936 => K(Known::Gb18030),
        65_000 => K(Known::Utf7),
        65_001 => K(Known::Utf8),
        _ => return None,
    })
}

/// The text of `bytes`, borrowed when the bytes already are that text.
pub(crate) fn decode(charset: Charset, bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    let known = match charset {
        Charset::Known(known) => known,
        Charset::Own(_) if !charset.is_here() => Known::Utf8,
        Charset::Own(own) => return Cow::Owned(own.decode(&bytes).0),
    };
    let bytes = match joined_words(known, &bytes) {
        Some(joined) => Cow::Owned(joined),
        None => bytes,
    };
    #[cfg(feature = "host-charsets")]
    if let Some((text, _)) = super::host_charsets::decode(known, &bytes) {
        return Cow::Owned(text);
    }
    #[cfg(target_arch = "x86_64")]
    if let Some((text, _)) = single_byte::decode(known, &bytes) {
        return Cow::Owned(text);
    }
    match bytes {
        Cow::Borrowed(bytes) => known.decode(bytes),
        Cow::Owned(bytes) => Cow::Owned(known.decode_owned(bytes)),
    }
}

/// [`decode`], and whether some bytes were not valid in the charset.
pub(crate) fn decode_checked(charset: Charset, bytes: &[u8]) -> (Cow<'_, str>, bool) {
    let known = match charset {
        Charset::Known(known) => known,
        Charset::Own(_) if !charset.is_here() => Known::Utf8,
        Charset::Own(own) => {
            let (text, malformed) = own.decode(bytes);
            return (Cow::Owned(text), malformed);
        }
    };
    let joined = joined_words(known, bytes);
    #[cfg(feature = "host-charsets")]
    if let Some((text, malformed)) =
        super::host_charsets::decode(known, joined.as_deref().unwrap_or(bytes))
    {
        return (Cow::Owned(text), malformed);
    }
    match joined {
        Some(joined) => {
            let (text, malformed) = known.decode_checked(&joined);
            (Cow::Owned(text.into_owned()), malformed)
        }
        None => {
            #[cfg(target_arch = "x86_64")]
            if let Some((text, malformed)) = single_byte::decode(known, bytes) {
                return (Cow::Owned(text), malformed);
            }
            known.decode_checked(bytes)
        }
    }
}

/// The pieces of a text, each of which decodes as it does in the whole; one where it cannot be cut.
fn pieces(charset: Charset, bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (piece, after) = rest.split_at_checked(cut(charset, rest))?;
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Hands the text over in pieces and returns whether some bytes were not valid: [`decode_checked`] of a
/// text that is long.
pub(crate) fn each_piece(charset: Charset, bytes: &[u8], each: &mut dyn FnMut(&str)) -> bool {
    #[cfg(feature = "charsets")]
    if let Charset::Known(known) = charset
        && let Some(encoding) = multi_byte(known)
    {
        let joined = joined_words(known, bytes);
        return stream(encoding, joined.as_deref().unwrap_or(bytes), each);
    }
    let mut malformed = false;
    for piece in pieces(charset, bytes) {
        let (text, is_malformed) = decode_checked(charset, piece);
        malformed |= is_malformed;
        each(&text);
    }
    malformed
}

/// The charsets whose decoders keep what is between two pieces.
#[cfg(feature = "charsets")]
fn multi_byte(known: Known) -> Option<&'static encoding_rs::Encoding> {
    Some(match known {
        Known::ShiftJis => encoding_rs::SHIFT_JIS,
        Known::Big5 => encoding_rs::BIG5,
        Known::EucJp => encoding_rs::EUC_JP,
        Known::EucKr => encoding_rs::EUC_KR,
        Known::Gb18030 => encoding_rs::GB18030,
        Known::Gbk => encoding_rs::GBK,
        Known::Iso2022Jp => encoding_rs::ISO_2022_JP,
        _ => return None,
    })
}

#[cfg(feature = "charsets")]
fn stream(
    encoding: &'static encoding_rs::Encoding,
    bytes: &[u8],
    each: &mut dyn FnMut(&str),
) -> bool {
    let mut decoder = encoding.new_decoder();
    let mut text = String::with_capacity(PIECE);
    let (mut rest, mut malformed) = (bytes, false);
    loop {
        let (result, read, replaced) = decoder.decode_to_string(rest, &mut text, true);
        malformed |= replaced;
        rest = rest.get(read..).unwrap_or_default();
        each(&text);
        text.clear();
        if result == encoding_rs::CoderResult::InputEmpty {
            return malformed;
        }
    }
}

/// Octets of a piece of text.
const PIECE: usize = 64 << 10;

/// Where the first piece of a text ends.
fn cut(charset: Charset, bytes: &[u8]) -> usize {
    let Some((piece, rest)) = bytes.split_at_checked(PIECE) else {
        return bytes.len();
    };
    let octet_by_octet = match charset {
        Charset::Known(known) => is_single_byte(known),
        Charset::Own(own) => own.is_single_byte(),
    };
    if octet_by_octet {
        return PIECE;
    }
    match charset {
        // Before the first octet of a character; where there is none, each octet is one that is damaged.
        Charset::UTF_8 => {
            let last = bytes.get(PIECE - 3..=PIECE).unwrap_or_default();
            let first = last.iter().rposition(|byte| byte & 0xc0 != 0x80);
            PIECE - 3 + first.unwrap_or(3)
        }
        // Between two octets of ASCII the first of which is never the second of a character.
        Charset::Known(
            Known::ShiftJis
            | Known::Big5
            | Known::EucJp
            | Known::EucKr
            | Known::Gb18030
            | Known::Gbk
            | Known::Ibm866
            | Known::XMacCyrillic,
        ) => {
            let ends = |pair: &[u8]| matches!(pair, [..0x30, ..0x80]);
            let before = piece.windows(2).rposition(ends).map(|at| at + 1);
            let behind = || rest.windows(2).position(ends).map(|at| PIECE + at + 1);
            before.or_else(behind).unwrap_or(bytes.len())
        }
        _ => bytes.len(),
    }
}

#[cfg(all(test, feature = "charsets"))]
#[test]
fn pieces_are_the_text_that_the_whole_is() {
    use Known::*;
    let mut state = 1_u32;
    let mut below = |end: u32| {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        (state >> 16) % end
    };
    let known = [
        ShiftJis,
        Big5,
        EucJp,
        EucKr,
        Gb18030,
        Gbk,
        Iso2022Jp,
        Utf8,
        Windows1251,
        Ibm866,
        Utf7,
        Utf16,
    ];
    for known in known {
        for lowest in [0, 0x21, 0x80] {
            let octets = (0..200_000).map(|_| (lowest + below(256 - lowest)) as u8);
            let bytes: Vec<u8> = octets.collect();
            let mut text = String::new();
            let charset = Charset::Known(known);
            let malformed = each_piece(charset, &bytes, &mut |piece| text.push_str(piece));
            let (whole, is_malformed) = decode_checked(charset, &bytes);
            assert!(text == whole, "{known:?} from {lowest}");
            assert_eq!(malformed, is_malformed, "{known:?}");
        }
    }
}

/// Whether each octet is a character, whatever stands before it.
fn is_single_byte(known: Known) -> bool {
    use Known::*;
    matches!(
        known,
        Iso8859_2
            | Iso8859_3
            | Iso8859_4
            | Iso8859_5
            | Iso8859_6
            | Iso8859_7
            | Iso8859_8
            | Iso8859_9
            | Iso8859_10
            | Iso8859_13
            | Iso8859_14
            | Iso8859_15
            | Iso8859_16
            | Windows1250
            | Windows1251
            | Windows1252
            | Windows1253
            | Windows1254
            | Windows1255
            | Windows1256
            | Windows1257
            | Windows1258
            | Koi8R
            | Koi8U
            | Macintosh
            | Ibm850
            | Tis620
            | Windows874
            | XUserDefined
    )
}

/// The charsets of one octet for each character, with the widest registers that the processor has.
#[cfg(target_arch = "x86_64")]
mod single_byte {
    use std::sync::OnceLock;

    use mail_parser::Charset::{self as Known, *};
    use popmail_simd::SingleByte;

    /// Shorter texts are not worth it.
    const LONG: usize = 128;

    const ALL: [Known; 29] = [
        Iso8859_2,
        Iso8859_3,
        Iso8859_4,
        Iso8859_5,
        Iso8859_6,
        Iso8859_7,
        Iso8859_8,
        Iso8859_9,
        Iso8859_10,
        Iso8859_13,
        Iso8859_14,
        Iso8859_15,
        Iso8859_16,
        Windows1250,
        Windows1251,
        Windows1252,
        Windows1253,
        Windows1254,
        Windows1255,
        Windows1256,
        Windows1257,
        Windows1258,
        Koi8R,
        Koi8U,
        Macintosh,
        Ibm850,
        Tis620,
        Windows874,
        Ibm866,
    ];

    /// The text of bytes that are not all ASCII, and whether some were not valid; `None` where the
    /// charset is none of these or the text is short.
    pub(super) fn decode(known: Known, bytes: &[u8]) -> Option<(String, bool)> {
        static TABLES: [OnceLock<Option<SingleByte>>; ALL.len()] =
            [const { OnceLock::new() }; ALL.len()];
        if known == Known::Utf8 || bytes.len() < LONG || bytes.is_ascii() {
            return None;
        }
        let at = ALL.iter().position(|one| *one == known)?;
        let table = TABLES.get(at)?.get_or_init(|| table(known)).as_ref()?;
        let mut text = String::new();
        let malformed = table.decode(bytes, &mut text);
        Some((text, malformed))
    }

    /// What the parser makes of each octet.
    fn table(known: Known) -> Option<SingleByte> {
        let mut upper = ['\0'; 128];
        for (char, octet) in upper.iter_mut().zip(0x80..=0xff) {
            let octet = [octet];
            let text = known.decode(&octet);
            let mut chars = text.chars();
            *char = chars.next().filter(|_| chars.as_str().is_empty())?;
        }
        SingleByte::new(upper)
    }

    #[cfg(test)]
    #[test]
    fn they_are_read_as_the_parser_reads_them() {
        for octet in 0..=0xff {
            let bytes = [
                &b"plain text "[..],
                &[octet; 3],
                &(0..=0xff).collect::<Vec<u8>>(),
            ]
            .concat();
            for known in ALL {
                let (text, malformed) = known.decode_checked(&bytes);
                assert_eq!(
                    decode(known, &bytes),
                    Some((text.into_owned(), malformed)),
                    "{known:?}"
                );
            }
        }
    }
}

/// The bytes of encoded words that were joined, made valid again; `None` if they already are.
fn joined_words(charset: Known, bytes: &[u8]) -> Option<Vec<u8>> {
    (charset == Known::Iso2022Jp)
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
    use super::{Charset, append, from_label};
    use crate::mime::own_charsets::Own;

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
            "utf8mb4",
            "UTF8MB3",
            "utf-8n",
            "gb2312",
            "gb2312_charset",
            "iso-2022-kr",
            "windows_1251",
            "win-1250",
            "Windows1252",
            "iso88591",
            "ISO8859-15",
            "iso-8859-8-i",
            "8859-1",
            "cp65001",
            "\"utf-8\"",
            "charset=utf-8",
            "utf-8;",
            "x-sjis",
            "ks_c_5601-1987",
            "unknown-8bit",
            "x-mac-ce",
            "cp51932",
            "cp50220",
            "ms949",
        ] {
            assert!(from_label(label.as_bytes()).is_some(), "{label}");
        }
        assert_eq!(
            from_label(b"IBM437"),
            Some(Charset::Own(Own::Ibm437)),
            "code pages are found by number"
        );
        for label in ["x-nonsense", "", "1", "iso-8859-99", "cp1", "windows-9999"] {
            assert_eq!(from_label(label.as_bytes()), None, "{label}");
        }
    }
}
