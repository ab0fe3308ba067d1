"""Composing: what goes in comes back by `popmail.parse` and by the standard library's `email`, and nothing else."""

from __future__ import annotations

import email
import io
import random
from datetime import UTC, datetime, timedelta, timezone
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

import popmail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
BREAKS = ["\r", "\n", "\r\n", "\0", "\x85", "\u2028", "\u2029", "\x1b", "\x0b", "\x7f"]
PNG = b"\x89PNG\r\n\x1a\n\x00\xff"


def compose(**given: Any) -> bytes:
    given.setdefault("from_", "Ann <ann@example.com>")
    return popmail.compose(**given)


def standard(raw: bytes) -> EmailMessage:
    return cast("EmailMessage", email.message_from_bytes(raw, policy=policy.default))


def leaves(message: EmailMessage) -> Iterator[tuple[str, str | None, bytes]]:
    """The parts of a message of `email` that have content, those of nested messages included."""
    for part in message.walk():
        if part.get_content_maintype() == "multipart":
            continue
        if part.get_content_type() == "message/rfc822":
            (inner,) = cast("list[EmailMessage]", part.get_payload())
            yield "message/rfc822", part.get_filename(), inner.as_bytes(policy=policy.SMTP.clone(refold_source="none"))
            continue
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        yield part.get_content_type(), part.get_filename(), payload


SETTERS: dict[str, Callable[[str], dict[str, Any]]] = {
    "from_": lambda bad: {"from_": f"{bad} <a@example.com>"},
    "to name": lambda bad: {"to": [(bad, "a@example.com")]},
    "to address": lambda bad: {"to": [popmail.Address(None, f"a{bad}@example.com")]},
    "to list": lambda bad: {"to": f"a@example.com,{bad} b@example.com"},
    "cc": lambda bad: {"cc": [f"a@example{bad}.com"]},
    "bcc": lambda bad: {"bcc": [(None, f"a@example.com{bad}")], "keep_bcc": True},
    "bcc left out": lambda bad: {"bcc": [(None, f"a@example.com{bad}")]},
    "reply_to": lambda bad: {"reply_to": f'"{bad}" <a@example.com>'},
    "sender": lambda bad: {"sender": (bad, "a@example.com")},
    "group": lambda bad: {"to": popmail.Group(bad, ["a@example.com"])},
    "member": lambda bad: {"to": popmail.Group("team", [(None, f'"{bad}"@example.com')])},
    "subject": lambda bad: {"subject": f"Hi{bad}Bcc: evil@example.com"},
    "header name": lambda bad: {"headers": {f"X-A{bad}": "x"}},
    "header value": lambda bad: {"headers": [("X-A", f"x{bad}Evil: x")]},
    "list header": lambda bad: {"headers": {"List-Unsubscribe": f"<https://example.com/>{bad}Evil: x"}},
    "message_id": lambda bad: {"message_id": f"<a{bad}@example.com>"},
    "in_reply_to": lambda bad: {"in_reply_to": [f"a@example.com{bad}"]},
    "references": lambda bad: {"references": ["a@b", f"a@example.com>{bad}Evil: x"]},
    "filename": lambda bad: {"attachments": [popmail.Attachment(b"x", f"a{bad}.txt")]},
    "content_type": lambda bad: {"attachments": [popmail.Attachment(b"x", content_type=f"text/plain{bad}")]},
    "parameter": lambda bad: {"attachments": [popmail.Attachment(b"x", content_type=f'a/b; x="{bad}"')]},
    "parameter name": lambda bad: {"attachments": [popmail.Attachment(b"x", content_type=f"a/b; x{bad}=y")]},
    "cid": lambda bad: {"attachments": [popmail.Attachment(b"x", cid=f"a{bad}")]},
    "inline": lambda bad: {"html": "x", "inline": {f"a{bad}Evil: x": b"x"}},
}


