//! MIME: the flat index, and what is read later by the positions in it
//! (`bindings-wasm/ts/engine-mime.ts`).
//!
//! Text reaches Node as Latin-1 where it can and as UTF-16 where it must,
//! which V8 takes as they are; content is decoded into memory that Node made.

use std::cell::RefCell;

use napi::bindgen_prelude::{BufferSlice, Either, Object, Uint8Array, Uint32ArraySlice};
use napi::{Env, JsString, Result};
use napi_derive::napi;
use popmail::mime::{file_name, index};
use popmail_simd::{Widest, append_latin1, append_utf16, widest};

use crate::convert::object;

thread_local! {
    /// Memory of the last index, for the next one.
    static INDEX: RefCell<index::MessageIndex> = RefCell::default();
    /// Memory of the last text in UTF-16, for the next one.
    static UNITS: RefCell<Vec<u16>> = RefCell::default();
}

/// Writes the words of an index to `out` from word `at` on, first how many they are, and returns its
/// text; nothing if there is no room.
///
/// An array of its own for each message costs more than it takes to parse a small one.
#[napi]
pub fn index_into<'env>(
    env: &'env Env,
    raw: &[u8],
    mut out: BufferSlice,
    at: u32,
) -> Result<Option<JsString<'env>>> {
    INDEX.with_borrow_mut(|made| {
        index::index_into(raw, made);
        let (places, _) = out.as_chunks_mut::<4>();
        let room = places
            .get_mut(at as usize..)
            .and_then(|room| room.split_first_mut())
            .filter(|(_, room)| room.len() >= made.words.len());
        let Some((count, room)) = room else {
            return Ok(None);
        };
        *count = (made.words.len() as u32).to_ne_bytes();
        for (place, word) in room.iter_mut().zip(&made.words) {
            *place = word.to_ne_bytes();
        }
        string(env, &made.text).map(Some)
    })
}

/// `{words, text}`.
#[napi]
pub fn index<'env>(env: &'env Env, raw: &[u8]) -> Result<Object<'env>> {
    INDEX.with_borrow_mut(|made| {
        index::index_into(raw, made);
        let words = Uint32ArraySlice::copy_from(env, &made.words)?;
        let text = string(env, &made.text)?;
        if made.words.capacity() > KEPT || made.text.capacity() > KEPT {
            *made = index::MessageIndex::default();
        }
        Ok(object!(env, { c"words": words, c"text": text }))
    })
}

/// `index` of a message that is parsed in another way than the usual one.
#[napi]
pub fn index_with<'env>(env: &'env Env, raw: &[u8], options: &[u32]) -> Result<Object<'env>> {
    let mut made = index::MessageIndex::default();
    index::index_with(raw, options, &mut made);
    let words = Uint32ArraySlice::copy_from(env, &made.words)?;
    let text = string(env, &made.text)?;
    Ok(object!(env, { c"words": words, c"text": text }))
}

#[napi]
pub fn view_with<'env>(
    env: &'env Env,
    raw: &[u8],
    message: u32,
    what: u32,
    options: &[u32],
) -> Result<Option<Text<'env>>> {
    in_pieces(env, |each| {
        index::view_in_pieces(raw, Some(options), message, what, each)
    })
}

#[napi]
pub fn views_with<'env>(
    env: &'env Env,
    raw: &[u8],
    first: u32,
    count: u32,
    what: u32,
    options: &[u32],
) -> Result<JsString<'env>> {
    let views = index::views_with(raw, options, first, count, what);
    string(env, &views)
}

#[napi]
pub fn crlf(raw: &[u8]) -> Uint8Array {
    index::crlf(raw).into()
}

#[napi]
pub fn line_ends(raw: &[u8]) -> Uint8Array {
    index::line_ends(raw).into()
}

/// Octets that were written to `out`; -1 if it is too small.
#[napi]
pub fn content_into(
    source: &[u8],
    start: u32,
    end: u32,
    encoding: u32,
    mut out: BufferSlice,
) -> f64 {
    if out.len() >= LARGE {
        keep_freed_memory();
    }
    index::content_into(range(source, start, end), encoding, &mut out)
        .map_or(-1.0, |count| count as f64)
}

#[napi]
pub fn content_size_hint(source: &[u8], start: u32, end: u32, encoding: u32) -> f64 {
    index::content_size_hint(range(source, start, end), encoding) as f64
}

#[napi]
pub fn content_size(source: &[u8], start: u32, end: u32, encoding: u32) -> f64 {
    index::content_size(range(source, start, end), encoding) as f64
}

