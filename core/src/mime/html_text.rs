//! HTML made into text that a person can read.
//!
//! Decides where lines break, what a list, a table and a link look like, and what is not shown.
//! It is not a browser: no style sheets, no entities without a semicolon, no repair of nesting.
//! One pass, linear in the input, no recursion.

use std::borrow::Cow;

use memchr::{memchr, memmem};

use super::entities;

/// Quotes and lists deeper than this are drawn as if they were this deep.
const MAX_DEPTH: usize = 8;

/// The longest character reference that is looked at, in bytes.
const MAX_REFERENCE: usize = 40;

/// The text of an HTML document or fragment, lines ended by LF.
pub(crate) fn convert(html: &str) -> String {
    let mut writer = Writer {
        out: String::with_capacity(html.len() + 1),
        ..Writer::default()
    };
    walk(html, &mut writer);
    writer.finish()
}

/// What is made of the text and the tags of HTML.
pub(crate) trait Sink {
    /// Text that is shown, references not decoded.
    fn text(&mut self, text: &str);

    /// A tag; its name in lower case.
    fn tag(&mut self, name: &str, attributes: &str, closes: bool);
}

/// Gives what is shown of HTML to a sink.
pub(crate) fn walk(html: &str, sink: &mut impl Sink) {
    let mut scanner = Scanner {
        html,
        at: 0,
        quote_gone: [false; 2],
    };
    while let Some(piece) = scanner.next() {
        match piece {
            Piece::Text(text) => sink.text(text),
            Piece::Tag {
                name,
                attributes,
                closes,
            } => {
                let name = name.to_ascii_lowercase();
                match (name.as_str(), closes) {
                    ("script" | "style" | "template" | "title" | "noscript" | "svg", false) => {
                        scanner.skip_element(&name);
                    }
                    _ => sink.tag(&name, attributes, closes),
                }
            }
        }
    }
}

enum Piece<'h> {
    Text(&'h str),
    Tag {
        name: &'h str,
        attributes: &'h str,
        closes: bool,
    },
}

struct Scanner<'h> {
    html: &'h str,
    at: usize,
    /// For `"` and `'`: whether none is left, so that each is searched in vain only once.
    quote_gone: [bool; 2],
}

impl<'h> Scanner<'h> {
    fn next(&mut self) -> Option<Piece<'h>> {
        loop {
            let rest = self.html.get(self.at..).filter(|rest| !rest.is_empty())?;
            let open = memchr(b'<', rest.as_bytes()).unwrap_or(rest.len());
            if open > 0 {
                self.at += open;
                return Some(Piece::Text(rest.get(..open)?));
            }
            match rest.as_bytes() {
                [b'<', b'!', b'-', b'-', ..] => {
                    let body = rest.get(4..)?;
                    let end = memmem::find(body.as_bytes(), b"-->").map(|end| end + 7);
                    self.at += end.unwrap_or(rest.len());
                }
                [b'<', b'!' | b'?', ..] => {
                    self.at += memchr(b'>', rest.as_bytes()).map_or(rest.len(), |end| end + 1);
                }
                [b'<', b'/', first, ..] | [b'<', first, ..] if first.is_ascii_alphabetic() => {
                    return self.tag(rest);
                }
                _ => {
                    // A lone `<` is text.
                    let len = rest.get(1..)?.find('<').map_or(rest.len(), |len| len + 1);
                    self.at += len;
                    return Some(Piece::Text(rest.get(..len)?));
                }
            }
        }
    }

    fn tag(&mut self, rest: &'h str) -> Option<Piece<'h>> {
        let closes = rest.as_bytes().get(1) == Some(&b'/');
        let inner = rest.get(if closes { 2 } else { 1 }..)?;
        let is_name = |char: char| char.is_ascii_alphanumeric() || char == '-' || char == ':';
        let len = inner.find(|char| !is_name(char)).unwrap_or(inner.len());
        let (name, after) = inner.split_at_checked(len)?;
        let end = self.tag_end(after.as_bytes());
        let attributes = after.get(..end)?;
        self.at += rest.len() - after.len() + (end + 1).min(after.len());
        Some(Piece::Tag {
            name,
            attributes,
            closes,
        })
    }

    /// Where the `>` of a tag is; one in quotes is not it.
    fn tag_end(&mut self, after: &[u8]) -> usize {
        let mut at = 0;
        let mut value_next = false;
        while let Some(&byte) = after.get(at) {
            at += 1;
            match byte {
                b'>' => return at - 1,
                b'=' => value_next = true,
                b'"' | b'\'' if value_next => {
                    let [double, single] = &mut self.quote_gone;
                    let gone = if byte == b'"' { double } else { single };
                    match after
                        .get(at..)
                        .filter(|_| !*gone)
                        .and_then(|rest| memchr(byte, rest))
                    {
                        Some(len) => at += len + 1,
                        None => *gone = true,
                    }
                    value_next = false;
                }
                _ => value_next &= byte.is_ascii_whitespace(),
            }
        }
        after.len()
    }

    /// Moves behind the closing tag of an element that is not shown.
    fn skip_element(&mut self, name: &str) {
        let Some(rest) = self.html.get(self.at..) else {
            return;
        };
        let bytes = rest.as_bytes();
        let found = memmem::find_iter(bytes, b"</").find(|at| {
            let after = bytes.get(at + 2..at + 2 + name.len());
            after.is_some_and(|after| after.eq_ignore_ascii_case(name.as_bytes()))
        });
        self.at += found.unwrap_or(rest.len());
    }
}

#[derive(Default)]
struct Writer {
    out: String,
    /// Line ends that come before the next text: 0, 1 or 2.
    breaks: u8,
    space: bool,
    preformatted: usize,
    quotes: usize,
    /// For each open list its next number, `None` for bullets.
    lists: Vec<Option<u32>>,
    deeper_lists: usize,
    in_row: bool,
    /// The target of the link that is open, and where its text begins.
    link: Option<(String, usize)>,
}

impl Sink for Writer {
    fn text(&mut self, text: &str) {
        self.decoded(&decode(text));
    }

    fn tag(&mut self, name: &str, attributes: &str, closes: bool) {
        match name {
            "a" if !closes => {
                self.link = attribute(attributes, "href")
                    .map(|href| decode(href.trim()))
                    .filter(|href| is_link(href))
                    .map(|href| (href.into_owned(), self.out.len()));
            }
            "a" => {
                if let Some((href, from)) = self.link.take() {
                    self.link(&href, from);
                }
            }
            "img" if !closes => {
                if let Some(alt) = attribute(attributes, "alt") {
                    self.text(alt);
                }
            }
            "br" => {
                if self.breaks == 0 && !self.at_line_start() {
                    self.breaks = 1;
                } else {
                    self.breaks = (self.breaks + 1).min(2);
                }
                self.space = false;
            }
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "table" | "hr" | "dl" => self.block(2),
            "div" | "tr" | "section" | "article" | "header" | "footer" | "address" | "center"
            | "form" | "dt" | "dd" | "caption" | "figure" | "figcaption" | "body" | "html"
            | "option" | "main" | "nav" | "aside" => {
                self.block(1);
                self.in_row &= name != "tr";
            }
            "td" | "th" => {
                if !closes && self.in_row {
                    self.space = true;
                }
                self.in_row = true;
            }
            "pre" | "textarea" => {
                self.block(2);
                self.preformatted = if closes {
                    self.preformatted.saturating_sub(1)
                } else {
                    self.preformatted + 1
                };
            }
            "blockquote" => {
                self.block(2);
                self.quotes = if closes {
                    self.quotes.saturating_sub(1)
                } else {
                    self.quotes + 1
                };
            }
            "ul" | "ol" | "menu" => self.list(name == "ol", closes),
            "li" if !closes => self.item(),
            "li" => self.block(1),
            _ => {}
        }
    }
}

impl Writer {
    fn list(&mut self, numbered: bool, closes: bool) {
        self.block(
            if self.lists.is_empty() || closes && self.lists.len() == 1 {
                2
            } else {
                1
            },
        );
        if closes && self.deeper_lists > 0 {
            self.deeper_lists -= 1;
        } else if closes {
            self.lists.pop();
        } else if self.lists.len() < MAX_DEPTH {
            self.lists.push(numbered.then_some(1));
        } else {
            self.deeper_lists += 1;
        }
    }

    fn item(&mut self) {
        self.block(1);
        self.start();
        for _ in 1..self.lists.len() {
            self.out.push_str("  ");
        }
        match self.lists.last_mut() {
            Some(Some(number)) => {
                self.out.push_str(&format!("{number}. "));
                *number = number.saturating_add(1);
            }
            _ => self.out.push_str("* "),
        }
    }

    fn block(&mut self, breaks: u8) {
        self.breaks = self.breaks.max(breaks);
        self.space = false;
    }

    fn decoded(&mut self, text: &str) {
        for char in text.chars() {
            match char {
                '\r' => {}
                '\n' if self.preformatted > 0 => {
                    if self.breaks == 0 {
                        self.start();
                        self.out.push('\n');
                    }
                }
                ' ' | '\t' | '\n' | '\u{c}' | '\u{a0}' if self.preformatted == 0 => {
                    self.space = true;
                }
                hidden if is_hidden(hidden) => {}
                other => {
                    let spaced = self.space && self.breaks == 0 && !self.at_line_start();
                    self.start();
                    if spaced && !self.out.ends_with(' ') {
                        self.out.push(' ');
                    }
                    self.space = false;
                    self.out.push(other);
                }
            }
        }
    }

    /// Writes the line ends that are due and what every line of a quote starts with.
    fn start(&mut self) {
        if self.out.is_empty() {
            self.breaks = 0;
        }
        let due = std::mem::take(&mut self.breaks);
        if due == 0 && !self.out.is_empty() && !self.out.ends_with('\n') {
            return;
        }
        for _ in 0..due.saturating_sub(u8::from(self.out.ends_with('\n'))) {
            self.out.push('\n');
        }
        for _ in 0..self.quotes.min(MAX_DEPTH) {
            self.out.push_str("> ");
        }
    }

