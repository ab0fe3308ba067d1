//! A message as numbers and one text, for a language that is far from this one.
//!
//! A call into another language costs more than parsing a small message, and an object there that
//! holds memory here must be freed. So a message crosses once, as plain data: an array of 32-bit
//! words, and one text of which the words name pieces. What is decoded lazily (bodies, most header
//! fields) is read later by calls that get the bytes again and the positions in them.
//!
//! Decides nothing about mail: what an index holds are the answers of [`Message`]
//! and [`Part`]. Decides the layout, which is documented by the constants below: the tables start
//! with [`HEAD`] words, then [`MESSAGES`](HEAD_MESSAGES) records of [`MESSAGE`] words, part records
//! of [`PART`] words, source records of [`SOURCE`] words, then lists. A text is two words: where it
//! starts and where it ends in [`MessageIndex::text`], counted in UTF-16 units; the first is
//! [`NONE`] where there is none. A list is one word: where in the array its length stands, its
//! items behind it; 0 where there is none. Positions are those in the bytes of the part's source.
//!
//! `bindings-wasm/ts/layout.ts` is written from [`LAYOUT`]; a test compares the two.
//!
//! Long because the layout is documented word by word.

use std::borrow::Cow;

use mail_parser::{Charset as Known, Encoding, HeaderName, PartKind, Source as ParserSource};

use super::charset::Charset;
#[cfg(feature = "details")]
use super::details::{self, Unit};
use super::header::unstructured;
#[cfg(feature = "details")]
use super::json::Json;
use super::own_charsets::Own;
use super::reading::{self, Label};
use super::transfer::Transfer;
use super::{
    AddressList, DateTime, Duplicates, Headers, Message, MessageView, ParseOptions, Part,
    content_id, html_text, json, parse, parse_with,
};

/// A message as numbers and one text; see the [module](self) for the layout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageIndex {
    /// The tables and lists.
    pub words: Vec<u32>,
    /// Every decoded text of the index, one after the other.
    pub text: String,
    /// The length of `text` in UTF-16 units; equal to its length in bytes when it is ASCII.
    pub text_units: usize,
}

