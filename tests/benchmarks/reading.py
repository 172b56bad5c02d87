"""From the bytes of a venue's answers to an account whose every field has been read; nothing is sent.

It runs in three ways: `bare` decodes and maps without any check, `mapped` only maps, and `whole` is what users get:
all checks on the bytes, the search for unknown amounts, and what earlier reads are held against.
"""

import json
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
from benchmarks import payloads

from accountview import wire
from accountview.adapter import Adapter
from accountview.client import run
from accountview.guard import Memory
from accountview.network.sending import Answer
from accountview.outcome import interpret
from accountview.plan import NOBODY, Call, Reading, Reply
from accountview.venues import open_adapter
from accountview.view import Account

CHECKS = ("_checks", "_shares", "_position_findings", "_unlisted")
"""What the functions of a venue are called that hold figures against each other and only ever make findings."""

_FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Case:
    """One account with so many positions."""

    venue: str
    positions: int

    @cached_property
    def bodies(self) -> dict[str, bytes]:
        """Request → the bytes of its answer."""
        return payloads.bodies(self.venue, self.positions)

    @cached_property
    def size(self) -> int:
        """Bytes of all answers."""
        return sum(map(len, self.bodies.values()))

    @cached_property
    def adapter(self) -> Adapter:
        """An adapter that is never asked to send anything."""
        return self._open("sample")

    @cached_property
    def adapter_without_radar(self) -> Adapter:
        """The same, and no answer is held against the spec."""
        return self._open("off")

    def _open(self, drift: str) -> Adapter:
        options = json.loads((_FIXTURES / self.venue / "connect.json").read_text())
        return open_adapter(self.venue, {**options, "base_url": "http://127.0.0.1:9", "drift": drift})

    @cached_property
    def models(self) -> dict[str, Any]:
        """Request → the model that its answer becomes."""
        seen: dict[str, Any] = {}

        def remember(call: Call[Any]) -> Reply[Any]:
            def decode(content: bytes, type_: Any, /) -> Any:
                seen[_request(call)] = type_
                return msgspec.json.decode(content, type=type_)

            return Reply(call.parse(200, self.bodies[_request(call)], decode=decode), _NOW, _NOW)

        self._run(remember)
        return seen

    @cached_property
    def typed(self) -> list[tuple[bytes, Any]]:
        """What one read decodes: the bytes of each answer, and the model that it becomes."""
        return [(self.bodies[request], model) for request, model in self.models.items()]

    @cached_property
    def parsed(self) -> dict[str, Any]:
        """Request → its answer as a model."""
        return {
            request: msgspec.json.decode(self.bodies[request], type=model)
            for request, model in self.models.items()
        }

    def floor(self) -> None:
        """Decode the bytes into the same typed models, with msgspec alone."""
        for content, model in self.typed:
            msgspec.json.decode(content, type=model)

    def untyped(self) -> None:
        """Parse the bytes with the standard library."""
        for content, _ in self.typed:
            json.loads(content)

    def checked(self) -> None:
        """Decode the bytes with all checks on them."""
        for content, model in self.typed:
            wire.decode(content, model)

    def bare(self) -> None:
        """Decode and map; nothing of the bytes is checked."""
        models, bodies = self.models, self.bodies

        def parse(call: Call[Any]) -> Reply[Any]:
            request = _request(call)
            return Reply(msgspec.json.decode(bodies[request], type=models[request]), _NOW, _NOW)

        self._read(parse)

    def mapped(self) -> None:
        """Map only."""
        self._read(lambda call: Reply(self.parsed[_request(call)], _NOW, _NOW))

    def whole(self) -> None:
        """Read as users do, short of the network."""
        self._read(self._interpret, Memory())

    def without_findings(self) -> None:
        """The same, and nothing is looked for that would only be told beside the figures."""
        with self._no_checks():
            self._read(self._interpret_without_radar)

    def account(self) -> Account:
        """The account itself."""
        return self._run(self._interpret).accounts[0]

    def _read(self, send: Callable[[Call[Any]], Reply[Any]], memory: Memory | None = None) -> None:
        for account in self._run(send).accounts:
            read_every_field(account if memory is None else memory.take(account))

    def _run(self, send: Callable[[Call[Any]], Reply[Any]]) -> Reading:
        return run(self.adapter.read(NOBODY), send)

    def _interpret(self, call: Call[Any]) -> Reply[Any]:
        return interpret(self.adapter, NOBODY, call, self._answer(call))

    def _interpret_without_radar(self, call: Call[Any]) -> Reply[Any]:
        return interpret(self.adapter_without_radar, NOBODY, call, self._answer(call))

    def _answer(self, call: Call[Any]) -> Answer:
        return Answer(200, {}, self.bodies[_request(call)], _NOW, _NOW)

    @cached_property
    def _functions(self) -> list[tuple[ModuleType, str, object]]:
        """The checks of the venue, wherever its adapter has them."""
        prefix = "_rabbit" if self.venue in ("bfx", "rabbitx") else self.venue
        modules = [
            sys.modules[f"accountview.venues.{name}"]
            for name in (prefix, f"_{self.venue}_view")
            if f"accountview.venues.{name}" in sys.modules
        ]
        return [
            (module, name, vars(module)[name])
            for module in modules
            for name in CHECKS
            if name in vars(module)
        ]

    @contextmanager
    def _no_checks(self) -> Generator[None]:
        for module, name, _ in self._functions:
            setattr(module, name, _nothing)
        try:
            yield
        finally:
            for module, name, function in self._functions:
                setattr(module, name, function)


def read_every_field(account: Account) -> None:
    """So that nothing can be put off until somebody looks."""
    msgspec.structs.astuple(account)
    for position in account.positions:
        msgspec.structs.astuple(position)
    for balance in account.balances:
        msgspec.structs.astuple(balance)


def _request(call: Call[Any]) -> str:
    return f"{call.request.operation.method} {call.request.path}"


def _nothing(*_arguments: object, **_options: object) -> list[object]:
    return []