    fn at_line_start(&self) -> bool {
        self.out.is_empty() || self.out.ends_with('\n')
    }

    /// Adds the target of a link whose text began at `from`, unless the text says it.
    fn link(&mut self, href: &str, from: usize) {
        let shown = self.out.get(from..).unwrap_or_default().trim();
        let bare = |text: &str| {
            let text = text.strip_prefix("mailto:").unwrap_or(text);
            let text = text.split_once("://").map_or(text, |(_, rest)| rest);
            text.trim_end_matches('/').to_owned()
        };
        if shown.is_empty() || bare(shown) == bare(href) {
            return;
        }
        let shown_breaks = std::mem::take(&mut self.breaks);
        self.out.push_str(" <");
        self.out.push_str(href);
        self.out.push('>');
        self.breaks = shown_breaks;
    }

    fn finish(mut self) -> String {
        let len = self.out.trim_end().len();
        self.out.truncate(len);
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out
    }
}

/// What mailing programs pad their preview lines with, and control characters.
pub(crate) fn is_hidden(char: char) -> bool {
    matches!(
        char,
        '\u{200b}'..='\u{200d}' | '\u{feff}' | '\u{ad}' | '\u{34f}'
    ) || (char.is_control() && char != '\t')
}

pub(crate) fn is_link(href: &str) -> bool {
    let starts = |scheme: &str| {
        href.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    ["http://", "https://", "mailto:"].into_iter().any(starts)
        && !href.contains(|char: char| char.is_control() || char.is_whitespace())
}

/// The value of an attribute, as written.
pub(crate) fn attribute<'h>(attributes: &'h str, name: &str) -> Option<&'h str> {
    let mut rest = attributes;
    loop {
        rest = rest.trim_start_matches(|char: char| char.is_ascii_whitespace() || char == '/');
        let end = rest.find(|char: char| char.is_ascii_whitespace() || char == '=')?;
        let (found, after) = rest.split_at_checked(end)?;
        let after = after.trim_ascii_start();
        let Some(value) = after.strip_prefix('=') else {
            rest = after;
            continue;
        };
        let value = value.trim_ascii_start();
        let (value, after) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let inner = value.get(1..)?;
                inner.split_once(quote).unwrap_or((inner, ""))
            }
            _ => {
                let end = value.find(|char: char| char.is_ascii_whitespace());
                value.split_at_checked(end.unwrap_or(value.len()))?
            }
        };
        if found.eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = after;
    }
}

/// Character references decoded.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    if memchr(b'&', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr(b'&', rest.as_bytes()) {
        out.push_str(rest.get(..at).unwrap_or_default());
        rest = rest.get(at..).unwrap_or_default();
        let window = rest
            .get(..rest.floor_char_boundary(MAX_REFERENCE))
            .unwrap_or(rest);
        let end = window
            .find(';')
            .map(|end| end + 1)
            .and_then(|end| rest.get(..end));
        match end {
            Some(reference) if !reference.contains([' ', '\n', '<']) => {
                match entities::decode(reference) {
                    Some(char) => out.push(char),
                    None => out.push_str(reference),
                }
                rest = rest.get(reference.len()..).unwrap_or_default();
            }
            _ => {
                out.push('&');
                rest = rest.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::convert;

    #[test]
    fn blocks_lists_and_links_are_kept_apart() {
        let html = "<h1>T</h1><p>Hi <a href='https://example.com/x'>link</a></p>\
                    <ul><li>a<li>b<ol><li>c</li></ol></ul><table><tr><td>1</td><td>2</td></tr></table>";
        let text = "T\n\nHi link <https://example.com/x>\n\n* a\n* b\n  1. c\n\n1 2\n";
        assert_eq!(convert(html), text);
    }

    #[test]
    fn markup_that_is_not_shown_is_left_out() {
        let html = "<head><title>t</title><style>p{}</style></head><!-- c --><script>1<2</script>\
                    <p>a&nbsp;b &lt;c&gt; 1 < 2 &amp;amp; &#x41;</p><br>";
        assert_eq!(convert(html), "a b <c> 1 < 2 &amp; A\n");
    }

    #[test]
    fn quotes_and_preformatted_lines_keep_their_shape() {
        assert_eq!(
            convert("<p>a</p><blockquote>b<br>c</blockquote>d"),
            "a\n\n> b\n> c\n\nd\n"
        );
        assert_eq!(convert("<pre>x  y\n z</pre>"), "x  y\n z\n");
    }

    #[test]
    fn links_that_say_their_address_are_not_repeated() {
        assert_eq!(
            convert("<a href=\"https://example.com/\">example.com</a>"),
            "example.com\n"
        );
        assert_eq!(convert("<a href=\"javascript:alert(1)\">x</a>"), "x\n");
    }

    #[test]
    fn hostile_markup_is_read_to_its_end() {
        for piece in [
            "<",
            "<a ",
            "<a x=\"",
            "<a x='",
            "<!--",
            "&",
            "<div>",
            "<ul>",
            "<blockquote>",
            "</",
            "<li>",
        ] {
            convert(&piece.repeat(100_000));
        }
    }
}
