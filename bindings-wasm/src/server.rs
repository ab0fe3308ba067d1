//! The server engine and messages in memory (`ts/engine-pop3.ts`).

use std::io::Read;

use js_sys::Array;
use popmail::pop3::{Credentials, Expire, LoginDelay, Refusal, Stamp};
use popmail::{
    Faults, Maildrop, MaildropEntry, MemoryMaildrop, SaslMechanism, ServerConfig, ServerConnection,
    ServerEvent, ServerLimits, UsageError,
};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use crate::convert::{Properties, flag, number, property, refused, text};
use crate::session::{
    argument, duration, leave_normal_form_to_host, milliseconds, security, set_limits,
};

/// The server side of one POP3 connection, without I/O.
#[wasm_bindgen]
pub struct ServerEngine {
    connection: ServerConnection,
    /// What the last `authenticate` brought.
    credentials: Option<Credentials>,
}

#[wasm_bindgen]
impl ServerEngine {
    #[wasm_bindgen(constructor)]
    pub fn new(config: &JsValue) -> Result<ServerEngine, JsValue> {
        leave_normal_form_to_host();
        let apop_stamp = text(config, "apopStamp")
            .map(|text| {
                Stamp::new(text.as_bytes()).ok_or_else(|| {
                    argument(&format!(
                        "apopStamp must be <…@…> in printable ASCII, got '{text}'"
                    ))
                })
            })
            .transpose()?;
        let mut made = ServerConfig {
            greeting: text(config, "greeting").unwrap_or_default(),
            apop_stamp,
            tls: security(config)?,
            allow_cleartext: flag(config, "allowCleartext"),
            implementation: text(config, "implementation"),
            seed: octets(config, "seed").into(),
            salt_key: octets(config, "saltKey").into(),
            utf8: flag(config, "utf8"),
            lang: flag(config, "lang"),
            expire: number(config, "expire").map(|days| Expire {
                days: days.is_finite().then_some(days as u64),
                per_user: false,
            }),
            login_delay: number(config, "loginDelay").map(|seconds| LoginDelay {
                seconds: seconds as u64,
                per_user: false,
            }),
            last: flag(config, "last"),
            xclient: flag(config, "xclient"),
            trace: flag(config, "trace"),
            faults: faults(&property(config, "faults"))?,
            limits: limits(&property(config, "limits")),
            ..ServerConfig::default()
        };
        if let Ok(names) = property(config, "mechanisms").dyn_into::<Array>() {
            made.mechanisms = names
                .iter()
                .map(|name| mechanism(&name))
                .collect::<Result<_, _>>()?;
        }
        Ok(Self {
            connection: ServerConnection::new(made),
            credentials: None,
        })
    }

    #[wasm_bindgen(getter)]
    pub fn state(&self) -> String {
        self.connection.state().as_str().to_owned()
    }

    #[wasm_bindgen(getter, js_name = isSecure)]
    pub fn is_secure(&self) -> bool {
        self.connection.is_secure()
    }

    pub fn user(&self) -> Option<String> {
        self.connection.user().map(str::to_owned)
    }

    pub fn receive(&mut self, octets: &[u8]) {
        self.connection.receive(octets);
    }

    #[wasm_bindgen(js_name = receiveEof)]
    pub fn receive_eof(&mut self) {
        self.connection.receive_eof();
    }

    #[wasm_bindgen(js_name = tlsEstablished)]
    pub fn tls_established(&mut self) -> Result<(), JsValue> {
        answered(self.connection.tls_established())
    }

    #[wasm_bindgen(js_name = handleTimeout)]
    pub fn handle_timeout(&mut self, now: f64) {
        self.connection.handle_timeout(duration(now));
    }

    #[wasm_bindgen(js_name = nextEvent)]
    pub fn next_event(&mut self) -> JsValue {
        let Some(event) = self.connection.next_event() else {
            return JsValue::UNDEFINED;
        };
        let described = convert(&event);
        if let ServerEvent::Authenticate { credentials } = event {
            self.credentials = Some(credentials);
        }
        described
    }

