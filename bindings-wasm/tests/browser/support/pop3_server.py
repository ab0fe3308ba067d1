"""A POP3 server with the messages of a folder, for the tests in Chromium: prints its port, ends when its input ends."""

import sys
from pathlib import Path

import popmail

mail = [path.read_bytes() for path in sorted(Path(sys.argv[1]).glob("*.eml"))]
accounts = {
    "ada": popmail.Account("päss wörd", popmail.MemoryMaildrop(mail)),
    "nobody": popmail.Account("secret", popmail.MemoryMaildrop([])),
}
with popmail.Server(accounts, allow_cleartext=True) as server:
    print(server.port, flush=True)
    sys.stdin.read()
