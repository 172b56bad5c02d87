"""A venue's spec as its generated client ships it: the facts that the facade needs and OpenAPI's `x-` keys hold.

Facts about a venue stand in `specs/<venue>.yaml` and nowhere else. This module only reads them.
"""

import hashlib
from contextlib import suppress
from decimal import Decimal
from functools import cache
from typing import Any, Literal

import msgspec

from accountview import registry

OutcomeName = Literal["credentials_refused", "rate_limited", "unavailable", "request_refused"]


class Server(msgspec.Struct, frozen=True, rename={"network": "x-network"}):
    """One host of a venue."""

    url: str
    network: str


class Fact(msgspec.Struct, frozen=True, rename={"evidence": "x-evidence"}):
    """One fact of a venue, as text in the unit it names."""

    value: str
    description: str
    unit: str | None = None
    evidence: dict[str, list[str]] = {}
    """As it is stated; `VenueSpec.evidence` puts it into words."""


class Outcome(msgspec.Struct, frozen=True):
    """What an error code or a status of the venue means to a caller."""

    outcome: OutcomeName


class Outcomes(msgspec.Struct, frozen=True):
    """The venue's error codes and HTTP statuses that have a meaning of their own."""

    codes: dict[str, Outcome] = {}
    statuses: dict[str, Outcome] = {}


class Lifecycle(msgspec.Struct, frozen=True):
    """Whether the venue is still there."""

    state: Literal["live", "sunset", "dead"]
    note: str


class WireField(msgspec.Struct, frozen=True):
    """What the spec says of one value of an answer."""

    description: str
    unit: str | None
    evidence: str
    """`documented: …`, `captured: …` or `inferred: …` with the titles of the sources."""


class OperationFacts(msgspec.Struct, frozen=True):
    """What a spec says of carrying out one operation."""

    cost: int
    """What a call takes from the venue's budget (`x-rate-cost`)."""
    safe: bool
    """Whether it may be sent again when nobody knows what became of it (`x-retry`); only what says so is."""


class VenueSpec(
    msgspec.Struct,
    frozen=True,
    rename={"facts": "x-facts", "outcomes": "x-outcomes", "lifecycle": "x-lifecycle", "sources": "x-sources"},
):
    """The part of a spec that the facade reads."""

    info: dict[str, Any]
    lifecycle: Lifecycle
    paths: dict[str, dict[str, dict[str, Any]]]
    components: dict[str, Any]
    servers: list[Server] = []
    facts: dict[str, Fact] = {}
    outcomes: Outcomes = Outcomes()
    sources: dict[str, dict[str, Any]] = {}

    def fact(self, name: str) -> str:
        """The value of a fact, as text."""
        return self.facts[name].value

    def amount(self, name: str) -> Decimal:
        """The value of a fact that is a number."""
        return Decimal(self.facts[name].value)

    def evidence(self, stated: dict[str, list[str]]) -> str:
        """`x-evidence` with the titles of its sources."""
        return "; ".join(
            f"{kind}: {', '.join(str(self.sources[key]['title']) for key in keys)}"
            for kind, keys in stated.items()
        )

    def wire_field(self, operation: str, pointer: str) -> WireField:
        """What the spec says of the value at a JSON pointer of an operation's answer with status 200."""
        schema = self.schema_at(operation, pointer)
        return WireField(
            description=str(schema.get("description", "")),
            unit=schema.get("x-unit"),
            evidence=self.evidence(schema.get("x-evidence", {})),
        )

    def schema_at(self, operation: str, pointer: str) -> dict[str, Any]:
        """The schema at a JSON pointer of an operation's answer with status 200. Raises KeyError for none."""
        schema = self._answer(operation)
        for step in pointer.split("/")[1:]:
            schema = self._step(schema, step)
        return schema

    def _answer(self, operation: str) -> dict[str, Any]:
        for methods in self.paths.values():
            for described in methods.values():
                if described.get("operationId") == operation:
                    schema: dict[str, Any] = described["responses"]["200"]["content"]["application/json"][
                        "schema"
                    ]
                    return schema
        raise KeyError(f"the spec has no operation {operation}")

    def _step(self, schema: dict[str, Any], step: str) -> dict[str, Any]:
        while "$ref" in schema:
            schema = self.components["schemas"][schema["$ref"].rpartition("/")[2]]
        if "oneOf" in schema:
            for branch in schema["oneOf"]:
                with suppress(KeyError):
                    return self._step(branch, step)
        if "items" in schema and (step.isdecimal() or step[:1] in ("*", "[")):
            inner: dict[str, Any] = schema["items"]
        elif step in schema.get("properties", {}):
            inner = schema["properties"][step]
        elif isinstance(schema.get("additionalProperties"), dict):
            # A value of a map says no more than the map itself does.
            inner = {**schema, **schema["additionalProperties"]}
            if "$ref" not in schema["additionalProperties"]:
                inner.pop("additionalProperties", None)
        else:
            raise KeyError(f"the spec has no {step!r} there")
        return inner


@cache
def load(venue: str) -> VenueSpec:
    """The spec of a venue, from its installed client. Raises UsageError for a venue that there is not."""
    content = registry.spec_json(venue)
    with registry.blamed(venue, "its spec.json cannot be read"):
        return msgspec.json.decode(content, type=VenueSpec)


@cache
def operation(venue: str, name: str) -> OperationFacts:
    """What the spec of a venue says of an operation. Raises UsageError for no such venue, KeyError for no such name."""
    for methods in load(venue).paths.values():
        for described in methods.values():
            if described.get("operationId") == name:
                cost, again = described.get("x-rate-cost", 1), described.get("x-retry")
                return OperationFacts(cost=int(cost), safe=again == "safe")
    raise KeyError(f"the spec of {venue} has no operation {name}")


@cache
def digest(venue: str) -> str:
    """What tells one spec of a venue from another: `sha256:` and the digest of its spec.json. Raises UsageError."""
    return f"sha256:{hashlib.sha256(registry.spec_json(venue)).hexdigest()}"
