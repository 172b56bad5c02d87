"""What each venue can tell: the same in the library, on the command line, in the README and in the view itself."""

import importlib
import json
import os
import subprocess
import sys
from decimal import Decimal
from typing import Any, get_args, get_type_hints

import jsonschema
import pytest
from support import ROOT, cases, venues

import accountview as av
from accountview import provenance
from accountview.capability import KINDS
from accountview.provenance import Derived, Fields, Never, Reported
from accountview.snapshot import Snapshot, json_schema
from accountview.testing import make_account, running_sandbox
from accountview.view import MEASURES, Account, Balance, Position
from accountview_clients import VENUES


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "FORCE_COLOR")}
    return subprocess.run(
        [sys.executable, "-m", "accountview", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**inherited, "PYTHONIOENCODING": "utf-8", **environment},
    )


# The library ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("venue", VENUES)
def test_they_are_what_is_declared(venue: str) -> None:
    declared = provenance.declaration(venue)
    told = {(each.kind, each.field): each for each in av.capabilities(venue)}

    assert len(told) == len(av.capabilities(venue))
    for kind in KINDS:
        fields: Fields = getattr(declared, kind)
        of_any = set(provenance.OF_ANY_ACCOUNT if kind == "account" else ())
        assert {field for of, field in told if of == kind} == of_any | set(fields.origins)
        for name, origin in fields.origins.items():
            each = told[kind, name]
            assert each.note == origin.note
            match origin:
                case Reported():
                    assert (each.how, each.operation, each.pointer) == (
                        "reported",
                        origin.operation,
                        origin.pointer,
                    )
                    assert each.evidence
                    assert each.formula is each.reason is None
                case Derived():
                    assert (each.how, each.formula) == ("derived", origin.formula)
                    assert each.evidence or not (origin.inputs or origin.facts)
                    assert each.operation is each.pointer is each.reason is None
                case Never():
                    assert (each.how, each.reason) == ("missing", origin.reason)
                    assert each.evidence is each.operation is each.formula is None


def test_they_come_in_the_order_of_the_view() -> None:
    for venue in VENUES:
        told = [(each.kind, each.field) for each in av.capabilities(venue)]
        in_order = [(kind, name) for kind, row in KINDS.items() for name in row.__struct_fields__]
        assert told == [each for each in in_order if each in told]


def test_what_is_derived_shows_the_evidence_of_all_that_it_rests_on() -> None:
    (derived,) = [each for each in av.capabilities("bfx") if each.field == "margin_ratio"]

    assert derived.evidence is not None
    assert "BFX docs: Liquidations" in derived.evidence  # of the rate, a fact
    assert "BFX docs: Account Operations" in derived.evidence  # of equity and notional, two formulas down


def test_an_unknown_venue_names_what_is_close() -> None:
    with pytest.raises(av.UsageError, match=r"did you mean bfx\? no venue 'bfxx'; there are "):
        av.capabilities("bfxx")


def test_every_amount_has_one_unit_and_one_sign_and_nothing_else_has() -> None:
    for kind, measures in MEASURES.items():
        amounts = {
            name
            for name, hint in get_type_hints(kind).items()
            if Decimal in get_args(hint) and name in kind.__struct_fields__
        }
        assert set(measures) == amounts


@pytest.mark.parametrize("case", [case for case in cases() if case.expected["accounts"]], ids=str)
def test_what_is_missing_is_never_there_and_what_is_unsigned_has_no_sign(case: Any) -> None:
    for expected in case.expected["accounts"]:
        account = Account.from_dict(
            expected | dict.fromkeys(("requested_at", "received_at"), "2026-01-02T03:04:05Z")
        )
        declared = provenance.declaration_of(account)
        rows: list[tuple[Account | Position | Balance, Fields]] = [(account, declared.account)]
        rows += [(position, declared.position) for position in account.positions]
        rows += [(balance, declared.balance) for balance in account.balances]
        for row, fields in rows:
            for name in fields.never:
                told = getattr(row, name)
                assert not told or told == "unknown", f"{name} is declared as never there"
            for name, measure in MEASURES[type(row)].items():
                if isinstance(fields.origins[name], Derived):
                    continue  # of figures that contradict each other a difference may be anything
                value = getattr(row, name)
                assert measure.signed or not isinstance(value, Decimal) or value >= 0, f"{name} is unsigned"


# The command ---------------------------------------------------------------------------------------------------------


