"""What is not taken for a fact: a zero that something contradicts, and an answer older than one already seen.

Venues have been seen to say 0 for an account that holds money: an account mode changes, and one endpoint knows nothing
of it any more. `judge` tells such a zero from a true one. It never invents a figure, and it takes away nothing but
zeros and what was computed from them; a figure that it takes away is None with the reason `SUSPECT`, and a finding
holds the evidence. What contradicts within one read needs no memory; what fell to zero between two reads needs one.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from accountview.amounts import EXACT, ZERO, add, plain, subtract, total
from accountview.errors import UsageError
from accountview.view import (
    Account,
    Balance,
    Explanation,
    Finding,
    Missing,
    Position,
    Status,
    time_text,
)

SUSPECT = "SUSPECT"
"""Code of the finding that holds the evidence against a zero."""
STALE_ANSWER = "STALE_ANSWER"
"""Code of the finding on an account that is shown as it was seen before, because the new answer was older."""

Row = TypeVar("Row", Account, Position, Balance)


# Zeros -----------------------------------------------------------------------------------------------------------


def judge(previous: Account | None, current: Account) -> Account:
    """`current`, without the zeros that cannot be believed.

    `previous` is the same account as it was last believed; None when there is no memory of it.

    `equity` of exactly 0 is doubted when another figure of the same read contradicts it (settled cash, open positions,
    notional, a balance), or when it was not 0 before and nothing explains the fall. An empty or all-zero list of
    positions is doubted when the account's own figures speak of open positions, or when there were some and nothing
    says where their value went.

    What explains a fall is itself no zero, since a venue that says 0 for everything says 0 for that as well: deposits
    less withdrawals that fell, or pending withdrawals that rose, by at least half of what was there; an equity that is
    0 because settled cash and an unrealised loss cancel; a liquidation that was under way; settled value that remains
    when the positions are gone. An account without any activity says nothing that could be doubted.

    When equity is doubted, no zero among the account's figures and balances is taken for a fact; when only the
    positions are, no zero of exposure is. What the venue's declaration or the view itself defines over such a figure
    goes with it.
    """
    equity = _doubt_of_equity(previous, current)
    positions = _doubt_of_positions(previous, current, equity_is_doubted=equity is not None)
    doubts = tuple([finding for finding in (equity, positions) if finding is not None])
    if not doubts:
        return current
    zeros = _zeros(current)
    withheld = zeros if equity is not None else zeros & _EXPOSURE
    withheld |= _resting_on(current, withheld)
    reasons = dict.fromkeys(sorted(withheld), Missing.SUSPECT)
    changes: dict[str, Any] = dict.fromkeys(withheld)
    if equity is not None:
        changes["balances"] = tuple([_without_zeros(balance) for balance in current.balances])
    if positions is not None:
        reasons["positions"] = Missing.SUSPECT
        changes["positions"] = tuple([_without_zeros(position) for position in current.positions])
    # That nothing is left is no finding as long as it is not believed.
    kept = [each for each in current.findings if equity is None or each.code != "UNDERWATER"]
    changes["findings"] = (*kept, *doubts)
    changes["missing"] = {**current.missing, **reasons}
    return msgspec.structs.replace(current, **changes)


_EXPOSURE = frozenset(
    {
        "unrealized_pnl",
        "initial_margin",
        "position_margin",
        "maintenance_margin",
        "margin_ratio",
        "notional",
        "effective_leverage",
    }
)
"""The figures that are 0 because nothing is open."""

_DEFINED_OVER = {
    "margin_buffer": {"equity", "maintenance_margin"},
    "margin_ratio": {"equity", "maintenance_margin"},
    "effective_leverage": {"equity", "notional"},
}
"""Figures that the view defines over others, whoever computes them."""

_MOST = Decimal("0.5")
"""How much of the equity must be seen to leave: less does not explain that nothing is left, and the rest may have been
lost since the read before."""


def _dust(account: Account) -> Decimal:
    """Up to this, an amount is as good as nothing: a cent. A hundredth of another currency may be worth much."""
    return Decimal("0.01") if account.currency.startswith("USD") else ZERO


def _doubt_of_equity(previous: Account | None, current: Account) -> Finding | None:
    if current.equity is None or current.equity:
        return None
    against = _against_no_equity(current)
    before = None if previous is None or _fall_is_explained(previous, current) else previous
    if not against and before is None:
        return None
    return _finding("equity", "equity is said to be 0", against, before, current)


def _against_no_equity(account: Account) -> dict[str, str]:
    """Field → what it says against an equity of exactly 0."""
    dust = _dust(account)
    wallet, profit = account.wallet_balance, account.unrealized_pnl
    worth = add(wallet, profit)
    if wallet and worth is not None and worth.copy_abs() <= dust:
        return {}  # settled cash and an unrealised loss cancel: two figures that are no zeros confirm it
    against = {
        name: f"{name} is {plain(figure)}"
        for name, figure in (("wallet_balance", wallet), ("notional", account.notional))
        if figure is not None and figure.copy_abs() > dust
    }
    count = len(_open(account.positions))
    if count:
        against["positions"] = f"{count} {'position is' if count == 1 else 'positions are'} open"
    # Where something is borrowed, what is held and what is owed may cancel.
    if not any(balance.borrowed for balance in account.balances):
        held = [balance for balance in account.balances if _holds(balance, dust)]
        if held:
            against["balances"] = f"{plain(held[0].total or held[0].value or ZERO)} {held[0].asset} is held"
    return against


def _holds(balance: Balance, dust: Decimal) -> bool:
    # `total` counts coins, of which a hundredth may be worth much; only `value` knows dust.
    return balance.value.copy_abs() > dust if balance.value is not None else bool(balance.total)


def _open(positions: Iterable[Position]) -> list[Position]:
    # A size that is not known is no size of 0.
    return [each for each in positions if each.size is None or each.size]


def _fall_is_explained(previous: Account, current: Account) -> bool:
    """Whether an equity of exactly 0 is no surprise after what was seen before."""
    before = previous.equity
    if before is None or before.copy_abs() <= _dust(previous):
        return True
    if current.status is Status.NO_ACTIVITY:
        return True
    if _was_being_liquidated(previous):
        return True
    left = _left(previous, current)
    return left is not None and left >= EXACT.multiply(_MOST, before.copy_abs())


def _was_being_liquidated(account: Account) -> bool:
    # A liquidation may leave nothing. It counts only when it was told while the figures were still there.
    out_of_margin = account.margin_buffer is not None and account.margin_buffer <= 0
    return account.status is Status.LIQUIDATING or out_of_margin


def _left(previous: Account, current: Account) -> Decimal | None:
    """What was seen to leave, by a ledger that does not itself say 0; None when no ledger says anything.

    The larger of two figures and not their sum: a pending withdrawal may already be in the net deposits.
    """
    withdrawn = subtract(previous.net_deposits, current.net_deposits) if current.net_deposits else None
    pending = None
    if current.pending_withdrawals:
        pending = subtract(current.pending_withdrawals, previous.pending_withdrawals or ZERO)
    return max([each for each in (withdrawn, pending) if each is not None], default=None)


def _doubt_of_positions(
    previous: Account | None, current: Account, *, equity_is_doubted: bool
) -> Finding | None:
    if _open(current.positions) or ("positions" in current.missing and not current.positions):
        return (
            None  # not said to be flat; rows whose sizes are all 0 say so, even in a list that is not whole
        )
    if current.status is Status.NO_ACTIVITY:
        return None
    dust = _dust(current)
    signs = {
        name: f"{name} is {plain(figure)}"
        for name in ("notional", "position_margin", "unrealized_pnl")
        if (figure := getattr(current, name)) is not None and figure.copy_abs() > dust
    }
    before = None
    if previous is not None and _open(previous.positions):
        # The value of closed positions is settled: what the account is worth remains, or it was seen to leave.
        worth = current.wallet_balance if current.equity is None else current.equity
        settled = bool(worth) or (current.equity is not None and not equity_is_doubted)
        before = previous if signs or not settled else None
    else:
        # An aggregator's tokens may gain and lose without any position; alone, that contradicts nothing.
        signs.pop("unrealized_pnl", None)
    if not signs and before is None:
        return None
    return _finding("positions", "no position is said to be open", signs, before, current)


def _finding(
    field: str, said: str, against: dict[str, str], before: Account | None, current: Account
) -> Finding:
    parts = [", ".join(against.values())] if against else []
    difference = None
    if before is not None and field == "equity" and before.equity is not None:
        difference = EXACT.minus(before.equity)
        parts.append(f"it was {plain(before.equity)} at {time_text(before.requested_at)}")
    elif before is not None:
        count = len(_open(before.positions))
        parts.append(f"there {'was' if count == 1 else 'were'} {count} at {time_text(before.requested_at)}")
    unexplained = " and nothing explains the change" if before is not None else ""
    return Finding(
        code=SUSPECT,
        fields=(field, *against),
        difference=difference,
        tolerance=None if difference is None else _dust(current),
        message=f"{said}, but {'; '.join(parts)}{unexplained}: not taken for a fact",
    )


def _zeros(row: Account | Position | Balance) -> set[str]:
    """The figures of a row that are there and say 0."""
    return {
        name
        for name in row.__struct_fields__
        if isinstance(value := getattr(row, name), Decimal) and not value
    }


def _without_zeros(row: Row) -> Row:
    zeros = sorted(_zeros(row))
    if not zeros:
        return row
    missing = {**row.missing, **dict.fromkeys(zeros, Missing.SUSPECT)}
    changes: dict[str, Any] = dict.fromkeys(zeros)
    return msgspec.structs.replace(row, missing=missing, **changes)


def _resting_on(account: Account, withheld: set[str] | frozenset[str]) -> set[str]:
    """The other figures that have no ground when `withheld` have none.

    Those of `_DEFINED_OVER` are also named when they are None already: that they are "none" rests on the same zeros.
    """
    resting = {name for name, inputs in _DEFINED_OVER.items() if inputs & withheld}
    return resting | {
        name
        for name in account.__struct_fields__
        if isinstance(getattr(account, name), Decimal)
        and name not in withheld
        and _inputs(account.explain(name)) & withheld
    }


def _inputs(explanation: Explanation) -> set[str]:
    """The fields of the view that a figure is derived from, down to the last."""
    shown = [part for part in explanation.inputs if part.value is not None or part.how != "reported"]
    return {name for part in shown for name in (part.field, *_inputs(part))}


# Order -----------------------------------------------------------------------------------------------------------


_CLOCK_MAY_BE_AHEAD = timedelta(minutes=1)
"""A venue's time further ahead of our own orders nothing: one wrong clock would make all later answers look old."""


