"""A figure is the same to its last digit from the bytes of an answer to the JSON that comes out, and never a float."""

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cache
from typing import Any, cast, get_args, get_type_hints

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import Case, StoredAnswer, cases, venues

import accountview as av
from accountview import conformance, errors, view
from accountview.cli import commands
from accountview.errors import UsageError, VenueError
from accountview.provenance import explanations
from accountview.testing import make_account
from accountview.view import MEASURES, Account, Balance, Position

WHOLE = "long-and-short"
SUMMED = [name for name, hint in get_type_hints(av.Total).items() if hint == Decimal | None]
MOMENT = datetime(2026, 1, 2, tzinfo=UTC)


@st.composite
def figures(draw: st.DrawFn) -> str:
    """A figure above 0 as a venue prints it: up to 30 digits on each side of the point, zeros at its end and all."""
    digits = st.text("0123456789", min_size=1, max_size=30)
    whole = draw(digits).lstrip("0") or "0"
    fraction = draw(st.one_of(st.just(""), digits))
    text = whole + ("." + fraction if fraction else "")
    return text if Decimal(text) else text.replace("0", "7", 1)


# From the bytes of an answer ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """An amount of the view that a venue reports, and where."""

    field: str
    """As `positions/0/size`."""
    request: str
    steps: tuple[str, ...]
    """Of its JSON pointer."""

    def __str__(self) -> str:
        return f"{self.field} at {'/'.join(self.steps)}"


def read(venue: str, answers: list[StoredAnswer]) -> Account:
    """The one account of the case; drift is looked at by tests of its own."""
    (account,) = conformance.read(venue, Case(venue, WHOLE).options | {"drift": "off"}, answers).accounts
    return account


@cache
def places(venue: str) -> tuple[Place, ...]:
    """Every amount of the case that is reported."""
    found: list[Place] = []
    requests: dict[str, str] = {}

    def heard(operation: str, stored: StoredAnswer) -> None:
        requests[operation] = stored.request

    case = Case(venue, WHOLE)
    (account,) = conformance.read(venue, case.options, case.exchange.answers, heard=heard).accounts
    for name, told in explanations(account).items():
        if told.how == "reported" and isinstance(at_field(account, name), Decimal):
            assert told.pointer is not None
            assert told.operation is not None
            found.append(Place(name, requests[told.operation], tuple(told.pointer.split("/")[1:])))
    return tuple(found)


def at_field(account: Account, field: str) -> object:
    head, _, rest = field.partition("/")
    if not rest:
        return cast("object", getattr(account, head))
    number, _, name = rest.partition("/")
    return cast("object", getattr(getattr(account, head)[int(number)], name))


def put(document: Any, place: Place, value: object) -> None:
    """Put a value where a pointer leads; a step `[name=value]` is the first row that holds it, `*` the row of the
    field."""
    holder: Any = None
    key: Any = None
    for step in place.steps:
        holder = document
        if step.startswith("["):
            wanted = [pair.partition("=")[::2] for pair in step[1:-1].split(",")]
            key = [all(str(row[name]) == word for name, word in wanted) for row in holder].index(True)
        elif step == "*":
            key = list(holder)[int(place.field.split("/")[1])]
        else:
            key = step if hasattr(holder, "keys") else int(step)
        document = holder[key]
    holder[key] = value


def with_figure(venue: str, place: Place, figure: str, *, as_number: bool) -> list[StoredAnswer]:
    """The answers of the case with another figure at one place."""
    answers = Case(venue, WHOLE).exchange.answers
    for index, stored in enumerate(answers):
        if stored.request == place.request:
            body = json.loads(stored.content, parse_float=Decimal)
            put(body, place, "THE FIGURE")
            written = msgspec.json.Encoder(decimal_format="number").encode(body).decode()
            text = written.replace('"THE FIGURE"', figure if as_number else f'"{figure}"')
            answers[index] = msgspec.structs.replace(stored, body=msgspec.Raw(), text=text, base64=None)
    return answers


def printed(snapshot: av.Snapshot) -> dict[str, Any]:
    """What `accountview show --json` prints, numbers as a reader without decimals would never see them."""
    written = io.BytesIO()
    with redirect_stdout(io.TextIOWrapper(written)) as stdout:
        commands.print_snapshot(snapshot, as_json=True, explained=False, options="")
        stdout.flush()
        content = written.getvalue()
    return cast("dict[str, Any]", json.loads(content, parse_float=refuse_float))


def refuse_float(text: str) -> object:
    raise AssertionError(f"a number that readers take for a float: {text}")


