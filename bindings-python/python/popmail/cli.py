"""The command `popmail`: fetch, list, show, parse, serve, demo.

Results go to standard output, progress and notes to standard error. Exit status: 0 done, 1 an error (one line on
standard error says what was expected), 2 wrong usage, 130 interrupted. No password is taken from the command line.
"""

from __future__ import annotations

import functools
import os
import ssl
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, get_args

import click
from rich.table import Table
from rich.text import Text

import popmail
from popmail import _terminal as terminal
from popmail._delivery import Delivery, DeliveryError
from popmail._terminal import CommandFailedError
from popmail.client import Auth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from popmail._delivery import Layout

    Function = TypeVar("Function", bound=Callable[..., Any])

PASSWORD_VARIABLE = "POPMAIL_PASSWORD"
_STREAMED = 1024 * 1024
"""Messages of at least so many octets are streamed to the disk; smaller ones are pipelined, each whole in memory."""


def main() -> None:
    """Run the command with the program's arguments, and end the program with its exit status."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status; errors are printed, never raised."""
    try:
        status = command.main(list(arguments), prog_name="popmail", standalone_mode=False)
    except click.UsageError as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        print("popmail: interrupted", file=sys.stderr)
        return 130
    except (CommandFailedError, DeliveryError, popmail.Pop3Error, OSError) as error:
        print(f"popmail: {terminal.printable(explain(error))}", file=sys.stderr)
        return 1
    return status if isinstance(status, int) else 0


def explain(error: Exception) -> str:
    """Return what went wrong and, where that is known, what to do about it."""
    if isinstance(error, popmail.AuthenticationError):
        return f"login refused, check user and password: {error}"
    if isinstance(error, popmail.InsecureError):
        return f"{error} (use pops://, or --allow-cleartext to send the password without encryption)"
    if isinstance(error, popmail.Pop3Error):
        return f"{error}{_hint(error.__cause__)}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
    return str(error)


