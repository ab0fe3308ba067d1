//! The messages of a session and their deletion marks.
//!
//! The rules guarded here: a message that is marked is neither counted nor
//! listed nor sent (RFC 1939 section 5), and a uid that would break a line or
//! a client does not come in (section 7).

use std::collections::HashMap;

use crate::error::{UsageError, escaped};
use crate::pop3::event::{MaildropEntry, Stat};

/// Messages by number, from 1.
#[derive(Debug, Default)]
pub(super) struct MarkedMaildrop {
    entries: Vec<MaildropEntry>,
    deleted: Vec<bool>,
    stat: Stat,
}

impl MarkedMaildrop {
    pub(super) fn new(entries: Vec<MaildropEntry>) -> Result<Self, UsageError> {
        let mut seen = HashMap::with_capacity(entries.len());
        let mut octets: u64 = 0;
        for (number, entry) in (1_u32..).zip(&entries) {
            if !is_uid(entry.uid.as_bytes()) {
                return Err(UsageError::argument(format!(
                    "the uid of message {number} must be 1 to 70 octets from 0x21 to 0x7e, got \"{}\"",
                    escaped(entry.uid.as_bytes())
                )));
            }
            if let Some(first) = seen.insert(entry.uid.as_str(), number) {
                return Err(UsageError::argument(format!(
                    "messages {first} and {number} have the same uid, {}",
                    entry.uid
                )));
            }
            octets = octets.saturating_add(entry.octets);
        }
        drop(seen);
        let stat = Stat {
            count: u64::try_from(entries.len()).unwrap_or(u64::MAX),
            octets,
        };
        Ok(Self {
            deleted: vec![false; entries.len()],
            entries,
            stat,
        })
    }

    /// What is not marked.
    pub(super) fn stat(&self) -> Stat {
        self.stat
    }

    /// A message, unless it is marked or not there.
    pub(super) fn get(&self, number: u32) -> Option<&MaildropEntry> {
        let index = index(number)?;
        if *self.deleted.get(index)? {
            return None;
        }
        self.entries.get(index)
    }

    /// The first message from `number` on that is not marked.
    pub(super) fn next_from(&self, number: u32) -> Option<(u32, &MaildropEntry)> {
        let count = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        (number..=count).find_map(|number| Some((number, self.get(number)?)))
    }

    /// Marks a message; false if it is marked or not there.
    pub(super) fn delete(&mut self, number: u32) -> bool {
        let Some(octets) = self.get(number).map(|entry| entry.octets) else {
            return false;
        };
        if let Some(mark) = index(number).and_then(|at| self.deleted.get_mut(at)) {
            *mark = true;
        }
        self.stat.count = self.stat.count.saturating_sub(1);
        self.stat.octets = self.stat.octets.saturating_sub(octets);
        true
    }

    /// Takes every mark away.
    pub(super) fn reset(&mut self) {
        self.deleted.fill(false);
        self.stat = Stat {
            count: u64::try_from(self.entries.len()).unwrap_or(u64::MAX),
            octets: self
                .entries
                .iter()
                .fold(0, |sum, entry| sum.saturating_add(entry.octets)),
        };
    }

    /// The numbers that are marked, ascending.
    pub(super) fn deleted(&self) -> Vec<u32> {
        (1_u32..)
            .zip(&self.deleted)
            .filter_map(|(number, deleted)| deleted.then_some(number))
            .collect()
    }
}

/// RFC 1939 section 7.
fn is_uid(uid: &[u8]) -> bool {
    (1..=70).contains(&uid.len()) && uid.iter().all(u8::is_ascii_graphic)
}

fn index(number: u32) -> Option<usize> {
    usize::try_from(number.checked_sub(1)?).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn maildrop(uids: &[&str]) -> Result<MarkedMaildrop, UsageError> {
        MarkedMaildrop::new(
            uids.iter()
                .map(|uid| MaildropEntry {
                    uid: (*uid).to_owned(),
                    octets: 10,
                })
                .collect(),
        )
    }

    #[test]
    fn marked_messages_are_not_counted_until_they_are_reset() {
        let mut drop = maildrop(&["a", "b", "c"]).unwrap();
        assert!(drop.delete(2));
        assert!(!drop.delete(2) && !drop.delete(0) && !drop.delete(4));
        assert_eq!(
            drop.stat(),
            Stat {
                count: 2,
                octets: 20
            }
        );
        assert_eq!(drop.next_from(2).unwrap().0, 3);
        assert_eq!(drop.deleted(), [2]);
        drop.reset();
        assert_eq!(
            drop.stat(),
            Stat {
                count: 3,
                octets: 30
            }
        );
    }

    #[test]
    fn uids_that_break_lines_or_clients_are_refused() {
        for uids in [
            &["a b"][..],
            &[""],
            &["a\r\n+OK"],
            &["\u{e9}"],
            &["a", "b", "a"],
            &[&"x".repeat(71)],
        ] {
            assert!(maildrop(uids).is_err(), "{uids:?}");
        }
        assert!(maildrop(&[&"x".repeat(70), "!", "~"]).is_ok());
    }
}
