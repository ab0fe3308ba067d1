"""`AsyncPop3`: over scripted transports, with our server, and with Dovecot."""

from __future__ import annotations

import asyncio
import inspect
import io
import resource
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

import pytest
from scripted import MAILBOX, ScriptedServer, Stall
from test_client import PIPELINED, THREE

import popmail
from dovecot import OTHER_HOST
from samples import awkward_messages, large_message, plain_messages

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Iterator

    from conftest import Certificates
    from dovecot import Dovecot, Mailbox

WITHOUT_ASYNC: frozenset[str] = frozenset()
"""Names of `Pop3` that `AsyncPop3` does not have."""
WAYS = ["implicit TLS", "STLS", "APOP in clear"]


class Script:
    """A transport whose server says these things, one a read, whatever it is asked, and then stays silent."""

    def __init__(self, replies: Iterable[bytes | OSError]) -> None:
        self.replies = list(replies)
        self.written = b""
        self.closed = asyncio.Event()
        self.silent = asyncio.Event()

    async def read(self, timeout: float | None) -> bytes:
        await asyncio.sleep(0)
        if not self.replies:
            self.silent.set()
            async with asyncio.timeout(timeout):
                await self.closed.wait()
            return b""
        reply = self.replies.pop(0)
        if isinstance(reply, OSError):
            raise reply
        return reply

    async def write(self, octets: bytes) -> None:
        self.written += octets

    async def start_tls(self) -> None:
        raise AssertionError("no TLS in this script")

    def close(self) -> None:
        self.closed.set()


async def logged_in(*replies: bytes | OSError, **options: Any) -> tuple[popmail.AsyncPop3, Script]:
    script = Script([*PIPELINED, *replies])
    box = await popmail.AsyncPop3.connect(
        "pop.example.com", user="me", password="secret", tls="none", allow_cleartext=True, transport=script, **options
    )
    script.written = b""
    return box, script


def run(main: Coroutine[Any, Any, None]) -> None:
    # Debug mode names coroutines that nobody awaited and sockets that nobody closed.
    asyncio.run(main, debug=True)


def test_every_name_of_pop3_is_there() -> None:
    names = {name for name in dir(popmail.Pop3) if not name.startswith("_")}
    missing = names - set(dir(popmail.AsyncPop3)) - WITHOUT_ASYNC
    assert not missing


def test_the_documentation_of_a_name_is_that_of_pop3() -> None:
    # Written twice, for the tools that read it from the source; `retr` takes more kinds of files here.
    own = {"connect", "retr"}
    for name, member in vars(popmail.AsyncPop3).items():
        if not name.startswith("_") and name not in own:
            assert inspect.getdoc(member) == inspect.getdoc(getattr(popmail.Pop3, name)), name


def test_making_one_does_no_io() -> None:
    box = popmail.AsyncPop3("pop.example.com", user="me", password="x")
    assert (box.host, box.port, box.state) == ("pop.example.com", 995, "greeting")
    assert repr(box) == "<AsyncPop3 pop.example.com:995 greeting>"


def test_misuse_is_named_before_the_connection() -> None:
    with pytest.raises(popmail.InsecureError, match="allow_cleartext"):
        popmail.AsyncPop3("h", user="me", password="x", tls="none", auth="plain")
    with pytest.raises(popmail.UsageError, match="control character"):
        popmail.AsyncPop3("h", user="a\nb", password="x")
    with pytest.raises(popmail.UsageError, match="needs a password or a token"):
        popmail.AsyncPop3("h", user="me")
    with pytest.raises(TypeError, match="password must be str or bytes, got int"):
        popmail.AsyncPop3("h", user="me", password=5)  # type: ignore[arg-type]


def test_a_command_before_the_connection_is_refused() -> None:
    async def main() -> None:
        box = popmail.AsyncPop3("pop.example.com", user="me", password="x")
        with pytest.raises(popmail.UsageError, match=r"not connected to pop\.example\.com port 995: begin with `async"):
            await box.stat()

    run(main())


