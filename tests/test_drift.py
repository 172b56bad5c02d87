"""The drift radar: every way in which an answer can leave its spec is named, and none of it ever costs a read."""

import asyncio
import copy
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from jsonschema import Draft202012Validator
from support import FIXTURES, Case, ReplayServer, StoredAnswer, cases, venues

import accountview as av
from accountview import accounts_file, drift, spec
from accountview.client import AsyncClient, Client
from accountview.conformance import read
from accountview.drift import Drift, Expected, Radar, compare
from accountview.errors import UsageError
from accountview.secret import Secret
from accountview.venues import open_adapter

VENUE = "bfx"
WHOLE = Case(VENUE, "long-and-short")
ACCOUNT, POSITIONS = "getAccount", "getPositions"
CANARY = "987654321.12345"

Change = Callable[[Any], object]
Named = set[tuple[str, str, str]]


def body(operation: str) -> Any:
    request = {ACCOUNT: "GET /account", POSITIONS: "GET /positions"}[operation]
    (stored,) = [each for each in WHOLE.exchange.answers if each.request == request]
    return json.loads(stored.content)


def named(drifts: tuple[Drift, ...]) -> Named:
    return {(each.kind, each.pointer, each.severity) for each in drifts}


def renamed(row: dict[str, Any], old: str, new: str) -> None:
    row[new] = row.pop(old)


# Seeded breakages ------------------------------------------------------------------------------------------------


def first(**changes: Any) -> Change:
    """The first row with other values."""
    return lambda tree: tree["result"][0].update(changes)


def both(**changes: Any) -> Change:
    return lambda tree: [row.update(changes) for row in tree["result"]]


