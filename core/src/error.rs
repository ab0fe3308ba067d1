//! Every error of the engines, by family and stable code.
//!
//! The first question that each answers is "can I go on?": see
//! [`Error::is_fatal`]. Codes are listed once more, with the class that each
//! becomes in every language, in `tests/registry/errors.json`; a test holds
//! the two together.
//!
//! Messages are lower case without a full stop, name what was expected and
//! what came, show bytes escaped and cut at 80, and never hold a secret.

use std::fmt;

use crate::pop3::{Reply, Verdict};

/// What kind of trouble an [`Error`] is, and so what the caller can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorFamily {
    /// The server answered `-ERR`: go on with the next command.
    Command,
    /// The server broke the rules: the connection is over.
    Protocol,
    /// The stream ended or never began: the connection is over.
    ConnectionLost,
    /// The peer was silent for too long: the connection is over.
    Timeout,
    /// One of our bounds was passed: the message says which.
    Limit,
    /// What was asked for would have given a secret away: nothing was sent.
    Insecure,
    /// The caller's order or arguments: nothing was sent, nothing changed.
    Usage,
    /// Our bug.
    Internal,
}

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $family:ident, fatal: $fatal:literal;)*) => {
        /// The stable name of a kind of error.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode { $($(#[$doc])* $name,)* }

        impl ErrorCode {
            /// Every code, in the order of the registry.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code as users see it in every language.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The family, which decides the class in each language.
            pub fn family(self) -> ErrorFamily {
                match self { $(Self::$name => ErrorFamily::$family,)* }
            }

            /// True if the connection cannot be used after this error.
            pub fn is_fatal(self) -> bool {
                match self { $(Self::$name => $fatal,)* }
            }
        }
    };
}

error_codes! {
    /// The server answered `-ERR` to a command.
    Command = "POP3_ERR_COMMAND", Command, fatal: false;
    /// The server refused the login.
    Authentication = "POP3_ERR_AUTHENTICATION", Command, fatal: false;
    /// The mechanism asked for cannot be used with this server.
    MechanismUnavailable = "POP3_ERR_MECHANISM_UNAVAILABLE", Command, fatal: false;
    /// The server's first words were `-ERR`.
    GreetingRefused = "POP3_ERR_GREETING_REFUSED", Command, fatal: true;
    /// A reply that is no POP3.
    MalformedReply = "POP3_ERR_MALFORMED_REPLY", Protocol, fatal: true;
    /// Bytes from the server that answer nothing.
    UnsolicitedReply = "POP3_ERR_UNSOLICITED_REPLY", Protocol, fatal: true;
    /// Bytes between the reply to STLS and the TLS handshake.
    StlsInjection = "POP3_ERR_STLS_INJECTION", Protocol, fatal: true;
    /// The stream ended before the work was done.
    ConnectionLost = "POP3_ERR_CONNECTION_LOST", ConnectionLost, fatal: true;
    /// The host could not reach the server; raised by the faces.
    Connect = "POP3_ERR_CONNECT", ConnectionLost, fatal: true;
    /// The TLS handshake or the certificate check failed; raised by the faces.
    Tls = "POP3_ERR_TLS", ConnectionLost, fatal: true;
    /// The server was silent for too long.
    Timeout = "POP3_ERR_TIMEOUT", Timeout, fatal: true;
    /// A status line is too long.
    LimitStatusLine = "POP3_ERR_LIMIT_STATUS_LINE", Limit, fatal: true;
    /// A line of a listing is too long.
    LimitListingLine = "POP3_ERR_LIMIT_LISTING_LINE", Limit, fatal: true;
    /// A listing has too many lines.
    LimitListingEntries = "POP3_ERR_LIMIT_LISTING_ENTRIES", Limit, fatal: true;
    /// A list of capabilities has too many lines, or one is too long.
    LimitCapabilities = "POP3_ERR_LIMIT_CAPABILITIES", Limit, fatal: true;
    /// A SASL challenge is too long.
    LimitChallenge = "POP3_ERR_LIMIT_CHALLENGE", Limit, fatal: true;
    /// A SASL exchange has too many rounds.
    LimitRounds = "POP3_ERR_LIMIT_ROUNDS", Limit, fatal: true;
    /// A message asked for as one buffer is too large for one.
    LimitContent = "POP3_ERR_LIMIT_CONTENT", Limit, fatal: true;
    /// A password would cross a channel without TLS.
    InsecureCleartext = "POP3_ERR_INSECURE_CLEARTEXT", Insecure, fatal: false;
    /// The server does not begin TLS, which the caller asked for.
    InsecureStls = "POP3_ERR_INSECURE_STLS", Insecure, fatal: false;
    /// An argument cannot be part of a command.
    UsageArgument = "POP3_ERR_USAGE_ARGUMENT", Usage, fatal: false;
    /// The command does not belong to the state of the connection.
    UsageState = "POP3_ERR_USAGE_STATE", Usage, fatal: false;
    /// The connection is over.
    UsageClosed = "POP3_ERR_USAGE_CLOSED", Usage, fatal: true;
    /// The engine contradicts itself.
    Internal = "POP3_ERR_INTERNAL", Internal, fatal: true;
}

