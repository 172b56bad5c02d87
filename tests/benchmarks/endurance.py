"""What connections endure: `uv run tests/benchmarks/endurance.py [deadlines] [cancels] [crowd]`; all three unless told.

deadlines: 1000 requests that get stuck, sync and async, in every phase: how long after the deadline they end.
cancels: 10,000 requests cancelled at some moment, many at a time: whether every connection still works.
crowd: 5000 requests at once through ten connections: whether any fails, and how unfairly they wait.

Prints each figure beside its target and exits with 1 when one is missed. Time decides nothing in the tests.
"""

import asyncio
import random
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for what the tests share

from benchmarks.measuring import Result
from faults.proxy import FaultProxy
from test_connections import (
    Phase,
    answer_soon,
    churn,
    crowd,
    endpoint,
    healthy,
    nothing_unseen,
    phases,
    timed,
    timed_async,
    url,
)

from accountview.network.transport import AsyncTransport

CASES = 1000
AT_ONCE = 20
"""Stuck at the same time: threads, and coroutines."""
SECONDS = 0.5
CANCELS = 10_000
CALLS = 5000


def deadlines(proxy: FaultProxy) -> list[Result]:
    """Half of the cases with each client."""
    with pytest.MonkeyPatch.context() as patch, phases(proxy, patch) as stuck:
        cases = [stuck[number % len(stuck)] for number in range(CASES // 2)]
        random.Random(0).shuffle(cases)  # noqa: S311 - so that a run can be run again
        with ThreadPoolExecutor(AT_ONCE) as threads:
            sync = [seconds - SECONDS for seconds in threads.map(timed, cases, repeat(SECONDS))]
        awaited = asyncio.run(_awaited(cases))
    return [
        _overshoot("sync", cases, sync),
        _overshoot("async", cases, awaited),
    ]


async def _awaited(cases: list[Phase]) -> list[float]:
    free = asyncio.Semaphore(AT_ONCE)

    async def one(phase: Phase) -> float:
        async with free:
            return await timed_async(phase, SECONDS) - SECONDS

    return await asyncio.gather(*[one(phase) for phase in cases])


def _overshoot(way: str, cases: list[Phase], over: list[float]) -> Result:
    worst, phase = max(zip(over, [phase.name for phase in cases], strict=True))
    late = sum(seconds > 0.25 for seconds in over)
    median = sorted(over)[len(over) // 2]
    detail = f"{len(over)} cases, {late} over 250 ms, median {median * 1000:.0f} ms; worst: {phase}"
    return Result(f"{way}: after the deadline", "the deadline", worst * 1000, "ms", 250, detail=detail)


def cancels(proxy: FaultProxy) -> list[Result]:
    """Ten rounds of churn; after each all connections must work at the same time."""

    async def run() -> tuple[int, float]:
        port = proxy.port(answer_soon)
        started = time.monotonic()
        cancelled = 0
        with nothing_unseen():
            sender = AsyncTransport(endpoint(url(port)))
            for seed in range(10):
                cancelled += await churn(sender, CANCELS // 8, seed)
                await healthy(sender)
            await sender.close()
        return cancelled, time.monotonic() - started

    cancelled, seconds = asyncio.run(run())
    what = "cancelled, with no connection lost and nothing unseen"
    return [Result(what, "none lost", cancelled, "", CANCELS, "at least", f"in {seconds:.0f} s")]


def crowded(proxy: FaultProxy) -> list[Result]:
    """All at once."""
    seen = asyncio.run(crowd(proxy.port(answer_soon), CALLS, 600))
    detail = f"longest {seen.longest:.1f} s, mean {seen.mean:.1f} s, {seen.connections} connections"
    return [
        Result(f"of {CALLS} at once failed", "none", seen.failed, "", 0),
        Result("longest wait", "the mean", seen.unfairness, "×", 3, detail=detail),
    ]


RUNS: dict[str, Callable[[FaultProxy], list[Result]]] = {
    "deadlines": deadlines,
    "cancels": cancels,
    "crowd": crowded,
}


def main(names: list[str]) -> int:
    """Run what is named; returns the exit code."""
    met = True
    with FaultProxy("http://127.0.0.1:9") as proxy:
        for name in names or RUNS:
            for result in RUNS[name](proxy):
                met = met and result.met is not False
                bound = f"{result.kind} {result.target:g}"
                print(f"{name}: {result.what}: {result.measured:.4g} {result.unit} ({bound}) {result.detail}")  # noqa: T201
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
