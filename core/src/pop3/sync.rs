//! What to fetch from a mailbox and what to delete there, session after
//! session.
//!
//! A pure planner: from the saved state, the server's listing, the rules and
//! the clock it decides which messages to fetch and in what order, and which
//! to delete. It reads no file and no clock.
//!
//! The rule guarded here: a message passes `seen -> delivered -> DELE +OK ->
//! QUIT +OK`, one step at a time, and a crash between any two steps loses
//! nothing. None is deleted before it is delivered; a message is forgotten
//! only when a successful listing no longer has it. Where a server's unique
//! ids are not what RFC 1939 section 7 says, the planner fetches once more
//! rather than not at all, and deletes later rather than wrongly.
//!
//! A host does, with one [`SyncState`] for a mailbox:
//!
//! 1. [`restore`](SyncState::restore) it and, before it logs in, look at
//!    [`next_login`](SyncState::next_login);
//! 2. LIST and UIDL, [`join`] them, ask with TOP for the header of what has no
//!    identity, [`plan`](SyncState::plan), save a
//!    [`snapshot`](SyncState::snapshot);
//! 3. fetch and deliver each message; then [`delivered`](SyncState::delivered),
//!    and append the [`journal_line`](SyncState::journal_line);
//! 4. save; DELE what [`deletions`](SyncState::deletions) names; for each
//!    `+OK` [`dele_accepted`](SyncState::dele_accepted); save;
//! 5. QUIT; after `+OK` [`quit_accepted`](SyncState::quit_accepted); save.
//!
//! RFC 1939 section 7 (UIDL), RFC 2449 sections 6.5 (LOGIN-DELAY) and 6.7
//! (EXPIRE).

mod file;
mod identity;
#[cfg(feature = "state-file")]
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::capability::Capabilities;
use crate::error::UsageError;

pub use file::receipts;
pub use identity::{Identity, Listed, join};
#[cfg(feature = "state-file")]
pub use store::StateFile;

/// What the user wants of a mailbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncRules {
    /// Seconds from the delivery of a message to its deletion on the server; 0
    /// deletes it when it is fetched, `None` leaves it there.
    pub delete_after: Option<u64>,
    /// Octets of the largest message that is fetched whole.
    pub largest: Option<u64>,
    /// What becomes of a larger one.
    pub too_large: TooLarge,
    /// Fetches in the opposite of the server's order.
    pub newest_first: bool,
    /// How many messages one run fetches at most.
    pub most_messages: Option<usize>,
}

/// What becomes of a message above [`SyncRules::largest`]. It is never deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TooLarge {
    /// It stays where it is.
    #[default]
    Skip,
    /// Its header is fetched, once.
    Headers,
}

/// What the server says about mail that is left there and about logins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServerPolicy {
    /// Days after which the server may delete messages; 0: when they were
    /// fetched. `None`: never, or it does not say.
    pub expire: Option<u64>,
    /// Seconds that must lie between two logins.
    pub login_delay: Option<u64>,
}

impl ServerPolicy {
    /// Reads the parameters of EXPIRE and of LOGIN-DELAY, such as `60 USER`.
    pub fn new(expire: Option<&str>, login_delay: Option<&str>) -> Self {
        let first = |text: Option<&str>| text?.split_ascii_whitespace().next()?.parse().ok();
        Self {
            expire: first(expire),
            login_delay: first(login_delay),
        }
    }

    /// Reads the capabilities, as they are after the login.
    pub fn of(capabilities: &Capabilities) -> Self {
        Self {
            expire: capabilities.expire().and_then(|expire| expire.days),
            login_delay: capabilities.login_delay().map(|delay| delay.seconds),
        }
    }
}

/// What to do in this session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncPlan {
    /// What to fetch, in this order.
    pub fetch: Vec<PlannedFetch>,
    /// Messages that were delivered before.
    pub present: usize,
    /// Messages above the largest size, left alone.
    pub too_large: usize,
    /// Messages for the next run, because of the limit on messages.
    pub postponed: usize,
    /// What the user should know.
    pub warnings: Vec<SyncWarning>,
}

/// A message to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedFetch {
    /// The message number.
    pub number: u32,
    /// The size of LIST.
    pub octets: u64,
    /// True if only the header is wanted (`TOP n 0`).
    pub headers_only: bool,
}

