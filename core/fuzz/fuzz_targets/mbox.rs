//! Any octets as an mbox file: its messages are in order and apart; what was appended comes back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use popmail::mime::mbox::{MboxFormat, append_mboxrd, scan_mbox};

fuzz_target!(|file: &[u8]| {
    for (_, format) in MboxFormat::NAMES {
        let mut end = 0;
        for entry in scan_mbox(file, format) {
            assert!(entry.envelope.start >= end && entry.content.start > entry.envelope.start);
            assert!(entry.content.end >= entry.content.start && entry.content.end <= file.len());
            assert!(entry.message(file).len() <= entry.content.len());
            end = entry.content.end;
        }
    }
    let mut written = Vec::new();
    append_mboxrd(&mut written, b"From a Mon May  4 09:30:00 2026", file);
    append_mboxrd(&mut written, b"From b Mon May  4 09:30:00 2026", b"x");
    let mut found = scan_mbox(&written, MboxFormat::Mboxrd);
    let entry = found.next().unwrap();
    let first = entry.message(&written);
    assert_eq!(
        first
            .strip_suffix(b"\n")
            .filter(|_| !file.ends_with(b"\n"))
            .unwrap_or(&first),
        file
    );
    assert_eq!(found.count(), 1);
});
