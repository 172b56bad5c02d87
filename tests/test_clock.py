"""A clock that is off: what a venue tolerates nobody notices, a little is corrected once, and more is named."""

# pyright: reportPrivateUsage=false

import ast
import asyncio
import inspect
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from faults.proxy import FaultProxy, Line, written

import accountview as av
from accountview.client import Client
from accountview.deadline import Deadline
from accountview.errors import ClockSkew
from accountview.executor import NOTICEABLE
from accountview.network import route, transport
from accountview.network.breaker import Breaker
from accountview.network.limiter import Limiter
from accountview.network.route import LARGEST_CORRECTION
from accountview.network.sending import Answer, Attempt
from accountview.sandbox import Sandbox, load_dialects
from accountview.sandbox.dialect import Dialect, Request
from accountview.sandbox.dialects import zkx as zkx_in_sandbox
from accountview.venues import _rabbit, arcus, open_adapter

FACADE = Path(av.__file__).parent
WAYS = ("sync", "async")
SKEWS = range(-300, 301, 30)
"""Seconds that the venue's clock is ahead of ours. For one more than it tolerates it refuses."""


def date(skew: float) -> str:
    """What a venue calls the time whose clock is so far ahead."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=skew), usegmt=True)


@dataclass
class Venue:
    """A dialect of the sandbox in the place of a transport, with a clock of its own."""

    name: str
    skew: float
    dated: Callable[[float], Mapping[str, str]] = lambda skew: {"date": date(skew)}
    asked: int = 0
    _dialect: Dialect | None = None

    def client(self, **changes: Any) -> Client:
        """A client of its first account."""
        self._dialect = load_dialects(lambda: time.time_ns() + int(self.skew * 1e9))[self.name]
        options = {**self._dialect.accounts[0].options, **changes}
        self._adapter = open_adapter(self.name, {**options, "base_url": "http://127.0.0.1:9"})
        client = Client(self._adapter)
        client._opened = self
        return client

    @property
    def offset(self) -> float:
        """What our side has found out."""
        return self._adapter.route.offset

    def send(self, attempt: Attempt) -> Answer:
        """See `sending.Sender`."""
        assert self._dialect is not None
        self.asked += 1
        requested_at = datetime.now(UTC)
        sent = transport._signed(self._adapter.endpoint, attempt.request)
        path, _, query = sent.url.target.decode().partition("?")
        headers = {name.decode().lower(): value.decode() for name, value in sent.headers}
        told = self._dialect.handlers[attempt.request.operation.name](
            Request(attempt.request.operation.method, path, {}, query, headers, b"")
        )
        return Answer(
            told.status,
            {**told.headers, **self.dated(self.skew)},
            told.content,
            requested_at,
            datetime.now(UTC),
            attempt.number,
        )

    def close(self) -> None:
        """See `sending.Sender`."""


@dataclass(frozen=True)
class Tolerance:
    """A venue, how far ahead and behind its clock may be, and how that comes."""

    venue: str
    ahead: int
    behind: int
    lifetime: int = _rabbit.SIGNATURE_LIFETIME
    tolerance: int = zkx_in_sandbox.CLOCK_TOLERANCE // 1000

    def arrange(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(_rabbit, "SIGNATURE_LIFETIME", self.lifetime)
        patch.setattr(zkx_in_sandbox, "CLOCK_TOLERANCE", self.tolerance * 1000)

    def refuses(self, skew: float) -> bool:
        return not -self.behind < skew < self.ahead


TOLERANCES = (
    # As they are: with half of the longest lifetime, up to five minutes either way are good.
    Tolerance("rabbitx", 300, 300),
    Tolerance("bfx", 300, 300),
    Tolerance("zkx", 300, 300),
    # Stricter than they are, each way.
    Tolerance("rabbitx", 25, 600, lifetime=25),
    Tolerance("bfx", 600, 25, lifetime=575),
    Tolerance("zkx", 25, 25, tolerance=25),
)


@pytest.mark.parametrize("skew", SKEWS)
@pytest.mark.parametrize("kind", TOLERANCES, ids=lambda kind: f"{kind.venue} +{kind.ahead} -{kind.behind}")
def test_a_clock_that_is_off(kind: Tolerance, skew: int, monkeypatch: pytest.MonkeyPatch) -> None:
    kind.arrange(monkeypatch)
    venue = Venue(kind.venue, skew * 0.99)  # on an edge itself a moment decides
    client = venue.client()
    calls = 1 if kind.venue == "zkx" else 2

    if not kind.refuses(venue.skew):
        assert client.account().attempts == 1
        assert (venue.asked, venue.offset) == (calls, 0)
    elif abs(venue.skew) <= LARGEST_CORRECTION:
        assert client.account().attempts == 2
        assert venue.asked == calls + 1
        assert venue.offset == pytest.approx(venue.skew, abs=NOTICEABLE)
        assert client.account().attempts == 1
        assert venue.asked == 2 * calls + 1
    else:
        with pytest.raises(ClockSkew, match=f"{'behind' if skew > 0 else 'ahead of'} the venue's") as caught:
            client.account()
        assert caught.value.offset == pytest.approx(venue.skew, abs=NOTICEABLE)
        assert str(round(abs(caught.value.offset))) in str(caught.value)
        assert not caught.value.retryable
        assert (venue.asked, venue.offset) == (1, 0)


WRONG: dict[str, dict[str, Any]] = {
    "rabbitx": {"api_secret": "0x" + "11" * 32},
    "bfx": {"api_secret": "0x" + "11" * 32},
    "zkx": {"private_key": "0x" + "11" * 16},
}


@pytest.mark.parametrize("venue", WRONG)
def test_a_wrong_key_stays_a_wrong_key(venue: str) -> None:
    for skew, asked in ((0, 1), (1, 1), (60, 2), (-60, 2)):
        route._known.cache_clear()
        other = Venue(venue, skew)
        with pytest.raises(av.CredentialsRefused) as caught:
            other.client(**WRONG[venue]).account()
        assert not isinstance(caught.value, ClockSkew)
        assert other.asked == asked


@pytest.mark.parametrize(
    "headers", [{}, {"date": ""}, {"date": "soon"}, {"date": "0"}, {"date": "Fri, 99 Foo 2024 99:99:99 GMT"}]
)
def test_without_a_date_nothing_is_known_of_the_clocks(
    headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Tolerance("zkx", 25, 25, tolerance=25).arrange(monkeypatch)
    venue = Venue("zkx", 60, dated=lambda _: headers)
    with pytest.raises(av.CredentialsRefused):
        venue.client().account()
    assert (venue.asked, venue.offset) == (1, 0)


def test_a_clock_that_is_put_right_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    Tolerance("zkx", 25, 25, tolerance=25).arrange(monkeypatch)
    venue = Venue("zkx", 60)
    client = venue.client()
    for skew in (60, 0, -60, 119, 0):
        venue.skew = skew
        client.account()
        assert venue.offset == pytest.approx(skew, abs=NOTICEABLE)
    assert venue.asked == 2 * 5


def test_a_venue_that_refuses_whatever_the_time_is_asked_twice_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its date says one thing and its signatures another: the correction does not help."""
    Tolerance("zkx", 25, 25, tolerance=25).arrange(monkeypatch)
    venue = Venue("zkx", 60, dated=lambda _: {"date": date(-60)})
    with pytest.raises(av.CredentialsRefused):
        venue.client().account()
    assert venue.asked == 2


