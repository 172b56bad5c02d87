"""Write the README's table of what each venue can tell, from the same declarations that `accountview explain` reads.

uv run scripts/write_readme.py            rewrite the table between its markers in README.md
uv run scripts/write_readme.py --check    write nothing; exit 1 when the table is not what the declarations say
"""

import argparse
import sys
from pathlib import Path

from accountview.capability import capabilities
from accountview.cli.capabilities import LEGEND, MARKS, amount, fields
from accountview_clients import VENUES

TARGET = Path(__file__).resolve().parent.parent / "README.md"
START = "<!-- capabilities: written by scripts/write_readme.py -->"
END = "<!-- end of capabilities -->"


def table() -> str:
    """The table in Markdown: a line for each field of the view, a column for each venue."""
    lines = [
        f"| field | unit | {' | '.join(f'`{venue}`' for venue in VENUES)} |",
        f"|---|---|{':-:|' * len(VENUES)}",
    ]
    for (kind, field), by_venue in fields({venue: capabilities(venue) for venue in VENUES}).items():
        name = f"`{field}`" if kind == "account" else f"{kind} `{field}`"
        marks = [MARKS[by_venue[venue].how] if venue in by_venue else "" for venue in VENUES]
        lines.append(f"| {name} | {amount(next(iter(by_venue.values())))} | {' | '.join(marks)} |")
    return "\n".join([*lines, "", f"{LEGEND}; ± may be negative."])


def written(text: str) -> str:
    """The README with the table as it should be. Raises ValueError when the markers do not stand there once each."""
    if text.count(START) != 1 or text.count(END) != 1 or text.index(END) < text.index(START):
        raise ValueError(f"{TARGET.name} must hold {START!r} and below it {END!r}, once each")
    before, rest = text.split(START)
    return f"{before}{START}\n\n{table()}\n\n{END}{rest.split(END)[1]}"


def main() -> int:
    """Write or check the file; the exit code."""
    parser = argparse.ArgumentParser(description="Write the README's table of what each venue can tell.")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 on a difference")
    check = parser.parse_args().check
    text = TARGET.read_text("utf-8")
    wanted = written(text)
    if not check:
        TARGET.write_text(wanted, "utf-8")
    elif text != wanted:
        print(f"{TARGET.name}: its table is not what the declarations say: run scripts/write_readme.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
