"""`popmail.arrow`: every cell is what the message says, whatever comes in, and however many threads work."""

from __future__ import annotations

import json
import mmap
import random
import re
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars
import pyarrow as pa
import pytest
from hostile import CLASSES, hostile
from test_message import vector_input

import popmail
from samples import awkward_messages, plain_messages
from tables import row

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = [path.read_bytes() for path in sorted((ROOT / "examples/mail").glob("*.eml"))]
VECTORS = [
    vector_input(json.loads(path.read_text("utf-8"))) for path in sorted((ROOT / "tests/vectors/mime").glob("*.json"))
]
LINE = b"From ann@example.com Mon May  4 09:30:00 2026\n"


def noise(count: int) -> list[bytes]:
    """Messages of octets at random, and of pieces of mail at random."""
    dice = random.Random(7)
    pieces = [
        b"From: ",
        b"To: a@b.c",
        b"\r\n",
        b"\n\n",
        b"--b",
        b"Content-Type: multipart/mixed; boundary=b",
        b"\xff",
        b"=",
    ]
    return [dice.randbytes(dice.randrange(300)) for _ in range(count)] + [
        b"".join(dice.choice(pieces) for _ in range(dice.randrange(60))) for _ in range(count)
    ]


MIXED = [*SAMPLES, *VECTORS, *awkward_messages(), *noise(100), b"", b"\n"]


def rows(batch: popmail.arrow.Batch) -> list[dict[str, Any]]:
    made = pa.record_batch(batch)
    made.validate(full=True)
    return made.to_pylist()


def test_every_cell_is_what_the_message_says() -> None:
    found = rows(popmail.arrow.parse(MIXED, popmail.arrow.COLUMNS))
    for raw, got in zip(MIXED, found, strict=True):
        assert got == row(popmail.parse(raw)), raw[:200]


@pytest.mark.parametrize("name", CLASSES)
def test_hostile_input_is_a_row(name: str) -> None:
    raw = hostile(name, 20_000)
    [got] = rows(popmail.arrow.parse([raw], popmail.arrow.COLUMNS))
    assert got == row(popmail.parse(raw))


@pytest.mark.parametrize("threads", [2, 3, 16, None])
def test_any_number_of_threads_gives_the_same_table(threads: int | None) -> None:
    messages = [*MIXED, *plain_messages(500)]
    one = pa.record_batch(popmail.arrow.parse(messages, popmail.arrow.COLUMNS, threads=1))
    assert pa.record_batch(popmail.arrow.parse(messages, popmail.arrow.COLUMNS, threads=threads)).equals(one)
    for size in (1, 97, 100_000):
        reader = popmail.arrow.read(messages, popmail.arrow.COLUMNS, threads=threads, batch_size=size)
        assert pa.table(reader).combine_chunks().equals(pa.Table.from_batches([one]).combine_chunks())


def test_polars_reads_the_same() -> None:
    frame = polars.DataFrame(popmail.arrow.parse(MIXED, popmail.arrow.COLUMNS))
    assert frame.to_dicts() == rows(popmail.arrow.parse(MIXED, popmail.arrow.COLUMNS))
    batches = popmail.arrow.read(MIXED, popmail.arrow.COLUMNS, batch_size=50)
    assert polars.DataFrame(batches).equals(frame)


def test_the_columns_are_those_that_were_asked_for() -> None:
    batch = popmail.arrow.parse(SAMPLES, columns=["text", "subject"])
    assert batch.column_names == ["text", "subject"]
    assert repr(batch) == f"<Batch rows={len(SAMPLES)} columns=2>"
    assert rows(batch) == [{"text": m.text, "subject": m.subject} for m in map(popmail.parse, SAMPLES)]
    usual = popmail.arrow.parse(SAMPLES)
    assert tuple(usual.column_names) == popmail.arrow.USUAL_COLUMNS
    assert set(popmail.arrow.COLUMNS) - set(usual.column_names) == {
        "preview",
        "attachment_contents",
        "attachment_sha256",
        "json",
        "raw",
    }


