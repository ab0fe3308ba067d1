//! What the engines tell their hosts, as plain data without secrets.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::auth::apop::Stamp;
use super::auth::{cram_md5, prepare};
use super::capability::Capabilities;
use super::entries::{ListEntries, UidlEntries};
use super::reply::Reply;
use crate::error::Error;
use crate::secret::Secret;

/// Names one command of a connection, from its call to its last event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle(pub(crate) u64);

impl Handle {
    /// The number behind it, for a host that keeps handles as numbers.
    pub fn number(self) -> u64 {
        self.0
    }
}

/// The answer to STAT (RFC 1939 section 5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stat {
    /// Messages that are not marked as deleted.
    pub count: u64,
    /// The sum of their sizes, in octets.
    pub octets: u64,
}

/// What a [`ClientConnection`](super::ClientConnection) tells its host.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// The server greeted. Comes once, first; not if the greeting was `-ERR`.
    GreetingReceived {
        /// The greeting.
        reply: Reply,
    },
    /// The server agreed to STLS: run the TLS handshake on the transport now,
    /// with nothing written or read before it, then call `tls_established`.
    TlsReady {
        /// The login or the STLS command that asked for it.
        handle: Handle,
    },
    /// The server closed the connection in a way that a second one mends: open
    /// a new transport and go on with this connection as with a new one, from
    /// the server's greeting; the login goes on by itself. Comes only if
    /// [`ClientConfig::reconnect`](super::ClientConfig::reconnect) is set, and
    /// at most once. A host that cannot calls `receive_eof`.
    ReconnectRequested {
        /// The login.
        handle: Handle,
    },
    /// The login is done and the connection is in the transaction state.
    LoginFinished {
        /// The login.
        handle: Handle,
    },
    /// A command without a result of its own was answered `+OK`.
    CommandFinished {
        /// The command.
        handle: Handle,
        /// The answer.
        reply: Reply,
    },
    /// A command was refused, or a login failed: the connection goes on
    /// unless the error is fatal, when `ConnectionClosed` follows.
    CommandFailed {
        /// The command.
        handle: Handle,
        /// Why.
        error: Error,
    },
    /// CAPA was answered. Not for those that a login sends by itself.
    CapabilitiesReceived {
        /// The command.
        handle: Handle,
        /// All of them.
        capabilities: Capabilities,
    },
    /// STAT was answered.
    StatReceived {
        /// The command.
        handle: Handle,
        /// Count and size.
        stat: Stat,
    },
    /// LIST was answered; with a message number there is one entry.
    ListReceived {
        /// The command.
        handle: Handle,
        /// In the server's order.
        entries: ListEntries,
    },
    /// UIDL was answered; with a message number there is one entry.
    UidlReceived {
        /// The command.
        handle: Handle,
        /// In the server's order.
        entries: UidlEntries,
    },
    /// Content of RETR or TOP that was asked for in chunks. More follow until
    /// `ContentFinished`; without that one, what came is no message.
    ContentReceived {
        /// The command.
        handle: Handle,
        /// Octets, dots unstuffed; cut anywhere.
        chunk: Vec<u8>,
    },
    /// RETR or TOP is complete.
    ContentFinished {
        /// The command.
        handle: Handle,
        /// How many octets there were.
        octets: u64,
        /// All of them, if they were asked for as one buffer; else empty.
        content: Vec<u8>,
    },
    /// The server broke a rule and was understood all the same. Not in strict
    /// mode, where the connection fails instead.
    DeviationObserved {
        /// Which rule.
        deviation: Deviation,
        /// The server's octets, cut at 80.
        octets: Vec<u8>,
    },
    /// LANG was asked for the languages (RFC 6856 section 3.2).
    LanguagesReceived {
        /// The command.
        handle: Handle,
        /// In the server's order.
        languages: Vec<Language>,
    },
    /// A line of the dialogue, without secrets; only if the configuration
    /// asks for them. Content is one line that tells its size.
    LineTraced {
        /// Who said it.
        direction: Direction,
        /// Without its line end; what is not printable ASCII is escaped.
        line: String,
    },
    /// The connection is over: close the transport. No event comes after it,
    /// and none for commands that are still without an answer.
    ConnectionClosed {
        /// Why, unless it ended in order.
        error: Option<Error>,
    },
}

/// A language of a server's texts (RFC 6856 section 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Language {
    /// The tag, as for `LANG` (RFC 5646).
    pub tag: String,
    /// Its name, in that language.
    pub name: String,
}

/// Who said a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// This side.
    Sent,
    /// The server.
    Received,
}

impl Direction {
    /// The name that every language uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Received => "received",
        }
    }
}

macro_rules! deviations {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $rule:literal;)*) => {
        /// A rule that a server broke, and that is forgiven.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Deviation { $($(#[$doc])* $name,)* }

        impl Deviation {
            /// Every one of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name that every language uses.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What should have been, and where that stands.
            pub fn rule(self) -> &'static str {
                match self { $(Self::$name => $rule,)* }
            }
        }
    };
}