macro_rules! layout {
    ($(#[doc = $doc:literal] $name:ident = $value:expr;)*) => {
        $(#[doc = $doc] pub const $name: u32 = $value;)*

        /// Every constant of the layout with its name and its documentation, in order.
        pub const LAYOUT: &[(&str, u32, &str)] =
            &[$((stringify!($name), $name, $doc)),*];
    };
}

layout! {
    /// The version of the layout, the first word of every index.
    VERSION = 1;
    /// The absent text, part, message or date.
    NONE = u32::MAX;

    /// Words before the first message record.
    HEAD = 4;
    /// In the head: how many messages, the outermost one included.
    HEAD_MESSAGES = 1;
    /// In the head: how many parts, over all messages.
    HEAD_PARTS = 2;
    /// In the head: how many sources.
    HEAD_SOURCES = 3;

    /// Words of a message record.
    MESSAGE = 19;
    /// The part that is the message itself.
    MESSAGE_ROOT = 0;
    /// The number after that of the last part in the message, nested messages included.
    MESSAGE_END = 1;
    /// Text: the subject.
    MESSAGE_SUBJECT = 2;
    /// Text: the identifier.
    MESSAGE_ID = 4;
    /// Low half of the date in seconds since 1970, a signed number.
    MESSAGE_DATE_LOW = 6;
    /// High half of the date.
    MESSAGE_DATE_HIGH = 7;
    /// Minutes of the zone from UTC plus `DATE_OFFSET_BIAS`; `NONE` where there is no date.
    MESSAGE_DATE_OFFSET = 8;
    /// What is added to a zone so that it is never negative.
    DATE_OFFSET_BIAS = 0x8000;
    /// List of addresses: From.
    MESSAGE_FROM = 9;
    /// List of at most one address: Sender.
    MESSAGE_SENDER = 10;
    /// List of addresses: To.
    MESSAGE_TO = 11;
    /// List of addresses: Cc.
    MESSAGE_CC = 12;
    /// List of addresses: Bcc.
    MESSAGE_BCC = 13;
    /// List of addresses: Reply-To.
    MESSAGE_REPLY_TO = 14;
    /// List of texts: In-Reply-To.
    MESSAGE_IN_REPLY_TO = 15;
    /// List of texts: References.
    MESSAGE_REFERENCES = 16;
    /// List of parts: RFC 8621's `textBody`.
    MESSAGE_TEXT_BODY = 17;
    /// List of parts: RFC 8621's `htmlBody`.
    MESSAGE_HTML_BODY = 18;

    /// Words of an address: the texts of name, address and group.
    ADDRESS = 6;

    /// Words of a part record.
    PART = 23;
    /// The message that the part belongs to.
    PART_MESSAGE = 0;
    /// The multipart that the part is in.
    PART_PARENT = 1;
    /// The message that the part holds.
    PART_NESTED = 2;
    /// The source that the positions are in.
    PART_SOURCE = 3;
    /// Where the header fields start.
    PART_HEADER = 4;
    /// Where the body starts.
    PART_BODY = 5;
    /// Where the part ends.
    PART_END = 6;
    /// Bits: `FLAG_…`.
    PART_FLAGS = 7;
    /// The transfer encoding: `ENCODING_…`.
    PART_ENCODING = 8;
    /// The charset as a number for the calls that decode text; `CHARSET_UTF_8` is one.
    PART_CHARSET = 9;
    /// Text: the media type.
    PART_CONTENT_TYPE = 10;
    /// Text: the charset as written.
    PART_CHARSET_LABEL = 12;
    /// Text: the disposition.
    PART_DISPOSITION = 14;
    /// Text: the file name.
    PART_FILENAME = 16;
    /// Text: the content identifier.
    PART_CONTENT_ID = 18;
    /// Text: the transfer encoding where it is `ENCODING_NONE` and a field gives it, or `ENCODING_UUENCODE`.
    PART_TRANSFER_ENCODING = 20;
    /// List of header fields.
    PART_HEADERS = 22;

    /// The part is a multipart.
    FLAG_MULTIPART = 1;
    /// The part is text.
    FLAG_TEXT = 2;
    /// The part is HTML; it is text too.
    FLAG_HTML = 4;
    /// The part is an attachment.
    FLAG_ATTACHMENT = 8;
    /// The part is a resource that the body shows.
    FLAG_INLINE = 16;

    /// The content is as it came.
    ENCODING_NONE = 0;
    /// The content is base64.
    ENCODING_BASE64 = 1;
    /// The content is quoted-printable.
    ENCODING_QUOTED_PRINTABLE = 2;
    /// The content is in uuencode, only where a build has the old formats.
    ENCODING_UUENCODE = 3;

    /// The charset UTF-8, also where none or an unknown one is given.
    CHARSET_UTF_8 = 0;
    /// The bits of a charset that tell which it is.
    CHARSET_MASK = 0xff;
    /// Bit of a charset: there is no label, or one that says nothing; text may be in another one.
    CHARSET_LOOSE = 0x100;
    /// Bit of a charset: the text is HTML, which may name its charset itself.
    CHARSET_HTML = 0x200;

    /// Words of a header field: where its name, its value and its final line end start.
    FIELD = 3;

    /// Words of a source record.
    SOURCE = 2;
    /// How the source is made: `SOURCE_…`.
    SOURCE_KIND = 0;
    /// The part whose decoded content the source is.
    SOURCE_PART = 1;
    /// The source is the bytes that came in.
    SOURCE_RAW = 0;
    /// The source is the bytes that came in with every CR as LF.
    SOURCE_LINE_ENDS = 1;
    /// The source is the decoded content of a `message/rfc822` part.
    SOURCE_DECODED = 2;

    /// For `view`: the text.
    VIEW_TEXT = 0;
    /// For `view`: the HTML.
    VIEW_HTML = 1;
    /// For `view`: the preview.
    VIEW_PREVIEW = 2;
    /// The first of the views that a build without the feature `details` lacks; they follow.
    VIEW_EXTRA = 3;
    /// For `view`: the HTML with inline resources as `data:` URLs.
    VIEW_HTML_WITH_INLINE = 3;
    /// For `view`: the Email object in JSON.
    VIEW_JSON = 4;
    /// For `view`: the structure drawn with lines.
    VIEW_TREE = 5;
    /// For `view`: the defects in JSON.
    VIEW_DEFECTS = 6;
    /// For `view`: where the HTML refers to parts by `cid:`, in JSON: start, end, part.
    VIEW_CIDS = 7;
    /// For `view`, from here on only where a build has them: the details in JSON.
    VIEW_DETAILS = 64;
    /// For `view`: the text with the soft line breaks of `format=flowed` undone.
    VIEW_UNWRAPPED_TEXT = 65;
    /// For `view`: the spans of that text, in JSON.
    VIEW_SPANS = 66;
    /// For `view`: what the author wrote of it.
    VIEW_OWN_TEXT = 67;
    /// For `view`, of the part with this number: its text with soft line breaks undone.
    VIEW_PART_UNWRAPPED_TEXT = 68;
    /// For `view`: the other readings of the message, in JSON.
    VIEW_VIEWS = 69;
    /// For `view`: the body as Markdown.
    VIEW_MARKDOWN = 70;

    /// For `field`: the value as text.
    FIELD_TEXT = 0;
    /// For `field`: the value as groups of addresses, in JSON.
    FIELD_ADDRESSES = 1;
    /// For `field`: the value as a date, in RFC 3339 form; empty where it is none.
    FIELD_DATE = 2;
    /// For `field`: the value as message identifiers, in JSON.
    FIELD_IDENTIFIERS = 3;
    /// The first of the meanings that a build without the feature `details` lacks; they follow.
    FIELD_EXTRA = 64;
    /// For `field`, from here on only where a build has them: the spans of a text, in JSON.
    FIELD_SPANS = 64;
    /// For `field`: threads in JSON, of items separated by U+001E, their members by U+001F: see the core.
    FIELD_THREADS = 65;
}

/// What the number of a charset means: its place here.
const CHARSETS: [Known; 43] = [
    Known::Utf8,
    Known::Utf7,
    Known::Utf16,
    Known::Utf16Le,
    Known::Utf16Be,
    Known::Iso8859_2,
    Known::Iso8859_3,
    Known::Iso8859_4,
    Known::Iso8859_5,
    Known::Iso8859_6,
    Known::Iso8859_7,
    Known::Iso8859_8,
    Known::Iso8859_9,
    Known::Iso8859_10,
    Known::Iso8859_13,
    Known::Iso8859_14,
    Known::Iso8859_15,
    Known::Iso8859_16,
    Known::Windows1250,
    Known::Windows1251,
    Known::Windows1252,
    Known::Windows1253,
    Known::Windows1254,
    Known::Windows1255,
    Known::Windows1256,
    Known::Windows1257,
    Known::Windows1258,
    Known::Koi8R,
    Known::Koi8U,
    Known::Macintosh,
    Known::Ibm850,
    Known::Tis620,
    Known::ShiftJis,
    Known::Big5,
    Known::EucJp,
    Known::EucKr,
    Known::Gb18030,
    Known::Gbk,
    Known::Iso2022Jp,
    Known::Windows874,
    Known::Ibm866,
    Known::XMacCyrillic,
    Known::XUserDefined,
];

/// The index of a message.
pub fn index(raw: &[u8]) -> MessageIndex {
    let mut index = MessageIndex::default();
    index_into(raw, &mut index);
    index
}

/// [`index`] into memory that is used again: what it held is gone.
pub fn index_into(raw: &[u8], index: &mut MessageIndex) {
    write_index(&parse(raw), index);
}

/// [`index_into`] for a message that is parsed in another way than the usual one; `options` are
/// numbers: 1 where the last of two fields counts, then the limits in the order of
/// [`MimeLimits`](super::MimeLimits), [`NONE`] or nothing where the usual one is meant.
pub fn index_with(raw: &[u8], options: &[u32], index: &mut MessageIndex) {
    write_index(&parse_with(raw, &options_of(options)), index);
}

/// Options from the numbers of [`index_with`].
fn options_of(numbers: &[u32]) -> ParseOptions {
    let mut options = ParseOptions::default();
    let limits = &mut options.limits;
    let (duplicates, rest) = match numbers.split_first() {
        Some((first, rest)) => (*first, rest),
        None => (0, numbers),
    };
    let places = [
        &mut limits.header_bytes,
        &mut limits.headers,
        &mut limits.parts,
        &mut limits.depth,
        &mut limits.nested_encodings,
        &mut limits.decoded_bytes,
    ];
    for (place, number) in places.into_iter().zip(rest) {
        if *number != NONE {
            *place = *number as usize;
        }
    }
    if duplicates == 1 {
        options.duplicates = Duplicates::Last;
    }
    options
}

fn write_index(message: &Message<'_>, index: &mut MessageIndex) {
    index.words.clear();
    index.text.clear();
    index.text_units = 0;
    let view = message.view();
    let mut writer = Writer {
        index,
        sources: vec![ParserSource::Raw],
    };
    let parsed = &view.store.parsed;
    let (messages, parts) = (parsed.messages().len(), parsed.parts().len());
    for inner in parsed.messages() {
        let source = inner.source();
        if writer.source(source) == writer.sources.len() {
            writer.sources.push(source);
        }
    }
    let sources = writer.sources.len();
    for word in [VERSION, count(messages), count(parts), count(sources)] {
        writer.index.words.push(word);
    }
    let tables = messages * MESSAGE as usize + parts * PART as usize + sources * SOURCE as usize;
    writer.index.words.resize(HEAD as usize + tables, 0);
    let mut at = HEAD as usize;
    for inner in parsed.messages() {
        writer.message(at, MessageView::new(view.store, inner));
        at += MESSAGE as usize;
    }
    for inner in parsed.parts() {
        writer.part(at, Part::new(view.store, inner));
        at += PART as usize;
    }
    let is_cr_only = view.store.edits().is_some_and(|edits| edits.is_cr_only());
    for source in std::mem::take(&mut writer.sources) {
        let (kind, part) = match source {
            ParserSource::Raw if is_cr_only => (SOURCE_LINE_ENDS, NONE),
            ParserSource::Raw => (SOURCE_RAW, NONE),
            ParserSource::Decoded(part) => (SOURCE_DECODED, part),
        };
        writer.set(at, SOURCE_KIND, kind);
        writer.set(at, SOURCE_PART, part);
        at += SOURCE as usize;
    }
}

/// The bytes that the positions of a source of kind [`SOURCE_LINE_ENDS`] are in.
pub fn line_ends(raw: &[u8]) -> Vec<u8> {
    match parse(raw).view().store.edits() {
        Some(edits) => edits.apply(raw),
        None => raw.to_vec(),
    }
}

/// The bytes with every line end as CRLF, as signatures are over them.
pub fn crlf(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut from = 0;
    for at in memchr::memchr_iter(b'\n', raw) {
        let line = raw.get(from..at).unwrap_or_default();
        out.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        out.extend_from_slice(b"\r\n");
        from = at + 1;
    }
    out.extend_from_slice(raw.get(from..).unwrap_or_default());
    out
}

/// The content of a part: its body (from [`PART_BODY`] to [`PART_END`]) with the transfer encoding
/// ([`PART_ENCODING`]) undone.
pub fn content(body: &[u8], encoding: u32) -> Cow<'_, [u8]> {
    transfer_of(encoding).decode(body)
}

/// The size of [`content`] in octets; nothing but uuencode is decoded to find it.
pub fn content_size(body: &[u8], encoding: u32) -> usize {
    transfer_of(encoding).decoded_len(body)
}

/// A guess at [`content_size`] that reads next to nothing; see [`Part::size_hint`].
pub fn content_size_hint(body: &[u8], encoding: u32) -> usize {
    transfer_of(encoding).size_hint(body)
}

/// Writes [`content`] to the start of `out` and returns how many octets were written; octets after
/// these may be overwritten too. `None` when `out` is too small.
///
/// For memory that the other language made: give it [`content_size_hint`] octets, and only when
/// that was not enough [`content_size`].
pub fn content_into(body: &[u8], encoding: u32, out: &mut [u8]) -> Option<usize> {
    transfer_of(encoding).decode_into_slice(body, out)
}

/// The text of a part with [`FLAG_TEXT`]: [`content`] converted from its charset
/// ([`PART_CHARSET`]). Borrowed when the bytes already are that text.
pub fn text(body: &[u8], encoding: u32, charset: u32) -> Cow<'_, str> {
    reading::text(label_of(charset), content(body, encoding))
}

