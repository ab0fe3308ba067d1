"""One client of a server: octets in and out, and what the engine asks.

What the protocol demands is decided in the core. This file waits, writes,
begins TLS and calls maildrops, which may block, in threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import secrets
import ssl
import time
from typing import TYPE_CHECKING, Any, cast

from ._native import (
    Authenticate,
    ClientForwarded,
    CommandRefused,
    Commit,
    KeysWanted,
    LineReceived,
    LoginFailed,
    OpenMaildrop,
    Retrieve,
    ServerConnectionClosed,
    ServerEngine,
    ServerTlsReady,
    __version__,
)
from .error import UsageError

if TYPE_CHECKING:
    from ._house import AnyMaildrop, House

_log = logging.getLogger("popmail.server")


class Session(asyncio.Protocol):
    """One client: what the engine asks is done here, one request at a time."""

    def __init__(self, house: House) -> None:
        self.number = next(house.numbers)
        self.address = ""
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
        self._maildrop: AnyMaildrop | None = None
        self._granted: AnyMaildrop | None = None
        self._engine = self._make_engine(trusted=False)

    def _make_engine(self, *, trusted: bool) -> ServerEngine:
        house = self._house
        return ServerEngine(
            tls="implicit" if house.implicit_tls else "none" if house.tls is None else "starttls",
            allow_cleartext=house.allow_cleartext,
            greeting=house.greeting,
            apop_stamp=f"<{secrets.token_hex(16)}@popmail>" if house.apop else None,
            implementation=f"popmail-{__version__}",
            mechanisms=list(house.mechanisms),
            seed=secrets.token_bytes(32),
            salt_key=house.salt_key,
            utf8=True,
            lang=True,
            expire=house.expire,
            login_delay=house.login_delay or None,
            xclient=trusted,
            trace=house.on_line is not None,
            faults=house.faults,
            timeout=house.timeout,
            limits=house.limits,
        )

    def _note(self, level: int, text: str, event: str, /, *, trace: bool = False, **fields: Any) -> None:
        """Logs a line for people; its record has the same as a dictionary, in ``record.popmail``. Never a secret."""
        known = {"event": event, "session": self.number, "address": self.address, "user": self._engine.user, **fields}
        _log.log(level, "%d: %s", self.number, text, exc_info=trace, extra={"popmail": known})

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        name: Any = transport.get_extra_info("peername")
        self.address = str(name[0]) if name else "local"
        if self.address in self._house.trusted_proxies:
            self._engine = self._make_engine(trusted=True)
        if not self._house.admits(self.address):
            self._note(logging.WARNING, f"too many connections, refused {self.address}", "refused")
            self._transport.write(b"-ERR [SYS/TEMP] too many connections, try again later\r\n")
            self._transport.close()
            return
        peer = f"{name[0]} port {name[1]}" if isinstance(name, tuple) else "a client without an address"
        self._note(logging.INFO, f"connection from {peer}", "connected")
        self._house.add(self)

    def data_received(self, data: bytes) -> None:
        if self._early is not None:
            self._early.append(data)
            return
        self._house.metrics["octets_received"] += len(data)
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
        reason = "connection_lost"
        try:
            reason = await self._serve()
        except _ConnectionGone:
            pass
        except (OSError, ssl.SSLError) as error:
            reason = str(error)
        except Exception:
            reason = "server_error"
            self._note(logging.ERROR, "closed by an error of the server", "error", trace=True)
        finally:
            await self._leave_maildrop()
            self.abort()
        self._note(logging.INFO, f"closed ({reason})", "closed", reason=reason)

    # The loop of DESIGN section 2: output, events, then input or time.

    async def _serve(self) -> str:
        while True:
            self._engine.handle_timeout(time.monotonic())
            wrote = await self._flush()
            event = self._engine.next_event()
            if isinstance(event, ServerConnectionClosed):
                await self._flush_all()
                await self._leave_maildrop()
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
                await self._authenticate(event)
            case KeysWanted():
                self._engine.provide_keys(await self._house.keys(event.user, event.salt, event.iterations))
            case OpenMaildrop():
                await self._open_maildrop(event.user)
            case Retrieve():
                await self._retrieve(event.number)
            case Commit():
                await self._commit(event.deleted)
            case ServerTlsReady():
                await self._start_tls()
            case LoginFailed():
                self._note_failure(event)
            case CommandRefused():
                self._house.metrics["commands_refused"] += 1
            case ClientForwarded():
                self._note(logging.INFO, f"speaks for {event.address}", "forwarded", client=event.address)
                self.address = event.address
            case LineReceived():
                if self._house.on_line is not None:
                    self._house.on_line(event.line)
            case _:
                raise AssertionError(f"unknown event {event!r}")

    def _note_failure(self, event: LoginFailed) -> None:
        count = self._house.failed(self.address)
        self._note(
            logging.WARNING,
            f"failed login for {event.user!r} from {self.address}, number {count} from there",
            "login_failed",
            user=event.user,
            count=event.count,
            from_address=count,
            delay=event.delay,
        )

    async def _authenticate(self, event: Authenticate) -> None:
        self._engine.penalize(self._house.penalty(self.address))
        try:
            self._granted = await self._house.let_in(event, self.address, self._engine.is_secure)
        except Exception:
            self._note(logging.ERROR, f"login of {event.user!r} cannot be checked", "login_error", trace=True)
            self._engine.refuse_login("sys_temp")
            return
        if self._granted is None:
            self._engine.refuse_login("bad_credentials")
        else:
            self._engine.accept_login()

    async def _open_maildrop(self, user: str) -> None:
        maildrop = self._granted if self._granted is not None else self._house.maildrop_of(user)
        self._granted = None
        if maildrop is None:
            self._engine.refuse_login("sys_temp")
            return
        if self._house.comes_too_soon(user):
            self._engine.refuse_login("login_delay")
            return
        if not await self._house.claim(maildrop):
            self._engine.refuse_login("in_use")
            return
        self._maildrop = maildrop
        try:
            await self._house.ask(maildrop.refresh)
            entries = list(await self._house.ask(maildrop.entries))
            self._engine.maildrop_opened(entries)
            self._house.metrics["logins"] += 1
            self._note(logging.INFO, f"{user!r} logged in", "login")
            return
        except BlockingIOError:
            refusal = "in_use"
        except UsageError as error:
            refusal = "sys_perm"
            self._maildrop_error(f"maildrop of {user!r} is refused: {error}")
        except Exception:
            refusal = "sys_temp"
            self._maildrop_error(f"maildrop of {user!r} cannot be opened", trace=True)
        await self._leave_maildrop()
        self._engine.refuse_login(refusal)

    def _maildrop_error(self, text: str, *, trace: bool = False) -> None:
        self._house.metrics["maildrop_errors"] += 1
        self._note(logging.ERROR, text, "maildrop_error", trace=trace)

    async def _retrieve(self, number: int) -> None:
        source = None
        try:
            source = await _Source.open(self._house, self._opened, number)
            chunk, ended = await source.fill()
        except FileNotFoundError:
            self._engine.refuse_content("gone")
        except Exception:
            self._maildrop_error(f"message {number} cannot be opened", trace=True)
            self._engine.refuse_content("sys_temp")
        else:
            await self._send(number, source, chunk, ended)
        finally:
            if source is not None:
                await source.close()

    async def _send(self, number: int, source: _Source, chunk: bytes, ended: bool) -> None:
        try:
            while True:
                self._engine.send_content(chunk)
                if ended or self._engine.content_is_complete():
                    break
                while not self._engine.wants_content():
                    if self._engine.state == "failed":
                        return  # a fault that a test asked for, in the middle of the message
                    if not await self._flush():
                        await self._wait()
                        self._engine.handle_timeout(time.monotonic())
                chunk, ended = await source.fill()
            if self._engine.state != "failed":
                self._engine.finish_content()
                self._house.metrics["messages_sent"] += 1
        except _ConnectionGone:
            raise
        except Exception:
            self._maildrop_error(f"message {number} cannot be read", trace=True)
            self._engine.fail_content()

    async def _commit(self, deleted: list[int]) -> None:
        try:
            await self._house.ask(self._opened.commit, deleted)
        except Exception:
            self._maildrop_error("messages cannot be removed", trace=True)
            await self._leave_maildrop()
            self._engine.commit_failed("sys_temp")
        else:
            self._house.metrics["messages_deleted"] += len(deleted)
            self._note(logging.INFO, f"{len(deleted)} messages removed", "removed", count=len(deleted))
            # Before the answer, so that a client that logs in anew finds it free.
            await self._leave_maildrop()
            self._engine.committed()

    async def _start_tls(self) -> None:
        if self._transport is None or self._house.tls is None:
            raise AssertionError("STLS was offered without a context")
        # From here on the transport hands us nothing but what came through TLS.
        await self._flush_all()
        self._early = []
        upgraded = await asyncio.get_running_loop().start_tls(
            self._transport,
            self,
            self._house.tls,
            server_side=True,
            ssl_handshake_timeout=HANDSHAKE_SECONDS,
        )
        if upgraded is None:
            self._house.metrics["tls_failed"] += 1
            raise _ConnectionGone
        self._transport = upgraded
        self._engine.tls_established()
        early, self._early = self._early, None
        for data in early:
            self.data_received(data)

    @property
    def _opened(self) -> AnyMaildrop:
        if self._maildrop is None:
            raise AssertionError("a message is asked for without a maildrop")
        return self._maildrop

    async def _leave_maildrop(self) -> None:
        maildrop, self._maildrop = self._maildrop, None
        if maildrop is None:
            return
        try:
            release = getattr(maildrop, "release", None)
            if release is not None:
                await self._house.ask(release)
        except Exception:
            self._maildrop_error("maildrop cannot be released", trace=True)
        finally:
            self._house.release(maildrop)

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
            self._house.metrics["octets_sent"] += len(output)
            self._transport.write(output)
            await self._until_writable()
        return wrote

    async def _flush_all(self) -> None:
        """Writes what waits for its time too, as a fault may make it."""
        await self._flush()
        while self._engine.holds_output() and not self._lost:
            await asyncio.sleep(self._engine.timeout() or 0)
            self._engine.handle_timeout(time.monotonic())
            await self._flush()

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


class _Source:
    """The content of a message, whatever a maildrop gives: octets, something to read, or pieces."""

    def __init__(self, house: House, content: Any) -> None:
        self._house = house
        self._content = content
        self._pieces: Any = None
        if isinstance(content, bytes | bytearray):
            self._pieces = iter([bytes(content)])
        elif not hasattr(content, "read"):
            self._pieces = content.__aiter__() if hasattr(content, "__aiter__") else iter(content)

    @classmethod
    async def open(cls, house: House, maildrop: AnyMaildrop, number: int) -> _Source:
        if inspect.isasyncgenfunction(maildrop.open):
            return cls(house, maildrop.open(number))
        content: Any = await house.ask(cast("Any", maildrop.open), number)
        if not any(hasattr(content, name) for name in ("read", "__iter__", "__aiter__")):
            raise TypeError(f"open must give bytes, a reader or pieces, gave {type(content).__name__}")
        return cls(house, content)

    async def fill(self) -> tuple[bytes, bool]:
        """Reads the next octets; True at the end of the message."""
        if self._pieces is None:
            read = self._content.read
            if not inspect.iscoroutinefunction(read):
                return await self._house.ask(lambda: _fill(read))
            chunk = await read(_CHUNK_OCTETS)
            return chunk, not chunk
        if hasattr(self._pieces, "__anext__"):
            chunk = await anext(self._pieces, None)
        else:
            chunk = await self._house.ask(lambda: next(self._pieces, None))
        return (b"", True) if chunk is None else (bytes(chunk), False)

    async def close(self) -> None:
        # Iterators of others may have either, or none.
        for name in ("close", "aclose"):
            close = getattr(self._pieces if self._pieces is not None else self._content, name, None)
            if close is not None:
                await self._house.ask(close)
                return


def _fill(read: Any) -> tuple[bytes, bool]:
    """Reads until there is a whole chunk, or the message ends."""
    chunks: list[bytes] = []
    missing = _CHUNK_OCTETS
    while missing > 0:
        chunk = read(missing)
        if not chunk:
            return b"".join(chunks), True
        chunks.append(chunk)
        missing -= len(chunk)
    return b"".join(chunks), False


_CHUNK_OCTETS = 64 * 1024
HANDSHAKE_SECONDS = 30.0
_LINGER_SECONDS = 2.0
_STOP_SECONDS = 5.0
