"""Whatever an answer lacks, no figure becomes a zero that the answer does not hold, and no account becomes flat."""

import copy
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from support import Case, StoredAnswer, read_stored, venues

from accountview.errors import VenueError
from accountview.plan import Reading
from accountview.view import Account, Balance, Position

WHOLE = "long-and-short"
GARBAGE: tuple[object, ...] = (None, "", "NaN", "1_0", [], {}, True, "a word")


def places(document: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of every key and of every row."""
    items: Any = document.items() if hasattr(document, "items") else enumerate(document)
    for key, value in items:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def holder(document: Any, path: tuple[str | int, ...]) -> Any:
    for step in path[:-1]:
        document = document[step]
    return document


def damaged(body: Any) -> Iterator[tuple[str, Any]]:
    """The answer with one thing missing, null, of another type, or misspelt."""
    for path in places(body):
        spoilt = copy.deepcopy(body)
        del holder(spoilt, path)[path[-1]]
        yield f"without {path}", spoilt
        if isinstance(path[-1], str):
            renamed = copy.deepcopy(body)
            parent = holder(renamed, path)
            parent[path[-1] + "_renamed"] = parent.pop(path[-1])
            yield f"renamed {path}", renamed
        for value in GARBAGE:
            changed = copy.deepcopy(body)
            holder(changed, path)[path[-1]] = value
            yield f"{value!r} at {path}", changed


def zeros(account: Account) -> set[str]:
    """Every figure that is shown as zero."""
    rows: list[tuple[str, Account | Position | Balance]] = [("", account)]
    rows += [(f"{position.venue_symbol} {position.side} ", position) for position in account.positions]
    rows += [(f"{balance.asset} {balance.wallet} ", balance) for balance in account.balances]
    return {
        f"{prefix}{name}"
        for prefix, row in rows
        for name in row.__struct_fields__
        if isinstance(getattr(row, name), Decimal) and not getattr(row, name)
    }


def unexplained(account: Account) -> set[str]:
    """Every figure that is None without a reason."""
    rows: list[Account | Position | Balance] = [account, *account.positions, *account.balances]
    texts = {
        "label",
        "underlying_venue",
        "venue_status",
        "instrument",
        "margin_mode",
        "wallet",
        "expiry",
        "strike",
    }
    return {
        name
        for row in rows
        for name in row.__struct_fields__
        if getattr(row, name) is None and name not in row.missing and name not in texts
    }


@pytest.mark.parametrize("venue", venues())
def test_what_is_missing_never_reads_as_zero_or_flat(venue: str) -> None:
    case = Case(venue, WHOLE)
    answers = case.exchange.answers
    before = read_stored(case, answers)
    known_zeros = {found for account in before.accounts for found in zeros(account)}
    tried = failed = 0
    for index, stored in enumerate(answers):
        for what, body in damaged(json.loads(stored.content)):
            changed = list(answers)
            changed[index] = StoredAnswer(request=stored.request, status=200, text=json.dumps(body))
            tried += 1
            try:
                reading = read_stored(case, changed)
            except VenueError:
                failed += 1
                continue
            for account in reading.accounts:
                assert zeros(account) <= known_zeros, f"{stored.request} {what}"
                assert not unexplained(account), f"{stored.request} {what}"
            lost = rows(before) - rows(reading)
            told = reading.failures or not all(account.complete for account in reading.accounts)
            assert lost <= 0 or told, f"{stored.request} {what}: a position vanished without a word"
    assert tried > 100
    assert 0 < failed < tried


def rows(reading: Reading) -> int:
    return sum(len(account.positions) for account in reading.accounts)
