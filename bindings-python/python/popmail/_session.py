"""One client of a server: octets in and out, and what the engine asks.

What the protocol demands is decided in the core. This file waits, writes,
begins TLS and calls maildrops, which may block, in threads.
"""

import asyncio
import contextlib
import dataclasses
import itertools
import logging
import secrets
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from ._native import (
    Authenticate,
    Commit,
    LoginFailed,
    OpenMaildrop,
    Retrieve,
    ServerConnectionClosed,
    ServerEngine,
    ServerLimits,
    ServerTlsReady,
    __version__,
)
from .error import UsageError
from .maildrop import Account, Maildrop, MaildropReader, MemoryMaildrop

_log = logging.getLogger("popmail.server")
_Result = TypeVar("_Result")


@dataclasses.dataclass(eq=False)
class House:
    """What the sessions of one server share."""

    accounts: Mapping[str, Account]
    tls: ssl.SSLContext | None
    implicit_tls: bool
    allow_cleartext: bool
    limits: ServerLimits | None
    timeout: float
    stopping: bool = False

    def __post_init__(self) -> None:
        self.numbers = itertools.count(1)
        self.sessions: dict[Session, asyncio.Task[None]] = {}
        self.in_use: dict[int, asyncio.Event] = {}

    def add(self, session: "Session") -> None:
        """Runs a session until its connection is over."""
        task = asyncio.get_running_loop().create_task(session.run(), name=f"popmail session {session.number}")
        self.sessions[session] = task
        task.add_done_callback(lambda _: self.sessions.pop(session, None))
        if self.stopping:
            session.stop()

    async def stop(self) -> None:
        """Ends sessions that wait for their clients at once; others get a moment to end their work."""
        self.stopping = True
        for session in self.sessions:
            session.stop()
        if self.sessions:
            await asyncio.wait(self.sessions.values(), timeout=_STOP_SECONDS)
        left = dict(self.sessions)
        for session, task in left.items():
            session.abort()
            task.cancel()
        if left:
            await asyncio.wait(left.values())

    async def claim(self, maildrop: Maildrop) -> bool:
        """Takes a maildrop for one session; waits a moment for one that is ending."""
        try:
            async with asyncio.timeout(_CLAIM_SECONDS):
                while (released := self.in_use.get(id(maildrop))) is not None:
                    await released.wait()
        except TimeoutError:
            return False
        self.in_use[id(maildrop)] = asyncio.Event()
        return True

    def release(self, maildrop: Maildrop) -> None:
        self.in_use.pop(id(maildrop)).set()


