"""Parse a message and read all of it: subject, sender, date, text, HTML and the bytes of every attachment.

From Python beside other parsers for Python, and beside parsers that are called from Rust; all of them take turns.
"""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import TYPE_CHECKING, NamedTuple

import fast_mail_parser
import rust
from corpus import corpus
from js.write_corpus import write
from measure import Bar, Elsewhere, Goal, Report, table, timed, times, turns

import popmail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from email.message import EmailMessage

    Fields = tuple[str | None, str, datetime | None, str | None, str | None, list[bytes]]
    """The fields of `Read`."""


class Read(NamedTuple):
    """What is read of a message. The readers return plain tuples: to make this class takes time of its own."""

    subject: str | None
    sender: str
    date: datetime | None
    text: str | None
    html: str | None
    attachments: list[bytes]

    def comparable(self) -> Read:
        """Return it as the peers are compared by it: line ends of a text do not count, the peers change them."""

        def lines(text: str | None) -> str:
            return "\n".join((text or "").splitlines()).rstrip()

        return self._replace(text=lines(self.text), html=lines(self.html))


def read_popmail(raw: bytes) -> Fields:
    message = popmail.parse(raw)
    return (
        message.subject,
        message.from_[0].address,
        message.date,
        message.text,
        message.html,
        [part.content for part in message.attachments],
    )


def read_email(raw: bytes) -> Fields:
    message: EmailMessage = message_from_bytes(raw, policy=policy.default)  # type: ignore[assignment]
    plain, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    return (
        str(message["subject"]),
        message["from"].addresses[0].addr_spec,
        message["date"].datetime,
        None if plain is None else plain.get_content(),
        None if html is None else html.get_content(),
        [part.get_payload(decode=True) for part in message.iter_attachments()],
    )


def read_fast_mail_parser(raw: bytes) -> Fields:
    message = fast_mail_parser.parse_email(raw)
    return (
        message.subject,
        message.from_.address,
        message.date_parsed,
        "".join(message.text_plain),
        "".join(message.text_html),
        [part.content for part in message.attachments],
    )


PEERS: dict[str, Callable[[bytes], Fields]] = {
    "popmail": read_popmail,
    "email": read_email,
    "fast-mail-parser": read_fast_mail_parser,
}


RUST_PEERS = ("popmail", "mail-parser", "mailparse")
"""What `rust/src/bin/bench-mime.rs` measures."""

WITH_ATTACHMENTS = ("1 MB attachment", "20 MB attachment")
SMALL = "small text, 3 kB"
LIST = "list mail, long trace"
DECODED = ("newsletter, 60 kB of HTML", "legacy charsets")
"""Classes of which much has to be decoded."""

AT_LEAST = 0.2
"""Seconds that a round of a peer lasts."""


def report(quick: bool = False) -> Report:
    """Measure and return the tables; quickly, to see that it can be done, with fewer messages and short rounds."""
    classes = corpus(2, 1) if quick else corpus()
    for name, messages in classes.items():
        compare(name, messages)
    folder = rust.CORPUS.with_name("bench-quick") if quick else rust.CORPUS
    write(folder, classes)
    with Elsewhere([rust.program("bench-mime", quick), str(folder)]) as program:
        took = {name: measure(name, messages, program, quick) for name, messages in classes.items()}
    return Report(f"{python_table(took)}\n\n{rust_table(took)}", goals(took), bars(took))


def compare(name: str, messages: list[bytes]) -> None:
    """Stop unless all peers read the same."""
    for raw in messages:
        expected = Read(*read_email(raw)).comparable()
        for peer, read in PEERS.items():
            found = Read(*read(raw)).comparable()
            differing = [field for field in Read._fields if getattr(found, field) != getattr(expected, field)]
            if differing:
                raise SystemExit(f"{name}: {peer} and email differ in {', '.join(differing)}")


def measure(name: str, messages: list[bytes], program: Elsewhere, quick: bool) -> dict[str, float]:
    """Return the seconds that each peer takes for one message; those of Rust are `Rust: ` and their name."""
    at_least = 0.0 if quick else AT_LEAST

    def all_of(read: Callable[[bytes], Fields]) -> Callable[[], float]:
        def call() -> None:
            for raw in messages:
                read(raw)

        round_of = timed(call, at_least)
        return lambda: round_of() / len(messages)

    def asked(peer: str) -> Callable[[], float]:
        return lambda: float(program.ask(f"{peer}\t{name}\t{at_least}"))

    python = {peer: all_of(read) for peer, read in PEERS.items()}
    peers = python | {f"Rust: {peer}": asked(peer) for peer in RUST_PEERS}
    return turns(peers, dict.fromkeys(peers, 1) if quick else None)


def python_table(took: dict[str, dict[str, float]]) -> str:
    rows = [
        [name, *(us(each[peer]) for peer in PEERS), *(times(each[peer] / each["popmail"]) for peer in list(PEERS)[1:])]
        for name, each in took.items()
    ]
    head = ["Python: parse and read all of it, per message", *PEERS, "against email", "against fast-mail-parser"]
    return table(head, rows)


def rust_table(took: dict[str, dict[str, float]]) -> str:
    rows = [
        [
            name,
            us(each["popmail"]),
            *(us(each[f"Rust: {peer}"]) for peer in RUST_PEERS),
            times(each["popmail"] / each["Rust: mail-parser"]),
            times(each["Rust: popmail"] / each["Rust: mail-parser"]),
        ]
        for name, each in took.items()
    ]
    peers = [f"{peer}, Rust" for peer in RUST_PEERS]
    head = ["the same, beside Rust", "popmail, Python", *peers, "Python / mail-parser", "popmail, Rust / mail-parser"]
    return table(head, rows)


def goals(took: dict[str, dict[str, float]]) -> list[Goal]:
    def faster(peer: str, least: float, names: Iterable[str]) -> Goal:
        found = {name: took[name][peer] / took[name]["popmail"] for name in names}
        slowest = min(found, key=found.__getitem__)
        what = f"Python against {peer}: " + ("every class" if len(found) == len(took) else ", ".join(found))
        measured = f"{times(found[slowest])} ({slowest})"
        return Goal(what, f"at least {least:g} times faster", measured, found[slowest] >= least)

    def at_most(most: float, names: Iterable[str]) -> Goal:
        found = {name: took[name]["popmail"] / took[name]["Rust: mail-parser"] for name in names}
        slowest = max(found, key=found.__getitem__)
        what = f"Python against mail-parser from Rust: {', '.join(found)}"
        return Goal(
            what, f"at most {most:g} times its time", f"{times(found[slowest])} ({slowest})", found[slowest] <= most
        )

    return [
        faster("email", 100, took),
        faster("fast-mail-parser", 3, [SMALL, LIST, *WITH_ATTACHMENTS]),
        faster("fast-mail-parser", 2.2, DECODED),
        at_most(1.2, WITH_ATTACHMENTS),
        at_most(2, [SMALL]),
    ]


def bars(took: dict[str, dict[str, float]]) -> list[Bar]:
    return [
        Bar("Python", name, {peer: each[peer] / each["popmail"] for peer in list(PEERS)[1:]})
        for name, each in took.items()
    ]


def us(value: float) -> str:
    """Return a time in microseconds."""
    return f"{value * 1e6:,.1f} µs"
