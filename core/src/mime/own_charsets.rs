//! Decoders of charsets that occur in mail and that neither the parser nor browsers have.
//!
//! The Encoding Standard leaves ISO-2022-KR, ISO-2022-CN, HZ and UTF-32 out since a page could hide
//! markup in them; mail was written in them for decades. The stateful ones are made into the EUC
//! form of the same characters and decoded as that. Linear, never fails: what means nothing becomes
//! U+FFFD.

use mail_parser::Charset as Known;

use super::charset::{self, Charset};
use super::code_pages as pages;

const ESC: u8 = 0x1b;
const SHIFT_OUT: u8 = 0x0e;
const SHIFT_IN: u8 = 0x0f;
const REPLACEMENT: char = '\u{fffd}';

/// Charsets that are decoded here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Own {
    /// UTF-32 with a byte order mark, big-endian without one (RFC 2781 says so for UTF-16).
    Utf32,
    /// UTF-32, little-endian.
    Utf32Le,
    /// UTF-32, big-endian.
    Utf32Be,
    /// Korean, KS X 1001 after a shift (RFC 1557).
    Iso2022Kr,
    /// Chinese, GB 2312 after a shift (RFC 1922); the plane of Taiwan is not known.
    Iso2022Cn,
    /// Chinese, GB 2312 between `~{` and `~}` (RFC 1843).
    Hz,
    /// Korean, every syllable by its letters (KS X 1001 annex 3, code page 1361).
    Johab,
    /// Letters with accents before them (ISO-IR 99, NAPLPS).
    AnsiX3110,
    /// Code page 437 of the IBM PC.
    Ibm437,
    /// Code page 737: Greek.
    Ibm737,
    /// Code page 775: Baltic.
    Ibm775,
    /// Code page 852: Central European.
    Ibm852,
    /// Code page 855: Cyrillic.
    Ibm855,
    /// Code page 857: Turkish.
    Ibm857,
    /// Code page 858: code page 850 with the euro sign.
    Ibm858,
    /// Code page 862: Hebrew.
    Ibm862,
    /// Central European on the Macintosh.
    MacCe,
}

impl Own {
    /// Every charset of this file; the flat index numbers them by their place.
    pub(crate) const ALL: [Own; 17] = [
        Own::Utf32,
        Own::Utf32Le,
        Own::Utf32Be,
        Own::Iso2022Kr,
        Own::Iso2022Cn,
        Own::Hz,
        Own::Johab,
        Own::AnsiX3110,
        Own::Ibm437,
        Own::Ibm737,
        Own::Ibm775,
        Own::Ibm852,
        Own::Ibm855,
        Own::Ibm857,
        Own::Ibm858,
        Own::Ibm862,
        Own::MacCe,
    ];

    /// Whether each octet is a character, whatever stands before it.
    pub(crate) fn is_single_byte(self) -> bool {
        !matches!(
            self,
            Own::Utf32
                | Own::Utf32Le
                | Own::Utf32Be
                | Own::Iso2022Kr
                | Own::Iso2022Cn
                | Own::Hz
                | Own::Johab
                | Own::AnsiX3110
        )
    }

    /// The text, and whether some bytes were not valid.
    pub(crate) fn decode(self, bytes: &[u8]) -> (String, bool) {
        match self {
            Own::Utf32 => match bytes {
                [0xff, 0xfe, 0, 0, rest @ ..] => utf_32(rest, u32::from_le_bytes),
                [0, 0, 0xfe, 0xff, rest @ ..] => utf_32(rest, u32::from_be_bytes),
                // Without a mark: the byte of an ASCII character that is not zero tells.
                [_, 0, 0, 0, ..] => utf_32(bytes, u32::from_le_bytes),
                _ => utf_32(bytes, u32::from_be_bytes),
            },
            Own::Utf32Le => utf_32(
                bytes.strip_prefix(&[0xff, 0xfe, 0, 0]).unwrap_or(bytes),
                u32::from_le_bytes,
            ),
            Own::Utf32Be => utf_32(
                bytes.strip_prefix(&[0, 0, 0xfe, 0xff]).unwrap_or(bytes),
                u32::from_be_bytes,
            ),
            Own::Iso2022Kr => by_euc(Known::EucKr, shifted(bytes, &[b"$)C"])),
            Own::Iso2022Cn => by_euc(Known::Gbk, shifted(bytes, &[b"$)A", b"$)G", b"$*H"])),
            Own::Hz => by_euc(Known::Gbk, unhzed(bytes)),
            Own::Johab => johab(bytes),
            Own::AnsiX3110 => ansi_x3_110(bytes),
            Own::Ibm437 => page(pages::IBM437, bytes),
            Own::Ibm737 => page(pages::IBM737, bytes),
            Own::Ibm775 => page(pages::IBM775, bytes),
            Own::Ibm852 => page(pages::IBM852, bytes),
            Own::Ibm855 => page(pages::IBM855, bytes),
            Own::Ibm857 => page(pages::IBM857, bytes),
            Own::Ibm858 => page(pages::IBM858, bytes),
            Own::Ibm862 => page(pages::IBM862, bytes),
            Own::MacCe => page(pages::MAC_CE, bytes),
        }
    }
}

