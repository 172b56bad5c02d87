"""Connections: every wait ends at the deadline, none is lost by cancelling, no two loops or processes share one."""

# pyright: reportPrivateUsage=false

import asyncio
import gc
import itertools
import os
import random
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpcore
import pytest
from faults.proxy import Act, FaultProxy, Line, Port, written
from support import ROOT

import accountview as av
from accountview.deadline import Deadline
from accountview.network import connections, lookup, transport
from accountview.network.connections import AsyncSlots, NoSlot, Slots
from accountview.network.sending import Answer, Attempt, Endpoint, NoAnswer, NoConnectionFree
from accountview.network.transport import AsyncTransport, Transport

GOOD = b'{"good":true}'
WAYS = ("sync", "async")
HANGS = 5.0
"""Seconds: generous, for the machine may be busy. `tests/benchmarks/endurance.py` measures what is over."""
MIXED = "several.invalid"
STALLED = "stalled.invalid"


@dataclass(frozen=True)
class Operation:
    name: str = "getAccount"
    method: str = "POST"
    path: str = "/account"


@dataclass(frozen=True)
class Ask:
    """A request as a generated client builds it."""

    content: bytes | None = None
    path: str = "/account"
    operation: Operation = field(default_factory=Operation)
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()


def endpoint(base_url: str) -> Endpoint:
    return Endpoint(base_url, lambda _: {}, ())


def url(port: Port) -> str:
    return f"http://127.0.0.1:{port.number}"


@pytest.fixture(scope="module")
def proxy() -> Iterator[FaultProxy]:
    with FaultProxy("http://127.0.0.1:9") as running:  # nothing is ever passed on
        yield running


async def answer(line: Line) -> None:
    """Every request on the line."""
    while True:
        await line.send(written(200, GOOD))
        await line.next_request()


# The deadline ends every phase (R9) ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Phase:
    """Where a request gets stuck."""

    name: str
    base_url: str
    request: Ask = field(default_factory=Ask)


async def stall_in_head(line: Line) -> None:
    await line.send(b"HTTP/1.1 200 OK\r\nContent-")
    await line.stay_silent()


async def drip_head(line: Line) -> None:
    await line.send(b"HTTP/1.1 200 OK\r\nX-Padding: ")
    await line.drip(b"x" * 10_000)


async def continue_for_ever(line: Line) -> None:
    for _ in range(100_000):
        await line.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await asyncio.sleep(0.01)


async def stall_in_body(line: Line) -> None:
    await line.send(written(200, b"", "Content-Length: 100", length=False) + b"{")
    await line.stay_silent()


async def drip_body(line: Line) -> None:
    await line.send(written(200, b"", "Content-Length: 10000", length=False))
    await line.drip(b" " * 10_000)


async def drip_chunks(line: Line) -> None:
    await line.send(written(200, b"", "Transfer-Encoding: chunked", length=False))
    await line.drip(b"1\r\n \r\n" * 10_000, every=0.01)


async def drip_compressed(line: Line) -> None:
    await line.send(written(200, b"", "Content-Length: 10000", "Content-Encoding: gzip", length=False))
    await line.send(b"\x1f\x8b\x08\0\0\0\0\0\0\xff")
    await asyncio.sleep(3600)


async def drip_tls(line: Line) -> None:
    await line.send(b"\x16\x03\x03\x40\x00")  # a record of 16384 bytes follows
    await line.drip(b"\x02" * 10_000)


STALLS: tuple[Act, ...] = (
    stall_in_head,
    drip_head,
    continue_for_ever,
    stall_in_body,
    drip_body,
    drip_chunks,
    drip_compressed,
)


