//! The planner of repeated fetches and its state in a file
//! (`bindings-wasm/ts/engine-sync.ts`). Files are touched in Node's thread
//! pool.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};

use napi::bindgen_prelude::{AsyncTask, Float64Array, Uint32Array};
use napi_derive::napi;
use popmail::pop3::{ListEntry, UidlEntry};
use popmail::sync::{
    Identity, Listed, ServerPolicy, StateFile, SyncRules, SyncState, TooLarge, join, receipts,
};

use crate::convert::Whole;
use crate::error::{Refused, refused};
use crate::work::{Work, locked, work};

/// LIST and UIDL, one item for each line.
#[napi(object, object_to_js = false)]
pub struct ListingObject {
    pub numbers: Uint32Array,
    pub sizes: Float64Array,
    pub uid_numbers: Uint32Array,
    pub uids: Vec<String>,
}

/// What a plan depends on besides the listing.
#[napi(object, object_to_js = false)]
pub struct PlanOptions {
    pub now: f64,
    /// Those of messages without a uid.
    pub fingerprints: Vec<FingerprintObject>,
    pub expire: Option<String>,
    pub login_delay: Option<String>,
    pub delete_after: Option<f64>,
    pub largest: Option<f64>,
    pub headers_of_larger: bool,
    pub newest_first: bool,
    pub most_messages: Option<f64>,
}

#[napi(object, object_to_js = false)]
pub struct FingerprintObject {
    pub number: u32,
    pub text: String,
}

/// What to do in one session.
#[napi(object, object_from_js = false)]
pub struct PlanObject {
    pub fetch: Vec<PlannedObject>,
    pub present: u32,
    pub too_large: u32,
    pub postponed: u32,
    pub warnings: Vec<WarningObject>,
}

#[napi(object, object_from_js = false)]
pub struct PlannedObject {
    pub number: u32,
    pub octets: f64,
    pub headers_only: bool,
}

#[napi(object, object_from_js = false)]
pub struct WarningObject {
    pub name: String,
    pub text: String,
}

/// What is known of the messages of one mailbox, and what to do about it.
#[napi]
pub struct SyncPlanner(SyncState);

#[napi]
impl SyncPlanner {
    #[napi(constructor)]
    pub fn new(mailbox: String) -> Self {
        Self(SyncState::new(&mailbox))
    }

    /// `arrived` are the receipts whose messages are in their places.
    #[napi(factory)]
    pub fn restore(
        snapshot: String,
        journal: String,
        arrived: Vec<String>,
    ) -> Result<Self, Refused> {
        let arrived = |receipt: &str| arrived.iter().any(|one| one == receipt);
        let restored = SyncState::restore(&snapshot, &journal, arrived);
        restored.map(Self).map_err(|error| refused(&error))
    }

    #[napi(getter)]
    pub fn mailbox(&self) -> &str {
        self.0.mailbox()
    }

    #[napi(getter)]
    pub fn size(&self) -> u32 {
        count(self.0.len())
    }

    #[napi]
    pub fn next_login(&self) -> Option<f64> {
        self.0.next_login().map(|seconds| seconds as f64)
    }

    #[napi]
    pub fn snapshot(&mut self) -> String {
        self.0.snapshot()
    }

    #[napi]
    pub fn plan(&mut self, listing: ListingObject, options: PlanOptions) -> PlanObject {
        let mut listing = listed(listing);
        let fingerprints: HashMap<u32, String> = options
            .fingerprints
            .into_iter()
            .map(|one| (one.number, one.text))
            .collect();
        for one in listing.iter_mut().filter(|one| one.identity.is_none()) {
            let text = fingerprints.get(&one.number);
            one.identity = text.map(|text| Identity::Fingerprint(text.as_str().into()));
        }
        let rules = SyncRules {
            delete_after: options.delete_after.map(Whole::whole),
            largest: options.largest.map(Whole::whole),
            too_large: if options.headers_of_larger {
                TooLarge::Headers
            } else {
                TooLarge::Skip
            },
            newest_first: options.newest_first,
            most_messages: options.most_messages.map(Whole::whole),
        };
        let policy = ServerPolicy::new(options.expire.as_deref(), options.login_delay.as_deref());
        let now = Whole::whole(options.now);
        let plan = self.0.plan(listing, policy, &rules, now);
        PlanObject {
            fetch: plan
                .fetch
                .into_iter()
                .map(|one| PlannedObject {
                    number: one.number,
                    octets: one.octets as f64,
                    headers_only: one.headers_only,
                })
                .collect(),
            present: count(plan.present),
            too_large: count(plan.too_large),
            postponed: count(plan.postponed),
            warnings: plan
                .warnings
                .into_iter()
                .map(|one| WarningObject {
                    name: one.as_str().to_owned(),
                    text: one.to_string(),
                })
                .collect(),
        }
    }

