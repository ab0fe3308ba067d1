//! The server engine (`bindings-wasm/ts/engine-pop3.ts`).

use napi::bindgen_prelude::{AsyncTask, BufferSlice, Object, Uint8Array};
use napi::{Env, Task};
use napi_derive::napi;
use popmail::pop3::{Credentials, Expire, LoginDelay, Stamp};
use popmail::{
    Faults, MaildropEntry, SaslMechanism, Secret, ServerConfig, ServerConnection, ServerEvent,
    UsageError,
};

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
    pub mechanisms: Option<Vec<String>>,
    pub seed: Option<Uint8Array>,
    pub salt_key: Option<Uint8Array>,
    pub utf8: Option<bool>,
    pub lang: Option<bool>,
    /// Days; `Infinity` is never.
    pub expire: Option<f64>,
    pub login_delay: Option<f64>,
    pub last: Option<bool>,
    pub xclient: Option<bool>,
    pub trace: Option<bool>,
    pub faults: Option<FaultsObject>,
    pub limits: ServerLimitsObject,
}

/// What a server shall do wrong.
#[napi(object, object_to_js = false)]
#[derive(Default)]
pub struct FaultsObject {
    pub persona: Option<String>,
    pub cut_after: Option<f64>,
    pub cut_content_after: Option<f64>,
    pub delay: Option<f64>,
    pub piece: Option<f64>,
    pub size_error: Option<f64>,
    pub negative_stat: Option<bool>,
    pub unstuffed_dots: Option<bool>,
    pub unstuffed_first_dot: Option<bool>,
    pub lf_line_ends: Option<bool>,
    pub missing: Option<Vec<String>>,
    pub late: Option<Vec<String>>,
    pub ok_for_challenge: Option<bool>,
    pub close_for_err: Option<bool>,
    pub stls_residue: Option<Uint8Array>,
    pub extra_blanks: Option<f64>,
    pub uidl_without_number: Option<bool>,
    pub blank_line: Option<bool>,
    pub lower_case_status: Option<bool>,
    pub top_octets: Option<f64>,
}

impl FaultsObject {
    fn faults(self) -> Result<Faults, Refused> {
        let mut faults = match &self.persona {
            None => Faults::default(),
            Some(name) => Faults::persona(name).ok_or_else(|| {
                let names = Faults::PERSONAS.join("', '");
                argument(format!("persona must be one of '{names}', got {name:?}"))
            })?,
        };
        macro_rules! set {
            ($($name:ident),*; $($count:ident),*; $($number:ident),*) => {
                $(if let Some(value) = self.$name { faults.$name = value; })*
                $(if let Some(value) = self.$count { faults.$count = Some(Whole::whole(value)); })*
                $(if let Some(value) = self.$number { faults.$number = Whole::whole(value); })*
            };
        }
        set!(
            negative_stat, unstuffed_dots, unstuffed_first_dot, lf_line_ends, missing, late,
            ok_for_challenge, close_for_err, uidl_without_number, blank_line, lower_case_status;
            cut_after, cut_content_after, piece, top_octets;
            size_error, extra_blanks
        );
        if let Some(octets) = self.stls_residue {
            faults.stls_residue = octets.to_vec();
        }
        faults.delay = duration(self.delay.unwrap_or_default());
        Ok(faults)
    }
}

/// What a server keeps of a password for SCRAM-SHA-256, made in Node's
/// thread pool.
#[napi]
pub struct ScramKeys(popmail::ScramKeys);

/// Makes keys out of a password: some milliseconds of work.
#[napi]
pub fn scram_keys(password: Uint8Array, salt: Uint8Array, iterations: u32) -> AsyncTask<MakeKeys> {
    AsyncTask::new(MakeKeys {
        password: password.to_vec().into(),
        salt: salt.to_vec(),
        iterations,
    })
}

/// The work of [`scram_keys`].
pub struct MakeKeys {
    password: Secret<Vec<u8>>,
    salt: Vec<u8>,
    iterations: u32,
}

