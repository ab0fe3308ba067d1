//! Composing, the files of old formats and mailbox files
//! (`ts/engine-tools.ts`).

use js_sys::{Array, Uint8Array};
use popmail::mime::compose::{AddressField, Attachment, Draft, Host, Output};
use popmail::mime::legacy::{EmbeddedDefect, EmbeddedFile, TnefValue};
use popmail::mime::scanner::{self, ScanEvent};
use popmail::mime::{legacy, mbox, parse};
use popmail::{ErrorCode, UsageError};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::convert::{Properties, flag, refused, text, thrown};

/// A message that is still arriving.
#[wasm_bindgen]
#[derive(Default)]
pub struct Scanner(scanner::Scanner);

#[wasm_bindgen]
impl Scanner {
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    pub fn receive(&mut self, bytes: &[u8]) -> Array {
        self.0.receive(bytes);
        self.events()
    }

    pub fn finish(&mut self) -> Array {
        self.0.finish();
        self.events()
    }

    fn events(&mut self) -> Array {
        let events = std::iter::from_fn(|| self.0.next_event());
        events
            .map(|event| match event {
                ScanEvent::PartStarted {
                    part,
                    depth,
                    content_type,
                    header,
                    body,
                } => Properties::new("part-started")
                    .with("part", part)
                    .with("depth", depth)
                    .with("contentType", content_type)
                    .with_octets("header", &header)
                    .with("body", body as f64),
                ScanEvent::PartEnded { part, body } => Properties::new("part-ended")
                    .with("part", part)
                    .with("start", body.start as f64)
                    .with("end", body.end as f64),
            })
            .map(JsValue::from)
            .collect()
    }
}

/// A draft that is being filled.
#[wasm_bindgen]
pub struct Composer(Draft);

#[wasm_bindgen]
impl Composer {
    #[wasm_bindgen(constructor)]
    pub fn new(output: &str, keep_bcc: bool) -> Result<Composer, JsValue> {
        let mut draft = Draft::new();
        let known = Output::NAMES.into_iter().find(|(name, _)| *name == output);
        let (_, output) = known.ok_or_else(|| {
            let names = Output::NAMES.map(|(name, _)| name).join("', '");
            argument(&format!("output must be one of '{names}', got '{output}'"))
        })?;
        draft.output(output);
        if keep_bcc {
            draft.keep_bcc();
        }
        Ok(Self(draft))
    }

    pub fn mailbox(
        &mut self,
        field: &str,
        name: Option<String>,
        address: &str,
    ) -> Result<(), JsValue> {
        taken(
            self.0
                .mailbox(address_field(field)?, name.as_deref(), address),
        )
    }

    pub fn addresses(&mut self, field: &str, list: &str) -> Result<(), JsValue> {
        taken(self.0.addresses(address_field(field)?, list))
    }

    #[wasm_bindgen(js_name = openGroup)]
    pub fn open_group(&mut self, field: &str, name: &str) -> Result<(), JsValue> {
        taken(self.0.open_group(address_field(field)?, name))
    }

    #[wasm_bindgen(js_name = closeGroup)]
    pub fn close_group(&mut self, field: &str) -> Result<(), JsValue> {
        self.0.close_group(address_field(field)?);
        Ok(())
    }

    pub fn subject(&mut self, subject: &str) -> Result<(), JsValue> {
        taken(self.0.subject(subject))
    }

    pub fn date(&mut self, timestamp: f64, offset_minutes: f64) -> Result<(), JsValue> {
        taken(self.0.date(timestamp as i64, offset_minutes as i16))
    }

    #[wasm_bindgen(js_name = messageId)]
    pub fn message_id(&mut self, id: &str) -> Result<(), JsValue> {
        taken(self.0.message_id(id))
    }

    #[wasm_bindgen(js_name = inReplyTo)]
    pub fn in_reply_to(&mut self, id: &str) -> Result<(), JsValue> {
        taken(self.0.in_reply_to(id))
    }

    pub fn reference(&mut self, id: &str) -> Result<(), JsValue> {
        taken(self.0.reference(id))
    }

    pub fn header(&mut self, name: &str, value: &str) -> Result<(), JsValue> {
        taken(self.0.header(name, value))
    }

    pub fn text(&mut self, text: &str) {
        self.0.text(text);
    }

    pub fn html(&mut self, html: &str) {
        self.0.html(html);
    }

    pub fn attach(&mut self, content: Vec<u8>, about: &JsValue) -> Result<(), JsValue> {
        taken(self.0.attach(Attachment {
            content,
            content_type: text(about, "contentType"),
            filename: text(about, "filename"),
            content_id: text(about, "contentId"),
            inline: flag(about, "inline"),
            is_text: flag(about, "isText"),
        }))
    }

