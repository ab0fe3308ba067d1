//! HTML made into Markdown, for programs and models that read it.
//!
//! Decides what of a mail's HTML becomes CommonMark (0.31): headings, strong and emphasised text, links,
//! images, lists, quotes, preformatted text, rules and line breaks; cells of a table are set apart by ` | `.
//! What stands in the text and would be markup is escaped, and no HTML goes through: what comes out is as
//! harmless as text. Which elements are not shown, what a link is and how references are decoded is
//! [`super::html_text`]'s. One pass, linear in the input, no recursion.

use std::borrow::Cow;

use super::html_text::{Sink, attribute, decode, is_hidden, is_link, walk};

/// Lists and quotes in one another that are drawn; deeper ones are drawn as if they were this deep.
const MAX_DEPTH: usize = 12;

/// The Markdown of an HTML document or fragment, lines ended by LF.
pub(crate) fn convert(html: &str) -> String {
    let mut writer = Writer::default();
    walk(html, &mut writer);
    writer.finish()
}

/// Plain text as Markdown that shows the same lines.
pub(crate) fn of_text(text: &str) -> String {
    let mut writer = Writer::default();
    let mut empty = 0;
    for line in text.lines() {
        if line.trim().is_empty() {
            empty += 1;
            continue;
        }
        writer.need(if empty > 0 {
            Break::Paragraph
        } else {
            Break::Hard
        });
        empty = 0;
        writer.chars(line);
    }
    writer.finish()
}

/// What comes before the next text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Break {
    #[default]
    None,
    /// The next item of a list.
    Line,
    /// A line break that is shown.
    Hard,
    Paragraph,
}

/// What every line inside starts with.
#[derive(Clone, Copy)]
enum Container {
    Quote,
    /// The number of the next item, `None` for bullets.
    List(Option<u32>),
    /// The octets of its marker.
    Item(usize),
}

/// Text between two marks.
struct Span {
    element: &'static str,
    opens: &'static str,
    closes: String,
    /// Whether the opening mark is there: it comes with the first text.
    is_open: bool,
}

#[derive(Default)]
struct Writer {
    out: String,
    due: Break,
    space: bool,
    /// What the next line starts with, behind its containers.
    marker: String,
    containers: Vec<Container>,
    /// Lists and quotes that are open but not drawn.
    deeper: usize,
    spans: Vec<Span>,
    preformatted: usize,
    in_heading: bool,
    in_row: bool,
    /// Where the text of the line starts.
    line: usize,
    /// How many quotes the line is in.
    drawn_quotes: usize,
}

impl Sink for Writer {
    fn text(&mut self, text: &str) {
        self.chars(&decode(text));
    }

    fn tag(&mut self, name: &str, attributes: &str, closes: bool) {
        match name {
            "a" | "b" | "strong" | "i" | "em" => self.span(name, attributes, closes),
            "img" => self.image(attributes),
            "br" if self.due == Break::Hard => self.due = Break::Paragraph,
            "br" => self.need(Break::Hard),
            "hr" => {
                self.block(Break::Paragraph);
                self.mark("---");
                self.block(Break::Paragraph);
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.block(Break::Paragraph);
                self.in_heading = !closes;
                let level = name.as_bytes().get(1).map_or(1, |digit| digit - b'0');
                self.marker = if closes {
                    String::new()
                } else {
                    "#".repeat(level.into()) + " "
                };
            }
            "td" | "th" => {
                if !closes && self.in_row && !self.is_line_start() {
                    self.close_spans();
                    self.mark(" |");
                    self.space = true;
                }
                self.in_row = true;
            }
            "pre" | "textarea" => {
                self.block(Break::Paragraph);
                let depth = self.preformatted;
                self.preformatted = if closes {
                    depth.saturating_sub(1)
                } else {
                    depth + 1
                };
            }
            "blockquote" | "ul" | "ol" | "menu" => self.container(name, closes),
            "li" => self.item(closes),
            "p" | "table" | "dl" => self.block(Break::Paragraph),
            "div" | "tr" | "section" | "article" | "header" | "footer" | "address" | "center"
            | "form" | "dt" | "dd" | "caption" | "figure" | "figcaption" | "body" | "html"
            | "option" | "main" | "nav" | "aside" => {
                self.block(Break::Hard);
                self.in_row &= name != "tr";
            }
            _ => {}
        }
    }
}

impl Writer {
    fn need(&mut self, due: Break) {
        self.due = self.due.max(due);
        self.space = false;
    }

    /// Ends a block: no span goes over its end.
    fn block(&mut self, due: Break) {
        self.close_spans();
        self.need(due);
    }

