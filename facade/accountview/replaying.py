"""Reading a snapshot again from the answers that were saved with it: no network, no credentials, today's mapping."""

from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, cast, final

import msgspec

from accountview import bundle, spec, venues
from accountview.accounts_file import Entry
from accountview.errors import UsageError, VenueError
from accountview.guard import Memory, Remembered
from accountview.loops import awaited
from accountview.network.route import Route
from accountview.network.sending import Answer, Attempt, NoAnswer
from accountview.plan import Request
from accountview.reading import Opened, Read, read_row, snapshot
from accountview.recording import Exchange
from accountview.secret import NoCredential, Secret
from accountview.snapshot import Snapshot
from accountview.view import SCHEMA, Account, Explanation, builtin
from accountview.wire import Malformed

NOWHERE = "https://replay.invalid"
"""Stands where an adapter wants an address: a name that is reserved for never existing (RFC 2606)."""


def replay(path: str | Path) -> Snapshot:
    """The snapshot that today's mapping makes of the answers in a bundle; see `Snapshot.save`.

    Its times are those of the answers, so its age tells how old it is. Where today's mapping asks for something that
    the bundle does not hold, that request fails. Raises UsageError, which names the file, when it is no bundle, or
    of a venue or with options that there are not.
    """
    return _replayed(Path(path), bundle.read(Path(path)))


def _replayed(path: Path, kept: bundle.Bundle) -> Snapshot:
    rows = [(row, _opened(path, row)) for row in kept.rows]

    async def read() -> Snapshot:
        found: list[Read] = []
        for row, opened in rows:
            try:
                found.append(await read_row(opened, Stored(row)))
            except NoCredential as error:
                raise _needs_credential(path, row) from error
        return snapshot(kept.taken_at, found, kept.stale_before)

    return awaited(read)


def _opened(path: Path, row: bundle.Row) -> Opened:
    try:
        return _open(row)
    except NoCredential as error:
        raise _needs_credential(path, row) from error
    except UsageError as error:
        raise UsageError(f"{path}: account {row.label!r}: {error}") from error


def _needs_credential(path: Path, row: bundle.Row) -> UsageError:
    return UsageError(
        f"{path}: account {row.label!r}: the adapter of {row.venue} wants a credential for more than signing, "
        "so no answer of it can be replayed"
    )


def _open(row: bundle.Row) -> Opened:
    """An adapter without any credential: what an answer means does not depend on one."""
    parameters = venues.parameters(row.venue)
    options: dict[str, Any] = {}
    for name in (*row.options, *row.secrets):
        is_secret = name in row.secrets and name not in row.options
        if name not in parameters or parameters[name].secret != is_secret or name in bundle.NOT_KEPT:
            raise UsageError(f"{row.venue} has no option {name!r} that a bundle could hold so")
        try:
            secret = parameters[name].secret
            options[name] = (
                Secret.absent() if secret else msgspec.convert(row.options[name], parameters[name].kind)
            )
        except (msgspec.ValidationError, TypeError) as error:
            raise UsageError(f"{row.venue} takes no such value for {name}") from error
    # Nobody is asked, so no limit is kept; and what was tried again then is not tried again now.
    adapter = replace(
        venues.open_adapter(row.venue, options | {"base_url": NOWHERE}), route=Route(attempts=1)
    )
    memory = Memory.of(
        [
            Remembered(Account.from_dict(each.newest), Account.from_dict(each.valued))
            for each in row.remembered
        ]
    )
    return Opened(Entry(row.label, row.venue, options, row.tags), adapter, memory)


@final
class Stored:
    """Answers a client from what a bundle holds: each exchange once, in the order in which they were kept."""

    secrets = ()

    def __init__(self, row: bundle.Row) -> None:
        self._row = row
        self._left = list(row.exchanges)

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """See `RecordingSender`."""
        return self._row.exchanges

    async def send(self, attempt: Attempt) -> Answer:
        """See `AsyncSender`. Raises VenueError when the bundle holds no answer to this."""
        found = self._take(attempt.request)
        if found is None:
            problem = "the bundle holds no answer to this request"
            operation = attempt.request.operation.name
            raise VenueError(problem, venue=self._row.venue, account=self._row.label, operation=operation)
        if found.answer is not None:
            kept = found.answer
            return Answer(
                kept.status, kept.headers, kept.content, found.requested_at, found.ended_at, found.attempt
            )
        if found.lost is not None and found.lost.kind == "malformed":
            raise Malformed(found.lost.problem)
        raise NoAnswer("no answer" if found.lost is None else found.lost.problem)

    def _take(self, request: Request) -> Exchange | None:
        """What became of a request in the end: the last of its attempts."""
        found: Exchange | None = None
        for exchange in [each for each in self._left if each.asks(request)]:
            if found is not None and exchange.attempt <= found.attempt:
                break
            found = exchange
            self._left.remove(exchange)
        return found

    async def close(self) -> None:
        """See `AsyncSender`."""


