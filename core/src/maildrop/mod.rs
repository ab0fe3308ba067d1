//! What a server serves: messages with numbers, sizes and unique ids.
//!
//! The engine decides who sees what and when something is removed; a
//! [`Maildrop`] lists, opens and removes. [`MemoryMaildrop`] holds messages in
//! memory, [`Maildir`] is a folder of files, [`Mbox`] is one file.
//!
//! RFC 1939 sections 5, 7 and 11.

#[cfg(feature = "maildir")]
mod maildir;
#[cfg(all(feature = "maildir", feature = "mbox"))]
mod mbox;
mod memory;

use std::fmt;
use std::io::{self, Read};

use md5::{Digest, Md5};
use memchr::memchr_iter;

#[cfg(feature = "maildir")]
pub use maildir::{Maildir, moved};
#[cfg(all(feature = "maildir", feature = "mbox"))]
pub use mbox::Mbox;
pub use memory::MemoryMaildrop;

use crate::pop3::MaildropEntry;

/// A source of messages for a server; one session at a time uses it.
pub trait Maildrop: Send {
    /// Looks again at what there is, at the start of a session. Message
    /// numbers of before do not count any more.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if another program has the
    /// maildrop, or what kept it from being read.
    fn refresh(&mut self) -> io::Result<()>;

    /// The messages of this session: the first has number 1.
    fn entries(&self) -> &[MaildropEntry];

    /// Opens a message for reading, from its first octet.
    ///
    /// # Errors
    ///
    /// [`NotFound`](io::ErrorKind::NotFound) if the message is gone, or what
    /// kept it from being opened.
    fn open(&self, number: u32) -> io::Result<Box<dyn Read + Send>>;

    /// Removes messages for good, and ends the session: the numbers do not
    /// count any more. What is gone already is no failure.
    ///
    /// # Errors
    ///
    /// Some of them are still there.
    fn commit(&mut self, deleted: &[u32]) -> Result<(), CommitError>;

    /// The session is over, committed or not: others may have the maildrop.
    fn release(&mut self) {}
}

/// Some messages could not be removed; the others are gone.
#[derive(Debug)]
pub struct CommitError {
    remaining: Vec<u32>,
    source: io::Error,
}

impl CommitError {
    /// With the numbers that are still there, and why the first of them is.
    pub fn new(remaining: Vec<u32>, source: io::Error) -> Self {
        Self { remaining, source }
    }

    /// The numbers that were to be removed and are still there.
    pub fn remaining(&self) -> &[u32] {
        &self.remaining
    }
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} deleted messages could not be removed: {}",
            self.remaining.len(),
            self.source
        )
    }
}

impl std::error::Error for CommitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Counts the octets of a message as a client will receive them: every line
/// end is CRLF, and the last line has one too (RFC 1939 section 11).
#[derive(Debug, Default)]
struct WireSize {
    octets: u64,
    last: Option<u8>,
}

impl WireSize {
    fn of(content: &[u8]) -> u64 {
        let mut size = Self::default();
        size.feed(content);
        size.finish()
    }

    fn feed(&mut self, chunk: &[u8]) {
        let lone_lfs = memchr_iter(b'\n', chunk)
            .filter(|at| {
                let before = match at.checked_sub(1) {
                    Some(before) => chunk.get(before).copied(),
                    None => self.last,
                };
                before != Some(b'\r')
            })
            .count();
        let octets = u64::try_from(chunk.len() + lone_lfs).unwrap_or(u64::MAX);
        self.octets = self.octets.saturating_add(octets);
        self.last = chunk.last().copied().or(self.last);
    }

    fn finish(self) -> u64 {
        self.octets.saturating_add(match self.last {
            None | Some(b'\n') => 0,
            Some(b'\r') => 1,
            Some(_) => 2,
        })
    }
}

/// A uid out of anything: 32 hexadecimal digits.
fn hashed_uid(octets: &[u8]) -> String {
    hexadecimal(&Md5::digest(octets))
}

fn hexadecimal(octets: &[u8]) -> String {
    octets
        .iter()
        .flat_map(|octet| [octet >> 4, octet & 15])
        .filter_map(|nibble| char::from_digit(u32::from(nibble), 16))
        .collect()
}

/// The item of that message number.
fn at<T>(items: &[T], number: u32) -> io::Result<&T> {
    number
        .checked_sub(1)
        .and_then(|index| items.get(usize::try_from(index).ok()?))
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("no message {number}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pop3::Stuffer;

    #[test]
    fn the_size_is_what_a_client_receives() {
        for content in [
            &b""[..],
            b"\n",
            b"\r\n",
            b"a",
            b"a\r",
            b"a\nb\r\nc",
            b"\r\r\n\n\r",
            b"\n\n\r\n\r",
        ] {
            let mut wire = Vec::new();
            let mut stuffer = Stuffer::new();
            stuffer.feed(content, &mut wire);
            stuffer.finish(&mut wire);
            // No dots in these, so the terminator is all that was added.
            let expected = u64::try_from(wire.len() - 3).unwrap_or_default();
            assert_eq!(
                WireSize::of(content),
                expected,
                "{}",
                content.escape_ascii()
            );
            let mut size = WireSize::default();
            content.chunks(1).for_each(|octet| size.feed(octet));
            assert_eq!(size.finish(), expected, "{}", content.escape_ascii());
        }
    }
}