SEEDED: dict[str, tuple[str, Change, Named]] = {
    "nothing": (ACCOUNT, lambda _: None, set()),
    "a required key is removed": (
        ACCOUNT,
        lambda tree: tree["result"][0].pop("status"),
        {("missing_key", "/result/0/status", "high")},
    ),
    "the envelope loses a key": (
        POSITIONS,
        lambda tree: tree.pop("success"),
        {("missing_key", "/success", "high")},
    ),
    "a required key is renamed": (
        POSITIONS,
        lambda tree: renamed(tree["result"][1], "size", "quantity"),
        {("missing_key", "/result/1/size", "high"), ("unknown_key", "/result/1/quantity", "high")},
    ),
    "a figure is renamed": (
        ACCOUNT,
        lambda tree: renamed(tree["result"][0], "account_equity", "equity"),
        {("unknown_key", "/result/0/equity", "high")},
    ),
    "a figure that is zero is renamed": (
        ACCOUNT,
        lambda tree: (first(wallet_balance="0")(tree), tree["result"][0].pop("balance")),
        {("unknown_key", "/result/0/wallet_balance", "high")},
    ),
    "a key that nothing reads is renamed": (
        ACCOUNT,
        lambda tree: renamed(tree["result"][0], "wallet", "owner"),
        {("unknown_key", "/result/0/owner", "low")},
    ),
    "a number for a decimal text": (
        ACCOUNT,
        first(balance=12),
        {("changed_type", "/result/0/balance", "high")},
    ),
    "a number for a decimal text that nothing reads": (
        ACCOUNT,
        first(cum_trading_volume=12),
        {("changed_type", "/result/0/cum_trading_volume", "low")},
    ),
    "a text for a number": (ACCOUNT, first(id="13"), {("changed_type", "/result/0/id", "high")}),
    "a fraction for a whole number": (ACCOUNT, first(id=13.5), {("changed_type", "/result/0/id", "high")}),
    "a whole number written with a point": (ACCOUNT, first(id=13.0), set()),
    "true for a text": (ACCOUNT, first(status=True), {("changed_type", "/result/0/status", "high")}),
    "an object for a text": (
        ACCOUNT,
        first(account_equity={"value": "1"}),
        {("changed_type", "/result/0/account_equity", "high")},
    ),
    "a list for an object": (ACCOUNT, first(leverage=[]), {("changed_type", "/result/0/leverage", "high")}),
    "an object for a list": (
        POSITIONS,
        lambda tree: tree.update(result={}),
        {("changed_type", "/result", "high")},
    ),
    "a list for a row": (
        POSITIONS,
        lambda tree: tree["result"].append([]),
        {("changed_type", "/result/2", "high")},
    ),
    "a list for the whole answer": (
        ACCOUNT,
        lambda tree: tree.clear(),
        {("missing_key", "/success", "high"), ("missing_key", "/result", "high")},
    ),
    "newly null": (ACCOUNT, first(balance=None), {("null", "/result/0/balance", "high")}),
    "null in a map": (
        ACCOUNT,
        lambda tree: tree["result"][0]["leverage"].update({"A/B~C": None}),
        {("null", "/result/0/leverage/A~1B~0C", "high")},
    ),
    "a number in a map": (
        ACCOUNT,
        lambda tree: tree["result"][0]["leverage"].update({"NEW-USD": 3}),
        {("changed_type", "/result/0/leverage/NEW-USD", "high")},
    ),
    "a new market in a map": (ACCOUNT, lambda tree: tree["result"][0]["leverage"].update(NEW="3"), set()),
    "a new word": (ACCOUNT, first(status="frozen"), {("unlisted_word", "/result/0/status", "high")}),
    "a new word that nothing reads": (
        ACCOUNT,
        first(profile_type="robot"),
        {("unlisted_word", "/result/0/profile_type", "low")},
    ),
    "a new side": (POSITIONS, both(side="both"), {("unlisted_word", "/result/0/side", "high")}),
    "a grouped decimal": (ACCOUNT, first(balance="1_0"), {("malformed", "/result/0/balance", "high")}),
    "an empty decimal": (ACCOUNT, first(balance=""), {("malformed", "/result/0/balance", "high")}),
    "a loan": (ACCOUNT, first(loan="0.01"), {("unknown_key", "/result/0/loan", "high")}),
    "a loan as a number": (ACCOUNT, first(loan=-3), {("unknown_key", "/result/0/loan", "high")}),
    "a loan with an exponent": (ACCOUNT, first(loan=5e-7), {("unknown_key", "/result/0/loan", "high")}),
    "a loan inside an object": (
        ACCOUNT,
        first(loans={"usdt": [{"coin": "USDT", "due": "0"}, {"due": "7"}]}),
        {("unknown_key", "/result/0/loans", "high")},
    ),
    "a loan that is zero": (ACCOUNT, first(loan="0.000"), {("unknown_key", "/result/0/loan", "low")}),
    "a zero with an exponent": (ACCOUNT, first(loan="0e9"), {("unknown_key", "/result/0/loan", "low")}),
    "an empty object": (ACCOUNT, first(loans={"usdt": []}), {("unknown_key", "/result/0/loans", "low")}),
    "a new text": (ACCOUNT, first(remark="7 apples"), {("unknown_key", "/result/0/remark", "low")}),
    "a new switch": (ACCOUNT, first(hedged=True), {("unknown_key", "/result/0/hedged", "low")}),
    "a loan in the envelope": (
        POSITIONS,
        lambda tree: tree.update(borrowed="12"),
        {("unknown_key", "/borrowed", "high")},
    ),
    "the gravest of several rows": (
        POSITIONS,
        lambda tree: (tree["result"][0].update(loan="0"), tree["result"][1].update(loan="1")),
        {("unknown_key", "/result/1/loan", "high")},
    ),
}


@pytest.mark.parametrize("name", SEEDED)
def test_what_a_venue_changes_is_named_exactly(name: str) -> None:
    operation, change, expected = SEEDED[name]
    tree = body(operation)
    change(tree)

    assert named(compare(VENUE, operation, 200, json.dumps(tree).encode())) == expected