@pytest.mark.parametrize("venue", venues())
def test_a_figure_comes_out_as_it_went_in(venue: str) -> None:
    seen: set[str] = set()

    @settings(max_examples=60)
    @given(st.sampled_from(places(venue)), figures(), st.booleans())
    def holds(place: Place, figure: str, as_number: bool) -> None:  # noqa: FBT001 - hypothesis calls it
        with localcontext(prec=3):  # a caller's context must not matter
            account = read(venue, with_figure(venue, place, figure, as_number=as_number))
            seen.add(place.field)
            value = at_field(account, place.field)
            assert isinstance(value, Decimal)
            assert value.copy_abs().as_tuple() == Decimal(figure).as_tuple()
            again = Account.from_json(account.to_json())
            assert again == account
            assert at_field(again, place.field).as_tuple() == value.as_tuple()  # type: ignore[attr-defined]
            assert account.explain(place.field).value == figure
            snapshot = av.Snapshot(taken_at=MOMENT, accounts=(account, account), failures=())
            document = printed(snapshot)
            assert document["accounts"] == [account.to_dict()] * 2
            for total in document["totals"]:
                for name in SUMMED:
                    one = getattr(account, name)
                    assert (total[name] is None) == (one is None)
                    assert one is None or Fraction(total[name]) == 2 * Fraction(one)

    holds()
    assert len(seen) >= min(5, len(places(venue))) > 0
    assert SUMMED


@settings(max_examples=100)
@given(st.lists(st.tuples(figures(), st.booleans()), min_size=1, max_size=6))
def test_totals_are_exact_under_any_context(signed: list[tuple[str, bool]]) -> None:
    values = [Decimal(figure).copy_negate() if negative else Decimal(figure) for figure, negative in signed]
    accounts = tuple([make_account(label=str(n), equity=value) for n, value in enumerate(values)])

    with localcontext(prec=3):
        (total,) = av.Snapshot(taken_at=MOMENT, accounts=accounts, failures=()).totals()

    assert total.equity is not None
    assert Fraction(total.equity) == sum(Fraction(value) for value in values)


# Never a float --------------------------------------------------------------------------------------------------------


def mentions(hint: object) -> Iterator[object]:
    """A type and all types inside it."""
    yield hint
    for part in get_args(hint):
        yield from mentions(part)


SECONDS = {"RateLimited.retry_after", "ClockSkew.offset"}
"""What is a float and rightly so: seconds, not money."""


def public_classes() -> dict[str, type]:
    """What the package exports, and all of the two modules that are public as a whole."""
    named = [(name, getattr(av, name)) for name in av.__all__]
    named += [each for module in (view, errors) for each in vars(module).items()]
    return {
        name: thing
        for name, thing in named
        if isinstance(thing, type) and thing.__module__.startswith("accountview") and name[0] != "_"
    }


def test_no_public_type_holds_a_float() -> None:
    classes = public_classes()
    assert {"Account", "Position", "Balance", "Finding", "Explanation", "Snapshot", "Total"} <= set(classes)

    with_floats = {
        f"{name}.{field}"
        for name, kind in classes.items()
        for field, hint in get_type_hints(kind).items()
        if any(part is float or part is complex for part in mentions(hint))
    }

    assert with_floats <= SECONDS
    for kind, measures in MEASURES.items():
        hints = get_type_hints(kind)
        for name in measures:
            assert Decimal in list(mentions(hints[name])), f"{kind.__name__}.{name} is {hints[name]}"


def objects(value: object, path: str) -> Iterator[tuple[str, object]]:
    """Everything that can be reached from a public object."""
    yield path, value
    if isinstance(value, Mapping):
        for key, entry in cast("Mapping[object, object]", value).items():
            yield from objects(key, f"{path}[key]")
            yield from objects(entry, f"{path}[{key!r}]")
    elif isinstance(value, tuple | list | set | frozenset):
        for number, entry in enumerate(cast("tuple[object, ...]", value)):
            yield from objects(entry, f"{path}[{number}]")
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from objects(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, BaseException):
        yield from objects(vars(value), path)


def test_the_walk_finds_a_float() -> None:
    account = make_account(leverage_by_market={"BTC-USD": 0.1})

    assert [path for path, value in objects(account, "account") if isinstance(value, float)] == [
        "account.leverage_by_market['BTC-USD']"
    ]


@pytest.mark.parametrize("venue", venues())
def test_no_float_can_be_reached_from_what_is_read(venue: str) -> None:
    walked = 0
    for case in cases(venue):
        try:
            reading = conformance.read(venue, case.options | {"drift": "off"}, case.exchange.answers)
        except (VenueError, UsageError) as error:
            found: list[tuple[str, object]] = list(objects(error, "error"))
        else:
            found = list(objects((reading.accounts, reading.failures), "reading"))
            snapshot = av.Snapshot(taken_at=MOMENT, accounts=reading.accounts, failures=())
            found += objects(snapshot.totals(allow_partial=True), "totals")
            found += objects([account.to_dict() for account in reading.accounts], "to_dict")
            found += [each for account in reading.accounts for each in objects(explanations(account), "why")]
            for account in reading.accounts:
                assert all(
                    value.is_finite() for _, value in objects(account, "") if isinstance(value, Decimal)
                )
        walked += len(found)
        floats = [path for path, value in found if isinstance(value, float) and "retry_after" not in path]
        assert not floats, f"{case}: {floats}"
    assert walked > 1000


def test_every_kind_of_row_has_amounts() -> None:
    assert set(MEASURES) == {Account, Position, Balance}
