//! The server's side of SCRAM-SHA-256 (RFC 5802, 7677): what it keeps of a
//! password, and the two messages that it reads.
//!
//! The rules guarded here: a server that keeps keys needs no password, an
//! unknown name gets the same answers as a known one until the proof fails,
//! and the client's proof is compared in constant time.

use zeroize::Zeroize;

use super::scram::{Hash, unescape_name};
use super::{base64, prepare};
use crate::secret::{Secret, constant_time_eq};

/// What a server has to know of a password for SCRAM-SHA-256: it can verify
/// a client and prove itself with these, and log in nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScramKeys {
    salt: Vec<u8>,
    iterations: u32,
    stored_key: Secret<Vec<u8>>,
    server_key: Secret<Vec<u8>>,
}

impl ScramKeys {
    /// Makes them out of a password: some milliseconds of work for 4,096
    /// iterations, which is the least that clients accept.
    pub fn from_password(password: &[u8], salt: &[u8], iterations: u32) -> Self {
        let password = prepare::password(Secret::new(password.to_vec()));
        let mut salted = HASH.salted(password.expose(), salt, iterations.max(1));
        let mut client_key = hmac(&salted, b"Client Key");
        let keys = Self {
            salt: salt.to_vec(),
            iterations,
            stored_key: Secret::new(HASH.digest(&client_key)),
            server_key: Secret::new(hmac(&salted, b"Server Key")),
        };
        salted.zeroize();
        client_key.zeroize();
        keys
    }

    /// As another server stored them: StoredKey and ServerKey of RFC 5802
    /// section 3, 32 octets each.
    pub fn stored(salt: &[u8], iterations: u32, stored_key: &[u8], server_key: &[u8]) -> Self {
        Self {
            salt: salt.to_vec(),
            iterations,
            stored_key: Secret::new(stored_key.to_vec()),
            server_key: Secret::new(server_key.to_vec()),
        }
    }

    /// Keys that no password has, the same for a name in every session.
    pub(crate) fn of_nobody(salt: &[u8], iterations: u32, random: &[u8]) -> Self {
        Self::stored(salt, iterations, &HASH.digest(random), &HASH.digest(salt))
    }
}

/// The client's first message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientFirst {
    pub(crate) user: String,
    gs2_header: String,
    bare: String,
    nonce: String,
}

impl ClientFirst {
    /// `None` if it cannot be read, asks for a channel binding, or wants to
    /// act for another user.
    pub(crate) fn parse(message: &[u8]) -> Option<Self> {
        let text = str::from_utf8(message).ok()?;
        if text.bytes().any(|octet| octet.is_ascii_control()) {
            return None;
        }
        // `n`: no channel binding; `y`: the client could, and sees that we
        // offer none.
        let after_flag = text
            .strip_prefix("n,")
            .or_else(|| text.strip_prefix("y,"))?;
        let (identity, bare) = after_flag.split_once(',')?;
        let (name, rest) = bare.strip_prefix("n=")?.split_once(',')?;
        let user = unescape_name(name).filter(|user| !user.is_empty())?;
        let nonce = rest.strip_prefix("r=")?;
        let nonce = nonce.split(',').next().filter(|nonce| !nonce.is_empty())?;
        match identity.strip_prefix("a=").map(unescape_name) {
            None if identity.is_empty() => {}
            Some(Some(name)) if name == user => {}
            _ => return None,
        }
        Some(Self {
            gs2_header: text.get(..text.len() - bare.len())?.to_owned(),
            bare: bare.to_owned(),
            nonce: nonce.to_owned(),
            user,
        })
    }
}

/// An exchange after the server's first message.
#[derive(Debug)]
pub(crate) struct ServerScram {
    first: ClientFirst,
    nonce: String,
    server_first: String,
    keys: ScramKeys,
}

impl ServerScram {
    /// `own_nonce` is printable ASCII without a comma that nobody can guess.
    pub(crate) fn new(first: ClientFirst, keys: ScramKeys, own_nonce: &str) -> Self {
        let nonce = format!("{}{own_nonce}", first.nonce);
        let salt = base64::encode(&keys.salt);
        Self {
            server_first: format!("r={nonce},s={salt},i={}", keys.iterations),
            first,
            nonce,
            keys,
        }
    }

    pub(crate) fn server_first(&self) -> &str {
        &self.server_first
    }

    /// Who logs in.
    pub(crate) fn user(&self) -> &str {
        &self.first.user
    }

