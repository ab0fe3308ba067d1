//! MAPI properties, as TNEF streams hold them (MS-OXTNEF section 2.1.3.4, MS-OXCDATA section 2.11).
//!
//! Decides how values become text and numbers. Every length is checked against what is there; a list
//! of values counts at most as many as its octets can hold.

use super::tnef::{TnefAttribute, TnefValue};
use crate::mime::charset;

/// Properties of one object that are read.
const MAX_PROPERTIES: usize = 4_096;

/// Values of one property that are read.
const MAX_VALUES: usize = 4_096;

/// Octets that are taken one after the other.
pub(super) struct Cursor<'c> {
    rest: &'c [u8],
}

impl<'c> Cursor<'c> {
    pub(super) fn new(octets: &'c [u8]) -> Self {
        Cursor { rest: octets }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'c [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(super) fn half(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_le_bytes)
    }

    pub(super) fn word(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn double(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }

    /// Octets with their length before them, filled up to whole words.
    fn sized(&mut self) -> Option<&'c [u8]> {
        let length = self.word()? as usize;
        let taken = self.take(length)?;
        let padding = length.next_multiple_of(4) - length;
        self.take(padding.min(self.rest.len()))?;
        Some(taken)
    }
}

/// The properties of an object, and whether they could be read to the end.
pub(super) fn read<'c>(octets: &'c [u8], codepage: &str) -> (Vec<Property<'c>>, bool) {
    let mut cursor = Cursor::new(octets);
    let mut found = Vec::new();
    let count = cursor.word().unwrap_or_default() as usize;
    for _ in 0..count.min(MAX_PROPERTIES) {
        match property(&mut cursor, codepage) {
            Some(property) => found.push(property),
            None => return (found, false),
        }
    }
    (found, count <= MAX_PROPERTIES)
}

/// One property: its number, the name of a named one, its first value.
pub(super) struct Property<'c> {
    pub(super) id: u16,
    pub(super) name: Option<String>,
    pub(super) value: Value<'c>,
}

pub(super) enum Value<'c> {
    Plain(TnefValue),
    /// A binary value or object.
    Octets(&'c [u8]),
}

fn property<'c>(cursor: &mut Cursor<'c>, codepage: &str) -> Option<Property<'c>> {
    let kind = cursor.half()?;
    let id = cursor.half()?;
    let mut name = None;
    if id >= 0x8000 {
        cursor.take(16)?;
        if cursor.word()? == 0 {
            name = Some(format!("{:#06x}", cursor.word()?));
        } else {
            name = Some(utf16(cursor.sized()?));
        }
    }
    let is_list = kind & 0x1000 != 0;
    let kind = kind & 0x0fff;
    let is_sized = matches!(kind, 0x0d | 0x1e | 0x1f | 0x102);
    let count = if is_list || is_sized {
        cursor.word()? as usize
    } else {
        1
    };
    if count > MAX_VALUES {
        return None;
    }
    let mut first = None;
    for _ in 0..count {
        let value = value(cursor, kind, codepage)?;
        first = first.or(Some(value));
    }
    Some(Property {
        id,
        name,
        value: first.unwrap_or(Value::Octets(&[])),
    })
}

fn value<'c>(cursor: &mut Cursor<'c>, kind: u16, codepage: &str) -> Option<Value<'c>> {
    let plain = match kind {
        0x02 => TnefValue::Integer(i64::from(cursor.word()? as u16 as i16)),
        0x03 | 0x0a => TnefValue::Integer(i64::from(cursor.word()? as i32)),
        0x04 => TnefValue::Real(f32::from_bits(cursor.word()?).into()),
        0x05 | 0x07 => TnefValue::Real(f64::from_bits(cursor.double()?)),
        0x06 | 0x14 => TnefValue::Integer(cursor.double()? as i64),
        0x0b => TnefValue::Boolean(cursor.word()? & 0xffff != 0),
        0x40 => TnefValue::Time(unix_seconds(cursor.double()?)),
        0x48 => return Some(Value::Octets(cursor.take(16)?)),
        0x1e => TnefValue::Text(text(cursor.sized()?, codepage)),
        0x1f => TnefValue::Text(utf16(cursor.sized()?)),
        0x0d | 0x102 => return Some(Value::Octets(cursor.sized()?)),
        // Nothing, and types without a known length.
        0x00 | 0x01 => TnefValue::Integer(0),
        _ => return None,
    };
    Some(Value::Plain(plain))
}

impl Value<'_> {
    /// The value as it is given to users.
    pub(super) fn owned(&self) -> TnefValue {
        match self {
            Value::Plain(value) => value.clone(),
            Value::Octets(octets) => TnefValue::Binary(octets.to_vec()),
        }
    }

    /// The value as text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Value::Plain(TnefValue::Text(text)) => Some(text),
            _ => None,
        }
    }
}

impl Property<'_> {
    /// The property as it is given to users.
    pub(super) fn attribute(&self) -> TnefAttribute {
        let known = NAMES.iter().find(|(id, _)| *id == self.id);
        let name = match (&self.name, known) {
            (Some(name), _) => name.clone(),
            (None, Some((_, name))) => (*name).to_owned(),
            (None, None) => format!("{:#06x}", self.id),
        };
        TnefAttribute {
            id: self.id,
            name,
            value: self.value.owned(),
        }
    }
}

/// Names of usual properties (MS-OXPROPS), without `PidTag`.
const NAMES: [(u16, &str); 24] = [
    (0x001a, "MessageClass"),
    (0x0017, "Importance"),
    (0x0037, "Subject"),
    (0x0039, "ClientSubmitTime"),
    (0x003d, "SubjectPrefix"),
    (0x0042, "SentRepresentingName"),
    (0x0065, "SentRepresentingEmailAddress"),
    (0x0070, "ConversationTopic"),
    (0x0071, "ConversationIndex"),
    (0x0c1a, "SenderName"),
    (0x0c1f, "SenderEmailAddress"),
    (0x0e06, "MessageDeliveryTime"),
    (0x0e1d, "NormalizedSubject"),
    (0x1000, "Body"),
    (0x1009, "RtfCompressed"),
    (0x1013, "BodyHtml"),
    (0x1035, "InternetMessageId"),
    (0x1039, "InternetReferences"),
    (0x1042, "InReplyToId"),
    (0x3007, "CreationTime"),
    (0x3008, "LastModificationTime"),
    (0x3fde, "InternetCodepage"),
    (0x3ff1, "MessageLocaleId"),
    (0x5d01, "SenderSmtpAddress"),
];

/// Text up to its NUL.
pub(super) fn text(octets: &[u8], codepage: &str) -> String {
    let end = memchr::memchr(0, octets).unwrap_or(octets.len());
    let mut out = String::new();
    charset::append(
        codepage.as_bytes(),
        octets.get(..end).unwrap_or_default(),
        &mut out,
    );
    out
}

fn utf16(octets: &[u8]) -> String {
    let (pairs, _) = octets.as_chunks::<2>();
    let units = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
    char::decode_utf16(units.take_while(|unit| *unit != 0))
        .map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// From tenths of microseconds since 1601.
fn unix_seconds(time: u64) -> i64 {
    i64::try_from(time / 10_000_000).unwrap_or(i64::MAX) - 11_644_473_600
}