/// An error of an exchange or of the connection, told by an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    code: ErrorCode,
    message: String,
    reply: Option<Reply>,
    guess: Option<Verdict>,
    detail: Option<String>,
}

impl Error {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            reply: None,
            guess: None,
            detail: None,
        }
    }

    pub(crate) fn with_reply(mut self, reply: Reply) -> Self {
        self.reply = Some(reply);
        self
    }

    pub(crate) fn with_guess(mut self, guess: Verdict) -> Self {
        self.guess = Some(guess);
        self
    }

    pub(crate) fn with_detail(mut self, detail: Option<String>) -> Self {
        self.detail = detail;
        self
    }

    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// True if the connection cannot be used after this error.
    pub fn is_fatal(&self) -> bool {
        self.code.is_fatal()
    }

    /// The reply that caused it, if one did.
    pub fn reply(&self) -> Option<&Reply> {
        self.reply.as_ref()
    }

    /// What it seems to mean for the next try where no response code says so,
    /// from the words of the reply or from what the server did: a guess. `None`
    /// without a reply to guess from.
    pub fn guessed_verdict(&self) -> Option<Verdict> {
        self.guess
            .or_else(|| self.reply.as_ref().map(Reply::guessed_verdict))
    }

    /// What the server told besides its reply: for a refused token the JSON
    /// of OAuth with `status` and `scope` (RFC 7628 section 3.2.2).
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// The caller's order or arguments were wrong: nothing was sent and nothing
/// changed. Never caused by bytes from the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageError {
    code: ErrorCode,
    message: String,
}

impl UsageError {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::UsageArgument, message)
    }

    /// The stable code: of the family `Usage`, or `Insecure` where the
    /// command would have given a secret away.
    pub fn code(&self) -> ErrorCode {
        self.code
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for UsageError {}

impl From<UsageError> for Error {
    fn from(error: UsageError) -> Self {
        Self::new(error.code, error.message)
    }
}

/// Bytes from the network as one printable line: ASCII escaped, cut at 80.
pub(crate) fn escaped(bytes: &[u8]) -> String {
    let shown = bytes.get(..ESCAPED_MAX).unwrap_or(bytes);
    let mut text = shown.escape_ascii().to_string();
    if shown.len() < bytes.len() {
        text.push_str("...");
    }
    text
}

/// Octets of foreign text that an error message shows.
const ESCAPED_MAX: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_bytes_are_one_printable_line_cut_at_80() {
        assert_eq!(escaped(b"+OK \x1b[2J\r\n"), "+OK \\x1b[2J\\r\\n");
        assert_eq!(escaped(&[b'a'; 81]), format!("{}...", "a".repeat(80)));
    }
}
