"""Whether what was read under a fault is true: held against an honest reading of the same accounts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

import accountview as av
from accountview.plan import Reading
from accountview.view import Balance, Position

OUR_ERRORS = (
    av.CredentialsRefused,
    av.RateLimited,
    av.VenueUnavailable,
    av.RequestRefused,
    av.AnswerInvalid,
)


@dataclass(frozen=True, slots=True)
class Seen:
    """How one reading ended."""

    form: str
    part: bool
    """Whether only a part of the requests met the fault."""
    seconds: float
    ended: Reading | BaseException


def untruths(seen: Seen, honest: Reading, venue: str, *, may_show: bool, changes: bool) -> Iterator[str]:
    """What is wrong with how a reading ended; nothing is, when nothing is told."""
    if isinstance(seen.ended, BaseException):
        yield from _of_error(seen.ended, venue)
        return
    for failure in seen.ended.failures:
        yield from _of_error(failure, venue)
    known = {account.account_id: account for account in honest.accounts}
    shown = [account.account_id for account in seen.ended.accounts]
    named = {failure.account for failure in seen.ended.failures}
    yield from (f"{name} is lost" for name in known if name not in shown and name not in named)
    yield from (f"{name} is shown and failed" for name in shown if name in named)
    yield from (f"{name} is shown more than once" for name in set(shown) if shown.count(name) > 1)
    for account in seen.ended.accounts:
        if not may_show:
            yield f"{account.account_id} is shown"
        if account.account_id not in known:
            yield f"{account.account_id} is made up"
            continue
        yield from _of_account(account, known[account.account_id], changes=changes)
        if av.Account.from_json(account.to_json()) != account:
            yield f"{account.account_id} does not come through JSON"


def errors(ended: Reading | BaseException) -> list[BaseException]:
    """The errors that a reading ended with."""
    return [ended] if isinstance(ended, BaseException) else list(ended.failures)


def _of_error(error: BaseException, venue: str) -> Iterator[str]:
    if type(error) not in OUR_ERRORS or not isinstance(error, av.VenueError):
        yield f"a foreign error: {error!r}"
        return
    if error.venue != venue or not error.operation:
        yield f"an error that does not say where: {error!r}"
    for reached in chain(error):
        # Another's error holds the request with its credentials, or the answer with its figures.
        if type(reached).__module__.partition(".")[0] != "accountview":
            yield f"{error!r} leads to {reached!r}"


def chain(error: BaseException) -> Iterator[BaseException]:
    """Every exception that can be reached from one, itself first."""
    waiting: list[BaseException | None] = [error]
    found: set[int] = set()
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in found:
            continue
        found.add(id(each))
        yield each
        waiting += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            waiting += cast("BaseExceptionGroup[BaseException]", each).exceptions


Row = av.Account | Position | Balance


def _of_account(shown: av.Account, honest: av.Account, *, changes: bool) -> Iterator[str]:
    yield from _of_row(shown.account_id, shown, honest, changes=changes)
    yield from _of_rows(
        f"{shown.account_id} positions", shown.positions, honest.positions, shown.missing, changes=changes
    )
    yield from _of_rows(
        f"{shown.account_id} balances", shown.balances, honest.balances, shown.missing, changes=changes
    )
    if not changes and shown.status != honest.status:
        yield f"{shown.account_id} is {shown.status}, not {honest.status}"


def _of_rows(
    name: str,
    shown: Sequence[Row],
    honest: Sequence[Row],
    missing: Mapping[str, object],
    *,
    changes: bool,
) -> Iterator[str]:
    if len(shown) != len(honest):
        if name.rpartition(" ")[2] not in missing:
            yield f"{name}: {len(shown)} rows of {len(honest)}, and nothing says so"
        return
    for number, (one, other) in enumerate(zip(shown, honest, strict=True)):
        yield from _of_row(f"{name}/{number}", one, other, changes=changes)


def _of_row(name: str, shown: Row, honest: Row, *, changes: bool) -> Iterator[str]:
    for field in shown.__struct_fields__:
        value, true = getattr(shown, field), getattr(honest, field)
        if isinstance(true, Decimal) and value is None and field not in shown.missing:
            yield f"{name}: {field} is missing without a reason"
        if isinstance(value, Decimal) and value != true and (not changes or value == 0):
            yield f"{name}: {field} is {value}, not {true}"
