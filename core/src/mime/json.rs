//! A message as an RFC 8621 Email object (section 4.1), in JSON.
//!
//! Decides the order of keys and what is null; both never change, since every language compares
//! these bytes. Text of bodies has its line ends as LF, as the RFC asks.

use std::borrow::Cow;
use std::fmt::Write;

use mail_parser::{HeaderName, PartKind};
use memchr::memchr;

use super::transfer::Transfer;
use super::{Address, AddressList, MessageView, Part, body, charset, reading};

/// The Email object of a message.
pub(crate) fn email(view: MessageView<'_>) -> String {
    let mut json = Json {
        out: String::with_capacity(view.raw().len().min(1 << 20) + 1024),
    };
    json.out.push_str("{\"size\":");
    json.number(view.raw().len() as u64);
    for (key, name) in [
        ("messageId", HeaderName::MessageId),
        ("inReplyTo", HeaderName::InReplyTo),
        ("references", HeaderName::References),
    ] {
        json.key(key);
        let ids = view
            .headers()
            .first(name.clone())
            .map(|_| view.identifiers(name));
        json.strings(ids.filter(|ids| !ids.is_empty()).as_deref());
    }
    for (key, name) in [
        ("sender", HeaderName::Sender),
        ("from", HeaderName::From),
        ("to", HeaderName::To),
        ("cc", HeaderName::Cc),
        ("bcc", HeaderName::Bcc),
        ("replyTo", HeaderName::ReplyTo),
    ] {
        json.key(key);
        match view.headers().first(name) {
            Some(field) => json.list(AddressList::parse(field.raw_value()).iter(), Json::address),
            None => json.null(),
        }
    }
    json.key("subject");
    json.optional(view.subject().as_deref());
    json.key("sentAt");
    json.optional(view.date().map(|date| date.to_string()).as_deref());
    json.key("headers");
    json.list(view.headers().iter(), |json, field| {
        json.out.push_str("{\"name\":");
        json.string(&field.name());
        json.key("value");
        let value = String::from_utf8_lossy(field.raw_value());
        match memchr(0, value.as_bytes()) {
            Some(_) => json.string(&value.replace('\0', "")),
            None => json.string(&value),
        }
        json.out.push('}');
    });
    json.key("bodyStructure");
    json.structure(view.root());
    json.key("bodyValues");
    json.values(view);
    let listed = |inner| Part::new(view.store, inner);
    json.key("textBody");
    json.list(view.inner.text_body().map(listed), Json::leaf);
    json.key("htmlBody");
    json.list(view.inner.html_body().map(listed), Json::leaf);
    json.key("attachments");
    json.list(view.inner.attachments().map(listed), Json::leaf);
    json.key("hasAttachment");
    // Section 4.1.4: what is marked inline or shown by the body does not count.
    let counts = |part: &Part<'_>| part.disposition() != Some("inline") && !part.is_inline();
    let has_attachment = view
        .inner
        .attachments()
        .map(listed)
        .any(|part| counts(&part));
    json.out
        .push_str(if has_attachment { "true" } else { "false" });
    json.key("preview");
    json.string(&body::preview(view));
    json.out.push('}');
    json.out
}