def _hint(cause: BaseException | None) -> str:
    """Return what to do about a failure of the system below the protocol."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return " (the host of the URL must be in the certificate, and its authority trusted: see --cafile)"
    if isinstance(cause, ConnectionRefusedError):
        return " (is the port right? pops:// uses 995 and pop:// uses 110 unless the URL says otherwise)"
    return ""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="popmail")
def command() -> None:
    """Fetch, read and serve mail: POP3 and MIME."""


# The options of whatever connects to a server.


def _connection_options(function: Function) -> Function:
    options = [
        click.argument("url"),
        click.option("--password-file", type=click.Path(path_type=Path), help="File that holds the password."),
        click.option(
            "--cafile", type=click.Path(path_type=Path), help="Trust the certificate authorities in this file."
        ),
        click.option(
            "--timeout",
            type=click.FloatRange(min=0, min_open=True),
            default=60.0,
            show_default=True,
            help="Seconds to wait.",
        ),
        click.option(
            "--auth", type=click.Choice(get_args(Auth)), default="auto", show_default=True, help="How to log in."
        ),
        click.option("--no-pipelining", is_flag=True, help="Send each command after the answer to the last."),
        click.option("--allow-cleartext", is_flag=True, help="With pop://, use no TLS: anyone on the way reads along."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def _connect(
    url: str,
    password_file: Path | None,
    cafile: Path | None,
    timeout: float,
    auth: Auth,
    no_pipelining: bool,
    allow_cleartext: bool,
) -> tuple[popmail.Pop3, str]:
    """Log in to the server of a URL; return the session, and the name of the account in the state file."""
    target = popmail.parse_url(url)
    if not target.user:
        raise CommandFailedError(f"the URL names no user: expected pops://USER@{target.host}")
    session = popmail.Pop3(
        target.host,
        target.port,
        user=target.user,
        password=_password(password_file, f"Password of {target.user} at {target.host}"),
        tls="none" if allow_cleartext and target.tls != "implicit" else target.tls,
        ssl_context=_client_context(cafile),
        auth=auth,
        allow_cleartext=allow_cleartext,
        timeout=timeout,
        pipelining=not no_pipelining,
    )
    return session, f"{target.user}@{target.host}:{target.port}"


def _password(file: Path | None, prompt: str) -> str:
    """Return the password from the file, from the environment or from the person at the terminal, in this order."""
    if file is not None:
        try:
            return file.read_text("utf-8").removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError as error:
            raise CommandFailedError(f"{file}: expected a password in UTF-8") from error
    if PASSWORD_VARIABLE in os.environ:
        return os.environ[PASSWORD_VARIABLE]
    if not sys.stdin.isatty():
        raise CommandFailedError(f"no password: expected --password-file, {PASSWORD_VARIABLE} or a terminal to ask at")
    answer: str = click.prompt(terminal.printable(prompt), hide_input=True, err=True)
    return answer


def _client_context(cafile: Path | None) -> ssl.SSLContext | None:
    if cafile is None:
        return None
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(cafile)
    except ssl.SSLError as error:
        raise CommandFailedError(f"{cafile}: expected certificates in PEM form") from error
    except OSError as error:
        raise CommandFailedError(f"{cafile}: {error.strerror}") from error
    return context


# fetch


@command.command()
@_connection_options
@click.option("--to", "folder", required=True, type=click.Path(path_type=Path), help="Folder to put the messages in.")
@click.option("--eml", is_flag=True, help="Write .eml files; without it the folder is a Maildir.")
@click.option("--keep/--delete", default=True, help="Leave the messages on the server (default), or delete them there.")
def fetch(folder: Path, eml: bool, keep: bool, **connection: Any) -> None:
    """Fetch the messages that FOLDER has not received yet from URL, such as pops://me@pop.example.com.

    What has arrived is noted in FOLDER, so a fetch that was interrupted goes on where it was. With --delete, messages
    are deleted on the server once they are safely in FOLDER, those of earlier fetches too.
    """
    notes = terminal.stderr()
    started = time.monotonic()
    layout: Layout = "eml" if eml else "maildir"
    with Delivery(folder, layout) as delivery:
        session, account = _connect(**connection)
        with session as box:
            result = _fetch_into(box, delivery, account, keep=keep)
            delivery.save()  # before QUIT, which makes the deletions final
    seconds = max(time.monotonic() - started, 1e-9)
    arrived = f"{_count(result.messages, 'message')}, {terminal.size(result.octets)}"
    rate = f"{terminal.size(round(result.octets / seconds))}/s"
    notes.print(Text(f"fetched {arrived}, into {terminal.printable(str(folder))} in {seconds:.1f} s ({rate})"))


def _fetch_into(box: popmail.Pop3, delivery: Delivery, account: str, *, keep: bool) -> terminal.FetchProgress:
    """Fetch what is missing, in order; without `keep`, mark what the folder has for deletion."""
    notes = terminal.stderr()
    sizes = dict(box.list())
    uids = _uids(box)
    if uids is None:
        notes.print("the server has no UIDL: fetching every message")
        uids = {}
    else:
        delivery.forget_missing(account, uids.values())
    arrived = delivery.delivered(account)
    missing: list[int] = []
    present: list[int] = []
    for number in sizes:
        uid = uids.get(number)
        if uid is not None and arrived[uid] > 0:
            arrived[uid] -= 1
            present.append(number)
        else:
            missing.append(number)
    if present:
        notes.print(f"{_count(len(present), 'message')} already here")
        if not keep:
            for number in present:
                box.dele(number)

    with terminal.FetchProgress(notes, count=len(missing), octets=sum(sizes[number] for number in missing)) as progress:
        for number, delete in _stored(box, delivery, missing, sizes, uids, progress):
            uid = uids.get(number)
            if uid is not None:
                delivery.record(account, uid)
            progress.add_message()
            if not keep:
                delete()
    return progress


def _stored(
    box: popmail.Pop3,
    delivery: Delivery,
    numbers: Sequence[int],
    sizes: dict[int, int],
    uids: dict[int, str],
    progress: terminal.FetchProgress,
) -> Iterator[tuple[int, Callable[[], None]]]:
    """Fetch messages to the disk; give the number of each that is there, and what deletes it on the server.

    The small ones come first, pipelined, with one in memory at a time; then the large ones, streamed.
    """

    def name(number: int) -> str:
        return uids.get(number, f"message-{number}")

    for mail in box.fetch([number for number in numbers if sizes[number] < _STREAMED]):
        with delivery.message(name(mail.number)) as file:
            file.write(mail.raw)
        progress.add_octets(len(mail.raw))
        yield mail.number, mail.delete
    for number in numbers:
        if sizes[number] >= _STREAMED:
            with delivery.message(name(number)) as file:
                box.retr(number, into=_Counting(file, progress.add_octets))
            yield number, functools.partial(box.dele, number)


class _Counting:
    """A file to write to that reports how much was written."""

    def __init__(self, file: BinaryIO, report: Callable[[int], None]) -> None:
        self._file = file
        self._report = report

    def write(self, chunk: bytes) -> int:
        written = self._file.write(chunk)
        self._report(written)
        return written


def _uids(box: popmail.Pop3) -> dict[int, str] | None:
    """Return the uid of each message, or None if the server has none."""
    try:
        return dict(box.uidl())
    except popmail.CommandError as error:
        if error.fatal:
            raise
        return None


# list


@command.command("list")
@_connection_options
@click.option(
    "--no-headers", is_flag=True, help="Only numbers, sizes and uids, without asking for each message's headers."
)
def list_(no_headers: bool, **connection: Any) -> None:
    """List the messages at URL, such as pops://me@pop.example.com: number, size, uid, date, sender, subject."""
    session, _ = _connect(**connection)
    with session as box:
        entries = box.list()
        uids = _uids(box) or {}
        rows: Iterable[list[str]] = (
            [str(number), str(octets), terminal.printable(uids.get(number, "-"))]
            + ([] if no_headers else _summary(box, number))
            for number, octets in entries
        )
        console = terminal.stdout()
        if not console.is_terminal:
            for row in rows:
                print("\t".join(row))
            return
        table = Table(box=None, header_style="bold", pad_edge=False)
        for name in ["number", "octets", "uid"] + ([] if no_headers else ["date", "from", "subject"]):
            table.add_column(
                name, justify="right" if name in ("number", "octets") else "left", overflow="ellipsis", no_wrap=True
            )
        for row in rows:
            table.add_row(*map(Text, row))
        console.print(table, soft_wrap=False)