@pytest.mark.parametrize(
    ("status", "content", "expected"),
    [
        (299, b"{}", {("undocumented_status", "", "high")}),
        (302, b"<html>", {("undocumented_status", "", "high")}),
        (200, b"", {("unreadable", "", "high")}),
        (200, b'{"success": true, "result": [', {("unreadable", "", "high")}),
        (200, b'{"success": true, "success": true, "result": []}', {("unreadable", "", "high")}),
        (200, b'{"success": true, "result": [], "loan": NaN}', {("unreadable", "", "high")}),
        (200, b"[" * 100_000, {("unreadable", "", "high")}),
        (200, b"[]", {("changed_type", "", "high")}),
        (502, b"<html>", {("unreadable", "", "low")}),
        (400, b'{"success": false, "error": "X", "code": 1003}', {("unknown_key", "/code", "low")}),
        (429, b'{"success": false}', {("missing_key", "/error", "low")}),
    ],
)
def test_what_is_wrong_with_an_answer_as_a_whole(status: int, content: bytes, expected: Named) -> None:
    assert named(compare(VENUE, ACCOUNT, status, content)) == expected


def test_rows_that_differ_in_one_way_are_one_drift() -> None:
    tree = body(POSITIONS)
    both(loan="1")(tree)
    (found,) = compare(VENUE, POSITIONS, 200, json.dumps(tree).encode())

    assert (found.pointer, found.pattern, found.places) == ("/result/0/loan", "/result/*/loan", 2)


def test_no_value_is_ever_told() -> None:
    for operation in (ACCOUNT, POSITIONS):
        for path in places(body(operation)):
            for value in (CANARY, [CANARY], {"amount": CANARY}, float(CANARY)):
                tree = body(operation)
                holder(tree, path)[path[-1]] = value
                holder(tree, path[:1])["another"] = value
                told = msgspec.json.encode(compare(VENUE, operation, 200, json.dumps(tree).encode()))
                assert CANARY.encode() not in told
                assert b"987654321" not in told


def test_an_operation_that_the_spec_does_not_have() -> None:
    with pytest.raises(KeyError, match="no operation getMoon"):
        compare(VENUE, "getMoon", 200, b"{}")


# Alternatives, constants and times -------------------------------------------------------------------------------

ODD: dict[str, Any] = {
    "info": {},
    "x-lifecycle": {"state": "live", "note": ""},
    "paths": {
        "/odd/{name}": {
            "get": {
                "operationId": "getOdd",
                "responses": {
                    "200": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Odd"}}}
                    },
                    "204": {},
                },
            }
        },
        "/odd/all": {"get": {"operationId": "getAll", "responses": {}}},
    },
    "components": {
        "schemas": {
            "Odd": {
                "type": ["object", "null"],
                "required": ["kind"],
                "properties": {
                    "kind": {"const": "odd"},
                    "at": {"type": "string", "format": "date-time"},
                    "of": {"anyOf": [{"type": "string"}, {"$ref": "#/components/schemas/Part"}]},
                    "self": {"$ref": "#/components/schemas/Odd"},
                    "level": {"type": "integer", "enum": [1, 2]},
                    "any": {},
                },
            },
            "Part": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
        }
    },
}


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    loaded = msgspec.convert(ODD, spec.VenueSpec)

    def load(_: str) -> spec.VenueSpec:
        return loaded

    monkeypatch.setattr(spec, "load", load)
    drift.expected_of.cache_clear()
    yield
    drift.expected_of.cache_clear()


@pytest.mark.usefixtures("odd")
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, set[Any]()),
        ({"kind": "even"}, {("unlisted_word", "/kind", "high")}),
        ({"at": "2026-01-02T03:04:05Z", "of": "text", "any": [1]}, set[Any]()),
        ({"at": "yesterday"}, {("malformed", "/at", "high")}),
        ({"of": {"name": "x"}, "self": None}, set[Any]()),
        ({"of": {"name": 1}}, {("changed_type", "/of/name", "high")}),
        ({"of": {"name": "x", "loan": 2}}, {("unknown_key", "/of/loan", "high")}),
        ({"of": 3}, {("changed_type", "/of", "high")}),
        ({"level": 2}, set[Any]()),
        ({"level": 3}, {("unlisted_word", "/level", "low")}),
        ({"self": {"kind": "odd", "loan": "1"}}, {("unknown_key", "/self/loan", "high")}),
    ],
)
def test_alternatives_constants_times_and_what_leads_into_itself(
    change: dict[str, Any], expected: Named
) -> None:
    content = json.dumps({"kind": "odd"} | change).encode()

    assert named(compare(VENUE, "getOdd", 200, content)) == expected
    assert compare(VENUE, "getOdd", 204, b"") == ()


