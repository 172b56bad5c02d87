"""The venues: each is one module here, named by its key, beside its spec and its generated client.

An adapter module offers `open_adapter` (its parameters are the venue's credentials and settings), the `connect` and
`connect_async` made of it, where something can be changed `connect_writing` and `connect_writing_async`, and
`DECLARATION`. It checks the form of a credential with `Secret.passes` and reveals
it only while it signs: so an adapter can be opened without credentials (`Secret.absent`), to read stored answers.

`connect` below opens a venue by its key, one of these or a plugin's (`accountview.registry`); no list is kept anywhere.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints, overload

from accountview import registry
from accountview.errors import UsageError
from accountview.secret import Secret

if TYPE_CHECKING:  # loaded where they are used: whoever only names `connect` needs no client yet
    from accountview.adapter import Adapter
    from accountview.client import AsyncClient, Client
    from accountview.writing import AsyncWritingClient, WritingClient


@dataclass(frozen=True, slots=True)
class Parameter:
    """One credential or setting of a venue."""

    name: str
    required: bool
    secret: bool
    kind: Any
    """Its type, as annotated."""

    @property
    def is_function(self) -> bool:
        """Whether it is something to be called: code can give that, a file cannot."""
        return Callable in (get_origin(self.kind), *map(get_origin, get_args(self.kind)))


@overload
def connect(venue: str, *, writes: Literal[True], **options: Any) -> WritingClient: ...
@overload
def connect(venue: str, **options: Any) -> Client: ...
def connect(venue: str, *, writes: bool = False, **options: Any) -> Client:
    """A client of a venue: `connect("bfx", api_key=…, api_secret=…)`.

    Options are those of `accountview.venues.<venue>.connect`, which says their types. With `writes` it is a client
    that can change something, as `connect_writing` there makes it; without, it has no method for that. Raises
    UsageError for an unknown venue, an unknown or missing option, a value that cannot be used, or a venue where
    nothing can be changed. Nothing is sent yet.
    """
    options = sealed(venue, options)
    if writes:
        client: WritingClient = _opened(venue, "connect_writing", options)
        return client
    from accountview.client import Client

    return Client(open_adapter(venue, options))


@overload
def connect_async(venue: str, *, writes: Literal[True], **options: Any) -> AsyncWritingClient: ...
@overload
def connect_async(venue: str, **options: Any) -> AsyncClient: ...
def connect_async(venue: str, *, writes: bool = False, **options: Any) -> AsyncClient:
    """The same as `connect`, for use with `async with` and `await`."""
    options = sealed(venue, options)
    if writes:
        client: AsyncWritingClient = _opened(venue, "connect_writing_async", options)
        return client
    from accountview.client import AsyncClient

    return AsyncClient(open_adapter(venue, options))


def sealed(venue: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options, with a `Secret` for each text that is one, or that may be: an unknown option can be a slip.

    So that no variable of ours holds a plain one: a traceback may be shown with all variables on its way.
    """
    harmless: set[str] = set()
    with suppress(UsageError):  # told by whoever opens it
        harmless = {name for name, parameter in parameters(venue).items() if not parameter.secret}
    return {
        name: Secret(value) if isinstance(value, str) and name not in harmless else value
        for name, value in options.items()
    }


def open_adapter(venue: str, options: Mapping[str, Any]) -> Adapter:
    """The adapter of a venue with these options. Raises UsageError."""
    adapter: Adapter = _opened(venue, "open_adapter", options)
    return adapter


def _opened(venue: str, function: str, options: Mapping[str, Any]) -> Any:
    module = registry.module(venue)
    if not hasattr(module, function):
        raise UsageError(f"{venue}: nothing can be changed there; connect without writes=True")
    known = parameters(venue)
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise UsageError(f"{venue}: unknown option {', '.join(unknown)}; there are {', '.join(known)}")
    absent = [name for name, parameter in known.items() if parameter.required and name not in options]
    if absent:
        raise UsageError(f"{venue}: missing option {', '.join(absent)}")
    with registry.blamed(venue, "it cannot be opened"):
        return getattr(module, function)(**options)


def parameters(venue: str) -> dict[str, Parameter]:
    """The options of a venue by name, its own first, then those of every client. Raises UsageError."""
    from accountview.settings import Settings

    opener = registry.module(venue).open_adapter
    with registry.blamed(venue, "the types of its options cannot be read"):
        hints = get_type_hints(opener)
    own = {
        name: Parameter(
            name=name,
            required=parameter.default is inspect.Parameter.empty,
            secret=Secret in get_args(hints[name]),
            kind=hints[name],
        )
        for name, parameter in inspect.signature(opener).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    shared = {
        name: Parameter(name=name, required=False, secret=False, kind=kind)
        for name, kind in get_type_hints(Settings).items()
    }
    return own | shared