fn utf_32(bytes: &[u8], read: fn([u8; 4]) -> u32) -> (String, bool) {
    let (units, rest) = bytes.as_chunks::<4>();
    let mut malformed = !rest.is_empty();
    let mut out = String::with_capacity(units.len());
    for unit in units {
        let char = char::from_u32(read(*unit));
        malformed |= char.is_none();
        out.push(char.unwrap_or(REPLACEMENT));
    }
    if !rest.is_empty() {
        out.push(REPLACEMENT);
    }
    (out, malformed)
}

/// A single-byte charset whose lower half is ASCII.
fn page(upper: &str, bytes: &[u8]) -> (String, bool) {
    let mut table = [REPLACEMENT; 128];
    for (place, char) in table.iter_mut().zip(upper.chars()) {
        *place = char;
    }
    let mut malformed = false;
    let text = bytes
        .iter()
        .map(
            |byte| match table.get(usize::from(byte.wrapping_sub(0x80))) {
                Some(char) => {
                    malformed |= *char == REPLACEMENT;
                    *char
                }
                None => char::from(*byte),
            },
        )
        .collect();
    (text, malformed)
}

fn by_euc(charset: Known, (bytes, malformed): (Vec<u8>, bool)) -> (String, bool) {
    let (text, invalid) = charset::decode_checked(Charset::Known(charset), &bytes);
    (text.into_owned(), malformed || invalid)
}

/// The EUC form of text that shifts between ASCII and one set of two-byte characters; only the
/// first of `designations` is a set that is known.
fn shifted(bytes: &[u8], designations: &[&[u8]]) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(bytes.len());
    let (mut out_of_ascii, mut known, mut malformed) = (false, true, false);
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            ESC => {
                let found = designations
                    .iter()
                    .position(|designation| after.starts_with(designation));
                match found {
                    Some(which) => {
                        known = which == 0;
                        rest = after.get(3..).unwrap_or_default();
                    }
                    None => malformed = true,
                }
            }
            SHIFT_OUT => out_of_ascii = true,
            SHIFT_IN => out_of_ascii = false,
            // RFC 1557: a line starts in ASCII.
            b'\n' => {
                out_of_ascii = false;
                out.push(byte);
            }
            0x21..=0x7e if out_of_ascii => match after.split_first() {
                Some((&second, after)) if (0x21..=0x7e).contains(&second) && known => {
                    out.extend([byte | 0x80, second | 0x80]);
                    rest = after;
                }
                _ => {
                    malformed = true;
                    out.push(0xff);
                    rest = after.get(usize::from(!known)..).unwrap_or_default();
                }
            },
            _ => {
                malformed |= byte >= 0x80;
                out.push(byte);
            }
        }
    }
    (out, malformed)
}

/// The EUC form of HZ.
fn unhzed(bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(bytes.len());
    let (mut chinese, mut malformed) = (false, false);
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'~', [b'{', after @ ..]) => (chinese, rest) = (true, after),
            (b'~', [b'}', after @ ..]) => (chinese, rest) = (false, after),
            (b'~', [b'~', after @ ..]) if !chinese => {
                out.push(b'~');
                rest = after;
            }
            // A line that goes on.
            (b'~', [b'\n', after @ ..] | [b'\r', b'\n', after @ ..]) => rest = after,
            (b'\n', _) => {
                chinese = false;
                out.push(byte);
            }
            (0x21..=0x7e, [second @ 0x21..=0x7e, after @ ..]) if chinese => {
                out.extend([byte | 0x80, second | 0x80]);
                rest = after;
            }
            _ => {
                malformed |= byte >= 0x80 || (byte == b'~' && !chinese);
                out.push(byte);
            }
        }
    }
    (out, malformed)
}

