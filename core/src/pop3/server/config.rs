//! What a host decides before a client has said anything.

use super::{Faults, SaslMechanism};
use crate::pop3::auth::apop::Stamp;
use crate::pop3::capability::{Expire, LoginDelay};
use crate::pop3::limits::ServerLimits;
use crate::pop3::login::Security;
use crate::secret::Secret;

/// What a server connection is and may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// The text of the greeting: printable ASCII, other octets become `?`.
    /// Empty stands for `ready`.
    pub greeting: String,
    /// Offers APOP with this stamp. The host makes a new one for each
    /// connection (RFC 1939 section 7).
    pub apop_stamp: Option<Stamp>,
    /// [`Implicit`](Security::Implicit) if the channel is already secure,
    /// [`StartTls`](Security::StartTls) to offer STLS.
    pub tls: Security,
    /// Takes passwords on a channel without TLS too. APOP, which sends none,
    /// needs no such permission.
    pub allow_cleartext: bool,
    /// What the client is told after the login as IMPLEMENTATION, if
    /// anything.
    pub implementation: Option<String>,
    /// The SASL mechanisms, in the order in which they are told: PLAIN. Those
    /// that show a secret are offered where passwords are taken, the others
    /// where there is a seed.
    pub mechanisms: Vec<SaslMechanism>,
    /// 16 octets or more that nobody can guess, new for each connection: the
    /// nonces of CRAM-MD5 and SCRAM come from them.
    pub seed: Secret<Vec<u8>>,
    /// Octets that nobody can guess, the same for each connection of a
    /// server: the salts of SCRAM come from them. Empty stands for the seed.
    pub salt_key: Secret<Vec<u8>>,
    /// Offers UTF8 (RFC 6856 section 2).
    pub utf8: bool,
    /// Offers LANG (RFC 6856 section 3).
    pub lang: bool,
    /// What CAPA tells of how long messages stay, if anything.
    pub expire: Option<Expire>,
    /// What CAPA tells of the time between two logins, if anything; the host
    /// keeps count, and refuses with [`Refusal::LoginDelay`](super::Refusal::LoginDelay).
    pub login_delay: Option<LoginDelay>,
    /// Offers LAST, which RFC 1725 dropped.
    pub last: bool,
    /// Takes XCLIENT: the host trusts this peer to name whom it speaks for.
    pub xclient: bool,
    /// Tells each line of the client in [`ServerEvent::LineReceived`](crate::ServerEvent::LineReceived).
    pub trace: bool,
    /// What shall go wrong; for tests.
    pub faults: Faults,
    /// The bounds.
    pub limits: ServerLimits,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            greeting: String::new(),
            apop_stamp: None,
            tls: Security::default(),
            allow_cleartext: false,
            implementation: None,
            mechanisms: vec![SaslMechanism::Plain],
            seed: Secret::default(),
            salt_key: Secret::default(),
            utf8: false,
            lang: false,
            expire: None,
            login_delay: None,
            last: false,
            xclient: false,
            trace: false,
            faults: Faults::default(),
            limits: ServerLimits::default(),
        }
    }
}