def test_every_column_is_in_the_documentation() -> None:
    text = (ROOT / "docs" / "tables.md").read_text("utf-8")
    lines = [line for line in text.partition("## Columns")[2].partition("##")[0].splitlines() if line.startswith("| `")]
    named = [name for line in lines for name in re.findall(r"`(\w+)`", line.split("|")[1])]
    assert sorted(named) == sorted(popmail.arrow.COLUMNS)
    schema = pa.schema(popmail.arrow.parse([], popmail.arrow.COLUMNS))
    for line in lines:
        names, kind = (cell.strip() for cell in line.split("|")[1:3])
        for name in re.findall(r"`(\w+)`", names):
            assert told(schema.field(name).type) == kind


def told(kind: Any) -> str:
    """A type as the table of the documentation writes it."""
    if pa.types.is_list(kind):
        return f"list of {told(kind.value_type)}"
    if pa.types.is_struct(kind):
        return "{" + ", ".join(field.name for field in kind) + "}"
    return str(kind).replace("tz=", "")


def test_types_are_those_that_the_module_tells() -> None:
    schema = pa.schema(popmail.arrow.parse([], popmail.arrow.COLUMNS))
    assert schema.names == list(popmail.arrow.COLUMNS)
    assert schema.field("date").type == pa.timestamp("us", tz="UTC")
    assert schema.field("date_offset").type == pa.int16()
    assert schema.field("size").type == pa.int64()
    assert schema.field("raw").type == pa.large_binary()
    assert schema.field("text").type == pa.large_string()
    for name in ("from", "to", "cc", "bcc", "reply_to"):
        assert [field.name for field in schema.field(name).type.value_type] == ["name", "address", "group"]
    assert [field.name for field in schema.field("sender").type] == ["name", "address"]


@pytest.mark.parametrize("call", [popmail.arrow.parse, popmail.arrow.read])
def test_wrong_arguments_say_what_is_right(call: Any) -> None:
    with pytest.raises(ValueError, match=r'no column "sbject": expected some of uid, size, subject, from, .*, raw'):
        call(SAMPLES, ["sbject"])
    with pytest.raises(ValueError, match='column "to" twice'):
        call(SAMPLES, ["to", "to"])
    with pytest.raises(ValueError, match="at least one column"):
        call(SAMPLES, [])
    with pytest.raises(TypeError, match="columns are a list of names, got the text 'subject'"):
        call(SAMPLES, "subject")
    with pytest.raises(ValueError, match="threads must be at least 1, got 0"):
        call(SAMPLES, threads=0)
    with pytest.raises(TypeError):
        call(1)
    with pytest.raises(TypeError, match=r"expected messages as octets .* got str"):
        list(call(["a text"]))
    with pytest.raises(TypeError, match="an Arrow array of binary, with a message in each cell, got Int64"):
        call(pa.array([1]))
    with pytest.raises(ValueError, match="batch_size must be at least 1 message, got 0"):
        popmail.arrow.read(SAMPLES, batch_size=0)


def test_messages_come_in_many_shapes(tmp_path: Path) -> None:
    raw = SAMPLES[3]
    (tmp_path / "mail").write_bytes(raw)
    with (tmp_path / "mail").open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        shapes = [raw, bytearray(raw), memoryview(raw), memoryview(b"x" + raw)[1:], mapped, popmail.parse(raw)]
        found = rows(popmail.arrow.parse(shapes))
        assert found == [row_of_usual(raw)] * len(shapes)
        assert rows(popmail.arrow.parse(iter(shapes))) == found
        assert [cell for batch in popmail.arrow.read(iter(shapes)) for cell in rows(batch)] == found


def row_of_usual(raw: bytes, uid: str | None = None) -> dict[str, Any]:
    whole = row(popmail.parse(raw), uid)
    return {name: whole[name] for name in popmail.arrow.USUAL_COLUMNS}


def test_what_may_change_is_copied() -> None:
    changing = bytearray(b"Subject: before\r\n\r\n")
    reader = popmail.arrow.read(iter([changing, b"Subject: other\r\n\r\n"]), ["subject"], batch_size=1, threads=2)
    batch = popmail.arrow.parse([changing], ["subject"])
    changing[9:15] = b"after!"
    assert rows(batch) == [{"subject": "before"}]
    assert [cell["subject"] for batch in reader for cell in rows(batch)] == ["after!", "other"]


