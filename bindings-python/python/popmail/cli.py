"""The command `popmail`: fetch, list, check, show, parse, to-parquet, serve, passwd, demo.

Results go to standard output, progress and notes to standard error. Exit status: 0 done, 1 an error (one line on
standard error says what was expected), 2 wrong usage, 130 interrupted. No password is taken from the command line.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import ssl
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click
from click.core import ParameterSource
from rich.table import Table
from rich.text import Text

import popmail
from popmail import _terminal as terminal
from popmail._check import Listener, Report, check
from popmail._delivery import DeliveryError
from popmail._fetch import Job, Outcome, fetch_all, password_of, read_jobs
from popmail._fetch import fetch as fetch_job
from popmail._parquet import COMPRESSIONS, ROW_GROUP_SIZE
from popmail._parquet import write as write_parquet
from popmail._terminal import CommandFailedError
from popmail.client import Auth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Function = TypeVar("Function", bound=Callable[..., Any])

PASSWORD_VARIABLE = "POPMAIL_PASSWORD"


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


def _connection_options(*, url_required: bool = True) -> Callable[[Function], Function]:
    options = [
        click.argument("url", required=url_required),
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
        click.option("--trace", is_flag=True, help="Print the dialogue, without secrets, to standard error."),
    ]

    def decorate(function: Function) -> Function:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def _connect(url: str, **connection: Any) -> popmail.Pop3:
    """Log in to the server of a URL."""
    return popmail.Pop3(**_options(url, **connection))


def _options(
    url: str,
    password_file: Path | None,
    cafile: Path | None,
    timeout: float,
    auth: Auth,
    no_pipelining: bool,
    allow_cleartext: bool,
    trace: bool,
    *,
    password: str | None = None,
) -> dict[str, Any]:
    """Return the arguments of a mailbox for the options of the command."""
    target = popmail.parse_url(url)
    if not target.user:
        raise CommandFailedError(f"the URL names no user: expected pops://USER@{target.host}")
    if password is None:
        password = _password(password_file, f"Password of {target.user} at {target.host}")
    return {
        "host": target.host,
        "port": target.port,
        "user": target.user,
        "password": password,
        "tls": "none" if allow_cleartext and target.tls != "implicit" else target.tls,
        "ssl_context": _client_context(cafile),
        "auth": auth,
        "allow_cleartext": allow_cleartext,
        "timeout": timeout,
        "pipelining": not no_pipelining,
        "trace": terminal.print_traced if trace else None,
    }


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


def _octets(text: str) -> int:
    """Return the number of octets that a person writes as 500000, 500k or 20M."""
    match = re.fullmatch(r"(\d+)([kMG]?)", text)
    if match is None:
        raise click.BadParameter(f"expected octets such as 500000, 500k or 20M, got {text!r}")
    return int(match[1]) * {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}[match[2]]


@command.command()
@_connection_options(url_required=False)
@click.option("--to", "folder", type=click.Path(path_type=Path), help="Folder to put the messages in.")
@click.option("--eml", is_flag=True, help="Write .eml files; without it the folder is a Maildir.")
@click.option("--keep/--delete", default=True, help="Leave the messages on the server (default), or delete them there.")
@click.option(
    "--delete-after", type=click.FloatRange(min=0), metavar="DAYS", help="Delete messages DAYS after they were fetched."
)
@click.option("--max-size", type=_octets, metavar="OCTETS", help="Leave larger messages on the server, such as 20M.")
@click.option("--headers-of-larger", is_flag=True, help="With --max-size, fetch the headers of larger messages.")
@click.option("--newest-first", is_flag=True, help="Fetch in the opposite of the server's order.")
@click.option("--limit", type=click.IntRange(min=0), help="Fetch at most so many messages now.")
@click.option(
    "--config", type=click.Path(path_type=Path), help="Fetch the accounts of this TOML file, at the same time."
)
@click.pass_context
def fetch(
    context: click.Context,
    /,
    url: str | None,
    folder: Path | None,
    eml: bool,
    keep: bool,
    delete_after: float | None,
    max_size: int | None,
    headers_of_larger: bool,
    newest_first: bool,
    limit: int | None,
    config: Path | None,
    **connection: Any,
) -> int:
    """Fetch the messages that FOLDER has not received yet from URL, such as pops://me@pop.example.com.

    What has arrived is noted in FOLDER, so a fetch that was interrupted goes on where it was. Messages are deleted on
    the server only when they are safely in FOLDER, those of earlier fetches too.

    With --config the file has concurrency = 8 and for each account a table [[account]] with url, folder, password_file
    or password_env, and if wanted eml, delete_after, max_size, larger = "headers", newest_first, limit, cafile,
    timeout, auth, no_pipelining, allow_cleartext. A table [defaults] is for all accounts.
    """
    if config is not None:
        given = [
            name
            for name in context.params
            if name != "config" and context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        ]
        if given:
            raise click.UsageError(f"with --config everything else stands in the file, also {', '.join(given)}")
        return _fetch_config(config)
    if url is None or folder is None:
        raise click.UsageError("expected URL and --to FOLDER, or --config FILE")
    if not keep and delete_after is not None:
        raise click.UsageError("expected --delete or --delete-after DAYS, not both")
    rules = popmail.SyncRules(
        delete_after=delete_after if keep else 0,
        max_size=max_size,
        larger="headers" if headers_of_larger else "skip",
        newest_first=newest_first,
        limit=limit,
    )
    _fetch_one(Job(url=url, folder=folder, eml=eml, rules=rules, **connection))
    return 0


def _fetch_one(job: Job) -> None:
    notes = terminal.stderr()
    started = time.monotonic()
    with terminal.FetchProgress(notes) as progress:
        outcome = fetch_job(job, _connect_job, progress)
    seconds = max(time.monotonic() - started, 1e-9)
    for warning in outcome.warnings:
        notes.print(Text(f"note: {terminal.printable(warning.text)}", style="yellow"))
    if outcome.present:
        notes.print(f"{_count(outcome.present, 'message')} already here")
    rate = f"{terminal.size(round(outcome.octets / seconds))}/s"
    notes.print(
        Text(f"fetched {_arrived(outcome)}, into {terminal.printable(str(job.folder))} in {seconds:.1f} s ({rate})")
    )


def _arrived(outcome: Outcome) -> str:
    """Return what a fetch did: `3 messages, 9.1 kB, 2 too large, 1 deleted`."""
    parts = [_count(outcome.messages, "message"), terminal.size(outcome.octets)]
    for number, what in (
        (outcome.too_large, "too large"),
        (outcome.postponed, "left for later"),
        (outcome.deleted, "deleted on the server"),
    ):
        if number:
            parts.append(f"{number:,} {what}")
    return ", ".join(parts)


def _fetch_config(file: Path) -> int:
    """Fetch the accounts of a file, one line for each; return the exit status, 1 if one failed."""
    jobs = read_jobs(file)
    notes = terminal.stderr()
    started = time.monotonic()
    with terminal.AccountsProgress(notes, len(jobs.jobs)) as table:
        report = _Report(table)
        fetch_all(jobs, _connect_job, report)
    seconds = time.monotonic() - started
    messages, octets = _count(report.messages, "message"), terminal.size(report.octets)
    failed = f", {report.failed:,} failed" if report.failed else ""
    notes.print(f"{_count(len(jobs.jobs), 'account')}: fetched {messages}, {octets} in {seconds:.1f} s{failed}")
    return 1 if report.failed else 0


class _Report:
    """Counts what many fetches bring, and says one line for each."""

    def __init__(self, table: terminal.AccountsProgress) -> None:
        self._table = table
        self._lock = threading.Lock()
        self._watchers: dict[int, terminal.AccountWatcher] = {}
        self.messages = 0
        self.octets = 0
        self.failed = 0

    def watcher(self, job: Job) -> terminal.AccountWatcher:
        with self._lock:
            self._watchers[id(job)] = watcher = self._table.watcher(job.account)
            return watcher

    def finished(self, job: Job, outcome: Outcome | Exception) -> None:
        failed = isinstance(outcome, Exception)
        if isinstance(outcome, Exception):
            line = f"{job.account}: failed: {explain(outcome)}"
        else:
            notes = "".join(f"; note: {warning.text}" for warning in outcome.warnings)
            line = f"{job.account}: fetched {_arrived(outcome)}{notes}"
        with self._lock:
            if isinstance(outcome, Exception):
                self.failed += 1
            else:
                self.messages += outcome.messages
                self.octets += outcome.octets
            self._table.finished(self._watchers.pop(id(job), None), line, failed=failed)


def _connect_job(job: Job) -> popmail.Pop3:
    return _connect(
        job.url,
        password_file=job.password_file,
        cafile=job.cafile,
        timeout=job.timeout,
        auth=job.auth,
        no_pipelining=job.no_pipelining,
        allow_cleartext=job.allow_cleartext,
        trace=job.trace,
        password=password_of(job),
    )


# check


@command.command("check")
@_connection_options()
@click.option("--no-retrieve", is_flag=True, help="Fetch no message; headers are still asked for.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def check_(no_retrieve: bool, as_json: bool, **connection: Any) -> int:
    """Check the server at URL, such as pops://me@pop.example.com: what it offers, and where it breaks the RFCs.

    Logs in, lists, and fetches three messages at most; nothing is deleted. Exit status 1 if a rule is broken.
    """
    options = _options(**connection)
    listener = Listener(tls=options["tls"] == "implicit")
    print_traced = options["trace"]

    def trace(direction: str, line: str) -> None:
        listener(direction, line)
        if print_traced is not None:
            print_traced(direction, line)

    options["trace"] = trace
    box = popmail.AsyncPop3(**options)
    report = asyncio.run(check(box, listener, retrieve=not no_retrieve))
    if as_json:
        click.echo(json.dumps(report.to_dict(), indent=2))
    else:
        _show_report(report)
    if report.error is not None:
        raise report.error
    return 1 if report.broken else 0


def _show_report(report: Report) -> None:
    console = terminal.stdout()
    rows = [("greeting", report.greeting.decode("utf-8", "replace"))]
    rows.append(("TLS", ", ".join(report.tls) or "none"))
    for moment, lines in report.capabilities.items():
        rows.append((f"CAPA {moment}", "refused" if lines is None else ", ".join(lines) or "nothing"))
    if report.count is not None and report.octets is not None:
        rows.append(("mailbox", f"{_count(report.count, 'message')}, {terminal.size(report.octets)}"))
    width = max(len(name) for name, _ in rows) + 2
    for name, value in rows:
        console.print(Text.assemble((f"{name:<{width}}", "bold"), terminal.printable(value)))
    for finding in report.findings:
        shown = "" if finding.octets is None else f": {terminal.octets(finding.octets)}"
        style = "red" if finding.breaks_a_rule else "yellow"
        kind = "broken" if finding.breaks_a_rule else "note"
        line = f"{kind}: {finding.name}: {finding.text}{shown}"
        console.print(Text(terminal.printable(line), style=style))
    if report.error is None:
        console.print(f"{_count(report.broken, 'rule')} broken" if report.broken else "no rule is broken")


# list


@command.command("list")
@_connection_options()
@click.option(
    "--no-headers", is_flag=True, help="Only numbers, sizes and uids, without asking for each message's headers."
)
def list_(no_headers: bool, **connection: Any) -> None:
    """List the messages at URL, such as pops://me@pop.example.com: number, size, uid, date, sender, subject."""
    with _connect(**connection) as box:
        rows = _plain_rows(box) if no_headers else _rows(box)
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


