//! Text as the strings of Python and JavaScript keep it: Latin-1 or UTF-16.

/// The widest character of a text, as far as it decides how a string is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Widest {
    /// U+0000 to U+007F.
    Ascii,
    /// U+0080 to U+00FF.
    Latin1,
    /// U+0100 to U+FFFF.
    Basic,
    /// From U+10000 on.
    Astral,
}

/// The widest character of a text.
pub fn widest(text: &str) -> Widest {
    match text.bytes().fold(0, u8::max) {
        0..0x80 => Widest::Ascii,
        0x80..0xc4 => Widest::Latin1,
        0xc4..0xf0 => Widest::Basic,
        0xf0.. => Widest::Astral,
    }
}

/// Appends the text in UTF-16, in the processor's order of octets.
pub fn append_utf16(text: &str, out: &mut Vec<u16>) {
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut))]
    let mut read = 0;
    #[cfg(target_arch = "x86_64")]
    if text.len() >= wide::LEAST && crate::is_wide() {
        // SAFETY: `is_wide` has just found every feature that the function is compiled for.
        #[allow(unsafe_code)]
        unsafe {
            read = wide::append_utf16(text, out);
        }
    }
    portable_utf16(text.get(read..).unwrap_or_default(), out);
}

/// Appends the text in ISO-8859-1; characters beyond U+00FF become `?`.
pub fn append_latin1(text: &str, out: &mut Vec<u8>) {
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut))]
    let mut read = 0;
    #[cfg(target_arch = "x86_64")]
    if text.len() >= wide::LEAST && widest(text) <= Widest::Latin1 && crate::is_wide() {
        // SAFETY: as above.
        #[allow(unsafe_code)]
        unsafe {
            read = wide::append_latin1(text, out);
        }
    }
    portable_latin1(text.get(read..).unwrap_or_default(), out);
}

fn portable_utf16(text: &str, out: &mut Vec<u16>) {
    portable(text, out, u16::from, |char, out| {
        out.extend_from_slice(char.encode_utf16(&mut [0; 2]));
    });
}

fn portable_latin1(text: &str, out: &mut Vec<u8>) {
    portable(text, out, u8::from, |char, out| {
        out.push(u8::try_from(u32::from(char)).unwrap_or(b'?'));
    });
}

