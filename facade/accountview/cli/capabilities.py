"""`accountview capabilities`: what each venue can tell, as a table of marks, or one venue in words."""

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from accountview.capability import Capability

MARKS = {"reported": "●", "derived": "ƒ", "missing": "—"}
LEGEND = "● reported by the venue, ƒ derived from what it reports, — never there"


@click.command()
@click.argument("venue", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON document, and nothing else.")
def capabilities(*, venue: str | None, as_json: bool) -> int:
    """Show which figures each venue reports, which are derived, and which it never has.

    With a VENUE: where each figure of it comes from, or why it is not there.
    """
    import msgspec

    from accountview.capability import capabilities as of
    from accountview.view import SCHEMA
    from accountview_clients import VENUES

    matrix = {each: of(each) for each in ([venue] if venue is not None else VENUES)}
    if as_json:
        click.echo(msgspec.json.encode({"schema": SCHEMA, "capabilities": matrix}))
    elif venue is not None:
        click.echo("\n".join(_in_words(matrix[venue])))
    else:
        _print_table(matrix)
    return 0


def fields(matrix: "Mapping[str, Iterable[Capability]]") -> "dict[tuple[str, str], dict[str, Capability]]":
    """Kind and field → venue → what it can tell, in the order of the view."""
    found: dict[tuple[str, str], dict[str, Capability]] = {}
    for venue, each in matrix.items():
        for capability in each:
            found.setdefault((capability.kind, capability.field), {})[venue] = capability
    return found


def amount(capability: "Capability") -> str:
    """What an amount counts, with ± where it may be negative; nothing for what is no amount."""
    if capability.unit is None:
        return ""
    return f"±{capability.unit}" if capability.sign == "signed" else capability.unit


def _print_table(matrix: "Mapping[str, Iterable[Capability]]") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 1000  # a file or a pipe has no edge
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("field", overflow="fold")
    table.add_column("unit", overflow="fold")
    for venue in matrix:
        table.add_column(venue, justify="center", overflow="fold")
    kind_before = "account"
    for (kind, field), by_venue in fields(matrix).items():
        if kind != kind_before:
            table.add_section()
        kind_before = kind
        name = field if kind == "account" else f"{kind} {field}"
        told = [by_venue.get(venue) for venue in matrix]
        marks = ["" if each is None else MARKS[each.how] for each in told]
        table.add_row(name, amount(next(iter(by_venue.values()))), *marks)
    console.print(table)
    console.print()
    console.print(LEGEND)
    console.print("± may be negative. In words, with evidence: accountview capabilities VENUE")


def _in_words(each: "Iterable[Capability]") -> list[str]:
    from accountview.cli.text import neutral

    lines: list[str] = []
    for capability in each:
        name = capability.field if capability.kind == "account" else f"{capability.kind} {capability.field}"
        lines.append(f"{MARKS[capability.how]} {name}  {amount(capability)}".rstrip())
        if capability.operation is not None:
            lines.append(f"    from {capability.operation} at {capability.pointer}")
        if capability.formula is not None:
            lines.append(f"    formula: {capability.formula}")
        if capability.reason is not None:
            lines.append(f"    missing: {capability.reason}")
        if capability.note:
            lines.append(f"    {capability.note}")
        if capability.evidence:
            lines.append(f"    evidence: {capability.evidence}")
    return [neutral(line) for line in [*lines, "", LEGEND]]
