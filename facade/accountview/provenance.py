"""Where a figure comes from: declared once per venue, as data beside the mapping that it describes.

Each adapter holds one `Declaration`. `explain`, the reasons for figures that a venue never has, and whatever else
wants to know how a venue's answers become the view read that one declaration. Nothing of it runs when an account
is read.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar, cast

import msgspec

from accountview import registry, spec
from accountview.errors import UsageError, closest
from accountview.view import Account, Balance, Explanation, Missing, Position, Reasons, builtin


@dataclass(frozen=True, slots=True)
class Reported:
    """The venue says it: `pointer` is a JSON pointer into the answer of `operation`.

    Names in a pointer stand for what the view shows: `{account}` for the account's id, `{row}` for the number of the
    row, `{symbol}` for its venue symbol or asset, `{quote}` for the quote of a position's instrument. Where the
    number or key of a row is no part of the view, a step `[name=value,…]` stands for the rows that hold these values
    (`[]` for all), and `*` for the row of the field.
    """

    operation: str
    pointer: str
    note: str = ""
    gaps: Mapping[Missing, str] = field(default_factory=dict[Missing, str])
    """Reason → when the figure is None although the venue has it."""


@dataclass(frozen=True, slots=True)
class Derived:
    """We compute it: a formula over `inputs` and facts of the spec (`facts`).

    An input is another field of the same row, a field of all rows of an account (`positions/*/notional`), or a value
    of the venue that the view does not show by itself.
    """

    formula: str
    inputs: tuple["str | Reported", ...] = ()
    facts: tuple[str, ...] = ()
    note: str = ""
    gaps: Mapping[Missing, str] = field(default_factory=dict[Missing, str])


@dataclass(frozen=True, slots=True)
class Never:
    """The venue cannot give it: always None, for this reason."""

    reason: Missing
    note: str


Origin: TypeAlias = Reported | Derived | Never


Row = TypeVar("Row", Account, Position, Balance)


class Fields:
    """The origin of every field of one kind of row."""

    def __init__(self, **origins: Origin) -> None:
        self.origins: Mapping[str, Origin] = origins
        self.never = Reasons(
            {name: origin.reason for name, origin in origins.items() if isinstance(origin, Never)}
        )
        """The fields that the venue can never give: what every `missing` starts from."""
        self._others = tuple([name for name in origins if name not in self.never])
        self._with_gaps = _places_of_any_none(self._others)
        # The rows of an account have few gaps, and the same: each set of reasons is made once and shared.
        self._reasons = lru_cache(maxsize=256)(self._reasons_for)

    def with_reasons(self, row: Row, reasons: Mapping[str, Missing]) -> Row:
        """The row with a reason for each None: a given one, else "not returned", or "not derivable" if we derive it.

        `reasons` holds only fields that are None, and lists that are not whole.
        """
        absent = tuple([name for name in self._others if getattr(row, name) is None])
        return msgspec.structs.replace(row, missing=self._reasons(absent, tuple(reasons.items())))

    def all_with_reasons(
        self, rows: Sequence[Row], reasons: Callable[[int], Mapping[str, Missing]]
    ) -> tuple[Row, ...]:
        """The same of many rows, which were made with `never` for their `missing`.

        Nearly all lack nothing else, and are done already: `reasons` is asked only for the numbers of the others.
        """
        done = list(rows)
        for number in self._with_gaps(rows):
            done[number] = self.with_reasons(rows[number], reasons(number))
        return tuple(done)

    def _reasons_for(self, absent: tuple[str, ...], given: tuple[tuple[str, Missing], ...]) -> Reasons:
        by_default = {
            name: Missing.NOT_DERIVABLE if isinstance(self.origins[name], Derived) else Missing.NOT_RETURNED
            for name in absent
        }
        return Reasons({**self.never, **by_default, **dict(given)})


def _places_of_any_none(names: tuple[str, ...]) -> Callable[[Sequence[object]], list[int]]:
    """Which rows have None in any of these attributes.

    Each row is asked for all of them, so in one expression: a call for each row takes twice as long, a loop over the
    names ten times.
    """
    assert all(name.isidentifier() for name in names)  # noqa: S101 - they are keywords of ours
    is_any_none = " or ".join(f"row.{name} is None" for name in names) or "False"
    places: Callable[[Sequence[object]], list[int]] = eval(  # noqa: S307 - see above
        f"lambda rows: [number for number, row in enumerate(rows) if {is_any_none}]"
    )
    return places


@dataclass(frozen=True, slots=True)
class Declaration:
    """How one venue's answers become the view, for each of the three kinds of row."""

    account: Fields
    position: Fields
    balance: Fields


