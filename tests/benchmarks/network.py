"""Reading over loopback, held against raw httpx: one account, and many. The server is a process of its own.

The baselines send the same requests under the same headers, and make of an answer what `json.loads` does; they neither
sign anew nor check nor keep a deadline. All times are of the clock. The limits that venues have are not kept here, for
the time would be theirs: every host has a `Route` without one. What a limit lets through is a test's to show.
"""

# pyright: reportPrivateUsage=false

import asyncio
import json
import resource
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, cached_property
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import httpx
from benchmarks import payloads
from benchmarks.measuring import Result, medians
from benchmarks.reading import read_every_field
from benchmarks.serving import served

from accountview import Portfolio
from accountview.accounts_file import Entry
from accountview.network import route
from accountview.network.route import Route
from accountview.network.sending import Endpoint, Outgoing
from accountview.snapshot import Row
from accountview.venues import connect, connect_async, open_adapter

POSITIONS = 2
"""An account as most are: what the network costs is not hidden behind a long list."""
ACCOUNTS = 1_000
LATENCY = 0.020
"""Seconds that a venue takes for an answer, where there are many accounts."""
NAIVE_CONNECTIONS = 100
DEADLINE = 4.0
"""Seconds that are given to all accounts when one venue hangs."""
HANGING = "tread"
STREAMED = 100_000

_FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"


class _Venue:
    """One venue on loopback, and what raw httpx has to send to it."""

    def __init__(self, venue: str, base_url: str) -> None:
        self.venue = venue
        self.options: dict[str, Any] = {**_options(venue), "base_url": base_url}
        self.urls = [base_url + request.partition(" ")[2] for request in _bodies(venue)]

    @cached_property
    def headers(self) -> dict[str, str]:
        """What a request carries beside what httpx sends of its own accord."""
        return self.signed()

    def signed(self) -> dict[str, str]:
        """The headers with the signature of one request, made anew."""
        return dict(self._endpoint.sign(Outgoing("GET", self.urls[0], b"", b"")))

    @cached_property
    def _endpoint(self) -> Endpoint:
        return open_adapter(self.venue, self.options).endpoint

    def entry(self, number: int) -> Entry:
        """One of many accounts."""
        return Entry(f"{self.venue}-{number}", self.venue, self.options)


@cache
def _options(venue: str) -> dict[str, Any]:
    options: dict[str, Any] = json.loads((_FIXTURES / venue / "connect.json").read_text())
    return options


@cache
def _bodies(venue: str) -> dict[str, bytes]:
    return payloads.bodies(venue, POSITIONS)


@contextmanager
def _venues(*names: str, latency: float = 0.0, hangs: str | None = None) -> Generator[dict[str, _Venue]]:
    @cache
    def free(_venue: str, _host: str) -> Route:
        return Route()

    with (
        served({name: _bodies(name) for name in names}, latency, hangs) as urls,
        patch.object(route, "_known", free),
    ):
        yield {name: _Venue(name, url) for name, url in urls.items()}


# One account ------------------------------------------------------------------------------------------------------


def single(rounds: int) -> Iterator[Result]:
    """One account, again and again over a client that is kept open."""
    for name in payloads.VENUES:
        with _venues(name) as venues:
            venue = venues[name]
            target = 1.25 if name == "bfx" else None
            signing = medians({"sign": venue.signed}, rounds)["sign"] * len(venue.urls)
            yield _compared(f"{name}: one account, sync", _sync(venue, rounds), signing, target)
            yield _compared(
                f"{name}: one account, async", asyncio.run(_async(venue, rounds)), signing, target
            )


def _compared(what: str, taken: Mapping[str, float], signing: float, target: float | None) -> Result:
    detail = (
        f"{taken['ours'] * 1e3:.2f} ms, {signing * 1e3:.2f} of them for signatures, "
        f"against {taken['raw'] * 1e3:.2f} ms"
    )
    return Result(what, "raw httpx and json.loads", taken["ours"] / taken["raw"], "×", target, detail=detail)


def _sync(venue: _Venue, rounds: int) -> dict[str, float]:
    with (
        connect(venue.venue, **venue.options) as client,
        httpx.Client(trust_env=False, headers=venue.headers) as raw,
    ):

        def ours() -> None:
            read_every_field(client.account())

        def theirs() -> None:
            for url in venue.urls:
                json.loads(raw.get(url).content)

        taken: dict[str, list[float]] = {"ours": [], "raw": []}
        for number in range(rounds + 20):
            for way, run in (("ours", ours), ("raw", theirs)):
                started = time.perf_counter()
                run()
                if number >= 20:
                    taken[way].append(time.perf_counter() - started)
    return {way: median(seconds) for way, seconds in taken.items()}


async def _async(venue: _Venue, rounds: int) -> dict[str, float]:
    async with (
        connect_async(venue.venue, **venue.options) as client,
        httpx.AsyncClient(trust_env=False, headers=venue.headers) as raw,
    ):

        async def ours() -> None:
            read_every_field(await client.account())

        async def theirs() -> None:
            await asyncio.gather(*[_raw(raw, url) for url in venue.urls])

        taken: dict[str, list[float]] = {"ours": [], "raw": []}
        for number in range(rounds + 20):
            for way, run in (("ours", ours), ("raw", theirs)):
                started = time.perf_counter()
                await run()
                if number >= 20:
                    taken[way].append(time.perf_counter() - started)
    return {way: median(seconds) for way, seconds in taken.items()}


