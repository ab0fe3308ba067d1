//! Header fields as they are written: folding (RFC 5322 section 2.2.3), encoded words (RFC 2047),
//! addresses and parameters (RFC 2231).
//!
//! Decides what is encoded and where lines break. Lines aim at 76 columns; folding happens only at
//! single spaces, so that every reader gets back the same text; a text with other spacing than
//! single spaces between words is encoded there.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Item;
use super::check::{self, MAX_WORD};
use super::media_type::is_token;
use crate::UsageError;

/// Where lines are folded if they can be (RFC 2047 section 2).
const WIDTH: usize = 76;

/// The longest encoded word.
const MAX_ENCODED_WORD: usize = 75;

/// `=?utf-8?Q?` and `?=`.
const ENCODED_WORD_FRAME: usize = 12;

/// What must fit into the rest of a line for an encoded word to begin there.
const MIN_ENCODED_WORD: usize = ENCODED_WORD_FRAME + 16;

/// The longest quoted string or atom that is written as one: longer ones are encoded in pieces.
const MAX_QUOTED: usize = 60;

/// The value of a field that has no setter of its own.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    Addresses(Vec<Item>),
    Structured(String),
}

/// A field that is being written.
pub(super) struct Line<'o> {
    out: &'o mut Vec<u8>,
    column: usize,
    /// Nothing was written after the name.
    is_first: bool,
    utf8: bool,
}

