//! SASL SCRAM-SHA-1 and SCRAM-SHA-256, with and without channel binding:
//! the password stays here, and the server proves that it knows it (RFC 5802,
//! 7677).
//!
//! The rules guarded here: the server's nonce must continue ours; a success
//! without the server's proof is none; iterations are bounded on both sides,
//! since few let a listener guess the password and too many stop the client.

use hmac::{Hmac, KeyInit, Mac};
use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use super::{ChannelBinding, Mechanism, base64, prepare};
use crate::secret::{Secret, constant_time_eq};

/// Which digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha1,
    Sha256,
}

/// What is known of the TLS channel (RFC 5802 section 6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Binding {
    /// Nothing.
    None,
    /// It could be used, but the server does not offer that.
    NotOffered,
    /// This, with the mechanism that ends in -PLUS.
    Used(ChannelBinding),
}

#[derive(Debug)]
pub(crate) struct Scram {
    hash: Hash,
    password: Secret<Vec<u8>>,
    /// `n,,` or `p=tls-exporter,,` with the identity to act for.
    gs2_header: String,
    binding: Binding,
    client_nonce: String,
    first_bare: String,
    step: Step,
}

#[derive(Debug)]
enum Step {
    First,
    Final,
    Proof { server_signature: Vec<u8> },
    Proved,
}

impl Scram {
    /// `client_nonce` is printable ASCII without a comma, new for each
    /// exchange. With a binding that is used the mechanism is the one that ends
    /// in -PLUS.
    pub(crate) fn new(
        hash: Hash,
        user: &str,
        password: Secret<Vec<u8>>,
        authzid: &str,
        client_nonce: &str,
        binding: Binding,
    ) -> Self {
        let flag = match &binding {
            Binding::Used(binding) => format!("p={}", binding.name),
            Binding::NotOffered => "y".to_owned(),
            Binding::None => "n".to_owned(),
        };
        let identity = match authzid {
            "" => String::new(),
            name => format!("a={}", escape_name(name)),
        };
        Self {
            hash,
            password: prepare::password(password),
            gs2_header: format!("{flag},{identity},"),
            binding,
            client_nonce: client_nonce.to_owned(),
            first_bare: format!("n={},r={client_nonce}", escape_name(&prepare::name(user))),
            step: Step::First,
        }
    }

    fn client_final(&mut self, server_first: &str) -> Result<Vec<u8>, String> {
        let field = |name: &str| {
            server_first
                .split(',')
                .find_map(|field| field.strip_prefix(name))
        };
        let odd = || format!("the server's SCRAM message cannot be read: {server_first:?}");
        if server_first.starts_with("m=") {
            return Err("the server asks for a SCRAM extension that is not known".into());
        }
        let nonce = field("r=").ok_or_else(odd)?;
        if !nonce.starts_with(&self.client_nonce) || nonce.len() == self.client_nonce.len() {
            return Err("the server's SCRAM nonce does not continue ours".into());
        }
        let salt = field("s=").and_then(base64::decode).ok_or_else(odd)?;
        let iterations: u32 = field("i=")
            .and_then(|count| count.parse().ok())
            .ok_or_else(odd)?;
        if !ITERATIONS.contains(&iterations) {
            return Err(format!(
                "SCRAM needs {} to {} iterations, the server asks for {iterations}",
                ITERATIONS.start(),
                ITERATIONS.end()
            ));
        }
        let mut bound = self.gs2_header.clone().into_bytes();
        if let Binding::Used(binding) = &self.binding {
            bound.extend_from_slice(&binding.data);
        }
        let without_proof = format!("c={},r={nonce}", base64::encode(&bound));
        let auth_message = format!("{},{server_first},{without_proof}", self.first_bare);
        let (proof, server_signature) =
            self.hash
                .keys(self.password.expose(), &salt, iterations, &auth_message)?;
        self.step = Step::Proof { server_signature };
        Ok(format!("{without_proof},p={}", base64::encode(proof)).into_bytes())
    }
}