deviations! {
    /// A line ends with LF alone (RFC 1939 section 3).
    BareLf = "bare-lf",
        "lines end with CRLF (RFC 1939 section 3)";
    /// A status word is not in upper case (RFC 1939 section 3).
    LowerCaseStatus = "lower-case-status",
        "status words are in upper case (RFC 1939 section 3)";
    /// An empty line where a status line was due.
    BlankLine = "blank-line",
        "a reply begins with +OK or -ERR (RFC 1939 section 3)";
    /// A status line of more than 512 octets (RFC 1939 section 3).
    LongLine = "long-line",
        "a status line has at most 512 octets (RFC 1939 section 3)";
    /// Angle brackets in the greeting around something that is no stamp (RFC
    /// 1939 section 7, APOP).
    OddStamp = "odd-stamp",
        "angle brackets in the greeting hold a stamp of the form of a message id (RFC 1939 section 7)";
    /// A size or count that is no number, or one that is negative.
    OddNumber = "odd-number",
        "counts and sizes are decimal numbers (RFC 1939 section 5)";
    /// Fields of a listing are not separated by one space.
    OddSpacing = "odd-spacing",
        "fields are separated by one space (RFC 1939 section 5)";
    /// More in the answer to STAT, or in a line of LIST, than belongs there
    /// (RFC 1939 section 5).
    ExtraText = "extra-text",
        "nothing follows the numbers of STAT and LIST (RFC 1939 section 5)";
    /// A unique id that is not 1 to 70 octets of printable ASCII.
    OddUid = "odd-uid",
        "a unique id is 1 to 70 octets of printable ASCII (RFC 1939 section 7)";
    /// The answer to UIDL about one message leaves out its number.
    MissingNumber = "missing-number",
        "the answer to UIDL n begins with n (RFC 1939 section 7)";
    /// A capability in lower case, with blanks at its ends, or with `=` before
    /// its parameters (RFC 2449 section 3).
    OddCapability = "odd-capability",
        "a capability is its tag, and parameters after spaces (RFC 2449 section 3)";
    /// A command or mechanism that CAPA does not name is accepted (RFC 2449
    /// section 5).
    UnnamedCapability = "unnamed-capability",
        "what a server takes is named in CAPA (RFC 2449 section 5)";
    /// A mechanism that CAPA names is refused, and the same name and secret
    /// are accepted with another.
    RefusedMechanism = "refused-mechanism",
        "what CAPA names is taken (RFC 5034 section 3)";
    /// The connection ends where CAPA is to be answered (RFC 1939 section 3:
    /// an unknown command is answered `-ERR`).
    ClosedOnCapa = "closed-on-capa",
        "an unknown command is answered with -ERR (RFC 1939 section 3)";
    /// The connection ends where a login is to be refused.
    ClosedOnLogin = "closed-on-login",
        "a refused login is answered with -ERR (RFC 1939 section 3)";
    /// `+OK` where a SASL challenge was due (RFC 5034 section 4).
    OkForChallenge = "ok-for-challenge",
        "a SASL challenge begins with + and a space (RFC 5034 section 4)";
    /// A SASL challenge with text where it must be empty or base64.
    OddChallenge = "odd-challenge",
        "a SASL challenge is base64, and empty where the client speaks first (RFC 5034 section 4)";
    /// A SASL challenge without the space after its `+` (RFC 5034 section 4).
    MissingSpace = "missing-space",
        "a space follows the + of a SASL challenge (RFC 5034 section 4)";
    /// A message has another size than LIST or the answer to RETR said.
    OddSize = "odd-size",
        "a message has the size that was said (RFC 1939 section 11)";
    /// A message is shorter than LIST said: perhaps a line with a dot alone,
    /// which the server did not stuff, cut it short.
    ShortMessage = "short-message",
        "a message is whole, and dots at line starts are doubled (RFC 1939 section 3)";
    /// A message begins with a dot that was not stuffed.
    UnstuffedDot = "unstuffed-dot",
        "a dot at the start of a line is doubled (RFC 1939 section 3)";
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a client wants to log in with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credentials {
    /// USER and PASS, or SASL PLAIN or LOGIN.
    Password {
        /// The name.
        user: String,
        /// The password.
        password: Secret<Vec<u8>>,
    },
    /// APOP, over the stamp of the greeting.
    Apop {
        /// The name.
        user: String,
        /// The digest that the client sent.
        digest: String,
        /// What it was made over.
        stamp: Stamp,
    },
    /// SASL CRAM-MD5.
    CramMd5 {
        /// The name.
        user: String,
        /// The digest that the client sent.
        digest: String,
        /// What it was made over.
        challenge: String,
    },
    /// SASL OAUTHBEARER or XOAUTH2: ask whoever gave the token out.
    Token {
        /// The name; OAUTHBEARER may leave it empty.
        user: String,
        /// The token.
        token: Secret<Vec<u8>>,
    },
}

impl Credentials {
    /// The name in any form.
    pub fn user(&self) -> &str {
        match self {
            Self::Password { user, .. }
            | Self::Apop { user, .. }
            | Self::CramMd5 { user, .. }
            | Self::Token { user, .. } => user,
        }
    }

    /// True if the client knows this password; in a time that depends on
    /// lengths alone. Never for a token.
    pub fn verify(&self, secret: &[u8]) -> bool {
        match self {
            Self::Password { password, .. } => password.matches(secret),
            Self::Apop { digest, stamp, .. } => {
                // Clients prepare it (RFC 6856 section 2.2); older ones do not.
                let prepared = prepare::password(Secret::new(secret.to_vec()));
                stamp.verify(secret, digest) | stamp.verify(prepared.expose(), digest)
            }
            Self::CramMd5 {
                digest, challenge, ..
            } => cram_md5::verify(challenge, secret, digest),
            Self::Token { .. } => false,
        }
    }
}

/// A message as a maildrop lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaildropEntry {
    /// The unique id: 1 to 70 octets of printable ASCII without space.
    pub uid: String,
    /// The size in octets with every line end counted as CRLF.
    pub octets: u64,
}