impl Task for MakeKeys {
    type Output = popmail::ScramKeys;
    type JsValue = ScramKeys;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let password = self.password.expose();
        Ok(popmail::ScramKeys::from_password(
            password,
            &self.salt,
            self.iterations,
        ))
    }

    fn resolve(&mut self, _: Env, keys: Self::Output) -> napi::Result<ScramKeys> {
        Ok(ScramKeys(keys))
    }
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
    /// What the last `authenticate` brought.
    credentials: Option<Credentials>,
}

#[napi]
impl ServerEngine {
    #[napi(constructor)]
    pub fn new(config: ServerConfigObject) -> Result<Self, Refused> {
        let apop_stamp = config
            .apop_stamp
            .map(|text| {
                Stamp::new(text.as_bytes()).ok_or_else(|| {
                    argument(format!(
                        "apopStamp must be <…@…> in printable ASCII, got {text:?}"
                    ))
                })
            })
            .transpose()?;
        let octets = |given: Option<Uint8Array>| {
            given
                .map(|octets| octets.to_vec())
                .unwrap_or_default()
                .into()
        };
        let mut made = ServerConfig {
            greeting: config.greeting,
            apop_stamp,
            tls: security(&config.tls)?,
            allow_cleartext: config.allow_cleartext,
            implementation: config.implementation,
            seed: octets(config.seed),
            salt_key: octets(config.salt_key),
            utf8: config.utf8.unwrap_or_default(),
            lang: config.lang.unwrap_or_default(),
            expire: config.expire.map(|days| Expire {
                days: days.is_finite().then(|| Whole::whole(days)),
                per_user: false,
            }),
            login_delay: config.login_delay.map(|seconds| LoginDelay {
                seconds: Whole::whole(seconds),
                per_user: false,
            }),
            last: config.last.unwrap_or_default(),
            xclient: config.xclient.unwrap_or_default(),
            trace: config.trace.unwrap_or_default(),
            faults: config.faults.unwrap_or_default().faults()?,
            limits: config.limits.limits(),
            ..ServerConfig::default()
        };
        if let Some(names) = config.mechanisms {
            made.mechanisms = names
                .iter()
                .map(|name| mechanism(name))
                .collect::<Result<_, _>>()?;
        }
        Ok(Self {
            connection: ServerConnection::new(made),
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

    /// True if output waits whose time has not come.
    #[napi]
    pub fn holds_output(&self) -> bool {
        self.connection.holds_output()
    }

    /// True if the client of the last `authenticate` knows this secret; in
    /// constant time.
    #[napi]
    pub fn verify(&self, secret: &[u8]) -> bool {
        let given = self.credentials.as_ref();
        given.is_some_and(|credentials| credentials.verify(secret))
    }

    /// The password of the last `authenticate`, if one was sent.
    #[napi]
    pub fn password<'env>(&self, env: &'env Env) -> napi::Result<Option<BufferSlice<'env>>> {
        match &self.credentials {
            Some(Credentials::Password { password, .. }) => {
                BufferSlice::copy_from(env, password.expose()).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The token of the last `authenticate`, if one was sent.
    #[napi]
    pub fn token(&self) -> Option<String> {
        match &self.credentials {
            Some(Credentials::Token { token, .. }) => {
                Some(String::from_utf8_lossy(token.expose()).into_owned())
            }
            _ => None,
        }
    }

    /// Milliseconds by which failed logins are answered later from now on.
    #[napi]
    pub fn penalize(&mut self, penalty: f64) {
        self.connection.penalize(duration(penalty));
    }

    #[napi]
    pub fn provide_keys(&mut self, keys: Option<&ScramKeys>) -> Result<(), Refused> {
        answered(
            self.connection
                .provide_keys(keys.map(|keys| keys.0.clone())),
        )
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

fn mechanism(name: &str) -> Result<SaslMechanism, Refused> {
    let mut all = SaslMechanism::ALL.into_iter();
    all.find(|one| one.as_str().eq_ignore_ascii_case(name))
        .ok_or_else(|| {
            let names = SaslMechanism::ALL.map(|one| one.as_str().to_ascii_lowercase());
            argument(format!(
                "mechanisms must be some of '{}', got {name:?}",
                names.join("', '")
            ))
        })
}

fn answered(result: Result<(), UsageError>) -> Result<(), Refused> {
    result.map_err(|error| refused(&error))
}
