//! Any octets as a message, cut anywhere on their way out of the maildrop and
//! on the wire: the client gets them with CRLF for every line end, and the
//! terminator occurs once, at the end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use popmail::pop3::Unstuffer;
use popmail::{MaildropEntry, ServerConfig, ServerConnection, ServerEvent};

fuzz_target!(|input: &[u8]| {
    let Some((&[store, wire], message)) = input.split_first_chunk() else {
        return;
    };
    let mut server = ServerConnection::new(ServerConfig::default());
    server.receive(b"USER me\r\nPASS secret\r\nRETR 1\r\n");
    let mut said = Vec::new();
    while let Some(event) = server.next_event() {
        match event {
            ServerEvent::Authenticate { .. } => server.accept_login().expect("asked for"),
            ServerEvent::OpenMaildrop { .. } => {
                let entry = MaildropEntry {
                    uid: "a".into(),
                    octets: 0,
                };
                server.maildrop_opened(vec![entry]).expect("asked for");
                server.take_output(&mut said);
                said.clear();
            }
            ServerEvent::Retrieve { .. } => {
                for piece in message.chunks(usize::from(store) + 1) {
                    server.send_content(piece).expect("asked for");
                    server.take_output(&mut said);
                }
                server.finish_content().expect("asked for");
                server.take_output(&mut said);
            }
            other => panic!("{other:?}"),
        }
    }
    let content = said
        .strip_prefix(b"+OK 0 octets\r\n")
        .expect("the status line");
    let end = b"\r\n.\r\n";
    let ends = content.windows(5).filter(|window| window == end).count();
    let begins = usize::from(content.starts_with(b".\r\n"));
    assert_eq!(ends + begins, 1, "{}", content.escape_ascii());
    let mut reader = Unstuffer::new(false);
    let mut read = Vec::new();
    let mut finished = false;
    for piece in content.chunks(usize::from(wire) + 1) {
        assert!(!finished, "the terminator came early");
        let fed = reader.feed(piece, &mut read);
        finished = fed.finished;
        assert_eq!(fed.consumed, piece.len());
    }
    assert!(finished);
    assert_eq!(read, crlf(message), "{}", message.escape_ascii());
});

/// The slow way.
fn crlf(message: &[u8]) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = message
        .split(|&octet| octet == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line).to_vec())
        .collect();
    if lines.last().is_some_and(Vec::is_empty) && !message.ends_with(b"\r") {
        lines.pop();
    }
    lines
        .iter()
        .flat_map(|line| [line.as_slice(), b"\r\n"])
        .flatten()
        .copied()
        .collect()
}
