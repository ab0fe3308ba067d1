//! The charset that a text is read in: the labelled one, or a guess where that cannot be.
//!
//! Decides when a label is not believed and what is believed instead:
//!
//! 1. a byte order mark tells the charset where the label does not name a legacy one;
//! 2. what is valid UTF-8 beyond ASCII is UTF-8, under the labels of ASCII and Latin-1 too, and
//!    under any other in which it is not valid; likewise what is mostly valid UTF-8;
//! 3. `ESC $ B` and its kin in text without a label, or with one that says nothing, mean ISO-2022;
//! 4. without a usable label an HTML text's own `<meta>` tells;
//! 5. else statistics tell: [`super::detect`].
//!
//! A label that can be is always believed: `iso-8859-5` is never taken for `windows-1251`. Every
//! guess is a [`CharsetGuess`] and shows as a defect. A build without the feature `rare-charsets`
//! guesses nothing, one without `detect` nothing by statistics: what is not valid is U+FFFD there.
//! Everything depends on the bytes and the label alone, so that every language comes to the same.

use std::borrow::Cow;
#[cfg(feature = "detect")]
use std::cell::RefCell;

use mail_parser::Charset as Known;
use memchr::{memchr, memmem};

use super::charset::{self, Charset};

/// How much of a text is looked at for a `<meta>`.
const META_READ: usize = 4_096;

/// How many `<meta>` elements are looked at.
const META_TRIES: usize = 64;

/// From this length on the check for UTF-8 is worth more care.
const LONG: usize = 4_096;

/// Longer texts are not decoded whole, where their charset lets them be cut: a text of one octet for
/// each character is twice as long in UTF-8, and as long again as the string of another language.
pub(crate) const WHOLE: usize = if cfg!(feature = "pieces") {
    256 << 10
} else {
    usize::MAX
};

/// How much of a text is given to the detector, from its first byte that is not ASCII.
#[cfg(feature = "detect")]
const DETECTED: usize = 16 << 10;

/// What a guess rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// The text starts with a byte order mark.
    Mark,
    /// The bytes are valid in this charset, and would hardly be by chance.
    Content,
    /// The HTML text says so in a `<meta>` element.
    Meta,
    /// The frequencies of bytes.
    Statistics,
}

impl Evidence {
    /// The stable text: `mark`, `content`, `meta` or `statistics`.
    pub fn as_str(self) -> &'static str {
        match self {
            Evidence::Mark => "mark",
            Evidence::Content => "content",
            Evidence::Meta => "meta",
            Evidence::Statistics => "statistics",
        }
    }
}

/// A charset that was guessed, since the label was missing, unknown or wrong.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CharsetGuess {
    /// The label of the charset, in lower case.
    pub charset: Cow<'static, str>,
    /// What the guess rests on.
    pub evidence: Evidence,
    /// Whether nothing else was nearly as likely.
    pub confident: bool,
}

impl CharsetGuess {
    fn new(charset: impl Into<Cow<'static, str>>, evidence: Evidence) -> Self {
        CharsetGuess {
            charset: charset.into(),
            evidence,
            confident: evidence != Evidence::Statistics,
        }
    }
}

/// What is known of a text besides its bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Label {
    /// The charset that the label means; UTF-8 where there is none or an unknown one.
    pub(crate) charset: Charset,
    /// There is no label, or one that says nothing.
    pub(crate) is_loose: bool,
    /// The text is HTML.
    pub(crate) is_html: bool,
}

impl Label {
    /// The label of a part's text, `None` where the field has none.
    pub(crate) fn new(label: Option<&str>, is_html: bool) -> Self {
        let label = label.map(str::as_bytes);
        let known = label.and_then(charset::from_label);
        Label {
            charset: known.unwrap_or_default(),
            is_loose: known.is_none() || label.is_none_or(charset::says_nothing),
            is_html,
        }
    }
}

/// A text in one charset: decoded where it is short, and only looked at where it is long.
pub(crate) struct Decoded<'b> {
    charset: Charset,
    bytes: &'b [u8],
    text: Option<Cow<'b, str>>,
    malformed: bool,
}