/// Hands [`text`] over, a long one in pieces.
#[cfg(feature = "pieces")]
pub fn text_in_pieces(body: &[u8], encoding: u32, charset: u32, each: &mut dyn FnMut(&str)) {
    reading::pieces(label_of(charset), &content(body, encoding), each);
}

/// [`text`] of an HTML part as plain text.
pub fn html_as_text(body: &[u8], encoding: u32, charset: u32) -> String {
    html_text::convert(&text(body, encoding, charset))
}

/// What the value of a header field means; `what` is one of the `FIELD_…` constants. JSON is
/// `[{"name":…,"addresses":[{"name":…,"address":…}]}]` for groups, `["…"]` for identifiers.
pub fn field(value: &[u8], what: u32) -> Cow<'_, str> {
    match what {
        FIELD_ADDRESSES => Cow::Owned(json::groups(&AddressList::parse(value))),
        FIELD_DATE => {
            let date = DateTime::parse(value);
            Cow::Owned(date.map(|date| date.to_string()).unwrap_or_default())
        }
        FIELD_IDENTIFIERS => Cow::Owned(json::texts(&content_id::identifiers(value))),
        #[cfg(feature = "details")]
        FIELD_SPANS => {
            let text = String::from_utf8_lossy(value);
            Cow::Owned(details::spans_json(&text, Unit::Utf16))
        }
        #[cfg(feature = "details")]
        FIELD_THREADS => Cow::Owned(details::threads_json(&String::from_utf8_lossy(value))),
        _ => unstructured(value),
    }
}

