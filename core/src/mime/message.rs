//! A message: its header fields read as what they mean, its parts by their role.
//!
//! Decides what each getter returns for absent, repeated and broken fields: the first of two fields
//! with one name counts (for Content-Type and its kin too), a broken value is an absent one, and
//! either shows as a defect.

use std::borrow::Cow;
use std::collections::HashMap;

use mail_parser::{HeaderName, MessageRef, Source as ParserSource};

#[cfg(feature = "details")]
use super::details;
use super::options::ParseOptions;
use super::store::Store;
#[cfg(feature = "details")]
use super::views::{self, View};
use super::{
    Address, AddressList, DateTime, Defect, Headers, Part, body, content_id, defect, json, tree,
};

/// A parsed message and its bytes, borrowed or owned.
///
/// `Send`, `Sync`, covariant in `'x`, the lifetime of the bytes. All that it gives out are views
/// and values made when asked for; nothing is cached.
#[derive(Clone)]
pub struct Message<'x> {
    store: Store<'x>,
}

/// A message inside a [`Message`]: the outermost one, or one in a `message/rfc822` part. A view:
/// cheap to copy.
#[derive(Clone, Copy)]
pub struct MessageView<'m> {
    pub(crate) store: &'m Store<'m>,
    pub(crate) inner: MessageRef<'m>,
}

/// Reads a message. Never fails: whatever the bytes are, a message comes out, with defects.
///
/// `raw` is the message as POP3's RETR gives it: header fields, blank line, body (RFC 5322); line
/// ends may be CRLF, LF or CR. What lies beyond 4 GiB is kept but not parsed.
pub fn parse(raw: &[u8]) -> Message<'_> {
    Message {
        store: Store::borrowed(raw),
    }
}

/// [`parse`] with other limits, or with the last of two fields counting.
pub fn parse_with<'x>(raw: &'x [u8], options: &ParseOptions) -> Message<'x> {
    Message {
        store: Store::borrowed_with(raw, options),
    }
}

impl Message<'_> {
    /// [`parse`] for bytes that the message keeps.
    pub fn parse_owned(raw: Vec<u8>) -> Message<'static> {
        Message {
            store: Store::owned(raw),
        }
    }

    /// The bytes as they came in.
    pub fn raw(&self) -> &[u8] {
        self.store.raw()
    }

    /// The outermost message as a view.
    pub fn view(&self) -> MessageView<'_> {
        MessageView::new(&self.store, self.store.parsed.root())
    }

    /// The part with this number ([`Part::index`]), those of nested messages included.
    pub fn part(&self, index: u32) -> Option<Part<'_>> {
        self.store
            .parsed
            .part(index)
            .map(|inner| Part::new(&self.store, inner))
    }
}

macro_rules! getters {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),*) -> $out:ty { $self:ident => $body:expr })*) => {
        impl<'m> MessageView<'m> {
            $($(#[$doc])* pub fn $name(&self, $($arg: $type),*) -> $out { let $self = *self; $body })*
        }

        /// The same getters as [`MessageView`], for the outermost message.
        #[allow(clippy::needless_lifetimes, reason = "the types of the list name the lifetime")]
        impl Message<'_> {
            $($(#[$doc])* pub fn $name<'m>(&'m self, $($arg: $type),*) -> $out {
                self.view().$name($($arg),*)
            })*
        }
    };
}

