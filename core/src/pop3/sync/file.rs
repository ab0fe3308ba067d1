//! The state of a mailbox as text: a snapshot, and a journal of what was
//! delivered since.
//!
//! The rule guarded here: whatever was written before a crash can be read
//! after it, and means the same in every language, byte for byte. A snapshot
//! is replaced as a whole; of a journal the last line may be torn.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Entry, Identity, SyncState};
use crate::error::UsageError;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head<'t> {
    version: u64,
    mailbox: Cow<'t, str>,
    /// How many snapshots were made: a journal belongs to one of them.
    saved: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_login: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row<'t> {
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<Cow<'t, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<Cow<'t, str>>,
    octets: u64,
    seen: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dele: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Snapshot<'t> {
    #[serde(rename = "version")]
    _version: u64,
    #[serde(borrow)]
    mailbox: Cow<'t, str>,
    saved: u64,
    next_login: Option<u64>,
    messages: Vec<Row<'t>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'t> {
    saved: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<Cow<'t, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<Cow<'t, str>>,
    /// Which of the messages of this identity, from 0.
    twin: usize,
    delivered: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    headers_only: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<Cow<'t, str>>,
}

impl SyncState {
    /// The state as JSON, to be written to the disk as a whole: a temporary
    /// file, synced, then renamed. A journal begins anew after it.
    pub fn snapshot(&mut self) -> String {
        self.saved += 1;
        let mut text = json(&Head {
            version: VERSION,
            mailbox: Cow::Borrowed(&self.mailbox),
            saved: self.saved,
            next_login: self.next_login,
        });
        text.pop();
        text.push_str(",\"messages\":[");
        let mut separator = "\n";
        for (identity, entries) in &self.messages {
            let (uid, fingerprint) = columns(identity);
            for entry in entries {
                text.push_str(separator);
                separator = ",\n";
                text.push_str(&json(&Row {
                    uid: uid.map(Cow::Borrowed),
                    fingerprint: fingerprint.map(Cow::Borrowed),
                    octets: entry.octets,
                    seen: entry.seen,
                    headers: entry.headers,
                    delivered: entry.delivered,
                    dele: entry.dele,
                    quit: entry.quit,
                    missing: entry.missing,
                }));
            }
        }
        text.push_str("\n]}\n");
        text
    }

    /// A line for the journal of the last snapshot, with its line end: this
    /// message is delivered. It changes nothing here; see
    /// [`SyncState::delivered`].
    ///
    /// Without a `receipt` it is written once the message is safe. With one it
    /// is written before: a receipt names the place where the message is about
    /// to appear in one step, so that [`SyncState::restore`] can look whether
    /// it did, and no crash makes a message come twice.
    ///
    /// # Errors
    ///
    /// The last listing has no such message.
    pub fn journal_line(
        &self,
        number: u32,
        headers_only: bool,
        now: u64,
        receipt: Option<&str>,
    ) -> Result<String, UsageError> {
        let Some((identity, twin)) = self.place(number)? else {
            return Ok(String::new()); // nothing that it could be known by
        };
        let (uid, fingerprint) = columns(identity);
        let mut line = json(&Line {
            saved: self.saved,
            uid: uid.map(Cow::Borrowed),
            fingerprint: fingerprint.map(Cow::Borrowed),
            twin,
            delivered: now,
            headers_only,
            receipt: receipt.map(Cow::Borrowed),
        });
        line.push('\n');
        Ok(line)
    }

    /// Reads a snapshot and its journal.
    ///
    /// `arrived` is asked for each receipt whether the message is in its
    /// place. A journal of another snapshot counts nothing, and neither does
    /// what follows a line that cannot be read: a crash tore it.
    ///
    /// # Errors
    ///
    /// The snapshot is damaged, or of another version.
    pub fn restore(
        snapshot: &str,
        journal: &str,
        mut arrived: impl FnMut(&str) -> bool,
    ) -> Result<Self, UsageError> {
        let mut state = read(snapshot)?;
        for line in journal.split_inclusive('\n') {
            let Ok(line) = serde_json::from_str::<Line<'_>>(line) else {
                break;
            };
            if line.saved != state.saved || !line.receipt.as_deref().is_none_or(&mut arrived) {
                continue;
            }
            let entry = identity(line.uid, line.fingerprint)
                .and_then(|identity| state.messages.get_mut(&identity))
                .and_then(|entries| entries.get_mut(line.twin));
            if let Some(entry) = entry {
                entry.deliver(line.headers_only, line.delivered);
            }
        }
        Ok(state)
    }
}

