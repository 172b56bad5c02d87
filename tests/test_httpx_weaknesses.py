"""What httpx 0.28.1 gets wrong for money, one test each: our transport holds, and what it is made of does not.

Each test does the same twice: once with ours, and once with stock httpx or with our guard taken out. The second half
is the proof that the first one would notice; when a new httpx no longer has a weakness, it says so by failing.
"""

# pyright: reportPrivateUsage=false

import asyncio
import gzip
import json
import logging
import random
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpcore
import httpx
import pytest
from faults.kinds import bomb
from faults.proxy import Act, FaultProxy, Line, Port, written

from accountview import wire
from accountview.deadline import Deadline
from accountview.network import connections, transport
from accountview.network.sending import Answer, Attempt, Endpoint, NoAnswer
from accountview.network.transport import AsyncTransport, Transport
from accountview.secret import Secret

KEY = "canary-key-not-real"
SIGNATURE = "canary-signature-not-real"
WAYS = ("sync", "async")
GOOD = b'{"good":true}'


@dataclass(frozen=True)
class Operation:
    name: str = "getAccount"
    method: str = "GET"
    path: str = "/account"


@dataclass(frozen=True)
class Ask:
    """A request as a generated client builds it."""

    path: str = "/account"
    operation: Operation = field(default_factory=Operation)
    query: tuple[tuple[str, str], ...] = (("address", "canary-address"),)
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes | None = None


@pytest.fixture(scope="module")
def proxy() -> Iterator[FaultProxy]:
    with FaultProxy("http://127.0.0.1:9") as running:  # nothing is ever passed on
        yield running


def endpoint(port: Port) -> Endpoint:
    headers = {"RBT-API-KEY": KEY, "RBT-SIGNATURE": SIGNATURE}
    return Endpoint(f"http://127.0.0.1:{port.number}", lambda _: headers, (Secret(KEY),))


def url(port: Port) -> str:
    return f"http://127.0.0.1:{port.number}/account?address=canary-address"


def send(way: str, port: Port, seconds: float = 5.0, times: int = 1) -> list[Answer]:
    """The answers to some requests of one client, one after another."""
    if way == "sync":
        sender = Transport(endpoint(port))
        try:
            return [sender.send(Attempt(Ask(), Deadline(seconds))) for _ in range(times)]
        finally:
            sender.close()

    async def awaited() -> list[Answer]:
        sender = AsyncTransport(endpoint(port))
        try:
            return [await sender.send(Attempt(Ask(), Deadline(seconds))) for _ in range(times)]
        finally:
            await sender.close()

    return asyncio.run(awaited())


def answers(content: bytes) -> Act:
    """Answer with these bytes, to every request on the line."""

    async def act(line: Line) -> None:
        await line.send(content)
        while True:
            await line.next_request()
            await line.send(content)

    return act


# Time ---------------------------------------------------------------------------------------------------------------


def each_read_takes_its_own(
    timeout: float | None, deadline: Deadline, too_late: type[httpcore.TimeoutException]
) -> float:
    """What a client does that only knows a timeout of 0.3 seconds."""
    del timeout, deadline, too_late
    return 0.3


async def drip_the_body(line: Line) -> None:
    await line.send(written(200, b"", f"Content-Length: {len(GOOD)}", length=False))
    await line.drip(GOOD, every=0.1)


async def drip_the_head(line: Line) -> None:
    whole = written(200, GOOD, "X: y")
    await line.send(whole[: -len(GOOD) - 12])
    await line.drip(whole[-len(GOOD) - 12 : -len(GOOD)], every=0.1)
    await line.send(GOOD)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("act", [drip_the_body, drip_the_head])
