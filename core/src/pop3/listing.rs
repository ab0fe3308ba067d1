//! The answers to STAT, LIST, UIDL and CAPA, line by line.
//!
//! Decides how a line is read and which oddities are forgiven. Numbers from a
//! server are never used as an index or to reserve memory.
//!
//! RFC 1939 sections 5 and 7, 2449 section 5.

use std::borrow::Cow;

use super::capability::Capabilities;
use super::command::decimal;
use super::entries::{ListEntry, UidlEntries};
use super::event::{Deviation, Language, Stat};
use super::limits::Limits;
use crate::error::{Error, ErrorCode, escaped};

/// A multi-line answer that is being collected.
#[derive(Debug)]
pub(crate) enum Listing {
    Capabilities(Capabilities),
    Languages(Vec<Language>),
    Sizes(Vec<ListEntry>),
    Uids(UidlEntries),
}

impl Listing {
    /// Takes one line, without its line end and stuffed dot.
    pub(crate) fn push(
        &mut self,
        line: &[u8],
        limits: &Limits,
    ) -> Result<Option<Deviation>, Error> {
        match self {
            Self::Capabilities(capabilities) => {
                if capabilities.len() >= limits.capability_lines {
                    return Err(Error::new(
                        ErrorCode::LimitCapabilities,
                        format!(
                            "the server lists more than {} capabilities",
                            limits.capability_lines
                        ),
                    ));
                }
                Ok(capabilities.push(line).then_some(Deviation::OddCapability))
            }
            Self::Languages(languages) => {
                if languages.len() >= limits.capability_lines {
                    return Err(Error::new(
                        ErrorCode::LimitCapabilities,
                        format!(
                            "the server lists more than {} languages",
                            limits.capability_lines
                        ),
                    ));
                }
                let line = String::from_utf8_lossy(line);
                let (tag, name) = line.split_once(' ').unwrap_or((&line, ""));
                languages.push(Language {
                    tag: tag.to_owned(),
                    name: name.trim().to_owned(),
                });
                Ok(None)
            }
            Self::Sizes(entries) => {
                check_count(entries.len(), limits)?;
                let (entry, deviation) = list_entry(line).ok_or_else(|| malformed("LIST", line))?;
                entries.push(entry);
                Ok(deviation)
            }
            Self::Uids(entries) => {
                check_count(entries.len(), limits)?;
                let ((number, uid), deviation) =
                    uidl_entry(line).ok_or_else(|| malformed("UIDL", line))?;
                let fits = entries.octets().saturating_add(uid.len()) <= limits.listing_octets;
                if !fits || !entries.push(number, &uid) {
                    return Err(Error::new(
                        ErrorCode::LimitListingEntries,
                        format!(
                            "the server lists unique ids of more than {} octets",
                            limits.listing_octets
                        ),
                    ));
                }
                Ok(deviation)
            }
        }
    }
}

/// A message number and a uid; octets that are no UTF-8 are replaced.
type Uid<'a> = (u32, Cow<'a, str>);

/// What a line says, and what is odd about it.
pub(crate) type Read<T> = Option<(T, Option<Deviation>)>;

/// The text of the answer to STAT: `count octets`. Some servers say more, and
/// some wrap the size to a negative number.
pub(crate) fn stat(text: &[u8]) -> Read<Stat> {
    let mut words = words(text);
    let count = decimal(words.next()?)?;
    let octets = words.next().and_then(decimal);
    let saturated = [Some(count), octets].contains(&Some(u64::MAX));
    let stat = Stat {
        count,
        octets: octets.unwrap_or(0),
    };
    let deviation = match octets {
        None => Some(Deviation::OddNumber),
        Some(_) if saturated => Some(Deviation::OddNumber),
        Some(_) => words.next().map(|_| Deviation::ExtraText),
    };
    Some((stat, deviation))
}

/// The size that the answer to RETR announces, as `120 octets`.
pub(crate) fn announced_octets(text: &[u8]) -> Option<u64> {
    let mut words = words(text);
    let octets = decimal(words.next()?)?;
    words
        .next()?
        .eq_ignore_ascii_case(b"octets")
        .then_some(octets)
}

/// The text of the answer to `LIST n`: `n octets`.
pub(crate) fn size_of(text: &[u8], asked: Option<u32>) -> Read<ListEntry> {
    let (entry, deviation) = list_entry(text)?;
    (Some(entry.number) == asked).then_some((entry, deviation))
}

/// The text of the answer to `UIDL n`: `n uid`; some servers leave out `n`.
pub(crate) fn uid_of(text: &[u8], asked: Option<u32>) -> Read<UidlEntries> {
    let ((number, uid), deviation) = match uidl_entry(text) {
        Some(read) if Some(read.0.0) == asked => read,
        _ => {
            let mut words = words(text);
            let (uid, None) = (words.next()?, words.next()) else {
                return None;
            };
            let read = (asked?, String::from_utf8_lossy(uid));
            (read, Some(Deviation::MissingNumber))
        }
    };
    let mut entries = UidlEntries::default();
    entries.push(number, &uid).then_some((entries, deviation))
}

