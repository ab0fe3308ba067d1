//! SASLprep in a build that leaves the large tables to its host.
//!
//! A browser has the normal form NFKC; what remains are the short tables of
//! RFC 3454 that RFC 4013 names. Letters that are written from left to right
//! (table D.2) are known by their blocks, and code points without a character
//! (table A.1) are not looked for: these are the two differences from a build
//! with the feature `saslprep`.

use std::sync::OnceLock;

/// The normal form NFKC of a text.
pub type NormalForm = fn(&str) -> String;

static HOST: OnceLock<NormalForm> = OnceLock::new();

/// Has the host bring names and passwords beyond ASCII into the normal form
/// NFKC, from now on and in this whole process. Later calls change nothing.
pub fn set_host_normal_form(normal_form: NormalForm) {
    let _ = HOST.set(normal_form);
}

/// `None` for what is forbidden, and without a host.
pub(super) fn saslprep(text: &str) -> Option<String> {
    prepare(text, *HOST.get()?)
}

fn prepare(text: &str, normal_form: NormalForm) -> Option<String> {
    let mapped: String = text
        .chars()
        .map(|char| if is_in(&SPACES, char) { ' ' } else { char })
        .filter(|char| !is_in(&MAPPED_TO_NOTHING, *char))
        .collect();
    let normal = normal_form(&mapped);
    let forbidden = |char| is_in(&FORBIDDEN, char) || is_in(&SPACES, char) || is_noncharacter(char);
    (!normal.chars().any(forbidden) && is_of_one_direction(&normal)).then_some(normal)
}

/// RFC 3454 section 6.
fn is_of_one_direction(text: &str) -> bool {
    let is_right_to_left = |char| is_in(&RIGHT_TO_LEFT, char);
    if !text.chars().any(is_right_to_left) {
        return true;
    }
    !text.chars().any(is_left_to_right)
        && text.chars().next().is_some_and(is_right_to_left)
        && text.chars().next_back().is_some_and(is_right_to_left)
}

fn is_left_to_right(char: char) -> bool {
    is_in(&LEFT_TO_RIGHT, char) && !is_in(&RIGHT_TO_LEFT, char)
}

/// Table C.4.
fn is_noncharacter(char: char) -> bool {
    matches!(char, '\u{fdd0}'..='\u{fdef}') || u32::from(char) & 0xfffe == 0xfffe
}

type Ranges<const COUNT: usize> = [(u32, u32); COUNT];

fn is_in<const COUNT: usize>(ranges: &Ranges<COUNT>, char: char) -> bool {
    let point = u32::from(char);
    ranges
        .iter()
        .any(|(first, last)| (*first..=*last).contains(&point))
}

/// Table C.1.2: mapped to a space.
const SPACES: Ranges<6> = [
    (0xa0, 0xa0),
    (0x1680, 0x1680),
    (0x2000, 0x200b),
    (0x202f, 0x202f),
    (0x205f, 0x205f),
    (0x3000, 0x3000),
];

/// Table B.1.
const MAPPED_TO_NOTHING: Ranges<8> = [
    (0xad, 0xad),
    (0x34f, 0x34f),
    (0x1806, 0x1806),
    (0x180b, 0x180d),
    (0x200b, 0x200d),
    (0x2060, 0x2060),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
];

/// Tables C.2.1, C.2.2, C.3, C.6, C.7, C.8 and C.9.
const FORBIDDEN: Ranges<21> = [
    (0, 0x1f),
    (0x7f, 0x9f),
    (0x340, 0x341),
    (0x6dd, 0x6dd),
    (0x70f, 0x70f),
    (0x180e, 0x180e),
    (0x200c, 0x200f),
    (0x2028, 0x2029),
    (0x202a, 0x202e),
    (0x2060, 0x2063),
    (0x206a, 0x206f),
    (0x2ff0, 0x2ffb),
    (0xe000, 0xf8ff),
    (0xfeff, 0xfeff),
    (0xfff9, 0xfffd),
    (0x1d173, 0x1d17a),
    (0xe0001, 0xe0001),
    (0xe0020, 0xe007f),
    (0xf0000, 0xffffd),
    (0x10_0000, 0x10_fffd),
    (0x10_fffe, 0x10_ffff),
];

