//! Multi-line content: dots unstuffed on the way in, stuffed on the way out.
//!
//! The rule guarded here: what the client hands out is what the server was
//! given, octet for octet, and the terminator is found wherever the network
//! cuts. Neither direction limits the length of a line.
//!
//! Incoming line ends. A line ends with CRLF (RFC 1939 section 3). Some
//! servers end every line with LF alone: the first line end of the content
//! (or, before it, that of the status line) tells which kind speaks. Where
//! lines end with CRLF, a lone LF is content and a dot after it is not looked
//! at: a message that holds LF, dot, LF cannot end its own transfer and have
//! the rest read as replies.
//!
//! The first octet. Dovecot does not stuff a dot there. No server that does
//! stuff sends a single dot before other text, so that one is kept.
//!
//! RFC 1939 section 3.

use memchr::{memchr, memmem};

/// Takes multi-line content apart as it arrives.
#[derive(Debug, Clone)]
pub struct Unstuffer {
    at: Place,
    line_end: LineEnd,
    unstuffed_dot: bool,
}

/// Where the last octet left the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the first octet.
    Start,
    /// After a dot as the first octet, which is held back.
    StartDot,
    LineStart,
    /// After a dot at the start of a line, which is held back.
    Dot,
    /// After a dot and CR, both held back.
    DotCr,
    Text,
    TextCr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    /// No line has ended yet; what the status line ended with counts.
    Unknown {
        status_lf: bool,
    },
    Crlf,
    Lf,
}

/// What [`Unstuffer::feed`] did with its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fed {
    /// Octets of the input that were used.
    pub consumed: usize,
    /// True if the terminator was the last thing used.
    pub finished: bool,
}

impl Unstuffer {
    /// Begins after a status line, which ended with LF alone or with CRLF.
    pub fn new(status_ended_with_lf_alone: bool) -> Self {
        Self {
            at: Place::Start,
            unstuffed_dot: false,
            line_end: LineEnd::Unknown {
                status_lf: status_ended_with_lf_alone,
            },
        }
    }

    /// True if the lines end with LF alone.
    pub fn lines_end_with_lf(&self) -> bool {
        self.line_end == LineEnd::Lf
    }

    /// True if the content began with a dot that was not stuffed.
    pub fn began_with_unstuffed_dot(&self) -> bool {
        self.unstuffed_dot
    }

    /// Appends the content in `input` to `out`, as far as the terminator.
    pub fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) -> Fed {
        let mut rest = input;
        while let Some((&octet, after)) = rest.split_first() {
            match (self.at, octet) {
                (Place::Start, b'.') => {
                    self.at = Place::StartDot;
                    rest = after;
                }
                (Place::StartDot, b'.' | b'\r' | b'\n') => self.at = Place::Dot,
                (Place::StartDot, _) => {
                    self.unstuffed_dot = true;
                    out.push(b'.');
                    self.at = Place::Text;
                }
                (Place::LineStart, b'.') => {
                    self.at = Place::Dot;
                    rest = after;
                }
                (Place::Start | Place::LineStart, _) => self.at = Place::Text,
                (Place::Dot, b'\r') => {
                    self.at = Place::DotCr;
                    rest = after;
                }
                (Place::Dot, b'\n') if self.lf_ends_a_line() => {
                    self.line_end = LineEnd::Lf;
                    return finished(input, after);
                }
                // The dot was a stuffed one: it is gone, the line goes on.
                (Place::Dot, _) => self.at = Place::Text,
                (Place::DotCr, b'\n') => return finished(input, after),
                (Place::DotCr, _) => {
                    out.push(b'\r');
                    self.at = Place::TextCr;
                }
                (Place::Text | Place::TextCr, _) => rest = self.feed_text(rest, out),
            }
        }
        Fed {
            consumed: input.len(),
            finished: false,
        }
    }

    /// Copies text up to the next line that begins with a dot, or all of it.
    fn feed_text<'a>(&mut self, text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        if let (Place::TextCr, Some((b'\n', after))) = (self.at, text.split_first()) {
            out.push(b'\n');
            if matches!(self.line_end, LineEnd::Unknown { .. }) {
                self.line_end = LineEnd::Crlf;
            }
            self.at = Place::LineStart;
            return after;
        }
        let line_end: &[u8] = match self.line_end {
            LineEnd::Crlf => b"\r\n.",
            LineEnd::Lf => b"\n.",
            LineEnd::Unknown { .. } => {
                // The first line end of the content decides for all of it.
                let Some(lf) = memchr(b'\n', text) else {
                    return self.copy_open_end(text, text.len(), out);
                };
                let before = lf.checked_sub(1).and_then(|at| text.get(at));
                self.line_end = if before == Some(&b'\r') {
                    LineEnd::Crlf
                } else {
                    LineEnd::Lf
                };
                return self.copy_open_end(text, lf + 1, out);
            }
        };
        match memmem::find(text, line_end) {
            Some(found) => self.copy_open_end(text, found + line_end.len() - 1, out),
            None => self.copy_open_end(text, text.len(), out),
        }
    }

    /// Copies the first `length` octets and notes what they end with.
    fn copy_open_end<'a>(&mut self, text: &'a [u8], length: usize, out: &mut Vec<u8>) -> &'a [u8] {
        let (copied, rest) = text.split_at_checked(length).unwrap_or((text, &[]));
        out.extend_from_slice(copied);
        self.at = match copied {
            [.., b'\r', b'\n'] => Place::LineStart,
            [.., b'\n'] if self.lf_ends_a_line() => Place::LineStart,
            [.., b'\r'] => Place::TextCr,
            _ => Place::Text,
        };
        rest
    }

    fn lf_ends_a_line(&self) -> bool {
        matches!(
            self.line_end,
            LineEnd::Lf | LineEnd::Unknown { status_lf: true }
        )
    }
}

