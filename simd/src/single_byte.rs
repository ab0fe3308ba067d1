//! Charsets in which each octet is a character of its own, ASCII in the lower half.

/// Such a charset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SingleByte {
    /// The characters of the octets from 0x80 on; U+FFFD where there is none.
    upper: [u16; 128],
}

impl SingleByte {
    /// A charset by the characters of its octets from 0x80 on; `None` if one is beyond U+FFFF.
    pub fn new(upper: [char; 128]) -> Option<Self> {
        let mut units = [0; 128];
        for (unit, char) in units.iter_mut().zip(upper) {
            *unit = u16::try_from(u32::from(char)).ok()?;
        }
        Some(SingleByte { upper: units })
    }

    /// Appends the text of `bytes` to `out`, and tells whether U+FFFD is in it.
    pub fn decode(&self, bytes: &[u8], out: &mut String) -> bool {
        #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut))]
        let mut read = 0;
        let mut malformed = false;
        #[cfg(target_arch = "x86_64")]
        if bytes.len() >= wide::BLOCK && crate::is_wide() {
            // SAFETY: `is_wide` has just found every feature that the function is compiled for, and
            // what it appends is UTF-8.
            #[allow(unsafe_code)]
            unsafe {
                (read, malformed) = wide::decode(&self.upper, bytes, out.as_mut_vec());
            }
        }
        out.reserve(bytes.len() - read);
        for byte in bytes.get(read..).unwrap_or_default() {
            let upper = byte
                .checked_sub(0x80)
                .and_then(|at| self.upper.get(usize::from(at)));
            let char = match upper {
                Some(unit) => {
                    char::from_u32(u32::from(*unit)).unwrap_or(char::REPLACEMENT_CHARACTER)
                }
                None => char::from(*byte),
            };
            malformed |= char == char::REPLACEMENT_CHARACTER;
            out.push(char);
        }
        malformed
    }
}

/// The least octet from 0x80 on: most of what charsets leave undefined is right there.
pub fn least_upper(bytes: &[u8]) -> Option<u8> {
    // With the sign that such octets have they are below all others.
    let (least, rest) = least_of_blocks(bytes);
    let least = rest
        .iter()
        .map(|byte| byte.cast_signed())
        .fold(least, i8::min);
    (least < 0).then_some(least.cast_unsigned())
}

