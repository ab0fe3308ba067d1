//! Maildir folders as maildrops, with real files.

#![cfg(all(unix, feature = "maildir"))]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, missing_docs)]

use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use popmail::{Maildir, Maildrop};

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("popmail-maildir-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        for folder in ["new", "cur", "tmp"] {
            fs::create_dir_all(path.join(folder)).unwrap();
        }
        Self(path)
    }

    fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.0.join(name), content).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.0.join(from), self.0.join(to)).unwrap();
    }

    fn open(&self) -> Maildir {
        Maildir::open(&self.0).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn uids(maildir: &Maildir) -> Vec<&str> {
    let entries = maildir.entries().iter();
    entries.map(|entry| entry.uid.as_str()).collect()
}

fn content(maildir: &Maildir, number: u32) -> String {
    let mut text = String::new();
    let mut file = maildir.open(number).unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn messages_are_sorted_by_delivery_and_sizes_count_crlf() {
    let folder = Folder::new();
    folder.write("cur/1000.b.host:2,S", b"b\nb\n");
    folder.write("new/999.z.host", b"z\r\nz");
    folder.write("cur/1000.a.host,W=77:2,", b"a");
    folder.write("cur/.hidden", b"x");
    folder.write("tmp/1.tmp.host", b"x");
    let maildir = folder.open();
    assert_eq!(
        uids(&maildir),
        ["999.z.host", "1000.a.host,W=77", "1000.b.host"]
    );
    let sizes: Vec<u64> = maildir.entries().iter().map(|entry| entry.octets).collect();
    assert_eq!(sizes, [6, 77, 6]);
    assert_eq!(content(&maildir, 1), "z\r\nz");
    assert!(maildir.open(0).is_err() && maildir.open(4).is_err());
}

#[test]
fn uids_survive_a_move_and_new_flags() {
    let folder = Folder::new();
    folder.write("new/1.a.host", b"a");
    folder.write("new/2.a name with spaces", b"b");
    let mut maildir = folder.open();
    let before: Vec<String> = uids(&maildir).into_iter().map(str::to_owned).collect();
    folder.rename("new/1.a.host", "cur/1.a.host:2,RS");
    folder.rename("new/2.a name with spaces", "cur/2.a name with spaces:2,");
    assert_eq!(content(&maildir, 1), "a");
    assert_eq!(content(&maildir, 2), "b");
    maildir.refresh().unwrap();
    assert_eq!(uids(&maildir), before);
    folder.rename("cur/1.a.host:2,RS", "cur/1.a.host:2,FRS");
    maildir.commit(&[1]).unwrap();
    maildir.refresh().unwrap();
    assert_eq!(uids(&maildir), before[1..]);
}

#[test]
fn a_message_that_was_removed_is_gone_and_its_commit_is_no_failure() {
    let folder = Folder::new();
    folder.write("new/1.a.host", b"a");
    let mut maildir = folder.open();
    fs::remove_file(folder.0.join("new/1.a.host")).unwrap();
    assert_eq!(maildir.open(1).err().unwrap().kind(), ErrorKind::NotFound);
    maildir.commit(&[1]).unwrap();
}

#[test]
fn a_message_that_cannot_be_removed_is_told_and_the_others_are_gone() {
    let folder = Folder::new();
    for number in 1..=3 {
        folder.write(&format!("new/{number}.a.host"), b"a");
    }
    let mut maildir = folder.open();
    fs::remove_file(folder.0.join("new/2.a.host")).unwrap();
    fs::create_dir(folder.0.join("new/2.a.host")).unwrap();
    let error = maildir.commit(&[1, 2, 3]).unwrap_err();
    assert_eq!(error.remaining(), [2]);
    maildir.refresh().unwrap();
    assert!(maildir.entries().is_empty());
}

#[test]
fn symbolic_links_are_not_followed() {
    let folder = Folder::new();
    folder.write("secret", b"secret");
    folder.write("new/2.a.host", b"a");
    symlink(folder.0.join("secret"), folder.0.join("new/1.link.host")).unwrap();
    let maildir = folder.open();
    assert_eq!(uids(&maildir), ["2.a.host"]);
    fs::remove_file(folder.0.join("new/2.a.host")).unwrap();
    symlink(folder.0.join("secret"), folder.0.join("new/2.a.host")).unwrap();
    assert!(maildir.open(1).is_err());
    fs::remove_dir_all(folder.0.join("cur")).unwrap();
    symlink("/tmp", folder.0.join("cur")).unwrap();
    assert!(Maildir::open(&folder.0).is_err());
}

#[test]
fn a_folder_that_is_no_maildir_is_refused_with_what_was_expected() {
    let folder = Folder::new();
    fs::remove_dir(folder.0.join("tmp")).unwrap();
    let error = Maildir::open(&folder.0).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "no Maildir: expected new, cur and tmp in {}",
            folder.0.display()
        )
    );
}
