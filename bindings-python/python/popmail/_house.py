"""What the sessions of one server share: who may log in, who has which maildrop, and what is counted.

What the protocol demands is decided in the core. What this file decides is the host's part: how many clients there
may be, and how much an address that guesses is slowed down.
"""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import dataclasses
import inspect
import itertools
import logging
import os
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ._native import Maildir, Mbox, MemoryMaildrop, ScramKeys

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Mapping, Sequence

    from ._native import Authenticate, Faults, ServerLimits
    from ._session import Session
    from .maildrop import Account, AsyncMaildrop, Maildrop

    AnyMaildrop = Maildrop | AsyncMaildrop

_log = logging.getLogger("popmail.server")
_Result = TypeVar("_Result")


class Login:
    """What a client wants to log in with, for a server that asks its host.

    Attributes:
        user: The name.
        password: The password, if the client sent one; bytes that are no UTF-8 are surrogates.
        token: The OAuth token, if the client sent one.
        address: Where the client is.
        secure: True if TLS protects the connection.
    """

    __slots__ = ("_event", "address", "password", "secure", "token", "user")

    def __init__(self, event: Authenticate, address: str, secure: bool) -> None:
        self._event = event
        self.user: str = event.user
        password = event.password
        self.password: str | None = None if password is None else password.decode("utf-8", "surrogateescape")
        self.token: str | None = event.token
        self.address = address
        self.secure = secure

    def verify(self, password: str | bytes) -> bool:
        """Returns True if the client knows this password, whatever it sent to prove so; in constant time.

        Never for a token: ask who gave it out.
        """
        return self._event.verify(password if isinstance(password, bytes) else password.encode())

    def __repr__(self) -> str:
        return f"Login(user={self.user!r}, address={self.address!r})"


Authenticator = Callable[[Login], Any]
"""Returns the maildrop of a client, or None for one that is not let in; may be a coroutine function."""


