//! Input made to be slow, deep or large comes to a result, through every getter.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs
)]

use popmail::mime::parse;

fn read_all(raw: &[u8]) {
    let message = parse(raw);
    assert_eq!(message.raw(), raw);
    for part in message.parts() {
        let content = part.content();
        assert_eq!(part.size(), content.len() as u64);
        let mut out = vec![0; content.len()];
        assert_eq!(part.decode_into_slice(&mut out), Some(content.len()));
        assert_eq!(out, content[..]);
        let mut hinted = vec![0; part.size_hint()];
        if let Some(len) = part.decode_into_slice(&mut hinted) {
            assert_eq!(hinted[..len], content[..]);
        }
        let name = part.safe_filename();
        assert!(
            !name.is_empty() && name.len() <= 255 && !name.contains(['/', '\\', '\0']),
            "{name:?}"
        );
        let _ = (part.text(), part.headers().len(), part.raw());
    }
    let _ = (
        message.from(),
        message.to(),
        message.date(),
        message.subject(),
        message.references(),
    );
    let _ = (
        message.text(),
        message.html_with_inline(),
        message.preview(),
        message.tree(),
    );
    let _ = (
        message.defects(),
        message.attachments(),
        message.inline_parts(),
    );
    assert!(message.to_json().starts_with('{'));
    assert!(message.details().to_json().starts_with('{'));
    let _ = (message.unwrapped_text(), message.own_text());
    let views = message.views();
    assert!(views.len() <= 16, "{} views", views.len());
    for view in views {
        let other = view.apply(raw);
        assert_ne!(other, raw, "{}", view.code.as_str());
        let _ = parse(&other).parts().len();
    }
    let mut pieces = String::new();
    let is_text = message
        .view()
        .text_in_pieces(&mut |piece| pieces.push_str(piece));
    assert_eq!(is_text.then_some(&*pieces), message.text().as_deref());
    pieces.clear();
    let is_html = message
        .view()
        .html_in_pieces(&mut |piece| pieces.push_str(piece));
    assert_eq!(is_html.then_some(&*pieces), message.html().as_deref());
}

#[test]
fn hostile_headers_are_read_to_their_end() {
    let repeated = |head: &str, piece: &str, count: usize, tail: &str| {
        [head, &piece.repeat(count), tail, "\r\n\r\nx\r\n"]
            .concat()
            .into_bytes()
    };
    read_all(&repeated("To: ", "a@example.com, ", 60_000, ""));
    read_all(&repeated("", "To: a@example.com\r\n", 60_000, "X: y"));
    read_all(&repeated("To: ", "g: a@b.example;, ", 20_000, ""));
    read_all(&repeated("To: ", "(", 60_000, ""));
    read_all(&repeated("To: ", "\"\\\"", 60_000, ""));
    read_all(&repeated("To: ", "<", 60_000, ""));
    read_all(&repeated("Subject: ", "=?a?q?", 60_000, ""));
    read_all(&repeated("Subject: ", "=?utf-8?q?a?= ", 20_000, ""));
    read_all(&repeated("Date: ", "(", 60_000, ""));
    read_all(&repeated("References: ", "<a@b> <", 60_000, ""));
    read_all(&repeated("Content-ID: ", "<", 60_000, ""));
    let sections: String = (0..20_000)
        .map(|at| format!(" filename*{at}=x;\r\n"))
        .collect();
    read_all(format!("Content-Disposition: attachment;\r\n{sections}\r\n\r\nx").as_bytes());
    read_all(&repeated("Content-Type: text/plain;", " a=b;", 60_000, ""));
}

#[test]
fn hostile_structures_are_read_to_their_end() {
    let mut parts = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n".to_vec();
    parts.extend_from_slice(&b"--b\r\nwords without a blank line\r\n".repeat(20_000));
    read_all(&parts);
    let mut messages = Vec::new();
    for _ in 0..2_000 {
        messages.extend_from_slice(b"Content-Type: message/rfc822\r\n\r\n");
    }
    read_all(&messages);
    let mut missing = Vec::new();
    for level in 0..500 {
        let text = format!("Content-Type: multipart/mixed; boundary=b{level}\r\n--b{level}\r\n");
        missing.extend_from_slice(text.as_bytes());
    }
    read_all(&missing);
}

#[test]
fn hostile_bodies_are_read_to_their_end() {
    for piece in [
        "<",
        "<div>",
        "<a href=\"",
        "&",
        "<!--",
        "<img src=\"cid:",
        "=",
        "=\r\n",
        "\0",
    ] {
        for encoding in ["7bit", "quoted-printable", "base64"] {
            let head =
                format!("Content-Type: text/html\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n");
            read_all(&[head.as_bytes(), piece.repeat(100_000).as_bytes()].concat());
        }
    }
}

/// Small pieces of mail put together at random, from a fixed seed.
#[test]
fn shuffled_pieces_of_mail_never_panic() {
    const PIECES: [&[u8]; 34] = [
        b"From: ",
        b"Subject: ",
        b"Content-Type: ",
        b"multipart/mixed; boundary=b",
        b"text/html; charset=",
        b"message/rfc822",
        b"Content-Transfer-Encoding: ",
        b"base64",
        b"\"base64\"",
        b"quoted-printable",
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b"\r",
        b"--b",
        b"--b--",
        b"--b\r\n",
        b"=?utf-8?q?",
        b"?=",
        b"<a@b>",
        b"\"",
        b"(",
        b";",
        b",",
        b":",
        b" ",
        b"SGVsbG8=",
        b"=C3",
        b"\xff",
        b"\0",
        b"filename*0*=utf-8''",
        b"iso-2022-jp",
        b"\x1b$B",
        b"Content-Disposition: inline; filename=",
    ];
    let mut state = 0x5eed_u64;
    for _ in 0..20_000 {
        let mut raw = Vec::new();
        for _ in 0..40 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            raw.extend_from_slice(PIECES[(state >> 33) as usize % PIECES.len()]);
        }
        read_all(&raw);
    }
}
