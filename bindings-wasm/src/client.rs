//! The client engine and the planner of iteration (`ts/engine-pop3.ts`).

use js_sys::{Array, Float64Array, Uint8Array, Uint32Array};
use popmail::{
    AuthChoice, Capabilities, ChannelBinding, ClientConfig, ClientConnection, ClientEvent,
    ContentMode, Error, Handle, Limits, LoginRequest, Secret, UsageError, Verdict,
};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use crate::convert::{Properties, flag, number, property, refused, text};
use crate::session::{
    argument, duration, leave_normal_form_to_host, milliseconds, security, set_limits,
};

/// The client side of one POP3 connection, without I/O.
#[wasm_bindgen]
pub struct ClientEngine(ClientConnection);

#[wasm_bindgen]
impl ClientEngine {
    #[wasm_bindgen(constructor)]
    pub fn new(config: &JsValue) -> Result<ClientEngine, JsValue> {
        leave_normal_form_to_host();
        let mut limits = limits(&property(config, "limits"));
        if let Some(timeout) = number(config, "timeout") {
            limits.response_timeout = duration(timeout);
        }
        Ok(Self(ClientConnection::new(ClientConfig {
            security: security(config)?,
            allow_cleartext: flag(config, "allowCleartext"),
            pipelining: flag(config, "pipelining"),
            strict: flag(config, "strict"),
            trace: flag(config, "trace"),
            reconnect: flag(config, "reconnect"),
            limits,
        })))
    }

    #[wasm_bindgen(getter)]
    pub fn state(&self) -> String {
        self.0.state().as_str().to_owned()
    }

    #[wasm_bindgen(getter)]
    pub fn pending(&self) -> usize {
        self.0.pending()
    }

    pub fn capabilities(&self) -> JsValue {
        self.0.capabilities().map(capabilities).unwrap_or_default()
    }

    pub fn stamp(&self) -> Option<String> {
        self.0.stamp().map(|stamp| stamp.as_str().to_owned())
    }

    pub fn receive(&mut self, octets: &[u8]) {
        self.0.receive(octets);
    }

    #[wasm_bindgen(js_name = receiveEof)]
    pub fn receive_eof(&mut self) {
        self.0.receive_eof();
    }

    #[wasm_bindgen(js_name = tlsEstablished)]
    pub fn tls_established(&mut self) -> Result<(), JsValue> {
        self.0.tls_established().map_err(|error| refused(&error))
    }

    /// Those that the host can give, one of each type.
    #[wasm_bindgen(js_name = setChannelBindings)]
    pub fn set_channel_bindings(&mut self, bindings: &Array) {
        let bindings = bindings.iter();
        self.0
            .set_channel_bindings(bindings.filter_map(|one| channel_binding(&one)).collect());
    }

    #[wasm_bindgen(js_name = handleTimeout)]
    pub fn handle_timeout(&mut self, now: f64) {
        self.0.handle_timeout(duration(now));
    }

    #[wasm_bindgen(js_name = nextEvent)]
    pub fn next_event(&mut self) -> JsValue {
        self.0.next_event().map(convert).unwrap_or_default()
    }

    #[wasm_bindgen(js_name = takeOutput)]
    pub fn take_output(&mut self) -> Option<Vec<u8>> {
        let mut output = Vec::new();
        self.0.take_output(&mut output);
        (!output.is_empty()).then_some(output)
    }

    pub fn timeout(&self) -> Option<f64> {
        self.0.timeout().and_then(milliseconds)
    }

    pub fn login(
        &mut self,
        user: String,
        password: Option<Vec<u8>>,
        auth: &str,
        options: &JsValue,
    ) -> Result<f64, JsValue> {
        let binding = property(options, "channelBinding");
        handle(self.0.login_with(LoginRequest {
            user,
            password: password.map(Secret::new),
            token: octets(options, "token").map(Secret::new),
            authzid: text(options, "authzid").unwrap_or_default(),
            auth: auth_choice(auth)?,
            initial_response: flag(options, "initialResponse"),
            nonce: text(options, "nonce").unwrap_or_default(),
            channel_binding: channel_binding(&binding),
            utf8: flag(options, "utf8"),
        }))
    }

    pub fn utf8(&mut self) -> Result<f64, JsValue> {
        handle(self.0.utf8())
    }

    pub fn lang(&mut self, language: Option<String>) -> Result<f64, JsValue> {
        handle(self.0.lang(language.as_deref()))
    }

    pub fn capa(&mut self) -> Result<f64, JsValue> {
        handle(self.0.capa())
    }

    pub fn stls(&mut self) -> Result<f64, JsValue> {
        handle(self.0.stls())
    }

    pub fn user(&mut self, user: &str) -> Result<f64, JsValue> {
        handle(self.0.user(user))
    }

    pub fn pass(&mut self, password: &[u8]) -> Result<f64, JsValue> {
        handle(self.0.pass(password))
    }

