"""`python -m accountview` is the `accountview` command."""

from accountview.cli import main

main()
