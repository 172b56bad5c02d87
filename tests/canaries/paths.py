"""The ways on which a credential could get out, one function each: it goes the way and returns what is seen there."""

import asyncio
import contextlib
import copy
import dataclasses
import faulthandler
import gzip
import inspect
import io
import json
import logging
import pickle
import pprint
import signal
import sys
import threading
import traceback
import tracemalloc
import warnings
from collections.abc import Callable
from functools import cached_property, partial
from math import sqrt
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeAlias, TypeVar

import msgspec
import pytest
import rich.pretty
import rich.traceback
from rich.console import Console
from support import Case, ReplayServer, StoredAnswer

import accountview as av
from accountview import registry, venues, wire
from accountview.accounts_file import Entry
from accountview.cli import main
from accountview.network import route
from accountview.venues import _rabbit, _zkx_stark
from canaries import CREDENTIALS

T = TypeVar("T")

LABEL = "canary-desk"
LOCKED = "http://127.0.0.1:9"
"""Nobody is there."""

FAULTS = (
    *(
        "200 echo",
        "400 echo",
        "401 echo",
        "403 echo",
        "404 echo",
        "429 echo",
        "500 echo",
        "599 echo",
        "302 echo",
    ),
    *("no JSON", "a key twice", "null", "nobody", "silence", "hung up"),
)
"""What a venue does; where it echoes, it repeats every credential, in the head and in the body."""


