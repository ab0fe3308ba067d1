"""`popmail to-parquet`: what is in the file, what it takes in memory, and what an interrupted run leaves."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as parquet
import pytest

import popmail
from popmail import _parquet
from popmail.cli import run
from samples import plain_messages
from tables import row

if TYPE_CHECKING:
    from collections.abc import Sequence

SAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples/mail").glob("*.eml"))
LINE = b"From ann@example.com Mon May  4 09:30:00 2026\n"
MIB = 1 << 20


def mbox(path: Path, count: int) -> Path:
    """Write an mbox file of small messages."""
    block = [LINE + message.replace(b"\r\n", b"\n") + b"\n" for message in plain_messages(1000)]
    with path.open("wb") as file:
        for number in range(count):
            file.write(block[number % len(block)])
    return path


def to_parquet(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    status = run(["to-parquet", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert out == ""
    return status, err.strip()


def rows(file: Path) -> list[dict[str, Any]]:
    return parquet.read_table(file).to_pylist()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "mail"
    place.mkdir()
    for sample in SAMPLES:
        (place / sample.name).write_bytes(sample.read_bytes())
    return place


def expected(columns: Sequence[str]) -> list[dict[str, Any]]:
    whole = [row(popmail.parse(sample.read_bytes()), sample.name) for sample in SAMPLES]
    return [{name: one[name] for name in columns} for one in whole]


def test_a_folder_becomes_a_file(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mail.parquet"
    status, told = to_parquet(capsys, folder, "-o", file)
    assert status == 0
    assert told.startswith(f"{len(SAMPLES)} messages in {file}, ")
    assert rows(file) == expected(popmail.arrow.USUAL_COLUMNS)
    assert file.stat().st_mode & 0o777 == 0o666 & ~_parquet._umask()


def test_a_maildir_becomes_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place in ("tmp", "new", "cur"):
        (tmp_path / "box" / place).mkdir(parents=True)
    for number, sample in enumerate(SAMPLES):
        (tmp_path / "box" / "new" / f"{number}.M1.host").write_bytes(sample.read_bytes())
    assert to_parquet(capsys, tmp_path / "box", "-o", tmp_path / "file", "--columns", "uid, size")[0] == 0
    sizes = [sample.stat().st_size for sample in SAMPLES]
    assert rows(tmp_path / "file") == [{"uid": f"{n}.M1.host", "size": size} for n, size in enumerate(sizes)]


def test_an_empty_mailbox_becomes_an_empty_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "box").touch()
    assert to_parquet(capsys, tmp_path / "box", "-o", tmp_path / "file")[0] == 0
    table = parquet.read_table(tmp_path / "file")
    assert table.num_rows == 0
    assert tuple(table.schema.names) == popmail.arrow.USUAL_COLUMNS


@pytest.mark.parametrize("compression", _parquet.COMPRESSIONS)
def test_options_are_those_of_the_file(
    folder: Path, tmp_path: Path, compression: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mail.parquet"
    columns = popmail.arrow.COLUMNS
    options = ["--compression", compression, "--row-group-size", "5", "--columns", ",".join(columns), "--threads", "2"]
    assert to_parquet(capsys, folder, "-o", file, *options)[0] == 0
    assert rows(file) == expected(columns)
    about = parquet.ParquetFile(file).metadata
    assert [about.row_group(group).num_rows for group in range(about.num_row_groups)] == [5, 5, 3]
    packed = {about.row_group(0).column(leaf).compression for leaf in range(about.num_columns)}
    assert packed == {"UNCOMPRESSED" if compression == "none" else compression.upper()}


def test_any_number_of_threads_gives_the_same_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box = mbox(tmp_path / "box", 20_000)
    files = []
    for threads in (1, 4):
        files.append(tmp_path / f"{threads}.parquet")
        assert to_parquet(capsys, box, "-o", files[-1], "--threads", threads)[0] == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    assert parquet.read_metadata(files[0]).num_rows == 20_000


def test_what_cannot_be_is_told_in_one_line(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    for arguments, expected in (
        ((folder, "-o", file, "--columns", "subject,sbject"), 'no column "sbject": expected some of uid, size, '),
        ((tmp_path / "absent", "-o", file), f"{tmp_path}/absent: No such file or directory"),
        ((SAMPLES[0], "-o", file), "expected an mbox file"),
        ((folder, "-o", tmp_path), "expected the name of a file, this is a folder"),
        ((folder, "-o", tmp_path / "absent" / "file"), "No such file or directory"),
    ):
        status, told = to_parquet(capsys, *arguments)
        assert status == 1
        assert expected in told
        assert told.startswith("popmail: ")
        assert "\n" not in told
    assert sorted(tmp_path.iterdir()) == [folder]


def test_the_extra_is_named_when_it_is_missing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    status, told = to_parquet(capsys, folder, "-o", tmp_path / "file")
    assert status == 1
    assert told.startswith("popmail: Parquet needs pyarrow")
    assert told.endswith("pip install 'popmail[parquet]'")
    assert sorted(tmp_path.iterdir()) == [folder]


def test_a_run_that_fails_leaves_what_was_there(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "mail.parquet"
    file.write_bytes(b"what was there")

    def fail(reader: popmail.arrow.BatchReader) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _parquet.write(popmail.arrow.read(folder), file, progress=fail)
    assert file.read_bytes() == b"what was there"
    assert sorted(tmp_path.iterdir()) == [folder, file]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_stopped_leaves_no_half_file(tmp_path: Path, how: signal.Signals) -> None:
    box, file = mbox(tmp_path / "box", 60_000), tmp_path / "mail.parquet"
    command = [sys.executable, "-m", "popmail", "to-parquet", box, "-o", file, "--compression", "gzip"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        while not any(path.stat().st_size for path in tmp_path.glob(".*.part")):
            assert process.poll() is None, "it was done before it could be stopped"
            time.sleep(0.002)
        process.send_signal(how)
        _, told = process.communicate(timeout=60)
    finally:
        process.kill()
    assert not file.exists()
    if how is signal.SIGINT:
        assert process.returncode == 130
        assert told.strip() == b"popmail: interrupted"
        assert list(tmp_path.iterdir()) == [box]


MEASURE = """
import sys
from popmail.cli import run
status = run(["to-parquet", sys.argv[1], "-o", sys.argv[2], "--threads", "2"])
with open("/proc/self/status") as lines:
    print(next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")))
sys.exit(status)
"""


def test_memory_does_not_grow_with_the_mailbox(tmp_path: Path) -> None:
    peaks, sizes = [], []
    # The smaller one fills a row group already, and has two batches for each thread.
    for count in (30_000, 150_000):
        box, file = mbox(tmp_path / "box", count), tmp_path / "file"
        command = [sys.executable, "-c", MEASURE, box, file]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout))
        sizes.append(box.stat().st_size)
        assert parquet.read_metadata(file).num_rows == count
    # What the allocator keeps differs from run to run by some tens of MiB.
    assert sizes[1] - sizes[0] > 300 * MIB
    assert peaks[1] - peaks[0] < 100 * MIB, f"peaks in MiB: {[peak // MIB for peak in peaks]}"
