//! The structure of a message while its bytes arrive: what a program needs to know before the end.
//!
//! Decides where parts start and end by their lines alone, as the parser does for sound mail; nothing
//! is decoded and no body is kept. Where a message is broken the parser, which sees all of it, may
//! find more: its word counts. Memory is bounded by the header fields of one part and the depth.

use std::collections::VecDeque;
use std::ops::Range;

use memchr::memchr;

use super::{MimeLimits, parse};

/// The longest line that may be a delimiter: `--`, 70 characters and more than enough space.
const MAX_DELIMITER: usize = 998;

/// What a scanner has seen. Positions count from the first byte of the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanEvent {
    /// The header fields of a part have ended.
    PartStarted {
        /// The number of the part, in document order; 0 is the message itself.
        part: u32,
        /// How many multiparts and messages it is in.
        depth: u32,
        /// The media type in lower case.
        content_type: String,
        /// The header fields as they came, blank line included.
        header: Vec<u8>,
        /// Where the body starts.
        body: u64,
    },
    /// A part has ended.
    PartEnded {
        /// The number of the part.
        part: u32,
        /// Its body, without the line end before the delimiter.
        body: Range<u64>,
    },
}

enum Frame {
    /// A multipart that is open.
    Multipart {
        boundary: Vec<u8>,
        part: u32,
        body: u64,
    },
    /// A message in a part.
    Message { part: u32, body: u64 },
    /// A part whose body is running, or the rest of a multipart that was closed.
    Leaf { part: u32, body: u64 },
}

/// Finds the parts of a message while it arrives; see the [module](self).
///
/// Give it bytes with [`receive`](Scanner::receive) as they come, ask for
/// [`next_event`](Scanner::next_event) until there is none, and say when the message is over with
/// [`finish`](Scanner::finish).
#[derive(Default)]
pub struct Scanner {
    frames: Vec<Frame>,
    events: VecDeque<ScanEvent>,
    /// The header fields that are running; `None` in a body.
    header: Option<Vec<u8>>,
    started: bool,
    parts: u32,
    /// The bytes that came, and where the line that is running starts.
    position: u64,
    line_start: u64,
    /// The beginning of that line, as far as it matters.
    line: Vec<u8>,
    /// How long the end of the line before is.
    end_before: u64,
    limits: MimeLimits,
}

impl Scanner {
    /// A scanner at the start of a message.
    pub fn new() -> Self {
        Scanner::default()
    }

