"""Measuring by ratio: what is compared runs in turns, in one run, so that a slow moment hits all alike."""

import gc
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["at most", "at least"]


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table."""

    what: str
    baseline: str
    """What it is held against."""
    measured: float
    unit: str
    """`×` for a ratio."""
    target: float | None = None
    kind: Kind = "at most"
    detail: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.target is None:
            return None
        return self.measured <= self.target if self.kind == "at most" else self.measured >= self.target


def medians(
    candidates: Mapping[str, Callable[[], object]],
    rounds: int,
    clock: Callable[[], float] = time.process_time,
    times: int = 5,
) -> dict[str, float]:
    """Seconds of the processor that each takes: the median of rounds in which all have a turn, of so many `times`.

    What other programs do on the machine takes time from the clock, and much less from this measure.
    """
    for run in candidates.values():  # what is built once is built before
        run()
        run()
    gc.collect()
    gc.freeze()  # what others have loaded is not to be looked through in our turn
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, run in candidates.items():
            started = clock()
            for _ in range(times):
                run()
            taken[name].append((clock() - started) / times)
    return {name: median(seconds) for name, seconds in taken.items()}


def of_processes(candidates: Mapping[str, Sequence[str]], rounds: int) -> dict[str, float]:
    """The same of Python processes, from start to end; each candidate is the arguments of the interpreter."""

    def runner(arguments: Sequence[str]) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, *arguments], check=True, capture_output=True)

    return medians(
        {name: runner(arguments) for name, arguments in candidates.items()}, rounds, _of_children, times=1
    )


def _of_children() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime
