"""What every adapter must do, ours or a plugin's: rules that each view obeys, and scenarios that each venue must show.

A venue shows the scenarios with stored answers, a folder of cases:

    <folder>/connect.json        the options to connect with, obviously fake
    <folder>/scenarios.json      scenario → the cases that show it, or in a text why the venue cannot have it
    <folder>/<case>/exchange.json

With pytest:

    from accountview import conformance

    def test_conformance():
        assert not conformance.check("acme", conformance.cases("fixtures/acme"))

Nothing is sent: the venue's plan runs over the stored answers. Expected views are no part of it; what a scenario
must come to is said here, once for all venues.
"""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import msgspec

from accountview import registry
from accountview.amounts import plain
from accountview.client import run
from accountview.errors import UsageError, VenueError
from accountview.network.sending import Answer
from accountview.outcome import interpret
from accountview.plan import NOBODY, Call, Owner, Reading, Reply
from accountview.provenance import Declaration, Derived, Fields, Reported, declaration, declaration_of
from accountview.scenarios import (
    FIGURES,
    SCENARIOS,
    Asked,
    Outcome,
    Row,
    as_json,
    as_step,
    claims,
    codes,
    digits,
    nodes,
    rows,
)
from accountview.venues import open_adapter
from accountview.view import Account, Balance, Position

T = TypeVar("T")

OWNER = Owner("conformance", ("kit",))
"""Who the accounts are read for: what fails must name it, or the account itself."""


# Stored answers ------------------------------------------------------------------------------------------------------


class StoredAnswer(msgspec.Struct, frozen=True):
    """One answer of `exchange.json`: `body` is sent as its exact bytes, `text` and `base64` are for what is no JSON."""

    request: str
    """Method and path, as in `GET /account`."""
    status: int
    query: dict[str, str] = {}
    """What the query must hold at least."""
    headers: dict[str, str] = {}
    body: msgspec.Raw = msgspec.Raw()
    text: str | None = None
    base64: str | None = None

    @property
    def content(self) -> bytes:
        """The bytes of the body."""
        if bytes(self.body):
            return bytes(self.body)
        if self.base64 is not None:
            return base64.b64decode(self.base64)
        if self.text is None:
            raise UsageError(f"the stored answer to {self.request} needs body, text or base64")
        return self.text.encode()


class Exchange(msgspec.Struct, frozen=True):
    """`exchange.json`: options of the connection beside those of `connect.json`, and the answers."""

    answers: list[StoredAnswer]
    options: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Case:
    """One folder of stored answers, and the scenarios that it shows."""

    name: str
    options: Mapping[str, Any]
    answers: Sequence[StoredAnswer]
    scenarios: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cases:
    """All cases of a venue, and the scenarios that it cannot have: scenario → why."""

    cases: tuple[Case, ...]
    not_applicable: Mapping[str, str]


def cases(folder: str | Path) -> Cases:
    """The cases in a folder. Raises UsageError, naming the file, when they cannot be read."""
    folder = Path(folder)
    connect = _json(folder / "connect.json", dict[str, Any])
    table = _json(folder / "scenarios.json", dict[str, list[str] | str])
    exchanges = {path.parent.name: _json(path, Exchange) for path in sorted(folder.glob("*/exchange.json"))}
    shown = {scenario: names for scenario, names in table.items() if isinstance(names, list)}
    for scenario, names in table.items():
        if scenario not in SCENARIOS:
            raise UsageError(
                f"{folder / 'scenarios.json'}: no scenario {scenario!r}; there are {', '.join(SCENARIOS)}"
            )
        absent = [name for name in shown.get(scenario, ()) if name not in exchanges]
        if not names or absent:
            problem = f"no case {absent[0]!r}" if absent else "name its cases, or say why there can be none"
            raise UsageError(f"{folder / 'scenarios.json'}, {scenario}: {problem}")
    return Cases(
        tuple(
            [
                Case(
                    name,
                    connect | exchange.options,
                    exchange.answers,
                    tuple([scenario for scenario, names in shown.items() if name in names]),
                )
                for name, exchange in exchanges.items()
            ]
        ),
        {scenario: reason for scenario, reason in table.items() if isinstance(reason, str)},
    )


def _json(path: Path, type_: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=type_)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error


def find(answers: Sequence[StoredAnswer], method: str, path: str, query: Mapping[str, str]) -> StoredAnswer:
    """The first stored answer to a request; an unknown one is a 404 that says so."""
    for stored in answers:
        if stored.request == f"{method} {path}" and stored.query.items() <= query.items():
            return stored
    return StoredAnswer(request="", status=404, text=f"no stored answer for {method} {path} {dict(query)}")


Heard: TypeAlias = Callable[[str, StoredAnswer], None]


