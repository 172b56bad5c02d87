"""The one account view: what a figure is called, what it means, and how it is told that it is missing.

Amounts are `decimal.Decimal` in the account's `currency` unless the field says otherwise, or None. A None
always has a reason in `missing`: absent is never zero. Everything here is frozen. This module imports no
HTTP library and no venue: it can be used to read and write views wherever they are stored.
"""

import importlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import msgspec

from accountview.amounts import plain
from accountview.errors import UsageError

SCHEMA = "accountview/1"


class Missing(StrEnum):
    """Why a figure is None."""

    UNSUPPORTED = "UNSUPPORTED"
    """The venue has no such figure."""
    NOT_RETURNED = "NOT_RETURNED"
    """The venue has the figure, but this answer did not hold it (or held only a part of the list)."""
    UNKNOWN_SENTINEL = "UNKNOWN_SENTINEL"
    """The venue sent a placeholder that means "none" or "unknown", such as a liquidation price of 0."""
    NOT_DERIVABLE = "NOT_DERIVABLE"
    """It cannot be computed from what the venue reports."""
    NO_ACTIVITY = "NO_ACTIVITY"
    """The venue knows nothing of this account yet."""
    UNLISTED = "UNLISTED"
    """The venue used a word that its spec does not list."""
    SUSPECT = "SUSPECT"
    """The venue says 0, which contradicts what it or another answer said; the finding `SUSPECT` holds the evidence."""


class Reasons(dict[str, Missing]):
    """Field → why it is None. Rows with the same gaps share one of these, so nobody can change it."""

    __slots__ = ()

    def __reduce__(self) -> tuple[type[dict[str, Missing]], tuple[dict[str, Missing]]]:
        return dict, (dict(self),)

    if not TYPE_CHECKING:  # which knows it as a Mapping, and that has none of these

        def _refuse(self, *_: object, **__: object) -> None:
            raise TypeError("the reasons in a view cannot be changed")

        __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse


class Status(StrEnum):
    """State of an account; `Account.venue_status` holds the venue's own word."""

    ACTIVE = "active"
    LIQUIDATING = "liquidating"
    RESTRICTED = "restricted"
    NO_ACTIVITY = "no_activity"
    UNKNOWN = "unknown"


class Mode(StrEnum):
    """How an account shares its margin among its positions."""

    CROSS = "cross"
    ISOLATED = "isolated"
    UNIFIED = "unified"
    PORTFOLIO = "portfolio"
    UNKNOWN = "unknown"


class Side(StrEnum):
    """Direction of a position; sizes and notionals are unsigned."""

    LONG = "LONG"
    SHORT = "SHORT"


class MarginMode(StrEnum):
    """How one position is margined."""

    CROSS = "cross"
    ISOLATED = "isolated"


class Kind(StrEnum):
    """What an instrument is."""

    PERPETUAL = "perpetual"
    FUTURE = "future"
    OPTION = "option"
    SPOT = "spot"
    TOKEN = "token"  # noqa: S105 - a kind of instrument, not a credential


