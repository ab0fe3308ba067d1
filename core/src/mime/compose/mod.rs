//! A message from its pieces: [`Draft`] takes what people want to send, [`Draft::compose`] writes it.
//!
//! Decides the structure (text and HTML make `multipart/alternative`, HTML and what it shows make
//! `multipart/related` inside it, attachments wrap all in `multipart/mixed`), which fields there
//! are and in which order, and what happens to attached messages (RFC 2046 section 5.2.1: never
//! base64). How a field is written is in `field`, how a body in `body`, the tree of parts in
//! `structure`, what a value may hold in `check`: a setter refuses every value that could begin another field or line.
//!
//! Long because every setter has its documentation here. Time and randomness are the host's: the same draft with the same [`Host`] gives the same bytes.
//!
//! ```
//! use popmail::mime::compose::{AddressField, Draft, Host};
//!
//! let mut draft = Draft::new();
//! draft.addresses(AddressField::From, "Zoë Harbour <zoe@example.com>")?;
//! draft.addresses(AddressField::To, "ann@example.com")?;
//! draft.subject("Pläne")?;
//! draft.text("At nine?\n");
//! let bytes = draft.compose(&Host { now: 1_777_887_000, offset_minutes: 120, random: [7; 32] })?;
//! let message = popmail::parse(&bytes);
//! assert_eq!(message.subject().as_deref(), Some("Pläne"));
//! assert_eq!(message.text().as_deref(), Some("At nine?\r\n"));
//! # Ok::<(), popmail::UsageError>(())
//! ```

mod body;
mod boundary;
mod check;
mod field;
mod media_type;
mod structure;

use std::fmt::Write;

use self::body::Encoding;
use self::boundary::Boundaries;
use self::field::Line;
use self::media_type::MediaType;
use self::structure::{Node, cids};
use super::{AddressList, file_name};
use crate::UsageError;

/// What only the host can know.
#[derive(Debug, Clone, Copy)]
pub struct Host {
    /// Seconds since 1970-01-01T00:00:00Z, for a draft without a date.
    pub now: i64,
    /// The zone of `now` in minutes from UTC, positive in the east.
    pub offset_minutes: i16,
    /// Octets that nobody can foresee: boundaries and the Message-ID are made of them.
    pub random: [u8; 32],
}

/// Which octets the message may be written in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Output {
    /// ASCII; an attached message stays as it is and may hold more (RFC 2046 section 5.2.1).
    #[default]
    Auto,
    /// ASCII, lines of at most 998 octets; an attached message that is not so is refused.
    SevenBit,
    /// Text as UTF-8 without transfer encoding (RFC 6152: 8BITMIME); fields in ASCII.
    EightBit,
    /// Fields in UTF-8 too (RFC 6532: SMTPUTF8); only so may an address hold more than ASCII.
    Utf8,
}

impl Output {
    /// Every choice by its name.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("auto", Self::Auto),
        ("7bit", Self::SevenBit),
        ("8bit", Self::EightBit),
        ("utf8", Self::Utf8),
    ];
}

/// A field that holds addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressField {
    /// The authors.
    From,
    /// Who sends on behalf of the authors: needed where there are several.
    Sender,
    /// Where answers should go.
    ReplyTo,
    /// The primary recipients.
    To,
    /// The recipients of copies.
    Cc,
    /// The recipients of blind copies: left out unless [`Draft::keep_bcc`].
    Bcc,
}

impl AddressField {
    /// Every field by its name in lower case, in the order in which they are written.
    pub const NAMES: [(&'static str, Self); 6] = [
        ("from", Self::From),
        ("sender", Self::Sender),
        ("reply-to", Self::ReplyTo),
        ("to", Self::To),
        ("cc", Self::Cc),
        ("bcc", Self::Bcc),
    ];

    fn name(self) -> &'static str {
        match self {
            Self::From => "From",
            Self::Sender => "Sender",
            Self::ReplyTo => "Reply-To",
            Self::To => "To",
            Self::Cc => "Cc",
            Self::Bcc => "Bcc",
        }
    }
}