    /// More bytes of the message, cut anywhere.
    pub fn receive(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let end = memchr(b'\n', rest).map(|end| end + 1);
            let (piece, after) = rest.split_at(end.unwrap_or(rest.len()));
            rest = after;
            let wanted = match self.in_header() {
                true => usize::MAX,
                false => MAX_DELIMITER,
            };
            let room = wanted.saturating_sub(self.line.len()).min(piece.len());
            self.line
                .extend_from_slice(piece.get(..room).unwrap_or_default());
            self.position += piece.len() as u64;
            if end.is_some() {
                self.end_line(piece.ends_with(b"\r\n") || self.line.ends_with(b"\r\n"));
            }
        }
    }

    /// The message is over: what is open ends here.
    pub fn finish(&mut self) {
        if !self.line.is_empty() {
            self.end_line(false);
            self.end_before = 0;
        }
        if self.header.is_some() || !self.started {
            self.end_header();
        }
        self.close_to(0, self.position);
    }

    /// What was found, in order.
    pub fn next_event(&mut self) -> Option<ScanEvent> {
        self.events.pop_front()
    }

    fn in_header(&self) -> bool {
        !self.started || self.header.is_some()
    }

    fn end_line(&mut self, is_crlf: bool) {
        let line = std::mem::take(&mut self.line);
        if self.in_header() {
            self.started = true;
            if line.starts_with(b"--") && self.matching(&line).is_some() {
                // The part has header fields only.
                self.header.get_or_insert_default();
                self.end_header_at(self.line_start);
                self.delimiter(&line);
            } else {
                let header = self.header.get_or_insert_default();
                header.extend_from_slice(&line);
                if line.trim_ascii().is_empty() || header.len() > self.limits.header_bytes {
                    self.end_header();
                }
            }
        } else if line.starts_with(b"--") {
            self.delimiter(&line);
        }
        self.line = line;
        self.line.clear();
        self.line_start = self.position;
        self.end_before = if is_crlf { 2 } else { 1 };
    }

    fn end_header(&mut self) {
        self.end_header_at(self.position);
    }

    fn end_header_at(&mut self, body: u64) {
        self.started = true;
        let header = self.header.take().unwrap_or_default();
        let part = self.parts;
        self.parts += 1;
        let (content_type, boundary, is_plain) = {
            let message = parse(&header);
            let root = message.root();
            let boundary = root.parameter("boundary").unwrap_or_default();
            let encoding = root.transfer_encoding();
            let is_plain = !matches!(&*encoding, "base64" | "quoted-printable");
            (
                root.content_type().into_owned(),
                boundary.as_bytes().to_vec(),
                is_plain,
            )
        };
        self.events.push_back(ScanEvent::PartStarted {
            part,
            depth: u32::try_from(self.frames.len()).unwrap_or(u32::MAX),
            content_type: content_type.clone(),
            header,
            body,
        });
        let may_open = self.frames.len() < self.limits.depth && (part as usize) < self.limits.parts;
        if may_open && content_type.starts_with("multipart/") && !boundary.is_empty() {
            self.frames.push(Frame::Multipart {
                boundary,
                part,
                body,
            });
        } else if may_open
            && is_plain
            && matches!(&*content_type, "message/rfc822" | "message/global")
        {
            self.frames.push(Frame::Message { part, body });
            self.header = Some(Vec::new());
        } else {
            self.frames.push(Frame::Leaf { part, body });
        }
    }

    /// The innermost open multipart whose delimiter a line is, and whether it closes it.
    fn matching(&self, line: &[u8]) -> Option<(usize, bool)> {
        let rest = line.strip_prefix(b"--")?;
        let frames = self.frames.iter().enumerate().rev();
        frames
            .filter_map(|(at, frame)| match frame {
                Frame::Multipart { boundary, .. } => Some((at, rest.strip_prefix(&boundary[..])?)),
                _ => None,
            })
            .find_map(|(at, after)| {
                let (closes, after) = match after.strip_prefix(b"--") {
                    Some(after) => (true, after),
                    None => (false, after),
                };
                after.trim_ascii().is_empty().then_some((at, closes))
            })
    }

    fn delimiter(&mut self, line: &[u8]) {
        let Some((at, closes)) = self.matching(line) else {
            return;
        };
        let end = self.line_start.saturating_sub(self.end_before);
        self.close_to(at + 1, end);
        if !closes {
            self.header = Some(Vec::new());
            return;
        }
        // What follows belongs to the multipart, but is no part.
        if let Some(Frame::Multipart { part, body, .. }) = self.frames.pop() {
            self.frames.push(Frame::Leaf { part, body });
        }
    }

    /// Ends everything that is deeper than `depth`.
    fn close_to(&mut self, depth: usize, end: u64) {
        if self.header.is_some() && self.frames.len() > depth {
            self.end_header_at(end);
        }
        while self.frames.len() > depth {
            let Some(
                Frame::Multipart { part, body, .. }
                | Frame::Message { part, body }
                | Frame::Leaf { part, body },
            ) = self.frames.pop()
            else {
                return;
            };
            self.events.push_back(ScanEvent::PartEnded {
                part,
                body: body.min(end)..end,
            });
        }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::{ScanEvent, Scanner};
    use crate::mime::parse;

    const MESSAGE: &[u8] = b"Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\n\
        Content-Type: multipart/alternative; boundary=bb\r\n\r\n--bb\r\n\r\none\r\n--bb\r\nContent-Type: text/html\r\n\r\n<p>\r\n\
        --bb--\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninner text\r\n--bx is text\r\n\r\n--b--\r\nepilogue\r\n";

    fn scan(raw: &[u8], cut: usize) -> Vec<ScanEvent> {
        let mut scanner = Scanner::new();
        let mut events = Vec::new();
        for piece in raw.chunks(cut) {
            scanner.receive(piece);
            events.extend(std::iter::from_fn(|| scanner.next_event()));
        }
        scanner.finish();
        events.extend(std::iter::from_fn(|| scanner.next_event()));
        events
    }

    #[test]
    fn parts_are_those_of_the_parser_wherever_bytes_are_cut() {
        let lf: Vec<u8> = MESSAGE
            .iter()
            .copied()
            .filter(|byte| *byte != b'\r')
            .collect();
        for raw in [MESSAGE, &lf] {
            let whole = scan(raw, raw.len());
            for cut in [1, 2, 3, 7, 100] {
                assert_eq!(scan(raw, cut), whole, "{cut}");
            }
            let message = parse(raw);
            let parts = message.parts();
            let mut ended = 0;
            for event in &whole {
                match event {
                    ScanEvent::PartStarted {
                        part,
                        content_type,
                        header,
                        ..
                    } => {
                        let expected = &parts[*part as usize];
                        assert_eq!(*content_type, expected.content_type());
                        assert!(
                            expected.raw().starts_with(header)
                                || header.starts_with(expected.raw())
                        );
                    }
                    ScanEvent::PartEnded { part, body } => {
                        let range = body.start as usize..body.end as usize;
                        let expected = &parts[*part as usize];
                        assert_eq!(&raw[range], expected.raw_body(), "part {part}");
                        ended += 1;
                    }
                }
            }
            assert_eq!((ended, whole.len()), (parts.len(), 2 * parts.len()));
        }
    }

    #[test]
    fn structure_is_known_before_the_end() {
        let mut scanner = Scanner::new();
        scanner.receive(&MESSAGE[..MESSAGE.len() * 2 / 3]);
        let events: Vec<_> = std::iter::from_fn(|| scanner.next_event()).collect();
        assert!(matches!(
            &events[0],
            ScanEvent::PartStarted {
                part: 0,
                depth: 0,
                ..
            }
        ));
        assert!(
            events
                .iter()
                .any(|event| matches!(event, ScanEvent::PartEnded { part: 2, .. }))
        );
    }

    #[test]
    fn whatever_arrives_every_part_ends() {
        for raw in [
            &b""[..],
            b"\n",
            b"Subject: x",
            b"Content-Type: multipart/mixed; boundary=b\n\n--b\n--b\n--b--",
            b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n--b--\n",
            b"Content-Type: message/rfc822\n\n",
            b"Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n",
        ] {
            let events = scan(raw, 3);
            let started = events
                .iter()
                .filter(|event| matches!(event, ScanEvent::PartStarted { .. }))
                .count();
            assert_eq!(
                (started * 2, started > 0),
                (events.len(), true),
                "{events:?}"
            );
        }
        for piece in [
            &b"--b\r\n"[..],
            b"--",
            b"x",
            b"Content-Type: message/rfc822\r\n\r\n",
            b"\r\n",
        ] {
            let raw = [
                b"Content-Type: multipart/mixed; boundary=b\r\n\r\n",
                &piece.repeat(60_000)[..],
            ]
            .concat();
            assert!(scan(&raw, 4_096).len().is_multiple_of(2));
        }
    }
}