@pytest.mark.usefixtures("odd")
def test_a_request_belongs_to_the_operation_that_fits_best() -> None:
    assert drift.operation_of(VENUE, "GET", "/odd/one") == "getOdd"
    assert drift.operation_of(VENUE, "GET", "/odd/all") == "getAll"
    assert drift.operation_of(VENUE, "POST", "/odd/one") is None
    assert drift.operation_of(VENUE, "GET", "/odd/one/more") is None


# All fixtures ----------------------------------------------------------------------------------------------------


def places(document: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of every key, and of every key in the first two rows of a list."""
    items: Any = document.items() if hasattr(document, "items") else enumerate(document[:2])
    for key, value in items:
        if isinstance(key, str):
            yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def holder(document: Any, path: tuple[str | int, ...]) -> Any:
    for step in path[:-1]:
        document = document[step]
    return document


def pointer(path: tuple[str | int, ...]) -> str:
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)


def closed(schema: Any) -> Any:
    """The schema with every object closed, so that JSON Schema refuses unknown keys."""
    if isinstance(schema, list):
        return [closed(each) for each in cast("list[object]", schema)]
    if not isinstance(schema, dict):
        return schema
    inner: dict[str, Any] = {name: closed(each) for name, each in cast("dict[str, Any]", schema).items()}
    if isinstance(inner.get("properties"), dict) and "type" in inner:
        inner.setdefault("additionalProperties", False)
    return inner


def oracle(venue: str, operation: str, status: int) -> Draft202012Validator | None:
    """Another judge of the same schema, one that is not ours."""
    loaded = spec.load(venue)
    (described,) = [
        each
        for methods in loaded.paths.values()
        for each in methods.values()
        if each.get("operationId") == operation
    ]
    responses = described["responses"]
    response = responses.get(str(status)) or responses.get(f"{status // 100}XX")
    if response is None or "content" not in response:
        return None
    schema = response["content"]["application/json"]["schema"]
    return Draft202012Validator(closed({**schema, "components": loaded.components}))


def is_invalid(judge: Any, tree: Any) -> bool:
    return not judge.is_valid(tree)


def answers(case: Case) -> Iterator[tuple[str, StoredAnswer]]:
    """The stored answers of a case that belong to an operation of the spec."""
    for stored in case.exchange.answers:
        method, _, path = stored.request.partition(" ")
        operation = drift.operation_of(case.venue, method, path)
        if operation is not None:
            yield operation, stored


def structure(tree: Any) -> str:
    """The keys and types of an answer: of answers that are alike in them, one is changed for all."""
    if hasattr(tree, "items"):
        return f"{{{', '.join(f'{key}: {structure(value)}' for key, value in tree.items())}}}"
    if isinstance(tree, list):
        return f"[{', '.join([structure(row) for row in cast('list[object]', tree)])}]"
    return type(tree).__name__


def mutated(tree: Any) -> Iterator[tuple[str, tuple[str | int, ...], Any]]:
    for path in places(tree):
        removed = copy.deepcopy(tree)
        value = holder(removed, path).pop(path[-1])
        yield "removed", path, removed
        other = copy.deepcopy(tree)
        other_parent = holder(other, path)
        other_parent[f"{path[-1]}_renamed"] = other_parent.pop(path[-1])
        yield "renamed", path, other
        retyped = copy.deepcopy(tree)
        holder(retyped, path)[path[-1]] = "a word" if isinstance(value, int | dict | list) else {}
        yield "retyped", path, retyped


@pytest.mark.parametrize("venue", venues())
def test_whatever_key_of_a_fixture_changes_is_named(venue: str) -> None:
    tried: dict[str, int] = {}
    seen: set[tuple[str, int, str]] = set()
    for case in cases(venue):
        for operation, stored in answers(case):
            judge = oracle(venue, operation, stored.status)
            try:
                tree = json.loads(stored.content)
            except ValueError:
                continue
            key = (operation, stored.status, structure(tree))
            if judge is None or key in seen or not isinstance(tree, dict | list):
                continue
            seen.add(key)
            before = named(compare(venue, operation, stored.status, stored.content))
            for how, path, changed in mutated(tree):
                content = json.dumps(changed).encode()
                found = compare(venue, operation, stored.status, content)
                where = f"{case} {operation} {how} {pointer(path)}"
                assert bool(found) == is_invalid(judge, changed) or before, where
                new = {(each.kind, each.pointer) for each in found if each.pointer.startswith(pointer(path))}
                if how == "retyped" and not before:
                    assert not found or ("changed_type", pointer(path)) in new, where
                if how == "removed" and not before:
                    assert not found or new == {("missing_key", pointer(path))}, where
                if how == "renamed" and not before:
                    assert not found or ("unknown_key", f"{pointer(path)}_renamed") in new, where
                tried[how] = tried.get(how, 0) + bool(found)
                unknown = any(each.kind == "unknown_key" for each in found)
                if drift.expected_of(venue, operation).knows_all_keys(stored.status, content):
                    assert not unknown, where
    assert set(tried) == {"removed", "renamed", "retyped"}
    assert all(count > 3 for count in tried.values()), tried


def from_the_venue() -> list[Case]:
    """The cases that a venue sent or printed, not those that were made up."""
    origins = ("documented", "seed", "captured")
    return [case for case in cases() if (case.folder / "source.md").read_text().partition(":")[0] in origins]


@pytest.mark.parametrize("case", from_the_venue(), ids=str)
def test_real_answers_have_no_high_drift_unless_they_cannot_be_read(case: Case) -> None:
    invalid = any(failure["error"] == "AnswerInvalid" for failure in case.expected["failures"])
    high = [
        each
        for operation, stored in answers(case)
        for each in compare(case.venue, operation, stored.status, stored.content)
        if each.severity == "high"
    ]
    assert bool(high) == invalid, high


@pytest.mark.parametrize("venue", venues())
def test_the_quick_look_is_certain_where_it_can_be(venue: str) -> None:
    quick = [
        drift.expected_of(venue, operation).knows_all_keys(200, stored.content)
        for case in cases(venue)
        for operation, stored in answers(case)
        if stored.status == 200 and not compare(venue, operation, 200, stored.content)
    ]
    assert any(quick)


# In a client -----------------------------------------------------------------------------------------------------


def with_loan() -> list[StoredAnswer]:
    """The whole case, and a loan in its account that no spec knows."""
    tree = body(ACCOUNT)
    tree["result"][0]["loan"] = {"due": "12.5"}
    told = [each for each in WHOLE.exchange.answers if each.request != "GET /account"]
    return [StoredAnswer(request="GET /account", status=200, text=json.dumps(tree)), *told]


def codes(account: av.Account) -> list[str]:
    return [finding.code for finding in account.findings]


def opened(base_url: str, **settings: Any) -> Client:
    return Client(open_adapter(VENUE, WHOLE.options | {"base_url": base_url} | settings))


def test_an_unknown_amount_is_a_finding_of_every_read(replay: ReplayServer) -> None:
    base_url = replay.serve("drift-loan", with_loan())
    told: list[Drift] = []
    with opened(base_url, on_drift=told.append) as client:
        accounts = [client.account() for _ in range(3)]

        assert client.drift.looked == {ACCOUNT: 1, POSITIONS: 1}
        assert client.drift.found == {(ACCOUNT, "unknown_key", "/result/*/loan"): 1}
    for account in accounts:
        (finding,) = [each for each in account.findings if each.code == "UNKNOWN_AMOUNT"]
        assert "getAccount" in finding.message
        assert "/result/0/loan" in finding.message
        assert "12.5" not in finding.message
        assert av.Account.from_json(account.to_json()) == account
    assert [(each.venue, each.operation, each.severity) for each in told] == [(VENUE, ACCOUNT, "high")]


async def test_async_finds_the_same(replay: ReplayServer) -> None:
    base_url = replay.serve("drift-loan-async", with_loan())
    adapter = open_adapter(VENUE, WHOLE.options | {"base_url": base_url})
    async with AsyncClient(adapter) as client:
        accounts = await asyncio.gather(*[client.account() for _ in range(3)])
        assert client.drift.looked == {ACCOUNT: 1, POSITIONS: 1}
    assert all("UNKNOWN_AMOUNT" in codes(account) for account in accounts)


@pytest.mark.parametrize(
    ("mode", "looked", "finds"), [("off", 0, False), ("sample", 1, True), ("always", 3, True)]
)
def test_what_is_looked_at(replay: ReplayServer, mode: str, looked: int, *, finds: bool) -> None:
    base_url = replay.serve(f"drift-{mode}", with_loan())
    told: list[Drift] = []
    with opened(base_url, drift=mode, on_drift=told.append) as client:
        accounts = [client.account() for _ in range(3)]
        assert sum(client.drift.looked.values()) == 2 * looked
    assert len(told) == looked
    assert all(("UNKNOWN_AMOUNT" in codes(account)) == finds for account in accounts)


def test_without_unknown_amounts_nothing_is_told() -> None:
    (account,) = read(VENUE, WHOLE.options, WHOLE.exchange.answers).accounts

    assert "UNKNOWN_AMOUNT" not in codes(account)


def test_an_answer_that_cannot_be_read_is_told_all_the_same(replay: ReplayServer) -> None:
    tree = body(ACCOUNT)
    del tree["result"][0]["status"]
    rest = [each for each in WHOLE.exchange.answers if each.request != "GET /account"]
    broken = StoredAnswer(request="GET /account", status=200, text=json.dumps(tree))
    told: list[Drift] = []
    with opened(replay.serve("drift-broken", [broken, *rest]), on_drift=told.append) as client:
        with pytest.raises(av.AnswerInvalid):
            client.account()
        assert client.drift.found == {(ACCOUNT, "missing_key", "/result/*/status"): 1}
    assert named(tuple(told)) == {("missing_key", "/result/0/status", "high")}


def test_a_portfolio_samples_over_all_its_readings(replay: ReplayServer) -> None:
    options = WHOLE.options | {"base_url": replay.serve("drift-portfolio", with_loan())}
    portfolio = av.Portfolio([accounts_file.Entry("desk", VENUE, options)])
    for _ in range(3):
        (account,) = portfolio.fetch().accounts
        assert "UNKNOWN_AMOUNT" in codes(account)

    assert portfolio.drift["desk"].looked == {ACCOUNT: 1, POSITIONS: 1}


def test_a_function_that_fails_costs_no_read(replay: ReplayServer, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: Drift) -> None:
        raise RuntimeError("a slip of the caller")

    with opened(replay.serve("drift-slip", with_loan()), on_drift=fail) as client:
        account = client.account()
    assert account.equity is not None
    assert "UNKNOWN_AMOUNT" in codes(account)
    (record,) = [each for each in caplog.records if each.name == "accountview"]
    assert record.levelno == logging.ERROR
    assert "doing=telling_of_drift error=RuntimeError at=" in record.getMessage()
    assert "a slip of the caller" not in caplog.text


def test_a_slip_of_ours_costs_no_read(
    replay: ReplayServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(venue: str, operation: str) -> None:
        raise ZeroDivisionError(venue, operation)

    monkeypatch.setattr(drift, "expected_of", fail)
    with opened(replay.serve("drift-own-slip", with_loan())) as client:
        assert client.account().equity is not None
    assert "operation=getAccount doing=looking_for_drift error=ZeroDivisionError" in caplog.text


def test_a_key_that_is_a_credential_is_not_repeated(replay: ReplayServer) -> None:
    tree = body(ACCOUNT)
    tree["result"][0]["obviously-fake-key"] = "5"
    rest = [each for each in WHOLE.exchange.answers if each.request != "GET /account"]
    echo = StoredAnswer(request="GET /account", status=200, text=json.dumps(tree))
    told: list[Drift] = []
    settings = {"api_key": "obviously-fake-key", "on_drift": told.append}
    with opened(replay.serve("drift-echo", [echo, *rest]), **settings) as client:
        account = client.account()
        counted = repr(client.drift)
    assert "UNKNOWN_AMOUNT" in codes(account)
    for text in (counted, repr(told), repr(account)):
        assert "obviously-fake" not in text
        assert "/result/0/…" in text or "/result/*/…" in text


def test_a_mode_that_there_is_not() -> None:
    with pytest.raises(UsageError, match="drift is 'never'; there are off, sample, always"):
        av.connect(VENUE, **WHOLE.options, drift="never")


# The radar by itself ---------------------------------------------------------------------------------------------

FINE = json.dumps(body(ACCOUNT)).encode()


def test_the_sample_is_the_first_of_each_operation_and_status_then_one_in_a_thousand() -> None:
    radar = Radar("sample")
    for _ in range(2001):
        radar.look(VENUE, ACCOUNT, 200, FINE)
    assert radar.counters().looked == {ACCOUNT: 3}
    radar.look(VENUE, POSITIONS, 200, FINE)
    for _ in range(2):
        radar.look(VENUE, ACCOUNT, 400, b"{}")
    assert radar.counters().looked == {ACCOUNT: 4, POSITIONS: 1}


def test_unknown_keys_are_looked_for_only_where_the_decoder_did_not_see_that_there_are_none(
    replay: ReplayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[bytes] = []

    def looks(self: Expected, status: int, content: bytes) -> bool:
        looked.append(content)
        return right(self, status, content)

    right = Expected.knows_all_keys
    monkeypatch.setattr(Expected, "knows_all_keys", looks)
    with opened(replay.serve("drift-looks-once", with_loan())) as client:
        account = client.account()
    assert "UNKNOWN_AMOUNT" in codes(account)
    assert [b"loan" in content for content in looked] == [True]


def test_several_threads_count_together() -> None:
    radar = Radar("always")
    unknown = json.dumps({"success": True, "result": [], "loan": "1"}).encode()

    def work() -> None:
        for _ in range(50):
            radar.look(VENUE, POSITIONS, 200, unknown)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert radar.counters().looked == {POSITIONS: 200}
    assert radar.counters().found == {(POSITIONS, "unknown_key", "/loan"): 200}


def test_ever_new_keys_do_not_fill_the_memory() -> None:
    radar = Radar("always", secrets=(Secret("short"),))
    for start in range(0, 3000, 500):
        tree: dict[str, object] = {f"key{number}": "1" for number in range(start, start + 500)}
        tree |= {"success": True, "result": list[object]()}
        (finding,) = radar.look(VENUE, POSITIONS, 200, json.dumps(tree).encode())
        assert len(finding.message) < 500
        assert "and 495 more" in finding.message
    found = radar.counters().found
    assert len(found) == 1001
    assert sum(found.values()) == 3000


def test_counters_stay_as_they_are() -> None:
    radar = Radar("always")
    radar.look(VENUE, ACCOUNT, 200, FINE)
    before = radar.counters()
    radar.look(VENUE, ACCOUNT, 200, FINE)

    assert before.looked == {ACCOUNT: 1}


# In the accounts file --------------------------------------------------------------------------------------------


def written(folder: Path, *lines: str) -> Path:
    options = [f'{name} = "env:DRIFT_{name.upper()}"' for name in ("api_key", "api_secret")]
    path = folder / "accounts.toml"
    path.write_text("\n".join(["[accounts.desk]", f'venue = "{VENUE}"', *options, *lines]))
    return path


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFT_API_KEY", "obviously-fake-key")
    monkeypatch.setenv("DRIFT_API_SECRET", "00ff")


@pytest.mark.usefixtures("keys")
def test_a_file_takes_the_mode_and_no_function(tmp_path: Path) -> None:
    (entry,) = accounts_file.load(written(tmp_path, 'drift = "always"'))
    assert entry.options["drift"] == "always"
    with pytest.raises(UsageError, match="must be one of off, sample, always"):
        accounts_file.load(written(tmp_path, 'drift = "never"'))
    with pytest.raises(UsageError, match="'on_drift': unknown key") as raised:
        accounts_file.load(written(tmp_path, 'on_drift = "print"'))
    assert "on_drift" not in str(raised.value).partition(f"{VENUE} takes")[2]


# The command -----------------------------------------------------------------------------------------------------


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "accountview", "drift", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        encoding="utf-8",
        env={"PYTHONUTF8": "1", "DRIFT_API_KEY": "obviously-fake-key", "DRIFT_API_SECRET": "00ff"}
        | environment,
    )


def captured(folder: Path, answers: list[StoredAnswer]) -> Path:
    case = folder / VENUE / "case"
    case.mkdir(parents=True)
    listed = [
        {"request": each.request, "status": each.status, "text": each.content.decode()} for each in answers
    ]
    (case / "exchange.json").write_text(json.dumps({"answers": listed}))
    return case


def test_a_capture_without_drift() -> None:
    done = run("--capture", FIXTURES / VENUE / "seed-flat")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "bfx getAccount: 1 answer, as its spec says",
        "bfx getPositions: 1 answer, as its spec says",
    ]


def test_a_capture_with_drift_of_low_severity(tmp_path: Path) -> None:
    tree = body(ACCOUNT)
    tree["result"][0]["remark"] = "a text"
    case = captured(tmp_path, [StoredAnswer(request="GET /account", status=200, text=json.dumps(tree))])
    done = run("--capture", case)

    assert done.returncode == 0
    assert "unknown key" in done.stdout
    assert "/result/0/remark" in done.stdout
    assert "bfx getAccount: 1 answer, differs from its spec" in done.stdout


@pytest.mark.parametrize("width", ["60", "200"])
def test_a_capture_with_drift_of_high_severity(tmp_path: Path, width: str) -> None:
    case = captured(tmp_path, with_loan())
    done = run("--capture", case.parent.parent, COLUMNS=width)

    assert done.returncode == 6
    assert "/result/0/loan" in done.stdout
    assert "12.5" not in done.stdout


def test_the_document(tmp_path: Path) -> None:
    case = captured(tmp_path, [*with_loan(), StoredAnswer(request="GET /moon", status=200, text="{}")])
    done = run("--capture", case, "--json")

    assert done.returncode == 6
    assert "'GET /moon' is no operation of bfx; skipped" in done.stderr
    document = json.loads(done.stdout)
    assert document["looked"] == [
        {"venue": VENUE, "operation": ACCOUNT, "answers": 1},
        {"venue": VENUE, "operation": POSITIONS, "answers": 1},
    ]
    (found,) = document["drift"]
    assert (found["kind"], found["pointer"], found["pattern"], found["places"], found["severity"]) == (
        *("unknown_key", "/result/0/loan", "/result/*/loan", 1, "high"),
    )
    assert document["failures"] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "no exchange.json in it or below it"),
        ("{", "exchange.json: "),
        ('{"answers": 1}', "exchange.json: "),
    ],
)
def test_a_capture_that_cannot_be_read(tmp_path: Path, text: str | None, said: str) -> None:
    folder = tmp_path / VENUE / "case"
    folder.mkdir(parents=True)
    if text is not None:
        (folder / "exchange.json").write_text(text)
    done = run("--capture", tmp_path)

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr


def test_a_capture_of_no_venue(tmp_path: Path) -> None:
    folder = tmp_path / "moon" / "case"
    folder.mkdir(parents=True)
    (folder / "exchange.json").write_text('{"answers": []}')
    done = run("--capture", folder)

    assert done.returncode == 2
    assert "named 'moon', which is no venue" in done.stderr


def test_a_file_and_a_capture_are_one_too_many(tmp_path: Path) -> None:
    done = run("--file", "accounts.toml", "--capture", tmp_path)

    assert done.returncode == 2
    assert "keep one of them" in done.stderr


def live(folder: Path, base_url: str) -> subprocess.CompletedProcess[str]:
    return run("--file", written(folder, f'base_url = "{base_url}"', 'drift = "off"'))


def test_live_without_drift(tmp_path: Path, replay: ReplayServer) -> None:
    done = live(tmp_path, replay.serve("drift-live-fine", WHOLE.exchange.answers))

    assert (done.returncode, done.stderr) == (0, "")
    assert "bfx getAccount: 1 answer, as its spec says" in done.stdout


def test_live_with_drift(tmp_path: Path, replay: ReplayServer) -> None:
    done = live(tmp_path, replay.serve("drift-live-loan", with_loan()))

    assert done.returncode == 6
    assert "/result/0/loan" in done.stdout


def test_live_where_nobody_answers(tmp_path: Path) -> None:
    done = live(tmp_path, "http://127.0.0.1:9")

    assert done.returncode == 5
    assert "not read: " in done.stdout
    assert "nothing was looked at" in done.stdout
