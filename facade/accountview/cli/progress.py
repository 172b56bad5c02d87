"""A bar on the terminal while a reading takes its time. It never reaches a pipe or a file, and nothing of it stays."""

import sys
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accountview.snapshot import Row

PATIENCE = 1.0
"""Seconds without a bar: a reading that is quicker shows none."""


@contextmanager
def progress(labels: Iterable[str]) -> "Generator[Callable[[Row], None] | None]":
    """What `fetch` is to call with each row while entries of these labels are read; None where nobody looks."""
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        yield None
        return

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    left = set(labels)
    bar = Progress(
        TextColumn("reading"),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task("reading", total=len(left))

    def advance(row: "Row") -> None:
        # One entry may see several accounts: the first of them counts for it.
        label = row.label.partition("/")[0]
        if label in left:
            left.remove(label)
            bar.advance(task)

    timer = threading.Timer(PATIENCE, bar.start)
    timer.start()
    try:
        yield advance
    finally:
        timer.cancel()
        timer.join()
        bar.stop()