def read(
    venue: str,
    options: Mapping[str, Any],
    answers: Sequence[StoredAnswer],
    owner: Owner = NOBODY,
    heard: Heard = lambda _operation, _stored: None,
) -> Reading:
    """Read the accounts of a venue over stored answers: its own plan, and no network.

    `heard` is told each operation that was asked, and the answer it got. Raises VenueError when nothing could be
    listed, and UsageError for options that cannot be used.
    """
    adapter = open_adapter(venue, {**options, "base_url": "http://127.0.0.1:9"})

    def send(call: Call[Any]) -> Reply[Any]:
        request = call.request
        stored = find(answers, request.operation.method, request.path, dict(request.query))
        heard(request.operation.name, stored)
        now = datetime.now(UTC)
        return interpret(
            adapter, owner, call, Answer(stored.status, stored.headers, stored.content, now, now)
        )

    return run(adapter.read(owner), send)


# The check -----------------------------------------------------------------------------------------------------------

EVERY_CASE = "every case"
"""Stands for a scenario where a rule is broken that holds for all of them."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that an adapter does wrong, or does not show."""

    scenario: str
    case: str | None
    """None where no case is concerned: the scenario is not shown at all."""
    message: str

    def __str__(self) -> str:
        return f"{self.scenario}{'' if self.case is None else f', case {self.case}'}: {self.message}"


def check(venue: str, cases: Cases) -> tuple[Problem, ...]:
    """Everything that an adapter does wrong; nothing when it conforms. Raises UsageError when it cannot be opened."""
    problems: list[Problem] = []
    hidden = registry.hidden(venue)
    if hidden is not None:
        problems.append(Problem(EVERY_CASE, None, hidden))
    problems += [Problem(EVERY_CASE, None, told) for told in _undeclared(declaration(venue))]
    for case in cases.cases:
        try:
            outcome = _read(venue, case, case.answers)
            told = [(EVERY_CASE, message) for message in _rules(outcome)]
            for scenario in case.scenarios:
                told += [(scenario, message) for message in SCENARIOS[scenario].check(outcome)]
        except UsageError:
            raise
        except Exception as error:  # noqa: BLE001 - an adapter that is tried may raise anything
            told = [
                (
                    scenario,
                    f"the adapter raised {type(error).__name__}, which is no error of accountview: {error}",
                )
                for scenario in case.scenarios or (EVERY_CASE,)
            ]
        problems += [Problem(scenario, case.name, message) for scenario, message in told]
    problems += _page_of_a_proxy(venue, cases)
    shown = {scenario for case in cases.cases for scenario in case.scenarios}
    problems += [
        Problem(
            name, None, f"no case shows it, and nothing says why the venue cannot have it: {scenario.holds}"
        )
        for name, scenario in SCENARIOS.items()
        if name not in shown and name not in cases.not_applicable
    ]
    return tuple(problems)


def _read(venue: str, case: Case, answers: Sequence[StoredAnswer]) -> Outcome:
    heard: list[tuple[str, StoredAnswer]] = []
    try:
        reading = read(
            venue, case.options, answers, OWNER, lambda operation, stored: heard.append((operation, stored))
        )
    except VenueError as error:
        reading = Reading(failures=(error,))
    asked = [
        Asked(operation, stored.status, stored.content, as_json(stored.content))
        for operation, stored in heard
    ]
    return Outcome(venue, reading.accounts, reading.failures, tuple(asked))


def _page_of_a_proxy(venue: str, cases: Cases) -> Iterator[Problem]:
    """No venue documents the error page of what stands before it, so the kit itself sends one."""
    page = "<html><body>520: web server is returning an unknown error</body></html>"
    for case in cases.cases[:1]:
        answers = [
            msgspec.structs.replace(each, status=520, body=msgspec.Raw(), text=page) for each in case.answers
        ]
        try:
            outcome = _read(venue, case, answers)
            fine = not outcome.accounts and all(failure.retryable for failure in outcome.failures)
            raised = "" if fine and outcome.failures else "it was not told as an error that may pass"
        except Exception as error:  # noqa: BLE001 - an adapter that is tried may raise anything
            raised = f"the adapter raised {type(error).__name__}"
        if raised:
            yield Problem(
                EVERY_CASE, case.name, f"the answers replaced by HTTP 520 and a page of HTML: {raised}"
            )


# Rules of every case -------------------------------------------------------------------------------------------------


def _undeclared(declared: Declaration) -> Iterator[str]:
    for kind, fields in (
        (Account, declared.account),
        (Position, declared.position),
        (Balance, declared.balance),
    ):
        lists = ("positions", "balances") if kind is Account else ()
        absent = [name for name in (*FIGURES[kind], *lists) if name not in fields.origins]
        if absent:
            yield f"the declaration lacks {', '.join(absent)} of {kind.__name__}"


def _rules(outcome: Outcome) -> Iterator[str]:
    for failure in outcome.failures:
        if failure.account is None or failure.account not in str(failure):
            yield f"a failure does not name its account: {failure}"
    for account in outcome.accounts:
        yield from _whose(outcome, account)
        yield from _positions(account)
        floats = [path for path, value in _leaves(account) if isinstance(value, float)]
        yield from (f"{path} is a float" for path in floats)
        for prefix, row, fields in rows(account):
            yield from _reasons(prefix, row, fields)
        if floats:
            continue  # its JSON form and its digits have been given up already
        yield from _explained(account)
        yield from _claims(outcome, account)
        yield from _read_back(account)
    yield from _dropped(outcome)