/// Makes multi-line content for the wire as it is read from a maildrop.
///
/// Every line end becomes CRLF, a lone CR is content, a dot at the start of a
/// line is doubled (the start of the content is one), and [`finish`] adds the
/// terminator, which therefore occurs once, at the end.
///
/// [`finish`]: Self::finish
#[derive(Debug, Clone)]
pub struct Stuffer {
    line_start: bool,
    after_cr: bool,
    dots: Dots,
}

/// Which dots are doubled; all of them, but for a fault that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dots {
    All,
    AfterTheFirstOctet,
    None,
}

impl Default for Stuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl Stuffer {
    /// Begins a content.
    pub fn new() -> Self {
        Self {
            line_start: true,
            after_cr: false,
            dots: Dots::All,
        }
    }

    /// Stuffs no dot, or all but one that is the first octet.
    pub(crate) fn faulty(none: bool) -> Self {
        Self {
            dots: if none {
                Dots::None
            } else {
                Dots::AfterTheFirstOctet
            },
            ..Self::new()
        }
    }

    /// Appends `content` in its form for the wire to `out`.
    pub fn feed(&mut self, content: &[u8], out: &mut Vec<u8>) {
        let mut rest = content;
        while !rest.is_empty() {
            if self.line_start && rest.first() == Some(&b'.') && self.dots == Dots::All {
                out.push(b'.');
            }
            if self.dots == Dots::AfterTheFirstOctet {
                self.dots = Dots::All;
            }
            let (line, ended, after) = match memchr(b'\n', rest).and_then(|lf| {
                let (line, after) = rest.split_at_checked(lf)?;
                Some((line, after.get(1..)?))
            }) {
                Some((line, after)) => (line, true, after),
                None => (rest, false, &[][..]),
            };
            out.extend_from_slice(line);
            let ends_with_cr = match line.last() {
                Some(octet) => *octet == b'\r',
                None => self.after_cr,
            };
            if ended {
                out.extend_from_slice(if ends_with_cr { b"\n" } else { b"\r\n" });
            }
            self.line_start = ended;
            self.after_cr = ends_with_cr && !ended;
            rest = after;
        }
    }

    /// Ends the content, completing its last line, and appends the terminator.
    pub fn finish(self, out: &mut Vec<u8>) {
        if !self.line_start {
            out.extend_from_slice(if self.after_cr { b"\n" } else { b"\r\n" });
        }
        out.extend_from_slice(b".\r\n");
    }
}