def _plain_rows(box: popmail.Pop3) -> Iterator[list[str]]:
    uids = _uids(box)
    for number, octets in box.list():
        yield [str(number), str(octets), terminal.printable(uids.get(number, "-"))]


def _rows(box: popmail.Pop3) -> Iterator[list[str]]:
    """Give number, size, uid, date, sender and subject; a server without TOP has no more than the first three."""
    shown = 0
    try:
        for one in box.summaries():
            shown += 1
            yield [
                str(one.number),
                "-" if one.octets is None else str(one.octets),
                terminal.printable(one.uid or "-"),
                one.date.strftime("%Y-%m-%d %H:%M") if one.date else "-",
                terminal.addresses(one.from_) or "-",
                terminal.printable(one.subject or "-"),
            ]
    except popmail.CommandError as error:
        if error.fatal:
            raise
        for row in itertools.islice(_plain_rows(box), shown, None):
            yield [*row, "-", "-", "-"]


def _uids(box: popmail.Pop3) -> dict[int, str]:
    """Return the uid of each message; none if the server has no UIDL."""
    try:
        return dict(box.uidl())
    except popmail.CommandError as error:
        if error.fatal:
            raise
        return {}


# show, parse


@command.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--headers", is_flag=True, help="All headers, as they stand in the message.")
@click.option(
    "--html", "as_html", is_flag=True, help="One page of HTML that loads and runs nothing, with the inline images."
)
@click.option("--output", "-o", type=click.Path(path_type=Path), metavar="PAGE", help="With --html, the file to write.")
def show(file: Path, headers: bool, as_html: bool, output: Path | None) -> None:
    """Show a message: its headers, its parts as a tree, its text, its attachments and what is wrong with it.

    FILE may be - for standard input.
    """
    message = popmail.parse(_read(file))
    if as_html:
        from popmail._view import html_page

        page = html_page(message).encode("utf-8", "replace")
        if output is None:
            click.echo(page, nl=False)
        else:
            output.write_bytes(page)
        return
    if output is not None:
        raise click.UsageError("--output needs --html")
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
    files = terminal.file_lines(message)
    if files:
        console.print()
        console.print(files)


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


