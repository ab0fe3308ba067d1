//! The server engine (`bindings-wasm/ts/engine-pop3.ts`).

use napi::Env;
use napi::bindgen_prelude::{BufferSlice, Object};
use napi_derive::napi;
use popmail::pop3::{Credentials, Stamp};
use popmail::{MaildropEntry, ServerConfig, ServerConnection, ServerEvent, UsageError};

use crate::convert::{ServerLimitsObject, Whole, duration, milliseconds, refusal, security};
use crate::error::{Refused, argument, refused};
use crate::event;

/// How a server engine behaves.
#[napi(object, object_to_js = false)]
pub struct ServerConfigObject {
    pub tls: String,
    pub allow_cleartext: bool,
    pub greeting: String,
    pub apop_stamp: Option<String>,
    pub implementation: Option<String>,
    pub limits: ServerLimitsObject,
}

/// A message as a maildrop lists it.
#[napi(object)]
pub struct EntryObject {
    pub uid: String,
    pub octets: f64,
}

impl From<&MaildropEntry> for EntryObject {
    fn from(entry: &MaildropEntry) -> Self {
        Self {
            uid: entry.uid.clone(),
            octets: entry.octets as f64,
        }
    }
}

/// The server side of one POP3 connection, without I/O.
#[napi]
pub struct ServerEngine {
    connection: ServerConnection,
    stamp: Option<Stamp>,
    /// What the last `authenticate` brought.
    credentials: Option<Credentials>,
}

#[napi]
impl ServerEngine {
    #[napi(constructor)]
    pub fn new(config: ServerConfigObject) -> Result<Self, Refused> {
        let stamp = config
            .apop_stamp
            .map(|text| {
                Stamp::new(text.as_bytes()).ok_or_else(|| {
                    argument(format!(
                        "apopStamp must be <…@…> in printable ASCII, got {text:?}"
                    ))
                })
            })
            .transpose()?;
        let connection = ServerConnection::new(ServerConfig {
            greeting: config.greeting,
            apop_stamp: stamp.clone(),
            tls: security(&config.tls)?,
            allow_cleartext: config.allow_cleartext,
            implementation: config.implementation,
            limits: config.limits.limits(),
        });
        Ok(Self {
            connection,
            stamp,
            credentials: None,
        })
    }

    #[napi(getter)]
    pub fn state(&self) -> &'static str {
        self.connection.state().as_str()
    }

    #[napi(getter)]
    pub fn is_secure(&self) -> bool {
        self.connection.is_secure()
    }

    #[napi]
    pub fn user(&self) -> Option<&str> {
        self.connection.user()
    }

    #[napi]
    pub fn receive(&mut self, octets: &[u8]) {
        self.connection.receive(octets);
    }

    #[napi]
    pub fn receive_eof(&mut self) {
        self.connection.receive_eof();
    }

    #[napi]
    pub fn tls_established(&mut self) -> Result<(), Refused> {
        answered(self.connection.tls_established())
    }

    #[napi]
    pub fn handle_timeout(&mut self, now: f64) {
        self.connection.handle_timeout(duration(now));
    }

    #[napi]
    pub fn next_event<'env>(&mut self, env: &'env Env) -> napi::Result<Option<Object<'env>>> {
        let Some(event) = self.connection.next_event() else {
            return Ok(None);
        };
        let described = event::server(env, &event)?;
        if let ServerEvent::Authenticate { credentials } = event {
            self.credentials = Some(credentials);
        }
        Ok(Some(described))
    }

    #[napi]
    pub fn take_output<'env>(&mut self, env: &'env Env) -> napi::Result<Option<BufferSlice<'env>>> {
        let mut output = Vec::new();
        self.connection.take_output(&mut output);
        (!output.is_empty())
            .then(|| BufferSlice::copy_from(env, &output))
            .transpose()
    }

    #[napi]
    pub fn timeout(&self) -> Option<f64> {
        self.connection.timeout().and_then(milliseconds)
    }

    #[napi]
    pub fn wants_input(&self) -> bool {
        self.connection.wants_input()
    }

    #[napi]
    pub fn wants_content(&self) -> bool {
        self.connection.wants_content()
    }

    #[napi]
    pub fn content_is_complete(&self) -> bool {
        self.connection.content_is_complete()
    }

    /// True if the client of the last `authenticate` knows this secret; in
    /// constant time.
    #[napi]
    pub fn verify(&self, secret: &[u8]) -> bool {
        match &self.credentials {
            Some(Credentials::Password { password, .. }) => password.matches(secret),
            Some(Credentials::Apop { digest, .. }) => self
                .stamp
                .as_ref()
                .is_some_and(|stamp| stamp.verify(secret, digest)),
            None => false,
        }
    }

    #[napi]
    pub fn accept_login(&mut self) -> Result<(), Refused> {
        self.credentials = None;
        answered(self.connection.accept_login())
    }

    #[napi]
    pub fn refuse_login(&mut self, reason: String) -> Result<(), Refused> {
        self.credentials = None;
        answered(self.connection.refuse_login(refusal(&reason)?))
    }

    #[napi]
    pub fn maildrop_opened(&mut self, entries: Vec<EntryObject>) -> Result<(), Refused> {
        let entries = entries
            .into_iter()
            .map(|entry| MaildropEntry {
                uid: entry.uid,
                octets: Whole::whole(entry.octets),
            })
            .collect();
        answered(self.connection.maildrop_opened(entries))
    }

    #[napi]
    pub fn send_content(&mut self, octets: &[u8]) -> Result<(), Refused> {
        answered(self.connection.send_content(octets))
    }

    #[napi]
    pub fn finish_content(&mut self) -> Result<(), Refused> {
        answered(self.connection.finish_content())
    }

    #[napi]
    pub fn refuse_content(&mut self, reason: String) -> Result<(), Refused> {
        answered(self.connection.refuse_content(refusal(&reason)?))
    }

    #[napi]
    pub fn fail_content(&mut self) -> Result<(), Refused> {
        answered(self.connection.fail_content())
    }

    #[napi]
    pub fn committed(&mut self) -> Result<(), Refused> {
        answered(self.connection.committed())
    }

    #[napi]
    pub fn commit_failed(&mut self, reason: String) -> Result<(), Refused> {
        answered(self.connection.commit_failed(refusal(&reason)?))
    }
}

fn answered(result: Result<(), UsageError>) -> Result<(), Refused> {
    result.map_err(|error| refused(&error))
}