    pub fn compose(
        &self,
        now: f64,
        offset_minutes: f64,
        random: &[u8],
    ) -> Result<Vec<u8>, JsValue> {
        let random = random
            .try_into()
            .map_err(|_| argument("random must be 32 octets"))?;
        let composed = self.0.compose(&Host {
            now: now as i64,
            offset_minutes: offset_minutes as i16,
            random,
        });
        composed.map_err(|error| refused(&error))
    }
}

/// An argument that cannot be: the same code as the core's.
fn argument(message: &str) -> JsValue {
    thrown(ErrorCode::UsageArgument, message)
}

fn taken(done: Result<(), UsageError>) -> Result<(), JsValue> {
    done.map_err(|error| refused(&error))
}

fn address_field(name: &str) -> Result<AddressField, JsValue> {
    let known = AddressField::NAMES.into_iter();
    known
        .filter_map(|(known, field)| (known == name).then_some(field))
        .next()
        .ok_or_else(|| argument(&format!("'{name}' is no field of addresses")))
}

/// The files inside the bodies of a message.
#[wasm_bindgen(js_name = embeddedFiles)]
pub fn embedded_files(raw: &[u8]) -> Array {
    files(parse(raw).view().embedded_files())
}

/// What a TNEF stream holds.
#[wasm_bindgen(js_name = readTnef)]
pub fn read_tnef(stream: &[u8]) -> JsValue {
    let Some(tnef) = legacy::read_tnef(stream) else {
        return JsValue::UNDEFINED;
    };
    let attributes = Array::new();
    for attribute in tnef.attributes {
        let value = Properties::default();
        let value = match attribute.value {
            TnefValue::Integer(number) => value.with("value", number as f64),
            TnefValue::Real(number) => value.with("value", number),
            TnefValue::Boolean(is) => value.with("value", is),
            TnefValue::Text(text) => value.with("value", text),
            TnefValue::Binary(octets) => value.with_octets("value", &octets),
            TnefValue::Time(seconds) => value.with("time", seconds as f64),
        };
        attributes.push(&Array::of2(&attribute.name.into(), &value.into()));
    }
    let octets = |octets: Option<Vec<u8>>| match octets {
        Some(octets) => Uint8Array::from(octets.as_slice()).into(),
        None => JsValue::NULL,
    };
    Properties::default()
        .with("subject", tnef.subject)
        .with("messageClass", tnef.message_class)
        .with("text", tnef.text)
        .with("html", tnef.html)
        .with("rtf", octets(tnef.rtf))
        .with("files", files(tnef.files))
        .with("attributes", attributes)
        .with("defects", defects(&tnef.defects))
        .into()
}

fn files(files: Vec<EmbeddedFile>) -> Array {
    let list = Array::new();
    for (number, file) in (1..).zip(files) {
        let described = Properties::default()
            .with("format", file.format.as_str())
            .with("safeFilename", file.safe_filename(number))
            .with("name", file.name)
            .with("contentType", file.content_type)
            .with("contentId", file.content_id)
            .with_octets("content", &file.content)
            .with("defects", defects(&file.defects))
            .with("part", file.part);
        list.push(&described.into());
    }
    list
}

fn defects(defects: &[EmbeddedDefect]) -> Array {
    let names = defects.iter().map(|defect| JsValue::from(defect.as_str()));
    names.collect()
}

/// The pieces of a message as one.
#[wasm_bindgen(js_name = joinPartial)]
pub fn join_partial(pieces: Vec<Uint8Array>) -> Result<Vec<u8>, JsValue> {
    let pieces: Vec<Vec<u8>> = pieces.iter().map(Uint8Array::to_vec).collect();
    let messages: Vec<_> = pieces.iter().map(|piece| parse(piece)).collect();
    legacy::join_partial(&messages).map_err(|error| argument(&error.to_string()))
}

/// Where the messages of an mbox file are.
#[wasm_bindgen(js_name = scanMbox)]
pub fn scan_mbox(file: &[u8], format: &str, from: f64, most: f64) -> Result<Vec<f64>, JsValue> {
    let found = mbox::scan_numbers(file, format, from as usize, most as usize);
    found.map_err(|error| argument(&error.to_string()))
}

/// A message without the quoting of its mbox file.
#[wasm_bindgen]
pub fn unquote(content: &[u8], quoting: u32) -> Vec<u8> {
    mbox::unquoted_by_number(content, quoting).into_owned()
}
