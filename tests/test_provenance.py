"""Every figure can be explained, and what is declared is what is done."""

import importlib
import json
import re
from decimal import Decimal
from typing import Any, TypeAlias

import pytest
from support import Case, ReplayServer, StoredAnswer, cases, venues

import accountview as av
from accountview import spec
from accountview.client import Client
from accountview.provenance import Declaration, Derived, Fields, Never, Reported
from accountview.venues import open_adapter
from accountview.view import Account, Balance, Explanation, Position

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | None"

TIMES = dict.fromkeys(("requested_at", "received_at"), "2026-01-02T03:04:05.000000Z")
NOT_EXPLAINED = {
    Account: {
        "label",
        "tags",
        "venue",
        "underlying_venue",
        "requested_at",
        "received_at",
        "missing",
        "findings",
    },
    Position: {"missing"},
    Balance: {"missing"},
}


def declaration(venue: str) -> Declaration:
    result: Declaration = importlib.import_module(f"accountview.venues.{venue}").DECLARATION
    return result


def accounts(case: Case) -> list[Account]:
    return [Account.from_dict(expected | TIMES) for expected in case.expected["accounts"]]


READ = [case for case in cases() if case.expected["accounts"]]


@pytest.mark.parametrize("venue", venues())
def test_every_field_is_declared(venue: str) -> None:
    declared = declaration(venue)
    for kind, fields in (
        (Account, declared.account),
        (Position, declared.position),
        (Balance, declared.balance),
    ):
        assert set(fields.origins) == set(kind.__struct_fields__) - NOT_EXPLAINED[kind]


@pytest.mark.parametrize("venue", venues())
def test_every_pointer_is_in_the_spec_with_its_evidence(venue: str) -> None:
    declared = declaration(venue)
    for fields in (declared.account, declared.position, declared.balance):
        for name, origin in fields.origins.items():
            if isinstance(origin, Reported):
                pointer = origin.pointer.format(row="0", symbol="*", account="*")
                field = spec.load(venue).wire_field(origin.operation, pointer)
                assert field.description, f"{venue} {name}: {pointer} has no description"
                assert field.evidence, f"{venue} {name}: {pointer} has no evidence"


@pytest.mark.parametrize("case", READ, ids=str)
def test_every_none_has_a_reason_and_no_figure_has_one(case: Case) -> None:
    declared = declaration(case.venue)
    for account in accounts(case):
        rows: list[tuple[Account | Position | Balance, Fields]] = [(account, declared.account)]
        rows += [(position, declared.position) for position in account.positions]
        rows += [(balance, declared.balance) for balance in account.balances]
        for row, fields in rows:
            for name in fields.origins:
                value = getattr(row, name)
                if value is None:
                    assert name in row.missing, f"{name} is None and no reason says why"
                elif isinstance(value, Decimal):
                    assert name not in row.missing, f"{name} is there and yet it is called missing"
            assert set(row.missing) <= set(fields.origins)


@pytest.mark.parametrize("case", READ, ids=str)
def test_every_field_explains_itself(case: Case) -> None:
    for account in accounts(case):
        rows: list[tuple[str, Account | Position | Balance]] = [("", account)]
        rows += [(f"positions/{number}/", row) for number, row in enumerate(account.positions[:3])]
        rows += [(f"balances/{number}/", row) for number, row in enumerate(account.balances[:3])]
        for prefix, row in rows:
            for name in set(row.__struct_fields__) - NOT_EXPLAINED[type(row)]:
                explanation = account.explain(prefix + name)
                text = str(explanation)
                assert text.startswith(f"{prefix}{name} = ")
                if getattr(row, name) is None:
                    assert explanation.how == "missing"
                    assert explanation.reason is not None
                    assert "missing" in text
                elif name in row.missing:  # a list that is not whole, or that the venue does not have
                    assert explanation.reason is row.missing[name]
                else:
                    assert explanation.how in ("reported", "derived")


def down_to_reported(explanation: Explanation) -> set[tuple[str, str]]:
    """The wire values that an explanation rests on."""
    if explanation.how == "derived" or explanation.operation is None:
        return {found for part in explanation.inputs for found in down_to_reported(part)}
    assert explanation.pointer is not None
    return {(explanation.operation, explanation.pointer)}


def at(document: Any, pointer: str) -> Any:
    """The value at a JSON pointer."""
    for step in pointer.split("/")[1:]:
        document = document[step if isinstance(document, dict) else int(step)]
    return document


@pytest.mark.parametrize("case", READ, ids=str)
def test_a_reported_figure_stands_where_it_is_said_to_stand(case: Case) -> None:
    declared = declaration(case.venue)
    bodies = answers(case)
    for account in accounts(case):
        for name, origin in declared.account.origins.items():
            value = getattr(account, name)
            if isinstance(origin, Reported) and isinstance(value, Decimal):
                assert Decimal(str(at(bodies[origin.operation], explain_pointer(account, name)))) == value
        for number, position in enumerate(account.positions):
            if any(finding.code == "DUPLICATE_ROW" for finding in account.findings):
                continue
            for name, origin in declared.position.origins.items():
                value = getattr(position, name)
                if isinstance(origin, Reported) and isinstance(value, Decimal):
                    pointer = explain_pointer(account, f"positions/{number}/{name}")
                    assert Decimal(str(at(bodies[origin.operation], pointer))) == value