OF_ANY_ACCOUNT: Mapping[str, Origin] = {
    "underlying_venue": Never(Missing.UNSUPPORTED, "the venue holds its accounts itself"),
}
"""What holds of the fields of an account that only some venues have something to declare of."""

_DEFAULT_GAPS = {
    Missing.NOT_RETURNED: "the answer did not hold it, or held only a part of the list",
    Missing.NOT_DERIVABLE: "an input of the formula is missing",
    Missing.NO_ACTIVITY: "the venue knows nothing of this account yet",
    Missing.UNLISTED: "the venue used a word that its spec does not list",
    Missing.UNKNOWN_SENTINEL: "the venue sent a placeholder that is no figure",
    Missing.UNSUPPORTED: "the venue has no such figure",
    Missing.SUSPECT: "the venue says 0, and something contradicts that: see the finding SUSPECT",
}
# What a reason says where the declaration of a field says nothing closer.


def declaration(venue: str) -> Declaration:
    """The declaration of a venue. Where it has several ways to read an account: that of the ordinary one."""
    result: Declaration = registry.module(venue).DECLARATION
    return result


def declarations(venue: str) -> tuple[Declaration, ...]:
    """The declarations of all the ways in which a venue reads accounts: its `DECLARATIONS`, or its only one."""
    several: tuple[Declaration, ...] | None = getattr(registry.module(venue), "DECLARATIONS", None)
    return (declaration(venue),) if several is None else several


def declaration_of(account: Account) -> Declaration:
    """The declaration that an account was made by: its venue's only one, or the one that the venue says it was."""
    choose: Callable[[Account], Declaration] | None = getattr(
        registry.module(account.venue), "declaration_of", None
    )
    return declaration(account.venue) if choose is None else choose(account)


def explain(account: Account, path: str) -> Explanation:
    """See `Account.explain`."""
    declared = declaration_of(account)
    head, _, rest = path.partition("/")
    row_name, _, name = rest.rpartition("/")
    if not rest:
        return _explain(_account_place(account, declared), head)
    if head not in _ROWS:
        raise UsageError(
            f"{closest(head, _ROWS)}no field {path!r}: rows are named positions/<n>/<field> or balances/<n>/<field>"
        )
    if not row_name:
        raise UsageError(f"{path!r} is a whole row; name a field of it, as in {head}/{rest}/{_ROWS[head]}")
    return _explain(_row_place(account, declared, head, _number(account, head, row_name, path)), name)


def explanations(account: Account) -> dict[str, Explanation]:
    """The explanation of every field that the venue declares, rows as `positions/0/size`, in the order of the view."""
    declared = declaration_of(account)
    places = [_account_place(account, declared)]
    places += [
        _row_place(account, declared, head, number)
        for head in _ROWS
        for number in range(len(getattr(account, head)))
    ]
    return {
        place.prefix + name: _explain(place, name)
        for place in places
        for name in place.row.__struct_fields__
        if name in place.origins
    }


# Where a field stands ------------------------------------------------------------------------------------------------

_ROWS = {"positions": "size", "balances": "total"}
"""The lists of an account, and a field that their rows have."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A row of the view: the account itself, a position or a balance."""

    account: Account
    row: Account | Position | Balance
    origins: Mapping[str, Origin]
    prefix: str
    """What stands before the names of its fields."""
    names: Mapping[str, str]
    """What the names in its pointers stand for."""

    @property
    def spec(self) -> spec.VenueSpec:
        return spec.load(self.account.venue)


def _account_place(account: Account, declared: Declaration) -> _Place:
    origins = {**OF_ANY_ACCOUNT, **declared.account.origins}
    return _Place(account, account, origins, "", {"account": _step(account.account_id)})


