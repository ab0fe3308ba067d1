//! Lines between parts that cannot be lines of a part (RFC 2046 section 5.1.1).
//!
//! A boundary begins with `=_`, which neither base64 nor quoted-printable can produce, and random
//! octets; contents that are written as they are, attached messages above all, are searched for it,
//! so that even a message with the same randomness can be attached.

use std::collections::HashSet;
use std::fmt::Write;

use memchr::memmem;

/// Octets of the host's randomness that boundaries are made of.
pub(super) const RANDOM: usize = 12;

/// Digits of the number that ends a boundary: the same for all, so that none begins another.
const DIGITS: usize = 8;

/// The boundaries of a message by the kind of multipart.
pub(super) struct Boundaries {
    mixed: String,
    alternative: String,
    related: String,
}

impl Boundaries {
    pub(super) fn new(random: &[u8], contents: &[&[u8]]) -> Self {
        let mut stem = String::from("=_");
        for byte in random.iter().take(RANDOM) {
            // Writing to a string cannot fail.
            let _ = write!(stem, "{byte:02x}");
        }
        stem.push('_');
        let finder = memmem::Finder::new(stem.as_bytes());
        let mut taken = HashSet::new();
        for content in contents {
            for at in finder.find_iter(content) {
                let number = content.get(at + stem.len()..at + stem.len() + DIGITS);
                taken.extend(number.and_then(|text| std::str::from_utf8(text).ok()));
            }
        }
        let mut free = (1_u32..)
            .map(|number| format!("{number:08x}"))
            .filter(|number| !taken.contains(number.as_str()))
            .map(|number| format!("{stem}{number}"));
        let mut next = || free.next().unwrap_or_default();
        Boundaries {
            mixed: next(),
            alternative: next(),
            related: next(),
        }
    }

    pub(super) fn of(&self, kind: &str) -> &str {
        match kind {
            "mixed" => &self.mixed,
            "alternative" => &self.alternative,
            _ => &self.related,
        }
    }
}
