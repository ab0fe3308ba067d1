"""The POP3 client for asyncio: :class:`AsyncPop3`, one connection to one mailbox.

The names of :class:`popmail.Pop3`, to be awaited. Only reading, writing and
the TLS handshake differ, and these stand here.
"""

import asyncio
import builtins
import inspect
from collections.abc import AsyncIterator, Awaitable, Iterable
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias, TypeVar, cast, overload

from ._dialogue import (
    Fetch,
    Language,
    ListEntry,
    Need,
    Read,
    Reconnect,
    RemoteMessage,
    StartTls,
    Stat,
    Steps,
    Store,
    UidlEntry,
    Write,
)
from ._mailbox import Mailbox
from .async_transport import AsyncSocketTransport, AsyncTransport
from .capabilities import Capabilities
from .client import Writable
from .entries import Entries
from .error import UsageError
from .summary import Summaries, Summary
from .sync import FetchNew, NewMessage, SyncRules, SyncState
from .transport import channel_bindings

__all__ = ["AsyncPop3", "AsyncWritable"]

_Result = TypeVar("_Result")
_List = builtins.list  # `AsyncPop3.list` takes the name inside the class.


class AsyncWritable(Protocol):
    """What a message can be written to, awaited: a file of ``aiofiles`` or ``anyio``, a stream."""

    def write(self, octets: bytes, /) -> Awaitable[object]:
        """Takes all of the octets."""
        ...


_Sink: TypeAlias = Writable | AsyncWritable