@contextmanager
def full(address: str = "127.0.0.1", port: int = 0) -> Generator[int]:
    """A port at which nobody gets through any more: connecting to it takes for ever."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((address, port))
        listener.listen(0)
        waiting = [stack.enter_context(socket.socket()) for _ in range(4)]
        for each in waiting:
            each.settimeout(0)
            with suppress(BlockingIOError):
                each.connect(listener.getsockname())
        yield listener.getsockname()[1]


@contextmanager
def resolving(patch: pytest.MonkeyPatch) -> Generator[None]:
    """`several.invalid` has three addresses, and asking for `stalled.invalid` takes for ever."""
    over = threading.Event()
    look_up = socket.getaddrinfo

    def looked_up(host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
        if host == STALLED:
            over.wait(2 * HANGS)  # so that a failure ends as well
            raise socket.gaierror(socket.EAI_AGAIN, "over")
        if host == MIXED:
            return [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{number}", port))
                for number in (1, 2, 3)
            ]
        return look_up(host, port, *arguments, **options)

    patch.setattr(socket, "getaddrinfo", looked_up)
    try:
        yield
    finally:
        over.set()


@contextmanager
def phases(proxy: FaultProxy, patch: pytest.MonkeyPatch) -> Generator[list[Phase]]:
    """All of them."""
    with ExitStack() as stack:
        stack.enter_context(resolving(patch))
        blocked = stack.enter_context(full())
        several = stack.enter_context(full("0.0.0.0"))  # noqa: S104 - for each 127.0.0.* that the name has
        deaf = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=4096))
        at_deaf = f"127.0.0.1:{deaf.getsockname()[1]}"
        drips = proxy.port(drip_tls, at_connect=True).number
        yield [
            Phase("looking up the name", f"https://{STALLED}:1"),
            Phase("connecting", f"http://127.0.0.1:{blocked}"),
            Phase("connecting to several", f"http://{MIXED}:{several}"),
            Phase("silence at the TLS handshake", f"https://{at_deaf}"),
            Phase("drip at the TLS handshake", f"https://127.0.0.1:{drips}"),
            Phase("sending", f"http://{at_deaf}", Ask(bytes(16_000_000))),
            Phase("silence", f"http://{at_deaf}"),
            *[Phase(act.__name__, url(proxy.port(act))) for act in STALLS],
        ]


def timed(phase: Phase, seconds: float) -> float:
    """Seconds until it ended. Raises AssertionError unless it did with our error."""
    sender = Transport(endpoint(phase.base_url))
    started = time.monotonic()
    try:
        with pytest.raises(NoAnswer):
            sender.send(Attempt(phase.request, Deadline(seconds)))
        return time.monotonic() - started
    finally:
        sender.close()


async def timed_async(phase: Phase, seconds: float) -> float:
    """The same, awaited."""
    sender = AsyncTransport(endpoint(phase.base_url))
    started = time.monotonic()
    try:
        with pytest.raises(NoAnswer):
            await sender.send(Attempt(phase.request, Deadline(seconds)))
        return time.monotonic() - started
    finally:
        await sender.close()


@pytest.mark.parametrize("way", WAYS)
def test_the_deadline_ends_every_phase(way: str, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    with phases(proxy, monkeypatch) as stuck:
        several = stuck * 3
        started = time.monotonic()
        if way == "sync":
            with ThreadPoolExecutor(len(several)) as threads:
                taken = list(threads.map(timed, several, itertools.repeat(0.4)))
        else:

            async def gather() -> list[float]:
                return await asyncio.gather(*[timed_async(phase, 0.4) for phase in several])

            taken = asyncio.run(gather())
        assert time.monotonic() - started < HANGS, "something was waited for after all had ended"
    for phase, seconds in zip(several, taken, strict=True):
        assert 0.35 < seconds < HANGS, phase.name


@pytest.mark.parametrize("way", WAYS)
def test_one_address_that_is_dead_does_not_take_the_time_of_the_others(
    way: str, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "PATIENCE", 0.05)
    good = proxy.port(answer)
    with ExitStack() as stack:
        stack.enter_context(resolving(monkeypatch))
        # The good one listens at 127.0.0.1 only; it comes last.
        monkeypatch.setattr(lookup, "_asked", _three_addresses)
        stack.enter_context(full("127.0.0.2", good.number))
        base_url = f"http://{MIXED}:{good.number}"
        if way == "sync":
            assert _send(base_url).content == GOOD
        else:
            assert asyncio.run(_send_async(base_url)).content == GOOD


def _three_addresses(_: str) -> "Future[list[str]]":
    found: Future[list[str]] = Future()
    found.set_result(["127.0.0.2", "127.0.0.3", "127.0.0.1"])
    return found


def _send(base_url: str, seconds: float = HANGS) -> Answer:
    sender = Transport(endpoint(base_url))
    try:
        return sender.send(Attempt(Ask(), Deadline(seconds)))
    finally:
        sender.close()


async def _send_async(base_url: str, seconds: float = HANGS) -> Answer:
    sender = AsyncTransport(endpoint(base_url))
    try:
        return await sender.send(Attempt(Ask(), Deadline(seconds)))
    finally:
        await sender.close()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".invalid", ".invalid", "a..b"])
def test_a_name_that_there_is_not_is_an_error_of_ours(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    look_up = socket.getaddrinfo

    def nobody(name: Any, *arguments: Any, **options: Any) -> Any:
        if name == "no-such-host.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(name, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    with pytest.raises(NoAnswer) as caught:
        _send(f"https://{host}")
    assert not caught.value.sent
    with pytest.raises(NoAnswer) as caught:
        asyncio.run(_send_async(f"https://{host}"))
    assert not caught.value.sent


def test_an_address_needs_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        pytest.fail("a thread was started")

    monkeypatch.setattr(threading.Thread, "start", start)
    assert lookup.addresses("127.0.0.1", Deadline(1)) == ["127.0.0.1"]
    assert lookup.addresses("::1", Deadline(1)) == ["::1"]


# The turn that the limiter gave (R20) ----------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_the_turn_is_asked_for_when_there_is_a_connection(
    way: str, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "CONNECTIONS", 1)
    order: list[str] = []

    async def seen(line: Line) -> None:
        order.append("request")
        await answer(line)

    def turn() -> Iterator[float]:
        order.append("turn")
        yield 0.01
        order.append("waited")

    def none_in_time() -> Iterator[float]:
        raise NoAnswer("no turn in time", sent=False)

    good = endpoint(f"http://127.0.0.1:{proxy.port(seen).number}")
    mine = Attempt(Ask(), Deadline(HANGS), waits=turn)
    too_late = Attempt(Ask(), Deadline(HANGS), waits=none_in_time)
    no_time = Attempt(Ask(), Deadline(0.05), waits=turn)
    if way == "sync":
        sender = Transport(good)
        with sender._slots.slot(Deadline(HANGS)), pytest.raises(NoConnectionFree):
            sender.send(no_time)
        with pytest.raises(NoAnswer, match="no turn in time"):
            sender.send(too_late)
        assert order == []
        assert sender.send(mine).content == GOOD
        sender.close()
    else:

        async def ask() -> None:
            sender = AsyncTransport(good)
            async with sender._slots.slot(Deadline(HANGS)):
                with pytest.raises(NoConnectionFree):
                    await sender.send(no_time)
            with pytest.raises(NoAnswer, match="no turn in time"):
                await sender.send(too_late)
            assert order == []
            assert (await sender.send(mine)).content == GOOD
            await sender.close()

        asyncio.run(ask())
    assert order == ["turn", "waited", "request"]


# No wait without an end (R10) ---------------------------------------------------------------------------------------


def test_every_wait_that_httpcore_asks_for_has_an_end(
    proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What reaches the sockets, whatever httpcore said: a number, and no more than what is left."""
    seen: list[float | None] = []

    def watch(kind: Any, name: str, place: int) -> None:
        original = getattr(kind, name)

        def watched(self: Any, *arguments: Any) -> Any:
            seen.append(arguments[place] if len(arguments) > place else None)
            return original(self, *arguments)

        monkeypatch.setattr(kind, name, watched)

    from httpcore._backends.anyio import AnyIOStream
    from httpcore._backends.sync import SyncStream

    for stream in (SyncStream, AnyIOStream):
        watch(stream, "read", 1)
        watch(stream, "write", 1)
    for backend in (httpcore.SyncBackend, httpcore.AnyIOBackend):
        watch(backend, "connect_tcp", 2)

    port = proxy.port(answer)
    _send(url(port), 3.0)
    asyncio.run(_send_async(url(port), 3.0))

    assert len(seen) >= 6
    assert all(wait is not None and 0 <= wait <= 3.0 for wait in seen), seen