getters! {
    /// The subject, decoded (RFC 5322 section 3.6.5, RFC 2047).
    fn subject() -> Option<Cow<'m, str>> {
        view => Some(view.root().field(HeaderName::Subject)?.value())
    }

    /// The authors (RFC 5322 section 3.6.2).
    fn from() -> AddressList<'m> { view => view.addresses(HeaderName::From) }

    /// Who sent the message on behalf of the authors.
    fn sender() -> Option<Address<'m>> {
        view => view.addresses(HeaderName::Sender).into_addresses().into_iter().next()
    }

    /// The primary recipients (RFC 5322 section 3.6.3).
    fn to() -> AddressList<'m> { view => view.addresses(HeaderName::To) }

    /// The recipients of copies.
    fn cc() -> AddressList<'m> { view => view.addresses(HeaderName::Cc) }

    /// The recipients of blind copies, where a field tells.
    fn bcc() -> AddressList<'m> { view => view.addresses(HeaderName::Bcc) }

    /// Where answers should go.
    fn reply_to() -> AddressList<'m> { view => view.addresses(HeaderName::ReplyTo) }

    /// When the message was written, with the writer's zone; `None` when the field is absent or
    /// holds no possible date (RFC 5322 section 3.3).
    fn date() -> Option<DateTime> {
        view => view.root().field(HeaderName::Date)?.date()
    }

    /// The identifier of the message without angle brackets (RFC 5322 section 3.6.4).
    fn message_id() -> Option<Cow<'m, str>> {
        view => view.identifiers(HeaderName::MessageId).into_iter().next()
    }

    /// The identifiers of the messages that this one answers.
    fn in_reply_to() -> Vec<Cow<'m, str>> { view => view.identifiers(HeaderName::InReplyTo) }

    /// The identifiers of the thread, oldest first.
    fn references() -> Vec<Cow<'m, str>> { view => view.identifiers(HeaderName::References) }

    /// The header fields of the message.
    fn headers() -> Headers<'m> { view => view.root().headers() }

    /// The body as text: RFC 8621's `textBody`, its parts joined, HTML made into text where there
    /// is no other. Line ends are as sent. `None` when no part of the body is text.
    fn text() -> Option<Cow<'m, str>> { view => body::text(view) }

    /// The body as HTML: RFC 8621's `htmlBody`, its parts joined, plain text among them escaped.
    /// `None` when the message has no HTML. It is the sender's: not made safe in any way.
    fn html() -> Option<Cow<'m, str>> { view => body::html(view) }

    /// [`Message::html`] with the images, sounds, films and fonts that it shows by `cid:` put in as
    /// `data:` URLs. Other references stay as they are.
    fn html_with_inline() -> Option<Cow<'m, str>> { view => body::html_with_inline(view) }

    /// [`Message::html`] with each `cid:` reference to a part of the message replaced by what
    /// `resolve` gives for the part; references for which it gives nothing stay as they are. What it
    /// gives must be fit for an attribute of HTML: nothing is escaped.
    fn html_with(resolve: &mut dyn FnMut(Part<'m>) -> Option<String>) -> Option<Cow<'m, str>> {
        view => body::html_with(view, resolve)
    }

    /// Where [`Message::html`] refers to parts of the message by `cid:`: the URL's range in bytes, and
    /// the part.
    fn cid_references() -> Vec<(std::ops::Range<usize>, Part<'m>)> {
        view => body::html(view).map(|html| body::cid_references(view, &html)).unwrap_or_default()
    }

    /// The beginning of the text on one line, at most 256 characters (RFC 8621 section 4.1.4).
    fn preview() -> String { view => body::preview(view) }

    /// The attachments in order: every leaf part that is neither body nor inline resource. A
    /// `message/rfc822` part is one; what it holds is not.
    fn attachments() -> Vec<Part<'m>> {
        view => view.own_parts().filter(Part::is_attachment).collect()
    }

    /// The resources that the body shows, in order: see [`Part::is_inline`].
    fn inline_parts() -> Vec<Part<'m>> {
        view => view.own_parts().filter(Part::is_inline).collect()
    }

    /// Every part in document order, multiparts and the parts of nested messages included.
    fn parts() -> Vec<Part<'m>> { view => view.all_parts().collect() }

    /// The part that is the message itself: its header fields and its whole body.
    fn root() -> Part<'m> { view => Part::new(view.store, view.inner.root_part()) }

    /// The part with this Content-ID, the first one of several; `cid` may come from a `cid:` URL,
    /// in angle brackets or bare (RFC 2392).
    fn part_by_content_id(cid: &str) -> Option<Part<'m>> {
        view => {
            let bare = cid.trim().trim_start_matches('<').trim_end_matches('>');
            let bare = bare.strip_prefix("cid:").unwrap_or(bare);
            let find = |wanted: &str| {
                view.own_parts().find(|part| part.content_id().is_some_and(|id| id == wanted))
            };
            find(bare).or_else(|| find(&content_id::from_url(bare)))
        }
    }

    /// Everything in the message that readers should not rely on: looked for now, in one pass.
    fn defects() -> Vec<Defect> { view => defect::find(view) }

    /// The message as an RFC 8621 (JMAP) Email object: JSON without spaces, keys in a fixed order,
    /// the same bytes in every language that this library serves.
    ///
    /// Left out is what only a server has: `id`, `blobId`, `threadId`, `mailboxIds`, `keywords`,
    /// `receivedAt`. Of repeated fields the first counts. `partId` is the part's number.
    fn to_json() -> String { view => json::email(view) }

    /// [`Message::text`] with the soft line breaks of `format=flowed` undone (RFC 3676): one line for
    /// each paragraph.
    #[cfg(feature = "details")]
    fn unwrapped_text() -> Option<Cow<'m, str>> { view => body::unwrapped_text(view) }

    /// The body as Markdown (CommonMark): the parts of [`Message::html`], HTML made into Markdown, plain
    /// text among them or alone escaped so that it shows the same lines. What the sender wrote as HTML
    /// does not go through. `None` when no part of the body is text.
    #[cfg(feature = "details")]
    fn markdown() -> Option<String> { view => body::markdown(view) }

    /// What the author wrote: [`Message::unwrapped_text`] without quotes, forwarded messages and
    /// signature, as far as lines show them. `None` when no part of the body is text.
    #[cfg(feature = "details")]
    fn own_text() -> Option<String> {
        view => view.unwrapped_text().map(|text| details::own_text(&text))
    }

    /// What the message says beyond its text, looked for now: list, way, thread, reports, calendars,
    /// signatures.
    #[cfg(feature = "details")]
    fn details() -> details::Details { view => details::of(view) }

    /// How other programs may read the message, where it is ambiguous: one view for each defect on whose
    /// meaning they are known to disagree, none for mail without such defects. [`View::apply`] makes the
    /// bytes that every program reads in that way.
    ///
    /// For a filter: what is forbidden in any view is forbidden. Of the message, and of every view,
    /// look at the type, the name and the content of each part.
    #[cfg(feature = "details")]
    fn views() -> Vec<View> { view => views::of(view) }

    /// The structure drawn with lines, one part a line, for people.
    fn tree() -> String { view => tree::draw(view) }
}

