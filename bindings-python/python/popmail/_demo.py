"""`popmail demo`: the embedded server on loopback with TLS, the sample mail in it, and a client that reads it all.

Nothing leaves the machine, and the certificate is made at the start (by trustme, from the extra `popmail[testing]`).
"""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rich.rule import Rule
from rich.text import Text

import popmail
from popmail import _terminal as terminal
from popmail._terminal import CommandFailedError

if TYPE_CHECKING:
    from rich.console import Console

_USER = "demo"
_PASSWORD = "loopback only"
_SAMPLES = Path(__file__).parent / "samples"


def run_demo(mail: Path | None, folder: Path | None) -> None:
    """Run the demo on the `.eml` files of a folder (by default the samples) and save attachments to another."""
    console = terminal.stdout()
    files = sorted((mail or _SAMPLES).glob("*.eml"))
    if not files:
        raise CommandFailedError(f"{mail or _SAMPLES}: expected .eml files")
    server_context, client_context = _tls_contexts()
    maildrop = popmail.MemoryMaildrop([file.read_bytes() for file in files])
    with popmail.Server({_USER: popmail.Account(_PASSWORD, maildrop)}, tls=server_context) as server:
        console.print(f"serving {len(files)} messages at pops://{_USER}@{server.host}:{server.port}")
        first_uids = _fetch_and_show(console, server, client_context, folder)
        _delete_one(console, server, client_context, first_uids)


def _open(server: popmail.Server, context: ssl.SSLContext) -> popmail.Pop3:
    return popmail.Pop3(server.host, server.port, user=_USER, password=_PASSWORD, ssl_context=context)


def _fetch_and_show(
    console: Console, server: popmail.Server, context: ssl.SSLContext, folder: Path | None
) -> list[str]:
    """Fetch and show each message, save the attachments of the one that has most, and return the uids."""
    uids: list[str] = []
    complete: popmail.Message | None = None
    with _open(server, context) as box:
        count, octets = box.stat()
        with terminal.FetchProgress(terminal.stderr()) as progress:
            progress.begin(count, octets)
            mails: list[popmail.RemoteMessage] = []
            for mail in box:
                progress.add_octets(len(mail.raw))
                progress.add_message()
                mails.append(mail)
        console.print(f"fetched {progress.messages} messages, {terminal.size(progress.octets)}")
        for mail in mails:
            message = mail.message
            uids.append(mail.uid or "")
            console.print()
            title = f"{mail.number}  {terminal.printable(mail.uid or '-')}  {terminal.size(len(mail.raw))}"
            console.print(Rule(Text(title), align="left", style="dim"), soft_wrap=False)
            console.print(Text(terminal.printable(message.subject or "(no subject)"), style="bold"))
            console.print(Text(f"from {terminal.addresses(message.from_) or '(nobody)'}"))
            console.print(terminal.mime_tree(message))
            if complete is None or len(message.attachments) > len(complete.attachments):
                complete = message
    console.print()
    if complete is not None:
        target = folder or Path(tempfile.mkdtemp(prefix="popmail-demo-"))
        target.mkdir(parents=True, exist_ok=True)
        saved = [part.save(target) for part in complete.attachments]
        console.print(
            Text(f"saved {len(saved)} attachments of “{terminal.printable(complete.subject or '')}” to {target}:")
        )
        for path in saved:
            console.print(Text(f"  {terminal.printable(path.name)}  {terminal.size(path.stat().st_size)}"))
    return uids


def _delete_one(console: Console, server: popmail.Server, context: ssl.SSLContext, first_uids: list[str]) -> None:
    """Delete the first message in one session and prove in another that it, and no other, is gone."""
    with _open(server, context) as box:
        box.dele(1)
    console.print(f"deleted message 1, uid {terminal.printable(first_uids[0])}")
    with _open(server, context) as box:
        left = [uid for _, uid in box.uidl()]
    if left != first_uids[1:]:
        raise CommandFailedError(f"expected the other {len(first_uids) - 1} messages, got {len(left)}")
    console.print(f"second login: {len(left)} messages, uid {terminal.printable(first_uids[0])} is gone")


def _tls_contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the contexts of the server and of a client that trusts this server, both made now."""
    try:
        import trustme
    except ImportError as error:
        raise CommandFailedError("the demo needs trustme: pip install 'popmail[testing]'") from error
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # trustme's contexts may also be pyOpenSSL's, which has no types here.
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(server)  # pyright: ignore[reportUnknownMemberType]
    client = ssl.create_default_context()
    authority.configure_trust(client)  # pyright: ignore[reportUnknownMemberType]
    return server, client
