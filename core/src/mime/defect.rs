//! What is wrong with a message, and on what readers of it will disagree.
//!
//! Decides which oddities are worth a word, how much they matter and where they are. Looked for
//! only when asked: a search reads every field and decodes every body once. Not here: what is made
//! of the oddities ([`super::repair`], [`super::address`]).

use std::borrow::Cow;
use std::ops::Range;

use mail_parser::{HeaderName, PartFlags, Source as ParserSource};
use memchr::{memchr, memmem};

use super::charset::Charset;
use super::header::{self, Header};
use super::transfer::Transfer;
use super::{
    Address, AddressList, DateTime, MessageView, Part, charset, content_id, file_name, parameters,
    reading,
};

/// Fields that may occur once (RFC 5322 section 3.6, RFC 2045).
pub(super) const ONCE: [&str; 15] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Subject",
    "Date",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-Disposition",
];

/// Defects that are reported for one message; a hostile one could have millions.
const MAX_DEFECTS: usize = 1_000;

/// The length of a header block without a field.
const EMPTY_HEADER: u32 = 2;

/// The longest line without its end (RFC 5322 section 2.1.1).
const MAX_LINE: usize = 998;

/// How much a defect matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Against the rules, but there is one reading.
    Note,
    /// Something is lost, replaced or cut.
    Warning,
    /// Readers are known to disagree: what one program checked another may not show.
    Ambiguous,
}

/// One defect of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    /// What is wrong.
    pub code: DefectCode,
    /// The number of the part ([`Part::index`]) that it is in.
    pub part: u32,
    /// Where it is in the bytes that came in, as near as can be told; `None` inside a
    /// transfer-encoded message.
    pub range: Option<Range<usize>>,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $severity:ident;)*) => {
        /// What can be wrong. The text of a code never changes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum DefectCode {
            $($(#[$doc])* $name,)*
        }

        impl DefectCode {
            /// Every code.
            pub const ALL: &'static [DefectCode] = &[$(DefectCode::$name),*];

            /// The stable text of the code: `duplicate-header`.
            pub fn as_str(self) -> &'static str {
                match self { $(DefectCode::$name => $text),* }
            }

            /// How much it matters.
            pub fn severity(self) -> Severity {
                match self { $(DefectCode::$name => Severity::$severity),* }
            }
        }
    };
}

