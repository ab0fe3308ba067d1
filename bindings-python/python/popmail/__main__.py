"""`python -m popmail`: the command `popmail`."""

from popmail.cli import main

main()
