//! The header fields of a message or part: in order, duplicates kept, raw and decoded.
//!
//! Decides how unstructured text is read (RFC 5322 section 2.2, RFC 2047, RFC 6532) and that the
//! first of two fields with one name is *the* field. Addresses and dates are read in their own
//! modules.

use std::borrow::Cow;
use std::ops::Range;

use mail_parser::HeaderName;

use super::options::{Duplicates, MimeLimits, ParseOptions};
use super::store::Source;
use super::{AddressList, DateTime, charset, content_id, reading};

/// The header fields of one message or part, in the order they were written.
#[derive(Clone, Copy)]
pub struct Headers<'m> {
    inner: mail_parser::Headers<'m>,
    source: Source<'m>,
    /// The line `From …` of an mbox file comes before the fields of a message and is none.
    skip: usize,
    /// The fields that are looked at, that line not counted.
    len: usize,
    /// Where the parser's fields that are beyond a limit start.
    limit: u32,
    duplicates: Duplicates,
}

/// One header field.
#[derive(Clone, Copy)]
pub struct Header<'m> {
    inner: mail_parser::Header<'m>,
    source: Source<'m>,
}

impl<'m> Headers<'m> {
    pub(crate) fn new(
        part: mail_parser::MessagePart<'m>,
        source: Source<'m>,
        options: &ParseOptions,
    ) -> Self {
        let inner = part.headers();
        let skip = inner
            .iter()
            .next()
            .is_some_and(|first| first.raw_name().starts_with("From "));
        let skip = usize::from(skip);
        let mut headers = Headers {
            inner,
            source,
            skip,
            len: inner.len() - skip,
            limit: u32::MAX,
            duplicates: options.duplicates,
        };
        let block = part.offset_body() - part.offset_header().min(part.offset_body());
        let limits = &options.limits;
        if headers.len > limits.headers || block as usize > limits.header_bytes {
            headers.cut(part.offset_header(), limits);
        }
        headers
    }

    #[cold]
    fn cut(&mut self, start: u32, limits: &MimeLimits) {
        let end = u32::try_from(limits.header_bytes).unwrap_or(u32::MAX);
        let end = start.saturating_add(end);
        let kept = self.inner.iter().skip(self.skip).take(limits.headers);
        let kept = kept.take_while(|field| field.offset_end() <= end).count();
        let next = self.inner.iter().nth(self.skip + kept);
        if let Some(next) = next {
            (self.len, self.limit) = (kept, next.offset_field());
        }
    }

    /// Where the fields start that are beyond a limit, if there are any.
    pub(crate) fn beyond(&self) -> Option<usize> {
        (self.limit != u32::MAX).then(|| self.source.offset(self.limit))
    }

    /// The number of fields.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every field in the order they were written.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Header<'m>> + use<'m> {
        let source = self.source;
        self.inner
            .iter()
            .skip(self.skip)
            .take(self.len)
            .map(move |inner| Header { inner, source })
    }

    /// The field with this name; upper and lower case are the same. Of several the first, or the
    /// last where the message was parsed so ([`Duplicates`]).
    pub fn get(&self, name: &str) -> Option<Header<'m>> {
        match self.duplicates {
            Duplicates::First => self.get_all(name).next(),
            Duplicates::Last => self.get_all(name).last(),
        }
    }

    /// Every field with this name in the order they were written.
    pub fn get_all<'n>(&self, name: &'n str) -> impl Iterator<Item = Header<'m>> + use<'m, 'n> {
        self.iter()
            .filter(move |header| header.name_bytes().eq_ignore_ascii_case(name.as_bytes()))
    }

    /// The field of several that counts, by a name that the parser keeps by number.
    pub(crate) fn first(&self, name: HeaderName<'static>) -> Option<Header<'m>> {
        let source = self.source;
        let mut named = self.inner.all(name);
        let inner = match (self.duplicates, self.limit) {
            (Duplicates::First, u32::MAX) => named.next(),
            (Duplicates::First, limit) => named.find(|field| field.offset_field() < limit),
            (Duplicates::Last, limit) => named
                .take_while(|field| field.offset_field() < limit)
                .last(),
        };
        inner.map(|inner| Header { inner, source })
    }

    /// [`Headers::first`] of the headers of a part, without the work of counting them.
    #[cfg(not(target_family = "wasm"))]
    #[inline]
    pub(crate) fn first_of(
        part: mail_parser::MessagePart<'m>,
        source: Source<'m>,
        options: &ParseOptions,
        name: HeaderName<'static>,
    ) -> Option<Header<'m>> {
        let inner = part.headers();
        let block = part.offset_body() - part.offset_header().min(part.offset_body());
        let limits = &options.limits;
        let is_within = inner.len() <= limits.headers && block as usize <= limits.header_bytes;
        if !is_within || options.duplicates != Duplicates::First {
            return Headers::new(part, source, options).first(name);
        }
        let inner = inner.all(name).next()?;
        Some(Header { inner, source })
    }

    /// The mbox line before the fields, if there is one.
    pub(crate) fn envelope_line(&self) -> Option<Header<'m>> {
        let source = self.source;
        self.inner
            .iter()
            .take(self.skip)
            .map(|inner| Header { inner, source })
            .next()
    }
}