/// Something that goes with the text.
#[derive(Debug, Clone, Default)]
pub struct Attachment {
    /// The octets; of a `message/*` part the message as it would be sent.
    pub content: Vec<u8>,
    /// The media type, parameters included where wanted (`text/csv; charset=utf-8`). Without it the
    /// type of the file name's extension, else `text/plain` for text and `application/octet-stream`.
    pub content_type: Option<String>,
    /// The name that receivers see.
    pub filename: Option<String>,
    /// The name by which the HTML shows it, without `cid:` (RFC 2392). A part that the HTML refers to
    /// goes beside the HTML.
    pub content_id: Option<String>,
    /// Shown with the text instead of listed as a file.
    pub inline: bool,
    /// The content was given as characters and is UTF-8.
    pub is_text: bool,
}

/// One item of an address list.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    Mailbox {
        name: Option<String>,
        address: String,
    },
    GroupStart(String),
    GroupEnd,
}

/// An attachment that was found good.
#[derive(Debug, Clone)]
struct Checked {
    content: Vec<u8>,
    media_type: MediaType,
    filename: Option<String>,
    content_id: Option<String>,
    inline: bool,
}

/// A message that is being put together. Every setter refuses what cannot stand in its field, and
/// then changes nothing.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    addresses: [Vec<Item>; 6],
    subject: Option<String>,
    date: Option<(i64, i16)>,
    message_id: Option<String>,
    in_reply_to: Vec<String>,
    references: Vec<String>,
    headers: Vec<(String, field::Value)>,
    text: Option<String>,
    html: Option<String>,
    attachments: Vec<Checked>,
    output: Output,
    keep_bcc: bool,
}

impl Draft {
    /// An empty draft.
    pub fn new() -> Self {
        Self::default()
    }

    /// Which octets may be used.
    pub fn output(&mut self, output: Output) {
        self.output = output;
    }

    /// Writes the Bcc field too, for a copy that only the sender keeps.
    pub fn keep_bcc(&mut self) {
        self.keep_bcc = true;
    }

    /// Adds a mailbox to a field: `name` as people read it, `address` as `local@domain`. Spaces at
    /// the ends of a name mean nothing to any reader and are left out.
    ///
    /// # Errors
    ///
    /// Control characters or line breaks in either; an address that is none (RFC 5322 section
    /// 3.4.1: a local part with spaces or special characters stands in quotes).
    pub fn mailbox(
        &mut self,
        to: AddressField,
        name: Option<&str>,
        address: &str,
    ) -> Result<(), UsageError> {
        let item = mailbox(to.name(), name, address)?;
        self.list(to).push(item);
        Ok(())
    }

    /// Adds the mailboxes and groups of a list as people write it: `Ann <ann@example.com>,
    /// bob@example.com, team: carol@example.com;` (RFC 5322 section 3.4).
    ///
    /// # Errors
    ///
    /// The text is no list of addresses, or holds what [`Draft::mailbox`] refuses.
    pub fn addresses(&mut self, to: AddressField, list: &str) -> Result<(), UsageError> {
        let items = read_list(to.name(), list)?;
        self.list(to).extend(items);
        Ok(())
    }

    /// Begins a group: mailboxes go into it until [`Draft::close_group`].
    ///
    /// # Errors
    ///
    /// The name is empty, or holds control characters or line breaks; a group is open already.
    pub fn open_group(&mut self, to: AddressField, name: &str) -> Result<(), UsageError> {
        check::line(to.name(), name)?;
        if name.trim().is_empty() {
            return Err(check::refused(to.name(), "expected a group with a name"));
        }
        if self.has_open_group(to) {
            return Err(check::refused(to.name(), "expected no group in a group"));
        }
        self.list(to)
            .push(Item::GroupStart(name.trim_matches(' ').to_owned()));
        Ok(())
    }

    /// Ends the group that is open.
    pub fn close_group(&mut self, to: AddressField) {
        if self.has_open_group(to) {
            self.list(to).push(Item::GroupEnd);
        }
    }

    /// The subject.
    ///
    /// # Errors
    ///
    /// Control characters or line breaks, as in every setter.
    pub fn subject(&mut self, subject: &str) -> Result<(), UsageError> {
        check::line("subject", subject)?;
        self.subject = Some(subject.to_owned());
        Ok(())
    }

    /// When the message was written: seconds since 1970 and the zone in minutes from UTC.
    ///
    /// # Errors
    ///
    /// A year that is not between 1 and 9999, a zone that is a day or more away.
    pub fn date(&mut self, timestamp: i64, offset_minutes: i16) -> Result<(), UsageError> {
        field::date(timestamp, offset_minutes)?;
        self.date = Some((timestamp, offset_minutes));
        Ok(())
    }

