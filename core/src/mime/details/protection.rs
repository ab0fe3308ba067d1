//! S/MIME (RFC 8551) and OpenPGP (RFC 3156) recognised, for programs that verify and decrypt.
//!
//! Decides what is signed or encrypted, by which format, and which bytes a signature is over. Nothing
//! is verified here: that a part is listed says nothing about who wrote it.

use memchr::memmem;

use crate::mime::Part;
use crate::mime::index::crlf;

/// How much of a text is looked at for the armour of OpenPGP.
const READ: usize = 64 << 10;

/// The format of a protection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProtectionFormat {
    /// OpenPGP.
    Pgp,
    /// S/MIME, that is CMS.
    Smime,
    /// Another one: the protocol tells.
    Other,
}

impl ProtectionFormat {
    /// The stable text: `pgp`, `smime` or `other`.
    pub fn as_str(self) -> &'static str {
        match self {
            ProtectionFormat::Pgp => "pgp",
            ProtectionFormat::Smime => "smime",
            ProtectionFormat::Other => "other",
        }
    }
}

/// What was done to a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProtectionKind {
    /// Signed; the content can be read without the format.
    Signed,
    /// Signed; the content is inside of the format.
    SignedOpaque,
    /// Encrypted, maybe signed too.
    Encrypted,
    /// Only compressed.
    Compressed,
    /// Certificates or keys alone.
    Keys,
}

impl ProtectionKind {
    /// The stable text: `signed`, `signed-opaque`, `encrypted`, `compressed` or `keys`.
    pub fn as_str(self) -> &'static str {
        match self {
            ProtectionKind::Signed => "signed",
            ProtectionKind::SignedOpaque => "signed-opaque",
            ProtectionKind::Encrypted => "encrypted",
            ProtectionKind::Compressed => "compressed",
            ProtectionKind::Keys => "keys",
        }
    }
}

/// A signed or encrypted part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// The number of the part: a multipart, or the one that holds the format.
    pub part: u32,
    /// The format.
    pub format: ProtectionFormat,
    /// What was done.
    pub kind: ProtectionKind,
    /// The protocol parameter or the type, in lower case.
    pub protocol: String,
    /// The number of the part whose content is signed ([`Part::signed_content`] of `part` is the
    /// bytes), or that holds the encrypted data.
    pub content: Option<u32>,
    /// The number of the part with the signature.
    pub signature: Option<u32>,
    /// The digest that the signature is over, as written: `pgp-sha512`, `sha-256`.
    pub digest: Option<String>,
    /// Whether the format stands inside a text, not in a part of its own.
    pub is_inline: bool,
}

pub(super) fn of(part: Part<'_>) -> Option<Protection> {
    let content_type = part.content_type();
    let mut found = Protection {
        part: part.index(),
        format: ProtectionFormat::Other,
        kind: ProtectionKind::Signed,
        protocol: content_type.clone().into_owned(),
        content: None,
        signature: None,
        digest: part.parameter("micalg").map(str::to_owned),
        is_inline: false,
    };
    let mut children = part.children().map(|child| child.index());
    match &*content_type {
        "multipart/signed" => {
            (found.content, found.signature) = (children.next(), children.next());
            found.protocol = protocol(&part);
            found.format = format(&found.protocol);
        }
        "multipart/encrypted" => {
            (_, found.content) = (children.next(), children.next());
            found.kind = ProtectionKind::Encrypted;
            found.protocol = protocol(&part);
            found.format = format(&found.protocol);
        }
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => {
            found.format = ProtectionFormat::Smime;
            found.content = Some(part.index());
            found.kind = smime(&part);
        }
        "application/pgp-keys" => {
            found.format = ProtectionFormat::Pgp;
            found.kind = ProtectionKind::Keys;
            found.content = Some(part.index());
        }
        "text/plain" | "text/html" | "application/pgp" => {
            let content = part.content();
            let text = content.get(..READ.min(content.len()))?;
            let has = |armour: &str| {
                memmem::find(text, armour.as_bytes()).is_some_and(|at| {
                    let before = at.checked_sub(1).and_then(|at| text.get(at));
                    before.is_none_or(|byte| matches!(byte, b'\n' | b'>'))
                })
            };
            found.kind = if has("-----BEGIN PGP SIGNED MESSAGE-----") {
                ProtectionKind::Signed
            } else if has("-----BEGIN PGP MESSAGE-----") {
                ProtectionKind::Encrypted
            } else if has("-----BEGIN PGP PUBLIC KEY BLOCK-----") {
                ProtectionKind::Keys
            } else {
                return None;
            };
            found.format = ProtectionFormat::Pgp;
            found.is_inline = true;
            found.content = Some(part.index());
        }
        _ => return None,
    }
    Some(found)
}

