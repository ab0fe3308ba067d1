//! `format=flowed` text (RFC 3676): soft line breaks undone.
//!
//! Decides what is one paragraph: lines that end with a space and the line after them, as long as
//! both are quoted equally deep and neither is the line before a signature. Linear.

use crate::mime::Part;

/// The line before a signature (RFC 3676 section 4.3).
const SIGNATURE: &str = "-- ";

/// Quotes deeper than this are shown as if they were this deep, so that the text grows by no more
/// than its lines do.
const MAX_DEPTH: usize = 64;

/// Whether a part is flowed.
pub(super) fn is(part: &Part<'_>) -> bool {
    let format = part.parameter("format");
    part.content_type() == "text/plain"
        && format.is_some_and(|format| format.eq_ignore_ascii_case("flowed"))
}

/// Whether the space of a soft line break is no part of the text.
pub(super) fn is_del_sp(part: &Part<'_>) -> bool {
    let del_sp = part.parameter("delsp");
    del_sp.is_some_and(|value| value.eq_ignore_ascii_case("yes"))
}

/// The text with one line for each paragraph, quotes marked by `> ` for each level.
pub(super) fn unwrap(text: &str, del_sp: bool) -> String {
    let mut out = String::with_capacity(text.len());
    // The depth of the paragraph that goes on.
    let mut open: Option<usize> = None;
    for whole in text.split_inclusive('\n') {
        let line = whole.strip_suffix('\n').unwrap_or(whole);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let end = whole.get(line.len()..).unwrap_or_default();
        let content = line.trim_start_matches('>');
        let depth = (line.len() - content.len()).min(MAX_DEPTH);
        // A space that protects what follows it (section 4.4).
        let content = content.strip_prefix(' ').unwrap_or(content);
        let is_signature = content == SIGNATURE;
        let goes_on = open == Some(depth) && !is_signature;
        if !goes_on {
            if open.is_some() {
                out.push_str(newline(text));
            }
            for _ in 0..depth {
                out.push('>');
            }
            if depth > 0 && !content.is_empty() {
                out.push(' ');
            }
        }
        if content.ends_with(' ') && !is_signature {
            let kept = if del_sp {
                content.strip_suffix(' ').unwrap_or(content)
            } else {
                content
            };
            out.push_str(kept);
            open = Some(depth);
        } else {
            out.push_str(content);
            out.push_str(end);
            open = None;
        }
    }
    out
}

/// The line end that the text uses.
fn newline(text: &str) -> &'static str {
    let first = memchr::memchr(b'\n', text.as_bytes()).and_then(|at| text.get(..at));
    match first.is_some_and(|line| line.ends_with('\r')) {
        true => "\r\n",
        false => "\n",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::unwrap;
    use crate::mime::parse;

    #[test]
    fn soft_line_breaks_are_undone() {
        for (text, expected) in [
            ("one \ntwo\nthree\n", "one two\nthree\n"),
            (
                "> quoted \n> text\n>> deep\nme\n",
                "> quoted text\n>> deep\nme\n",
            ),
            // A quote of another depth ends the paragraph.
            ("> one \n>> two \nthree", "> one \n>> two \nthree"),
            (" >not a quote\n From here", ">not a quote\nFrom here"),
            ("text \n-- \nAnn\n", "text \n-- \nAnn\n"),
            ("a \r\nb\r\n", "a b\r\n"),
            ("ends soft ", "ends soft "),
            ("\n\n", "\n\n"),
            (">\n", ">\n"),
        ] {
            assert_eq!(unwrap(text, false), expected, "{text:?}");
        }
        assert_eq!(unwrap("日本 \n語\n", true), "日本語\n");
    }

    #[test]
    fn only_flowed_parts_are_unwrapped() {
        let read = |format: &str| {
            let raw = format!("Content-Type: text/plain{format}\r\n\r\na \r\nb\r\n");
            parse(raw.as_bytes()).unwrapped_text().unwrap().into_owned()
        };
        assert_eq!(read("; format=Flowed"), "a b\r\n");
        assert_eq!(read("; format=flowed; DelSp=yes"), "ab\r\n");
        assert_eq!(read(""), "a \r\nb\r\n");
    }

    #[test]
    fn a_text_grows_by_no_more_than_its_lines() {
        for piece in ["> \n", ">>>> a \n", " \n", ">"] {
            let text = piece.repeat(200_000 / piece.len());
            assert!(
                unwrap(&text, false).len() <= 2 * text.len() + 2,
                "{piece:?}"
            );
        }
    }
}