impl<'b> Decoded<'b> {
    fn new(charset: Charset, bytes: &'b [u8]) -> Self {
        let (text, malformed) = if bytes.len() <= WHOLE {
            let (text, malformed) = charset::decode_checked(charset, bytes);
            (Some(text), malformed)
        } else {
            let valid = std::str::from_utf8(bytes).ok();
            let text = valid.filter(|_| charset == Charset::UTF_8);
            let malformed = text.is_none() && charset::each_piece(charset, bytes, &mut |_| {});
            (text.map(Cow::Borrowed), malformed)
        };
        Decoded {
            charset,
            bytes,
            text,
            malformed,
        }
    }

    /// The whole text.
    pub(crate) fn text(self) -> Cow<'b, str> {
        let decode = || charset::decode(self.charset, Cow::Borrowed(self.bytes));
        self.text.unwrap_or_else(decode)
    }

    /// The text in pieces.
    #[cfg(feature = "pieces")]
    fn each(self, each: &mut dyn FnMut(&str)) {
        match self.text {
            Some(text) => each(&text),
            None => {
                charset::each_piece(self.charset, self.bytes, each);
            }
        }
    }
}

/// A text as it was read.
pub(crate) struct Reading<'b> {
    pub(crate) decoded: Decoded<'b>,
    /// The charset, where it is not the labelled one.
    pub(crate) guess: Option<CharsetGuess>,
    /// Whether bytes were not valid in the labelled charset.
    pub(crate) malformed: bool,
}

/// The text of a body.
pub(crate) fn text(label: Label, bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    if !cfg!(feature = "rare-charsets") {
        // Nothing is guessed.
        return charset::decode(label.charset, bytes);
    }
    if label.charset == Charset::UTF_8 {
        return match bytes {
            Cow::Borrowed(bytes) if bytes.len() > WHOLE => read(label, bytes).decoded.text(),
            Cow::Borrowed(bytes) => match charset::decode(label.charset, Cow::Borrowed(bytes)) {
                Cow::Borrowed(text) if !has_escapes(label, bytes) => Cow::Borrowed(text),
                text => guessed(label, bytes).map_or(text, |(found, _)| found.text()),
            },
            Cow::Owned(bytes) => {
                // The parser's check for long texts is faster than the standard library's.
                let is_text = match bytes.len() {
                    ..LONG => std::str::from_utf8(&bytes).is_ok(),
                    _ => matches!(Known::Utf8.decode(&bytes), Cow::Borrowed(_)),
                };
                if is_text && !has_escapes(label, &bytes) {
                    return charset::decode(label.charset, Cow::Owned(bytes));
                }
                Cow::Owned(read(label, &bytes).decoded.text().into_owned())
            }
        };
    }
    if bytes.is_ascii() && !needs_look(label.charset) && !has_escapes(label, &bytes) {
        return charset::decode(label.charset, bytes);
    }
    match bytes {
        Cow::Borrowed(bytes) => read(label, bytes).decoded.text(),
        Cow::Owned(bytes) => Cow::Owned(read(label, &bytes).decoded.text().into_owned()),
    }
}

/// Whether bytes that are all ASCII may be wrong in the charset.
fn needs_look(charset: Charset) -> bool {
    matches!(charset, Charset::Known(Known::Iso2022Jp) | Charset::Own(_))
}

/// Hands the text of a body over, a long one in pieces.
#[cfg(feature = "pieces")]
pub(crate) fn pieces(label: Label, bytes: &[u8], each: &mut dyn FnMut(&str)) {
    match bytes.len() {
        ..=WHOLE => each(&text(label, Cow::Borrowed(bytes))),
        _ => read(label, bytes).decoded.each(each),
    }
}

/// The text of a body, and how it was read.
pub(crate) fn read(label: Label, bytes: &[u8]) -> Reading<'_> {
    // Text that is not UTF-8 would triple as UTF-8 with replacements: the guess comes first.
    let is_unicode = label.charset == Charset::UTF_8;
    let known = (!is_unicode || std::str::from_utf8(bytes).is_ok())
        .then(|| Decoded::new(label.charset, bytes));
    let malformed = known.as_ref().is_none_or(|known| known.malformed);
    let looks_wrong = malformed || has_escapes(label, bytes) || is_latin_1(label.charset);
    let guessed = looks_wrong.then(|| guessed(label, bytes)).flatten();
    let (decoded, guess) = match guessed {
        Some((decoded, guess)) => (decoded, Some(guess)),
        None => {
            let lossy = || Decoded::new(label.charset, bytes);
            (known.unwrap_or_else(lossy), None)
        }
    };
    Reading {
        decoded,
        guess,
        malformed,
    }
}