    /// The identifier of the message, with or without angle brackets.
    ///
    /// # Errors
    ///
    /// It is no identifier (RFC 5322 section 3.6.4): visible ASCII without spaces and `<>`.
    pub fn message_id(&mut self, id: &str) -> Result<(), UsageError> {
        self.message_id = Some(check::identifier("message_id", id)?.to_owned());
        Ok(())
    }

    /// Adds an identifier of a message that this one answers.
    ///
    /// # Errors
    ///
    /// As of [`Draft::message_id`].
    pub fn in_reply_to(&mut self, id: &str) -> Result<(), UsageError> {
        let id = check::identifier("in_reply_to", id)?.to_owned();
        self.in_reply_to.push(id);
        Ok(())
    }

    /// Adds an identifier of the thread, the oldest first.
    ///
    /// # Errors
    ///
    /// As of [`Draft::message_id`].
    pub fn reference(&mut self, id: &str) -> Result<(), UsageError> {
        let id = check::identifier("references", id)?.to_owned();
        self.references.push(id);
        Ok(())
    }

    /// Adds a field that has no setter of its own. Fields known to hold addresses are read and
    /// written as such (`Resent-To`, `Disposition-Notification-To` and the like); structured ones
    /// (`List-*`, `Auto-Submitted` and the like) take ASCII alone.
    ///
    /// # Errors
    ///
    /// The name is no field name or one that is set otherwise; the value has control characters,
    /// line breaks, or what its kind of field cannot hold.
    pub fn header(&mut self, name: &str, value: &str) -> Result<(), UsageError> {
        check::field_name(name)?;
        check::line(name, value)?;
        let value = match check::kind_of(name) {
            check::Kind::Addresses => field::Value::Addresses(read_list(name, value)?),
            check::Kind::Structured => {
                check::structured(name, value)?;
                field::Value::Structured(value.to_owned())
            }
            check::Kind::Text => field::Value::Text(value.to_owned()),
        };
        self.headers.push((name.to_owned(), value));
        Ok(())
    }

    /// The text. Line ends become CRLF, nothing else changes.
    pub fn text(&mut self, text: &str) {
        self.text = Some(body::with_crlf(text).into_owned());
    }

    /// The text as HTML, sent as it is but for line ends, which become CRLF.
    pub fn html(&mut self, html: &str) {
        self.html = Some(body::with_crlf(html).into_owned());
    }

    /// Adds an attachment or inline resource.
    ///
    /// # Errors
    ///
    /// A file name with control characters or line breaks, a media type or content identifier that
    /// is none, a `multipart` type (its structure is not checked here).
    pub fn attach(&mut self, attachment: Attachment) -> Result<(), UsageError> {
        let Attachment {
            content,
            content_type,
            filename,
            content_id,
            inline,
            is_text,
        } = attachment;
        if let Some(name) = &filename {
            check::line("filename", name)?;
        }
        let content_id = content_id
            .map(|id| {
                let bare = id.strip_prefix("cid:").unwrap_or(&id);
                check::identifier("cid", bare).map(str::to_owned)
            })
            .transpose()?;
        let mut media_type = match &content_type {
            Some(given) => MediaType::parse(given)?,
            None => {
                let known = filename.as_deref().and_then(file_name::media_type);
                let other = if is_text {
                    "text/plain"
                } else {
                    "application/octet-stream"
                };
                MediaType::plain(known.unwrap_or(other))
            }
        };
        if media_type.is("multipart") {
            return Err(check::refused(
                "content_type",
                "expected the type of one part, got a multipart: give its parts instead",
            ));
        }
        let is_utf8 = || is_text || (!content.is_ascii() && std::str::from_utf8(&content).is_ok());
        if media_type.is("text") && !media_type.has("charset") && is_utf8() {
            media_type.add("charset", "utf-8");
        }
        let content = if media_type.is("message") {
            body::message_with_crlf(content)
        } else {
            content
        };
        self.attachments.push(Checked {
            content,
            media_type,
            filename: filename.filter(|name| !name.is_empty()),
            content_id,
            inline,
        });
        Ok(())
    }

