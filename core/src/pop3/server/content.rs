//! The answer to RETR or TOP while its message comes from the maildrop.
//!
//! The rule guarded here: TOP gives the header, the blank line and so many
//! lines of the body (RFC 1939 section 7), counted in the same pass in which
//! the dots are stuffed, wherever the maildrop cuts.

use memchr::memchr;

use super::answer;
use super::faults::Faults;
use crate::pop3::multiline::Stuffer;

/// A message on its way to the client.
#[derive(Debug)]
pub(super) struct Content {
    /// The status text, until the first octet or the end sends it.
    text: Option<String>,
    cut: Option<Cut>,
    stuffer: Stuffer,
    /// Octets that may still be sent; only a fault bounds them.
    most: u64,
}

impl Content {
    /// All of a message of this size.
    pub(super) fn whole(octets: u64) -> Self {
        Self::new(format!("{octets} octets"), None)
    }

    /// The header and `lines` lines of the body.
    pub(super) fn top(lines: u64) -> Self {
        Self::new(String::new(), Some(Cut::new(lines)))
    }

    fn new(text: String, cut: Option<Cut>) -> Self {
        Self {
            text: Some(text),
            cut,
            stuffer: Stuffer::new(),
            most: u64::MAX,
        }
    }

    /// With the faults that were asked for.
    pub(super) fn faulty(mut self, faults: &Faults) -> Self {
        if faults.unstuffed_dots || faults.unstuffed_first_dot {
            self.stuffer = Stuffer::faulty(faults.unstuffed_dots);
        }
        if let (Some(_), Some(most)) = (&self.cut, faults.top_octets) {
            self.most = most;
        }
        self
    }

    /// True if the client was told that the message comes.
    pub(super) fn has_begun(&self) -> bool {
        self.text.is_none()
    }

    /// True if no more of the message is wanted.
    pub(super) fn is_complete(&self) -> bool {
        self.most == 0 || self.cut.as_ref().is_some_and(Cut::is_complete)
    }

    pub(super) fn feed(&mut self, octets: &[u8], output: &mut Vec<u8>) {
        if octets.is_empty() {
            return;
        }
        self.begin(output);
        let wanted = match &mut self.cut {
            Some(cut) => cut.take(octets),
            None => octets,
        };
        let most = usize::try_from(self.most).unwrap_or(usize::MAX);
        let wanted = wanted.get(..most).unwrap_or(wanted);
        if self.most != u64::MAX {
            self.most -= wanted.len() as u64;
        }
        self.stuffer.feed(wanted, output);
    }

    pub(super) fn finish(mut self, output: &mut Vec<u8>) {
        self.begin(output);
        self.stuffer.finish(output);
    }

    fn begin(&mut self, output: &mut Vec<u8>) {
        if let Some(text) = self.text.take() {
            answer::push_line(output, "+OK", &text);
        }
    }
}

/// Finds where TOP ends.
#[derive(Debug)]
struct Cut {
    in_body: bool,
    lines_left: u64,
    line: LineSoFar,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineSoFar {
    Empty,
    Cr,
    Text,
}

impl Cut {
    fn new(lines: u64) -> Self {
        Self {
            in_body: false,
            lines_left: lines,
            line: LineSoFar::Empty,
        }
    }

    fn is_complete(&self) -> bool {
        self.in_body && self.lines_left == 0
    }

    /// The start of `octets` that belongs to the answer.
    fn take<'a>(&mut self, octets: &'a [u8]) -> &'a [u8] {
        let mut rest = octets;
        while !rest.is_empty() && !self.is_complete() {
            let lf = memchr(b'\n', rest);
            let (line, after) = rest
                .split_at_checked(lf.unwrap_or(rest.len()))
                .unwrap_or((rest, &[]));
            self.line = match (self.line, line) {
                (so_far, b"") => so_far,
                (LineSoFar::Empty, b"\r") => LineSoFar::Cr,
                _ => LineSoFar::Text,
            };
            if lf.is_some() {
                if self.in_body {
                    self.lines_left -= 1;
                } else {
                    self.in_body = self.line != LineSoFar::Text;
                }
                self.line = LineSoFar::Empty;
            }
            rest = after.get(1..).unwrap_or_default();
        }
        octets.get(..octets.len() - rest.len()).unwrap_or(octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn top(lines: u64, pieces: &[&[u8]]) -> String {
        let mut content = Content::top(lines);
        let mut wire = Vec::new();
        for piece in pieces {
            content.feed(piece, &mut wire);
        }
        content.finish(&mut wire);
        String::from_utf8_lossy(&wire).into()
    }

    #[test]
    fn top_ends_at_the_same_octet_wherever_the_maildrop_cuts() {
        for message in [
            &b"A: b\r\n\r\none\r\n.two\r\nthree"[..],
            b"A: b\n\none\n.two\nthree",
        ] {
            let single: Vec<&[u8]> = message.chunks(1).collect();
            for (lines, expected) in [
                (0, "+OK\r\nA: b\r\n\r\n.\r\n"),
                (1, "+OK\r\nA: b\r\n\r\none\r\n.\r\n"),
                (2, "+OK\r\nA: b\r\n\r\none\r\n..two\r\n.\r\n"),
                (3, "+OK\r\nA: b\r\n\r\none\r\n..two\r\nthree\r\n.\r\n"),
                (
                    u64::MAX,
                    "+OK\r\nA: b\r\n\r\none\r\n..two\r\nthree\r\n.\r\n",
                ),
            ] {
                assert_eq!(top(lines, &[message]), expected);
                assert_eq!(top(lines, &single), expected);
                for cut in 0..message.len() {
                    let (left, right) = message.split_at(cut);
                    assert_eq!(top(lines, &[left, right]), expected, "cut at {cut}");
                }
            }
        }
    }

    #[test]
    fn a_message_without_a_body_or_a_header_is_cut_rightly() {
        assert_eq!(top(0, &[b"A: b\r\nC: d"]), "+OK\r\nA: b\r\nC: d\r\n.\r\n");
        assert_eq!(top(1, &[b"\r\none\r\ntwo"]), "+OK\r\n\r\none\r\n.\r\n");
        assert_eq!(top(0, &[]), "+OK\r\n.\r\n");
        assert_eq!(
            top(0, &[b"A: b\r\n\r\r\n\r\nx"]),
            "+OK\r\nA: b\r\n\r\r\n\r\n.\r\n"
        );
    }
}
