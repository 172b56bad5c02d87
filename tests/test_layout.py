"""Every venue has its four parts, nothing else lies about, and a new venue needs no list to be edited."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import FIXTURES, ROOT, venues

from accountview_clients import VENUES

pytestmark = pytest.mark.repository

README = ROOT / "README.md"


def modules(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))


def test_specs_clients_adapters_and_fixtures_are_the_same_venues() -> None:
    specs = sorted(path.stem for path in (ROOT / "specs").glob("*.yaml"))
    clients = sorted(
        path.parent.name for path in (ROOT / "generated" / "accountview_clients").glob("*/spec.json")
    )
    adapters = modules(ROOT / "facade" / "accountview" / "venues")

    assert specs == clients == adapters == venues() == sorted(VENUES)
    dialects = modules(ROOT / "facade" / "accountview" / "sandbox" / "dialects")
    assert set(dialects) <= set(specs)
    assert modules(ROOT / "tests" / "habits") == dialects


def test_each_venue_has_cases() -> None:
    for venue in VENUES:
        assert [path for path in (FIXTURES / venue).iterdir() if path.is_dir()], f"{venue} has no fixtures"


def test_the_source_roots_hold_one_package_each() -> None:
    for root, package in (("facade", "accountview"), ("generated", "accountview_clients")):
        names = {path.name for path in (ROOT / root).iterdir() if path.name != "__pycache__"}
        assert names == {package}


def test_the_top_level_is_the_one_that_is_set() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout: the sdist holds the same files but no list of them")
    top = {name.partition("/")[0] for name in listed.stdout.splitlines()}

    assert {name for name in top if not name.startswith(".")} == {
        *("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE"),
        *("specs", "generated", "facade", "scripts", "tests"),
    }
    assert "uv.lock" not in top


def test_an_adapter_imports_no_other_adapter() -> None:
    folder = ROOT / "facade" / "accountview" / "venues"
    adapters = set(modules(folder))
    for path in folder.glob("*.py"):
        imported: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        others = {f"accountview.venues.{name}" for name in adapters - {path.stem}}
        assert not imported & others, f"{path.name} imports another adapter"
        clients = {name.split(".")[1] for name in imported if name.startswith("accountview_clients.")} & set(
            VENUES
        )
        own = {venue for venue in VENUES if path.stem == venue or path.stem.startswith(f"_{venue}_")}
        assert clients <= own, f"{path.name} imports the client of another venue"


def test_the_readme_holds_its_two_commands_and_ci_runs_the_second() -> None:
    commands = ["pip install uv && uv run accountview demo", "pip install uv && uv run pytest"]
    text = README.read_text()

    assert all(command in text for command in commands)
    assert commands[1] in (ROOT / ".ci" / "run").read_text()


def test_a_venue_is_added_by_the_five_steps_of_the_readme(tmp_path: Path) -> None:
    """The toy venue of tests/toy, in a copy of the project, by exactly what the README says."""
    for name in ("specs", "generated", "facade", "scripts", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    toy = ROOT / "tests" / "toy"
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "facade"), str(tmp_path / "generated")])
    }

    def step(*command: str) -> str:
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
        return done.stdout

    tests = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "tests/test_golden.py"]
    shutil.copy(toy / "toy.yaml", tmp_path / "specs" / "toy.yaml")
    step(sys.executable, "scripts/lint_specs.py")
    step(shutil.which("uv") or "uv", "run", "--quiet", "--script", "scripts/regenerate.py")
    shutil.copy(toy / "toy.py", tmp_path / "facade" / "accountview" / "venues" / "toy.py")
    shutil.copytree(toy / "flat", tmp_path / "tests" / "fixtures" / "toy" / "flat")
    for name in ("connect.json", "scenarios.json"):
        shutil.copy(toy / name, tmp_path / "tests" / "fixtures" / "toy" / name)
    step(*tests, "-k", "toy", "--update-golden")

    assert "passed" in step(
        *tests, "tests/test_provenance.py", "tests/test_layout.py", "-k", "toy or same_venues"
    )
    written = json.loads((tmp_path / "tests/fixtures/toy/flat/account.json").read_text())["accounts"][0]
    assert (written["venue"], written["equity"], written["missing"]["notional"]) == (
        "toy",
        "12.50",
        "UNSUPPORTED",
    )
    (tmp_path / "accounts.toml").write_text(
        '[accounts.bear]\nvenue = "toy"\ntoken = "env:TOY"\nbase_url = "http://127.0.0.1:9"\n'
    )
    shown = subprocess.run(
        [sys.executable, "-m", "accountview", "show", "--json"],
        cwd=tmp_path, env=environment | {"TOY": "x"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert shown.returncode == 5, shown.stderr
    changed = [
        path.relative_to(tmp_path).as_posix()
        for path, content in before.items()
        if path.read_bytes() != content
    ]
    assert sorted(changed) == [
        "generated/accountview_clients/__init__.py",
        "generated/accountview_clients/sources.lock",
    ]
