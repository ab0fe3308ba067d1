//! What the answers of one session say about a server when they are laid side
//! by side: for programs that check servers. What a single answer shows is a
//! [`Deviation`](super::Deviation), told as it comes.
//!
//! RFC 1939 sections 5 and 7, 2449, 8314.

use std::collections::BTreeSet;

use super::capability::Capabilities;
use super::entries::{ListEntries, UidlEntries};
use super::event::Stat;

/// Something about a server that its operator should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// STAT counts so many messages, LIST lists so many.
    CountsDiffer {
        /// What STAT says.
        stat: u64,
        /// The lines of LIST.
        list: u64,
    },
    /// STAT and LIST add the sizes up differently.
    SizesDiffer {
        /// What STAT says.
        stat: u64,
        /// The sum over LIST.
        list: u64,
    },
    /// LIST and UIDL do not have the same message numbers.
    NumbersDiffer,
    /// LIST has a number twice.
    NumberTwice,
    /// So many messages share a uid with an earlier one.
    DuplicateUids(u64),
    /// Passwords are asked for on a channel without TLS.
    PasswordsInTheClear,
    /// No UIDL: nobody can tell new messages from old ones.
    NoUidl,
    /// No pipelining: each message costs a round trip.
    NoPipelining,
}

impl Finding {
    /// The name that every language uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CountsDiffer { .. } => "counts-differ",
            Self::SizesDiffer { .. } => "sizes-differ",
            Self::NumbersDiffer => "numbers-differ",
            Self::NumberTwice => "number-twice",
            Self::DuplicateUids(_) => "duplicate-uids",
            Self::PasswordsInTheClear => "passwords-in-the-clear",
            Self::NoUidl => "no-uidl",
            Self::NoPipelining => "no-pipelining",
        }
    }

    /// True if a rule is broken; else it is what a server may do, to the
    /// regret of its users.
    pub fn breaks_a_rule(self) -> bool {
        !matches!(
            self,
            Self::DuplicateUids(_) | Self::PasswordsInTheClear | Self::NoUidl | Self::NoPipelining
        )
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::CountsDiffer { stat, list } => write!(
                f,
                "STAT counts {stat} messages, LIST has {list} (RFC 1939 section 5)"
            ),
            Self::SizesDiffer { stat, list } => write!(
                f,
                "STAT says {stat} octets, the sizes of LIST are {list} together (RFC 1939 section 5)"
            ),
            Self::NumbersDiffer => {
                f.write_str("LIST and UIDL name different messages (RFC 1939 section 7)")
            }
            Self::NumberTwice => {
                f.write_str("LIST names a message number twice (RFC 1939 section 5)")
            }
            Self::DuplicateUids(count) => write!(
                f,
                "{count} messages share their unique id with an earlier one (RFC 1939 section 7 \
                 allows that for identical messages)"
            ),
            Self::PasswordsInTheClear => f.write_str(
                "passwords are taken without TLS (RFC 8314 section 4.1, RFC 2595 section 2.2)",
            ),
            Self::NoUidl => {
                f.write_str("there is no UIDL: new messages are known by their headers only")
            }
            Self::NoPipelining => {
                f.write_str("there is no PIPELINING: each command costs a round trip")
            }
        }
    }
}

/// Compares the listings of one session; `uids` is `None` if the server
/// refused UIDL.
pub fn listings(stat: Stat, sizes: &ListEntries, uids: Option<&UidlEntries>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let count = sizes.len() as u64;
    if stat.count != count {
        findings.push(Finding::CountsDiffer {
            stat: stat.count,
            list: count,
        });
    }
    let octets = sizes
        .iter()
        .fold(0_u64, |sum, entry| sum.saturating_add(entry.octets));
    if stat.octets != octets {
        findings.push(Finding::SizesDiffer {
            stat: stat.octets,
            list: octets,
        });
    }
    let numbers: BTreeSet<u32> = sizes.iter().map(|entry| entry.number).collect();
    if numbers.len() < sizes.len() {
        findings.push(Finding::NumberTwice);
    }
    let Some(uids) = uids else {
        findings.push(Finding::NoUidl);
        return findings;
    };
    if uids
        .iter()
        .map(|entry| entry.number)
        .collect::<BTreeSet<_>>()
        != numbers
    {
        findings.push(Finding::NumbersDiffer);
    }
    let different: BTreeSet<&str> = uids.iter().map(|entry| entry.uid).collect();
    if different.len() < uids.len() {
        findings.push(Finding::DuplicateUids(
            (uids.len() - different.len()) as u64,
        ));
    }
    findings
}

/// Looks at what a server offers: `in_the_clear` before TLS, if it was asked
/// then, and what it says after the login.
pub fn offers(in_the_clear: Option<&Capabilities>, after_login: &Capabilities) -> Vec<Finding> {
    let shows = |all: &Capabilities| {
        all.user()
            || ["PLAIN", "LOGIN"]
                .iter()
                .any(|name| all.has_mechanism(name))
    };
    let mut findings = Vec::new();
    if in_the_clear.is_some_and(shows) {
        findings.push(Finding::PasswordsInTheClear);
    }
    if !after_login.pipelining() {
        findings.push(Finding::NoPipelining);
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::entries::ListEntry;
    use super::*;

    fn sizes(all: &[(u32, u64)]) -> ListEntries {
        let entries = all
            .iter()
            .map(|&(number, octets)| ListEntry { number, octets });
        entries.collect::<Vec<_>>().into()
    }

    fn uids(all: &[(u32, &str)]) -> UidlEntries {
        let mut entries = UidlEntries::default();
        for (number, uid) in all {
            entries.push(*number, uid);
        }
        entries
    }

    fn stat(count: u64, octets: u64) -> Stat {
        Stat { count, octets }
    }

    #[test]
    fn a_server_that_agrees_with_itself_is_not_blamed() {
        let found = listings(
            stat(2, 30),
            &sizes(&[(1, 10), (2, 20)]),
            Some(&uids(&[(1, "a"), (2, "b")])),
        );
        assert_eq!(found, []);
    }

    #[test]
    fn each_disagreement_is_found() {
        let found = listings(
            stat(3, 31),
            &sizes(&[(1, 10), (1, 20)]),
            Some(&uids(&[(1, "a"), (2, "a")])),
        );
        let names: Vec<_> = found.iter().map(|one| one.as_str()).collect();
        assert_eq!(
            names,
            [
                "counts-differ",
                "sizes-differ",
                "number-twice",
                "numbers-differ",
                "duplicate-uids"
            ]
        );
        assert_eq!(listings(stat(0, 0), &sizes(&[]), None), [Finding::NoUidl]);
    }

    #[test]
    fn passwords_without_tls_are_found() {
        let mut open = Capabilities::default();
        open.push(b"STLS");
        let mut done = Capabilities::default();
        done.push(b"PIPELINING");
        assert_eq!(offers(Some(&open), &done), []);
        open.push(b"SASL CRAM-MD5 plain");
        assert_eq!(
            offers(Some(&open), &Capabilities::default()),
            [Finding::PasswordsInTheClear, Finding::NoPipelining]
        );
    }
}
