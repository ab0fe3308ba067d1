#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::mime::parse;

fn in_text(text: &[u8]) -> Vec<EmbeddedFile> {
    let raw = [b"Content-Type: text/plain\r\n\r\n", text].concat();
    let message = parse(&raw);
    let files = message.view().embedded_files();
    assert_eq!(files, message.root().embedded_files());
    files
}

/// As `uuencode` writes it; `space` is the character for zero.
fn uuencoded(name: &str, content: &[u8], space: u8) -> String {
    let mut out = format!("begin 644 {name}\r\n");
    let digit = |bits: u32| match bits & 63 {
        0 => char::from(space),
        bits => char::from_u32(bits + 32).unwrap(),
    };
    for line in content.chunks(45) {
        out.push(digit(u32::try_from(line.len()).unwrap()));
        for group in line.chunks(3) {
            let octet = |at: usize| u32::from(*group.get(at).unwrap_or(&0));
            let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
            out.extend([18, 12, 6, 0].map(|shift| digit(bits >> shift)));
        }
        out.push_str("\r\n");
    }
    out + &format!("{}\r\nend\r\n", char::from(space))
}

fn yencoded(name: &str, content: &[u8]) -> Vec<u8> {
    let mut out = format!("=ybegin line=128 size={} name={name}\r\n", content.len()).into_bytes();
    for line in content.chunks(128) {
        for byte in line {
            match byte.wrapping_add(42) {
                escaped @ (0 | b'\r' | b'\n' | b'=' | b'.') => {
                    out.extend([b'=', escaped.wrapping_add(64)])
                }
                plain => out.push(plain),
            }
        }
        out.extend(b"\r\n");
    }
    out.extend(
        format!(
            "=yend size={} crc32={:08X}\r\n",
            content.len(),
            crc32fast::hash(content)
        )
        .bytes(),
    );
    out
}

fn every_octet() -> Vec<u8> {
    (0..=255).cycle().take(1_000).collect()
}

#[test]
fn uuencoded_files_come_out_of_a_text() {
    for space in [b'`', b' '] {
        for len in [0, 1, 2, 3, 44, 45, 46, 1_000] {
            let zeros = vec![0; len];
            let content = if len == 46 {
                &zeros[..]
            } else {
                &every_octet()[..len]
            };
            let mut text = uuencoded("my file.png", content, space);
            if space == b' ' {
                // Spaces at the ends of lines get lost on the way.
                text = text
                    .lines()
                    .map(|line| line.trim_end().to_owned() + "\r\n")
                    .collect();
            }
            let text = format!("Hello,\r\n\r\n{text}\r\nbye\r\n{text}");
            let files = in_text(text.as_bytes());
            assert_eq!(files.len(), 2, "{text}");
            for file in files {
                assert_eq!(file.name.as_deref(), Some("my file.png"));
                assert_eq!(file.content_type, "image/png");
                assert_eq!(file.content, content, "{text}");
                assert_eq!(file.defects, [], "{text}");
                assert_eq!(file.format, EmbeddedFormat::Uuencode);
            }
        }
    }
    let base64 = b"begin-base64 644 a.txt\nSGVsbG8=\nIQ\n====\n";
    let files = in_text(base64);
    assert_eq!(
        (files[0].content.as_slice(), files[0].defects.len()),
        (&b"Hello!"[..], 0)
    );
}

#[test]
fn letters_that_begin_a_line_with_begin_stay_letters() {
    for text in [
        "begin 100 years ago we were young\r\nand free of all care of the world\r\n",
        "begin  with the end\r\n",
        "begin 644\r\nM",
        "begin 644 x\r\nthis is no data line at all\r\n",
        "the begin 644 x\r\n#86)C\r\n`\r\nend\r\n",
        "=ybegin without values\r\n",
    ] {
        assert_eq!(in_text(text.as_bytes()), [], "{text}");
    }
}

#[test]
fn damaged_uuencode_is_given_with_its_defects() {
    let whole = uuencoded("a.bin", &every_octet(), b'`');
    let cut = &whole[..whole.len() / 2];
    let files = in_text(cut.as_bytes());
    assert!(files[0].defects.contains(&EmbeddedDefect::Truncated));
    assert!(every_octet().starts_with(&files[0].content[..400]));
    let (first, rest) = whole.split_at(whole.rfind("\r\nM").unwrap());
    let odd = format!("{first}\r\nlower case is no data{rest}");
    let files = in_text(odd.as_bytes());
    assert_eq!(files[0].defects, [EmbeddedDefect::Malformed]);
    assert_eq!(files[0].content, every_octet());
}

