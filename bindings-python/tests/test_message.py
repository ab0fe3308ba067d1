"""Messages and parts: the vectors that every language is held to, misuse, threads and saving."""

from __future__ import annotations

import base64
import hashlib
import json
import mmap
import pickle
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import popmail
from popmail import message as message_module
from popmail._native import Address, Defect, numbered_filename, safe_filename

ROOT = Path(__file__).resolve().parents[2]
VECTORS = sorted((ROOT / "tests/vectors/mime").glob("*.json"))
COMPLETE = ROOT / "examples/mail/04-complete.eml"
SMALL = b"From: Ann <ann@example.com>\r\nSubject: Hi\r\n\r\nAt nine?\r\n"


def vector_input(vector: dict[str, Any]) -> bytes:
    given = vector["input"]
    return (ROOT / given["file"]).read_bytes() if "file" in given else base64.b64decode(given["base64"])


def attachment(name: str) -> popmail.Part:
    """An attachment with a file name of a stranger's choice."""
    disposition = f"attachment; filename*=utf-8''{''.join(f'%{byte:02X}' for byte in name.encode())}"
    raw = f"Content-Type: application/pdf\r\nContent-Disposition: {disposition}\r\n\r\nhello"
    return popmail.parse(raw.encode()).attachments[0]


def other_reading(view: popmail.View) -> dict[str, Any]:
    """What a filter and a person would see of a view."""
    other = view.message
    return {
        "code": view.code,
        "subject": other.subject,
        "tree": other.tree(),
        "text": other.text,
        "attachments": [part.safe_filename for part in other.attachments],
        "json_sha256": hashlib.sha256(other.to_json().encode()).hexdigest(),
    }


def test_there_are_vectors() -> None:
    assert len(VECTORS) >= 60


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_vector(path: Path) -> None:
    vector = json.loads(path.read_text(encoding="utf-8"))
    expect = vector["expect"]
    raw = vector_input(vector)
    message = popmail.parse(raw)
    assert message.to_dict() == expect["email"]
    assert hashlib.sha256(message.to_json().encode()).hexdigest() == expect["json_sha256"]
    if "details" in expect:
        assert json.loads(message.details_json()) == expect["details"]
    for name in ("text", "unwrapped_text", "own_text", "markdown"):
        if name in expect:
            assert getattr(message, name) == expect[name]
    assert message.tree() == expect["tree"]
    assert [defect.code for defect in message.defects] == expect["defects"]
    found = [
        {
            "filename": part.filename,
            "safe_filename": part.safe_filename,
            "content_type": part.content_type,
            "size": part.size,
            "sha256": hashlib.sha256(part.content).hexdigest(),
        }
        for part in message.attachments
    ]
    assert found == expect["attachments"]
    assert message.raw is raw
    assert [other_reading(view) for view in message.views()] == expect.get("views", [])
    email = expect["email"]
    assert message.subject == email["subject"]
    assert [(one.name, one.address) for one in message.from_] == [
        (one["name"], one["email"]) for one in email["from"] or []
    ]
    assert message.message_id == (email["messageId"] or [None])[0]
    assert message.references == (email["references"] or [])
    assert message.preview == email["preview"]
    sent_at = email["sentAt"]
    assert (message.date.isoformat() if message.date else None) == (sent_at and sent_at.replace("Z", "+00:00"))


def test_complete_message_reads_as_people_expect() -> None:
    message = popmail.parse(COMPLETE.read_bytes())
    assert message.subject == "Pläne für das Café and the schedule"
    assert message.from_ == [Address("Zoë Harbour", "zoe@example.com")]
    assert message.sender == Address(None, "office@example.com")
    assert [str(one) for one in message.cc] == ["Ada Park <ada@example.com>", "Mara Lind <mara@example.net>"]
    assert message.date is not None
    assert message.date.utcoffset() == timedelta(hours=-4, minutes=-30)
    assert message.in_reply_to == ["plans.2@example.org"]
    assert message.text == "Hello Ben,\r\n\r\nthe plans are attached. Yours — Zoë"
    assert [part.filename for part in message.attachments] == ["Pläne für das Café.pdf", "schedule.csv"]
    assert [part.content_id for part in message.inline] == ["logo.1@example.com"]
    assert message.part_by_content_id("cid:logo.1@example.com") == message.inline[0]
    assert message.part_by_content_id("nobody") is None
    assert message.html is not None
    shown = message.html_with_inline()
    assert shown is not None
    assert 'src="data:image/png;base64,' in shown
    assert [part.index for part in message.parts] == list(range(8))
    assert message.root == message.parts[0]
    assert [part.content_type for part in message.root.children] == [
        "multipart/related",
        "application/pdf",
        "text/csv",
    ]
    assert message.attachments[0].content.startswith(b"%PDF")
    assert message.attachments[1].text == "day,what\r\n2026-07-06,walls\r\n2026-07-13,floor\r\n"
    assert message.attachments[1].parameter("Header") == "present"


