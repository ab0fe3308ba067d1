//! A Maildir: one file a message, in `new` and `cur`.
//!
//! The uid is the unique part of the file's name, which stays when a mail
//! reader moves the file from `new` to `cur` or changes its flags. The rules
//! guarded here: only regular files directly in the two folders are served,
//! no symbolic link is followed, a message is read from its file, never kept,
//! and one session at a time has the folder, on this machine.
//!
//! <https://cr.yp.to/proto/maildir.html>

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::{CommitError, Maildrop, WireSize, at, hashed_uid};
use crate::pop3::MaildropEntry;

/// A Maildir as a maildrop, sorted by time of delivery and then by name.
///
/// A change from outside while a session runs does no harm: a message that
/// was moved between `new` and `cur`, or got other flags, is found again; one
/// that was removed is told as gone.
#[derive(Debug)]
pub struct Maildir {
    root: PathBuf,
    messages: Vec<Message>,
    entries: Vec<MaildropEntry>,
    /// Open and locked while a session has the folder.
    lock: Option<File>,
}

/// Where a message was when the folders were read.
#[derive(Debug)]
struct Message {
    /// The unique part of the file's name.
    base: Vec<u8>,
    path: PathBuf,
    delivered: u64,
}

impl Maildir {
    /// Reads the folders. A message whose name does not tell its size
    /// (`,W=`) is read through once to count it.
    ///
    /// # Errors
    ///
    /// `path` is no Maildir, or it cannot be read.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let mut maildir = Self {
            root: path.into(),
            messages: Vec::new(),
            entries: Vec::new(),
            lock: None,
        };
        maildir.look()?;
        Ok(maildir)
    }

    /// Takes the folder for a session. A folder that cannot be written to
    /// needs no lock: nothing will be removed from it.
    fn lock(&mut self) -> io::Result<()> {
        if self.lock.is_some() {
            return Ok(());
        }
        let opened = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.root.join(LOCK));
        let Ok(file) = opened else {
            return Ok(());
        };
        match file.try_lock() {
            Ok(()) => self.lock = Some(file),
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(
                    io::ErrorKind::WouldBlock,
                    "another session has the Maildir",
                ));
            }
            // A file system without locks.
            Err(TryLockError::Error(_)) => {}
        }
        Ok(())
    }

    /// Reads the folders.
    fn look(&mut self) -> io::Result<()> {
        self.check_folders()?;
        let known: HashMap<&[u8], &MaildropEntry> = self
            .messages
            .iter()
            .map(|message| message.base.as_slice())
            .zip(&self.entries)
            .collect();
        let mut messages = Vec::new();
        let mut entries = Vec::new();
        let mut taken = HashSet::new();
        for message in self.scan()? {
            // A file of a Maildir never changes its content.
            let octets = match known.get(message.base.as_slice()) {
                Some(entry) => entry.octets,
                None => match size_in_name(&message.base) {
                    Some(octets) => octets,
                    None => match self.with_file(&message, counted) {
                        Ok(octets) => octets,
                        Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                        Err(error) => return Err(error),
                    },
                },
            };
            let mut uid = uid(&message.base);
            while !taken.insert(uid.clone()) {
                uid = hashed_uid(uid.as_bytes());
            }
            entries.push(MaildropEntry { uid, octets });
            messages.push(message);
        }
        self.messages = messages;
        self.entries = entries;
        Ok(())
    }
    /// The folder.
    pub fn path(&self) -> &Path {
        &self.root
    }

    fn check_folders(&self) -> io::Result<()> {
        let is_folder = |name: &str| {
            fs::symlink_metadata(self.root.join(name)).is_ok_and(|found| found.is_dir())
        };
        if FOLDERS.into_iter().chain(["tmp"]).all(is_folder) {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!(
                "no Maildir: expected new, cur and tmp in {}",
                self.root.display()
            ),
        ))
    }

    /// Every message once. `new` is read first, so that one that moves
    /// meanwhile is seen in one of them or in both.
    fn scan(&self) -> io::Result<Vec<Message>> {
        let mut found: HashMap<Vec<u8>, Message> = HashMap::new();
        for folder in FOLDERS {
            for item in fs::read_dir(self.root.join(folder))? {
                let item = item?;
                let name = item.file_name();
                let name = name.as_encoded_bytes();
                if name.starts_with(b".") || !item.file_type().is_ok_and(|kind| kind.is_file()) {
                    continue;
                }
                let base = base_name(name).to_vec();
                let delivered = delivery_time(&base).unwrap_or_else(|| modified(&item.metadata()));
                let message = Message {
                    base: base.clone(),
                    path: item.path(),
                    delivered,
                };
                found.insert(base, message);
            }
        }
        let mut messages: Vec<Message> = found.into_values().collect();
        messages.sort_unstable_by(|a, b| (a.delivered, &a.base).cmp(&(b.delivered, &b.base)));
        Ok(messages)
    }

    /// Does something to the file of a message, where it is now.
    fn with_file<T>(
        &self,
        message: &Message,
        act: impl Fn(&Path) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut result = act(&message.path);
        // It may move again while it is looked for.
        for _ in 0..LOOKS {
            if !matches!(&result, Err(error) if error.kind() == io::ErrorKind::NotFound) {
                break;
            }
            match find(&self.root, &message.base)? {
                Some(path) => result = act(&path),
                None => break,
            }
        }
        result
    }
}