    /// Reads the client's proof: `Some(Some(…))` is the server's own for a
    /// client that knows the password, `Some(None)` says that this one does
    /// not, `None` that the message cannot be read.
    pub(crate) fn prove(&self, client_final: &[u8]) -> Option<Option<String>> {
        let text = str::from_utf8(client_final).ok()?;
        let (without_proof, proof) = text.rsplit_once(",p=")?;
        let mut fields = without_proof.split(',');
        let binding = base64::decode(fields.next()?.strip_prefix("c=")?)?;
        let nonce = fields.next()?.strip_prefix("r=")?;
        let proof = base64::decode(proof)?;
        if nonce != self.nonce || binding != self.first.gs2_header.as_bytes() || proof.len() != 32 {
            return None;
        }
        let auth_message = format!("{},{},{without_proof}", self.first.bare, self.server_first);
        let stored_key = self.keys.stored_key.expose();
        let signature = hmac(stored_key, auth_message.as_bytes());
        let mut client_key: Vec<u8> = proof
            .iter()
            .zip(&signature)
            .map(|(proof, octet)| proof ^ octet)
            .collect();
        let known = constant_time_eq(&HASH.digest(&client_key), stored_key);
        client_key.zeroize();
        let server = hmac(self.keys.server_key.expose(), auth_message.as_bytes());
        Some(known.then(|| format!("v={}", base64::encode(server))))
    }
}

/// HMAC takes keys of any length, so that this does not fail.
pub(crate) fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    HASH.hmac(key, message).unwrap_or_default()
}

/// 32 hexadecimal digits that follow from a seed, for one purpose and once.
pub(crate) fn seeded(seed: &[u8], purpose: &[u8], number: u32) -> String {
    let message = [purpose, &number.to_be_bytes()].concat();
    let octets = hmac(seed, &message);
    super::apop::hexadecimal(octets.get(..16).unwrap_or(&octets))
}

const HASH: Hash = Hash::Sha256;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::{Binding, Mechanism, Scram};
    use super::*;

    fn first(message: &str) -> Option<ClientFirst> {
        ClientFirst::parse(message.as_bytes())
    }

    #[test]
    fn the_example_of_rfc_7677_is_met() {
        let first = first("n,,n=user,r=rOprNGfwEbeRWgbNEkqO").unwrap();
        assert_eq!(first.user, "user");
        let salt = base64::decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let keys = ScramKeys::from_password(b"pencil", &salt, 4_096);
        let scram = ServerScram::new(first, keys, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
        assert_eq!(
            scram.server_first(),
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        );
        let last = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
            p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        assert_eq!(
            scram.prove(last),
            Some(Some(
                "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=".to_owned()
            ))
        );
    }

    #[test]
    fn a_wrong_password_and_an_unknown_name_differ_in_nothing_but_the_keys() {
        let salt = b"0123456789abcdef";
        for keys in [
            ScramKeys::from_password(b"other", salt, 4_096),
            ScramKeys::of_nobody(salt, 4_096, b"random"),
        ] {
            let password = Secret::new(b"pencil".to_vec());
            let mut client = Scram::new(Hash::Sha256, "me", password, "", "abc", Binding::None);
            let message = client.respond(b"").unwrap();
            let first = ClientFirst::parse(message.expose()).unwrap();
            let scram = ServerScram::new(first, keys, "def");
            assert_eq!(
                scram.server_first(),
                "r=abcdef,s=MDEyMzQ1Njc4OWFiY2RlZg==,i=4096"
            );
            let last = client.respond(scram.server_first().as_bytes()).unwrap();
            assert_eq!(scram.prove(last.expose()), Some(None));
        }
    }

    #[test]
    fn hostile_messages_are_refused() {
        for message in [
            "",
            "n",
            "p=tls-exporter,,n=me,r=abc",
            "n,a=other,n=me,r=abc",
            "n,b=me,n=me,r=abc",
            "n,,n=,r=abc",
            "n,,n=m=3,r=abc",
            "n,,n=me,r=",
            "n,,m=x,n=me,r=abc",
            "n,,n=m\re,r=abc",
        ] {
            assert_eq!(first(message), None, "{message:?}");
        }
        assert_eq!(first("y,a=a=2Cb,n=a=2Cb,r=x,z=1").unwrap().user, "a,b");
        let keys = ScramKeys::of_nobody(b"salt", 4_096, b"");
        let scram = ServerScram::new(first("n,,n=me,r=abc").unwrap(), keys, "def");
        let proof = base64::encode([0; 32]);
        for message in [
            String::new(),
            format!("c=biws,r=abcdef,p={}", base64::encode([0; 31])),
            format!("c=biws,r=abc,p={proof}"),
            format!("c=eSws,r=abcdef,p={proof}"),
            format!("r=abcdef,p={proof}"),
            "c=biws,r=abcdef,p=!".to_owned(),
            "c=biws,r=abcdef".to_owned(),
        ] {
            assert_eq!(scram.prove(message.as_bytes()), None, "{message}");
        }
        let read = scram.prove(format!("c=biws,r=abcdef,p={proof}").as_bytes());
        assert_eq!(read, Some(None));
    }
}
