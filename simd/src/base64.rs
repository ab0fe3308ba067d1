//! Base64 in WebAssembly, where no library has wide registers for it (RFC 2045 section 6.8).

/// Appends what the first lines of `body` decode to, and tells how many octets of it these are.
///
/// It stops where something else than whole groups of four characters and line ends comes, such as
/// the padding: the rest is decoded as if it stood alone, by a decoder that knows what to make of
/// it. Without `simd128` that is all of it.
#[cfg_attr(
    not(all(target_arch = "wasm32", target_feature = "simd128")),
    allow(unused_variables)
)]
pub fn decode_base64_lines(body: &[u8], out: &mut Vec<u8>) -> usize {
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    return wide::decode(body, out);
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    return 0;
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
