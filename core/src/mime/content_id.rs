//! Message identifiers (RFC 5322 section 3.6.4) and content identifiers (RFC 2392).
//!
//! Decides what stands between angle brackets and what a `cid:` URL refers to.

use std::borrow::Cow;

use memchr::memchr;

/// Identifiers of one field that are read.
pub(crate) const MAX_IDENTIFIERS: usize = 10_000;

/// The identifiers of a field value without their angle brackets, in order. A value without
/// brackets is one identifier.
pub(crate) fn identifiers(value: &[u8]) -> Vec<Cow<'_, str>> {
    let mut found = Vec::new();
    let mut rest = value;
    while found.len() < MAX_IDENTIFIERS
        && let Some(open) = memchr(b'<', rest)
    {
        let after = rest.get(open + 1..).unwrap_or_default();
        let Some(close) = memchr(b'>', after) else {
            break;
        };
        let id = after.get(..close).unwrap_or_default();
        // A second opening bracket starts over: `<a <b>` holds only b.
        let id = id.rsplit(|byte| *byte == b'<').next().unwrap_or_default();
        found.extend(identifier(id));
        rest = after.get(close + 1..).unwrap_or_default();
    }
    if found.is_empty() {
        let bare = |byte: &u8| !matches!(byte, b'<' | b'>');
        if value.iter().all(bare) {
            found.extend(identifier(value));
        }
    }
    found
}

/// One identifier without folds, spaces and control characters; `None` when nothing is left.
fn identifier(raw: &[u8]) -> Option<Cow<'_, str>> {
    let raw = raw.trim_ascii();
    let is_noise = |byte: &u8| byte.is_ascii_control() || *byte == b' ';
    if raw.is_empty() || raw.iter().all(is_noise) {
        return None;
    }
    if !raw.iter().any(is_noise) {
        return Some(String::from_utf8_lossy(raw));
    }
    let kept: Vec<u8> = raw.iter().copied().filter(|byte| !is_noise(byte)).collect();
    Some(Cow::Owned(String::from_utf8_lossy(&kept).into_owned()))
}

/// The identifier that the part of a URL after `cid:` means: percent escapes decoded (RFC 2392).
pub(crate) fn from_url(url: &str) -> Cow<'_, str> {
    if memchr(b'%', url.as_bytes()).is_none() {
        return Cow::Borrowed(url);
    }
    let decoded = percent_decoded(url.as_bytes());
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

/// Bytes with percent escapes decoded (RFC 3986 section 2.1); what is no escape stays.
pub(crate) fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let digits = match (byte, after) {
            (b'%', [high, low, ..]) => {
                let hex = |digit: &u8| char::from(*digit).to_digit(16);
                hex(high)
                    .zip(hex(low))
                    .and_then(|(high, low)| u8::try_from(high * 16 + low).ok())
            }
            _ => None,
        };
        out.push(digits.unwrap_or(byte));
        rest = if digits.is_some() {
            after.get(2..).unwrap_or_default()
        } else {
            after
        };
    }
    out
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::{from_url, identifiers};

    #[test]
    fn identifiers_lose_their_brackets() {
        assert_eq!(identifiers(b" <a@x>\r\n\t<b@y>"), ["a@x", "b@y"]);
        assert_eq!(identifiers(b" bare@x "), ["bare@x"]);
        assert_eq!(identifiers(b" <long\r\n id@x>"), ["longid@x"]);
        assert!(identifiers(b" <>").is_empty());
        assert!(identifiers(b"").is_empty());
    }

    #[test]
    fn percent_escapes_of_a_cid_url_are_decoded() {
        assert_eq!(from_url("a%40b"), "a@b");
        assert_eq!(from_url("100%"), "100%");
    }
}