def test_the_table_is_whole_at_80_columns() -> None:
    done = run("capabilities", COLUMNS="80")

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert lines[0].split() == ["field", "unit", *VENUES]
    for venue in VENUES:
        marks = {(each.kind, each.field): each.how for each in av.capabilities(venue)}
        for (kind, field), how in marks.items():
            name = field if kind == "account" else f"{kind} {field}"
            (line,) = [line for line in lines if line.startswith(f"{name} ")]
            assert (
                line.split()[-len(VENUES) :][VENUES.index(venue)]
                == {
                    "reported": "●",
                    "derived": "ƒ",
                    "missing": "—",
                }[how]
            )
    assert "● reported" in done.stdout


@pytest.mark.parametrize("venue", venues())
def test_one_venue_is_told_in_words(venue: str) -> None:
    done = run("capabilities", venue)

    assert (done.returncode, done.stderr) == (0, "")
    for each in av.capabilities(venue):
        for text in (each.pointer, each.formula, each.note, each.reason):
            assert text is None or text in done.stdout


def test_json_is_what_the_library_says() -> None:
    done = run("capabilities", "--json")

    shown = json.loads(done.stdout)
    assert (done.returncode, done.stderr, list(shown)) == (0, "", ["schema", "capabilities"])
    assert list(shown["capabilities"]) == list(VENUES)
    (equity,) = [each for each in shown["capabilities"]["bfx"] if each["field"] == "equity"]
    assert equity == {
        "kind": "account",
        "field": "equity",
        "how": "reported",
        "reason": None,
        "operation": "getAccount",
        "pointer": "/result/0/account_equity",
        "formula": None,
        "unit": "currency",
        "sign": "signed",
        "evidence": "documented: BFX docs: Account Operations",
        "note": "",
    }
    assert list(json.loads(run("capabilities", "bfx", "--json").stdout)["capabilities"]) == ["bfx"]


def test_an_unknown_venue_is_2() -> None:
    done = run("capabilities", "bfxx")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("accountview: did you mean bfx? ")


# Explanations in the document ----------------------------------------------------------------------------------------


def test_a_document_holds_explanations_only_when_asked() -> None:
    with running_sandbox() as sandbox:
        snapshot = av.Portfolio(sandbox.entries).fetch()
    plain, explained = snapshot.to_dict(), snapshot.to_dict(explain=True)

    jsonschema.Draft202012Validator(json_schema()).validate(explained)  # pyright: ignore[reportUnknownMemberType] # its stub leaves a parameter open
    for account, with_explanations in zip(snapshot.accounts, explained["accounts"], strict=True):
        explanations = with_explanations.pop("explanations")
        for path, told in explanations.items():
            assert told == json.loads(json.dumps(told))
            assert told["field"] == path
            assert told["how"] == account.explain(path).how
        rows = [f"positions/{number}/entry_price" for number in range(len(account.positions))]
        rows += [f"balances/{number}/total" for number in range(len(account.balances))]
        assert {"equity", "positions", *rows} <= set(explanations)
    assert explained == plain


def test_explanations_can_be_had_on_the_command_line() -> None:
    done = run("demo", "--json", "--explain")

    shown = json.loads(done.stdout)
    jsonschema.Draft202012Validator(json_schema()).validate(shown)  # pyright: ignore[reportUnknownMemberType] # its stub leaves a parameter open
    assert all(account["explanations"]["equity"]["how"] for account in shown["accounts"])
    assert all(
        "explanations" not in account for account in json.loads(run("demo", "--json").stdout)["accounts"]
    )
    for command in ("demo", "show"):
        refused = run(command, "--explain")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "--explain goes with --json" in refused.stderr


def test_an_account_with_explanations_can_be_read_back() -> None:
    account = make_account()
    snapshot = Snapshot(taken_at=account.requested_at, accounts=(account,), failures=())

    (shown,) = snapshot.to_dict(explain=True)["accounts"]
    assert av.Account.from_dict(shown) == account


# The README ----------------------------------------------------------------------------------------------------------


@pytest.mark.repository
def test_the_table_of_the_readme_is_held(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "scripts"), *sys.path])
    write_readme: Any = importlib.import_module("write_readme")
    text = (ROOT / "README.md").read_text("utf-8")
    whole = write_readme.written(text)
    path = tmp_path / "README.md"
    monkeypatch.setattr(write_readme, "TARGET", path)
    monkeypatch.setattr(sys, "argv", ["write_readme.py", "--check"])

    path.write_text(whole, "utf-8")
    assert write_readme.main() == 0
    path.write_text(whole.replace("| `equity` | ±currency | ●", "| `equity` | ±currency | ƒ"), "utf-8")
    assert write_readme.main() == 1
    with pytest.raises(ValueError, match="once each"):
        write_readme.written("no markers")
    for venue in VENUES:
        assert f"`{venue}`" in write_readme.table().splitlines()[0]