# to-parquet


def _column_names(context: click.Context, parameter: click.Parameter, text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",")]


@command.command(
    "to-parquet",
    epilog=f"Columns: {', '.join(popmail.arrow.USUAL_COLUMNS)}; and, where they are named,"
    f" {', '.join(name for name in popmail.arrow.COLUMNS if name not in popmail.arrow.USUAL_COLUMNS)}.",
)
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True, metavar="FILE", help="File to write.")
@click.option("--columns", callback=_column_names, metavar="NAMES", help="Columns, with commas between them.")
@click.option(
    "--mbox-format",
    type=click.Choice(["auto", "mboxo", "mboxrd", "mboxcl", "mboxcl2"]),
    default="auto",
    show_default=True,
    help="Variant of an mbox file.",
)
@click.option("--threads", type=click.IntRange(min=1), help="Threads that parse (default: one for each processor).")
@click.option(
    "--compression", type=click.Choice(COMPRESSIONS), default="zstd", show_default=True, help="How pages are packed."
)
@click.option(
    "--row-group-size",
    type=click.IntRange(min=1),
    default=ROW_GROUP_SIZE,
    show_default=True,
    help="Rows of a row group, at most; it ends earlier at 64 MiB.",
)
def to_parquet(
    source: Path,
    output: Path,
    columns: list[str] | None,
    mbox_format: str,
    threads: int | None,
    compression: str,
    row_group_size: int,
) -> None:
    """Write the messages of SOURCE, an mbox file, a Maildir or a folder of .eml files, as rows of a Parquet FILE.

    What is wrong with a message stands in its row. FILE appears when it is complete, in place of one that was there.
    """
    if output.is_dir():
        raise CommandFailedError(f"{output}: expected the name of a file, this is a folder")
    notes = terminal.stderr()
    started = time.monotonic()
    try:
        reader = popmail.arrow.read(source, columns, threads=threads, format=mbox_format)
    except ValueError as error:
        raise CommandFailedError(str(error)) from error
    with terminal.ReadProgress(notes, reader) as progress:
        write_parquet(reader, output, compression=compression, row_group_size=row_group_size, progress=progress)
    seconds = max(time.monotonic() - started, 1e-9)
    messages, size = _count(reader.messages, "message"), terminal.size(output.stat().st_size)
    rate = f"{round(reader.messages / seconds):,}/s"
    notes.print(Text(f"{messages} in {terminal.printable(str(output))}, {size}, in {seconds:.1f} s ({rate})"))


