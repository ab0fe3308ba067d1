//! Where the messages of a table come from: Python objects, Arrow arrays, files, an mbox file.
//!
//! A source is taken from in pieces, each bounded in messages and in octets, and holds nothing of
//! what was taken. Octets that cannot change (`bytes`, Arrow arrays, maps) are borrowed, others are
//! copied while Python waits.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BinaryArray, BinaryViewArray, LargeBinaryArray};
use arrow_schema::{ArrowError, DataType};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyIterator;

use popmail::maildrop;
use popmail::mime::columns::Row;
use popmail::mime::mbox::{MboxFormat, scan_mbox_from};
use popmail::mime::parse;

use super::table::Table;
use crate::mbox;
use crate::message::{Octets, PyMessage, backed};

/// Octets of messages at which a batch ends; one message may be larger.
pub const BATCH_OCTETS: usize = 8 << 20;

/// One message that is to become a row.
pub struct Item {
    content: Content,
    uid: Option<String>,
}

enum Content {
    Octets(Octets),
    Copied(Vec<u8>),
    Parsed(Py<PyMessage>),
    Cell(ArrayRef, usize),
    File(PathBuf, u64),
}

impl Item {
    /// The item that a Python object is: octets, a message, or what has both `raw` and `uid`.
    pub fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(message) = object.cast::<PyMessage>() {
            return Ok(Item::from(Content::Parsed(message.clone().unbind())));
        }
        if let Ok(octets) = backed(object, "a message") {
            return Ok(Item::from(Content::Octets(Octets::Python(octets))));
        }
        let remote = object.getattr("raw").and_then(|raw| {
            let uid = object.getattr("uid")?.extract::<Option<String>>()?;
            Ok((raw, uid))
        });
        match remote {
            Ok((raw, uid)) => {
                let octets = Octets::Python(backed(&raw, "the message")?);
                Ok(Item {
                    content: Content::Octets(octets),
                    uid,
                })
            }
            // What went wrong with the connection while it was fetched is not for us to hide.
            Err(error) if object.hasattr("raw")? => Err(error),
            Err(_) => {
                let found = object.get_type().name()?;
                Err(PyTypeError::new_err(format!(
                    "expected messages as octets (bytes, bytearray, memoryview, mmap) or as \
                     popmail.Message, got {found}"
                )))
            }
        }
    }

    /// How large the message is, as far as is known without reading it.
    fn octets(&self) -> usize {
        match &self.content {
            Content::Octets(octets) => octets.len(),
            Content::Copied(octets) => octets.len(),
            Content::Parsed(message) => message.get().view().raw().len(),
            Content::Cell(array, index) => cell(array, *index).map_or(0, <[u8]>::len),
            Content::File(_, octets) => usize::try_from(*octets).unwrap_or(usize::MAX),
        }
    }

    /// Appends the message to a table. A file that cannot be read is a row too, which says why.
    pub fn push_to(&self, table: &mut Table) -> Result<(), ArrowError> {
        let uid = self.uid.as_deref();
        let mut read = |octets: &[u8]| {
            let message = parse(octets);
            table.push(&Row {
                message: Some(message.view()),
                uid,
                error: None,
            })
        };
        let error = match &self.content {
            Content::Octets(octets) => return read(octets),
            Content::Copied(octets) => return read(octets),
            Content::Parsed(message) => {
                return table.push(&Row {
                    message: Some(message.get().view()),
                    uid,
                    error: None,
                });
            }
            Content::Cell(array, index) => match cell(array, *index) {
                Some(octets) => return read(octets),
                None => "there is no message: the cell is null".to_owned(),
            },
            Content::File(path, _) => match octets_of(path) {
                Ok(octets) => return read(&octets),
                Err(error) => error.to_string(),
            },
        };
        table.push(&Row {
            message: None,
            uid,
            error: Some(&error),
        })
    }
}

impl From<Content> for Item {
    fn from(content: Content) -> Self {
        Item { content, uid: None }
    }
}

/// The octets of a file, which a mail program may just move within its Maildir.
fn octets_of(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => match maildrop::moved(path) {
            Ok(Some(moved)) => fs::read(moved),
            _ => Err(error),
        },
        _ => Err(error),
    })
}

fn cell(array: &ArrayRef, index: usize) -> Option<&[u8]> {
    if array.is_null(index) {
        return None;
    }
    let any = array.as_any();
    if let Some(array) = any.downcast_ref::<BinaryArray>() {
        return Some(array.value(index));
    }
    if let Some(array) = any.downcast_ref::<LargeBinaryArray>() {
        return Some(array.value(index));
    }
    let array = any.downcast_ref::<BinaryViewArray>()?;
    Some(array.value(index))
}

/// Whether an array holds octets.
pub fn is_binary(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView
    )
}