/// Something about a server or its mailbox that the user should know. The
/// text of each says what was done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyncWarning {
    /// The login came before the time that LOGIN-DELAY allowed, in seconds
    /// since 1970.
    LoginTooEarly(u64),
    /// The server may delete what was fetched, at QUIT (`EXPIRE 0`).
    ServerDeletesFetched,
    /// The server deletes messages after so many days.
    ServerDeletesAfter(u64),
    /// So many messages have no unique id: they are known by their header.
    NoUid(usize),
    /// So many unique ids stand for more than one message.
    DuplicateUids(usize),
    /// No message of the last session is listed, but messages of the same
    /// sizes under other ids.
    UidsChanged,
    /// So many unique ids of deleted messages stand for others now.
    UidsReused(usize),
    /// So many messages are there though the server said that it deleted them.
    NotDeleted(usize),
}

impl SyncWarning {
    /// The name, the same in every language.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::LoginTooEarly(_) => "login_too_early",
            Self::ServerDeletesFetched => "server_deletes_fetched",
            Self::ServerDeletesAfter(_) => "server_deletes_after",
            Self::NoUid(_) => "no_uid",
            Self::DuplicateUids(_) => "duplicate_uids",
            Self::UidsChanged => "uids_changed",
            Self::UidsReused(_) => "uids_reused",
            Self::NotDeleted(_) => "not_deleted",
        }
    }
}

impl fmt::Display for SyncWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoginTooEarly(_) => {
                f.write_str("this login came earlier than the server asks for with LOGIN-DELAY")
            }
            Self::ServerDeletesFetched => f.write_str(
                "the server may delete what was fetched, at the end of the session (EXPIRE 0): it cannot be left there",
            ),
            Self::ServerDeletesAfter(days) => {
                write!(f, "the server deletes messages after {days} days (EXPIRE)")
            }
            Self::NoUid(count) => write!(
                f,
                "{count} messages have no unique id: known by Message-ID, Date, From and size"
            ),
            Self::DuplicateUids(count) => write!(
                f,
                "{count} unique ids stand for more than one message: each is fetched, none deleted before the others are"
            ),
            Self::UidsChanged => f.write_str(
                "the server has given its messages other ids: all are fetched again, none is deleted in this session",
            ),
            Self::UidsReused(count) => write!(
                f,
                "{count} unique ids of deleted messages stand for others now: these are fetched"
            ),
            Self::NotDeleted(count) => write!(
                f,
                "{count} messages are still there though the server said that it deleted them"
            ),
        }
    }
}

/// What is known of the messages of one mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncState {
    mailbox: String,
    saved: u64,
    next_login: Option<u64>,
    messages: BTreeMap<Identity, Vec<Entry>>,
    /// Where the messages of this session stand: identity and which of its twins.
    /// `None` for one without an identity.
    session: BTreeMap<u32, Option<(Identity, usize)>>,
    /// Nothing is deleted in this session.
    uids_changed: bool,
}

/// How far a message has come, with the time of each step.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    octets: u64,
    seen: u64,
    headers: Option<u64>,
    delivered: Option<u64>,
    dele: Option<u64>,
    quit: Option<u64>,
    /// Not listed when the ids seemed to change; forgotten if not listed again.
    missing: Option<u64>,
}

impl SyncState {
    /// The state of a mailbox that was never looked at. `mailbox` is a name
    /// for it, such as `me@pop.example.com:995`.
    pub fn new(mailbox: &str) -> Self {
        Self {
            mailbox: mailbox.to_owned(),
            saved: 0,
            next_login: None,
            messages: BTreeMap::new(),
            session: BTreeMap::new(),
            uids_changed: false,
        }
    }

    /// The name of the mailbox.
    pub fn mailbox(&self) -> &str {
        &self.mailbox
    }

    /// How many messages are known.
    pub fn len(&self) -> usize {
        self.messages.values().map(Vec::len).sum()
    }

    /// True if no message is known.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The earliest time of the next login, as LOGIN-DELAY asks for it, in
    /// seconds since 1970.
    pub fn next_login(&self) -> Option<u64> {
        self.next_login
    }

