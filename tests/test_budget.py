"""How often accounts can be read: from what their own plans ask, and from what the venue documents."""

import json
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support import FIXTURES, venues

import accountview as av
from accountview import spec
from accountview.accounts_file import Entry
from accountview.budget import budgets, calls
from accountview.venues import open_adapter

LOOPBACK = "http://127.0.0.1:9"


def entry(label: str, venue: str, **changes: Any) -> Entry:
    options: dict[str, Any] = json.loads((FIXTURES / venue / "connect.json").read_text())
    return Entry(label, venue, options | {"base_url": LOOPBACK} | changes)


def test_one_venue_with_a_documented_limit() -> None:
    (budget,) = budgets([entry("a", "rabbitx"), entry("b", "rabbitx")])

    assert (budget.venue, budget.host, budget.labels) == ("rabbitx", "127.0.0.1:9", ("a", "b"))
    assert budget.calls == {"getAccount": 2, "getPositions": 2}
    assert budget.cost == 2 * (20 + 10)
    assert budget.limit is not None
    assert (budget.limit.budget, budget.limit.window) == (Decimal(1200), Decimal(60))
    assert budget.limit.evidence.startswith("documented: RabbitX docs")
    assert budget.every == Decimal(3)  # 60 of 1200 a minute: 20 refreshes


def test_no_limit_is_told_as_no_limit() -> None:
    (budget,) = budgets([entry("a", "bfx")])

    assert (budget.limit, budget.every) == (None, None)
    assert budget.calls == {"getAccount": 1, "getPositions": 1}


def test_the_options_of_an_entry_count_as_they_are() -> None:
    single, all_ten = (budgets([entry("a", "arcus", account_index=index)])[0] for index in (3, "all"))

    assert all_ten.calls == {name: 10 * count for name, count in single.calls.items()}
    assert all_ten.every == Decimal("8.8")  # ten times 22 of 1500 a minute
    (live,) = budgets([entry("a", "tread")])
    (cached,) = budgets([entry("a", "tread", source="cached")])
    assert set(live.calls) ^ set(cached.calls) == {"getBalances", "getCachedBalances"}


def test_venues_and_hosts_are_apart_and_in_their_order() -> None:
    other = "http://127.0.0.1:10"
    found = budgets(
        [
            entry("a", "rabbitx"),
            entry("b", "bfx"),
            entry("c", "rabbitx", base_url=other),
            entry("d", "rabbitx", base_url="http://127.0.0.1:9/below"),
        ]
    )
    assert [(each.venue, each.host, each.labels) for each in found] == [
        ("rabbitx", "127.0.0.1:9", ("a", "d")),
        ("bfx", "127.0.0.1:9", ("b",)),
        ("rabbitx", "127.0.0.1:10", ("c",)),
    ]


@pytest.mark.parametrize("venue", venues())
def test_a_plan_asks_at_least_for_what_its_declaration_reads(venue: str) -> None:
    """A plan that asked for more depending on an answer would be counted too low."""
    asked = calls(open_adapter(venue, entry("a", venue).options))
    declared = re.findall(r"operation='(\w+)'", repr(av.capabilities(venue)))

    assert declared
    assert set(declared) <= set(asked)
    assert all(spec.operation(venue, name).safe for name in asked)


@pytest.mark.parametrize("venue", venues())
def test_every_documented_budget_has_a_window(venue: str) -> None:
    facts = spec.load(venue).facts
    assert ("rate_budget" in facts) == ("rate_window" in facts)


def test_an_entry_that_cannot_be_opened_is_refused() -> None:
    with pytest.raises(av.UsageError, match="address must be"):
        budgets([entry("a", "arcus", address="nobody")])


def test_the_command_asks_nobody(tmp_path: Path) -> None:
    address = f"0x{'a1':0>40}"
    file = tmp_path / "accounts.toml"
    file.write_text(
        f'[accounts.one]\nvenue = "arcus"\naddress = "{address}"\nbase_url = "{LOOPBACK}"\n'
        f'[accounts.two]\nvenue = "tread"\ntoken = "file:token"\nbase_url = "{LOOPBACK}"\n'
    )
    (tmp_path / "token").write_text("test-token-not-real")
    (tmp_path / "token").chmod(0o600)

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "accountview", "budget", "--file", str(file), *arguments],
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    shown = run()
    assert "arcus at 127.0.0.1:9: 1 entry" in shown
    assert "it costs 22 of 1500 weight per minute per IP" in shown
    assert "at the most often every 0.9 s" in shown  # 0.88, and never less than that
    assert "evidence: documented: Arcus docs: Rate limits" in shown
    assert "tread at 127.0.0.1:9: 1 entry" in shown
    assert "  no limit documented" in shown
    document = json.loads(run("--json"))
    assert list(document) == ["schema", "budgets"]
    assert [each["every"] for each in document["budgets"]] == ["0.88", None]
