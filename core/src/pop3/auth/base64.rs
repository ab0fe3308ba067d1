//! Base64 of SASL exchanges (RFC 5034 section 4, RFC 4648 section 4): padded, nothing else between.
//!
//! Reading is the decoder's that MIME has. Writing is a few short lines: the encoder beside it brings
//! tables of 24 kB, made for attachments, into a page's download.

const SYMBOLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The octets as text.
pub(crate) fn encode(octets: impl AsRef<[u8]>) -> String {
    let octets = octets.as_ref();
    let mut text = String::with_capacity(octets.len().div_ceil(3) * 4);
    for group in octets.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| {
            bits << 8 | u32::from(group.get(at).copied().unwrap_or_default())
        });
        for at in 0..4 {
            let symbol = SYMBOLS.get((bits >> (18 - 6 * at)) as usize & 63);
            let is_padding = at > group.len();
            text.push(
                symbol
                    .filter(|_| !is_padding)
                    .map_or('=', |symbol| char::from(*symbol)),
            );
        }
    }
    text
}

/// The octets of a text, `None` when it is not base64.
pub(crate) fn decode(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    encodify::base64::STANDARD.decode(text).ok()
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn what_is_written_is_what_the_library_writes() {
        let octets: Vec<u8> = (0..=255).rev().collect();
        for len in 0..octets.len() {
            let text = encode(&octets[..len]);
            assert_eq!(text, encodify::base64::STANDARD.encode(&octets[..len]));
            assert_eq!(decode(&text).unwrap(), &octets[..len]);
        }
    }

    #[test]
    fn what_is_not_base64_is_refused() {
        for text in [
            "A", "AA", "AAA", "AA=A", "A===", "AAAA=", " AAAA", "AA\r\nAA", "AAA*", "AB==", "=",
            "AA==AA==",
        ] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }
}
