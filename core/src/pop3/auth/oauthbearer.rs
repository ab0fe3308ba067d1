//! SASL OAUTHBEARER: a bearer token (RFC 7628).

use super::Mechanism;
use super::scram::escape_name;
use super::xoauth2::unless_failed;
use crate::secret::Secret;

#[derive(Debug)]
pub(crate) struct OAuthBearer {
    user: String,
    token: Option<Secret<Vec<u8>>>,
    detail: Option<String>,
}

impl OAuthBearer {
    pub(crate) fn new(user: &str, token: Secret<Vec<u8>>) -> Self {
        Self {
            user: user.to_owned(),
            token: Some(token),
            detail: None,
        }
    }
}

impl Mechanism for OAuthBearer {
    fn name(&self) -> &'static str {
        "OAUTHBEARER"
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Secret<Vec<u8>>, String> {
        let Some(token) = self.token.take() else {
            // An error in JSON; a lone ^A lets the server refuse (section
            // 3.2.3).
            self.detail = Some(String::from_utf8_lossy(challenge).into_owned());
            return Ok(Secret::new(vec![1]));
        };
        let mut response = format!("n,a={},\x01auth=Bearer ", escape_name(&self.user)).into_bytes();
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_escaped_and_an_error_is_answered_with_control_a() {
        let mut mechanism = OAuthBearer::new("a,b=c", Secret::new(b"tok".to_vec()));
        assert_eq!(
            mechanism.respond(b"").unwrap().expose(),
            b"n,a=a=2Cb=3Dc,\x01auth=Bearer tok\x01\x01"
        );
        assert_eq!(mechanism.respond(b"{}").unwrap().expose(), b"\x01");
        assert!(mechanism.accepted().is_err());
    }
}
