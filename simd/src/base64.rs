//! Base64 bodies (RFC 2045 section 6.8), as long as they are regular: with AVX-512, which encodify does not
//! use, and in WebAssembly, where it has no wide registers at all.

/// Appends what the first lines of `body` decode to, and tells how many octets of it these are.
///
/// It stops where something else than whole groups of four characters and line ends comes, such as
/// the padding: the rest is decoded as if it stood alone, by a decoder that knows what to make of
/// it. Without the wide registers that is all of it.
#[allow(unreachable_code, unused_variables)]
pub fn decode_base64_lines(body: &[u8], out: &mut Vec<u8>) -> usize {
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    return wide::decode(body, out);
    #[cfg(target_arch = "x86_64")]
    if body.len() >= wide::LEAST && crate::is_wide() {
        out.reserve(body.len() / 4 * 3);
        let place = out.spare_capacity_mut();
        // SAFETY: `is_wide` has just found every feature that the function is compiled for. The place is
        // as long as is told, and of it as many octets as were written are initialised.
        #[allow(unsafe_code)]
        unsafe {
            let (read, written) = wide::decode(body, place.as_mut_ptr().cast(), place.len());
            out.set_len(out.len() + written);
            return read;
        }
    }
    0
}

/// [`decode_base64_lines`] to the start of `out`, as much as there is room for. Tells how many octets of
/// the body were read and how many written; what comes after these in `out` may be overwritten.
#[allow(unused_variables)]
pub fn decode_base64_lines_into(body: &[u8], out: &mut [u8]) -> (usize, usize) {
    #[cfg(target_arch = "x86_64")]
    if body.len() >= wide::LEAST && crate::is_wide() {
        // SAFETY: as above.
        #[allow(unsafe_code)]
        return unsafe { wide::decode(body, out.as_mut_ptr(), out.len()) };
    }
    (0, 0)
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::*;
    use std::mem::MaybeUninit;

    /// Octets that are looked at together.
    const BLOCK: usize = 64;
    /// Shorter bodies are not worth it.
    pub(super) const LEAST: usize = 4 * BLOCK;
    /// Symbols that are collected before they are decoded; in the nearest cache.
    const COLLECTED: usize = 64 * BLOCK;

    /// What a symbol is worth; of other characters the sign is set, of line ends the next bit too.
    #[allow(clippy::indexing_slicing, reason = "at compile time")]
    const SYMBOLS: [u8; 128] = {
        let mut table = [0x80; 128];
        let symbols = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut value = 0;
        while value < symbols.len() {
            table[symbols[value] as usize] = value as u8;
            value += 1;
        }
        table[b'\r' as usize] = 0xc0;
        table[b'\n' as usize] = 0xc0;
        table
    };

    /// Where the octets of four symbols are in 32 bits, first the one with the highest bits.
    #[allow(clippy::indexing_slicing, reason = "at compile time")]
    const ORDER: [u8; BLOCK] = {
        let mut order = [0; BLOCK];
        let mut at = 0;
        while at < BLOCK / 4 * 3 {
            order[at] = (at / 3 * 4 + 2 - at % 3) as u8;
            at += 1;
        }
        order
    };

    /// See [`super::decode_base64_lines_into`].
    ///
    /// # Safety
    ///
    /// `out` must be `room` octets that may be written.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,popcnt")]
    #[allow(unsafe_code, clippy::cast_possible_wrap)]
    pub(super) unsafe fn decode(body: &[u8], out: *mut u8, room: usize) -> (usize, usize) {
        // SAFETY: the tables are that long.
        let (low, high, order) = unsafe {
            let table = SYMBOLS.as_ptr();
            (
                _mm512_loadu_si512(table.cast()),
                _mm512_loadu_si512(table.add(BLOCK).cast()),
                _mm512_loadu_si512(ORDER.as_ptr().cast()),
            )
        };
        // Three octets for each four symbols, at the start of the block.
        let packed = |symbols: __m512i| {
            let pairs = _mm512_maddubs_epi16(symbols, _mm512_set1_epi32(0x0140_0140));
            let fours = _mm512_madd_epi16(pairs, _mm512_set1_epi32(0x0001_1000));
            _mm512_permutexvar_epi8(order, fours)
        };
        let mut collected = MaybeUninit::<[u8; COLLECTED + BLOCK]>::uninit();
        let collected = collected.as_mut_ptr().cast::<u8>();
        let (mut read, mut written, mut pending) = (0, 0, 0);
        loop {
            let mut is_regular = true;
            while pending <= COLLECTED - BLOCK
                && let Some(window) = body.get(read..read + BLOCK)
            {
                // SAFETY: the window is a block.
                let block = unsafe { _mm512_loadu_si512(window.as_ptr().cast()) };
                // The look-up takes seven bits: the eighth says that it is no symbol.
                let values = _mm512_permutex2var_epi8(low, block, high);
                let others = _mm512_movepi8_mask(values);
                let breaks = _mm512_test_epi8_mask(values, _mm512_set1_epi8(0x40));
                is_regular = others & !breaks | _mm512_movepi8_mask(block) == 0;
                if !is_regular {
                    break;
                }
                // SAFETY: there is room for a block after what is pending.
                unsafe {
                    let symbols = _mm512_maskz_compress_epi8(!others, values);
                    _mm512_storeu_si512(collected.add(pending).cast(), symbols);
                }
                pending += (!others).count_ones() as usize;
                read += BLOCK;
            }
            let mut at = 0;
            while at + BLOCK <= pending && written + BLOCK <= room {
                // SAFETY: as many symbols are there, and as many octets have room.
                unsafe {
                    let symbols = _mm512_loadu_si512(collected.add(at).cast());
                    _mm512_storeu_si512(out.add(written).cast(), packed(symbols));
                }
                at += BLOCK;
                written += BLOCK / 4 * 3;
            }
            let is_last = !is_regular || read + BLOCK > body.len() || at + BLOCK <= pending;
            if !is_last {
                // SAFETY: less than a block is left, and what follows it may be copied: it was written, or
                // is never looked at.
                unsafe { std::ptr::copy(collected.add(at), collected, BLOCK) };
                pending -= at;
                continue;
            }
            // What is left of whole groups, with stores that write no more than they decode.
            loop {
                let symbols = (pending - at).min(BLOCK) / 4 * 4;
                let octets = symbols / 4 * 3;
                if symbols == 0 || written + octets > room {
                    break;
                }
                // SAFETY: as many symbols are there, and as many octets have room. The other lanes are
                // neither read nor written.
                unsafe {
                    let lanes = u64::MAX >> (BLOCK - symbols);
                    let symbols = _mm512_maskz_loadu_epi8(lanes, collected.add(at).cast());
                    let lanes = u64::MAX >> (BLOCK - octets);
                    _mm512_mask_storeu_epi8(out.add(written).cast(), lanes, packed(symbols));
                }
                at += symbols;
                written += octets;
            }
            let mut left = pending - at;
            while left > 0 && read > 0 {
                read -= 1;
                left -= usize::from(!matches!(body.get(read), Some(b'\r' | b'\n')));
            }
            return (read, written);
        }
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wide {
    use std::arch::wasm32::*;

    /// Characters that one round takes at most, and octets that it writes.
    const BLOCK: usize = 16;

    pub(super) fn decode(body: &[u8], out: &mut Vec<u8>) -> usize {
        // Each round writes a block, of which 12 octets at most count.
        out.reserve(body.len() / 4 * 3 + BLOCK);
        let mut read = 0;
        let mut written = out.len();
        while let Some(block) = body.get(read..read + BLOCK) {
            // SAFETY: a block is as long as the register.
            #[allow(unsafe_code)]
            let chars = unsafe { v128_load(block.as_ptr().cast()) };
            let (octets, valid) = decode_block(chars);
            // SAFETY: what was written is at most three quarters of what was read, and a block more
            // is reserved.
            #[allow(unsafe_code)]
            unsafe {
                v128_store(out.as_mut_ptr().add(written).cast(), octets);
            }
            if valid == BLOCK {
                // Apart from the rest, so that the next round need not wait for this one's count.
                read += BLOCK;
                written += BLOCK / 4 * 3;
                continue;
            }
            written += valid / 4 * 3;
            read += valid / 4 * 4;
            let start = read;
            while let Some(b'\r' | b'\n') = body.get(read) {
                read += 1;
            }
            if read == start {
                break;
            }
        }
        // SAFETY: the octets up to here were written.
        #[allow(unsafe_code)]
        unsafe {
            out.set_len(written);
        }
        read
    }

    /// The octets of 16 characters, and how many of these are of the alphabet before the first that is not.
    fn decode_block(chars: v128) -> (v128, usize) {
        let high = u8x16_shr(chars, 4);
        let low = v128_and(chars, u8x16_splat(15));
        // A character is of the alphabet if no bit is set both for its upper and for its lower half.
        #[rustfmt::skip]
        let of_high = u8x16(16, 16, 1, 2, 4, 8, 4, 8, 16, 16, 16, 16, 16, 16, 16, 16);
        #[rustfmt::skip]
        let of_low = u8x16(21, 17, 17, 17, 17, 17, 17, 17, 17, 17, 19, 26, 27, 27, 27, 26);
        let wrong = v128_and(u8x16_swizzle(of_high, high), u8x16_swizzle(of_low, low));
        let is_right = u8x16_eq(wrong, u8x16_splat(0));
        let valid = (!u32::from(u8x16_bitmask(is_right))).trailing_zeros();
        // What each row of the code table adds to a character to make its number; `/` is in a row of another.
        let of_row = i8x16(0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0);
        let row = i8x16_add(high, u8x16_eq(chars, u8x16_splat(b'/')));
        let numbers = i8x16_add(chars, i8x16_swizzle(of_row, row));
        // Six bits each, the first character's on top: first in pairs, then in fours.
        let pairs = v128_or(
            i16x8_shl(v128_and(numbers, u16x8_splat(0x00ff)), 6),
            u16x8_shr(numbers, 8),
        );
        let fours = v128_or(
            i32x4_shl(v128_and(pairs, u32x4_splat(0xffff)), 12),
            u32x4_shr(pairs, 16),
        );
        #[rustfmt::skip]
        let order = u8x16(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, 16, 16, 16, 16);
        (u8x16_swizzle(fours, order), valid as usize)
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use encodify::base64::MIME;

    use super::{decode_base64_lines, decode_base64_lines_into};
    use crate::tests::Dice;

    /// The start by this module, the rest by encodify: as encodify does all of it, in either way.
    fn check(body: &[u8], room: usize) -> usize {
        let whole = MIME.decode(body).ok();
        let mut out = vec![7; room + 64];
        let (read, written) = decode_base64_lines_into(body, &mut out[..room]);
        assert!(written <= room && read <= body.len());
        assert_eq!(out[room..], [7; 64], "what is beyond the room");
        let rest = MIME.decode(&body[read..]).ok();
        let found = rest.map(|rest| [&out[..written], &rest].concat());
        assert_eq!(found, whole, "{} octets", body.len());
        let mut appended = b"before".to_vec();
        let read = decode_base64_lines(body, &mut appended);
        let rest = MIME.decode(&body[read..]).ok();
        let found = rest.map(|rest| [&appended[6..], &rest].concat());
        assert_eq!(found, whole, "{} octets, appended", body.len());
        written
    }

    #[test]
    fn bodies_are_read_as_encodify_reads_them() {
        let mut dice = Dice::new();
        let mut decoded = 0;
        for round in 0..4_000 {
            let octets: Vec<u8> = (0..dice.below(9_000))
                .map(|_| dice.below(256) as u8)
                .collect();
            let text = encodify::base64::STANDARD.encode(&octets);
            let line = [4, 60, 64, 76, 77, 78, 1_000, usize::MAX][dice.below(8)];
            let end = ["\r\n", "\n", "\r", "\r\n\r\n"][dice.below(4)];
            let mut body = Vec::new();
            for line in text.as_bytes().chunks(line) {
                body.extend_from_slice(line);
                body.extend_from_slice(end.as_bytes());
            }
            if round % 2 == 1 && !body.is_empty() {
                for _ in 0..=dice.below(3) {
                    let odd = b"= \t-!\x80\x8d\xcd\xff\0A\n";
                    let (at, byte) = (dice.below(body.len()), odd[dice.below(odd.len())]);
                    match dice.below(3) {
                        0 => body[at] = byte,
                        1 => body.insert(at, byte),
                        _ => drop(body.remove(at)),
                    }
                }
            }
            let room = [
                octets.len(),
                octets.len() + 100,
                dice.below(octets.len() + 1),
            ];
            decoded += check(&body, room[dice.below(3)]);
        }
        assert!(decoded == 0 || decoded > 1_000_000, "{decoded}");
    }

    #[test]
    fn every_octet_is_a_symbol_a_line_end_or_the_end() {
        for byte in 0..=255 {
            for at in [0, 1, 63, 64, 100, 255, 256, 299] {
                let mut body = [b'Q'; 300];
                body[at] = byte;
                check(&body, 225);
            }
        }
    }
}
