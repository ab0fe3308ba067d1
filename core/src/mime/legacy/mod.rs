//! Files inside bodies, in the formats that were used before and beside MIME: uuencode, yEnc, TNEF
//! (`winmail.dat`), Apple's two forks; and messages that were sent in pieces (`message/partial`).
//!
//! Decides where files are looked for and what a file that is damaged is worth: it is given all the
//! same, with defects. Looked for only when asked: parsing knows nothing of it. Every reader is
//! bounded by the size of its input and by [`MAX_FILES`], and knows no recursion.

mod apple;
mod mapi;
mod partial;
mod rtf;
mod tnef;
mod uuencode;
mod yenc;

use std::borrow::Cow;

use memchr::memmem;

use super::transfer::Transfer;
use super::{MessageView, Part, file_name};

pub use partial::{PartialError, join_partial};
pub use tnef::{Tnef, TnefAttribute, TnefValue, read_tnef};
pub use uuencode::decode_uuencode;
pub(crate) use uuencode::decode_uuencode_checked;

/// Files that are given for one message.
pub const MAX_FILES: usize = 1_000;

/// A file that was found in a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedFile {
    /// The format it was in.
    pub format: EmbeddedFormat,
    /// The name that the sender gave; it may hold a path or worse.
    pub name: Option<String>,
    /// The media type, where the format tells one; else what the extension of the name stands for,
    /// else `application/octet-stream`.
    pub content_type: String,
    /// The content identifier without angle brackets, where the format tells one.
    pub content_id: Option<String>,
    /// The content, as far as it could be read.
    pub content: Vec<u8>,
    /// What is wrong with it.
    pub defects: Vec<EmbeddedDefect>,
    /// The number of the part ([`Part::index`]) that it was found in.
    pub part: u32,
}

/// The format of an [`EmbeddedFile`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EmbeddedFormat {
    /// uuencode, in a text or as transfer encoding (POSIX.1 `uuencode`).
    Uuencode,
    /// yEnc (the draft of J. Helbing, version 1.3).
    Yenc,
    /// Transport Neutral Encapsulation Format (MS-OXTNEF).
    Tnef,
    /// AppleSingle or AppleDouble (RFC 1740).
    Apple,
}

impl EmbeddedFormat {
    /// The stable text of the format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Uuencode => "uuencode",
            Self::Yenc => "yenc",
            Self::Tnef => "tnef",
            Self::Apple => "apple",
        }
    }
}

/// What can be wrong with an [`EmbeddedFile`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EmbeddedDefect {
    /// The end is missing.
    Truncated,
    /// Lines or octets that the format does not have.
    Malformed,
    /// The checksum of the format does not fit the content.
    ChecksumMismatch,
    /// The size that the format tells does not fit the content.
    SizeMismatch,
    /// It is one piece of several.
    Piece,
    /// A limit was reached; what is beyond was not looked at.
    LimitReached,
}

impl EmbeddedDefect {
    /// The stable text of the defect.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Malformed => "malformed",
            Self::ChecksumMismatch => "checksum-mismatch",
            Self::SizeMismatch => "size-mismatch",
            Self::Piece => "piece",
            Self::LimitReached => "limit-reached",
        }
    }
}

impl EmbeddedFile {
    /// A file without a type of its own.
    fn new(format: EmbeddedFormat, name: Option<String>, content: Vec<u8>) -> Self {
        let name = name.filter(|name| !name.is_empty());
        let known = name.as_deref().and_then(file_name::media_type);
        EmbeddedFile {
            format,
            content_type: known.unwrap_or("application/octet-stream").to_owned(),
            name,
            content_id: None,
            content,
            defects: Vec::new(),
            part: 0,
        }
    }

    fn add(&mut self, defect: EmbeddedDefect) {
        if !self.defects.contains(&defect) {
            self.defects.push(defect);
        }
    }

    /// A name to save the file under, never empty: see [`file_name::safe`]. `number` is used where
    /// there is no usable name.
    pub fn safe_filename(&self, number: u32) -> String {
        let name = self.name.as_deref().unwrap_or_default();
        file_name::safe(name, &self.content_type, number)
    }
}