impl<'o> Line<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>, name: &str, utf8: bool) -> Self {
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        Line {
            out,
            column: name.len() + 1,
            is_first: true,
            utf8,
        }
    }

    pub(super) fn end(&mut self) {
        if self.is_first {
            self.out.push(b' ');
        }
        self.out.extend_from_slice(b"\r\n");
    }

    /// Writes a piece that is not broken, after a space; the line is folded before it if it is full.
    pub(super) fn token(&mut self, text: &str) -> &mut Self {
        if !self.is_first && self.column + 1 + text.len() > WIDTH {
            self.fold();
        } else {
            self.out.push(b' ');
            self.column += 1;
        }
        self.out.extend_from_slice(text.as_bytes());
        self.column += text.len();
        self.is_first = false;
        self
    }

    fn fold(&mut self) {
        self.out.extend_from_slice(b"\r\n ");
        self.column = 1;
    }

    pub(super) fn value(&mut self, value: &Value) {
        match value {
            Value::Text(text) => self.text(text),
            Value::Addresses(items) => self.addresses(items),
            Value::Structured(text) => {
                for word in text.split(' ').filter(|word| !word.is_empty()) {
                    self.token(word);
                }
            }
        }
    }

    /// Unstructured text; words that need it are encoded, with the spaces between them.
    pub(super) fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let words: Vec<&str> = text.split(' ').collect();
        let mut encoded: Vec<bool> = words.iter().map(|word| self.must_encode(word)).collect();
        let empty = |at: Option<usize>| {
            at.and_then(|at| words.get(at))
                .is_some_and(|word| word.is_empty())
        };
        for (at, is_encoded) in encoded.iter_mut().enumerate() {
            // Spaces at an end or beside another are kept by encoding the words around them.
            *is_encoded |= empty(Some(at)) || empty(at.checked_sub(1)) || empty(at.checked_add(1));
        }
        let mut run = String::new();
        for (word, is_encoded) in words.iter().zip(encoded) {
            if is_encoded {
                if !run.is_empty() {
                    run.push(' ');
                }
                // An empty word at the start is a space of the run.
                run.push_str(if word.is_empty() && run.is_empty() {
                    EMPTY
                } else {
                    word
                });
                continue;
            }
            self.finish_run(&mut run);
            self.token(word);
        }
        self.finish_run(&mut run);
    }

    fn finish_run(&mut self, run: &mut String) {
        if !run.is_empty() {
            self.encoded_words(&run.replace(EMPTY, ""));
            run.clear();
        }
    }

    fn must_encode(&self, word: &str) -> bool {
        (!self.utf8 && !word.is_ascii()) || word.contains("=?") || word.len() > MAX_WORD
    }

    /// Encoded words of at most 75 characters, cut between characters, one a line.
    fn encoded_words(&mut self, text: &str) {
        let plain = text.chars().filter(|char| is_q_literal(*char)).count();
        let others = text.len() - plain;
        let as_q = plain + others * 3 <= text.len().div_ceil(3) * 4;
        let mut rest = text;
        while !rest.is_empty() {
            let mut room = WIDTH.saturating_sub(self.column + 1);
            if room < MIN_ENCODED_WORD {
                self.fold();
                room = WIDTH - self.column;
            } else {
                self.out.push(b' ');
                self.column += 1;
            }
            let room = room.min(MAX_ENCODED_WORD) - ENCODED_WORD_FRAME;
            let mut taken = 0;
            let mut width = 0;
            for char in rest.chars() {
                let added = if as_q {
                    width += if is_q_literal(char) {
                        1
                    } else {
                        char.len_utf8() * 3
                    };
                    width
                } else {
                    (taken + char.len_utf8()).div_ceil(3) * 4
                };
                if added > room {
                    break;
                }
                taken += char.len_utf8();
            }
            let (chunk, after) = rest.split_at(taken);
            let mut word = String::with_capacity(MAX_ENCODED_WORD);
            word.push_str(if as_q { "=?utf-8?Q?" } else { "=?utf-8?B?" });
            if as_q {
                for char in chunk.chars() {
                    append_q(char, &mut word);
                }
            } else {
                STANDARD.encode_string(chunk, &mut word);
            }
            word.push_str("?=");
            self.out.extend_from_slice(word.as_bytes());
            self.column += word.len();
            self.is_first = false;
            rest = after;
        }
    }

    pub(super) fn addresses(&mut self, items: &[Item]) {
        let mut items = items.iter().peekable();
        let mut is_open = false;
        while let Some(item) = items.next() {
            // A comma follows each mailbox and group but the last one of the list or group.
            let next = items.peek();
            let tail = match next {
                None | Some(Item::GroupEnd) => "",
                Some(_) => ",",
            };
            match item {
                Item::Mailbox {
                    name: None,
                    address,
                } => {
                    self.token(&format!("{address}{tail}"));
                }
                Item::Mailbox {
                    name: Some(name),
                    address,
                } => {
                    self.phrase(name, "");
                    self.token(&format!("<{address}>{tail}"));
                }
                Item::GroupStart(name) => {
                    self.phrase(name, ":");
                    is_open = true;
                }
                Item::GroupEnd => {
                    self.directly(";");
                    self.directly(tail);
                    is_open = false;
                }
            }
        }
        if is_open {
            self.directly(";");
        }
    }

    /// Writes what belongs to the piece before.
    fn directly(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
        self.column += text.len();
    }

    /// A display name (RFC 5322 section 3.2.5) and what must follow it at once.
    fn phrase(&mut self, name: &str, tail: &str) {
        let wide = |char: char| self.utf8 && !char.is_ascii();
        let spaced = name.starts_with(' ') || name.ends_with(' ') || name.contains("  ");
        let simple = !spaced && name.len() <= MAX_QUOTED && !name.contains("=?");
        if simple
            && name
                .chars()
                .all(|char| check::is_atext(char) || char == ' ' || wide(char))
        {
            self.token(&format!("{name}{tail}"));
        } else if simple && name.chars().all(|char| char.is_ascii() || wide(char)) {
            let mut quoted = String::with_capacity(name.len() + 2);
            quoted.push('"');
            for char in name.chars() {
                if matches!(char, '"' | '\\') {
                    quoted.push('\\');
                }
                quoted.push(char);
            }
            quoted.push('"');
            self.token(&format!("{quoted}{tail}"));
        } else {
            self.encoded_words(name);
            self.directly(tail);
        }
    }

    /// A parameter; a semicolon follows unless it is the last.
    pub(super) fn parameter(&mut self, name: &str, value: &str, is_last: bool) {
        let end = if is_last { "" } else { ";" };
        let ragged = value.starts_with(' ') || value.ends_with(' ');
        let risky =
            |char: char| matches!(char, '"' | '\\' | '%') || (!char.is_ascii() && !self.utf8);
        if is_token(value) && value.len() <= MAX_QUOTED && !value.contains(['%', '*', '\'']) {
            self.token(&format!("{name}={value}{end}"));
            return;
        }
        if value.len() <= MAX_QUOTED
            && !ragged
            && !value.contains("=?")
            && !value.chars().any(risky)
        {
            self.token(&format!("{name}=\"{value}\"{end}"));
            return;
        }
        let whole = percent_encoded(value.chars());
        let single = format!("{name}*=utf-8''{whole}{end}");
        if single.len() < WIDTH {
            self.token(&single);
            return;
        }
        let mut rest = value;
        let mut section = 0;
        loop {
            let mut piece = if section == 0 {
                format!("{name}*0*=utf-8''")
            } else {
                format!("{name}*{section}*=")
            };
            let mut taken = 0;
            for char in rest.chars() {
                let encoded = percent_encoded(std::iter::once(char));
                if piece.len() + encoded.len() + 2 > WIDTH && taken > 0 {
                    break;
                }
                piece.push_str(&encoded);
                taken += char.len_utf8();
            }
            rest = rest.get(taken..).unwrap_or_default();
            if rest.is_empty() {
                self.token(&format!("{piece}{end}"));
                return;
            }
            self.token(&format!("{piece};"));
            section += 1;
        }
    }
}

