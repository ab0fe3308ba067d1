//! One MIME part: its type, its names, its content.
//!
//! Decides which of two parameters or fields counts, how file names are decoded (RFC 2231, RFC
//! 2047, and the mixtures that mail programs make of them) and which parts are resources of the
//! text rather than attachments. Content is decoded only when it is read.

use std::borrow::Cow;
use std::ops::Range;

use mail_parser::{Encoding, HeaderName, MessagePart, PartKind, Source as ParserSource};

use super::header::{unstructured, without_controls};
use super::message::MessageView;
use super::reading::{self, CharsetGuess, Label};
use super::store::{Source, Store};
use super::transfer::Transfer;
use super::{Header, Headers, content_id, file_name, parameters};

/// One part of a message. A view: cheap to copy, valid as long as its message.
#[derive(Clone, Copy)]
pub struct Part<'m> {
    store: &'m Store<'m>,
    pub(crate) inner: MessagePart<'m>,
}

impl<'m> Part<'m> {
    pub(crate) fn new(store: &'m Store<'m>, inner: MessagePart<'m>) -> Self {
        Part { store, inner }
    }

    pub(crate) fn source(&self) -> Source<'m> {
        self.store.source(self.inner.message())
    }

    /// Where an offset in the part's source is in the bytes that came in.
    pub(crate) fn original(&self, offset: usize) -> usize {
        match self.store.edits().filter(|edits| edits.is_cr_only()) {
            Some(edits) => edits.original(offset),
            None => offset,
        }
    }

    /// The number of the part: its position in [`Message::parts`](super::Message::parts) of the
    /// outermost message.
    pub fn index(&self) -> u32 {
        self.inner.id()
    }

    /// The header fields of the part.
    pub fn headers(&self) -> Headers<'m> {
        Headers::new(self.inner, self.source(), &self.store.options)
    }

    /// The field of several that counts, by a name that the parser keeps by number.
    #[inline]
    pub(crate) fn field(&self, name: HeaderName<'static>) -> Option<Header<'m>> {
        // The page's download is small rather than this fast.
        #[cfg(not(target_family = "wasm"))]
        return Headers::first_of(self.inner, self.source(), &self.store.options, name);
        #[cfg(target_family = "wasm")]
        self.headers().first(name)
    }

    /// The media type in lower case, `text/plain` where none is given and `message/rfc822` for a
    /// part without type in a digest (RFC 2045 section 5.2, RFC 2046 section 5.1.5).
    pub fn content_type(&self) -> Cow<'m, str> {
        let Some(value) = self.inner.content_type() else {
            let is_message = self.inner.is_message();
            return Cow::Borrowed(if is_message {
                "message/rfc822"
            } else {
                "text/plain"
            });
        };
        match (value.ctype(), value.subtype()) {
            (kind, Some(subtype)) => Cow::Owned([kind, "/", subtype].concat()),
            ("text", None) => Cow::Borrowed("text/plain"),
            (_, None) => Cow::Borrowed("application/octet-stream"),
        }
    }

    /// Whether the media type is `kind/subtype`, both in lower case.
    pub fn is_type(&self, kind: &str, subtype: &str) -> bool {
        self.inner
            .content_type()
            .is_some_and(|value| value.ctype() == kind && value.subtype() == Some(subtype))
    }

    /// A parameter of the Content-Type field, decoded; the name in lower case.
    pub fn parameter(&self, name: &str) -> Option<&'m str> {
        self.inner.content_type()?.attribute(name)
    }

    /// The charset label as written, `None` where none is given or it is no plain word.
    pub fn charset(&self) -> Option<&'m str> {
        self.parameter("charset")
            .filter(|label| label.bytes().all(|byte| matches!(byte, b' '..=b'~')))
    }

    /// The disposition in lower case, mostly `attachment` or `inline` (RFC 2183); `None` where none
    /// is given.
    pub fn disposition(&self) -> Option<&'m str> {
        self.inner.content_disposition().map(|value| value.ctype())
    }

    /// The file name that the sender gave, decoded; `None` where none is given.
    ///
    /// From the disposition's `filename`, else from the type's `name`. It may hold a path or worse:
    /// to save a file use [`Part::safe_filename`].
    pub fn filename(&self) -> Option<Cow<'m, str>> {
        let given = self
            .given(HeaderName::ContentDisposition, "filename")
            .or_else(|| self.given(HeaderName::ContentType, "name"))?;
        // Encoded words in quotes are no RFC's, but common; some are split over continuations.
        if given.contains("=?") {
            return Some(match given {
                Cow::Borrowed(name) => unstructured(name.as_bytes()),
                Cow::Owned(name) => Cow::Owned(unstructured(name.as_bytes()).into_owned()),
            });
        }
        Some(without_controls(given))
    }

    /// A parameter of one of the two fields, decoded; `None` when it is absent or empty.
    fn given(&self, field: HeaderName<'static>, name: &str) -> Option<Cow<'m, str>> {
        let value = match field {
            HeaderName::ContentDisposition => self.inner.content_disposition()?,
            _ => self.inner.content_type()?,
        };
        // The parser may have read it; whether it could, the field tells.
        if let Some(read) = self
            .headers()
            .first(field)
            .and_then(|field| parameters::read(field.raw_value()))
        {
            let mut named = read.into_iter().filter(|known| known.name == name);
            let value = named.next()?.value;
            return (!value.is_empty()).then_some(Cow::Owned(value));
        }
        let value = value.attribute(name).filter(|value| !value.is_empty())?;
        Some(Cow::Borrowed(value))
    }

    /// A name to save the part under, never empty: see [`file_name::safe`].
    pub fn safe_filename(&self) -> String {
        let name = self.filename().unwrap_or_default();
        file_name::safe(&name, &self.content_type(), self.index())
    }

    /// The content identifier without angle brackets (RFC 2045 section 7).
    pub fn content_id(&self) -> Option<Cow<'m, str>> {
        let field = self.field(HeaderName::ContentId)?;
        content_id::identifiers(field.raw_value())
            .into_iter()
            .next()
    }

    /// The languages of the Content-Language field (RFC 3282).
    pub fn languages(&self) -> Option<Vec<Cow<'m, str>>> {
        let field = self.field(HeaderName::ContentLanguage)?;
        let tags = field
            .raw_value()
            .split(|byte| *byte == b',')
            .map(<[u8]>::trim_ascii);
        let tags = tags.filter(|tag| !tag.is_empty());
        Some(
            tags.map(|tag| without_controls(String::from_utf8_lossy(tag)))
                .collect(),
        )
    }

    /// The Content-Location field (RFC 2557).
    pub fn location(&self) -> Option<Cow<'m, str>> {
        Some(self.field(HeaderName::ContentLocation)?.value())
    }

    /// The transfer encoding in lower case, `7bit` where none is given (RFC 2045 section 6.1).
    pub fn transfer_encoding(&self) -> Cow<'m, str> {
        match self.inner.encoding() {
            Encoding::Base64 => Cow::Borrowed("base64"),
            Encoding::QuotedPrintable => Cow::Borrowed("quoted-printable"),
            Encoding::None => match self.field(HeaderName::ContentTransferEncoding) {
                Some(field) => Cow::Owned(field.value().to_ascii_lowercase()),
                None => Cow::Borrowed("7bit"),
            },
        }
    }

    /// How the body is encoded.
    pub(crate) fn transfer(&self) -> Transfer {
        Transfer::of(self)
    }

    /// The part as it came: header fields, blank line and body, without the line end before the
    /// next delimiter.
    pub fn raw(&self) -> &'m [u8] {
        self.source()
            .slice(self.inner.offset_header(), self.inner.offset_end())
    }

    /// Where the part is in the bytes that came in; `None` inside a transfer-encoded message.
    pub fn range(&self) -> Option<Range<usize>> {
        let is_in_place = self.inner.message().source() == ParserSource::Raw;
        let source = self.source();
        let place = |offset| self.original(source.offset(offset));
        is_in_place.then(|| place(self.inner.offset_header())..place(self.inner.offset_end()))
    }

    /// The body as it came, transfer encoding included.
    pub fn raw_body(&self) -> &'m [u8] {
        self.source()
            .slice(self.inner.offset_body(), self.inner.offset_end())
    }

    /// The size of [`Part::content`] in octets; nothing but uuencode is decoded to find it.
    pub fn size(&self) -> u64 {
        self.transfer().decoded_len(self.raw_body()) as u64
    }

    /// The content with the transfer encoding undone (base64, quoted-printable or uuencode), borrowed
    /// where there was none. For a multipart this is its whole body, delimiters included.
    pub fn content(&self) -> Cow<'m, [u8]> {
        self.transfer().decode(self.raw_body())
    }

    /// Appends [`Part::content`] to `out`.
    pub fn decode_into(&self, out: &mut Vec<u8>) {
        self.transfer().decode_append(self.raw_body(), out);
    }

    /// A guess at [`Part::size`] that reads next to nothing: exact for content without transfer
    /// encoding and for base64 in lines of one length.
    pub fn size_hint(&self) -> usize {
        self.transfer().size_hint(self.raw_body())
    }

    /// Writes [`Part::content`] to the start of `out` and returns how many octets were written;
    /// octets after these may be overwritten too. `None` when `out` is too small.
    pub fn decode_into_slice(&self, out: &mut [u8]) -> Option<usize> {
        self.transfer().decode_into_slice(self.raw_body(), out)
    }

    /// The text of a `text/*` part: transfer encoding undone, converted from its charset, line ends
    /// as sent. `None` for any other part. Where the charset is missing, unknown or cannot be, it is
    /// guessed ([`Part::charset_guess`]); what is not valid in it becomes U+FFFD; both show as defects.
    pub fn text(&self) -> Option<Cow<'m, str>> {
        if !self.inner.is_text() {
            return None;
        }
        Some(reading::text(self.label(), self.content()))
    }

    /// Hands [`Part::text`] over, a long one in pieces: it is never there whole, where its charset lets
    /// it be cut. Returns whether the part is text.
    #[cfg(feature = "pieces")]
    pub fn text_in_pieces(&self, each: &mut dyn FnMut(&str)) -> bool {
        let is_text = self.inner.is_text();
        if is_text {
            reading::pieces(self.label(), &self.content(), each);
        }
        is_text
    }

    /// Whether [`Part::text`] is long enough to be worth taking in pieces.
    #[cfg(feature = "pieces")]
    pub fn has_long_text(&self) -> bool {
        self.inner.is_text() && self.raw_body().len() > reading::WHOLE
    }

    /// The charset that [`Part::text`] is read in, where it is not the labelled one: the label is
    /// missing, unknown, or the content is not valid in it. `None` where the label is believed.
    pub fn charset_guess(&self) -> Option<CharsetGuess> {
        if !self.inner.is_text() {
            return None;
        }
        reading::read(self.label(), &self.content()).guess
    }

    /// [`Part::text`] of a text part, borrowed from `content` where that is the text already.
    pub(crate) fn read_text<'c>(&self, content: &'c mut Option<Cow<'m, [u8]>>) -> Cow<'c, str> {
        let content = content.insert(self.content());
        reading::text(self.label(), Cow::Borrowed(content))
    }

    /// What is known of the charset of a text part.
    pub(crate) fn label(&self) -> Label {
        Label::new(self.charset(), matches!(self.inner.kind(), PartKind::Html))
    }

    /// The parts of a multipart in order, none for any other part.
    pub fn children(&self) -> impl DoubleEndedIterator<Item = Part<'m>> + use<'m> {
        let store = self.store;
        self.inner
            .children()
            .map(move |inner| Part { store, inner })
    }

    /// The message in a `message/rfc822` part.
    pub fn message(&self) -> Option<MessageView<'m>> {
        self.inner
            .nested()
            .map(|inner| MessageView::new(self.store, inner))
    }

    /// Whether the part is a multipart.
    pub fn is_multipart(&self) -> bool {
        self.inner.is_multipart()
    }

    /// Whether the part is text that is shown as the message's text or HTML.
    pub fn is_body(&self) -> bool {
        self.inner.is_text() && (self.inner.in_text_body() || self.inner.in_html_body())
    }

    /// Whether the part is a resource that the body shows: marked inline, or without disposition
    /// in a `multipart/related` after its first part, and there or with a Content-ID.
    ///
    /// An image that is marked inline and that no HTML can refer to is an attachment: mail programs
    /// of telephones send photographs so.
    pub fn is_inline(&self) -> bool {
        match self.inner.kind() {
            PartKind::Multipart | PartKind::Message(_) => false,
            _ if self.is_body() || !self.inner.is_inline() => false,
            _ => self.is_in_related() || self.field(HeaderName::ContentId).is_some(),
        }
    }

    /// Whether the part is an attachment: neither body text, nor inline resource, nor multipart.
    pub fn is_attachment(&self) -> bool {
        !self.is_multipart() && !self.is_body() && !self.is_inline()
    }

    fn is_in_related(&self) -> bool {
        let parent = self.inner.parent().and_then(|parent| parent.content_type());
        parent.is_some_and(|value| value.subtype() == Some("related"))
    }
}

impl std::fmt::Debug for Part<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Part")
            .field("index", &self.index())
            .field("content_type", &self.content_type())
            .field("filename", &self.filename())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use crate::mime::parse;

    #[test]
    fn slices_that_are_too_small_are_told() {
        let message = parse(b"Content-Transfer-Encoding: base64\r\n\r\nSGVsbG8=\r\n");
        let part = message.root();
        let mut room = [0; 5];
        assert_eq!(part.decode_into_slice(&mut room), Some(5));
        assert_eq!(&room, b"Hello");
        assert_eq!(part.decode_into_slice(&mut [0; 4]), None);
    }
}