    /// Takes the listing of a session that has just begun and decides what to
    /// fetch. `now` is in seconds since 1970.
    ///
    /// A message without an identity counts as new, always, and is never
    /// deleted: ask for its header first, see [`Identity::of_header`].
    pub fn plan(
        &mut self,
        mut listing: Vec<Listed>,
        policy: ServerPolicy,
        rules: &SyncRules,
        now: u64,
    ) -> SyncPlan {
        let mut numbers = BTreeSet::new();
        listing.retain(|one| numbers.insert(one.number));
        let mut plan = SyncPlan::default();
        if let Some(time) = self.next_login.filter(|time| *time > now) {
            plan.warnings.push(SyncWarning::LoginTooEarly(time));
        }
        self.next_login = policy.login_delay.map(|delay| now.saturating_add(delay));
        plan.warnings.extend(expire_warning(policy, rules));
        let nameless = |one: &&Listed| !matches!(one.identity, Some(Identity::Uid(_)));
        match listing.iter().filter(nameless).count() {
            0 => {}
            count => plan.warnings.push(SyncWarning::NoUid(count)),
        }
        self.uids_changed = self.looks_renamed(&listing);
        if self.uids_changed {
            plan.warnings.push(SyncWarning::UidsChanged);
        }
        self.take_listing(&listing, now, &mut plan.warnings);
        self.choose(&listing, rules, &mut plan);
        plan
    }

    /// Notes that a message is safe where the user wants it, or its header if
    /// only that was planned.
    ///
    /// # Errors
    ///
    /// The last listing has no such message.
    pub fn delivered(
        &mut self,
        number: u32,
        headers_only: bool,
        now: u64,
    ) -> Result<(), UsageError> {
        if let Some(entry) = self.entry(number)? {
            entry.deliver(headers_only, now);
        }
        Ok(())
    }

    /// What to delete now, in the order of numbers. Save the state before.
    pub fn deletions(&self, rules: &SyncRules, now: u64) -> Vec<u32> {
        let Some(delay) = rules.delete_after.filter(|_| !self.uids_changed) else {
            return Vec::new();
        };
        let due = |entry: &Entry| {
            entry
                .delivered
                .is_some_and(|time| now.saturating_sub(time) >= delay)
        };
        self.session
            .iter()
            .filter_map(|(number, place)| Some((*number, place.as_ref()?)))
            .filter(|(_, (identity, twin))| {
                // One of two with the same uid may be the other: both or none.
                self.messages.get(identity).is_some_and(|entries| {
                    entries.get(*twin).is_some_and(|entry| entry.dele.is_none())
                        && entries.iter().all(due)
                })
            })
            .map(|(number, _)| number)
            .collect()
    }

    /// Notes that the server marked a message.
    ///
    /// # Errors
    ///
    /// The last listing has no such message.
    pub fn dele_accepted(&mut self, number: u32, now: u64) -> Result<(), UsageError> {
        if let Some(entry) = self.entry(number)? {
            entry.dele = Some(now);
        }
        Ok(())
    }

    /// Notes that the server ended the session with `+OK`: what it marked in
    /// this session is deleted, if it keeps its word.
    pub fn quit_accepted(&mut self, now: u64) {
        let session = std::mem::take(&mut self.session);
        for (identity, twin) in session.into_values().flatten() {
            let entries = self.messages.get_mut(&identity);
            if let Some(entry) = entries.and_then(|entries| entries.get_mut(twin))
                && entry.dele.is_some()
            {
                entry.quit = Some(now);
            }
        }
    }

    /// True if not one message that should be there is listed, while at least
    /// half of the sizes are the same.
    fn looks_renamed(&self, listing: &[Listed]) -> bool {
        let mut sizes = BTreeMap::<u64, usize>::new();
        let mut expected = 0;
        for entry in self.messages.values().flatten() {
            if entry.dele.is_none() && entry.missing.is_none() {
                expected += 1;
                *sizes.entry(entry.octets).or_default() += 1;
            }
        }
        let known = |one: &Listed| {
            let identity = one.identity.as_ref();
            identity.is_some_and(|identity| self.messages.contains_key(identity))
        };
        if expected == 0 || listing.is_empty() || listing.iter().any(known) {
            return false;
        }
        let mut same = 0;
        for one in listing {
            if let Some(count @ 1..) = sizes.get_mut(&one.octets) {
                *count -= 1;
                same += 1;
            }
        }
        same * 2 >= expected.min(listing.len())
    }

