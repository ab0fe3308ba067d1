"""What several test files share: certificates made at the start of the run, and a private Dovecot."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, NamedTuple

import pytest
import trustme

from dovecot import Dovecot

pytest_plugins = ["pytester"]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Certificates(NamedTuple):
    """A certificate authority that exists for this run alone, and files made by it."""

    authority: trustme.CA
    ca_file: Path
    cert_file: Path
    """Certificate chain for `localhost`, `127.0.0.1` and `pop.example.com`."""
    key_file: Path

    def server_context(self, *names: str) -> ssl.SSLContext:
        """Return the context of a server whose certificate names these hosts, or the usual three."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if names:
            self.authority.issue_cert(*names).configure_cert(context)
        else:
            context.load_cert_chain(self.cert_file, self.key_file)
        return context

    def client_context(self) -> ssl.SSLContext:
        """Return the context of a client that trusts this authority."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1", "pop.example.com")
    result = Certificates(authority, folder / "ca.pem", folder / "certificate.pem", folder / "key.pem")
    authority.cert_pem.write_to_path(result.ca_file)
    certificate.private_key_pem.write_to_path(result.key_file)
    for position, blob in enumerate(certificate.cert_chain_pems):
        blob.write_to_path(result.cert_file, append=position > 0)
    return result


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    with Dovecot() as server:
        yield server
