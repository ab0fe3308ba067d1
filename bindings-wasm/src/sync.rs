//! The planner of repeated fetches (`ts/engine-sync.ts`).

use std::collections::HashMap;

use js_sys::{Array, Float64Array, Uint32Array};
use popmail::pop3::{ListEntry, UidlEntry};
use popmail::sync::{
    Identity, Listed, ServerPolicy, SyncPlan, SyncRules, SyncState, TooLarge, join, receipts,
};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use crate::convert::{Properties, flag, number, property, refused, text};

/// What is known of the messages of one mailbox, and what to do about it.
#[wasm_bindgen]
pub struct SyncPlanner(SyncState);

#[wasm_bindgen]
impl SyncPlanner {
    #[wasm_bindgen(constructor)]
    pub fn new(mailbox: &str) -> Self {
        Self(SyncState::new(mailbox))
    }

    /// `arrived` are the receipts whose messages are in their places.
    pub fn restore(
        snapshot: &str,
        journal: &str,
        arrived: Vec<String>,
    ) -> Result<SyncPlanner, JsValue> {
        let arrived = |receipt: &str| arrived.iter().any(|one| one == receipt);
        let restored = SyncState::restore(snapshot, journal, arrived);
        restored.map(Self).map_err(|error| refused(&error))
    }

    #[wasm_bindgen(getter)]
    pub fn mailbox(&self) -> String {
        self.0.mailbox().to_owned()
    }

    #[wasm_bindgen(getter)]
    pub fn size(&self) -> usize {
        self.0.len()
    }

    #[wasm_bindgen(js_name = nextLogin)]
    pub fn next_login(&self) -> Option<f64> {
        self.0.next_login().map(|seconds| seconds as f64)
    }

    pub fn snapshot(&mut self) -> String {
        self.0.snapshot()
    }

    pub fn plan(&mut self, listing: &JsValue, options: &JsValue) -> JsValue {
        let mut listing = listed(listing);
        let fingerprints: HashMap<u32, String> = Array::from(&property(options, "fingerprints"))
            .iter()
            .filter_map(|one| Some((number(&one, "number")? as u32, text(&one, "text")?)))
            .collect();
        for one in listing.iter_mut().filter(|one| one.identity.is_none()) {
            let text = fingerprints.get(&one.number);
            one.identity = text.map(|text| Identity::Fingerprint(text.as_str().into()));
        }
        let whole = |name| number(options, name).map(|value| value as u64);
        let rules = SyncRules {
            delete_after: whole("deleteAfter"),
            largest: whole("largest"),
            too_large: if flag(options, "headersOfLarger") {
                TooLarge::Headers
            } else {
                TooLarge::Skip
            },
            newest_first: flag(options, "newestFirst"),
            most_messages: whole("mostMessages").map(|count| count as usize),
        };
        let policy = ServerPolicy::new(
            text(options, "expire").as_deref(),
            text(options, "loginDelay").as_deref(),
        );
        let now = whole("now").unwrap_or_default();
        described(self.0.plan(listing, policy, &rules, now))
    }

    pub fn delivered(&mut self, number: u32, headers_only: bool, now: f64) -> Result<(), JsValue> {
        let done = self.0.delivered(number, headers_only, now as u64);
        done.map_err(|error| refused(&error))
    }

    #[wasm_bindgen(js_name = journalLine)]
    pub fn journal_line(
        &self,
        number: u32,
        headers_only: bool,
        now: f64,
        receipt: Option<String>,
    ) -> Result<String, JsValue> {
        let line = self
            .0
            .journal_line(number, headers_only, now as u64, receipt.as_deref());
        line.map_err(|error| refused(&error))
    }

    pub fn deletions(&self, delete_after: Option<f64>, now: f64) -> Vec<u32> {
        let rules = SyncRules {
            delete_after: delete_after.map(|seconds| seconds as u64),
            ..SyncRules::default()
        };
        self.0.deletions(&rules, now as u64)
    }

    #[wasm_bindgen(js_name = deleAccepted)]
    pub fn dele_accepted(&mut self, number: u32, now: f64) -> Result<(), JsValue> {
        let done = self.0.dele_accepted(number, now as u64);
        done.map_err(|error| refused(&error))
    }

    #[wasm_bindgen(js_name = quitAccepted)]
    pub fn quit_accepted(&mut self, now: f64) {
        self.0.quit_accepted(now as u64);
    }
}

/// The numbers of messages that no uid names: their headers are needed.
#[wasm_bindgen(js_name = syncWithoutUid)]
pub fn sync_without_uid(listing: &JsValue) -> Vec<u32> {
    let listing = listed(listing).into_iter();
    listing
        .filter(|one| one.identity.is_none())
        .map(|one| one.number)
        .collect()
}

/// What a message without a uid is known by, from its header and its size.
#[wasm_bindgen(js_name = syncFingerprint)]
pub fn sync_fingerprint(header: &[u8], octets: f64) -> String {
    match Identity::of_header(header, octets as u64) {
        Identity::Fingerprint(text) | Identity::Uid(text) => text.as_ref().into(),
    }
}

/// The places of a journal that have to be looked at before it is restored.
#[wasm_bindgen(js_name = syncReceipts)]
pub fn sync_receipts(journal: &str) -> Vec<String> {
    receipts(journal)
}

/// LIST and UIDL, one item for each line.
fn listed(listing: &JsValue) -> Vec<Listed> {
    let numbers = |name| {
        let array = property(listing, name);
        let array = array.dyn_ref::<Uint32Array>();
        array.map(Uint32Array::to_vec).unwrap_or_default()
    };
    let sizes = property(listing, "sizes");
    let sizes = sizes.dyn_ref::<Float64Array>();
    let sizes: Vec<_> = numbers("numbers")
        .into_iter()
        .zip(sizes.map(Float64Array::to_vec).unwrap_or_default())
        .map(|(number, octets)| ListEntry {
            number,
            octets: octets as u64,
        })
        .collect();
    let uids: Vec<String> = Array::from(&property(listing, "uids"))
        .iter()
        .map(|uid| uid.as_string().unwrap_or_default())
        .collect();
    let uids: Vec<_> = numbers("uidNumbers")
        .into_iter()
        .zip(&uids)
        .map(|(number, uid)| UidlEntry { number, uid })
        .collect();
    join(&sizes, &uids)
}

fn described(plan: SyncPlan) -> JsValue {
    let fetch: Array = plan
        .fetch
        .into_iter()
        .map(|one| {
            JsValue::from(
                Properties::default()
                    .with("number", one.number)
                    .with("octets", one.octets as f64)
                    .with("headersOnly", one.headers_only),
            )
        })
        .collect();
    let warnings: Array = plan
        .warnings
        .into_iter()
        .map(|one| {
            JsValue::from(
                Properties::default()
                    .with("name", one.as_str())
                    .with("text", one.to_string()),
            )
        })
        .collect();
    Properties::default()
        .with("fetch", fetch)
        .with("present", plan.present as f64)
        .with("tooLarge", plan.too_large as f64)
        .with("postponed", plan.postponed as f64)
        .with("warnings", warnings)
        .into()
}
