//! The saved state of a mailbox in two files: the snapshot, and beside it the
//! journal, named the same with `.journal` added.
//!
//! The rules guarded here: a snapshot is replaced as a whole (written beside
//! it, synced, renamed), whatever happens in between; and one run at a time
//! holds the state. The lock is on the journal, since the snapshot is
//! replaced and cannot hold one; the system lets go of it when the process
//! ends, however it ends. On Unix it is `flock`, which every binding takes.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A state on the disk, held by this run until it is dropped.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    journal: File,
}

impl StateFile {
    /// Locks the state. The journal is made if there is none.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if another run holds it; others as the
    /// system tells them.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let mut name = OsString::from(path.file_name().ok_or(io::ErrorKind::InvalidInput)?);
        name.push(".journal");
        let mut options = private();
        let journal = options
            .read(true)
            .append(true)
            .create(true)
            .open(path.with_file_name(name))?;
        match journal.try_lock() {
            Ok(()) => Ok(Self { path, journal }),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The file of the snapshot.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The snapshot and its journal; `None` if there is no snapshot. Octets
    /// that are no UTF-8 are replaced: a crash may have torn the journal, and
    /// a damaged snapshot is refused by
    /// [`restore`](super::SyncState::restore).
    pub fn read(&mut self) -> io::Result<Option<(String, String)>> {
        let snapshot = match fs::read(&self.path) {
            Ok(snapshot) => snapshot,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut journal = Vec::new();
        self.journal.seek(SeekFrom::Start(0))?;
        self.journal.read_to_end(&mut journal)?;
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        Ok(Some((text(&snapshot), text(&journal))))
    }

    /// Puts a snapshot in the place of the last one, in one step, and empties
    /// the journal: what it says is in the snapshot.
    pub fn replace(&mut self, snapshot: &str) -> io::Result<()> {
        let temporary = self.temporary();
        let written = self.write(&temporary, snapshot);
        if written.is_err() {
            // What remains of it is of no use; the error says what happened.
            let _ = fs::remove_file(&temporary);
        }
        written?;
        // The journal names the snapshot that it belongs to: either order is safe.
        self.journal.set_len(0)
    }

    /// Adds a line to the journal.
    pub fn append(&mut self, line: &str) -> io::Result<()> {
        self.journal.write_all(line.as_bytes())
    }

    fn write(&self, temporary: &Path, snapshot: &str) -> io::Result<()> {
        let mut options = private();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .open(temporary)?;
        file.write_all(snapshot.as_bytes())?;
        file.sync_all()?;
        drop(file);
        fs::rename(temporary, &self.path)?;
        sync_folder(&self.path)
    }

    /// `.state.json.part` beside `state.json`.
    fn temporary(&self) -> PathBuf {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.trim_start_matches('.');
        self.path.with_file_name(format!(".{name}.part"))
    }
}

/// The names and sizes of somebody's mail are nobody else's business.
fn private() -> OpenOptions {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Brings the names in a folder to the disk, where the system can do this.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("popmail-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn what_was_written_is_read_by_the_next_run() {
        let folder = folder("state-read");
        let path = folder.join("state.json");
        let mut file = StateFile::open(&path).unwrap();
        assert_eq!(file.read().unwrap(), None);
        file.replace("{}\n").unwrap();
        file.append("one\n").unwrap();
        file.append("two\n").unwrap();
        drop(file);
        let mut file = StateFile::open(&path).unwrap();
        let (snapshot, journal) = file.read().unwrap().unwrap();
        assert_eq!(
            (snapshot.as_str(), journal.as_str()),
            ("{}\n", "one\ntwo\n")
        );
        file.append("three\n").unwrap();
        assert!(file.read().unwrap().unwrap().1.ends_with("two\nthree\n"));
        file.replace("{1}\n").unwrap();
        assert_eq!(file.read().unwrap(), Some(("{1}\n".into(), String::new())));
        let mut names: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["state.json", "state.json.journal"]);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_second_run_is_kept_out_until_the_first_has_ended() {
        let folder = folder("state-lock");
        let path = folder.join("state.json");
        let file = StateFile::open(&path).unwrap();
        let error = StateFile::open(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        drop(file);
        StateFile::open(&path).unwrap();
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_snapshot_that_cannot_be_written_leaves_the_last_one() {
        let folder = folder("state-write");
        let path = folder.join("state.json");
        let mut file = StateFile::open(&path).unwrap();
        file.replace("first").unwrap();
        fs::create_dir(file.temporary()).unwrap();
        file.append("line\n").unwrap();
        assert!(file.replace("second").is_err());
        assert_eq!(
            file.read().unwrap(),
            Some(("first".into(), "line\n".into()))
        );
        drop(file);
        fs::remove_dir_all(folder).unwrap();
    }
}
