//! The core's maildrops: messages in memory, and those on disk, whose files
//! are read in Node's thread pool.

use std::io::{self, Read};
use std::sync::{Arc, Mutex};

use napi::bindgen_prelude::*;
use napi::{Env, Error};
use napi_derive::napi;
use popmail::{Maildir, Maildrop, Mbox, MemoryMaildrop};

use crate::server::EntryObject;
use crate::work::{Work, failed, locked, work};

type Reader = Box<dyn Read + Send>;

/// Messages in memory.
#[napi]
pub struct MemoryStore(MemoryMaildrop);

#[napi]
impl MemoryStore {
    #[napi(constructor)]
    #[allow(clippy::new_without_default)] // For JavaScript alone.
    pub fn new() -> Self {
        Self(MemoryMaildrop::new())
    }

    #[napi]
    pub fn append(&mut self, message: &[u8]) {
        self.0.push(message);
    }

    #[napi(getter)]
    pub fn count(&self) -> u32 {
        self.0.messages().len().try_into().unwrap_or(u32::MAX)
    }

    #[napi]
    pub fn refresh(&mut self) -> Result<()> {
        self.0.refresh().map_err(failed)
    }

    #[napi]
    pub fn entries(&self) -> Vec<EntryObject> {
        self.0.entries().iter().map(Into::into).collect()
    }

    #[napi]
    pub fn read<'env>(&self, env: &'env Env, number: u32) -> Result<Option<BufferSlice<'env>>> {
        let Ok(mut reader) = self.0.open(number) else {
            return Ok(None);
        };
        let mut octets = Vec::new();
        reader.read_to_end(&mut octets).map_err(failed)?;
        BufferSlice::copy_from(env, octets).map(Some)
    }

    #[napi]
    pub fn commit(&mut self, deleted: Vec<u32>) -> Result<()> {
        let result = self.0.commit(&deleted);
        result.map_err(|error| Error::from_reason(error.to_string()))
    }
}

/// A Maildir or an mbox file. It is opened by its first `refresh`.
#[napi]
pub struct FileStore(Arc<Shared>);

struct Shared {
    path: String,
    kind: Kind,
    maildrop: Mutex<Option<Box<dyn Maildrop>>>,
}

#[derive(Clone, Copy)]
enum Kind {
    Maildir,
    Mbox { read_only: bool },
}

impl Shared {
    fn open(&self) -> io::Result<Box<dyn Maildrop>> {
        Ok(match self.kind {
            Kind::Maildir => Box::new(Maildir::open(&self.path)?),
            Kind::Mbox { read_only } => Box::new(Mbox::open(&self.path, read_only)?),
        })
    }
}

#[napi]
impl FileStore {
    #[napi(factory)]
    pub fn maildir(path: String) -> Self {
        Self::new(path, Kind::Maildir)
    }

    #[napi(factory)]
    pub fn mbox(path: String, read_only: bool) -> Self {
        Self::new(path, Kind::Mbox { read_only })
    }

    fn new(path: String, kind: Kind) -> Self {
        Self(Arc::new(Shared {
            path,
            kind,
            maildrop: Mutex::new(None),
        }))
    }

    #[napi]
    pub fn refresh(&self) -> AsyncTask<Work<()>> {
        let shared = Arc::clone(&self.0);
        work(move || {
            let mut maildrop = locked(&shared.maildrop);
            match &mut *maildrop {
                Some(maildrop) => maildrop.refresh(),
                none => none.insert(shared.open()?).refresh(),
            }
        })
    }

    #[napi]
    pub fn entries(&self) -> Vec<EntryObject> {
        let maildrop = locked(&self.0.maildrop);
        let entries = maildrop.as_ref().map(|maildrop| maildrop.entries());
        entries.unwrap_or_default().iter().map(Into::into).collect()
    }

    #[napi]
    pub fn open(&self, number: u32) -> ContentReader {
        ContentReader {
            shared: Arc::clone(&self.0),
            number,
            reader: Arc::default(),
        }
    }

    #[napi]
    pub fn commit(&self, deleted: Vec<u32>) -> AsyncTask<Work<()>> {
        let shared = Arc::clone(&self.0);
        work(move || {
            let mut maildrop = locked(&shared.maildrop);
            let maildrop = maildrop.as_mut().ok_or_else(unopened)?;
            let result = maildrop.commit(&deleted);
            result.map_err(|error| io::Error::other(error.to_string()))
        })
    }

    #[napi]
    pub fn release(&self) {
        if let Some(maildrop) = &mut *locked(&self.0.maildrop) {
            maildrop.release();
        }
    }
}

/// A message that is being read from its file.
#[napi]
pub struct ContentReader {
    shared: Arc<Shared>,
    number: u32,
    reader: Arc<Mutex<Option<Reader>>>,
}

#[napi]
impl ContentReader {
    /// Up to `size` octets; none at the end.
    #[napi]
    pub fn read(&self, size: u32) -> AsyncTask<Work<Vec<u8>>> {
        let (shared, number) = (Arc::clone(&self.shared), self.number);
        let reader = Arc::clone(&self.reader);
        work(move || {
            let mut reader = locked(&reader);
            let reader = match &mut *reader {
                Some(reader) => reader,
                none => {
                    let maildrop = locked(&shared.maildrop);
                    let opened = maildrop.as_ref().ok_or_else(unopened)?.open(number)?;
                    none.insert(opened)
                }
            };
            let mut octets = Vec::new();
            reader.take(size.into()).read_to_end(&mut octets)?;
            Ok(octets)
        })
    }
}

fn unopened() -> io::Error {
    io::Error::other("the maildrop has not been opened")
}