    fn container(&mut self, name: &str, closes: bool) {
        let is_quote = name == "blockquote";
        let is_list = !is_quote
            && self
                .containers
                .iter()
                .any(|one| matches!(one, Container::Item(_)));
        self.block(if is_list {
            Break::Line
        } else {
            Break::Paragraph
        });
        if !closes && self.containers.len() >= MAX_DEPTH {
            self.deeper += 1;
        } else if !closes {
            self.containers.push(match name {
                "blockquote" => Container::Quote,
                "ol" => Container::List(Some(1)),
                _ => Container::List(None),
            });
        } else if self.deeper > 0 {
            self.deeper -= 1;
        } else {
            let is_own = |one: &Container| {
                matches!(one, Container::Quote) == is_quote && !matches!(one, Container::Item(_))
            };
            if let Some(at) = self.containers.iter().rposition(is_own) {
                self.containers.truncate(at);
            }
            self.marker.clear();
        }
    }

    fn item(&mut self, closes: bool) {
        self.block(Break::Line);
        if let Some(Container::Item(_)) = self.containers.last() {
            self.containers.pop();
        }
        if closes {
            self.marker.clear();
            return;
        }
        self.marker = match self.containers.last_mut() {
            Some(Container::List(Some(number))) => {
                let marker = format!("{number}. ");
                *number = number.saturating_add(1);
                marker
            }
            _ => "- ".to_owned(),
        };
        if self.containers.len() < 2 * MAX_DEPTH {
            self.containers.push(Container::Item(self.marker.len()));
        }
    }

    /// A link, or strong or emphasised text.
    fn span(&mut self, name: &str, attributes: &str, closes: bool) {
        let (element, opens) = match name {
            "a" => ("a", "["),
            "b" | "strong" => ("b", "**"),
            _ => ("i", "*"),
        };
        let open = self.spans.iter().position(|span| span.element == element);
        match open {
            Some(at) if closes || element == "a" => {
                // Those that were opened later go on behind it.
                self.close_from(at);
                self.spans.remove(at);
            }
            _ => {}
        }
        if closes || self.preformatted > 0 || (element != "a" && open.is_some()) {
            return;
        }
        let closes = match element {
            "a" => {
                let href = attribute(attributes, "href").map(|href| decode(href.trim()));
                match href.filter(|href| is_link(href)) {
                    Some(href) => format!("]({})", target(&href)),
                    None => return,
                }
            }
            _ => opens.to_owned(),
        };
        self.spans.push(Span {
            element,
            opens,
            closes,
            is_open: false,
        });
    }

    fn close_spans(&mut self) {
        self.close_from(0);
    }

    /// Writes the closing marks of what is open; it is opened again with the next text.
    fn close_from(&mut self, from: usize) {
        for span in self.spans.iter_mut().skip(from).rev() {
            if std::mem::take(&mut span.is_open) {
                self.out.push_str(&span.closes);
            }
        }
    }

    fn image(&mut self, attributes: &str) {
        let alt = attribute(attributes, "alt").unwrap_or_default();
        let source = attribute(attributes, "src").map(|source| decode(source.trim()));
        let is_shown = |source: &Cow<'_, str>| is_link(source) || source.starts_with("cid:");
        match source.filter(is_shown) {
            Some(source) if !alt.trim().is_empty() => {
                self.mark("![");
                self.text(alt);
                self.out.push_str("](");
                self.out.push_str(&target(&source));
                self.out.push(')');
            }
            _ => self.text(alt),
        }
    }

    /// Markup at this place.
    fn mark(&mut self, mark: &str) {
        self.start();
        self.out.push_str(mark);
    }

    fn chars(&mut self, text: &str) {
        let mut chars = text.chars().peekable();
        while let Some(char) = chars.next() {
            match char {
                '\r' => {}
                '\n' if self.preformatted > 0 => {
                    if self.due == Break::None {
                        self.new_line();
                    }
                }
                ' ' | '\t' | '\n' | '\u{c}' | '\u{a0}' if self.preformatted == 0 => {
                    self.space = true;
                }
                // What mailing programs pad their preview lines with.
                hidden if is_hidden(hidden) => {}
                shown => {
                    self.start();
                    if self.preformatted == 0 && self.is_markup(shown, chars.peek()) {
                        self.out.push('\\');
                    }
                    self.out.push(shown);
                }
            }
        }
    }

    /// Whether a character of the text would be taken for markup where it comes.
    fn is_markup(&self, char: char, next: Option<&char>) -> bool {
        let line = self.out.get(self.line..).unwrap_or_default();
        match char {
            '\\' | '`' | '*' | '[' | '<' | '~' => true,
            // Behind a letter it opens nothing.
            '_' => !line.ends_with(char::is_alphanumeric),
            '&' => next.is_some_and(|next| next.is_ascii_alphanumeric() || *next == '#'),
            '#' | '+' | '-' | '=' | '>' => line.is_empty(),
            '.' | ')' => {
                !line.is_empty()
                    && line.len() < 10
                    && line.bytes().all(|byte| byte.is_ascii_digit())
            }
            '|' => self.in_row,
            _ => false,
        }
    }

    fn is_line_start(&self) -> bool {
        self.out.len() == self.line
    }

