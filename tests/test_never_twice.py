"""What is changed is sent once: 18 ways to fail × every venue that takes changes × both clients, over loopback.

The reads that come before and after are answered honestly; the fault meets the connection of the change alone, before,
while and after it is sent. The server counts what arrives, and the sandbox behind it says what is really set.
"""

# pyright: reportPrivateUsage=false

import asyncio
import pickle
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any, Literal, cast

import pytest
from faults import certificates
from faults.judging import chain
from faults.proxy import FaultProxy, Line, Port, pass_on, written

import accountview as av
from accountview import spec
from accountview.deadline import Deadline
from accountview.errors import ClockSkew, OutcomeUnknown, Resolution
from accountview.executor import execute
from accountview.leverage import LeverageChange
from accountview.network import route
from accountview.network.sending import Answer, Attempt, NoAnswer, NoConnectionFree
from accountview.plan import NOBODY, Call, Decode, Reply
from accountview.sandbox import Sandbox
from accountview.venues import open_adapter
from accountview.wire import Malformed
from accountview_clients import VENUES

TIMEOUT = 1.0
"""Seconds that a request may take where it stalls; the others end by themselves, however busy the machine is."""

Act = Callable[["Scene", Line], Awaitable[None]]


@dataclass(frozen=True)
class Subject:
    """Whose leverage is changed, and how many requests come before."""

    venue: str
    label: str
    symbol: str
    path: str
    reads: int
    account: str | None = None

    def __str__(self) -> str:
        return self.venue


SUBJECTS = (
    Subject("rabbitx", "rabbitx-main", "SOL-USD", "/account/leverage", 2),
    Subject("bfx", "bfx-main", "SOL-USD", "/account/leverage", 2),
    Subject("arcus", "arcus-main", "SOL-USD", "/v1/setLeverage", 2),
    Subject("tread", "tread", "SOL:PERP-USDC", "/api/set_leverage/", 3, "Bybit main"),
)
WAYS = ("sync", "async")


@dataclass(frozen=True)
class Fault:
    """One way to fail."""

    name: str
    act: Act
    error: type[av.VenueError] | None
    resolution: Resolution = "cannot_tell"
    arrives: int = 1
    """How many requests for a change the server reads."""
    at_connect: bool = False
    """Whether it meets the connection before any request is read."""
    tls: Literal["", "silent", "untrusted"] = ""
    applied: bool = False
    """Whether the venue carries it out."""
    stalls: bool = False
    """Whether only the deadline ends it."""

    def __str__(self) -> str:
        return self.name


# What is done to a change ------------------------------------------------------------------------------------------


async def nothing(_scene: "Scene", _line: Line) -> None:
    """Hang up."""


async def reset(_scene: "Scene", line: Line) -> None:
    line.reset()


async def reset_unread(_scene: "Scene", line: Line) -> None:
    await line._reader.read(1)  # so that it is no failure to connect
    line.reset()


async def silence(_scene: "Scene", line: Line) -> None:
    await line.stay_silent()


async def apply(_scene: "Scene", line: Line) -> None:
    await line.honest()


async def apply_and_stall(_scene: "Scene", line: Line) -> None:
    await line.honest()
    await line.stay_silent()


async def apply_and_reset(_scene: "Scene", line: Line) -> None:
    answer = await line.honest()
    await line.send(written(answer.status, answer.body)[:-5])
    line.reset()


async def apply_and_cut(_scene: "Scene", line: Line) -> None:
    answer = await line.honest()
    await line.send(written(answer.status, answer.body)[:-5])


async def apply_and_drip(_scene: "Scene", line: Line) -> None:
    answer = await line.honest()
    await line.drip(written(answer.status, answer.body))


async def twice(_scene: "Scene", line: Line) -> None:
    answer = await line.honest()
    content = written(answer.status, answer.body)
    await line.send(content + content.replace(b"200", b"500", 1))
    await line.stay_silent()


def answers(status: int, body: bytes, *headers: str, applied: bool) -> Act:
    async def act(_scene: "Scene", line: Line) -> None:
        if applied:
            await line.honest()
        await line.send(written(status, body, *headers))

    return act


async def moved(_scene: "Scene", line: Line) -> None:
    await line.send(written(307, b"", f"Location: {line.elsewhere}"))


HUGE = b'{"x": "' + b"x" * (9 << 20) + b'"}'