codes! {
    /// There are no bytes at all.
    EmptyMessage = "empty-message", Warning;
    /// There is no header field; everything is taken as the body.
    NoHeader = "no-header", Warning;
    /// The message starts with the `From ` line of an mbox file.
    EnvelopeLine = "envelope-line", Note;
    /// Every line ends with a bare CR.
    BareCrLineEnds = "bare-cr-line-ends", Warning;
    /// A line among the header fields is none; it is left out.
    MalformedHeader = "malformed-header", Ambiguous;
    /// The blank line between header fields and body is missing.
    MissingBlankLine = "missing-blank-line", Ambiguous;
    /// A field that may occur once occurs more often; the first one counts.
    DuplicateHeader = "duplicate-header", Ambiguous;
    /// A field holds bytes that are not UTF-8.
    UndecodableHeader = "undecodable-header", Warning;
    /// A field holds control characters, maybe encoded; they are left out.
    ControlCharacter = "control-character", Ambiguous;
    /// The date is absent from the calendar or unreadable.
    InvalidDate = "invalid-date", Warning;
    /// An address list breaks the grammar.
    MalformedAddress = "malformed-address", Ambiguous;
    /// An address has a source route, which is left out.
    ObsoleteRoute = "obsolete-route", Note;
    /// The Content-Type field has no type that can be read.
    MalformedContentType = "malformed-content-type", Ambiguous;
    /// A parameter occurs more than once; the first one counts.
    DuplicateParameter = "duplicate-parameter", Ambiguous;
    /// The part has several file names that differ.
    ConflictingFileNames = "conflicting-file-names", Ambiguous;
    /// The transfer encoding is unknown; the content is as it came.
    UnknownTransferEncoding = "unknown-transfer-encoding", Ambiguous;
    /// The transfer encoding is known, but written in quotes or with other noise.
    OddTransferEncoding = "odd-transfer-encoding", Ambiguous;
    /// The transfer encoding is uuencode; it is undone, which many readers do not.
    ObsoleteTransferEncoding = "obsolete-transfer-encoding", Ambiguous;
    /// The content breaks the rules of its transfer encoding.
    MalformedTransferEncoding = "malformed-transfer-encoding", Warning;
    /// There is base64 data after the padding that ends it; it is decoded too.
    DataAfterPadding = "data-after-padding", Ambiguous;
    /// The charset of a text, an encoded word or a parameter is unknown; it is read as UTF-8, or
    /// guessed.
    UnknownCharset = "unknown-charset", Warning;
    /// A text or an encoded word holds bytes that are not valid in its charset.
    MalformedCharset = "malformed-charset", Warning;
    /// The charset of a text, a field or a file name is a guess.
    GuessedCharset = "guessed-charset", Note;
    /// The text is in UTF-7, in which filters may overlook markup.
    Utf7 = "utf-7", Ambiguous;
    /// A multipart has no boundary parameter; it is one part.
    MissingBoundary = "missing-boundary", Ambiguous;
    /// The boundary of a multipart does not occur; it is one part.
    BoundaryNotFound = "boundary-not-found", Ambiguous;
    /// A boundary was only found inside a line.
    DelimiterInsideLine = "delimiter-inside-line", Ambiguous;
    /// A part is not ended by a delimiter of its multipart.
    MissingDelimiter = "missing-delimiter", Note;
    /// The closing delimiter of a multipart is missing.
    UnterminatedMultipart = "unterminated-multipart", Note;
    /// The From field has several authors: filters and programs disagree on whom to show.
    SeveralAuthors = "several-authors", Ambiguous;
    /// The name that is shown for an address holds another address.
    AddressInName = "address-in-name", Ambiguous;
    /// A field or file name holds characters that turn the direction of writing around.
    DirectionControl = "direction-control", Ambiguous;
    /// A carriage return stands by itself among the header fields.
    BareCr = "bare-cr", Ambiguous;
    /// A line is longer than 998 octets (RFC 5322 section 2.1.1).
    LongLine = "long-line", Note;
    /// The file name is not safe to use: a path, a device, control or reserved characters.
    UnsafeFileName = "unsafe-file-name", Warning;
    /// The boundary is longer than 70 characters, ends with a space, holds characters that it must not
    /// (RFC 2046 section 5.1.1), or is written in sections (RFC 2231).
    OddBoundary = "odd-boundary", Ambiguous;
    /// A multipart has a transfer encoding that it must not have (RFC 2045 section 6.4); it is not
    /// undone.
    EncodedMultipart = "encoded-multipart", Ambiguous;
    /// There is text after the closing delimiter of a multipart, which is not shown.
    HiddenText = "hidden-text", Note;
    /// The text holds NUL octets.
    NulOctet = "nul-octet", Warning;
    /// A limit of depth, parts or size was reached; what is beyond was not looked at.
    LimitReached = "limit-reached", Warning;
}

impl Defect {
    /// How much the defect matters.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }
}

impl Severity {
    /// The stable text: `note`, `warning` or `ambiguous`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Ambiguous => "ambiguous",
        }
    }
}

