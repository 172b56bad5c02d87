"""`accountview replay`: a snapshot that was saved, as it is mapped today, and what differs from then."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from accountview.cli.text import neutral
from accountview.errors import UsageError

if TYPE_CHECKING:
    from accountview.replaying import Comparison, Difference

EXIT_DIFFERS = 6
"""What was published is not what the same answers say today; as for answers that are broken, look into it."""


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--diff", is_flag=True, help="Show only what differs from what was published then, and why.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document with every digit, and nothing else.")
@click.option(
    "--explain", "explained", is_flag=True, help="With --json: of every figure where it comes from."
)
def replay(*, bundle: Path, diff: bool, as_json: bool, explained: bool) -> int:
    """Show the accounts of a BUNDLE, a snapshot that was saved, without any network.

    The answers of the venues are mapped as accountview maps them today. Exit code: as of show; with --diff 0 when
    nothing differs from what was published then, 6 when something does, 2 when this is no bundle.
    """
    from accountview import replaying
    from accountview.cli.commands import check_explained, exit_code, print_snapshot, say
    from accountview.view import time_text

    check_explained(as_json=as_json, explained=explained)
    if diff and explained:
        raise UsageError(
            "--explain and --diff are both given; keep one of them: --diff explains what differs"
        )
    if not diff:
        snapshot = replaying.replay(bundle)
        say(f"replayed from {bundle}, taken at {time_text(snapshot.taken_at)}")
        options = f"--replay {shlex.quote(str(bundle))}"
        print_snapshot(snapshot, as_json=as_json, explained=explained, options=options)
        return exit_code(snapshot)
    comparison = replaying.compare(bundle)
    taken_at = time_text(comparison.snapshot.taken_at)
    say(f"replayed from {bundle}, taken at {taken_at}, published by accountview {comparison.published_by}")
    if as_json:
        click.echo(comparison.to_json())
    else:
        for line in _lines(comparison):
            click.echo(neutral(line))
    return EXIT_DIFFERS if comparison.differences else 0


def _lines(comparison: "Comparison") -> Iterator[str]:
    if not comparison.differences:
        yield "Nothing differs from what was published."
        return
    row = None
    for difference in comparison.differences:
        if difference.row != row:
            row = difference.row
            yield row or "the whole"
        yield f"  {difference.field}: {_change(difference)}"
        if difference.explanation is not None:
            yield from (f"    {line}" for line in difference.explanation.lines())
    yield ""
    yield "Why:"
    yield from (f"  {reason}" for reason in comparison.reasons)


def _change(difference: "Difference") -> str:
    match difference.how:
        case "new":
            return f"not there → {_text(difference.now)}"
        case "gone":
            return f"{_text(difference.published)} → not there"
        case _:
            return f"{_text(difference.published)} → {_text(difference.now)}"


def _text(value: object) -> str:
    return "—" if value is None else str(value)