def _summary(box: popmail.Pop3, number: int) -> list[str]:
    """Return date, sender and subject of a message; a server without TOP has none to give."""
    try:
        message = popmail.parse(box.top(number, 0))
    except popmail.CommandError as error:
        if error.fatal:
            raise
        return ["-", "-", "-"]
    date = message.date
    return [
        date.strftime("%Y-%m-%d %H:%M") if date else "-",
        terminal.addresses(message.from_) or "-",
        terminal.printable(message.subject or "-"),
    ]


# show, parse


@command.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--headers", is_flag=True, help="All headers, as they stand in the message.")
def show(file: Path, headers: bool) -> None:
    """Show a message: its headers, its parts as a tree and its text. FILE may be - for standard input."""
    message = popmail.parse(_read(file))
    console = terminal.stdout()
    if headers:
        head = message.raw[: _end_of_headers(message.raw)].decode("utf-8", "surrogateescape")
        click.echo(terminal.printable_lines(head).rstrip("\n"))
    else:
        console.print(terminal.header_lines(message))
    console.print()
    console.print(terminal.mime_tree(message))
    for defect in message.defects:
        console.print(Text(f"defect: {terminal.printable(str(defect))}", style="yellow"))
    if message.text:
        console.print()
        click.echo(terminal.printable_lines(message.text).rstrip("\n"))  # rich would replace its tabs


@command.command()
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--json", "as_json", is_flag=True, help="The whole message as a JMAP Email object (RFC 8621), one line per file."
)
def parse(files: tuple[Path, ...], as_json: bool) -> None:
    """Parse messages and print what they are, one line for each FILE (- for standard input)."""
    for file in files:
        message = popmail.parse(_read(file))
        if as_json:
            text = message.to_json()
            # A pipe gets the canonical form; on a terminal the control characters that JSON leaves alone go too.
            click.echo(_json_for_terminal(text) if sys.stdout.isatty() else text)
        else:
            fields = [
                str(file),
                terminal.size(len(message.raw)),
                message.subject or "-",
                terminal.addresses(message.from_) or "-",
            ]
            fields.append(_count(len(message.attachments), "attachment"))
            if message.defects:
                fields.append(_count(len(message.defects), "defect"))
            click.echo("\t".join(map(terminal.printable, fields)))


