//! The client engine alone: content of RETR from memory, beside `memcpy` of the same octets.
//!
//! 64 answers of 1 MB lie in memory as a server sends them, more than the caches hold. The whole engine
//! reads them in pieces of 256 KiB, as a host reads from its socket: `receive`, then every event, in
//! chunks or as one buffer for each message, which is given back for the next. `memcpy` copies the same
//! pieces to where the engine's content goes: over one piece again and again, or over one message.
//! Prints one line of JSON: octets a second, medians of rounds in which all four take turns.

use std::hint::black_box;
use std::time::Instant;

use popmail::{AuthChoice, ClientConfig, ClientConnection, ClientEvent, ContentMode, Security};

const MESSAGES: u32 = 64;
const MESSAGE: usize = 1_000_000;
const PIECE: usize = 256 * 1024;
const LINE: &[u8] =
    b"TG9yZW0gaXBzdW0gZG9sb3Igc2l0IGFtZXQsIGNvbnNlY3RldHVyIGFkaXBpc2NpbmcgZWxpdCwg\r\n";

/// A name, what a round does, and the octets a second of each round.
type Work<'w> = (&'static str, Box<dyn FnMut() + 'w>, Vec<f64>);

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let rounds = if quick { 3 } else { 25 };
    let content: Vec<u8> = LINE.iter().copied().cycle().take(MESSAGE).collect();
    let answer = [b"+OK\r\nSubject: large\r\n\r\n", &content[..], b"\r\n.\r\n"].concat();
    let wire = answer.repeat(MESSAGES as usize);
    let mut work: [Work<'_>; 4] = [
        (
            "engine, chunks",
            Box::new(|| engine(&wire, ContentMode::Chunks)),
            vec![],
        ),
        ("memcpy, chunks", Box::new(copies(&wire, PIECE)), vec![]),
        (
            "engine, buffer",
            Box::new(|| engine(&wire, ContentMode::Buffer)),
            vec![],
        ),
        (
            "memcpy, buffer",
            Box::new(copies(&wire, answer.len())),
            vec![],
        ),
    ];
    for round in 0..=rounds {
        for (_, run, rates) in &mut work {
            let started = Instant::now();
            run();
            let rate = wire.len() as f64 / started.elapsed().as_secs_f64();
            if round > 0 {
                rates.push(rate);
            }
        }
    }
    let medians = work.into_iter().map(|(name, _, mut rates)| {
        rates.sort_by(f64::total_cmp);
        let median = rates.get(rates.len() / 2).copied().unwrap_or_default();
        (name.to_owned(), serde_json::Value::from(median))
    });
    println!("{}", serde_json::Value::Object(medians.collect()));
}

/// Copies the octets piece by piece, over `place` octets again and again.
fn copies(wire: &[u8], place: usize) -> impl FnMut() + use<'_> {
    let mut place = vec![0; place];
    move || {
        for message in wire.chunks(place.len()) {
            for (piece, room) in message.chunks(PIECE).zip(place.chunks_mut(PIECE)) {
                if let Some(room) = room.get_mut(..piece.len()) {
                    room.copy_from_slice(piece);
                }
                black_box(&room);
            }
        }
    }
}

/// Reads all answers through the engine, and makes sure that all of them came.
fn engine(wire: &[u8], mode: ContentMode) {
    let mut client = ClientConnection::new(ClientConfig {
        security: Security::None,
        allow_cleartext: true,
        ..ClientConfig::default()
    });
    client
        .login("me", "secret", AuthChoice::UserPass)
        .expect("a new connection takes a login");
    let mut output = Vec::new();
    let dialogue = [
        &b"+OK ready\r\n"[..],
        b"+OK\r\nUSER\r\nPIPELINING\r\n.\r\n",
        b"+OK\r\n",
        b"+OK\r\n",
        b"+OK\r\nUSER\r\nPIPELINING\r\n.\r\n",
    ];
    for piece in dialogue {
        client.receive(piece);
        while client.next_event().is_some() {}
        client.take_output(&mut output);
    }
    for number in 1..=MESSAGES {
        client.retr(number, mode).expect("the login is over");
    }
    client.take_output(&mut output);
    let mut finished = 0;
    for piece in wire.chunks(PIECE) {
        client.receive(piece);
        while let Some(event) = client.next_event() {
            match event {
                ClientEvent::ContentReceived { chunk, .. } => {
                    black_box(&chunk);
                }
                ClientEvent::ContentFinished {
                    octets, content, ..
                } => {
                    assert!(octets as usize > MESSAGE, "a message is whole");
                    black_box(&content);
                    client.reuse(content);
                    finished += 1;
                }
                _ => {}
            }
        }
        client.take_output(&mut output);
    }
    assert_eq!(finished, MESSAGES, "every message came");
}