/// Every defect of a message, in document order.
pub(crate) fn find(view: MessageView<'_>) -> Vec<Defect> {
    let mut search = Search { found: Vec::new() };
    let edits = view.store.edits().filter(|_| view.is_in_place());
    let raw = view.raw();
    if raw.is_empty() {
        search.add(DefectCode::EmptyMessage, view.root(), Some(0..0));
        return search.found;
    }
    if edits.is_some_and(|edits| edits.is_cr_only()) {
        search.add(DefectCode::BareCrLineEnds, view.root(), Some(0..raw.len()));
    }
    if edits.is_some_and(|edits| edits.is_limited()) {
        search.add(
            DefectCode::LimitReached,
            view.root(),
            Some(raw.len()..raw.len()),
        );
    }
    let inserts = edits
        .map(|edits| edits.missing_blank_lines())
        .unwrap_or_default();
    for part in view.all_parts() {
        if search.found.len() >= MAX_DEFECTS {
            break;
        }
        search.structure(part, inserts);
        // Parts that are next to nothing come by the thousand.
        if part.inner.offset_body() - part.inner.offset_header() > EMPTY_HEADER {
            search.fields(part);
        }
        search.content(part);
    }
    search.found.truncate(MAX_DEFECTS);
    search.found
}

struct Search {
    found: Vec<Defect>,
}

impl Search {
    fn add(&mut self, code: DefectCode, part: Part<'_>, range: Option<Range<usize>>) {
        let in_place = part.inner.message().source() == ParserSource::Raw;
        let range = range
            .filter(|_| in_place)
            .map(|range| part.original(range.start)..part.original(range.end));
        self.found.push(Defect {
            code,
            part: part.index(),
            range,
        });
    }

    fn add_field(&mut self, code: DefectCode, part: Part<'_>, field: &Header<'_>) {
        self.add(code, part, Some(field.range()));
    }

    fn structure(&mut self, part: Part<'_>, inserts: &[usize]) {
        let inner = part.inner;
        let source = part.source();
        let header = source.offset(inner.offset_header());
        let start = source.offset(inner.offset_body());
        let end = source.offset(inner.offset_end());
        let is_root = inner.message().root_part().id() == part.index();
        let flags = inner.flags();
        if is_root && part.headers().is_empty() {
            self.add(DefectCode::NoHeader, part, Some(header..start));
        } else if inserts.binary_search(&part.original(start)).is_ok()
            || flags.contains(PartFlags::NO_BLANK_LINE)
        {
            // A header block that runs to the end of its part may be all there is.
            if start < end || !is_root {
                self.add(DefectCode::MissingBlankLine, part, Some(start..start));
            }
        }
        let value = inner.content_type();
        if value.is_some_and(|value| value.ctype() == "multipart") && !part.is_multipart() {
            let named = value.is_some_and(|value| value.has_attribute("boundary"));
            if !flags.contains(PartFlags::LIMIT_REACHED) {
                let code = if named {
                    DefectCode::BoundaryNotFound
                } else {
                    DefectCode::MissingBoundary
                };
                self.add(code, part, Some(header..start));
            }
        }
        if let Some(at) = part.headers().beyond() {
            self.add(DefectCode::LimitReached, part, Some(at..start));
        }
        self.multipart(part);
        // With a limit of 0 the parser sets no flag.
        if inner.encoding() != mail_parser::Encoding::None
            && part.is_type("message", "rfc822")
            && !inner.is_message()
            && !flags.contains(PartFlags::NESTING_LIMIT)
            && !flags.contains(PartFlags::LIMIT_REACHED)
        {
            self.add(DefectCode::LimitReached, part, Some(start..end));
        }
        for (flag, code) in [
            (
                PartFlags::FALLBACK_DELIMITER,
                DefectCode::DelimiterInsideLine,
            ),
            (PartFlags::UNTERMINATED, DefectCode::UnterminatedMultipart),
            (PartFlags::NESTING_LIMIT, DefectCode::LimitReached),
            (PartFlags::LIMIT_REACHED, DefectCode::LimitReached),
        ] {
            if flags.contains(flag) {
                self.add(code, part, Some(end..end));
            }
        }
        // The last part of an unterminated multipart is told by the multipart.
        let told = inner
            .parent()
            .is_some_and(|parent| parent.flags().contains(PartFlags::UNTERMINATED));
        if flags.contains(PartFlags::MISSING_DELIMITER) && !told && inner.parent().is_some() {
            self.add(DefectCode::MissingDelimiter, part, Some(end..end));
        }
    }

