"""Where a venue's adapter and its spec are: among ours, or in a distribution of somebody else's.

Another distribution brings a venue by an entry point: its name is the venue's key, its value a module.

    [project.entry-points."accountview.venues"]
    acme = "acme_venue"

The module offers what a module of `accountview.venues` does (`open_adapter`, `connect`, `connect_async` and
`DECLARATION`), and `SPEC`: where its spec.json is, beside its client, as `importlib.resources.files` gives it. `SPEC`
stands above whatever reads the spec while the module is imported. Errors that the module's calls raise while they
parse an answer are `wire.Malformed`.

Our own venues are found without a look at any entry point, and win over a plugin of the same name. A plugin is
imported when its venue is asked for, never before; what is wrong with it is a UsageError that names its distribution.
"""

import importlib
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING

from accountview.errors import AccountviewError, UsageError
from accountview_clients import VENUES

if TYPE_CHECKING:  # loaded where they are used: nobody who names a venue of ours needs to look for plugins
    from importlib.metadata import EntryPoint
    from importlib.resources.abc import Traversable

GROUP = "accountview.venues"
_OFFERED = ("open_adapter", "connect", "connect_async", "DECLARATION", "SPEC")


def names() -> tuple[str, ...]:
    """The keys of all venues: ours, then those of plugins. No plugin is imported."""
    return (*VENUES, *sorted(set(_plugins()) - set(VENUES)))


def exists(venue: str) -> bool:
    """Whether there is such a venue; whether it can be used is seen when it is."""
    return venue in VENUES or venue in _plugins()


def unknown(venue: str) -> UsageError:
    """The error for a venue that does not exist, with all that do."""
    return UsageError(f"no venue {venue!r}; there are {', '.join(names())}")


def module(venue: str) -> ModuleType:
    """The adapter's module. Raises UsageError when there is no such venue or its plugin cannot be used."""
    if venue in VENUES:
        return importlib.import_module(f"accountview.venues.{venue}")
    return _load(venue)


def spec_json(venue: str) -> bytes:
    """The venue's spec as its client ships it. Raises UsageError as `module` does."""
    if venue in VENUES:
        from importlib.resources import files

        return files("accountview_clients").joinpath(venue, "spec.json").read_bytes()
    source: Traversable = _load(venue).SPEC
    with blamed(venue, "its SPEC cannot be read"):
        return source.read_bytes()


def distribution(venue: str) -> str | None:
    """The distribution that brings a venue; None for ours. Raises UsageError when there is no such venue."""
    return None if venue in VENUES else _distribution(_only(venue))


def hidden(venue: str) -> str | None:
    """What to tell the author of a plugin that is never used because the venue of its name is ours; else None."""
    if venue not in VENUES or venue not in _plugins():
        return None
    brought = ", ".join(_distribution(entry) for entry in _plugins()[venue])
    return f"{venue}: the plugin of {brought} is never used: a venue of this name is built in; rename it"


@contextmanager
def blamed(venue: str, problem: str) -> Generator[None]:
    """What goes wrong inside is told as a UsageError that names the distribution; with ours, a bug stays a bug."""
    try:
        yield
    except AccountviewError:
        raise
    except Exception as error:
        if venue in VENUES:
            raise
        # Without the words of the error: they may repeat an option, which may be a secret.
        raise UsageError(f"{_plugin(venue)}: {problem} ({type(error).__name__})") from error


@cache
def _plugins() -> "dict[str, list[EntryPoint]]":
    from importlib.metadata import entry_points

    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=GROUP):
        found.setdefault(entry.name, []).append(entry)
    return found


def _only(venue: str) -> "EntryPoint":
    entries = _plugins().get(venue)
    if entries is None:
        raise unknown(venue)
    if len(entries) > 1:
        brought = " and ".join(sorted(_distribution(entry) for entry in entries))
        raise UsageError(f"{venue}: {brought} both bring a venue of this name; uninstall one of them")
    return entries[0]


def _load(venue: str) -> ModuleType:
    entry = _only(venue)
    try:
        loaded = entry.load()
    except Exception as error:
        told = " ".join(f"{type(error).__name__}: {error}".split())
        raise UsageError(f"{_plugin(venue)}: it cannot be imported ({told})") from error
    absent = [name for name in _OFFERED if not hasattr(loaded, name)]
    if not isinstance(loaded, ModuleType) or absent:
        raise UsageError(f"{_plugin(venue)}: {entry.value} is no adapter; it lacks {', '.join(absent)}")
    return loaded


def _plugin(venue: str) -> str:
    return f"{venue}: the plugin of {_distribution(_only(venue))} cannot be used"


def _distribution(entry: "EntryPoint") -> str:
    return "an unnamed distribution" if entry.dist is None else f"{entry.dist.name} {entry.dist.version}"