def test_a_mailbox_gives_its_uids() -> None:
    with (
        popmail.Server(
            {"me": popmail.Account("x", popmail.MemoryMaildrop(SAMPLES[:3]))}, allow_cleartext=True
        ) as server,
        popmail.Pop3("127.0.0.1", server.port, user="me", password="x", tls="none", allow_cleartext=True) as box,
    ):
        uids = [uid for _, uid in box.uidl()]
        found = rows(popmail.arrow.parse(box, ["uid", "raw"]))
    assert found == [{"uid": uid, "raw": raw} for uid, raw in zip(uids, SAMPLES, strict=False)]


@pytest.mark.parametrize(
    "array",
    [
        pa.array(MIXED, pa.binary()),
        pa.array(MIXED, pa.large_binary()),
        pa.array(MIXED, pa.binary_view()),
        pa.chunked_array([MIXED[:50], [], MIXED[50:]], pa.binary()),
        pa.array([b"before", *MIXED], pa.binary())[1:],
    ],
    ids=["binary", "large_binary", "binary_view", "chunked", "sliced"],
)
def test_an_arrow_array_is_messages(array: Any) -> None:
    expected = pa.record_batch(popmail.arrow.parse(MIXED))
    assert pa.record_batch(popmail.arrow.parse(array)).equals(expected)
    batches = popmail.arrow.read(array, batch_size=60, threads=2)
    assert pa.table(batches).combine_chunks().to_batches()[0].equals(expected)


def test_a_null_is_a_row_that_says_so() -> None:
    [first, second] = rows(popmail.arrow.parse(pa.array([None, SAMPLES[0]], pa.binary()), popmail.arrow.COLUMNS))
    assert first.pop("error") == "there is no message: the cell is null"
    assert set(first.values()) == {None}
    assert second == row(popmail.parse(SAMPLES[0]))


def mbox(path: Path, messages: list[bytes]) -> Path:
    path.write_bytes(b"".join(LINE + message + b"\n" for message in messages))
    return path


def test_an_mbox_file_is_read_in_batches(tmp_path: Path) -> None:
    messages = [b"Subject: %d\n\n>From x\n%s\n" % (number, b"x" * (number % 5)) for number in range(1000)]
    path = mbox(tmp_path / "box", messages)
    expected = [row_of_usual(message.raw) for message in popmail.read_mbox(path)]
    content = path.read_bytes()
    for threads in (1, 3):
        for source in (path, str(path), popmail.read_mbox(path), popmail.read_mbox(path)[:]):
            reader = popmail.arrow.read(source, batch_size=64, threads=threads)
            batches = [rows(batch) for batch in reader]
            assert [len(batch) for batch in batches] == [64] * 15 + [40]
            found = [cells for batch in batches for cells in batch]
            uids = [cells.pop("uid") for cells in found]
            assert [cells | {"uid": None} for cells in found] == expected
            if not isinstance(source, list):
                assert all(content.startswith(LINE, int(uid)) for uid in uids)
                assert len(set(uids)) == len(uids)
                assert (reader.total_octets, reader.total_messages) == (len(content), None)
            assert reader.messages == 1000
            assert reader.octets == sum(cells["size"] for cells in expected)
    assert popmail.read_mbox(path, "mboxo")[0].text == "From x\n\n"
    [first, *_] = popmail.arrow.read(path, ["text"], format="mboxcl2")
    assert rows(first)[0] == {"text": ">From x\n\n"}


def test_batches_end_at_their_octets(tmp_path: Path) -> None:
    path = mbox(tmp_path / "box", [b"Subject: large\n\n" + b"x" * (3 << 20) + b"\n"] * 8)
    assert [len(batch) for batch in popmail.arrow.read(path, ["size"])] == [3, 3, 2]


def test_a_maildir_is_read_wherever_its_files_are(tmp_path: Path) -> None:
    for place in ("tmp", "new", "cur"):
        (tmp_path / place).mkdir()
    for number, raw in enumerate(SAMPLES):
        name = f"cur/{100 + number}.M1.host:2,S" if number % 2 else f"new/{100 + number}.M1.host"
        (tmp_path / name).write_bytes(raw)
    expected = [row_of_usual(raw, f"{100 + number}.M1.host") for number, raw in enumerate(SAMPLES)]
    for source in (tmp_path, popmail.read_maildir(tmp_path)):
        reader = popmail.arrow.read(source, batch_size=5)
        assert reader.total_messages == len(SAMPLES)
        (tmp_path / "new/100.M1.host").rename(tmp_path / "cur/100.M1.host:2,RS")
        assert [cells for batch in reader for cells in rows(batch)] == expected
        (tmp_path / "cur/100.M1.host:2,RS").rename(tmp_path / "new/100.M1.host")
    reader = popmail.arrow.read(tmp_path)
    (tmp_path / "new/100.M1.host").unlink()
    found = [cells for batch in reader for cells in rows(batch)]
    assert found[1:] == expected[1:]
    assert found[0].pop("uid") == "100.M1.host"
    assert "No such file" in found[0].pop("error")
    assert set(found[0].values()) == {None}