    /// Writes the message: header fields, blank line, body, with CRLF line ends.
    ///
    /// A Message-ID is made where none was given, of randomness and the domain of the first author:
    /// never of the name of this machine. The same draft may be written again.
    ///
    /// # Errors
    ///
    /// There is no author; there are several and no sender (RFC 5322 section 3.6.2); an address
    /// needs [`Output::Utf8`]; an attached message does not fit the octets that were asked for.
    pub fn compose(&self, host: &Host) -> Result<Vec<u8>, UsageError> {
        self.check_addresses()?;
        let root = self.structure();
        if self.output == Output::SevenBit && root.encoding() != Encoding::SevenBit {
            return Err(check::refused(
                "attachments",
                "an attached message has 8-bit octets or long lines and may not be encoded (RFC 2046 section 5.2.1): \
                 allow 8 bits, or attach it as application/octet-stream",
            ));
        }
        let mut contents = Vec::new();
        root.plain_contents(&mut contents);
        let boundaries = Boundaries::new(&host.random, &contents);
        let mut out = Vec::with_capacity(root.size() + 2_048);
        self.write_fields(host, &mut out)?;
        out.extend_from_slice(b"MIME-Version: 1.0\r\n");
        root.write(&boundaries, self.output == Output::Utf8, &mut out);
        Ok(out)
    }

    fn list(&mut self, field: AddressField) -> &mut Vec<Item> {
        let [from, sender, reply_to, to, cc, bcc] = &mut self.addresses;
        match field {
            AddressField::From => from,
            AddressField::Sender => sender,
            AddressField::ReplyTo => reply_to,
            AddressField::To => to,
            AddressField::Cc => cc,
            AddressField::Bcc => bcc,
        }
    }

    fn has_open_group(&mut self, field: AddressField) -> bool {
        let last = self.list(field).iter().rev();
        last.take_while(|item| !matches!(item, Item::GroupEnd))
            .any(|item| matches!(item, Item::GroupStart(_)))
    }

    fn check_addresses(&self) -> Result<(), UsageError> {
        let [from, sender, ..] = &self.addresses;
        let count = |items: &[Item]| {
            let boxes = items
                .iter()
                .filter(|item| matches!(item, Item::Mailbox { .. }));
            boxes.count()
        };
        if count(from) == 0 && from.is_empty() {
            return Err(check::refused("from", "expected an address of the author"));
        }
        if count(sender) > 1 || count(sender) != sender.len() {
            return Err(check::refused("sender", "expected one address"));
        }
        if count(from) > 1 && sender.is_empty() {
            return Err(check::refused(
                "sender",
                "expected who sends for several authors (RFC 5322 section 3.6.2)",
            ));
        }
        if self.output == Output::Utf8 {
            return Ok(());
        }
        let extra = self.headers.iter().filter_map(|(name, value)| match value {
            field::Value::Addresses(items) => Some((name.as_str(), items)),
            _ => None,
        });
        let lists = AddressField::NAMES
            .iter()
            .map(|(name, _)| *name)
            .zip(&self.addresses);
        for (name, items) in lists.chain(extra) {
            let wide = items.iter().find_map(|item| match item {
                Item::Mailbox { address, .. } if !address.is_ascii() => Some(address),
                _ => None,
            });
            if let Some(address) = wide {
                return Err(check::refused(
                    name,
                    &format!(
                        "the address {} is not ASCII: it can be sent with SMTPUTF8 only (output \"utf8\")",
                        check::shown(address)
                    ),
                ));
            }
        }
        Ok(())
    }

    fn write_fields(&self, host: &Host, out: &mut Vec<u8>) -> Result<(), UsageError> {
        let utf8 = self.output == Output::Utf8;
        let (now, offset) = self.date.unwrap_or((host.now, host.offset_minutes));
        Line::new(out, "Date", utf8)
            .token(&field::date(now, offset)?)
            .end();
        for ((_, field), items) in AddressField::NAMES.iter().zip(&self.addresses) {
            if items.is_empty() || (*field == AddressField::Bcc && !self.keep_bcc) {
                continue;
            }
            let mut line = Line::new(out, field.name(), utf8);
            line.addresses(items);
            line.end();
        }
        if let Some(subject) = &self.subject {
            let mut line = Line::new(out, "Subject", utf8);
            line.text(subject);
            line.end();
        }
        let id = match &self.message_id {
            Some(id) => id.clone(),
            None => self.new_id(host),
        };
        Line::new(out, "Message-ID", utf8)
            .token(&format!("<{id}>"))
            .end();
        for (name, ids) in [
            ("In-Reply-To", &self.in_reply_to),
            ("References", &self.references),
        ] {
            if ids.is_empty() {
                continue;
            }
            let mut line = Line::new(out, name, utf8);
            for id in ids {
                line.token(&format!("<{id}>"));
            }
            line.end();
        }
        for (name, value) in &self.headers {
            let mut line = Line::new(out, name, utf8);
            line.value(value);
            line.end();
        }
        Ok(())
    }