def test_a_slot_that_nobody_uses_could_not_wait_at_all() -> None:
    slots = Slots(1, transport._tls(endpoint("https://127.0.0.1:9")), None)
    with slots.slot(Deadline(1)) as slot:
        assert slot._backend.deadline.left <= 0
        with pytest.raises(httpcore.ConnectTimeout):
            slot._backend.connect_tcp("127.0.0.1", 9)
        with pytest.raises(httpcore.ConnectTimeout):
            slot._backend.sleep(60)


def test_every_client_has_a_deadline() -> None:
    for timeout in (0, -1, float("inf"), float("nan"), 601):
        with pytest.raises(av.UsageError, match="timeout"):
            av.connect("arcus", address="0x" + "00" * 20, timeout=timeout)


# Waiting for a connection (R12) -------------------------------------------------------------------------------------


async def answer_soon(line: Line) -> None:
    while True:
        await asyncio.sleep(0.002)
        await line.send(written(200, GOOD))
        await line.next_request()


@dataclass(frozen=True)
class Crowd:
    """How a crowd of calls went."""

    failed: int
    longest: float
    mean: float
    connections: int

    @property
    def unfairness(self) -> float:
        return self.longest / self.mean


async def crowd(port: Port, calls: int, seconds: float) -> Crowd:
    """So many calls at once through the connections of one client."""
    sender = AsyncTransport(endpoint(url(port)))

    async def one() -> float | None:
        started = time.monotonic()
        try:
            await sender.send(Attempt(Ask(), Deadline(seconds)))
        except NoAnswer:
            return None
        return time.monotonic() - started

    try:
        taken = await asyncio.gather(*[one() for _ in range(calls)])
    finally:
        await sender.close()
    good = [seconds for seconds in taken if seconds is not None]
    return Crowd(len(taken) - len(good), max(good), sum(good) / len(good), port.connections)


