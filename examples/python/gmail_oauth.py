"""Lists a Gmail mailbox with OAuth, by Google's own library: a browser opens once, then a saved token is renewed.

pip install popmail google-auth-oauthlib
python gmail_oauth.py me@gmail.com --client client_secret.json

`client_secret.json` is that of a "Desktop app" under APIs & Services, Credentials, in the Google Cloud console.
POP has to be switched on in Gmail's settings.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from google.auth.transport.requests import Request
from google.oauth2.credentials import Credentials
from google_auth_oauthlib.flow import InstalledAppFlow

import popmail

SCOPES = ["https://mail.google.com/"]


def access_token(client: Path, saved: Path) -> str:
    """Return a token that is valid now; renew the saved one, or ask the person in the browser."""
    credentials = Credentials.from_authorized_user_file(saved, SCOPES) if saved.exists() else None
    if credentials is not None and credentials.refresh_token and not credentials.valid:
        credentials.refresh(Request())
    elif credentials is None or not credentials.valid:
        credentials = InstalledAppFlow.from_client_secrets_file(client, SCOPES).run_local_server(port=0)
    saved.touch(mode=0o600)
    saved.write_text(credentials.to_json())
    return str(credentials.token)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("user")
    parser.add_argument("--client", type=Path, required=True, help="client_secret.json of your application")
    parser.add_argument("--saved", type=Path, default=Path("gmail_token.json"), help="where the token is kept")
    parser.add_argument("--host", default="pop.gmail.com")
    parser.add_argument("--port", type=int, default=995)
    given = parser.parse_args(arguments)

    # A function instead of a value: it is called when the session begins.
    with popmail.Pop3(
        given.host, given.port, user=given.user, token=lambda: access_token(given.client, given.saved)
    ) as box:
        for mail in box.summaries():
            print(f"{mail.number:5} {mail.octets:10} {mail.subject}")


if __name__ == "__main__":
    main()