/// KS X 1001 annex 3: a syllable is a bit and three times five bits, one letter each.
fn johab(bytes: &[u8]) -> (String, bool) {
    // Places in the order of Unicode's syllables; a filler is -1, a code without letter -2.
    const FILL: i8 = -1;
    const NO: i8 = -2;
    const INITIAL: [i8; 32] = [
        NO, FILL, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, NO, NO, NO, NO,
        NO, NO, NO, NO, NO, NO, NO,
    ];
    const MEDIAL: [i8; 32] = [
        NO, NO, FILL, 0, 1, 2, 3, 4, NO, NO, 5, 6, 7, 8, 9, 10, NO, NO, 11, 12, 13, 14, 15, 16, NO,
        NO, 17, 18, 19, 20, NO, NO,
    ];
    const FINAL: [i8; 32] = [
        NO, FILL, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, NO, 17, 18, 19, 20, 21,
        22, 23, 24, 25, 26, 27, NO, NO,
    ];
    // The letters by themselves, as the compatibility letters from U+3131 on.
    const INITIAL_ALONE: &str = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ";
    const FINAL_ALONE: &str = "\u{fffd}ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ";
    let nth = |letters: &str, place: i8| {
        let place = usize::try_from(place).ok()?;
        letters
            .chars()
            .nth(place)
            .filter(|char| *char != REPLACEMENT)
    };
    let syllable = |lead: u8, trail: u8| -> Option<char> {
        let code = usize::from(lead) << 8 | usize::from(trail);
        let initial = *INITIAL.get(code >> 10 & 31)?;
        let medial = *MEDIAL.get(code >> 5 & 31)?;
        let last = *FINAL.get(code & 31)?;
        match (initial, medial, last) {
            (NO, ..) | (_, NO, _) | (.., NO) => None,
            (FILL, FILL, FILL) => Some('\u{3164}'),
            (initial, FILL, FILL) => nth(INITIAL_ALONE, initial),
            (FILL, medial, FILL) => char::from_u32(0x314f + u32::try_from(medial).ok()?),
            (FILL, FILL, last) => nth(FINAL_ALONE, last),
            (FILL, ..) | (_, FILL, _) => None,
            (initial, medial, last) => {
                let place = |part: i8| u32::try_from(part.max(0)).ok();
                let index = (place(initial)? * 21 + place(medial)?) * 28 + place(last)?;
                char::from_u32(0xac00 + index)
            }
        }
    };
    let mut out = String::with_capacity(bytes.len());
    let mut malformed = false;
    let mut rest = bytes;
    while let Some((&lead, after)) = rest.split_first() {
        rest = after;
        if lead < 0x80 {
            out.push(char::from(lead));
            continue;
        }
        let char = after.first().and_then(|&trail| match lead {
            0x84..=0xd3 => syllable(lead, trail),
            0xd9..=0xde | 0xe0..=0xf9 => johab_symbol(lead, trail),
            _ => None,
        });
        match char {
            Some(char) => {
                out.push(char);
                rest = after.get(1..).unwrap_or_default();
            }
            None => {
                out.push(REPLACEMENT);
                malformed = true;
                // A second byte that is ASCII is a character of its own.
                if after.first().is_some_and(|trail| *trail >= 0x80) {
                    rest = after.get(1..).unwrap_or_default();
                }
            }
        }
    }
    (out, malformed)
}

/// Signs and ideographs of Johab: the rows of KS X 1001, two to a first byte.
fn johab_symbol(lead: u8, trail: u8) -> Option<char> {
    let row = match lead {
        0xd9..=0xde => (lead - 0xd9) * 2 + 1,
        _ => (lead - 0xe0) * 2 + 42,
    };
    let (row, cell) = match trail {
        0x31..=0x7e => (row, trail - 0x30),
        0x91..=0xa0 => (row, trail - 0x91 + 79),
        0xa1..=0xfe => (row + 1, trail - 0xa0),
        _ => return None,
    };
    let euc = [row + 0xa0, cell + 0xa0];
    let (text, malformed) = charset::decode_checked(Charset::Known(Known::EucKr), &euc);
    text.chars().next().filter(|_| !malformed)
}

