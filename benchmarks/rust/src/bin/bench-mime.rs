//! Parse a message and read all of it, in Rust: popmail beside its peers.
//!
//! `bench-mime FOLDER` reads the classes of mail that `../js/write_corpus.py` wrote to the folder, and
//! stops if the peers read different things. Then each line on its input, `PEER<tab>CLASS<tab>SECONDS`,
//! is one round of one peer, of that many seconds at least; it answers with the seconds that one
//! message took. So whoever asks (`../mime.py`) lets these peers and its own take turns.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use mail_parser::{MessageParser, PartKind};
use mailparse::{DispositionType, MailAddr, MailHeaderMap, ParsedMail};

/// What is read of a message.
struct Read<'m> {
    subject: Option<Cow<'m, str>>,
    sender: Option<Cow<'m, str>>,
    date: Option<i64>,
    text: Option<Cow<'m, str>>,
    html: Option<Cow<'m, str>>,
    attachments: Vec<Cow<'m, [u8]>>,
}

/// Reads a message and hands what is in it to a function, as long as it is there.
type Reader = fn(&[u8], &mut dyn FnMut(&Read<'_>));

const PEERS: [(&str, Reader); 3] = [
    ("popmail", read_popmail),
    ("mail-parser", read_mail_parser),
    ("mailparse", read_mailparse),
];

/// The messages of each class.
type Corpus = BTreeMap<String, Vec<Vec<u8>>>;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("which folder?")?;
    let classes = corpus(Path::new(&folder))?;
    for (class, messages) in &classes {
        for raw in messages {
            compare(class, raw)?;
        }
    }
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let mut words = line.split('\t');
        let mut word = || words.next().ok_or("PEER, CLASS and SECONDS");
        let (peer, class, at_least) = (word()?, word()?, word()?.parse()?);
        let read = PEERS.iter().find(|(name, _)| *name == peer);
        let (_, read) = read.ok_or("an unknown peer")?;
        let messages = classes.get(class).ok_or("an unknown class")?;
        println!("{}", seconds(*read, messages, at_least));
        std::io::stdout().flush()?;
    }
    Ok(())
}

/// Reads the files that `classes.json` names.
fn corpus(folder: &Path) -> Result<Corpus, Box<dyn Error>> {
    let names: BTreeMap<String, Vec<String>> =
        serde_json::from_slice(&std::fs::read(folder.join("classes.json"))?)?;
    let read = |files: Vec<String>| {
        let read = files
            .into_iter()
            .map(|file| std::fs::read(folder.join(file)));
        read.collect::<Result<Vec<_>, _>>()
    };
    let read = names
        .into_iter()
        .map(|(class, files)| Ok((class, read(files)?)));
    read.collect()
}

/// How long one message takes.
fn seconds(read: Reader, messages: &[Vec<u8>], at_least: f64) -> f64 {
    let started = Instant::now();
    let mut count = 0_u32;
    loop {
        for raw in messages {
            read(raw, &mut |read| {
                black_box(read);
            });
            count += 1;
        }
        let passed = started.elapsed().as_secs_f64();
        if passed >= at_least {
            return passed / f64::from(count);
        }
    }
}

/// What is read of a message, to be compared: of a text its line ends do not count, the peers change them.
struct Plain {
    head: (Option<String>, Option<String>, Option<i64>),
    text: Vec<String>,
    html: Vec<String>,
    attachments: Vec<Vec<u8>>,
}

impl Plain {
    fn of(read: &Read<'_>) -> Self {
        let owned = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
        let lines = |text: &Option<Cow<'_, str>>| {
            let text = text.as_deref().unwrap_or_default().trim_end();
            text.lines().map(str::to_owned).collect()
        };
        Self {
            head: (owned(&read.subject), owned(&read.sender), read.date),
            text: lines(&read.text),
            html: lines(&read.html),
            attachments: read.attachments.iter().map(|one| one.to_vec()).collect(),
        }
    }
}

