"""How much of a change in our code the tests would notice: `uv run scripts/mutate.py [MODULE …]`.

One thing of a module is changed at a time (a comparison, a constant, a call, an argument, a statement), and the
module's tests are run, those first that execute the line. A change that none of them notices survives: an assertion
is missing there, or the change means the same. Nothing is written to disk: each change lives in a process of its own,
which compiles the changed module in place of the file. Texts for people (any with a blank in it) are left alone.

Why a small tool of our own: mutmut 3.8 finds no test for code that is imported from under a source root that is not
called `src`; cosmic-ray 8.7 rewrites the files in place, runs every test of a module in a new Python for each change,
and takes no sample.

Of each module a sample is tried, the same one for the same `--seed`. Exit code: 0 every module reaches `--at-least`,
1 one does not, 2 it cannot be tried.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple, NoReturn, cast

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "facade" / "accountview"

VENUE_TESTS = ("test_no_silent_zero", "test_conformance", "test_golden")

TESTS: Mapping[str, tuple[str, ...]] = {
    "amounts": ("test_amounts",),
    "identities": ("test_amounts",),
    "mapping": ("test_mapping",),
    "wire": ("test_wire", "test_hostile_input"),
    "secret": ("test_secrets", "test_replay"),
    "recording": ("test_replay",),
    "guard": ("test_guard",),
    "network/retry": ("test_retry", "test_executor"),
    "network/limiter": ("test_limiter",),
    "network/breaker": ("test_breaker", "test_executor"),
    "executor": ("test_executor", "test_retry", "test_breaker", "test_clock", "test_never_twice"),
    "network/inflating": ("test_inflating",),
    "tokens": ("test_tokens",),
    "venues/_rabbit": ("test_mapping", "test_rabbit_signing", *VENUE_TESTS),
    "venues/arcus": ("test_arcus", "test_leverage", *VENUE_TESTS),
    "venues/_tread_rows": ("test_tread", *VENUE_TESTS),
    "venues/_tread_view": ("test_tread", *VENUE_TESTS),
    "venues/tread": ("test_tread", *VENUE_TESTS),
    "venues/zkx": ("test_zkx", *VENUE_TESTS),
}
"""Module → the test modules that are there for it. Those that do not exist yet are left out."""

BROKEN = 70
"""What a process of our own ends with when it fails outside of pytest."""

PRELOADED = (
    *("pytest", "_hypothesis_pytestplugin", "pytest_asyncio.plugin", "pytest_timeout", "anyio.pytest_plugin"),
    *("hypothesis.strategies", "attrs", "msgspec", "httpx", "jsonschema", "http.server"),
)

TIMEOUT = 60.0
"""Seconds after which a change that makes the tests hang counts as noticed."""


# What can be changed -------------------------------------------------------------------------------------------------


class Mutant(NamedTuple):
    """One change."""

    line: int
    last_line: int
    before: str
    after: str
    tree: ast.Module
    """The whole module, changed."""

    def __str__(self) -> str:
        return f"line {self.line}: {self.before}  →  {self.after}"


COMPARISONS: Mapping[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC: Mapping[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
NAMES: Mapping[str, str] = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "add": "subtract",
    "subtract": "add",
    "multiply": "add",
    "copy_abs": "copy_negate",
    "copy_negate": "copy_abs",
    "removeprefix": "removesuffix",
}
WORDS = ("Missing", "Status", "Mode", "MarginMode", "Side", "Kind")
"""Enums of the view: another word of the same enum is another meaning."""
OTHER_WORDS: Mapping[str, tuple[str, ...]] = {
    "Missing": ("NOT_RETURNED", "UNSUPPORTED"),
    "Status": ("ACTIVE", "UNKNOWN"),
    "Mode": ("CROSS", "UNKNOWN"),
    "MarginMode": ("CROSS", "ISOLATED"),
    "Side": ("LONG", "SHORT"),
    "Kind": ("PERPETUAL", "SPOT"),
}
UNCHANGED_CALLS = ("TypeVar", "ParamSpec", "cast")


def replacements(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in place of a node; `ast.Pass` for a statement that goes."""
    match node:
        case ast.Compare(ops=[operator]):
            for other in COMPARISONS[type(operator)]:
                yield _with(node, ops=[other()])
        case ast.BoolOp(op=operator):
            yield _with(node, op=ast.Or() if isinstance(operator, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node.operand
        case ast.BinOp() if type(node.op) in ARITHMETIC:
            yield _with(node, op=ARITHMETIC[type(node.op)]())
        case ast.AugAssign(op=ast.Add()):
            yield _with(node, op=ast.Sub())
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int()):
            yield ast.Constant(cast("int", node.value) + 1)
        case ast.Constant(value=str()) if node.value and " " not in cast("str", node.value):
            yield ast.Constant("XX" + cast("str", node.value))
        case ast.Name(id=name) if name in NAMES:
            yield _with(node, id=NAMES[name])
        case ast.Attribute(attr=name) if name in NAMES:
            yield _with(node, attr=NAMES[name])
        case ast.Attribute(value=ast.Name(id=name), attr=word) if name in WORDS and word.isupper():
            first, second = OTHER_WORDS[name]
            yield _with(node, attr=second if word == first else first)
        case ast.If() | ast.IfExp() | ast.While():
            yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
        case ast.comprehension(ifs=[_, *_]):
            yield _with(node, ifs=[])
        case ast.Return(value=value) if value is not None and not _is_none(value):
            yield _with(node, value=ast.Constant(None))
        case ast.keyword(arg=str(), value=value) if not isinstance(value, ast.Constant | ast.JoinedStr):
            yield _with(node, value=ast.Constant(None))
        case ast.Raise() | ast.Expr(value=ast.Call() | ast.YieldFrom()):
            yield ast.Pass()
        case ast.Continue():
            yield ast.Break()
        case _:
            return


def _with(node: ast.AST, **changes: object) -> ast.AST:
    changed = copy.copy(node)
    for name, value in changes.items():
        setattr(changed, name, value)
    return changed


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def mutants(source: str) -> Iterator[Mutant]:
    """Every change of a module, in the order of its lines."""
    tree = ast.parse(source)
    for parent, name, place, node in _places(tree):
        for other in replacements(node):
            ast.copy_location(other, node)
            _put(parent, name, place, other)
            line = getattr(node, "lineno", getattr(parent, "lineno", 1))
            last_line = getattr(node, "end_lineno", None) or line
            changed = ast.fix_missing_locations(copy.deepcopy(tree))
            yield Mutant(line, last_line, _text(node), _text(other), changed)
            _put(parent, name, place, node)


Place = tuple[ast.AST, str, int | None, ast.AST]


def _places(node: ast.AST) -> Iterator[Place]:
    """Every node that may be changed, with where it hangs. Types, decorators and docstrings may not."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "bases", "type_params"):
            continue
        if isinstance(value, list):
            places: list[tuple[int | None, object]] = list(enumerate(cast("list[object]", value)))
        else:
            places = [(None, value)]
        for place, each in places:
            if isinstance(each, ast.AST) and not _is_left_alone(each):
                yield node, name, place, each
                yield from _places(each)


def _is_left_alone(node: ast.AST) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.JoinedStr():
            return True
        case ast.Expr(value=ast.Constant()):
            return True  # a docstring, or the body of a protocol
        case ast.Call(func=ast.Name(id=name)) if name in UNCHANGED_CALLS:
            return True
        case ast.AnnAssign(annotation=ast.Name(id="TypeAlias")):
            return True
        case ast.Assign(targets=[ast.Name(id="__slots__" | "__all__")]):
            return True
        case _:
            return False


def _put(parent: ast.AST, name: str, place: int | None, node: ast.AST) -> None:
    if place is None:
        setattr(parent, name, node)
    else:
        getattr(parent, name)[place] = node


def _text(node: ast.AST) -> str:
    text = " ".join(ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).split())
    return text if len(text) <= 90 else f"{text[:89]}…"


# The tests, in processes of their own -------------------------------------------------------------------------------


class _ChangedLoader(SourceFileLoader):
    """Loads a module from a changed tree, or as it is."""

    tree: ast.Module | None = None

    def get_code(self, fullname: str) -> CodeType | None:
        if self.tree is None:
            return super().get_code(fullname)
        return compile(self.tree, self.path, "exec", dont_inherit=True)


def install(module: str, path: Path, tree: ast.Module | None) -> None:
    """From now on the import of a module takes this tree."""

    class Finder:
        @staticmethod
        def find_spec(name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
            if name != module:
                return None
            loader = _ChangedLoader(name, str(path))
            loader.tree = tree
            return spec_from_file_location(name, path, loader=loader)

    sys.meta_path.insert(0, Finder())


class Watch:
    """A pytest plugin: of each test the lines of one file that it executes, and how long it takes."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._lines: set[int] = set()
        self.seen: dict[str, tuple[float, list[int]]] = {}
        self.failed: set[str] = set()

    def pytest_runtest_protocol(self, item: Any, nextitem: Any) -> None:  # noqa: ARG002 - pytest names them
        self._lines = set()
        self._started = time.perf_counter()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.seen[nodeid] = (time.perf_counter() - self._started, sorted(self._lines))

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.failed.add(report.nodeid)

    def trace(self, frame: FrameType, _event: str, _argument: object) -> Any:
        return self._line if frame.f_code.co_filename == self._path else None

    def _line(self, frame: FrameType, _event: str, _argument: object) -> Any:
        self._lines.add(frame.f_lineno)
        return self._line


class Only:
    """A pytest plugin: only these tests, the quickest first, with few examples each."""

    def __init__(self, order: Sequence[str]) -> None:
        self._order = {nodeid: number for number, nodeid in enumerate(order)}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self._order), key=lambda item: self._order[item.nodeid]
        )


