"""`accountview budget`: how often the accounts can be read without passing what the venues allow."""

from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from accountview.budget import Budget


@click.command()
@click.option("--demo", "is_demo", is_flag=True, help="For the demonstration accounts.")
@click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path),
    help="The accounts file; without it ./accounts.toml, else what $ACCOUNTVIEW_FILE names.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document, and nothing else.")
def budget(*, is_demo: bool, file: Path | None, as_json: bool) -> int:
    """Show how often all accounts can be refreshed within the limits that the venues document. Nobody is asked."""
    from accountview import accounts_file
    from accountview.budget import budgets
    from accountview.cli.commands import accounts_file_of
    from accountview.cli.text import neutral

    with accounts_file_of(file, is_demo=is_demo) as path:
        found = budgets(accounts_file.load(accounts_file.find() if path is None else path))
    if as_json:
        import msgspec

        from accountview.view import SCHEMA, builtin

        click.echo(msgspec.json.encode({"schema": SCHEMA, "budgets": builtin(found)}))
    else:
        click.echo("\n".join(neutral(line) for each in found for line in _lines(each)))
    return 0


def _lines(budget: "Budget") -> Iterator[str]:
    """One host in words."""
    from accountview.amounts import plain

    entries = len(budget.labels)
    yield f"{budget.venue} at {budget.host}: {entries} {'entry' if entries == 1 else 'entries'}"
    asked = ", ".join(f"{name} ×{count}" for name, count in budget.calls.items())
    if budget.limit is None or budget.every is None:
        yield f"  one refresh: {asked}"
        yield "  no limit documented"
        return
    yield f"  one refresh: {asked}; it costs {budget.cost} of {plain(budget.limit.budget)} {budget.limit.unit}"
    # Up, never down: a figure that is too small would pass the limit.
    seconds = budget.every.quantize(Decimal("0.1"), ROUND_CEILING)
    yield f"  at the most often every {seconds:,} s, while nobody else spends of it"
    yield f"  evidence: {budget.limit.evidence}"
