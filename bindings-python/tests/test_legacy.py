"""Files inside bodies: the vectors that every language is held to, saving, and messages in pieces."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import popmail

VECTORS = sorted((Path(__file__).resolve().parents[2] / "tests/vectors/legacy").glob("*.json"))


def described(file: popmail.EmbeddedFile) -> dict[str, Any]:
    return {
        "format": file.format,
        "name": file.name,
        "content_type": file.content_type,
        "content_id": file.content_id,
        "size": len(file.content),
        "sha256": hashlib.sha256(file.content).hexdigest(),
        "defects": file.defects,
        "part": file.part,
    }


def test_there_are_vectors() -> None:
    assert len(VECTORS) >= 14


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_vector(path: Path) -> None:
    vector = json.loads(path.read_text("utf-8"))
    expect = vector["expect"]
    message = popmail.parse(base64.b64decode(vector["input"]["base64"]))
    assert [described(file) for file in message.embedded_files()] == expect["files"]
    opened = [tnef for part in message.parts if (tnef := part.tnef()) is not None]
    assert len(opened) == ("tnef" in expect)
    for tnef in opened:
        told = expect["tnef"]
        assert (tnef.subject, tnef.message_class) == (told["subject"], told["message_class"])
        assert (tnef.text, tnef.html, tnef.defects) == (told["text"], told["html"], told["defects"])
        assert [described(file)["sha256"] for file in tnef.files] == [file["sha256"] for file in expect["files"]]
        for name, expected in told["attributes"].items():
            value = tnef.attributes[name]
            assert (value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value) == expected


def test_files_are_saved_under_safe_names(tmp_path: Path) -> None:
    text = b"begin 644 ../../etc/passwd\r\n#86)C\r\n`\r\nend\r\n"
    message = popmail.parse(b"Subject: x\r\n\r\n" + text)
    (file,) = message.root.embedded_files()
    assert file.safe_filename == "passwd"
    assert file.save(tmp_path) == tmp_path / "passwd"
    assert (tmp_path / "passwd").read_bytes() == b"abc"
    assert file.save(tmp_path).name == "passwd (2)"
    assert (
        repr(file)
        == '<EmbeddedFile format="uuencode" name=\'../../etc/passwd\' content_type="application/octet-stream" size=3>'
    )


def test_tnef_is_read_alone() -> None:
    vector = json.loads((VECTORS[0].parent / "winmail-dat.json").read_text("utf-8"))
    message = popmail.parse(base64.b64decode(vector["input"]["base64"]))
    (part,) = message.attachments
    tnef = popmail.read_tnef(part.content)
    assert tnef is not None
    assert tnef.attributes["ClientSubmitTime"] == datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
    inner = popmail.read_tnef(tnef.files[2].content)
    assert inner is not None
    assert inner.subject == "Forwarded"
    assert popmail.read_tnef(b"no stream") is None
    assert message.root.tnef() is None


def piece(number: int, total: str, body: str, name: str = "a@x") -> bytes:
    content_type = f'message/partial; id="{name}"; number={number}{total}'
    head = f"From: ann@example.com\r\nSubject: part {number}\r\nContent-Type: {content_type}"
    return f"{head}\r\n\r\n{body}".encode()


def test_pieces_become_the_message_that_was_sent() -> None:
    inner = "Subject: whole\r\nContent-Type: text/plain; charset=utf-8\r\n\r\none\r\n"
    pieces = [piece(3, "; total=3", "three\r\n"), piece(1, "", inner), piece(2, "", "two\r\n")]
    whole = popmail.parse(popmail.join_partial([popmail.parse(pieces[0]), *pieces[1:]]))
    assert (whole.subject, whole.text) == ("whole", "one\r\ntwo\r\nthree\r\n")
    assert whole.from_[0].address == "ann@example.com"
    for given, expected in (
        (pieces[:2], "2 missing"),
        ([*pieces[:2], piece(2, "", "", "b@x")], "several ids"),
        (pieces[1:], "last piece"),
        ([], "message/partial"),
        ([b"Subject: x\r\n\r\n"], "message/partial"),
    ):
        with pytest.raises(ValueError, match=expected):
            popmail.join_partial(given)
