//! Any octets as a message: every accessor answers.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &[u8]| {
    let message = popmail::parse(raw);
    let _ = (
        message.subject(),
        message.date(),
        message.text(),
        message.html(),
    );
    let _ = (message.from(), message.to(), message.reply_to());
    let _ = (message.tree(), message.to_json(), message.defects());
    for part in message.parts() {
        let _ = (part.filename(), part.safe_filename(), part.text());
        assert_eq!(part.content().len() as u64, part.size());
    }
});
