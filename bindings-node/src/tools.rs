//! The files of old formats and mailbox files (`bindings-wasm/ts/engine-tools.ts`).

use napi::Env;
use napi::bindgen_prelude::{Array, Object, Uint8Array};
use napi_derive::napi;
use popmail::mime::legacy::{EmbeddedDefect, EmbeddedFile, TnefValue};
use popmail::mime::scanner::{self, ScanEvent};
use popmail::mime::{legacy, mbox, parse};

use crate::convert::object;
use crate::error::{Refused, argument};

/// A message that is still arriving.
#[napi]
#[derive(Default)]
pub struct Scanner(scanner::Scanner);

#[napi]
impl Scanner {
    #[napi(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    #[napi]
    pub fn receive<'env>(&mut self, env: &'env Env, bytes: &[u8]) -> napi::Result<Array<'env>> {
        self.0.receive(bytes);
        self.events(env)
    }

    #[napi]
    pub fn finish<'env>(&mut self, env: &'env Env) -> napi::Result<Array<'env>> {
        self.0.finish();
        self.events(env)
    }

    fn events<'env>(&mut self, env: &'env Env) -> napi::Result<Array<'env>> {
        let mut events = env.create_array(0)?;
        while let Some(event) = self.0.next_event() {
            events.insert(match event {
                ScanEvent::PartStarted {
                    part,
                    depth,
                    content_type,
                    header,
                    body,
                } => object!(env, {
                    c"type": "part-started",
                    c"part": part,
                    c"depth": depth,
                    c"contentType": content_type,
                    c"header": Uint8Array::from(header),
                    c"body": body as f64,
                }),
                ScanEvent::PartEnded { part, body } => object!(env, {
                    c"type": "part-ended",
                    c"part": part,
                    c"start": body.start as f64,
                    c"end": body.end as f64,
                }),
            })?;
        }
        Ok(events)
    }
}

/// The files inside the bodies of a message.
#[napi]
pub fn embedded_files<'env>(env: &'env Env, raw: &[u8]) -> napi::Result<Array<'env>> {
    files(env, parse(raw).view().embedded_files())
}

/// What a TNEF stream holds.
#[napi]
pub fn read_tnef<'env>(env: &'env Env, stream: &[u8]) -> napi::Result<Option<Object<'env>>> {
    let Some(tnef) = legacy::read_tnef(stream) else {
        return Ok(None);
    };
    let mut attributes = env.create_array(0)?;
    for attribute in tnef.attributes {
        let mut pair = env.create_array(0)?;
        pair.insert(attribute.name)?;
        pair.insert(match attribute.value {
            TnefValue::Integer(number) => object!(env, { c"value": number as f64 }),
            TnefValue::Real(number) => object!(env, { c"value": number }),
            TnefValue::Boolean(value) => object!(env, { c"value": value }),
            TnefValue::Text(text) => object!(env, { c"value": text }),
            TnefValue::Binary(octets) => object!(env, { c"value": Uint8Array::from(octets) }),
            TnefValue::Time(seconds) => object!(env, { c"time": seconds as f64 }),
        })?;
        attributes.insert(pair)?;
    }
    Ok(Some(object!(env, {
        c"subject": tnef.subject,
        c"messageClass": tnef.message_class,
        c"text": tnef.text,
        c"html": tnef.html,
        c"rtf": tnef.rtf.map(Uint8Array::from),
        c"files": files(env, tnef.files)?,
        c"attributes": attributes,
        c"defects": defects(&tnef.defects),
    })))
}

fn files<'env>(env: &'env Env, files: Vec<EmbeddedFile>) -> napi::Result<Array<'env>> {
    let mut list = env.create_array(0)?;
    for (number, file) in (1..).zip(files) {
        list.insert(object!(env, {
            c"format": file.format.as_str(),
            c"safeFilename": file.safe_filename(number),
            c"name": file.name,
            c"contentType": file.content_type,
            c"contentId": file.content_id,
            c"content": Uint8Array::from(file.content),
            c"defects": defects(&file.defects),
            c"part": file.part,
        }))?;
    }
    Ok(list)
}

fn defects(defects: &[EmbeddedDefect]) -> Vec<&'static str> {
    defects.iter().map(|defect| defect.as_str()).collect()
}

/// The pieces of a message as one.
#[napi]
pub fn join_partial(pieces: Vec<Uint8Array>) -> Result<Uint8Array, Refused> {
    let messages: Vec<_> = pieces.iter().map(|piece| parse(piece)).collect();
    let whole = legacy::join_partial(&messages);
    whole
        .map(Into::into)
        .map_err(|error| argument(error.to_string()))
}

/// Where the messages of an mbox file are.
#[napi]
pub fn scan_mbox(file: &[u8], format: String, from: f64, most: f64) -> Result<Vec<f64>, Refused> {
    let found = mbox::scan_numbers(file, &format, from as usize, most as usize);
    found.map_err(|error| argument(error.to_string()))
}

/// A message without the quoting of its mbox file.
#[napi]
pub fn unquote(content: &[u8], quoting: u32) -> Uint8Array {
    mbox::unquoted_by_number(content, quoting)
        .into_owned()
        .into()
}
