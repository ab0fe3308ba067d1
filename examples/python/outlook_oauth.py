"""Lists an Outlook or Microsoft 365 mailbox with OAuth, by Microsoft's own library: a code is typed in once.

pip install popmail msal
python outlook_oauth.py me@outlook.com --client 00000000-0000-0000-0000-000000000000

The client is an application registered in the Microsoft Entra admin center, with "Allow public client flows" and the
delegated permission POP.AccessAsUser.All. POP has to be switched on in the mailbox's settings.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msal

import popmail

SCOPES = ["https://outlook.office.com/POP.AccessAsUser.All"]
AUTHORITY = "https://login.microsoftonline.com/common"


def access_token(user: str, client: str, saved: Path, **options: Any) -> str:
    """Return a token that is valid now; renew what is saved, or ask the person to type a code in at a page."""
    cache = msal.SerializableTokenCache()
    if saved.exists():
        cache.deserialize(saved.read_text())
    application = msal.PublicClientApplication(client, token_cache=cache, **{"authority": AUTHORITY, **options})
    result: dict[str, Any] | None = None
    for account in application.get_accounts(username=user):
        result = application.acquire_token_silent(SCOPES, account)
    if not result:
        flow = application.initiate_device_flow(SCOPES)
        print(flow.get("message", flow), file=sys.stderr)
        result = application.acquire_token_by_device_flow(flow)
    if "access_token" not in result:
        raise SystemExit(f"no token: {result.get('error_description', result)}")
    if cache.has_state_changed:
        saved.touch(mode=0o600)
        saved.write_text(cache.serialize())
    return str(result["access_token"])


def main(arguments: Sequence[str] | None = None, **options: Any) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("user")
    parser.add_argument("--client", required=True, help="the application's id")
    parser.add_argument("--saved", type=Path, default=Path("outlook_token.json"), help="where the token is kept")
    parser.add_argument("--host", default="outlook.office365.com")
    parser.add_argument("--port", type=int, default=995)
    given = parser.parse_args(arguments)

    token = access_token(given.user, given.client, given.saved, **options)
    with popmail.Pop3(given.host, given.port, user=given.user, token=token) as box:
        for mail in box.summaries():
            print(f"{mail.number:5} {mail.octets:10} {mail.subject}")


if __name__ == "__main__":
    main()