def _json_for_terminal(text: str) -> str:
    return "".join(f"\\u{ord(char):04x}" if terminal.printable(char) != char else char for char in text)


def _read(file: Path) -> bytes:
    return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()


def _end_of_headers(raw: bytes) -> int:
    ends = [position for position in (raw.find(b"\n\r\n"), raw.find(b"\n\n")) if position >= 0]
    return min(ends) + 1 if ends else len(raw)


# serve, demo


@command.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--user", default="me", show_default=True, help="Name of the one account.")
@click.option("--password-file", type=click.Path(path_type=Path), help="File that holds the password.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port to listen on; without it a free one is taken."
)
@click.option("--cert", type=click.Path(path_type=Path), help="Certificate chain of the server, PEM.")
@click.option(
    "--key", type=click.Path(path_type=Path), help="Private key of the certificate, PEM (default: in the same file)."
)
@click.option("--starttls", is_flag=True, help="Start without TLS and offer STLS, instead of TLS from the first byte.")
@click.option("--allow-cleartext", is_flag=True, help="Let clients log in without TLS: anyone on the way reads along.")
def serve(
    folder: Path,
    user: str,
    password_file: Path | None,
    host: str,
    port: int,
    cert: Path | None,
    key: Path | None,
    starttls: bool,
    allow_cleartext: bool,
) -> None:
    """Serve FOLDER, a Maildir or a folder of .eml files, as one POP3 account, until interrupted.

    Messages that a client deletes are removed from a Maildir; .eml files stay, and are there again at the next start.
    """
    if cert is None and not allow_cleartext:
        raise click.UsageError("expected --cert FILE (and --key FILE) for TLS, or --allow-cleartext")
    maildrop, kind = _maildrop(folder)
    password = _password(password_file, f"Password that {user} shall have")
    implicit = cert is not None and not starttls
    with popmail.Server(
        {user: popmail.Account(password, maildrop)},
        host=host,
        port=port,
        tls=_server_context(cert, key) if cert is not None else None,
        implicit_tls=implicit,
        allow_cleartext=allow_cleartext,
    ) as server:
        scheme = "pops" if implicit else "pop"
        click.echo(
            terminal.printable(
                f"serving {kind} {folder} at {scheme}://{user}@{server.host}:{server.port} (Ctrl-C ends it)"
            )
        )
        sys.stdout.flush()
        threading.Event().wait()


def _maildrop(folder: Path) -> tuple[popmail.Maildir | popmail.MemoryMaildrop, str]:
    if (folder / "cur").is_dir() and (folder / "new").is_dir():
        return popmail.Maildir(folder), "the Maildir"
    if not folder.is_dir():
        raise CommandFailedError(f"{folder}: expected a Maildir or a folder of .eml files")
    files = sorted(folder.glob("*.eml"))
    if not files:
        raise CommandFailedError(f"{folder}: expected cur and new in it (a Maildir), or .eml files")
    return popmail.MemoryMaildrop([file.read_bytes() for file in files]), f"{_count(len(files), 'message')} of"


def _server_context(cert: Path, key: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key)
    except ssl.SSLError as error:
        raise CommandFailedError(
            f"{cert}: expected a certificate and its private key in PEM form ({error.reason})"
        ) from error
    except OSError as error:
        raise CommandFailedError(f"{cert if key is None else f'{cert} or {key}'}: {error.strerror}") from error
    return context


@command.command()
@click.option(
    "--mail",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of .eml files, instead of the samples.",
)
@click.option(
    "--to", "folder", type=click.Path(path_type=Path), help="Folder for the attachments (default: a new one)."
)
def demo(mail: Path | None, folder: Path | None) -> None:
    """Serve the sample mail on this machine over TLS, fetch it, read it, delete a message, and look again."""
    from popmail._demo import run_demo

    run_demo(mail, folder)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
