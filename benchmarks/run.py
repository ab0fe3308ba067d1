"""Prints the figures beside those of the peers, all from this run, as Markdown. `make bench` runs it.

Medians of five rounds after a warm-up, the peers taking turns. Nothing is asserted about time here or in any test; what
each peer read is compared before it is timed.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "bindings-python" / "tests"))

import mime
import pop3

from dovecot import PROGRAM


def main() -> None:
    """Run every benchmark."""
    dovecot = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout.split()[0]
    print(
        f"popmail {version('popmail')}, Python {platform.python_version()}, Dovecot {dovecot}, "
        f"fast-mail-parser {version('fast-mail-parser')}; {os.cpu_count()} cores, {platform.machine()}\n"
    )
    print(pop3.report(), end="\n\n", flush=True)
    print(mime.report(), flush=True)


if __name__ == "__main__":
    main()