    #[wasm_bindgen(js_name = takeOutput)]
    pub fn take_output(&mut self) -> Option<Vec<u8>> {
        let mut output = Vec::new();
        self.connection.take_output(&mut output);
        (!output.is_empty()).then_some(output)
    }

    pub fn timeout(&self) -> Option<f64> {
        self.connection.timeout().and_then(milliseconds)
    }

    #[wasm_bindgen(js_name = wantsInput)]
    pub fn wants_input(&self) -> bool {
        self.connection.wants_input()
    }

    #[wasm_bindgen(js_name = wantsContent)]
    pub fn wants_content(&self) -> bool {
        self.connection.wants_content()
    }

    #[wasm_bindgen(js_name = contentIsComplete)]
    pub fn content_is_complete(&self) -> bool {
        self.connection.content_is_complete()
    }

    /// True if output waits whose time has not come.
    #[wasm_bindgen(js_name = holdsOutput)]
    pub fn holds_output(&self) -> bool {
        self.connection.holds_output()
    }

    /// True if the client of the last `authenticate` knows this secret; in
    /// constant time.
    pub fn verify(&self, secret: &[u8]) -> bool {
        let given = self.credentials.as_ref();
        given.is_some_and(|credentials| credentials.verify(secret))
    }

    /// The password of the last `authenticate`, if one was sent.
    pub fn password(&self) -> Option<Vec<u8>> {
        match &self.credentials {
            Some(Credentials::Password { password, .. }) => Some(password.expose().clone()),
            _ => None,
        }
    }

    /// The token of the last `authenticate`, if one was sent.
    pub fn token(&self) -> Option<String> {
        match &self.credentials {
            Some(Credentials::Token { token, .. }) => {
                Some(String::from_utf8_lossy(token.expose()).into_owned())
            }
            _ => None,
        }
    }

    /// Milliseconds by which failed logins are answered later from now on.
    pub fn penalize(&mut self, penalty: f64) {
        self.connection.penalize(duration(penalty));
    }

    #[wasm_bindgen(js_name = provideKeys)]
    pub fn provide_keys(&mut self, keys: Option<ScramKeys>) -> Result<(), JsValue> {
        answered(self.connection.provide_keys(keys.map(|keys| keys.0)))
    }

    #[wasm_bindgen(js_name = acceptLogin)]
    pub fn accept_login(&mut self) -> Result<(), JsValue> {
        self.credentials = None;
        answered(self.connection.accept_login())
    }

    #[wasm_bindgen(js_name = refuseLogin)]
    pub fn refuse_login(&mut self, reason: &str) -> Result<(), JsValue> {
        self.credentials = None;
        answered(self.connection.refuse_login(refusal(reason)?))
    }

    #[wasm_bindgen(js_name = maildropOpened)]
    pub fn maildrop_opened(&mut self, entries: &Array) -> Result<(), JsValue> {
        let entries = entries
            .iter()
            .map(|entry| MaildropEntry {
                uid: text(&entry, "uid").unwrap_or_default(),
                octets: number(&entry, "octets").unwrap_or_default() as u64,
            })
            .collect();
        answered(self.connection.maildrop_opened(entries))
    }

    #[wasm_bindgen(js_name = sendContent)]
    pub fn send_content(&mut self, octets: &[u8]) -> Result<(), JsValue> {
        answered(self.connection.send_content(octets))
    }

    #[wasm_bindgen(js_name = finishContent)]
    pub fn finish_content(&mut self) -> Result<(), JsValue> {
        answered(self.connection.finish_content())
    }

    #[wasm_bindgen(js_name = refuseContent)]
    pub fn refuse_content(&mut self, reason: &str) -> Result<(), JsValue> {
        answered(self.connection.refuse_content(refusal(reason)?))
    }

    #[wasm_bindgen(js_name = failContent)]
    pub fn fail_content(&mut self) -> Result<(), JsValue> {
        answered(self.connection.fail_content())
    }

    pub fn committed(&mut self) -> Result<(), JsValue> {
        answered(self.connection.committed())
    }

    #[wasm_bindgen(js_name = commitFailed)]
    pub fn commit_failed(&mut self, reason: &str) -> Result<(), JsValue> {
        answered(self.connection.commit_failed(refusal(reason)?))
    }
}