    /// What only a multipart can have.
    fn multipart(&mut self, part: Part<'_>) {
        let Some(boundary) = part.parameter("boundary").filter(|_| part.is_multipart()) else {
            return;
        };
        let field = part.headers().first(HeaderName::ContentType);
        let in_sections = field.is_some_and(|field| {
            let lower = field.raw_value().to_ascii_lowercase();
            memmem::find(&lower, b"boundary*").is_some()
        });
        if in_sections || is_odd_boundary(boundary) {
            self.add(
                DefectCode::OddBoundary,
                part,
                field.map(|field| field.range()),
            );
        }
        let encoded = part.inner.encoding() != mail_parser::Encoding::None;
        if let Some(field) = part
            .headers()
            .first(HeaderName::ContentTransferEncoding)
            .filter(|_| encoded)
        {
            self.add_field(DefectCode::EncodedMultipart, part, &field);
        }
        let Some(last) = part.children().next_back() else {
            return;
        };
        let source = part.source();
        let rest = source.slice(last.inner.offset_end(), part.inner.offset_end());
        let close = [b"--", boundary.as_bytes(), b"--"].concat();
        let closing = memmem::find_iter(rest, &close).find(|at| {
            let starts = at
                .checked_sub(1)
                .is_none_or(|before| rest.get(before) == Some(&b'\n'));
            let after = rest.get(at + close.len()..).unwrap_or_default();
            let line = after.get(..memchr(b'\n', after).unwrap_or(after.len()));
            starts && line.is_some_and(|line| line.trim_ascii().is_empty())
        });
        if let Some(at) = closing {
            let line = rest.get(at..).unwrap_or_default();
            let end = memchr(b'\n', line).map_or(line.len(), |end| end + 1);
            let hidden = line.get(end..).unwrap_or_default();
            if hidden.iter().any(|byte| !byte.is_ascii_whitespace()) {
                let start = source.offset(last.inner.offset_end()) + at + end;
                self.add(
                    DefectCode::HiddenText,
                    part,
                    Some(start..start + hidden.len()),
                );
            }
        }
    }

    fn fields(&mut self, part: Part<'_>) {
        let headers = part.headers();
        if let Some(line) = headers.envelope_line() {
            self.add_field(DefectCode::EnvelopeLine, part, &line);
        }
        self.lines(part);
        let mut seen = [0_u8; ONCE.len()];
        for field in headers.iter() {
            if self.found.len() >= MAX_DEFECTS {
                return;
            }
            let name = field.name();
            let once = ONCE
                .iter()
                .zip(&mut seen)
                .find(|(once, _)| once.eq_ignore_ascii_case(&name));
            let mut first = true;
            if let Some((_, count)) = once {
                *count = count.saturating_add(1);
                first = *count == 1;
                if *count == 2 {
                    self.add_field(DefectCode::DuplicateHeader, part, &field);
                }
            }
            self.value(part, &field, &name, first);
        }
        self.types(part);
    }

