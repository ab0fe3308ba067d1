//! Quoted-printable bodies (RFC 2045 section 6.7), read as leniently as encodify does.

/// Appends the decoded body to `out`. What is no escape stays as it is, blanks before a line end go
/// (RFC 2045 section 6.7, rule 3), a CR alone goes.
pub fn decode_quoted_printable(body: &[u8], out: &mut Vec<u8>) {
    #[cfg(target_arch = "x86_64")]
    if body.len() >= wide::BLOCK && crate::is_wide() {
        // SAFETY: `is_wide` has just found every feature that the function is compiled for.
        #[allow(unsafe_code)]
        unsafe {
            wide::decode(body, out);
        }
        return;
    }
    // It fails on nothing unless it is told to be strict.
    let _ = encodify::qp::BODY.decode_append(body, out);
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::*;

    use crate::text::wide::shifted;

    /// Octets of input that one round looks at, and how many it takes: what an escape is shows in the
    /// two after its sign.
    pub(super) const BLOCK: usize = 64;
    const TAKEN: usize = BLOCK - 2;
    const LANES: u64 = u64::MAX >> (BLOCK - TAKEN);

    /// What hexadecimal digits are worth, by their ASCII code; for other characters the sign is set.
    #[allow(clippy::indexing_slicing, reason = "at compile time")]
    const DIGITS: [u8; 128] = {
        let mut table = [0x80; 128];
        let mut value = 0;
        while value < 16 {
            table[b"0123456789ABCDEF"[value] as usize] = value as u8;
            table[b"0123456789abcdef"[value] as usize] = value as u8;
            value += 1;
        }
        table
    };

    /// Where decoding stands.
    struct Place {
        /// Octets of the body that were read.
        read: usize,
        /// Blanks at the end of what was written that go if the line ends here.
        blanks: usize,
    }

    #[target_feature(
        enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi1,bmi2,lzcnt,popcnt"
    )]
    pub(super) fn decode(body: &[u8], out: &mut Vec<u8>) {
        out.reserve(body.len() + BLOCK);
        let mut place = Place { read: 0, blanks: 0 };
        loop {
            let irregular = blocks(body, &mut place, out);
            match irregular {
                // The block up to what is irregular in it goes step by step.
                Some(at) => {
                    while place.read <= at {
                        step(body, &mut place, out);
                    }
                }
                None => {
                    while place.read < body.len() {
                        step(body, &mut place, out);
                    }
                    out.truncate(out.len() - place.blanks);
                    return;
                }
            }
        }
    }

    /// Decodes whole blocks while there are any. Returns where something stands that is neither text
    /// nor a sound escape; nothing of its block is decoded then.
    #[target_feature(
        enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi1,bmi2,lzcnt,popcnt"
    )]
    #[allow(unsafe_code, clippy::cast_possible_wrap)]
    fn blocks(body: &[u8], place: &mut Place, out: &mut Vec<u8>) -> Option<usize> {
        let is =
            |block: __m512i, byte: u8| _mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8(byte as i8));
        // SAFETY: both halves of the table are 64 octets.
        let digits = unsafe {
            let (low, high) = (DIGITS.as_ptr(), DIGITS.as_ptr().add(BLOCK));
            [
                _mm512_loadu_si512(low.cast()),
                _mm512_loadu_si512(high.cast()),
            ]
        };
        let digit = |block: __m512i| {
            let value = _mm512_permutex2var_epi8(digits[0], block, digits[1]);
            // The look-up takes seven bits: the eighth says that it is no digit.
            _mm512_or_si512(value, _mm512_and_si512(block, _mm512_set1_epi8(i8::MIN)))
        };
        // The lanes at the start of a block that belong to an escape of the block before. Where a block
        // starts depends on nothing, so that the processor can be at several of them.
        let mut carried = 0_u64;
        while let Some(window) = body.get(place.read..place.read + BLOCK) {
            // SAFETY: the window is a block.
            let first = unsafe { _mm512_loadu_si512(window.as_ptr().cast()) };
            let second = shifted(first);
            let third = shifted(second);
            let is_here = |byte: u8| is(first, byte) & LANES;
            let escapes = is_here(b'=');
            let blanks = is_here(b' ') | is_here(b'\t');
            let (returns, feeds) = (is_here(b'\r'), is_here(b'\n'));
            let after_blank = blanks << 1 | u64::from(place.blanks > 0);
            let mut irregular = after_blank & (returns | feeds) | returns & !is(second, b'\n');
            let (mut removed, mut decoded) = (carried, first);
            if escapes != 0 {
                let (high, low) = (digit(second), digit(third));
                let bytes = escapes & !_mm512_movepi8_mask(_mm512_or_si512(high, low));
                let breaks = escapes & is(second, b'\r') & is(third, b'\n');
                let bare_breaks = escapes & is(second, b'\n');
                irregular |= escapes & !(bytes | breaks | bare_breaks);
                // There is no shift of single octets: what would cross from one to the next is cut off.
                let high = _mm512_and_si512(high, _mm512_set1_epi8(0x0f));
                let value = _mm512_or_si512(_mm512_slli_epi16::<4>(high), low);
                decoded = _mm512_mask_mov_epi8(first, bytes, value);
                let three = breaks | bytes;
                removed |= breaks | bare_breaks | bare_breaks << 1 | three << 1 | three << 2;
            }
            if irregular != 0 {
                let at = place.read + irregular.trailing_zeros() as usize;
                place.read += carried.count_ones() as usize;
                return Some(at);
            }
            if out.capacity() - out.len() < BLOCK {
                out.reserve(body.len() - place.read + BLOCK);
            }
            let kept = !removed & LANES;
            // SAFETY: there is room for a block, of which as many octets as are kept are initialised.
            unsafe {
                let end = out.as_mut_ptr().add(out.len());
                _mm512_storeu_si512(end.cast(), _mm512_maskz_compress_epi8(kept, decoded));
                out.set_len(out.len() + kept.count_ones() as usize);
            }
            let trailing = ((blanks & !removed) << (BLOCK - TAKEN)).leading_ones() as usize;
            place.blanks = match trailing {
                TAKEN => place.blanks + TAKEN,
                _ => trailing,
            };
            carried = removed >> TAKEN;
            place.read += TAKEN;
        }
        place.read += carried.count_ones() as usize;
        None
    }

    /// Decodes what stands at one place: an octet of text, an escape or a line end.
    fn step(body: &[u8], place: &mut Place, out: &mut Vec<u8>) {
        let rest = body.get(place.read..).unwrap_or_default();
        let [first, after @ ..] = rest else { return };
        let mut blanks = 0;
        let read = match (first, after) {
            (b'=', after) => match escape(after) {
                Some((byte, read)) => {
                    out.extend(byte);
                    1 + read
                }
                None => {
                    out.push(b'=');
                    out.extend(after.first().filter(|byte| **byte != b'\r'));
                    2
                }
            },
            (b'\r', [b'\n', ..]) => {
                out.truncate(out.len() - place.blanks);
                out.extend_from_slice(b"\r\n");
                2
            }
            (b'\r', _) => {
                blanks = place.blanks;
                1
            }
            (b'\n', _) => {
                out.truncate(out.len() - place.blanks);
                out.push(b'\n');
                1
            }
            (byte, _) => {
                if matches!(byte, b' ' | b'\t') {
                    blanks = place.blanks + 1;
                }
                out.push(*byte);
                1
            }
        };
        place.blanks = blanks;
        place.read += read;
    }

    /// The octet that an escape means, none for a soft line break, and how much it takes after its
    /// sign; nothing where it is neither.
    fn escape(after: &[u8]) -> Option<(Option<u8>, usize)> {
        if let [high, low, ..] = after
            && let [Some(high), Some(low)] =
                [high, low].map(|digit| char::from(*digit).to_digit(16))
        {
            return Some((Some((high << 4 | low) as u8), 2));
        }
        let blanks = after
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count();
        match after.get(blanks..)? {
            [] => Some((None, blanks)),
            [b'\n', ..] => Some((None, blanks + 1)),
            [b'\r', b'\n', ..] => Some((None, blanks + 2)),
            _ => None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::decode_quoted_printable;

    /// What encodify makes of a body.
    fn expected(body: &[u8]) -> Vec<u8> {
        encodify::qp::BODY.decode(body).unwrap().into_owned()
    }

    fn decoded(body: &[u8]) -> Vec<u8> {
        let mut out = b" kept ".to_vec();
        decode_quoted_printable(body, &mut out);
        assert_eq!(out.get(..6).unwrap(), b" kept ");
        out.split_off(6)
    }

    #[test]
    fn every_piece_at_every_place_of_a_block() {
        let pieces: [&[u8]; 24] = [
            b"=C3=B6",
            b"=c3=b6",
            b"=\r\n",
            b"=\n",
            b"= \t\r\n",
            b"=",
            b"==",
            b"=4",
            b"=4=41",
            b"=G0",
            b"=\xff\xff",
            b"=\r",
            b"=\r=",
            b" \r\n",
            b"\t\n",
            b" \r \r\n",
            b"\r",
            b"\r\r\n",
            b"\r\n",
            b"\n",
            b"=20\r\n",
            b" =\r\n\r\n",
            b" =20 \n",
            b"=0D=0A",
        ];
        for piece in pieces {
            for second in pieces {
                for before in 56..70 {
                    for after in [0, 1, 2, 3, 70] {
                        let body =
                            [&b"x".repeat(before), piece, second, &b"y".repeat(after)].concat();
                        assert_eq!(
                            decoded(&body),
                            expected(&body),
                            "{:?}",
                            String::from_utf8_lossy(&body)
                        );
                        let body =
                            [&b" ".repeat(before), piece, second, &b" ".repeat(after)].concat();
                        assert_eq!(
                            decoded(&body),
                            expected(&body),
                            "{:?}",
                            String::from_utf8_lossy(&body)
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn any_octets_give_what_they_give_elsewhere() {
        let mut dice = crate::tests::Dice::new();
        for round in 0..3_000 {
            let octets: &[u8] = match round % 3 {
                0 => b"=\r\n \tA4x",
                1 => b"=4fFxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n ",
                _ => b"=3D\xc3\xff\0g",
            };
            let body: Vec<u8> = (0..dice.below(400))
                .map(|_| octets[dice.below(octets.len())])
                .collect();
            assert_eq!(
                decoded(&body),
                expected(&body),
                "{:?}",
                String::from_utf8_lossy(&body)
            );
        }
    }
}
