"""Every wire field that a plan reads, in every stored answer, dropped, nulled, renamed and retyped, one at a time.

What the spec of a venue says of an answer is walked beside the answer, so a field that is added to a spec is damaged
here without a word in this module; one that no case holds fails the test. Whatever is done to it, the reading ends
with one of our errors or as a view in which no figure turned into 0, no row is lost and every gap has its reason.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

import msgspec
import pytest
from support import Case, StoredAnswer, cases, venues

from accountview import conformance, provenance, spec
from accountview.errors import VenueError
from accountview.plan import Reading
from accountview.venues import open_adapter
from accountview.view import Account, Balance, Position

Path = tuple[str | int, ...]
Tree = dict[str, Any]

UNHELD: dict[str, set[str]] = {
    "arcus": {"GET /v1/account /positions/*/sequenceNumber"},
    "bfx": {"GET /positions /pagination/total"},
    "rabbitx": {
        "GET /account /request_id",
        "GET /positions /request_id",
        "GET /positions /pagination/total",
    },
    # What an error among good accounts may look like; that there is one is enough.
    "tread": {
        f"GET /api/sor/get_cached_account_balance /errors/*/{name}"
        for name in ("error", "errors", "errors/*", "message", "detail")
    },
}
"""What no case holds. No figure is read from these; whatever else a spec describes must stand in some case."""

ROWS_OF_A_LIST = 2
"""How many rows of one list or map are damaged: what holds of two holds of the third."""


# What the spec says of an answer --------------------------------------------------------------------------------------


def resolved(venue: str, schema: Tree, document: Any) -> Tree:
    """The schema that an answer obeys: references followed, and of alternatives the one of its own JSON type."""
    while "$ref" in schema:
        schema = spec.load(venue).components["schemas"][schema["$ref"].rpartition("/")[2]]
    for branch in schema.get("oneOf", ()):
        own = resolved(venue, branch, document)
        kinds = own.get("type", "object")
        kind = "object" if isinstance(document, dict) else "array" if isinstance(document, list) else "null"
        if kind == kinds or kind in kinds:
            return own
    return schema


def inner(schema: Tree, document: object) -> Iterator[tuple[str | int, str, Tree]]:
    """The members of an answer that its schema describes: their key, their name in the spec, and their schema."""
    if isinstance(document, dict):
        members = cast("Tree", document)
        for key, described in schema.get("properties", {}).items():
            if key in members:
                yield key, key, described
        if isinstance(schema.get("additionalProperties"), dict):
            for key in list(members)[:ROWS_OF_A_LIST]:
                yield key, "*", schema["additionalProperties"]
    elif isinstance(document, list) and "items" in schema:
        for number, _ in list(enumerate(cast("list[object]", document)))[:ROWS_OF_A_LIST]:
            yield number, "*", schema["items"]


def described_places(
    venue: str, schema: Tree, document: Any, path: Path = (), name: str = ""
) -> Iterator[tuple[Path, str]]:
    """Every place of an answer that the spec describes, and its name there (`/result/*/size`)."""
    schema = resolved(venue, schema, document)
    for key, step, described in inner(schema, document):
        yield (*path, key), f"{name}/{step}"
        yield from described_places(venue, described, document[key], (*path, key), f"{name}/{step}")


def described_names(venue: str, schema: Tree, name: str = "") -> Iterator[str]:
    """Every name of a place that the spec describes, whether an answer has it or not."""
    while "$ref" in schema:
        schema = spec.load(venue).components["schemas"][schema["$ref"].rpartition("/")[2]]
    for branch in schema.get("oneOf", ()):
        yield from described_names(venue, branch, name)
    members = dict(schema.get("properties", {}))
    for key in ("additionalProperties", "items"):
        if isinstance(schema.get(key), dict):
            members["*"] = schema[key]
    for step, described in members.items():
        yield f"{name}/{step}"
        yield from described_names(venue, described, f"{name}/{step}")


def answer_schemas(venue: str) -> dict[str, Tree]:
    """`GET /path` → the schema of its good answer."""
    return {
        f"{method.upper()} {path}": described["responses"]["200"]["content"]["application/json"]["schema"]
        for path, methods in spec.load(venue).paths.items()
        for method, described in methods.items()
    }


# What is done to it ---------------------------------------------------------------------------------------------------


FIGURE = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def is_figure(value: Any) -> bool:
    return not isinstance(value, bool) and FIGURE.fullmatch(f"{value}") is not None


def retyped(value: Any) -> Iterator[tuple[str, object]]:
    """The value in every other JSON type."""
    yield "null", None
    if not isinstance(value, bool):
        yield "false", False
        yield "true", True
    if value != {}:
        yield "an empty object", {}
    if value != []:
        yield "an empty list", []
    yield "in a list", [value]
    yield "in an object", {"value": value}
    if isinstance(value, str):
        yield "an empty text", ""
        yield "a number", Decimal(value) if FIGURE.fullmatch(value) else 7
    elif isinstance(value, bool) or value is None:
        yield "a number", 7
        yield "a text", "a word"
    elif isinstance(value, int | Decimal):
        yield "a text", str(value)
    else:
        yield "a number", 7
        yield "a text", "a word"


@dataclass(frozen=True)
class Damage:
    """One change of one answer."""

    what: str
    body: Any
    same_figure: bool
    """The figure is the same in another JSON type: where it is read at all, nothing may move."""
    says_flat: bool
    """A list or map of rows that became empty: it says that there is nothing, and only the totals can contradict."""
    of_a_row: bool
    """A whole row went, or all of them; a view cannot show what the answer does not hold."""


def damages(body: Any, path: Path, *, is_row: bool) -> Iterator[Damage]:
    """The answer with the one place dropped, renamed or retyped."""
    holder: Any = body
    for step in path[:-1]:
        holder = holder[step]
    key = path[-1]
    original: Any = holder[key]
    empty = (
        "an empty list"
        if isinstance(original, list)
        else "an empty object"
        if isinstance(original, dict)
        else None
    )
    for what, value in retyped(original):
        holder[key] = value
        yield Damage(
            what,
            body,
            same_figure=what in ("a number", "a text") and is_figure(original),
            says_flat=what == empty,
            of_a_row=is_row or (not value and isinstance(original, dict | list)),
        )
    if isinstance(holder, dict):
        del holder[key]
        yield Damage("dropped", body, same_figure=False, says_flat=False, of_a_row=is_row)
        holder[f"{key}_renamed"] = original
        yield Damage("renamed", body, same_figure=False, says_flat=False, of_a_row=False)
        del holder[f"{key}_renamed"]
        holder[key] = original
    else:
        holder[key] = original


ENCODER = msgspec.json.Encoder(decimal_format="number")


# What must come of it -------------------------------------------------------------------------------------------------


def rows(account: Account) -> Iterator[tuple[tuple[object, ...], Account | Position | Balance]]:
    """The account and its rows, each with what tells it from others."""
    yield (account.account_id,), account
    # Rows of one key stand in the order of the answer.
    seen: Counter[tuple[object, ...]] = Counter()
    listed: list[Position | Balance] = [*account.positions, *account.balances]
    for row in listed:
        own = (row.venue_symbol, row.side) if isinstance(row, Position) else (row.asset, row.wallet)
        seen[own] += 1
        yield (account.account_id, *own, seen[own]), row


def figures(reading: Reading) -> dict[tuple[object, ...], Decimal]:
    """Every figure of a reading, by its row and field."""
    found: dict[tuple[object, ...], Decimal] = {}
    for account in reading.accounts:
        for place, row in rows(account):
            for name in row.__struct_fields__:
                value = getattr(row, name)
                if isinstance(value, Decimal):
                    found[(*place, name)] = value
        for market, leverage in account.leverage_by_market.items():
            found[(account.account_id, "leverage_by_market", market)] = leverage
    return found


def new_zeros(before: Reading, after: Reading) -> Iterator[str]:
    """Every figure that is 0 and was not.

    Where the name of a row changed, its figures are counted: no field may be 0 in more rows than it was. An account
    that could not be read before has nothing to be compared with.
    """
    old, new = figures(before), figures(after)
    read = {account.account_id for account in before.accounts} if before.failures else None
    flat = not any(account.positions for account in (*before.accounts, *after.accounts))
    left = Counter(place[-1] for place, value in old.items() if not value)
    left.subtract(place[-1] for place, value in new.items() if not value and place in old)
    for place, value in new.items():
        if value or (place in old and not old[place]) or (read is not None and place[0] not in read):
            continue
        # No position was there and none is: what is summed over them is 0 however little else the answer tells.
        if flat and len(place) == 2 and derived(after, str(place[-1])):
            continue
        left[place[-1]] -= place not in old
        if place in old or left[place[-1]] < 0:
            yield f"{place} is {value}, and was {old.get(place)}"


def derived(reading: Reading, name: str) -> bool:
    """Whether a figure of the account is one that we compute."""
    declared = provenance.declaration_of(reading.accounts[0])
    return isinstance(declared.account.origins[name], provenance.Derived)


def unexplained(account: Account) -> list[str]:
    """Every declared field that is None without a reason."""
    declared = provenance.declaration_of(account)
    fields: list[tuple[Account | Position | Balance, provenance.Fields]] = [(account, declared.account)]
    fields += [(each, declared.position) for each in account.positions]
    fields += [(each, declared.balance) for each in account.balances]
    return [
        name
        for row, own in fields
        for name in own.origins
        if getattr(row, name) is None and name not in row.missing
    ]


def count(reading: Reading) -> tuple[int, int, int]:
    """How many accounts (failed ones too), positions and balances there are."""
    return (
        len(reading.accounts) + len(reading.failures),
        sum(len(account.positions) for account in reading.accounts),
        sum(len(account.balances) for account in reading.accounts),
    )


def wrongs(before: Reading, after: Reading, damage: Damage) -> Iterator[str]:
    """What a damaged answer did to the view that it must not."""
    if not damage.says_flat:
        yield from new_zeros(before, after)
    for account in after.accounts:
        for name in unexplained(account):
            yield f"{name} is None without a reason"
    told = damage.of_a_row or after.failures or not all(account.complete for account in after.accounts)
    if not told and any(now < then for now, then in zip(count(after), count(before), strict=True)):
        yield f"rows were lost without a word: {count(before)} became {count(after)}"
    if damage.same_figure and not after.failures:
        old, new = figures(before), figures(after)
        moved = [place for place in (*old, *new) if old.get(place) != new.get(place)]
        if moved:
            yield f"the same figure in another type moved {moved}"


@dataclass
class Audit:
    """The damage of all cases of a venue."""

    venue: str
    wrong: list[str] = field(default_factory=list[str])
    damaged: set[str] = field(default_factory=set[str])
    """Request and name of each place that was damaged."""
    asked: set[str] = field(default_factory=set[str])
    seen: set[tuple[str, bytes]] = field(default_factory=set[tuple[str, bytes]])
    """The answers that were damaged: many cases share one, and differ in another."""
    outcomes: Counter[str] = field(default_factory=Counter[str])

    def run(self, case: Case) -> None:
        heard: list[StoredAnswer] = []
        options = case.options | {"drift": "off"}  # it is looked at by tests of its own, and slow
        answers = case.exchange.answers
        try:
            before = conformance.read(self.venue, options, answers, heard=lambda _, each: heard.append(each))
        except VenueError:
            return
        schemas = answer_schemas(self.venue)
        for index, stored in enumerate(answers):
            if stored not in heard or stored.status != 200 or (stored.request, stored.content) in self.seen:
                continue
            self.seen.add((stored.request, stored.content))
            body = json.loads(stored.content, parse_float=Decimal)
            self.asked.add(stored.request)
            places = list(described_places(self.venue, schemas[stored.request], body))
            for path, name in places:
                self.damaged.add(f"{stored.request} {name}")
                for damage in damages(body, path, is_row=name.endswith("/*")):
                    text = ENCODER.encode(damage.body).decode()
                    changed = list(answers)
                    changed[index] = msgspec.structs.replace(
                        stored, body=msgspec.Raw(), text=text, base64=None
                    )
                    self.outcomes["tried"] += 1
                    try:
                        after = conformance.read(self.venue, options, changed)
                    except VenueError as error:
                        self.outcomes[type(error).__name__] += 1
                        continue
                    self.outcomes["read"] += 1
                    self.wrong += [
                        f"{case} {stored.request} {path} {damage.what}: {problem}"
                        for problem in wrongs(before, after, damage)
                    ]


@pytest.fixture
def opened_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """To open an adapter may take milliseconds (a key is derived); the audit reads thousands of times with one."""
    adapters: dict[bytes, Any] = {}

    def opened(venue: str, options: Mapping[str, Any]) -> Any:
        key = msgspec.json.encode([venue, options])
        if key not in adapters:
            adapters[key] = open_adapter(venue, options)
        return adapters[key]

    monkeypatch.setattr(conformance, "open_adapter", opened)


@pytest.mark.usefixtures("opened_once")
@pytest.mark.parametrize("venue", venues())
def test_no_damage_of_a_described_field_makes_a_zero_or_loses_a_row(venue: str) -> None:
    audit = Audit(venue)
    for case in cases(venue):
        audit.run(case)

    assert not audit.wrong, f"{len(audit.wrong)} wrong:\n" + "\n".join(audit.wrong[:40])
    schemas = answer_schemas(venue)
    described = {
        f"{asked} {name}" for asked in audit.asked for name in described_names(venue, schemas[asked])
    }
    assert described - audit.damaged == UNHELD.get(venue, set())
    assert 0 < audit.outcomes["read"] < audit.outcomes["tried"] > 2000


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"equity": Decimal(0)}, "'equity') is 0, and was 10149.525"),
        ({"order_margin": None}, "order_margin is None without a reason"),
        ({"positions": ()}, "rows were lost without a word"),
        ({"leverage_by_market": {"BTC-USD": Decimal(0)}}, "'BTC-USD') is 0, and was 20"),
    ],
)
def test_the_audit_finds_what_it_is_there_for(changes: dict[str, Any], says: str) -> None:
    case = Case("bfx", "long-and-short")
    before = conformance.read(case.venue, case.options, case.exchange.answers)
    spoilt = tuple([msgspec.structs.replace(account, **changes) for account in before.accounts])
    damage = Damage("nothing", None, same_figure=False, says_flat=False, of_a_row=False)

    assert not list(wrongs(before, before, damage))
    assert any(says in problem for problem in wrongs(before, Reading(spoilt), damage))