@pytest.mark.parametrize("setter", SETTERS)
@pytest.mark.parametrize("bad", BREAKS, ids=ascii)
def test_no_parameter_takes_what_could_begin_another_field(setter: str, bad: str) -> None:
    with pytest.raises(popmail.UsageError, match="expected") as caught:
        compose(text="x", **SETTERS[setter](bad))
    assert caught.value.code == "POP3_ERR_USAGE_ARGUMENT"
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("reader", ["popmail", "email"])
def test_a_complete_message_reads_back(reader: str) -> None:
    written = datetime(2026, 5, 4, 9, 30, tzinfo=timezone(timedelta(hours=2)))
    raw = compose(
        from_=("Zoë Harbour", "zoe@example.com"),
        to=["Ann <ann@example.com>", popmail.Group("Größe & Co", ["Bob <bob@example.com>", (None, "c@example.com")])],
        cc='"Park, Ada" <ada@example.com>, mara@example.net',
        bcc="secret@example.com",
        reply_to="office@example.com",
        subject="Pläne für das Café, 日本語の件名 and the schedule of the whole of next week, day by day",
        text="Um neun?\n-- \nZoë\n",
        html='<p>Um neun? <img src="cid:logo"></p>\n',
        inline={"logo": popmail.Attachment(PNG, "logo.png")},
        attachments=[
            popmail.Attachment(b"%PDF", "Größenübersicht mit einem langen Namen für das ganze Jahr 2026.pdf"),
            popmail.Attachment("a;ä\n", "table.csv"),
        ],
        headers={"X-Mailer": "ü", "List-Id": "<a.example.com>"},
        date=written,
        message_id="<one@example.com>",
        in_reply_to="<zero@example.com>",
        references="<minus@example.com> <zero@example.com>",
    )
    assert raw.isascii()
    assert b"secret" not in raw
    assert max(map(len, raw.splitlines())) <= 78
    subject = "Pläne für das Café, 日本語の件名 and the schedule of the whole of next week, day by day"
    text, html = "Um neun?\r\n-- \r\nZoë\r\n", '<p>Um neun? <img src="cid:logo"></p>\r\n'
    name = "Größenübersicht mit einem langen Namen für das ganze Jahr 2026.pdf"
    if reader == "popmail":
        message = popmail.parse(raw)
        assert message.defects == []
        assert message.subject == subject
        assert [(one.name, one.address, one.group) for one in message.from_] == [
            ("Zoë Harbour", "zoe@example.com", None)
        ]
        assert [(one.name, one.address, one.group) for one in message.to] == [
            ("Ann", "ann@example.com", None),
            ("Bob", "bob@example.com", "Größe & Co"),
            (None, "c@example.com", "Größe & Co"),
        ]
        assert [str(one) for one in message.cc] == ["Park, Ada <ada@example.com>", "mara@example.net"]
        assert message.bcc == []
        assert message.reply_to[0].address == "office@example.com"
        assert message.date == written
        assert message.date is not None
        assert message.date.utcoffset() == written.utcoffset()
        assert message.message_id == "one@example.com"
        assert message.in_reply_to == ["zero@example.com"]
        assert message.references == ["minus@example.com", "zero@example.com"]
        assert (message.text, message.html) == (text, html)
        assert [part.filename for part in message.attachments] == [name, "table.csv"]
        assert message.attachments[1].text == "a;ä\n"
        assert [part.content for part in message.inline] == [PNG]
        assert "data:image/png;base64," in (message.html_with_inline() or "")
        assert message.headers["X-Mailer"] == "ü"
        assert message.tree().splitlines()[0] == "multipart/mixed"
        return
    found = standard(raw)
    assert found.defects == []
    assert found["subject"] == subject
    assert [str(one) for one in found["from"].addresses] == ["Zoë Harbour <zoe@example.com>"]
    assert [(group.display_name, len(group.addresses)) for group in found["to"].groups] == [
        (None, 1),
        ("Größe & Co", 2),
    ]
    assert [(one.display_name, one.addr_spec) for one in found["cc"].addresses] == [
        ("Park, Ada", "ada@example.com"),
        ("", "mara@example.net"),
    ]
    assert found["date"].datetime == written
    assert found["message-id"] == "<one@example.com>"
    assert found["references"] == "<minus@example.com> <zero@example.com>"
    assert found["x-mailer"] == "ü"
    body = found.get_body(("plain",))
    assert body is not None
    assert body.get_content() == text
    attachments = list(found.iter_attachments())
    assert [part.get_filename() for part in attachments] == [name, "table.csv"]
    assert attachments[0].get_content() == b"%PDF"
    assert [kind for kind, _, _ in leaves(found)] == [
        "text/plain",
        "text/html",
        "image/png",
        "application/pdf",
        "text/csv",
    ]


