//! Channel bindings: what ties a SCRAM login to the TLS channel that it runs
//! in, so that nobody between two TLS connections can pass it on.
//!
//! Decides which of those that a host can give is taken, and makes the one
//! that needs no more than the server's certificate. RFC 5802 section 6, 5929,
//! 9266.

use sha2::{Digest, Sha256, Sha384, Sha512};

/// What ties an exchange to the TLS channel (RFC 5929, 9266).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelBinding {
    /// Its registered name, such as `tls-exporter`.
    pub name: String,
    /// What both ends of the channel know.
    pub data: Vec<u8>,
}

impl ChannelBinding {
    /// The binding `tls-server-end-point`: a digest of the server's
    /// certificate, in DER, with the hash of its signature; SHA-256 in place
    /// of MD5 and SHA-1. `None` if the certificate cannot be read or names a
    /// hash that the RFC leaves open. Source: RFC 5929 section 4.1.
    pub fn server_end_point(certificate: &[u8]) -> Option<Self> {
        let data = match signature_hash(certificate)? {
            SignatureHash::Sha256 => Sha256::digest(certificate).to_vec(),
            SignatureHash::Sha384 => Sha384::digest(certificate).to_vec(),
            SignatureHash::Sha512 => Sha512::digest(certificate).to_vec(),
        };
        Some(Self {
            name: "tls-server-end-point".into(),
            data,
        })
    }

    /// The one that ties closest: to the very session before to the server.
    pub(crate) fn strongest(bindings: &[Self]) -> Option<&Self> {
        ["tls-exporter", "tls-unique", "tls-server-end-point"]
            .into_iter()
            .find_map(|name| bindings.iter().find(|binding| binding.name == name))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SignatureHash {
    Sha256,
    Sha384,
    Sha512,
}

/// `Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE {
/// OBJECT IDENTIFIER, … }, … }` (RFC 5280 section 4.1).
fn signature_hash(certificate: &[u8]) -> Option<SignatureHash> {
    const SEQUENCE: u8 = 0x30;
    const IDENTIFIER: u8 = 0x06;
    let (fields, _) = der(certificate, SEQUENCE)?;
    let (_, after) = der(fields, SEQUENCE)?;
    let (algorithm, _) = der(after, SEQUENCE)?;
    let (identifier, _) = der(algorithm, IDENTIFIER)?;
    SIGNATURES
        .iter()
        .find_map(|(known, hash)| (*known == identifier).then_some(*hash))
}

/// The content of the DER value with this tag, and what follows it.
fn der(input: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, first], mut rest) = input.split_first_chunk()?;
    let length = match first {
        0..=0x7f => usize::from(first),
        0x81..=0x84 => {
            let (octets, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
            rest = after;
            octets
                .iter()
                .fold(0, |length, octet| length << 8 | usize::from(*octet))
        }
        _ => return None,
    };
    (found == tag).then(|| rest.split_at_checked(length))?
}

/// The identifiers of signature algorithms, by their hash (RFC 3279, 4055,
/// 5758). RSASSA-PSS names its hash in parameters and is left out: the RFC
/// does not say which one counts.
const SIGNATURES: [(&[u8], SignatureHash); 8] = [
    // md5WithRSAEncryption, sha1WithRSAEncryption
    (
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04",
        SignatureHash::Sha256,
    ),
    (
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05",
        SignatureHash::Sha256,
    ),
    // sha256, sha384, sha512WithRSAEncryption
    (
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b",
        SignatureHash::Sha256,
    ),
    (
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c",
        SignatureHash::Sha384,
    ),
    (
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d",
        SignatureHash::Sha512,
    ),
    // ecdsa-with-SHA256, -SHA384, -SHA512
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x02", SignatureHash::Sha256),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x03", SignatureHash::Sha384),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x04", SignatureHash::Sha512),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate as far as it is looked at.
    fn certificate(identifier: &[u8]) -> Vec<u8> {
        let value = |tag: u8, content: &[u8]| {
            let length = u16::try_from(content.len()).unwrap_or_default();
            let mut der = vec![tag, 0x82];
            der.extend_from_slice(&length.to_be_bytes());
            der.extend_from_slice(content);
            der
        };
        let algorithm = value(0x30, &value(0x06, identifier));
        value(0x30, &[value(0x30, b"to be signed"), algorithm].concat())
    }

    #[test]
    fn the_digest_is_that_of_the_certificates_signature() {
        for (identifier, octets) in [
            (SIGNATURES[1].0, 32),
            (SIGNATURES[3].0, 48),
            (SIGNATURES[7].0, 64),
        ] {
            let binding = ChannelBinding::server_end_point(&certificate(identifier));
            assert_eq!(binding.map(|binding| binding.data.len()), Some(octets));
        }
        assert_eq!(
            ChannelBinding::server_end_point(&certificate(b"\x2a")),
            None
        );
    }

    #[test]
    fn half_a_certificate_is_none() {
        let whole = certificate(SIGNATURES[2].0);
        for length in 0..whole.len() {
            let part = whole.get(..length).unwrap_or_default();
            assert_eq!(ChannelBinding::server_end_point(part), None, "{length}");
        }
    }

    #[test]
    fn the_one_of_the_session_comes_first() {
        let binding = |name: &str| ChannelBinding {
            name: name.into(),
            data: Vec::new(),
        };
        let both = [binding("tls-server-end-point"), binding("tls-exporter")];
        let strongest = |all| ChannelBinding::strongest(all).map(|one| one.name.as_str());
        assert_eq!(strongest(&both), Some("tls-exporter"));
        assert_eq!(strongest(&both[..1]), Some("tls-server-end-point"));
        assert_eq!(strongest(&[binding("tls-other")]), None);
    }
}
