#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

use super::{AddressField, Attachment, Draft, Host, Output};
use memchr::memmem;

use crate::UsageError;
use crate::mime::{DefectCode, Message, MessageView, Part, parse};

const HOST: Host = Host {
    now: 1_777_887_000,
    offset_minutes: 120,
    random: [7; 32],
};

/// Everything that would end a line somewhere, or act on a terminal.
const BREAKS: [char; 9] = [
    '\r', '\n', '\0', '\u{85}', '\u{2028}', '\u{2029}', '\u{1b}', '\u{b}', '\u{7f}',
];

fn draft() -> Draft {
    let mut draft = Draft::new();
    draft
        .addresses(AddressField::From, "Ann <ann@example.com>")
        .unwrap();
    draft
}

fn written(draft: &Draft) -> String {
    let bytes = draft.compose(&HOST).unwrap();
    for line in bytes.split(|byte| *byte == b'\n') {
        assert!(line.len() <= 999, "{}", line.len());
    }
    String::from_utf8(bytes).unwrap()
}

fn file(name: &str, content: &[u8]) -> Attachment {
    Attachment {
        content: content.to_vec(),
        filename: Some(name.to_owned()),
        ..Attachment::default()
    }
}

fn types(message: &Message<'_>) -> Vec<String> {
    message
        .parts()
        .iter()
        .map(|part| part.content_type().into_owned())
        .collect()
}

#[test]
fn the_structure_follows_what_is_given() {
    let given = [
        (true, false, 0, 0, vec!["text/plain"]),
        (false, true, 0, 0, vec!["text/html"]),
        (
            true,
            true,
            0,
            0,
            vec!["multipart/alternative", "text/plain", "text/html"],
        ),
        (
            false,
            true,
            1,
            0,
            vec!["multipart/related", "text/html", "image/png"],
        ),
        (
            true,
            true,
            1,
            1,
            vec![
                "multipart/mixed",
                "multipart/alternative",
                "text/plain",
                "multipart/related",
                "text/html",
                "image/png",
                "application/pdf",
            ],
        ),
        (
            true,
            false,
            1,
            0,
            vec!["multipart/mixed", "text/plain", "image/png"],
        ),
        (
            false,
            false,
            0,
            1,
            vec!["multipart/mixed", "application/pdf"],
        ),
        (false, false, 0, 0, vec!["text/plain"]),
    ];
    for (text, html, inline, files, expected) in given {
        let mut draft = draft();
        if text {
            draft.text("hi\n");
        }
        if html {
            draft.html("<img src=\"cid:logo\">");
        }
        for _ in 0..inline {
            let content_id = Some("logo".to_owned());
            draft
                .attach(Attachment {
                    content_id,
                    inline: true,
                    ..file("a.png", b"png")
                })
                .unwrap();
        }
        for _ in 0..files {
            draft.attach(file("a.pdf", b"pdf")).unwrap();
        }
        let bytes = draft.compose(&HOST).unwrap();
        let message = parse(&bytes);
        assert_eq!(types(&message), expected);
        assert_eq!(message.defects(), []);
        assert_eq!(message.attachments().len(), files);
        if inline == 1 && html {
            let shown = message.html_with_inline().unwrap().into_owned();
            assert_eq!(shown, "<img src=\"data:image/png;base64,cG5n\">");
        }
    }
}

#[test]
fn a_part_that_the_html_refers_to_goes_beside_it() {
    let mut draft = draft();
    draft.html("<img src='cid:a%40b'><img src=cid:c>");
    for id in ["a@b", "c", "d"] {
        draft
            .attach(Attachment {
                content_id: Some(id.to_owned()),
                ..file("x.png", b"x")
            })
            .unwrap();
    }
    let bytes = draft.compose(&HOST).unwrap();
    let message = parse(&bytes);
    let expected = [
        "multipart/mixed",
        "multipart/related",
        "text/html",
        "image/png",
        "image/png",
        "image/png",
    ];
    assert_eq!(types(&message), expected);
    assert_eq!(message.inline_parts().len(), 2);
}