/// What a [`ServerConnection`](super::ServerConnection) asks of its host. One
/// request is open at a time; each names the call that answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// Check these. Answer with `accept_login` or `refuse_login`.
    Authenticate {
        /// Name and secret.
        credentials: Credentials,
    },
    /// SCRAM: give the keys of this user with `provide_keys`, or `None` if
    /// there is no such user; the exchange goes on either way, so that the
    /// client cannot tell. A host that has a password makes them with
    /// [`ScramKeys::from_password`](super::ScramKeys::from_password), and for
    /// an unknown user out of anything, which takes as long.
    KeysWanted {
        /// The name.
        user: String,
        /// The salt for keys that are made from a password: the same for a
        /// name in every session.
        salt: Vec<u8>,
        /// The iterations for such keys.
        iterations: u32,
    },
    /// Lock and list this user's maildrop. Answer with `maildrop_opened` or
    /// `refuse_login`.
    OpenMaildrop {
        /// The name that was accepted.
        user: String,
    },
    /// Send this message. Answer with `send_content` as often as
    /// `wants_content` says and `finish_content`, or with `refuse_content`
    /// before the first octet or `fail_content` at any time.
    Retrieve {
        /// The message number, 1 or more.
        number: u32,
        /// Lines of the body that are wanted, `None` for all. The engine cuts:
        /// a host may send more, and stop when `content_is_complete`.
        lines: Option<u64>,
        /// True if the client said UTF8, so that header fields may hold it
        /// (RFC 6856). Without it a host may send such a message all the
        /// same, as most servers do, or refuse it with
        /// [`Refusal::Utf8`](super::Refusal::Utf8).
        utf8: bool,
    },
    /// Remove these for good. Answer with `committed` or `commit_failed`.
    Commit {
        /// Message numbers in ascending order.
        deleted: Vec<u32>,
    },
    /// STLS was accepted: write what `take_output` gives, run the TLS
    /// handshake, then call `tls_established`.
    TlsReady,
    /// A client failed to log in; a host may count these by address, and
    /// slow the address down with `penalize`.
    LoginFailed {
        /// The name that was tried.
        user: String,
        /// How many failed on this connection, this one included.
        count: u32,
        /// How long the answer is held back, counted from the request; the
        /// engine does so by itself.
        delay: Duration,
    },
    /// A client said what is no command here.
    CommandRefused {
        /// How many were refused on this connection, this one included; the
        /// login begins anew.
        count: u32,
        /// How long the answer is held back; the engine does so by itself.
        delay: Duration,
    },
    /// A trusted proxy named the client that it speaks for (XCLIENT).
    ClientForwarded {
        /// The client's address.
        address: IpAddr,
        /// The client's port, if it was named.
        port: Option<u16>,
    },
    /// A line of the client, printable and without secrets; only if the
    /// configuration asks for it.
    LineReceived {
        /// The line without its line end.
        line: String,
    },
    /// The connection is over: write what `take_output` gives and close the
    /// transport. No event comes after it.
    ConnectionClosed {
        /// Why.
        reason: CloseReason,
    },
}

/// Why a server connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// The client said QUIT.
    Quit,
    /// The client went away without QUIT; nothing was removed.
    ConnectionLost,
    /// The client was silent for too long; nothing was removed.
    Timeout,
    /// Octets came between STLS and the TLS handshake.
    StlsInjection,
    /// Too many bad commands.
    BadCommands,
    /// Too many failed logins.
    FailedLogins,
    /// The maildrop failed in the middle of a message, or at QUIT.
    MaildropFailed,
    /// A fault that the configuration asked for.
    Fault,
}

impl CloseReason {
    /// The name that every language uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quit => "quit",
            Self::ConnectionLost => "connection_lost",
            Self::Timeout => "timeout",
            Self::StlsInjection => "stls_injection",
            Self::BadCommands => "bad_commands",
            Self::FailedLogins => "failed_logins",
            Self::MaildropFailed => "maildrop_failed",
            Self::Fault => "fault",
        }
    }
}