class Session(asyncio.Protocol):
    """One client: what the engine asks is done here, one request at a time."""

    def __init__(self, house: House) -> None:
        self.number = next(house.numbers)
        self._house = house
        self._transport: asyncio.Transport | None = None
        self._wake = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._lost = False
        self._ended = False
        self._stopping = False
        # What comes through TLS before start_tls has returned.
        self._early: list[bytes] | None = None
        self._maildrop: Maildrop | None = None
        self._engine = ServerEngine(
            tls="implicit" if house.implicit_tls else "none" if house.tls is None else "starttls",
            allow_cleartext=house.allow_cleartext,
            greeting="popmail ready",
            apop_stamp=f"<{secrets.token_hex(16)}@popmail>",
            implementation=f"popmail-{__version__}",
            timeout=house.timeout,
            limits=house.limits,
        )

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        _log.info("%d: connection from %s", self.number, _peer(transport))
        self._house.add(self)

    def data_received(self, data: bytes) -> None:
        if self._early is not None:
            self._early.append(data)
            return
        self._engine.receive(data)
        self._read_or_pause()
        self._wake.set()

    def eof_received(self) -> bool:
        self._ended = True
        self._engine.receive_eof()
        self._wake.set()
        # A client may close its half and still read; under TLS it cannot.
        return not self._engine.is_secure

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._engine.receive_eof()
        self._writable.set()
        self._wake.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # What the server calls.

    def stop(self) -> None:
        """Ends the session as soon as it waits for its client."""
        self._stopping = True
        self._wake.set()

    def abort(self) -> None:
        """Ends the connection now."""
        if self._transport is not None:
            self._transport.abort()

    async def run(self) -> None:
        try:
            reason = await self._serve()
            _log.info("%d: closed (%s)", self.number, reason)
        except _ConnectionGone:
            _log.info("%d: closed (connection_lost)", self.number)
        except (OSError, ssl.SSLError) as error:
            _log.info("%d: closed (%s)", self.number, error)
        except Exception:
            _log.exception("%d: closed by an error of the server", self.number)
        finally:
            self._leave_maildrop()
            self.abort()

    # The loop of DESIGN section 2: output, events, then input or time.

    async def _serve(self) -> str:
        while True:
            self._engine.handle_timeout(time.monotonic())
            wrote = await self._flush()
            event = self._engine.next_event()
            if isinstance(event, ServerConnectionClosed):
                await self._flush()
                self._leave_maildrop()
                await self._close()
                return event.reason
            if event is not None:
                await self._handle(event)
            elif not wrote:
                if self._stopping:
                    await self._hang_up(_STOP_SECONDS / 2)
                    return "server stopped"
                await self._wait()

    async def _wait(self) -> None:
        self._read_or_pause()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._engine.timeout()):
                await self._wake.wait()
        self._wake.clear()

    async def _handle(self, event: object) -> None:
        match event:
            case Authenticate():
                self._authenticate(event)
            case OpenMaildrop():
                await self._open_maildrop(event.user)
            case Retrieve():
                await self._retrieve(event.number)
            case Commit():
                await self._commit(event.deleted)
            case ServerTlsReady():
                await self._start_tls()
            case LoginFailed():
                _log.warning("%d: failed login for %r", self.number, event.user)
            case _:
                raise AssertionError(f"unknown event {event!r}")

    def _authenticate(self, event: Authenticate) -> None:
        account = self._house.accounts.get(event.user)
        # A name that does not exist costs the same work as one that does.
        secret = secrets.token_hex(16) if account is None else account.password
        if event.verify(secret.encode()) and account is not None:
            self._engine.accept_login()
        else:
            self._engine.refuse_login("bad_credentials")

    async def _open_maildrop(self, user: str) -> None:
        account = self._house.accounts.get(user)
        if account is None:
            self._engine.refuse_login("sys_temp")
            return
        maildrop = account.maildrop
        if not await self._house.claim(maildrop):
            self._engine.refuse_login("in_use")
            return
        self._maildrop = maildrop

        def look() -> list[tuple[str, int]]:
            maildrop.refresh()
            return list(maildrop.entries())

        try:
            self._engine.maildrop_opened(await self._ask(look))
            _log.info("%d: %r logged in", self.number, user)
        except UsageError as error:
            _log.error("%d: maildrop of %r is refused: %s", self.number, user, error)
            self._leave_maildrop()
            self._engine.refuse_login("sys_perm")
        except Exception:
            _log.exception("%d: maildrop of %r cannot be opened", self.number, user)
            self._leave_maildrop()
            self._engine.refuse_login("sys_temp")

    async def _retrieve(self, number: int) -> None:
        try:
            reader, chunk, ended = await self._ask(lambda: _begin(self._opened, number))
        except FileNotFoundError:
            self._engine.refuse_content("gone")
            return
        except Exception:
            _log.exception("%d: message %d cannot be opened", self.number, number)
            self._engine.refuse_content("sys_temp")
            return
        try:
            while True:
                self._engine.send_content(chunk)
                if ended or self._engine.content_is_complete():
                    break
                while not self._engine.wants_content():
                    await self._flush()
                chunk, ended = await self._ask(lambda: _fill(reader))
            self._engine.finish_content()
        except _ConnectionGone:
            raise
        except Exception:
            _log.exception("%d: message %d cannot be read", self.number, number)
            self._engine.fail_content()
        finally:
            await self._ask(reader.close)

    async def _commit(self, deleted: list[int]) -> None:
        try:
            await self._ask(lambda: self._opened.commit(deleted))
        except Exception:
            _log.exception("%d: messages cannot be removed", self.number)
            self._leave_maildrop()
            self._engine.commit_failed("sys_temp")
        else:
            _log.info("%d: %d messages removed", self.number, len(deleted))
            # Before the answer, so that a client that logs in anew finds it free.
            self._leave_maildrop()
            self._engine.committed()

    async def _start_tls(self) -> None:
        if self._transport is None or self._house.tls is None:
            raise AssertionError("STLS was offered without a context")
        # From here on the transport hands us nothing but what came through TLS.
        self._early = []
        upgraded = await asyncio.get_running_loop().start_tls(
            self._transport,
            self,
            self._house.tls,
            server_side=True,
            ssl_handshake_timeout=HANDSHAKE_SECONDS,
        )
        if upgraded is None:
            raise _ConnectionGone
        self._transport = upgraded
        self._engine.tls_established()
        early, self._early = self._early, None
        for data in early:
            self.data_received(data)

    @property
    def _opened(self) -> Maildrop:
        if self._maildrop is None:
            raise AssertionError("a message is asked for without a maildrop")
        return self._maildrop

    async def _ask(self, work: Callable[[], _Result]) -> _Result:
        """Does what may block in a thread; memory does not block."""
        if isinstance(self._maildrop, MemoryMaildrop):
            return work()
        return await asyncio.to_thread(work)

    def _leave_maildrop(self) -> None:
        if self._maildrop is not None:
            self._house.release(self._maildrop)
            self._maildrop = None

    async def _flush(self) -> bool:
        """Writes what there is, and waits while the client does not read."""
        wrote = False
        while output := self._engine.take_output():
            wrote = True
            if self._lost or self._transport is None or self._transport.is_closing():
                # A client may leave right after QUIT, but not while it is sent a message.
                if self._engine.wants_content():
                    raise _ConnectionGone
                continue
            self._transport.write(output)
            await self._until_writable()
        return wrote

    def _read_or_pause(self) -> None:
        """Stops reading while enough commands wait."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._engine.wants_input():
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    async def _close(self) -> None:
        """Sends what is written, and gives the client a moment to close first.

        A socket that is closed while octets of the client are unread is
        reset, and the client may lose our last reply.
        """
        transport = self._transport
        if transport is None or self._lost:
            return
        # Not high=0, with which TLS pauses an empty buffer for good.
        transport.set_write_buffer_limits(high=1, low=0)
        await self._until_writable()
        if transport.can_write_eof():
            transport.write_eof()
            transport.resume_reading()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LINGER_SECONDS):
                    while not (self._lost or self._ended):
                        self._wake.clear()
                        await self._wake.wait()
        await self._hang_up(HANDSHAKE_SECONDS)

    async def _hang_up(self, seconds: float) -> None:
        """Closes in order, if the client lets us do so in time."""
        if self._transport is not None:
            self._transport.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._lost:
                    self._wake.clear()
                    await self._wake.wait()

    async def _until_writable(self) -> None:
        if self._writable.is_set():
            return
        try:
            async with asyncio.timeout(self._house.timeout):
                await self._writable.wait()
        except TimeoutError:
            raise _ConnectionGone from None


class _ConnectionGone(Exception):
    """Nobody is there to answer."""


def _begin(maildrop: Maildrop, number: int) -> tuple[MaildropReader, bytes, bool]:
    """Opens a message and reads its start, all of it if it is small."""
    reader = maildrop.open(number)
    try:
        return reader, *_fill(reader)
    except BaseException:
        reader.close()
        raise


def _fill(reader: MaildropReader) -> tuple[bytes, bool]:
    """Reads the next octets; True at the end of the message."""
    chunks: list[bytes] = []
    missing = _CHUNK_OCTETS
    while missing > 0:
        chunk = reader.read(missing)
        if not chunk:
            return b"".join(chunks), True
        chunks.append(chunk)
        missing -= len(chunk)
    return b"".join(chunks), False


def _peer(transport: asyncio.BaseTransport) -> str:
    name: Any = transport.get_extra_info("peername")
    return f"{name[0]} port {name[1]}" if name else "a client without an address"


_CHUNK_OCTETS = 256 * 1024
# For a session that is ending while its client logs in anew.
_CLAIM_SECONDS = 1.0
HANDSHAKE_SECONDS = 30.0
_LINGER_SECONDS = 2.0
_STOP_SECONDS = 5.0