impl<'m> Header<'m> {
    fn name_bytes(&self) -> &'m [u8] {
        let end = self.inner.offset_start().saturating_sub(1);
        self.source
            .slice(self.inner.offset_field(), end)
            .trim_ascii_end()
    }

    /// The name as written; bytes that are not UTF-8 become U+FFFD.
    pub fn name(&self) -> Cow<'m, str> {
        String::from_utf8_lossy(self.name_bytes())
    }

    /// The bytes after the colon, folded as written, without the final line end.
    pub fn raw_value(&self) -> &'m [u8] {
        let value = self
            .source
            .slice(self.inner.offset_start(), self.inner.offset_end());
        let value = value.strip_suffix(b"\n").unwrap_or(value);
        value.strip_suffix(b"\r").unwrap_or(value)
    }

    /// The value as text: unfolded, encoded words decoded (RFC 2047), without control characters; of
    /// more than 512 KiB the beginning, which the defect `limit-reached` tells.
    pub fn value(&self) -> Cow<'m, str> {
        unstructured(self.raw_value())
    }

    /// The value as an address list (RFC 5322 section 3.4), whatever the field is called.
    pub fn addresses(&self) -> AddressList<'m> {
        AddressList::parse(self.raw_value())
    }

    /// The value as a date (RFC 5322 section 3.3), `None` when it is no possible one.
    pub fn date(&self) -> Option<DateTime> {
        DateTime::parse(self.raw_value())
    }

    /// The value as message identifiers without angle brackets (RFC 5322 section 3.6.4).
    pub fn identifiers(&self) -> Vec<Cow<'m, str>> {
        content_id::identifiers(self.raw_value())
    }

    /// Where the field stands in the bytes of its message, final line end included.
    pub(crate) fn range(&self) -> Range<usize> {
        self.source.offset(self.inner.offset_field())..self.source.offset(self.inner.offset_end())
    }

    /// Where the value starts in the bytes of its message.
    #[cfg(feature = "details")]
    pub(crate) fn value_start(&self) -> usize {
        self.source.offset(self.inner.offset_start())
    }

    /// Where name, value and final line end start in the bytes of its message.
    pub(crate) fn positions(&self) -> [usize; 3] {
        let start = self.source.offset(self.inner.offset_start());
        let field = self.source.offset(self.inner.offset_field());
        [field, start, start + self.raw_value().len()]
    }

    pub(crate) fn content_type(&self) -> Option<mail_parser::ContentType<'m>> {
        self.inner.value().as_content_type()
    }
}

impl std::fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl std::fmt::Debug for Header<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.name(), self.value())
    }
}

/// Unstructured text of a field: unfolded, encoded words decoded, nothing that controls a terminal
/// or could start another field.
///
/// Bytes that are neither ASCII nor UTF-8 are read in the charset that they most likely are in.
pub(crate) fn unstructured(raw: &[u8]) -> Cow<'_, str> {
    let raw = readable(raw);
    // The page's download is small rather than this fast.
    #[cfg(not(target_family = "wasm"))]
    if let Some(text) = as_written(raw) {
        return Cow::Borrowed(text);
    }
    if let Some((text, _)) = reading::raw_header(raw) {
        let decoded = encodify::rfc2047::decode_text(text.as_bytes(), charset::append).into_owned();
        return Cow::Owned(without_controls(Cow::Owned(decoded)).into_owned());
    }
    without_controls(encodify::rfc2047::decode_text(raw, charset::append))
}

/// How much of a field is read as text: far more than any program writes (Postfix keeps 100 kB of a field,
/// Exim refuses a header of 1 MiB), and little enough for what is made of it to be there several times.
#[cfg(feature = "pieces")]
const MAX_TEXT: usize = 512 << 10;

