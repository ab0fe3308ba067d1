"""The OAuth examples, driven to the end: the providers' libraries, scripted endpoints, and POP3 with TLS."""

from __future__ import annotations

import base64
import importlib.util
import json
import threading
import time
import urllib.parse
import urllib.request
import webbrowser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scripted import MAILBOX, ScriptedServer

import popmail

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from conftest import Certificates

EXAMPLES = Path(__file__).parents[2] / "examples" / "python"
USER = "me@example.com"
CLIENT = "client-4711"
OUTLOOK = "https://outlook.office.com/POP.AccessAsUser.All"


class Provider(BaseHTTPRequestHandler):
    """Google's token endpoint and Microsoft's, as far as these libraries ask."""

    def do_GET(self) -> None:
        base = self.provider.url
        assert self.path == "/common/v2.0/.well-known/openid-configuration"
        self._answer(
            {
                "issuer": f"{base}/common/v2.0",
                "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token",
                "device_authorization_endpoint": f"{base}/devicecode",
            }
        )

    def do_POST(self) -> None:
        octets = self.rfile.read(int(self.headers["Content-Length"]))
        form = {name: values[0] for name, values in urllib.parse.parse_qs(octets.decode()).items()}
        if self.path == "/devicecode":
            self.provider.asked.append("devicecode")
            self._answer(
                {"device_code": "dc", "user_code": "UC", "message": "type UC in", "interval": 0, "expires_in": 60}
            )
            return
        assert self.path == "/token"
        grant = form["grant_type"].rpartition(":")[2]
        self.provider.asked.append(grant)
        self._answer(
            {
                "access_token": f"token-by-{grant}",
                "refresh_token": "refresh-me",
                "token_type": "Bearer",
                "expires_in": 3600,
                "scope": OUTLOOK if grant == "device_code" else form.get("scope", "https://mail.google.com/"),
                **self._microsoft(),
            }
        )

    def _microsoft(self) -> dict[str, str]:
        """Who logged in, as MSAL wants to know it."""

        def encoded(value: dict[str, Any]) -> str:
            return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

        now = int(time.time())
        issuer = f"{self.provider.url}/common/v2.0"
        claims = {"iss": issuer, "aud": CLIENT, "iat": now, "exp": now + 3600, "sub": "s", "preferred_username": USER}
        client_info = encoded({"uid": "u", "utid": "t"})
        return {"id_token": f"{encoded({'alg': 'none'})}.{encoded(claims)}.", "client_info": client_info}

    def _answer(self, value: dict[str, Any]) -> None:
        octets = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    def log_message(self, *_: object) -> None:
        pass

    @property
    def provider(self) -> Endpoint:
        assert isinstance(self.server, Endpoint)
        return self.server


class Endpoint(ThreadingHTTPServer):
    def __init__(self, certificates: Certificates) -> None:
        super().__init__(("127.0.0.1", 0), Provider)
        self.socket = certificates.server_context().wrap_socket(self.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server_address[1]}"
        self.asked: list[str] = []


@pytest.fixture
def provider(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.ca_file))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca_file))
    with Endpoint(certificates) as endpoint:
        thread = threading.Thread(target=endpoint.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield endpoint
        endpoint.shutdown()
        thread.join(30)


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def taking(token: str, mechanism: str, certificates: Certificates) -> ScriptedServer:
    """Return a server that takes this token and no other."""
    said = {
        "XOAUTH2": f"user={USER}\x01auth=Bearer {token}\x01\x01",
        "OAUTHBEARER": f"n,a={USER},\x01auth=Bearer {token}\x01\x01",
    }[mechanism]
    replies = {
        **MAILBOX,
        "CAPA": f"+OK\r\nUIDL\r\nTOP\r\nPIPELINING\r\nSASL {mechanism}\r\n.\r\n".encode(),
        "AUTH": b"+ \r\n",
        "TOP": b"+OK\r\nSubject: by OAuth\r\n\r\n.\r\n",
        base64.b64encode(said.encode()).decode().upper(): b"+OK\r\n",
    }
    return ScriptedServer(replies, tls=certificates.server_context())


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_gmail(
    provider: Endpoint,
    certificates: Certificates,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    mechanism: str,
) -> None:
    gmail = example("gmail_oauth")
    client, saved = tmp_path / "client.json", tmp_path / "token.json"
    installed = {
        "client_id": CLIENT,
        "client_secret": "hush",
        "auth_uri": f"{provider.url}/authorize",
        "token_uri": f"{provider.url}/token",
        "redirect_uris": ["http://localhost"],
    }
    client.write_text(json.dumps({"installed": installed}))

    class Browser(webbrowser.BaseBrowser):
        """A person who says yes."""

        def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
            query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
            back = urllib.parse.urlencode({"code": "yes", "state": query["state"]})
            threading.Thread(target=lambda: urllib.request.urlopen(f"{query['redirect_uri']}?{back}").close()).start()
            return True

    monkeypatch.setattr(webbrowser, "get", lambda *_: Browser())
    # The library knows one address for renewals, which no file changes.
    monkeypatch.setattr("google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT", f"{provider.url}/token")

    def run(token: str) -> None:
        with taking(token, mechanism, certificates) as server:
            gmail.main(
                [USER, "--client", str(client), "--saved", str(saved), "--host", server.host, f"--port={server.port}"]
            )
        assert capsys.readouterr().out.splitlines()[-1] == "    1         20 by OAuth"

    run("token-by-authorization_code")
    run("token-by-authorization_code")  # the saved one is still good
    expired = json.loads(saved.read_text()) | {"expiry": "2020-01-01T00:00:00Z"}
    saved.write_text(json.dumps(expired))
    run("token-by-refresh_token")
    assert provider.asked == ["authorization_code", "refresh_token"]


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_outlook(
    provider: Endpoint,
    certificates: Certificates,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    mechanism: str,
) -> None:
    outlook = example("outlook_oauth")
    saved = tmp_path / "token.json"
    options = {"authority": f"{provider.url}/common", "instance_discovery": False}

    def run(token: str) -> str:
        with taking(token, mechanism, certificates) as server:
            arguments = [
                USER,
                "--client",
                CLIENT,
                "--saved",
                str(saved),
                "--host",
                server.host,
                f"--port={server.port}",
            ]
            outlook.main(arguments, **options)
        captured = capsys.readouterr()
        assert captured.out == "    1         20 by OAuth\n"
        return captured.err

    assert "type UC in" in run("token-by-device_code")
    assert run("token-by-device_code") == ""  # the saved one is still good
    cache = json.loads(saved.read_text())
    for token in cache["AccessToken"].values():
        token["expires_on"] = token["extended_expires_on"] = "1"
    saved.write_text(json.dumps(cache))
    assert run("token-by-refresh_token") == ""
    assert provider.asked == ["devicecode", "device_code", "refresh_token"]


def test_a_token_is_a_value_or_a_function(certificates: Certificates, provider: Endpoint) -> None:
    for token in ("tok", b"tok", lambda: "tok", lambda: b"tok"):
        with taking("tok", "OAUTHBEARER", certificates) as server:
            popmail.Pop3(server.host, server.port, user=USER, token=token).quit()  # type: ignore[arg-type]
    with taking("other", "OAUTHBEARER", certificates) as server, pytest.raises(popmail.AuthenticationError):
        popmail.Pop3(server.host, server.port, user=USER, token="tok")