async def test_a_crowd_is_served_in_its_order(proxy: FaultProxy) -> None:
    seen = await crowd(proxy.port(answer_soon), 500, 60)
    assert seen.failed == 0
    assert seen.connections == transport.CONNECTIONS
    assert seen.unfairness < 3


@pytest.mark.parametrize("way", WAYS)
def test_waiting_for_a_connection_counts(way: str, proxy: FaultProxy) -> None:
    port = proxy.port(stall_in_head)
    busy = transport.CONNECTIONS

    def blocked(errors: list[NoAnswer]) -> list[str]:
        return sorted(str(error) for error in errors if isinstance(error, NoConnectionFree))

    if way == "sync":
        sender = Transport(endpoint(url(port)))

        def ask(seconds: float) -> NoAnswer:
            with pytest.raises(NoAnswer) as caught:
                sender.send(Attempt(Ask(), Deadline(seconds)))
            return caught.value

        with ThreadPoolExecutor(2 * busy) as threads:
            first = [threads.submit(ask, 1.0) for _ in range(busy)]
            time.sleep(0.2)
            later = [threads.submit(ask, 0.2) for _ in range(busy)]
            found = [each.result() for each in [*first, *later]]
        sender.close()
    else:

        async def gather() -> list[NoAnswer]:
            sender = AsyncTransport(endpoint(url(port)))

            async def ask(seconds: float, after: float) -> NoAnswer:
                await asyncio.sleep(after)
                with pytest.raises(NoAnswer) as caught:
                    await sender.send(Attempt(Ask(), Deadline(seconds)))
                return caught.value

            try:
                return await asyncio.gather(
                    *[ask(1.0, 0.0) for _ in range(busy)], *[ask(0.2, 0.2) for _ in range(busy)]
                )
            finally:
                await sender.close()

        found = asyncio.run(gather())
    assert blocked(found) == ["no connection was free in time"] * busy
    assert port.connections == busy


