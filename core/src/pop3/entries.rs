//! The entries of LIST and UIDL, in a form that holds a million of them.
//!
//! A uid as a string of its own costs more for its allocation than for its
//! octets; here all uids of an answer stand in one string. The sizes are
//! shared, not copied: the engine compares messages with them as they arrive.
//!
//! RFC 1939 sections 5 and 7.

use std::ops::Deref;
use std::sync::Arc;

/// A line of LIST (RFC 1939 section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListEntry {
    /// The message number, 1 or more.
    pub number: u32,
    /// The size in octets with CRLF line ends, without stuffed dots.
    pub octets: u64,
}

/// A line of UIDL (RFC 1939 section 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UidlEntry<'a> {
    /// The message number, 1 or more.
    pub number: u32,
    /// The unique id; octets that are no UTF-8 are replaced.
    pub uid: &'a str,
}

/// The answer to LIST, in the server's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListEntries(Arc<Vec<ListEntry>>);

impl ListEntries {
    /// The size of a message, found without a search through all of them;
    /// `None` where the numbers do not ascend.
    pub(crate) fn size_of(&self, number: u32) -> Option<u64> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        // Numbers begin at 1 and have no gaps, mostly.
        let entry = match self.0.get(at) {
            Some(entry) if entry.number == number => entry,
            _ => {
                let found = self.0.binary_search_by_key(&number, |entry| entry.number);
                self.0.get(found.ok()?)?
            }
        };
        Some(entry.octets)
    }
}

impl From<Vec<ListEntry>> for ListEntries {
    fn from(entries: Vec<ListEntry>) -> Self {
        Self(Arc::new(entries))
    }
}

impl Deref for ListEntries {
    type Target = [ListEntry];

    fn deref(&self) -> &[ListEntry] {
        &self.0
    }
}

/// The answer to UIDL, in the server's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UidlEntries {
    numbers: Vec<u32>,
    uids: String,
    ends: Vec<u32>,
}

impl UidlEntries {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// The one at a place, from 0.
    pub fn get(&self, at: usize) -> Option<UidlEntry<'_>> {
        let end = *self.ends.get(at)? as usize;
        let start = match at.checked_sub(1) {
            Some(before) => *self.ends.get(before)? as usize,
            None => 0,
        };
        Some(UidlEntry {
            number: *self.numbers.get(at)?,
            uid: self.uids.get(start..end)?,
        })
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = UidlEntry<'_>> {
        (0..self.len()).filter_map(|at| self.get(at))
    }

    /// The octets of all uids together.
    pub(crate) fn octets(&self) -> usize {
        self.uids.len()
    }

    /// Adds one; false where the uids together would pass 4 GiB.
    pub(crate) fn push(&mut self, number: u32, uid: &str) -> bool {
        let Ok(end) = u32::try_from(self.uids.len().saturating_add(uid.len())) else {
            return false;
        };
        self.uids.push_str(uid);
        self.numbers.push(number);
        self.ends.push(end);
        true
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn uids_come_back_as_they_were_added() {
        let mut entries = UidlEntries::default();
        for (number, uid) in [(1, "a"), (7, ""), (3, "é ü")] {
            assert!(entries.push(number, uid));
        }
        let all: Vec<_> = entries.iter().map(|one| (one.number, one.uid)).collect();
        assert_eq!(all, [(1, "a"), (7, ""), (3, "é ü")]);
        assert_eq!(entries.get(3), None);
        assert_eq!((entries.len(), entries.octets()), (3, 6));
    }

    #[test]
    fn a_size_is_found_with_and_without_gaps() {
        let entries = |numbers: &[u32]| {
            let all = numbers.iter().map(|&number| ListEntry {
                number,
                octets: u64::from(number) * 10,
            });
            ListEntries::from(all.collect::<Vec<_>>())
        };
        assert_eq!(entries(&[1, 2, 3]).size_of(3), Some(30));
        assert_eq!(entries(&[2, 5, 9]).size_of(5), Some(50));
        assert_eq!(entries(&[2, 5, 9]).size_of(1), None);
        assert_eq!(entries(&[]).size_of(0), None);
    }
}