impl Mechanism for Scram {
    fn name(&self) -> &'static str {
        match (self.hash, matches!(self.binding, Binding::Used(_))) {
            (Hash::Sha1, false) => "SCRAM-SHA-1",
            (Hash::Sha1, true) => "SCRAM-SHA-1-PLUS",
            (Hash::Sha256, false) => "SCRAM-SHA-256",
            (Hash::Sha256, true) => "SCRAM-SHA-256-PLUS",
        }
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Secret<Vec<u8>>, String> {
        match &self.step {
            Step::First => {
                self.step = Step::Final;
                let message = format!("{}{}", self.gs2_header, self.first_bare);
                Ok(Secret::new(message.into_bytes()))
            }
            Step::Final => {
                let server_first = str::from_utf8(challenge)
                    .map_err(|_| "the server's SCRAM message is no UTF-8".to_owned())?;
                self.client_final(server_first).map(Secret::new)
            }
            Step::Proof { server_signature } => {
                let proved = challenge
                    .strip_prefix(b"v=")
                    .and_then(base64::decode)
                    .is_some_and(|signature| constant_time_eq(&signature, server_signature));
                if !proved {
                    return Err("the server did not prove that it knows the password".into());
                }
                self.step = Step::Proved;
                Ok(Secret::new(Vec::new()))
            }
            Step::Proved => Err("SCRAM has three challenges, got a fourth".into()),
        }
    }

    fn has_more(&self) -> bool {
        matches!(self.step, Step::First | Step::Final)
    }

    fn accepted(&self) -> Result<(), String> {
        match self.step {
            Step::Proved => Ok(()),
            _ => Err("the server did not prove that it knows the password".into()),
        }
    }
}

impl Hash {
    /// The client's proof and the signature that the server must show
    /// (RFC 5802 section 3).
    fn keys(
        self,
        password: &[u8],
        salt: &[u8],
        iterations: u32,
        auth_message: &str,
    ) -> Result<(Vec<u8>, Vec<u8>), String> {
        let mut salted = self.salted(password, salt, iterations);
        let mut client_key = self.hmac(&salted, b"Client Key")?;
        let stored_key = self.digest(&client_key);
        let signature = self.hmac(&stored_key, auth_message.as_bytes())?;
        let server_key = self.hmac(&salted, b"Server Key")?;
        let server_signature = self.hmac(&server_key, auth_message.as_bytes())?;
        let proof = client_key
            .iter()
            .zip(&signature)
            .map(|(key, octet)| key ^ octet)
            .collect();
        salted.zeroize();
        client_key.zeroize();
        Ok((proof, server_signature))
    }

    pub(super) fn salted(self, password: &[u8], salt: &[u8], iterations: u32) -> Vec<u8> {
        let mut salted = vec![0; self.octets()];
        match self {
            Self::Sha1 => pbkdf2_hmac::<Sha1>(password, salt, iterations, &mut salted),
            Self::Sha256 => pbkdf2_hmac::<Sha256>(password, salt, iterations, &mut salted),
        }
        salted
    }

    pub(super) fn hmac(self, key: &[u8], message: &[u8]) -> Result<Vec<u8>, String> {
        fn with<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Result<Vec<u8>, String> {
            let mut mac = <M as KeyInit>::new_from_slice(key)
                .map_err(|_| "the password cannot be a key".to_owned())?;
            mac.update(message);
            Ok(mac.finalize().into_bytes().to_vec())
        }
        match self {
            Self::Sha1 => with::<Hmac<Sha1>>(key, message),
            Self::Sha256 => with::<Hmac<Sha256>>(key, message),
        }
    }

