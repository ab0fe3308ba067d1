//! The body of a message as text, as HTML and as a preview.
//!
//! Decides how the body parts that RFC 8621 section 4.1.4 lists become one text, and which `cid:`
//! references may become `data:` URLs.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine;
use mail_parser::PartKind;
use memchr::memmem;

#[cfg(feature = "details")]
use super::html_markdown;
#[cfg(feature = "pieces")]
use super::reading;
use super::{MessageView, Part, content_id, html_text};

/// Characters of a preview (RFC 8621 section 4.1.4).
const PREVIEW_CHARS: usize = 256;

/// Characters that are looked at for a preview at first, and how that grows while markup fills it.
const PREVIEW_READ: usize = 4_096;
const PREVIEW_GROWTH: usize = 8;

/// The bytes that `data:` URLs may add to one HTML text.
const MAX_INLINE: usize = 64 << 20;

pub(crate) fn text(view: MessageView<'_>) -> Option<Cow<'_, str>> {
    text_of(view, |part| part.text())
}

/// See [`MessageView::with_text`].
pub(crate) fn with_text<R>(view: MessageView<'_>, read: impl FnOnce(Option<&str>) -> R) -> R {
    match only(view.inner.text_body()).filter(|part| matches!(part.kind(), PartKind::Text)) {
        Some(inner) => read(Some(&Part::new(view.store, inner).read_text(&mut None))),
        None => read(text(view).as_deref()),
    }
}

/// See [`MessageView::with_html`].
pub(crate) fn with_html<R>(view: MessageView<'_>, read: impl FnOnce(Option<&str>) -> R) -> R {
    match only(view.inner.html_body()).filter(|part| matches!(part.kind(), PartKind::Html)) {
        Some(inner) => read(Some(&Part::new(view.store, inner).read_text(&mut None))),
        None => read(html(view).as_deref()),
    }
}

/// See [`MessageView::text_in_pieces`].
#[cfg(feature = "pieces")]
pub(crate) fn text_in_pieces(view: MessageView<'_>, each: &mut dyn FnMut(&str)) -> bool {
    let mut joined = Joined::new(each);
    for inner in view.inner.text_body() {
        let part = Part::new(view.store, inner);
        match inner.kind() {
            PartKind::Html => {
                if let Some(text) = part.text().map(|html| html_text::convert(&html)) {
                    joined.start();
                    joined.add(&text);
                }
            }
            _ if inner.is_text() => {
                joined.start();
                part.text_in_pieces(&mut |piece| joined.add(piece));
            }
            _ => {}
        }
    }
    joined.end()
}

/// See [`MessageView::html_in_pieces`].
#[cfg(feature = "pieces")]
pub(crate) fn html_in_pieces(view: MessageView<'_>, each: &mut dyn FnMut(&str)) -> bool {
    let is_html = |inner: &mail_parser::MessagePart<'_>| matches!(inner.kind(), PartKind::Html);
    if !view.inner.html_body().any(|inner| is_html(&inner)) {
        return false;
    }
    let mut joined = Joined::new(each);
    for inner in view.inner.html_body().filter(|inner| inner.is_text()) {
        let part = Part::new(view.store, inner);
        joined.start();
        if is_html(&inner) {
            part.text_in_pieces(&mut |piece| joined.add(piece));
        } else {
            joined.add(&escape(&part.text().unwrap_or_default()));
        }
    }
    joined.end()
}

/// Whether a text of these parts is worth handing over in pieces: it is long, and not all one HTML text of
/// which a plain one is made, which is whole anyway.
#[cfg(feature = "pieces")]
pub(crate) fn is_long<'m>(
    view: MessageView<'m>,
    parts: impl Iterator<Item = mail_parser::MessagePart<'m>>,
    is_converted: bool,
) -> bool {
    let (mut count, mut octets, mut is_plain) = (0, 0, false);
    for inner in parts.filter(|inner| inner.is_text()) {
        count += 1;
        octets += Part::new(view.store, inner).raw_body().len();
        is_plain |= matches!(inner.kind(), PartKind::Text);
    }
    octets > reading::WHOLE && (is_plain || count > 1 || !is_converted)
}

/// Puts texts one after the other, each on a line of its own, as [`join`] does.
#[cfg(feature = "pieces")]
struct Joined<'e> {
    each: &'e mut dyn FnMut(&str),
    /// Short texts, which are handed over together: each time costs another language a string.
    gathered: String,
    /// Whether there is a text, though it may be empty.
    is_any: bool,
    ends_line: bool,
}

#[cfg(feature = "pieces")]
impl<'e> Joined<'e> {
    /// Octets that are handed over.
    const ENOUGH: usize = 64 << 10;

