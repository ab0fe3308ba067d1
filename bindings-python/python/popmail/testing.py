"""A POP3 server for tests, in one line, which misbehaves on request.

::

    with popmail.testing.Server([b"Subject: hello\\r\\n\\r\\nworld\\r\\n"]) as server:
        fetch_mail(server.host, server.port, server.user, server.password)
    assert server.requests[-1] == "QUIT"

It is :class:`popmail.Server` with one account, mail in memory, nothing that waits, and :class:`Faults`. pytest finds
the fixture ``pop3_server``, which starts such servers and ends them with the test::

    def test_a_cut_connection_is_told(pop3_server):
        server = pop3_server([mail], faults=popmail.testing.Faults(cut_content_after=10))
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, Literal

from . import server as _server
from ._native import Faults, MemoryMaildrop, ServerLimits
from .client import Pop3
from .error import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Faults", "Server"]


class Server(_server.Server):
    """A server with one account, on a free port of this machine.

    ``with`` runs it in a thread, ``async with`` in the event loop that is running.

    Args:
        messages: The mail.
        user: The name of the account.
        password: Its password.
        token: An OAuth token that is right for it; the mechanisms for tokens are offered then.
        tls: ``"none"`` takes passwords in the clear; ``"starttls"`` offers STLS, ``"implicit"`` speaks TLS from the
            first octet, both with a certificate for ``localhost`` and ``127.0.0.1`` that is made now (this takes the
            package ``trustme``: ``pip install 'popmail[testing]'``). :meth:`client_context` trusts it.
        faults: What shall go wrong; ``Faults("gmail")`` has the habits of that server.
        mechanisms: What is offered, as for :class:`popmail.Server`.
        limits: Bounds; by default nothing is answered late.
        options: What else :class:`popmail.Server` takes.

    Attributes:
        user: The name of the account.
        password: Its password.
        maildrop: Its mail; ``append`` adds a message for the next session.
        requests: Every line that clients said, in order and without secrets, such as ``"PASS (secret)"``.
    """

    def __init__(
        self,
        messages: Iterable[bytes] = (),
        *,
        user: str = "me",
        password: str = "secret",
        token: str | None = None,
        tls: Literal["none", "starttls", "implicit"] = "none",
        faults: Faults | None = None,
        mechanisms: Sequence[str] | None = None,
        limits: ServerLimits | None = None,
        **options: Any,
    ) -> None:
        if tls not in ("none", "starttls", "implicit"):
            raise UsageError(
                f"tls must be 'none', 'starttls' or 'implicit', got {tls!r}", code="POP3_ERR_USAGE_ARGUMENT"
            )
        self.user = user
        self.password = password
        self.maildrop = MemoryMaildrop(messages)
        self.requests: list[str] = []
        self._tls: Literal["none", "starttls", "implicit"] = tls
        server_context: ssl.SSLContext | None = None
        self._client_context: ssl.SSLContext | None = None
        if tls != "none":
            server_context, self._client_context = _contexts()
        super().__init__(
            {user: _server.Account(password, self.maildrop)},
            tls=server_context,
            implicit_tls=tls == "implicit",
            allow_cleartext=tls == "none",
            mechanisms=mechanisms,
            check_token=None if token is None else lambda _, given: given == token,
            limits=limits or ServerLimits(failed_login_delay=0, bad_command_delay=0),
            **options,
        )
        self._house.faults = faults
        self._house.on_line = self.requests.append

    @property
    def messages(self) -> list[bytes]:
        """What is left of the mail."""
        return self.maildrop.messages

    @property
    def url(self) -> str:
        """The server as a URL, without the password."""
        return f"{'pops' if self._tls == 'implicit' else 'pop'}://{self.user}@{self.host}:{self.port}"

    def client_context(self) -> ssl.SSLContext:
        """Returns a context for clients that trusts the server's certificate, and nobody else's."""
        if self._client_context is None:
            raise UsageError("a server without tls has no certificate", code="POP3_ERR_USAGE_STATE")
        return self._client_context

    def connect(self, **options: Any) -> Pop3:
        """Returns a :class:`popmail.Pop3` that is logged in here; ``options`` are what it takes."""
        chosen: dict[str, Any] = {"user": self.user, "password": self.password, "tls": self._tls}
        if self._tls == "none":
            chosen["allow_cleartext"] = True
        else:
            chosen["ssl_context"] = self._client_context
        return Pop3(self.host, self.port, **{**chosen, **options})


def _contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Returns the contexts of a server and of a client that trusts it, both made now."""
    try:
        import trustme
    except ImportError as error:
        raise UsageError(
            "a test server with tls needs trustme: pip install 'popmail[testing]'", code="POP3_ERR_USAGE_STATE"
        ) from error
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # trustme's contexts may also be pyOpenSSL's, which has no types here.
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(server)  # pyright: ignore[reportUnknownMemberType]
    client = ssl.create_default_context()
    authority.configure_trust(client)  # pyright: ignore[reportUnknownMemberType]
    return server, client