/// The least octet of whole blocks, and what is left.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
fn least_of_blocks(bytes: &[u8]) -> (i8, &[u8]) {
    use std::arch::wasm32::{i8x16_min, i8x16_splat, v128_load};

    let (blocks, rest) = bytes.as_chunks::<16>();
    let least = blocks.iter().fold(i8x16_splat(0), |least, block| {
        // SAFETY: a block is as long as the register.
        #[allow(unsafe_code)]
        let block = unsafe { v128_load(block.as_ptr().cast()) };
        i8x16_min(least, block)
    });
    // SAFETY: a register is 16 octets.
    #[allow(unsafe_code)]
    let lanes: [i8; 16] = unsafe { std::mem::transmute(least) };
    (lanes.into_iter().fold(0, i8::min), rest)
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
fn least_of_blocks(bytes: &[u8]) -> (i8, &[u8]) {
    (0, bytes)
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::*;

    /// Octets that one round takes.
    pub(super) const BLOCK: usize = 32;

    /// Octets of text that a block gives at most, and what is written at once.
    const MOST: usize = 3 * BLOCK;
    const WRITTEN: usize = 64;

    /// Appends the text of whole blocks; returns how many octets were read, and whether U+FFFD is in it.
    #[target_feature(
        enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi1,bmi2,lzcnt,popcnt"
    )]
    #[allow(unsafe_code, clippy::cast_possible_wrap)]
    pub(super) fn decode(upper: &[u16; 128], bytes: &[u8], out: &mut Vec<u8>) -> (usize, bool) {
        // SAFETY: the table is four times 64 octets.
        let table = |at: usize| unsafe { _mm512_loadu_si512(upper.as_ptr().add(at).cast()) };
        let [first, second, third, fourth] = [table(0), table(32), table(64), table(96)];
        let all = |unit: u16| _mm512_set1_epi16(unit as i16);
        let mut malformed = 0;
        let (blocks, _) = bytes.as_chunks::<BLOCK>();
        for (number, block) in blocks.iter().enumerate() {
            if out.capacity() - out.len() < MOST + WRITTEN {
                out.reserve(2 * (bytes.len() - number * BLOCK) + MOST + WRITTEN);
            }
            // SAFETY: there is room for all that a block gives, and for what is written after it.
            let end = unsafe { out.as_mut_ptr().add(out.len()) };
            // SAFETY: the block has 32 octets.
            let octets = unsafe { _mm256_loadu_si256(block.as_ptr().cast()) };
            if _mm256_movepi8_mask(octets) == 0 {
                // SAFETY: as above; the octets are ASCII.
                unsafe {
                    _mm256_storeu_si256(end.cast(), octets);
                    out.set_len(out.len() + BLOCK);
                }
                continue;
            }
            let octets = _mm512_cvtepu8_epi16(octets);
            // A look-up takes six bits; the seventh says which half of the table it is.
            let units = _mm512_mask_mov_epi16(
                _mm512_permutex2var_epi16(first, octets, second),
                _mm512_test_epi16_mask(octets, all(0x40)),
                _mm512_permutex2var_epi16(third, octets, fourth),
            );
            let units =
                _mm512_mask_mov_epi16(octets, _mm512_test_epi16_mask(octets, all(0x80)), units);
            malformed |= _mm512_cmpeq_epi16_mask(units, all(0xfffd));
            let beyond_two = _mm512_cmpge_epu16_mask(units, all(0x800));
            let halves = [
                _mm512_cvtepu16_epi32(_mm512_castsi512_si256(units)),
                _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64::<1>(units)),
            ];
            let mut written = 0;
            if beyond_two == 0 {
                let two = _mm512_cmpge_epu16_mask(units, all(0x80));
                let lead = _mm512_or_si512(_mm512_srli_epi16::<6>(units), all(0xc0));
                let tail = _mm512_and_si512(units, all(0x3f));
                let pair = _mm512_or_si512(
                    lead,
                    _mm512_or_si512(_mm512_slli_epi16::<8>(tail), all(0x8000)),
                );
                let places = _mm512_mask_mov_epi16(all(0x00ff), two, all(0xffff));
                let kept = _mm512_movepi8_mask(places);
                let text = _mm512_mask_mov_epi16(units, two, pair);
                // SAFETY: as above.
                unsafe { _mm512_storeu_si512(end.cast(), _mm512_maskz_compress_epi8(kept, text)) };
                written = kept.count_ones() as usize;
            } else {
                for units in halves {
                    let (text, kept) = encoded(units);
                    // SAFETY: as above.
                    unsafe {
                        _mm512_storeu_si512(
                            end.add(written).cast(),
                            _mm512_maskz_compress_epi8(kept, text),
                        );
                    }
                    written += kept.count_ones() as usize;
                }
            }
            // SAFETY: so many octets were just written, and they are whole characters in UTF-8.
            unsafe { out.set_len(out.len() + written) };
        }
        (blocks.len() * BLOCK, malformed != 0)
    }

    /// Sixteen characters in UTF-8, lowest octet first, and which of the octets are theirs.
    #[target_feature(
        enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi1,bmi2,lzcnt,popcnt"
    )]
    fn encoded(units: __m512i) -> (__m512i, u64) {
        let all = |unit: i32| _mm512_set1_epi32(unit);
        let two = _mm512_cmpge_epu32_mask(units, all(0x80));
        let three = _mm512_cmpge_epu32_mask(units, all(0x800));
        let low = _mm512_or_si512(_mm512_and_si512(units, all(0x3f)), all(0x80));
        let upper = _mm512_srli_epi32::<6>(units);
        let middle = _mm512_or_si512(_mm512_and_si512(upper, all(0x3f)), all(0x80));
        let of_two = _mm512_or_si512(
            _mm512_or_si512(upper, all(0xc0)),
            _mm512_slli_epi32::<8>(low),
        );
        let lead = _mm512_or_si512(_mm512_srli_epi32::<12>(units), all(0xe0));
        let of_three = _mm512_or_si512(
            _mm512_or_si512(lead, _mm512_slli_epi32::<8>(middle)),
            _mm512_slli_epi32::<16>(low),
        );
        let text =
            _mm512_mask_mov_epi32(_mm512_mask_mov_epi32(units, two, of_two), three, of_three);
        let places = _mm512_mask_mov_epi32(all(0xff), two, all(0xffff));
        let places = _mm512_mask_mov_epi32(places, three, all(0x00ff_ffff));
        (text, _mm512_movepi8_mask(places))
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::{SingleByte, least_upper};

    #[test]
    fn the_least_octet_of_the_upper_half_is_found_wherever_it_is() {
        let mut dice = crate::tests::Dice::new();
        for _ in 0..2_000 {
            let most = [0x80, 0x81, 0xa0, 0x100][dice.below(4)];
            let bytes: Vec<u8> = (0..dice.below(70))
                .map(|_| dice.below(most) as u8)
                .collect();
            let expected = bytes.iter().copied().filter(|byte| *byte >= 0x80).min();
            assert_eq!(least_upper(&bytes), expected);
        }
    }

    #[test]
    fn any_octets_in_any_charset_come_as_their_characters() {
        let mut dice = crate::tests::Dice::new();
        for round in 0..2_000 {
            let most = [0x100, 0x800, 0x2100, 0xd800, 0x1_0000][round % 5];
            let upper = std::array::from_fn(|_| {
                char::from_u32(dice.below(most) as u32).unwrap_or('\u{fffd}')
            });
            let charset = SingleByte::new(upper).unwrap();
            let bytes: Vec<u8> = (0..dice.below(300))
                .map(|_| dice.below([0x80, 0x90, 0x100][round % 3]) as u8)
                .collect();
            let char = |byte: &u8| {
                if *byte < 0x80 {
                    char::from(*byte)
                } else {
                    upper[usize::from(*byte) - 0x80]
                }
            };
            let expected: String = bytes.iter().map(char).collect();
            let mut out = "é".to_owned();
            let malformed = charset.decode(&bytes, &mut out);
            assert_eq!(out, format!("é{expected}"));
            assert_eq!(malformed, expected.contains('\u{fffd}'));
        }
    }
}
