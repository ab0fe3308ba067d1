"""`popmail.Server`: what clients see, what is left in the maildrops, and what happens when things go wrong."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import logging
import poplib
import random
import socket
import ssl
import struct
import threading
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import popmail
from popmail._native import (
    Authenticate,
    ClientForwarded,
    CommandRefused,
    Commit,
    Faults,
    KeysWanted,
    LoginFailed,
    OpenMaildrop,
    Retrieve,
    ServerConnectionClosed,
    ServerEngine,
    ServerTlsReady,
)
from popmail.server import ScramKeys, ServerLimits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conftest import Certificates

VECTORS = sorted((Path(__file__).parents[2] / "tests/vectors/pop3/server").glob("*.json"))
SECONDS = 20
QUICK = ServerLimits(failed_login_delay=0, bad_command_delay=0)
LOGIN = b"USER me\r\nPASS open sesame\r\n"


def account(*messages: bytes) -> popmail.Account:
    return popmail.Account("open sesame", popmail.MemoryMaildrop(messages))


@contextmanager
def serving(maildrop: popmail.Account, **options: Any) -> Iterator[popmail.Server]:
    """Serve one account `me` in the clear."""
    with popmail.Server({"me": maildrop}, allow_cleartext=True, **options) as server:
        yield server


@contextmanager
def connected(server: popmail.Server) -> Iterator[socket.socket]:
    with socket.create_connection(server.address, SECONDS) as client:
        yield client


def rest(client: socket.socket) -> bytes:
    """Read until the server closes."""
    chunks = []
    while chunk := client.recv(65_536):
        chunks.append(chunk)
    return b"".join(chunks)


def exchange(server: popmail.Server, octets: bytes) -> bytes:
    """Send all at once, say that no more comes, and read all."""
    with connected(server) as client:
        client.sendall(octets)
        client.shutdown(socket.SHUT_WR)
        return rest(client)


def crlf(message: bytes) -> bytes:
    lines = message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return lines if lines.endswith(b"\r\n") or not lines else lines + b"\r\n"


def content(answer: bytes) -> bytes:
    """Take RETR's answer apart the slow way."""
    lines = answer.split(b"\r\n")
    assert lines[0].startswith(b"+OK"), lines[0]
    assert lines[-2:] == [b".", b""]
    return b"".join((line[1:] if line.startswith(b".") else line) + b"\r\n" for line in lines[1:-2])


# Sessions


@pytest.mark.parametrize("way", ["clear", "STLS", "implicit TLS", "APOP"])
def test_poplib_reads_and_deletes(certificates: Certificates, way: str) -> None:
    mail = [b"Subject: one\n\n1\n", b"Subject: two\r\n\r\n2\r\n"]
    accounts = {"me": account(*mail)}
    tls = certificates.server_context() if "TLS" in way or way == "STLS" else None
    server = popmail.Server(accounts, tls=tls, implicit_tls=way == "implicit TLS", allow_cleartext=tls is None)
    with server:
        for left in (2, 1):
            client: poplib.POP3
            if way == "implicit TLS":
                client = poplib.POP3_SSL(
                    "localhost", server.port, context=certificates.client_context(), timeout=SECONDS
                )
            else:
                client = poplib.POP3("localhost", server.port, timeout=SECONDS)
            if way == "STLS":
                assert "STLS" in client.capa()
                assert "USER" not in client.capa()
                client.stls(certificates.client_context())
                assert "STLS" not in client.capa()
            if way == "APOP":
                client.apop("me", "open sesame")
            else:
                client.user("me")
                client.pass_("open sesame")
            assert client.capa()["IMPLEMENTATION"] == [f"popmail-{popmail.__version__}"]
            assert client.stat()[0] == left
            client.retr(left)
            assert client.top(1, 0)[1][-1] == b""
            client.dele(1)
            client.quit()
    maildrop = accounts["me"].maildrop
    assert isinstance(maildrop, popmail.MemoryMaildrop)
    assert maildrop.messages == []