/// Stands for an empty word at the start of a run; no value can hold it.
const EMPTY: &str = "\0";

/// What stands for itself in an encoded word, in a phrase too (RFC 2047 section 5).
fn is_q_literal(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '!' | '*' | '+' | '-' | '/' | ' ')
}

fn append_q(char: char, word: &mut String) {
    match char {
        ' ' => word.push('_'),
        literal if is_q_literal(literal) => word.push(literal),
        other => {
            for byte in other.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a string cannot fail.
                let _ = write!(word, "={byte:02X}");
            }
        }
    }
}

/// RFC 2231 section 7: what may stand for itself, the rest as `%XX`.
fn percent_encoded(chars: impl Iterator<Item = char>) -> String {
    let mut out = String::new();
    for char in chars {
        if char.is_ascii_alphanumeric()
            || matches!(
                char,
                '-' | '.' | '_' | '+' | '!' | '#' | '$' | '&' | '^' | '~'
            )
        {
            out.push(char);
            continue;
        }
        for byte in char.encode_utf8(&mut [0; 4]).bytes() {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The date as RFC 5322 section 3.3 writes it: `Mon, 4 May 2026 09:30:00 +0200`.
pub(super) fn date(timestamp: i64, offset_minutes: i16) -> Result<String, UsageError> {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let refuse = || {
        check::refused(
            "date",
            "expected a date of the years 1 to 9999 in a zone of this world",
        )
    };
    if offset_minutes.unsigned_abs() >= 24 * 60 {
        return Err(refuse());
    }
    let local = timestamp
        .checked_add(i64::from(offset_minutes) * 60)
        .ok_or_else(refuse)?;
    let (days, seconds) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    if !(-719_162..=2_932_896).contains(&days) {
        return Err(refuse());
    }
    // Years that start in March put the leap day last (the algorithm of H. Hinnant).
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12;
    let year = year_of_era + era * 400 + i64::from(month < 2);
    let name = |names: &[&'static str], at: i64| {
        let at = usize::try_from(at).unwrap_or_default();
        names.get(at).copied().unwrap_or_default()
    };
    let sign = if offset_minutes < 0 { '-' } else { '+' };
    let offset = offset_minutes.unsigned_abs();
    Ok(format!(
        "{}, {day} {} {year:04} {:02}:{:02}:{:02} {sign}{:02}{:02}",
        name(&DAYS, days.rem_euclid(7)),
        name(&MONTHS, month),
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60,
        offset / 60,
        offset % 60
    ))
}