# serve, demo


@command.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--user", default="me", show_default=True, help="Name of the one account.")
@click.option("--password-file", type=click.Path(path_type=Path), help="File that holds the password.")
@click.option(
    "--users",
    type=click.Path(path_type=Path),
    help="File of names and bcrypt hashes, as `htpasswd -B` and `popmail passwd` write it: FOLDER holds a Maildir or"
    " an mbox file for each of them.",
)
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
@click.option(
    "--log",
    type=click.Choice(["warnings", "text", "json"]),
    default="warnings",
    show_default=True,
    help="What happens, on standard error: warnings alone, or each event as a line of text or of JSON.",
)
def serve(
    folder: Path,
    user: str,
    password_file: Path | None,
    users: Path | None,
    host: str,
    port: int,
    cert: Path | None,
    key: Path | None,
    starttls: bool,
    allow_cleartext: bool,
    log: str,
) -> None:
    """Serve FOLDER over POP3 until interrupted or terminated.

    Without --users FOLDER is one account: a Maildir, an mbox file, or a folder of .eml files. Messages that a client
    deletes are removed, but for .eml files, which are there again at the next start.

    A socket that systemd hands over (LISTEN_FDS) is used in place of --host and --port.
    """
    from popmail import _serve

    if cert is None and not allow_cleartext:
        raise click.UsageError("expected --cert FILE (and --key FILE) for TLS, or --allow-cleartext")
    _serve.log_to_stderr(log)
    implicit = cert is not None and not starttls
    options: dict[str, Any] = {
        "host": host,
        "port": port,
        "sock": _serve.socket_of_systemd(),
        "tls": None if cert is None else _serve.server_context(cert, key),
        "implicit_tls": implicit,
        "allow_cleartext": allow_cleartext,
    }
    if users is None:
        maildrop, what = _serve.maildrop(folder)
        password = _password(password_file, f"Password that {user} shall have")
        server = popmail.Server({user: popmail.Account(password, maildrop)}, **options)
        name = f"{user}@"
    else:
        log_in, what = _serve.accounts(folder, users)
        server = popmail.Server(log_in, **options)
        name = ""
    with _serve.until_terminated() as ended, server:
        scheme = "pops" if implicit else "pop"
        place = f"{scheme}://{name}{server.host}:{server.port}"
        click.echo(terminal.printable(f"serving {what} {folder} at {place} (Ctrl-C ends it)"))
        sys.stdout.flush()
        ended.wait()


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("user")
@click.option("--password-file", type=click.Path(path_type=Path), help="File that holds the password.")
def passwd(file: Path, user: str, password_file: Path | None) -> None:
    """Put USER with a salted hash of a password into FILE, for `popmail serve --users`."""
    from popmail._users import write_user

    write_user(file, user, _password(password_file, f"Password that {user} shall have"))
    click.echo(terminal.printable(f"{user} is in {file}"))


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
