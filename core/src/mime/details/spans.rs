//! A plain text as what the author wrote, what is quoted, and the signature.
//!
//! Decides by the lines alone: `>` quotes, the line that introduces them ("On Monday Ann wrote:"),
//! the separators that mail programs put above a whole quoted or forwarded message, `-- ` and the
//! advertisements of telephones. The spans cover the text without gap. Linear; not a parser of any
//! language: a quote without a mark is text.

use std::ops::Range;

/// The longest line that may introduce a quote, in bytes, and over how many lines it may run.
const MAX_INTRODUCTION: usize = 400;
const MAX_INTRODUCTION_LINES: usize = 3;

/// What a span of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpanKind {
    /// What the author wrote.
    Text,
    /// The lines that introduce a quote.
    Attribution,
    /// Quoted text.
    Quote,
    /// A whole message quoted or forwarded without `>`, its separator and header lines included.
    Forward,
    /// The signature, the line before it included.
    Signature,
}

impl SpanKind {
    /// The stable text: `text`, `attribution`, `quote`, `forward` or `signature`.
    pub fn as_str(self) -> &'static str {
        match self {
            SpanKind::Text => "text",
            SpanKind::Attribution => "attribution",
            SpanKind::Quote => "quote",
            SpanKind::Forward => "forward",
            SpanKind::Signature => "signature",
        }
    }
}

/// A piece of a text, whole lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// What it is.
    pub kind: SpanKind,
    /// How deep it is quoted: the number of `>`; 0 for what is not a quote.
    pub depth: u32,
    /// Where it is.
    pub range: Range<usize>,
}

/// What positions in a text count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes of UTF-8, as Rust counts.
    Byte,
    /// UTF-16 units, as JavaScript counts.
    Utf16,
    /// Characters, as Python counts.
    Char,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Blank,
    Text,
    Quote(u32),
    Delimiter,
    Device,
    Separator,
}

/// The spans of a text in order; none for an empty one.
pub fn spans(text: &str, unit: Unit) -> Vec<Span> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let kinds: Vec<Line> = lines.iter().map(|line| kind(line)).collect();
    let mut marks: Vec<(SpanKind, u32)> = kinds
        .iter()
        .map(|kind| match kind {
            Line::Quote(depth) => (SpanKind::Quote, *depth),
            _ => (SpanKind::Text, 0),
        })
        .collect();
    introductions(&lines, &kinds, &mut marks);
    let is_forward = |at: &usize| {
        kinds.get(*at) == Some(&Line::Separator) && has_header_lines(lines.get(at + 1..))
    };
    let forward = (0..lines.len()).find(is_forward).unwrap_or(lines.len());
    for mark in marks.iter_mut().skip(forward) {
        *mark = (SpanKind::Forward, 0);
    }
    let own = marks.get(..forward).unwrap_or_default();
    if let Some(at) = signature(own, &kinds) {
        for mark in marks.iter_mut().take(forward).skip(at) {
            *mark = (SpanKind::Signature, 0);
        }
    }
    merge(&lines, &marks, unit)
}

/// The spans that are the author's own, joined, without blank lines around them.
pub(crate) fn own_text(text: &str) -> String {
    let own: String = spans(text, Unit::Byte)
        .into_iter()
        .filter(|span| span.kind == SpanKind::Text)
        .filter_map(|span| text.get(span.range))
        .collect();
    own.trim().to_owned()
}

fn kind(line: &str) -> Line {
    let line = line.trim_end_matches(['\r', '\n']);
    if line.trim().is_empty() && line != "-- " {
        return Line::Blank;
    }
    if line.starts_with('>') {
        let depth = line
            .chars()
            .take_while(|char| matches!(char, '>' | ' '))
            .filter(|char| *char == '>')
            .count();
        return Line::Quote(u32::try_from(depth).unwrap_or(u32::MAX));
    }
    if matches!(line, "-- " | "--") {
        return Line::Delimiter;
    }
    let sent = [
        "Sent from my ",
        "Sent from Outlook",
        "Sent from Yahoo",
        "Get Outlook for ",
        "Von meinem ",
    ];
    if line.len() < 80 && sent.iter().any(|start| line.starts_with(start)) {
        return Line::Device;
    }
    let dashes = |char: char| matches!(char, '-' | '_');
    let inner = line.trim().trim_matches(dashes);
    let is_framed = line.starts_with("-----") && line.trim_end().ends_with("-----");
    let is_rule = inner.is_empty() && line.trim().len() >= 20;
    let begin = line.starts_with("Begin forwarded message:");
    if (is_framed && inner.chars().any(char::is_alphabetic)) || is_rule || begin {
        return Line::Separator;
    }
    Line::Text
}

