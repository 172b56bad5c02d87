"""Measure, and hold what is measured against its baselines and targets. No test depends on any of it.

uv run --group benchmark tests/benchmarks/run.py                     everything
uv run --group benchmark tests/benchmarks/run.py parsing ccxt        only these kinds
uv run --group benchmark tests/benchmarks/run.py --json FILE         the same as JSON, too
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import network, parsing, starting, weighing
from benchmarks.measuring import Result

KINDS: Mapping[str, Callable[[int], Iterator[Result]]] = {
    "parsing": parsing.decode_and_map,
    "ccxt": parsing.against_ccxt,
    "growth": parsing.growth,
    "memory": weighing.memory,
    "imports": starting.imports,
    "regenerate": starting.regenerate,
    "single": network.single,
    "many": network.many,
    "hanging": network.hanging,
    "streamed": network.streamed,
}
"""Kind of measurement → what measures it, in so many rounds."""


def main() -> int:
    """Print the table; the exit code says nothing of what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}; all unless told")
    parser.add_argument("--rounds", type=int, default=200, help="how often each candidate runs (200)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as JSON")
    asked = parser.parse_args()
    unknown = sorted(set(asked.kinds) - set(KINDS))
    if unknown:
        parser.error(f"no kind {', '.join(unknown)}; there are {', '.join(KINDS)}")
    results: list[tuple[str, Result]] = []
    for kind in asked.kinds or KINDS:
        for result in KINDS[kind](asked.rounds):
            results.append((kind, result))
            print(_line(result), flush=True)  # noqa: T201 - the table
    if asked.json is not None:
        asked.json.write_text(json.dumps(_document(results), indent=2, ensure_ascii=False) + "\n")
    return 0


def _line(result: Result) -> str:
    target, mark = "", " "
    if result.target is not None:
        target = f"{'≤' if result.kind == 'at most' else '≥'} {result.target:g}"
        mark = "✓" if result.met else "✗"
    measured = f"{result.measured:.2f} {result.unit}"
    return f"{mark} {result.what:<52} {measured:>16} {target:>8}  against {result.baseline}; {result.detail}".rstrip(
        "; "
    )


def _document(results: list[tuple[str, Result]]) -> dict[str, object]:
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "results": [{"kind": kind, **asdict(result), "met": result.met} for kind, result in results],
    }


if __name__ == "__main__":
    sys.exit(main())