def _whose(outcome: Outcome, account: Account) -> Iterator[str]:
    if account.venue != outcome.venue:
        yield f"the account says that its venue is {account.venue!r}"
    if OWNER.label is None or not (account.label or "").startswith(OWNER.label) or account.tags != OWNER.tags:
        yield f"the account is not labelled as its owner says: {account.label!r}, {account.tags}"
    if not account.requested_at <= account.received_at:
        yield "the answer had arrived before it was asked for"


def _positions(account: Account) -> Iterator[str]:
    keys = [position.key for position in account.positions]
    if len(set(keys)) < len(keys) and not codes(account) & {"CONFLICTING_ROWS"}:
        yield "two positions share a key and no finding says so"
    for number, position in enumerate(account.positions):
        for name in ("size", "notional"):
            figure = getattr(position, name)
            if figure is not None and figure < 0:
                yield f"positions/{number}/{name} is below 0: it is unsigned"


def _leaves(value: object, path: str = "account") -> Iterator[tuple[str, object]]:
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _leaves(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, Mapping):
        for key, entry in cast("Mapping[str, object]", value).items():
            yield from _leaves(entry, f"{path}.{key}")
    elif isinstance(value, tuple):
        for number, entry in enumerate(cast("tuple[object, ...]", value)):
            yield from _leaves(entry, f"{path}[{number}]")
    else:
        yield path, value


def _reasons(prefix: str, row: Row, fields: Fields) -> Iterator[str]:
    for name in fields.origins:
        value = getattr(row, name)
        if value is None and name not in row.missing:
            yield f"{prefix}{name} is None without a reason"
        elif isinstance(value, Decimal) and name in row.missing:
            yield f"{prefix}{name} is there, and there is a reason why it is not"


def _explained(account: Account) -> Iterator[str]:
    for prefix, row, fields in rows(account):
        for name in fields.origins:
            try:
                explanation = account.explain(prefix + name)
            except (UsageError, KeyError) as error:
                yield f"{prefix}{name} cannot be explained: {error}"
                continue
            if isinstance(getattr(row, name), Decimal) and explanation.how == "missing":
                yield f"{prefix}{name} has a value, and is declared as never there"
            inputs = {part.how for part in explanation.inputs}
            if explanation.value is not None and inputs == {"missing"}:
                yield f"{prefix}{name} is {explanation.value}, and every input of its formula is missing"


def _claims(outcome: Outcome, account: Account) -> Iterator[str]:
    """What is declared as reported stands in the answer, digit by digit; above all a zero."""
    for claim in claims(outcome, account):
        if plain(claim.value.copy_abs()) not in [digits(text) for text in claim.wire]:
            held = ", ".join(map(repr, claim.wire)) or "nothing"
            yield f"{claim.field} is {plain(claim.value)}, and the answer holds {held}: {claim.place}"


def _read_back(account: Account) -> Iterator[str]:
    try:
        same = Account.from_json(account.to_json()) == account
    except UsageError as error:
        yield f"the account cannot be read back from its JSON form: {error}"
    else:
        if not same:
            yield "the account is another one after a round trip through JSON"


def _dropped(outcome: Outcome) -> Iterator[str]:
    """Every row of the answers that has a size is a position, or was told to stand twice."""
    if not outcome.accounts or outcome.failures:
        return  # a row may belong to what failed
    declared = declaration_of(outcome.accounts[0]).position.origins
    symbol, size = declared["venue_symbol"], declared["size"]
    if not isinstance(symbol, Reported):
        return
    origins = [size, *(size.inputs if isinstance(size, Derived) else ())]
    sizes = [each.pointer.rpartition("/")[2] for each in origins if isinstance(each, Reported)]
    holder, _, name = symbol.pointer.rpartition("/")
    rows: list[Mapping[str, object]] = []
    for account in outcome.accounts:
        pointer = holder.replace("{account}", as_step(account.account_id))
        for node in nodes(outcome, symbol.operation, pointer):
            if isinstance(node, dict) and not any(node is row for row in rows):
                rows.append(cast("Mapping[str, object]", node))
    listed = [str(row[name]) for row in rows if name in row and not _is_empty(row, sizes)]
    shown = [position.venue_symbol for account in outcome.accounts for position in account.positions]
    told = sum(
        finding.code == "DUPLICATE_ROW" for account in outcome.accounts for finding in account.findings
    )
    for market in dict.fromkeys(listed):
        if listed.count(market) > shown.count(market) + told:
            yield f"the answer lists {market!r} {listed.count(market)} times, the view {shown.count(market)} times"


def _is_empty(row: Mapping[str, object], sizes: list[str]) -> bool:
    texts = [digits(str(row[name])) for name in sizes if name in row]
    return bool(texts) and all(text is not None and not Decimal(text) for text in texts)
