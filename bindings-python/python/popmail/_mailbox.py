"""The constructor and the properties that `Pop3` and `AsyncPop3` have in common.

Options of a connection are read here and nowhere else.
"""

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, Literal, TypeAlias, TypeVar

from ._dialogue import Closable, Dialogue
from ._native import ClientEngine, Limits
from .capabilities import Capabilities

if TYPE_CHECKING:
    import ssl

Tls: TypeAlias = Literal["implicit", "starttls", "none"]
Auth: TypeAlias = Literal[
    "auto",
    "user-pass",
    "apop",
    "plain",
    "login",
    "cram-md5",
    "scram-sha-1",
    "scram-sha-256",
    "oauthbearer",
    "xoauth2",
    "external",
]
Secret: TypeAlias = str | bytes
Trace: TypeAlias = Callable[[str, str], object]
_Transport = TypeVar("_Transport", bound=Closable)


class Mailbox(Generic[_Transport]):
    """A client of one mailbox, whatever does its I/O. The arguments: see `popmail.Pop3`."""

    def __init__(
        self,
        host: str,
        port: int | None = None,
        *,
        user: str,
        password: Secret | None = None,
        token: Secret | Callable[[], Secret] | None = None,
        tls: Tls = "implicit",
        ssl_context: "ssl.SSLContext | None" = None,
        auth: Auth = "auto",
        authzid: str = "",
        initial_response: bool = False,
        utf8: bool = False,
        allow_cleartext: bool = False,
        timeout: float | None = 60.0,
        transport: _Transport | None = None,
        pipelining: bool = True,
        strict: bool = False,
        limits: Limits | None = None,
        trace: Trace | None = None,
    ) -> None:
        self.host = host
        self.user = user
        self.port = port if port is not None else default_port(tls)
        self._tls = tls
        self._ssl_context = ssl_context
        self._timeout = timeout
        self._given_transport = transport
        engine = ClientEngine(
            tls=tls,
            allow_cleartext=allow_cleartext,
            pipelining=pipelining,
            strict=strict,
            timeout=timeout,
            limits=limits,
            trace=trace is not None,
            # Only a connection of our own can be opened once more.
            reconnect=transport is None,
        )
        # Before the connection: what cannot be sent is refused without one.
        self._login = engine.login(
            user,
            _octets("password", password),
            auth,
            token=_octets("token", token() if callable(token) else token),
            authzid=authzid,
            initial_response=initial_response,
            utf8=utf8,
            nonce=secrets.token_urlsafe(24),
        )
        self._dialogue = Dialogue(engine, f"{host} port {self.port}", trace)
        self._begin()

    def _begin(self) -> None:
        """What the constructor does at its end."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.host}:{self.port} {self.state}>"

    @property
    def name(self) -> str:
        """The name of the mailbox in a saved state: ``user@host:port``."""
        return f"{self.user}@{self.host}:{self.port}"

    @property
    def state(self) -> str:
        """Where the session stands: ``"transaction"`` after the login, ``"closed"`` or ``"failed"`` at its end."""
        return self._dialogue.state

    @property
    def capabilities(self) -> Capabilities | None:
        """What the server said it can do, by tag in upper case; ``None`` if it has no CAPA."""
        return self._dialogue.engine.capabilities

    @property
    def greeting(self) -> bytes:
        """The server's first line."""
        return self._dialogue.greeting

    @property
    def deviations(self) -> dict[str, bytes]:
        """The server's oddities that were forgiven: name and the first octets that showed it."""
        return self._dialogue.deviations

    def close(self) -> None:
        """Drops the connection without QUIT: nothing is deleted. More than once does no harm."""
        self._dialogue.close()


def _octets(what: str, secret: Secret | None) -> bytes | None:
    if secret is None or isinstance(secret, bytes):
        return secret
    if not isinstance(secret, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{what} must be str or bytes, got {type(secret).__name__}")
    return secret.encode()


def default_port(tls: Tls) -> int:
    """The registered port: RFC 8314 section 7.2, RFC 1939 section 3."""
    return 995 if tls == "implicit" else 110