    pub fn apop(&mut self, user: &str, secret: &[u8]) -> Result<f64, JsValue> {
        handle(self.0.apop(user, secret))
    }

    #[wasm_bindgen(js_name = authPlain)]
    pub fn auth_plain(&mut self, user: &str, password: &[u8]) -> Result<f64, JsValue> {
        handle(self.0.auth_plain(user, password))
    }

    pub fn stat(&mut self) -> Result<f64, JsValue> {
        handle(self.0.stat())
    }

    pub fn list(&mut self, number: Option<u32>) -> Result<f64, JsValue> {
        handle(self.0.list(number))
    }

    pub fn uidl(&mut self, number: Option<u32>) -> Result<f64, JsValue> {
        handle(self.0.uidl(number))
    }

    /// `chunks` hands the content out as it arrives.
    pub fn retr(&mut self, number: u32, chunks: bool) -> Result<f64, JsValue> {
        handle(self.0.retr(number, mode(chunks)))
    }

    pub fn top(&mut self, number: u32, lines: f64, chunks: bool) -> Result<f64, JsValue> {
        handle(self.0.top(number, lines as u64, mode(chunks)))
    }

    pub fn dele(&mut self, number: u32) -> Result<f64, JsValue> {
        handle(self.0.dele(number))
    }

    pub fn rset(&mut self) -> Result<f64, JsValue> {
        handle(self.0.rset())
    }

    pub fn noop(&mut self) -> Result<f64, JsValue> {
        handle(self.0.noop())
    }

    pub fn quit(&mut self) -> Result<f64, JsValue> {
        handle(self.0.quit())
    }

    /// The plan of an iteration over these messages, in this order.
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
#[wasm_bindgen]
pub struct Prefetch(popmail::Prefetch);

#[wasm_bindgen]
impl Prefetch {
    pub fn ask(&mut self) -> Option<u32> {
        self.0.ask()
    }