async def test_no_slot_is_a_matter_of_time_and_never_of_luck() -> None:
    slots = AsyncSlots(1, transport._tls(endpoint("https://127.0.0.1:9")), None)
    async with slots.slot(Deadline(1)):
        with pytest.raises(NoSlot):
            async with slots.slot(Deadline(0.01)):
                pytest.fail("two hold one connection")
        with pytest.raises(NoSlot):
            async with slots.slot(Deadline(-1)):
                pytest.fail("two hold one connection")
    async with slots.slot(Deadline(1)):
        pass


# Cancellation (R11) -------------------------------------------------------------------------------------------------


def whole(sender: AsyncTransport) -> bool:
    """Whether all connections of it can be had."""
    slots = sender._slots
    return slots._free._value == transport.CONNECTIONS and len(slots._idle) <= transport.CONNECTIONS


async def healthy(sender: AsyncTransport) -> None:
    """All connections work, at the same time."""
    answers = await asyncio.gather(
        *[sender.send(Attempt(Ask(), Deadline(HANGS))) for _ in range(3 * transport.CONNECTIONS)]
    )
    assert [answer.content for answer in answers] == [GOOD] * len(answers)
    assert whole(sender)


@contextmanager
def nothing_unseen() -> Generator[None]:
    """Fails for an exception that nobody retrieved, and a socket that nobody closed."""
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(str(context)))
    yield
    gc.collect()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not others, others
    assert told == []


async def churn(sender: AsyncTransport, cancels: int, seed: int, workers: int = 30) -> int:
    """Ask from many tasks at once and cancel most of them at some moment; returns how many were cancelled."""
    chosen = random.Random(seed)  # noqa: S311 - so that a run can be run again
    left = itertools.repeat(None, cancels)
    cancelled = 0

    async def one() -> None:
        nonlocal cancelled
        for _ in left:
            task = asyncio.ensure_future(sender.send(Attempt(Ask(), Deadline(HANGS))))
            await asyncio.sleep(chosen.choice((0, chosen.uniform(0, 0.005), chosen.uniform(0, 0.05))))
            for _ in range(chosen.choice((1, 1, 2))):  # some are cancelled while they end
                task.cancel()
                await asyncio.sleep(0)
            with suppress(asyncio.CancelledError, NoAnswer):
                await task
            cancelled += task.cancelled()

    await asyncio.gather(*[one() for _ in range(workers)])
    return cancelled


@pytest.mark.parametrize("seed", [1, 2])
async def test_no_connection_is_lost_to_cancellations(seed: int, proxy: FaultProxy) -> None:
    port = proxy.port(answer_soon)
    with nothing_unseen():
        sender = AsyncTransport(endpoint(url(port)))
        assert await churn(sender, 400, seed) > 200
        await healthy(sender)
        await sender.close()


Stuck = Callable[[pytest.MonkeyPatch, FaultProxy, list[bool]], str]
"""Makes what gets stuck while the flag is set; returns the address."""


def looking_up(patch: pytest.MonkeyPatch, proxy: FaultProxy, stuck: list[bool]) -> str:
    honest = lookup._asked
    never: Future[list[str]] = Future()
    never.set_running_or_notify_cancel()

    def ask(host: str) -> "Future[list[str]]":
        return never if stuck[0] else honest(host)

    patch.setattr(lookup, "_asked", ask)
    return url(proxy.port(answer))