def test_the_standard_library_reads_the_same() -> None:
    message = popmail.parse(COMPLETE.read_bytes())
    email = message.as_email()
    assert str(email["subject"]) == message.subject
    contents = [part.get_payload(decode=True) for part in email.iter_attachments()]
    assert [part.content for part in message.attachments] == contents[-2:]


def test_nested_message_has_the_same_face() -> None:
    message = popmail.parse((ROOT / "examples/mail/08-forwarded.eml").read_bytes())
    inner = message.attachments[0].message
    assert inner is not None
    assert inner.subject == "Keys to the studio"
    assert [part.filename for part in inner.attachments] == ["plan.png"]
    assert inner.raw == message.attachments[0].content
    assert inner == popmail.parse(inner.raw)
    assert [part.index for part in inner.parts] == [3, 4, 5]
    assert inner.to_dict()["subject"] == "Keys to the studio"


def test_content_and_text_are_decoded_once() -> None:
    message = popmail.parse(COMPLETE.read_bytes())
    assert message.attachments[0].content is message.attachments[0].content
    assert message.text is message.text
    assert message.html is message.html


def test_headers_keep_order_and_duplicates() -> None:
    message = popmail.parse(b"X-A: 1\r\nto: g: a@x.org, B <b@x.org>;, c@x.org\r\nx-a: =?utf-8?q?=C3=A9?=\r\n\r\n")
    headers = message.headers
    assert headers["X-a"] == "1"
    assert headers.get_all("x-A") == ["1", "é"]
    assert headers.items() == [("X-A", "1"), ("to", "g: a@x.org, B <b@x.org>;, c@x.org"), ("x-a", "é")]
    assert headers.raw_items()[2] == ("x-a", b" =?utf-8?q?=C3=A9?=")
    assert list(headers) == headers.keys() == ["X-A", "to", "x-a"]
    assert len(headers) == 3
    assert "TO" in headers
    assert "Cc" not in headers
    assert 1 not in headers
    assert headers.get("Cc") is None
    assert headers.get("Cc", "none") == "none"
    with pytest.raises(KeyError, match="Cc"):
        headers["Cc"]
    assert headers.address_groups("To") == [
        ("g", [Address(None, "a@x.org", "g"), Address("B", "b@x.org", "g")]),
        (None, [Address(None, "c@x.org")]),
    ]
    assert [one.group for one in message.to] == ["g", "g", None]
    assert headers == popmail.parse(message.raw).headers


def test_every_kind_of_buffer_is_read(tmp_path: Path) -> None:
    file = tmp_path / "mail.eml"
    file.write_bytes(SMALL)
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        given = [SMALL, bytearray(SMALL), memoryview(SMALL), memoryview(b"-".join([SMALL] * 2))[: len(SMALL)], mapped]
        messages = [popmail.parse(raw) for raw in given]
    assert {message.subject for message in messages} == {"Hi"}
    assert all(message.raw == SMALL for message in messages)


def test_a_bytearray_may_change_afterwards() -> None:
    raw = bytearray(SMALL)
    message = popmail.parse(raw)
    raw[:] = b""
    assert message.subject == "Hi"


@pytest.mark.parametrize("raw", ["text", None, 7, [SMALL], memoryview(b"12345678").cast("i")])
def test_what_is_no_buffer_of_octets_is_refused(raw: Any) -> None:
    with pytest.raises(TypeError, match=r"bytes, bytearray, memoryview or mmap of octets, not \w+"):
        popmail.parse(raw)


