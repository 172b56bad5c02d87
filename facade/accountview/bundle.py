"""The file that a snapshot is saved in: the venues' answers as they came, and what was made of them then.

It is gzip around one JSON document. A bundle may come from anywhere, so reading one trusts nothing: its size and its
form are checked, and nothing in it names a file or a host that would be opened.
"""

import gzip
import os
import tempfile
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from accountview.errors import UsageError
from accountview.recording import Exchange, Moment, strike, without_secrets
from accountview.secret import Secret

MAX_BYTES = 128 * 1024 * 1024
"""Of the JSON document, for writing and for reading."""

NOT_KEPT = ("base_url", "timeout", "trust_env", "on_drift")
"""Options without a meaning for answers that are here: how a venue is reached, and who is told of drift."""


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """What was believed of one account before this reading, as `Account.to_dict` has it; see `accountview.guard`."""

    newest: dict[str, Any]
    valued: dict[str, Any]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One account of the accounts file, and all that was asked for it."""

    label: Annotated[str, msgspec.Meta(min_length=1)]
    tags: tuple[str, ...]
    venue: str
    options: dict[str, Any]
    """What the venue's `connect` was given, without secrets and addresses."""
    secrets: tuple[str, ...]
    """Names of the options that were secrets; what they held is not here."""
    spec: str
    """`accountview.spec.digest` of the venue."""
    remembered: tuple[Remembered, ...]
    exchanges: tuple[Exchange, ...]


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """All of a bundle."""

    form: Literal["accountview-bundle/1"] = msgspec.field(name="schema", default="accountview-bundle/1")
    version: str
    """Of the accountview that read the answers and published what follows."""
    taken_at: Moment
    stale_before: Moment | None = None
    """As in `Snapshot`."""
    rows: tuple[Row, ...]
    published: "Published"


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What `Snapshot.to_dict` said then."""

    schema: str
    taken_at: str
    complete: bool
    stale: list[str] = []
    accounts: list[dict[str, Any]]
    failures: list[dict[str, Any]]
    totals: list[dict[str, Any]]


def write(path: Path, bundle: Bundle, secrets: Iterable[Secret]) -> None:
    """Write a bundle without the secrets: whole or not at all, readable by its owner only.

    Equal bundles are equal bytes. Raises UsageError when it cannot be written.
    """
    secrets = tuple(secrets)
    rows = [
        msgspec.structs.replace(row, exchanges=tuple([_struck(each, secrets) for each in row.exchanges]))
        for row in bundle.rows
    ]
    try:
        document = msgspec.json.encode(msgspec.structs.replace(bundle, rows=tuple(rows)))
    except TypeError as error:
        raise UsageError(
            f"{path}: an option of an account has no JSON form, so this cannot be saved"
        ) from error
    # Once more over all of it: a secret may stand in a path or a header, or have been published.
    content = strike(document.decode(), secrets).encode()
    if len(content) > MAX_BYTES:
        raise UsageError(
            f"{path}: the answers are larger than {MAX_BYTES} bytes; save a part of the accounts"
        )
    try:
        _replace(path, gzip.compress(content, mtime=0))
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


def _struck(exchange: Exchange, secrets: tuple[Secret, ...]) -> Exchange:
    # Bodies by themselves: they are JSON inside JSON, or base64.
    if exchange.answer is None:
        return exchange
    return msgspec.structs.replace(exchange, answer=without_secrets(exchange.answer, secrets))


def _replace(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def read(path: Path) -> Bundle:
    """The bundle in a file. Raises UsageError, which names the file, when there is none."""
    content = _content(path)
    try:
        bundle = msgspec.json.decode(content, type=Bundle)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        problem = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
    else:
        if len({row.label for row in bundle.rows}) == len(bundle.rows):
            return bundle
        problem = "two of its rows share a label"
    raise UsageError(f"{path}: is no bundle of accountview: {problem}")


def _content(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        raise UsageError(f"{path}: is no file")
    try:
        with path.open("rb") as file, gzip.GzipFile(fileobj=file) as unpacked:
            content = unpacked.read(MAX_BYTES + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UsageError(
            f"{path}: is no bundle of accountview, or a part of one: it cannot be unpacked"
        ) from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise UsageError(f"{path}: holds more than {MAX_BYTES} bytes, which no bundle does")
    return content