    /// An identifier of randomness and the author's domain.
    fn new_id(&self, host: &Host) -> String {
        let mut id = String::with_capacity(64);
        for byte in host.random.iter().skip(boundary::RANDOM).take(16) {
            // Writing to a string cannot fail.
            let _ = write!(id, "{byte:02x}");
        }
        let [from, ..] = &self.addresses;
        let domain = from.iter().find_map(|item| match item {
            Item::Mailbox { address, .. } => address.rsplit_once('@').map(|(_, domain)| domain),
            _ => None,
        });
        let domain = domain.filter(|domain| domain.is_ascii() && !domain.starts_with('['));
        id.push('@');
        id.push_str(domain.unwrap_or("mail.invalid"));
        id
    }

    /// The tree of parts.
    fn structure(&self) -> Node<'_> {
        let eight = matches!(self.output, Output::EightBit | Output::Utf8);
        let plain = self
            .text
            .as_deref()
            .map(|text| Node::text("plain", text, eight));
        let html = self
            .html
            .as_deref()
            .map(|text| Node::text("html", text, eight));
        let shown = self.html.as_deref().map(cids).unwrap_or_default();
        let is_shown = |part: &Checked| {
            let id = part.content_id.as_deref();
            self.html.is_some()
                && (part.inline
                    || id.is_some_and(|id| {
                        shown.binary_search_by(|one| one.as_ref().cmp(id)).is_ok()
                    }))
        };
        let (related, files): (Vec<_>, Vec<_>) =
            self.attachments.iter().partition(|part| is_shown(part));
        let html = html.map(|html| {
            if related.is_empty() {
                return html;
            }
            let mut children = vec![html];
            children.extend(related.into_iter().map(Node::resource));
            Node::Multi {
                kind: "related",
                children,
            }
        });
        let body = match (plain, html) {
            (Some(plain), Some(html)) => Some(Node::Multi {
                kind: "alternative",
                children: vec![plain, html],
            }),
            (Some(one), None) | (None, Some(one)) => Some(one),
            (None, None) => None,
        };
        if files.is_empty() {
            return body.unwrap_or_else(|| Node::text("plain", "", eight));
        }
        let mut children: Vec<_> = body.into_iter().collect();
        children.extend(files.into_iter().map(Node::file));
        Node::Multi {
            kind: "mixed",
            children,
        }
    }
}

fn mailbox(field: &str, name: Option<&str>, address: &str) -> Result<Item, UsageError> {
    if let Some(name) = name {
        check::line(field, name)?;
    }
    check::address(field, address)?;
    let name = name.map(|name| name.trim_matches(' '));
    let name = name.filter(|name| !name.is_empty()).map(str::to_owned);
    Ok(Item::Mailbox {
        name,
        address: address.to_owned(),
    })
}

/// The items of a list as people write it.
fn read_list(field: &str, text: &str) -> Result<Vec<Item>, UsageError> {
    check::line(field, text)?;
    let list = AddressList::parse(text.as_bytes());
    let groups = list.groups();
    if list.problems.malformed || list.problems.route || groups.is_empty() {
        return Err(check::refused(
            field,
            &format!("expected addresses, got {}", check::shown(text)),
        ));
    }
    let mut items = Vec::new();
    for group in groups {
        if let Some(name) = group.name() {
            items.push(Item::GroupStart(name.to_owned()));
        }
        for address in group.addresses() {
            items.push(mailbox(field, address.name(), address.address())?);
        }
        if group.name().is_some() {
            items.push(Item::GroupEnd);
        }
    }
    Ok(items)
}

#[cfg(test)]
mod tests;
