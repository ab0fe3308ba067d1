//! The protocol engine: both roles, one grammar.
//!
//! The wire is in `command`, `reply`, `capability` and `multiline`; the
//! states of both roles are tables in `state`; `client` and `server` are the
//! engines; `login` is the plan from the greeting to the transaction state.
//!
//! RFC 1939 (POP3), 2449 (CAPA, response codes, pipelining), 2595 section 4
//! (STLS), 3206 (SYS and AUTH codes), 5034 (AUTH).

mod auth;
mod capability;
mod client;
mod command;
mod entries;
mod event;
mod limits;
mod line;
#[cfg(feature = "lint")]
pub mod lint;
mod listing;
mod login;
mod multiline;
mod prefetch;
mod reply;
mod server;
mod state;
#[cfg(feature = "sync")]
pub mod sync;

pub use auth::apop::{Stamp, digest as apop_digest};
#[cfg(feature = "host-saslprep")]
pub use auth::prepare::set_host_normal_form;
pub use auth::{ChannelBinding, ScramKeys};
pub use capability::{Capabilities, Expire, LoginDelay};
pub use client::{ClientConfig, ClientConnection, ContentMode};
pub use command::{Command, SyntaxError, Verb};
pub use entries::{ListEntries, ListEntry, UidlEntries, UidlEntry};
pub use event::{
    ClientEvent, CloseReason, Credentials, Deviation, Direction, Handle, Language, MaildropEntry,
    ServerEvent, Stat,
};
pub use limits::{Limits, ServerLimits};
pub use login::{AuthChoice, LoginRequest, Security};
pub use multiline::{Stuffer, Unstuffer};
pub use prefetch::Prefetch;
pub use reply::{Reply, Status, Verdict};
pub use server::{Faults, Refusal, SaslMechanism, ServerConfig, ServerConnection};
pub use state::State;

/// The name of this protocol for the TLS handshake (RFC 7301), which hosts
/// offer.
pub const ALPN_PROTOCOL: &str = "pop3";

/// May a TLS connection be used for which the server chose this protocol?
/// Not if it chose another one: somebody leads POP3 to a server that speaks
/// something else. Servers that choose none are many.
pub fn accepts_alpn(selected: Option<&[u8]>) -> bool {
    selected.is_none_or(|name| name == ALPN_PROTOCOL.as_bytes())
}
