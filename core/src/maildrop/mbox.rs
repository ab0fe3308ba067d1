//! An mbox file: all messages in one, each after a line `From …`.
//!
//! What separates two messages is decided in [`crate::mime`]'s scanner; here
//! the file is read as `mboxrd`, through a window, so that a message of any
//! size takes no more memory. The rules guarded here: a message is read from
//! the file that was listed, whatever happens to its name; removing rewrites
//! the file under a lock and replaces it as a whole, so that a program or a
//! machine that dies in between leaves the old one; and if the part that was
//! listed has changed meanwhile, nothing is removed.
//!
//! The lock is the file `NAME.lock`, as Debian's policy (section 11.6) has
//! it, for as long as the file is scanned or rewritten: mail may be delivered
//! while a session runs.
//!
//! RFC 4155.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use md5::{Digest, Md5};

use super::{CommitError, Maildrop, WireSize, at, hexadecimal};
use crate::mime::mbox::{LOOKAHEAD, separator};
use crate::pop3::MaildropEntry;

/// An mbox file as a maildrop, in the file's order.
///
/// The uid of a message is a hash of what stands in the file, its `From …`
/// line included: the same in every session, for any number of other messages
/// that come and go. What other programs write into its header (`Status`)
/// makes it another message.
#[derive(Debug)]
pub struct Mbox {
    path: PathBuf,
    read_only: bool,
    session: Option<Arc<Mutex<File>>>,
    places: Vec<Place>,
    entries: Vec<MaildropEntry>,
    /// Octets that were listed, and their hash.
    listed: u64,
    fingerprint: Vec<u8>,
}

/// Where a message is.
#[derive(Debug, Clone)]
struct Place {
    /// From its `From …` line to that of the next.
    whole: Range<u64>,
    content: Range<u64>,
}

impl Mbox {
    /// Reads the file. With `read_only` it is never written: a client that
    /// deletes something is told that it was not removed.
    ///
    /// # Errors
    ///
    /// It cannot be read, or another program has its lock
    /// ([`WouldBlock`](io::ErrorKind::WouldBlock)).
    pub fn open(path: impl Into<PathBuf>, read_only: bool) -> io::Result<Self> {
        let mut mbox = Self {
            path: path.into(),
            read_only,
            session: None,
            places: Vec::new(),
            entries: Vec::new(),
            listed: 0,
            fingerprint: Vec::new(),
        };
        mbox.refresh()?;
        Ok(mbox)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn lock(&self) -> io::Result<Option<Lock>> {
        if self.read_only {
            return Ok(None);
        }
        Lock::take(&self.path).map(Some)
    }

    /// Writes what stays into a new file beside the old one.
    fn rewrite(&self, deleted: &HashSet<u32>) -> io::Result<()> {
        let _lock = self.lock()?;
        let mut old = File::open(&self.path)?;
        if fingerprint(&mut old, self.listed)? != self.fingerprint {
            return Err(io::Error::other("the mbox was changed by another program"));
        }
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".popmail-{}", std::process::id()));
        let new = Unfinished(self.path.with_file_name(name));
        let mut file = BufWriter::new(
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&new.0)?,
        );
        file.get_ref()
            .set_permissions(old.metadata()?.permissions())?;
        let first = self
            .places
            .first()
            .map_or(self.listed, |place| place.whole.start);
        copy(&mut old, 0..first, &mut file)?;
        for (number, place) in (1_u32..).zip(&self.places) {
            if !deleted.contains(&number) {
                copy(&mut old, place.whole.clone(), &mut file)?;
            }
        }
        // What was delivered since.
        copy(&mut old, self.listed..u64::MAX, &mut file)?;
        file.flush()?;
        file.get_ref().sync_all()?;
        fs::rename(&new.0, &self.path)?;
        // So that the new name survives a crash of the machine too; some
        // systems cannot.
        if let Some(folder) = self
            .path
            .parent()
            .and_then(|folder| File::open(folder).ok())
        {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

impl Maildrop for Mbox {
    fn refresh(&mut self) -> io::Result<()> {
        let lock = self.lock()?;
        let mut file = File::open(&self.path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the mbox is no regular file",
            ));
        }
        let scanned = scan(&mut file)?;
        drop(lock);
        self.listed = scanned.octets;
        self.fingerprint = scanned.fingerprint;
        self.places = scanned.places;
        let mut copies: HashMap<String, u32> = HashMap::new();
        let mut entries = Vec::with_capacity(self.places.len());
        for place in &self.places {
            let (hash, octets) = describe(&mut file, place)?;
            let count = copies.entry(hash.clone()).or_default();
            *count += 1;
            let uid = match count {
                1 => hash,
                _ => format!("{hash}-{count}"),
            };
            entries.push(MaildropEntry { uid, octets });
        }
        self.entries = entries;
        self.session = Some(Arc::new(Mutex::new(file)));
        Ok(())
    }

    fn entries(&self) -> &[MaildropEntry] {
        &self.entries
    }

    fn open(&self, number: u32) -> io::Result<Box<dyn Read + Send>> {
        let place = at(&self.places, number)?;
        let file = self.session.as_ref().ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(Unquoted::new(Section {
            file: Arc::clone(file),
            left: place.content.clone(),
        })))
    }

    fn commit(&mut self, deleted: &[u32]) -> Result<(), CommitError> {
        let failed = |error| CommitError::new(deleted.to_vec(), error);
        if self.read_only {
            return Err(failed(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "the mbox is served read-only",
            )));
        }
        let deleted: HashSet<u32> = deleted.iter().copied().collect();
        self.rewrite(&deleted).map_err(failed)
    }
}