def test_small_results_are_those_of_pop3() -> None:
    async def main() -> None:
        box, _ = await logged_in(
            b"+OK 2 320\r\n",
            b"+OK\r\n1 120\r\n.\r\n",
            b"+OK 1 120\r\n",
            b"+OK\r\n1 abc\r\n.\r\n",
            b"+OK 1 abc\r\n",
            b"+OK\r\nSubject: a\r\n\r\n.\r\n",
            b"+OK\r\n",
            b"+OK\r\n",
            b"+OK\r\nTOP\r\n.\r\n",
            b"+OK\r\nde Deutsch\r\n.\r\n",
            b"+OK de Willkommen\r\n",
        )
        assert await box.stat() == popmail.Stat(count=2, octets=320)
        assert await box.list() == [popmail.ListEntry(number=1, octets=120)]
        assert await box.list(1) == popmail.ListEntry(1, 120)
        assert await box.uidl() == [popmail.UidlEntry(number=1, uid="abc")]
        assert await box.uidl(1) == popmail.UidlEntry(1, "abc")
        assert await box.top(1) == b"Subject: a\r\n\r\n"
        await asyncio.gather(box.noop(), box.rset())
        assert await box.capa() == {"TOP": []}
        assert await box.lang() == [popmail.Language("de", "Deutsch")]
        assert await box.lang("de") == "de Willkommen"
        assert box.greeting == b"+OK ready"
        assert box.state == "transaction"
        box.close()
        assert box.state == "closed"

    run(main())


def test_iteration_is_pipelined_and_in_order() -> None:
    async def main() -> None:
        box, script = await logged_in(
            THREE, b"+OK\r\none\r\n.\r\n+OK\r\ntwo\r\n.\r\n+OK\r\nthree\r\n.\r\n", b"+OK\r\n", b"+OK bye\r\n"
        )
        seen: list[tuple[Any, ...]] = []
        async with box:
            async for mail in box:
                seen.append((mail.number, mail.uid, mail.octets, mail.raw))
            mail.delete()
        assert seen == [(1, "a", 5, b"one\r\n"), (2, "b", 5, b"two\r\n"), (3, "c", 5, b"three\r\n")]
        assert script.written == b"LIST\r\nUIDL\r\nRETR 1\r\nRETR 2\r\nRETR 3\r\nDELE 3\r\nQUIT\r\n"
        assert script.closed.is_set()

    run(main())


def test_iteration_stopped_early_leaves_a_usable_connection() -> None:
    async def main() -> None:
        box, _ = await logged_in(
            THREE, b"+OK\r\none\r\n.\r\n+OK\r\ntwo\r\n", b".\r\n-ERR gone\r\n", b"+OK 3 15\r\n", b"+OK\r\n"
        )
        async with box:
            async for mail in box:
                assert mail.number == 1
                break
            assert await box.stat() == (3, 15)

    run(main())


def test_a_refused_mark_is_raised_and_nothing_is_deleted() -> None:
    async def main() -> None:
        box, script = await logged_in(THREE, b"+OK\r\none\r\n.\r\n" * 3, b"+OK\r\n-ERR locked\r\n+OK\r\n")
        with pytest.raises(popmail.CommandError, match="refused DELE: -ERR locked"):
            async with box:
                async for mail in box:
                    mail.delete()
        assert b"QUIT" not in script.written
        assert script.closed.is_set()

    run(main())


def test_leaving_by_an_exception_sends_no_quit() -> None:
    async def main() -> None:
        box, script = await logged_in(b"+OK\r\n")
        with pytest.raises(KeyError):
            async with box:
                await box.dele(1)
                raise KeyError
        assert script.written == b"DELE 1\r\n"
        assert script.closed.is_set()

    run(main())


def test_a_closed_one_is_not_opened_again() -> None:
    async def main() -> None:
        box, _ = await logged_in()
        box.close()
        with pytest.raises(popmail.UsageError, match="is closed"):
            async with box:
                pass

    run(main())


class Slow:
    """A file whose ``write`` is awaited, and takes at most two octets."""

    def __init__(self) -> None:
        self.taken = b""

    async def write(self, octets: bytes) -> int:
        await asyncio.sleep(0)
        self.taken += octets[:2]
        return len(octets[:2])


def test_a_message_is_streamed_into_a_file_of_either_kind() -> None:
    async def main() -> None:
        box, _ = await logged_in(b"+OK\r\n..a", b"\r\nb\r\n.\r\n", b"+OK\r\nhello\r\n.\r\n")
        file = io.BytesIO()
        assert await box.retr(1, into=file) == 7
        assert file.getvalue() == b".a\r\nb\r\n"
        slow = Slow()
        assert await box.retr(1, into=slow) == 7
        assert slow.taken == b"hello\r\n"
        box.close()

    run(main())