def test_messages_arrive_octet_for_octet() -> None:
    tricky = [
        b".",
        b".first\n.\n..\nlast",
        b"x" * 100_000 + b"\r\n",
        b"\0\xff\r\n",
        b"bare\nline\nends",
        b"lone \r carriage return\r\n",
        b"\r\n.\r\n",
        b"",
        b"\n" * 50,
        random.Random(1).randbytes(300_000).replace(b"\r", b""),
    ]
    with serving(account(*tricky)) as server:
        for number, message in enumerate(tricky, 1):
            told = exchange(server, LOGIN + f"RETR {number}\r\n".encode())
            answer = told.split(b"messages\r\n", 1)[1]
            assert content(answer) == crlf(message), number
            assert answer.startswith(f"+OK {len(crlf(message))} octets\r\n".encode())


def test_pipelined_commands_are_answered_in_order() -> None:
    mail = [f"Subject: {number}\n\n{number}\n".encode() for number in range(1, 501)]
    commands = LOGIN + b"".join(b"RETR %d\r\nTOP %d 0\r\nNOOP\r\n" % (n, n) for n in range(1, 501)) + b"QUIT\r\n"
    expected = b"".join(
        b"+OK %d octets\r\nSubject: %d\r\n\r\n%d\r\n.\r\n+OK\r\nSubject: %d\r\n\r\n.\r\n+OK\r\n"
        % (len(crlf(mail[n - 1])), n, n, n)
        for n in range(1, 501)
    )
    with serving(account(*mail)) as server:
        told = exchange(server, commands)
    assert told.split(b"500 messages\r\n", 1)[1] == expected + b"+OK bye\r\n"


def test_a_client_that_writes_all_before_it_reads_gets_every_answer() -> None:
    message = b"0123456789abcde\n" * 65_536
    with serving(account(message)) as server, connected(server) as client:
        client.sendall(LOGIN + b"RETR 1\r\n" * 30)
        writer = threading.Thread(target=client.sendall, args=(b"NOOP\r\n" * 200_000 + b"QUIT\r\n",))
        writer.start()
        told = rest(client)
        writer.join()
    assert told.count(b"\r\n.\r\n") == 30
    assert told.endswith(b"+OK\r\n" * 10 + b"+OK bye\r\n")
    assert told.count(b"\n") == 4 + 30 * (2 + 65_536) + 200_000


def test_a_connection_that_is_lost_before_quit_deletes_nothing() -> None:
    me = account(b"one", b"two")
    with serving(me) as server:
        for end in ("close", "reset", "half a line", "shutdown"):
            client = socket.create_connection(server.address, SECONDS)
            with closing(client):
                client.sendall(LOGIN + b"DELE 1\r\n" + (b"QUI" if end == "half a line" else b""))
                while not client.recv(4_096).endswith(b"marked as deleted\r\n"):
                    pass
                if end == "reset":
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if end == "shutdown":
                    client.shutdown(socket.SHUT_WR)
                    assert rest(client) == b""
            assert b"+OK 2 messages\r\n" in exchange(server, LOGIN)


def test_a_maildir_loses_what_was_deleted(tmp_path: Path) -> None:
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "new/1.a.host").write_bytes(b"Subject: one\n\n1\n")
    (tmp_path / "cur/2.a.host:2,S").write_bytes(b"Subject: two\n\n2\n")
    maildir = popmail.Maildir(tmp_path)
    assert (len(maildir), maildir.path) == (2, tmp_path)
    with serving(popmail.Account("open sesame", maildir)) as server:
        told = exchange(server, LOGIN + b"UIDL\r\nRETR 2\r\nDELE 1\r\nQUIT\r\n")
        assert b"\r\n1 1.a.host\r\n2 2.a.host\r\n.\r\n" in told
        assert b"+OK 19 octets\r\nSubject: two\r\n" in told
        assert [file.name for file in tmp_path.glob("*/*")] == ["2.a.host:2,S"]
        (tmp_path / "new/3.a.host").write_bytes(b"x")
        assert b"\r\n1 2.a.host\r\n2 3.a.host\r\n.\r\n" in exchange(server, LOGIN + b"UIDL\r\n")