#[test]
fn a_transfer_encoding_of_uuencode_is_a_file() {
    let body = uuencoded("a.pdf", b"hello", b'`');
    let raw = format!(
        "Content-Type: application/pdf\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\n{body}"
    );
    let message = parse(raw.as_bytes());
    let files = message.view().embedded_files();
    assert_eq!(
        (files.len(), files[0].content.as_slice()),
        (1, &b"hello"[..])
    );
    assert_eq!(
        decode_uuencode(body.as_bytes()).as_deref(),
        Some(&b"hello"[..])
    );
    assert_eq!(decode_uuencode(b"no file"), None);
}

#[test]
fn yenc_is_decoded_and_its_checksum_compared() {
    let content = every_octet();
    let text = yencoded("a b=c.jpg", &content);
    let files = in_text(&text);
    assert_eq!(
        (files[0].content.as_slice(), files[0].defects.as_slice()),
        (&content[..], &[][..])
    );
    assert_eq!(files[0].name.as_deref(), Some("a b=c.jpg"));
    assert_eq!(files[0].format, EmbeddedFormat::Yenc);
    let mut wrong = text.clone();
    wrong[60] ^= 1;
    assert_eq!(
        in_text(&wrong)[0].defects,
        [EmbeddedDefect::ChecksumMismatch]
    );
    let short = text.len() - 400;
    let cut = [&text[..short - 300], &text[short..]].concat();
    assert!(
        in_text(&cut)[0]
            .defects
            .contains(&EmbeddedDefect::SizeMismatch)
    );
    assert_eq!(
        in_text(&text[..short])[0].defects,
        [EmbeddedDefect::Truncated]
    );
    let piece = b"=ybegin part=2 total=3 line=128 size=9 name=a\r\n=ypart begin=4 end=6\r\n\x8b\x8c\x8d\r\n=yend size=3 part=2 pcrc32=352441c2\r\n";
    let files = in_text(piece);
    assert_eq!(
        (files[0].content.as_slice(), files[0].defects.as_slice()),
        (&b"abc"[..], &[EmbeddedDefect::Piece][..])
    );
}

// TNEF, written by the specification.