def connecting(patch: pytest.MonkeyPatch, proxy: FaultProxy, stuck: list[bool]) -> str:
    honest: Any = getattr(httpcore.AnyIOBackend, "connect_tcp")  # noqa: B009 - it may be a class without it

    async def connect(self: Any, *arguments: Any) -> Any:
        if stuck[0]:
            await asyncio.sleep(3600)
        return await honest(self, *arguments)

    patch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    return url(proxy.port(answer))


def sending(patch: pytest.MonkeyPatch, proxy: FaultProxy, stuck: list[bool]) -> str:
    from httpcore._backends.anyio import AnyIOStream

    honest = AnyIOStream.write

    async def write(self: Any, *arguments: Any) -> None:
        if stuck[0]:
            await asyncio.sleep(3600)
        await honest(self, *arguments)

    patch.setattr(AnyIOStream, "write", write)
    return url(proxy.port(answer))


def reading(act: Act) -> Stuck:
    def made(_: pytest.MonkeyPatch, proxy: FaultProxy, stuck: list[bool]) -> str:
        async def acted(line: Line) -> None:
            await (act if stuck[0] else answer)(line)

        return url(proxy.port(acted))

    made.__name__ = act.__name__
    return made


@pytest.mark.parametrize(
    "make",
    [looking_up, connecting, sending, reading(stall_in_head), reading(stall_in_body), reading(drip_body)],
)
async def test_a_call_can_be_cancelled_in_every_phase(
    make: Stuck, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten are stuck, twenty wait for a connection; all are cancelled, and nobody notices afterwards."""
    stuck = [True]
    with nothing_unseen():
        sender = AsyncTransport(endpoint(make(monkeypatch, proxy, stuck)))
        tasks = [
            asyncio.ensure_future(sender.send(Attempt(Ask(), Deadline(60))))
            for _ in range(3 * transport.CONNECTIONS)
        ]
        await asyncio.sleep(0.15)
        assert sender._slots._free.locked()
        started = time.monotonic()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert time.monotonic() - started < HANGS
        assert all(task.cancelled() for task in tasks)
        assert whole(sender)

        stuck[0] = False
        await healthy(sender)
        await sender.close()


async def test_a_slot_is_as_good_as_new_after_a_cancellation(
    proxy: FaultProxy,
) -> None:
    """Half an answer that was left on a connection must not be taken for the start of the next."""

    async def half(line: Line) -> None:
        await line.send(written(200, GOOD)[:-5])
        await asyncio.sleep(0.1)
        await line.send(b"true}" + written(200, b'{"good":false}'))
        await line.stay_silent()

    async def ask_and_give_up(sender: AsyncTransport) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await sender.send(Attempt(Ask(), Deadline(HANGS)))

    port = proxy.port(half)
    sender = AsyncTransport(endpoint(url(port)))
    await ask_and_give_up(sender)
    await asyncio.sleep(0.1)
    assert (await sender.send(Attempt(Ask(), Deadline(HANGS)))).content == GOOD
    assert port.connections == 2
    await sender.close()


# Threads, loops and forks (R13) -------------------------------------------------------------------------------------


def test_eight_threads_share_one_client(proxy: FaultProxy) -> None:
    port = proxy.port(answer)
    sender = Transport(endpoint(url(port)))

    def ask(_: int) -> bytes:
        return sender.send(Attempt(Ask(), Deadline(HANGS))).content

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(400))) == [GOOD] * 400
    sender.close()
    assert port.connections <= 8


def test_two_threads_that_want_the_last_idle_connection_get_one_each() -> None:
    """One looks and the other takes it: nobody may look first."""

    class Contested(list[Any]):
        def __bool__(self) -> bool:
            return True  # there was one a moment ago

        def __len__(self) -> int:
            return 1

    slots = Slots(2, transport._tls(endpoint("https://127.0.0.1:9")), None)
    slots._idle = Contested()
    with slots.slot(Deadline(1)) as first, slots.slot(Deadline(1)) as second:
        assert first is not second
    slots.close()


def test_a_slot_that_cannot_be_made_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    slots = Slots(1, transport._tls(endpoint("https://127.0.0.1:9")), None)
    for _ in range(3):
        with monkeypatch.context() as patch:
            patch.setattr(connections, "Slot", _refuse)
            with pytest.raises(MemoryError), slots.slot(Deadline(1)):
                pytest.fail("there is none")
    with slots.slot(Deadline(1)):
        pass


def _refuse(*_: Any) -> Any:
    raise MemoryError


def test_a_client_belongs_to_one_loop(proxy: FaultProxy) -> None:
    port = proxy.port(answer)
    sender = AsyncTransport(endpoint(url(port)))

    async def ask() -> Answer:
        return await sender.send(Attempt(Ask(), Deadline(HANGS)))

    with asyncio.Runner() as first:
        assert first.run(ask()).content == GOOD
        with asyncio.Runner() as second, pytest.raises(av.UsageError, match="another event loop"):
            second.run(ask())
        assert first.run(ask()).content == GOOD
        first.run(sender.close())
    assert port.connections == 1


def test_a_client_of_a_loop_that_has_ended_says_so_also_when_it_is_closed(proxy: FaultProxy) -> None:
    port = proxy.port(answer)
    sender = AsyncTransport(endpoint(url(port)))

    async def ask() -> Answer:
        return await sender.send(Attempt(Ask(), Deadline(HANGS)))

    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ResourceWarning
        )  # Python's own, of the socket that was left in the loop
        asyncio.run(ask())
        for misuse in (ask, sender.close):
            with pytest.raises(av.UsageError, match="another event loop"):
                asyncio.run(misuse())
        sender._slots._idle.clear()
        gc.collect()


FORK = """
import asyncio, os, sys
sys.path[:0] = {paths!r}
from test_connections import Ask, endpoint
from accountview.deadline import Deadline
from accountview.errors import UsageError
from accountview.network.sending import Attempt
from accountview.network.transport import AsyncTransport, Transport

url = sys.argv[1]

def ask(sender):
    return sender.send(Attempt(Ask(), Deadline(10))).content.decode()

def sync():
    sender = Transport(endpoint(url))
    told = [ask(sender)]
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, (ask(sender) + ask(sender)).encode())
        sender.close()
        os._exit(0)
    os.waitpid(child, 0)
    print("sync", told[0], os.read(reader, 1000).decode(), ask(sender))