    fn value(&mut self, part: Part<'_>, field: &Header<'_>, name: &str, first: bool) {
        let raw = field.raw_value();
        if std::str::from_utf8(raw).is_err() {
            self.add_field(DefectCode::UndecodableHeader, part, field);
        }
        let readable = header::readable(raw);
        if readable.len() < raw.len() {
            self.add_field(DefectCode::LimitReached, part, field);
        }
        if reading::raw_header(readable).is_some() {
            self.add_field(DefectCode::GuessedCharset, part, field);
        }
        let has_parameters = || {
            ["content-type", "content-disposition"]
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known))
        };
        if has_unknown_word(raw) || (has_parameters() && has_unknown_parameter(raw)) {
            self.add_field(DefectCode::UnknownCharset, part, field);
        } else if memmem::find(raw, b"=?").is_some() && has_new_replacement(raw, &field.value()) {
            self.add_field(DefectCode::MalformedCharset, part, field);
        }
        if has_controls(raw) {
            self.add_field(DefectCode::ControlCharacter, part, field);
        }
        if has_direction_control(&field.value()) {
            self.add_field(DefectCode::DirectionControl, part, field);
        }
        if !first {
            return;
        }
        match name.to_ascii_lowercase().as_str() {
            "from" | "sender" | "reply-to" | "to" | "cc" | "bcc" => {
                let list = AddressList::parse(raw);
                let problems = list.problems;
                if name.eq_ignore_ascii_case("from") && list.len() > 1 {
                    self.add_field(DefectCode::SeveralAuthors, part, field);
                }
                let misleads = |one: &Address<'_>| {
                    one.name().is_some_and(|name| {
                        looks_like_an_address(name) && !name.eq_ignore_ascii_case(one.address())
                    })
                };
                if list.iter().any(misleads) {
                    self.add_field(DefectCode::AddressInName, part, field);
                }
                if problems.malformed {
                    self.add_field(DefectCode::MalformedAddress, part, field);
                }
                if problems.limited {
                    self.add_field(DefectCode::LimitReached, part, field);
                }
                if problems.route {
                    self.add_field(DefectCode::ObsoleteRoute, part, field);
                }
            }
            "references" | "in-reply-to"
                if content_id::identifiers(raw).len() >= content_id::MAX_IDENTIFIERS =>
            {
                self.add_field(DefectCode::LimitReached, part, field);
            }
            "date" if DateTime::parse(raw).is_none() => {
                self.add_field(DefectCode::InvalidDate, part, field);
            }
            "content-type"
                if field
                    .content_type()
                    .is_none_or(|value| value.subtype().is_none()) =>
            {
                self.add_field(DefectCode::MalformedContentType, part, field);
            }
            "content-transfer-encoding" => self.encoding(part, field),
            _ => {}
        }
    }

    /// Lines of the header block that are neither fields nor continuations.
    fn lines(&mut self, part: Part<'_>) {
        let source = part.source();
        let (start, end) = (part.inner.offset_header(), part.inner.offset_body());
        let mut rest = source.slice(start, end);
        let mut at = source.offset(start);
        let bare = memchr::memchr_iter(b'\r', rest)
            .find(|at| !matches!(rest.get(at + 1), None | Some(b'\n' | b'\r')));
        if let Some(bare) = bare {
            self.add(DefectCode::BareCr, part, Some(at + bare..at + bare + 1));
        }
        self.long_line(part, rest, at);
        if part.headers().is_empty() || part.headers().envelope_line().is_some() {
            let line = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            rest = rest.get(line..).unwrap_or_default();
            at += line;
        }
        while !rest.is_empty() && self.found.len() < MAX_DEFECTS {
            let len = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            let (line, after) = rest.split_at(len);
            if !line.trim_ascii().is_empty() && !is_field_line(line) {
                self.add(DefectCode::MalformedHeader, part, Some(at..at + len));
            }
            rest = after;
            at += len;
        }
    }

    /// The first line that is too long.
    fn long_line(&mut self, part: Part<'_>, text: &[u8], start: usize) {
        let mut from = 0;
        for end in memchr::memchr_iter(b'\n', text).chain([text.len()]) {
            let line = text.get(from..end).unwrap_or_default();
            if line.len() > MAX_LINE && line.trim_ascii_end().len() > MAX_LINE {
                self.add(DefectCode::LongLine, part, Some(start + from..start + end));
                return;
            }
            from = end + 1;
        }
    }

    fn encoding(&mut self, part: Part<'_>, field: &Header<'_>) {
        let written = field.raw_value();
        let written = written
            .split(|byte| *byte == b'(')
            .next()
            .unwrap_or_default()
            .trim_ascii();
        let known = ["7bit", "8bit", "binary", "base64", "quoted-printable"];
        if known
            .iter()
            .any(|known| written.eq_ignore_ascii_case(known.as_bytes()))
        {
            return;
        }
        let code = match part.transfer() {
            Transfer::Mime(mail_parser::Encoding::None) => DefectCode::UnknownTransferEncoding,
            Transfer::Mime(_) => DefectCode::OddTransferEncoding,
            #[cfg(feature = "legacy")]
            Transfer::Uuencode => DefectCode::ObsoleteTransferEncoding,
        };
        self.add_field(code, part, field);
    }

    fn types(&mut self, part: Part<'_>) {
        let mut names: Vec<Cow<'_, str>> = Vec::new();
        for (name, value) in [
            (HeaderName::ContentType, part.inner.content_type()),
            (
                HeaderName::ContentDisposition,
                part.inner.content_disposition(),
            ),
        ] {
            let (Some(field), Some(value)) = (part.headers().first(name.clone()), value) else {
                continue;
            };
            for parameter in ["boundary", "charset", "type", "start"] {
                if value
                    .attributes()
                    .filter(|(name, _)| *name == parameter)
                    .count()
                    > 1
                {
                    self.add_field(DefectCode::DuplicateParameter, part, &field);
                    break;
                }
            }
            let before = names.len();
            if field_is_naming(&part, name)
                && let Some(given) = part.filename()
                && file_name::safe(&given, &part.content_type(), part.index()) != given.trim()
            {
                self.add_field(DefectCode::UnsafeFileName, part, &field);
            }
            let is_name = |parameter: &str| matches!(parameter, "name" | "filename");
            let named = value.attributes().filter(|(name, _)| is_name(name));
            match parameters::read(field.raw_value()) {
                Some(decoded) => {
                    let named = decoded.into_iter().filter(|known| is_name(&known.name));
                    names.extend(named.map(|known| Cow::Owned(known.value)));
                }
                None => names.extend(named.map(|(_, name)| Cow::Borrowed(name))),
            }
            let first = names.first();
            if names
                .iter()
                .skip(before.max(1))
                .any(|name| Some(name) != first)
            {
                self.add_field(DefectCode::ConflictingFileNames, part, &field);
            }
        }
    }

    fn content(&mut self, part: Part<'_>) {
        let inner = part.inner;
        if part.is_multipart() || inner.is_message() {
            return;
        }
        let body = part.raw_body();
        let start = part.source().offset(inner.offset_body());
        let range = || Some(start..start + body.len());
        let transfer = part.transfer();
        let (content, malformed) = transfer.decode_checked(body);
        if malformed {
            self.add(DefectCode::MalformedTransferEncoding, part, range());
        }
        if inner.encoding() == mail_parser::Encoding::Base64
            && let Some(at) = data_after_padding(body)
        {
            self.add(
                DefectCode::DataAfterPadding,
                part,
                Some(start + at..start + body.len()),
            );
        }
        if transfer.is_none() {
            self.long_line(part, body, start);
        }
        if inner.is_text() {
            let wide = matches!(
                part.label().charset,
                Charset::Known(
                    mail_parser::Charset::Utf16
                        | mail_parser::Charset::Utf16Le
                        | mail_parser::Charset::Utf16Be
                ) | Charset::Own(_)
            );
            let reading = reading::read(part.label(), &content);
            if !wide
                && reading.guess.is_none()
                && let Some(at) = memchr(0, &content)
            {
                let at = if transfer.is_none() { at } else { 0 };
                self.add(
                    DefectCode::NulOctet,
                    part,
                    Some(start + at..start + body.len()),
                );
            }
            let known = part
                .charset()
                .map(|label| charset::from_label(label.as_bytes()));
            if known.is_some_and(|known| known.is_none()) {
                let field = part.headers().first(HeaderName::ContentType);
                self.add(
                    DefectCode::UnknownCharset,
                    part,
                    field.map(|field| field.range()),
                );
            }
            if reading.malformed {
                self.add(DefectCode::MalformedCharset, part, range());
            }
            if reading.guess.is_some() {
                self.add(DefectCode::GuessedCharset, part, range());
            }
            if part.label().charset == Charset::Known(mail_parser::Charset::Utf7) {
                self.add(DefectCode::Utf7, part, range());
            }
        }
    }
}