fn is_latin_1(charset: Charset) -> bool {
    charset == Charset::Known(Known::Windows1252)
}

/// Whether text that should be ASCII or UTF-8 has escape sequences of ISO 2022.
fn has_escapes(label: Label, bytes: &[u8]) -> bool {
    label.is_loose && memchr(0x1b, bytes).is_some() && escapes(bytes).is_some()
}

/// The charset that escape sequences show.
fn escapes(bytes: &[u8]) -> Option<(&'static str, Charset)> {
    memchr::memchr_iter(0x1b, bytes)
        .take(16)
        .find_map(|at| match bytes.get(at + 1..)? {
            [b'$', b'B' | b'@', ..] | [b'$', b'(', b'D', ..] => {
                Some(("iso-2022-jp", Known::Iso2022Jp))
            }
            [b'$', b')', b'C', ..] => Some(("iso-2022-kr", Known::Replacement)),
            _ => None,
        })
        .map(|(name, known)| match known {
            Known::Replacement => (name, Charset::Own(super::own_charsets::Own::Iso2022Kr)),
            known => (name, Charset::Known(known)),
        })
}

/// The text in a charset that is more likely than the labelled one, in which it is not valid or
/// hardly meant; `None` where there is none.
fn guessed(label: Label, bytes: &[u8]) -> Option<(Decoded<'_>, CharsetGuess)> {
    if !cfg!(feature = "rare-charsets") {
        return None;
    }
    let in_charset = |charset: Charset, guess: CharsetGuess| {
        let decoded = Decoded::new(charset, bytes);
        (!decoded.malformed).then_some((decoded, guess))
    };
    let is_unicode = label.charset == Charset::UTF_8;
    if is_unicode || label.is_loose {
        const MARKS: [(&[u8], &str); 4] = [
            (b"\xff\xfe\0\0", "utf-32le"),
            (b"\0\0\xfe\xff", "utf-32be"),
            (b"\xff\xfe", "utf-16le"),
            (b"\xfe\xff", "utf-16be"),
        ];
        if let Some((mark, name)) = MARKS.iter().find(|(mark, _)| bytes.starts_with(mark)) {
            let charset = charset::from_label(name.as_bytes()).unwrap_or_default();
            let rest = bytes.get(mark.len()..).unwrap_or_default();
            let decoded = Decoded::new(charset, rest);
            if !decoded.malformed {
                return Some((decoded, CharsetGuess::new(*name, Evidence::Mark)));
            }
        }
        if has_escapes(label, bytes)
            && let Some((name, charset)) = escapes(bytes)
            && let Some(found) = in_charset(charset, CharsetGuess::new(name, Evidence::Content))
        {
            return Some(found);
        }
    }
    match std::str::from_utf8(bytes) {
        Ok(_) if is_unicode || bytes.is_ascii() => return None,
        Ok(_) => {
            let guess = CharsetGuess::new("utf-8", Evidence::Content);
            return Some((Decoded::new(Charset::UTF_8, bytes), guess));
        }
        Err(_) if is_latin_1(label.charset) && !label.is_loose => return None,
        Err(_) if is_mostly_utf_8(bytes) => {
            if is_unicode {
                return None;
            }
            let guess = CharsetGuess::new("utf-8", Evidence::Content);
            return Some((Decoded::new(Charset::UTF_8, bytes), guess));
        }
        Err(_) => {}
    }
    if label.is_html
        && (is_unicode || label.is_loose)
        && let Some((name, charset)) = meta(bytes)
        && charset != Charset::UTF_8
        && let Some(found) = in_charset(charset, CharsetGuess::new(name, Evidence::Meta))
    {
        return Some(found);
    }
    let (name, confident, charset) = detect(bytes)?;
    if charset == label.charset && !label.is_loose {
        return None;
    }
    // Against a label that names a charset only what is sure counts.
    if !label.is_loose && !confident {
        return None;
    }
    let guess = CharsetGuess {
        confident,
        ..CharsetGuess::new(name, Evidence::Statistics)
    };
    let decoded = Decoded::new(charset, bytes);
    // A text that was cut may end within a character.
    (!decoded.malformed || is_unicode || label.is_loose).then_some((decoded, guess))
}

