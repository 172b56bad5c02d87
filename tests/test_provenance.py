"""Every figure can be explained, and what is declared is what is done.

The proof is at the end: each value of each stored answer is changed by itself, and what then changes in the view must
be exactly what says that it rests on this value.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias, cast

import msgspec
import pytest
from support import Case, StoredAnswer, cases, venues

import accountview as av
from accountview import conformance, provenance, spec
from accountview.errors import VenueError
from accountview.plan import Reading
from accountview.provenance import Declaration, Derived, Fields, Never, Origin, Reported
from accountview.venues import bfx
from accountview.view import MEASURES, Account, Balance, Explanation, Missing, Position

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | Decimal | bool | None"

TIMES = dict.fromkeys(("requested_at", "received_at"), "2026-01-02T03:04:05.000000Z")
OURS = {
    Account: {"label", "tags", "venue", "requested_at", "received_at", "attempts", "missing", "findings"},
    Position: {"missing"},
    Balance: {"missing"},
}
"""What no venue says."""
OF_AGGREGATORS = {"underlying_venue"}
"""What only some venues have to say something about."""


def accounts(case: Case) -> list[Account]:
    return [Account.from_dict(expected | TIMES) for expected in case.expected["accounts"]]


def rows(account: Account) -> list[tuple[str, Account | Position | Balance, Fields]]:
    """The account and its rows, with what stands before the names of their fields."""
    declared = provenance.declaration_of(account)
    found: list[tuple[str, Account | Position | Balance, Fields]] = [("", account, declared.account)]
    found += [(f"positions/{n}/", row, declared.position) for n, row in enumerate(account.positions)]
    found += [(f"balances/{n}/", row, declared.balance) for n, row in enumerate(account.balances)]
    return found


READ = [case for case in cases() if case.expected["accounts"]]


# What is declared -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("venue", venues())
def test_every_field_is_declared(venue: str) -> None:
    declared = provenance.declaration(venue)
    for kind, fields in (
        (Account, declared.account),
        (Position, declared.position),
        (Balance, declared.balance),
    ):
        assert (
            set(fields.origins) - OF_AGGREGATORS == set(kind.__struct_fields__) - OURS[kind] - OF_AGGREGATORS
        )


def reported(origin: Origin) -> list[Reported]:
    """The wire values that an origin names itself."""
    if isinstance(origin, Derived):
        return [part for part in origin.inputs if isinstance(part, Reported)]
    return [origin] if isinstance(origin, Reported) else []


@pytest.mark.parametrize("venue", venues())
def test_every_pointer_is_in_the_spec_with_its_evidence(venue: str) -> None:
    declared = provenance.declaration(venue)
    for fields in (declared.account, declared.position, declared.balance):
        for name, origin in fields.origins.items():
            for wire in reported(origin):
                described = provenance.wire_field(spec.load(venue), wire)
                assert described.description, f"{venue} {name}: {wire.pointer} has no description"
                assert described.evidence, f"{venue} {name}: {wire.pointer} has no evidence"


@pytest.mark.parametrize("case", READ, ids=str)
def test_every_none_has_a_reason_and_no_figure_has_one(case: Case) -> None:
    for account in accounts(case):
        for _, row, fields in rows(account):
            for name in fields.origins:
                value = getattr(row, name)
                if value is None:
                    assert name in row.missing, f"{name} is None and no reason says why"
                elif isinstance(value, Decimal):
                    assert name not in row.missing, f"{name} is there and yet it is called missing"
            assert set(row.missing) <= set(fields.origins)


# What is said of a field ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", READ, ids=str)
def test_every_field_explains_itself(case: Case) -> None:
    for account in accounts(case):
        told = provenance.explanations(account)
        places = [(prefix, row, name) for prefix, row, fields in rows(account) for name in fields.origins]
        assert set(told) == {prefix + name for prefix, _, name in places} | set(provenance.OF_ANY_ACCOUNT)
        for prefix, row, name in places:
            explanation = told[prefix + name]
            assert explanation == account.explain(prefix + name)
            text = str(explanation)
            assert text.startswith(f"{prefix}{name} = ")
            if getattr(row, name) is None:
                assert explanation.how == "missing"
                assert explanation.reason is not None
                assert "missing" in text
            elif name in row.missing:  # a list that is not whole, or that the venue does not have
                assert explanation.reason is row.missing[name]
                assert str(explanation.reason) in text
            else:
                assert explanation.how in ("reported", "derived")


def test_reasons_of_many_rows_are_those_of_each() -> None:
    declared = bfx.DECLARATION.position
    whole = Position(
        instrument=None,
        venue_symbol="A",
        side=av.Side.LONG,
        size=Decimal(1),
        missing=declared.never,
    )
    figures = [name for name in Position.__struct_fields__ if name not in ("missing", *declared.never)]
    whole = msgspec.structs.replace(
        whole, **{name: Decimal(0) for name in figures if getattr(whole, name) is None}
    )
    rows = [whole, *[msgspec.structs.replace(whole, **{name: None}) for name in figures], whole]
    asked: list[int] = []

    def reasons(number: int) -> dict[str, Missing]:
        asked.append(number)
        return {figures[number - 1]: Missing.SUSPECT} if number % 2 else {}

    told = declared.all_with_reasons(rows, reasons)

    assert asked == list(range(1, len(figures) + 1))
    assert told[0] is told[-1] is whole
    for number in asked:
        expected = {figures[number - 1]: Missing.SUSPECT} if number % 2 else {}
        assert told[number] == declared.with_reasons(rows[number], expected)
        assert told[number].missing[figures[number - 1]] is not None
    assert declared.all_with_reasons([], reasons) == ()


def test_every_reason_can_be_told() -> None:
    account = accounts(Case("bfx", "long-and-short"))[0]
    for reason in Missing:
        without = msgspec.structs.replace(account, health=None, missing={**account.missing, "health": reason})
        assert without.explain("health").note


def test_an_unknown_field_names_the_choices_and_what_is_close() -> None:
    account = accounts(Case("bfx", "long-and-short"))[0]

    for path, says in {
        "equty": "did you mean equity? .*there are: account_id, ",
        "positions/7/size": "there are: BTC-USD, ETH-USD",
        "positions/BTC-USDC/size": "did you mean BTC-USD or ",
        "positions/BTC-USD/sice": "did you mean size or side? ",
        "position/0/size": "did you mean positions? .*rows are named positions/",
        "orders/0/size": "rows are named positions/",
        "positions/0": "name a field of it, as in positions/0/size",
    }.items():
        with pytest.raises(av.UsageError, match=says.replace("?", r"\?")):
            account.explain(path)


def test_a_symbol_that_two_rows_share_is_named_by_number() -> None:
    account = accounts(Case("bfx", "long-and-short"))[0]
    hedged = msgspec.structs.replace(account, positions=(account.positions[0],) * 2)

    with pytest.raises(av.UsageError, match="there are: positions/0, positions/1"):
        hedged.explain("positions/BTC-USD/size")
    assert hedged.explain("positions/1/size").value == "0.05"


def test_a_list_explains_itself() -> None:
    (whole,) = accounts(Case("bfx", "long-and-short"))
    (cut,) = accounts(Case("bfx", "positions-cut"))

    assert str(whole.explain("positions")).startswith("positions = 2 rows  reported\n")
    assert str(whole.explain("balances")).startswith("balances = 1 row  reported\n")
    assert whole.explain("leverage_by_market").value == "BTC-USD: 20, ETH-USD: 1, SOL-USD: 1"
    lines = cut.explain("positions").lines()
    assert lines[0].endswith("reported, not whole: NOT_RETURNED")
    assert "may be cut" in lines[1]


def test_an_explanation_reads_well() -> None:
    account = accounts(Case("bfx", "long-and-short"))[0]

    lines = str(account.explain("maintenance_margin")).splitlines()
    assert lines[0] == f"maintenance_margin = {account.to_dict()['maintenance_margin']}  derived"
    assert any("maintenance_margin_rate = 0.03" in line for line in lines)
    assert any("getAccount at /result/0/total_notional" in line for line in lines)
    assert isinstance(provenance.declaration("bfx").account.origins["maintenance_margin"], Derived)
    assert account.explain("positions/BTC-USD/leverage").pointer == "/result/0/leverage/BTC-USD"
    assert account.explain("positions/0/instrument").value == "base: BTC, quote: USD, kind: perpetual"
    assert account.explain("as_of").value == account.to_dict()["as_of"]


def test_where_a_row_was_taken_out_no_number_is_claimed() -> None:
    (account,) = accounts(Case("bfx", "duplicate-row"))

    assert account.explain("positions/0/size").pointer == "/result/*/size"


# Where it stands in the answer ---------------------------------------------------------------------------------------


def steps(pointer: str) -> list[str]:
    return pointer.split("/")[1:]


def at(document: Any, pointer: str) -> Any:
    """The value at a JSON pointer."""
    for step in steps(pointer):
        name = step.replace("~1", "/").replace("~0", "~")
        document = document[name if isinstance(document, dict) else int(name)]
    return document


def children(document: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(document, dict):
        members = cast("dict[str, Any]", document)
        yield from ((name.replace("~", "~0").replace("/", "~1"), value) for name, value in members.items())
    elif isinstance(document, list):
        yield from ((str(number), value) for number, value in enumerate(cast("Sequence[Any]", document)))


def resolved(document: Any, pointer: str, symbol: str | None) -> list[str]:
    """The JSON pointers that a pointer stands for: one, unless it has a step `*` or `[name=value,…]`."""
    places: list[tuple[str, Any]] = [("", document)]
    for step in steps(pointer):
        inner = [(f"{place}/{key}", value, key) for place, found in places for key, value in children(found)]
        if step == "*":
            own = [each for each in inner if symbol in [value for _, value in children(each[1])]]
            places = [(place, value) for place, value, _ in own or inner]
        elif step.startswith("["):
            wanted = [
                pair.replace("~1", "/").replace("~0", "~").partition("=")[::2]
                for pair in step[1:-1].split(",")
                if pair
            ]
            places = [
                (place, value)
                for place, value, _ in inner
                if isinstance(value, dict) and all(member(value, name) == word for name, word in wanted)
            ]
        else:
            places = [(place, value) for place, value, key in inner if key == step]
    return [place for place, _ in places]


def member(row: Any, name: str) -> str | None:
    """The text of a member of an object; None when there is none, or null."""
    value: object = cast("dict[str, Any]", row).get(name) if isinstance(row, dict) else None
    return None if value is None else str(value)


def parsed(stored: StoredAnswer) -> Json:
    """The body with exact numbers; None when it is no JSON."""
    try:
        result: Json = json.loads(stored.content, parse_float=Decimal, parse_int=Decimal)
    except ValueError:
        return None
    return result


def operation_of(venue: str, stored: StoredAnswer) -> str:
    method, _, path = stored.request.partition(" ")
    name: str = spec.load(venue).paths[path][method.lower()]["operationId"]
    return name


def symbol_of(account: Account, path: str) -> str | None:
    head, _, rest = path.partition("/")
    if not rest:
        return None
    row = getattr(account, head)[int(rest.partition("/")[0])]
    return row.venue_symbol if isinstance(row, Position) else row.asset


@pytest.mark.parametrize("case", READ, ids=str)
def test_a_reported_figure_stands_where_it_is_said_to_stand(case: Case) -> None:
    bodies: dict[str, list[Json]] = defaultdict(list)
    for stored in case.exchange.answers:
        bodies[operation_of(case.venue, stored)].append(parsed(stored))
    for account in accounts(case):
        for prefix, row, fields in rows(account):
            for name, origin in fields.origins.items():
                value = getattr(row, name)
                if not isinstance(origin, Reported) or not isinstance(value, Decimal):
                    continue
                told = account.explain(prefix + name)
                assert told.pointer is not None
                found = [
                    Decimal(str(at(body, place)))
                    for body in bodies[origin.operation]
                    for place in resolved(body, told.pointer, symbol_of(account, prefix + name))
                ]
                # An unsigned figure of the view may bear the sign of its side in the answer.
                signed = MEASURES[type(row)][name].signed
                assert value in (found if signed else [each.copy_abs() for each in found]), prefix + name


# The proof -----------------------------------------------------------------------------------------------------------


@dataclass
class Claim:
    """What the explanation of one field says that it rests on, within one answer."""

    must: set[str] = field(default_factory=set[str])
    """A change there moves the field."""
    one_of: set[str] = field(default_factory=set[str])
    """A change at one of these at least moves it: what is inside a list or a map, or rows that cannot be told apart."""
    whole: set[str] = field(default_factory=set[str])
    """These are lists or maps: of their entries one at least moves it by going."""
    inputs: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """What must move it, with the input of the formula through which it does."""
    may: set[str] = field(default_factory=set[str])
    """A change there may move it: the names by which its row is found, the figures that choose a word."""

    @property
    def all(self) -> set[str]:
        return self.must | self.one_of | self.may


LISTS = ("positions", "balances")


def leaves(explanation: Explanation, path: str = "") -> Iterator[tuple[str, Explanation]]:
    """The reported values that an explanation rests on, each with the field of the view that it is told for."""
    # A value that the view does not show by itself is about the row of the field that is made of it.
    path = explanation.field if "/" in explanation.field or not path else path
    if explanation.operation is not None:
        yield path, explanation
    for part in explanation.inputs:
        yield from leaves(part, path)


def inside(document: Any, pointer: str) -> set[str]:
    """The pointers of all values in a list or map, or of the value itself."""
    value = at(document, pointer)
    if isinstance(value, dict | list):
        return {found for key, _ in children(value) for found in inside(document, f"{pointer}/{key}")}
    return set() if value is None else {pointer}


FIGURE = re.compile(r"-?\d+(\.\d+)?")


def is_figure(value: object) -> bool:
    return isinstance(value, Decimal) or (isinstance(value, str) and FIGURE.fullmatch(value) is not None)


def claims(account: Account, operation: str, body: Json) -> dict[str, Claim]:
    """Field → what it says that it rests on in this answer."""
    told = provenance.explanations(account)
    found = {name: claim(account, told[name], operation, body) for name in told}
    for name in found:
        prefix = name[: name.rfind("/") + 1]
        # A row is found by its name, so where the name changes, what is found may change.
        templates = [wire.pointer for wire in declared_wires(account, name)]
        for mark, naming in (
            ("{symbol}", f"{prefix}venue_symbol"),
            ("{symbol}", f"{prefix}asset"),
            ("{quote}", f"{prefix}instrument"),
            ("{account}", "account_id"),
        ):
            if naming in found and any(mark in pointer for pointer in templates):
                found[name].may |= found[naming].all
    for head in LISTS:
        # A list is its rows.
        found[head].may |= {
            place for name, each in found.items() if name.startswith(f"{head}/") for place in each.all
        }
    return found


def claim(account: Account, told: Explanation, operation: str, body: Json) -> Claim:
    result = Claim()
    figure = isinstance(value_at(account, told.field), Decimal)
    ways = [
        (part.field.rpartition("/")[2], each) for part in told.inputs for each in leaves(part, told.field)
    ]
    for way, (path, leaf) in ways or [("", each) for each in leaves(told)]:
        assert leaf.pointer is not None
        if leaf.operation != operation:
            continue
        places = resolved(body, leaf.pointer, symbol_of(account, path))
        result.may |= selecting(body, leaf.pointer)
        result.whole |= {place for place in places if isinstance(at(body, place), dict | list)}
        wires = {wire for place in places for wire in inside(body, place)}
        if told.formula is not None and not figure and all(is_figure(at(body, wire)) for wire in wires):
            result.may |= wires  # a word stands for a range of figures
        elif wires <= set(places) and (len(wires) == 1 or "/" not in path):
            result.must |= wires
            result.inputs |= {(wire, way) for wire in wires}
        else:
            result.one_of |= wires
    return result


def selecting(document: Any, pointer: str) -> set[str]:
    """The values that a step `[name=value,…]` looks at to find its rows."""
    found: set[str] = set()
    head = ""
    for step in steps(pointer):
        names = [pair.partition("=")[0] for pair in step[1:-1].split(",")] if step.startswith("[") else []
        found |= {
            f"{place}/{key}/{name}"
            for place in resolved(document, head, None)
            for key, row in children(at(document, place))
            for name in names
            if member(row, name) is not None
        }
        head = f"{head}/{step}"
    return found


def declared_wires(account: Account, path: str) -> list[Reported]:
    """The declared wire values that a field rests on, down through formulas."""
    declared = provenance.declaration_of(account)
    of = {"positions": declared.position, "balances": declared.balance}
    head, _, rest = path.partition("/")
    origins = of[head].origins if rest else {**provenance.OF_ANY_ACCOUNT, **declared.account.origins}
    origin = origins[path.rpartition("/")[2]]
    found = reported(origin)
    for part in origin.inputs if isinstance(origin, Derived) else ():
        if isinstance(part, str):
            prefix = path[: path.rfind("/") + 1]
            name = part if "/*/" in part else prefix + part
            if "/*/" not in part or getattr(account, part.partition("/")[0]):
                found += declared_wires(account, name)
    return found


def value_at(account: Account, path: str) -> object:
    head, _, rest = path.partition("/")
    if not rest:
        value = getattr(account, head)
        return tuple([shown(row) for row in value]) if head in LISTS else value
    number, _, name = rest.partition("/")
    return getattr(getattr(account, head)[int(number)], name)


def shown(row: Position | Balance) -> tuple[object, ...]:
    """A row without the reasons: those are no figures."""
    return tuple([getattr(row, name) for name in row.__struct_fields__ if name != "missing"])


def moved(before: Account, after: Account) -> set[str]:
    """The fields that differ. A row that came or went moves its list; the other rows are found by their keys."""
    # It was withheld because a list looks cut now, and not computed anew.
    withheld = before.complete and not after.complete
    found = differing("", before, after, withheld=withheld) - OURS[Account] - set(LISTS)
    for head in LISTS:
        old, new = getattr(before, head), getattr(after, head)
        in_rows: set[str] = set()
        for number, there in matched(old, new).items():
            in_rows |= differing(f"{head}/{number}/", old[number], new[there], withheld=withheld)
        if in_rows or len(old) != len(new):
            found |= {head, *in_rows}
    return found


def differing(prefix: str, old: Any, new: Any, *, withheld: bool) -> set[str]:
    """The fields of a row that differ; what was missing promised nothing."""
    return {
        prefix + name
        for name in old.__struct_fields__
        if name != "missing"
        and (before := getattr(old, name)) is not None
        and (after := getattr(new, name)) != before
        and not (after is None and withheld)
    }


def matched(old: tuple[Any, ...], new: tuple[Any, ...]) -> dict[int, int]:
    if len(old) == len(new):
        return {number: number for number in range(len(old))}
    places: dict[object, list[int]] = defaultdict(list)
    for number, row in enumerate(new):
        places[key(row)].append(number)
    return {number: places[key(row)].pop(0) for number, row in enumerate(old) if places[key(row)]}


def key(row: Position | Balance) -> object:
    return row.key if isinstance(row, Position) else (row.asset, row.wallet)


def other_figures(value: Decimal | str) -> list[Json]:
    """The figure a very little higher, which keeps every threshold and tolerance; a whole one where it must be one."""
    text = value if isinstance(value, str) else format(value, "f")
    a_little = text + ("000000001" if "." in text else ".000000001")
    number = Decimal(text)
    one_more = format(number + 1 if number >= 0 else number - 1, "f")
    return [a_little, one_more] if isinstance(value, str) else [Decimal(a_little), Decimal(one_more)]


def other_words(venue: str, operation: str, pointer: str, word: str) -> list[Json]:
    """What may stand there instead: the other words that the spec lists, a later time, or just another text."""
    try:
        return [(datetime.fromisoformat(word) + timedelta(seconds=1)).isoformat()]
    except ValueError:
        pass
    venue_spec = spec.load(venue)
    schema = venue_spec.schema_at(operation, pointer)
    while "$ref" in schema:
        schema = venue_spec.components["schemas"][schema["$ref"].rpartition("/")[2]]
    listed = [each for each in schema.get("enum", []) if each not in (word, None)]
    return listed or [f"X{word}", f"{word}X"]


ENCODER = msgspec.json.Encoder(decimal_format="number")


def with_value(
    stored: StoredAnswer, body: Json, pointers: Iterable[str], value: "Json | msgspec.UnsetType"
) -> StoredAnswer:
    """The answer with another value at some pointers; with nothing there for UNSET."""
    document = json.loads(ENCODER.encode(body), parse_float=Decimal, parse_int=Decimal)
    for pointer in pointers:
        parent, _, last = pointer.rpartition("/")
        holder = at(document, parent)
        name = last.replace("~1", "/").replace("~0", "~")
        place = name if isinstance(holder, dict) else int(name)
        if value is msgspec.UNSET:
            del holder[place]
        else:
            holder[place] = value
    text = ENCODER.encode(document).decode()
    return msgspec.structs.replace(stored, body=msgspec.Raw(), text=text, base64=None)


def copies(document: Any, pointer: str) -> list[str]:
    """The pointer, and the same place in every copy of the row that it is in: of copies only one counts."""
    found = [""]
    place = ""
    for step in steps(pointer):
        holder = at(document, place)
        place = f"{place}/{step}"
        same = [step]
        if isinstance(holder, list):
            same = [key for key, value in children(holder) if value == at(document, place)]
        found = [f"{each}/{key}" for each in found for key in same]
    return found


def hidden(told: Explanation, body: Json) -> bool:
    """Whether a figure may rightly stand still: a factor is zero, or the formula has alternatives."""
    zero = told.value is not None and FIGURE.fullmatch(told.value) is not None and not Decimal(told.value)
    unseen = (
        told.value is None and told.pointer is not None
    )  # a value of the venue only: looked up in the answer
    wires = resolved(body, told.pointer, None) if unseen and told.pointer is not None else []
    zero = zero or any(is_figure(at(body, wire)) and not Decimal(str(at(body, wire))) for wire in wires)
    either = re.search(r"\b(else|min|max)\b", told.formula or "") is not None
    return zero or either or any(hidden(part, body) for part in told.inputs)


def read(
    case: Case, answers: Sequence[StoredAnswer], heard: Callable[[str, StoredAnswer], None] | None = None
) -> Reading:
    options = case.options | {"drift": "off"}  # looked at by tests of its own, and slow
    return conformance.read(case.venue, options, answers, heard=heard or (lambda _operation, _stored: None))


@dataclass
class Proof:
    """The perturbation of all cases of a venue: what it found wrong, and what it saw moving."""

    venue: str
    wrong: list[str] = field(default_factory=list[str])
    shown: set[tuple[str, str, str]] = field(default_factory=set[tuple[str, str, str]])
    """Kind of row, field, and the input of its formula that was seen to move it (empty where it is reported)."""
    claimed: set[tuple[str, str, str]] = field(default_factory=set[tuple[str, str, str]])
    tried: int = 0

    def run(self, case: Case) -> None:
        heard: list[tuple[str, StoredAnswer]] = []
        answers = case.exchange.answers
        before = read(case, answers, lambda name, stored: heard.append((name, stored))).accounts
        for number, (operation, stored) in enumerate(heard):
            body = parsed(stored)
            if body is not None and stored in answers and (operation, stored) not in heard[:number]:
                alone = len({id(each) for name, each in heard if name == operation}) == 1
                self.run_answer(case, before, answers.index(stored), body, operation, alone=alone)

    def run_answer(
        self, case: Case, before: tuple[Account, ...], index: int, body: Json, operation: str, *, alone: bool
    ) -> None:
        answers = case.exchange.answers
        claimed = [claims(account, operation, body) for account in before]
        told = [provenance.explanations(account) for account in before]
        moved_by: list[dict[str, set[str]]] = [defaultdict(set) for _ in before]
        for pointer in sorted(inside(body, "")):
            exactly = any(pointer in each.all for by_name in claimed for each in by_name.values())
            readable = False
            here: list[set[str]] = [set() for _ in before]
            for value in self.others(operation, pointer, at(body, pointer), claimed=exactly):
                changed = list(answers)
                changed[index] = with_value(answers[index], body, copies(body, pointer), value)
                try:
                    after = read(case, changed).accounts
                except VenueError:
                    continue
                readable = readable or len(after) == len(before)
                self.tried += 1
                for number, old in enumerate(before):
                    naming = pointer in claimed[number]["account_id"].all and len(after) == len(before)
                    new = after[number] if naming else same_account(old, after)
                    if new is None:
                        continue  # an account that cannot be read shows nothing
                    names = moved(old, new)
                    here[number] |= names
                    for name in names:
                        moved_by[number][name].add(pointer)
                        if name not in claimed[number] or pointer not in claimed[number][name].all:
                            self.wrong.append(
                                f"{case} {operation} {pointer} → {value}: moves {name} unclaimed"
                            )
                if is_figure(at(body, pointer)):
                    break
            demanded = [
                {name for name, each in by_name.items() if pointer in each.must and is_there(account, name)}
                for account, by_name in zip(before, claimed, strict=True)
            ]
            if not readable:
                figures = [
                    name
                    for account, names in zip(before, demanded, strict=True)
                    for name in names
                    if isinstance(value_at(account, name), Decimal)
                ]
                # Where a row is closed, nothing but 0 may stand.
                if figures and is_figure(at(body, pointer)) and Decimal(str(at(body, pointer))):
                    self.wrong.append(
                        f"{case} {operation} {pointer}: no other value can be read, for {figures}"
                    )
                continue
            if not is_figure(at(body, pointer)):
                continue  # another word may mean the same: that it matters at all is for some case to show
            still = [
                {
                    name
                    for name in names - seen
                    if not told_of[name].formula or not hidden(told_of[name], body)
                }
                for names, seen, told_of in zip(demanded, here, told, strict=True)
            ]
            # Of several answers of one operation, this one is about one of the accounts.
            if any(still) if alone else all(still):
                self.wrong.append(f"{case} {operation} {pointer}: does not move {[*filter(None, still)]}")
        self.take_out(case, before, index, body, operation, claimed, alone=alone)
        for account, by_name, seen in zip(before, claimed, moved_by, strict=True):
            self.sum_up(case, account, operation, by_name, seen, alone=alone)

    def take_out(
        self,
        case: Case,
        before: tuple[Account, ...],
        index: int,
        body: Json,
        operation: str,
        claimed: list[dict[str, Claim]],
        *,
        alone: bool,
    ) -> None:
        """Take each entry out by itself, of every list and of every map that is claimed as a whole."""
        answers = case.exchange.answers
        wholes = {place for by_name in claimed for each in by_name.values() for place in each.whole}
        for whole in sorted(wholes | set(lists(body))):
            entries = list(children(at(body, whole)))
            gone = [f"{whole}/{key}" for key, _ in entries]
            copied = any(value == other for n, (_, value) in enumerate(entries) for _, other in entries[:n])
            seen: list[set[str]] = [set() for _ in before]
            for entry in gone:
                changed = list(answers)
                changed[index] = with_value(answers[index], body, [entry], msgspec.UNSET)
                try:
                    after = read(case, changed).accounts
                except VenueError:
                    continue
                for number, old in enumerate(before):
                    new = same_account(old, after)
                    if new is None:
                        continue
                    # A list moves here when rows come or go; that they change is told of their own fields.
                    names = (moved(old, new) - set(LISTS)) | {
                        head for head in LISTS if len(getattr(old, head)) != len(getattr(new, head))
                    }
                    seen[number] |= names
                    self.wrong += [
                        f"{case} {operation} without {entry}: moves {name} unclaimed"
                        for name in sorted(names)
                        if name not in claimed[number] or not rests_on(name, claimed[number][name], entry)
                    ]
            for account, by_name, names in zip(before, claimed, seen, strict=True):
                still = {
                    name
                    for name, each in by_name.items()
                    if whole in each.whole and is_there(account, name) and name not in names
                }
                if still and gone and alone and not copied:
                    self.wrong.append(f"{case} {operation} {whole}: no entry moves {sorted(still)} by going")

    def sum_up(
        self,
        case: Case,
        account: Account,
        operation: str,
        by_name: dict[str, Claim],
        seen: dict[str, set[str]],
        *,
        alone: bool,
    ) -> None:
        for name, each in by_name.items():
            if each.one_of and alone and is_there(account, name) and not seen[name] & each.one_of:
                self.wrong.append(f"{case} {operation}: nothing in {sorted(each.one_of)[:3]}… moves {name}")
            head, _, rest = name.partition("/")
            kind = head if rest else "account"
            last = name.rpartition("/")[2]
            self.claimed |= {(kind, last, way) for _, way in each.inputs}
            self.shown |= {(kind, last, way) for pointer, way in each.inputs if pointer in seen[name]}

    def others(self, operation: str, pointer: str, value: Any, *, claimed: bool) -> list[Json]:
        if isinstance(value, bool):
            return [not value] if claimed else []
        if is_figure(value):
            return other_figures(value)
        return other_words(self.venue, operation, pointer, value) if claimed else []


def lists(document: Any, pointer: str = "") -> Iterator[str]:
    """The pointers of all lists."""
    if isinstance(document, list):
        yield pointer
    for key, value in children(document):
        yield from lists(value, f"{pointer}/{key}")


def rests_on(name: str, claim: Claim, entry: str) -> bool:
    """Whether something in an entry of a list or map, or all of that, is claimed."""
    own = claim.must | claim.one_of if name in LISTS else claim.all
    return entry.rpartition("/")[0] in claim.whole or any(
        place == entry or place.startswith(f"{entry}/") for place in own
    )


def same_account(old: Account, after: tuple[Account, ...]) -> Account | None:
    return next((new for new in after if new.account_id == old.account_id), None)


def is_there(account: Account, name: str) -> bool:
    return value_at(account, name) not in (None, (), {})


@pytest.mark.parametrize("venue", venues())
def test_a_wire_value_moves_exactly_the_fields_that_claim_it(venue: str) -> None:
    """Each value of each answer of each case is changed by itself.

    What is reported always moves. What is derived may stand still where a factor is zero or another input comes
    first; but then another case must show it moving.
    """
    proof = Proof(venue)
    for case in cases(venue):
        if case.expected["accounts"]:
            proof.run(case)

    assert not proof.wrong, "\n".join(proof.wrong[:40])
    assert proof.claimed <= proof.shown, f"no case shows it moving: {sorted(proof.claimed - proof.shown)}"
    assert proof.tried >= len(proof.claimed) > 0


@pytest.mark.parametrize(
    ("name", "origin", "says"),
    [
        ("health", Reported("getAccount", "/result/0/account_margin"), "moves health unclaimed"),
        ("health", Reported("getAccount", "/result/0/account_margin"), "does not move [{'health'}]"),
        ("health", Never(Missing.UNSUPPORTED, "not so"), "moves health unclaimed"),
        ("margin_ratio", Derived("1 / equity", ("equity",)), "moves margin_ratio unclaimed"),
        (
            "initial_margin",
            Derived("position_margin + order_margin", ("position_margin", "order_margin", "equity")),
            "does not move [{'initial_margin'}]",
        ),
        (
            "positions",
            Reported("getAccount", "/result/0/leverage"),
            "without /result/0: moves positions unclaimed",
        ),
        ("leverage_by_market", Reported("getPositions", "/result"), "moves leverage_by_market"),
        ("venue_status", Reported("getAccount", "/result/0/profile_type"), "moves venue_status unclaimed"),
    ],
)
def test_the_proof_finds_a_wrong_declaration(
    name: str, origin: Origin, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = bfx.DECLARATION
    wrong = Declaration(Fields(**{**right.account.origins, name: origin}), right.position, right.balance)
    monkeypatch.setattr(bfx, "DECLARATION", wrong)
    proof = Proof("bfx")

    proof.run(Case("bfx", "long-and-short"))

    assert any(says in problem for problem in proof.wrong), proof.wrong


def test_an_input_that_never_matters_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = bfx.DECLARATION
    origin = Derived(
        "position_margin + order_margin else equity", ("position_margin", "order_margin", "equity")
    )
    fields = Fields(**{**right.account.origins, "initial_margin": origin})
    monkeypatch.setattr(bfx, "DECLARATION", Declaration(fields, right.position, right.balance))
    proof = Proof("bfx")

    proof.run(Case("bfx", "long-and-short"))

    assert not proof.wrong
    assert ("account", "initial_margin", "equity") in proof.claimed - proof.shown
