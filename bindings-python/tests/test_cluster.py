"""The examples for Ray and Spark, as their users start them, on this machine: the same rows as in one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.parse
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from test_message import vector_input

import popmail
from samples import plain_messages

if TYPE_CHECKING:
    from conftest import Certificates

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
MAIL = [
    *(path.read_bytes() for path in sorted((EXAMPLES / "mail").glob("*.eml"))),
    *(
        vector_input(json.loads(path.read_text("utf-8")))
        for path in sorted((ROOT / "tests/vectors/mime").glob("*.json"))
    ),
    *plain_messages(300),
]

pytestmark = pytest.mark.timeout(300)


def start(script: str, *arguments: object, cwd: Path) -> str:
    """Run an example and return what it prints; it reaches nothing beyond this machine."""
    environment = os.environ | {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_TMPDIR": "/tmp",  # the names of its sockets must be short
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_HOSTNAME": "localhost",  # else it looks for the name of the machine
    }
    command = [sys.executable, str(EXAMPLES / script), *map(str, arguments)]
    for _ in range(3):
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
        # Ray gives itself half a minute to start, which a busy machine may exceed.
        if done.returncode == 0 or "timed out during startup" not in done.stderr:
            break
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of mail, and a file that is none."""
    place = tmp_path / "mail"
    place.mkdir()
    for number, raw in enumerate(MAIL):
        (place / f"{number:04}.eml").write_bytes(raw)
    (place / "notes.txt").write_text("no mail")
    return place


def by_name(table: pa.Table) -> list[dict[str, Any]]:
    """Return the rows in the order of the names of their files, without the folder that these stand in."""
    rows = table.to_pylist()
    for row in rows:
        row["path"] = row["path"].rpartition("/")[2]
    return sorted(rows, key=lambda row: row["path"])


def expected() -> list[dict[str, Any]]:
    columns = [name for name in popmail.arrow.USUAL_COLUMNS if name not in ("uid", "error")]
    rows = pa.record_batch(popmail.arrow.parse(MAIL, columns, threads=1)).to_pylist()
    return [row | {"path": f"{number:04}.eml"} for number, row in enumerate(rows)]


@pytest.mark.parametrize("engine", ["ray", "spark"])
def test_a_cluster_gives_the_rows_of_one_process(engine: str, folder: Path, tmp_path: Path) -> None:
    start(f"{engine}/mail_to_parquet.py", folder, tmp_path / "out", cwd=tmp_path)
    rows = [row for row in expected() if row["size"] or engine != "spark"]  # Spark leaves empty files out
    assert len(rows) > 400
    assert by_name(parquet.read_table(tmp_path / "out")) == rows


def test_a_list_of_mailboxes_is_fetched_once(certificates: Certificates, tmp_path: Path) -> None:
    boxes = {f"user{number}": plain_messages(20 * number, seed=number) for number in range(4)}
    accounts = {user: popmail.Account("a secret", popmail.MemoryMaildrop(mail)) for user, mail in boxes.items()}
    with ExitStack() as stack:
        server = stack.enter_context(popmail.Server(accounts, tls=certificates.server_context()))
        listed = [
            {"url": f"pops://{user}@localhost:{server.port}", "password": "a secret"} for user in [*boxes, "nobody"]
        ]
        (tmp_path / "accounts.json").write_text(json.dumps(listed))
        fetched = [
            start(
                "ray/fetch_mailboxes.py",
                "accounts.json",
                tmp_path / "mail",
                "--cafile",
                certificates.ca_file,
                cwd=tmp_path,
            )
            for _ in range(2)
        ]
    for told, is_first in zip(fetched, (True, False), strict=True):
        lines = dict(line.rsplit(": ", 1) for line in told.splitlines() if line.startswith("pops://user"))
        counts = {
            one["url"]: f"{len(boxes[user]) if is_first else 0} new messages"
            for one, user in zip(listed, boxes, strict=False)
        }
        assert lines == counts
        [refused] = [line for line in told.splitlines() if line.startswith(listed[-1]["url"])]
        assert "new messages" not in refused
    for one, user in zip(listed, boxes, strict=False):
        place = tmp_path / "mail" / urllib.parse.quote(one["url"], safe="@")
        assert sorted(file.read_bytes() for file in place.glob("*.eml")) == sorted(boxes[user])
        assert (place / "state.json").exists()
