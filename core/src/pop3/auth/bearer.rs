//! OAuth: a bearer token, in one message, in two spellings.
//!
//! OAUTHBEARER is RFC 7628; XOAUTH2 is what Google and Microsoft took before
//! it, and has no RFC. Both answer an error, which comes as a challenge in
//! JSON, so that the server can refuse. The rule guarded here: after such a
//! challenge no `+OK` is a success.

use super::Mechanism;
use super::scram::{escape_name, unescape_name};
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

/// The server's reading of OAUTHBEARER: `(name, token)`; the name may be
/// empty, the token then tells it (RFC 7628
/// section 3.1).
pub(crate) fn parse_oauthbearer(message: &[u8]) -> Option<(String, Secret<Vec<u8>>)> {
    let rest = message.strip_prefix(b"n,")?.strip_suffix(b"\x01\x01")?;
    let mut fields = rest.split(|&octet| octet == 1);
    let identity = str::from_utf8(fields.next()?.strip_suffix(b",")?).ok()?;
    let user = match identity.strip_prefix("a=") {
        Some(name) => unescape_name(name)?,
        None if identity.is_empty() => String::new(),
        None => return None,
    };
    let token = bearer_token(fields.find_map(|field| field.strip_prefix(b"auth="))?)?;
    let printable = !user.bytes().any(|octet| octet.is_ascii_control());
    printable.then_some((user, token))
}

/// The server's reading of XOAUTH2: `(name, token)`.
pub(crate) fn parse_xoauth2(message: &[u8]) -> Option<(String, Secret<Vec<u8>>)> {
    let rest = message.strip_prefix(b"user=")?.strip_suffix(b"\x01\x01")?;
    let end = rest.iter().position(|&octet| octet == 1)?;
    let (user, rest) = rest.split_at_checked(end)?;
    let user = String::from_utf8(user.to_vec()).ok()?;
    let token = bearer_token(rest.get(1..)?.strip_prefix(b"auth=")?)?;
    let printable = !user.is_empty() && !user.bytes().any(|octet| octet.is_ascii_control());
    printable.then_some((user, token))
}

/// The token of `Bearer …`: printable ASCII (RFC 6750 section 2.1).
fn bearer_token(value: &[u8]) -> Option<Secret<Vec<u8>>> {
    let (scheme, token) = value.split_at_checked(7)?;
    let well_formed = scheme.eq_ignore_ascii_case(b"Bearer ")
        && !token.is_empty()
        && token.iter().all(u8::is_ascii_graphic);
    well_formed.then(|| Secret::new(token.to_vec()))
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

    #[test]
    fn the_server_reads_the_oauthbearer_that_the_client_says_and_nothing_else() {
        let mut mechanism = Bearer::oauthbearer("a,b=c", Secret::new(b"tok".to_vec()));
        let (user, token) = parse_oauthbearer(mechanism.respond(b"").unwrap().expose()).unwrap();
        assert_eq!(
            (user.as_str(), token.expose().as_slice()),
            ("a,b=c", &b"tok"[..])
        );
        // The example of RFC 7628 section 4.1 has host and port in front.
        let example = b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01\
            auth=Bearer vF9dft4qmT\x01\x01";
        assert_eq!(parse_oauthbearer(example).unwrap().0, "user@example.com");
        assert_eq!(
            parse_oauthbearer(b"n,,\x01auth=Bearer t\x01\x01")
                .unwrap()
                .0,
            ""
        );
        for odd in [
            &b""[..],
            b"\x01",
            b"n,a=me,\x01\x01",
            b"y,a=me,\x01auth=Bearer t\x01",
            b"n,b=me,\x01auth=Bearer t\x01\x01",
            b"n,a=m=3,\x01auth=Bearer t\x01\x01",
            b"n,a=me,\x01auth=Basic t\x01\x01",
        ] {
            assert_eq!(parse_oauthbearer(odd), None, "{}", odd.escape_ascii());
        }
    }

    #[test]
    fn the_server_reads_the_xoauth2_that_the_client_says_and_nothing_else() {
        let mut mechanism = Bearer::xoauth2("me@example.com", Secret::new(b"ya29.x".to_vec()));
        let (user, token) = parse_xoauth2(mechanism.respond(b"").unwrap().expose()).unwrap();
        assert_eq!(
            (user.as_str(), token.expose().as_slice()),
            ("me@example.com", &b"ya29.x"[..])
        );
        for odd in [
            &b""[..],
            b"user=me\x01\x01",
            b"user=\x01auth=Bearer t\x01\x01",
            b"user=me\x01auth=Bearer \x01\x01",
            b"user=me\x01auth=Basic t\x01\x01",
            b"user=me\x01auth=Bearer t\x01",
            b"user=m\re\x01auth=Bearer t\x01\x01",
            b"user=me\x01auth=Bearer t t\x01\x01",
        ] {
            assert_eq!(parse_xoauth2(odd), None, "{}", odd.escape_ascii());
        }
    }
}