def older(seen: Account, current: Account) -> str | None:
    """Why `current` is older than `seen`, naming both; None when it is not, or when nothing tells.

    The venue's sequence decides, else its time. A lower sequence with a later time is a counter that was started anew,
    and is news. Equal is not older: a quiet account stands still.
    """
    times = _venue_times(seen, current)
    if seen.sequence is not None and current.sequence is not None:
        restarted = times is not None and times[1] > times[0]
        if current.sequence < seen.sequence and not restarted:
            return f"its sequence is {current.sequence}, and {seen.sequence} was seen before"
        return None
    if times is not None and times[1] < times[0]:
        return f"its time is {time_text(times[1])}, and {time_text(times[0])} was seen before"
    return None


def _venue_times(seen: Account, current: Account) -> tuple[datetime, datetime] | None:
    if seen.as_of is None or current.as_of is None:
        return None
    if any(each.as_of > each.received_at + _CLOCK_MAY_BE_AHEAD for each in (seen, current) if each.as_of):
        return None
    return seen.as_of, current.as_of


@dataclass(frozen=True, slots=True)
class Remembered:
    """One account, as it was last believed."""

    newest: Account
    """What an older answer is measured by."""
    valued: Account
    """What a zero is measured by: the newest whose equity was known, since an answer without one explains nothing."""