/// The receipts of a journal, in its order: for a host that has to look at
/// each place before it can answer [`SyncState::restore`].
pub fn receipts(journal: &str) -> Vec<String> {
    let lines = journal.split_inclusive('\n');
    let lines = lines.map_while(|line| serde_json::from_str::<Line<'_>>(line).ok());
    lines
        .filter_map(|line| line.receipt.map(Cow::into_owned))
        .collect()
}

fn read(text: &str) -> Result<SyncState, UsageError> {
    // The version first: another one may have other fields.
    #[derive(Deserialize)]
    struct Version {
        version: u64,
    }
    let damaged = |error: &dyn std::fmt::Display| {
        UsageError::argument(format!("the state is damaged: {error}"))
    };
    let version = serde_json::from_str::<Version>(text).map_err(|error| damaged(&error))?;
    if version.version != VERSION {
        return Err(UsageError::argument(format!(
            "the state is of version {}, expected {VERSION}",
            version.version
        )));
    }
    let snapshot: Snapshot<'_> = serde_json::from_str(text).map_err(|error| damaged(&error))?;
    let mut messages = BTreeMap::<Identity, Vec<Entry>>::new();
    for row in snapshot.messages {
        let identity = identity(row.uid, row.fingerprint)
            .ok_or_else(|| damaged(&"a message has neither uid nor fingerprint"))?;
        messages.entry(identity).or_default().push(Entry {
            octets: row.octets,
            seen: row.seen,
            headers: row.headers,
            delivered: row.delivered,
            dele: row.dele,
            quit: row.quit,
            missing: row.missing,
        });
    }
    Ok(SyncState {
        saved: snapshot.saved,
        next_login: snapshot.next_login,
        messages,
        ..SyncState::new(&snapshot.mailbox)
    })
}

fn columns(identity: &Identity) -> (Option<&str>, Option<&str>) {
    match identity {
        Identity::Uid(uid) => (Some(uid), None),
        Identity::Fingerprint(text) => (None, Some(text)),
    }
}

fn identity(uid: Option<Cow<'_, str>>, fingerprint: Option<Cow<'_, str>>) -> Option<Identity> {
    match (uid, fingerprint) {
        (Some(uid), None) => Some(Identity::Uid(uid.into())),
        (None, Some(text)) => Some(Identity::Fingerprint(text.into())),
        _ => None,
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain structures of strings and numbers")
}

const VERSION: u64 = 1;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_snapshot_is_refused() {
        let head = r#""mailbox":"me","saved":1"#;
        for text in [
            "",
            "{",
            "[]",
            r#"{"version":1}"#,
            &format!(r#"{{"version":1,{head}}}"#),
            &format!(r#"{{"version":1,{head},"messages":[{{"octets":1,"seen":1}}]}}"#),
            &format!(r#"{{"version":1,{head},"messages":[],"more":1}}"#),
            &format!(r#"{{"version":1,{head},"messages":[{{"uid":"a","octets":-1,"seen":1}}]}}"#),
        ] {
            let error = SyncState::restore(text, "", |_| true).unwrap_err();
            assert!(error.to_string().contains("damaged"), "{text}: {error}");
        }
        let text = format!(r#"{{"version":1,{head},"messages":[]}}"#);
        assert!(SyncState::restore(&text, "", |_| true).is_ok());
    }

    #[test]
    fn a_snapshot_of_another_version_is_refused_by_its_number() {
        let error = SyncState::restore(r#"{"version":2,"new":true}"#, "", |_| true).unwrap_err();
        assert_eq!(error.to_string(), "the state is of version 2, expected 1");
    }

    #[test]
    fn the_receipts_of_a_journal_end_where_it_is_torn() {
        let line = |receipt: &str| {
            format!("{{\"saved\":1,\"uid\":\"a\",\"twin\":0,\"delivered\":1{receipt}}}\n")
        };
        let journal = [
            line(",\"receipt\":\"one\""),
            line(""),
            line(",\"receipt\":\"two\""),
            "{\"saved".to_owned(),
            line(",\"receipt\":\"three\""),
        ];
        assert_eq!(receipts(&journal.concat()), ["one", "two"]);
    }

    #[test]
    fn a_journal_may_hold_anything() {
        let mut state = SyncState::new("me");
        let snapshot = state.snapshot();
        for journal in [
            "\n\n",
            "\0\0\0",
            "{}",
            "null\n",
            "{\"saved\":1,\"uid\":\"gone\",\"twin\":9,\"delivered\":1}\n",
        ] {
            let again = SyncState::restore(&snapshot, journal, |_| true).unwrap();
            assert_eq!(again, state, "{journal:?}");
        }
    }
}