#[test]
fn no_setter_takes_what_could_begin_another_line() {
    type Setter = fn(&mut Draft, &str) -> Result<(), UsageError>;
    let setters: [(&str, Setter); 17] = [
        ("subject", |draft, value| draft.subject(value)),
        ("name", |draft, value| {
            draft.mailbox(AddressField::To, Some(value), "a@b.example")
        }),
        ("address", |draft, value| {
            draft.mailbox(AddressField::To, None, value)
        }),
        ("domain", |draft, value| {
            draft.mailbox(AddressField::To, None, &format!("a@{value}"))
        }),
        ("quoted", |draft, value| {
            draft.mailbox(AddressField::To, None, &format!("\"{value}\"@b"))
        }),
        ("list", |draft, value| {
            draft.addresses(AddressField::Cc, &format!("{value} <a@b.example>"))
        }),
        ("group", |draft, value| {
            draft.open_group(AddressField::Cc, value)
        }),
        ("message_id", |draft, value| {
            draft.message_id(&format!("{value}@b"))
        }),
        ("in_reply_to", |draft, value| {
            draft.in_reply_to(&format!("<{value}@b>"))
        }),
        ("reference", |draft, value| draft.reference(value)),
        ("field name", |draft, value| draft.header(value, "x")),
        ("field value", |draft, value| {
            draft.header("X-Mailer", value)
        }),
        ("address field", |draft, value| {
            draft.header("Resent-To", &format!("a@b, {value}"))
        }),
        ("filename", |draft, value| draft.attach(file(value, b"x"))),
        ("type", |draft, value| {
            let content_type = Some(value.to_owned());
            draft.attach(Attachment {
                content_type,
                ..Attachment::default()
            })
        }),
        ("parameter", |draft, value| {
            let content_type = Some(format!("text/plain; x=\"{value}\""));
            draft.attach(Attachment {
                content_type,
                ..Attachment::default()
            })
        }),
        ("cid", |draft, value| {
            let content_id = Some(value.to_owned());
            draft.attach(Attachment {
                content_id,
                ..Attachment::default()
            })
        }),
    ];
    for (name, set) in setters {
        for char in BREAKS {
            for value in [
                format!("a{char}Evil: x"),
                format!("{char}"),
                format!("a{char} b"),
                format!("a{char}"),
            ] {
                let mut draft = draft();
                draft.text("x");
                let before = draft.compose(&HOST).unwrap();
                let error = set(&mut draft, &value).expect_err(name).to_string();
                assert!(error.contains(": "), "{name}: {error}");
                assert!(!error.chars().any(char::is_control), "{name}: {error:?}");
                assert_eq!(
                    draft.compose(&HOST).unwrap(),
                    before,
                    "{name}: a refused value changes nothing"
                );
            }
        }
    }
}

#[test]
fn what_is_no_address_is_refused() {
    for bad in [
        "",
        "a",
        "@b.example",
        "a@",
        "a b@c.example",
        "a@b c",
        "a@b, c@d",
        "<a@b>",
        "a@b>",
        "a(x)@b",
        "\"a\"b\"@c",
        "a@[1.2.3.4",
        "a@b..c",
        "\"a\\\"@c",
        "a;b@c",
        "a@b\\c",
    ] {
        assert!(
            draft().mailbox(AddressField::To, None, bad).is_err(),
            "{bad}"
        );
    }
    for good in [
        "a@b",
        "a.b+c@d.example",
        "\"a b\"@c.example",
        "\"a\\\"b@x\"@c.example",
        "a@[127.0.0.1]",
        "john..doe.@docomo.example",
        "a@[IPv6:::1]",
        "!#$%@x",
    ] {
        let mut draft = draft();
        draft.mailbox(AddressField::To, None, good).unwrap();
        let bytes = draft.compose(&HOST).unwrap();
        assert_eq!(parse(&bytes).to().first().unwrap().address(), good);
    }
    for bad in ["", "Ann", "<@route:a@b>", "a@b, Ann", "=?utf-8?q?a@b?="] {
        assert!(draft().addresses(AddressField::To, bad).is_err(), "{bad}");
    }
}