/// What a server keeps of a password for SCRAM-SHA-256.
#[wasm_bindgen]
pub struct ScramKeys(popmail::ScramKeys);

/// Makes keys out of a password: some milliseconds of work.
#[wasm_bindgen(js_name = scramKeys)]
pub fn scram_keys(password: &[u8], salt: &[u8], iterations: u32) -> ScramKeys {
    leave_normal_form_to_host();
    ScramKeys(popmail::ScramKeys::from_password(
        password, salt, iterations,
    ))
}

/// Messages in memory.
#[wasm_bindgen]
#[derive(Default)]
pub struct MemoryStore(MemoryMaildrop);

#[wasm_bindgen]
impl MemoryStore {
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    pub fn append(&mut self, message: &[u8]) {
        self.0.push(message);
    }

    #[wasm_bindgen(getter)]
    pub fn count(&self) -> usize {
        self.0.messages().len()
    }

    pub fn refresh(&mut self) -> Result<(), JsValue> {
        self.0.refresh().map_err(|error| failed(&error))
    }

    pub fn entries(&self) -> Array {
        let entries = self.0.entries().iter().map(|entry| {
            Properties::default()
                .with("uid", entry.uid.as_str())
                .with("octets", entry.octets as f64)
        });
        entries.map(JsValue::from).collect()
    }

    pub fn read(&self, number: u32) -> Option<Vec<u8>> {
        let mut octets = Vec::new();
        self.0.open(number).ok()?.read_to_end(&mut octets).ok()?;
        Some(octets)
    }

    pub fn commit(&mut self, deleted: Vec<u32>) -> Result<(), JsValue> {
        self.0.commit(&deleted).map_err(|error| failed(&error))
    }
}

/// An event as `ts/event.ts` describes it. The credentials stay behind: the
/// engine object verifies them.
fn convert(event: &ServerEvent) -> JsValue {
    match event {
        ServerEvent::Authenticate { credentials } => {
            Properties::new("authenticate").with("user", credentials.user())
        }
        ServerEvent::KeysWanted {
            user,
            salt,
            iterations,
        } => Properties::new("keysWanted")
            .with("user", user.as_str())
            .with("salt", js_sys::Uint8Array::from(salt.as_slice()))
            .with("iterations", *iterations),
        ServerEvent::OpenMaildrop { user } => {
            Properties::new("openMaildrop").with("user", user.as_str())
        }
        ServerEvent::Retrieve {
            number,
            lines,
            utf8,
        } => Properties::new("retrieve")
            .with("number", *number)
            .with("lines", lines.map(|lines| lines as f64))
            .with("utf8", *utf8),
        ServerEvent::Commit { deleted } => {
            let deleted: Array = deleted.iter().copied().map(JsValue::from).collect();
            Properties::new("commit").with("deleted", deleted)
        }
        ServerEvent::TlsReady => Properties::new("tlsReady"),
        ServerEvent::LoginFailed { user, count, delay } => Properties::new("loginFailed")
            .with("user", user.as_str())
            .with("count", *count)
            .with("delay", delay.as_secs_f64() * 1e3),
        ServerEvent::CommandRefused { count, delay } => Properties::new("commandRefused")
            .with("count", *count)
            .with("delay", delay.as_secs_f64() * 1e3),
        ServerEvent::ClientForwarded { address, port } => Properties::new("clientForwarded")
            .with("address", address.to_string().as_str())
            .with("port", port.map(f64::from)),
        ServerEvent::LineReceived { line } => {
            Properties::new("lineReceived").with("line", line.as_str())
        }
        ServerEvent::ConnectionClosed { reason } => {
            Properties::new("connectionClosed").with("reason", reason.as_str())
        }
        _ => Properties::new("unknown"),
    }
    .into()
}