class Memory:
    """What was last believed of each account that one set of credentials sees. May be used by several threads.

    It lasts as long as the client or the portfolio that holds it; nothing is kept elsewhere. Of more than `limit`
    accounts it forgets the one that was not read for longest.
    """

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._seen: dict[tuple[str | None, ...], Remembered] = {}
        self._lock = threading.Lock()

    @classmethod
    def of(cls, remembered: "Iterable[Remembered]") -> "Memory":
        """A memory of just this: what `remembered` of another one gave."""
        memory = cls()
        memory._seen = {_key(seen.newest): seen for seen in remembered}
        return memory

    @property
    def remembered(self) -> "tuple[Remembered, ...]":
        """What it knows now, the account not read for longest first."""
        with self._lock:
            return tuple(self._seen.values())

    def take(self, account: Account) -> Account:
        """What is to be believed of an account that was just read.

        An answer older than one already believed is never taken for news: what is returned is the account as it was
        seen before, unchanged, with its own earlier `requested_at`, so that its age tells; and with a finding
        `STALE_ANSWER`, which names both. Any other answer is judged by what was seen before. One that is doubted is
        returned as `judge` has it and is not remembered, neither its figures nor its time: so the doubt remains for
        as long as the venue says the same and nothing explains it, and ends with the first answer that is believed.

        The operator who knows better opens a fresh client, which has no memory, or tells the portfolio to `accept` it.
        """
        key = _key(account)
        with self._lock:
            seen = self._seen.pop(key, None)
            believed, seen = _take(seen, account)
            if seen is not None:
                self._seen[key] = seen  # at the end: the first is the one not read for longest
            if len(self._seen) > self._limit:
                del self._seen[next(iter(self._seen))]
        return believed