FAULTS = (
    # Before it is sent: nothing can have been changed, and that is said.
    Fault("refused", nothing, av.VenueUnavailable, arrives=0),
    Fault("tls-silent", nothing, av.VenueUnavailable, arrives=0, tls="silent", stalls=True),
    Fault("tls-untrusted", nothing, av.VenueUnavailable, arrives=0, tls="untrusted"),
    # While it is sent.
    Fault("reset-unread", reset_unread, OutcomeUnknown, "not_applied", arrives=0, at_connect=True),
    Fault("unread", silence, OutcomeUnknown, "not_applied", arrives=0, at_connect=True, stalls=True),
    Fault("reset-mid-request", reset, OutcomeUnknown, "not_applied"),
    # After it was read.
    Fault("hung-up", nothing, OutcomeUnknown, "not_applied"),
    Fault("hung-up-after", apply, OutcomeUnknown, "applied", applied=True),
    Fault("stalled-after", apply_and_stall, OutcomeUnknown, "applied", applied=True, stalls=True),
    Fault("500-before", answers(500, b"{}", applied=False), OutcomeUnknown, "not_applied"),
    Fault("502-after", answers(502, b"<html>", applied=True), OutcomeUnknown, "applied", applied=True),
    Fault("408-after", answers(408, b"", applied=True), OutcomeUnknown, "applied", applied=True),
    Fault("307", moved, OutcomeUnknown, "not_applied"),
    # While it is answered.
    Fault("reset-mid-answer", apply_and_reset, OutcomeUnknown, "applied", applied=True),
    Fault("cut", apply_and_cut, OutcomeUnknown, "applied", applied=True),
    Fault("drips", apply_and_drip, OutcomeUnknown, "applied", applied=True, stalls=True),
    Fault("garbage", answers(200, b'{"succ', applied=True), OutcomeUnknown, "applied", applied=True),
    Fault("too-large", answers(200, HUGE, applied=True), OutcomeUnknown, "applied", applied=True),
    Fault("two-answers", twice, None, applied=True),
)


class Scene:
    """A port of the proxy whose change meets a fault, and what arrived there."""

    def __init__(self, proxy: FaultProxy, subject: Subject, fault: Fault) -> None:
        self.subject = subject
        self.fault = fault
        self.proxy = proxy
        self.read = 0
        self.changes = 0
        self.on_a_used_line = 0
        self.struck = False
        self._tls = self._context() if fault.tls else None
        self.port: Port = proxy.port(self._serve, at_connect=True, tls=self._tls)

    @property
    def url(self) -> str:
        scheme, host = ("https", "localhost") if self.fault.tls else ("http", "127.0.0.1")
        return f"{scheme}://{host}:{self.port.number}/{self.subject.venue}"

    async def _serve(self, line: Line) -> None:
        is_change = self.read == self.subject.reads and not self.struck
        if is_change and self.fault.at_connect:
            self.struck = True
            await self.fault.act(self, line)
            return
        used = 0
        while True:
            await line.next_request()
            if line.target.endswith(self.subject.path):
                self.struck = True
                self.changes += 1
                self.on_a_used_line += bool(used)
                await self.fault.act(self, line)
                return
            used += 1
            self.read += 1
            if self.read == self.subject.reads:
                self._before_change()  # before the answer: what comes after it is the change
            await pass_on(line)

    def _before_change(self) -> None:
        if self.fault.name == "refused":
            for server in self.proxy._servers:
                if server.sockets and server.sockets[0].getsockname()[1] == self.port.number:
                    server.close()
        if self.fault.tls == "untrusted":
            cast("Any", certificates.stranger().issue_cert("localhost")).configure_cert(self._tls)

    def _context(self) -> ssl.SSLContext:
        context = certificates.shows(certificates.authority().issue_cert("localhost"))

        def silent(_socket: object, _name: object, _context: object) -> None:
            if self.read == self.subject.reads:
                time.sleep(TIMEOUT + 0.4)  # the proxy's thread has nothing else to do

        if self.fault.tls == "silent":
            context.sni_callback = silent
        return context


# The cases -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """How a change ended."""

    ended: LeverageChange | BaseException
    scene: Scene
    before: Decimal
    wanted: Decimal
    is_set: Decimal
    """What an ordinary client reads afterwards, without any fault."""
    seconds: float