fn attribute(level: u8, id: u32, data: &[u8]) -> Vec<u8> {
    let mut out = vec![level];
    out.extend(id.to_le_bytes());
    out.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    out.extend(data);
    let sum = data
        .iter()
        .fold(0_u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
    out.extend(sum.to_le_bytes());
    out
}

fn sized(data: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(data.len()).unwrap().to_le_bytes().to_vec();
    out.extend(data);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

fn property(kind: u16, id: u16, value: &[u8]) -> Vec<u8> {
    let mut out = [kind.to_le_bytes(), id.to_le_bytes()].concat();
    if matches!(kind, 0x1e | 0x1f | 0x0d | 0x102) {
        out.extend(1_u32.to_le_bytes());
        out.extend(sized(value));
    } else {
        out.extend(value);
    }
    out
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16()
        .chain([0])
        .flat_map(u16::to_le_bytes)
        .collect()
}

fn properties(list: &[Vec<u8>]) -> Vec<u8> {
    [
        &u32::try_from(list.len()).unwrap().to_le_bytes()[..],
        &list.concat(),
    ]
    .concat()
}

fn stream(attributes: &[Vec<u8>]) -> Vec<u8> {
    [
        &0x223e_9f78_u32.to_le_bytes()[..],
        &[1, 0],
        &attributes.concat(),
    ]
    .concat()
}

fn sample() -> Vec<u8> {
    let named = [
        &[0x1f, 0, 1, 0x80][..],
        &[9; 16],
        &1_u32.to_le_bytes(),
        &sized(&wide("Keywords")),
        &1_u32.to_le_bytes(),
        &sized(&wide("blue")),
    ]
    .concat();
    let inner = stream(&[
        attribute(1, 0x0001_8004, b"Inner\0"),
        attribute(2, 0x0006_9002, &[0; 14]),
        attribute(2, 0x0001_8010, b"deep.txt\0"),
        attribute(2, 0x0006_800f, b"deep"),
    ]);
    stream(&[
        attribute(1, 0x0008_9006, &0x0001_0000_u32.to_le_bytes()),
        attribute(1, 0x0006_9007, &1251_u64.to_le_bytes()),
        attribute(1, 0x0001_8004, b"\xcf\xf0\xe8\xe2\xe5\xf2\0"),
        attribute(1, 0x0007_8008, b"IPM.Microsoft Mail.Note\0"),
        attribute(1, 0x0002_800c, b"short body\0"),
        attribute(
            1,
            0x0006_9003,
            &properties(&[
                property(0x1f, 0x0037, &wide("Größe")),
                property(0x1e, 0x1000, b"\xc4\xe0\r\n\0"),
                property(0x102, 0x1013, "<b>\u{44f}</b>".as_bytes()),
                property(0x03, 0x3fde, &65001_u32.to_le_bytes()),
                property(0x40, 0x0039, &133_500_000_000_000_000_u64.to_le_bytes()),
                property(0x0b, 0x0e1b, &1_u32.to_le_bytes()),
                property(
                    0x102,
                    0x1009,
                    &[
                        &[0; 4][..],
                        &5_u32.to_le_bytes(),
                        b"MELA",
                        &[0; 4],
                        b"{\\rt}",
                    ]
                    .concat(),
                ),
                named,
            ]),
        ),
        attribute(2, 0x0006_9002, &[0; 14]),
        attribute(2, 0x0001_8010, b"LONGNA~1.PNG\0"),
        attribute(2, 0x0006_800f, b"\x89PNG"),
        attribute(
            2,
            0x0006_9005,
            &properties(&[
                property(0x1f, 0x3707, &wide("long name ä.png")),
                property(0x1e, 0x370e, b"image/png\0"),
                property(0x1e, 0x3712, b"<logo@x>\0"),
            ]),
        ),
        attribute(2, 0x0006_9002, &[0; 14]),
        attribute(2, 0x0001_8010, b"message\0"),
        attribute(
            2,
            0x0006_9005,
            &properties(&[property(
                0x0d,
                0x3701,
                &[
                    &[7, 3, 2, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46][..],
                    &inner,
                ]
                .concat(),
            )]),
        ),
    ])
}

#[test]
fn winmail_dat_is_opened_as_its_body_files_and_attributes() {
    let tnef = read_tnef(&sample()).unwrap();
    assert_eq!(tnef.defects, []);
    assert_eq!(tnef.subject.as_deref(), Some("Größe"));
    assert_eq!(
        tnef.message_class.as_deref(),
        Some("IPM.Microsoft Mail.Note")
    );
    assert_eq!(tnef.text.as_deref(), Some("Да\r\n"));
    assert_eq!(tnef.html.as_deref(), Some("<b>\u{44f}</b>"));
    assert_eq!(tnef.rtf.as_deref(), Some(&b"{\\rt}"[..]));
    let files: Vec<_> = tnef
        .files
        .iter()
        .map(|file| {
            (
                file.name.as_deref().unwrap(),
                file.content_type.as_str(),
                file.content.len(),
            )
        })
        .collect();
    assert_eq!(files[0], ("long name ä.png", "image/png", 4));
    assert_eq!((files[1].0, files[1].1), ("message", "application/ms-tnef"));
    assert_eq!(files[2], ("deep.txt", "text/plain", 4));
    assert_eq!(tnef.files[0].content_id.as_deref(), Some("logo@x"));
    let find = |name: &str| {
        tnef.attributes
            .iter()
            .find(|one| one.name == name)
            .map(|one| one.value.clone())
    };
    assert_eq!(
        find("ClientSubmitTime"),
        Some(TnefValue::Time(1_705_526_400))
    );
    assert_eq!(find("Keywords"), Some(TnefValue::Text("blue".to_owned())));
    assert_eq!(find("0x0e1b"), Some(TnefValue::Boolean(true)));
    let inner = read_tnef(&tnef.files[1].content).unwrap();
    assert_eq!(inner.subject.as_deref(), Some("Inner"));
}

#[test]
fn winmail_dat_is_found_in_a_message() {
    use base64::Engine;
    let body = base64::engine::general_purpose::STANDARD.encode(sample());
    for head in [
        "Content-Type: application/ms-tnef",
        "Content-Type: application/octet-stream; name=WINMAIL.DAT",
    ] {
        let raw = format!(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n{head}\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n{body}\r\n--b--\r\n"
        );
        let message = parse(raw.as_bytes());
        let files = message.view().embedded_files();
        assert_eq!(
            files.iter().map(|file| file.part).collect::<Vec<_>>(),
            [2, 2, 2]
        );
        assert_eq!(
            message.parts()[2].tnef().unwrap().subject.as_deref(),
            Some("Größe")
        );
        assert_eq!(message.parts()[1].tnef(), None);
    }
}

#[test]
fn damaged_tnef_gives_what_came_before() {
    let whole = sample();
    for end in 0..whole.len() {
        match read_tnef(&whole[..end]) {
            None => assert!(end < 6),
            Some(tnef) => assert!(end == 6 || tnef.files.len() <= 3),
        }
    }
    let mut wrong = whole.clone();
    let at = whole
        .windows(5)
        .position(|window| window == b"short")
        .unwrap();
    wrong[at] = b'S';
    assert_eq!(
        read_tnef(&wrong).unwrap().defects,
        [EmbeddedDefect::ChecksumMismatch]
    );
    for at in 6..whole.len() {
        let mut wrong = whole.clone();
        wrong[at] ^= 0xff;
        assert!(read_tnef(&wrong).is_some());
    }
}

#[test]
fn messages_in_messages_cost_no_stack() {
    let mut inner = stream(&[]);
    for _ in 0..2_000 {
        inner = stream(&[
            attribute(2, 0x0006_9002, &[0; 14]),
            attribute(
                2,
                0x0006_9005,
                &properties(&[property(
                    0x0d,
                    0x3701,
                    &[
                        &[7, 3, 2, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46][..],
                        &inner,
                    ]
                    .concat(),
                )]),
            ),
        ]);
    }
    let tnef = read_tnef(&inner).unwrap();
    let size: usize = tnef.files.iter().map(|file| file.content.len()).sum();
    assert!(tnef.files.len() > 2 && size <= 4 * inner.len());
    assert_eq!(tnef.defects, [EmbeddedDefect::LimitReached]);
}

#[test]
fn compressed_rtf_is_decompressed() {
    // The examples of MS-OXRTFCP section 4.
    let simple = [
        0x2d, 0, 0, 0, 0x2b, 0, 0, 0, 0x4c, 0x5a, 0x46, 0x75, 0xf1, 0xc5, 0xc7, 0xa7, 0x03, 0,
        0x0a, 0, 0x72, 0x63, 0x70, 0x67, 0x31, 0x32, 0x35, 0x42, 0x32, 0x0a, 0xf3, 0x20, 0x68,
        0x65, 0x6c, 0x09, 0, 0x20, 0x62, 0x77, 0x05, 0xb0, 0x6c, 0x64, 0x7d, 0x0a, 0x80, 0x0f,
        0xa0,
    ];
    let expected = b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n";
    assert_eq!(rtf::decompress(&simple).as_deref(), Some(&expected[..]));
    let repeated = [
        0x1a, 0, 0, 0, 0x1c, 0, 0, 0, 0x4c, 0x5a, 0x46, 0x75, 0xe2, 0xd4, 0x4b, 0x51, 0x41, 0,
        0x04, 0x20, 0x57, 0x58, 0x59, 0x5a, 0x0d, 0x6e, 0x7d, 0x01, 0x0e, 0xb0,
    ];
    let expected = b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}";
    assert_eq!(rtf::decompress(&repeated).as_deref(), Some(&expected[..]));
}

// Apple's two forks.

fn apple(magic: u32, entries: &[(u32, &[u8])]) -> Vec<u8> {
    let mut out = [
        &magic.to_be_bytes()[..],
        &0x0002_0000_u32.to_be_bytes(),
        &[0; 16],
    ]
    .concat();
    out.extend(u16::try_from(entries.len()).unwrap().to_be_bytes());
    let mut offset = 26 + 12 * entries.len();
    for (id, data) in entries {
        for number in [
            *id,
            u32::try_from(offset).unwrap(),
            u32::try_from(data.len()).unwrap(),
        ] {
            out.extend(number.to_be_bytes());
        }
        offset += data.len();
    }
    out.extend(entries.iter().flat_map(|(_, data)| data.iter()));
    out
}

#[test]
fn apple_files_lose_their_resource_fork() {
    use base64::Engine;
    let encode = |octets: &[u8]| base64::engine::general_purpose::STANDARD.encode(octets);
    let header = encode(&apple(
        0x0005_1607,
        &[(3, "Größe.pdf".as_bytes()), (2, b"resources")],
    ));
    let raw = format!(
        "Content-Type: multipart/appledouble; boundary=b\r\n\r\n--b\r\nContent-Type: application/applefile\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{header}\r\n--b\r\nContent-Type: application/pdf\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}\r\n--b--\r\n",
        encode(b"%PDF")
    );
    let files = parse(raw.as_bytes()).view().embedded_files();
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].name.as_deref(), Some("Größe.pdf"));
    assert_eq!(
        (files[0].content.as_slice(), files[0].content_type.as_str()),
        (&b"%PDF"[..], "application/pdf")
    );
    assert_eq!(
        (files[0].format, files[0].defects.as_slice()),
        (EmbeddedFormat::Apple, &[][..])
    );
    let single = apple(
        0x0005_1600,
        &[(3, b"a.txt"), (1, b"data"), (2, b"resources")],
    );
    let raw = format!(
        "Content-Type: application/applefile\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
        encode(&single)
    );
    let files = parse(raw.as_bytes()).view().embedded_files();
    assert_eq!(
        (files[0].name.as_deref(), files[0].content.as_slice()),
        (Some("a.txt"), &b"data"[..])
    );
    for end in 0..single.len() {
        let _ = parse(format!("Content-Type: application/applefile\r\nContent-Transfer-Encoding: base64\r\n\r\n{}", encode(&single[..end])).as_bytes()).view().embedded_files();
    }
}