# What differs ----------------------------------------------------------------------------------------------------


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One figure that is not what was published then."""

    row: str
    """`accounts/<label>`, `failures/<label>`, `totals/<currency>`, or nothing for what is said of the whole."""
    field: str
    """Path in the JSON form: `equity`, `positions/0/entry_price`, `missing/equity`."""
    how: Literal["changed", "new", "gone"]
    published: Any
    """As JSON has it; None too where it is new."""
    now: Any
    """The same; None too where it is gone."""
    explanation: Explanation | None
    """Of the figure now; None for what is explained by other figures."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle as it was published, held against what today's mapping makes of it."""

    snapshot: Snapshot
    published_by: str
    """Version of accountview then."""
    differences: tuple[Difference, ...]
    reasons: tuple[str, ...]
    """What has changed since that can be the cause; of the whole bundle, in words for people."""

    def to_dict(self) -> dict[str, Any]:
        """The document of `accountview replay --diff --json`."""
        return {
            "schema": SCHEMA,
            "taken_at": builtin(self.snapshot.taken_at),
            "published_by": self.published_by,
            "reasons": list(self.reasons),
            "differences": [builtin(difference) for difference in self.differences],
        }

    def to_json(self) -> bytes:
        """The document as UTF-8 text."""
        return msgspec.json.encode(self.to_dict())


def compare(path: str | Path) -> Comparison:
    """What differs between a bundle as it was published and as it is mapped today. Raises UsageError like `replay`."""
    path = Path(path)
    kept = bundle.read(path)
    now = _replayed(path, kept)
    try:
        before = dict(_leaves(msgspec.to_builtins(kept.published)))
        after = dict(_leaves(now.to_dict()))
    except RecursionError as error:
        raise UsageError(
            f"{path}: is no bundle of accountview: what was published is nested too deep"
        ) from error
    accounts = {account.label: account for account in now.accounts}
    differences = tuple(
        [
            _difference(accounts, row, field, before, after)
            for row, field in dict.fromkeys((*before, *after))
            if before.get((row, field), _NOTHING) != after.get((row, field), _NOTHING)
        ]
    )
    return Comparison(
        snapshot=now,
        published_by=kept.version,
        differences=differences,
        reasons=_reasons(kept) if differences else (),
    )


Place = tuple[str, str]
_NOTHING = object()


def _leaves(document: dict[str, Any]) -> Iterator[tuple[Place, Any]]:
    """Every value of a document, under a place that is the same in both although rows may have moved."""
    for name, value in document.items():
        if name in ("accounts", "failures", "totals"):
            key = "currency" if name == "totals" else "label"
            for label, row in _named([(str(row.get(key)), row) for row in value]):
                for field, leaf in _fields(row):
                    yield (f"{name}/{label}", field), leaf
        else:
            yield ("", name), value


def _fields(row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, dict | list):
            for field, leaf in _fields(_parts(name, value)):
                yield f"{name}/{field}", leaf
        else:
            yield name, value


def _parts(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    if name == "findings":
        return dict(_named([(_code(finding), finding) for finding in value]))
    return {str(number): part for number, part in enumerate(value)}


def _named(rows: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """The same under names that tell them apart: the second `a` is `a#2`."""
    seen: dict[str, int] = {}
    named: list[tuple[str, Any]] = []
    for name, row in rows:
        seen[name] = seen.get(name, 0) + 1
        named.append((name if seen[name] == 1 else f"{name}#{seen[name]}", row))
    return named


def _code(finding: object) -> str:
    return str(cast("dict[str, Any]", finding).get("code")) if isinstance(finding, dict) else ""


def _difference(
    accounts: dict[str | None, Account],
    row: str,
    field: str,
    before: dict[Place, Any],
    after: dict[Place, Any],
) -> Difference:
    place = (row, field)
    how: Literal["changed", "new", "gone"] = "changed"
    if place not in before or place not in after:
        how = "new" if place in after else "gone"
    kind, _, label = row.partition("/")
    account = accounts.get(label) if kind == "accounts" else None
    return Difference(
        row=row,
        field=field,
        how=how,
        published=before.get(place),
        now=after.get(place),
        explanation=None if account is None else _explanation(account, field),
    )


def _explanation(account: Account, field: str) -> Explanation | None:
    """Why a field is what it is now. Of `missing/equity` that is why `equity` is missing."""
    *rows, name = field.split("/")
    if rows[-1:] == ["missing"]:
        rows.pop()
    elif rows[:1] == ["leverage_by_market"]:
        rows, name = [], "leverage_by_market"
    try:
        return account.explain("/".join((*rows, name)))
    except UsageError:
        return None


def _reasons(kept: bundle.Bundle) -> tuple[str, ...]:
    reasons: list[str] = []
    today = version("accountview")
    if kept.version != today:
        reasons.append(f"the mapping is of accountview {today}; it was of {kept.version}")
    for venue, digest in dict.fromkeys((row.venue, row.spec) for row in kept.rows):
        if digest != spec.digest(venue):
            reasons.append(f"the spec of {venue} has changed: it is {spec.digest(venue)}; it was {digest}")
    struck = [
        row.label for row in kept.rows if any(each.answer and each.answer.struck for each in row.exchanges)
    ]
    if struck:
        reasons.append(f"a credential was struck out of the answers for {', '.join(struck)}")
    if not reasons:
        reasons.append(
            f"neither the version of accountview ({today}) nor a spec has changed: "
            "the mapping was changed without a new version, or the bundle was edited"
        )
    return tuple(reasons)
