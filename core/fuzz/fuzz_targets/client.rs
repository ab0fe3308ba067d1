//! The client on any octets: it never panics, and what it tells does not
//! depend on where the octets are cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use popmail::{
    AuthChoice, ClientConfig, ClientConnection, ClientEvent, ContentMode, Limits, Security,
};

fuzz_target!(|input: &[u8]| {
    let Some((&[flags, cut], octets)) = input.split_first_chunk() else {
        return;
    };
    let whole = run(flags, [octets]);
    let length = usize::from(cut % 31) + 1;
    assert_eq!(run(flags, octets.chunks(length)), whole);
});

fn run<'a>(flags: u8, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<ClientEvent> {
    let mut connection = ClientConnection::new(ClientConfig {
        security: match flags & 3 {
            0 => Security::Implicit,
            1 => Security::StartTls,
            _ => Security::None,
        },
        allow_cleartext: true,
        pipelining: flags & 4 != 0,
        strict: flags & 8 != 0,
        trace: flags & 64 != 0,
        reconnect: flags & 128 != 0,
        limits: Limits {
            status_line: 200,
            listing_entries: 20,
            buffered_content: 1000,
            ..Limits::default()
        },
    });
    let choice = if flags & 16 != 0 {
        AuthChoice::Apop
    } else {
        AuthChoice::Auto
    };
    let mut events = Vec::new();
    if flags & 32 == 0 {
        // The login on any octets.
        let _ = connection.login("me", "secret", choice);
    } else {
        // Every command on any octets.
        let _ = connection.login("me", "secret", AuthChoice::UserPass);
        connection.receive(b"+OK\r\n+OK\r\nPIPELINING\r\n.\r\n");
        connection.receive(b"+OK\r\n+OK\r\n+OK\r\nPIPELINING\r\n.\r\n");
        let _ = connection.stat();
        let _ = connection.uidl(None);
        let _ = connection.list(None);
        let _ = connection.list(Some(3));
        let _ = connection.uidl(Some(3));
        for number in 1..4 {
            let _ = connection.retr(number, ContentMode::Buffer);
            let _ = connection.retr(number, ContentMode::Chunks);
        }
        let _ = connection.quit();
    }
    let mut output = Vec::new();
    for piece in pieces {
        connection.receive(piece);
        take(&mut connection, &mut events);
        output.clear();
        connection.take_output(&mut output);
    }
    connection.receive_eof();
    take(&mut connection, &mut events);
    events
}

/// Takes all events; the chunks of one message, which differ with the cuts,
/// are joined.
fn take(connection: &mut ClientConnection, events: &mut Vec<ClientEvent>) {
    while let Some(event) = connection.next_event() {
        match (events.last_mut(), event) {
            (
                Some(ClientEvent::ContentReceived { handle, chunk }),
                ClientEvent::ContentReceived {
                    handle: same,
                    chunk: more,
                },
            ) if *handle == same => chunk.extend(more),
            (_, event) => events.push(event),
        }
    }
}