/// What needs the whole message: the message is parsed again, and `what`, one of the `VIEW_…`
/// constants, is read from the message with this number. `None` where there is none.
pub fn view(raw: &[u8], message: u32, what: u32) -> Option<String> {
    read_view(&parse(raw), message, what)
}

/// [`view`] of a message that was indexed by [`index_with`].
pub fn view_with(raw: &[u8], options: &[u32], message: u32, what: u32) -> Option<String> {
    read_view(&parse_with(raw, &options_of(options)), message, what)
}

/// Hands [`view`] over, or [`view_with`] where there are options, a long one in pieces. Returns whether
/// there is one.
#[cfg(feature = "pieces")]
pub fn view_in_pieces(
    raw: &[u8],
    options: Option<&[u32]>,
    message: u32,
    what: u32,
    each: &mut dyn FnMut(&str),
) -> bool {
    let text = {
        let parsed = match options {
            Some(options) => parse_with(raw, &options_of(options)),
            None => parse(raw),
        };
        if matches!(what, VIEW_TEXT | VIEW_HTML) {
            let store = parsed.view().store;
            let Some(inner) = store.parsed.messages().nth(message as usize) else {
                return false;
            };
            let view = MessageView::new(store, inner);
            return match what {
                VIEW_TEXT => view.text_in_pieces(each),
                _ => view.html_in_pieces(each),
            };
        }
        read_view(&parsed, message, what)
    };
    text.as_deref().map(each).is_some()
}

