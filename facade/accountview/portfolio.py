"""Many accounts at many venues, read together: each is a row, an account or a failure, and harms no other."""

from __future__ import annotations

# What reads is imported where it is used: whoever only names the class needs neither network nor event loop.
import math
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, final

from accountview.deadline import Deadline
from accountview.errors import UsageError, closest

if TYPE_CHECKING:
    from pathlib import Path

    from accountview.accounts_file import Entry
    from accountview.drift import Counters
    from accountview.reading import Opened
    from accountview.snapshot import Row, Snapshot


@final
class Portfolio:
    """A fixed set of accounts that are read together. It holds no connection between two readings.

    It remembers what it last believed of each account: a figure that falls to 0 with nothing to explain it is withheld
    (finding `SUSPECT`), and an answer older than one already seen is not taken for news: the account is shown as it was
    seen before, with its own age (finding `STALE_ANSWER`). `accountview.guard` has the rules.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        """Raises UsageError when there is no entry, two share a label, or one cannot be opened."""
        self.entries = tuple(entries)
        """The accounts, in the order of their rows."""
        if not self.entries:
            raise UsageError("a portfolio needs at least one account")
        labels = [entry.label for entry in self.entries]
        if len(set(labels)) != len(labels):
            raise UsageError("two accounts of a portfolio share a label; labels tell rows apart")
        from accountview import reading

        self._opened: dict[str, Opened] = {entry.label: reading.open_entry(entry) for entry in self.entries}

    @classmethod
    def from_file(cls, path: str | Path | None = None) -> Portfolio:
        """The accounts of an accounts file: `path`, else ./accounts.toml, else what $ACCOUNTVIEW_FILE names.

        Raises UsageError, one line naming file, account, key and remedy.
        """
        from accountview import accounts_file

        return cls(accounts_file.load(accounts_file.find() if path is None else path))

    @property
    def drift(self) -> Mapping[str, Counters]:
        """Label → what of its answers was held against the venue's spec, over all readings; see `Client.drift`."""
        return {label: opened.adapter.radar.counters() for label, opened in self._opened.items()}

    def __repr__(self) -> str:
        return f"<Portfolio {', '.join(entry.label for entry in self.entries)}>"

    def accept(self, label: str) -> None:
        """Forget what was seen of an account, so that its next reading is news whatever it says.

        For an operator who has made sure that a `SUSPECT` zero or a `STALE_ANSWER` is right. What contradicts within
        one reading stays suspect. Raises UsageError for a label that no entry has.
        """
        from accountview.guard import Memory

        # What follows a "/" is told by the venue.
        own = label if label in self._opened else label.partition("/")[0]
        if own not in self._opened:
            raise UsageError(
                f"no account {label!r}; {closest(own, self._opened)}there are {', '.join(self._opened)}"
            )
        self._opened[own] = replace(self._opened[own], memory=Memory())

    # All rows at the end ---------------------------------------------------------------------------------------------

    def fetch(
        self,
        timeout: float | None = None,
        max_age: float | timedelta | None = None,
        on_row: Callable[[Row], None] | None = None,
    ) -> Snapshot:
        """Read every account, side by side. A row that fails is a `Failure` and harms no other.

        Where an event loop runs already (a notebook), it works in a thread of its own; coroutines rather await
        `afetch`, which does not hold up their loop.

        Args:
            timeout: seconds for all of it, in place of each entry's own; what is not read by then is a failure.
            max_age: seconds; an account whose figures are older when all is read is stale, and the snapshot not
                complete. It happens where a venue's answer is older than one seen before (`STALE_ANSWER`), or where
                reading all takes longer than this.
            on_row: called with each row as it comes, in the thread of the reading.

        Raises:
            UsageError: a timeout or an age that is none.
        """
        from accountview.loops import awaited

        _check(timeout, max_age)
        return awaited(lambda: self.afetch(timeout, max_age, on_row))

    async def afetch(
        self,
        timeout: float | None = None,  # noqa: ASYNC109 - a row that is late must become a failure, not be lost
        max_age: float | timedelta | None = None,
        on_row: Callable[[Row], None] | None = None,
    ) -> Snapshot:
        """The same as `fetch`, awaited; `on_row` is called in the event loop and must not hold it up."""
        from accountview import reading

        return await reading.whole(tuple(self._opened.values()), *_check(timeout, max_age), on_row)

    # Rows as they come -----------------------------------------------------------------------------------------------

    def stream(self, timeout: float | None = None, max_age: float | timedelta | None = None) -> Iterator[Row]:
        """Every account as a row, as soon as it is read: one row each, in no order, none kept.

        Reading goes on while a row is looked at, but only a few rows ahead. Whoever stops iterating ends it. Where an
        event loop runs already, it holds that up while it waits; coroutines rather use `astream`.

        Args:
            timeout: seconds for all of it, in place of each entry's own, and the time between two rows included; what
                is not read by then is a failed row.
            max_age: seconds; an account whose figures are older when its row comes is stale.

        Raises:
            UsageError: a timeout or an age that is none.
        """
        from accountview.loops import iterated

        return iterated(self.astream(timeout, max_age))

    def astream(
        self,
        timeout: float | None = None,
        max_age: float | timedelta | None = None,
    ) -> AsyncGenerator[Row, None]:
        """The same as `stream`, for `async for`. Close it (`contextlib.aclosing`) when you leave before its end."""
        from accountview import reading

        return reading.as_they_come(tuple(self._opened.values()), *_check(timeout, max_age))


def _check(
    timeout: float | None, max_age: float | timedelta | None
) -> tuple[Deadline | None, timedelta | None]:
    if timeout is not None and not (timeout > 0 and math.isfinite(timeout)):
        raise UsageError(f"timeout is {timeout}; give seconds above 0")
    seconds = max_age.total_seconds() if isinstance(max_age, timedelta) else max_age
    if seconds is not None and not 0 < seconds <= timedelta.max.total_seconds():
        raise UsageError(f"max_age is {max_age}; give seconds above 0, or a timedelta")
    return (
        None if timeout is None else Deadline(timeout),
        None if seconds is None else timedelta(seconds=seconds),
    )
