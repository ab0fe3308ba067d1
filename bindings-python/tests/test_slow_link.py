"""A link of 20 ms each way: what is waited for is a number of turns, which does not grow with the messages."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from slow_link import SlowLink

import popmail
from popmail.sync import SyncState
from samples import plain_messages

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dovecot import Dovecot, Mailbox

DELAY = 0.02


def options(link: SlowLink, mailbox: Mailbox) -> dict[str, Any]:
    names = {"host": link.host, "port": link.port, "user": mailbox.user, "password": mailbox.password}
    return {**names, "tls": "none", "allow_cleartext": True, "auth": "plain"}


def iterate(link: SlowLink, mailbox: Mailbox, _: Path) -> int:
    with popmail.Pop3(**options(link, mailbox)) as box:
        return len([mail.raw for mail in box])


def iterate_async(link: SlowLink, mailbox: Mailbox, _: Path) -> int:
    async def main() -> int:
        async with popmail.AsyncPop3(**options(link, mailbox)) as box:
            return len([mail.raw async for mail in box])

    return asyncio.run(main())


def summaries(link: SlowLink, mailbox: Mailbox, _: Path) -> int:
    with popmail.Pop3(**options(link, mailbox)) as box:
        return len(list(box.summaries()))


def fetch_and_delete(link: SlowLink, mailbox: Mailbox, folder: Path) -> int:
    rules = popmail.SyncRules(delete_after=0)
    with SyncState(folder / f"{mailbox.user}.json") as state, popmail.Pop3(**options(link, mailbox)) as box:
        return len([mail.raw for mail in box.fetch_new(state, rules)])


@pytest.mark.parametrize("work", [iterate, iterate_async, summaries, fetch_and_delete])
def test_many_messages_wait_no_longer_than_few(
    dovecot: Dovecot, tmp_path: Path, work: Callable[[SlowLink, Mailbox, Path], int]
) -> None:
    turns = {}
    for count in (5, 600):
        mailbox = dovecot.mailbox(plain_messages(count, octets=300))
        with SlowLink(dovecot.host, dovecot.port, DELAY) as link:
            started = time.monotonic()
            assert work(link, mailbox, tmp_path) == count
            turns[count] = link.turns
            print(f"{count} messages: {link.turns} turns, {time.monotonic() - started:.2f} s")
    # Some turns more for windows that are refilled while answers arrive, which waits for nothing.
    assert turns[600] <= turns[5] + 12