/// Texts as a list.
pub(crate) fn texts(texts: &[Cow<'_, str>]) -> String {
    let mut json = Json::default();
    json.strings(Some(texts));
    json.out
}

/// The groups of an address list: `[{"name":…,"addresses":[{"name":…,"address":…}]}]`.
pub(crate) fn groups(list: &AddressList<'_>) -> String {
    let mut json = Json::default();
    json.list(list.groups().into_iter(), |json, group| {
        json.out.push_str("{\"name\":");
        json.optional(group.name());
        json.key("addresses");
        json.list(group.addresses().iter(), |json, address| {
            json.out.push_str("{\"name\":");
            json.optional(address.name());
            json.key("address");
            json.string(address.address());
            json.out.push('}');
        });
        json.out.push('}');
    });
    json.out
}

/// Defects: `[{"code":…,"severity":…,"part":…,"range":[…,…]}]`, the range `null` where there is none.
#[cfg(feature = "details")]
pub(crate) fn defects(defects: &[super::Defect]) -> String {
    let mut json = Json::default();
    json.list(defects.iter(), |json, defect| {
        json.out.push_str("{\"code\":");
        json.string(defect.code.as_str());
        json.key("severity");
        json.string(defect.severity().as_str());
        json.key("part");
        json.number(defect.part.into());
        json.key("range");
        match &defect.range {
            Some(range) => {
                let _ = write!(json.out, "[{},{}]", range.start, range.end);
            }
            None => json.null(),
        }
        json.out.push('}');
    });
    json.out
}

/// Writes JSON; what a caller nests is the caller's to close.
#[derive(Default)]
pub(crate) struct Json {
    pub(crate) out: String,
}

#[cfg(feature = "details")]
impl Json {
    /// Opens an object with its first key.
    pub(crate) fn first(&mut self, name: &str) {
        self.out.push_str("{\"");
        self.out.push_str(name);
        self.out.push_str("\":");
    }

    /// Closes an object.
    pub(crate) fn close(&mut self) {
        self.out.push('}');
    }

    pub(crate) fn flag(&mut self, flag: bool) {
        self.out.push_str(if flag { "true" } else { "false" });
    }
}

impl Json {
    pub(crate) fn key(&mut self, name: &str) {
        self.out.push_str(",\"");
        self.out.push_str(name);
        self.out.push_str("\":");
    }

    pub(crate) fn null(&mut self) {
        self.out.push_str("null");
    }

    pub(crate) fn number(&mut self, number: u64) {
        // Writing to a string cannot fail.
        let _ = write!(self.out, "{number}");
    }

    pub(crate) fn string(&mut self, text: &str) {
        self.out.push('"');
        let mut from = 0;
        for (at, byte) in text.bytes().enumerate() {
            if byte >= 0x20 && byte != b'"' && byte != b'\\' {
                continue;
            }
            self.out.push_str(text.get(from..at).unwrap_or_default());
            from = at + 1;
            match byte {
                b'"' => self.out.push_str("\\\""),
                b'\\' => self.out.push_str("\\\\"),
                b'\n' => self.out.push_str("\\n"),
                b'\r' => self.out.push_str("\\r"),
                b'\t' => self.out.push_str("\\t"),
                other => {
                    let _ = write!(self.out, "\\u{other:04x}");
                }
            }
        }
        self.out.push_str(text.get(from..).unwrap_or_default());
        self.out.push('"');
    }

    pub(crate) fn optional(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.string(text),
            None => self.null(),
        }
    }

    fn strings(&mut self, texts: Option<&[Cow<'_, str>]>) {
        match texts {
            Some(texts) => self.list(texts.iter(), |json, text| json.string(text)),
            None => self.null(),
        }
    }

    pub(crate) fn list<T>(
        &mut self,
        items: impl Iterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.out.push('[');
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            write(self, item);
        }
        self.out.push(']');
    }

    fn address(&mut self, address: &Address<'_>) {
        self.out.push_str("{\"name\":");
        self.optional(address.name());
        self.key("email");
        self.string(address.address());
        self.out.push('}');
    }

    fn leaf(&mut self, part: Part<'_>) {
        self.open(part);
        self.out.push('}');
    }

    /// An EmailBodyPart without its end.
    fn open(&mut self, part: Part<'_>) {
        self.out.push_str("{\"partId\":");
        if part.is_multipart() {
            self.null();
        } else {
            let _ = write!(self.out, "\"{}\"", part.index());
        }
        self.key("size");
        self.number(if part.is_multipart() { 0 } else { part.size() });
        self.key("name");
        self.optional(part.filename().as_deref());
        self.key("type");
        let content_type = part.content_type();
        self.string(&content_type);
        self.key("charset");
        let implicit = content_type.starts_with("text/").then_some("us-ascii");
        self.optional(part.charset().or(implicit));
        self.key("disposition");
        self.optional(part.disposition());
        self.key("cid");
        self.optional(part.content_id().as_deref());
        self.key("language");
        self.strings(part.languages().as_deref());
        self.key("location");
        self.optional(part.location().as_deref());
    }

    fn structure(&mut self, root: Part<'_>) {
        self.open(root);
        let mut open = Vec::new();
        if root.is_multipart() {
            self.key("subParts");
            self.out.push('[');
            open.push((root.children(), true));
        }
        while let Some((children, first)) = open.last_mut() {
            match children.next() {
                Some(part) => {
                    if !std::mem::take(first) {
                        self.out.push(',');
                    }
                    self.open(part);
                    if part.is_multipart() {
                        self.key("subParts");
                        self.out.push('[');
                        open.push((part.children(), true));
                    } else {
                        self.out.push('}');
                    }
                }
                None => {
                    open.pop();
                    self.out.push_str("]}");
                }
            }
        }
        if !root.is_multipart() {
            self.out.push('}');
        }
    }

    fn values(&mut self, view: MessageView<'_>) {
        let mut parts: Vec<_> = view
            .inner
            .text_body()
            .chain(view.inner.html_body())
            .filter(|part| matches!(part.kind(), PartKind::Text | PartKind::Html))
            .collect();
        parts.sort_by_key(|part| part.id());
        parts.dedup_by_key(|part| part.id());
        self.out.push('{');
        for (index, inner) in parts.into_iter().enumerate() {
            let part = Part::new(view.store, inner);
            let Some((text, problem)) = text_checked(part) else {
                continue;
            };
            if index > 0 {
                self.out.push(',');
            }
            let _ = write!(self.out, "\"{}\":{{\"value\":", part.index());
            match memchr(b'\r', text.as_bytes()) {
                Some(_) => self.string(&text.replace("\r\n", "\n")),
                None => self.string(&text),
            }
            self.key("isEncodingProblem");
            self.out.push_str(if problem { "true" } else { "false" });
            self.key("isTruncated");
            self.out.push_str("false}");
        }
        self.out.push('}');
    }
}

/// The text of a part, and whether it could not be decoded as labelled.
fn text_checked(part: Part<'_>) -> Option<(String, bool)> {
    part.inner.is_text().then_some(())?;
    let (content, problem) = match part.transfer() {
        Transfer::Mime(_) => {
            let (content, problems) = part.inner.decoded_checked();
            (content, !problems.is_empty())
        }
        #[cfg(feature = "legacy")]
        uuencode => uuencode.decode_checked(part.raw_body()),
    };
    let unknown = part
        .charset()
        .is_some_and(|label| charset::from_label(label.as_bytes()).is_none());
    let reading = reading::read(part.label(), &content);
    let problem = reading.malformed || reading.guess.is_some() || unknown || problem;
    Some((reading.decoded.text().into_owned(), problem))
}
