"""What a hostile figure costs: `uv run tests/benchmarks/hostile.py`. Seconds and bytes from its answer to its refusal.

Prints the dearest ones and exits with 1 when one takes a millisecond or a megabyte more than the same answer with a
sound figure does. Time and memory of a machine decide nothing in the tests: it is run by hand.
"""

import json
import sys
import time
import tracemalloc
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for what the tests share

from test_hostile_input import NUMBERS, TEXTS, answers_with, short

from accountview import wire
from accountview_clients.bfx.models import AccountEnvelope

ROUNDS = 7
MOST_SECONDS = 0.001
MOST_BYTES = 1_000_000


def refuse(content: bytes) -> None:
    """Decode an answer, whatever comes of it."""
    try:
        wire.decode(content, AccountEnvelope)
    except wire.Malformed:
        return


def cost(content: bytes) -> tuple[float, int]:
    """Seconds of this process (the median of some rounds) and bytes at the peak."""
    taken: list[float] = []
    for _ in range(ROUNDS):
        started = time.process_time()
        refuse(content)
        taken.append(time.process_time() - started)
    tracemalloc.start()
    refuse(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return median(taken), peak


def say(line: str) -> None:
    """One line of the table."""
    sys.stdout.write(f"{line}\n")


def main() -> int:
    """Measure all of them."""
    sound, held = cost(answers_with('"1"')[0].content)
    hostile = [(f"text {short(text)}", json.dumps(text)) for text in TEXTS]
    hostile += [(f"number {short(text)}", text) for text in NUMBERS]
    rows = [(cost(answers_with(text)[0].content), name) for name, text in hostile]
    rows.sort(reverse=True)
    say(f"a sound figure: {sound * 1e6:.0f} µs, {held / 1000:.0f} kB; {len(rows)} hostile ones, the dearest:")
    for (seconds, peak), name in rows[:8]:
        say(f"  {seconds * 1e6:8.0f} µs  {seconds / sound:6.1f} ×  {peak / 1000:8.0f} kB  {name}")
    most_seconds = max(seconds - sound for (seconds, _), _ in rows)
    most_bytes = max(peak - held for (_, peak), _ in rows)
    say(f"at most {most_seconds * 1000:.3f} ms and {most_bytes / 1e6:.2f} MB more than a sound one")
    return 0 if most_seconds < MOST_SECONDS and most_bytes < MOST_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