    /// Brings entries and listing together: new ones are seen, missing ones
    /// forgotten.
    fn take_listing(&mut self, listing: &[Listed], now: u64, warnings: &mut Vec<SyncWarning>) {
        let mut groups = BTreeMap::<&Identity, Vec<&Listed>>::new();
        self.session.clear();
        for one in listing {
            match &one.identity {
                Some(identity) => groups.entry(identity).or_default().push(one),
                None => drop(self.session.insert(one.number, None)),
            }
        }
        let mut before = std::mem::take(&mut self.messages);
        let (mut duplicates, mut reused, mut not_deleted) = (0, 0, 0);
        for (identity, listed) in groups {
            let mut entries = Vec::with_capacity(listed.len());
            let mut old = before.remove(identity).unwrap_or_default();
            let single = listed.len() == 1 && old.len() == 1;
            duplicates += usize::from(listed.len() > 1);
            if old.len() > listed.len() {
                // Which of them are gone? Those that were delivered, to be safe.
                old.sort_by_key(|entry| entry.delivered.is_some());
            }
            for (twin, one) in listed.into_iter().enumerate() {
                let same = old
                    .iter()
                    .position(|entry| single || entry.octets == one.octets);
                let entry = same.map(|at| old.remove(at)).filter(|entry| {
                    // It was deleted, and is there with another size: another message.
                    let other = entry.dele.is_some() && entry.octets != one.octets;
                    reused += usize::from(other);
                    !other
                });
                let mut entry = entry.unwrap_or(Entry {
                    octets: one.octets,
                    seen: now,
                    headers: None,
                    delivered: None,
                    dele: None,
                    quit: None,
                    missing: None,
                });
                not_deleted += usize::from(entry.quit.is_some());
                entry.octets = one.octets;
                // A mark lasts as long as its session.
                (entry.dele, entry.quit, entry.missing) = (None, None, None);
                entries.push(entry);
                let place = (identity.clone(), twin);
                self.session.insert(one.number, Some(place));
            }
            self.messages.insert(identity.clone(), entries);
        }
        if self.uids_changed {
            // The old ids may come back, but need not.
            before.retain(|_, entries| {
                entries.retain(|entry| entry.missing.is_none());
                for entry in &mut *entries {
                    entry.missing = Some(now);
                }
                !entries.is_empty()
            });
            self.messages.append(&mut before);
        }
        for (count, warning) in [
            (duplicates, SyncWarning::DuplicateUids(duplicates)),
            (reused, SyncWarning::UidsReused(reused)),
            (not_deleted, SyncWarning::NotDeleted(not_deleted)),
        ] {
            if count > 0 {
                warnings.push(warning);
            }
        }
    }

    fn choose(&self, listing: &[Listed], rules: &SyncRules, plan: &mut SyncPlan) {
        for one in listing {
            let place = self.session.get(&one.number).and_then(Option::as_ref);
            let entry = place.and_then(|(identity, twin)| self.messages.get(identity)?.get(*twin));
            let too_large = rules.largest.is_some_and(|largest| one.octets > largest);
            if entry.is_some_and(|entry| entry.delivered.is_some()) {
                plan.present += 1;
            } else if too_large
                && (rules.too_large == TooLarge::Skip
                    || entry.is_some_and(|entry| entry.headers.is_some()))
            {
                plan.too_large += 1;
            } else {
                plan.fetch.push(PlannedFetch {
                    number: one.number,
                    octets: one.octets,
                    headers_only: too_large,
                });
            }
        }
        if rules.newest_first {
            plan.fetch.reverse();
        }
        if let Some(most) = rules.most_messages {
            plan.postponed = plan.fetch.len().saturating_sub(most);
            plan.fetch.truncate(most);
        }
    }

    /// `None` for a message without an identity.
    fn place(&self, number: u32) -> Result<Option<(&Identity, usize)>, UsageError> {
        let place = self.session.get(&number).ok_or_else(|| {
            UsageError::argument(format!("message {number} is not of the last listing"))
        })?;
        Ok(place.as_ref().map(|(identity, twin)| (identity, *twin)))
    }

    fn entry(&mut self, number: u32) -> Result<Option<&mut Entry>, UsageError> {
        let Some((identity, twin)) = self.place(number)? else {
            return Ok(None);
        };
        let identity = identity.clone();
        let entries = self.messages.get_mut(&identity);
        Ok(entries.and_then(|entries| entries.get_mut(twin)))
    }
}

impl Entry {
    fn deliver(&mut self, headers_only: bool, now: u64) {
        if headers_only {
            self.headers = Some(now);
        } else {
            self.delivered = Some(now);
        }
    }
}

fn expire_warning(policy: ServerPolicy, rules: &SyncRules) -> Option<SyncWarning> {
    const DAY: u64 = 86_400;
    let leaves = |days: u64| {
        rules
            .delete_after
            .is_none_or(|seconds| seconds > days.saturating_mul(DAY))
    };
    match policy.expire? {
        0 if leaves(0) => Some(SyncWarning::ServerDeletesFetched),
        days if leaves(days) => Some(SyncWarning::ServerDeletesAfter(days)),
        _ => None,
    }
}