def test_a_deadline_ends_what_a_timeout_for_each_read_does_not(
    act: Act, way: str, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = time.monotonic()
    with pytest.raises(NoAnswer, match="no answer in time"):
        send(way, proxy.port(act), seconds=0.3)
    assert time.monotonic() - started < 1.0  # the whole drip takes 1.2 s and more

    # Without the guard, 0.3 seconds are what each read may take.
    monkeypatch.setattr(connections, "_least", each_read_takes_its_own)
    started = time.monotonic()
    assert send(way, proxy.port(act), seconds=0.3)[0].content == GOOD
    assert time.monotonic() - started > 1.0


def test_stock_httpx_has_no_deadline(proxy: FaultProxy) -> None:
    started = time.monotonic()
    assert httpx.get(url(proxy.port(drip_the_body)), timeout=0.3, trust_env=False).content == GOOD
    assert time.monotonic() - started > 1.0


def test_every_wait_ends_at_the_deadline_whatever_httpcore_asks_for() -> None:
    for timeout in (None, 600.0):
        assert 0 < connections._least(timeout, Deadline(3), httpcore.ReadTimeout) <= 3
    assert (
        connections._least(0.0, Deadline(3), httpcore.ReadTimeout) == 0
    )  # a look whether something is there
    with pytest.raises(httpcore.ReadTimeout):
        connections._least(None, Deadline(0), httpcore.ReadTimeout)

    with httpx.Client(timeout=None) as stock:  # noqa: S113 - what generated clients do unless told otherwise
        assert set(stock.timeout.as_dict().values()) == {None}


# Compressed bodies --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_a_bomb_is_stopped_at_the_cap(way: str, proxy: FaultProxy) -> None:
    port = proxy.port(answers(written(200, bomb(), "Content-Encoding: gzip")))
    tracemalloc.start()
    try:
        with pytest.raises(wire.Malformed, match="larger than"):
            send(way, port)
        _, ours = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        with httpx.stream("GET", url(port), trust_env=False) as response:
            first = next(response.iter_bytes())
        _, stock = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert ours < 32 * 1024 * 1024
    assert len(first) > 2 * wire.MAX_BYTES  # the very first piece, before any cap could be held against it
    assert stock > 2 * ours


@pytest.mark.parametrize("way", WAYS)
def test_half_of_a_compressed_answer_is_no_answer(way: str, proxy: FaultProxy) -> None:
    rows = json.dumps([number * 7919 % 100_003 for number in range(400)]).encode()  # hard to compress
    port = proxy.port(answers(written(200, gzip.compress(rows)[:-12], "Content-Encoding: gzip")))

    with pytest.raises(wire.Malformed, match="cut off"):
        send(way, port)

    taken = httpx.get(url(port), trust_env=False)
    assert taken.status_code == 200
    assert 0 < len(taken.content) < len(rows)


@pytest.mark.parametrize("way", WAYS)
def test_a_whole_compressed_answer_is_read(way: str, proxy: FaultProxy) -> None:
    port = proxy.port(answers(written(200, gzip.compress(GOOD), "Content-Encoding: gzip")))
    assert send(way, port)[0].content == GOOD


@pytest.mark.parametrize("encoding", ["deflate", "br", "zstd", "gzip, gzip"])
def test_other_encodings_are_refused(encoding: str, proxy: FaultProxy) -> None:
    port = proxy.port(answers(written(200, GOOD, f"Content-Encoding: {encoding}")))
    with pytest.raises(wire.Malformed, match="not asked for"):
        send("sync", port)


# Redirects, the environment, cookies, logs ---------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_no_order(status: int, way: str, proxy: FaultProxy) -> None:
    elsewhere = proxy.port(answers(written(200, GOOD)))
    port = proxy.port(answers(written(status, b"", f"Location: {url(elsewhere)}")))

    assert send(way, port)[0].status == status
    assert elsewhere.asked == []

    # httpx can be told to follow, and then takes the key along to the other host.
    httpx.get(url(port), headers={"RBT-API-KEY": KEY}, follow_redirects=True, trust_env=False)
    assert KEY.encode() in elsewhere.heads[0]


@pytest.mark.parametrize("way", WAYS)
def test_the_environment_names_no_proxy(way: str, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    meddler = proxy.port(answers(written(200, b'{"good":false}')))
    port = proxy.port(answers(written(200, GOOD)))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{meddler.number}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    assert send(way, port)[0].content == GOOD
    assert meddler.connections == 0

    assert httpx.get(url(port)).json() == {"good": False}
    assert meddler.connections == 1


@pytest.mark.parametrize("way", WAYS)
def test_no_cookie_of_one_account_is_sent_for_the_next(way: str, proxy: FaultProxy) -> None:
    port = proxy.port(answers(written(200, GOOD, "Set-Cookie: session=canary-session; Path=/")))

    send(way, port, times=3)
    assert not [head for head in port.heads if b"cookie" in head.lower()]

    with httpx.Client(trust_env=False) as stock:
        for _ in range(2):
            stock.get(url(port))
    assert b"canary-session" in port.heads[-1]


@pytest.mark.parametrize("way", WAYS)
def test_logs_of_the_layers_below_hold_no_secret(
    way: str, proxy: FaultProxy, caplog: pytest.LogCaptureFixture
) -> None:
    port = proxy.port(answers(written(200, GOOD, "Set-Cookie: rbt_jwt=canary-session")))
    with caplog.at_level(logging.DEBUG):
        send(way, port)
    for secret in (KEY, SIGNATURE, "canary-address", "canary-session"):
        assert secret not in caplog.text

    with caplog.at_level(logging.DEBUG):
        httpx.get(url(port), trust_env=False)
    assert "canary-address" in caplog.text
    assert "canary-session" in caplog.text


def test_no_repr_holds_a_secret(proxy: FaultProxy) -> None:
    port = proxy.port(answers(written(200, GOOD)))
    sender = Transport(endpoint(port))
    attempt = Attempt(Ask(), Deadline(5))
    answer = sender.send(attempt)
    shown = repr([sender, vars(sender), endpoint(port), attempt, answer])
    sender.close()
    assert KEY not in shown
    assert SIGNATURE not in shown
    assert "good" not in shown

    assert KEY in repr(httpx.Headers({"RBT-API-KEY": KEY}))


# What a server says --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_a_header_of_2_megabytes_is_not_taken_in(
    way: str, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = proxy.port(answers(written(200, GOOD, "X-Padding: " + "x" * 2_000_000)))
    with pytest.raises(NoAnswer, match="broke"):
        send(way, port)

    # The limit is httpcore's own: this notices should it go.
    for kind in (httpcore.HTTP11Connection, httpcore.AsyncHTTP11Connection):
        monkeypatch.setattr(kind, "MAX_INCOMPLETE_EVENT_SIZE", 4_000_000)
    assert send(way, port)[0].content == GOOD


FALSE = b'{"good":false}'


async def answer_and_more_at_once(line: Line) -> None:
    await line.send(written(200, GOOD) + written(200, FALSE))
    with suppress(OSError, EOFError):
        while True:
            await line.next_request()
            await line.send(written(200, GOOD))


async def answer_and_more_later(line: Line) -> None:
    await line.send(written(200, GOOD))
    await asyncio.sleep(0.05)
    await line.send(written(200, FALSE))
    await line.stay_silent()


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_that_nobody_asked_for_is_never_taken_for_the_next(way: str, proxy: FaultProxy) -> None:
    port = proxy.port(answer_and_more_at_once)
    assert [answer.content for answer in send(way, port, times=3)] == [GOOD, GOOD, GOOD]

    with httpx.Client(trust_env=False) as stock:
        taken = [stock.get(url(port)).content for _ in range(2)]
    assert taken == [GOOD, FALSE]


def test_an_answer_that_comes_between_two_requests_is_not_taken_either(proxy: FaultProxy) -> None:
    port = proxy.port(answer_and_more_later)
    sender = Transport(endpoint(port))
    try:
        for _ in range(2):
            assert sender.send(Attempt(Ask(), Deadline(5))).content == GOOD
            time.sleep(0.1)
    finally:
        sender.close()


# The pool ------------------------------------------------------------------------------------------------------------

WORKERS = 30
CANCELS = 400


async def churn(ask: Callable[[], Any], seed: int) -> None:
    """Ask from many tasks and cancel most of them at some moment."""
    chosen = random.Random(seed)  # noqa: S311 - so that a run can be run again

    async def one() -> None:
        for _ in range(CANCELS // WORKERS):
            task = asyncio.ensure_future(ask())
            await asyncio.sleep(chosen.uniform(0, 0.02))
            task.cancel()
            with suppress(asyncio.CancelledError, NoAnswer, httpx.HTTPError):
                await task

    await asyncio.gather(*[one() for _ in range(WORKERS)])


async def answer_soon(line: Line) -> None:
    while True:
        await asyncio.sleep(0.005)
        await line.send(written(200, GOOD))
        await line.next_request()


async def test_cancelled_calls_take_no_connection_along(proxy: FaultProxy) -> None:
    port = proxy.port(answer_soon)
    sender = AsyncTransport(endpoint(port))
    try:
        await churn(lambda: sender.send(Attempt(Ask(), Deadline(5))), 1)
        healthy = await asyncio.gather(
            *[sender.send(Attempt(Ask(), Deadline(2))) for _ in range(2 * transport.CONNECTIONS)]
        )
    finally:
        await sender.close()
    assert [answer.content for answer in healthy] == [GOOD] * len(healthy)


async def test_stock_httpx_loses_them(proxy: FaultProxy) -> None:
    port = proxy.port(answer_soon)
    limits = httpx.Limits(max_connections=transport.CONNECTIONS)
    async with httpx.AsyncClient(limits=limits, timeout=httpx.Timeout(5, pool=0.3), trust_env=False) as stock:
        await churn(lambda: stock.get(url(port)), 1)
        healthy = await asyncio.gather(
            *[stock.get(url(port)) for _ in range(transport.CONNECTIONS)], return_exceptions=True
        )
    assert [result for result in healthy if isinstance(result, httpx.PoolTimeout)]