    pub(super) fn digest(self, octets: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(octets).to_vec(),
            Self::Sha256 => Sha256::digest(octets).to_vec(),
        }
    }

    fn octets(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

/// `=` and `,` structure the messages (RFC 5802 section 5.1).
pub(crate) fn escape_name(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

/// The way back; `None` if an `=` begins nothing that is known.
pub(crate) fn unescape_name(name: &str) -> Option<String> {
    let mut parts = name.split('=');
    let mut plain = parts.next()?.to_owned();
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        plain.push(match code {
            "2C" => ',',
            "3D" => '=',
            _ => return None,
        });
        plain.push_str(rest);
    }
    Some(plain)
}

/// RFC 7677 section 4 asks for 4,096 or more; a million takes a second.
const ITERATIONS: std::ops::RangeInclusive<u32> = 4_096..=1_000_000;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn exchange(hash: Hash, nonce: &str, server_first: &str) -> (Scram, String) {
        let password = Secret::new(b"pencil".to_vec());
        let mut scram = Scram::new(hash, "user", password, "", nonce, Binding::None);
        let first = scram.respond(b"").unwrap();
        assert_eq!(first.expose(), format!("n,,n=user,r={nonce}").as_bytes());
        let last = scram.respond(server_first.as_bytes()).unwrap();
        let last = String::from_utf8(last.expose().clone()).unwrap();
        (scram, last)
    }

    #[test]
    fn the_example_of_rfc_5802_is_met() {
        let (mut scram, last) = exchange(
            Hash::Sha1,
            "fyko+d2lbbFgONRv9qkxdawL",
            "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        );
        assert_eq!(
            last,
            "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
        );
        assert!(scram.accepted().is_err(), "not before the proof");
        scram.respond(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=").unwrap();
        assert!(scram.accepted().is_ok());
    }

    #[test]
    fn the_example_of_rfc_7677_is_met() {
        let (mut scram, last) = exchange(
            Hash::Sha256,
            "rOprNGfwEbeRWgbNEkqO",
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        );
        assert_eq!(
            last,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        scram
            .respond(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
            .unwrap();
        assert!(scram.accepted().is_ok());
    }

    #[test]
    fn a_server_without_the_proof_is_refused() {
        let first = "r=abcdef,s=QSXCR+Q6sek8bf92,i=4096";
        for proof in ["v=AAAA", "e=other-error", ""] {
            let (mut scram, _) = exchange(Hash::Sha1, "abc", first);
            assert!(scram.respond(proof.as_bytes()).is_err(), "{proof}");
            assert!(scram.accepted().is_err());
        }
    }

    #[test]
    fn hostile_first_messages_are_refused() {
        for first in [
            "",
            "r=other,s=QSXCR+Q6sek8bf92,i=4096",
            "r=abc,s=QSXCR+Q6sek8bf92,i=4096",
            "r=abcdef,s=!!,i=4096",
            "r=abcdef,s=QSXCR+Q6sek8bf92,i=1",
            "r=abcdef,s=QSXCR+Q6sek8bf92,i=4294967295",
            "r=abcdef,s=QSXCR+Q6sek8bf92,i=-1",
            "m=x,r=abcdef,s=QSXCR+Q6sek8bf92,i=4096",
        ] {
            let password = Secret::new(b"pencil".to_vec());
            let mut scram = Scram::new(Hash::Sha256, "user", password, "", "abc", Binding::None);
            scram.respond(b"").unwrap();
            assert!(scram.respond(first.as_bytes()).is_err(), "{first}");
        }
    }

    #[test]
    fn a_channel_binding_is_named_and_sent() {
        let binding = ChannelBinding {
            name: "tls-exporter".into(),
            data: vec![1, 2, 3],
        };
        let password = Secret::new(b"pencil".to_vec());
        let mut scram = Scram::new(
            Hash::Sha256,
            "user",
            password,
            "boss",
            "abc",
            Binding::Used(binding),
        );
        assert_eq!(scram.name(), "SCRAM-SHA-256-PLUS");
        let first = scram.respond(b"").unwrap();
        assert_eq!(first.expose(), b"p=tls-exporter,a=boss,n=user,r=abc");
        let last = scram.respond(b"r=abcd,s=QSXCR+Q6sek8bf92,i=4096").unwrap();
        let expected = base64::encode(b"p=tls-exporter,a=boss,\x01\x02\x03");
        let last = String::from_utf8(last.expose().clone()).unwrap();
        assert!(
            last.starts_with(&format!("c={expected},r=abcd,p=")),
            "{last}"
        );
    }

    #[test]
    fn a_binding_that_the_server_does_not_offer_is_said_to_be_possible() {
        let password = Secret::new(b"pencil".to_vec());
        let mut scram = Scram::new(
            Hash::Sha1,
            "us\u{aa}r",
            password,
            "",
            "abc",
            Binding::NotOffered,
        );
        assert_eq!(scram.name(), "SCRAM-SHA-1");
        let first = scram.respond(b"").unwrap();
        let name = if cfg!(feature = "saslprep") {
            "usar"
        } else {
            "us\u{aa}r"
        };
        assert_eq!(first.expose(), format!("y,,n={name},r=abc").as_bytes());
    }
}
