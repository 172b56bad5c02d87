"""The lint of the specs: every rule refuses what it is there for, and the real specs pass."""

import importlib.util
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import yaml

pytestmark = pytest.mark.repository

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "scripts" / "lint_specs.py"
BROKEN = ROOT / "tests" / "broken_specs"
BASE = BROKEN / "base" / "venue.yaml"
SPECS = sorted((ROOT / "specs").glob("*.yaml"))


def _load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lint_specs", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_SCRIPT = _load_script()
lint: Callable[[Path, str], list[tuple[str, str, str]]] = _SCRIPT.lint
RULES: dict[str, str] = _SCRIPT.rules()


def _cases() -> list[tuple[str, str, dict[str, str]]]:
    """(rule, case, edits): each case is the base spec with a few texts replaced."""
    found: list[tuple[str, str, dict[str, str]]] = []
    for path in sorted(BROKEN.glob("*.yaml")):
        cases: dict[str, dict[str, str]] = yaml.safe_load(path.read_text("utf-8"))
        found += [(path.stem, case, edits) for case, edits in cases.items()]
    return found


def _edited(edits: dict[str, str]) -> tuple[Path, str]:
    """The base spec after the edits; its name is its first line, so that an edit can be of the name."""
    whole = f"{BASE.name}\n{BASE.read_text('utf-8')}"
    for old, new in edits.items():
        assert whole.count(old) == 1, f"{old!r} stands {whole.count(old)} times in the base spec"
        whole = whole.replace(old, new)
    name, _, text = whole.partition("\n")
    return Path(name), text


def test_the_base_of_the_broken_specs_is_clean() -> None:
    assert lint(BASE, BASE.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("rule", "edits"),
    [pytest.param(rule, edits, id=f"{rule}: {case}") for rule, case, edits in _cases()],
)
def test_a_broken_spec_trips_its_rule_and_no_other(rule: str, edits: dict[str, str]) -> None:
    path, text = _edited(edits)
    faults = lint(path, text)
    assert {fault[1] for fault in faults} == {rule}, faults


def test_every_rule_has_a_broken_spec_and_every_broken_spec_a_rule() -> None:
    assert sorted(path.stem for path in BROKEN.glob("*.yaml")) == sorted(RULES)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_specs_are_clean(path: Path) -> None:
    assert lint(path, path.read_text("utf-8")) == []


def test_the_readme_of_the_specs_says_every_rule_and_no_other() -> None:
    _, table = (ROOT / "specs" / "README.md").read_text("utf-8").split("## What the lint refuses")
    assert re.findall(r"^\| `(.+)` \| (.+) \|$", table, re.MULTILINE) == list(RULES.items())


def test_the_script_passes_the_specs() -> None:
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_script_names_path_rule_and_place_of_a_fault_and_fails(tmp_path: Path) -> None:
    path = tmp_path / "venue.yaml"
    path.write_text(_edited({"x-retry: never": "x-retry: once"})[1], "utf-8")
    done = subprocess.run([sys.executable, SCRIPT, path], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == f"{path}: operation-facts: #/paths/~1leverage/put: x-retry is safe or never\n"
