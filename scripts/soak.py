"""Read accounts for a long time while something fails: `uv run scripts/soak.py [--calls N] [--seed S]`.

The accounts of a sandbox in this process are read over and over, as a portfolio and one by one, sync and async; about
one answer in a hundred fails in one of several ways. Whatever fails, every account must be a row, and when all is over
no memory, no file descriptor and no object may be left over: both ends are in this process, so both are counted.

Prints how much grew and how fast; exit 1 when an account was lost, descriptors are left, or memory has grown by more
than 1 MB, in a run that is longer by more than 1 MB an hour.
"""

import argparse
import asyncio
import gc
import os
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import accountview as av
from accountview import budget
from accountview.accounts_file import Entry
from accountview.network import route
from accountview.network.limiter import Limiter
from accountview.sandbox import Sandbox
from accountview.venues import open_adapter

FAULTS: tuple[dict[str, Any], ...] = (
    {"status": 500, "body": b"<html>"},
    {"status": 503},
    {"status": 520, "body": b"<html>"},
    {"status": 429, "headers": {"retry-after": "0"}},
    {"status": 401, "body": b"{}"},
    {"status": 404},
    {"status": 302, "headers": {"location": "http://127.0.0.1:9/"}},
    {"status": 200, "body": b"<html>"},
    {"status": 200, "body": b'{"half":'},
    {"status": 200, "body": b"{}", "headers": {"content-encoding": "gzip"}},
    {"delay": 2.5},
)
TIMEOUT = 2.0
"""Seconds that a reading may take: less than the longest delay."""
SHARE = 0.01
"""Of the answers, how many fail."""
STEADY = 0.3
"""Of the run, how much passes before what is left over counts: caches fill up first."""


@dataclass(slots=True)
class Sample:
    """What the process holds at some moment."""

    at: float
    megabytes: float
    blocks: int
    descriptors: int

    @classmethod
    def now(cls) -> "Sample":
        """After all that can be freed has been."""
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return cls(
            time.monotonic(),
            pages * resource.getpagesize() / 1e6,
            sys.getallocatedblocks(),
            len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - names are enough
        )


@dataclass(slots=True)
class Soak:
    """One run."""

    sandbox: Sandbox
    chosen: random.Random
    calls: int = 0
    faults: int = 0
    rows: Counter[str] = field(default_factory=Counter[str])
    """Kind of row → how many."""
    lost: list[str] = field(default_factory=list[str])
    samples: list[Sample] = field(default_factory=list[Sample])

    def run(self, calls: int) -> None:
        """Until so many calls are made."""
        entries = [self._unlimited(entry) for entry in self.sandbox.all_entries]
        operations = {
            entry.label: budget.calls(open_adapter(entry.venue, entry.options)) for entry in entries
        }
        of_all = sum(sum(each.values()) for each in operations.values())
        ways = (self._portfolio, self._stream, self._one_by_one, self._one_by_one_async)
        next_sample = 0
        while self.calls < calls:
            for entry in entries:
                for operation, count in operations[entry.label].items():
                    if self.chosen.random() < SHARE * count:
                        self.sandbox.fail(entry.venue, operation, **self.chosen.choice(FAULTS))
                        self.faults += 1
            self._check(entries, ways[self.rows.total() % len(ways)](entries))
            self.sandbox.recover()
            self.calls += of_all
            if self.calls >= next_sample:
                next_sample += calls // 60
                time.sleep(0.05)  # the server notices that connections were closed
                self.samples.append(Sample.now())

    def _unlimited(self, entry: Entry) -> Entry:
        options = {**entry.options, "timeout": TIMEOUT}
        # The limits of the venues are for the real ones; here nobody would get anywhere.
        route.of(entry.venue, str(options["base_url"])).limiter = Limiter()
        return Entry(entry.label, entry.venue, options, entry.tags)

    def _check(self, entries: list[Entry], labels: Iterator[tuple[str, str]]) -> None:
        seen: set[str] = set()
        for label, kind in labels:
            seen.add(label.partition("/")[0])
            self.rows[kind] += 1
        self.lost += sorted({entry.label for entry in entries} - seen)

    def _portfolio(self, entries: list[Entry]) -> Iterator[tuple[str, str]]:
        snapshot = av.Portfolio(entries).fetch()
        for account in snapshot.accounts:
            yield str(account.label), "account"
        for failure in snapshot.failures:
            yield failure.label, failure.error

    def _stream(self, entries: list[Entry]) -> Iterator[tuple[str, str]]:
        for row in av.Portfolio(entries).stream():
            kind = row.error if isinstance(row, av.Failure) else "account"
            yield str(row.label), kind

    def _one_by_one(self, entries: list[Entry]) -> Iterator[tuple[str, str]]:
        for entry in entries:
            try:
                with av.connect(entry.venue, **entry.options) as client:
                    client.accounts()
            except av.VenueError as error:
                yield entry.label, type(error).__name__
            else:
                yield entry.label, "account"

    def _one_by_one_async(self, entries: list[Entry]) -> Iterator[tuple[str, str]]:
        async def read(entry: Entry) -> tuple[str, str]:
            try:
                async with av.connect_async(entry.venue, **entry.options) as client:
                    await client.accounts()
            except av.VenueError as error:
                return entry.label, type(error).__name__
            return entry.label, "account"

        async def all_of_them() -> list[tuple[str, str]]:
            return await asyncio.gather(*[read(entry) for entry in entries])

        yield from asyncio.run(all_of_them())


def slope(points: list[tuple[float, float]]) -> float:
    """Of the line through the points with the least squares."""
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread


def report(soak: Soak) -> bool:
    """Print what was found; whether all targets are met."""
    steady = soak.samples[int(len(soak.samples) * STEADY) :]
    first, last = steady[0], steady[-1]
    hours = (last.at - soak.samples[0].at) / 3600
    rise = slope([(sample.at / 3600, sample.megabytes) for sample in steady])
    objects = slope([(sample.at / 3600, float(sample.blocks)) for sample in steady])
    print(f"{soak.calls} calls in {hours * 3600:.0f} s, {soak.faults} of them faulted")
    print("rows: " + ", ".join(f"{count} {kind}" for kind, count in soak.rows.most_common()))
    print(f"accounts lost: {len(soak.lost)} {', '.join(soak.lost[:5])}")
    print(f"descriptors: {first.descriptors} → {last.descriptors}")
    print(
        f"memory: {first.megabytes:.2f} → {last.megabytes:.2f} MB, {rise:+.2f} MB an hour; "
        f"objects: {first.blocks} → {last.blocks}, {objects * hours / soak.calls:+.4f} a call"
    )
    grown = last.megabytes - first.megabytes > max(1.0, hours)
    return not soak.lost and last.descriptors <= first.descriptors and not grown


def main() -> int:
    """Run it; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--calls", type=int, default=20_000, help="how many to make, about (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the faults (default: %(default)s)")
    arguments = parser.parse_args()
    chosen = random.Random(arguments.seed)  # noqa: S311 - so that a run can be run again
    with Sandbox() as sandbox:
        soak = Soak(sandbox, chosen)
        soak.run(arguments.calls)
        return 0 if report(soak) else 1


if __name__ == "__main__":
    sys.exit(main())