/// Whether a line is a header field or goes one on.
pub(crate) fn is_field_line(line: &[u8]) -> bool {
    if line.starts_with(b" ") || line.starts_with(b"\t") {
        return true;
    }
    let name = memchr(b':', line).and_then(|colon| line.get(..colon));
    let name = name.unwrap_or_default().trim_ascii_end();
    !name.is_empty() && name.iter().all(u8::is_ascii_graphic)
}

/// Whether the part's file name comes from this field.
fn field_is_naming(part: &Part<'_>, field: HeaderName<'static>) -> bool {
    let disposition = part.inner.content_disposition();
    let in_disposition = disposition.is_some_and(|value| value.has_attribute("filename"));
    in_disposition == (field == HeaderName::ContentDisposition)
}

/// Whether a name holds what people take for an address: `ann@example.com`.
fn looks_like_an_address(name: &str) -> bool {
    let mut pieces = name.split('@');
    let mut before = pieces.next().unwrap_or_default();
    for after in pieces {
        let domain = after
            .split(|char: char| !(char.is_alphanumeric() || matches!(char, '.' | '-')))
            .next()
            .unwrap_or_default();
        let ends_local = before.ends_with(|char: char| char.is_alphanumeric());
        if ends_local && domain.trim_matches('.').contains('.') {
            return true;
        }
        before = after;
    }
    false
}