def test_a_folder_is_read_with_the_folders_in_it(tmp_path: Path) -> None:
    (tmp_path / "b" / "c").mkdir(parents=True)
    for name in ("a.eml", "b/1.eml", "b/c/ü.eml", "b/notes.txt"):
        (tmp_path / name).write_bytes(SAMPLES[0])
    reader = popmail.arrow.read(tmp_path, ["uid", "size"])
    found = [cells for batch in reader for cells in rows(batch)]
    assert found == [{"uid": uid, "size": len(SAMPLES[0])} for uid in ("a.eml", "b/1.eml", "b/c/ü.eml")]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="expected cur and new in it"):
        popmail.arrow.read(tmp_path / "empty")
    with pytest.raises(ValueError, match="expected an mbox file"):
        popmail.arrow.read(tmp_path / "a.eml")
    with pytest.raises(FileNotFoundError):
        popmail.arrow.read(tmp_path / "absent")


@pytest.mark.parametrize("threads", [1, 4])
def test_an_exception_of_the_source_comes_after_what_it_gave(threads: int) -> None:
    def failing() -> Iterator[bytes]:
        yield from SAMPLES[:4]
        raise ZeroDivisionError("a reason")

    reader = popmail.arrow.read(failing(), ["size"], batch_size=2, threads=threads)
    assert len(next(reader)) == 2
    assert len(next(reader)) == 2
    with pytest.raises(ZeroDivisionError, match="a reason"):
        next(reader)
    assert list(reader) == []
    with pytest.raises(Exception, match="a reason"):
        pa.table(popmail.arrow.read(failing(), ["size"], batch_size=2, threads=threads))


def test_batches_are_handed_over_once() -> None:
    reader = popmail.arrow.read(SAMPLES, ["size"], batch_size=4)
    first = next(reader)
    table = pa.table(reader)
    assert len(first) + table.num_rows == len(SAMPLES)
    with pytest.raises(RuntimeError, match="handed over already"):
        pa.table(reader)
    with pytest.raises(RuntimeError, match="handed over already"):
        next(reader)
    assert pa.schema(reader).names == reader.column_names == ["size"]


def test_a_reader_that_is_dropped_ends_its_threads() -> None:
    before = threads_of_this_process()
    for _ in range(20):
        reader = popmail.arrow.read(plain_messages(300), batch_size=8, threads=4)
        next(reader)
        del reader
    for _ in range(200):
        if threads_of_this_process() <= before:
            return
        threading.Event().wait(0.05)
    pytest.fail(f"{threads_of_this_process()} threads, before {before}")


def threads_of_this_process() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def test_a_table_outlives_what_it_was_made_of() -> None:
    messages = [bytes(raw) for raw in SAMPLES]
    made = pa.record_batch(popmail.arrow.parse(messages, ["raw", "text"]))
    expected = [{"raw": raw, "text": popmail.parse(raw).text} for raw in SAMPLES]
    del messages
    assert made.to_pylist() == expected


def test_python_runs_while_messages_are_parsed() -> None:
    messages = plain_messages(100) * 100
    interval = sys.getswitchinterval()
    # No thread gives up Python's lock by itself before that: who runs meanwhile was let in.
    sys.setswitchinterval(100)
    try:
        for _ in range(20):
            started, ended = threading.Event(), threading.Event()

            def work(started: threading.Event = started, ended: threading.Event = ended) -> None:
                started.set()
                popmail.arrow.parse(messages, threads=1)
                ended.set()

            thread = threading.Thread(target=work)
            thread.start()
            started.wait()
            ran_meanwhile = not ended.is_set()
            thread.join()
            if ran_meanwhile:
                return
    finally:
        sys.setswitchinterval(interval)
    pytest.fail("no other thread ran in 20 tries")