async def _raw(client: httpx.AsyncClient, url: str) -> None:
    json.loads((await client.get(url)).content)


# Many accounts ----------------------------------------------------------------------------------------------------


def many(rounds: int) -> Iterator[Result]:
    """A thousand accounts of one venue."""
    with _venues("bfx", latency=LATENCY) as venues:
        venue = venues["bfx"]
        portfolio = Portfolio([venue.entry(number) for number in range(ACCOUNTS)])
        ways: dict[str, Callable[[], object]] = {
            "fetch": lambda: _fetched(portfolio),
            "stream": lambda: _streamed(portfolio),
            "a gather": lambda: asyncio.run(_naive(venue, ACCOUNTS * len(venue.urls))),
            "a gather behind a semaphore": lambda: asyncio.run(_naive(venue, NAIVE_CONNECTIONS)),
        }
        taken: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(max(3, rounds // 100)):
            for way, run in ways.items():
                started = time.perf_counter()
                run()
                taken[way].append(time.perf_counter() - started)
    seconds = {way: median(each) for way, each in taken.items()}
    for way in ("fetch", "stream"):
        for baseline in ("a gather", "a gather behind a semaphore"):
            yield Result(
                f"{ACCOUNTS} accounts of bfx, {LATENCY * 1e3:.0f} ms each, {way}",
                f"{baseline}, httpx with {NAIVE_CONNECTIONS} connections",
                seconds[baseline] / seconds[way],
                "×",
                3.0,
                "at least",
                f"{ACCOUNTS / seconds[way]:.0f} accounts/s against {ACCOUNTS / seconds[baseline]:.0f}",
            )


def _fetched(portfolio: Portfolio) -> None:
    snapshot = portfolio.fetch(timeout=60)
    assert snapshot.complete  # else the time says nothing
    for account in snapshot.accounts:
        read_every_field(account)


def _streamed(portfolio: Portfolio) -> int:
    read = 0
    for row in portfolio.stream(timeout=3600):
        assert row.account is not None, row
        read_every_field(row.account)
        read += 1
    return read


async def _naive(venue: _Venue, at_once: int) -> None:
    limits = httpx.Limits(max_connections=NAIVE_CONNECTIONS)
    free = asyncio.Semaphore(at_once)
    async with httpx.AsyncClient(
        trust_env=False, headers=venue.headers, limits=limits, timeout=httpx.Timeout(None)
    ) as client:

        async def ask(url: str) -> None:
            async with free:
                await _raw(client, url)

        await asyncio.gather(*[ask(url) for _ in range(ACCOUNTS) for url in venue.urls])


def hanging(rounds: int) -> Iterator[Result]:
    """A thousand accounts over all venues of which one hangs, and those of the other venues by themselves."""
    each = ACCOUNTS // len(payloads.VENUES)
    ends: list[float] = []
    last: dict[str, list[float]] = {"with": [], "without": []}
    with _venues(*payloads.VENUES, latency=LATENCY, hangs=HANGING) as venues:
        entries = [venue.entry(number) for number in range(each) for venue in venues.values()]
        others = [entry for entry in entries if entry.venue != HANGING]
        for _ in range(max(5, rounds // 20)):
            route._known.cache_clear()  # else its breaker is open by now, and nobody waits for it
            last["without"].append(_watched(Portfolio(others))[0])
            read, end = _watched(Portfolio(entries))
            last["with"].append(read)
            ends.append(end)
    what = f"{ACCOUNTS} accounts of five venues, one hangs"
    over = [(end - DEADLINE) * 1e3 for end in ends]
    detail = f"the worst of {len(over)}, their median {median(over):.0f} ms; deadline {DEADLINE:g} s"
    yield Result(f"{what}: end", "the deadline", max(over), "ms", 250, detail=detail)
    with_it, without_it = median(last["with"]), median(last["without"])
    detail = f"{with_it:.2f} s against {without_it:.2f} s"
    yield Result(f"{what}: others", "without it", with_it / without_it, "×", 1.1, detail=detail)


def _watched(portfolio: Portfolio) -> tuple[float, float]:
    """Seconds until the last account was read, and until all was over."""
    started = time.perf_counter()
    last = 0.0

    def note(row: Row) -> None:
        nonlocal last
        if row.account is not None:
            read_every_field(row.account)
            last = time.perf_counter() - started

    portfolio.fetch(timeout=DEADLINE, on_row=note)
    return last, time.perf_counter() - started


# So many that memory counts ---------------------------------------------------------------------------------------


def streamed(_rounds: int) -> Iterator[Result]:
    """What a hundred thousand accounts leave behind when they pass; this takes some minutes."""
    with _venues("bfx") as venues:
        _streamed(Portfolio([venues["bfx"].entry(number) for number in range(100)]))
        before = _megabytes()
        portfolio = Portfolio([venues["bfx"].entry(number) for number in range(STREAMED)])
        opened = _megabytes()
        assert _streamed(portfolio) == STREAMED
        first = _megabytes()
        assert _streamed(portfolio) == STREAMED
        second = _megabytes()
    for what, baseline, grown, target in (
        ("an account that is opened", "nothing", opened - before, None),
        ("an account that is remembered, after the first pass", "opened", first - opened, None),
        (f"{STREAMED} accounts streamed once more", "the first pass", second - first, 100),
    ):
        detail = f"{grown:.0f} MB more, {second:.0f} MB in all"
        yield Result(what, baseline, grown * 1e6 / STREAMED, "bytes each", target, detail=detail)


def _megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6
