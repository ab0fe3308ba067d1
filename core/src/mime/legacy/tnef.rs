//! TNEF: the `winmail.dat` that Outlook sends in place of MIME parts (MS-OXTNEF).
//!
//! Decides which of several names and types of a file counts (the long file name of its properties,
//! then the transport's, then the title), and that a stream that ends early gives what came before.
//! Messages inside are given as files of type `application/ms-tnef`, followed by their own files;
//! they wait in a list, so that depth costs no stack.

use super::mapi::{self, Cursor, Property, Value};
use super::{EmbeddedDefect, EmbeddedFile, EmbeddedFormat, MAX_FILES, rtf};
use crate::mime::charset;

const SIGNATURE: u32 = 0x223e_9f78;

/// Octets of files that are given for each octet of the stream: a message inside counts again with
/// each message around it.
const MAX_GROWTH: usize = 4;

/// What `IID_IMessage` is in front of an object that is a message.
const MESSAGE_OBJECT: [u8; 16] = [7, 3, 2, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46];

/// What a TNEF stream holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tnef {
    /// The subject.
    pub subject: Option<String>,
    /// What the message is: `IPM.Note`, `IPM.Schedule.Meeting.Request`…
    pub message_class: Option<String>,
    /// The body as text.
    pub text: Option<String>,
    /// The body as HTML: the sender's, not made safe in any way.
    pub html: Option<String>,
    /// The body as RTF, decompressed (MS-OXRTFCP).
    pub rtf: Option<Vec<u8>>,
    /// The files in order, those of messages inside it too.
    pub files: Vec<EmbeddedFile>,
    /// Every MAPI property of the message, in order.
    pub attributes: Vec<TnefAttribute>,
    /// What is wrong with the stream.
    pub defects: Vec<EmbeddedDefect>,
}

/// A MAPI property (MS-OXPROPS).
#[derive(Debug, Clone, PartialEq)]
pub struct TnefAttribute {
    /// Its number; from 0x8000 on it means nothing without the name.
    pub id: u16,
    /// The name of a named or usual property (`SenderName`), else the number: `0x0e07`.
    pub name: String,
    /// The value, of several the first.
    pub value: TnefValue,
}

/// The value of a MAPI property.
#[derive(Debug, Clone, PartialEq)]
pub enum TnefValue {
    /// A whole number.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// Yes or no.
    Boolean(bool),
    /// Seconds since 1970-01-01T00:00:00Z.
    Time(i64),
    /// Characters.
    Text(String),
    /// Octets, also of objects.
    Binary(Vec<u8>),
}

/// Reads a TNEF stream; `None` when the octets do not start as one.
pub fn read_tnef(stream: &[u8]) -> Option<Tnef> {
    let mut waiting = Vec::new();
    let mut tnef = read_one(stream, &mut waiting)?;
    let size = |files: &[EmbeddedFile]| files.iter().map(|file| file.content.len()).sum::<usize>();
    let mut room = stream
        .len()
        .saturating_mul(MAX_GROWTH)
        .saturating_sub(size(&tnef.files));
    // The last one first, so that files of a message follow it; each is a slice of the stream.
    while let Some(inner) = waiting.pop() {
        // What is in it is no more than it is large.
        let more = room.checked_sub(inner.len());
        let Some(more) = more.filter(|_| tnef.files.len() < MAX_FILES) else {
            tnef.add(EmbeddedDefect::LimitReached);
            break;
        };
        room = more;
        if let Some(found) = read_one(inner, &mut waiting) {
            tnef.files.extend(found.files);
        }
    }
    tnef.files.truncate(MAX_FILES);
    Some(tnef)
}

/// A file whose attributes are being read.
#[derive(Default)]
struct Open<'s> {
    title: Option<&'s [u8]>,
    transport_name: Option<&'s [u8]>,
    data: Option<&'s [u8]>,
    properties: Option<&'s [u8]>,
}

fn read_one<'s>(stream: &'s [u8], waiting: &mut Vec<&'s [u8]>) -> Option<Tnef> {
    let mut cursor = Cursor::new(stream);
    if cursor.word()? != SIGNATURE {
        return None;
    }
    cursor.half()?;
    let mut tnef = Tnef::default();
    let mut codepage = "windows-1252".to_owned();
    let mut open: Option<Open<'_>> = None;
    let mut properties = None;
    let (mut subject, mut class, mut body) = (None, None, None);
    while !cursor.is_empty() {
        let Some((id, data, is_intact)) = attribute(&mut cursor) else {
            tnef.add(EmbeddedDefect::Truncated);
            break;
        };
        if !is_intact {
            tnef.add(EmbeddedDefect::ChecksumMismatch);
        }
        match id {
            0x0006_9007 => {
                let number = Cursor::new(data).word().unwrap_or_default();
                codepage = codepage_label(number);
            }
            0x0001_8004 => subject = Some(data),
            0x0007_8008 => class = Some(data),
            0x0002_800c => body = Some(data),
            0x0006_9003 => properties = Some(data),
            0x0006_9002 => {
                let done = open.replace(Open::default());
                tnef.close(done, &codepage, waiting);
            }
            0x0001_8010 => open.get_or_insert_default().title = Some(data),
            0x0006_9001 => open.get_or_insert_default().transport_name = Some(data),
            0x0006_800f => open.get_or_insert_default().data = Some(data),
            0x0006_9005 => open.get_or_insert_default().properties = Some(data),
            _ => {}
        }
        if tnef.files.len() >= MAX_FILES {
            tnef.add(EmbeddedDefect::LimitReached);
            break;
        }
    }
    let was_open = open.is_some();
    tnef.close(open.take(), &codepage, waiting);
    if was_open
        && tnef.defects.contains(&EmbeddedDefect::Truncated)
        && let Some(file) = tnef.files.last_mut()
    {
        file.add(EmbeddedDefect::Truncated);
    }
    let text = |data: Option<&[u8]>| {
        let text = mapi::text(data?, &codepage);
        (!text.is_empty()).then_some(text)
    };
    tnef.subject = text(subject);
    tnef.message_class = text(class);
    tnef.text = text(body);
    if let Some(data) = properties {
        let (found, complete) = mapi::read(data, &codepage);
        if !complete {
            tnef.add(EmbeddedDefect::Malformed);
        }
        tnef.take(&found, &codepage);
    }
    Some(tnef)
}