impl<'m> MessageView<'m> {
    /// Hands [`MessageView::text`] over without making a `String` of it where one part is the text:
    /// for a language that copies it anyway.
    pub fn with_text<R>(&self, read: impl FnOnce(Option<&str>) -> R) -> R {
        body::with_text(*self, read)
    }

    /// [`MessageView::with_text`] of [`MessageView::html`].
    pub fn with_html<R>(&self, read: impl FnOnce(Option<&str>) -> R) -> R {
        body::with_html(*self, read)
    }

    /// Hands [`MessageView::text`] over in pieces: a long one is never there whole, where the charsets
    /// of its parts let them be cut. Returns whether there is one.
    #[cfg(feature = "pieces")]
    pub fn text_in_pieces(&self, each: &mut dyn FnMut(&str)) -> bool {
        body::text_in_pieces(*self, each)
    }

    /// Whether [`MessageView::text`] is long enough to be worth taking in pieces, and can be.
    #[cfg(feature = "pieces")]
    pub fn has_long_text(&self) -> bool {
        body::is_long(*self, self.inner.text_body(), true)
    }

    /// [`MessageView::has_long_text`] of [`MessageView::html`].
    #[cfg(feature = "pieces")]
    pub fn has_long_html(&self) -> bool {
        body::is_long(*self, self.inner.html_body(), false)
    }

    /// [`MessageView::text_in_pieces`] of [`MessageView::html`].
    #[cfg(feature = "pieces")]
    pub fn html_in_pieces(&self, each: &mut dyn FnMut(&str)) -> bool {
        body::html_in_pieces(*self, each)
    }

    pub(crate) fn new(store: &'m Store<'m>, inner: MessageRef<'m>) -> Self {
        MessageView { store, inner }
    }