/// Whether header lines of a quoted message follow: two of the next lines have a name and a colon.
fn has_header_lines(lines: Option<&[&str]>) -> bool {
    let is_header = |line: &&&str| {
        let line = line.trim_start_matches(['*', ' ']);
        line.find(':').is_some_and(|colon| {
            let name = line.get(..colon).unwrap_or_default().trim_end_matches('*');
            (2..=24).contains(&name.chars().count())
                && name
                    .chars()
                    .all(|char| char.is_alphanumeric() || matches!(char, '-' | ' '))
        })
    };
    let lines = lines.unwrap_or_default().iter();
    let given = lines.filter(|line| !line.trim().is_empty()).take(4);
    given.filter(is_header).count() >= 2
}

/// Marks the lines that introduce quotes.
fn introductions(lines: &[&str], kinds: &[Line], marks: &mut [(SpanKind, u32)]) {
    let mut before = Line::Blank;
    for (at, kind) in kinds.iter().enumerate() {
        let starts = matches!(kind, Line::Quote(_)) && !matches!(before, Line::Quote(_));
        before = *kind;
        if !starts {
            continue;
        }
        // The text right above, one blank line between at most.
        let above = kinds.get(..at).unwrap_or_default();
        let end = match above.last() {
            Some(Line::Blank) => at - 1,
            _ => at,
        };
        let count = kinds
            .get(..end)
            .unwrap_or_default()
            .iter()
            .rev()
            .take(MAX_INTRODUCTION_LINES + 1)
            .take_while(|kind| **kind == Line::Text)
            .count();
        if count == 0 || count > MAX_INTRODUCTION_LINES {
            continue;
        }
        let text = lines.get(end - count..end).unwrap_or_default();
        let len: usize = text.iter().map(|line| line.len()).sum();
        let last = text.last().map(|line| line.trim_end()).unwrap_or_default();
        let tells_who = text
            .iter()
            .any(|line| line.contains('@') || line.chars().any(|char| char.is_ascii_digit()))
            || [
                "wrote:",
                "writes:",
                "schrieb:",
                "écrit :",
                "escribió:",
                "scrisse:",
            ]
            .iter()
            .any(|verb| last.ends_with(verb));
        let ends = last.ends_with(':') || last.ends_with('：');
        if len <= MAX_INTRODUCTION && ends && tells_who {
            for mark in marks.iter_mut().take(at).skip(end - count) {
                *mark = (SpanKind::Attribution, 0);
            }
        }
    }
}

/// The line that the signature starts with: the last delimiter after which nothing is quoted.
fn signature(marks: &[(SpanKind, u32)], kinds: &[Line]) -> Option<usize> {
    let quoted = marks.iter().rposition(|(kind, _)| *kind == SpanKind::Quote);
    let from = quoted.map_or(0, |at| at + 1);
    let own = || kinds.iter().take(marks.len()).enumerate().skip(from);
    let delimiter = own().find(|(_, kind)| **kind == Line::Delimiter);
    // The advertisement of a telephone is the last line, or stands above a quote or a delimiter.
    let device = own()
        .rev_by_blank()
        .filter(|(_, kind)| **kind == Line::Device);
    delimiter.or(device).map(|(at, _)| at)
}

trait LastLine<'k>: Iterator<Item = (usize, &'k Line)> + Sized {
    /// The last line that is not blank.
    fn rev_by_blank(self) -> Option<(usize, &'k Line)> {
        self.filter(|(_, kind)| **kind != Line::Blank).last()
    }
}

impl<'k, I: Iterator<Item = (usize, &'k Line)>> LastLine<'k> for I {}

