//! Messages in memory.

use std::collections::{HashMap, HashSet};
use std::io::{self, Cursor, Read};
use std::sync::Arc;

use super::{CommitError, Maildrop, WireSize, at, hashed_uid};
use crate::pop3::MaildropEntry;

/// A maildrop in memory; what is removed is gone.
///
/// The uid of a message is a hash of its content, so that it is the same in
/// every run; a further copy of the same content gets a number behind it. No
/// uid is used again for another message.
///
/// ```
/// use popmail::{Maildrop, MemoryMaildrop};
///
/// let maildrop: MemoryMaildrop = [&b"Subject: one\n\n1\n"[..], b"Subject: two\n\n2\n"]
///     .into_iter()
///     .collect();
/// assert_eq!(maildrop.entries().len(), 2);
/// assert_eq!(maildrop.entries()[0].octets, 19); // line ends count as CRLF
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemoryMaildrop {
    messages: Vec<Arc<[u8]>>,
    entries: Vec<MaildropEntry>,
    /// How often each content was added, by its hash.
    copies: HashMap<String, u64>,
}

impl MemoryMaildrop {
    /// Without messages.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a message at the end.
    pub fn push(&mut self, message: impl Into<Arc<[u8]>>) {
        let message = message.into();
        let hash = hashed_uid(&message);
        let copies = self.copies.entry(hash.clone()).or_default();
        *copies += 1;
        self.entries.push(MaildropEntry {
            uid: match copies {
                1 => hash,
                _ => format!("{hash}-{copies}"),
            },
            octets: WireSize::of(&message),
        });
        self.messages.push(message);
    }

    /// The messages, in their order.
    pub fn messages(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.messages.iter().map(AsRef::as_ref)
    }
}

impl<M: Into<Arc<[u8]>>> Extend<M> for MemoryMaildrop {
    fn extend<I: IntoIterator<Item = M>>(&mut self, messages: I) {
        for message in messages {
            self.push(message);
        }
    }
}

impl<M: Into<Arc<[u8]>>> FromIterator<M> for MemoryMaildrop {
    fn from_iter<I: IntoIterator<Item = M>>(messages: I) -> Self {
        let mut maildrop = Self::new();
        maildrop.extend(messages);
        maildrop
    }
}

impl Maildrop for MemoryMaildrop {
    fn refresh(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn entries(&self) -> &[MaildropEntry] {
        &self.entries
    }

    fn open(&self, number: u32) -> io::Result<Box<dyn Read + Send>> {
        let message = at(&self.messages, number)?;
        Ok(Box::new(Cursor::new(Arc::clone(message))))
    }

    fn commit(&mut self, deleted: &[u32]) -> Result<(), CommitError> {
        let deleted: HashSet<u32> = deleted.iter().copied().collect();
        let mut numbers = 1_u32..;
        self.messages.retain(|_| {
            numbers
                .next()
                .is_none_or(|number| !deleted.contains(&number))
        });
        let mut numbers = 1_u32..;
        self.entries.retain(|_| {
            numbers
                .next()
                .is_none_or(|number| !deleted.contains(&number))
        });
        Ok(())
    }
}
