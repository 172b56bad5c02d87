"""What each venue can tell: for every field of the view whether it is reported, derived, or never there, and why.

Read from what is there anyway: the declaration of the venue's adapter, the venue's spec, and the units of the view.
"""

from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

import msgspec

from accountview import provenance, registry, spec
from accountview.errors import UsageError, closest
from accountview.provenance import Declaration, Derived, Never, Origin, Reported
from accountview.view import MEASURES, Account, Balance, Missing, Position

RowKind: TypeAlias = Literal["account", "position", "balance"]

KINDS: dict[RowKind, type[Account | Position | Balance]] = {
    "account": Account,
    "position": Position,
    "balance": Balance,
}
"""The three kinds of row of the view."""


class Capability(msgspec.Struct, frozen=True, kw_only=True):
    """What one venue can tell of one field."""

    kind: RowKind
    """Kind of the row that the field belongs to."""
    field: str
    how: Literal["reported", "derived", "missing"]
    """`missing`: this venue never has it. What else may be None at times says so in each answer."""
    reason: Missing | None = None
    """Why it is never there; None unless `how` is `missing`."""
    operation: str | None = None
    """operationId of the venue's answer that holds it."""
    pointer: str | None = None
    """JSON pointer into that answer; `{row}`, `{symbol}`, … stand for the row it is about."""
    formula: str | None = None
    """How it is derived from other fields and from facts of the venue."""
    unit: str | None = None
    """What the amount counts, see `accountview.view.Measure`; None for what is no amount."""
    sign: Literal["signed", "unsigned"] | None = None
    """Whether it may be negative by its meaning; None for what is no amount."""
    evidence: str | None = None
    """How sure the spec is of all that it rests on, and where that is from."""
    note: str = ""


def capabilities(venue: str) -> tuple[Capability, ...]:
    """What a venue can tell, field by field in the order of the view: the account's, a position's, a balance's.

    Raises UsageError for an unknown venue.
    """
    if not registry.exists(venue):
        raise UsageError(f"{closest(venue, registry.names())}{registry.unknown(venue)}")
    declared = provenance.declaration(venue)
    venue_spec = spec.load(venue)
    return tuple(
        [
            _capability(venue_spec, declared, kind, name)
            for kind, row in KINDS.items()
            for name in row.__struct_fields__
            if name in _origins(declared, kind)
        ]
    )


def _origins(declared: Declaration, kind: RowKind) -> Mapping[str, Origin]:
    match kind:
        case "account":
            return {**provenance.OF_ANY_ACCOUNT, **declared.account.origins}
        case "position":
            return declared.position.origins
        case "balance":
            return declared.balance.origins


def _capability(venue_spec: spec.VenueSpec, declared: Declaration, kind: RowKind, name: str) -> Capability:
    origin = _origins(declared, kind)[name]
    measure = MEASURES[KINDS[kind]].get(name)
    capability = Capability(
        kind=kind,
        field=name,
        how="missing",
        unit=measure and measure.unit,
        sign=measure and ("signed" if measure.signed else "unsigned"),
        # One thing is told once, however many inputs rest on it.
        evidence="; ".join(dict.fromkeys(_evidence(venue_spec, declared, kind, origin))) or None,
        note=origin.note,
    )
    match origin:
        case Reported():
            return msgspec.structs.replace(
                capability, how="reported", operation=origin.operation, pointer=origin.pointer
            )
        case Derived():
            return msgspec.structs.replace(capability, how="derived", formula=origin.formula)
        case Never():
            return msgspec.structs.replace(capability, reason=origin.reason)


def _evidence(
    venue_spec: spec.VenueSpec, declared: Declaration, kind: RowKind, origin: Origin
) -> Iterator[str]:
    """The evidence of what an origin rests on, down to what is reported."""
    match origin:
        case Reported():
            yield provenance.wire_field(venue_spec, origin).evidence
        case Derived():
            for fact in origin.facts:
                yield venue_spec.evidence(venue_spec.facts[fact].evidence)
            for part in origin.inputs:
                if isinstance(part, Reported):
                    yield from _evidence(venue_spec, declared, kind, part)
                    continue
                head, is_of_rows, name = part.partition("/*/")
                of: RowKind = kind
                if is_of_rows:
                    of = "position" if head == "positions" else "balance"
                else:
                    name = part
                yield from _evidence(venue_spec, declared, of, _origins(declared, of)[name])
        case Never():
            pass
