//! SASL exchanges from the server's side, one step at a time.
//!
//! Decides what a client's response means; `login` decides what becomes of
//! it. The rules guarded here: every exchange ends after the steps that its
//! mechanism has, and a name with a control character never gets out.
//!
//! RFC 5034, 4616 (PLAIN), 2195 (CRAM-MD5), 7677 (SCRAM), 7628 (OAUTHBEARER).

use crate::pop3::auth::{ClientFirst, ServerScram, bearer, cram_md5, plain};
use crate::pop3::event::Credentials;
use crate::secret::Secret;

/// A mechanism that a server can offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SaslMechanism {
    /// Over TLS, or with leave to do without it.
    Plain,
    /// Like PLAIN, for clients that know no better.
    Login,
    /// On any channel; the host must have the password.
    CramMd5,
    /// On any channel; the host must have the password or its
    /// [`ScramKeys`](crate::pop3::ScramKeys).
    ScramSha256,
    /// A token; over TLS, or with leave to do without it.
    XOAuth2,
    /// A token; over TLS, or with leave to do without it.
    OAuthBearer,
}

impl SaslMechanism {
    /// All of them, the strongest first.
    pub const ALL: [Self; 6] = [
        Self::ScramSha256,
        Self::CramMd5,
        Self::Plain,
        Self::Login,
        Self::OAuthBearer,
        Self::XOAuth2,
    ];

    /// The name for AUTH and CAPA.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::CramMd5 => "CRAM-MD5",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::XOAuth2 => "XOAUTH2",
            Self::OAuthBearer => "OAUTHBEARER",
        }
    }

    /// True if who reads along could log in afterwards.
    pub(super) fn shows_secret(self) -> bool {
        !matches!(self, Self::CramMd5 | Self::ScramSha256)
    }

    /// True if it needs octets that nobody can guess.
    pub(super) fn needs_seed(self) -> bool {
        !self.shows_secret()
    }

    /// What a token that is refused is told (RFC 7628 section 3.2.2); the
    /// XOAUTH2 of Google has a status of HTTP in it.
    pub(super) fn oauth_error(self) -> &'static str {
        match self {
            Self::XOAuth2 => r#"{"status":"401","schemes":"bearer"}"#,
            _ => r#"{"status":"invalid_token"}"#,
        }
    }
}

/// An exchange that waits for the client.
#[derive(Debug)]
pub(super) enum Exchange {
    Plain,
    LoginName,
    LoginPassword {
        user: String,
    },
    CramMd5 {
        challenge: String,
    },
    Token(SaslMechanism),
    /// A token was refused: whatever the client says, `-ERR` follows.
    TokenRefused,
    ScramFirst,
    ScramFinal(ServerScram),
    /// The server's proof was sent; the client says that it has seen it.
    ScramProved {
        user: String,
    },
}

/// What follows from a response.
#[derive(Debug)]
pub(super) enum Step {
    Challenge(String, Exchange),
    Verify(Credentials),
    WantKeys(ClientFirst),
    Accept {
        user: String,
    },
    /// The proof is wrong.
    Refuse {
        user: String,
    },
    /// The answer to a refused token has come.
    RefuseToken,
    Malformed,
}

impl Exchange {
    /// The state before the first response; `challenge` is for CRAM-MD5.
    pub(super) fn begin(mechanism: SaslMechanism, challenge: impl FnOnce() -> String) -> Self {
        match mechanism {
            SaslMechanism::Plain => Self::Plain,
            SaslMechanism::Login => Self::LoginName,
            SaslMechanism::CramMd5 => Self::CramMd5 {
                challenge: challenge(),
            },
            SaslMechanism::ScramSha256 => Self::ScramFirst,
            SaslMechanism::XOAuth2 | SaslMechanism::OAuthBearer => Self::Token(mechanism),
        }
    }

    /// The challenge that asks for the first response.
    pub(super) fn first_challenge(&self) -> &str {
        match self {
            Self::LoginName => "Username:",
            Self::CramMd5 { challenge } => challenge,
            _ => "",
        }
    }

    /// False if the server speaks first, so that AUTH can bring no response.
    pub(super) fn takes_initial_response(&self) -> bool {
        !matches!(self, Self::CramMd5 { .. })
    }

    pub(super) fn respond(self, response: &[u8]) -> Step {
        match self {
            Self::Plain => match plain::parse(response) {
                // Acting for another user is not offered.
                Some((identity, user, _)) if !identity.is_empty() && identity != user => {
                    Step::Refuse { user }
                }
                Some((_, user, password)) => Step::Verify(Credentials::Password { user, password }),
                None => Step::Malformed,
            },
            Self::LoginName => match name(response) {
                Some(user) => Step::Challenge("Password:".into(), Self::LoginPassword { user }),
                None => Step::Malformed,
            },
            Self::LoginPassword { .. } if response.is_empty() || response.contains(&0) => {
                Step::Malformed
            }
            Self::LoginPassword { user } => Step::Verify(Credentials::Password {
                user,
                password: Secret::new(response.to_vec()),
            }),
            Self::CramMd5 { challenge } => match cram_md5::parse(response) {
                Some((user, digest)) => Step::Verify(Credentials::CramMd5 {
                    user,
                    digest,
                    challenge,
                }),
                None => Step::Malformed,
            },
            Self::Token(mechanism) => {
                let parsed = match mechanism {
                    SaslMechanism::XOAuth2 => bearer::parse_xoauth2(response),
                    _ => bearer::parse_oauthbearer(response),
                };
                match parsed {
                    Some((user, token)) => Step::Verify(Credentials::Token { user, token }),
                    None => Step::Malformed,
                }
            }
            Self::TokenRefused => Step::RefuseToken,
            Self::ScramFirst => match ClientFirst::parse(response) {
                Some(first) => Step::WantKeys(first),
                None => Step::Malformed,
            },
            Self::ScramFinal(scram) => match scram.prove(response) {
                Some(proof) => {
                    let user = scram.user().to_owned();
                    match proof {
                        Some(proof) => Step::Challenge(proof, Self::ScramProved { user }),
                        None => Step::Refuse { user },
                    }
                }
                None => Step::Malformed,
            },
            Self::ScramProved { user } if response.is_empty() => Step::Accept { user },
            Self::ScramProved { .. } => Step::Malformed,
        }
    }
}

/// A name without control characters.
fn name(octets: &[u8]) -> Option<String> {
    let text = str::from_utf8(octets).ok()?;
    (!text.is_empty() && !text.bytes().any(|octet| octet.is_ascii_control()))
        .then(|| text.to_owned())
}
