//! Authentication mechanisms, one per file.
//!
//! A mechanism turns names, secrets and challenges into octets; whether it
//! may be used on a channel is decided in `login`, and what becomes of the
//! octets on the wire in `client`.
//!
//! They are written here, over the digests of RustCrypto: each is a page, and
//! the one crate of SASL mechanisms that does no I/O (rsasl) asks its host for
//! callbacks and brings more code than the engine has.

pub mod apop;
pub(crate) mod base64;
pub(crate) mod bearer;
mod binding;
pub(crate) mod cram_md5;
mod external;
mod login;
pub mod plain;
pub(crate) mod prepare;
mod scram;
mod scram_server;

use std::fmt::Debug;

use crate::secret::Secret;

pub(crate) use bearer::Bearer;
pub use binding::ChannelBinding;
pub(crate) use cram_md5::CramMd5;
pub(crate) use external::External;
pub(crate) use login::Login;
pub(crate) use plain::Plain;
pub(crate) use scram::{Binding, Hash, Scram};
pub use scram_server::ScramKeys;
pub(crate) use scram_server::{ClientFirst, ServerScram, hmac, seeded};

/// The client's side of one SASL exchange (RFC 4422).
pub(crate) trait Mechanism: Debug + Send + Sync {
    /// The name for AUTH.
    fn name(&self) -> &'static str;

    /// True if the client speaks first, so that its first message may go as
    /// an initial response; the challenge that asks for it is empty.
    fn speaks_first(&self) -> bool {
        true
    }

    /// The answer to a challenge; the first is empty where the client speaks
    /// first. `Err` gives the exchange up and says why.
    fn respond(&mut self, challenge: &[u8]) -> Result<Secret<Vec<u8>>, String>;

    /// True while the client has something to say: a success comes too early.
    fn has_more(&self) -> bool;

    /// The server says that the login succeeded: may it be believed?
    fn accepted(&self) -> Result<(), String> {
        Ok(())
    }

    /// What the server said about a failure in a challenge, as OAuth does.
    fn detail(&self) -> Option<&str> {
        None
    }
}
