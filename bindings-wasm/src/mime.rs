//! MIME: the flat index, and what is read later by the positions in it.
//!
//! Nothing is kept here between two calls but memory that is used again, so
//! that there is nothing to free.

use std::cell::RefCell;

use popmail::mime::{file_name, index, set_host_charsets};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// Memory of an index that is kept for the next one.
const KEPT_WORDS: usize = 1 << 16;

#[wasm_bindgen(raw_module = "popmail-host")]
extern "C" {
    /// `TextDecoder`; `None` when it does not know the label.
    #[wasm_bindgen(js_name = decodeCharset)]
    fn decode_charset(label: &str, bytes: &[u8]) -> Option<String>;

    /// Whether bytes of the last call were not valid.
    #[wasm_bindgen(js_name = wasMalformed)]
    fn was_malformed() -> bool;

    /// `TextDecoder` as it is; `undefined` where the engine should be asked.
    #[wasm_bindgen(js_name = decodeStrict)]
    fn decode_strict(label: &JsValue, bytes: &[u8], least_upper: u8) -> JsValue;

    /// Takes the next piece of a long text.
    #[cfg(feature = "extra")]
    #[wasm_bindgen(js_name = takePiece)]
    fn take_piece(piece: &str);
}

thread_local! {
    static INDEX: RefCell<index::MessageIndex> = RefCell::default();
}

/// Once for each instance.
#[wasm_bindgen(start)]
fn start() {
    set_host_charsets(|label, bytes| {
        let text = decode_charset(label, bytes)?;
        Some((text, was_malformed()))
    });
}

/// The words of the index, then its text in UTF-8, then how many octets of text these are.
#[wasm_bindgen]
pub fn index(raw: &[u8]) -> Vec<u32> {
    INDEX.with_borrow_mut(|made| {
        index::index_into(raw, made);
        packed(made)
    })
}

fn packed(made: &mut index::MessageIndex) -> Vec<u32> {
    let mut words = Vec::with_capacity(made.words.len() + made.text.len() / 4 + 2);
    words.extend_from_slice(&made.words);
    let (chunks, rest) = made.text.as_bytes().as_chunks::<4>();
    words.extend(chunks.iter().map(|chunk| u32::from_le_bytes(*chunk)));
    let mut last = [0; 4];
    if let Some(start) = last.get_mut(..rest.len()) {
        start.copy_from_slice(rest);
    }
    words.push(u32::from_le_bytes(last));
    words.push(u32::try_from(made.text.len()).unwrap_or(u32::MAX));
    if made.words.capacity() > KEPT_WORDS || made.text.capacity() > KEPT_WORDS {
        *made = index::MessageIndex::default();
    }
    words
}

#[cfg(feature = "extra")]
#[wasm_bindgen]
pub fn crlf(raw: &[u8]) -> Vec<u8> {
    index::crlf(raw)
}

#[wasm_bindgen(js_name = lineEnds)]
pub fn line_ends(raw: &[u8]) -> Vec<u8> {
    index::line_ends(raw)
}

#[wasm_bindgen]
pub fn content(body: &[u8], encoding: u32) -> Vec<u8> {
    index::content(body, encoding).into_owned()
}

#[wasm_bindgen(js_name = contentSize)]
pub fn content_size(body: &[u8], encoding: u32) -> f64 {
    index::content_size(body, encoding) as f64
}

#[wasm_bindgen]
pub fn text(body: &[u8], encoding: u32, charset: u32) -> String {
    index::text(body, encoding, charset).into_owned()
}

/// The text as the host reads it from the memory of this module; `undefined` where it does not.
#[wasm_bindgen(js_name = hostText)]
pub fn host_text(body: &[u8], encoding: u32, label: &JsValue) -> JsValue {
    let content = index::content(body, encoding);
    let least_upper = popmail_simd::least_upper(&content).unwrap_or(u8::MAX);
    decode_strict(label, &content, least_upper)
}

/// Gives the text to `takePiece`: a long one is never here whole.
#[cfg(feature = "extra")]
#[wasm_bindgen(js_name = textInPieces)]
pub fn text_in_pieces(body: &[u8], encoding: u32, charset: u32) {
    index::text_in_pieces(body, encoding, charset, &mut take_piece);
}

#[wasm_bindgen(js_name = hostLabel)]
pub fn host_label(charset: u32) -> Option<String> {
    index::host_label(charset).map(str::to_owned)
}

#[wasm_bindgen(js_name = htmlAsText)]
pub fn html_as_text(body: &[u8], encoding: u32, charset: u32) -> String {
    index::html_as_text(body, encoding, charset)
}

#[wasm_bindgen]
pub fn field(value: &[u8], what: u32) -> String {
    index::field(value, what).into_owned()
}

/// Gives the view to `takePiece`; whether there is one.
#[cfg(feature = "extra")]
#[wasm_bindgen(js_name = viewInPieces)]
pub fn view_in_pieces(raw: &[u8], message: u32, what: u32, options: Option<Box<[u32]>>) -> bool {
    index::view_in_pieces(raw, options.as_deref(), message, what, &mut take_piece)
}

#[wasm_bindgen]
pub fn views(raw: &[u8], first: u32, count: u32, what: u32) -> String {
    index::views(raw, first, count, what)
}

#[cfg(feature = "extra")]
#[wasm_bindgen(js_name = viewsWith)]
pub fn views_with(raw: &[u8], first: u32, count: u32, what: u32, options: &[u32]) -> String {
    index::views_with(raw, options, first, count, what)
}

#[cfg(feature = "extra")]
#[wasm_bindgen(js_name = indexWith)]
pub fn index_with(raw: &[u8], options: &[u32]) -> Vec<u32> {
    INDEX.with_borrow_mut(|made| {
        index::index_with(raw, options, made);
        packed(made)
    })
}

#[wasm_bindgen(js_name = safeFilename)]
pub fn safe_filename(name: &str, content_type: &str, index: u32) -> String {
    file_name::safe(name, content_type, index)
}