/// An error if the peers do not read the same.
fn compare(class: &str, raw: &[u8]) -> Result<(), String> {
    let mut expected = None;
    for (peer, read) in PEERS {
        let mut differing = Vec::new();
        read(raw, &mut |read| {
            let found = Plain::of(read);
            if let Some(expected) = &expected {
                let Plain {
                    head,
                    text,
                    html,
                    attachments,
                } = expected;
                let same = [
                    (*head == found.head, "subject, sender or date"),
                    (*text == found.text, "text"),
                    (*html == found.html, "HTML"),
                    (*attachments == found.attachments, "attachments"),
                ];
                differing.extend(
                    same.into_iter()
                        .filter(|(same, _)| !same)
                        .map(|(_, name)| name),
                );
            } else {
                expected = Some(found);
            }
        });
        if !differing.is_empty() {
            return Err(format!(
                "{class}: {peer} and popmail differ in {}",
                differing.join(", ")
            ));
        }
    }
    Ok(())
}

fn read_popmail(raw: &[u8], then: &mut dyn FnMut(&Read<'_>)) {
    let message = popmail::parse(raw);
    let from = message.from();
    let attachments = message.attachments();
    then(&Read {
        subject: message.subject(),
        sender: from.first().map(|one| Cow::Borrowed(one.address())),
        date: message.date().map(|date| date.timestamp()),
        text: message.text(),
        html: message.html(),
        attachments: attachments.iter().map(|part| part.content()).collect(),
    });
}

/// Its own `body_html` makes HTML of plain text where a message has none; that work is not asked for.
fn read_mail_parser(raw: &[u8], then: &mut dyn FnMut(&Read<'_>)) {
    let Some(message) = MessageParser::default().parse(raw) else {
        return;
    };
    let is_html = |part: &mail_parser::MessagePart<'_>| matches!(part.kind(), PartKind::Html);
    let from = message.from();
    let html = message.html_body().find(is_html);
    then(&Read {
        subject: message.subject().map(Cow::Borrowed),
        sender: from
            .and_then(|from| from.first()?.address())
            .map(Cow::Borrowed),
        date: message.date().map(|date| date.to_timestamp()),
        text: message.body_text(0),
        html: html.and_then(|part| part.text()),
        attachments: message.attachments().map(|part| part.decoded()).collect(),
    });
}

fn read_mailparse(raw: &[u8], then: &mut dyn FnMut(&Read<'_>)) {
    let Ok(message) = mailparse::parse_mail(raw) else {
        return;
    };
    let sender = message.headers.get_first_header("From");
    let sender = sender.and_then(|from| {
        let from = mailparse::addrparse_header(from).ok()?;
        match from.first()? {
            MailAddr::Single(one) => Some(Cow::Owned(one.addr.clone())),
            MailAddr::Group(_) => None,
        }
    });
    let date = message.headers.get_first_value("Date");
    let mut read = Read {
        subject: message.headers.get_first_value("Subject").map(Cow::Owned),
        sender,
        date: date.and_then(|date| mailparse::dateparse(&date).ok()),
        text: None,
        html: None,
        attachments: Vec::new(),
    };
    let mut open: Vec<&ParsedMail<'_>> = vec![&message];
    while let Some(part) = open.pop() {
        open.extend(part.subparts.iter().rev());
        let kind = part.ctype.mimetype.as_str();
        let disposition = part.get_content_disposition().disposition;
        if kind.starts_with("multipart/") {
            continue;
        }
        if disposition == DispositionType::Attachment {
            let content = part.get_body_raw().ok();
            read.attachments.extend(content.map(Cow::Owned));
        } else if kind == "text/html" {
            read.html = part.get_body().ok().map(Cow::Owned);
        } else {
            read.text = part.get_body().ok().map(Cow::Owned);
        }
    }
    then(&read);
}
