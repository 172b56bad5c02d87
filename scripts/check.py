"""Everything that must hold besides the tests, in the order in which it fails fastest: `uv run scripts/check.py`.

Nothing here is skipped or only warned about; the first failing step ends it with exit 1.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"accountview", "accountview_clients"}
REPOSITORY_MODULE = "pytestmark = pytest.mark.repository"
"""What a test module holds when all of it needs the repository."""


def run(*command: str, cwd: Path = ROOT) -> None:
    """Run a command; a failure ends the check."""
    subprocess.run(command, cwd=cwd, check=True)


def tool(name: str, *arguments: str) -> Callable[[], None]:
    """A step that runs one of the project's own tools."""
    return lambda: run(str(Path(sys.executable).with_name(name)), *arguments)


def script(name: str, *arguments: str) -> Callable[[], None]:
    """A step that runs one of our scripts in the project's environment."""
    return lambda: run(sys.executable, f"scripts/{name}", *arguments)


def uv() -> str:
    """The uv that runs us, or the one on PATH."""
    found = shutil.which("uv")
    if found is None:
        raise SystemExit("check.py needs uv on PATH: pip install uv")
    return found


def check_distribution() -> None:
    """Wheel and sdist build, hold what they should, and the tests pass against the installed wheel."""
    with tempfile.TemporaryDirectory() as scratch:
        dist = Path(scratch, "dist")
        run(uv(), "build", "--quiet", "--out-dir", str(dist))
        (wheel,) = dist.glob("*.whl")
        (sdist,) = dist.glob("*.tar.gz")
        tool("check-wheel-contents", str(wheel))()
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
        top = {name.partition("/")[0] for name in names if ".dist-info" not in name.partition("/")[0]}
        if top != PACKAGES:
            raise SystemExit(f"the wheel holds {sorted(top)}, not {sorted(PACKAGES)}")
        for package in PACKAGES:
            if f"{package}/py.typed" not in names:
                raise SystemExit(f"the wheel lacks {package}/py.typed")
        with tarfile.open(sdist) as archive:
            parts = {name.split("/")[1] for name in archive.getnames() if "/" in name}
        absent = {"specs", "generated", "facade", "scripts", "tests", "README.md", "LICENSE"} - parts
        if absent:
            raise SystemExit(f"the sdist lacks {sorted(absent)}")
        _test_wheel(wheel, Path(scratch))


def _test_wheel(wheel: Path, scratch: Path) -> None:
    """The tests that need no repository, in an environment that has the wheel and no source of ours."""
    environment = scratch / "environment"
    python = environment / "bin" / "python"
    run(uv(), "venv", "--quiet", "--python", sys.executable, str(environment))
    install = [uv(), "pip", "install", "--quiet", "--python", str(python)]
    run(*install, f"accountview[cli,ed25519,sandbox,stark] @ {wheel.as_uri()}")
    run(*install, "--group", f"{ROOT / 'pyproject.toml'}:wheel")
    home = scratch / "home"
    # Some modules load the scripts when they are imported, so a marker alone would come too late for them.
    whole = [
        path.name for path in (ROOT / "tests").glob("test_*.py") if REPOSITORY_MODULE in path.read_text()
    ]
    ignored = shutil.ignore_patterns("__pycache__", *whole)
    shutil.copytree(ROOT / "tests", home / "tests", ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", home)
    run(str(python), "-m", "pytest", "-q", "-m", "not repository", cwd=home)


STEPS: tuple[tuple[str, Callable[[], None]], ...] = (
    ("style", tool("ruff", "check")),
    ("format", tool("ruff", "format", "--check")),
    ("specs", script("lint_specs.py")),
    ("generated code", lambda: run(uv(), "run", "--quiet", "scripts/regenerate.py", "--check")),
    ("JSON Schema", script("write_schema.py", "--check")),
    ("table of the README", script("write_readme.py", "--check")),
    ("dependencies between modules", tool("lint-imports", "--no-cache")),
    ("types, mypy", tool("mypy")),
    ("types, pyright", tool("pyright")),
    ("wheel and sdist", check_distribution),
)


def main() -> int:
    """Run all steps."""
    for name, step in STEPS:
        print(f"== {name}", flush=True)
        started = time.monotonic()
        try:
            step()
        except subprocess.CalledProcessError as error:
            print(f"== {name}: failed (exit {error.returncode})", file=sys.stderr)
            return 1
        print(f"== {name}: fine, {time.monotonic() - started:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