class World:
    """One venue, opened with the canaries, and a server that answers as it should or as a fault says."""

    def __init__(self, venue: str, replay: ReplayServer, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.venue = venue
        self.replay = replay
        self.folder = folder
        self.patch = patch
        self.case = Case(venue, "long-and-short")

    def close(self) -> None:
        """Nothing stays open."""
        self.patch.undo()
        self.client.close()

    # What there is to look at

    @cached_property
    def url(self) -> str:
        return self.replay.serve(f"canaries-{self.venue}", self.case.exchange.answers)

    def options(self, **changes: Any) -> dict[str, Any]:
        return {
            **self.case.options,
            **CREDENTIALS[self.venue],
            "base_url": self.url,
            "timeout": 5.0,
        } | changes

    @cached_property
    def client(self) -> av.Client:
        client: av.Client = av.connect(self.venue, **self.options())
        return client

    @cached_property
    def async_client(self) -> av.AsyncClient:
        client: av.AsyncClient = av.connect_async(self.venue, **self.options())
        return client

    @cached_property
    def adapter(self) -> Any:
        return venues.open_adapter(self.venue, self.options())

    @cached_property
    def entry(self) -> Entry:
        return Entry(LABEL, self.venue, self.options())

    @cached_property
    def portfolio(self) -> av.Portfolio:
        return av.Portfolio([self.entry])

    @cached_property
    def snapshot(self) -> av.Snapshot:
        return self.portfolio.fetch()

    @cached_property
    def account(self) -> av.Account:
        return self.snapshot.accounts[0]

    @cached_property
    def failed_snapshot(self) -> av.Snapshot:
        return av.Portfolio(
            [Entry(LABEL, self.venue, self.options(base_url=self.faulty("200 echo")))]
        ).fetch()

    @cached_property
    def bundle(self) -> Path:
        path = self.folder / "snapshot.bundle"
        self.snapshot.save(path)
        return path

    @cached_property
    def echoing_bundle(self) -> Path:
        path = self.folder / "echo.bundle"
        self.failed_snapshot.save(path)
        return path

    @cached_property
    def accounts_file(self) -> Path:
        return self.write_accounts("accounts.toml", self.options())

    def write_accounts(self, name: str, options: dict[str, Any]) -> Path:
        lines = [f"[accounts.{LABEL}]", f'venue = "{self.venue}"']
        for key, value in options.items():
            shown = json.dumps(value)
            if key in CREDENTIALS[self.venue]:
                secret = self.folder / f"{name}.{key}"
                secret.write_text(value)
                secret.chmod(0o600)
                shown = f'"file:{secret.name}"'
            lines.append(f"{key} = {shown}")
        path = self.folder / name
        path.write_text("\n".join(lines) + "\n")
        return path

    # What goes wrong

    def faulty(self, fault: str) -> str:
        """The address of a server with a fault."""
        if fault == "nobody":
            return LOCKED
        status, _, how = fault.partition(" ")
        said = " ".join(CREDENTIALS[self.venue].values())
        echo = json.dumps(
            {
                said: said,
                **dict.fromkeys(("error", "errors", "message", "detail", "code"), said),
                "success": False,
            }
        )
        texts = {
            "echo": echo,
            "JSON": said,
            "key twice": f"{{{json.dumps(said)}: 1, {json.dumps(said)}: 2}}",
        }
        headers = {
            "X-Request-Id": said,
            "Set-Cookie": f"session={said}",
            "Location": f"/{said}",
            "Retry-After": "0",
        }
        answers = [
            StoredAnswer(
                request=each.request,
                status=int(status) if status.isdecimal() else 200,
                headers=headers,
                text=texts.get(how, "null"),
            )
            for each in self.case.exchange.answers
        ]
        return self.replay.serve(f"canaries-{self.venue}-{fault.replace(' ', '-')}", answers)

    def error(self, fault: str) -> BaseException:
        """The error of a reading that meets a fault."""
        if fault not in self._errors:
            self._errors[fault] = self._fail(fault)
        return self._errors[fault]

    @cached_property
    def _errors(self) -> dict[str, BaseException]:
        return {}

    def _fail(self, fault: str) -> BaseException:
        timeout = 5.0
        with silent_server(hangs_up=fault == "hung up") as silent:
            url = silent if fault in ("silence", "hung up") else self.faulty(fault)
            if fault == "silence":
                timeout = 0.2
            with (
                self.once(url),
                av.connect(self.venue, **self.options(base_url=url, timeout=timeout)) as client,
            ):
                return raised(client.read)

    @contextlib.contextmanager
    def once(self, url: str) -> Any:
        """No retries to an address, and nothing that is remembered of it afterwards."""
        route._known.cache_clear()  # pyright: ignore[reportPrivateUsage]
        route.of(self.venue, url).attempts = 1
        yield
        route._known.cache_clear()  # pyright: ignore[reportPrivateUsage]


@contextlib.contextmanager
def silent_server(*, hangs_up: bool) -> Any:
    """A server that takes a request and says nothing."""
    import socket

    listener = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []
    over = threading.Event()

    def serve() -> None:
        while True:
            connection, _ = listener.accept()
            if over.is_set():
                connection.close()
                return
            if hangs_up:
                connection.recv(65536)
                connection.close()
            else:
                held.append(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        with socket.create_connection(listener.getsockname()):
            pass
        thread.join()
        for connection in held:
            connection.close()
        listener.close()


def raised(action: Callable[[], object]) -> BaseException:
    """What an action raises."""
    try:
        action()
    except BaseException as error:  # noqa: BLE001 - whatever it is
        return error
    raise AssertionError("nothing was raised")


Way: TypeAlias = Callable[[World], list[str | bytes]]


# Ways to show a thing --------------------------------------------------------------------------------------------


def _attempt(show: Callable[[], object]) -> str | bytes:
    """What is shown; when that is refused, how."""
    try:
        shown = show()
    except (TypeError, AttributeError, ValueError, NotImplementedError, pickle.PicklingError) as error:
        return "".join(traceback.format_exception(error)) + repr(vars(error))
    return shown if isinstance(shown, bytes) else str(shown)


def _state(thing: object) -> object:
    slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    return {**getattr(thing, "__dict__", {}), **{name: getattr(thing, name, None) for name in slots}}


def _as_dict(thing: Any) -> object:
    asdict: Any = dataclasses.asdict if dataclasses.is_dataclass(thing) else msgspec.structs.asdict
    return asdict(thing)


def _rich(thing: object) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(rich.pretty.Pretty(thing, expand_all=True))
    return _written(console)


def _written(console: Console) -> str:
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


RENDERINGS: dict[str, Callable[[Any], object]] = {
    "str": str,
    "repr": repr,
    "format": lambda thing: f"{thing}",
    "debug format": lambda thing: f"{thing=}",
    "vars and slots": _state,
    "asdict": _as_dict,
    "getmembers": inspect.getmembers,
    "state": lambda thing: thing.__getstate__(),
    "copy": lambda thing: _state(copy.copy(thing)),
    "deepcopy": lambda thing: repr(copy.deepcopy(thing)),
    "pickle": pickle.dumps,
    "json": json.dumps,
    "msgspec": msgspec.json.encode,
    "pprint": pprint.pformat,
    "rich": _rich,
}

SUBJECTS: dict[str, Callable[[World], object]] = {
    "client": lambda world: world.client,
    "async client": lambda world: world.async_client,
    "adapter": lambda world: world.adapter,
    "endpoint": lambda world: world.adapter.endpoint,
    "route": lambda world: world.adapter.route,
    "radar": lambda world: world.adapter.radar,
    "entry": lambda world: world.entry,
    "portfolio": lambda world: world.portfolio,
    "snapshot": lambda world: world.snapshot,
    "failed snapshot": lambda world: world.failed_snapshot,
    "account": lambda world: world.account,
    "transport": lambda world: vars(world.client).get("_transport"),
}

ERROR_RENDERINGS: dict[str, Callable[[BaseException], object]] = {
    "str": str,
    "repr": repr,
    "args and attributes": lambda error: (
        error.args,
        vars(error),
        error.__notes__ if hasattr(error, "__notes__") else "",
    ),
    "pickle": pickle.dumps,
    "traceback": lambda error: "".join(traceback.format_exception(error)),
    "traceback with locals": lambda error: "".join(
        traceback.TracebackException.from_exception(error, capture_locals=True).format()
    ),
    "rich with locals": lambda error: _rich_traceback(error),
    "excepthook": lambda error: _hooked(error),
    "logged": lambda error: _logged(error),
}


def _rich_traceback(error: BaseException) -> str:
    """What rich would show of it; laying it out would take most of the time of all these tests."""
    trace = rich.traceback.Traceback.extract(
        type(error),
        error,
        error.__traceback__,
        show_locals=True,
        locals_max_length=1000,
        locals_max_string=10_000,
        locals_hide_dunder=False,
        locals_hide_sunder=False,
    )
    shown = [f"{stack.exc_type} {stack.exc_value}" for stack in trace.stacks]
    for stack in trace.stacks:
        for frame in stack.frames:
            shown += [f"{name} = {node}" for name, node in (frame.locals or {}).items()]
    return "\n".join(shown)


def _hooked(error: BaseException) -> str:
    with contextlib.redirect_stderr(io.StringIO()) as shown:
        sys.__excepthook__(type(error), error, error.__traceback__)
    return str(shown.getvalue())


def _logged(error: BaseException) -> str:
    with capturing_logs() as shown:
        logging.getLogger("application").error("failed: %s", error, exc_info=error)
    return str(shown.getvalue())


@contextlib.contextmanager
def capturing_logs() -> Any:
    """Everything that any logger says at any level, with all that its records hold."""
    shown = io.StringIO()

    class Everything(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            shown.write(f"{self.format(record)}\n{vars(record)!r}\n")

    handler = Everything(logging.NOTSET)
    loggers = [logging.getLogger(name) for name in (None, "accountview", "httpx", "httpcore", "asyncio")]
    levels = [logger.level for logger in loggers]
    root = loggers[0]
    root.addHandler(handler)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    try:
        yield shown
    finally:
        root.removeHandler(handler)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


# What breaks inside us -------------------------------------------------------------------------------------------


def _boom(*_: object) -> object:
    raise RuntimeError("a bug")


def crash_while_reading(world: World) -> BaseException:
    """A bug of ours, deep inside a reading."""
    world.patch.setattr(wire.Decoding, "decode", _boom)
    return raised(world.client.read)


def crash_while_signing(world: World) -> BaseException:
    """A bug while a request is signed; a builtin raises it, for a frame of ours would hold what it is given."""
    world.patch.setattr(_rabbit, "hashlib", SimpleNamespace(sha256=sqrt))
    world.patch.setattr(_zkx_stark, "message_hash", sqrt)
    if world.venue in ("arcus", "tread"):  # these sign without any work that could fail
        world.patch.setattr(wire.Decoding, "decode", _boom)
    return raised(world.client.read)


def crash_at_the_key(world: World) -> BaseException:
    """The same, where the key itself is used."""
    world.patch.setattr(_rabbit, "hmac", SimpleNamespace(digest=sqrt))
    if world.venue in ("arcus", "tread", "zkx"):
        world.patch.setattr(wire.Decoding, "decode", _boom)
    return raised(world.client.read)


def crash_async(world: World) -> BaseException:
    """A bug of ours in an asynchronous reading."""
    world.patch.setattr(wire.Decoding, "decode", _boom)

    async def read() -> None:
        async with av.connect_async(world.venue, **world.options()) as client:
            await client.read()

    return raised(lambda: asyncio.run(read()))


def crash_of_a_portfolio(world: World) -> BaseException:
    """A bug of ours while a portfolio is read."""
    world.patch.setattr(wire.Decoding, "decode", _boom)
    return raised(world.portfolio.fetch)


def interrupted(world: World) -> BaseException:
    """Ctrl-C while an answer is waited for."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with silent_server(hangs_up=False) as url, world.once(url):
            client = av.connect(world.venue, **world.options(base_url=url))
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            error = raised(client.read)
            client.close()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return error


def cancelled(world: World) -> BaseException:
    """An asynchronous reading that is not waited for any longer."""

    async def read(url: str) -> None:
        async with (
            av.connect_async(world.venue, **world.options(base_url=url)) as client,
            asyncio.timeout(0.1),
        ):
            await client.read()

    with silent_server(hangs_up=False) as url, world.once(url):
        return raised(lambda: asyncio.run(read(url)))


def refused(**changes: Any) -> Callable[[World], BaseException]:
    """What is raised when a client is opened with options that cannot be used."""
    return lambda world: raised(lambda: av.connect(world.venue, **world.options(**changes)))


def refused_typed(**changes: Any) -> Callable[[World], BaseException]:
    """The same by the venue's own `connect`."""
    return lambda world: raised(lambda: registry.module(world.venue).connect(**world.options(**changes)))


def _wrong_secrets(world: World) -> dict[str, Any]:
    return {**world.options(), **{name: f"{secret} " for name, secret in CREDENTIALS[world.venue].items()}}


CRASHES: dict[str, Callable[[World], BaseException]] = {
    "a bug while reading": crash_while_reading,
    "a bug while signing": crash_while_signing,
    "a bug at the key": crash_at_the_key,
    "a bug while awaiting": crash_async,
    "a bug in a portfolio": crash_of_a_portfolio,
    "Ctrl-C": interrupted,
    "cancelled": cancelled,
    "an unknown option": refused(timeouts=1),
    "a mistyped secret's name": lambda world: raised(
        lambda: av.connect(world.venue, **world.options(api_scret="".join(CREDENTIALS[world.venue].values())))
    ),
    "a wrong base_url": refused(base_url="ftp://127.0.0.1"),
    "a wrong timeout": refused(timeout=0),
    "a wrong network": refused(network="moonnet", base_url=None),
    "secrets of a wrong form": lambda world: raised(
        lambda: av.connect(world.venue, **_wrong_secrets(world), timeouts=1)
    ),
    "an unknown venue": lambda world: raised(lambda: av.connect("binance", **world.options())),
    "an entry that cannot be opened": lambda world: raised(
        lambda: av.Portfolio([Entry(LABEL, world.venue, world.options(timeout=0))])
    ),
    "typed, a wrong base_url": refused_typed(base_url="ftp://127.0.0.1"),
    "typed, a wrong timeout": refused_typed(timeout=0),
}


# What is written and said ----------------------------------------------------------------------------------------


def _log_of(read: Callable[[World], object]) -> Callable[[World], str]:
    def way(world: World) -> str:
        with capturing_logs() as shown:
            read(world)
        assert "accountview" in shown.getvalue()
        return str(shown.getvalue())

    return way


def _async_read(world: World, *, debug: bool = False, url: str | None = None) -> None:
    async def read() -> None:
        loop = asyncio.get_running_loop()
        loop.slow_callback_duration = 0.0
        options = world.options() if url is None else world.options(base_url=url)
        async with av.connect_async(world.venue, **options) as client:
            with contextlib.suppress(av.VenueError):
                await client.read()

    asyncio.run(read(), debug=debug)


def _warned(world: World) -> str:
    shown: list[str] = []
    tracemalloc.start(10)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            av.connect(world.venue, **world.options()).read()  # never closed
            _async_never_closed(world)
            import gc

            gc.collect()
        shown = [f"{each.message!r} {each.source!r} {each!r}" for each in caught]
    finally:
        tracemalloc.stop()
    return "\n".join(shown)


def _async_never_closed(world: World) -> None:
    async def read() -> None:
        await av.connect_async(world.venue, **world.options()).read()

    asyncio.run(read())


def _command(*arguments: str, fault: str | None = None) -> Callable[[World], str]:
    """stdout and stderr of the command; `FILE` and `BUNDLE` stand for the world's."""

    def way(world: World) -> str:
        file = world.accounts_file
        if fault is not None:
            file = world.write_accounts(
                "faulty.toml", world.options(base_url=world.faulty(fault), timeout=1.0)
            )
        names = {"FILE": file, "BUNDLE": world.bundle, "ECHO": world.echoing_bundle, "VENUE": world.venue}
        return run_command(*[str(names.get(each, each)) for each in arguments])

    return way


def run_command(*arguments: str) -> str:
    """What the command writes; a crash ends as in a process of its own."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit:
            pass
        except Exception as error:  # noqa: BLE001 - as the interpreter would
            sys.__excepthook__(type(error), error, error.__traceback__)
    written = out.getvalue() + err.getvalue()
    assert written
    return written


def _crashing_command(world: World) -> str:
    world.patch.setattr(wire.Decoding, "decode", _boom)
    shown = _command("show", "--file", "FILE")(world)
    assert "a bug" in shown
    return shown


def _literal_secret(world: World) -> str:
    path = world.folder / "literal.toml"
    secrets = "\n".join(f"{name} = {json.dumps(text)}" for name, text in CREDENTIALS[world.venue].items())
    path.write_text(f'[accounts.{LABEL}]\nvenue = "{world.venue}"\n{secrets}\nbase_url = 3\n')
    return run_command("show", "--file", str(path))


def _broken_toml(world: World) -> str:
    path = world.folder / "broken.toml"
    path.write_text(f"[accounts.a]\nx = {' '.join(CREDENTIALS[world.venue].values())}\n")
    return run_command("show", "--file", str(path))


def _wide_file(world: World) -> str:
    path = world.write_accounts("wide.toml", world.options())
    for secret in world.folder.glob("wide.toml.*"):
        secret.chmod(0o644)
    return run_command("show", "--file", str(path))


def _thread_hook(world: World) -> str:
    world.patch.setattr(wire.Decoding, "decode", _boom)
    shown = io.StringIO()
    world.patch.setattr(threading, "excepthook", threading.__excepthook__)
    with contextlib.redirect_stderr(shown):
        thread = threading.Thread(target=world.client.read)
        thread.start()
        thread.join()
    assert "a bug" in shown.getvalue()
    return str(shown.getvalue())


def _loop_handler(world: World) -> str:
    world.patch.setattr(wire.Decoding, "decode", _boom)
    shown: list[str] = []

    async def read() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: shown.append(repr(context)))
        async with av.connect_async(world.venue, **world.options()) as client:
            task = asyncio.create_task(client.read())
            await asyncio.wait([task])
            del task
            import gc

            gc.collect()

    asyncio.run(read(), debug=True)
    assert any("a bug" in each for each in shown)
    return "\n".join(shown)


def _fault_handler(world: World) -> str:
    path = world.folder / "stacks"
    dumped = threading.Event()

    def look(*_: object) -> object:
        with path.open("w") as file:
            faulthandler.dump_traceback(file)
        dumped.set()
        raise RuntimeError("enough")

    world.patch.setattr(wire.Decoding, "decode", look)
    raised(world.client.read)
    assert dumped.is_set()
    return path.read_text()


def _files(world: World) -> bytes:
    """All files that a reading, its bundles and the command leave, the secret files apart."""
    bundles = [world.bundle, world.echoing_bundle]
    plain = [world.accounts_file]
    assert all(path.read_bytes() for path in [*bundles, *plain])
    return b"\n".join(
        [*(gzip.decompress(path.read_bytes()) for path in bundles), *(path.read_bytes() for path in plain)]
    )


def _drift_reports(world: World) -> str:
    told: list[object] = []
    url = world.faulty("200 echo")
    with (
        world.once(url),
        av.connect(
            world.venue, **world.options(base_url=url, drift="always", on_drift=told.append)
        ) as client,
    ):
        raised(client.read)
        assert told
        return repr(told) + repr(client.drift) + str(msgspec.json.encode(told))


OUTLETS: dict[str, Callable[[World], str | bytes]] = {
    "log of a reading": _log_of(lambda world: world.client.read()),
    "log of a portfolio": _log_of(lambda world: world.portfolio.fetch()),
    "log of an awaited reading in debug mode": _log_of(lambda world: _async_read(world, debug=True)),
    "log of a refused reading": _log_of(lambda world: world._fail("hung up")),  # pyright: ignore[reportPrivateUsage]
    "warnings": _warned,
    "files": _files,
    "drift reports": _drift_reports,
    "threading.excepthook": _thread_hook,
    "asyncio exception handler": _loop_handler,
    "faulthandler": _fault_handler,
    "documents": lambda world: (
        world.snapshot.to_json(explain=True) + world.failed_snapshot.to_json(explain=True)
    ),
    "show": _command("show", "--file", "FILE"),
    "show --json": _command("show", "--file", "FILE", "--json"),
    "show --json --explain": _command("show", "--file", "FILE", "--json", "--explain"),
    "show of an echo": _command("show", "--file", "FILE", fault="200 echo"),
    "show --json of an echo": _command("show", "--file", "FILE", "--json", fault="401 echo"),
    "explain": _command("explain", LABEL, "equity", "--file", "FILE"),
    "explain --json": _command("explain", LABEL, "equity", "--file", "FILE", "--json"),
    "explain of an echo": _command("explain", LABEL, "equity", "--file", "FILE", fault="403 echo"),
    "drift": _command("drift", "--file", "FILE"),
    "drift --json": _command("drift", "--file", "FILE", "--json"),
    "drift of an echo": _command("drift", "--file", "FILE", fault="200 echo"),
    "drift --json of an echo": _command("drift", "--file", "FILE", "--json", fault="200 echo"),
    "capabilities": _command("capabilities", "VENUE"),
    "replay": _command("replay", "BUNDLE"),
    "replay --json": _command("replay", "BUNDLE", "--json"),
    "replay --diff": _command("replay", "BUNDLE", "--diff"),
    "replay of an echo": _command("replay", "ECHO"),
    "command that crashes": _crashing_command,
    "command with a usage error": _command("show", "--file", "FILE", "--no-such-option"),
    "command with a literal secret": _literal_secret,
    "command with a broken file": _broken_toml,
    "command with a wide secret file": _wide_file,
}


def all_paths() -> dict[str, Way]:
    """Every way by its name."""
    paths: dict[str, Way] = {}
    for what, subject in SUBJECTS.items():
        for how, render in RENDERINGS.items():
            paths[f"{how} of {what}"] = _shown(subject, render)
    for fault in FAULTS:
        for how, show in ERROR_RENDERINGS.items():
            paths[f"{how} of the error of {fault}"] = _shown(_error_of(fault), show)
    for crash, make in CRASHES.items():
        paths[f"{crash}, shown in any way"] = _shown_in_any_way(make)
    for name, way in OUTLETS.items():
        paths[name] = _alone(way)
    return paths


def _error_of(fault: str) -> Callable[[World], BaseException]:
    return lambda world: world.error(fault)


def _shown(subject: Callable[[World], T], show: Callable[[T], object]) -> Way:
    def way(world: World) -> list[str | bytes]:
        thing = subject(world)
        return [_attempt(lambda: show(thing))]

    return way


def _shown_in_any_way(make: Callable[[World], BaseException]) -> Way:
    def way(world: World) -> list[str | bytes]:
        error = make(world)
        return [_attempt(partial(show, error)) for show in ERROR_RENDERINGS.values()]

    return way


def _alone(way: Callable[[World], str | bytes]) -> Way:
    return lambda world: [way(world)]