#[napi]
pub fn text<'env>(
    env: &'env Env,
    source: &[u8],
    start: u32,
    end: u32,
    encoding: u32,
    charset: u32,
) -> Result<Option<Text<'env>>> {
    let body = range(source, start, end);
    in_pieces(env, |each| {
        index::text_in_pieces(body, encoding, charset, each);
        true
    })
}

#[napi]
pub fn html_as_text<'env>(
    env: &'env Env,
    source: &[u8],
    start: u32,
    end: u32,
    encoding: u32,
    charset: u32,
) -> Result<JsString<'env>> {
    string(
        env,
        &index::html_as_text(range(source, start, end), encoding, charset),
    )
}

#[napi]
pub fn field<'env>(
    env: &'env Env,
    source: &[u8],
    start: u32,
    end: u32,
    what: u32,
) -> Result<JsString<'env>> {
    string(env, &index::field(range(source, start, end), what))
}

#[napi]
pub fn view<'env>(
    env: &'env Env,
    raw: &[u8],
    message: u32,
    what: u32,
) -> Result<Option<Text<'env>>> {
    in_pieces(env, |each| {
        index::view_in_pieces(raw, None, message, what, each)
    })
}

#[napi]
pub fn safe_filename(name: String, content_type: String, index: u32) -> String {
    file_name::safe(&name, &content_type, index)
}

#[napi]
pub fn numbered_filename(name: String, number: u32) -> String {
    file_name::numbered(&name, number)
}

/// Has glibc keep some of the memory that was freed, up to 64 MiB.
///
/// The collector frees the contents of many attachments at once. At first glibc gives what is above 2 MiB back
/// to the system, which hands it out again page by page for the next ones: for a content of 1 MB that takes
/// as long as decoding it. glibc learns better from the largest block that was freed so far, up to 32 MiB
/// (mallopt(3), M_MMAP_THRESHOLD): here is one. None of its pages is ever touched.
fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        const LEARNT_FROM: usize = (32 << 20) - (64 << 10);
        ONCE.call_once(|| drop(std::hint::black_box(Vec::<u8>::with_capacity(LEARNT_FROM))));
    }
}

/// The bytes that a position names; nothing where it is none.
fn range(source: &[u8], start: u32, end: u32) -> &[u8] {
    source.get(start as usize..end as usize).unwrap_or_default()
}

/// A string, or a long one in pieces.
type Text<'env> = Either<JsString<'env>, Vec<JsString<'env>>>;

/// What `read` hands over, `None` where it says that there is nothing. JavaScript joins the pieces without
/// copying them, so that of a long text nothing else is there at once.
fn in_pieces<'env>(
    env: &'env Env,
    read: impl FnOnce(&mut dyn FnMut(&str)) -> bool,
) -> Result<Option<Text<'env>>> {
    // Nearly every text is one piece.
    let (mut first, mut others) = (None, Vec::new());
    let is_any = read(&mut |piece| {
        let mut rest = piece;
        loop {
            // What is ASCII is copied as it is.
            let is_one = rest.len() <= PIECE || rest.is_ascii();
            let length = if is_one {
                rest.len()
            } else {
                rest.floor_char_boundary(PIECE)
            };
            let (piece, after) = rest.split_at(length);
            let made = string(env, piece);
            match first {
                None => first = Some(made),
                Some(_) => others.push(made),
            }
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
    });
    if others.is_empty() {
        return match first {
            Some(whole) => whole.map(Either::A).map(Some),
            None => Ok(is_any.then(|| Either::B(Vec::new()))),
        };
    }
    let pieces = first.into_iter().chain(others);
    Ok(Some(Either::B(pieces.collect::<Result<_>>()?)))
}

/// Octets of a text that become a string of their own.
const PIECE: usize = 64 << 10;

fn string<'env>(env: &'env Env, text: &str) -> Result<JsString<'env>> {
    match widest(text) {
        Widest::Ascii => env.create_string_latin1(text),
        Widest::Latin1 => {
            let mut octets = Vec::new();
            append_latin1(text, &mut octets);
            env.create_string_latin1(octets)
        }
        Widest::Basic | Widest::Astral => UNITS.with_borrow_mut(|units| {
            units.clear();
            append_utf16(text, units);
            let string = env.create_string_utf16(&units);
            if units.capacity() > KEPT {
                *units = Vec::new();
            }
            string
        }),
    }
}

/// From this size on glibc asks the system for the memory of a block at first.
const LARGE: usize = 128 << 10;

/// Memory of an index, or of a text, that is kept for the next one.
const KEPT: usize = 1 << 18;