/// ASCII in blocks, other characters one by one.
fn portable<T: Copy + Default>(
    text: &str,
    out: &mut Vec<T>,
    ascii: impl Fn(u8) -> T,
    other: impl Fn(char, &mut Vec<T>),
) {
    const BLOCK: usize = 16;
    const HIGH: u128 = u128::from_ne_bytes([0x80; BLOCK]);
    let mut rest = text;
    while let Some(block) = rest.as_bytes().first_chunk::<BLOCK>() {
        let high = u128::from_le_bytes(*block) & HIGH;
        let mut units = [T::default(); BLOCK];
        for (unit, byte) in units.iter_mut().zip(block) {
            *unit = ascii(*byte);
        }
        let plain = (high.trailing_zeros() / 8) as usize;
        out.extend_from_slice(units.get(..plain).unwrap_or_default());
        rest = rest.get(plain..).unwrap_or_default();
        if plain < BLOCK {
            // Words in other scripts have a space between them: no reason to begin a block.
            let mut taken = 0;
            let mut run = 0;
            for char in rest.chars() {
                run = if char.is_ascii() { run + 1 } else { 0 };
                if run > 2 {
                    break;
                }
                taken += char.len_utf8();
                other(char, out);
            }
            rest = rest.get(taken..).unwrap_or_default();
        }
    }
    for char in rest.chars() {
        other(char, out);
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) mod wide {
    use std::arch::x86_64::*;

    /// Shorter texts are not worth it.
    pub(crate) const LEAST: usize = 128;

    /// Octets of text that one round looks at, and how many it takes where not all are ASCII.
    const BLOCK: usize = 64;
    const HALF: usize = 32;

    /// Each lane's octet in the lane before it. A second load from the next address would do, but the
    /// compiler takes such loads apart, octet by octet.
    #[target_feature(
        enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi1,bmi2,lzcnt,popcnt"
    )]
    pub(crate) fn shifted(block: __m512i) -> __m512i {
        #[allow(clippy::indexing_slicing, reason = "at compile time")]
        const PLACES: [u8; BLOCK] = {
            let mut places = [0; BLOCK];
            let mut at = 0;
            while at < BLOCK {
                places[at] = (at as u8 + 1) % BLOCK as u8;
                at += 1;
            }
            places
        };
        // SAFETY: the table is a block.
        #[allow(unsafe_code)]
        let places = unsafe { _mm512_loadu_si512(PLACES.as_ptr().cast()) };
        _mm512_permutexvar_epi8(places, block)
    }

    /// Appends the text but for its end, and returns how much of it was read.
    #[target_feature(
        enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi1,bmi2,lzcnt,popcnt"
    )]
    #[allow(unsafe_code)]
    pub(crate) fn append_utf16(text: &str, out: &mut Vec<u16>) -> usize {
        let bytes = text.as_bytes();
        out.reserve(bytes.len() + BLOCK);
        let mut read = 0;
        while let Some(window) = bytes.get(read..read + BLOCK) {
            if out.capacity() - out.len() < BLOCK {
                out.reserve(bytes.len() - read + BLOCK);
            }
            let from = window.as_ptr();
            // SAFETY: there is room for 64 units; of these as many as are counted are initialised.
            let end = unsafe { out.as_mut_ptr().add(out.len()) };
            // SAFETY: the window is a block.
            let block = unsafe { _mm512_loadu_si512(from.cast()) };
            if _mm512_movepi8_mask(block) == 0 {
                let low = _mm512_cvtepu8_epi16(_mm512_castsi512_si256(block));
                let high = _mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64::<1>(block));
                // SAFETY: as above.
                unsafe {
                    _mm512_storeu_si512(end.cast(), low);
                    _mm512_storeu_si512(end.add(HALF).cast(), high);
                    out.set_len(out.len() + BLOCK);
                }
                read += BLOCK;
                continue;
            }
            let next = shifted(block);
            let [first, second, third] = [block, next, shifted(next)]
                .map(|block| _mm512_cvtepu8_epi16(_mm512_castsi512_si256(block)));
            let from_on = |least: i16| _mm512_cmpge_epu16_mask(first, _mm512_set1_epi16(least));
            let (two, three, four) = (from_on(0xc0), from_on(0xe0), from_on(0xf0));
            if four != 0 {
                read = astral(text, read, out);
                continue;
            }
            let low = |unit: __m512i| _mm512_and_si512(unit, _mm512_set1_epi16(0x3f));
            let of_two = _mm512_or_si512(
                _mm512_slli_epi16::<6>(_mm512_and_si512(first, _mm512_set1_epi16(0x1f))),
                low(second),
            );
            let of_three = _mm512_or_si512(
                _mm512_or_si512(
                    // The bits that tell the length leave at the upper end.
                    _mm512_slli_epi16::<12>(first),
                    _mm512_slli_epi16::<6>(low(second)),
                ),
                low(third),
            );
            let units = _mm512_mask_mov_epi16(first, two, of_two);
            let units = _mm512_mask_mov_epi16(units, three, of_three);
            let starts = !from_on(0x80) | two;
            // SAFETY: as above.
            unsafe {
                _mm512_storeu_si512(end.cast(), _mm512_maskz_compress_epi16(starts, units));
                out.set_len(out.len() + starts.count_ones() as usize);
            }
            read += HALF;
        }
        // The characters whose first octet was in the last block are written.
        while !text.is_char_boundary(read) {
            read += 1;
        }
        read
    }

    /// Half a block with a character of four octets, one by one.
    #[cold]
    fn astral(text: &str, from: usize, out: &mut Vec<u16>) -> usize {
        let start = (from..)
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(from);
        let mut read = start;
        for char in text.get(start..).unwrap_or_default().chars() {
            if read >= from + HALF {
                break;
            }
            read += char.len_utf8();
            out.extend_from_slice(char.encode_utf16(&mut [0; 2]));
        }
        read
    }

    /// Appends the text, which has no character beyond U+00FF, but for its end, and returns how much
    /// of it was read.
    #[target_feature(
        enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi1,bmi2,lzcnt,popcnt"
    )]
    #[allow(unsafe_code, clippy::cast_possible_wrap)]
    pub(crate) fn append_latin1(text: &str, out: &mut Vec<u8>) -> usize {
        let bytes = text.as_bytes();
        out.reserve(bytes.len() + BLOCK);
        let mut read = 0;
        while let Some(window) = bytes.get(read..read + BLOCK) {
            if out.capacity() - out.len() < BLOCK {
                out.reserve(bytes.len() - read + BLOCK);
            }
            // SAFETY: the window is a block.
            let first = unsafe { _mm512_loadu_si512(window.as_ptr().cast()) };
            let second = shifted(first);
            let two = _mm512_cmpge_epu8_mask(first, _mm512_set1_epi8(0xc0_u8 as i8));
            // What follows the last octet is not in the block.
            let starts = (!_mm512_movepi8_mask(first) | two) & (u64::MAX >> 1);
            let upper = _mm512_and_si512(
                _mm512_slli_epi16::<6>(first),
                _mm512_set1_epi8(0xc0_u8 as i8),
            );
            let lower = _mm512_and_si512(second, _mm512_set1_epi8(0x3f));
            let units = _mm512_mask_mov_epi8(first, two, _mm512_or_si512(upper, lower));
            // SAFETY: there is room for 64 octets; of these as many as are counted are initialised.
            unsafe {
                let end = out.as_mut_ptr().add(out.len());
                _mm512_storeu_si512(end.cast(), _mm512_maskz_compress_epi8(starts, units));
                out.set_len(out.len() + starts.count_ones() as usize);
            }
            read += BLOCK - 1;
        }
        while !text.is_char_boundary(read) {
            read += 1;
        }
        read
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::{Widest, append_latin1, append_utf16, portable_latin1, portable_utf16, widest};

    fn check(text: &str) {
        for append in [append_utf16, portable_utf16] {
            let mut units = vec![7];
            append(text, &mut units);
            let expected = std::iter::once(7).chain(text.encode_utf16());
            assert!(units.iter().copied().eq(expected), "{text:?}");
        }
        for append in [append_latin1, portable_latin1] {
            let mut octets = vec![7];
            append(text, &mut octets);
            let narrow = |char| u8::try_from(u32::from(char)).unwrap_or(b'?');
            let expected = std::iter::once(7).chain(text.chars().map(narrow));
            assert!(octets.iter().copied().eq(expected), "{text:?}");
        }
        let most = match text.chars().max() {
            None | Some('\0'..='\x7f') => Widest::Ascii,
            Some('\u{80}'..='\u{ff}') => Widest::Latin1,
            Some('\u{100}'..='\u{ffff}') => Widest::Basic,
            Some(_) => Widest::Astral,
        };
        assert_eq!(widest(text), most, "{text:?}");
    }

    #[test]
    fn every_character_at_every_place_of_a_block() {
        let chars = [
            "",
            "\u{7f}",
            "\u{80}",
            "\u{ff}",
            "\u{100}",
            "\u{7ff}",
            "\u{800}",
            "\u{d7ff}",
            "\u{ffff}",
            "\u{10000}",
            "\u{10ffff}",
        ];
        for first in chars {
            for second in chars {
                for before in 24..70 {
                    for after in [0, 1, 60, 130] {
                        check(
                            &[
                                "x".repeat(before).as_str(),
                                first,
                                second,
                                &"y".repeat(after),
                            ]
                            .concat(),
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn any_text_comes_back() {
        let mut dice = crate::tests::Dice::new();
        for round in 0..3_000 {
            let most = [0x80, 0x100, 0x800, 0xd800, 0x11_0000][round % 5];
            let mut text = String::new();
            while text.len() < 300 {
                let char = char::from_u32(dice.below(most) as u32).unwrap_or('-');
                let times = [1, 1, 2, 40][dice.below(4)];
                text.extend(std::iter::repeat_n(char, times));
                text.push_str(["", " ", "ab ", "plain text of some length, "][dice.below(4)]);
            }
            check(&text);
        }
    }
}