/// Whether most of what is not ASCII is valid UTF-8: a text with a few damaged bytes.
fn is_mostly_utf_8(bytes: &[u8]) -> bool {
    let (mut valid, mut invalid) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        valid += chunk
            .valid()
            .chars()
            .filter(|char| !char.is_ascii())
            .count();
        invalid += usize::from(!chunk.invalid().is_empty());
    }
    valid > invalid
}

/// The charset that the `<meta>` of an HTML text names, and its label.
fn meta(bytes: &[u8]) -> Option<(String, Charset)> {
    let head = bytes.get(..META_READ).unwrap_or(bytes).to_ascii_lowercase();
    memmem::find_iter(&head, b"<meta")
        .take(META_TRIES)
        .find_map(|at| {
            let tag = head.get(at..)?;
            let tag = tag.get(..memchr(b'>', tag)?)?;
            let at = memmem::find(tag, b"charset")? + b"charset".len();
            let value = tag.get(at..)?.trim_ascii_start().strip_prefix(b"=")?;
            let value = value.trim_ascii_start();
            let value = value.strip_prefix(b"\"").unwrap_or(value);
            let value = value.strip_prefix(b"'").unwrap_or(value);
            let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"\"';/".contains(byte);
            let len = value.iter().position(is_end).unwrap_or(value.len());
            let label = value.get(..len)?;
            let charset = charset::from_label(label)?;
            Some((String::from_utf8_lossy(label).into_owned(), charset))
        })
}

/// The charset by statistics.
#[cfg(feature = "detect")]
fn detect(bytes: &[u8]) -> Detected {
    let start = bytes.iter().position(|byte| !byte.is_ascii())?;
    let sample = bytes.get(start..)?;
    let sample = sample.get(..DETECTED).unwrap_or(sample);
    if sample.len() > SHORT {
        return known(super::detect::charset(sample));
    }
    LAST.with_borrow_mut(|(bytes, found)| {
        if bytes != sample {
            found.clone_from(&known(super::detect::charset(sample)));
            bytes.clear();
            bytes.extend_from_slice(sample);
        }
        found.clone()
    })
}

/// Shorter texts come again and again: names, greetings, the same part read as text and for defects.
#[cfg(feature = "detect")]
const SHORT: usize = 64;

#[cfg(feature = "detect")]
thread_local! {
    /// The last short text, and its charset.
    static LAST: RefCell<(Vec<u8>, Detected)> = const { RefCell::new((Vec::new(), None)) };
}

/// A charset by statistics, and whether nothing else was nearly as likely.
type Detected = Option<(String, bool, Charset)>;

/// With the charset that the name means.
#[cfg(feature = "detect")]
fn known(found: Option<(String, bool)>) -> Detected {
    let (name, confident) = found?;
    let charset = charset::from_label(name.as_bytes())?;
    Some((name, confident, charset))
}

#[cfg(not(feature = "detect"))]
fn detect(_: &[u8]) -> Detected {
    None
}