/// [`view`] of `count` messages, or parts where `what` is of parts, from the number `first` on,
/// parsed once: a list in JSON, each text behind a `+`, an empty one where there is none. There are
/// fewer at the end, and where they would be much longer than the message; there is at least one.
///
/// A message has thousands of others in it at times: to parse it for the view of each would take
/// time that grows with the square of its size.
pub fn views(raw: &[u8], first: u32, count: u32, what: u32) -> String {
    read_views(&parse(raw), first, count, what)
}

/// [`views`] of a message that was indexed by [`index_with`].
pub fn views_with(raw: &[u8], options: &[u32], first: u32, count: u32, what: u32) -> String {
    read_views(&parse_with(raw, &options_of(options)), first, count, what)
}

fn read_views(parsed: &Message<'_>, first: u32, count: u32, what: u32) -> String {
    let (mut texts, mut octets) = (Vec::new(), 0);
    let mut add = |text: Option<String>| {
        let mut text = text;
        if let Some(text) = &mut text {
            text.insert(0, '+');
        }
        let text = text.unwrap_or_default();
        octets += text.len();
        texts.push(Cow::Owned(text));
        octets <= parsed.raw().len()
    };
    let store = parsed.view().store;
    let (skipped, taken) = (first as usize, count as usize);
    #[cfg(feature = "details")]
    if what == VIEW_PART_UNWRAPPED_TEXT {
        let parts = store.parsed.parts().skip(skipped).take(taken);
        let mut parts = parts.map(|inner| Part::new(store, inner));
        parts.all(|part| add(part.unwrapped_text().map(Cow::into_owned)));
        return json::texts(&texts);
    }
    let messages = store.parsed.messages().skip(skipped).take(taken);
    let mut views = messages.map(|inner| MessageView::new(store, inner));
    views.all(|view| add(view_of(view, what)));
    json::texts(&texts)
}

fn read_view(parsed: &Message<'_>, message: u32, what: u32) -> Option<String> {
    let outermost = parsed.view();
    #[cfg(feature = "details")]
    if what == VIEW_PART_UNWRAPPED_TEXT {
        return parsed.part(message)?.unwrapped_text().map(Cow::into_owned);
    }
    let inner = outermost.store.parsed.messages().nth(message as usize)?;
    view_of(MessageView::new(outermost.store, inner), what)
}

fn view_of(view: MessageView<'_>, what: u32) -> Option<String> {
    match what {
        VIEW_TEXT => view.text().map(Cow::into_owned),
        VIEW_HTML => view.html().map(Cow::into_owned),
        VIEW_PREVIEW => Some(view.preview()),
        #[cfg(feature = "details")]
        _ => extra_view(view, what),
        #[cfg(not(feature = "details"))]
        _ => None,
    }
}