impl<'m> Part<'m> {
    /// The files inside this part, in the formats of [`EmbeddedFormat`]: looked for now.
    ///
    /// A text is searched for uuencode and yEnc; a part of type `application/ms-tnef` (or called
    /// `winmail.dat`) is opened, as is AppleSingle; a `multipart/appledouble` is one file with the
    /// name from its header. Transfer-encoded `message/rfc822` parts need nothing of this: their
    /// message is in [`Part::message`].
    pub fn embedded_files(&self) -> Vec<EmbeddedFile> {
        let mut files = Vec::new();
        find(*self, &mut files);
        files
    }

    /// What a TNEF part holds, `None` when the part is none.
    pub fn tnef(&self) -> Option<Tnef> {
        is_tnef(self).then(|| read_tnef(&self.content())).flatten()
    }
}

impl MessageView<'_> {
    /// The files inside the parts of this message, those of nested messages included: see
    /// [`Part::embedded_files`]. At most [`MAX_FILES`].
    pub fn embedded_files(&self) -> Vec<EmbeddedFile> {
        let mut files = Vec::new();
        for part in self.all_parts() {
            find(part, &mut files);
        }
        files
    }
}

fn find(part: Part<'_>, files: &mut Vec<EmbeddedFile>) {
    if files.len() >= MAX_FILES {
        return;
    }
    let first = files.len();
    let content_type = part.content_type();
    if part.is_multipart() {
        if content_type == "multipart/appledouble" {
            apple::double(part, files);
        }
    } else if part.message().is_some() {
        // Its parts are looked at by themselves.
    } else if is_tnef(&part) {
        if let Some(tnef) = read_tnef(&part.content()) {
            files.extend(tnef.files);
        }
    } else if content_type == "application/applefile" {
        let parent = part.inner.parent();
        let in_double = parent.is_some_and(|parent| {
            parent
                .content_type()
                .is_some_and(|value| value.subtype() == Some("appledouble"))
        });
        if !in_double {
            apple::single(&part.content(), files);
        }
    } else if part.inner.is_text() || is_uuencoded(&part) || may_hold_text(&content_type) {
        // uuencode as transfer encoding has the name of the file in what it undoes.
        let transfer = part.transfer();
        let content = match transfer {
            Transfer::Uuencode => Cow::Borrowed(part.raw_body()),
            Transfer::Mime(_) => transfer.decode(part.raw_body()),
        };
        if memmem::find(&content, b"begin").is_some() {
            uuencode::find(&content, files);
        }
        if memmem::find(&content, b"=ybegin ").is_some() {
            yenc::find(&content, files);
        }
    }
    files.truncate(MAX_FILES);
    for file in files.iter_mut().skip(first) {
        file.part = part.index();
    }
}

fn is_tnef(part: &Part<'_>) -> bool {
    let content_type = part.content_type();
    if matches!(
        content_type.as_ref(),
        "application/ms-tnef" | "application/vnd.ms-tnef"
    ) {
        return true;
    }
    content_type == "application/octet-stream"
        && part.filename().is_some_and(|name| {
            ["winmail.dat", "win.dat"]
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known))
        })
}

fn is_uuencoded(part: &Part<'_>) -> bool {
    matches!(
        part.transfer_encoding().trim(),
        "x-uuencode" | "x-uue" | "uuencode" | "uue" | "x-yencode" | "x-yenc" | "yencode"
    )
}

/// Types of parts that hold encoded text as it is.
fn may_hold_text(content_type: &str) -> bool {
    matches!(
        content_type,
        "application/x-uuencode"
            | "application/x-uue"
            | "application/x-yencode"
            | "application/octet-stream"
    )
}

/// The line at the start of `rest` without its line end, and what follows it.
fn split_line(rest: &[u8]) -> (&[u8], &[u8]) {
    let (line, after) = match memchr::memchr(b'\n', rest) {
        Some(end) => (
            rest.get(..end).unwrap_or_default(),
            rest.get(end + 1..).unwrap_or_default(),
        ),
        None => (rest, &[][..]),
    };
    (line.strip_suffix(b"\r").unwrap_or(line), after)
}

/// Where the next line after one that does not start with `word` begins with it.
fn find_line(text: &[u8], from: usize, word: &[u8]) -> Option<usize> {
    let mut at = from;
    loop {
        let rest = text.get(at..)?;
        at += memmem::find(rest, word)?;
        if matches!(text.get(..at), Some([] | [.., b'\n'])) {
            return Some(at);
        }
        at += word.len();
    }
}

#[cfg(test)]
mod tests;