def run_pytest(tests: Sequence[str], plugin: object, *more: str) -> int:
    """Run tests in this process, with few examples each; the exit code of pytest."""
    import hypothesis
    import pytest

    class Quiet:
        """To notice a change a few examples do, and nobody reads the smallest one."""

        @staticmethod
        def pytest_sessionstart() -> None:
            hypothesis.settings.register_profile(
                "quick", deadline=None, derandomize=True, database=None, phases=[hypothesis.Phase.generate]
            )
            hypothesis.settings.load_profile("quick")

    options = ["-n0", "-q", "-p", "no:cacheprovider", "--timeout", str(int(TIMEOUT))]
    options += ["-p", "no:schemathesis"]  # its import takes longer than most tests
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # plugins are imported already
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    return int(pytest.main([*options, *more, *files], plugins=[plugin, Quiet()]))


def in_child(work: Callable[[], int], *, wait: float) -> int | None:
    """The exit code of `work` in a process of its own; None when it took too long and was ended."""
    child = os.fork()
    if child == 0:
        _work_and_leave(work)
    until = time.monotonic() + wait
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _work_and_leave(work: Callable[[], int]) -> NoReturn:
    code = BROKEN
    try:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        code = work()
    finally:
        os._exit(code)  # nothing of the parent may run a second time


