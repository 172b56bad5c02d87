"""`accountview drift`: whether the venues still answer as their specs say."""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from accountview.errors import UsageError

if TYPE_CHECKING:
    from accountview.drift import Drift
    from accountview.snapshot import Failure

EXIT_DRIFTED = 6
_RECORDED = "exchange.json"


@click.command()
@click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path),
    help="Ask for all accounts of this file; without it ./accounts.toml, else what $ACCOUNTVIEW_FILE names.",
)
@click.option(
    "--capture",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Ask nobody; look at the answers recorded in or below this folder, as <venue>/<case>/exchange.json.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document, and nothing else.")
def drift(*, file: Path | None, folder: Path | None, as_json: bool) -> int:
    """Show where the venues answer otherwise than their specs say.

    Exit code: 0 no drift, or none that a figure rests on; 6 drift of high severity; 2 usage; with none of high
    severity 3 some accounts could not be asked, or, where none could, what `show` says of that.
    """
    if file is not None and folder is not None:
        raise UsageError("--file and --capture are both given; keep one of them")
    report = _live(file) if folder is None else _recorded(folder)
    if as_json:
        _print_json(report)
    else:
        _print_table(report)
    if any(each.severity == "high" for each in report.drifts):
        return EXIT_DRIFTED
    return _code_of(report)


@dataclass(slots=True)
class Report:
    """What was looked at, and what drifted."""

    looked: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    """(venue, operation) → answers."""
    drifts: "tuple[Drift, ...]" = ()
    failures: "tuple[Failure, ...]" = ()
    accounts: int = 0


def _live(file: Path | None) -> Report:
    from accountview import accounts_file
    from accountview.portfolio import Portfolio

    found: list[Drift] = []
    always = {"drift": "always", "on_drift": found.append}
    entries = accounts_file.load(accounts_file.find() if file is None else file)
    portfolio = Portfolio([replace(entry, options={**entry.options, **always}) for entry in entries])
    snapshot = portfolio.fetch()
    report = Report(drifts=together(found), failures=snapshot.failures, accounts=len(snapshot.accounts))
    counters = portfolio.drift
    for entry in entries:
        for operation, count in counters[entry.label].looked.items():
            report.looked[entry.venue, operation] += count
    return report


def _recorded(folder: Path) -> Report:
    from accountview import registry
    from accountview.drift import compare, operation_of

    report = Report()
    found: list[Drift] = []
    paths = sorted(folder.resolve().rglob(_RECORDED))
    if not paths:
        raise UsageError(f"{folder}: no {_RECORDED} in it or below it; name a folder of recorded answers")
    for path in paths:
        venue = path.parent.parent.name
        if not registry.exists(venue):
            raise UsageError(
                f"{path}: the folder above its own is named {venue!r}, which is no venue; "
                f"there are {', '.join(registry.names())}"
            )
        for request, status, content in _answers(path):
            method, _, target = request.partition(" ")
            operation = operation_of(venue, method, target)
            if operation is None:
                click.echo(f"accountview: {path}: {request!r} is no operation of {venue}; skipped", err=True)
                continue
            report.looked[venue, operation] += 1
            found += compare(venue, operation, status, content)
    report.drifts = together(found)
    return report


def _answers(path: Path) -> list[tuple[str, int, bytes]]:
    import msgspec

    from accountview.conformance import Exchange

    try:
        exchange = msgspec.json.decode(path.read_bytes(), type=Exchange)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error
    return [(stored.request, stored.status, stored.content) for stored in exchange.answers]


def together(drifts: "Iterable[Drift]") -> "tuple[Drift, ...]":
    """One drift for what drifted in the same way in several answers: the gravest, with all places counted."""
    import msgspec

    found: dict[tuple[str, str, str, str], Drift] = {}
    for each in drifts:
        key = (each.venue, each.operation, each.pattern, each.kind)
        before = found.get(key)
        if before is None:
            found[key] = each
        else:
            gravest = each if (each.severity, before.severity) == ("high", "low") else before
            found[key] = msgspec.structs.replace(gravest, places=before.places + each.places)
    return tuple([found[key] for key in sorted(found)])


def _code_of(report: Report) -> int:
    from accountview.cli.commands import EXIT_ALL_FAILED, EXIT_PARTIAL

    if not report.failures:
        return 0
    kinds = {failure.error for failure in report.failures}
    if report.accounts or len(kinds) > 1:
        return EXIT_PARTIAL
    return EXIT_ALL_FAILED.get(kinds.pop(), EXIT_PARTIAL)


# Printing --------------------------------------------------------------------------------------------------------


def _print_json(report: Report) -> None:
    import msgspec

    from accountview.view import SCHEMA

    looked = [
        {"venue": venue, "operation": operation, "answers": count}
        for (venue, operation), count in sorted(report.looked.items())
    ]
    document = {"schema": SCHEMA, "looked": looked, "drift": report.drifts, "failures": report.failures}
    click.echo(msgspec.json.encode(document))


def _print_table(report: Report) -> None:
    from rich.console import Console
    from rich.text import Text

    from accountview.cli.layout import Column, print_rows
    from accountview.cli.text import neutral

    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 1000  # a file or a pipe has no edge
    columns = [
        Column("venue", "name"),
        Column("operation", "name"),
        Column("severity", "name"),
        Column("what", "name"),
        Column("where", "note"),
        Column("places", "figure"),
        Column("how", "note"),
    ]
    rows = [
        [
            Text(each.venue),
            Text(each.operation),
            Text(each.severity, style="bold red" if each.severity == "high" else "yellow"),
            Text(each.kind.replace("_", " ")),
            Text(neutral(each.pointer) or "the whole answer"),
            Text(str(each.places)),
            Text(neutral(each.message)),
        ]
        for each in report.drifts
    ]
    if rows:
        print_rows(console, columns, rows)
    for failure in report.failures:
        console.print(Text(f"not read: {neutral(failure.message)}", style="red"), soft_wrap=True)
    drifted = {(each.venue, each.operation) for each in report.drifts}
    for (venue, operation), count in sorted(report.looked.items()):
        said = "differs from its spec" if (venue, operation) in drifted else "as its spec says"
        answers = f"{count} answer" if count == 1 else f"{count} answers"
        console.print(Text(f"{venue} {operation}: {answers}, {said}"), soft_wrap=True)
    if not report.looked:
        console.print(Text("No answer came: nothing was looked at.", style="yellow"))
