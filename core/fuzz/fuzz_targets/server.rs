//! The server on any octets: it never panics, what it answers does not depend
//! on where the octets are cut, and no control character of the client comes
//! back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use popmail::pop3::{Refusal, Stamp};
use popmail::{
    Faults, MaildropEntry, SaslMechanism, ScramKeys, Security, ServerConfig, ServerConnection,
    ServerEvent,
};

fuzz_target!(|input: &[u8]| {
    let Some((&[flags, cut], octets)) = input.split_first_chunk() else {
        return;
    };
    let whole = run(flags, [octets]);
    let length = usize::from(cut % 31) + 1;
    let pieces = run(flags, octets.chunks(length));
    assert_eq!(without_consent(&pieces), without_consent(&whole));
    assert!(
        whole
            .iter()
            .all(|octet| matches!(octet, b'\r' | b'\n' | b' '..=b'~')),
        "{}",
        whole.escape_ascii()
    );
});

/// Octets behind STLS are refused in any case; whether the server has agreed
/// to TLS before it saw them depends on when they come.
fn without_consent(output: &[u8]) -> Vec<u8> {
    const REFUSAL: &[u8] = b"-ERR nothing may follow STLS but the TLS handshake\r\n";
    match output.strip_suffix(REFUSAL) {
        Some(before) => before
            .strip_suffix(b"+OK begin TLS\r\n")
            .unwrap_or(before)
            .to_vec(),
        None => output.to_vec(),
    }
}

/// What was said, without the agreement to STLS where the residue was refused
/// after it: octets that come in the same read are refused in its place.
fn without_agreement(said: &[u8]) -> Vec<u8> {
    const AGREED: &[u8] = b"+OK begin TLS\r\n";
    const REFUSED: &[u8] = b"-ERR nothing may follow STLS but the TLS handshake\r\n";
    match said
        .strip_suffix(REFUSED)
        .and_then(|before| before.strip_suffix(AGREED))
    {
        Some(before) => [before, REFUSED].concat(),
        None => said.to_vec(),
    }
}

fn run<'a>(flags: u8, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut config = ServerConfig {
        tls: match flags & 3 {
            0 => Security::Implicit,
            1 => Security::StartTls,
            _ => Security::None,
        },
        allow_cleartext: flags & 4 != 0,
        mechanisms: SaslMechanism::ALL.to_vec(),
        seed: b"sixteen octets, or more".to_vec().into(),
        apop_stamp: Stamp::new(b"<1.2@host>"),
        utf8: true,
        lang: true,
        last: flags & 16 != 0,
        xclient: flags & 32 != 0,
        trace: flags & 64 != 0,
        // Faults that change octets are odd enough by themselves; these keep
        // the promises.
        faults: Faults {
            piece: (flags & 128 != 0).then_some(3),
            ok_for_challenge: flags & 128 != 0,
            ..Faults::default()
        },
        ..ServerConfig::default()
    };
    config.limits.failed_login_delay = std::time::Duration::ZERO;
    config.limits.bad_command_delay = std::time::Duration::ZERO;
    let mut server = ServerConnection::new(config);
    let mut output = Vec::new();
    for piece in pieces {
        server.receive(piece);
        answer(&mut server, flags, &mut output);
    }
    server.receive_eof();
    answer(&mut server, flags, &mut output);
    output
}

fn answer(server: &mut ServerConnection, flags: u8, output: &mut Vec<u8>) {
    loop {
        server.handle_timeout(std::time::Duration::from_secs(1));
        let before = output.len();
        server.take_output(output);
        let event = match server.next_event() {
            Some(event) => event,
            None if output.len() == before => return,
            None => continue,
        };
        let answered = match event {
            ServerEvent::Authenticate { .. } if flags & 8 != 0 => {
                server.refuse_login(Refusal::BadCredentials)
            }
            ServerEvent::Authenticate { .. } => server.accept_login(),
            // Of nobody for some: the proof then fails.
            ServerEvent::KeysWanted { .. } if flags & 8 != 0 => server.provide_keys(None),
            ServerEvent::KeysWanted { salt, .. } => {
                let keys = ScramKeys::from_password(b"secret", &salt, 1);
                server.provide_keys(Some(keys))
            }
            ServerEvent::LineReceived { line } => {
                assert!(
                    line.bytes().all(|octet| matches!(octet, b' '..=b'~')),
                    "{line:?}"
                );
                Ok(())
            }
            ServerEvent::OpenMaildrop { .. } => server.maildrop_opened(
                (1..4)
                    .map(|number| MaildropEntry {
                        uid: format!("uid{number}"),
                        octets: 20,
                    })
                    .collect(),
            ),
            ServerEvent::Retrieve { number: 3, .. } => server.refuse_content(Refusal::Gone),
            ServerEvent::Retrieve { .. } => server
                .send_content(b".a: b\n\n..\r\n.x\nlast")
                .and_then(|()| server.finish_content()),
            ServerEvent::Commit { .. } => server.committed(),
            _ => Ok(()),
        };
        answered.expect("each event is answered by its own call");
    }
}