fn protocol(part: &Part<'_>) -> String {
    let protocol = part.parameter("protocol").unwrap_or_default();
    protocol.trim().to_ascii_lowercase()
}

fn format(protocol: &str) -> ProtectionFormat {
    match protocol {
        "application/pgp-signature" | "application/pgp-encrypted" => ProtectionFormat::Pgp,
        "application/pkcs7-signature" | "application/x-pkcs7-signature" => ProtectionFormat::Smime,
        _ => ProtectionFormat::Other,
    }
}

fn smime(part: &Part<'_>) -> ProtectionKind {
    let given = part.parameter("smime-type").unwrap_or_default();
    match given.to_ascii_lowercase().as_str() {
        "signed-data" | "signed-receipt" => ProtectionKind::SignedOpaque,
        "compressed-data" => ProtectionKind::Compressed,
        "certs-only" => ProtectionKind::Keys,
        "enveloped-data" | "authenveloped-data" | "auth-enveloped-data" => {
            ProtectionKind::Encrypted
        }
        _ => {
            let name = part.filename().unwrap_or_default().to_ascii_lowercase();
            match name.rsplit('.').next() {
                Some("p7c") => ProtectionKind::Keys,
                Some("p7z") => ProtectionKind::Compressed,
                _ => by_object_identifier(&part.content()),
            }
        }
    }
}

/// The kind by the object identifier of CMS's content type (RFC 5652), near the start of the data.
fn by_object_identifier(content: &[u8]) -> ProtectionKind {
    let head = content.get(..64.min(content.len())).unwrap_or_default();
    // 1.2.840.113549.1.7, of which the last number tells.
    let found = memmem::find(head, b"\x2a\x86\x48\x86\xf7\x0d\x01\x07");
    match found.and_then(|at| head.get(at + 8)) {
        Some(2) => ProtectionKind::SignedOpaque,
        _ => ProtectionKind::Encrypted,
    }
}

/// See [`Part::signed_content`].
pub(super) fn signed_content(part: &Part<'_>) -> Option<Vec<u8>> {
    if part.content_type() != "multipart/signed" {
        return None;
    }
    Some(crlf(part.children().next()?.raw()))
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::{ProtectionFormat, ProtectionKind};
    use crate::mime::parse;

    const SIGNED: &[u8] = b"Content-Type: multipart/signed; micalg=pgp-sha512;\r\n protocol=\"application/pgp-signature\"; boundary=b\r\n\r\n\
        preamble\r\n--b\r\nContent-Type: text/plain\r\n\r\nHello \r\n\r\n--b\r\n\
        Content-Type: application/pgp-signature\r\n\r\nsignature\r\n--b--\r\n";

    #[test]
    fn the_signed_bytes_are_exact() {
        let message = parse(SIGNED);
        let found = &message.details().protections[0];
        assert_eq!(
            (found.format, found.kind),
            (ProtectionFormat::Pgp, ProtectionKind::Signed)
        );
        assert_eq!(found.digest.as_deref(), Some("pgp-sha512"));
        assert_eq!((found.content, found.signature), (Some(1), Some(2)));
        let expected = b"Content-Type: text/plain\r\n\r\nHello \r\n";
        assert_eq!(message.root().signed_content().unwrap(), expected);
        let lf: Vec<u8> = SIGNED
            .iter()
            .copied()
            .filter(|byte| *byte != b'\r')
            .collect();
        assert_eq!(parse(&lf).root().signed_content().unwrap(), expected);
        assert_eq!(message.part(1).unwrap().signed_content(), None);
    }

    #[test]
    fn encrypted_and_opaque_parts_are_recognised() {
        for (raw, format, kind) in [
            (
                &b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\n"[..],
                ProtectionFormat::Smime,
                ProtectionKind::Encrypted,
            ),
            (
                b"Content-Type: application/x-pkcs7-mime; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\nMIIBCQYJKoZIhvcNAQcCoIIB\r\n",
                ProtectionFormat::Smime,
                ProtectionKind::SignedOpaque,
            ),
            (
                b"Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n--b\r\n\r\nVersion: 1\r\n--b\r\n\r\nx\r\n--b--\r\n",
                ProtectionFormat::Pgp,
                ProtectionKind::Encrypted,
            ),
            (
                b"Subject: x\r\n\r\nHi\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nx\r\n-----END PGP MESSAGE-----\r\n",
                ProtectionFormat::Pgp,
                ProtectionKind::Encrypted,
            ),
        ] {
            let found = &parse(raw).details().protections[0];
            assert_eq!((found.format, found.kind), (format, kind));
        }
        assert!(
            parse(b"Subject: x\r\n\r\n> not -----BEGIN PGP MESSAGE-----")
                .details()
                .protections
                .is_empty()
        );
    }
}