    #[wasm_bindgen(js_name = handedOut)]
    pub fn handed_out(&mut self) {
        self.0.handed_out();
    }
}

/// The APOP digest for a greeting and a secret; nothing without a stamp that
/// can be trusted.
#[wasm_bindgen(js_name = apopDigest)]
pub fn apop_digest(greeting: &[u8], secret: &[u8]) -> Option<String> {
    popmail::apop_digest(greeting, secret)
}

/// An event as `ts/event.ts` describes it.
fn convert(event: ClientEvent) -> JsValue {
    let with_handle =
        |kind, handle: Handle| Properties::new(kind).with("handle", handle.number() as f64);
    match event {
        ClientEvent::GreetingReceived { reply } => {
            Properties::new("greetingReceived").with_octets("line", reply.line())
        }
        ClientEvent::TlsReady { handle } => with_handle("tlsReady", handle),
        ClientEvent::ReconnectRequested { handle } => with_handle("reconnectRequested", handle),
        ClientEvent::LoginFinished { handle } => with_handle("loginFinished", handle),
        ClientEvent::CommandFinished { handle, reply } => {
            with_handle("commandFinished", handle).with_octets("line", reply.line())
        }
        ClientEvent::CommandFailed { handle, error } => {
            with_handle("commandFailed", handle).with("error", describe(&error))
        }
        ClientEvent::CapabilitiesReceived {
            handle,
            capabilities: all,
        } => with_handle("capabilitiesReceived", handle).with("capabilities", capabilities(&all)),
        ClientEvent::StatReceived { handle, stat } => with_handle("statReceived", handle)
            .with("count", stat.count as f64)
            .with("octets", stat.octets as f64),
        ClientEvent::ListReceived { handle, entries } => {
            let numbers: Vec<u32> = entries.iter().map(|entry| entry.number).collect();
            let sizes: Vec<f64> = entries.iter().map(|entry| entry.octets as f64).collect();
            with_handle("listReceived", handle)
                .with("numbers", Uint32Array::from(numbers.as_slice()))
                .with("sizes", Float64Array::from(sizes.as_slice()))
        }
        ClientEvent::UidlReceived { handle, entries } => {
            let numbers: Vec<u32> = entries.iter().map(|entry| entry.number).collect();
            let mut uids = String::new();
            let mut end = 0;
            let ends: Vec<u32> = entries
                .iter()
                .map(|entry| {
                    uids.push_str(entry.uid);
                    end += entry.uid.encode_utf16().count() as u32;
                    end
                })
                .collect();
            with_handle("uidlReceived", handle)
                .with("numbers", Uint32Array::from(numbers.as_slice()))
                .with("ends", Uint32Array::from(ends.as_slice()))
                .with("uids", uids)
        }
        ClientEvent::ContentReceived { handle, chunk } => {
            with_handle("contentReceived", handle).with_octets("chunk", &chunk)
        }
        ClientEvent::ContentFinished {
            handle,
            octets,
            content,
        } => with_handle("contentFinished", handle)
            .with("octets", octets as f64)
            .with_octets("content", &content),
        ClientEvent::DeviationObserved { deviation, octets } => {
            Properties::new("deviationObserved")
                .with("deviation", deviation.as_str())
                .with_octets("octets", &octets)
        }
        ClientEvent::LanguagesReceived { handle, languages } => {
            let languages: Array = languages
                .into_iter()
                .map(|language| {
                    JsValue::from(
                        Properties::default()
                            .with("tag", language.tag)
                            .with("name", language.name),
                    )
                })
                .collect();
            with_handle("languagesReceived", handle).with("languages", languages)
        }
        ClientEvent::LineTraced { direction, line } => Properties::new("lineTraced")
            .with("direction", direction.as_str())
            .with("line", line),
        ClientEvent::ConnectionClosed { error } => {
            let closed = Properties::new("connectionClosed");
            match error {
                Some(error) => closed.with("error", describe(&error)),
                None => closed,
            }
        }
        // The core may grow events; the face ignores what it does not know.
        _ => Properties::new("unknown"),
    }
    .into()
}

/// An error that an event tells.
fn describe(error: &Error) -> Properties {
    let described = Properties::default()
        .with("code", error.code().as_str())
        .with("message", error.to_string())
        .with("detail", error.detail())
        .with(
            "guessedVerdict",
            error.guessed_verdict().map(Verdict::as_str),
        );
    match error.reply() {
        Some(reply) => described
            .with_octets("response", reply.line())
            .with("responseCode", reply.response_code())
            .with("verdict", reply.verdict().as_str()),
        None => described,
    }
}

/// The parameters of each capability by its tag in upper case, and what the
/// RFCs give a form.
fn capabilities(all: &Capabilities) -> JsValue {
    let words = |words: Vec<&str>| -> Array { words.into_iter().map(JsValue::from).collect() };
    let parameters = all
        .iter()
        .fold(Properties::default(), |object, (tag, parameters)| {
            object.with(&tag, words(parameters))
        });
    let expire = all.expire().map(|expire| {
        let days = expire.days.map_or(f64::INFINITY, |days| days as f64);
        JsValue::from(
            Properties::default()
                .with("days", days)
                .with("perUser", expire.per_user),
        )
    });
    let delay = all.login_delay().map(|delay| {
        let seconds = delay.seconds as f64;
        JsValue::from(
            Properties::default()
                .with("seconds", seconds)
                .with("perUser", delay.per_user),
        )
    });
    let flags = [
        ("authRespCode", all.auth_resp_code()),
        ("lang", all.lang()),
        ("pipelining", all.pipelining()),
        ("respCodes", all.resp_codes()),
        ("stls", all.stls()),
        ("top", all.top()),
        ("uidl", all.uidl()),
        ("user", all.user()),
        ("utf8", all.utf8()),
        ("utf8User", all.utf8_user()),
    ];
    flags
        .into_iter()
        .fold(Properties::default(), |object, (name, flag)| {
            object.with(name, flag)
        })
        .with("parameters", parameters)
        .with("sasl", words(all.sasl().collect()))
        .with("implementation", all.implementation())
        .with("expire", expire)
        .with("loginDelay", delay)
        .into()
}

fn limits(object: &JsValue) -> Limits {
    let mut limits = Limits::default();
    set_limits!(limits, object, {
        command_line: "commandLine",
        status_line: "statusLine",
        listing_line: "listingLine",
        listing_entries: "listingEntries",
        listing_octets: "listingOctets",
        capability_line: "capabilityLine",
        capability_lines: "capabilityLines",
        challenge: "challenge",
        rounds: "rounds",
        buffered_content: "bufferedContent",
        window_commands: "windowCommands",
        window_octets: "windowOctets",
        prefetch_octets: "prefetchOctets",
        login_patience: "loginPatience",
    });
    limits
}

/// `"auto"` or the name of a mechanism.
fn auth_choice(name: &str) -> Result<AuthChoice, JsValue> {
    AuthChoice::NAMES
        .into_iter()
        .find_map(|(known, choice)| (known == name).then_some(choice))
        .ok_or_else(|| {
            let names = AuthChoice::NAMES.map(|(name, _)| name).join("', '");
            argument(&format!("auth must be one of '{names}', got '{name}'"))
        })
}

fn handle(result: Result<Handle, UsageError>) -> Result<f64, JsValue> {
    result
        .map(|handle| handle.number() as f64)
        .map_err(|error| refused(&error))
}

fn channel_binding(object: &JsValue) -> Option<ChannelBinding> {
    octets(object, "data").map(|data| ChannelBinding {
        name: text(object, "name").unwrap_or_default(),
        data,
    })
}

fn octets(object: &JsValue, name: &str) -> Option<Vec<u8>> {
    let value = property(object, name);
    value.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec)
}

fn mode(chunks: bool) -> ContentMode {
    if chunks {
        ContentMode::Chunks
    } else {
        ContentMode::Buffer
    }
}