/// Runs of lines with one mark; blank lines belong to what is above them.
fn merge(lines: &[&str], marks: &[(SpanKind, u32)], unit: Unit) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut at = 0;
    for (line, (kind, depth)) in lines.iter().zip(marks) {
        let len = match unit {
            Unit::Byte => line.len(),
            Unit::Utf16 => line.chars().map(char::len_utf16).sum(),
            Unit::Char => line.chars().count(),
        };
        let end = at + len;
        let is_blank = *kind == SpanKind::Text && line.trim().is_empty();
        match spans.last_mut() {
            Some(span) if is_blank || (span.kind == *kind && span.depth == *depth) => {
                span.range.end = end;
            }
            _ => spans.push(Span {
                kind: *kind,
                depth: *depth,
                range: at..end,
            }),
        }
        at = end;
    }
    spans
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::{Unit, spans};

    fn read(text: &str) -> Vec<(&'static str, u32, &str)> {
        let spans = spans(text, Unit::Byte);
        let mut at = 0;
        for span in &spans {
            assert_eq!(span.range.start, at);
            at = span.range.end;
        }
        assert_eq!(at, text.len());
        spans
            .into_iter()
            .map(|span| (span.kind.as_str(), span.depth, &text[span.range]))
            .collect()
    }

    #[test]
    fn replies_are_taken_apart() {
        let text = "Yes.\n\nOn 4 May 2026 at 09:30, Ann <ann@example.com>\nwrote:\n\n> Lunch?\n>> Where?\n\nAt nine.\n-- \nBen\n";
        assert_eq!(
            read(text),
            [
                ("text", 0, "Yes.\n\n"),
                (
                    "attribution",
                    0,
                    "On 4 May 2026 at 09:30, Ann <ann@example.com>\nwrote:\n\n"
                ),
                ("quote", 1, "> Lunch?\n"),
                ("quote", 2, ">> Where?\n\n"),
                ("text", 0, "At nine.\n"),
                ("signature", 0, "-- \nBen\n"),
            ]
        );
    }

    #[test]
    fn only_the_authors_text_is_left() {
        let text = "Yes.\n\nOn Monday Ann wrote:\n> Lunch?\n\nAt nine.\n-- \nBen\n";
        assert_eq!(super::own_text(text), "Yes.\n\nAt nine.");
    }

    #[test]
    fn forwarded_messages_are_seen() {
        let text = "FYI\r\n\r\n-----Original Message-----\r\nFrom: Ann\r\nSent: Monday\r\nSubject: x\r\n\r\nHello\r\n-- \r\nAnn\r\n";
        let found = read(text);
        assert_eq!(found[0], ("text", 0, "FYI\r\n\r\n"));
        assert_eq!((found[1].0, found.len()), ("forward", 2));
        let outlook = format!("ok\n{}\nVon: Ann\nGesendet: Montag\n\nx", "_".repeat(32));
        assert_eq!(read(&outlook)[1].0, "forward");
        assert_eq!(read("a\n----- chapter -----\nnothing\n").len(), 1);
    }

    #[test]
    fn telephones_sign_at_the_end() {
        assert_eq!(read("ok\n\nSent from my iPhone\n")[1].0, "signature");
        assert_eq!(read("Sent from my heart: thanks\nAnn\n").len(), 1);
    }

    #[test]
    fn what_is_no_introduction_is_text() {
        let text = "Please note:\n\n> a\n";
        assert_eq!(read(text)[0].0, "text");
        assert!(spans("", Unit::Byte).is_empty());
    }

    #[test]
    fn positions_count_what_the_language_counts() {
        let text = "😀é\n> b";
        let end = |unit| spans(text, unit)[0].range.end;
        assert_eq!(
            (end(Unit::Byte), end(Unit::Utf16), end(Unit::Char)),
            (7, 4, 3)
        );
    }

    #[test]
    fn hostile_texts_are_read_to_their_end() {
        for piece in [
            ">",
            "> \n",
            "-- \n",
            "a:\n> b\n",
            "-----a-----\n",
            "\n",
            "x",
        ] {
            let text = piece.repeat(60_000);
            assert_eq!(
                spans(&text, Unit::Byte).last().unwrap().range.end,
                text.len()
            );
        }
    }
}