/// The items of an array of octets.
pub fn cells(array: &ArrayRef) -> impl Iterator<Item = Item> {
    (0..array.len()).map(|index| Item::from(Content::Cell(Arc::clone(array), index)))
}

/// What messages are taken from.
pub enum Source {
    Objects(Py<PyIterator>),
    Cells(std::vec::IntoIter<ArrayRef>, Option<(ArrayRef, usize)>),
    Files(Files),
    Mbox(Mbox),
}

/// Files of one message each.
pub struct Files {
    paths: std::vec::IntoIter<PathBuf>,
    /// Their uid is their path from here; without it the unique part of their names.
    root: Option<PathBuf>,
}

/// An mbox file. It is mapped anew for each batch, so that what was read does not stay in memory.
pub struct Mbox {
    file: File,
    octets: usize,
    format: MboxFormat,
    /// Where to go on; `None` at the end.
    next: Option<usize>,
}

impl Files {
    pub fn new(paths: Vec<PathBuf>, root: Option<PathBuf>) -> Self {
        Files {
            paths: paths.into_iter(),
            root,
        }
    }

    fn next(&mut self) -> Option<Item> {
        let path = self.paths.next()?;
        let uid = match &self.root {
            Some(root) => {
                let within = path.strip_prefix(root).unwrap_or(&path);
                let names = within.components();
                let names: Vec<_> = names
                    .map(|name| name.as_os_str().to_string_lossy())
                    .collect();
                names.join("/")
            }
            None => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.split(':').next().unwrap_or_default().to_owned()
            }
        };
        let octets = fs::metadata(&path).map_or(0, |found| found.len());
        Some(Item {
            content: Content::File(path, octets),
            uid: Some(uid),
        })
    }
}

impl Mbox {
    pub fn open(path: &Path, format: &str) -> PyResult<Self> {
        let format = mbox::format_named(format)?;
        let file = File::open(path)?;
        let octets = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        mbox::check(&mbox::map(&file, octets)?, path)?;
        Ok(Mbox {
            file,
            octets,
            format,
            next: Some(0),
        })
    }

    pub fn octets(&self) -> usize {
        self.octets
    }

    fn take(&mut self, rows: usize) -> io::Result<Vec<Item>> {
        let mut items = Vec::new();
        let Some(at) = self.next else {
            return Ok(items);
        };
        let map = Arc::new(mbox::map(&self.file, self.octets)?);
        let mut scanner = scan_mbox_from(&map, self.format, at);
        let mut octets = 0;
        while items.len() < rows
            && octets < BATCH_OCTETS
            && let Some(entry) = scanner.next()
        {
            let content = match entry.message(&map) {
                std::borrow::Cow::Borrowed(_) => {
                    Content::Octets(Octets::Mapped(Arc::clone(&map), entry.content))
                }
                std::borrow::Cow::Owned(octets) => Content::Copied(octets),
            };
            let item = Item {
                content,
                uid: Some(entry.envelope.start.to_string()),
            };
            octets += item.octets();
            items.push(item);
        }
        self.next = scanner.position();
        Ok(items)
    }
}

impl Source {
    /// Takes the next messages, at most `rows`; none at the end. Returns their octets too.
    pub fn take(&mut self, rows: usize) -> Result<(Vec<Item>, usize), ArrowError> {
        let items = match self {
            Source::Mbox(mbox) => mbox.take(rows)?,
            Source::Files(files) => bounded::<ArrowError>(rows, || Ok(files.next()))?,
            Source::Cells(arrays, current) => {
                bounded::<ArrowError>(rows, || Ok(next_cell(arrays, current)))?
            }
            Source::Objects(objects) => Python::attach(|py| {
                let mut objects = objects.bind(py).clone();
                bounded(rows, || {
                    objects.next().map(|object| Item::of(&object?)).transpose()
                })
            })
            .map_err(|error| ArrowError::from_external_error(Box::new(error)))?,
        };
        let octets = items.iter().map(Item::octets).sum();
        Ok((items, octets))
    }
}

fn next_cell(
    arrays: &mut std::vec::IntoIter<ArrayRef>,
    current: &mut Option<(ArrayRef, usize)>,
) -> Option<Item> {
    loop {
        if let Some((array, index)) = current
            && *index < array.len()
        {
            let item = Item::from(Content::Cell(Arc::clone(array), *index));
            *index += 1;
            return Some(item);
        }
        *current = Some((arrays.next()?, 0));
    }
}

fn bounded<E>(
    rows: usize,
    mut next: impl FnMut() -> Result<Option<Item>, E>,
) -> Result<Vec<Item>, E> {
    let mut items = Vec::new();
    let mut octets = 0;
    while items.len() < rows
        && octets < BATCH_OCTETS
        && let Some(item) = next()?
    {
        octets += item.octets();
        items.push(item);
    }
    Ok(items)
}