def explain_pointer(account: Account, field: str) -> str:
    pointer = account.explain(field).pointer
    assert pointer is not None
    return pointer


def answers(case: Case) -> dict[str, Any]:
    """operationId → parsed body, amounts as their text."""
    names = {
        f"{method.upper()} {path}": described["operationId"]
        for path, methods in spec.load(case.venue).paths.items()
        for method, described in methods.items()
    }
    return {
        names[stored.request]: json.loads(stored.content, parse_float=str, parse_int=str)
        for stored in case.exchange.answers
        if bytes(stored.body)
    }


PERTURBED = [case for case in READ if case.name in ("long-and-short", "documented-38-digits")]


@pytest.mark.parametrize("case", PERTURBED, ids=str)
def test_a_wire_figure_moves_exactly_the_fields_that_claim_it(case: Case, replay: ReplayServer) -> None:
    """Each figure of each answer is changed by itself: the fields that change are those that say they rest on it."""
    before = read(case, replay, case.exchange.answers)
    claims = claimed(before, case.venue)
    for index, stored in enumerate(case.exchange.answers):
        operation = next(
            iter(answers(Case(case.venue, case.name)).keys() & {operation_of(case.venue, stored)})
        )
        for pointer, text in figures(json.loads(stored.content)):
            changed = list(case.exchange.answers)
            body = json.loads(stored.content)
            put(body, pointer, text + ("1" if "." in text else ".001"))
            changed[index] = StoredAnswer(request=stored.request, status=200, text=json.dumps(body))
            after = read(case, replay, changed)
            moved = {name for name in claims if value_at(before, name) != value_at(after, name)}
            claiming = {name for name, wires in claims.items() if (operation, pointer) in wires}
            assert moved == claiming, (
                f"{operation} {pointer}: moved {moved - claiming}, still {claiming - moved}"
            )


def operation_of(venue: str, stored: StoredAnswer) -> str:
    method, _, path = stored.request.partition(" ")
    name: str = spec.load(venue).paths[path][method.lower()]["operationId"]
    return name


def read(case: Case, replay: ReplayServer, stored: list[StoredAnswer]) -> Account:
    base_url = replay.serve("perturbed", stored)
    with Client(open_adapter(case.venue, case.options | {"base_url": base_url})) as client:
        return client.account()


def claimed(account: Account, venue: str) -> dict[str, set[tuple[str, str]]]:
    declared = declaration(venue)
    names = [name for name, origin in declared.account.origins.items() if not isinstance(origin, Never)]
    names = [name for name in names if isinstance(getattr(account, name), Decimal)]
    for number, position in enumerate(account.positions):
        names += [
            f"positions/{number}/{name}"
            for name in declared.position.origins
            if isinstance(getattr(position, name), Decimal)
        ]
    for number, balance in enumerate(account.balances):
        names += [
            f"balances/{number}/{name}"
            for name in declared.balance.origins
            if isinstance(getattr(balance, name), Decimal)
        ]
    return {name: down_to_reported(account.explain(name)) for name in names}


def value_at(account: Account, name: str) -> object:
    head, _, rest = name.partition("/")
    if not rest:
        return getattr(account, name)
    number, _, field = rest.partition("/")
    return getattr(getattr(account, head)[int(number)], field)


def figures(document: Json, pointer: str = "") -> list[tuple[str, str]]:
    """Every decimal text of an answer, with its JSON pointer."""
    if isinstance(document, dict):
        return [found for key, value in document.items() for found in figures(value, f"{pointer}/{key}")]
    if isinstance(document, list):
        return [
            found for number, value in enumerate(document) for found in figures(value, f"{pointer}/{number}")
        ]
    if isinstance(document, str) and re.fullmatch(r"-?\d+(\.\d+)?", document):
        return [(pointer, document)]
    return []


def put(document: Any, pointer: str, value: str) -> None:
    parent, _, last = pointer.rpartition("/")
    holder = at(document, parent)
    holder[int(last) if isinstance(holder, list) else last] = value


def test_an_unknown_field_names_the_choices() -> None:
    account = accounts(Case("bfx", "long-and-short"))[0]

    for field in ("equty", "positions/7/size", "positions/BTC-USD/sice", "orders/0/size", "positions"):
        if field == "positions":
            assert account.explain(field).value == "2 rows"
            continue
        with pytest.raises(av.UsageError, match=r"there are|rows are named"):
            account.explain(field)


def test_an_explanation_reads_well() -> None:
    account = accounts(Case("bfx", "long-and-short"))[0]

    lines = str(account.explain("maintenance_margin")).splitlines()
    assert lines[0] == f"maintenance_margin = {account.to_dict()['maintenance_margin']}  derived"
    assert any("maintenance_margin_rate = 0.03" in line for line in lines)
    assert any("getAccount at /result/0/total_notional" in line for line in lines)
    assert isinstance(declaration("bfx").account.origins["maintenance_margin"], Derived)
    assert account.explain("positions/BTC-USD/leverage").pointer == "/result/0/leverage/BTC-USD"