class AsyncPop3(Mailbox[AsyncTransport]):
    """One POP3 session for asyncio.

    Making one does no I/O; ``async with`` connects and logs in::

        async with popmail.AsyncPop3("pop.example.com", user="me", password="…") as box:
            async for mail in box:
                print(mail.number, mail.message.subject)

    and so does ``box = await popmail.AsyncPop3.connect(…)``, for a session
    that does not end with a block. The block ends the session with QUIT, which
    deletes what was marked; a block that ends by an exception, a cancelled one
    too, drops the connection and deletes nothing (RFC 1939 section 6).

    Tasks may share one: their commands wait for each other, in the order in
    which they were given. For speed use :meth:`fetch`, which is pipelined.

    A command that is cancelled, by ``asyncio.timeout`` for instance, closes
    the connection, for its answer may be half read: later commands are a
    :class:`UsageError` that names it. One that was cancelled while it waited
    for others to finish was never sent and does no harm.

    The arguments are those of :class:`popmail.Pop3`; ``transport`` is an
    :class:`AsyncTransport`.

    Raises:
        InsecureError: The password would cross the network without TLS.
        UsageError: The user's name or the password cannot be sent.
    """

    def _begin(self) -> None:
        self._transport: AsyncTransport | None = None
        self._connected = False
        self._turns = asyncio.Lock()

    # The session.

    @classmethod
    async def connect(cls, host: str, port: int | None = None, **options: Any) -> Self:
        """Connects and logs in.

        Args:
            host: The server's name or address.
            port: The port; by default 995 for implicit TLS, else 110.
            options: As for :class:`popmail.Pop3`.

        Raises:
            AuthenticationError: The login was refused.
            ConnectionLostError: No connection, no TLS, or it ended.
            Pop3Error: The other errors, as their classes say.
        """
        box = cls(host, port, **options)
        await box._open()
        return box

    async def __aenter__(self) -> Self:
        self._dialogue.check_open()
        if not self._connected:
            await self._open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None and not self._dialogue.closed:
                await self.quit()
        finally:
            self.close()

    async def _open(self) -> None:
        self._connected = True
        try:
            self._transport = self._given_transport or await self._connect()
            self._dialogue.transport = self._transport
            self._dialogue.engine.set_channel_bindings(channel_bindings(self._transport))
            await self._run(self._dialogue.finish("the login", self._login))
        except BaseException as error:
            self._dialogue.break_off("connecting was", "before it was done", error)
            raise

    async def quit(self) -> None:
        """QUIT: has the marked messages deleted and ends the session.

        Raises:
            CommandError: A mark was refused (nothing was deleted then), or
                the server could not delete all that was marked.
        """
        await self._run(self._dialogue.quit())

    # Commands.

    async def stat(self) -> Stat:
        """STAT: how many messages there are and their size together, in octets."""
        return await self._run(self._dialogue.stat())

    @overload
    async def list(self, number: None = None) -> Entries[ListEntry]: ...
    @overload
    async def list(self, number: int) -> ListEntry: ...
    async def list(self, number: int | None = None) -> Entries[ListEntry] | ListEntry:
        """LIST: the sizes of all messages, or of one."""
        entries = await self._run(self._dialogue.list(number))
        return entries if number is None else entries[0]

    @overload
    async def uidl(self, number: None = None) -> Entries[UidlEntry]: ...
    @overload
    async def uidl(self, number: int) -> UidlEntry: ...
    async def uidl(self, number: int | None = None) -> Entries[UidlEntry] | UidlEntry:
        """UIDL: the unique ids of all messages, or of one.

        Raises:
            CommandError: The server has no such message, or no UIDL.
        """
        entries = await self._run(self._dialogue.uidl(number))
        return entries if number is None else entries[0]

    @overload
    async def retr(self, number: int) -> bytes: ...
    @overload
    async def retr(self, number: int, *, into: _Sink) -> int: ...
    async def retr(self, number: int, *, into: _Sink | None = None) -> bytes | int:
        """RETR: fetches a message, byte for byte.

        Args:
            number: The message number, 1 or more.
            into: What the message is written to as it arrives, in constant
                memory and without a limit on its size: a binary file, whose
                writes then block the loop, or anything whose ``write`` is
                awaited, or an ``asyncio.StreamWriter``.

        Returns:
            The message, or how many octets were written.

        Raises:
            CommandError: The server has no such message.
            ConnectionLostError: The connection ended inside the message. What
                was written until then is no message.
        """
        if into is None:
            return await self._run(self._dialogue.retr(number))
        return await self._run(self._dialogue.retr_into(number, into))

    async def top(self, number: int, lines: int = 0) -> bytes:
        """TOP: fetches the header and the first lines of the body (RFC 1939 section 7).

        Args:
            number: The message number, 1 or more.
            lines: How many lines of the body, 0 or more.
        """
        return await self._run(self._dialogue.top(number, lines))

    async def dele(self, number: int) -> None:
        """DELE: marks a message; it goes when the session ends with QUIT."""
        await self._run(self._dialogue.dele(number))

    async def rset(self) -> None:
        """RSET: takes all marks back."""
        await self._run(self._dialogue.rset())

    async def noop(self) -> None:
        """NOOP: asks for an answer and nothing else."""
        await self._run(self._dialogue.noop())

    async def capa(self) -> Capabilities:
        """CAPA: asks the server what it can do, by tag in upper case (RFC 2449 section 5)."""
        return await self._run(self._dialogue.capa())

    @overload
    async def lang(self, language: None = None) -> _List[Language]: ...
    @overload
    async def lang(self, language: str) -> str: ...
    async def lang(self, language: str | None = None) -> _List[Language] | str:
        """LANG: the languages of the server's texts, or the choice of one (RFC 6856 section 3).

        Args:
            language: A tag such as ``"de-AT"``, or ``"*"`` for the server's own choice.

        Returns:
            All languages, or what the server answers in the one that was chosen.
        """
        return await self._run(self._dialogue.lang(language))

    # Whole messages.

    def __aiter__(self) -> AsyncIterator[RemoteMessage]:
        return self.fetch()

    async def fetch(self, numbers: Iterable[int] | None = None) -> AsyncIterator[RemoteMessage]:
        """Fetches messages in order, pipelined, with a bounded number of octets ahead of the reader.

        Args:
            numbers: Which ones; ``None`` is all.
        """
        fetch = Fetch(self._dialogue, numbers)
        try:
            await self._run(fetch.begin())
            while (mail := await self._run(fetch.next())) is not None:
                yield mail
                for arrived in fetch.arrived():
                    yield arrived
        finally:
            fetch.stop()

    async def summaries(self, numbers: Iterable[int] | None = None, *, retr: bool = False) -> AsyncIterator[Summary]:
        """Fetches headers in order, pipelined (TOP), so that a program can choose before it fetches.

        Args:
            numbers: Which ones; ``None`` is all.
            retr: Fetches the whole message where the server refuses TOP.

        Raises:
            CommandError: The server has no such message, or no TOP.
        """
        summaries = Summaries(self._dialogue, numbers, retr=retr)
        try:
            await self._run(summaries.begin())
            while (summary := await self._run(summaries.next())) is not None:
                yield summary
        finally:
            summaries.stop()

    async def fetch_new(self, state: SyncState, rules: SyncRules | None = None) -> AsyncIterator[NewMessage]:
        """Fetches what was not delivered before, pipelined, and deletes by the rules after the last message.

        A message counts as delivered when the loop asks for the next one, or
        when its ``done()`` is called; it is noted in the state at once. Left
        by ``break`` or by an exception, the loop deletes nothing, and the
        message that it was at comes again. What is found about the server
        stands in ``state.warnings``.

        Args:
            state: What is known of this mailbox; see :class:`SyncState`.
            rules: What to fetch and to delete; by default all that is new,
                and nothing.

        Raises:
            UsageError: It is the state of another mailbox.
            OSError: The state cannot be written.
        """
        fetch = FetchNew(self._dialogue, state, rules, self.name)
        try:
            await self._run(fetch.begin())
            while (mail := await self._run(fetch.next())) is not None:
                yield mail
        finally:
            fetch.stop()

    # Input and output.

    async def _connect(self) -> AsyncSocketTransport:
        return await AsyncSocketTransport.open(
            self.host,
            self.port,
            implicit_tls=self._tls == "implicit",
            ssl_context=self._ssl_context,
            timeout=self._timeout,
        )

    async def _run(self, steps: Steps[_Result]) -> _Result:
        """Runs a command to its end: :func:`popmail._dialogue.run`, awaiting."""
        async with self._turns:
            if self._transport is None and not self._dialogue.closed:
                raise UsageError(
                    f"not connected to {self._dialogue.place}: begin with `async with`, or with AsyncPop3.connect",
                    code="POP3_ERR_USAGE_STATE",
                )
            try:
                need = next(steps)
                while True:
                    try:
                        outcome = await self._perform(need)
                    except BaseException as error:
                        need = steps.throw(error)
                    else:
                        need = steps.send(outcome)
            except StopIteration as end:
                result: _Result = end.value
                return result

    async def _perform(self, need: Need) -> object:
        transport = self._transport
        assert transport is not None, "_run looked"
        match need:
            case Read(timeout):
                return await transport.read(timeout)
            case Write(octets):
                await transport.write(octets)
            case StartTls():
                await transport.start_tls()
                return channel_bindings(transport)
            case Reconnect():
                transport.close()
                second = await self._connect()
                self._dialogue.transport = self._transport = second
                return channel_bindings(second)
            case Store(sink, octets):
                written = sink.write(octets)
                if inspect.isawaitable(written):
                    return cast("object", await written)
                if isinstance(sink, asyncio.StreamWriter):
                    await sink.drain()
                return cast("object", written)
        return None
