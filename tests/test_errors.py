"""Errors: nothing of the machinery hangs on to them, they travel between processes, and they stay small."""

import asyncio
import pickle
import ssl
import types
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

import httpcore
import httpx
import msgspec
import pytest
from canaries.paths import FAULTS, World, raised
from support import ReplayServer

import accountview as av
from accountview import errors

FOREIGN = (
    "httpx",
    "httpcore",
    "h11",
    "anyio",
    "ssl",
    "_ssl",
    "socket",
    "_socket",
    "asyncio",
    "attr",
    "msgspec",
)
"""What no error of ours may lead to: connections, requests, and the answers' own models."""

LARGEST = 4096

KINDS = [
    each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, errors.AccountviewError)
]


def reachable(thing: object) -> Iterator[object]:
    """Everything that an error leads to, but by the frames of its traceback."""
    seen: set[int] = set()
    waiting = [thing]
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, type | types.ModuleType):
            continue
        seen.add(id(each))
        yield each
        waiting += _parts(each)


def _parts(thing: Any) -> list[object]:
    if isinstance(thing, dict):
        return [*thing, *thing.values()]
    if isinstance(thing, list | tuple | set | frozenset):
        return list(cast("list[object]", thing))
    if isinstance(thing, str | bytes | int | float | None):
        return []
    parts: list[object] = list(getattr(thing, "__dict__", {}).values())
    if isinstance(thing, BaseException):
        parts += [thing.args, thing.__cause__, thing.__context__, getattr(thing, "__notes__", None)]
    slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    return parts + [getattr(thing, name, None) for name in slots]


def foreign(error: BaseException) -> list[str]:
    kinds = {type(each) for each in reachable(error)}
    return sorted(str(kind) for kind in kinds if kind.__module__.partition(".")[0] in FOREIGN)


def make(kind: type[errors.AccountviewError], **changes: Any) -> errors.AccountviewError:
    """An error with everything that its class can hold."""
    if not issubclass(kind, errors.VenueError):
        return kind(changes.get("problem", "a problem"))
    details: dict[type[errors.VenueError], dict[str, Any]] = {
        errors.RateLimited: {"retry_after": 7.5},
        errors.RequestRefused: {"code": "NO_SUCH_MARKET"},
        errors.AnswerInvalid: {"path": "$.result[0].id"},
        errors.ClockSkew: {"offset": -301.5},
    }
    fields: dict[str, Any] = {"venue": "bfx", "account": "desk", "operation": "getAccount", "status": 429}
    told: dict[str, Any] = {"problem": "a problem"} | fields | details.get(kind, {}) | changes
    return kind(**told)


@pytest.fixture(scope="module", params=["bfx", "tread", "zkx", "arcus"])
def world(
    request: pytest.FixtureRequest, replay: ReplayServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    world = World(request.param, replay, tmp_path_factory.mktemp("errors"), pytest.MonkeyPatch())
    yield world
    world.close()


@pytest.mark.parametrize("fault", FAULTS)
def test_an_error_of_a_reading_leads_nowhere_travels_and_is_small(fault: str, world: World) -> None:
    error = world.error(fault)
    pickled = pickle.dumps(error)
    copied = pickle.loads(pickled)  # noqa: S301 - our own bytes

    assert isinstance(error, av.VenueError)
    assert foreign(error) == []
    exceptions = [each for each in reachable(error) if isinstance(each, BaseException)]
    assert {type(each).__module__.partition(".")[0] for each in exceptions} == {"accountview"}
    assert len(pickled) < LARGEST
    assert (type(copied), str(copied), vars(copied)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize("fault", ["401 echo", "no JSON", "nobody", "302 echo"])
def test_an_awaited_error_leads_nowhere(fault: str, world: World) -> None:
    url = world.faulty(fault)

    async def read() -> None:
        async with av.connect_async(world.venue, **world.options(base_url=url)) as client:
            await client.read()

    with world.once(url):
        error = raised(lambda: asyncio.run(read()))

    assert isinstance(error, av.VenueError)
    assert foreign(error) == []
    assert len(pickle.dumps(error)) < LARGEST


def test_what_a_failed_row_holds_leads_nowhere(world: World) -> None:
    assert [foreign_kind for each in world.failed_snapshot.failures for foreign_kind in _kinds_of(each)] == []
    assert world.failed_snapshot.failures


def _kinds_of(failure: msgspec.Struct) -> list[str]:
    kinds = {type(each) for each in reachable(list(msgspec.structs.asdict(failure).values()))}
    return [str(kind) for kind in kinds if kind.__module__.partition(".")[0] in FOREIGN]


@pytest.mark.parametrize("kind", KINDS)
def test_every_class_travels(kind: type[errors.AccountviewError]) -> None:
    error = make(kind)
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert (type(copied), str(copied), vars(copied)) == (kind, str(error), vars(error))
    assert len(pickle.dumps(error)) < LARGEST


LONG = ["x" * 100_000, "\U0001f600" * 50_000, "\u202e" * 50_000, "\x00" * 50_000, "\U000e0001" * 50_000]


@pytest.mark.parametrize("text", LONG, ids=["letters", "emoji", "direction", "NUL", "tags"])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if issubclass(kind, errors.VenueError)])
def test_no_text_of_a_venue_makes_an_error_large(kind: type[errors.AccountviewError], text: str) -> None:
    error = make(kind, problem=f"the venue says {text[:200]!r}", account=text)
    if kind is errors.AnswerInvalid:
        error = make(kind, account=text, path=f"$.{text}")

    assert len(pickle.dumps(error)) < LARGEST
    assert "…" in str(error)
    assert "bfx" in str(error)
    assert "getAccount" in str(error)
    assert str(error).endswith("(HTTP 429)")


def test_what_is_short_is_told_whole() -> None:
    error = errors.AnswerInvalid("a problem", venue="bfx", account="desk" * 20, path="$.a" * 20)

    assert error.account == "desk" * 20
    assert error.path == "$.a" * 20
    assert "…" not in str(error)


class Holder:
    """Something of ours that holds something foreign where no dict shows it."""

    __slots__ = ("held",)

    def __init__(self) -> None:
        self.held = httpx.URL("http://127.0.0.1")


PLANTED: dict[str, Callable[[BaseException], object]] = {
    "request": lambda error: vars(error).update(request=httpx.Request("GET", "http://127.0.0.1")),
    "context": lambda error: setattr(error, "__context__", httpcore.ConnectError()),
    "deep": lambda error: vars(error).update(notes=[{"deep": ssl.SSLError()}]),
    "slot": lambda error: vars(error).update(inner=Holder()),
}


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
def test_something_foreign_would_be_found(planted: Callable[[BaseException], object]) -> None:
    error = make(errors.RateLimited)
    assert foreign(error) == []
    planted(error)
    assert foreign(error)


def test_usage_errors_lead_nowhere(tmp_path: Path) -> None:
    for options in ({"base_url": "ftp://x"}, {"timeout": 0}, {"nonsense": 1}, {"network": "moonnet"}):
        error = raised(partial(av.connect, "bfx", api_key="demo-key", api_secret="00ff", **options))
        assert isinstance(error, av.UsageError)
        assert foreign(error) == []
    error = raised(lambda: av.Portfolio.from_file(tmp_path / "absent.toml"))
    assert isinstance(error, av.UsageError)
    assert foreign(error) == []