    /// The bytes of this message, from its first header field to its end.
    pub fn raw(&self) -> &'m [u8] {
        match self.inner.container() {
            None => self.store.raw(),
            Some(_) => self.root().raw(),
        }
    }

    /// Whether byte positions in this message are positions in the bytes that came in.
    pub(crate) fn is_in_place(&self) -> bool {
        self.inner.source() == ParserSource::Raw
    }

    /// The parts of this message without those of nested messages.
    pub(crate) fn own_parts(&self) -> impl Iterator<Item = Part<'m>> + use<'m> {
        let store = self.store;
        self.inner.parts().map(move |inner| Part::new(store, inner))
    }

    /// The parts of this message and of those nested in it.
    pub(crate) fn all_parts(&self) -> impl Iterator<Item = Part<'m>> + use<'m> {
        let store = self.store;
        let end = self.end();
        let start = self.inner.root_part().id();
        (start..end)
            .filter_map(move |id| store.parsed.part(id))
            .map(move |inner| Part::new(store, inner))
    }

    /// The number after that of the last part in this message.
    pub(crate) fn end(&self) -> u32 {
        let all = u32::try_from(self.store.parsed.parts().len()).unwrap_or(u32::MAX);
        let Some(container) = self.inner.container() else {
            return all;
        };
        // Nested messages are numbered in document order: what follows them belongs to an outer one.
        let mut last = self.inner.root_part().id();
        // By number: the parser's iterator takes a step for each part that it skips.
        let after = container.id() + 1..all;
        for part in after.filter_map(|id| self.store.parsed.part(id)) {
            let mut message = Some(part.message());
            let mut inside = false;
            while let Some(outer) = message {
                if outer.id() == self.inner.id() {
                    inside = true;
                    break;
                }
                message = outer.container().map(|part| part.message());
            }
            if !inside {
                break;
            }
            last = part.id();
        }
        last + 1
    }

    /// The parts by their Content-ID, the first of several.
    pub(crate) fn by_content_id(&self) -> HashMap<String, Part<'m>> {
        let mut found = HashMap::new();
        for part in self.own_parts() {
            if let Some(id) = part.content_id() {
                found.entry(id.into_owned()).or_insert(part);
            }
        }
        found
    }

    fn addresses(&self, name: HeaderName<'static>) -> AddressList<'m> {
        let field = self.root().field(name);
        field.map(|field| field.addresses()).unwrap_or_default()
    }

    pub(crate) fn identifiers(&self, name: HeaderName<'static>) -> Vec<Cow<'m, str>> {
        let field = self.root().field(name);
        field.map(|field| field.identifiers()).unwrap_or_default()
    }
}

impl std::fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.view(), f)
    }
}

impl std::fmt::Debug for MessageView<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("subject", &self.subject())
            .field("octets", &self.raw().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::{Message, parse};

    fn shared<T: Send + Sync>() {}

    /// Compiles only while `Message` is covariant.
    fn shorter<'a>(message: Message<'static>, _: &'a [u8]) -> Message<'a> {
        message
    }

    #[test]
    fn messages_cross_threads_and_shorten_their_lifetime() {
        shared::<Message<'static>>();
        let bytes = b"x".to_vec();
        assert_eq!(
            shorter(Message::parse_owned(b"Subject: a\n\nb".to_vec()), &bytes)
                .raw()
                .len(),
            13
        );
    }

    #[test]
    fn whatever_comes_in_a_message_comes_out() {
        for raw in [
            &b""[..],
            b"\n",
            b"\r\n\r\n",
            b"text",
            b"a: b",
            b"\0",
            b"--b\r\n",
            b":",
            b"text\r\n\r\nmore",
        ] {
            let message = parse(raw);
            assert_eq!(message.raw(), raw);
            assert!(!message.parts().is_empty(), "{raw:?}");
            let owned = Message::parse_owned(raw.to_vec());
            assert_eq!(owned.to_json(), message.to_json());
            assert_eq!(owned.raw(), raw);
        }
        assert_eq!(parse(b"just text").text().as_deref(), Some("just text"));
        assert_eq!(
            parse(b"text\r\n\r\nmore").text().as_deref(),
            Some("text\r\n\r\nmore")
        );
    }

    #[test]
    fn the_first_of_two_fields_counts() {
        let message = parse(
            b"From: a@x.org\r\nFrom: evil@x.org\r\nContent-Type: text/plain\r\n\
              Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhidden\r\n--b--\r\n",
        );
        assert_eq!(message.from().first().unwrap().address(), "a@x.org");
        assert_eq!(message.root().content_type(), "text/plain");
        assert_eq!(message.parts().len(), 1);
        let names: Vec<_> = message
            .headers()
            .iter()
            .map(|field| field.name().into_owned())
            .collect();
        assert_eq!(names, ["From", "From", "Content-Type", "Content-Type"]);
    }

    #[test]
    fn deep_nesting_is_walked_without_recursion() {
        let mut raw = Vec::new();
        for level in 0..5_000 {
            raw.extend_from_slice(
                format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n")
                    .as_bytes(),
            );
        }
        let message = parse(&raw);
        assert!(!message.tree().is_empty() && !message.to_json().is_empty());
        assert!(!message.defects().is_empty());
    }
}