@dataclasses.dataclass(eq=False)
class House:
    """What the sessions of one server share."""

    accounts: Mapping[str, Account]
    authenticate: Authenticator | None
    tls: ssl.SSLContext | None
    implicit_tls: bool
    allow_cleartext: bool
    limits: ServerLimits | None
    timeout: float
    greeting: str = "popmail ready"
    mechanisms: Sequence[str] = ("plain",)
    apop: bool = True
    check_token: Callable[[str, str], Any] | None = None
    login_delay: int = 0
    expire: str | int | None = "never"
    trusted_proxies: frozenset[str] = frozenset()
    max_connections: int = 10_000
    max_connections_per_address: int = 1_000
    faults: Faults | None = None
    on_line: Callable[[str], None] | None = None
    stopping: bool = False

    def __post_init__(self) -> None:
        self.numbers = itertools.count(1)
        self.sessions: dict[Session, asyncio.Task[None]] = {}
        self.in_use: dict[object, asyncio.Event] = {}
        self.metrics: collections.Counter[str] = collections.Counter(dict.fromkeys(_COUNTERS, 0))
        self.salt_key = secrets.token_bytes(32)
        self._by_address: collections.Counter[str] = collections.Counter()
        self._failures: collections.OrderedDict[str, tuple[int, float]] = collections.OrderedDict()
        self._last_login: dict[str, float] = {}
        self._threads: concurrent.futures.ThreadPoolExecutor | None = None

    # Connections.

    def admits(self, address: str) -> bool:
        """Counts a connection; False if there are too many."""
        self.metrics["connections"] += 1
        full = len(self.sessions) >= self.max_connections
        if full or self._by_address[address] >= self.max_connections_per_address:
            self.metrics["connections_refused"] += 1
            return False
        return True

    def add(self, session: Session) -> None:
        """Runs a session until its connection is over."""
        task = asyncio.get_running_loop().create_task(session.run(), name=f"popmail session {session.number}")
        self.sessions[session] = task
        address = session.address
        self._by_address[address] += 1

        def ended(_: object) -> None:
            self.sessions.pop(session, None)
            self._by_address[address] -= 1
            if self._by_address[address] <= 0:
                del self._by_address[address]

        task.add_done_callback(ended)
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
        if self._threads is not None:
            # What blocks in one of them is not waited for.
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None

    # Work of others: maildrops, and whoever knows who may log in.

    async def ask(self, work: Callable[..., _Result | Awaitable[_Result]], *arguments: Any) -> _Result:
        """Calls what may block in a thread, and coroutine functions in the loop."""
        owner = getattr(work, "__self__", None)
        # Memory does not block, and a bound method of it need not leave the loop.
        if isinstance(owner, MemoryMaildrop) or inspect.iscoroutinefunction(work):
            result: Any = work(*arguments)
        else:
            if self._threads is None:
                self._threads = concurrent.futures.ThreadPoolExecutor(_THREADS, "popmail")
            result = await asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(*arguments))
        value: _Result = await result if inspect.isawaitable(result) else result
        return value

    # Logins.

    async def let_in(self, event: Authenticate, address: str, secure: bool) -> AnyMaildrop | None:
        """Returns the maildrop of a client whose secret is right."""
        if self.authenticate is not None:
            granted: AnyMaildrop | None = await self.ask(self.authenticate, Login(event, address, secure))
            return granted
        account = self.accounts.get(event.user)
        if event.token is not None:
            right = self.check_token is not None and await self.ask(self.check_token, event.user, event.token)
        else:
            right = event.verify(self._secret(account))
        return account.maildrop if account is not None and right else None

    async def keys(self, user: str, salt: bytes, iterations: int) -> ScramKeys | None:
        """Returns what SCRAM needs of a password; for an unknown name after the same work."""
        account = self.accounts.get(user)
        secret = self._secret(account)
        made = await self.ask(lambda: ScramKeys.from_password(secret, salt=salt, iterations=iterations))
        return made if account is not None and account.password is not None else None

    @staticmethod
    def _secret(account: Account | None) -> bytes:
        """A name that does not exist costs the same work as one that does: its password is one that nobody has."""
        if account is None or account.password is None:
            return secrets.token_hex(16).encode()
        return account.password.encode()

    def maildrop_of(self, user: str) -> AnyMaildrop | None:
        """Returns the maildrop of a client that proved itself without us."""
        account = self.accounts.get(user)
        return None if account is None else account.maildrop

    def failed(self, address: str) -> int:
        """Counts a failed login; returns how many there were from this address lately."""
        self.metrics["logins_failed"] += 1
        count, since = self._failures.pop(address, (0, 0.0))
        now = time.monotonic()
        count = count + 1 if now - since < _FORGET_SECONDS else 1
        self._failures[address] = (count, now)
        if len(self._failures) > _REMEMBERED:
            self._failures.popitem(last=False)
        return count

    def penalty(self, address: str) -> float:
        """Returns by how many seconds a failed login from this address is answered later, for those before it."""
        count, since = self._failures.get(address, (0, 0.0))
        delay = 1.0 if self.limits is None else self.limits.failed_login_delay
        if count <= _FORGIVEN or time.monotonic() - since >= _FORGET_SECONDS:
            return 0.0
        return min(2.0 ** min(count - _FORGIVEN, 10), _MOST_TIMES) * delay

    def comes_too_soon(self, user: str) -> bool:
        """True if the user logged in less than ``login_delay`` seconds ago; else the login counts."""
        if not self.login_delay:
            return False
        now = time.monotonic()
        if now - self._last_login.get(user, -self.login_delay) < self.login_delay:
            return True
        if len(self._last_login) > _REMEMBERED:
            self._last_login = {name: at for name, at in self._last_login.items() if now - at < self.login_delay}
        self._last_login[user] = now
        return False

    # Maildrops.

    async def claim(self, maildrop: AnyMaildrop) -> bool:
        """Takes a maildrop for one session; waits a moment for one that is ending."""
        key = _key(maildrop)
        try:
            async with asyncio.timeout(_CLAIM_SECONDS):
                while (released := self.in_use.get(key)) is not None:
                    await released.wait()
        except TimeoutError:
            return False
        self.in_use[key] = asyncio.Event()
        return True

    def release(self, maildrop: AnyMaildrop) -> None:
        self.in_use.pop(_key(maildrop)).set()


def _key(maildrop: AnyMaildrop) -> object:
    """Two objects for one folder or file are one maildrop."""
    return os.path.realpath(maildrop.path) if isinstance(maildrop, Maildir | Mbox) else id(maildrop)


_COUNTERS = (
    "connections",
    "connections_refused",
    "logins",
    "logins_failed",
    "commands_refused",
    "messages_sent",
    "messages_deleted",
    "octets_received",
    "octets_sent",
    "maildrop_errors",
    "tls_failed",
)
_THREADS = 32
# For a session that is ending while its client logs in anew.
_CLAIM_SECONDS = 1.0
_STOP_SECONDS = 5.0
# Guesses by address: so many are forgiven, then each doubles the delay, up to so many times the first; after ten
# minutes without one they are forgotten. So many addresses are remembered.
_FORGIVEN = 3
_MOST_TIMES = 30.0
_FORGET_SECONDS = 600.0
_REMEMBERED = 100_000