// Messages in pieces.

#[test]
fn pieces_of_a_message_are_put_together() {
    // The example of RFC 2046 section 5.2.2.2.
    let first = b"X-Weird-Header-1: Foo\r\nFrom: Bill@host.com\r\nTo: joe@otherhost.com\r\nSubject: Audio mail (part 1 of 2)\r\n\
        Message-ID: <id1@host.com>\r\nMIME-Version: 1.0\r\nContent-type: message/partial; id=\"ABC@host.com\"; number=1; total=2\r\n\r\n\
        X-Weird-Header-1: Bar\r\nX-Weird-Header-2: Hello\r\nMessage-ID: <anotherid@foo.com>\r\nSubject: Audio mail\r\n\
        MIME-Version: 1.0\r\nContent-type: audio/basic\r\nContent-transfer-encoding: base64\r\n\r\nAAEC\r\n";
    let second = b"From: Bill@host.com\r\nSubject: Audio mail (part 2 of 2)\r\nMIME-Version: 1.0\r\nMessage-ID: <id2@host.com>\r\n\
        Content-type: message/partial; id=\"ABC@host.com\"; number=2; total=2\r\n\r\nAwQF\r\n";
    let expected = "X-Weird-Header-1: Foo\r\nFrom: Bill@host.com\r\nTo: joe@otherhost.com\r\nMessage-ID: <anotherid@foo.com>\r\n\
        Subject: Audio mail\r\nMIME-Version: 1.0\r\nContent-type: audio/basic\r\nContent-transfer-encoding: base64\r\n\r\nAAEC\r\nAwQF\r\n";
    let whole = join_partial(&[parse(second), parse(first)]).unwrap();
    assert_eq!(String::from_utf8(whole.clone()).unwrap(), expected);
    assert_eq!(parse(&whole).root().content(), &[0_u8, 1, 2, 3, 4, 5][..]);
    assert_eq!(
        join_partial(&[parse(second)]),
        Err(PartialError::Missing(vec![1]))
    );
    assert_eq!(join_partial(&[]), Err(PartialError::NotPartial));
    assert_eq!(
        join_partial(&[parse(b"Subject: x\r\n\r\n")]),
        Err(PartialError::NotPartial)
    );
    let other = String::from_utf8(first.to_vec())
        .unwrap()
        .replace("ABC@", "XYZ@");
    assert_eq!(
        join_partial(&[parse(other.as_bytes()), parse(second)]),
        Err(PartialError::DifferentIds)
    );
    let no_total = String::from_utf8(first.to_vec())
        .unwrap()
        .replace("; total=2", "");
    assert_eq!(
        join_partial(&[parse(no_total.as_bytes())]),
        Err(PartialError::NoTotal)
    );
}

#[test]
fn transfer_encoded_messages_need_no_opening() {
    use base64::Engine;
    let inner =
        base64::engine::general_purpose::STANDARD.encode(b"Subject: inner\r\n\r\nhello\r\n");
    let raw = format!(
        "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{inner}\r\n"
    );
    let message = parse(raw.as_bytes());
    assert_eq!(
        message.root().message().unwrap().subject().as_deref(),
        Some("inner")
    );
    assert_eq!(message.view().embedded_files(), []);
}

#[test]
fn hostile_bodies_are_searched_in_linear_time() {
    for piece in [
        "begin ",
        "begin 644 x\n",
        "begin 644 x\n#\n",
        "=ybegin line=1 size=1 name=x\n",
        "=ybegin ",
        "=ybegin name= size=\n",
        "begin-base64 644 x\n====\n",
        "\n",
    ] {
        let text = piece.repeat(2_000_000 / piece.len());
        let files = in_text(text.as_bytes());
        assert!(files.len() <= MAX_FILES, "{piece:?}");
    }
}