@dataclass
class Stage:
    """A sandbox of its own for one venue and one way, so that all of them can run side by side."""

    subject: Subject
    way: str
    seen: dict[str, Seen] = field(default_factory=dict[str, Seen])

    def play(self) -> None:
        with Sandbox() as sandbox, FaultProxy(sandbox.url) as proxy:
            (entry,) = [each for each in sandbox.all_entries if each.label == self.subject.label]
            options = dict(entry.options)
            for fault in FAULTS:
                self.seen[fault.name] = self._meet(Scene(proxy, self.subject, fault), options)

    def _meet(self, scene: Scene, options: dict[str, Any]) -> Seen:
        before = self._ordinary(options)
        wanted = Decimal(6) if before != 6 else Decimal(5)
        changed = options | {"base_url": scene.url, "trust_env": bool(scene.fault.tls)}
        if scene.fault.stalls:
            changed["timeout"] = TIMEOUT
        started = time.monotonic()
        ended = self._change(changed, wanted)
        return Seen(ended, scene, before, wanted, self._ordinary(options), time.monotonic() - started)

    def _change(self, options: dict[str, Any], wanted: Decimal) -> LeverageChange | BaseException:
        subject = self.subject
        try:
            if self.way == "sync":
                with av.connect(subject.venue, writes=True, **options) as client:
                    return client.set_leverage(subject.symbol, wanted, subject.account)
            return asyncio.run(self._change_async(options, wanted))
        except Exception as error:  # noqa: BLE001 - the tests judge it
            return error

    async def _change_async(self, options: dict[str, Any], wanted: Decimal) -> LeverageChange:
        subject = self.subject
        async with av.connect_async(subject.venue, writes=True, **options) as client:
            return await client.set_leverage(subject.symbol, wanted, subject.account)

    def _ordinary(self, options: dict[str, Any]) -> Decimal:
        with av.connect(self.subject.venue, **options) as client:
            account: av.Account = client.account(self.subject.account)
        positions = [each for each in account.positions if each.venue_symbol == self.subject.symbol]
        leverage = account.leverage_by_market.get(
            self.subject.symbol, positions[0].leverage if positions else None
        )
        assert leverage is not None
        return leverage


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], Stage]]:
    """All cases, played."""
    trusted = certificates.write_authority(tmp_path_factory.mktemp("trusted"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(trusted))
        patch.delenv("SSL_CERT_DIR", raising=False)
        stages = {(subject.venue, way): Stage(subject, way) for subject in SUBJECTS for way in WAYS}
        with ThreadPoolExecutor(len(stages)) as threads:
            list(threads.map(Stage.play, stages.values()))
        yield stages


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_change_is_sent_once_and_its_outcome_is_told(
    stages: dict[tuple[str, str], Stage], fault: Fault, subject: Subject, way: str
) -> None:
    seen = stages[subject.venue, way].seen[fault.name]
    ended, scene = seen.ended, seen.scene

    assert scene.changes == fault.arrives
    assert scene.on_a_used_line == 0  # a kept connection that is dead would leave its fate open for nothing
    assert seen.is_set == (seen.wanted if fault.applied else seen.before)
    assert not scene.proxy.elsewhere.asked
    assert not fault.stalls or seen.seconds < 3 * TIMEOUT + 10
    if fault.error is None:
        assert isinstance(ended, LeverageChange)
        assert (ended.state, ended.before, ended.after) == ("changed", seen.before, seen.wanted)
        return
    assert type(ended) is fault.error, repr(ended)
    assert isinstance(ended, av.VenueError)
    assert (ended.venue, ended.operation) == (subject.venue, "setLeverage")
    assert all(type(each).__module__.startswith("accountview") for each in chain(ended))
    if not isinstance(ended, OutcomeUnknown):
        assert ended.retryable
        return
    assert not ended.retryable
    assert ended.resolution == fault.resolution
    found = ended.found
    assert isinstance(found, LeverageChange)
    assert (found.before, found.wanted, found.after) == (seen.before, seen.wanted, seen.is_set)
    assert found.state == "unconfirmed"
    again = pickle.loads(pickle.dumps(ended))  # noqa: S301 - our own
    assert (str(again), again.resolution, again.found) == (str(ended), ended.resolution, found)


# Without a server --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asking:
    """A request for an operation of a spec, without a body."""

    operation: Any
    path: str = "/"
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes | None = None


@dataclass(frozen=True)
class Named:
    """An operation of a spec."""

    name: str
    method: str = "POST"
    path: str = "/"


def never_again() -> Iterator[tuple[str, str]]:
    """Every operation of every spec that may not be sent again."""
    for venue in VENUES:
        for methods in spec.load(venue).paths.values():
            for described in methods.values():
                name = described.get("operationId")
                if name and not spec.operation(venue, name).safe:
                    yield venue, name


CHANGES = tuple(never_again())
OPTIONS: dict[str, dict[str, Any]] = {
    "rabbitx": {"api_key": "no-such-key", "api_secret": "00ff"},
    "bfx": {"api_key": "no-such-key", "api_secret": "00ff"},
    "arcus": {"address": "0x" + "0" * 40, "private_key": "00" * 32},
    "tread": {"token": "no-such-token"},
}


def calling(name: str) -> Call[Any]:
    def parse(_status: int, content: bytes, *, decode: Decode) -> dict[str, Any]:
        return decode(content, dict[str, Any])

    return Call(Asking(Named(name)), parse, lambda _: None)


def one_attempt(venue: str, name: str, fate: Answer | Exception) -> av.VenueError | Reply[Any]:
    """What becomes of a change whose one attempt ends so. A second attempt fails the test."""
    route._known.cache_clear()  # each by itself: together they would reach the venue's rate limit
    adapter = open_adapter(venue, OPTIONS[venue] | {"base_url": "http://127.0.0.1:1"})
    steps = execute(adapter, NOBODY, calling(name), Deadline(5))
    first = next(steps)
    assert isinstance(first, Attempt)
    assert first.alone
    try:
        second = steps.throw(fate) if isinstance(fate, Exception) else steps.send(fate)
    except StopIteration as stop:
        reply: Reply[Any] = stop.value
        return reply
    except av.VenueError as error:
        return error
    pytest.fail(f"it went on: {second}")


def answer(status: int, content: bytes = b"{}", **headers: str) -> Answer:
    now = datetime.now(UTC)
    return Answer(status, headers, content, now, now)


def test_there_are_operations_that_may_not_be_sent_again() -> None:
    assert {venue for venue, _ in CHANGES} == set(OPTIONS)


@pytest.mark.parametrize(("venue", "name"), CHANGES)
def test_one_attempt_and_no_other(venue: str, name: str) -> None:
    statuses = (200, 204, 301, 307, 399, 408, 500, 502, 503, 504)
    fates: list[Answer | Exception] = [NoAnswer("it broke"), Malformed("it is garbage")]
    for fate in [*fates, *(answer(status, b"not JSON") for status in statuses)]:
        unknown = one_attempt(venue, name, fate)
        assert type(unknown) is OutcomeUnknown, fate
        assert not unknown.retryable
        assert unknown.resolution == "cannot_tell"
        assert "sent once" in str(unknown)
    definite = {
        400: av.RequestRefused,
        404: av.RequestRefused,
        401: av.CredentialsRefused,
        429: av.RateLimited,
    }
    for status, kind in definite.items():
        assert type(one_attempt(venue, name, answer(status, b"not JSON"))) is kind
    for unsent in (NoAnswer("no connection", sent=False), NoConnectionFree()):
        assert type(one_attempt(venue, name, unsent)) is av.VenueUnavailable
    assert isinstance(one_attempt(venue, name, answer(200)), Reply)


@pytest.mark.parametrize("venue", ["rabbitx", "arcus"])
@pytest.mark.parametrize(("seconds", "is_corrected"), [(60, True), (-60, True), (200, False), (1, None)])
def test_a_wrong_clock_sends_nothing_again(venue: str, seconds: int, *, is_corrected: bool | None) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)

    error = one_attempt(venue, "setLeverage", answer(401, b"{}", date=date))

    offset = route.of(venue, "http://127.0.0.1:1").offset
    if is_corrected is None:
        assert type(error) is av.CredentialsRefused
        assert offset == 0
        return
    assert isinstance(error, ClockSkew)
    assert abs(error.offset - seconds) < 2
    assert abs(offset - (seconds if is_corrected else 0)) < 2
    assert ("ask again" in str(error)) == is_corrected