def _row_place(account: Account, declared: Declaration, head: str, number: int) -> _Place:
    # Of rows that stood twice one was taken out, and what came after it has moved up.
    moved = any(finding.code == "DUPLICATE_ROW" and head in finding.fields for finding in account.findings)
    names = {"account": _step(account.account_id), "row": "*" if moved else str(number)}
    if head == "positions":
        position = account.positions[number]
        names["symbol"] = _step(position.venue_symbol)
        names["quote"] = _step(position.instrument.quote) if position.instrument else ""
        return _Place(account, position, declared.position.origins, f"{head}/{number}/", names)
    balance = account.balances[number]
    names["symbol"] = _step(balance.asset)
    return _Place(account, balance, declared.balance.origins, f"{head}/{number}/", names)


def _step(name: str) -> str:
    """A name as one step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def _number(account: Account, head: str, name: str, path: str) -> int:
    of_positions = [position.venue_symbol for position in account.positions]
    names = of_positions if head == "positions" else [balance.asset for balance in account.balances]
    if name.isdecimal() and int(name) < len(names):
        return int(name)
    if names.count(name) == 1:
        return names.index(name)
    if name in names:
        numbers = [f"{head}/{number}" for number, each in enumerate(names) if each == name]
        raise UsageError(f"no single row {name!r} for {path!r}; there are: {', '.join(numbers)}")
    raise UsageError(
        f"{closest(name, names)}no single row {name!r} for {path!r}; there are: {', '.join(names) or 'none'}"
    )


# What is said of it --------------------------------------------------------------------------------------------------


def _explain(place: _Place, name: str) -> Explanation:
    origin = place.origins.get(name)
    if origin is None:
        known = sorted(place.origins)
        raise UsageError(f"{closest(name, known)}no field {name!r} to explain; there are: {', '.join(known)}")
    value = _text(builtin(getattr(place.row, name)))
    reason = place.row.missing.get(name, origin.reason if isinstance(origin, Never) else None)
    if isinstance(origin, Never) or (reason is not None and value is None):
        how, value = "missing", None
    else:
        how = type(origin).__name__.lower()
    note = origin.note
    if reason is not None and not isinstance(origin, Never):
        note = origin.gaps.get(reason, _DEFAULT_GAPS[reason])
    return Explanation(
        field=place.prefix + name, value=value, how=how, reason=reason, note=note, **_described(place, origin)
    )


def _described(place: _Place, origin: Origin) -> dict[str, Any]:
    match origin:
        case Reported():
            wire = wire_field(place.spec, origin)
            return {
                "operation": origin.operation,
                "pointer": origin.pointer.format_map(place.names),
                "meaning": wire.description,
                "evidence": wire.evidence,
            }
        case Derived():
            facts = place.spec.facts
            return {
                "formula": origin.formula,
                "inputs": tuple([each for part in origin.inputs for each in _inputs(place, part)]),
                "facts": tuple(
                    [f"{fact} = {facts[fact].value} ({facts[fact].description})" for fact in origin.facts]
                ),
            }
        case Never():
            return {}


def _inputs(place: _Place, part: str | Reported) -> Iterator[Explanation]:
    if isinstance(part, Reported):
        # The view does not show it, so its digits are not known here.
        name = part.pointer.rpartition("/")[2]
        yield Explanation(field=name, value=None, how="reported", note=part.note, **_described(place, part))
        return
    head, is_of_rows, name = part.partition("/*/")
    if not is_of_rows:
        yield _explain(place, part)
        return
    declared = declaration_of(place.account)
    for number in range(len(getattr(place.account, head))):
        yield _explain(_row_place(place.account, declared, head, number), name)


def wire_field(venue_spec: spec.VenueSpec, origin: Reported) -> spec.WireField:
    """What the spec says of a reported value. Raises KeyError when it has no such value."""
    pointer = origin.pointer.format_map({"account": "*", "row": "*", "symbol": "*", "quote": "*"})
    return venue_spec.wire_field(origin.operation, pointer)


def _text(value: object) -> str | None:
    """A value as its JSON form shows it, on one line."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, object]", value).items()
        return ", ".join(f"{key}: {_text(entry)}" for key, entry in entries if entry is not None) or "none"
    if isinstance(value, list):
        count = len(cast("list[object]", value))
        return f"{count} row" if count == 1 else f"{count} rows"
    return str(value)
