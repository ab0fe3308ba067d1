//! Lines of the client, cut from octets that come in any pieces.
//!
//! The rules guarded here: a line that is too long is told once and skipped
//! to its end, and octets that were used are wiped, since one of the lines
//! holds the password.

use memchr::memchr;
use zeroize::Zeroize;

use crate::secret::Secret;

/// Octets that wait for their turn.
#[derive(Default)]
pub(super) struct Input {
    octets: Vec<u8>,
    /// Octets before this were used.
    start: usize,
    /// Octets from `start` that hold no LF.
    scanned: usize,
    /// Inside a line that was too long.
    skipping: bool,
}

/// What the client said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line without its line end, CRLF or LF.
    Complete(Secret<Vec<u8>>),
    /// The start of a line above the limit; the rest of it never comes.
    TooLong,
}

impl Input {
    /// How many octets wait.
    pub(super) fn len(&self) -> usize {
        self.octets.len() - self.start
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// True if what waits is a command with that word and an argument.
    pub(super) fn begins_with(&self, word: &[u8]) -> bool {
        let waiting = self.octets.get(self.start..).unwrap_or_default();
        waiting
            .split_at_checked(word.len())
            .is_some_and(|(start, rest)| {
                start.eq_ignore_ascii_case(word) && rest.first() == Some(&b' ')
            })
    }

    pub(super) fn push(&mut self, octets: &[u8]) {
        if self.is_empty() {
            self.octets.clear();
            self.start = 0;
        }
        if self.octets.capacity() - self.octets.len() < octets.len() {
            // A new buffer, so that none is left behind unwiped.
            let waiting = self.octets.get(self.start..).unwrap_or_default();
            let mut grown = Vec::with_capacity(2 * (waiting.len() + octets.len()));
            grown.extend_from_slice(waiting);
            self.octets.zeroize();
            self.octets = grown;
            self.start = 0;
        }
        self.octets.extend_from_slice(octets);
    }

    /// The next line, at most `limit` octets with its line end; `None` until
    /// more comes.
    pub(super) fn next_line(&mut self, limit: usize) -> Option<Line> {
        loop {
            let waiting = self.octets.get(self.start..).unwrap_or_default();
            let unseen = waiting.get(self.scanned..).unwrap_or_default();
            let Some(lf) = memchr(b'\n', unseen).map(|at| self.scanned + at) else {
                self.scanned = waiting.len();
                if self.skipping {
                    self.consume(self.scanned);
                } else if self.scanned >= limit {
                    self.skipping = true;
                    self.consume(self.scanned);
                    return Some(Line::TooLong);
                }
                return None;
            };
            if std::mem::take(&mut self.skipping) {
                self.consume(lf + 1);
                continue;
            }
            if lf >= limit {
                self.consume(lf + 1);
                return Some(Line::TooLong);
            }
            let line = waiting.get(..lf).unwrap_or_default();
            let line = Secret::new(line.strip_suffix(b"\r").unwrap_or(line).to_vec());
            self.consume(lf + 1);
            return Some(Line::Complete(line));
        }
    }

    pub(super) fn clear(&mut self) {
        self.octets.zeroize();
        self.start = 0;
        self.scanned = 0;
    }

    /// Wipes the next `count` octets.
    fn consume(&mut self, count: usize) {
        if let Some(used) = self.octets.get_mut(self.start..self.start + count) {
            used.zeroize();
        }
        self.start += count;
        self.scanned = 0;
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.octets.zeroize();
    }
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input").field("len", &self.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]], limit: usize) -> Vec<Option<String>> {
        let mut input = Input::default();
        let mut all = Vec::new();
        for piece in pieces {
            input.push(piece);
            while let Some(line) = input.next_line(limit) {
                all.push(match line {
                    Line::Complete(line) => Some(String::from_utf8_lossy(line.expose()).into()),
                    Line::TooLong => None,
                });
            }
        }
        all
    }

    #[test]
    fn lines_are_the_same_in_any_pieces() {
        let wire = b"QUIT\r\n\n0123456789\r\n012345678\nA\rB\r\n0123456\r\r\nleft";
        let expected = [
            Some("QUIT"),
            Some(""),
            None,
            Some("012345678"),
            Some("A\rB"),
            Some("0123456\r"),
        ]
        .map(|line| line.map(str::to_owned));
        assert_eq!(lines(&[wire], 10), expected);
        let single: Vec<&[u8]> = wire.chunks(1).collect();
        assert_eq!(lines(&single, 10), expected);
        for cut in 0..wire.len() {
            let (left, right) = wire.split_at(cut);
            assert_eq!(lines(&[left, right], 10), expected, "cut at {cut}");
        }
    }

    #[test]
    fn an_endless_line_is_told_once_and_kept_nowhere() {
        let mut input = Input::default();
        let mut told = 0;
        for _ in 0..1_000 {
            input.push(&[b'A'; 100]);
            while let Some(line) = input.next_line(255) {
                assert_eq!(line, Line::TooLong);
                told += 1;
            }
            assert!(input.len() < 255 && input.octets.capacity() < 4_096);
        }
        assert_eq!(told, 1);
        input.push(b"\nNOOP\n");
        assert_eq!(
            input.next_line(255),
            Some(Line::Complete(Secret::new(b"NOOP".to_vec())))
        );
    }
}