class Seen(NamedTuple):
    """What a test does with a module."""

    seconds: float
    lines: frozenset[int]
    """What it executes. What is cached is executed for one test and serves all: so every test of a module is run for
    every change, but those that execute the line come first."""

    def executes(self, mutant: Mutant) -> bool:
        """Whether it executes what is changed."""
        return any(mutant.line <= line <= mutant.last_line for line in self.lines)


def survey(module: str, path: Path, tests: Sequence[str]) -> dict[str, Seen]:
    """The tests that execute a module. Raises RuntimeError when there is none.

    A test that fails as it is says nothing of a change: it is told and left out.
    """
    with tempfile.TemporaryDirectory() as scratch:
        told = Path(scratch, "seen.json")

        def work() -> int:
            install(module, path, None)
            watch = Watch(path)
            threading.settrace(watch.trace)
            sys.settrace(watch.trace)
            code = run_pytest(tests, watch)
            sys.settrace(None)
            told.write_text(json.dumps([watch.seen, sorted(watch.failed)]), encoding="utf-8")
            return 0 if code in (0, 1) else code

        code = in_child(work, wait=10 * TIMEOUT)
        if code != 0:
            raise RuntimeError(f"the tests of {module} cannot be run (exit {code}): {', '.join(tests)}")
        seen, failed = json.loads(told.read_text(encoding="utf-8"))
    if failed:
        print(
            f"   {module}: {len(failed)} tests fail as it is and are left out, {failed[0]} first", flush=True
        )
    found = {
        nodeid: Seen(took, frozenset(lines))
        for nodeid, (took, lines) in seen.items()
        if lines and nodeid not in failed
    }
    if not found:
        raise RuntimeError(f"no test that passes executes {module}: {', '.join(tests)}")
    return found


