"""Fetches a list of mailboxes as Ray tasks, each into a folder of .eml files with its own sync state.

pip install popmail 'ray[default]'
python fetch_mailboxes.py ACCOUNTS FOLDER [--cafile CA.pem] [--address auto]

ACCOUNTS is a JSON file: [{"url": "pops://me@pop.example.com", "password": "…"}, …]. FOLDER must be the same for every
node that runs a task. Only what is new is fetched; a task that dies is run again and goes on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import ssl
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

import ray

import popmail


@dataclass
class Outcome:
    """What became of one mailbox."""

    url: str
    messages: int = 0
    error: str | None = None


# A task that failed is tried again, unless it was the server that refused.
@ray.remote(num_cpus=0.1, max_retries=3)
def fetch(url: str, password: str, folder: str, cafile: str | None = None) -> Outcome:
    """Fetch what one mailbox has not delivered yet."""
    account = Path(folder, urllib.parse.quote(url, safe="@"))
    account.mkdir(parents=True, exist_ok=True)
    outcome = Outcome(url)
    try:
        # The state stands beside the mail: whichever node runs the task next finds it, and its lock.
        with popmail.SyncState(account / "state.json") as state:
            state.check_login()
            context = ssl.create_default_context(cafile=cafile)
            with popmail.connect(url, password=password, ssl_context=context) as box:
                for mail in box.fetch_new(state):
                    save(account, mail.raw)
                    outcome.messages += 1  # noted as delivered when the next one is asked for
    except popmail.ConnectionLostError:
        raise  # for Ray to try again
    except popmail.Pop3Error as error:
        outcome.error = str(error)
    return outcome


def save(folder: Path, raw: bytes) -> None:
    """Write a message to a file that appears when it is complete; the same message again is the same file."""
    file = folder / f"{hashlib.sha256(raw).hexdigest()}.eml"
    temporary = file.with_suffix(f".{os.getpid()}.part")
    with temporary.open("wb") as sink:
        sink.write(raw)
        sink.flush()
        os.fsync(sink.fileno())
    temporary.replace(file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("accounts", type=Path)
    parser.add_argument("folder")
    parser.add_argument("--cafile", help="trust the certificate authorities in this file")
    parser.add_argument("--address", help="cluster, such as auto; without it Ray starts here")
    arguments = parser.parse_args()
    accounts = json.loads(arguments.accounts.read_text("utf-8"))
    ray.init(arguments.address)
    waiting = [fetch.remote(one["url"], one["password"], arguments.folder, arguments.cafile) for one in accounts]
    while waiting:
        [done], waiting = ray.wait(waiting)
        outcome = ray.get(done)
        print(f"{outcome.url}: {outcome.error or f'{outcome.messages} new messages'}")


if __name__ == "__main__":
    main()