/// Removes what was begun, unless it has its name by then.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// `NAME.lock`, which exists while somebody has the file.
struct Lock(PathBuf);

impl Lock {
    fn take(path: &Path) -> io::Result<Self> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".lock");
        let lock = path.with_file_name(name);
        let started = Instant::now();
        loop {
            match OpenOptions::new().write(true).create_new(true).open(&lock) {
                Ok(mut file) => {
                    let lock = Self(lock);
                    write!(file, "{}", std::process::id())?;
                    return Ok(lock);
                }
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                Err(_) if is_stale(&lock) => match fs::remove_file(&lock) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                },
                Err(_) if started.elapsed() >= LOCK_WAIT => {
                    return Err(io::Error::new(
                        io::ErrorKind::WouldBlock,
                        format!("another program has {}", lock.display()),
                    ));
                }
                Err(_) => thread::sleep(LOCK_LOOK),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// True if whoever made the lock is gone: its process does not run, or it has
/// been there for ten minutes.
fn is_stale(lock: &Path) -> bool {
    let age = fs::metadata(lock)
        .and_then(|found| found.modified())
        .map(|made| SystemTime::now().duration_since(made).unwrap_or_default());
    if age.is_ok_and(|age| age >= LOCK_STALE) {
        return true;
    }
    let process = fs::read_to_string(lock)
        .ok()
        .and_then(|text| text.trim().parse::<u32>().ok());
    let proc = Path::new("/proc");
    process.is_some_and(|process| {
        process != std::process::id()
            && proc.join("self").exists()
            && !proc.join(process.to_string()).exists()
    })
}

/// What a look through the file finds.
struct Scanned {
    places: Vec<Place>,
    octets: u64,
    fingerprint: Vec<u8>,
}

fn scan(file: &mut File) -> io::Result<Scanned> {
    file.seek(SeekFrom::Start(0))?;
    let mut places: Vec<Place> = Vec::new();
    let mut hash = Md5::new();
    let mut window: Vec<u8> = Vec::new();
    // Where the window begins in the file, and what of it was searched.
    let (mut base, mut searched) = (0_u64, 0_usize);
    loop {
        let before = window.len();
        (&*file).take(WINDOW).read_to_end(&mut window)?;
        let fresh = window.get(before..).unwrap_or_default();
        hash.update(fresh);
        let at_end = fresh.is_empty();
        let certain = match at_end {
            true => window.len(),
            false => window.len().saturating_sub(LOOKAHEAD),
        };
        while let Some(found) = separator(&window, searched).filter(|found| *found < certain) {
            let start = base + octets(found);
            if let Some(last) = places.last_mut() {
                end_place(last, start, window.get(..found).unwrap_or_default());
            }
            let rest = window.get(found..).unwrap_or_default();
            let line = rest.iter().position(|octet| *octet == b'\n');
            let content = start + octets(line.map_or(rest.len(), |line| line + 1));
            places.push(Place {
                whole: start..start,
                content: content..content,
            });
            searched = found + 1;
        }
        if at_end {
            let end = base + octets(window.len());
            if let Some(last) = places.last_mut() {
                end_place(last, end, &window);
            }
            return Ok(Scanned {
                places,
                octets: end,
                fingerprint: hash.finalize().to_vec(),
            });
        }
        searched = searched.max(certain);
        let drop = searched.saturating_sub(CONTEXT);
        window.drain(..drop);
        base += octets(drop);
        searched -= drop;
    }
}

/// Ends a message where the next begins, or the file; `before` is what stands
/// in front of that. The empty line there is none of its own.
fn end_place(place: &mut Place, end: u64, before: &[u8]) {
    let empty = match before {
        [.., b'\n', b'\r', b'\n'] => 2,
        [.., b'\n', b'\n'] => 1,
        _ => 0,
    };
    place.whole.end = end;
    place.content.start = place.content.start.min(end);
    place.content.end = end.saturating_sub(empty).max(place.content.start);
}

/// The hash of the first octets of a file; of fewer where there are fewer.
fn fingerprint(file: &mut File, count: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(0))?;
    let mut hash = Md5::new();
    let mut buffer = vec![0; 65_536];
    let mut rest = file.take(count);
    loop {
        match rest.read(&mut buffer) {
            Ok(0) => return Ok(hash.finalize().to_vec()),
            Ok(read) => hash.update(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The hash of a message as it stands in the file, and its size as a client
/// receives it.
fn describe(file: &mut File, place: &Place) -> io::Result<(String, u64)> {
    let mut hash = Md5::new();
    let mut size = WireSize::default();
    let mut lines = Unquote::default();
    let mut plain = Vec::new();
    let mut buffer = vec![0; 65_536];
    file.seek(SeekFrom::Start(place.whole.start))?;
    let mut position = place.whole.start;
    while position < place.content.end {
        let most = usize::try_from(place.content.end - position).unwrap_or(usize::MAX);
        let room = most.min(buffer.len());
        let read = file.read(buffer.get_mut(..room).unwrap_or_default())?;
        let chunk = buffer.get(..read).unwrap_or_default();
        if chunk.is_empty() {
            break;
        }
        hash.update(chunk);
        let skip =
            usize::try_from(place.content.start.saturating_sub(position)).unwrap_or(usize::MAX);
        plain.clear();
        lines.feed(chunk.get(skip..).unwrap_or_default(), &mut plain);
        size.feed(&plain);
        position += octets(read);
    }
    plain.clear();
    lines.finish(&mut plain);
    size.feed(&plain);
    Ok((hexadecimal(&hash.finalize()), size.finish()))
}

fn copy(from: &mut File, range: Range<u64>, to: &mut impl Write) -> io::Result<()> {
    from.seek(SeekFrom::Start(range.start))?;
    io::copy(&mut from.take(range.end.saturating_sub(range.start)), to)?;
    Ok(())
}

fn octets(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// A part of a file that several may read at once.
struct Section {
    file: Arc<Mutex<File>>,
    left: Range<u64>,
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.end.saturating_sub(self.left.start);
        let most = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.left.start))?;
        let read = file.read(buffer.get_mut(..most).unwrap_or_default())?;
        self.left.start += octets(read);
        if read == 0 && most > 0 {
            // Cut short by another program: not a message that ends here.
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(read)
    }
}

/// A message without what quotes its lines.
struct Unquoted {
    section: Section,
    lines: Unquote,
    plain: Vec<u8>,
    given: usize,
    ended: bool,
}

impl Unquoted {
    fn new(section: Section) -> Self {
        Self {
            section,
            lines: Unquote::default(),
            plain: Vec::new(),
            given: 0,
            ended: false,
        }
    }
}

impl Read for Unquoted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.plain.len() && !self.ended {
            self.plain.clear();
            self.given = 0;
            let mut raw = [0; 16_384];
            let read = self.section.read(&mut raw)?;
            match raw.get(..read) {
                None | Some([]) => {
                    self.ended = true;
                    self.lines.finish(&mut self.plain);
                }
                Some(chunk) => self.lines.feed(chunk, &mut self.plain),
            }
        }
        let mut waiting = self.plain.get(self.given..).unwrap_or_default();
        let read = waiting.read(buffer)?;
        self.given += read;
        Ok(read)
    }
}

/// Takes one `>` from each line that is `>`, any number of `>`, and `From `.
#[derive(Debug, Default)]
struct Unquote {
    line: Line,
}

#[derive(Debug, Default, Clone, Copy)]
enum Line {
    /// Nothing of the line came.
    #[default]
    Start,
    /// So many `>` are held back, and so many letters of `From `.
    Quoted {
        marks: u64,
        letters: usize,
    },
    Text,
}

impl Unquote {
    fn feed(&mut self, chunk: &[u8], plain: &mut Vec<u8>) {
        let mut rest = chunk;
        while let Some((&octet, after)) = rest.split_first() {
            match self.line {
                Line::Text => {
                    let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |lf| lf + 1);
                    let (line, next) = rest.split_at_checked(end).unwrap_or((rest, &[]));
                    plain.extend_from_slice(line);
                    if line.last() == Some(&b'\n') {
                        self.line = Line::Start;
                    }
                    rest = next;
                }
                Line::Start if octet == b'>' => {
                    self.line = Line::Quoted {
                        marks: 1,
                        letters: 0,
                    };
                    rest = after;
                }
                Line::Start => self.line = Line::Text,
                Line::Quoted { marks, letters: 0 } if octet == b'>' => {
                    self.line = Line::Quoted {
                        marks: marks + 1,
                        letters: 0,
                    };
                    rest = after;
                }
                Line::Quoted { marks, letters } if FROM.get(letters) == Some(&octet) => {
                    rest = after;
                    if letters + 1 == FROM.len() {
                        Self::give(marks - 1, FROM, plain);
                        self.line = Line::Text;
                    } else {
                        self.line = Line::Quoted {
                            marks,
                            letters: letters + 1,
                        };
                    }
                }
                Line::Quoted { .. } => self.finish(plain),
            }
        }
    }

    /// Gives out what is held back.
    fn finish(&mut self, plain: &mut Vec<u8>) {
        if let Line::Quoted { marks, letters } = self.line {
            Self::give(marks, FROM.get(..letters).unwrap_or_default(), plain);
        }
        self.line = Line::Text;
    }

    fn give(marks: u64, letters: &[u8], plain: &mut Vec<u8>) {
        plain.extend((0..marks).map(|_| b'>'));
        plain.extend_from_slice(letters);
    }
}

const FROM: &[u8] = b"From ";

/// How much of the file is read at once.
const WINDOW: u64 = 1 << 20;

/// How much before the place that is searched stays in the window: more than
/// a separator looks back, and than may stand before the first.
const CONTEXT: usize = 128;

/// How long another program is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(5);
const LOCK_LOOK: Duration = Duration::from_millis(50);
const LOCK_STALE: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_unquoted_wherever_they_are_cut() {
        let quoted = b">From a\n>>From b\n>Fro\n> From c\nx>From d\n>>>\n>From";
        let plain = b"From a\n>From b\n>Fro\n> From c\nx>From d\n>>>\n>From";
        for cut in 0..quoted.len() {
            let (left, right) = quoted.split_at(cut);
            let mut lines = Unquote::default();
            let mut out = Vec::new();
            lines.feed(left, &mut out);
            lines.feed(right, &mut out);
            lines.finish(&mut out);
            assert_eq!(out, plain, "cut at {cut}");
        }
    }
}