/// The beginning of a field that is read as text, up to a space where it is cut.
#[cfg(feature = "pieces")]
pub(crate) fn readable(raw: &[u8]) -> &[u8] {
    let Some((start, _)) = raw.split_at_checked(MAX_TEXT) else {
        return raw;
    };
    let space = start.iter().rposition(u8::is_ascii_whitespace);
    // Without any space: not inside a character of UTF-8, at least.
    let is_start = |at: &usize| raw.get(*at).is_some_and(|byte| byte & 0xc0 != 0x80);
    let end = space.or_else(|| (MAX_TEXT - 3..=MAX_TEXT).rfind(is_start));
    raw.get(..end.unwrap_or(MAX_TEXT)).unwrap_or(raw)
}

/// A build that has to be small reads all of it.
#[cfg(not(feature = "pieces"))]
pub(crate) fn readable(raw: &[u8]) -> &[u8] {
    raw
}

/// The text of a field that is all printable ASCII on one line and has no encoded word: most fields.
#[cfg(not(target_family = "wasm"))]
fn as_written(raw: &[u8]) -> Option<&str> {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b'=';
    let text = raw.iter().all(is_plain).then_some(raw)?;
    Some(std::str::from_utf8(text).ok()?.trim_matches(' '))
}

/// Line breaks become spaces, other control characters but the tab are left out.
pub(crate) fn without_controls(text: Cow<'_, str>) -> Cow<'_, str> {
    let is_plain = |byte: u8| (byte >= 0x20 || byte == b'\t') && byte != 0x7f && byte != 0xc2;
    if text.bytes().all(is_plain) || !text.chars().any(|char| char.is_control() && char != '\t') {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\r' => {}
            '\n' => out.push(' '),
            '\t' => out.push('\t'),
            other if other.is_control() => {}
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::unstructured;
    use std::borrow::Cow;

    #[test]
    fn plain_text_is_borrowed() {
        assert!(matches!(unstructured(b" hello"), Cow::Borrowed("hello")));
    }

    #[cfg(not(target_family = "wasm"))]
    #[test]
    fn plain_text_is_what_the_decoder_makes_of_it() {
        let alphabet = b"ab  =?q_\t\r\n\x7f\xc3";
        let mut plain = 0;
        for code in 0..alphabet.len().pow(5) {
            let raw: Vec<u8> = (0..5)
                .map(|place| alphabet[code / alphabet.len().pow(place) % alphabet.len()])
                .collect();
            if let Some(text) = super::as_written(&raw) {
                let decoded = encodify::rfc2047::decode_text(&raw, crate::mime::charset::append);
                assert_eq!(text, decoded, "{raw:?}");
                plain += 1;
            }
        }
        assert!(plain > 10_000, "{plain}");
    }

    #[test]
    fn encoded_line_breaks_never_make_a_second_field() {
        assert_eq!(unstructured(b" =?utf-8?q?a=0D=0ABcc:_x=00?="), "a Bcc: x");
    }

    #[test]
    fn words_split_in_the_middle_of_a_character_join() {
        assert_eq!(
            unstructured(b" =?utf-8?q?caf=C3?=\r\n =?UTF-8?Q?=A9?="),
            "caf\u{e9}"
        );
    }

    #[cfg(feature = "pieces")]
    #[test]
    fn of_a_huge_value_the_beginning_is_read() {
        use crate::mime::{DefectCode, parse};

        let value = "word ".repeat(200_000);
        let raw = format!("Subject: {value}\r\n\r\n");
        let message = parse(raw.as_bytes());
        let subject = message.subject().unwrap();
        assert!(value.starts_with(&*subject) && subject.ends_with("word"));
        assert!((500_000..=512 << 10).contains(&subject.len()));
        let is_told = |code| message.defects().iter().any(|defect| defect.code == code);
        assert!(is_told(DefectCode::LimitReached));
        let field = message.headers().get("subject").unwrap();
        assert_eq!(field.raw_value().len(), value.len() + 1);
        let without_space = ["é".repeat(400_000), "\u{20ac}".repeat(200_000)].concat();
        assert!(!unstructured(without_space.as_bytes()).contains('\u{fffd}'));
    }

    #[test]
    fn many_broken_words_are_kept_as_text() {
        let raw = b"=?a?q?".repeat(60_000);
        assert_eq!(unstructured(&raw).len(), raw.len());
    }
}
