"""The `accountview` command. What it needs beyond the library is the extra `[cli]`."""

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import NoReturn


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command with `arguments` (those of the process when None) and leave with its exit code.

    0 all good; 2 usage; 3 some rows are missing or not whole; with no row at all 4 credentials refused, 5 venues
    unreachable, 6 answers broken (3 when mixed); 130 interrupted.
    """
    absent = [name for name in ("click", "rich") if find_spec(name) is None]
    if absent:
        sys.stderr.write(
            f"accountview: the command needs {' and '.join(absent)}; pip install 'accountview[cli]' brings it\n"
        )
        sys.exit(2)
    try:
        from accountview.cli.commands import run

        sys.exit(run(arguments))
    except KeyboardInterrupt:
        sys.exit(130)