def test_a_file_that_cannot_be_written_ends_the_connection() -> None:
    class Full:
        async def write(self, octets: bytes) -> int:
            raise OSError(28, "No space left on device")

    async def main() -> None:
        box, script = await logged_in(b"+OK\r\nhalf\r\n")
        with pytest.raises(OSError, match="No space left"):
            await box.retr(1, into=Full())
        assert script.closed.is_set()
        with pytest.raises(popmail.UsageError, match="is closed: RETR was broken off before its answer was complete"):
            await box.stat()

    run(main())


def test_a_cancelled_command_closes_the_connection_and_says_so() -> None:
    async def main() -> None:
        box, script = await logged_in(b"+OK\r\nhalf a mess")
        running = asyncio.create_task(box.retr(1))
        await script.silent.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert script.closed.is_set()
        with pytest.raises(popmail.UsageError, match="closed: RETR was cancelled before its answer was c") as caught:
            await box.stat()
        assert caught.value.code == "POP3_ERR_USAGE_CLOSED"
        assert caught.value.fatal

    run(main())


def test_a_command_that_waits_its_turn_is_cancelled_without_harm() -> None:
    async def main() -> None:
        box, script = await logged_in()
        first = asyncio.create_task(box.noop())
        await script.silent.wait()
        second = asyncio.create_task(box.dele(1))
        await asyncio.sleep(0)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        assert not script.closed.is_set()
        assert script.written == b"NOOP\r\n"
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first

    run(main())


def test_a_timeout_of_asyncio_ends_a_command() -> None:
    async def main() -> None:
        box, script = await logged_in()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await box.stat()
        assert script.closed.is_set()
        with pytest.raises(popmail.UsageError, match="STAT was cancelled"):
            await box.noop()

    run(main())


def test_a_block_that_is_cancelled_sends_no_quit() -> None:
    async def main() -> None:
        box, script = await logged_in(b"+OK\r\n")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), box:
                await box.dele(1)
                await asyncio.sleep(60)
        assert script.written == b"DELE 1\r\n"
        assert script.closed.is_set()

    run(main())


def test_a_failing_task_of_a_group_closes_the_others_connections() -> None:
    async def fail_when(other: Script) -> None:
        await other.silent.wait()
        raise KeyError("a task failed")

    async def read(box: popmail.AsyncPop3) -> None:
        async with box:
            await box.retr(1)

    async def main() -> None:
        box, script = await logged_in(b"+OK\r\nhalf")
        with pytest.raises(ExceptionGroup) as caught:
            async with asyncio.TaskGroup() as group:
                group.create_task(read(box))
                group.create_task(fail_when(script))
        assert caught.group_contains(KeyError)
        assert script.closed.is_set()

    run(main())


def test_tasks_that_share_one_wait_for_each_other() -> None:
    messages = plain_messages(20)
    with serving(messages) as server:

        async def main() -> None:
            async with open_box(server) as box:
                fetched = await asyncio.gather(*(box.retr(number) for number in range(1, 21)))
                assert fetched == messages
                counted, streamed = await asyncio.gather(box.stat(), box.retr(3, into=io.BytesIO()))
                assert (counted.count, streamed) == (20, len(messages[2]))

        run(main())


def test_closing_while_a_command_runs_ends_it() -> None:
    async def main() -> None:
        box, script = await logged_in()
        running = asyncio.create_task(box.stat())
        await script.silent.wait()
        box.close()
        with pytest.raises(popmail.ConnectionLostError, match="before STAT was answered"):
            await running

    run(main())


def test_a_silent_server_is_a_timeout() -> None:
    with ScriptedServer({**MAILBOX, "STAT": Stall(b"+OK 1")}) as server:

        async def main() -> None:
            box = await popmail.AsyncPop3.connect(
                server.host, server.port, user="me", password="x", tls="none", allow_cleartext=True, timeout=0.5
            )
            began = time.monotonic()
            with pytest.raises(popmail.TimeoutError, match=r"did not answer STAT within 0\.5 s"):
                await box.stat()
            # Not the half minute and more of the system or of the default; a busy machine may take its time.
            assert 0.5 <= time.monotonic() - began < 30

        run(main())


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_a_server_that_never_greets_is_a_timeout(tls: Any) -> None:
    async def main(host: str, port: int) -> None:
        with pytest.raises(popmail.TimeoutError, match=r"within 0\.2 s"):
            await popmail.AsyncPop3.connect(host, port, user="me", password="x", tls=tls, timeout=0.2)

    # The kernel accepts, and nobody else.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        run(main(*listener.getsockname()))


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_connecting_can_be_cancelled(tls: Any) -> None:
    async def main(host: str, port: int) -> None:
        box = popmail.AsyncPop3(host, port, user="me", password="x", tls=tls)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), box:
                raise AssertionError("nobody greeted")
        with pytest.raises(popmail.UsageError, match=r"is closed: (connecting|the login) was cancelled before"):
            await box.stat()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        run(main(*listener.getsockname()))


