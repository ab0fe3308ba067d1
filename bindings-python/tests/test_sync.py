"""Fetching what is new: the planner's vectors, the state on the disk, and whole sessions with a server."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scripted import MAILBOX, Close, ScriptedServer

import popmail
from popmail._native import SyncPlanner, fingerprint
from popmail.sync import SyncRules, SyncState
from samples import plain_messages

if TYPE_CHECKING:
    from collections.abc import Iterator

VECTORS = sorted((Path(__file__).parents[2] / "tests/vectors/sync").glob("*.json"))


# The vectors.


def test_the_vectors_are_there() -> None:
    assert len(VECTORS) >= 25


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_history(path: Path) -> None:
    vector = json.loads(path.read_text("utf-8"))
    planner = SyncPlanner(vector["mailbox"])
    snapshot = journal = ""
    for step in vector["steps"]:
        [(kind, value)] = [item for item in step.items() if item[0] not in ("expect", "now", "receipt", "rules")]
        now = step.get("now", 0)
        match kind:
            case "plan":
                assert plan(planner, value) == step["expect"]
            case "deliver" | "deliver_headers":
                for number in value:
                    headers_only = kind == "deliver_headers"
                    planner.delivered(number, now=now, headers_only=headers_only)
                    journal += planner.journal_line(number, now=now, headers_only=headers_only)
            case "arriving":
                journal += planner.journal_line(value, now=now, receipt=step["receipt"])
            case "save":
                snapshot = planner.snapshot()
                if value is True:
                    journal = ""
            case "tear":
                journal = journal[:-value]
            case "restore":
                planner = SyncPlanner.restore(snapshot, journal, value.__contains__)
            case "snapshot":
                assert snapshot == "".join(f"{line}\n" for line in value)
            case "snapshot_contains":
                assert value in snapshot
            case "journal":
                assert journal == "".join(f"{line}\n" for line in value)
            case "deletions":
                assert planner.deletions(delete_after=step["rules"].get("delete_after"), now=now) == value
            case "dele":
                for number in value:
                    planner.dele_accepted(number, now=now)
            case "quit":
                planner.quit_accepted(now=value)
            case "next_login":
                assert planner.next_login == value
            case _:
                raise AssertionError(f"unknown step {kind}")


def plan(planner: SyncPlanner, value: dict[str, Any]) -> dict[str, Any]:
    rules = dict(value.get("rules", {}))
    rules["headers_of_larger"] = rules.pop("too_large", "skip") == "headers"
    octets = {line[0]: line[1] for line in reversed(value["listing"])}
    made = planner.plan(
        [(number, size) for number, size, _ in value["listing"]],
        [(number, uid) for number, _, uid in value["listing"] if uid is not None],
        now=value["now"],
        fingerprints=[
            (int(number), fingerprint(header.encode(), octets[int(number)]))
            for number, header in value.get("headers", {}).items()
        ],
        expire=value.get("expire"),
        login_delay=value.get("login_delay"),
        **rules,
    )
    return {
        "fetch": [[number, "headers"] if headers_only else number for number, _, headers_only in made.fetch],
        "present": made.present,
        "too_large": made.too_large,
        "postponed": made.postponed,
        "warnings": [name for name, _ in made.warnings],
    }


def test_an_error_of_the_callback_is_raised() -> None:
    planner = SyncPlanner("me")
    planner.plan([(1, 10)], [(1, "a")], now=1)
    snapshot = planner.snapshot()
    with pytest.raises(ZeroDivisionError):
        SyncPlanner.restore(snapshot, planner.journal_line(1, now=1, receipt="x"), lambda _: 1 // 0 == 0)


# The state on the disk.


def planned(state: SyncState, *uids: str) -> list[int]:
    """Begin a session that lists these messages, and return what is to be fetched."""
    sizes = [(number, 10 * number) for number in range(1, len(uids) + 1)]
    return [one[0] for one in state.begin(sizes, list(enumerate(uids, 1)), [], None, SyncRules()).fetch]


def test_state_survives_a_run_that_is_killed_after_any_message(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    for expected in ([1, 2, 3], [2, 3], [3], []):
        with SyncState(path, "me@here") as state:
            assert planned(state, "a", "b", "c") == expected
            if expected:
                state.note_delivered(expected[0])
            # nothing is saved when the block ends: as if the run was killed
    assert json.loads(path.read_text())["mailbox"] == "me@here"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["state.json", "state.json.journal"]


def test_receipts_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    with SyncState(path, "me") as state:
        planned(state, "a", "b")
        state.note_arriving(1, "here")
        state.note_arriving(2, "not there")
    with SyncState(path, arrived=["here"].__contains__) as state:
        assert planned(state, "a", "b") == [2]


def test_a_second_run_is_kept_out(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    with SyncState(path), pytest.raises(popmail.UsageError, match="another run"):
        SyncState(path)
    SyncState(path).close()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version": 1}', '{"version":2,"new":0}', '{"version":1,"mailbox":"\udcff"'], ids=repr
)
def test_a_damaged_state_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(popmail.UsageError, match=r"state\.json: the state is"):
        SyncState(path)
    assert path.read_bytes() == text.encode("utf-8", "surrogateescape")
    with pytest.raises(popmail.UsageError, match="the state is"):
        SyncState(path)  # it is not locked


def test_a_state_is_for_one_mailbox(tmp_path: Path) -> None:
    with SyncState(tmp_path / "state.json", "me@one") as state:
        planned(state, "a")
    with pytest.raises(popmail.UsageError, match="me@one"):
        SyncState(tmp_path / "state.json", "me@two")


def test_a_closed_state_says_so(tmp_path: Path) -> None:
    state = SyncState(tmp_path / "state.json", "me")
    state.close()
    with pytest.raises(popmail.UsageError, match="closed"):
        state.save()


@pytest.mark.parametrize("rules", [{"delete_after": -1}, {"max_size": -1}, {"limit": -1}, {"larger": "x"}], ids=str)
def test_rules_that_cannot_be_are_refused(rules: dict[str, Any]) -> None:
    with pytest.raises(popmail.UsageError):
        SyncRules(**rules)


# Sessions.


@contextlib.contextmanager
def opened(server: popmail.Server | ScriptedServer, **options: Any) -> Iterator[popmail.Pop3]:
    options = {"tls": "none", "allow_cleartext": True, "user": "me", "password": "secret"} | options
    with popmail.Pop3(server.host, server.port, **options) as box:
        yield box


@contextlib.contextmanager
def serving(messages: list[bytes]) -> Iterator[popmail.Server]:
    account = popmail.Account("secret", popmail.MemoryMaildrop(messages))
    with popmail.Server({"me": account}, allow_cleartext=True) as server:
        yield server


def test_fetch_new_brings_each_message_once(tmp_path: Path) -> None:
    messages = plain_messages(30)
    with serving(messages) as server:
        for expected in (messages, []):
            with SyncState(tmp_path / "state.json") as state, opened(server) as box:
                assert [mail.raw for mail in box.fetch_new(state)] == expected
                assert state.warnings == []
                assert state.mailbox == f"me@127.0.0.1:{server.port}"
        with opened(server) as box:
            assert box.stat().count == 30


def test_a_loop_that_is_left_brings_the_message_again_unless_it_is_done(tmp_path: Path) -> None:
    messages = plain_messages(4)
    with serving(messages) as server, SyncState(tmp_path / "state.json") as state:
        with opened(server) as box:
            for mail in box.fetch_new(state, SyncRules(delete_after=0)):
                if mail.number == 2:
                    break
            assert box.stat().count == 4
        with opened(server) as box, pytest.raises(ZeroDivisionError):
            for mail in box.fetch_new(state):
                assert mail.number == 2
                mail.done()
                raise ZeroDivisionError
        with opened(server) as box:
            assert [mail.number for mail in box.fetch_new(state, SyncRules(delete_after=0))] == [3, 4]
        with opened(server) as box:
            assert box.stat().count == 0
            assert list(box.fetch_new(state)) == []
        assert len(state) == 0


def test_a_message_may_be_deleted_at_once(tmp_path: Path) -> None:
    with serving(plain_messages(3)) as server, SyncState(tmp_path / "state.json") as state:
        with opened(server) as box:
            for mail in box.fetch_new(state, SyncRules(delete_after=0)):
                mail.delete()
        with opened(server) as box:
            assert box.stat().count == 0


def test_rules_are_kept(tmp_path: Path) -> None:
    messages = [*plain_messages(3), *plain_messages(1, octets=9000)]
    with serving(messages) as server, SyncState(tmp_path / "state.json") as state:
        with opened(server) as box:
            rules = SyncRules(max_size=5000, newest_first=True, limit=2, delete_after=0)
            assert [mail.number for mail in box.fetch_new(state, rules)] == [3, 2]
            assert state.plan is not None
            assert (state.plan.too_large, state.plan.postponed) == (1, 1)
        with opened(server) as box:
            rules = SyncRules(max_size=5000, larger="headers")
            found = [(mail.number, mail.headers_only, mail.message.subject) for mail in box.fetch_new(state, rules)]
            assert found == [(1, False, "message 1"), (2, True, "message 1")]
        with opened(server) as box:
            assert [mail.raw for mail in box.fetch_new(state)] == [messages[3]]


def test_fetch_new_for_asyncio(tmp_path: Path) -> None:
    messages = plain_messages(5)

    async def numbers(server: popmail.Server, state: SyncState) -> list[int]:
        async with popmail.AsyncPop3(
            server.host, server.port, tls="none", allow_cleartext=True, user="me", password="secret"
        ) as box:
            return [mail.number async for mail in box.fetch_new(state, SyncRules(delete_after=0))]

    with serving(messages) as server, SyncState(tmp_path / "state.json") as state:
        assert asyncio.run(numbers(server, state)) == [1, 2, 3, 4, 5]
        assert asyncio.run(numbers(server, state)) == []


TWO = {
    **MAILBOX,
    "LIST": b"+OK\r\n1 20\r\n2 21\r\n.\r\n",
    "UIDL": b"+OK\r\n1 a\r\n2 b\r\n.\r\n",
    "TOP": b"+OK\r\nMessage-ID: <x@y>\r\n\r\n.\r\n",
}


def requests(server: ScriptedServer, *verbs: bytes) -> list[bytes]:
    return [line.strip() for line in server.requests if line.split()[0] in verbs]


@pytest.mark.parametrize("top", [TWO["TOP"], b"-ERR\r\n"], ids=["TOP", "no TOP"])
def test_a_server_without_uidl(tmp_path: Path, top: bytes) -> None:
    with ScriptedServer({**TWO, "UIDL": b"-ERR\r\n", "TOP": top}) as server:
        for expected in ([1, 2], []):
            with SyncState(tmp_path / "state.json") as state, opened(server) as box:
                assert [mail.number for mail in box.fetch_new(state)] == expected
                assert [warning.name for warning in state.warnings] == ["no_uid"]


def test_deletions_are_sent_again_until_quit_is_accepted_and_then_named(tmp_path: Path) -> None:
    replies = dict(TWO)
    with ScriptedServer(replies) as server, SyncState(tmp_path / "state.json") as state:
        for quit_reply, names in ((b"-ERR\r\n", []), (b"+OK\r\n", []), (b"+OK\r\n", ["not_deleted"])):
            replies["QUIT"] = quit_reply
            server.requests.clear()
            with contextlib.suppress(popmail.CommandError), opened(server) as box:
                list(box.fetch_new(state, SyncRules(delete_after=0)))
            assert [warning.name for warning in state.warnings] == names
            assert requests(server, b"DELE") == [b"DELE 1", b"DELE 2"]


def test_a_message_that_is_refused_does_not_stop_the_others(tmp_path: Path) -> None:
    class FirstIsGone(dict[str, bytes]):
        asked = 0

        def get(self, verb: str, default: bytes = b"") -> bytes:  # type: ignore[override]
            if verb == "RETR":
                self.asked += 1
                if self.asked == 1:
                    return b"-ERR gone\r\n"
            return super().get(verb, default)

    with ScriptedServer(FirstIsGone(TWO)) as server, SyncState(tmp_path / "state.json") as state:
        with opened(server) as box:
            assert [mail.number for mail in box.fetch_new(state, SyncRules(delete_after=0))] == [2]
        assert [warning.name for warning in state.warnings] == ["refused"]
        assert requests(server, b"DELE") == [b"DELE 2"]


def test_a_server_that_deletes_what_it_sent_sees_no_quit_before_all_is_safe(tmp_path: Path) -> None:
    capabilities = b"+OK\r\nUSER\r\nUIDL\r\nPIPELINING\r\nEXPIRE 0\r\n.\r\n"
    with ScriptedServer({**TWO, "CAPA": capabilities}) as server, SyncState(tmp_path / "state.json") as state:
        with opened(server) as box:
            for mail in box.fetch_new(state):
                mail.done()
                break
        assert requests(server, b"QUIT") == []
        with opened(server) as box:
            assert [mail.number for mail in box.fetch_new(state)] == [2]
        assert requests(server, b"QUIT") == [b"QUIT"]
        assert [warning.name for warning in state.warnings] == ["server_deletes_fetched"]


def test_login_delay_is_kept(tmp_path: Path) -> None:
    capabilities = b"+OK\r\nUSER\r\nLOGIN-DELAY 900\r\n.\r\n"
    with ScriptedServer({**TWO, "CAPA": capabilities}) as server:
        with SyncState(tmp_path / "state.json") as state:
            state.check_login()
            with opened(server) as box:
                list(box.fetch_new(state))
        with SyncState(tmp_path / "state.json") as state:
            assert state.next_login is not None
            with pytest.raises(popmail.UsageError, match=f"{state.next_login:%H:%M:%S}"):
                state.check_login()
            with opened(server) as box:
                list(box.fetch_new(state))
            assert [warning.name for warning in state.warnings] == ["login_too_early"]


def test_a_connection_that_ends_deletes_nothing_and_loses_nothing(tmp_path: Path) -> None:
    with SyncState(tmp_path / "state.json") as state, ScriptedServer({**TWO, "DELE": Close(b"+O")}) as server:
        with pytest.raises(popmail.ConnectionLostError), opened(server) as box:
            list(box.fetch_new(state, SyncRules(delete_after=0)))
        assert requests(server, b"QUIT") == []
    assert json.loads((tmp_path / "state.json").read_text())["messages"][0]["delivered"]
