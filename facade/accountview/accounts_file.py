"""The accounts file: which accounts there are, at which venue, and where their secrets are kept.

    [accounts.main]
    venue = "bfx"
    tags = ["desk-a"]
    api_key = "env:BFX_KEY"          # a variable of the environment
    api_secret = "file:bfx.secret"   # a file, relative to this one

Beside `venue` and `tags` an account takes exactly the options of its venue's `connect`. Secrets stand there by
reference only. Everything that is wrong with a file is one line that says where it is and what to do; no such line
holds a secret.
"""

import os
import stat
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin

import msgspec

from accountview import registry, venues
from accountview.errors import UsageError, closest
from accountview.secret import Secret

DEFAULT_PATH = Path("accounts.toml")
PATH_VARIABLE = "ACCOUNTVIEW_FILE"


@dataclass(frozen=True, slots=True)
class Entry:
    """One account of the file, its references resolved."""

    label: str
    venue: str
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What the venue's `connect` takes; a secret that is given as text is held as a `Secret`."""
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", venues.sealed(self.venue, self.options))


def find() -> Path:
    """The file that is meant when none is named: ./accounts.toml, else what $ACCOUNTVIEW_FILE names.

    Raises UsageError when there is neither.
    """
    if DEFAULT_PATH.exists():
        return DEFAULT_PATH
    named = os.environ.get(PATH_VARIABLE)
    if named:
        return Path(named)
    raise UsageError(
        f"no accounts file: there is no ./{DEFAULT_PATH} and ${PATH_VARIABLE} is not set; "
        "write one, or say which (--file)"
    )


def load(path: str | Path) -> tuple[Entry, ...]:
    """The accounts of a file, in its order; each is known to open.

    Raises UsageError, one line naming file, account, key and remedy.
    """
    path = Path(path)
    document = _document(path)
    unknown = [name for name in document if name != "accounts"]
    if unknown:
        raise UsageError(
            f"{path}: unknown top-level name {unknown[0]!r}; accounts stand under [accounts.<label>]"
        )
    accounts = _table(document.get("accounts"))
    if not accounts:
        raise UsageError(f"{path}: no accounts; add a table [accounts.<label>]")
    return tuple([_entry(path, label, table) for label, table in accounts.items()])