def awaited():
    sender = AsyncTransport(endpoint(url))
    async def one():
        return (await sender.send(Attempt(Ask(), Deadline(10)))).content.decode()
    with asyncio.Runner() as runner:
        told = runner.run(one())
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            asyncio.set_event_loop(None)
            asyncio.events._set_running_loop(None)
            try:
                asyncio.run(one())
            except UsageError as error:
                os.write(writer, str(error).encode())
            os._exit(0)
        os.waitpid(child, 0)
        print("async", told, os.read(reader, 1000).decode(), runner.run(one()))
        runner.run(sender.close())

sync() if sys.argv[2] == "sync" else awaited()
"""


def forked(way: str, port: Port) -> str:
    script = FORK.format(paths=[str(ROOT / "tests")])
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}  # of newer Pythons, that a fork is a risk
    done = subprocess.run(
        [sys.executable, "-c", script, url(port), way],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )
    return done.stdout.strip()


def test_after_a_fork_nobody_shares_a_connection(proxy: FaultProxy) -> None:
    good = GOOD.decode()
    port = proxy.port(answer)
    assert forked("sync", port) == f"sync {good} {good}{good} {good}"
    assert port.connections == 2  # one of the parent, which it has kept, and one of the child
    assert len(port.asked) == 4


def test_after_a_fork_an_asynchronous_client_says_that_it_belongs_to_another_loop(proxy: FaultProxy) -> None:
    good = GOOD.decode()
    port = proxy.port(answer)
    told = forked("async", port)
    assert told.startswith(f"async {good} this client has been used in another event loop")
    assert told.endswith(good)
    assert (port.connections, len(port.asked)) == (1, 2)