#[cfg(feature = "details")]
fn extra_view(view: MessageView<'_>, what: u32) -> Option<String> {
    match what {
        VIEW_HTML_WITH_INLINE => view.html_with_inline().map(Cow::into_owned),
        VIEW_JSON => Some(view.to_json()),
        VIEW_TREE => Some(view.tree()),
        VIEW_DEFECTS => Some(json::defects(&view.defects())),
        VIEW_CIDS => Some(cids(view)),
        VIEW_DETAILS => Some(view.details().to_json()),
        VIEW_UNWRAPPED_TEXT => view.unwrapped_text().map(Cow::into_owned),
        VIEW_SPANS => Some(details::spans_json(&view.unwrapped_text()?, Unit::Utf16)),
        VIEW_OWN_TEXT => view.own_text(),
        VIEW_MARKDOWN => view.markdown(),
        VIEW_VIEWS => Some(super::views::json(&view.views())),
        _ => None,
    }
}

/// The references of an HTML text, in UTF-16 units: `[[start,end,part]]`.
#[cfg(feature = "details")]
fn cids(view: MessageView<'_>) -> String {
    let html = view.html().unwrap_or_default();
    let mut json = Json::default();
    let (mut bytes, mut units) = (0, 0);
    let mut units_at = |at: usize| {
        let piece = html.get(bytes..at).unwrap_or_default();
        units += piece.chars().map(char::len_utf16).sum::<usize>();
        bytes = at;
        units as u64
    };
    json.list(view.cid_references().into_iter(), |json, (range, part)| {
        let numbers = [
            units_at(range.start),
            units_at(range.end),
            part.index().into(),
        ];
        json.list(numbers.into_iter(), Json::number);
    });
    json.out
}

/// The label in the Encoding Standard of a charset ([`PART_CHARSET`]) that the host decodes: it may
/// make a text of [`content`] itself, where that is valid in the charset and starts with no byte
/// order mark. What is not, only [`text`] reads rightly.
#[cfg(feature = "host-charsets")]
pub fn host_label(charset: u32) -> Option<&'static str> {
    super::host_charsets::label(*CHARSETS.get((charset & CHARSET_MASK) as usize)?)
}

/// What the number of a charset says.
fn label_of(number: u32) -> Label {
    let place = (number & CHARSET_MASK) as usize;
    let own = || Own::ALL.get(place.checked_sub(CHARSETS.len())?).copied();
    let known = CHARSETS.get(place).copied().map(Charset::Known);
    Label {
        charset: known
            .or_else(|| own().map(Charset::Own))
            .unwrap_or_default(),
        is_loose: number & CHARSET_LOOSE != 0,
        is_html: number & CHARSET_HTML != 0,
    }
}

/// The number of a charset.
fn number_of(label: Label) -> u32 {
    let place = match label.charset {
        Charset::Known(charset) => CHARSETS.iter().position(|known| *known == charset),
        Charset::Own(charset) => {
            let place = Own::ALL.iter().position(|own| *own == charset);
            place.map(|place| CHARSETS.len() + place)
        }
    };
    let mut number = place.map_or(CHARSET_UTF_8, count);
    if label.is_loose {
        number |= CHARSET_LOOSE;
    }
    if label.is_html {
        number |= CHARSET_HTML;
    }
    number
}

fn transfer_of(number: u32) -> Transfer {
    match number {
        ENCODING_BASE64 => Transfer::Mime(Encoding::Base64),
        ENCODING_QUOTED_PRINTABLE => Transfer::Mime(Encoding::QuotedPrintable),
        #[cfg(feature = "legacy")]
        ENCODING_UUENCODE => Transfer::Uuencode,
        _ => Transfer::Mime(Encoding::None),
    }
}

/// A count or position of the parser, which has 32 bits.
fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

struct Writer<'i> {
    index: &'i mut MessageIndex,
    sources: Vec<ParserSource>,
}