/// Table D.1.
const RIGHT_TO_LEFT: Ranges<34> = [
    (0x5be, 0x5be),
    (0x5c0, 0x5c0),
    (0x5c3, 0x5c3),
    (0x5d0, 0x5ea),
    (0x5f0, 0x5f4),
    (0x61b, 0x61b),
    (0x61f, 0x61f),
    (0x621, 0x63a),
    (0x640, 0x64a),
    (0x66d, 0x66f),
    (0x671, 0x6d5),
    (0x6dd, 0x6dd),
    (0x6e5, 0x6e6),
    (0x6fa, 0x6fe),
    (0x700, 0x70d),
    (0x710, 0x710),
    (0x712, 0x72c),
    (0x780, 0x7a5),
    (0x7b1, 0x7b1),
    (0x200f, 0x200f),
    (0xfb1d, 0xfb1d),
    (0xfb1f, 0xfb28),
    (0xfb2a, 0xfb36),
    (0xfb38, 0xfb3c),
    (0xfb3e, 0xfb3e),
    (0xfb40, 0xfb41),
    (0xfb43, 0xfb44),
    (0xfb46, 0xfbb1),
    (0xfbd3, 0xfd3d),
    (0xfd50, 0xfd8f),
    (0xfd92, 0xfdc7),
    (0xfdf0, 0xfdfc),
    (0xfe70, 0xfe74),
    (0xfe76, 0xfefc),
];

/// The blocks of table D.2, down to what is written from left to right in
/// nearly all of them.
const LEFT_TO_RIGHT: Ranges<14> = [
    (0x41, 0x5a),
    (0x61, 0x7a),
    (0xaa, 0xaa),
    (0xba, 0xba),
    (0xc0, 0xd6),
    (0xd8, 0xf6),
    (0xf8, 0x2b8),
    (0x386, 0x589),
    (0x903, 0x167f),
    (0x16a0, 0x1fff),
    (0x3005, 0xd7ff),
    (0xf900, 0xfaff),
    (0xff21, 0xffdc),
    (0x10300, 0x2fa1d),
];

#[cfg(all(test, feature = "saslprep"))]
mod tests {
    use unicode_normalization::UnicodeNormalization;

    use super::*;

    fn prepared(text: &str) -> Option<String> {
        prepare(text, |text| text.nfkc().collect())
    }

    #[test]
    fn the_examples_of_rfc_4013_are_met() {
        for (given, expected) in [
            ("I\u{ad}X", Some("IX")),
            ("\u{aa}", Some("a")),
            ("\u{2168}", Some("IX")),
            ("\u{7}", None),
            ("\u{627}1", None),
            ("\u{627}1\u{628}", Some("\u{627}1\u{628}")),
        ] {
            assert_eq!(prepared(given).as_deref(), expected, "{given:?}");
        }
    }

    #[test]
    fn every_character_is_prepared_as_with_the_tables() {
        for char in '\0'..=char::MAX {
            if stringprep::tables::unassigned_code_point(char) {
                continue;
            }
            for text in [char.to_string(), format!("p{char}w"), format!(" {char}")] {
                let expected = stringprep::saslprep(&text).ok();
                assert_eq!(prepared(&text).as_deref(), expected.as_deref(), "{text:?}");
            }
        }
    }

    #[test]
    fn letters_of_both_directions_are_forbidden_by_their_blocks() {
        let mut differing = 0;
        for char in '\0'..=char::MAX {
            let text = format!("\u{5d0}{char}\u{5d1}");
            if !stringprep::tables::unassigned_code_point(char) {
                let expected = stringprep::saslprep(&text).ok();
                differing += usize::from(prepared(&text).as_deref() != expected.as_deref());
            }
        }
        assert!(differing < 2_000, "{differing} characters");
    }
}
