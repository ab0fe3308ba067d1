"""Lists a mailbox through a SOCKS5 proxy (Tor, `ssh -D`), with TLS to the server and names looked up by the proxy.

pip install popmail PySocks
POPMAIL_PASSWORD=… python socks_proxy.py pop.example.com me --proxy 127.0.0.1:9050
"""

import argparse
import getpass
import os

import socks

import popmail


def through_proxy(host: str, port: int, proxy: str) -> popmail.SocketTransport:
    """Connect by the proxy, then let TLS begin over its socket, to the server itself: the proxy reads nothing."""
    address, _, proxy_port = proxy.rpartition(":")
    sock = socks.create_connection(
        (host, port),
        timeout=60,
        proxy_type=socks.SOCKS5,
        proxy_addr=address,
        proxy_port=int(proxy_port),
        proxy_rdns=True,
    )
    return popmail.SocketTransport(host, port, implicit_tls=True, sock=sock)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("host")
    parser.add_argument("user")
    parser.add_argument("--port", type=int, default=995)
    parser.add_argument("--proxy", default="127.0.0.1:1080", help="HOST:PORT of the SOCKS5 proxy")
    arguments = parser.parse_args()
    password = os.environ.get("POPMAIL_PASSWORD") or getpass.getpass()

    transport = through_proxy(arguments.host, arguments.port, arguments.proxy)
    with popmail.Pop3(
        arguments.host, arguments.port, user=arguments.user, password=password, transport=transport
    ) as box:
        for mail in box:
            print(f"{mail.number:5} {mail.octets:10} {mail.message.subject}")


if __name__ == "__main__":
    main()