impl Writer<'_> {
    /// The number of a source: those seen so far are in document order.
    fn source(&self, wanted: ParserSource) -> usize {
        let place = |source: &ParserSource| match source {
            ParserSource::Raw => 0,
            ParserSource::Decoded(part) => *part + 1,
        };
        let before = |known: &ParserSource| place(known) < place(&wanted);
        self.sources.partition_point(before)
    }

    fn set(&mut self, record: usize, field: u32, value: u32) {
        if let Some(word) = self.index.words.get_mut(record + field as usize) {
            *word = value;
        }
    }

    /// The two words of a text.
    fn text(&mut self, text: Option<&str>) -> [u32; 2] {
        let Some(text) = text else {
            return [NONE, NONE];
        };
        let start = self.index.text_units;
        self.index.text_units += if text.is_ascii() {
            text.len()
        } else {
            text.chars().map(char::len_utf16).sum()
        };
        self.index.text.push_str(text);
        [count(start), count(self.index.text_units)]
    }

    fn set_text(&mut self, record: usize, field: u32, text: Option<&str>) {
        let [start, end] = self.text(text);
        self.set(record, field, start);
        self.set(record, field + 1, end);
    }

    fn set_texts(&mut self, record: usize, field: u32, texts: &[Cow<'_, str>]) {
        if texts.is_empty() {
            return;
        }
        self.set(record, field, count(self.index.words.len()));
        self.index.words.push(count(texts.len()));
        for text in texts {
            let words = self.text(Some(text));
            self.index.words.extend(words);
        }
    }

    fn set_numbers(&mut self, record: usize, field: u32, numbers: impl Iterator<Item = u32>) {
        let at = self.index.words.len();
        self.index.words.push(0);
        self.index.words.extend(numbers);
        let len = self.index.words.len() - at - 1;
        self.set(at, 0, count(len));
        self.set(record, field, count(at));
    }

    fn set_addresses(&mut self, record: usize, field: u32, list: &AddressList<'_>, limit: usize) {
        let len = list.len().min(limit);
        if len == 0 {
            return;
        }
        self.set(record, field, count(self.index.words.len()));
        self.index.words.push(count(len));
        let mut left = len;
        for group in list.groups() {
            let name = self.text(group.name());
            for address in group.addresses().iter().take(left) {
                let shown = self.text(address.name());
                let spec = self.text(Some(address.address()));
                self.index.words.extend([shown, spec, name].as_flattened());
                left -= 1;
            }
        }
    }

    fn message(&mut self, record: usize, view: MessageView<'_>) {
        self.set(record, MESSAGE_ROOT, view.root().index());
        self.set(record, MESSAGE_END, view.end());
        self.set_text(record, MESSAGE_SUBJECT, view.subject().as_deref());
        self.set_text(record, MESSAGE_ID, view.message_id().as_deref());
        let date = view.date();
        let seconds = date.map(|date| date.timestamp()).unwrap_or_default();
        let offset = date.map(|date| {
            u32::try_from(i32::from(date.offset_minutes) + DATE_OFFSET_BIAS as i32)
                .unwrap_or(DATE_OFFSET_BIAS)
        });
        self.set(record, MESSAGE_DATE_LOW, seconds as u32);
        self.set(record, MESSAGE_DATE_HIGH, (seconds >> 32) as u32);
        self.set(record, MESSAGE_DATE_OFFSET, offset.unwrap_or(NONE));
        for (field, name, limit) in [
            (MESSAGE_FROM, HeaderName::From, usize::MAX),
            (MESSAGE_SENDER, HeaderName::Sender, 1),
            (MESSAGE_TO, HeaderName::To, usize::MAX),
            (MESSAGE_CC, HeaderName::Cc, usize::MAX),
            (MESSAGE_BCC, HeaderName::Bcc, usize::MAX),
            (MESSAGE_REPLY_TO, HeaderName::ReplyTo, usize::MAX),
        ] {
            if let Some(header) = view.headers().first(name) {
                self.set_addresses(record, field, &header.addresses(), limit);
            }
        }
        self.set_texts(record, MESSAGE_IN_REPLY_TO, &view.in_reply_to());
        self.set_texts(record, MESSAGE_REFERENCES, &view.references());
        let text_body = view.inner.text_body().map(|part| part.id());
        self.set_numbers(record, MESSAGE_TEXT_BODY, text_body);
        let html_body = view.inner.html_body().map(|part| part.id());
        self.set_numbers(record, MESSAGE_HTML_BODY, html_body);
    }

    fn part(&mut self, record: usize, part: Part<'_>) {
        let inner = part.inner;
        let message = inner.message();
        let source_number = self.source(message.source());
        let nested = part.message().map(|nested| nested.inner.id());
        let source = part.source();
        let position = |offset| count(source.offset(offset));
        let mut flags = 0;
        for (flag, is_set) in [
            (FLAG_MULTIPART, part.is_multipart()),
            (FLAG_TEXT, inner.is_text()),
            (FLAG_HTML, matches!(inner.kind(), PartKind::Html)),
            (FLAG_ATTACHMENT, part.is_attachment()),
            (FLAG_INLINE, part.is_inline()),
        ] {
            flags |= if is_set { flag } else { 0 };
        }
        let encoding = match part.transfer() {
            Transfer::Mime(Encoding::None) => ENCODING_NONE,
            Transfer::Mime(Encoding::Base64) => ENCODING_BASE64,
            Transfer::Mime(Encoding::QuotedPrintable) => ENCODING_QUOTED_PRINTABLE,
            #[cfg(feature = "legacy")]
            Transfer::Uuencode => ENCODING_UUENCODE,
        };
        let label = part.charset();
        let charset = number_of(part.label());
        for (field, value) in [
            (PART_MESSAGE, message.id()),
            (
                PART_PARENT,
                inner.parent().map_or(NONE, |parent| parent.id()),
            ),
            (PART_NESTED, nested.unwrap_or(NONE)),
            (PART_SOURCE, count(source_number)),
            (PART_HEADER, position(inner.offset_header())),
            (PART_BODY, position(inner.offset_body())),
            (PART_END, position(inner.offset_end())),
            (PART_FLAGS, flags),
            (PART_ENCODING, encoding),
            (PART_CHARSET, charset),
        ] {
            self.set(record, field, value);
        }
        let headers = part.headers();
        self.set_text(record, PART_CONTENT_TYPE, Some(&part.content_type()));
        self.set_text(record, PART_CHARSET_LABEL, label);
        self.set_text(record, PART_DISPOSITION, part.disposition());
        self.set_text(record, PART_FILENAME, part.filename().as_deref());
        self.set_text(record, PART_CONTENT_ID, part.content_id().as_deref());
        let named = matches!(encoding, ENCODING_NONE | ENCODING_UUENCODE)
            && headers.first(HeaderName::ContentTransferEncoding).is_some();
        let transfer_encoding = named.then(|| part.transfer_encoding());
        self.set_text(record, PART_TRANSFER_ENCODING, transfer_encoding.as_deref());
        self.headers(record, headers);
    }

    fn headers(&mut self, record: usize, headers: Headers<'_>) {
        if headers.is_empty() {
            return;
        }
        self.set(record, PART_HEADERS, count(self.index.words.len()));
        self.index.words.push(count(headers.len()));
        for header in headers.iter() {
            self.index.words.extend(header.positions().map(count));
        }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use crate::mime::charset;

    use super::*;

    #[test]
    fn every_charset_has_a_number() {
        for label in [
            "utf-8",
            "us-ascii",
            "utf-7",
            "utf-16",
            "utf-16le",
            "utf-16be",
            "iso-8859-1",
            "iso-8859-2",
            "iso-8859-3",
            "iso-8859-4",
            "iso-8859-5",
            "iso-8859-6",
            "iso-8859-7",
            "iso-8859-8",
            "iso-8859-9",
            "iso-8859-10",
            "iso-8859-11",
            "iso-8859-13",
            "iso-8859-14",
            "iso-8859-15",
            "iso-8859-16",
            "windows-1250",
            "windows-1251",
            "windows-1252",
            "windows-1253",
            "windows-1254",
            "windows-1255",
            "windows-1256",
            "windows-1257",
            "windows-1258",
            "koi8-r",
            "koi8-u",
            "macintosh",
            "ibm850",
            "tis-620",
            "shift_jis",
            "big5",
            "euc-jp",
            "euc-kr",
            "gb18030",
            "gbk",
            "gb2312",
            "iso-2022-jp",
            "windows-874",
            "ibm866",
            "x-mac-cyrillic",
            "x-user-defined",
            "cp932",
            "ibm437",
            "iso-2022-kr",
            "x-mac-ce",
        ] {
            let charset =
                charset::from_label(label.as_bytes()).unwrap_or_else(|| panic!("{label}"));
            let label = Label {
                charset,
                is_loose: true,
                is_html: true,
            };
            assert_eq!(label_of(number_of(label)), label, "{charset:?}");
        }
        assert_eq!(label_of(CHARSET_UTF_8), Label::default());
        assert!(CHARSETS.len() + Own::ALL.len() <= CHARSET_MASK as usize + 1);
    }

    #[test]
    fn texts_are_counted_in_utf_16_units() {
        let raw = "Subject: 😀é\r\nMessage-ID: <a@b>\r\n\r\n";
        let index = index(raw.as_bytes());
        let units: Vec<u16> = index.text.encode_utf16().collect();
        assert_eq!(units.len(), index.text_units);
        let piece = |field: u32| {
            let at = (HEAD + field) as usize;
            let range = index.words[at] as usize..index.words[at + 1] as usize;
            String::from_utf16(&units[range]).unwrap()
        };
        assert_eq!(piece(MESSAGE_SUBJECT), "😀é");
        assert_eq!(piece(MESSAGE_ID), "a@b");
    }

    #[test]
    fn memory_is_used_again() {
        let mut used = index(b"Subject: one\r\n\r\n");
        index_into(b"To: a@b\r\n\r\nbody", &mut used);
        assert_eq!(used, index(b"To: a@b\r\n\r\nbody"));
    }
}
