"""The venues: each is one module here, named by its key, beside its spec and its generated client.

An adapter module offers `open_adapter` (its parameters are the venue's credentials and settings), the `connect` and
`connect_async` made of it, and `DECLARATION`. `connect` below opens a venue by its key; no list is kept anywhere.
"""

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, get_args, get_type_hints

from accountview.client import Adapter, AsyncClient, Client, Settings
from accountview.errors import UsageError
from accountview.secret import Secret
from accountview_clients import VENUES


@dataclass(frozen=True, slots=True)
class Parameter:
    """One credential or setting of a venue."""

    name: str
    required: bool
    secret: bool
    kind: Any
    """Its type, as annotated."""


def connect(venue: str, **options: Any) -> Client:
    """A client of a venue: `connect("bfx", api_key=…, api_secret=…)`.

    Options are those of `accountview.venues.<venue>.connect`, which says their types. Raises UsageError for an
    unknown venue, an unknown or missing option, or a value that cannot be used. Nothing is sent yet.
    """
    return Client(open_adapter(venue, options))


def connect_async(venue: str, **options: Any) -> AsyncClient:
    """The same as `connect`, for use with `async with` and `await`."""
    return AsyncClient(open_adapter(venue, options))


def open_adapter(venue: str, options: Mapping[str, Any]) -> Adapter:
    """The adapter of a venue with these options. Raises UsageError."""
    module = _module(venue)
    known = parameters(venue)
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise UsageError(f"{venue}: unknown option {', '.join(unknown)}; there are {', '.join(known)}")
    absent = [name for name, parameter in known.items() if parameter.required and name not in options]
    if absent:
        raise UsageError(f"{venue}: missing option {', '.join(absent)}")
    opener: Callable[..., Adapter] = module.open_adapter
    return opener(**options)


def parameters(venue: str) -> dict[str, Parameter]:
    """The options of a venue by name, its own first, then those of every client. Raises UsageError."""
    opener = _module(venue).open_adapter
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


def _module(venue: str) -> ModuleType:
    if venue not in VENUES:
        raise UsageError(f"no venue {venue!r}; there are {', '.join(VENUES)}")
    return importlib.import_module(f"{__name__}.{venue}")
