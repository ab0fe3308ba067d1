//! Any values as a message: what is written is read back as it was given, and nothing else is in it.
#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use popmail::mime::compose::{AddressField, Attachment, Draft, Host, Output};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    output: u8,
    random: u8,
    name: &'a str,
    address: &'a str,
    list: &'a str,
    subject: &'a str,
    id: &'a str,
    header: (&'a str, &'a str),
    text: Option<&'a str>,
    html: Option<&'a str>,
    files: Vec<File<'a>>,
}

#[derive(Debug, Arbitrary)]
struct File<'a> {
    content: &'a [u8],
    content_type: Option<&'a str>,
    filename: Option<&'a str>,
    content_id: Option<&'a str>,
    inline: bool,
}

fuzz_target!(|input: Input<'_>| {
    let mut draft = Draft::new();
    let (_, output) = Output::NAMES[usize::from(input.output) % Output::NAMES.len()];
    draft.output(output);
    let mut fields = 5; // Date, From, Message-ID, MIME-Version, Content-Type
    draft
        .mailbox(AddressField::From, None, "a@example.com")
        .unwrap();
    let named = draft
        .mailbox(AddressField::To, Some(input.name), input.address)
        .is_ok();
    fields += usize::from(named);
    fields += usize::from(draft.addresses(AddressField::Cc, input.list).is_ok());
    let has_subject = draft.subject(input.subject).is_ok();
    fields += usize::from(has_subject);
    fields += usize::from(draft.reference(input.id).is_ok());
    fields += usize::from(draft.header(input.header.0, input.header.1).is_ok());
    if let Some(text) = input.text {
        draft.text(text);
    }
    if let Some(html) = input.html {
        draft.html(html);
    }
    let mut files = Vec::new();
    for file in &input.files {
        let attachment = Attachment {
            content: file.content.to_vec(),
            content_type: file.content_type.map(str::to_owned),
            filename: file.filename.map(str::to_owned),
            content_id: file.content_id.map(str::to_owned),
            inline: file.inline,
            is_text: false,
        };
        if draft.attach(attachment).is_ok() {
            files.push(file);
        }
    }
    let host = Host {
        now: 0,
        offset_minutes: 0,
        random: [input.random; 32],
    };
    let Ok(raw) = draft.compose(&host) else {
        return;
    };
    let message = popmail::parse(&raw);
    let root = message.root();
    if !root.is_multipart() {
        fields += 1; // Content-Transfer-Encoding
    } else if root.headers().get("content-transfer-encoding").is_some() {
        fields += 1;
    }
    assert_eq!(message.headers().len(), fields, "{message:?}");
    if has_subject {
        assert_eq!(message.subject().unwrap_or_default(), input.subject);
    }
    if named {
        assert_eq!(message.to().first().unwrap().address(), input.address);
    }
    // Every content that may not change is there; a message with LF alone gets CRLF.
    let contents: Vec<_> = message
        .parts()
        .iter()
        .map(|part| part.content().into_owned())
        .collect();
    for file in files {
        let sent = contents.iter().any(|content| content == file.content);
        assert!(
            sent || !file.content.contains(&b'\r'),
            "a file is not there"
        );
    }
});