#[test]
fn fields_come_back_as_they_were_given() {
    let texts = [
        "plain",
        "",
        "Pläne für das Café and the schedule",
        "日本語の件名はとても長いので何行にもわたることがありますが、それでも読めなければなりません。そうでしょう",
        " leading and trailing ",
        "two  spaces   three",
        "   ",
        "=?utf-8?q?literal?= =?",
        "a=?b",
        "\u{1f600}\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} ok",
        "\"quotes\" \\ and, commas; <brackets> (comments) @ : .",
        "a_b?c=d",
        "x ä y ö z",
    ];
    let long = "word ".repeat(100) + "end";
    let unbroken = "x".repeat(5_000);
    let wide = "ü".repeat(700);
    for text in texts
        .into_iter()
        .chain([long.as_str(), unbroken.as_str(), wide.as_str()])
    {
        for output in [Output::Auto, Output::Utf8] {
            let mut draft = draft();
            draft.output(output);
            draft.subject(text).unwrap();
            draft
                .mailbox(AddressField::To, Some(text), "x@example.com")
                .unwrap();
            draft.header("X-Note", text).unwrap();
            // Readers take an encoded word in a file name for one, however it is written.
            let file_name = text.replace("=?", "=");
            draft.attach(file(&file_name, b"x")).unwrap();
            let bytes = written(&draft);
            let message = parse(bytes.as_bytes());
            assert_eq!(message.subject().as_deref(), Some(text), "{bytes}");
            let name = Some(text.trim_matches(' ')).filter(|name| !name.is_empty());
            assert_eq!(message.to().first().unwrap().name(), name, "{bytes}");
            assert_eq!(
                message.headers().get("x-note").unwrap().value(),
                text,
                "{bytes}"
            );
            assert_eq!(
                message.attachments()[0].filename().as_deref(),
                Some(file_name.as_str()).filter(|name| !name.is_empty()),
                "{bytes}"
            );
            // Some of the texts are no names that should be used as they are.
            let mut defects = message.defects();
            defects.retain(|defect| defect.code != DefectCode::UnsafeFileName);
            assert_eq!(defects, [], "{bytes}");
            assert!(output == Output::Utf8 || bytes.is_ascii());
            if !text.contains("xxx") {
                let longest = bytes.lines().map(|line| line.chars().count()).max();
                assert!(longest <= Some(78), "{bytes}");
            }
        }
    }
}

#[test]
fn groups_and_lists_come_back() {
    let mut draft = draft();
    let list = "Zoë <zoe@example.com>, team: a@example.com, \"B, c\" <b@example.com>;, nobody:;, last@example.com";
    draft.addresses(AddressField::To, list).unwrap();
    draft.open_group(AddressField::Cc, "Größe").unwrap();
    draft
        .mailbox(AddressField::Cc, None, "c@example.com")
        .unwrap();
    let bytes = draft.compose(&HOST).unwrap();
    let message = parse(&bytes);
    let to = message.to();
    let groups: Vec<_> = to
        .groups()
        .iter()
        .map(|group| (group.name(), group.addresses().len()))
        .collect();
    assert_eq!(
        groups,
        [(None, 1), (Some("team"), 2), (Some("nobody"), 0), (None, 1)]
    );
    assert_eq!(message.cc().groups()[0].name(), Some("Größe"));
    assert_eq!(message.defects(), []);
    assert!(draft.open_group(AddressField::Cc, "inner").is_err());
}

#[test]
fn blind_copies_are_left_out_unless_asked_for() {
    let mut draft = draft();
    draft
        .addresses(AddressField::Bcc, "secret@example.com")
        .unwrap();
    assert!(!written(&draft).contains("secret"));
    draft.keep_bcc();
    assert!(written(&draft).contains("Bcc: secret@example.com\r\n"));
}

#[test]
fn several_authors_need_a_sender() {
    let mut draft = draft();
    draft
        .addresses(AddressField::From, "bob@example.com")
        .unwrap();
    assert!(
        draft
            .compose(&HOST)
            .unwrap_err()
            .to_string()
            .starts_with("sender: ")
    );
    draft
        .addresses(AddressField::Sender, "office@example.com")
        .unwrap();
    assert!(draft.compose(&HOST).is_ok());
    assert!(
        Draft::new()
            .compose(&HOST)
            .unwrap_err()
            .to_string()
            .starts_with("from: ")
    );
}

