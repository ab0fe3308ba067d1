//! Any octets as TNEF, uuencode and yEnc, by the first octet: files of a bounded size come out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use popmail::mime::legacy::{decode_uuencode, join_partial, read_tnef};

fuzz_target!(|input: &[u8]| {
    let Some((kind, octets)) = input.split_first() else {
        return;
    };
    match kind % 4 {
        0 => {
            let stream = [&0x223e_9f78_u32.to_le_bytes()[..], octets].concat();
            if let Some(tnef) = read_tnef(&stream) {
                let size: usize = tnef.files.iter().map(|file| file.content.len()).sum();
                assert!(size <= 6 * stream.len());
            }
        }
        1 => {
            let _ = decode_uuencode(octets);
        }
        2 => {
            let raw = [b"Content-Type: text/plain\r\n\r\n", octets].concat();
            let message = popmail::parse(&raw);
            let files = message.view().embedded_files();
            // A line of uuencode can stand for zeros that are not there.
            let size: usize = files.iter().map(|file| file.content.len()).sum();
            assert!(size <= 64 * raw.len());
        }
        _ => {
            let message = popmail::parse(octets);
            let _ = message.view().embedded_files();
            let _ = join_partial(&[message]);
        }
    }
});