/// Whether a boundary breaks RFC 2046 section 5.1.1.
fn is_odd_boundary(boundary: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    boundary.is_empty()
        || boundary.len() > 70
        || boundary.ends_with(' ')
        || !boundary.bytes().all(allowed)
}

/// Whether a text holds characters that turn the direction of writing around.
fn has_direction_control(text: &str) -> bool {
    let turns = |char| matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !text.is_ascii() && text.chars().any(turns)
}

/// Where base64 data goes on after the padding that should end it.
pub(crate) fn data_after_padding(body: &[u8]) -> Option<usize> {
    let pad = memchr(b'=', body)?;
    let after = body.get(pad..)?;
    let is_data = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    after.iter().position(is_data).map(|at| pad + at)
}

/// The longest label of a charset that is looked for in a field.
const MAX_LABEL: usize = 80;

/// Whether an encoded word is in a charset that is unknown (RFC 2047 section 2).
fn has_unknown_word(raw: &[u8]) -> bool {
    memmem::find_iter(raw, b"=?").any(|at| {
        let rest = raw.get(at + 2..).unwrap_or_default();
        let head = rest.get(..MAX_LABEL).unwrap_or(rest);
        let mut pieces = head.splitn(3, |byte| *byte == b'?');
        let (label, encoding) = (pieces.next(), pieces.next());
        let is_word =
            matches!(encoding, Some(b"b" | b"B" | b"q" | b"Q")) && pieces.next().is_some();
        // The language of RFC 2231 section 5 may follow it.
        let label = label.and_then(|label| label.split(|byte| *byte == b'*').next());
        is_word && label.is_some_and(is_unknown_label)
    })
}

/// Whether a parameter is in a charset that is unknown (RFC 2231 section 4).
fn has_unknown_parameter(raw: &[u8]) -> bool {
    memmem::find_iter(raw, b"*=").any(|at| {
        let rest = raw.get(at + 2..).unwrap_or_default();
        let head = rest.get(..MAX_LABEL).unwrap_or(rest);
        let label = memchr(b'\'', head).and_then(|end| head.get(..end));
        label.is_some_and(|label| is_unknown_label(label.trim_ascii()))
    })
}

fn is_unknown_label(label: &[u8]) -> bool {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:+()".contains(byte);
    !label.is_empty() && label.iter().all(is_token) && charset::from_label(label).is_none()
}