impl Maildrop for Maildir {
    fn refresh(&mut self) -> io::Result<()> {
        self.check_folders()?;
        self.lock()?;
        let looked = self.look();
        if looked.is_err() {
            self.release();
        }
        looked
    }

    fn entries(&self) -> &[MaildropEntry] {
        &self.entries
    }

    fn open(&self, number: u32) -> io::Result<Box<dyn Read + Send>> {
        let message = at(&self.messages, number)?;
        let file = self.with_file(message, open_regular)?;
        Ok(Box::new(file))
    }

    fn commit(&mut self, deleted: &[u32]) -> Result<(), CommitError> {
        let mut remaining = Vec::new();
        let mut first_error = None;
        for &number in deleted {
            let removed = at(&self.messages, number)
                .and_then(|message| self.with_file(message, |path| fs::remove_file(path)));
            match removed {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    remaining.push(number);
                    first_error.get_or_insert(error);
                }
            }
        }
        match first_error {
            None => Ok(()),
            Some(error) => Err(CommitError::new(remaining, error)),
        }
    }

    fn release(&mut self) {
        self.lock = None;
    }
}

/// Where the file of a Maildir's message is now, that another program has moved from `new` to `cur`
/// or given other flags since its path was read; `None` if it is gone.
pub fn moved(path: &Path) -> io::Result<Option<PathBuf>> {
    let (Some(root), Some(name)) = (path.parent().and_then(Path::parent), path.file_name()) else {
        return Ok(None);
    };
    find(root, base_name(name.as_encoded_bytes()))
}

fn find(root: &Path, base: &[u8]) -> io::Result<Option<PathBuf>> {
    for folder in FOLDERS {
        for item in fs::read_dir(root.join(folder))? {
            let item = item?;
            if base_name(item.file_name().as_encoded_bytes()) == base {
                return Ok(Some(item.path()));
            }
        }
    }
    Ok(None)
}

/// A file's name without the information that changes.
fn base_name(name: &[u8]) -> &[u8] {
    name.split(|&octet| octet == b':').next().unwrap_or(name)
}

/// RFC 1939 section 7 allows 1 to 70 octets from 0x21 to 0x7E.
fn uid(base: &[u8]) -> String {
    match std::str::from_utf8(base) {
        Ok(name) if (1..=70).contains(&base.len()) && base.iter().all(u8::is_ascii_graphic) => {
            name.to_owned()
        }
        _ => hashed_uid(base),
    }
}

/// The seconds at the start of a name.
fn delivery_time(base: &[u8]) -> Option<u64> {
    let digits = base.split(|octet| !octet.is_ascii_digit()).next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Dovecot and Courier write the size with CRLF line ends into the name.
fn size_in_name(base: &[u8]) -> Option<u64> {
    base.split(|&octet| octet == b',')
        .skip(1)
        .find_map(|field| {
            std::str::from_utf8(field.strip_prefix(b"W=")?)
                .ok()?
                .parse()
                .ok()
        })
}

fn modified(metadata: &io::Result<Metadata>) -> u64 {
    metadata
        .as_ref()
        .ok()
        .and_then(|metadata| metadata.modified().ok())
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |age| age.as_secs())
}

fn counted(path: &Path) -> io::Result<u64> {
    let mut file = open_regular(path)?;
    let mut size = WireSize::default();
    let mut buffer = vec![0; 65_536];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(size.finish()),
            Ok(count) => size.feed(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Opens a file that is neither a link nor a device, nor became one between
/// the look and the opening.
fn open_regular(path: &Path) -> io::Result<File> {
    let is_regular = || fs::symlink_metadata(path).map(|found| (found.is_file(), found));
    let refused = || io::Error::new(io::ErrorKind::InvalidInput, "message is no regular file");
    if !is_regular()?.0 {
        return Err(refused());
    }
    let file = File::open(path)?;
    let (regular, seen) = is_regular()?;
    if regular && is_same_file(&seen, &file.metadata()?) {
        Ok(file)
    } else {
        Err(refused())
    }
}

#[cfg(unix)]
fn is_same_file(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn is_same_file(_: &Metadata, opened: &Metadata) -> bool {
    opened.is_file()
}

/// Locked while a session has the folder; other programs do not look at it.
const LOCK: &str = "popmail.lock";

/// In the order in which a message moves.
const FOLDERS: [&str; 2] = ["new", "cur"];

/// How often a message that moved is looked for.
const LOOKS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gives_uid_time_and_size() {
        let name = b"1725000000.M1P2.host,S=100,W=104:2,FS";
        let base = base_name(name);
        assert_eq!(base, b"1725000000.M1P2.host,S=100,W=104");
        assert_eq!(uid(base), "1725000000.M1P2.host,S=100,W=104");
        assert_eq!(delivery_time(base), Some(1_725_000_000));
        assert_eq!(size_in_name(base), Some(104));
        assert_eq!(size_in_name(b"W=1"), None);
        assert_eq!(size_in_name(b"1.a,W=x"), None);
        assert_eq!(delivery_time(b"letter.eml"), None);
    }

    #[test]
    fn a_name_that_cannot_be_a_uid_is_hashed() {
        assert_eq!(uid(b"two words").len(), 32);
        assert_eq!(uid(&[b'x'; 71]).len(), 32);
        assert_eq!(uid(b"\xff").len(), 32);
        assert_ne!(uid(b"a b"), uid(b"a c"));
    }
}