    fn new(each: &'e mut dyn FnMut(&str)) -> Self {
        Joined {
            each,
            gathered: String::new(),
            is_any: false,
            ends_line: true,
        }
    }

    fn start(&mut self) {
        self.is_any = true;
        if !self.ends_line {
            self.add("\n");
        }
    }

    fn add(&mut self, piece: &str) {
        if !piece.is_empty() {
            self.ends_line = piece.ends_with('\n');
            let is_long = piece.len() >= Self::ENOUGH;
            if !is_long {
                self.gathered.push_str(piece);
            }
            if is_long || self.gathered.len() >= Self::ENOUGH {
                self.flush();
            }
            if is_long {
                (self.each)(piece);
            }
        }
    }

    fn flush(&mut self) {
        if !self.gathered.is_empty() {
            (self.each)(&self.gathered);
            self.gathered.clear();
        }
    }

    /// Whether there is a text.
    fn end(mut self) -> bool {
        self.flush();
        self.is_any
    }
}

/// The only part of a list.
fn only<'m>(
    mut parts: impl Iterator<Item = mail_parser::MessagePart<'m>>,
) -> Option<mail_parser::MessagePart<'m>> {
    let first = parts.next()?;
    parts.next().is_none().then_some(first)
}

/// See [`Message::unwrapped_text`](super::Message::unwrapped_text).
#[cfg(feature = "details")]
pub(crate) fn unwrapped_text(view: MessageView<'_>) -> Option<Cow<'_, str>> {
    text_of(view, |part| part.unwrapped_text())
}

fn text_of<'m>(
    view: MessageView<'m>,
    read: impl Fn(Part<'m>) -> Option<Cow<'m, str>>,
) -> Option<Cow<'m, str>> {
    join(view.inner.text_body().filter_map(|inner| {
        let text = read(Part::new(view.store, inner))?;
        Some(match inner.kind() {
            PartKind::Html => Cow::Owned(html_text::convert(&text)),
            _ => text,
        })
    }))
}

/// See [`Message::markdown`](super::Message::markdown).
#[cfg(feature = "details")]
pub(crate) fn markdown(view: MessageView<'_>) -> Option<String> {
    let pieces = view.inner.html_body().filter_map(|inner| {
        let text = Part::new(view.store, inner).text()?;
        Some(match inner.kind() {
            PartKind::Html => html_markdown::convert(&text),
            _ => html_markdown::of_text(&text),
        })
    });
    // One part from the next as one paragraph from the next.
    let pieces: Vec<String> = pieces.collect();
    let is_any = !pieces.is_empty();
    let shown = pieces
        .iter()
        .map(String::as_str)
        .filter(|piece| !piece.is_empty());
    is_any.then(|| shown.collect::<Vec<_>>().join("\n"))
}

pub(crate) fn html(view: MessageView<'_>) -> Option<Cow<'_, str>> {
    let is_html = |inner: &mail_parser::MessagePart<'_>| matches!(inner.kind(), PartKind::Html);
    if !view.inner.html_body().any(|inner| is_html(&inner)) {
        return None;
    }
    join(view.inner.html_body().filter_map(|inner| {
        let text = Part::new(view.store, inner).text()?;
        Some(if is_html(&inner) {
            text
        } else {
            Cow::Owned(escape(&text))
        })
    }))
}

/// The pieces as one text, each on a line of its own; borrowed when there is only one.
fn join<'m>(mut pieces: impl Iterator<Item = Cow<'m, str>>) -> Option<Cow<'m, str>> {
    let first = pieces.next()?;
    let Some(second) = pieces.next() else {
        return Some(first);
    };
    let mut out = first.into_owned();
    for piece in std::iter::once(second).chain(pieces) {
        if !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        out.push_str(&piece);
    }
    Some(Cow::Owned(out))
}

/// Plain text as HTML that shows the same lines.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8 + 16);
    out.push_str("<div>");
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push_str("<br>\n"),
            '\r' => {}
            other => out.push(other),
        }
    }
    out.push_str("</div>");
    out
}

pub(crate) fn html_with_inline(view: MessageView<'_>) -> Option<Cow<'_, str>> {
    let mut room = MAX_INLINE;
    html_with(view, &mut |part| {
        let data = data_url(&part, room)?;
        room = room.saturating_sub(data.len());
        Some(data)
    })
}

pub(crate) fn html_with<'m>(
    view: MessageView<'m>,
    resolve: &mut dyn FnMut(Part<'m>) -> Option<String>,
) -> Option<Cow<'m, str>> {
    let html = html(view)?;
    let mut out = String::new();
    let mut from = 0;
    for (range, part) in cid_references(view, &html) {
        let Some(url) = resolve(part) else {
            continue;
        };
        out.push_str(html.get(from..range.start).unwrap_or_default());
        out.push_str(&url);
        from = range.end;
    }
    if from == 0 {
        return Some(html);
    }
    out.push_str(html.get(from..).unwrap_or_default());
    Some(Cow::Owned(out))
}