/// Whether what stands for undecodable bytes is in the text of a field and not in the field.
fn has_new_replacement(raw: &[u8], text: &str) -> bool {
    const REPLACEMENT: &str = "\u{fffd}";
    text.contains(REPLACEMENT)
        && std::str::from_utf8(raw).is_ok_and(|raw| !raw.contains(REPLACEMENT))
}

/// Whether a value holds control characters, plain or in encoded words.
fn has_controls(raw: &[u8]) -> bool {
    let is_control =
        |byte: &u8| (*byte < 0x20 && !matches!(byte, b'\t' | b'\r' | b'\n')) || *byte == 0x7f;
    if raw.iter().any(is_control) {
        return true;
    }
    if memmem::find(raw, b"=?").is_none() {
        return false;
    }
    let text = encodify::rfc2047::decode_text(raw, charset::append);
    text.chars().any(|char| char.is_control() && char != '\t')
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::DefectCode;
    use crate::mime::parse;

    fn codes(raw: &[u8]) -> Vec<&'static str> {
        parse(raw)
            .defects()
            .iter()
            .map(|defect| defect.code.as_str())
            .collect()
    }

    #[test]
    fn sound_mail_has_no_defects() {
        assert!(
            codes(b"From: a@x.org\r\nDate: Mon, 4 May 2026 09:30:00 +0200\r\n\r\nhi\r\n")
                .is_empty()
        );
        assert!(codes(b"Subject: only a header\r\n\r\n").is_empty());
    }

    #[test]
    fn defects_tell_where_they_are() {
        let raw = b"From: a@x.org\r\nSubject: one\r\nFrom: b@x.org\r\n\r\nhi";
        let message = parse(raw);
        let defects = message.defects();
        assert_eq!(defects.len(), 1);
        assert_eq!(defects[0].code, DefectCode::DuplicateHeader);
        assert_eq!(
            &raw[defects[0].range.clone().unwrap()],
            b"From: b@x.org\r\n"
        );
    }

    #[test]
    fn defects_are_in_the_bytes_that_came_in_whatever_the_line_ends() {
        let raw = b"From: a@x.org\rDate: old\rline one\rline two\r";
        let message = parse(raw);
        let missing = DefectCode::MissingBlankLine;
        let mut defects = message.defects().into_iter();
        assert!(
            defects
                .clone()
                .all(|defect| defect.range.unwrap().end <= raw.len())
        );
        let missing = defects.find(|defect| defect.code == missing).unwrap();
        assert_eq!(missing.range, Some(24..24));
    }

    #[test]
    fn encoded_control_characters_are_told() {
        assert_eq!(
            codes(b"From: =?utf-8?b?cG90dXMA?= <x@example.com>\r\n\r\n"),
            ["control-character"]
        );
    }

    #[test]
    fn charsets_of_fields_that_are_unknown_or_broken_are_told() {
        let unknown = &["unknown-charset"][..];
        let malformed = &["malformed-charset"][..];
        for (field, expected) in [
            ("Subject: =?x-nonsense?q?caf=E9?=", unknown),
            ("Subject: =?x-nonsense*de?B?YQ==?=", unknown),
            ("From: =?x-nonsense?q?a?= <a@x.org>", unknown),
            (
                "Content-Disposition: attachment; filename*=x-nonsense''a%20b.txt",
                unknown,
            ),
            ("Subject: =?utf-8?q?caf=E9?=", malformed),
            ("Subject: =?utf-8?q?caf=C3=A9?= =?latin1?q?=E9?=", &[][..]),
            ("Subject: =?x-nonsense?x?a?= =?x-nonsense? =?", &[][..]),
            (
                "Content-Disposition: attachment; filename*=utf-8''a%20b.txt",
                &[][..],
            ),
        ] {
            assert_eq!(
                codes(format!("{field}\r\n\r\n").as_bytes()),
                expected,
                "{field}"
            );
        }
    }

    #[test]
    fn codes_are_unique() {
        let mut texts: Vec<_> = DefectCode::ALL.iter().map(|code| code.as_str()).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), DefectCode::ALL.len());
    }
}
