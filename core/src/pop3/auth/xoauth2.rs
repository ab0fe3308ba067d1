//! XOAUTH2: a bearer token as Google and Microsoft take it. Without an RFC.

use super::Mechanism;
use crate::secret::Secret;

#[derive(Debug)]
pub(crate) struct XOAuth2 {
    user: String,
    token: Option<Secret<Vec<u8>>>,
    detail: Option<String>,
}

impl XOAuth2 {
    pub(crate) fn new(user: &str, token: Secret<Vec<u8>>) -> Self {
        Self {
            user: user.to_owned(),
            token: Some(token),
            detail: None,
        }
    }
}

impl Mechanism for XOAuth2 {
    fn name(&self) -> &'static str {
        "XOAUTH2"
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Secret<Vec<u8>>, String> {
        let Some(token) = self.token.take() else {
            // A second challenge tells an error in JSON; an empty answer
            // lets the server refuse.
            self.detail = Some(String::from_utf8_lossy(challenge).into_owned());
            return Ok(Secret::new(Vec::new()));
        };
        let mut response = format!("user={}\x01auth=Bearer ", self.user).into_bytes();
        response.extend_from_slice(token.expose());
        response.extend_from_slice(b"\x01\x01");
        Ok(Secret::new(response))
    }

    fn has_more(&self) -> bool {
        self.token.is_some()
    }

    fn accepted(&self) -> Result<(), String> {
        unless_failed(&self.detail)
    }

    fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }
}

/// An error in a challenge is never a success, whatever follows.
pub(crate) fn unless_failed(detail: &Option<String>) -> Result<(), String> {
    match detail {
        None => Ok(()),
        Some(_) => Err("the server reported an OAuth error and a success".into()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_token_goes_once_and_an_error_is_kept() {
        let mut mechanism = XOAuth2::new("me@example.com", Secret::new(b"ya29.x".to_vec()));
        assert_eq!(
            mechanism.respond(b"").unwrap().expose(),
            b"user=me@example.com\x01auth=Bearer ya29.x\x01\x01"
        );
        assert!(mechanism.accepted().is_ok());
        let answer = mechanism.respond(br#"{"status":"401"}"#).unwrap();
        assert_eq!(answer.expose(), b"");
        assert_eq!(mechanism.detail(), Some(r#"{"status":"401"}"#));
        assert!(mechanism.accepted().is_err());
    }
}