    /// Writes what is due before text: breaks, what lines start with, spaces, opening marks.
    fn start(&mut self) {
        let due = std::mem::take(&mut self.due);
        let spaced = std::mem::take(&mut self.space);
        let is_first = self.out.is_empty();
        if is_first {
            self.begin_line();
        } else {
            match due {
                Break::None if spaced && !self.is_line_start() => self.out.push(' '),
                Break::None => {}
                Break::Hard if self.in_heading && self.marker.is_empty() => self.out.push(' '),
                Break::Hard if self.marker.is_empty() => {
                    self.out.push('\\');
                    self.new_line();
                }
                Break::Line | Break::Hard => self.new_line(),
                Break::Paragraph => {
                    self.out.push('\n');
                    // The quotes that go on.
                    let blank = ">".repeat(self.quotes().min(self.drawn_quotes));
                    self.out.push_str(&blank);
                    self.new_line();
                }
            }
        }
        for span in &mut self.spans {
            if !std::mem::replace(&mut span.is_open, true) {
                self.out.push_str(span.opens);
            }
        }
    }

    fn new_line(&mut self) {
        self.out.push('\n');
        self.begin_line();
    }

    fn quotes(&self) -> usize {
        let quotes = self.containers.iter();
        quotes.filter(|one| matches!(one, Container::Quote)).count()
    }

    fn begin_line(&mut self) {
        self.drawn_quotes = self.quotes();
        let marker = std::mem::take(&mut self.marker);
        let is_item = !marker.is_empty() && !marker.starts_with('#');
        let last = self.containers.len().saturating_sub(1);
        for (at, container) in self.containers.iter().enumerate() {
            match container {
                Container::Quote => self.out.push_str("> "),
                Container::Item(_) if is_item && at == last => {}
                Container::Item(width) => self.out.extend(std::iter::repeat_n(' ', *width)),
                Container::List(_) => {}
            }
        }
        self.out.push_str(&marker);
        if self.preformatted > 0 {
            self.out.push_str("    ");
        }
        self.line = self.out.len();
    }

    fn finish(mut self) -> String {
        self.close_spans();
        let len = self.out.trim_end().len();
        self.out.truncate(len);
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out
    }
}

/// An address as the target of a link: what would end it is percent-encoded.
fn target(address: &str) -> String {
    let mut out = String::with_capacity(address.len());
    for char in address.chars() {
        match char {
            '(' => out.push_str("%28"),
            ')' => out.push_str("%29"),
            '<' => out.push_str("%3C"),
            '>' => out.push_str("%3E"),
            '\\' => out.push_str("%5C"),
            other if other.is_whitespace() || other.is_control() => {}
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::{convert, of_text};

    #[test]
    fn what_people_write_becomes_markdown() {
        let html = "<h1>News</h1><p>Read <b>this <i>now</i></b> at <a href='https://example.com/a_(b)'>our page</a>.<br>Soon</p>\
                    <ul><li>one<li>two<ol><li>deep</li></ol></li></ul><blockquote>said<p>more</p></blockquote><hr>\
                    <pre>x  y\n z</pre><table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>\
                    <img src='cid:logo' alt='Logo'>";
        let markdown = "# News\n\nRead **this *now*** at [our page](https://example.com/a_%28b%29).\\\nSoon\n\n\
                        - one\n- two\n  1. deep\n\n> said\n>\n> more\n\n---\n\n    x  y\n     z\n\n\
                        a | b\\\n1 | 2\n\n![Logo](cid:logo)\n";
        assert_eq!(convert(html), markdown);
    }

    #[test]
    fn text_that_looks_like_markup_is_escaped() {
        let html = "<p># no *heading* [x](y) `c` &lt;b&gt; snake_case _x_ &amp;amp; a&b</p><p>1. not a list</p><p>- nor this</p>";
        let markdown = "\\# no \\*heading\\* \\[x](y) \\`c\\` \\<b> snake_case \\_x_ \\&amp; a\\&b\n\n1\\. not a list\n\n\\- nor this\n";
        assert_eq!(convert(html), markdown);
        assert_eq!(
            of_text("1. a\r\n# b\r\n\r\n> c\r\n"),
            "1\\. a\\\n\\# b\n\n\\> c\n"
        );
    }

    #[test]
    fn marks_stand_at_words_and_end_with_their_block() {
        assert_eq!(convert("a<b> b </b>c"), "a **b** c\n");
        assert_eq!(convert("<b>a<p>b</b>c"), "**a**\n\n**b**c\n");
        assert_eq!(convert("<i></i>x<b> </b>"), "x\n");
        assert_eq!(convert("<a href='javascript:x()'>y</a>"), "y\n");
        assert_eq!(
            convert("<a href='https://example.com'>a<b>b</a>c</b>"),
            "[a**b**](https://example.com)**c**\n"
        );
    }

    #[test]
    fn hostile_markup_is_read_to_its_end() {
        for piece in [
            "<",
            "<b>",
            "<i>x",
            "<a href='https://a.b'>x",
            "<ul>",
            "<li>",
            "<ol><li>",
            "<blockquote>x",
            "</ul>",
            "<pre>\n",
            "<td>",
            "1",
            "_",
            "&",
        ] {
            let markdown = convert(&piece.repeat(50_000));
            assert!(markdown.len() < 60 * piece.len() * 50_000, "{piece}");
        }
    }
}