def test_messages_compare_print_and_pickle() -> None:
    message = popmail.parse(SMALL)
    again = pickle.loads(pickle.dumps(message))
    assert again == message
    assert hash(again) == hash(message)
    assert again != popmail.parse(b"")
    assert message != SMALL
    assert repr(message) == f"<Message subject='Hi' from='ann@example.com' octets={len(SMALL)}>"
    assert repr(popmail.parse(b"")) == "<Message subject=None from=None octets=0>"
    assert repr(message.root) == "<Part index=0 content_type='text/plain' filename=None size=10>"
    assert message.root == again.root
    assert hash(message.root) == hash(again.root)
    assert repr(message.headers).startswith("Headers([('From', 'Ann <ann@example.com>')")


def test_addresses_and_defects_are_plain_values() -> None:
    address = Address("Ann", "ann@example.com", "team")
    assert pickle.loads(pickle.dumps(address)) == address
    assert repr(address) == "Address('Ann', 'ann@example.com', group='team')"
    match address:
        case Address(name, mail):
            assert (name, mail) == ("Ann", "ann@example.com")
    with pytest.raises(AttributeError):
        address.name = "Eve"  # type: ignore[misc]
    raw = b"From: a@x.org\r\nFrom: b@x.org\r\n\r\n"
    (defect,) = popmail.parse(raw).defects
    assert defect == Defect("duplicate-header", "ambiguous", 0, (15, 30))
    assert raw[slice(*defect.range or ())] == b"From: b@x.org\r\n"
    assert str(defect) == "duplicate-header (ambiguous) in part 0, octets 15 to 30"
    assert pickle.loads(pickle.dumps(defect)) == defect
    assert len({defect, Defect("duplicate-header", "ambiguous", 0, (15, 30))}) == 1


def test_many_threads_read_one_message() -> None:
    message = popmail.parse(COMPLETE.read_bytes())
    start = threading.Barrier(8)
    seen: list[tuple[int, str | None, str]] = []

    def read() -> None:
        start.wait()
        for _ in range(50):
            seen.append((id(message.attachments[0].content), message.text, message.to_json()))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 400
    assert len(set(seen)) == 1


def test_saved_files_hold_the_content(tmp_path: Path) -> None:
    message = popmail.parse(COMPLETE.read_bytes())
    folder = tmp_path / "new" / "downloads"
    paths = [part.save(folder) for part in message.attachments]
    assert [path.name for path in paths] == ["Pläne für das Café.pdf", "schedule.csv"]
    assert [path.read_bytes() for path in paths] == [part.content for part in message.attachments]
    assert all(path.parent == folder for path in paths)


def test_saving_never_overwrites(tmp_path: Path) -> None:
    part = attachment("report.pdf")
    (tmp_path / "report.pdf").write_text("mine")
    assert [part.save(str(tmp_path)).name for _ in range(2)] == ["report (2).pdf", "report (3).pdf"]
    assert (tmp_path / "report.pdf").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("../../evil.pdf", "evil.pdf"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\evil.pdf", "evil.pdf"),
        ("..", "part-0.pdf"),
        ("", "part-0.pdf"),
        ("a\0b.pdf", "ab.pdf"),
        ("\u202efdp.exe", "fdp.exe"),
        ("CON", "_CON"),
        ("x" * 300 + ".pdf", "x" * 251 + ".pdf"),
    ],
)
def test_hostile_names_stay_in_the_folder(tmp_path: Path, name: str, saved: str) -> None:
    folder = tmp_path / "in" / "here"
    path = attachment(name).save(folder)
    assert path == folder / saved
    assert [found for found in tmp_path.rglob("*") if found.is_file()] == [path]


def test_symbolic_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.pdf"
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "report.pdf").symlink_to(outside)
    path = attachment("report.pdf").save(folder)
    assert path.name == "report (2).pdf"
    assert not outside.exists()


def test_a_folder_that_is_exchanged_meanwhile_changes_nothing(tmp_path: Path) -> None:
    folder, moved, outside = tmp_path / "folder", tmp_path / "moved", tmp_path / "outside"
    outside.mkdir()

    class Part:
        content = b"hello"

        @property
        def safe_filename(self) -> str:
            folder.rename(moved)
            folder.symlink_to(outside)
            return "report.pdf"

    message_module.save(Part(), folder)  # type: ignore[arg-type]
    assert (moved / "report.pdf").read_bytes() == b"hello"
    assert list(outside.iterdir()) == []