    #[napi]
    pub fn delivered(&mut self, number: u32, headers_only: bool, now: f64) -> Result<(), Refused> {
        let done = self.0.delivered(number, headers_only, Whole::whole(now));
        done.map_err(|error| refused(&error))
    }

    #[napi]
    pub fn journal_line(
        &self,
        number: u32,
        headers_only: bool,
        now: f64,
        receipt: Option<String>,
    ) -> Result<String, Refused> {
        let now = Whole::whole(now);
        let line = self
            .0
            .journal_line(number, headers_only, now, receipt.as_deref());
        line.map_err(|error| refused(&error))
    }

    #[napi]
    pub fn deletions(&self, delete_after: Option<f64>, now: f64) -> Vec<u32> {
        let rules = SyncRules {
            delete_after: delete_after.map(Whole::whole),
            ..SyncRules::default()
        };
        self.0.deletions(&rules, Whole::whole(now))
    }

    #[napi]
    pub fn dele_accepted(&mut self, number: u32, now: f64) -> Result<(), Refused> {
        let done = self.0.dele_accepted(number, Whole::whole(now));
        done.map_err(|error| refused(&error))
    }

    #[napi]
    pub fn quit_accepted(&mut self, now: f64) {
        self.0.quit_accepted(Whole::whole(now));
    }
}

/// The numbers of messages that no uid names: their headers are needed.
#[napi]
pub fn sync_without_uid(listing: ListingObject) -> Vec<u32> {
    let listing = listed(listing).into_iter();
    listing
        .filter(|one| one.identity.is_none())
        .map(|one| one.number)
        .collect()
}

/// What a message without a uid is known by, from its header and its size.
#[napi]
pub fn sync_fingerprint(header: &[u8], octets: f64) -> String {
    match Identity::of_header(header, Whole::whole(octets)) {
        Identity::Fingerprint(text) | Identity::Uid(text) => text.as_ref().into(),
    }
}

/// The places of a journal that have to be looked at before it is restored.
#[napi]
pub fn sync_receipts(journal: String) -> Vec<String> {
    receipts(&journal)
}

/// A state on the disk, held by this process from `open` to `close`.
#[napi]
pub struct SyncFile(Arc<Mutex<Option<StateFile>>>);

#[napi]
impl SyncFile {
    /// Locks it; fails with `EWOULDBLOCK` in the message if another run holds it.
    #[napi(factory)]
    pub fn open(path: String) -> napi::Result<Self> {
        let file = StateFile::open(path).map_err(|error| {
            let name = match error.kind() {
                io::ErrorKind::WouldBlock => "EWOULDBLOCK: ",
                _ => "",
            };
            napi::Error::from_reason(format!("{name}{error}"))
        })?;
        Ok(Self(Arc::new(Mutex::new(Some(file)))))
    }

    /// The snapshot and the journal; nothing if there is no snapshot.
    #[napi]
    pub fn read(&self) -> napi::Result<Option<Vec<String>>> {
        let read = with(&self.0, StateFile::read);
        let found = read.map_err(|error| napi::Error::from_reason(error.to_string()))?;
        Ok(found.map(|(snapshot, journal)| vec![snapshot, journal]))
    }

    #[napi]
    pub fn replace(&self, snapshot: String) -> AsyncTask<Work<()>> {
        let file = Arc::clone(&self.0);
        work(move || with(&file, |file| file.replace(&snapshot)))
    }

    #[napi]
    pub fn append(&self, line: String) -> AsyncTask<Work<()>> {
        let file = Arc::clone(&self.0);
        work(move || with(&file, |file| file.append(&line)))
    }

    /// Lets go of it; more than once does no harm.
    #[napi]
    pub fn close(&self) {
        *locked(&self.0) = None;
    }
}

fn with<T>(
    file: &Mutex<Option<StateFile>>,
    act: impl FnOnce(&mut StateFile) -> io::Result<T>,
) -> io::Result<T> {
    let mut file = locked(file);
    let file = file
        .as_mut()
        .ok_or_else(|| io::Error::other("it is closed"))?;
    act(file)
}

fn listed(listing: ListingObject) -> Vec<Listed> {
    let sizes: Vec<_> = listing
        .numbers
        .iter()
        .zip(listing.sizes.iter())
        .map(|(number, octets)| ListEntry {
            number: *number,
            octets: Whole::whole(*octets),
        })
        .collect();
    let uids: Vec<_> = listing
        .uid_numbers
        .iter()
        .zip(&listing.uids)
        .map(|(number, uid)| UidlEntry {
            number: *number,
            uid,
        })
        .collect();
    join(&sizes, &uids)
}

fn count(count: usize) -> u32 {
    count.try_into().unwrap_or(u32::MAX)
}
