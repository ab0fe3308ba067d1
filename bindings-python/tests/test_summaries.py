"""Summaries: headers, pipelined, before anything is fetched."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from scripted import MAILBOX, ScriptedServer

import popmail
from samples import plain_messages


def serving(messages: list[bytes]) -> popmail.Server:
    return popmail.Server({"me": popmail.Account("secret", popmail.MemoryMaildrop(messages))}, allow_cleartext=True)


def opened(server: popmail.Server | ScriptedServer, **options: Any) -> popmail.Pop3:
    options = {"tls": "none", "allow_cleartext": True, "user": "me", "password": "secret"} | options
    return popmail.Pop3(server.host, server.port, **options)


@pytest.mark.parametrize("pipelining", [True, False])
def test_summaries_have_the_fields_of_the_header(pipelining: bool) -> None:
    messages = plain_messages(500)
    with serving(messages) as server, opened(server, pipelining=pipelining) as box:
        found = list(box.summaries())
        assert [(one.number, one.octets) for one in found] == [(n, len(raw)) for n, raw in enumerate(messages, 1)]
        assert [(one.uid) for one in found] == [uid for _, uid in box.uidl()]
        last = found[-1]
        assert last.subject == "message 500"
        assert [one.address for one in last.from_] == ["sender500@example.com"]
        assert [one.address for one in last.to] == ["me@example.com"]
        assert last.date is not None
        assert last.date.isoformat() == "2026-11-23T10:00:00+00:00"
        assert last.message_id is not None
        assert last.message_id.startswith("500.")
        assert last.headers["subject"] == "message 500"
        assert [one.number for one in box.summaries([7, 3])] == [7, 3]


def test_a_reader_that_stops_leaves_the_session_in_order() -> None:
    with serving(plain_messages(20)) as server, opened(server) as box:
        assert [one.number for one in itertools.islice(box.summaries(), 3)] == [1, 2, 3]
        assert box.stat().count == 20


def test_no_body_is_fetched() -> None:
    replies = {**MAILBOX, "TOP": b"+OK\r\nSubject: a\r\n\r\n.\r\n"}
    with ScriptedServer(replies) as server:
        with opened(server) as box:
            assert [one.subject for one in box.summaries()] == ["a"]
        assert b"TOP 1 0\r\n" in server.requests
        assert not [line for line in server.requests if line.startswith(b"RETR")]


def test_a_server_without_top_says_so_or_is_asked_for_everything() -> None:
    with ScriptedServer(MAILBOX) as server, opened(server) as box:
        with pytest.raises(popmail.CommandError, match="unknown"):
            list(box.summaries())
        assert [(one.subject, one.uid, one.octets) for one in box.summaries(retr=True)] == [("a", "uid1", 20)]


def test_a_server_without_uidl() -> None:
    replies = {**MAILBOX, "UIDL": b"-ERR\r\n", "TOP": b"+OK\r\n\r\n.\r\n"}
    with ScriptedServer(replies) as server, opened(server) as box:
        [one] = box.summaries()
        assert (one.uid, one.subject, one.from_, one.date, one.message_id) == (None, None, [], None, None)


def test_summaries_for_asyncio() -> None:
    async def subjects(server: popmail.Server) -> list[str | None]:
        async with popmail.AsyncPop3(
            server.host, server.port, tls="none", allow_cleartext=True, user="me", password="secret"
        ) as box:
            return [one.subject async for one in box.summaries()]

    with serving(plain_messages(3)) as server:
        assert asyncio.run(subjects(server)) == ["message 1", "message 2", "message 3"]