def test_a_folder_that_is_no_maildir_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no Maildir: expected new, cur and tmp in "):
        popmail.Maildir(tmp_path)


def test_one_session_at_a_time_has_a_maildrop() -> None:
    with serving(account(b"one")) as server, connected(server) as client:
        client.sendall(LOGIN + b"NOOP\r\n")
        while not client.recv(4_096).endswith(b"+OK 1 message\r\n+OK\r\n"):
            pass
        assert b"-ERR [IN-USE] " in exchange(server, LOGIN)
        client.sendall(b"QUIT\r\n")
        assert b"+OK 1 message\r\n" in exchange(server, LOGIN)


def test_many_sessions_run_side_by_side() -> None:
    accounts = {f"user{number}": account(b"line of %d\n" % number * 10_000) for number in range(20)}
    told: dict[int, bytes] = {}

    def fetch(number: int) -> None:
        commands = f"USER user{number}\r\nPASS open sesame\r\nRETR 1\r\nQUIT\r\n".encode()
        told[number] = exchange(server, commands)

    with popmail.Server(accounts, allow_cleartext=True) as server:
        threads = [threading.Thread(target=fetch, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for number in range(20):
        assert told[number].count(b"line of %d\r\n" % number) == 10_000
        assert told[number].endswith(b".\r\n+OK bye\r\n")


@pytest.mark.parametrize("way", ["clear", "TLS"])
def test_the_server_closes_after_quit_while_the_client_waits(certificates: Certificates, way: str) -> None:
    message = b"0123456789abcde\n" * 100_000
    tls = certificates.server_context() if way == "TLS" else None
    with (
        popmail.Server({"me": account(message)}, tls=tls, allow_cleartext=tls is None) as server,
        connected(server) as raw,
        certificates.client_context().wrap_socket(raw, server_hostname="localhost") if tls else raw as client,
    ):
        client.sendall(LOGIN + b"RETR 1\r\n" * 5 + b"QUIT\r\n")
        told = rest(client)
    assert told.endswith(b".\r\n+OK bye\r\n")
    assert told.count(b"\n") == 4 + 5 * 100_002


# Logins and TLS


def test_a_server_without_tls_needs_leave_to_be_one() -> None:
    with pytest.raises(popmail.UsageError, match="without tls passwords cross the network readable") as caught:
        popmail.Server({})
    assert caught.value.code == "POP3_ERR_USAGE_ARGUMENT"


def test_no_password_is_taken_before_tls(certificates: Certificates) -> None:
    with popmail.Server({"me": account()}, tls=certificates.server_context(), implicit_tls=False) as server:
        told = exchange(server, LOGIN)
    assert told.count(b"-ERR passwords are taken over TLS only\r\n") == 2


@pytest.mark.parametrize("residue", [b"C", b"CAPA\r\n", b"USER me\r\n"])
def test_octets_between_stls_and_tls_close_the_connection(certificates: Certificates, residue: bytes) -> None:
    with popmail.Server({"me": account()}, tls=certificates.server_context(), implicit_tls=False) as server:
        with connected(server) as client:
            client.sendall(b"STLS\r\n" + residue)
            told = rest(client).split(b"\r\n", 1)[1]
        assert told == b"-ERR nothing may follow STLS but the TLS handshake\r\n"


def test_commands_in_the_packet_of_the_handshake_are_answered(certificates: Certificates) -> None:
    with popmail.Server({"me": account(b"one")}, tls=certificates.server_context(), implicit_tls=False) as server:
        for _ in range(20):
            with connected(server) as raw:
                raw.sendall(b"STLS\r\n")
                while not raw.recv(4_096).endswith(b"+OK begin TLS\r\n"):
                    pass
                incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                tls = certificates.client_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
                while True:
                    try:
                        tls.do_handshake()
                        break
                    except ssl.SSLWantReadError:
                        raw.sendall(outgoing.read())
                        incoming.write(raw.recv(65_536))
                # The end of the handshake and the first commands in one segment.
                tls.write(LOGIN + b"QUIT\r\n")
                raw.sendall(outgoing.read())
                told = b""
                while not told.endswith(b"+OK bye\r\n"):
                    incoming.write(raw.recv(65_536))
                    while chunk := _read(tls):
                        told += chunk
                assert told == b"+OK\r\n+OK 1 message\r\n+OK bye\r\n"


def _read(tls: ssl.SSLObject) -> bytes:
    try:
        return tls.read(65_536)
    except ssl.SSLWantReadError:
        return b""


def test_failed_logins_are_alike_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "popmail.server")
    refusal = b"-ERR [AUTH] wrong name or password\r\n"
    with serving(account(), limits=QUICK) as server:
        tries = b"USER me\r\nPASS wrong\r\nUSER nobody\r\nPASS open sesame\r\nAPOP me 00\r\nNOOP\r\n"
        told = exchange(server, tries)
    assert told.split(b"\r\n", 1)[1] == (b"+OK\r\n" + refusal) * 2 + refusal
    assert "failed login for 'nobody'" in caplog.text
    assert "closed (failed_logins)" in caplog.text
    assert "sesame" not in caplog.text
    assert "wrong" not in caplog.text


def test_a_failed_login_is_answered_late() -> None:
    with serving(account(), limits=ServerLimits(failed_login_delay=0.05)) as server:
        assert b"-ERR [AUTH]" in exchange(server, b"USER me\r\nPASS wrong\r\n")


def test_the_stamp_is_new_for_each_connection() -> None:
    with serving(account(b"one")) as server:
        greetings = {exchange(server, b"QUIT\r\n") for _ in range(5)}
        assert len(greetings) == 5
        with connected(server) as client:
            greeting = client.recv(512)
            stamp = greeting[greeting.index(b"<") : greeting.index(b">") + 1]
            digest = hashlib.md5(stamp + b"open sesame").hexdigest()
            client.sendall(f"APOP me {digest}\r\nQUIT\r\n".encode())
            assert rest(client) == b"+OK 1 message\r\n+OK bye\r\n"


def test_an_account_hides_its_password() -> None:
    assert "sesame" not in repr(account())


# Bounds


def test_a_silent_client_is_logged_out_without_a_commit() -> None:
    me = account(b"one")
    with serving(me, timeout=0.1) as server, connected(server) as client:
        client.sendall(LOGIN + b"DELE 1\r\n")
        assert rest(client).endswith(b"marked as deleted\r\n")
        assert isinstance(me.maildrop, popmail.MemoryMaildrop)
        assert me.maildrop.messages == [b"one"]


def test_a_client_that_does_not_log_in_is_closed() -> None:
    with serving(account(), limits=ServerLimits(login_timeout=0.1)) as server, connected(server) as client:
        assert rest(client).count(b"\n") == 1


def test_a_client_that_does_not_read_is_closed() -> None:
    with serving(account(b"x" * 30_000_000), timeout=0.2) as server, connected(server) as client:
        client.sendall(LOGIN + b"RETR 1\r\n")
        assert b"+OK 1 message\r\n" in exchange_when_free(server)
        # What was on the way arrives, and no terminator.
        told = rest(client)
    assert len(told) < 30_000_000
    assert not told.endswith(b".\r\n")


def exchange_when_free(server: popmail.Server) -> bytes:
    while b"[IN-USE]" in (told := exchange(server, LOGIN)):
        pass
    return told


def test_bad_commands_close_with_an_answer_that_arrives() -> None:
    with serving(account()) as server, connected(server) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n" + b"x" * 100_000)
        assert rest(client).endswith(b"-ERR too many bad commands\r\n")


# Maildrops of others


class Odd:
    """A maildrop that fails where it is told to."""

    def __init__(self, *, fails: str = "", uid: str = "a") -> None:
        self.fails = fails
        self.uid = uid
        self.removed: list[int] = []
        self.closed = 0

    def refresh(self) -> None:
        self._fail("refresh")

    def entries(self) -> Sequence[tuple[str, int]]:
        return [(self.uid, 10), ("b", 20)]

    def open(self, number: int, /) -> Odd:
        self._fail("open")
        if self.fails == "gone":
            raise FileNotFoundError(f"message {number}")
        self.stream = io.BytesIO(b"A: b\n\n" + b"line\n" * 100_000)
        return self

    def read(self, size: int, /) -> bytes:
        if self.stream.tell() > 300_000:
            self._fail("read")
        return self.stream.read(min(size, 10_000))

    def close(self) -> None:
        self.closed += 1

    def commit(self, deleted: Sequence[int], /) -> None:
        self._fail("commit")
        self.removed.extend(deleted)

    def _fail(self, place: str) -> None:
        if self.fails == place:
            raise RuntimeError(f"the {place} fails")


def test_a_maildrop_of_ones_own_is_served() -> None:
    odd = Odd()
    with serving(popmail.Account("open sesame", odd)) as server:
        told = exchange(server, LOGIN + b"RETR 1\r\nTOP 1 2\r\nDELE 2\r\nQUIT\r\n")
    assert told.count(b"line\r\n") == 100_002
    assert told.endswith(b"+OK\r\nA: b\r\n\r\nline\r\nline\r\n.\r\n+OK marked as deleted\r\n+OK bye\r\n")
    assert odd.removed == [2]
    assert odd.closed == 2


@pytest.mark.parametrize(
    ("fails", "answer", "log"),
    [
        ("refresh", b"-ERR [SYS/TEMP] failed for now, try again later\r\n-ERR log in first\r\n", "cannot be opened"),
        ("open", b"-ERR [SYS/TEMP] failed for now, try again later\r\n+OK marked", "cannot be opened"),
        ("gone", b"-ERR message is gone\r\n+OK marked", ""),
        ("commit", b"-ERR [SYS/TEMP] some deleted messages are not removed\r\n", "cannot be removed"),
    ],
)
def test_a_maildrop_that_fails_is_told_and_logged(
    caplog: pytest.LogCaptureFixture, fails: str, answer: bytes, log: str
) -> None:
    odd = Odd(fails=fails)
    with serving(popmail.Account("open sesame", odd)) as server:
        told = exchange(server, LOGIN + b"RETR 1\r\nDELE 1\r\nQUIT\r\n")
    assert answer in told
    assert log in caplog.text
    assert odd.removed == ([1] if fails in ("open", "gone") else [])


def test_a_maildrop_that_fails_within_a_message_ends_it_without_the_terminator() -> None:
    odd = Odd(fails="read")
    with serving(popmail.Account("open sesame", odd)) as server:
        told = exchange(server, LOGIN + b"RETR 1\r\nDELE 1\r\nQUIT\r\n")
        assert b"line\r\n" in told
        assert b"\r\n.\r\n" not in told
        assert b"bye" not in told
        odd.fails = ""
        assert b"+OK 2 messages" in exchange(server, LOGIN)
    assert odd.removed == []
    assert odd.closed == 1


@pytest.mark.parametrize("uid", ["b", "", "two words", "x" * 71, "\r\n+OK"])
def test_a_maildrop_with_bad_uids_is_refused(caplog: pytest.LogCaptureFixture, uid: str) -> None:
    with serving(popmail.Account("open sesame", Odd(uid=uid))) as server:
        assert b"-ERR [SYS/PERM] " in exchange(server, LOGIN)
    assert "is refused: " in caplog.text


def test_memory_takes_more_messages_while_it_is_served() -> None:
    maildrop = popmail.MemoryMaildrop([b"one", bytearray(b"one")])
    uids = [uid for uid, _ in maildrop.entries()]
    assert uids[1] == f"{uids[0]}-2"
    with serving(popmail.Account("open sesame", maildrop)) as server:
        assert b"+OK 2 messages\r\n" in exchange(server, LOGIN + b"DELE 1\r\nQUIT\r\n")
        maildrop.append(b"two")
        assert b"+OK 2 messages\r\n" in exchange(server, LOGIN)
    assert len(maildrop) == 2
    assert maildrop.entries()[0] == (uids[1], 5)
    with pytest.raises(TypeError):
        popmail.MemoryMaildrop(["text"])  # type: ignore[list-item]


# The life of a server


def test_a_server_ends_at_once_while_clients_wait() -> None:
    with serving(account(b"one")) as server, connected(server) as client:
        client.sendall(LOGIN + b"NOOP\r\n")
        while not client.recv(4_096).endswith(b"+OK 1 message\r\n+OK\r\n"):
            pass
        port = server.port
        server.__exit__(None, None, None)
        assert rest(client) == b""
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", port), SECONDS)
        with pytest.raises(popmail.UsageError, match="no address"):
            _ = server.port


def test_a_server_can_run_again_but_not_twice() -> None:
    with serving(account()) as server:
        with pytest.raises(popmail.UsageError, match="runs already"):
            server.__enter__()
        assert exchange(server, b"QUIT\r\n").endswith(b"+OK bye\r\n")
    with server:
        assert exchange(server, b"QUIT\r\n").endswith(b"+OK bye\r\n")


def test_a_port_that_is_taken_is_an_os_error() -> None:
    with serving(account()) as server, pytest.raises(OSError, match="in use"), serving(account(), port=server.port):
        pass


def test_a_server_runs_in_the_callers_event_loop() -> None:
    async def main() -> bytes:
        server = popmail.Server({"me": account(b"one")}, allow_cleartext=True)
        with pytest.raises(popmail.UsageError, match="does not run"):
            await server.serve_forever()
        async with server:
            forever = asyncio.create_task(server.serve_forever())
            reader, writer = await asyncio.open_connection(*server.address)
            writer.write(LOGIN + b"QUIT\r\n")
            told = await reader.read()
            writer.close()
            await writer.wait_closed()
            assert not forever.done()
        await forever
        return told

    assert asyncio.run(main()).endswith(b"+OK\r\n+OK 1 message\r\n+OK bye\r\n")


# The dialogues that every language drives


def dialogues() -> Iterator[Any]:
    for path in VECTORS:
        vector = json.loads(path.read_text("utf-8"))
        for way in ("whole", "bytes", "pipelined"):
            if way in vector.get("drive", [way]):
                yield pytest.param(vector, way, id=f"{path.stem}-{way}")


@pytest.mark.parametrize(("vector", "way"), list(dialogues()))
def test_dialogue(vector: dict[str, Any], way: str) -> None:
    host = Host(vector)
    host.run()
    held, expected, closed = b"", b"", None

    def send() -> None:
        nonlocal held
        pieces = [held[at : at + 1] for at in range(len(held))] if way == "bytes" else [held]
        held = b""
        for piece in pieces:
            host.engine.receive(piece)
            host.run()

    for step in vector["dialogue"]:
        ((kind, value),) = step.items()
        if kind == "server":
            expected += octets(value)
            continue
        if kind == "client":
            held += octets(value)
        if kind != "client" or way != "pipelined":
            send()
        match kind:
            case "tls":
                assert host.wants_tls
                host.engine.tls_established()
                host.run()
            case "eof":
                host.engine.receive_eof()
                host.run()
            case "closed":
                closed = value
    send()
    assert host.wire == expected
    assert host.closed == closed
    for user, given in vector["accounts"].items():
        messages = [octets(message) for message in given["messages"]]
        remaining = given.get("remaining", range(1, len(messages) + 1))
        assert host.maildrops[user].messages == [messages[number - 1] for number in remaining]


def octets(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if "text" in value:
        return str(value["text"]).encode()
    if "base64" in value:
        return base64.b64decode(value["base64"])
    text, times = value["repeat"]
    return str(text).encode() * int(times)


OPTIONS = ("utf8", "lang", "last", "xclient", "expire", "login_delay")


def faults(given: dict[str, Any]) -> Faults:
    return Faults(**{name: octets(value) if name == "stls_residue" else value for name, value in given.items()})


class Host:
    """The loop of a host, without a network."""

    def __init__(self, vector: dict[str, Any]) -> None:
        config = vector["config"]
        self.accounts = vector["accounts"]
        self.maildrops = {
            user: popmail.MemoryMaildrop(octets(message) for message in given["messages"])
            for user, given in self.accounts.items()
        }
        self.engine = ServerEngine(
            tls=config.get("tls", "implicit"),
            allow_cleartext=config.get("allow_cleartext", False),
            greeting=config.get("greeting", ""),
            apop_stamp=config.get("apop_stamp"),
            implementation=config.get("implementation"),
            mechanisms=config.get("mechanisms"),
            seed=config.get("seed", "").encode(),
            **{
                name: config[name]
                for name in ("utf8", "lang", "last", "xclient", "expire", "login_delay")
                if name in config
            },
            faults=faults(config.get("faults", {})),
            limits=ServerLimits(failed_login_delay=0, bad_command_delay=0, **config.get("limits", {})),
        )
        self.wire = b""
        self.wants_tls = False
        self.closed: str | None = None

    def run(self) -> None:
        while True:
            wrote = self.engine.take_output()
            self.wire += wrote
            event = self.engine.next_event()
            if event is not None:
                self.handle(event)
            elif not wrote:
                return

    def handle(self, event: object) -> None:
        assert self.closed is None
        match event:
            case Authenticate():
                password = self.accounts.get(event.user, {}).get("password")
                # A token is right if it is the password.
                right = event.token == password if event.token else event.verify((password or "nobody").encode())
                if password is not None and right:
                    self.engine.accept_login()
                else:
                    self.engine.refuse_login("bad_credentials")
            case KeysWanted():
                account = self.accounts.get(event.user)
                made = account and ScramKeys.from_password(
                    account["password"].encode(), salt=event.salt, iterations=event.iterations
                )
                self.engine.provide_keys(made)
            case OpenMaildrop():
                if self.accounts[event.user].get("in_use"):
                    self.engine.refuse_login("in_use")
                else:
                    self.engine.maildrop_opened(self.maildrops[event.user].entries())
            case Retrieve():
                self.retrieve(event.number)
            case Commit():
                assert self.engine.user is not None
                if self.accounts[self.engine.user].get("commit_fails"):
                    self.engine.commit_failed("sys_temp")
                else:
                    self.maildrops[self.engine.user].commit(event.deleted)
                    self.engine.committed()
            case ServerTlsReady():
                self.wants_tls = True
            case LoginFailed() | CommandRefused() | ClientForwarded():
                pass
            case ServerConnectionClosed():
                self.closed = event.reason
            case _:
                raise AssertionError(event)

    def retrieve(self, number: int) -> None:
        user = self.engine.user
        assert user is not None
        message = self.accounts[user]["messages"][number - 1]
        fails_after = message.get("fails_after") if isinstance(message, dict) else None
        reader = self.maildrops[user].open(number)
        if fails_after is not None:
            self.engine.send_content(reader.read(fails_after))
            self.engine.fail_content()
            return
        while (chunk := reader.read(7)) and self.engine.state != "failed" and not self.engine.content_is_complete():
            self.engine.send_content(chunk)
        if self.engine.state != "failed":  # by a fault
            self.engine.finish_content()