def test_a_server_that_is_not_there() -> None:
    async def main() -> None:
        with pytest.raises(
            popmail.ConnectionLostError, match=r"cannot connect to 127\.0\.0\.1 port 1: connection refused"
        ):
            async with popmail.AsyncPop3("127.0.0.1", 1, user="me", password="x"):
                pass

    run(main())


def test_a_port_without_tls_is_named() -> None:
    with ScriptedServer(MAILBOX) as server:

        async def main() -> None:
            with pytest.raises(popmail.ConnectionLostError, match="it does not speak TLS there") as caught:
                await popmail.AsyncPop3.connect(server.host, server.port, user="me", password="x", timeout=10)
            assert caught.value.code == "POP3_ERR_TLS"

        run(main())


@pytest.mark.parametrize("injected", [b"+OK go\r\n+OK evil\r\n", b"+OK go\r\n+O"])
def test_stls_with_injected_bytes_fails(injected: bytes) -> None:
    capabilities = b"+OK\r\nSTLS\r\nUSER\r\n.\r\n"
    with ScriptedServer({**MAILBOX, "CAPA": capabilities, "STLS": injected}) as server:

        async def main() -> None:
            with pytest.raises(popmail.ProtocolError, match="between its answer to STLS and the TLS handsh") as caught:
                await popmail.AsyncPop3.connect(server.host, server.port, user="me", password="x", tls="starttls")
            assert caught.value.code == "POP3_ERR_STLS_INJECTION"

        run(main())
        assert not any(request.startswith((b"USER", b"PASS")) for request in server.requests)


def test_octets_that_the_loop_read_before_the_handshake_fail() -> None:
    async def main() -> None:
        async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"+OK evil\r\n")
            writer.close()
            await writer.wait_closed()

        async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
            host, port = server.sockets[0].getsockname()
            transport = await popmail.AsyncSocketTransport.open(host, port, implicit_tls=False)
            assert await transport.read(10) == b"+OK evil\r\n"
            transport.data_received(b"more")
            with pytest.raises(popmail.ProtocolError) as caught:
                await transport.start_tls()
            assert caught.value.code == "POP3_ERR_STLS_INJECTION"
            assert caught.value.fatal

    run(main())


def test_a_reader_that_stops_stops_the_server() -> None:
    """What nobody reads waits in the kernel, not here."""

    async def main() -> None:
        sent = asyncio.Event()

        async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(bytes(50_000_000))
            await writer.drain()
            sent.set()
            writer.close()
            await writer.wait_closed()

        async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
            host, port = server.sockets[0].getsockname()
            transport = await popmail.AsyncSocketTransport.open(host, port, implicit_tls=False)
            read = len(await transport.read(10))
            for _ in range(100):
                await asyncio.sleep(0.001)
            assert not sent.is_set()
            while octets := await transport.read(10):
                read += len(octets)
            assert read == 50_000_000
            assert sent.is_set()
            transport.close()

    run(main())


# With our server.


def serving(messages: list[bytes], **options: Any) -> popmail.Server:
    accounts = {"me": popmail.Account("secret", popmail.MemoryMaildrop(messages))}
    return popmail.Server(accounts, **({"allow_cleartext": True} | options))


def open_box(server: popmail.Server, user: str = "me", **options: Any) -> popmail.AsyncPop3:
    options = {"tls": "none", "allow_cleartext": True} | options
    return popmail.AsyncPop3(server.host, server.port, user=user, password="secret", **options)