#[test]
fn addresses_beyond_ascii_need_utf8() {
    let mut draft = draft();
    draft
        .addresses(AddressField::To, "用户@例子.example")
        .unwrap();
    assert!(
        draft
            .compose(&HOST)
            .unwrap_err()
            .to_string()
            .contains("SMTPUTF8")
    );
    draft.output(Output::Utf8);
    let bytes = draft.compose(&HOST).unwrap();
    assert_eq!(
        parse(&bytes).to().first().unwrap().address(),
        "用户@例子.example"
    );
}

#[test]
fn identifiers_and_dates_are_the_hosts_or_the_callers() {
    let draft_bytes = written(&draft());
    assert!(
        draft_bytes
            .starts_with("Date: Mon, 4 May 2026 11:30:00 +0200\r\nFrom: Ann <ann@example.com>\r\n")
    );
    assert!(draft_bytes.contains("Message-ID: <07070707070707070707070707070707@example.com>\r\n"));
    let mut draft = draft();
    draft.message_id("<x@y>").unwrap();
    draft.reference("a@b").unwrap();
    draft.reference("<c@d>").unwrap();
    draft.in_reply_to("c@d").unwrap();
    draft.date(-1, -330).unwrap();
    let bytes = written(&draft);
    let message = parse(bytes.as_bytes());
    assert_eq!(message.message_id().as_deref(), Some("x@y"));
    assert_eq!(message.references(), ["a@b", "c@d"]);
    assert_eq!(
        message.date().unwrap().to_string(),
        "1969-12-31T18:29:59-05:30"
    );
    assert!(draft.date(i64::MAX, 0).is_err() && draft.date(0, 1_440).is_err());
    for at in [-62_135_596_800, 253_402_300_799, 951_782_400, 1_709_164_800] {
        draft.date(at, 0).unwrap();
        assert_eq!(
            parse(written(&draft).as_bytes())
                .date()
                .unwrap()
                .timestamp(),
            at
        );
    }
}

#[test]
fn fields_that_have_setters_are_refused_as_extra_ones() {
    for name in [
        "From",
        "bcc",
        "Subject",
        "Content-Type",
        "content-id",
        "MIME-Version",
        "a b",
        "",
        "a:b",
        "ä",
    ] {
        assert!(draft().header(name, "x").is_err(), "{name}");
    }
    assert!(
        draft()
            .header("List-Unsubscribe", "<https://example.com/ä>")
            .is_err()
    );
    let mut draft = draft();
    let url = format!("<https://example.com/{}>, <mailto:a@b>", "x".repeat(200));
    draft.header("List-Unsubscribe", &url).unwrap();
    draft
        .header("Disposition-Notification-To", "Zoë <z@example.com>")
        .unwrap();
    let bytes = written(&draft);
    let message = parse(bytes.as_bytes());
    assert_eq!(
        message.headers().get("list-unsubscribe").unwrap().value(),
        url
    );
    assert!(
        bytes.contains("Disposition-Notification-To: =?utf-8?"),
        "{bytes}"
    );
}

#[test]
fn bodies_keep_every_character_in_each_output() {
    let texts = [
        "ascii\r\nFrom here\r\n.\r\n..two\r\n",
        "Grüße\r\n",
        "trailing \t\r\nspace ",
        "日本語\r\n日本語",
        "nul\0 and \x1b escape, = and =3D",
        "--=_070707070707070707070707_00000001\r\n",
        "",
        "\r\n\r\n",
    ];
    let long = format!("{}\r\nä{}", "x".repeat(3_000), " y".repeat(2_000));
    for text in texts.into_iter().chain([long.as_str()]) {
        for output in [
            Output::Auto,
            Output::SevenBit,
            Output::EightBit,
            Output::Utf8,
        ] {
            let mut draft = draft();
            draft.output(output);
            draft.text(text);
            draft.html(text);
            let bytes = written(&draft);
            let message = parse(bytes.as_bytes());
            for part in &message.parts()[1..] {
                assert_eq!(part.content(), text.as_bytes(), "{bytes}");
            }
            assert_eq!(message.parts().len(), 3);
            assert!(matches!(output, Output::EightBit | Output::Utf8) || bytes.is_ascii());
            assert!(!bytes.contains("\r\nFrom here"));
        }
    }
    let mut draft = draft();
    draft.text("a\nb\rc\r\nd");
    assert_eq!(
        parse(written(&draft).as_bytes()).text().as_deref(),
        Some("a\r\nb\r\nc\r\nd")
    );
}