def test_attachments_come_from_whatever_is_at_hand(tmp_path: Path) -> None:
    path = tmp_path / "Übersicht.PDF"
    path.write_bytes(b"%PDF")
    inner = popmail.parse((ROOT / "examples/mail/04-complete.eml").read_bytes())
    standard_message = EmailMessage()
    standard_message["Subject"] = "Größe"
    standard_message.set_content("ä\n")
    with path.open("rb") as file:
        raw = compose(
            text="x",
            attachments=[
                b"bytes",
                bytearray(b"bytearray"),
                memoryview(b"memoryview"),
                "ä text",
                path,
                file,
                io.BytesIO(b"stream"),
                inner,
                inner.attachments[0],
                standard_message,
            ],
        )
    message = popmail.parse(raw)
    assert message.defects == []
    found = [(part.content_type, part.filename, part.content) for part in message.attachments]
    octets = "application/octet-stream"
    assert found[:7] == [
        (octets, None, b"bytes"),
        (octets, None, b"bytearray"),
        (octets, None, b"memoryview"),
        ("text/plain", None, "ä text".encode()),
        ("application/pdf", "Übersicht.PDF", b"%PDF"),
        (octets, None, b"%PDF"),
        (octets, None, b"stream"),
    ]
    assert message.attachments[3].charset == "utf-8"
    assert found[7][0] == "message/rfc822"
    assert found[7][2].replace(b"\r\n", b"\n") == inner.raw.replace(b"\r\n", b"\n")
    part = inner.attachments[0]
    assert found[8] == (part.content_type, part.filename, part.content)
    nested = message.attachments[9].message
    assert nested is not None
    assert (nested.subject, nested.text) == ("Größe", "ä\r\n")


@pytest.mark.parametrize("path", sorted((ROOT / "examples/mail").glob("*.eml")), ids=lambda path: path.stem)
def test_every_sample_can_be_attached_and_comes_back(path: Path) -> None:
    raw = path.read_bytes()
    message = popmail.parse(compose(attachments=[popmail.parse(raw)]))
    (part,) = message.attachments
    sent = raw if b"\r" in raw else raw.replace(b"\n", b"\r\n")
    assert part.content == sent
    assert part.transfer_encoding in ("7bit", "8bit", "binary")
    assert part.message is not None
    assert part.message.tree() == popmail.parse(raw).tree()


def test_without_date_and_identifier_they_are_made() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    first, second = popmail.parse(compose(text="x")), popmail.parse(compose(text="x"))
    assert first.date is not None
    assert before <= first.date <= datetime.now(UTC)
    assert first.message_id is not None
    assert first.message_id.endswith("@example.com")
    assert first.message_id != second.message_id


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"from_": []}, "from: expected an address"),
        ({"from_": ["a@b", "c@d"]}, "sender: expected"),
        ({"sender": "a@b, c@d"}, "sender: expected one"),
        ({"to": "nobody"}, "To: expected an address"),
        ({"to": "用户@例子.example"}, "SMTPUTF8"),
        ({"date": datetime(2026, 5, 4)}, "with a zone"),
        ({"headers": {"Subject": "x"}}, "set by subject"),
        ({"headers": {"Content-Type": "text/html"}}, "belongs to a part"),
        ({"attachments": [popmail.Attachment(b"", content_type="multipart/mixed; boundary=x")]}, "multipart"),
        (
            {"attachments": [popmail.Attachment(b"a: \xff\r\n\r\n", content_type="message/rfc822")], "output": "7bit"},
            "5.2.1",
        ),
    ],
)
def test_what_cannot_be_written_is_refused(given: dict[str, Any], expected: str) -> None:
    with pytest.raises(popmail.UsageError, match=expected):
        compose(text="x", **given)