fn limits(object: &JsValue) -> ServerLimits {
    let mut limits = ServerLimits::default();
    set_limits!(limits, object, {
        command_line: "commandLine",
        sasl_response: "saslResponse",
        waiting_input: "waitingInput",
        waiting_output: "waitingOutput",
        bad_commands_before_login: "badCommandsBeforeLogin",
        bad_commands: "badCommands",
        commands_before_login: "commandsBeforeLogin",
        failed_logins: "failedLogins",
    });
    let mut set_time = |name: &str, limit: fn(&mut ServerLimits) -> &mut std::time::Duration| {
        if let Some(value) = number(object, name) {
            *limit(&mut limits) = duration(value);
        }
    };
    set_time("failedLoginDelay", |limits| &mut limits.failed_login_delay);
    set_time("badCommandDelay", |limits| &mut limits.bad_command_delay);
    set_time("loginTimeout", |limits| &mut limits.login_timeout);
    set_time("loginTime", |limits| &mut limits.login_time);
    set_time("sessionTime", |limits| &mut limits.session_time);
    set_time("autologout", |limits| &mut limits.autologout);
    limits
}

/// What the server shall do wrong; nothing for an absent object.
fn faults(object: &JsValue) -> Result<Faults, JsValue> {
    if object.is_falsy() {
        return Ok(Faults::default());
    }
    let mut faults = match text(object, "persona") {
        None => Faults::default(),
        Some(name) => {
            Faults::persona(&name).ok_or_else(|| argument(&format!("unknown persona '{name}'")))?
        }
    };
    let words = |name: &str| {
        let words = property(object, name).dyn_into::<Array>().ok()?;
        Some(words.iter().filter_map(|word| word.as_string()).collect())
    };
    for (name, place) in [
        ("negativeStat", &mut faults.negative_stat),
        ("unstuffedDots", &mut faults.unstuffed_dots),
        ("unstuffedFirstDot", &mut faults.unstuffed_first_dot),
        ("lfLineEnds", &mut faults.lf_line_ends),
        ("okForChallenge", &mut faults.ok_for_challenge),
        ("closeForErr", &mut faults.close_for_err),
        ("uidlWithoutNumber", &mut faults.uidl_without_number),
        ("blankLine", &mut faults.blank_line),
        ("lowerCaseStatus", &mut faults.lower_case_status),
    ] {
        if let Some(value) = property(object, name).as_bool() {
            *place = value;
        }
    }
    for (name, place) in [
        ("cutAfter", &mut faults.cut_after),
        ("cutContentAfter", &mut faults.cut_content_after),
        ("topOctets", &mut faults.top_octets),
    ] {
        *place = number(object, name).map(|value| value as u64).or(*place);
    }
    if let Some(value) = number(object, "piece") {
        faults.piece = Some(value as usize);
    }
    if let Some(value) = number(object, "sizeError") {
        faults.size_error = value as i64;
    }
    if let Some(value) = number(object, "extraBlanks") {
        faults.extra_blanks = value as usize;
    }
    if let Some(value) = words("missing") {
        faults.missing = value;
    }
    if let Some(value) = words("late") {
        faults.late = value;
    }
    faults.stls_residue = octets(object, "stlsResidue");
    faults.delay = duration(number(object, "delay").unwrap_or_default());
    Ok(faults)
}

fn octets(object: &JsValue, name: &str) -> Vec<u8> {
    match property(object, name).dyn_into::<js_sys::Uint8Array>() {
        Ok(octets) => octets.to_vec(),
        Err(_) => Vec::new(),
    }
}

fn mechanism(name: &JsValue) -> Result<SaslMechanism, JsValue> {
    let name = name.as_string().unwrap_or_default();
    let mut all = SaslMechanism::ALL.into_iter();
    all.find(|one| one.as_str().eq_ignore_ascii_case(&name))
        .ok_or_else(|| argument(&format!("unknown mechanism '{name}'")))
}

/// The reason of a refusal, by its name in the core.
fn refusal(name: &str) -> Result<Refusal, JsValue> {
    let mut known = Refusal::ALL.iter().copied();
    known
        .find(|refusal| refusal.as_str() == name)
        .ok_or_else(|| argument(&format!("unknown refusal '{name}'")))
}

fn answered(result: Result<(), UsageError>) -> Result<(), JsValue> {
    result.map_err(|error| refused(&error))
}

fn failed(error: &impl std::fmt::Display) -> JsValue {
    js_sys::Error::new(&error.to_string()).into()
}