#[test]
fn attached_messages_are_never_encoded() {
    let inner =
        b"Subject: inner\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n";
    let mut draft = draft();
    draft.text("see below");
    draft.attach(file("mail.eml", inner)).unwrap();
    let bytes = draft.compose(&HOST).unwrap();
    let message = parse(&bytes);
    let part = message.attachments()[0];
    assert_eq!(
        (
            part.content_type().as_ref(),
            part.transfer_encoding().as_ref()
        ),
        ("message/rfc822", "8bit")
    );
    assert_eq!(part.content(), &inner[..]);
    assert_eq!(part.message().unwrap().text().as_deref(), Some("Grüße\r\n"));
    assert_eq!(message.root().transfer_encoding(), "8bit");
    draft.output(Output::SevenBit);
    assert!(
        draft
            .compose(&HOST)
            .unwrap_err()
            .to_string()
            .contains("5.2.1")
    );
    let mut ends = self::draft();
    ends.attach(file("mail.eml", b"Subject: x\n\nline\n"))
        .unwrap();
    let bytes = ends.compose(&HOST).unwrap();
    assert_eq!(
        parse(&bytes).attachments()[0].content(),
        &b"Subject: x\r\n\r\nline\r\n"[..]
    );
}

#[test]
fn a_message_can_hold_one_with_the_same_randomness() {
    let mut bytes = b"Subject: first\r\n\r\nx".to_vec();
    for _ in 0..5 {
        let mut draft = draft();
        draft.text("x");
        draft.html("y");
        draft.attach(file("m.eml", &bytes)).unwrap();
        let next = draft.compose(&HOST).unwrap();
        let message = parse(&next);
        assert_eq!(message.attachments()[0].content(), &bytes[..]);
        bytes = next;
    }
}

#[test]
fn media_types_are_read_strictly() {
    for bad in [
        "",
        "text",
        "text/",
        "/plain",
        "text/plain; x",
        "text/plain; x=a b",
        "a/b; x=\"",
        "multipart/mixed",
        "ä/b",
        "a/b; x*=y",
        "a/b; x=1; X=2",
    ] {
        let content_type = Some(bad.to_owned());
        assert!(
            draft()
                .attach(Attachment {
                    content_type,
                    ..Attachment::default()
                })
                .is_err(),
            "{bad}"
        );
    }
    let mut draft = draft();
    let content_type =
        Some("text/csv; charset=\"us-ascii\"; header=present; title=\"a \\\"b\\\" ü\"".to_owned());
    draft
        .attach(Attachment {
            content_type,
            ..Attachment::default()
        })
        .unwrap();
    let bytes = written(&draft);
    let message = parse(bytes.as_bytes());
    let part = message.attachments()[0];
    assert_eq!(part.charset(), Some("us-ascii"));
    assert_eq!(part.parameter("title"), Some("a \"b\" ü"), "{bytes}");
}

/// A small generator, so that a failure comes back with its seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let len = self.roll(most);
        let narrow = self.roll(3) == 0;
        (0..len)
            .map(|_| {
                if narrow {
                    b"\r\n-= a."[self.roll(7)]
                } else {
                    u8::try_from(self.roll(256)).unwrap()
                }
            })
            .collect()
    }

    fn text(&mut self, most: usize) -> String {
        const PIECES: [&str; 14] = [
            "a",
            " ",
            "  ",
            "ä",
            "日本",
            "=?",
            "?=",
            "\"",
            "\\",
            "word",
            "\u{1f600}",
            "'",
            "%",
            "--=_",
        ];
        let len = self.roll(most);
        (0..len).map(|_| PIECES[self.roll(PIECES.len())]).collect()
    }
}

/// What a message should give back: its texts and the contents of its files, nested ones too.
#[derive(Debug, PartialEq)]
struct Leaf {
    kind: String,
    name: Option<String>,
    content: Vec<u8>,
}

