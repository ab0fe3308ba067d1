//! The planner of repeated fetches, for `popmail.sync`.

use std::borrow::Cow;
use std::collections::HashMap;

use pyo3::prelude::*;

use popmail::pop3::{ListEntry, UidlEntry};
use popmail::sync::{Identity, ServerPolicy, SyncRules, SyncState, TooLarge, join};

use crate::error::raised;

/// What is known of the messages of one mailbox, and what to do about it.
#[pyclass(module = "popmail._native")]
pub struct SyncPlanner(SyncState);

/// What to do in one session.
#[pyclass(module = "popmail._native", frozen, get_all)]
pub struct SyncPlan {
    fetch: Vec<(u32, u64, bool)>,
    present: usize,
    too_large: usize,
    postponed: usize,
    warnings: Vec<(&'static str, String)>,
}

#[pymethods]
impl SyncPlanner {
    #[new]
    fn new(mailbox: &str) -> Self {
        Self(SyncState::new(mailbox))
    }

    #[staticmethod]
    fn restore(
        py: Python<'_>,
        snapshot: &str,
        journal: &str,
        arrived: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let mut failed = None;
        let state = SyncState::restore(snapshot, journal, |receipt| {
            let answer = arrived
                .call1((receipt,))
                .and_then(|answer| answer.is_truthy());
            answer.unwrap_or_else(|error| {
                failed = Some(error);
                false
            })
        });
        match failed {
            Some(error) => Err(error),
            None => state.map(Self).map_err(|error| raised(py, error)),
        }
    }

    fn snapshot(&mut self) -> String {
        self.0.snapshot()
    }

    #[getter]
    fn mailbox(&self) -> &str {
        self.0.mailbox()
    }

    #[getter]
    fn next_login(&self) -> Option<u64> {
        self.0.next_login()
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    /// `fingerprints` are those of messages without a uid, by number.
    #[pyo3(signature = (
        sizes, uids, *, now, fingerprints = Vec::new(), expire = None, login_delay = None,
        delete_after = None, largest = None, headers_of_larger = false, newest_first = false,
        most_messages = None,
    ))]
    #[allow(clippy::too_many_arguments)] // The parts of a listing, of a policy and of rules, by keyword.
    fn plan(
        &mut self,
        sizes: Vec<(u32, u64)>,
        uids: Vec<(u32, String)>,
        now: u64,
        fingerprints: Vec<(u32, String)>,
        expire: Option<&str>,
        login_delay: Option<&str>,
        delete_after: Option<u64>,
        largest: Option<u64>,
        headers_of_larger: bool,
        newest_first: bool,
        most_messages: Option<usize>,
    ) -> SyncPlan {
        let mut listing = listing(sizes, uids);
        let fingerprints: HashMap<u32, String> = fingerprints.into_iter().collect();
        for one in listing.iter_mut().filter(|one| one.identity.is_none()) {
            let text = fingerprints.get(&one.number);
            one.identity = text.map(|text| Identity::Fingerprint(text.as_str().into()));
        }
        let rules = SyncRules {
            delete_after,
            largest,
            too_large: if headers_of_larger {
                TooLarge::Headers
            } else {
                TooLarge::Skip
            },
            newest_first,
            most_messages,
        };
        let policy = ServerPolicy::new(expire, login_delay);
        let plan = self.0.plan(listing, policy, &rules, now);
        let fetch = plan.fetch.into_iter();
        let warnings = plan.warnings.into_iter();
        SyncPlan {
            fetch: fetch
                .map(|one| (one.number, one.octets, one.headers_only))
                .collect(),
            present: plan.present,
            too_large: plan.too_large,
            postponed: plan.postponed,
            warnings: warnings
                .map(|one| (one.as_str(), one.to_string()))
                .collect(),
        }
    }

    #[pyo3(signature = (number, *, now, headers_only = false))]
    fn delivered(
        &mut self,
        py: Python<'_>,
        number: u32,
        now: u64,
        headers_only: bool,
    ) -> PyResult<()> {
        let done = self.0.delivered(number, headers_only, now);
        done.map_err(|error| raised(py, error))
    }

    #[pyo3(signature = (number, *, now, headers_only = false, receipt = None))]
    fn journal_line(
        &self,
        py: Python<'_>,
        number: u32,
        now: u64,
        headers_only: bool,
        receipt: Option<&str>,
    ) -> PyResult<String> {
        let line = self.0.journal_line(number, headers_only, now, receipt);
        line.map_err(|error| raised(py, error))
    }

    #[pyo3(signature = (*, delete_after, now))]
    fn deletions(&self, delete_after: Option<u64>, now: u64) -> Vec<u32> {
        let rules = SyncRules {
            delete_after,
            ..SyncRules::default()
        };
        self.0.deletions(&rules, now)
    }

    #[pyo3(signature = (number, *, now))]
    fn dele_accepted(&mut self, py: Python<'_>, number: u32, now: u64) -> PyResult<()> {
        let done = self.0.dele_accepted(number, now);
        done.map_err(|error| raised(py, error))
    }

    #[pyo3(signature = (*, now))]
    fn quit_accepted(&mut self, now: u64) {
        self.0.quit_accepted(now);
    }
}

/// The numbers of messages that no uid names: their headers are needed.
#[pyfunction]
fn without_uid(sizes: Vec<(u32, u64)>, uids: Vec<(u32, String)>) -> Vec<u32> {
    let listing = listing(sizes, uids).into_iter();
    listing
        .filter(|one| one.identity.is_none())
        .map(|one| one.number)
        .collect()
}

/// What a message without a uid is known by, from its header and its size.
#[pyfunction]
fn fingerprint(header: Cow<'_, [u8]>, octets: u64) -> String {
    match Identity::of_header(&header, octets) {
        Identity::Fingerprint(text) | Identity::Uid(text) => text.as_ref().into(),
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<SyncPlanner>()?;
    module.add_class::<SyncPlan>()?;
    module.add_function(wrap_pyfunction!(without_uid, module)?)?;
    module.add_function(wrap_pyfunction!(fingerprint, module)?)
}

fn listing(sizes: Vec<(u32, u64)>, uids: Vec<(u32, String)>) -> Vec<popmail::sync::Listed> {
    let sizes: Vec<_> = sizes
        .into_iter()
        .map(|(number, octets)| ListEntry { number, octets })
        .collect();
    let uids: Vec<_> = uids
        .iter()
        .map(|(number, uid)| UidlEntry {
            number: *number,
            uid,
        })
        .collect();
    join(&sizes, &uids)
}
