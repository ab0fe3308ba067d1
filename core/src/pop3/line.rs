//! Lines out of a stream of octets, wherever the network cuts it.

use std::borrow::Cow;

use memchr::memchr;

/// Holds the beginning of a line until its end arrives.
#[derive(Debug, Default)]
pub(crate) struct LineReader {
    partial: Vec<u8>,
}

/// What [`LineReader::read`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// All input is used, the line has not ended.
    Incomplete,
    /// The line is longer than allowed; it has not been used up.
    TooLong,
    Complete {
        /// Without its line end.
        line: Cow<'a, [u8]>,
        /// True if it ended with LF alone.
        bare_lf: bool,
    },
}

impl LineReader {
    /// Takes one line of at most `limit` octets, line end included, from the
    /// front of `input`.
    pub(crate) fn read<'a>(&mut self, input: &mut &'a [u8], limit: usize) -> Line<'a> {
        let Some(lf) = memchr(b'\n', input) else {
            if self.partial.len() + input.len() > limit {
                return Line::TooLong;
            }
            self.partial.extend_from_slice(input);
            *input = &[];
            return Line::Incomplete;
        };
        if self.partial.len() + lf + 1 > limit {
            return Line::TooLong;
        }
        let (head, rest) = input.split_at_checked(lf + 1).unwrap_or((input, &[]));
        *input = rest;
        if self.partial.is_empty() {
            let (length, bare_lf) = without_end(head);
            return Line::Complete {
                line: Cow::Borrowed(head.get(..length).unwrap_or_default()),
                bare_lf,
            };
        }
        let mut line = std::mem::take(&mut self.partial);
        line.extend_from_slice(head);
        let (length, bare_lf) = without_end(&line);
        line.truncate(length);
        Line::Complete {
            line: Cow::Owned(line),
            bare_lf,
        }
    }

    /// Forgets what is held.
    pub(crate) fn clear(&mut self) {
        self.partial.clear();
    }
}

/// The length of a line without its line end, and whether that is LF alone.
fn without_end(line: &[u8]) -> (usize, bool) {
    match line {
        [.., b'\r', b'\n'] => (line.len() - 2, false),
        _ => (line.len() - 1, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_the_same_wherever_it_is_cut() {
        let wire = b"+OK a\r\n-ERR b\n";
        for cut in 0..=wire.len() {
            let (first, second) = wire.split_at(cut);
            let mut reader = LineReader::default();
            let mut lines = Vec::new();
            for mut part in [first, second] {
                while let Line::Complete { line, bare_lf } = reader.read(&mut part, 100) {
                    lines.push((line.into_owned(), bare_lf));
                }
            }
            assert_eq!(
                lines,
                [(b"+OK a".to_vec(), false), (b"-ERR b".to_vec(), true)]
            );
            assert!(reader.partial.is_empty());
        }
    }

    #[test]
    fn a_line_may_have_as_many_octets_as_allowed_and_no_more() {
        let read = |wire: &'static [u8], limit| LineReader::default().read(&mut &*wire, limit);
        assert!(matches!(read(b"abc\r\n", 5), Line::Complete { .. }));
        assert_eq!(read(b"abc\r\n", 4), Line::TooLong);
        assert_eq!(read(b"abcde", 4), Line::TooLong);
        assert_eq!(read(b"abcd", 4), Line::Incomplete);
    }
}