class _Value(msgspec.Struct, frozen=True, gc=False):
    """What all parts of a view have in common.

    The garbage collector need not look at them: they are frozen, so none can refer back to what holds it.
    """

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as Python objects: decimals and times as text, None for null."""
        return cast("dict[str, Any]", builtin(self))

    def to_json(self) -> bytes:
        """The JSON form as UTF-8 text: decimals plain, digits as received, times RFC 3339 in UTC."""
        return msgspec.json.encode(self.to_dict())


class Finding(_Value, frozen=True, kw_only=True, gc=False):
    """Something about the figures that a reader must know; it never changes a figure."""

    code: str
    """Stable name, such as `EQUITY_MISMATCH`."""
    fields: tuple[str, ...]
    """The figures that it is about."""
    difference: Decimal | None = None
    """How far the figures are apart, signed, in the unit of the fields; None where nothing is compared."""
    tolerance: Decimal | None = None
    """How far apart they may be, in the same unit; None where nothing is compared."""
    message: str
    """One sentence for people."""


class Explanation(_Value, frozen=True, kw_only=True, gc=False):
    """Why a field shows what it shows. `str()` of it is meant for people."""

    field: str
    value: str | None
    """As the JSON form shows it; None when it is missing, and for an input that is no field of the view."""
    how: str
    """`reported`, `derived` or `missing`."""
    reason: Missing | None = None
    """Why it is missing, or why a list is not whole; None when it is there."""
    operation: str | None = None
    pointer: str | None = None
    """JSON pointer into the answer of `operation`; a step `[name=value,…]` stands for the rows that hold these
    values, and `*` for a row whose number or key the view does not know."""
    meaning: str | None = None
    """What the venue's spec says of the reported value."""
    evidence: str | None = None
    """How sure the spec is of that, and where it is from."""
    formula: str | None = None
    inputs: tuple["Explanation", ...] = ()
    facts: tuple[str, ...] = ()
    note: str = ""

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """The explanation for people, line by line; the inputs of a formula are indented below it."""
        if self.how == "missing":
            lines = [f"{self.field} = —  missing: {self.reason}"]
        elif self.value is None:
            lines = [f"{self.field}  {self.how}"]
        elif self.reason is not None:
            lines = [f"{self.field} = {self.value}  {self.how}, not whole: {self.reason}"]
        else:
            lines = [f"{self.field} = {self.value}  {self.how}"]
        if self.note:
            lines.append(f"  {self.note}")
        if self.operation is not None:
            lines.append(f"  from {self.operation} at {self.pointer}")
        if self.meaning:
            lines.append(f"  the venue's figure: {self.meaning}")
        if self.evidence:
            lines.append(f"  evidence: {self.evidence}")
        if self.formula is not None:
            lines.append(f"  formula: {self.formula}")
        lines += [f"  fact: {fact}" for fact in self.facts]
        for part in self.inputs:
            lines += [f"  {line}" for line in part.lines()]
        return lines


class Instrument(_Value, frozen=True, kw_only=True, gc=False):
    """What is traded, in words that are the same for all venues."""

    base: str
    quote: str
    kind: Kind
    expiry: date | None = None
    """Last day of a future or option (UTC); None for anything that does not expire."""
    strike: Decimal | None = None
    """Strike of an option, in quote units; None for anything else."""


class Position(_Value, frozen=True, kw_only=True, gc=False):
    """One open position. Key: (venue_symbol, side, margin_mode, wallet); hedge mode holds both sides."""

    instrument: Instrument | None
    """None with a finding when the venue's symbol has no form that is known."""
    venue_symbol: str
    side: Side
    size: Decimal | None
    """Unsigned, in base units."""
    entry_price: Decimal | None = None
    """Size-weighted average, quote per base."""
    mark_price: Decimal | None = None
    """The venue's valuation price, quote per base."""
    liquidation_price: Decimal | None = None
    """Estimate at which liquidation starts, quote per base."""
    notional: Decimal | None = None
    """Exposure, unsigned, at the valuation price."""
    leverage: Decimal | None = None
    """The leverage that is set for it, a multiple."""
    margin_mode: MarginMode | None = None
    wallet: str | None = None
    """The venue's wallet that holds it, where a venue has several."""
    initial_margin: Decimal | None = None
    maintenance_margin: Decimal | None = None
    unrealized_pnl: Decimal | None = None
    """Signed: negative is a loss."""
    realized_pnl: Decimal | None = None
    """Signed: negative is a loss."""
    funding: Decimal | None = None
    """Funding booked on it so far, signed: negative was paid."""
    missing: Mapping[str, Missing] = {}
    """Field that is None → reason."""

    @property
    def key(self) -> tuple[str, Side, MarginMode | None, str | None]:
        """What tells two rows apart; two rows with one key are a duplicate."""
        return (self.venue_symbol, self.side, self.margin_mode, self.wallet)


class Balance(_Value, frozen=True, kw_only=True, gc=False):
    """What an account holds of one asset in one wallet."""

    asset: str
    total: Decimal | None = None
    """In units of the asset, without unrealised PnL."""
    available: Decimal | None = None
    """In units of the asset: free to use."""
    borrowed: Decimal | None = None
    """In units of the asset, unsigned."""
    value: Decimal | None = None
    """Worth of `total` in the account's currency."""
    wallet: str | None = None
    """spot, perp, unified, … as the venue names it."""
    missing: Mapping[str, Missing] = {}
    """Field that is None → reason."""


