"""What it costs to load the library, to show the help, and to make the clients from the specs."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measuring import Result, of_processes

ROOT = Path(__file__).resolve().parents[2]
_CONNECT = "from accountview import connect; connect('bfx', api_key='not-a-key', api_secret='00')"


def imports(rounds: int) -> Iterator[Result]:
    """Whole processes against ones that import only what cannot be done without."""
    rounds = max(7, rounds // 10)
    for what, ours, baseline, theirs in (
        (
            "import Account, Portfolio, connect",
            ["-c", "from accountview import Account, Portfolio, connect"],
            "import attrs, msgspec",
            ["-c", "import attrs, msgspec"],
        ),
        (
            "connect('bfx', …)",
            ["-c", _CONNECT],
            "import httpx, attrs, msgspec",
            ["-c", "import httpx, attrs, msgspec"],
        ),
        (
            "accountview --help",
            ["-m", "accountview", "--help"],
            "import click, rich.console, rich.table",
            ["-c", "import click, rich.console, rich.table"],
        ),
    ):
        taken = of_processes({"ours": ours, "theirs": theirs}, rounds)
        yield Result(
            what,
            baseline,
            taken["ours"] / taken["theirs"],
            "×",
            1.3,
            detail=f"{taken['ours'] * 1e3:.0f} ms against {taken['theirs'] * 1e3:.0f} ms of the processor",
        )


def regenerate(_rounds: int) -> Iterator[Result]:
    """All clients from all specs, to a temporary place."""
    script = ROOT / "scripts" / "regenerate.py"
    started = time.perf_counter()
    subprocess.run(["uv", "run", str(script), "--check"], check=True, capture_output=True, cwd=ROOT)
    yield Result("regenerate all specs", "the clock", time.perf_counter() - started, "s", 10.0)
