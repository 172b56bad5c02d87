"""Reading entries: one of them as rows whatever happens, and many of them side by side, none in another's way."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from accountview import registry, venues
from accountview.accounts_file import Entry
from accountview.adapter import Adapter
from accountview.client import AsyncClient
from accountview.deadline import Deadline
from accountview.errors import AnswerInvalid, UsageError, VenueError, VenueUnavailable
from accountview.guard import Memory
from accountview.network.sending import AsyncSender
from accountview.network.transport import AsyncTransport, Network
from accountview.plan import Owner, Reading
from accountview.recording import Recorder, RecordingSender
from accountview.snapshot import SOURCES, Failure, Row, Snapshot, rows_of
from accountview.source import Source
from accountview.view import Account

AT_ONCE = 64
"""How many entries of one venue are read at once: enough to keep its connections busy, and few enough that the time
of an entry does not pass while it waits for them. Other venues have a number of their own, so that none waits for
another."""

T = TypeVar("T")


# One entry -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Opened:
    """An entry that can be read, and what is remembered of its accounts."""

    entry: Entry
    adapter: Adapter
    memory: Memory = field(default_factory=Memory)


def open_entry(entry: Entry) -> Opened:
    """Raises UsageError, which names the account."""
    try:
        return Opened(entry, venues.open_adapter(entry.venue, entry.options))
    except UsageError as error:
        raise UsageError(f"account {entry.label!r}: {error}") from error


Rows = tuple[tuple[Account, ...], tuple[Failure, ...]]


@dataclass(frozen=True, slots=True)
class Read:
    """What was read for one entry."""

    accounts: tuple[Account, ...]
    failures: tuple[Failure, ...]
    source: Source


def snapshot(taken_at: datetime, rows: Iterable[Read], stale_before: datetime | None = None) -> Snapshot:
    """The snapshot of these rows, with where it came from."""
    rows = tuple(rows)
    made = Snapshot(
        taken_at=taken_at,
        stale_before=stale_before,
        accounts=tuple([account for row in rows for account in row.accounts]),
        failures=tuple([failure for row in rows for failure in row.failures]),
    )
    vars(made)[SOURCES] = tuple([row.source for row in rows])
    return made


async def read_row(opened: Opened, sender: RecordingSender, deadline: Deadline | None = None) -> Read:
    """Read one entry over `sender`, in the light of what is remembered, and until the deadline."""
    remembered = opened.memory.remembered
    accounts, failures = await _read(opened, sender, deadline)
    return Read(accounts, failures, Source(opened.entry, remembered, sender.exchanges, sender.secrets))


async def _read(opened: Opened, sender: AsyncSender, deadline: Deadline | None) -> Rows:
    entry = opened.entry
    try:
        reading = await _reading(opened, sender, deadline)
    except VenueError as error:
        return (), (_failure(entry, error),)
    except Exception as error:
        brought_by = registry.distribution(entry.venue)
        if brought_by is None:
            raise  # a bug of ours must be seen
        # A plugin's bug harms no other row. Its words are left out: they may hold what an answer held.
        problem = f"the plugin of {brought_by} failed ({type(error).__name__})"
        return (), (_failure(entry, AnswerInvalid(problem, venue=entry.venue, account=entry.label)),)
    if not reading.accounts and not reading.failures:
        problem = "the credential sees no account"
        return (), (_failure(entry, AnswerInvalid(problem, venue=entry.venue, account=entry.label)),)
    return _labelled(entry, reading), tuple([_failure(entry, error) for error in reading.failures])


async def _reading(opened: Opened, sender: AsyncSender, deadline: Deadline | None) -> Reading:
    """What one credential sees. Raises VenueError, also when the time for all entries is over."""
    entry = opened.entry
    if deadline is not None and deadline.left <= 0:
        problem = "not asked: the time for all accounts was over before"
        raise VenueUnavailable(problem, venue=entry.venue, account=entry.label)
    owner = Owner(entry.label, entry.tags)
    async with AsyncClient(opened.adapter, owner, sender, memory=opened.memory, deadline=deadline) as client:
        return await client.read()


def _labelled(entry: Entry, reading: Reading) -> tuple[Account, ...]:
    """The accounts under labels that tell them apart: a plan's own label, else the entry's, with the id if needed."""
    several = len(reading.accounts) + len(reading.failures) > 1
    accounts: list[Account] = []
    for account in reading.accounts:
        label = account.label
        if label in (None, entry.label):
            label = f"{entry.label}/{account.account_id}" if several else entry.label
        accounts.append(msgspec.structs.replace(account, label=label))
    return tuple(accounts)


def _failure(entry: Entry, error: VenueError) -> Failure:
    return Failure(
        label=error.account or entry.label,
        venue=error.venue,
        operation=error.operation,
        error=type(error).__name__,
        message=str(error),
        retryable=error.retryable,
    )


# Side by side -----------------------------------------------------------------------------------------------------


async def whole(
    entries: Sequence[Opened],
    deadline: Deadline | None,
    max_age: timedelta | None,
    on_row: Callable[[Row], None] | None,
) -> Snapshot:
    """All entries, in their order."""
    taken_at = datetime.now(UTC)

    async def read(number: int, opened: Opened) -> tuple[int, Read]:
        sender = Recorder(opened.adapter.endpoint, network.slots(opened.adapter.endpoint))
        return number, await read_row(opened, sender, deadline)

    found: dict[int, Read] = {}
    async with aclosing(Network()) as network, aclosing(_each(entries, read)) as reads:
        async for number, row in reads:
            found[number] = row
            if on_row is not None:
                for each in rows_of(row.accounts, row.failures, _before(max_age)):
                    on_row(each)
    return snapshot(taken_at, [found[number] for number in range(len(entries))], _before(max_age))


async def as_they_come(
    entries: Sequence[Opened], deadline: Deadline | None, max_age: timedelta | None
) -> AsyncGenerator[Row, None]:
    """The rows of all entries, in no order; none is kept."""

    async def read(_: int, opened: Opened) -> Rows:
        sender = AsyncTransport(opened.adapter.endpoint, network.slots(opened.adapter.endpoint))
        return await _read(opened, sender, deadline)

    async with aclosing(Network()) as network, aclosing(_each(entries, read)) as reads:
        async for accounts, failures in reads:
            for row in rows_of(accounts, failures, _before(max_age)):
                yield row


async def _each(
    entries: Sequence[Opened], read: Callable[[int, Opened], Coroutine[Any, Any, T]]
) -> AsyncGenerator[T, None]:
    """What `read` makes of each entry, as it comes. Nothing is read far ahead of who looks at it."""
    running: dict[asyncio.Task[T], Iterator[int]] = {}
    finished: asyncio.Queue[asyncio.Task[T]] = asyncio.Queue()

    def start(lane: Iterator[int]) -> None:
        number = next(lane, None)
        if number is not None:
            task = asyncio.create_task(read(number, entries[number]))
            running[task] = lane
            task.add_done_callback(finished.put_nowait)

    try:
        for lane in _lanes(entries):
            for _ in range(AT_ONCE):
                start(lane)
        while running:
            task = await finished.get()
            start(running.pop(task))
            yield task.result()
    finally:
        # One broke (a bug, for failures are rows), or nobody wants more: nothing is left running.
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _lanes(entries: Sequence[Opened]) -> tuple[Iterator[int], ...]:
    """The numbers of the entries, apart for every venue and host."""
    lanes: dict[tuple[str, str], list[int]] = {}
    for number, opened in enumerate(entries):
        host = urlsplit(opened.adapter.endpoint.base_url).netloc
        lanes.setdefault((opened.adapter.venue, host), []).append(number)
    return tuple([iter(numbers) for numbers in lanes.values()])


def _before(max_age: timedelta | None) -> datetime | None:
    """What was asked for before this is too old now."""
    return None if max_age is None else datetime.now(UTC) - max_age