@pytest.fixture
def _many_files() -> Iterator[None]:
    """Both ends of every connection are in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2_000 if hard == resource.RLIM_INFINITY else min(2_000, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("_many_files")
@pytest.mark.parametrize("tls", ["none", "implicit"])
def test_500_connections_at_once(certificates: Certificates, tls: str) -> None:
    count = 500
    mail = {f"user{number}": plain_messages(3, seed=number) for number in range(count)}
    accounts = {user: popmail.Account("secret", popmail.MemoryMaildrop(messages)) for user, messages in mail.items()}
    options: dict[str, Any] = {"tls": tls}
    if tls == "implicit":
        options["ssl_context"] = certificates.client_context()
    served = {"tls": certificates.server_context()} if tls == "implicit" else {"allow_cleartext": True}

    async def fetch(server: popmail.Server, user: str, open_at_once: asyncio.Barrier) -> list[bytes]:
        async with open_box(server, user, **options) as box:
            await open_at_once.wait()
            return [mail.raw async for mail in box]

    async def main(server: popmail.Server) -> None:
        open_at_once = asyncio.Barrier(count)
        async with asyncio.timeout(100), asyncio.TaskGroup() as group:
            tasks = {user: group.create_task(fetch(server, user, open_at_once)) for user in mail}
        assert {user: task.result() for user, task in tasks.items()} == mail

    with popmail.Server(accounts, **served) as server:  # type: ignore[arg-type]
        asyncio.run(main(server))


def test_a_large_message_under_a_slow_reader(certificates: Certificates) -> None:
    message = large_message(20_000_000)
    taken = 0

    class Reader:
        async def write(self, octets: bytes) -> None:
            nonlocal taken
            await asyncio.sleep(0)
            taken += len(octets)

    with serving([message], tls=certificates.server_context(), allow_cleartext=False, implicit_tls=False) as server:

        async def main() -> None:
            async with open_box(server, tls="starttls", ssl_context=certificates.client_context()) as box:
                assert await box.retr(1, into=Reader()) == len(message) == taken

        run(main())


# With Dovecot.


def open_dovecot(dovecot: Dovecot, mailbox: Mailbox, way: str, **options: Any) -> popmail.AsyncPop3:
    """Log in to the server in one of `WAYS`."""
    options.setdefault("password", mailbox.password)
    match way:
        case "implicit TLS":
            options |= {"port": dovecot.tls_port, "ssl_context": dovecot.client_context()}
        case "STLS":
            options |= {"port": dovecot.port, "ssl_context": dovecot.client_context(), "tls": "starttls"}
        case _:
            options |= {"port": dovecot.port, "tls": "none", "allow_cleartext": True, "auth": "apop"}
    return popmail.AsyncPop3(options.pop("host", dovecot.host), user=mailbox.user, **options)


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "one by one"])
@pytest.mark.parametrize("way", WAYS)
def test_every_byte_arrives_from_dovecot(dovecot: Dovecot, way: str, pipelining: bool) -> None:
    # Dovecot does not stuff a dot that is the first byte of all (RFC 1939 section 3 asks for it), so there it is lost.
    messages = [message for message in awkward_messages() if not message.startswith(b".")]
    mailbox = dovecot.mailbox(messages)

    async def main() -> None:
        async with open_dovecot(dovecot, mailbox, way, pipelining=pipelining) as box:
            assert await box.stat() == (len(messages), sum(map(len, messages)))
            assert [await box.retr(number) for number in range(1, len(messages) + 1)] == messages
            assert [mail.raw async for mail in box] == messages
            assert [mail.number async for mail in box.fetch([3, 1])] == [3, 1]

    run(main())
    assert mailbox.contents() == messages


@pytest.mark.parametrize("way", WAYS)
def test_deletions_take_effect_at_quit(dovecot: Dovecot, way: str) -> None:
    messages = plain_messages(5)
    mailbox = dovecot.mailbox(messages)

    async def main() -> None:
        async with open_dovecot(dovecot, mailbox, way) as box:
            await box.dele(2)
            async for mail in box.fetch([4]):
                mail.delete()
            assert mailbox.contents() == messages, "deleted before QUIT"

    run(main())
    assert mailbox.contents() == [messages[0], messages[2], messages[4]]


@pytest.mark.parametrize("way", ["implicit TLS", "STLS"])
def test_certificate_of_another_host_is_refused(dovecot: Dovecot, way: str) -> None:
    mailbox = dovecot.mailbox()

    async def main() -> None:
        with pytest.raises(popmail.ConnectionLostError) as caught:
            async with open_dovecot(dovecot, mailbox, way, host=OTHER_HOST):
                pass
        assert caught.value.code == "POP3_ERR_TLS"
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)

    run(main())


def test_wrong_password_is_an_authentication_error(dovecot: Dovecot) -> None:
    mailbox = dovecot.mailbox()

    async def main() -> None:
        with pytest.raises(popmail.AuthenticationError):
            async with open_dovecot(dovecot, mailbox, "STLS", password="wrong"):
                pass

    run(main())
