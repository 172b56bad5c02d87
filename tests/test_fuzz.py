"""The fuzzer: it finds what breaks a promise, and a short run of it finds nothing."""

import importlib.util
import json
import sys
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from support import ROOT, Case, read_stored, venues

from accountview import conformance, wire
from accountview.plan import Reading
from accountview.testing import make_account

pytestmark = pytest.mark.repository


def _load_script() -> ModuleType:
    found = importlib.util.spec_from_file_location("fuzz", ROOT / "scripts" / "fuzz.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules["fuzz"] = module  # dataclasses look their module up
    found.loader.exec_module(module)
    return module


fuzz: Any = _load_script()


@pytest.mark.parametrize("venue", venues())
def test_a_short_run_breaks_no_promise(venue: str) -> None:
    tally, crashed, problem = fuzz.fuzz(venue, 60.0, 20_261_121, most=250)

    assert crashed is None, problem
    assert tally.trials == 250
    assert tally.outcomes["read"] + tally.outcomes["read in part"] > 20
    assert tally.outcomes["AnswerInvalid"] > 20


def test_the_same_seed_damages_the_same_way() -> None:
    runs = [fuzz.fuzz("bfx", 60.0, seed, most=30)[0].outcomes for seed in (1, 1, 2)]

    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"order_margin": Decimal(0)}, "order_margin is 0, and the answer holds no zero"),
        ({"equity": Decimal("NaN")}, "equity is Decimal"),
        ({"equity": 0.1}, "equity is 0.1"),
        ({"equity": None}, "equity is None without a reason"),
    ],
)
def test_it_sees_a_promise_that_is_broken(changes: dict[str, Any], says: str) -> None:
    case = Case("rabbitx", "long-and-short")
    (account,) = read_stored(case, case.exchange.answers).accounts
    heard = [("getAccount", case.exchange.answers[0]), ("getPositions", case.exchange.answers[1])]
    fuzz.check("rabbitx", Reading((account,)), heard)

    with pytest.raises(fuzz.Broken, match=says):
        fuzz.check("rabbitx", Reading((msgspec.structs.replace(account, **changes),)), heard)


def test_what_breaks_is_kept_and_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "crash.json"

    def trusting(content: bytes) -> None:
        if b"\\" in content:
            raise RecursionError

    with monkeypatch.context() as without:
        without.setattr(wire, "check", trusting)
        arguments = ["--seconds", "60", "--venue", "bfx", "--save", str(kept)]
        assert fuzz.main(arguments) == 1
    assert "RecursionError" in capsys.readouterr().out
    assert json.loads(kept.read_bytes())["venue"] == "bfx"
    # With the check in its place it is refused like any other.
    assert fuzz.main(["--again", str(kept)]) == 0


def test_a_counter_below_zero_survives_its_json_form() -> None:
    """Found by the fuzzer: a sequence is text in JSON, and its sign was not read back."""
    account = make_account(sequence=-1)

    assert type(account).from_json(account.to_json()) == account


def test_conformance_reads_what_it_reads() -> None:
    trial = next(each for each in fuzz.corpus("zkx") if each.read() == "read")

    assert conformance.read(trial.venue, trial.options, trial.answers).accounts