def _document(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        problem = f"cannot be read: {error.strerror}; check the path and its rights"
    except ValueError as error:
        problem = f"is not TOML: {error}; correct it there"
    # Raised out here, and so below: an error of ours must not lead to one that holds the text of a secret.
    raise UsageError(f"{path}: {problem}")


def _table(value: object) -> dict[str, Any] | None:
    """A copy of a table; None for anything else."""
    return dict(cast("dict[str, Any]", value)) if isinstance(value, dict) else None


def _entry(path: Path, label: str, table: object) -> Entry:
    where = f"{path}: account {label!r}"
    if not label or "/" in label or not label.isprintable():
        raise UsageError(f'{where}: a label must be visible text without "/"; rename it')
    given = _table(table)
    if given is None:
        raise UsageError(f"{where}: must be a table; write [accounts.<label>] and its keys below")
    venue = _venue(where, given.pop("venue", None))
    tags = _tags(where, given.pop("tags", []))
    parameters = _parameters(where, venue)
    for key in given:
        if key not in parameters:
            known = ["venue", "tags", *parameters]
            raise UsageError(
                f"{where}, {key!r}: unknown key; {closest(key, known)}{venue} takes {', '.join(known)}"
            )
    if "base_url" in given and "network" in given:
        raise UsageError(f"{where}, base_url: both base_url and network are given; keep one of them")
    for parameter in parameters.values():
        if parameter.required and parameter.name not in given:
            remedy = _BY_REFERENCE if parameter.secret else f"add it: {_described(parameter.kind)}"
            raise UsageError(f"{where}, {parameter.name}: is missing; {remedy}")
    options = {key: _option(f"{where}, {key}", path, parameters[key], value) for key, value in given.items()}
    try:
        venues.open_adapter(venue, options)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error
    return Entry(label, venue, options, tags)


def _venue(where: str, venue: object) -> str:
    if not isinstance(venue, str):
        problem = "is missing" if venue is None else "must be text"
        known = ", ".join(registry.names())
        raise UsageError(f'{where}, venue: {problem}; write venue = "…", one of {known}')
    if not registry.exists(venue):
        known = ", ".join(registry.names())
        close = closest(venue, registry.names())
        raise UsageError(f"{where}, venue: no venue {venue!r}; {close}there are {known}")
    return venue


def _parameters(where: str, venue: str) -> dict[str, venues.Parameter]:
    try:
        known = venues.parameters(venue)
    except UsageError as error:  # a plugin that cannot be used
        raise UsageError(f"{where}: {error}") from error
    return {name: parameter for name, parameter in known.items() if not parameter.is_function}


def _tags(where: str, tags: object) -> tuple[str, ...]:
    with suppress(msgspec.ValidationError):
        return tuple(msgspec.convert(tags, list[str]))
    raise UsageError(f'{where}, tags: must be a list of text; write tags = ["…"]')


def _option(where: str, path: Path, parameter: venues.Parameter, value: object) -> object:
    if parameter.secret:
        return Secret(_secret_text(where, path, value))
    with suppress(msgspec.ValidationError):
        converted: object = msgspec.convert(value, parameter.kind)
        return converted
    # Told without the value: a secret may have been put under the wrong key.
    raise UsageError(f"{where}: must be {_described(parameter.kind)}; correct it there")


# Secrets ---------------------------------------------------------------------------------------------------------

_BY_REFERENCE = 'write "env:NAME" or "file:PATH"'


def secret(where: str, reference: str) -> Secret:
    """The secret that a reference (`env:NAME`, or `file:PATH` from the current folder) leads to. Raises UsageError.

    `where` says in the error what was given; what was given itself is never told: it may be the secret.
    """
    if not reference.startswith(("env:", "file:")):
        raise UsageError(f"{where}: a secret must not stand in the command itself; {_BY_REFERENCE}")
    return Secret(_secret_text(where, Path("accounts.toml"), reference))


def _secret_text(where: str, path: Path, reference: object) -> str:
    kind, colon, name = reference.partition(":") if isinstance(reference, str) else ("", "", "")
    if not colon or kind not in ("env", "file"):
        raise UsageError(f"{where}: a secret must not stand in the file itself; {_BY_REFERENCE}")
    if not name:
        raise UsageError(f"{where}: the reference names nothing; {_BY_REFERENCE}")
    return _from_environment(where, name) if kind == "env" else _from_file(where, path.parent / name)


def _from_environment(where: str, name: str) -> str:
    text = os.environ.get(name)
    if not text:
        state = "is not set" if text is None else "is empty"
        raise UsageError(f"{where}: the environment variable {name!r} {state}; set it before the start")
    return text


def _from_file(where: str, path: Path) -> str:
    remedy = "put the secret there"
    try:
        with path.open(encoding="utf-8") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read().removesuffix("\n")
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except ValueError:
        problem = "is not UTF-8 text"
    else:
        if mode & 0o077 and os.name == "posix":  # elsewhere the mode does not say who can read it
            problem, remedy = f"is open to others than its owner (mode {mode:04o})", "chmod 600 that file"
        elif not text:
            problem = "is empty"
        else:
            return text
    raise UsageError(f"{where}: {str(path)!r} {problem}; {remedy}")


# Types in words --------------------------------------------------------------------------------------------------

_WORDS = {str: "text", int: "an integer", float: "a number", bool: "true or false"}


def _described(kind: Any) -> str:
    origin = get_origin(kind)
    arguments = get_args(kind)
    if origin is Literal:
        return f"one of {', '.join(str(argument) for argument in arguments)}"
    if origin in (Union, UnionType):
        return " or ".join([_described(argument) for argument in arguments if argument is not NoneType])
    if origin in (list, tuple):
        return "a list"
    return _WORDS.get(kind, "another kind of value")
