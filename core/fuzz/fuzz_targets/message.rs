//! Any octets as a message: every accessor answers, however it is parsed, and the flat index says the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use popmail::mime::{Duplicates, Message, MimeLimits, ParseOptions, details, index, parse_with};

fuzz_target!(|raw: &[u8]| {
    let message = popmail::parse(raw);
    read(&message);
    assert_eq!(message.raw(), raw);
    let options = ParseOptions {
        duplicates: Duplicates::Last,
        limits: MimeLimits {
            header_bytes: 200,
            headers: 4,
            parts: 3,
            depth: 2,
            nested_encodings: 1,
            decoded_bytes: 100,
        },
    };
    read(&parse_with(raw, &options));
    let made = index::index(raw);
    assert_eq!(made.text.encode_utf16().count(), made.text_units);
    for what in 0..72 {
        let _ = (index::view(raw, 0, what), index::view(raw, 1, what));
        let _ = index::field(raw, what);
    }
});

fn read(message: &Message<'_>) {
    let text = message.text();
    let mut pieces = String::new();
    let is_text = message
        .view()
        .text_in_pieces(&mut |piece| pieces.push_str(piece));
    assert_eq!(is_text.then_some(&*pieces), text.as_deref());
    let _ = message.markdown();
    for view in message.views() {
        let other = view.apply(message.raw());
        assert_ne!(other, message.raw());
        let _ = (
            popmail::parse(&other).text(),
            popmail::parse(&other).attachments(),
        );
    }
    let _ = (
        message.subject(),
        message.date(),
        message.html(),
        message.sender(),
    );
    let _ = (
        message.from(),
        message.to(),
        message.cc(),
        message.bcc(),
        message.reply_to(),
    );
    let _ = (
        message.message_id(),
        message.in_reply_to(),
        message.references(),
    );
    let _ = (
        message.html_with_inline(),
        message.cid_references(),
        message.preview(),
    );
    let _ = (
        message.unwrapped_text(),
        message.own_text(),
        message.details().to_json(),
    );
    let _ = message.html_with(&mut |part| Some(part.safe_filename()));
    let _ = (message.tree(), message.to_json(), message.inline_parts());
    for defect in message.defects() {
        assert!(
            defect
                .range
                .is_none_or(|range| range.end <= message.raw().len())
        );
    }
    let text = text.unwrap_or_default();
    let mut at = 0;
    for span in details::spans(&text, details::Unit::Byte) {
        assert_eq!(span.range.start, at);
        at = span.range.end;
    }
    assert_eq!(at, text.len());
    for part in message.parts() {
        let name = part.safe_filename();
        assert!(!name.is_empty() && name.len() <= 255 && !name.contains(['/', '\\', '\0']));
        let _ = (
            part.filename(),
            part.text(),
            part.unwrapped_text(),
            part.charset_guess(),
        );
        let _ = (
            part.signed_content(),
            part.languages(),
            part.location(),
            part.content_id(),
        );
        let _ = (
            part.children().count(),
            part.message(),
            part.raw(),
            part.transfer_encoding(),
        );
        assert_eq!(part.content().len() as u64, part.size());
        for field in part.headers().iter() {
            let _ = (
                field.name(),
                field.value(),
                field.addresses(),
                field.date(),
                field.identifiers(),
            );
        }
    }
}
