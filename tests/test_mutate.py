"""The mutation score: what is changed, and a short run in which the tests must notice."""

import ast
import importlib.util
import re
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest
from support import ROOT

pytestmark = pytest.mark.repository

SCRIPT = ROOT / "scripts" / "mutate.py"


def _load_script() -> ModuleType:
    found = importlib.util.spec_from_file_location("mutate", SCRIPT)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules["mutate"] = module  # dataclasses look their module up
    found.loader.exec_module(module)
    return module


mutate: Any = _load_script()


def changes(source: str) -> set[str]:
    return {f"{each.before} → {each.after}" for each in mutate.mutants(source)}


@pytest.mark.parametrize(
    ("source", "change"),
    [
        ("a < b", "a < b → a <= b"),
        ("a < b", "a < b → a >= b"),
        ("a is None", "a is None → a is not None"),
        ("a and b", "a and b → a or b"),
        ("not a", "not a → a"),
        ("a + 1", "a + 1 → a - 1"),
        ("a + 1", "1 → 2"),
        ("a = True", "True → False"),
        ("a = 'word'", "'word' → 'XXword'"),
        ("f(x=y)", "x=y → x=None"),
        ("f(x)", "f(x) → pass"),
        ("min(a, b)", "min → max"),
        ("add(a, b)", "add → subtract"),
        ("Missing.SUSPECT", "Missing.SUSPECT → Missing.NOT_RETURNED"),
        ("raise E", "raise E → pass"),
        ("def f():\n return a", "return a → return None"),
        ("def f():\n yield from g()", "yield from g() → pass"),
        ("a if b else c", "a if b else c → a if not b else c"),
        ("[a for a in b if c]", "for a in b if c →  for a in b"),
        ("for a in b:\n continue", "continue → break"),
    ],
)
def test_what_is_changed(source: str, change: str) -> None:
    assert change.replace("→  for", "→ for") in {each.replace("→  for", "→ for") for each in changes(source)}


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring."""',
        "def f(a: 'X') -> 'Y': ...",
        "import a",
        "a = 'a text for people'",
        "a = f'{b < c}'",
        "T = TypeVar('T')",
        "@d(1)\nclass A(B): ...",
        "def f():\n return None",
    ],
)
def test_what_is_left_alone(source: str) -> None:
    assert not changes(source)


def test_each_change_is_one_change_and_the_module_is_whole() -> None:
    source = (ROOT / "facade" / "accountview" / "amounts.py").read_text(encoding="utf-8")
    plain = ast.unparse(ast.parse(source)).splitlines()

    for each in mutate.mutants(source):
        changed = ast.unparse(each.tree).splitlines()
        compile(each.tree, "amounts.py", "exec")
        assert changed != plain
        assert sum(line not in plain for line in changed) <= 3, str(each)


def test_every_module_that_is_scored_is_there_and_has_tests() -> None:
    for name, tests in mutate.TESTS.items():
        assert (mutate.PACKAGE / f"{name}.py").is_file()
        for each in tests:
            assert (ROOT / "tests" / f"{each}.py").is_file(), f"{name}: no tests/{each}.py"


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=100,
    )


def test_the_tests_notice_what_they_must() -> None:
    done = run("mapping", "--sample", "5", "--seed", "2", "--at-least", "101")

    assert re.search(r"mapping: [45] of 5 noticed", done.stdout), done.stdout + done.stderr
    assert done.returncode == 1  # no score reaches 101 per cent


def test_an_unknown_module_is_a_usage_error() -> None:
    done = run("amount")

    assert done.returncode == 2
    assert "no module amount; there are amounts, " in done.stderr