def test_a_failed_save_leaves_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(FileExistsError):
        attachment("report.pdf").save(blocked)
    assert [found.name for found in tmp_path.iterdir()] == ["file"]
    with pytest.raises(TypeError):
        attachment("report.pdf").save(7)  # type: ignore[arg-type]


def test_file_names_can_be_made_safe_on_their_own() -> None:
    assert safe_filename("../a?.txt", "text/plain", 1) == "a_.txt"
    assert safe_filename("", "image/png", 3) == "part-3.png"
    assert numbered_filename("photo.png", 2) == "photo (2).png"


@pytest.mark.parametrize("widest", ["~", "ÿ", "Ā", "\uffff", "\U0001f600"])
@pytest.mark.parametrize("length", [1, 127, 128, 129, 5000])
def test_texts_of_every_width_come_as_they_were_written(widest: str, length: int) -> None:
    for text in (
        widest * length,
        "x" * length + widest,
        f"{widest}{'plain words ' * (length // 12)}",
        f"ä {widest} " * length,
    ):
        raw = b"Content-Type: text/html; charset=utf-8\r\n\r\n" + text.encode()
        message = popmail.parse(raw)
        assert message.html == message.root.text == text
        assert message.html.isascii() == text.isascii()


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"], ids=["CRLF", "LF", "CR"])
def test_ranges_are_places_in_the_octets_that_came_in(end: str) -> None:
    lines = ["Content-Type: multipart/mixed; boundary=b", "", "--b", "words", "--b", "", "more", "--b--", ""]
    raw = end.join(lines).encode()
    message = popmail.parse(raw)
    ranges = [part.range for part in message.parts]
    assert all(ranges)
    assert [raw[slice(*range)] for range in ranges if range][1:] == [b"words", end.encode() + b"more"]
    assert ranges[0] == (0, len(raw))
    inner = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA0KDQp5\r\n"
    assert popmail.parse(inner).parts[1].range is None


LONG = {
    "unlabelled windows-1251": (b"\r\n", "Привет ".encode("cp1251"), "Привет "),
    "Latin-1": (b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\n", b"caf\xe9 au ", "café au "),
    "UTF-8": (b"\r\n", "añ€ 😀".encode(), "añ€ 😀"),
    "damaged UTF-8": (b"Content-Type: text/plain; charset=utf-8\r\n\r\n", "€€€".encode() + b"\xe2\x82", "€€€\ufffd"),
    "Shift_JIS without ASCII": (
        b"Content-Type: text/plain; charset=shift_jis\r\n\r\n",
        "日本日".encode("cp932"),
        "日本日",
    ),
    "IBM code page 437": (b"Content-Type: text/plain; charset=ibm437\r\n\r\n", b"\x84\x94\x81 \xe0\xe1", "äöü αß"),
}
"""Texts that are read in pieces, and what each piece says."""


@pytest.mark.parametrize("name", LONG)
def test_long_texts_are_those_that_they_are_as_a_whole(name: str) -> None:
    head, piece, text = LONG[name]
    message = popmail.parse(head + piece * 60_000)
    assert message.text == text * 60_000
    assert message.root.text == message.text


def test_long_texts_of_several_parts_are_joined() -> None:
    def part(kind: str, piece: bytes) -> bytes:
        return f"--b\r\nContent-Type: {kind}; charset=windows-1251\r\n\r\n".encode() + piece * 60_000 + b"\r\n"

    body = part("text/html", b"<b>\xcf</b>") + part("text/plain", b"\xe8 ")
    message = popmail.parse(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + body + b"--b--\r\n")
    assert message.text == "П" * 60_000 + "\n" + "и " * 60_000
    assert message.html == "<b>П</b>" * 60_000 + "\n<div>" + "и " * 60_000 + "</div>"


def test_a_sender_in_a_group_keeps_it() -> None:
    message = popmail.parse(b"Sender: none:;, office: Ann <ann@example.com>, ben@example.com;\r\n\r\n")
    assert message.sender == Address("Ann", "ann@example.com", "office")