@pytest.mark.parametrize("way", WAYS)
def test_a_clock_is_corrected_over_the_wire(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Tolerance("bfx", 25, 600, lifetime=25).arrange(monkeypatch)

    async def with_its_own_date(line: Line) -> None:
        while True:
            honest = await line.honest()
            kept = [f"{name}: {value}" for name, value in honest.headers if name.lower() != "date"]
            await line.send(written(honest.status, honest.body, *kept, f"Date: {date(90)}"))
            await line.next_request()

    with (
        Sandbox(clock=lambda: time.time_ns() + 90 * 10**9) as sandbox,
        FaultProxy(sandbox.url) as proxy,
    ):
        port = proxy.port(with_its_own_date)
        entry = next(entry for entry in sandbox.entries if entry.label == "bfx-main")
        options = {**entry.options, "base_url": f"http://127.0.0.1:{port.number}/bfx"}
        if way == "sync":
            with av.connect("bfx", **options) as client:
                assert client.account().attempts == 2
                assert client.account().attempts == 1
        else:

            async def read() -> None:
                async with av.connect_async("bfx", **options) as client:
                    assert (await client.account()).attempts == 2
                    assert (await client.account()).attempts == 1

            asyncio.run(read())


# Timers run by a clock that nobody sets -------------------------------------------------------------------------------

OF_THE_VENUE = {"route.py", "sending.py", "tokens.py"}
"""Where the time of day stands for the venue's: in what is signed, and in what expires."""


def uses(tree: ast.AST) -> list[int]:
    """Lines that take the time of day as a number."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in {("time", "time"), ("time", "time_ns")}
    ]


def test_no_timer_runs_by_the_time_of_day() -> None:
    found = {
        path.name
        for path in FACADE.rglob("*.py")
        if "sandbox" not in path.parts and uses(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found <= OF_THE_VENUE
    assert uses(ast.parse("import time\nended = time.time() + 3")) == [2]


@pytest.mark.parametrize("timer", [Deadline, Limiter, Breaker])
def test_timers_run_by_the_monotonic_clock(timer: Any) -> None:
    assert inspect.signature(timer).parameters["clock"].default is time.monotonic


async def test_a_clock_that_is_set_moves_no_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silence(line: Line) -> None:
        await line.stay_silent()

    jumps = iter(range(10**9, 10**9 + 10**8, 3600))
    with FaultProxy("http://127.0.0.1:9") as proxy:
        port = proxy.port(silence)
        monkeypatch.setattr(time, "time", lambda: -float(next(jumps)))
        started = time.monotonic()
        async with arcus.connect_async(
            address="0x" + "00" * 20, base_url=f"http://127.0.0.1:{port.number}", timeout=0.3
        ) as client:
            with pytest.raises(av.VenueUnavailable):
                await client.account()
        assert 0.25 < time.monotonic() - started < 5
