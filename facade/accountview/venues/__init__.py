"""The venues: each is one module here, named by its key, beside its spec and its generated client.

An adapter module offers `open_adapter` (its parameters are the venue's credentials and settings), the `connect` and
`connect_async` made of it, and `DECLARATION`. It checks the form of a credential with `Secret.passes` and reveals
it only while it signs: so an adapter can be opened without credentials (`Secret.absent`), to read stored answers.

`connect` below opens a venue by its key, one of these or a plugin's (`accountview.registry`); no list is kept anywhere.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin, get_type_hints

from accountview import registry
from accountview.client import Adapter, AsyncClient, Client, Settings
from accountview.errors import UsageError
from accountview.secret import Secret


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
    module = registry.module(venue)
    known = parameters(venue)
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise UsageError(f"{venue}: unknown option {', '.join(unknown)}; there are {', '.join(known)}")
    absent = [name for name, parameter in known.items() if parameter.required and name not in options]
    if absent:
        raise UsageError(f"{venue}: missing option {', '.join(absent)}")
    opener: Callable[..., Adapter] = module.open_adapter
    with registry.blamed(venue, "it cannot be opened"):
        return opener(**options)


def parameters(venue: str) -> dict[str, Parameter]:
    """The options of a venue by name, its own first, then those of every client. Raises UsageError."""
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
