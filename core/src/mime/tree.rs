//! The structure of a message drawn with lines, for people.
//!
//! Decides what one line says: type; charset for text; name, disposition and Content-ID where
//! given; size for leaves. Nothing in a line can control a terminal.

use std::fmt::Write;

use super::{MessageView, Part};

/// The drawing: one part a line, LF between lines, nested messages opened.
pub(crate) fn draw(view: MessageView<'_>) -> String {
    let mut out = String::new();
    let root = view.root();
    line(&mut out, root);
    let mut open = vec![below(root)];
    let mut lead = String::new();
    // How many bytes of `lead` each open level added.
    let mut widths: Vec<usize> = Vec::new();
    while let Some(parts) = open.last_mut() {
        let Some(part) = parts.next() else {
            open.pop();
            let width = widths.pop().unwrap_or_default();
            lead.truncate(lead.len() - width);
            continue;
        };
        let last = parts.as_slice().is_empty();
        out.push('\n');
        out.push_str(&lead);
        out.push_str(if last { "└── " } else { "├── " });
        line(&mut out, part);
        let more = if last { "    " } else { "│   " };
        lead.push_str(more);
        widths.push(more.len());
        open.push(below(part));
    }
    out
}

/// What hangs below a part: its children, or the root of the message that it holds.
fn below(part: Part<'_>) -> std::vec::IntoIter<Part<'_>> {
    let mut parts: Vec<_> = part.children().collect();
    parts.extend(part.message().map(|message| message.root()));
    parts.into_iter()
}

fn line(out: &mut String, part: Part<'_>) {
    shown(out, &part.content_type());
    if part.inner.is_text()
        && let Some(charset) = part.charset()
    {
        out.push_str("; ");
        shown(out, &charset.to_ascii_lowercase());
    }
    if let Some(name) = part.filename() {
        out.push(' ');
        shown(out, &name);
    }
    if let Some(disposition) = part.disposition() {
        out.push(' ');
        shown(out, disposition);
    }
    if let Some(id) = part.content_id() {
        out.push_str(" <");
        shown(out, &id);
        out.push('>');
    }
    if !part.is_multipart() {
        let _ = write!(out, " ({})", Octets(part.size()));
    }
}

/// The text without what a terminal would act on or turn around.
fn shown(out: &mut String, text: &str) {
    let acts = |char: char| {
        char.is_control()
            || matches!(char, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    out.extend(
        text.chars()
            .map(|char| if acts(char) { '\u{fffd}' } else { char }),
    );
}

/// A size for people: `512 B`, `1.2 kB`, `3.4 MB`, in powers of 1000.
struct Octets(u64);

impl std::fmt::Display for Octets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (mut tenths, mut unit) = (self.0.saturating_mul(10), "B");
        for next in ["kB", "MB", "GB"] {
            if tenths < 10_000 {
                break;
            }
            tenths = (tenths + 500) / 1000;
            unit = next;
        }
        if unit == "B" {
            return write!(f, "{} B", self.0);
        }
        write!(f, "{}.{} {unit}", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::Octets;
    use crate::mime::parse;

    #[test]
    fn parts_hang_on_lines() {
        let message = parse(
            b"Content-Type: multipart/mixed; boundary=m\r\n\r\n\
              --m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n\
              --a\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\nhi\r\n--a--\r\n\
              --m\r\nContent-Type: image/png\r\nContent-ID: <p\x1b[1m@x>\r\n\
              Content-Disposition: attachment; filename=a.png\r\n\r\n1234\r\n--m--\r\n",
        );
        let expected = "multipart/mixed\n├── multipart/alternative\n│   └── text/plain; utf-8 (2 B)\n\
                        └── image/png a.png attachment <p[1m@x> (4 B)";
        assert_eq!(message.tree(), expected);
    }

    #[test]
    fn sizes_are_rounded_to_tenths() {
        let shown: Vec<_> = [0, 999, 1_000, 1_249, 999_949, 2_500_000, 7_340_032_000]
            .into_iter()
            .map(|size| Octets(size).to_string())
            .collect();
        assert_eq!(
            shown,
            [
                "0 B", "999 B", "1.0 kB", "1.2 kB", "999.9 kB", "2.5 MB", "7.3 GB"
            ]
        );
    }
}