def test_a_read_that_is_not_signed_is_not_refused_for_the_clock() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    adapter = open_adapter("arcus", OPTIONS["arcus"] | {"base_url": "http://127.0.0.1:1"})
    steps = execute(adapter, NOBODY, calling("getAccount"), Deadline(5))
    assert isinstance(next(steps), Attempt)
    with pytest.raises(av.CredentialsRefused):
        steps.send(answer(403, b"{}", date=date))
    assert adapter.route.offset == 0


# Cancelled -------------------------------------------------------------------------------------------------------


async def test_a_change_that_is_cancelled_was_sent_once() -> None:
    subject = SUBJECTS[1]
    with Sandbox() as sandbox, FaultProxy(sandbox.url) as proxy:
        (entry,) = [each for each in sandbox.entries if each.label == subject.label]
        scene = Scene(proxy, subject, Fault("stalled", apply_and_stall, None))
        options = dict(entry.options) | {"base_url": scene.url}
        async with av.connect_async(subject.venue, writes=True, **options) as client:
            before = await client.leverage(subject.symbol)
            scene.read = 0
            task = asyncio.create_task(client.set_leverage(subject.symbol, 6))
            while not scene.changes:  # noqa: ASYNC110 - it is counted in another thread
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            after = await client.leverage(subject.symbol)
    assert (before.leverage, after.leverage) == (Decimal(1), Decimal(6))
    assert scene.changes == 1