def test_misuse_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="to: expected a string"):
        compose(to=[7])
    with pytest.raises(TypeError, match="attachments: expected bytes"):
        compose(attachments=[7])
    with pytest.raises(TypeError, match="one of text"):
        compose(attachments=[io.StringIO("x")])
    with pytest.raises(ValueError, match="output must be one of"):
        compose(output="9bit")


def test_pairs_and_lists_of_two_are_told_apart() -> None:
    for to in [("a@b", "c@d"), ["a@b", "c@d"]]:
        assert [one.address for one in popmail.parse(compose(to=to)).to] == ["a@b", "c@d"]
    assert popmail.parse(compose(to=("Ann", "a@b"))).to == [popmail.Address("Ann", "a@b")]


@pytest.mark.parametrize("output", ["8bit", "utf8"])
def test_eight_bit_output_leaves_text_readable(output: str) -> None:
    raw = compose(subject="Größe", text="Grüße\n", output=output)
    assert "Grüße".encode() in raw
    assert ("Subject: Größe".encode() in raw) == (output == "utf8")
    message = popmail.parse(raw)
    assert (message.subject, message.text, message.defects) == ("Größe", "Grüße\r\n", [])


WORDS = ["a", "word", "ä", "日本語", "😀", "=?", "?=", '"', "\\", ",", ";", "  ", "\r\n", "From ", ".", "=", "--=_"]


def random_text(dice: random.Random, most: int) -> str:
    return "".join(dice.choice(WORDS) for _ in range(dice.randrange(most)))


def random_name(dice: random.Random) -> str:
    name = random_text(dice, 12)
    for unwanted in ("\r\n", "?"):
        name = name.replace(unwanted, "_")
    return f"x{name}.bin"


def random_message(dice: random.Random, depth: int) -> tuple[bytes, list[tuple[str, str | None, bytes]]]:
    """A message and what its leaves should be."""
    body: list[tuple[str, str | None, bytes]] = []
    given: dict[str, Any] = {}
    for name in ("text", "html"):
        if dice.random() < 0.6:
            given[name] = random_text(dice, 80)
            body.append((f"text/{name.replace('text', 'plain')}", None, given[name].encode()))
    files: list[tuple[str, str | None, bytes]] = []
    attachments = []
    for _ in range(dice.randrange(4)):
        nested = depth > 0 and dice.random() < 0.4
        inner: list[tuple[str, str | None, bytes]] = []
        if nested:
            content, inner = random_message(dice, depth - 1)
        else:
            content = dice.randbytes(dice.randrange(300)) if dice.random() < 0.7 else random_text(dice, 60).encode()
        kind = "message/rfc822" if nested else "application/octet-stream"
        name = random_name(dice)
        attachments.append(popmail.Attachment(content, name, kind))
        files += [(kind, name, content), *inner]
    if not body and not files:
        body.append(("text/plain", None, b""))
    subject = random_text(dice, 20).replace("\r\n", " ")
    raw = compose(subject=subject, attachments=attachments, **given)
    assert popmail.parse(raw).subject == subject
    return raw, body + files


@pytest.mark.parametrize("seed", range(60))
def test_every_leaf_of_a_random_tree_comes_back(seed: int) -> None:
    raw, expected = random_message(random.Random(seed), 2)
    message = popmail.parse(raw)
    found = [(part.content_type, part.filename, part.content) for part in message.parts if not part.is_multipart]
    assert found == expected
    # Some of the names should not be used as they are.
    assert {defect.code for defect in message.defects} <= {"unsafe-file-name"}
    read_by_email = list(leaves(standard(raw)))
    # `email` writes nested messages again in its own way: their leaves are compared, not their bytes.
    assert [one for one in read_by_email if one[0] != "message/rfc822"] == [
        one for one in expected if one[0] != "message/rfc822"
    ]