@dataclass
class Score:
    """What became of the sample of a module."""

    module: str
    there_are: int
    noticed: int
    survivors: list[Mutant]
    seconds: float

    @property
    def ratio(self) -> float:
        """The share that was noticed; 1 where there was nothing to change."""
        tried = self.noticed + len(self.survivors)
        return self.noticed / tried if tried else 1.0


def score(name: str, *, sample: int, seed: int) -> Score:
    """Try a sample of the changes of a module. Raises RuntimeError when it has no tests that pass."""
    started = time.monotonic()
    path = PACKAGE / f"{name}.py"
    module = "accountview." + name.replace("/", ".")
    tests = [str(found) for each in TESTS[name] if (found := ROOT / "tests" / f"{each}.py").exists()]
    seen = survey(module, path, tests)
    every = list(mutants(path.read_text(encoding="utf-8")))
    chosen = sorted(random.Random(seed).sample(every, min(sample, len(every))), key=lambda each: each.line)  # noqa: S311
    survivors: list[Mutant] = []
    wait = TIMEOUT + 3 * sum(each.seconds for each in seen.values())
    for mutant in chosen:
        order = sorted(seen, key=lambda nodeid: (not seen[nodeid].executes(mutant), seen[nodeid].seconds))

        def work(mutant: Mutant = mutant, order: Sequence[str] = tuple(order)) -> int:
            install(module, path, mutant.tree)
            return run_pytest([str(ROOT / nodeid) for nodeid in order], Only(order), "-x")

        if in_child(work, wait=wait) == 0:
            survivors.append(mutant)
            print(f"   {name}, {mutant}", flush=True)
    return Score(name, len(every), len(chosen) - len(survivors), survivors, time.monotonic() - started)


def main(arguments: Sequence[str] | None = None) -> int:
    """Score the modules that are named, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("module", nargs="*", default=list(TESTS), help=f"of {', '.join(TESTS)}; without: all")
    parser.add_argument("--sample", type=int, default=40, help="changes of each module (default 40)")
    parser.add_argument("--seed", type=int, default=1, help="which sample (default 1)")
    parser.add_argument("--at-least", type=int, default=90, help="per cent that must be noticed (default 90)")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.module if name not in TESTS]
    if unknown:
        parser.error(f"no module {', '.join(unknown)}; there are {', '.join(TESTS)}")
    if "accountview" in sys.modules:
        raise RuntimeError("accountview is imported already: a changed module would not be seen")
    os.chdir(ROOT)
    preload()
    scores: list[Score] = []
    for name in options.module:
        try:
            scores.append(score(name, sample=options.sample, seed=options.seed))
        except RuntimeError as error:
            print(f"mutate: {error}", file=sys.stderr)
            return 2
        each = scores[-1]
        tried = each.noticed + len(each.survivors)
        print(
            f"{each.ratio:5.0%}  {name}: {each.noticed} of {tried} noticed,"
            f" {each.there_are} possible, {each.seconds:.0f} s",
            flush=True,
        )
    return 0 if all(each.ratio * 100 >= options.at_least for each in scores) else 1


def preload() -> None:
    """Import what every test needs and nobody changes, so that a process of its own starts at once."""
    for name in PRELOADED:
        importlib.import_module(name)


if __name__ == "__main__":
    sys.exit(main())
