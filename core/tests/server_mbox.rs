//! mbox files and locked Maildirs as maildrops, with real files.

#![cfg(all(unix, feature = "maildir", feature = "mbox"))]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, missing_docs)]

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use popmail::{Maildir, Maildrop, Mbox};

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("popmail-mbox-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn mbox(&self) -> PathBuf {
        self.0.join("mbox")
    }

    fn write(&self, content: impl AsRef<[u8]>) -> Mbox {
        fs::write(self.mbox(), content).unwrap();
        Mbox::open(self.mbox(), false).unwrap()
    }

    fn read(&self) -> String {
        String::from_utf8(fs::read(self.mbox()).unwrap()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn content(mbox: &Mbox, number: u32) -> String {
    let mut text = String::new();
    let mut message = mbox.open(number).unwrap();
    message.read_to_string(&mut text).unwrap();
    text
}

fn uids(mbox: &Mbox) -> Vec<String> {
    mbox.entries()
        .iter()
        .map(|entry| entry.uid.clone())
        .collect()
}

const A: &str =
    "From ann@example.com Mon May  4 09:30:00 2026\nSubject: a\n\na\n>From here\n>>From there\n\n";
const B: &str =
    "From bob@example.com Tue May  5 09:30:00 2026\r\nSubject: b\r\n\r\nFrom the start\r\n\r\n";
const C: &str = "From cy@example.com Wed May  6 09:30:00 2026\nSubject: c\n\nc";

#[test]
fn messages_are_found_unquoted_and_counted_as_clients_receive_them() {
    let folder = Folder::new();
    let mbox = folder.write([A, B, C].concat());
    assert_eq!(mbox.entries().len(), 3);
    assert_eq!(
        content(&mbox, 1),
        "Subject: a\n\na\nFrom here\n>From there\n"
    );
    assert_eq!(content(&mbox, 2), "Subject: b\r\n\r\nFrom the start\r\n");
    assert_eq!(content(&mbox, 3), "Subject: c\n\nc");
    let sizes: Vec<u64> = mbox.entries().iter().map(|entry| entry.octets).collect();
    assert_eq!(sizes, [12 + 2 + 3 + 11 + 13, 12 + 2 + 16, 12 + 2 + 3]);
    assert!(mbox.open(0).is_err() && mbox.open(4).is_err());
    assert!(folder.write("").entries().is_empty());
    assert!(folder.write("no mbox at all\n").entries().is_empty());
}

#[test]
fn what_is_deleted_goes_at_commit_and_what_came_meanwhile_stays() {
    let folder = Folder::new();
    let mut mbox = folder.write([A, B].concat());
    let before = uids(&mbox);
    let mut file = fs::OpenOptions::new()
        .append(true)
        .open(folder.mbox())
        .unwrap();
    file.write_all(C.as_bytes()).unwrap();
    mbox.commit(&[1]).unwrap();
    assert_eq!(folder.read(), [B, C].concat());
    // The session still reads what it listed.
    assert!(content(&mbox, 1).starts_with("Subject: a"));
    mbox.refresh().unwrap();
    assert_eq!(uids(&mbox)[0], before[1]);
    assert_eq!(mbox.entries().len(), 2);
    mbox.commit(&[1, 2]).unwrap();
    assert_eq!(folder.read(), "");
    assert_eq!(
        fs::read_dir(&folder.0).unwrap().count(),
        1,
        "nothing is left beside it"
    );
}

#[test]
fn a_file_that_another_program_changed_is_left_alone() {
    let folder = Folder::new();
    let mut mbox = folder.write([A, B].concat());
    let changed = [B, A].concat();
    fs::write(folder.mbox(), &changed).unwrap();
    let error = mbox.commit(&[1]).unwrap_err();
    assert_eq!(error.remaining(), [1]);
    assert_eq!(folder.read(), changed);
    // Shorter than it was.
    fs::write(folder.mbox(), A).unwrap();
    assert!(mbox.commit(&[2]).is_err());
    assert_eq!(folder.read(), A);
}

#[test]
fn a_file_that_is_served_read_only_is_never_written() {
    let folder = Folder::new();
    fs::write(folder.mbox(), A).unwrap();
    fs::write(folder.0.join("mbox.lock"), "1").unwrap();
    let mut mbox = Mbox::open(folder.mbox(), true).unwrap();
    let error = mbox.commit(&[1]).unwrap_err();
    assert_eq!(error.remaining(), [1]);
    assert_eq!(folder.read(), A);
}

#[test]
fn the_lock_of_another_program_is_kept_to_and_that_of_a_dead_one_removed() {
    let folder = Folder::new();
    let mut mbox = folder.write([A, B].concat());
    let lock = folder.0.join("mbox.lock");
    fs::write(&lock, "1").unwrap();
    let error = mbox.refresh().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    // No process has this number (the kernel's highest is 4194304).
    fs::write(&lock, "4194305").unwrap();
    mbox.refresh().unwrap();
    assert!(!lock.exists());
}

#[test]
fn two_messages_that_are_the_same_have_uids_of_their_own() {
    let folder = Folder::new();
    let mbox = folder.write([A, A, B].concat());
    let all = uids(&mbox);
    assert_eq!(all[1], format!("{}-2", all[0]));
    assert_ne!(all[0], all[2]);
    assert!(all.iter().all(|uid| uid.len() <= 70));
}

#[test]
fn messages_at_the_edges_of_the_window_are_found() {
    // Separators fall on every offset around one mebibyte.
    for shift in 0..40 {
        let folder = Folder::new();
        let filler = "x".repeat(63);
        let mut text = String::from("From a Mon May  4 09:30:00 2026\nA: b\n\n");
        let line = format!("{filler}\n");
        while text.len() + line.len() < (1 << 20) - 120 {
            text.push_str(&line);
        }
        text.push_str(&"y".repeat(shift * 7));
        text.push_str("\n\n");
        text.push_str(C);
        let mbox = folder.write(&text);
        assert_eq!(mbox.entries().len(), 2, "shift {shift}");
        assert_eq!(content(&mbox, 2), "Subject: c\n\nc");
        assert_eq!(content(&mbox, 1).len(), text.len() - C.len() - 1 - 32);
    }
}

#[test]
fn one_session_at_a_time_has_a_maildir() {
    let folder = Folder::new();
    for name in ["new", "cur", "tmp"] {
        fs::create_dir(folder.0.join(name)).unwrap();
    }
    fs::write(folder.0.join("new/1.a.host"), "a").unwrap();
    let mut first = Maildir::open(&folder.0).unwrap();
    let mut second = Maildir::open(&folder.0).unwrap();
    first.refresh().unwrap();
    first.refresh().unwrap();
    let error = second.refresh().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    first.release();
    second.refresh().unwrap();
    assert!(first.refresh().is_err());
    drop(second);
    first.refresh().unwrap();
    assert_eq!(first.entries().len(), 1);
}
