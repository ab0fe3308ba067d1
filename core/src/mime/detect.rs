//! The charset of a text by statistics, with `chardetng`, the detector that Firefox uses.
//!
//! Decides how much its answer is worth: when to ask is [`super::reading`]'s business. Its tables
//! are large, so that a build may leave it out and ask its host.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};

/// Bytes beyond ASCII that an answer needs before anybody should rely on it.
const ENOUGH: usize = 16;

/// The label of the charset in the Encoding Standard, in lower case, and whether the answer is firm:
/// there is enough text, and its first half alone gives the same. `None` for bytes that are all ASCII.
///
/// `bytes` may be the beginning of a text. Time is linear in them.
pub fn charset(bytes: &[u8]) -> Option<(String, bool)> {
    let beyond_ascii = bytes.iter().filter(|byte| !byte.is_ascii()).count();
    let is_enough = beyond_ascii >= ENOUGH;
    // What is too short to be sure of needs no second opinion: each takes a microsecond.
    let half = if is_enough { bytes.len() / 2 } else { 0 };
    let (half, rest) = bytes.split_at(half);
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    // Not the end: what was cut within a character is no argument against a charset.
    let seen = is_enough && detector.feed(half, false);
    let of_half = seen.then(|| guess(&detector));
    if !(detector.feed(rest, false) || seen) {
        return None;
    }
    let name = guess(&detector);
    let firm = is_enough && of_half == Some(name);
    Some((name.to_ascii_lowercase(), firm))
}

fn guess(detector: &EncodingDetector) -> &'static str {
    detector.guess(None, Utf8Detection::Deny).name()
}
