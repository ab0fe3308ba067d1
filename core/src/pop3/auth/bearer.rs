//! OAuth: a bearer token, in one message, in two spellings.
//!
//! OAUTHBEARER is RFC 7628; XOAUTH2 is what Google and Microsoft took before
//! it, and has no RFC. Both answer an error, which comes as a challenge in
//! JSON, so that the server can refuse. The rule guarded here: after such a
//! challenge no `+OK` is a success.

use super::Mechanism;
use super::scram::escape_name;
use crate::secret::Secret;

#[derive(Debug)]
pub(crate) struct Bearer {
    name: &'static str,
    /// What stands before the token.
    head: String,
    token: Option<Secret<Vec<u8>>>,
    /// The answer to an error.
    farewell: &'static [u8],
    detail: Option<String>,
}

impl Bearer {
    /// RFC 7628; an error is answered with a lone ^A (section 3.2.3).
    pub(crate) fn oauthbearer(user: &str, token: Secret<Vec<u8>>) -> Self {
        Self {
            name: "OAUTHBEARER",
            head: format!("n,a={},", escape_name(user)),
            token: Some(token),
            farewell: b"\x01",
            detail: None,
        }
    }

    /// The spelling before the RFC; an error is answered with nothing.
    pub(crate) fn xoauth2(user: &str, token: Secret<Vec<u8>>) -> Self {
        Self {
            name: "XOAUTH2",
            head: format!("user={user}"),
            token: Some(token),
            farewell: b"",
            detail: None,
        }
    }
}

impl Mechanism for Bearer {
    fn name(&self) -> &'static str {
        self.name
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Secret<Vec<u8>>, String> {
        let Some(token) = self.token.take() else {
            self.detail = Some(String::from_utf8_lossy(challenge).into_owned());
            return Ok(Secret::new(self.farewell.to_vec()));
        };
        const FIELD: &[u8] = b"\x01auth=Bearer ";
        const END: &[u8] = b"\x01\x01";
        // Made once in its full length, so that no part of a token is left
        // behind in a buffer that was outgrown.
        let parts = [self.head.as_bytes(), FIELD, token.expose(), END];
        Ok(Secret::new(parts.concat()))
    }

    fn has_more(&self) -> bool {
        self.token.is_some()
    }

    fn accepted(&self) -> Result<(), String> {
        match self.detail {
            None => Ok(()),
            Some(_) => Err("the server reported an OAuth error and a success".into()),
        }
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
    fn the_token_goes_once_and_an_error_is_kept() {
        let mut mechanism = Bearer::xoauth2("me@example.com", Secret::new(b"ya29.x".to_vec()));
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

    #[test]
    fn a_name_is_escaped_and_an_error_is_answered_with_control_a() {
        let mut mechanism = Bearer::oauthbearer("a,b=c", Secret::new(b"tok".to_vec()));
        assert_eq!(
            mechanism.respond(b"").unwrap().expose(),
            b"n,a=a=2Cb=3Dc,\x01auth=Bearer tok\x01\x01"
        );
        assert_eq!(mechanism.respond(b"{}").unwrap().expose(), b"\x01");
        assert!(mechanism.accepted().is_err());
    }
}