def _key(account: Account) -> tuple[str | None, ...]:
    return (account.venue, account.underlying_venue, account.account_id, account.label)


def _take(seen: Remembered | None, account: Account) -> tuple[Account, Remembered | None]:
    why = None if seen is None else older(seen.newest, account)
    if seen is not None and why is not None:
        finding = Finding(
            code=STALE_ANSWER,
            fields=("sequence", "as_of"),
            message=f"the answer asked for at {time_text(account.requested_at)} is older than this one: {why}",
        )
        newest = seen.newest
        return msgspec.structs.replace(newest, findings=(*newest.findings, finding)), seen
    judged = judge(None if seen is None else seen.valued, account)
    if any(finding.code == SUSPECT for finding in judged.findings):
        return judged, seen
    keep_value = seen is not None and judged.equity is None and seen.valued.equity is not None
    return judged, Remembered(judged, seen.valued if seen is not None and keep_value else judged)


# Whether the answers belong together -------------------------------------------------------------------------------


_MOVED = Decimal("0.01")
"""How far, relative to the exposure, sums over one answer may be off another: marks move between two answers."""

_ONE_MOMENT = timedelta(seconds=30)
"""Answers that took longer than this are of different moments: that they agree may be chance."""


def consistency(account: Account) -> tuple[bool | None, str]:
    """Whether the answers that made an account belong together, and why; see `Account.consistent`.

    False when a finding holds figures of different answers against each other, or a list does not reach the account's
    own total. True when sums over the rows reach figures of the account that another answer reported. None when there
    is nothing to compare. Identities within one answer say nothing here.
    """
    for finding in account.findings:
        if finding.code in ("POSITIONS_CUT", "SEQUENCE_MISMATCH") or (
            (finding.code.endswith("_MISMATCH") or finding.code == SUSPECT)
            and len(_operations(account, finding.fields)) > 1
        ):
            return False, f"{finding.code}: {finding.message}"
    if "positions" in account.missing:
        return None, "the list of positions is not whole: its sums cannot be compared"
    span = account.received_at - account.requested_at
    if span > _ONE_MOMENT:
        return None, f"the answers took {span.total_seconds():.0f} s: they are not of one moment"
    compared: list[str] = []
    exposure = account.notional or total(each.notional for each in account.positions) or ZERO
    for name, of_row in (
        ("notional", "notional"),
        ("position_margin", "initial_margin"),
        ("unrealized_pnl", "unrealized_pnl"),
    ):
        reported = getattr(account, name)
        listed = total(getattr(each, of_row) for each in account.positions)
        if reported is None or listed is None or not _apart(account, name, of_row):
            continue
        if EXACT.subtract(reported, listed).copy_abs() > EXACT.multiply(_MOVED, exposure.copy_abs()):
            return False, f"{name} is {plain(reported)}, but the positions sum up to {plain(listed)}"
        compared.append(name)
    if compared:
        return (
            True,
            f"the positions sum up to the account's own {', '.join(compared)}, from another answer",
        )
    return None, "no figure is known from two answers: there is nothing to compare"


def _apart(account: Account, name: str, of_row: str) -> bool:
    """Whether a figure of the account and its parts in the rows come from answers that have nothing in common."""
    rows = [f"positions/0/{of_row}"] if account.positions else ["positions"]
    whole, parts = _operations(account, [name]), _operations(account, rows)
    return bool(whole) and bool(parts) and not whole & parts


def _operations(account: Account, fields: Iterable[str]) -> set[str]:
    """The operations whose answers hold these figures, or the figures that they are derived from."""
    found: set[str] = set()
    for name in fields:
        try:
            found |= _of(account.explain(name))
        except UsageError:
            continue  # a finding may name what no declaration explains
    return found


def _of(explanation: Explanation) -> set[str]:
    own = set[str]() if explanation.operation is None else {explanation.operation}
    return own.union(*[_of(part) for part in explanation.inputs])