fn finished(input: &[u8], after: &[u8]) -> Fed {
    Fed {
        consumed: input.len() - after.len(),
        finished: true,
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    /// Reads with the input cut at the given places.
    fn unstuff(status_lf: bool, wire: &[u8], cuts: &[usize]) -> (Vec<u8>, Option<usize>) {
        let mut reader = Unstuffer::new(status_lf);
        let mut out = Vec::new();
        let mut start = 0;
        for &end in cuts.iter().chain([&wire.len()]) {
            let fed = reader.feed(&wire[start..end], &mut out);
            if fed.finished {
                return (out, Some(start + fed.consumed));
            }
            assert_eq!(fed.consumed, end - start);
            start = end;
        }
        (out, None)
    }

    fn unstuff_every_way(status_lf: bool, wire: &[u8]) -> (Vec<u8>, Option<usize>) {
        let whole = unstuff(status_lf, wire, &[]);
        let single: Vec<usize> = (1..wire.len()).collect();
        assert_eq!(unstuff(status_lf, wire, &single), whole, "byte by byte");
        for cut in 1..wire.len() {
            assert_eq!(unstuff(status_lf, wire, &[cut]), whole, "cut at {cut}");
        }
        whole
    }

    fn stuff(content: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut stuffer = Stuffer::new();
        stuffer.feed(content, &mut out);
        stuffer.finish(&mut out);
        let mut single = Vec::new();
        let mut stuffer = Stuffer::new();
        for octet in content {
            stuffer.feed(&[*octet], &mut single);
        }
        stuffer.finish(&mut single);
        assert_eq!(single, out);
        out
    }

    #[test]
    fn dots_are_unstuffed_and_what_follows_the_terminator_is_left() {
        let wire = b"..\r\n...a\r\nb.\r\n.c\r\n\r\n.\r\n+OK next";
        let (content, end) = unstuff_every_way(false, wire);
        assert_eq!(content, b".\r\n..a\r\nb.\r\nc\r\n\r\n");
        assert_eq!(end, Some(wire.len() - 8));
    }

    #[test]
    fn empty_content_is_the_terminator_alone() {
        assert_eq!(unstuff_every_way(false, b".\r\n"), (Vec::new(), Some(3)));
    }

    #[test]
    fn a_full_stop_at_the_end_of_a_chunk_does_not_end_the_message() {
        let (content, end) = unstuff_every_way(false, b"the end.\r\nnot yet\r\n.\r\n");
        assert_eq!(content, b"the end.\r\nnot yet\r\n");
        assert!(end.is_some());
    }

    #[test]
    fn a_lone_lf_is_content_where_lines_end_with_crlf() {
        let wire = b"a\r\nb\n.\nc\n.\r\nd\n..e\r\n.\r\n";
        let (content, end) = unstuff_every_way(false, wire);
        assert_eq!(content, b"a\r\nb\n.\nc\n.\r\nd\n..e\r\n");
        assert_eq!(end, Some(wire.len()));
    }

    #[test]
    fn a_first_dot_that_was_not_stuffed_is_kept() {
        let read = |wire| unstuff_every_way(false, wire).0;
        assert_eq!(read(b".a\r\n.b\r\n.\r\n"), b".a\r\nb\r\n");
        assert_eq!(read(b"..\r\n.\r\n"), b".\r\n");
        assert_eq!(read(b"..a\r\n.\r\n"), b".a\r\n");
    }

    #[test]
    fn lines_that_all_end_with_lf_are_read() {
        let (content, end) = unstuff_every_way(true, b"a\n..b\n\n.\n");
        assert_eq!(content, b"a\n.b\n\n");
        assert_eq!(end, Some(9));
        assert_eq!(unstuff_every_way(true, b".\n"), (Vec::new(), Some(2)));
        assert_eq!(
            unstuff_every_way(false, b"a\n..b\n.\r\n"),
            (b"a\n.b\n".to_vec(), Some(9))
        );
    }

    #[test]
    fn carriage_returns_alone_are_content() {
        let (content, _) = unstuff_every_way(false, b"a\r\r\n.\rb\r\n..\r\r\n\r.\r\n.\r\n");
        assert_eq!(content, b"a\r\r\n\rb\r\n.\r\r\n\r.\r\n");
    }

    #[test]
    fn what_is_stuffed_is_unstuffed_to_the_same_lines() {
        // Every string of up to seven octets over the ones that matter.
        let alphabet = b"\r\n.a";
        for length in 0..=7_u32 {
            for code in 0..4_usize.pow(length) {
                let content: Vec<u8> = (0..length)
                    .map(|digit| alphabet[code / 4_usize.pow(digit) % 4])
                    .collect();
                let wire = stuff(&content);
                let mut expected = Vec::new();
                let mut previous = 0;
                for &octet in &content {
                    if octet == b'\n' && previous != b'\r' {
                        expected.push(b'\r');
                    }
                    expected.push(octet);
                    previous = octet;
                }
                if !expected.is_empty() && !expected.ends_with(b"\r\n") {
                    if expected.last() != Some(&b'\r') {
                        expected.push(b'\r');
                    }
                    expected.push(b'\n');
                }
                let (read, end) = unstuff(false, &wire, &[]);
                assert_eq!(read, expected, "{}", content.escape_ascii());
                assert_eq!(end, Some(wire.len()), "{}", content.escape_ascii());
            }
        }
    }
}
