//! SASL PLAIN: identity, name and password in one message (RFC 4616).

use super::Mechanism;
use crate::error::UsageError;
use crate::secret::Secret;

#[derive(Debug)]
pub(crate) struct Plain(Option<Secret<Vec<u8>>>);

impl Plain {
    /// Fails for a NUL, which separates the three.
    pub(crate) fn new(authzid: &str, user: &str, password: &[u8]) -> Result<Self, UsageError> {
        message(authzid, user, password).map(|message| Self(Some(message)))
    }
}

impl Mechanism for Plain {
    fn name(&self) -> &'static str {
        "PLAIN"
    }

    fn respond(&mut self, _challenge: &[u8]) -> Result<Secret<Vec<u8>>, String> {
        self.0
            .take()
            .ok_or_else(|| "PLAIN has one challenge, got a second".into())
    }

    fn has_more(&self) -> bool {
        self.0.is_some()
    }
}

/// The client's one message, before base64.
fn message(authzid: &str, user: &str, password: &[u8]) -> Result<Secret<Vec<u8>>, UsageError> {
    if authzid.contains('\0') || user.contains('\0') || password.contains(&0) {
        return Err(UsageError::argument(
            "user name and password must hold no NUL",
        ));
    }
    let mut message = Vec::with_capacity(2 + authzid.len() + user.len() + password.len());
    message.extend_from_slice(authzid.as_bytes());
    message.push(0);
    message.extend_from_slice(user.as_bytes());
    message.push(0);
    message.extend_from_slice(password);
    Ok(Secret::new(message))
}

/// The server's reading of it: `(authorization identity, name, password)`.
pub(crate) fn parse(message: &[u8]) -> Option<(String, String, Secret<Vec<u8>>)> {
    let mut fields = message.split(|&octet| octet == 0);
    let identity = String::from_utf8(fields.next()?.to_vec()).ok()?;
    let user = String::from_utf8(fields.next()?.to_vec()).ok()?;
    let password = Secret::new(fields.next()?.to_vec());
    let printable = |text: &str| !text.bytes().any(|octet| octet.is_ascii_control());
    let complete = fields.next().is_none() && !user.is_empty() && !password.expose().is_empty();
    (complete && printable(&identity) && printable(&user)).then_some((identity, user, password))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_the_client_says_the_server_reads() {
        let message = message("", "tim", b"tanstaaf tanstaaf").unwrap();
        assert_eq!(message.expose(), b"\0tim\0tanstaaf tanstaaf");
        let (identity, user, password) = parse(message.expose()).unwrap();
        assert_eq!((identity.as_str(), user.as_str()), ("", "tim"));
        assert!(password.matches(b"tanstaaf tanstaaf"));
    }

    #[test]
    fn malformed_messages_are_refused() {
        for message in [
            &b""[..],
            b"tim",
            b"\0tim",
            b"\0\0password",
            b"\0tim\0",
            b"\0tim\0pass\0word",
            b"\0tim\r\nDELE 1\0password",
        ] {
            assert_eq!(parse(message), None, "{}", message.escape_ascii());
        }
        assert!(message("", "t\0m", b"x").is_err());
    }
}