fn ansi_x3_110(bytes: &[u8]) -> (String, bool) {
    let mut out = String::with_capacity(bytes.len());
    let mut malformed = false;
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let char = match byte {
            // 0xC9 is another diaeresis.
            0xc1..=0xcf => {
                let accent = if byte == 0xc9 { 0xc8 } else { byte };
                let letters = pages::ANSI_X3_110_ACCENTED
                    .iter()
                    .find(|(known, ..)| *known == accent);
                let made = letters
                    .zip(after.first())
                    .and_then(|((_, plain, made), next)| {
                        let place = plain.bytes().position(|letter| letter == *next)?;
                        made.chars().nth(place)
                    });
                if made.is_some() {
                    rest = after.get(1..).unwrap_or_default();
                }
                made
            }
            0xa0.. => pages::ANSI_X3_110
                .chars()
                .nth(usize::from(byte - 0xa0))
                .filter(|char| *char != REPLACEMENT),
            _ => Some(char::from(byte)),
        };
        malformed |= char.is_none();
        out.push(char.unwrap_or(REPLACEMENT));
    }
    (out, malformed)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::Own;

    #[test]
    fn texts_in_charsets_that_browsers_lack_are_read() {
        for (charset, bytes, expected) in [
            (
                Own::Iso2022Kr,
                &b"\x1b$)C\x0e>H3gGO<<?d\x0f world\n\x0eGQ1[\x0f"[..],
                "안녕하세요 world\n한글",
            ),
            (
                Own::Hz,
                b"~{VPND~} text~~ ~{::WV~}\n~{5Z6~PP~}",
                "中文 text~ 汉字\n第二行",
            ),
            (
                Own::Johab,
                b"\xb4\x65\x91\x77 \xd3\xbd \x88\x61 \x88\x41\x84\x61 \x84\x44 \xf7\xd3\xf1\xae \xd0\x65\x8a\x82 \xd9\x6a \x99\xb1\xa4\x77\x88\x62\xd0\x61",
                "안녕 힣 가 ㄱㅏ ㄳ 漢字 한국 ★ 똠방각하",
            ),
            (Own::Iso2022Cn, b"\x1b$)A\x0eVPND\x0f!", "中文!"),
            (Own::Ibm437, b"caf\x82 \xab \xf1", "café ½ ±"),
            (Own::Ibm852, b"\xa6lu\x9cou\x9fk\xec k\x85\xe5", "Žluťoučký kůň"),
            (Own::AnsiX3110, b"caf\xc2e \xc8u\xfb \xaf \xc9a", "café üß ↓ ä"),
            (Own::Utf32, b"\0\0\0a\0\x01\xf6\0", "a😀"),
            (Own::Utf32, b"\xff\xfe\0\0a\0\0\0", "a"),
            (Own::Utf32, b"a\0\0\0\0\xf6\x01\0", "a😀"),
            (Own::Utf32Le, b"a\0\0\0", "a"),
        ] {
            assert_eq!(charset.decode(bytes), (expected.to_owned(), false), "{charset:?}");
        }
    }

    #[test]
    fn johab_has_every_syllable_once_and_every_ideograph() {
        let mut read = Vec::new();
        for lead in 0x84..=0xf9_u8 {
            for trail in 0x31..=0xfe_u8 {
                let (text, malformed) = Own::Johab.decode(&[lead, trail]);
                read.extend(text.chars().next().filter(|_| !malformed));
            }
        }
        let count = |range: std::ops::RangeInclusive<char>| {
            let found: Vec<_> = read.iter().filter(|char| range.contains(char)).collect();
            let distinct: std::collections::HashSet<_> = found.iter().collect();
            (found.len(), distinct.len())
        };
        assert_eq!(count('가'..='힣'), (11_172, 11_172));
        // KS X 1001 has 4,888 ideographs, some at two places for their two sounds.
        assert_eq!(
            count('\u{4e00}'..='\u{9fff}').0 + count('\u{f900}'..='\u{faff}').0,
            4_888
        );
    }

    #[test]
    fn what_means_nothing_is_replaced() {
        for (charset, bytes, expected) in [
            (
                Own::Utf32Be,
                &b"\0\0\0a\0\x11\0\0\0"[..],
                "a\u{fffd}\u{fffd}",
            ),
            (Own::Johab, b"\xb4", "\u{fffd}"),
            (Own::Johab, b"\xffa", "\u{fffd}a"),
            (Own::AnsiX3110, b"\xc2", "\u{fffd}"),
            (Own::Ibm857, b"\xd5", "\u{fffd}"),
        ] {
            assert_eq!(
                charset.decode(bytes),
                (expected.to_owned(), true),
                "{charset:?}"
            );
        }
        let (text, malformed) = Own::Hz.decode(b"~{V\n~x");
        assert!(malformed && text.ends_with("~x"), "{text}");
        assert!(Own::Iso2022Kr.decode(b"\x0eG").1);
    }

    #[test]
    fn hostile_text_is_read_to_its_end() {
        for charset in Own::ALL {
            for piece in [
                &b"~{"[..],
                b"\x0e",
                b"\x1b$)C",
                b"\xc2",
                b"\xff",
                b"~",
                b"~{!",
                b"\xe0\x31",
            ] {
                let (text, _) = charset.decode(&piece.repeat(60_000));
                assert!(text.len() <= 60_000 * 3 * piece.len(), "{charset:?}");
            }
        }
    }
}
