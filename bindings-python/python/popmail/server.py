"""A POP3 server on asyncio, for mail in memory, in a Maildir, or anywhere.

::

    with popmail.Server({"me": popmail.Account("secret", popmail.Maildir("Mail"))}, tls=context) as server:
        print(server.host, server.port)

The protocol is the core's: states, deletion marks, dot-stuffing, limits. This
file moves octets, asks maildrops, and sees that one session at a time has
each of them.
"""

import asyncio
import concurrent.futures
import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, cast

from ._house import House, Login
from ._native import ScramKeys, ServerLimits
from ._session import HANDSHAKE_SECONDS, Session
from .error import UsageError
from .maildrop import Account, AsyncMaildrop, Content, Maildir, Maildrop, MaildropReader, Mbox, MemoryMaildrop

__all__ = [
    "Account",
    "AsyncMaildrop",
    "Content",
    "Login",
    "Maildir",
    "Maildrop",
    "MaildropReader",
    "Mbox",
    "MemoryMaildrop",
    "ScramKeys",
    "Server",
    "ServerLimits",
]

_log = logging.getLogger("popmail.server")


class Server:
    """A POP3 server.

    ``with`` runs it in a thread of its own until the end of the block,
    ``async with`` in the event loop that is running. Messages that clients
    delete are removed from their maildrops at QUIT; what a
    :class:`popmail.MemoryMaildrop` loses stays lost in later sessions.

    ``metrics()`` tells what happened so far. The logger ``popmail.server`` tells
    each event; ``record.popmail`` is the same as a dictionary (``event``,
    ``session``, ``address``, ``user`` and more), and never holds a secret.

    A failed login is answered after a second, the next ones later, and later
    still for an address that goes on guessing; the answer comes at the same
    moment whether the name exists or not.

    Args:
        accounts: By user name, looked up at each login; or a function that
            gets a :class:`Login` and returns the maildrop, or None. It may
            be a coroutine function; other ones are called in a thread.
        host: The address to listen on.
        port: The port; 0 takes a free one, which :attr:`port` tells.
        sock: A socket that listens already, as systemd hands one over; in
            place of ``host`` and ``port``.
        tls: The certificate, as a context for servers.
        implicit_tls: TLS from the first octet; with False and ``tls`` the
            client begins it with STLS.
        allow_cleartext: Takes passwords from clients without TLS.
        mechanisms: SASL mechanisms in the order in which clients are told:
            ``"scram-sha-256"``, ``"cram-md5"``, ``"plain"``, ``"login"``,
            ``"oauthbearer"``, ``"xoauth2"``, and ``"apop"``. Without them
            accounts offer SCRAM, PLAIN, LOGIN and APOP, and the two for
            tokens with ``check_token``; a function PLAIN and LOGIN, since
            SCRAM needs the password, and the others a look at it.
        check_token: For accounts: gets the user and the OAuth token, and says
            whether it is right; may be a coroutine function.
        login_delay: Seconds that a user has to wait between two logins.
        expire: Days that messages stay, as clients are told; ``"never"``
            says until they are deleted, None nothing at all.
        trusted_proxies: Addresses that may name the client they speak for,
            with XCLIENT.
        max_connections: How many clients there may be at once.
        max_connections_per_address: How many of them from one address.
        limits: The bounds of each connection.
        timeout: Seconds that a client which has logged in may be silent, and
            that one may take to read; RFC 1939 asks for 600 or more.

    Raises:
        UsageError: Neither TLS nor leave to do without it, or a mechanism
            that does not exist.
    """

    def __init__(
        self,
        accounts: Mapping[str, Account] | Callable[[Login], Maildrop | AsyncMaildrop | Awaitable[Any] | None],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        sock: socket.socket | None = None,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = True,
        allow_cleartext: bool = False,
        mechanisms: Sequence[str] | None = None,
        check_token: Callable[[str, str], bool | Awaitable[bool]] | None = None,
        login_delay: int = 0,
        expire: str | int | None = "never",
        trusted_proxies: Iterable[str] = (),
        max_connections: int = 10_000,
        max_connections_per_address: int = 1_000,
        limits: ServerLimits | None = None,
        timeout: float = 600.0,
    ) -> None:
        if tls is None and not allow_cleartext:
            raise UsageError(
                "without tls passwords cross the network readable: give tls=ssl.SSLContext(…) with a certificate,"
                " or allow_cleartext=True",
                code="POP3_ERR_USAGE_ARGUMENT",
            )
        # The cast is for pyright, to which a mapping may be one of anything; mypy needs none.
        by_name = cast("Mapping[str, Account]", accounts) if isinstance(accounts, Mapping) else None  # type: ignore[redundant-cast]
        if mechanisms is None:
            mechanisms = ["plain", "login"]
            if by_name is not None:
                mechanisms = ["scram-sha-256", *mechanisms, "apop"]
            if check_token is not None:
                mechanisms = [*mechanisms, "oauthbearer", "xoauth2"]
        names = [name.lower() for name in mechanisms]
        if "scram-sha-256" in names and by_name is None:
            raise UsageError(
                "scram-sha-256 needs the passwords: give accounts by name, not a function",
                code="POP3_ERR_USAGE_ARGUMENT",
            )
        self._wanted = (host, port)
        self._sock = sock
        self._house = House(
            accounts={} if by_name is None else by_name,
            authenticate=None if isinstance(accounts, Mapping) else accounts,
            tls=tls,
            implicit_tls=tls is not None and implicit_tls,
            allow_cleartext=allow_cleartext,
            limits=limits,
            timeout=timeout,
            mechanisms=[name for name in names if name != "apop"],
            apop="apop" in names,
            check_token=check_token,
            login_delay=login_delay,
            expire=expire,
            trusted_proxies=frozenset(trusted_proxies),
            max_connections=max_connections,
            max_connections_per_address=max_connections_per_address,
        )
        try:
            Session(self._house)  # which tells of a mechanism or a number that cannot be
        except (ValueError, TypeError, OverflowError) as error:
            raise UsageError(str(error), code="POP3_ERR_USAGE_ARGUMENT") from None
        self._address: tuple[str, int] | None = None
        self._listener: asyncio.Server | None = None
        self._stopped: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def address(self) -> tuple[str, int]:
        """The address and the port that the server listens on."""
        if self._address is None:
            raise UsageError("the server has no address before it runs", code="POP3_ERR_USAGE_STATE")
        return self._address

    @property
    def host(self) -> str:
        """The address that the server listens on."""
        return self.address[0]

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        return self.address[1]

    def metrics(self) -> dict[str, int]:
        """Returns counters since the server was made, and ``sessions``, how many there are now."""
        return {"sessions": len(self._house.sessions), **self._house.metrics}

    # In a thread.

    def __enter__(self) -> Self:
        self._refuse_second_run()
        started: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._thread = threading.Thread(target=self._run, args=(started,), name="popmail.Server", daemon=True)
        self._thread.start()
        try:
            started.result()
        except BaseException:
            self._end_thread()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end_thread()

    def _run(self, started: concurrent.futures.Future[None]) -> None:
        async def main() -> None:
            try:
                await self._start()
            except BaseException as error:
                started.set_exception(error)
                return
            started.set_result(None)
            try:
                await self.serve_forever()
            finally:
                await self._stop()

        asyncio.run(main())

    def _end_thread(self) -> None:
        loop, stopped, thread = self._loop, self._stopped, self._thread
        if loop is not None and stopped is not None:
            # The loop may have ended by itself.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(stopped.set)
        if thread is not None:
            thread.join()
        self._thread = None

    # In the caller's event loop.

    async def __aenter__(self) -> Self:
        self._refuse_second_run()
        await self._start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stop()

    async def serve_forever(self) -> None:
        """Waits until the server is stopped, or the waiting is cancelled."""
        if self._stopped is None:
            raise UsageError("the server does not run: use it with `async with`", code="POP3_ERR_USAGE_STATE")
        await self._stopped.wait()

    # Both.

    def _refuse_second_run(self) -> None:
        if self._listener is not None:
            raise UsageError("the server runs already", code="POP3_ERR_USAGE_STATE")

    async def _start(self) -> None:
        host, port = self._wanted
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        self._house.stopping = False
        implicit = self._house.implicit_tls
        place: dict[str, Any] = {"sock": self._sock} if self._sock is not None else {"host": host, "port": port}
        self._listener = await self._loop.create_server(
            lambda: Session(self._house),
            **place,
            ssl=self._house.tls if implicit else None,
            ssl_handshake_timeout=HANDSHAKE_SECONDS if implicit else None,
            backlog=_BACKLOG,
        )
        bound: Any = self._listener.sockets[0].getsockname()
        self._address = (str(bound), 0) if isinstance(bound, str) else (str(bound[0]), int(bound[1]))
        told = {"event": "listening", "address": self._address[0], "port": self._address[1]}
        _log.info("listening on %s port %d", *self._address, extra={"popmail": told})

    async def _stop(self) -> None:
        if self._listener is None:
            return
        if self._stopped is not None:
            self._stopped.set()
        self._listener.close()
        await self._house.stop()
        self._listener = None
        self._address = None
        self._stopped = None
        _log.info("stopped", extra={"popmail": {"event": "stopped", **self._house.metrics}})


# Clients that connect at one moment. Where the kernel's queue is full, a client may wait for a greeting in vain:
# in POP3 the server speaks first, so nothing tells the client that it was never heard.
_BACKLOG = 1024
