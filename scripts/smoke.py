"""What must hold of the wheel in an empty environment. Usage: smoke.py CHECKOUT, which is not what is imported."""

import sys
from importlib.metadata import version
from pathlib import Path

import popmail

checkout = Path(sys.argv[1])
package = Path(popmail.__file__).parent

assert (checkout / "target") in package.parents, f"{package} is not the installed wheel"
assert version("popmail") in (checkout / "Cargo.toml").read_text(), "the version is not the workspace's"
assert (package / "py.typed").exists(), "py.typed is missing"
assert sorted(p.name for p in (package / "samples").iterdir()) == sorted(
    p.name for p in (checkout / "examples" / "mail").glob("*.eml")
), "the wheel's sample mail is not examples/mail"

raw = b"Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n\r\nhello\r\n"
assert popmail.parse(raw).subject == "gr\u00fc\u00dfe"
batch = popmail.arrow.parse([raw] * 3)
assert len(batch) == 3, batch
assert len(batch.__arrow_c_array__()) == 2, "a table needs no library of Arrow"
assert "pyarrow" not in sys.modules
with (
    popmail.Server(
        {"me": popmail.Account("secret", popmail.MemoryMaildrop([raw]))}, implicit_tls=False, allow_cleartext=True
    ) as server,
    popmail.Pop3(
        server.host,
        server.port,
        user="me",
        password="secret",
        tls="none",
        allow_cleartext=True,
    ) as box,
):
    assert box.retr(1) == raw
print("popmail", version("popmail"), "works from", package)
