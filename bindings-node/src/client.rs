//! The client engine and the planner of iteration
//! (`bindings-wasm/ts/engine-pop3.ts`).

use napi::Env;
use napi::bindgen_prelude::{BufferSlice, Object, Uint8Array};
use napi_derive::napi;
use popmail::{
    ChannelBinding, ClientConfig, ClientConnection, ContentMode, Handle, LoginRequest, Secret,
    UsageError,
};
use zeroize::Zeroize;

use crate::convert::{LimitsObject, auth_choice, duration, milliseconds, security};
use crate::error::{Refused, refused};
use crate::event;

/// How a client engine behaves.
#[napi(object, object_to_js = false)]
pub struct ClientConfigObject {
    pub tls: String,
    pub allow_cleartext: bool,
    pub pipelining: bool,
    pub strict: bool,
    pub trace: bool,
    /// `true` if the host opens a second connection when it is asked to.
    pub reconnect: Option<bool>,
    pub timeout: f64,
    pub limits: LimitsObject,
}

/// What a login may have beside a name and a password.
#[napi(object, object_to_js = false)]
#[derive(Default)]
pub struct LoginOptions {
    pub token: Option<Uint8Array>,
    pub authzid: Option<String>,
    pub initial_response: Option<bool>,
    pub utf8: Option<bool>,
    pub nonce: Option<String>,
    pub channel_binding: Option<ChannelBindingObject>,
}

/// What ties a login to its TLS channel.
#[napi(object, object_to_js = false)]
pub struct ChannelBindingObject {
    pub name: String,
    pub data: Uint8Array,
}

impl From<ChannelBindingObject> for ChannelBinding {
    fn from(binding: ChannelBindingObject) -> Self {
        Self {
            name: binding.name,
            data: binding.data.to_vec(),
        }
    }
}

/// The client side of one POP3 connection, without I/O.
#[napi]
pub struct ClientEngine(ClientConnection);

#[napi]
impl ClientEngine {
    #[napi(constructor)]
    pub fn new(config: ClientConfigObject) -> Result<Self, Refused> {
        let mut limits = config.limits.limits();
        limits.response_timeout = duration(config.timeout);
        Ok(Self(ClientConnection::new(ClientConfig {
            security: security(&config.tls)?,
            allow_cleartext: config.allow_cleartext,
            pipelining: config.pipelining,
            strict: config.strict,
            trace: config.trace,
            reconnect: config.reconnect.unwrap_or_default(),
            limits,
        })))
    }

