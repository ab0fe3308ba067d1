//! A message from its pieces (`bindings-wasm/ts/compose.ts`): setters that
//! convert, and a core that decides what they may hold.

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use popmail::UsageError;
use popmail::mime::compose::{AddressField, Attachment, Draft, Host, Output};

use crate::error::{Refused, argument, refused};

/// A draft that is being filled.
#[napi]
pub struct Composer(Draft);

/// What goes with an attachment's content.
#[napi(object, object_to_js = false)]
pub struct AttachmentObject {
    pub content_type: Option<String>,
    pub filename: Option<String>,
    pub content_id: Option<String>,
    pub inline: bool,
    pub is_text: bool,
}

#[napi]
impl Composer {
    #[napi(constructor)]
    pub fn new(output: String, keep_bcc: bool) -> Result<Self, Refused> {
        let mut draft = Draft::new();
        let known = Output::NAMES.into_iter().find(|(name, _)| *name == output);
        let (_, output) = known.ok_or_else(|| {
            let names = Output::NAMES.map(|(name, _)| name).join("', '");
            argument(format!("output must be one of '{names}', got {output:?}"))
        })?;
        draft.output(output);
        if keep_bcc {
            draft.keep_bcc();
        }
        Ok(Self(draft))
    }

    #[napi]
    pub fn mailbox(
        &mut self,
        field: String,
        name: Option<String>,
        address: String,
    ) -> Result<(), Refused> {
        taken(
            self.0
                .mailbox(address_field(&field)?, name.as_deref(), &address),
        )
    }

    #[napi]
    pub fn addresses(&mut self, field: String, list: String) -> Result<(), Refused> {
        taken(self.0.addresses(address_field(&field)?, &list))
    }

    #[napi]
    pub fn open_group(&mut self, field: String, name: String) -> Result<(), Refused> {
        taken(self.0.open_group(address_field(&field)?, &name))
    }

    #[napi]
    pub fn close_group(&mut self, field: String) -> Result<(), Refused> {
        self.0.close_group(address_field(&field)?);
        Ok(())
    }

    #[napi]
    pub fn subject(&mut self, subject: String) -> Result<(), Refused> {
        taken(self.0.subject(&subject))
    }

    #[napi]
    pub fn date(&mut self, timestamp: f64, offset_minutes: f64) -> Result<(), Refused> {
        taken(self.0.date(timestamp as i64, offset_minutes as i16))
    }

    #[napi]
    pub fn message_id(&mut self, id: String) -> Result<(), Refused> {
        taken(self.0.message_id(&id))
    }

    #[napi]
    pub fn in_reply_to(&mut self, id: String) -> Result<(), Refused> {
        taken(self.0.in_reply_to(&id))
    }

    #[napi]
    pub fn reference(&mut self, id: String) -> Result<(), Refused> {
        taken(self.0.reference(&id))
    }

    #[napi]
    pub fn header(&mut self, name: String, value: String) -> Result<(), Refused> {
        taken(self.0.header(&name, &value))
    }

    #[napi]
    pub fn text(&mut self, text: String) {
        self.0.text(&text);
    }

    #[napi]
    pub fn html(&mut self, html: String) {
        self.0.html(&html);
    }

    #[napi]
    pub fn attach(&mut self, content: &[u8], about: AttachmentObject) -> Result<(), Refused> {
        taken(self.0.attach(Attachment {
            content: content.to_vec(),
            content_type: about.content_type,
            filename: about.filename,
            content_id: about.content_id,
            inline: about.inline,
            is_text: about.is_text,
        }))
    }

    #[napi]
    pub fn compose(
        &self,
        now: f64,
        offset_minutes: f64,
        random: &[u8],
    ) -> Result<Uint8Array, Refused> {
        let random = random
            .try_into()
            .map_err(|_| argument("random must be 32 octets".to_owned()))?;
        let composed = self.0.compose(&Host {
            now: now as i64,
            offset_minutes: offset_minutes as i16,
            random,
        });
        composed.map(Into::into).map_err(|error| refused(&error))
    }
}

fn taken(done: Result<(), UsageError>) -> Result<(), Refused> {
    done.map_err(|error| refused(&error))
}

fn address_field(name: &str) -> Result<AddressField, Refused> {
    let known = AddressField::NAMES.into_iter();
    known
        .filter_map(|(known, field)| (known == name).then_some(field))
        .next()
        .ok_or_else(|| argument(format!("{name:?} is no field of addresses")))
}