fn random_message(
    dice: &mut Dice,
    depth: usize,
    output: Output,
    leaves: &mut Vec<Leaf>,
) -> Vec<u8> {
    let mut draft = draft();
    draft.output(output);
    draft.subject(&dice.text(30)).unwrap();
    let mut host = HOST;
    // Seldom new randomness: nested messages then have the same.
    host.random[0] = u8::try_from(dice.roll(2)).unwrap();
    let body = |dice: &mut Dice| dice.text(200).replace('\'', "\r\n");
    let has_text = dice.roll(3) > 0;
    let has_html = dice.roll(3) > 0;
    let mut mine = Vec::new();
    if has_text {
        let text = body(dice);
        draft.text(&text);
        mine.push(Leaf {
            kind: "text/plain".to_owned(),
            name: None,
            content: text.into_bytes(),
        });
    }
    let mut later = Vec::new();
    if has_html {
        let html = body(dice);
        draft.html(&html);
        mine.push(Leaf {
            kind: "text/html".to_owned(),
            name: None,
            content: html.into_bytes(),
        });
    }
    for at in 0..dice.roll(4) {
        let name = dice.text(20).replace('?', "_");
        let nested = depth > 0 && dice.roll(3) == 0;
        let inline = dice.roll(2) == 0;
        let mut inner = Vec::new();
        let content = if nested {
            random_message(dice, depth - 1, output, &mut inner)
        } else {
            dice.bytes(400)
        };
        let kind = if nested {
            "message/rfc822"
        } else {
            "application/x-thing"
        };
        draft
            .attach(Attachment {
                content: content.clone(),
                content_type: Some(kind.to_owned()),
                filename: Some(name.clone()),
                content_id: inline.then(|| format!("{at}@x")),
                inline,
                is_text: false,
            })
            .unwrap();
        let name = Some(name).filter(|name| !name.is_empty());
        let target = if inline && has_html {
            &mut mine
        } else {
            &mut later
        };
        target.push(Leaf {
            kind: kind.to_owned(),
            name,
            content,
        });
        target.extend(inner);
    }
    if !has_text && !has_html && later.is_empty() {
        mine.push(Leaf {
            kind: "text/plain".to_owned(),
            name: None,
            content: Vec::new(),
        });
    }
    leaves.extend(mine);
    leaves.extend(later);
    draft.compose(&host).unwrap()
}

fn leaves(view: MessageView<'_>) -> Vec<Leaf> {
    let leaf = |part: &Part<'_>| Leaf {
        kind: part.content_type().into_owned(),
        name: part.filename().map(|name| name.into_owned()),
        content: part.content().into_owned(),
    };
    view.parts()
        .iter()
        .filter(|part| !part.is_multipart())
        .map(leaf)
        .collect()
}

#[test]
fn every_leaf_of_a_random_tree_comes_back() {
    for seed in 1..400 {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let output = [Output::Auto, Output::EightBit, Output::Utf8][dice.roll(3)];
        let mut expected = Vec::new();
        let bytes = random_message(&mut dice, 3, output, &mut expected);
        let message = parse(&bytes);
        let found = leaves(message.view());
        assert_eq!(
            found.len(),
            expected.len(),
            "seed {seed}: {}",
            message.tree()
        );
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "seed {seed}");
        }
    }
}

#[test]
fn large_values_are_written_in_linear_time() {
    for piece in [
        "cid:",
        "=cid:",
        "<",
        " ",
        "=?",
        "ü",
        "a b ",
        "\u{1f600}",
        "From \r\n",
        "\r",
    ] {
        let value = piece.repeat(200_000 / piece.len());
        let mut draft = draft();
        draft.html(&value);
        draft.text(&value);
        let _ = draft.subject(&value);
        let _ = draft.mailbox(AddressField::To, Some(&value), "a@example.com");
        let _ = draft.header("List-Id", &value);
        let _ = draft.attach(file(&value, value.as_bytes()));
        assert!(draft.compose(&HOST).unwrap().len() >= value.len());
    }
    let mut draft = draft();
    for _ in 0..20_000 {
        draft
            .addresses(AddressField::To, "Zoë <a@example.com>, g: b@example.com;")
            .unwrap();
        draft.reference("a@example.com").unwrap();
    }
    let composed = draft.compose(&HOST).unwrap();
    assert_eq!(
        memmem::find_iter(&composed, b"b@example.com").count(),
        20_000
    );
}
