//! How a message is known again in a later session.
//!
//! The unique id of UIDL where the server has one (RFC 1939 section 7), else a
//! fingerprint of the header, which is labelled as such wherever it is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::entries::{ListEntry, UidlEntry};
use crate::mime;

/// What a message is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// The server's unique id.
    Uid(Arc<str>),
    /// The fallback for a server without unique ids: see
    /// [`Identity::of_header`].
    Fingerprint(Arc<str>),
}

impl Identity {
    /// The identity by a unique id.
    pub fn of_uid(uid: &str) -> Self {
        Self::Uid(uid.into())
    }

    /// The identity by Message-ID, Date, From and size, for a server without
    /// UIDL. `header` is the answer to `TOP n 0`, or the whole message.
    ///
    /// Two copies of one message have one fingerprint, as they may have one
    /// uid; they are told apart by their number.
    pub fn of_header(header: &[u8], octets: u64) -> Self {
        let message = mime::parse(header);
        let headers = message.view().headers();
        let mut text = String::new();
        for name in ["Message-ID", "Date", "From"] {
            let value = headers.get(name).map(|field| field.raw_value());
            let value = String::from_utf8_lossy(value.unwrap_or_default());
            let words = value.split_whitespace().flat_map(|word| [" ", word]);
            let value: String = words.skip(1).collect();
            text.extend(value.chars().take(FIELD_CHARACTERS));
            text.push('|');
        }
        text.push_str(&octets.to_string());
        Self::Fingerprint(text.into())
    }

    /// The unique id, `None` for a fingerprint.
    pub fn uid(&self) -> Option<&str> {
        match self {
            Self::Uid(uid) => Some(uid),
            Self::Fingerprint(_) => None,
        }
    }
}

/// A message as this session lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The message number.
    pub number: u32,
    /// The size of LIST; 0 if it has none.
    pub octets: u64,
    /// `None` for a message without a unique id, until the host has asked for
    /// its header: see [`Identity::of_header`].
    pub identity: Option<Identity>,
}

/// Joins the answers to LIST and UIDL, in the order of LIST; `uids` is empty
/// if the server has no UIDL.
///
/// Of two lines with one number the first counts. What only UIDL names comes
/// last, with the size 0.
pub fn join(sizes: &[ListEntry], uids: &[UidlEntry<'_>]) -> Vec<Listed> {
    let mut by_number = BTreeMap::new();
    for entry in uids.iter().filter(|entry| !entry.uid.is_empty()) {
        by_number.entry(entry.number).or_insert(entry.uid);
    }
    let mut listed = BTreeSet::new();
    let numbers = sizes.iter().map(|entry| (entry.number, entry.octets));
    numbers
        .chain(uids.iter().map(|entry| (entry.number, 0)))
        .filter(|(number, _)| listed.insert(*number))
        .map(|(number, octets)| Listed {
            number,
            octets,
            identity: by_number.get(&number).map(|uid| Identity::of_uid(uid)),
        })
        .collect()
}

/// Characters of a header field that go into a fingerprint.
const FIELD_CHARACTERS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_does_not_depend_on_folding_or_on_other_fields() {
        let one =
            b"Message-ID: <1@x>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nFrom: a@x\r\n\r\n";
        let two =
            b"X-Status: RO\r\nFrom:  a@x\r\nMessage-ID:\r\n <1@x>\r\nDate: Mon, 23 Nov\r\n 2026 10:00:00 +0000\r\n\r\nbody";
        assert_eq!(Identity::of_header(one, 99), Identity::of_header(two, 99));
        assert_ne!(Identity::of_header(one, 99), Identity::of_header(two, 98));
        let Identity::Fingerprint(text) = Identity::of_header(one, 99) else {
            unreachable!()
        };
        assert_eq!(&*text, "<1@x>|Mon, 23 Nov 2026 10:00:00 +0000|a@x|99");
    }

    #[test]
    fn listings_are_joined_by_number() {
        let sizes =
            [(4, 40), (1, 10), (4, 99)].map(|(number, octets)| ListEntry { number, octets });
        let uids = [(1, "a"), (7, "g"), (1, "z")].map(|(number, uid)| UidlEntry { number, uid });
        let joined: Vec<_> = join(&sizes, &uids)
            .into_iter()
            .map(|one| (one.number, one.octets, one.identity))
            .collect();
        let uid = |uid| Some(Identity::of_uid(uid));
        assert_eq!(joined, [(4, 40, None), (1, 10, uid("a")), (7, 0, uid("g"))]);
    }
}