    #[napi(getter)]
    pub fn state(&self) -> &'static str {
        self.0.state().as_str()
    }

    #[napi(getter)]
    pub fn pending(&self) -> u32 {
        self.0.pending().try_into().unwrap_or(u32::MAX)
    }

    #[napi]
    pub fn capabilities<'env>(&self, env: &'env Env) -> napi::Result<Option<Object<'env>>> {
        let all = self.0.capabilities();
        all.map(|all| event::capabilities(env, all)).transpose()
    }

    #[napi]
    pub fn stamp(&self) -> Option<&str> {
        self.0.stamp().map(popmail::pop3::Stamp::as_str)
    }

    #[napi]
    pub fn receive(&mut self, octets: &[u8]) {
        self.0.receive(octets);
    }

    #[napi]
    pub fn receive_eof(&mut self) {
        self.0.receive_eof();
    }

    #[napi]
    pub fn tls_established(&mut self) -> Result<(), Refused> {
        self.0.tls_established().map_err(|error| refused(&error))
    }

    /// Those that the host can give, one of each type.
    #[napi]
    pub fn set_channel_bindings(&mut self, bindings: Vec<ChannelBindingObject>) {
        let bindings = bindings.into_iter().map(ChannelBinding::from);
        self.0.set_channel_bindings(bindings.collect());
    }

    #[napi]
    pub fn handle_timeout(&mut self, now: f64) {
        self.0.handle_timeout(duration(now));
    }

    #[napi]
    pub fn next_event<'env>(&mut self, env: &'env Env) -> napi::Result<Option<Object<'env>>> {
        let event = self.0.next_event();
        event.map(|event| event::client(env, event)).transpose()
    }

    #[napi]
    pub fn take_output<'env>(&mut self, env: &'env Env) -> napi::Result<Option<BufferSlice<'env>>> {
        let mut output = Vec::new();
        self.0.take_output(&mut output);
        let octets = (!output.is_empty())
            .then(|| BufferSlice::copy_from(env, &output))
            .transpose();
        // The copy that JavaScript holds is its own; this one is wiped.
        output.zeroize();
        octets
    }

    #[napi]
    pub fn timeout(&self) -> Option<f64> {
        self.0.timeout().and_then(milliseconds)
    }

    #[napi]
    pub fn login(
        &mut self,
        user: String,
        password: Option<&[u8]>,
        auth: String,
        options: Option<LoginOptions>,
    ) -> Result<f64, Refused> {
        let options = options.unwrap_or_default();
        handle(self.0.login_with(LoginRequest {
            user,
            password: password.map(secret),
            token: options.token.as_deref().map(secret),
            authzid: options.authzid.unwrap_or_default(),
            auth: auth_choice(&auth)?,
            initial_response: options.initial_response.unwrap_or(false),
            nonce: options.nonce.unwrap_or_default(),
            channel_binding: options.channel_binding.map(ChannelBinding::from),
            utf8: options.utf8.unwrap_or(false),
        }))
    }

    #[napi]
    pub fn utf8(&mut self) -> Result<f64, Refused> {
        handle(self.0.utf8())
    }

    #[napi]
    pub fn lang(&mut self, language: Option<String>) -> Result<f64, Refused> {
        handle(self.0.lang(language.as_deref()))
    }

    #[napi]
    pub fn capa(&mut self) -> Result<f64, Refused> {
        handle(self.0.capa())
    }

    #[napi]
    pub fn stls(&mut self) -> Result<f64, Refused> {
        handle(self.0.stls())
    }

    #[napi]
    pub fn user(&mut self, user: String) -> Result<f64, Refused> {
        handle(self.0.user(&user))
    }

    #[napi]
    pub fn pass(&mut self, password: &[u8]) -> Result<f64, Refused> {
        handle(self.0.pass(password))
    }

    #[napi]
    pub fn apop(&mut self, user: String, secret: &[u8]) -> Result<f64, Refused> {
        handle(self.0.apop(&user, secret))
    }

    #[napi]
    pub fn auth_plain(&mut self, user: String, password: &[u8]) -> Result<f64, Refused> {
        handle(self.0.auth_plain(&user, password))
    }

    #[napi]
    pub fn stat(&mut self) -> Result<f64, Refused> {
        handle(self.0.stat())
    }

    #[napi]
    pub fn list(&mut self, number: Option<u32>) -> Result<f64, Refused> {
        handle(self.0.list(number))
    }

    #[napi]
    pub fn uidl(&mut self, number: Option<u32>) -> Result<f64, Refused> {
        handle(self.0.uidl(number))
    }

    /// `chunks` hands the content out as it arrives.
    #[napi]
    pub fn retr(&mut self, number: u32, chunks: bool) -> Result<f64, Refused> {
        handle(self.0.retr(number, mode(chunks)))
    }

    #[napi]
    pub fn top(&mut self, number: u32, lines: f64, chunks: bool) -> Result<f64, Refused> {
        handle(self.0.top(number, lines as u64, mode(chunks)))
    }

    #[napi]
    pub fn dele(&mut self, number: u32) -> Result<f64, Refused> {
        handle(self.0.dele(number))
    }

    #[napi]
    pub fn rset(&mut self) -> Result<f64, Refused> {
        handle(self.0.rset())
    }

    #[napi]
    pub fn noop(&mut self) -> Result<f64, Refused> {
        handle(self.0.noop())
    }

    #[napi]
    pub fn quit(&mut self) -> Result<f64, Refused> {
        handle(self.0.quit())
    }

    /// The plan of an iteration over these messages, in this order.
    #[napi]
    pub fn prefetch(&self, numbers: &[u32], sizes: &[f64]) -> Prefetch {
        let limits = self.0.limits();
        let sizes = sizes.iter().map(|octets| *octets as u64);
        Prefetch(popmail::Prefetch::new(
            numbers.iter().copied().zip(sizes),
            limits.prefetch_octets,
            limits.window_commands,
        ))
    }
}

/// How far iteration asks ahead of its reader.
#[napi]
pub struct Prefetch(popmail::Prefetch);

#[napi]
impl Prefetch {
    #[napi]
    pub fn ask(&mut self) -> Option<u32> {
        self.0.ask()
    }

    #[napi]
    pub fn handed_out(&mut self) {
        self.0.handed_out();
    }
}

/// The APOP digest for a greeting and a secret; nothing without a stamp that
/// can be trusted.
#[napi]
pub fn apop_digest(greeting: &[u8], secret: &[u8]) -> Option<String> {
    popmail::apop_digest(greeting, secret)
}

/// The data of the channel binding `tls-server-end-point`, from the server's
/// certificate in DER; nothing if it cannot be read.
#[napi]
pub fn server_end_point(certificate: &[u8]) -> Option<Uint8Array> {
    ChannelBinding::server_end_point(certificate).map(|binding| binding.data.into())
}

/// May a TLS connection be used for which the server chose this protocol?
#[napi]
pub fn accepts_alpn(selected: Option<String>) -> bool {
    popmail::pop3::accepts_alpn(selected.as_deref().map(str::as_bytes))
}

/// The name of POP3 in the TLS handshake (RFC 7301).
#[napi]
pub const ALPN_PROTOCOL: &str = popmail::pop3::ALPN_PROTOCOL;

fn handle(result: Result<Handle, UsageError>) -> Result<f64, Refused> {
    result
        .map(|handle| handle.number() as f64)
        .map_err(|error| refused(&error))
}

fn secret(octets: &[u8]) -> Secret<Vec<u8>> {
    Secret::new(octets.to_vec())
}

fn mode(chunks: bool) -> ContentMode {
    if chunks {
        ContentMode::Chunks
    } else {
        ContentMode::Buffer
    }
}
