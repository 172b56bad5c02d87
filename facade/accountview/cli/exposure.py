"""`accountview exposure`: how much is held long and short, by instrument over all venues or by tag."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from accountview.exposure import Exposure


@click.command()
@click.option("--demo", "is_demo", is_flag=True, help="Of the demonstration accounts.")
@click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path),
    help="The accounts file; without it ./accounts.toml, else what $ACCOUNTVIEW_FILE names.",
)
@click.option("--by", type=click.Choice(["instrument", "tag"]), default="instrument", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document with every digit, and nothing else.")
def exposure(*, is_demo: bool, file: Path | None, by: Literal["instrument", "tag"], as_json: bool) -> int:
    """Show what is held long, short, net and gross. Currencies are never added.

    By tag, an account with two tags counts under both. Exit code: as of show.
    """
    from accountview.cli.commands import accounts_file_of, exit_code, read, say

    with accounts_file_of(file, is_demo=is_demo) as path:
        snapshot = read(path)
    exposures = snapshot.exposure(by, allow_partial=True)
    if as_json:
        _print_json(by, snapshot.to_dict(), exposures)
        return exit_code(snapshot)
    for failure in snapshot.failures:
        say(failure.message)
    if not snapshot.complete:
        say("not complete: the exposure is of what could be read")
    if exposures:
        _print_table(by, exposures)
    else:
        click.echo(
            "No open positions." if snapshot.complete else "No open positions among what could be read."
        )
    return exit_code(snapshot)


def _print_json(by: str, shown: dict[str, object], exposures: "Sequence[Exposure]") -> None:
    import msgspec

    from accountview.view import builtin

    head = {name: shown[name] for name in ("schema", "taken_at", "complete", "stale")}
    click.echo(
        msgspec.json.encode(
            {**head, "by": by, "exposures": builtin(tuple(exposures)), "failures": shown["failures"]}
        )
    )


def _print_table(by: str, exposures: "Sequence[Exposure]") -> None:
    from rich.text import Text

    from accountview.cli.commands import console
    from accountview.cli.layout import Column, print_rows
    from accountview.cli.text import amount, neutral

    sized = by == "instrument"
    columns = [
        *[Column(name, "name") for name in (by, "currency")],
        *[Column(name, "figure") for name in ("long", "short", "net", "gross", *["net size"] * sized)],
        Column("positions", "head"),
        Column("lacking", "note"),
    ]
    rows: list[list[Text]] = []
    for each in exposures:
        for number, sums in enumerate(each.notionals):
            figures = [amount(value) for value in (sums.long, sums.short, sums.net, sums.gross)]
            # Sizes add up over currencies: an instrument has one, told in its first line.
            size = [(_size(each.net_size) if number == 0 else "")] * sized
            texts = [each.name, sums.currency, *figures, *size, str(sums.positions)]
            gaps = (*sums.gaps, *(each.gaps if number == 0 else ()))
            lacking = "\n".join(neutral(f"{gap.label} {gap.field}") for gap in gaps)
            rows.append([*[Text(neutral(text)) for text in texts], Text(lacking, style="yellow")])
    shown = console()
    print_rows(shown, columns, rows)
    words = "Amounts are rounded for reading; --json has every digit."
    shown.print(
        Text(f"{words} A net size is in base units, over all currencies." if sized else words, style="dim")
    )


def _size(size: "Decimal | None") -> str:
    from accountview.amounts import plain
    from accountview.cli.text import DASH

    return DASH if size is None else plain(size)