/// The bytes of a header field or a parameter that are neither ASCII nor UTF-8, or that have escape
/// sequences: the text and the charset that it was read in, `None` where they are text already.
pub(crate) fn raw_header(bytes: &[u8]) -> Option<(String, CharsetGuess)> {
    let label = Label {
        is_loose: true,
        ..Label::default()
    };
    if std::str::from_utf8(bytes).is_ok() && !has_escapes(label, bytes) {
        return None;
    }
    let (found, guess) = guessed(label, bytes)?;
    Some((found.text().into_owned(), guess))
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use std::borrow::Cow;

    use super::{Evidence, Label, Reading, raw_header, read, text};

    fn reads(label: Option<&str>, bytes: &[u8]) -> (String, Option<(String, Evidence)>) {
        let label = Label::new(label, bytes.starts_with(b"<"));
        let Reading { decoded, guess, .. } = read(label, bytes);
        let whole = decoded.text();
        for bytes in [Cow::Borrowed(bytes), Cow::Owned(bytes.to_vec())] {
            assert_eq!(text(label, bytes), whole);
        }
        (
            whole.into_owned(),
            guess.map(|guess| (guess.charset.into_owned(), guess.evidence)),
        )
    }

    fn is(label: Option<&str>, bytes: &[u8], expected: &str, charset: &str, evidence: Evidence) {
        let found = reads(label, bytes);
        assert_eq!(found.0, expected);
        assert_eq!(found.1, Some((charset.to_owned(), evidence)), "{expected}");
    }

    #[test]
    fn labels_that_can_be_are_believed() {
        for (label, bytes, expected) in [
            (None, "Grüße".as_bytes(), "Grüße"),
            (Some("utf-8"), "Grüße".as_bytes(), "Grüße"),
            (Some("iso-8859-1"), b"Gr\xfc\xdfe", "Grüße"),
            (Some("iso-8859-5"), b"\xbf\xe0\xd8\xd2\xd5\xe2", "Привет"),
            (Some("utf-8"), b"Gr\xc3\xbc\xc3\x9fe \xff", "Grüße \u{fffd}"),
            (None, b"plain", "plain"),
            (Some("utf-8"), b"\x1b[1mbold", "\x1b[1mbold"),
        ] {
            assert_eq!(reads(label, bytes), (expected.to_owned(), None));
        }
    }

    #[test]
    fn wrong_labels_are_seen_through() {
        let utf_8 = "Grüße aus Köln".as_bytes();
        for label in ["us-ascii", "iso-8859-1", "windows-1252", "euc-jp"] {
            is(
                Some(label),
                utf_8,
                "Grüße aus Köln",
                "utf-8",
                Evidence::Content,
            );
        }
        is(None, b"\xff\xfeH\0i\0", "Hi", "utf-16le", Evidence::Mark);
        is(
            None,
            b"\x1b$BF|K\\\x1b(B",
            "日本",
            "iso-2022-jp",
            Evidence::Content,
        );
        is(
            Some("us-ascii"),
            b"\x1b$)C\x0eGQ1[\x0f",
            "한글",
            "iso-2022-kr",
            Evidence::Content,
        );
        is(
            None,
            b"<meta charset=\"windows-1251\"><p>\xcf\xf0\xe8\xe2\xe5\xf2",
            "<meta charset=\"windows-1251\"><p>Привет",
            "windows-1251",
            Evidence::Meta,
        );
        is(
            None,
            b"<html><META http-equiv=Content-Type content='text/html; charset=koi8-r'>\xf0\xd2\xc9",
            "<html><META http-equiv=Content-Type content='text/html; charset=koi8-r'>При",
            "koi8-r",
            Evidence::Meta,
        );
    }

    #[cfg(feature = "detect")]
    #[test]
    fn statistics_tell_where_nothing_else_does() {
        let russian = b"\xc4\xee\xe1\xf0\xfb\xe9 \xe4\xe5\xed\xfc, \xea\xe0\xea \xe4\xe5\xeb\xe0?";
        for label in [None, Some("us-ascii"), Some("x-nonsense"), Some("utf-8")] {
            is(
                label,
                russian,
                "Добрый день, как дела?",
                "windows-1251",
                Evidence::Statistics,
            );
        }
        let (name, guess) = raw_header(b"\xce\xf2\xf7\xb8\xf2 \xe7\xe0 \xec\xe0\xe9.doc").unwrap();
        assert_eq!(
            (name.as_str(), &*guess.charset),
            ("Отчёт за май.doc", "windows-1251")
        );
        let (latin, guess) = raw_header(b"Gr\xfc\xdfe aus K\xf6ln").unwrap();
        assert_eq!(
            (latin.as_str(), &*guess.charset),
            ("Grüße aus Köln", "windows-1252")
        );
    }

    #[test]
    fn plain_headers_are_not_guessed_at() {
        for raw in [&b"plain"[..], "Grüße".as_bytes(), b"\x1b[1m"] {
            assert_eq!(raw_header(raw), None);
        }
    }
}