/// The `cid:` URLs of an HTML text that refer to parts of the message.
pub(crate) fn cid_references<'m>(
    view: MessageView<'m>,
    html: &str,
) -> Vec<(Range<usize>, Part<'m>)> {
    let mut found = Vec::new();
    if memmem::find(html.as_bytes(), b"cid:").is_none() {
        return found;
    }
    let parts = view.by_content_id();
    let mut from = 0;
    for at in memmem::find_iter(html.as_bytes(), b"cid:") {
        // Only where a URL starts: after a quote, a bracket or an equals sign.
        let opens = html.get(..at).and_then(|before| before.chars().next_back());
        let starts_url = matches!(opens, Some('"' | '\'' | '(' | '='));
        let Some(rest) = html.get(at + 4..).filter(|_| starts_url && at >= from) else {
            continue;
        };
        let is_end =
            |char: char| matches!(char, '"' | '\'' | ')' | '>' | '<') || char.is_whitespace();
        let Some(url) = rest.find(is_end).and_then(|len| rest.get(..len)) else {
            break;
        };
        from = at + 4 + url.len();
        let part = parts
            .get(url)
            .or_else(|| parts.get(content_id::from_url(url).as_ref()));
        if let Some(part) = part {
            found.push((at..from, *part));
        }
    }
    found
}

/// The part as a `data:` URL (RFC 2397), if it is media and fits in `room` bytes.
fn data_url(part: &Part<'_>, room: usize) -> Option<String> {
    let content_type = part.content_type();
    let (kind, subtype) = content_type.split_once('/')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte);
    let is_media =
        matches!(kind, "image" | "audio" | "video" | "font") && subtype.bytes().all(plain);
    if !is_media || part.raw_body().len() + 64 > room {
        return None;
    }
    let mut url = format!("data:{content_type};base64,");
    base64::engine::general_purpose::STANDARD.encode_string(part.content(), &mut url);
    Some(url)
}

pub(crate) fn preview(view: MessageView<'_>) -> String {
    for inner in view.inner.text_body() {
        let part = Part::new(view.store, inner);
        let Some(whole) = part.text().filter(|text| !text.trim().is_empty()) else {
            continue;
        };
        let mut read = PREVIEW_READ;
        loop {
            let end = whole.floor_char_boundary(read);
            let prefix = whole.get(..end).unwrap_or_default();
            let preview = match inner.kind() {
                PartKind::Html => one_line(&html_text::convert(prefix)),
                _ => one_line(prefix),
            };
            if end == whole.len() || preview.chars().count() >= PREVIEW_CHARS {
                if preview.is_empty() {
                    break;
                }
                return preview;
            }
            read = read.saturating_mul(PREVIEW_GROWTH);
        }
    }
    String::new()
}

/// The first characters of a text with every run of white space as one space.
fn one_line(text: &str) -> String {
    let mut out = String::new();
    let mut count = 0;
    for word in text.split_whitespace() {
        if count > 0 {
            out.push(' ');
            count += 1;
        }
        for char in word.chars().filter(|char| !char.is_control()) {
            if count >= PREVIEW_CHARS {
                return out.trim_end().to_owned();
            }
            out.push(char);
            count += 1;
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use crate::mime::parse;

    #[test]
    fn html_alone_gives_text_and_preview() {
        let message = parse(b"Content-Type: text/html\r\n\r\n<h1>Hi</h1><p>A&amp;B</p>");
        assert_eq!(message.text().as_deref(), Some("Hi\n\nA&B\n"));
        assert_eq!(message.preview(), "Hi A&B");
    }

    #[test]
    fn text_alone_has_no_html() {
        let message = parse(b"Subject: x\r\n\r\nline\r\n");
        assert_eq!(message.html(), None);
        assert_eq!(message.text().as_deref(), Some("line\r\n"));
    }

    #[test]
    fn previews_are_cut_at_256_characters() {
        let raw = format!("Subject: x\r\n\r\n{}", "é\r\n ".repeat(9_000));
        assert_eq!(parse(raw.as_bytes()).preview().chars().count(), 255);
        let styled = format!(
            "Content-Type: text/html\r\n\r\n<style>{}</style>Hi",
            "x".repeat(90_000)
        );
        assert_eq!(parse(styled.as_bytes()).preview(), "Hi");
    }
}