class Account(_Value, frozen=True, kw_only=True, gc=False):
    """One account at one venue, at one moment. Amounts are in `currency`; None has a reason in `missing`."""

    label: str | None = None
    """Our name for it: the label in the accounts file."""
    tags: tuple[str, ...] = ()
    venue: str
    underlying_venue: str | None = None
    """For an aggregator: the exchange that really holds the account."""
    account_id: str
    """The venue's own id."""
    currency: str
    """What the amounts are counted in: USD, USDB, USDC, USDT, USDG are all different."""
    status: Status
    venue_status: str | None = None
    mode: Mode
    equity: Decimal | None = None
    """What the account is worth: settled cash plus unrealised PnL, at the venue's valuation price."""
    wallet_balance: Decimal | None = None
    """Settled cash, without unrealised PnL."""
    unrealized_pnl: Decimal | None = None
    """Sum over open positions, signed."""
    available: Decimal | None = None
    """Margin free for new positions; may be negative."""
    withdrawable: Decimal | None = None
    """What could leave now; may be negative."""
    initial_margin: Decimal | None = None
    """Locked in all: by positions and by open orders."""
    position_margin: Decimal | None = None
    """Locked by positions."""
    order_margin: Decimal | None = None
    """Locked by open orders."""
    maintenance_margin: Decimal | None = None
    """Requirement below which liquidation starts."""
    margin_buffer: Decimal | None = None
    """equity − maintenance_margin; at or below 0 is liquidation. The figure to alert on."""
    margin_ratio: Decimal | None = None
    """maintenance_margin / equity: 0 is safe, 1 is liquidation."""
    notional: Decimal | None = None
    """Gross exposure, unsigned, at the valuation price."""
    effective_leverage: Decimal | None = None
    """notional / equity, a multiple; None when flat or when equity is not positive."""
    net_deposits: Decimal | None = None
    """Deposits minus withdrawals, signed."""
    pending_deposits: Decimal | None = None
    pending_withdrawals: Decimal | None = None
    health: Decimal | None = None
    """The venue's own figure, as reported; its meaning is the venue's."""
    leverage_by_market: Mapping[str, Decimal] = {}
    """Venue symbol → the leverage that is set there, a multiple."""
    as_of: datetime | None = None
    """The venue's own time of the figures, UTC."""
    requested_at: datetime
    """When the first request for this account started, UTC; age counts from here."""
    received_at: datetime
    """When the last answer for this account had arrived, UTC."""
    attempts: int = 1
    """How often the request behind it that was sent most often was sent: 1 when each was answered at once."""
    sequence: int | None = None
    """The venue's counter of account events."""
    missing: Mapping[str, Missing] = {}
    """Field that is None, or list that is not whole → reason."""
    findings: tuple[Finding, ...] = ()
    positions: tuple[Position, ...] = ()
    balances: tuple[Balance, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether the lists are whole: an empty `positions` means "flat" only then."""
        return "positions" not in self.missing and "balances" not in self.missing

    @property
    def consistent(self) -> bool | None:
        """Whether the several answers that made this account belong together; `consistency` says why.

        True: figures that two answers tell agree. False: they contradict each other, or a list does not reach the
        account's own total. None: there is nothing to compare.
        """
        return self._consistency()[0]

    @property
    def consistency(self) -> str:
        """What `consistent` rests on, in one sentence for people."""
        return self._consistency()[1]

    def _consistency(self) -> tuple[bool | None, str]:
        # By name: see explain. Computed anew each time it is asked for, so that a read pays nothing for it.
        guard = importlib.import_module("accountview.guard")
        verdict: tuple[bool | None, str] = guard.consistency(self)
        return verdict

    def age(self, now: datetime | None = None) -> timedelta:
        """Time since the request for these figures started: they cannot be younger than that."""
        return (now or datetime.now(UTC)) - self.requested_at

    def explain(self, field: str) -> "Explanation":
        """Where a figure comes from, how it was derived, or why it is missing.

        `field` is a name of this class, or `positions/<n or symbol>/<field>`, `balances/<n or asset>/<field>`.
        Raises UsageError for a field that does not exist.
        """
        # By name: the view stands below the venues, whose declarations are read here, and must not import them.
        provenance = importlib.import_module("accountview.provenance")
        explanation: Explanation = provenance.explain(self, field)
        return explanation

    @classmethod
    def from_json(cls, content: bytes | str) -> "Account":
        """The account that `to_json` wrote. Raises UsageError when it is none."""
        try:
            document = msgspec.json.decode(content, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise UsageError(f"not an accountview account: {error}") from error
        return cls.from_dict(document)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Account":
        """The account that `to_dict` made. Raises UsageError when it is none."""
        try:
            return msgspec.convert(_with_sequence(content), cls)
        except msgspec.ValidationError as error:
            raise UsageError(f"not an accountview account: {error}") from error


# What the amounts count --------------------------------------------------------------------------------------------


class Measure(NamedTuple):
    """What an amount of the view counts, and whether it may be negative by its meaning."""

    unit: str
    """`currency`: the account's; `base`: what is traded; `price`: quote per base; `asset`: the balance's own;
    `ratio`; `multiple`: a leverage; `own`: the venue's own scale."""
    signed: bool


MEASURES: Mapping[type[Account | Position | Balance], Mapping[str, Measure]] = {
    Account: {
        "equity": Measure("currency", signed=True),
        "wallet_balance": Measure("currency", signed=True),
        "unrealized_pnl": Measure("currency", signed=True),
        "available": Measure("currency", signed=True),
        "withdrawable": Measure("currency", signed=True),
        "initial_margin": Measure("currency", signed=False),
        "position_margin": Measure("currency", signed=False),
        "order_margin": Measure("currency", signed=False),
        "maintenance_margin": Measure("currency", signed=False),
        "margin_buffer": Measure("currency", signed=True),
        "margin_ratio": Measure("ratio", signed=False),
        "notional": Measure("currency", signed=False),
        "effective_leverage": Measure("multiple", signed=False),
        "net_deposits": Measure("currency", signed=True),
        "pending_deposits": Measure("currency", signed=False),
        "pending_withdrawals": Measure("currency", signed=False),
        "health": Measure("own", signed=True),
        "leverage_by_market": Measure("multiple", signed=False),
    },
    Position: {
        "size": Measure("base", signed=False),
        "entry_price": Measure("price", signed=False),
        "mark_price": Measure("price", signed=False),
        "liquidation_price": Measure("price", signed=False),
        "notional": Measure("currency", signed=False),
        "leverage": Measure("multiple", signed=False),
        "initial_margin": Measure("currency", signed=False),
        "maintenance_margin": Measure("currency", signed=False),
        "unrealized_pnl": Measure("currency", signed=True),
        "realized_pnl": Measure("currency", signed=True),
        "funding": Measure("currency", signed=True),
    },
    Balance: {
        "total": Measure("asset", signed=True),
        "available": Measure("asset", signed=True),
        "borrowed": Measure("asset", signed=False),
        "value": Measure("currency", signed=True),
    },
}
"""Every amount of the view: the one place that says its unit and its sign."""


# The JSON form -----------------------------------------------------------------------------------------------------


def _with_sequence(document: Mapping[str, Any]) -> dict[str, Any]:
    """`sequence` is text in JSON because it may pass 2**53, where other readers lose digits."""
    sequence = document.get("sequence")
    if isinstance(sequence, str) and sequence.removeprefix("-").isdecimal():
        return {**document, "sequence": int(sequence)}
    return dict(document)


def time_text(moment: datetime) -> str:
    """RFC 3339, UTC, always six digits: `2022-12-07T07:03:00.648597Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def builtin(value: object) -> object:
    """A part of a view as Python objects that any JSON writer takes: decimals and times as text."""
    match value:
        case Decimal():
            return plain(value)
        case StrEnum():
            return value.value
        case datetime():
            return time_text(value)
        case date():
            return value.isoformat()
        case msgspec.Struct():
            result = {name: builtin(getattr(value, name)) for name in value.__struct_fields__}
            if isinstance(value, Account):
                result["sequence"] = None if value.sequence is None else str(value.sequence)
            return result
        case Mapping():
            return {key: builtin(entry) for key, entry in cast("Mapping[str, object]", value).items()}
        case tuple() | list():
            return [builtin(entry) for entry in cast("Sequence[object]", value)]
        case _:
            return value