/// The next attribute: its number, its data, and whether its checksum is right.
fn attribute<'s>(cursor: &mut Cursor<'s>) -> Option<(u32, &'s [u8], bool)> {
    cursor.byte()?;
    let id = cursor.word()?;
    let length = cursor.word()? as usize;
    let data = cursor.take(length)?;
    // A missing checksum at the end loses nothing.
    let told = cursor.half();
    let sum = data
        .iter()
        .fold(0_u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
    Some((id, data, told == Some(sum)))
}

fn codepage_label(number: u32) -> String {
    let label = match number {
        0 => "windows-1252".to_owned(),
        932 => "shift_jis".to_owned(),
        936 => "gbk".to_owned(),
        949 => "euc-kr".to_owned(),
        950 => "big5".to_owned(),
        65001 => "utf-8".to_owned(),
        1250..=1258 => format!("windows-{number}"),
        28591..=28605 => format!("iso-8859-{}", number - 28590),
        other => format!("cp{other}"),
    };
    match charset::from_label(label.as_bytes()) {
        Some(_) => label,
        None => "windows-1252".to_owned(),
    }
}

impl Tnef {
    fn add(&mut self, defect: EmbeddedDefect) {
        if !self.defects.contains(&defect) {
            self.defects.push(defect);
        }
    }

    /// Ends a file: finds its name, type and content.
    fn close<'s>(&mut self, open: Option<Open<'s>>, codepage: &str, waiting: &mut Vec<&'s [u8]>) {
        let Some(open) = open else {
            return;
        };
        let (properties, complete) = match open.properties {
            Some(data) => mapi::read(data, codepage),
            None => (Vec::new(), true),
        };
        let find = |id: u16| properties.iter().find(|property| property.id == id);
        let text = |id: u16| {
            let text = find(id)?.value.text()?.trim_end_matches('\0');
            (!text.is_empty()).then(|| text.to_owned())
        };
        let short = |data: Option<&[u8]>| {
            let name = mapi::text(data?, codepage);
            (!name.is_empty()).then_some(name)
        };
        let name = text(0x3707)
            .or_else(|| short(open.transport_name))
            .or_else(|| short(open.title))
            .or_else(|| text(0x3704));
        let object = match find(0x3701).map(|property| &property.value) {
            Some(Value::Octets(octets)) => Some(*octets),
            _ => None,
        };
        let message = object.and_then(|object| object.strip_prefix(&MESSAGE_OBJECT[..]));
        let message = message.filter(|inner| inner.starts_with(&SIGNATURE.to_le_bytes()));
        let content = match (message, open.data) {
            (Some(inner), _) => inner,
            (None, Some(data)) if !data.is_empty() => data,
            (None, data) => object.or(data).unwrap_or_default(),
        };
        let mut file = EmbeddedFile::new(EmbeddedFormat::Tnef, name, content.to_vec());
        if let Some(told) = text(0x370e).filter(|told| told.contains('/')) {
            file.content_type = told.to_ascii_lowercase();
        }
        if let Some(inner) = message {
            file.content_type = "application/ms-tnef".to_owned();
            waiting.push(inner);
        }
        file.content_id = text(0x3712).map(|id| id.trim_matches(['<', '>']).to_owned());
        if !complete {
            file.add(EmbeddedDefect::Malformed);
        }
        self.files.push(file);
    }

    /// Takes over what the properties of the message tell.
    fn take(&mut self, properties: &[Property<'_>], codepage: &str) {
        let html_codepage = properties.iter().find_map(|property| match property {
            Property {
                id: 0x3fde,
                value: Value::Plain(TnefValue::Integer(number)),
                ..
            } => u32::try_from(*number).ok(),
            _ => None,
        });
        for property in properties {
            let text = || {
                property
                    .value
                    .text()
                    .filter(|text| !text.is_empty())
                    .map(str::to_owned)
            };
            match (property.id, &property.value) {
                (0x0037, _) => self.subject = text().or_else(|| self.subject.take()),
                (0x001a, _) => self.message_class = text().or_else(|| self.message_class.take()),
                (0x1000, _) => self.text = text().or_else(|| self.text.take()),
                (0x1013, Value::Octets(octets)) => {
                    let label = html_codepage.map_or_else(|| codepage.to_owned(), codepage_label);
                    self.html = Some(mapi::text(octets, &label));
                }
                (0x1013, _) => self.html = text(),
                (0x1009, Value::Octets(octets)) => self.rtf = rtf::decompress(octets),
                _ => {}
            }
            self.attributes.push(property.attribute());
        }
    }
}
