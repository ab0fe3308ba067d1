//! The loops that gain most from wide registers, apart from the core, which is free of unsafe code.
//!
//! Each function here is safe, gives the same on every processor, and has a loop for AVX-512
//! (VBMI2) beside the portable one; base64 has one for WebAssembly too. The loops for AVX-512 share
//! one idea: a block is computed in every lane as if each were the first byte of what is decoded, and
//! the lanes that were not are squeezed out by one instruction.

mod base64;
mod quoted_printable;
mod single_byte;
mod text;

pub use base64::{decode_base64_lines, decode_base64_lines_into};
pub use quoted_printable::decode_quoted_printable;
pub use single_byte::{SingleByte, least_upper};
pub use text::{Widest, append_latin1, append_utf16, widest};

/// Whether the loops for AVX-512 run here.
#[cfg(target_arch = "x86_64")]
fn is_wide() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vbmi")
        && is_x86_feature_detected!("avx512vbmi2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("popcnt")
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    /// Numbers that are the same in every run.
    pub(crate) struct Dice(u64);

    impl Dice {
        pub(crate) fn new() -> Self {
            Dice(1939)
        }

        pub(crate) fn below(&mut self, end: usize) -> usize {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((self.0 >> 33) as usize) % end
        }
    }
}