fn list_entry(line: &[u8]) -> Read<ListEntry> {
    let mut fields = words(line);
    let number = message_number(fields.next()?)?;
    let octets = fields.next().and_then(decimal);
    let entry = ListEntry {
        number,
        octets: octets.unwrap_or(0),
    };
    let deviation = match octets {
        None | Some(u64::MAX) => Some(Deviation::OddNumber),
        Some(_) if !is_spaced(line) => Some(Deviation::OddSpacing),
        Some(_) => fields.next().map(|_| Deviation::ExtraText),
    };
    Some((entry, deviation))
}

fn uidl_entry(line: &[u8]) -> Read<Uid<'_>> {
    let trimmed = line.trim_ascii();
    let end = trimmed.iter().position(u8::is_ascii_whitespace)?;
    let (number, uid) = trimmed.split_at_checked(end)?;
    let number = message_number(number)?;
    let uid = uid.trim_ascii_start();
    let well_formed = uid.len() <= 70 && uid.iter().all(u8::is_ascii_graphic);
    let deviation = if !well_formed {
        Some(Deviation::OddUid)
    } else if !is_spaced(line) {
        Some(Deviation::OddSpacing)
    } else {
        None
    };
    Some(((number, String::from_utf8_lossy(uid)), deviation))
}

fn message_number(digits: &[u8]) -> Option<u32> {
    let number = u32::try_from(decimal(digits)?).ok()?;
    (number > 0).then_some(number)
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
}

/// True if the first two fields are separated by one space, with none before.
fn is_spaced(line: &[u8]) -> bool {
    line.iter()
        .position(u8::is_ascii_whitespace)
        .is_some_and(|at| {
            line.get(at) == Some(&b' ')
                && line
                    .get(at + 1)
                    .is_some_and(|octet| !octet.is_ascii_whitespace())
        })
}

fn check_count(count: usize, limits: &Limits) -> Result<(), Error> {
    if count < limits.listing_entries {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::LimitListingEntries,
        format!(
            "the server lists more than {} messages",
            limits.listing_entries
        ),
    ))
}

fn malformed(verb: &str, line: &[u8]) -> Error {
    Error::new(
        ErrorCode::MalformedReply,
        format!(
            "a line of {verb} cannot be read, expected a message number and its value, got: {}",
            escaped(line)
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_oddities() {
        let read =
            |line: &[u8]| list_entry(line).map(|(entry, odd)| (entry.number, entry.octets, odd));
        assert_eq!(read(b"1 120"), Some((1, 120, None)));
        assert_eq!(
            read(b"1 120 more"),
            Some((1, 120, Some(Deviation::ExtraText)))
        );
        assert_eq!(
            read(b"1   120"),
            Some((1, 120, Some(Deviation::OddSpacing)))
        );
        assert_eq!(read(b"1\t120"), Some((1, 120, Some(Deviation::OddSpacing))));
        assert_eq!(read(b"1 -120"), Some((1, 0, Some(Deviation::OddNumber))));
        assert_eq!(read(b"1"), Some((1, 0, Some(Deviation::OddNumber))));
        for line in [&b""[..], b"0 5", b"-1 5", b"x 5", b"4294967296 5"] {
            assert_eq!(read(line), None, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn uids_are_read_with_their_oddities() {
        let read =
            |line: &'static [u8]| uidl_entry(line).map(|((number, uid), odd)| (number, uid, odd));
        assert_eq!(
            read(b"2 QhdPYR:00WBw1Ph7x7"),
            Some((2, "QhdPYR:00WBw1Ph7x7".into(), None))
        );
        assert_eq!(
            read(b"2   a"),
            Some((2, "a".into(), Some(Deviation::OddSpacing)))
        );
        assert_eq!(
            read(b"2 a b"),
            Some((2, "a b".into(), Some(Deviation::OddUid)))
        );
        assert_eq!(
            read(b"2 \xe9"),
            Some((2, "\u{fffd}".into(), Some(Deviation::OddUid)))
        );
        assert_eq!(read(b"2 "), None);
        assert_eq!(read(b"a b"), None);
    }

    #[test]
    fn the_answer_about_one_uid_may_leave_out_the_number() {
        let read = |text: &[u8]| {
            let (entries, odd) = uid_of(text, Some(3))?;
            entries.get(0).map(|one| (one.uid.to_owned(), odd))
        };
        assert_eq!(read(b"3 abc"), Some(("abc".into(), None)));
        assert_eq!(
            read(b"abc"),
            Some(("abc".into(), Some(Deviation::MissingNumber)))
        );
        assert_eq!(read(b"4 abc"), None);
    }

    #[test]
    fn a_negative_size_in_stat_is_let_pass() {
        let read = |text: &[u8]| stat(text).map(|(stat, odd)| (stat.count, stat.octets, odd));
        assert_eq!(read(b"2 320"), Some((2, 320, None)));
        assert_eq!(
            read(b"2 320 octets"),
            Some((2, 320, Some(Deviation::ExtraText)))
        );
        assert_eq!(
            read(b"2 -2147483648"),
            Some((2, 0, Some(Deviation::OddNumber)))
        );
        assert_eq!(read(b""), None);
        assert_eq!(read(b"-2 320"), None);
    }
}
