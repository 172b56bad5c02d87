"""Where a figure comes from: declared once per venue, as data beside the mapping that it describes.

Each adapter holds one `Declaration`. `explain`, the reasons for figures that a venue never has, and whatever else
wants to know how a venue's answers become the view read that one declaration. Nothing of it runs when an account
is read.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias, TypeVar, cast

import msgspec

from accountview import spec
from accountview.amounts import plain
from accountview.errors import UsageError
from accountview.view import Account, Balance, Explanation, Missing, Position


@dataclass(frozen=True, slots=True)
class Reported:
    """The venue says it: `pointer` is a JSON pointer into the answer of `operation`.

    `{row}` in a pointer stands for the number of the row, `{symbol}` for the position's venue symbol.
    """

    operation: str
    pointer: str
    note: str = ""
    gaps: Mapping[Missing, str] = field(default_factory=dict[Missing, str])
    """Reason → when the figure is None although the venue has it."""


@dataclass(frozen=True, slots=True)
class Derived:
    """We compute it: a formula over other fields of the view (`inputs`) and facts of the spec (`facts`)."""

    formula: str
    inputs: tuple[str, ...] = ()
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
        self.never: Mapping[str, Missing] = {
            name: origin.reason for name, origin in origins.items() if isinstance(origin, Never)
        }
        """The fields that the venue can never give: what every `missing` starts from."""

    def with_reasons(self, row: Row, reasons: Mapping[str, Missing]) -> Row:
        """The row with a reason for each None: a given one, else "not returned", or "not derivable" if we derive it.

        `reasons` holds only fields that are None, and lists that are not whole.
        """
        missing = dict(self.never)
        for name, origin in self.origins.items():
            if getattr(row, name) is None and name not in missing:
                missing[name] = Missing.NOT_DERIVABLE if isinstance(origin, Derived) else Missing.NOT_RETURNED
        missing.update(reasons)
        return msgspec.structs.replace(row, missing=missing)


@dataclass(frozen=True, slots=True)
class Declaration:
    """How one venue's answers become the view, for each of the three kinds of row."""

    account: Fields
    position: Fields
    balance: Fields


_DEFAULT_GAPS = {
    Missing.NOT_RETURNED: "the answer did not hold it, or held only a part of the list",
    Missing.NOT_DERIVABLE: "an input of the formula is missing",
    Missing.NO_ACTIVITY: "the venue knows nothing of this account yet",
    Missing.UNLISTED: "the venue used a word that its spec does not list",
    Missing.UNKNOWN_SENTINEL: "the venue sent a placeholder that is no figure",
    Missing.UNSUPPORTED: "the venue has no such figure",
}


def explain(account: Account, path: str) -> Explanation:
    """See `Account.explain`."""
    declaration = _declaration(account.venue)
    venue_spec = spec.load(account.venue)
    head, _, rest = path.partition("/")
    if not rest:
        return _explain(account, head, declaration.account.origins, account.missing, venue_spec, {}, path)
    row_name, _, name = rest.rpartition("/")
    if head == "positions":
        symbols = [position.venue_symbol for position in account.positions]
        number = _row(path, row_name, symbols)
        row: Position | Balance = account.positions[number]
        names = {"row": str(number), "symbol": symbols[number]}
        origins = declaration.position.origins
    elif head == "balances":
        assets = [balance.asset for balance in account.balances]
        number = _row(path, row_name, assets)
        row = account.balances[number]
        names = {"row": str(number), "symbol": assets[number]}
        origins = declaration.balance.origins
    else:
        raise UsageError(f"no field {path!r}: rows are named positions/<n>/<field> or balances/<n>/<field>")
    return _explain(row, name, origins, row.missing, venue_spec, names, path)


def _declaration(venue: str) -> Declaration:
    # By name, for a venue is one module and stands in no list.
    declaration: Declaration = importlib.import_module(f"accountview.venues.{venue}").DECLARATION
    return declaration


def _row(path: str, name: str, names: list[str]) -> int:
    if name.isdecimal() and int(name) < len(names):
        return int(name)
    if names.count(name) == 1:
        return names.index(name)
    raise UsageError(f"no single row {name!r} for {path!r}; there are: {', '.join(names) or 'none'}")


def _explain(
    row: Account | Position | Balance,
    name: str,
    origins: Mapping[str, Origin],
    missing: Mapping[str, Missing],
    venue_spec: spec.VenueSpec,
    names: Mapping[str, str],
    path: str,
) -> Explanation:
    if name not in origins:
        raise UsageError(f"no field {name!r} to explain; there are: {', '.join(sorted(origins))}")
    origin = origins[name]
    value = _text(getattr(row, name))
    reason = missing.get(name)
    described: dict[str, Any] = {}
    if isinstance(origin, Never):
        note = origin.note
    else:
        note = origin.note if reason is None else origin.gaps.get(reason, _DEFAULT_GAPS[reason])
    if isinstance(origin, Reported):
        wire = venue_spec.wire_field(origin.operation, _template(origin.pointer))
        described = {
            "operation": origin.operation,
            "pointer": origin.pointer.format_map(names),
            "meaning": wire.description,
            "evidence": wire.evidence,
        }
    elif isinstance(origin, Derived):
        prefix = path[: -len(name)]
        described = {
            "formula": origin.formula,
            "inputs": tuple(
                _explain(row, part, origins, missing, venue_spec, names, prefix + part)
                for part in origin.inputs
            ),
            "facts": tuple(
                f"{fact} = {venue_spec.facts[fact].value} ({venue_spec.facts[fact].description})"
                for fact in origin.facts
            ),
        }
    if isinstance(origin, Never) or (reason is not None and value is None):
        how, value = "missing", None
    else:
        how = type(origin).__name__.lower()
    return Explanation(field=path, value=value, how=how, reason=reason, note=note, **described)


def _template(pointer: str) -> str:
    return pointer.format_map({"row": "0", "symbol": "*"})


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Mapping):
        return ", ".join(
            f"{key}: {_text(entry)}" for key, entry in cast("Mapping[str, object]", value).items()
        )
    if isinstance(value, tuple):
        return f"{len(cast('tuple[object, ...]', value))} rows"
    return str(value)
