"""Every venue shows every scenario or says why it cannot; a bad adapter is caught; a plugin is a venue like ours."""

# pyright: reportPrivateUsage=false

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from support import FIXTURES, ROOT, ReplayServer, venues

import accountview as av
from accountview import conformance, registry, spec
from accountview.accounts_file import Entry, load
from accountview.conformance import EVERY_CASE, Problem
from accountview.plan import Decode, Owner, Plan, Reading
from accountview.provenance import Fields, Never, Reported
from accountview.scenarios import SCENARIOS
from accountview.view import Finding, MarginMode, Missing, Side
from accountview_clients import VENUES

PLUGIN = ROOT / "tests" / "plugin"
TOKEN = "acme-token-not-real"
URL = "http://127.0.0.1:9"


# Our venues ------------------------------------------------------------------------------------------------------


@cache
def problems(venue: str) -> tuple[Problem, ...]:
    return conformance.check(venue, conformance.cases(FIXTURES / venue))


@pytest.mark.parametrize("scenario", [EVERY_CASE, *SCENARIOS])
@pytest.mark.parametrize("venue", venues())
def test_the_venue_conforms(venue: str, scenario: str) -> None:
    assert not [str(problem) for problem in problems(venue) if problem.scenario == scenario]


# A distribution of somebody else's -------------------------------------------------------------------------------


def installed(folder: Path, name: str, entries: dict[str, str], version: str = "1.0") -> None:
    """What an installer leaves of a distribution: its metadata."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [f"[{registry.GROUP}]", *(f"{venue} = {module}" for venue, module in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


def install_acme(folder: Path) -> list[Path]:
    """The toy distribution, as its own pyproject.toml has it; returns what must be on the path."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    installed(folder, project["name"], project["entry-points"][registry.GROUP], project["version"])
    return [folder, PLUGIN / "src"]


Install = Callable[..., None]


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing that a test installs is known after it."""
    before = set(sys.modules)

    def forget() -> None:
        registry._plugins.cache_clear()
        spec.load.cache_clear()

    forget()
    yield
    monkeypatch.undo()
    for name in set(sys.modules) - before:
        if name.partition(".")[0] not in ("accountview", "accountview_clients"):
            del sys.modules[name]
    forget()


@pytest.fixture
def install(clean: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:  # noqa: ARG001
    """Installs a distribution of one module: `install("bad-venue", {"bad": "bad_venue"}, bad_venue="code")`."""

    def install(name: str, entries: dict[str, str], **modules: str) -> None:
        folder = tmp_path / name
        installed(folder, name, entries)
        for module, code in modules.items():
            (folder / f"{module}.py").write_text(code)
        monkeypatch.setattr(sys, "path", [str(folder), *sys.path])

    return install


@pytest.fixture
def acme(clean: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:  # noqa: ARG001
    for path in install_acme(tmp_path / "site"):
        monkeypatch.setattr(sys, "path", [str(path), *sys.path])
    return registry.module("acme")


def test_a_plugin_conforms_to_the_same_rules(acme: ModuleType) -> None:
    cases = conformance.cases(PLUGIN / "fixtures")

    assert not conformance.check("acme", cases)
    assert not cases.not_applicable
    assert registry.names() == (*VENUES, "acme")
    assert registry.distribution("acme") == "acme-venue 1.0"
    assert acme.__name__ == "acme_venue"


@pytest.mark.usefixtures("acme")
def test_a_plugin_opens_like_a_venue_of_ours(replay: ReplayServer, tmp_path: Path) -> None:
    url = replay.serve("acme", answers("long-and-short"))
    with av.connect("acme", token=TOKEN, base_url=url) as client:
        account = client.account()
    method, path, headers, _ = replay.asked[-1]

    assert (method, path, {name.lower(): value for name, value in headers.items()}["authorization"]) == (
        "GET",
        "/acme/accounts",
        f"Bearer {TOKEN}",
    )
    assert (account.equity, account.positions[1].side) == (Decimal("1000.5"), Side.SHORT)
    assert account.explain("positions/0/size").pointer == "/accounts/0/positions/0/amount"
    assert "Σ over the positions" in str(account.explain("notional"))
    assert {each.field: each.how for each in av.capabilities("acme")}["equity"] == "reported"
    assert spec.load("acme").fact("collateral") == "USDX"
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    file = tmp_path / "books.toml"
    file.write_text(f'[accounts.a]\nvenue = "acme"\ntoken = "file:token"\nbase_url = "{url}"\n')
    snapshot = av.Portfolio(load(file)).fetch()
    assert [row.equity for row in snapshot.accounts] == [Decimal("1000.5")]
    file.write_text('[accounts.a]\nvenue = "acne"\n')
    with pytest.raises(av.UsageError, match=r"no venue 'acne'; .*acme"):
        load(file)
    file.write_text('[accounts.a]\nvenue = "acme"\n')
    with pytest.raises(av.UsageError, match="token: is missing"):
        load(file)


def test_the_door_is_open_from_the_command_line(tmp_path: Path, replay: ReplayServer) -> None:
    url = replay.serve("acme-cli", answers("hedge"))
    (tmp_path / "accounts.toml").write_text(
        f'[accounts.bear]\nvenue = "acme"\ntoken = "env:ACME"\nbase_url = "{url}"\n'
    )
    path = install_acme(tmp_path / "site")

    def command(*arguments: str) -> str:
        code = f"import sys; sys.path[:0] = {[str(each) for each in path]!r}; from accountview.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=tmp_path, env={"ACME": TOKEN, "COLUMNS": "200"}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    (account,) = json.loads(command("show", "--json"))["accounts"]
    assert (account["label"], account["venue"], account["equity"]) == ("bear", "acme", "1000.5")
    assert [row["side"] for row in account["positions"]] == ["LONG", "SHORT"]
    assert "bear" in command("show")
    assert "from getAccounts at /accounts/0/worth" in command("explain", "bear", "equity")
    assert "getAccounts" in command("capabilities", "acme")


# What a plugin may get wrong -------------------------------------------------------------------------------------


def test_a_broken_plugin_says_whose_it_is_and_harms_nobody_else(install: Install, tmp_path: Path) -> None:
    install("bad-venue", {"bad": "bad_venue", "other": "other_venue"}, bad_venue="import nowhere_to_be_found")

    assert registry.names() == (*VENUES, "bad", "other")
    assert "bad_venue" not in sys.modules
    av.connect("bfx", api_key="k", api_secret="00", base_url=URL).close()
    (tmp_path / "books.toml").write_text('[accounts.a]\nvenue = "bad"\n')
    for broken in (
        lambda: av.connect("bad"),
        lambda: spec.load("bad"),
        lambda: av.capabilities("bad"),
        lambda: load(tmp_path / "books.toml"),
    ):
        with pytest.raises(av.UsageError, match=r"the plugin of bad-venue 1\.0 cannot be used") as caught:
            broken()
        assert "ModuleNotFoundError: No module named 'nowhere_to_be_found'" in str(caught.value)
        assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'books.toml'}: account 'a': ")


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("", "lacks open_adapter, connect, connect_async, DECLARATION, SPEC"),
        ("raise ValueError('two\\nlines')", r"cannot be imported \(ValueError: two lines\)"),
        ("def open_adapter(*, key: 'Nowhere'): ...", "the types of its options cannot be read"),
        ("def open_adapter(*, key: str = 'x'): return 1 / 0", r"it cannot be opened \(ZeroDivisionError\)$"),
        (
            """
from pathlib import Path
from accountview import spec
SPEC = Path("nowhere")
def open_adapter(*, key: str = "x"): return spec.load("bad")
""",
            r"its SPEC cannot be read \(FileNotFoundError\)$",
        ),
    ],
)
def test_whatever_is_wrong_with_a_plugin_is_one_line(install: Install, code: str, says: str) -> None:
    rest = (
        "connect = connect_async = DECLARATION = None\nSPEC = globals().get('SPEC')\n"
        if "def" in code
        else ""
    )
    install("bad-venue", {"bad": "bad_venue"}, bad_venue=f"{code}\n{rest}")

    with pytest.raises(av.UsageError, match=f"^bad: the plugin of bad-venue 1.0 cannot be used: .*{says}"):
        av.connect("bad")


def test_a_venue_of_ours_wins_over_a_plugin_of_its_name(install: Install) -> None:
    install("bad-venue", {"bfx": "bad_venue"}, bad_venue="raise SystemError")

    assert registry.names() == VENUES
    assert registry.module("bfx").__name__ == "accountview.venues.bfx"
    (problem,) = conformance.check("bfx", conformance.cases(FIXTURES / "bfx"))
    assert "the plugin of bad-venue 1.0 is never used: a venue of this name is built in" in str(problem)


def test_two_plugins_of_one_name_are_not_chosen_from(install: Install) -> None:
    install("one", {"acme": "acme_one"}, acme_one="")
    install("two", {"acme": "acme_two"}, acme_two="")

    with pytest.raises(av.UsageError, match=r"one 1\.0 and two 1\.0 both bring a venue of this name"):
        av.connect("acme", token=TOKEN)
    assert not {"acme_one", "acme_two"} & set(sys.modules)


def test_a_bug_of_a_plugin_is_a_row_that_failed(
    acme: ModuleType, monkeypatch: pytest.MonkeyPatch, replay: ReplayServer
) -> None:
    url = replay.serve("acme-bug", answers("flat"))
    options = {"token": TOKEN, "base_url": url}
    portfolio = av.Portfolio([Entry("bear", "acme", options), Entry("bull", "acme", options)])
    assert portfolio.fetch().complete

    def only_account(*_: object) -> None:
        raise LookupError(TOKEN)

    monkeypatch.setattr(acme, "only_account", only_account)
    first, second = portfolio.fetch().failures
    assert (first.label, first.error, second.label) == ("bear", "AnswerInvalid", "bull")
    assert first.message == "acme account 'bear': the plugin of acme-venue 1.0 failed (LookupError)"


def test_the_venues_of_ours_cost_no_look_at_entry_points() -> None:
    code = (
        "import accountview as av; from accountview import registry\n"
        "av.connect('bfx', api_key='k', api_secret='00').close(); av.capabilities('bfx')\n"
        "print(registry._plugins.cache_info().misses)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"


# What the kit catches --------------------------------------------------------------------------------------------


def answers(name: str) -> list[conformance.StoredAnswer]:
    (case,) = [case for case in conformance.cases(PLUGIN / "fixtures").cases if case.name == name]
    return list(case.answers)


def found(scenario: str) -> list[str]:
    cases = conformance.cases(PLUGIN / "fixtures")
    return [str(problem) for problem in conformance.check("acme", cases) if problem.scenario == scenario]


Defect = dict[str, Callable[..., Any]]
"""What stands in the adapter instead: name → function."""


def empty(acme: Any) -> Any:
    """An account as one might make it up where the venue said nothing."""
    return acme.client.Account(name="bear", worth=Decimal(0), cash=Decimal(0), positions=[], more=False)


def guesses(acme: Any) -> Defect:
    def only_account(_: object, envelope: Any) -> Any:
        return (acme.known(envelope.accounts) or [empty(acme)])[0]

    return {"only_account": only_account}


def believes_errors(acme: Any) -> Defect:
    def refusal(_: object) -> None:
        return None

    return {"refusal": refusal, **guesses(acme)}


def swallows(acme: Any) -> Defect:
    def parse(status: int, content: bytes, *, decode: Decode) -> Any:
        try:
            return acme.client.parse(status, content, decode=decode)
        except Exception:  # noqa: BLE001 - this is the defect
            return acme.client.Envelope(ok=True, accounts=[empty(acme)])

    return {"parse": parse}


def reads_nothing_as_zero(acme: Any) -> Defect:
    def parse(status: int, content: bytes, *, decode: Decode) -> Any:
        return acme.client.parse(status, content.replace(b'""', b'"0"'), decode=decode)

    return {"parse": parse}


def opens(kept: Callable[[list[Any]], list[Any]]) -> Callable[[Any], Defect]:
    """Rows are lost."""

    def defect(acme: Any) -> Defect:
        right = acme.opened

        def opened(owner: Owner, rows: list[Any]) -> Any:
            return right(owner, kept(rows))

        return {"opened": opened}

    return defect


def first_dropped(rows: list[Any]) -> list[Any]:
    return rows[1:]


def last_dropped(rows: list[Any]) -> list[Any]:
    return rows[:-1]


def sides_merged(rows: list[Any]) -> list[Any]:
    return list({row.market: row for row in rows}.values())


def dust_dropped(rows: list[Any]) -> list[Any]:
    return [row for row in rows if row.amount > Decimal("0.0001")]


def counts_twice(acme: Any) -> Defect:
    def opened(owner: Owner, rows: list[Any]) -> Any:
        return tuple(acme.position_view(owner, row) for row in rows), ()

    return {"opened": opened}


def margins(mode: MarginMode) -> Callable[[Any], Defect]:
    def margin_mode(_: object) -> MarginMode:
        return mode

    return lambda _: {"margin_mode": margin_mode}


def guesses_margins(acme: Any) -> Defect:
    def margin_mode(word: str) -> MarginMode:
        found: MarginMode = acme.MARGINS.get(word, MarginMode.CROSS)
        return found

    return {"margin_mode": margin_mode}


def one_times(acme: Any) -> Defect:
    def leverage(notional: Decimal | None, equity: Decimal | None) -> Decimal:
        return acme.divide(notional, equity) or Decimal(1)

    return {"leverage": leverage}


def clamps(acme: Any) -> Defect:
    def figure(value: object) -> Decimal | None:
        known: Decimal | None = acme.known(value)
        return None if known is None else max(Decimal(0), known)

    return {"figure": figure}


def rounds(acme: Any) -> Defect:
    def figure(value: object) -> Decimal | None:
        known: Decimal | None = acme.known(value)
        return None if known is None else Decimal(f"{known:.30g}")

    return {"figure": figure}


def fills(acme: Any) -> Defect:
    def figure(value: object) -> Decimal:
        return acme.known(value) or Decimal(0)

    return {"figure": figure, "price": figure}


def ends_early(_: Any) -> Defect:
    def is_cut(_: object) -> bool:
        return False

    return {"is_cut": is_cut}


DEFECTS: dict[str, Callable[[Any], Defect]] = {
    "flat": one_times,
    "long": opens(first_dropped),
    "short": opens(last_dropped),
    "hedge": opens(sides_merged),
    "cross": margins(MarginMode.ISOLATED),
    "isolated": margins(MarginMode.CROSS),
    "underwater": clamps,
    "dust": opens(dust_dropped),
    "forty-digits": rounds,
    "sentinel": fills,
    "empty-string": reads_nothing_as_zero,
    "unlisted-word": guesses_margins,
    "error-200": believes_errors,
    "body-cut": swallows,
    "list-cut": ends_early,
    "duplicate-row": counts_twice,
    "vanished-account": guesses,
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_scenario_catches_the_defect_that_it_is_there_for(
    scenario: str, acme: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not found(scenario)
    for name, replacement in DEFECTS[scenario](acme).items():
        monkeypatch.setattr(acme, name, replacement)
    assert found(scenario)


def test_a_position_on_the_wrong_side_is_caught(acme: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acme, "SIDES", {"long": Side.SHORT, "short": Side.LONG})

    assert any("with entry 20000 and mark 20100" in told for told in found("long") + found("short"))


Change = Callable[[av.Account], av.Account]


def changed(**changes: Any) -> Change:
    return lambda account: msgspec.structs.replace(account, **changes)


def bare(account: av.Account) -> av.Account:
    return msgspec.structs.replace(
        account, positions=tuple(msgspec.structs.replace(each, missing={}) for each in account.positions)
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (changed(equity=1000.5), "account.equity is a float"),
        (changed(equity=Decimal("1000.50")), "equity is 1000.50, and the answer holds '1000.5'"),
        (changed(equity=Decimal(0)), "equity is 0, and the answer holds '1000.5'"),
        (changed(positions=()), "the answer lists 'BTC/USD' 1 times, the view 0 times"),
        (changed(missing={}), "available is None without a reason"),
        (bare, "positions/0/wallet is None without a reason"),
        (changed(health=Decimal(0), missing={"health": Missing.UNSUPPORTED}), "health is there, and there is a reason"),
        (changed(health=Decimal(1)), "health has a value, and is declared as never there"),
        (changed(label=None), "the account is not labelled as its owner says"),
        (changed(findings=[Finding(code="X", fields=(), message="in a list")]), "another one after a round trip"),
    ],
)  # fmt: skip
def test_every_case_obeys_every_rule(
    change: Change, says: str, acme: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: Callable[[Owner], Plan[Reading]] = acme.read

    def changing(owner: Owner) -> Plan[Reading]:
        reading = yield from read(owner)
        return Reading(tuple([change(account) for account in reading.accounts]), reading.failures)

    assert not found(EVERY_CASE)
    monkeypatch.setattr(acme, "read", changing)
    assert any(says in told for told in found(EVERY_CASE)), found(EVERY_CASE)


def test_a_zero_for_what_is_absent_is_caught(acme: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acme, "figure", fills(acme)["figure"])

    assert found(EVERY_CASE) == [
        "every case, case figures-absent: equity is 0, and the answer holds nothing: getAccounts at /accounts/0/worth"
    ]


def raises_key_error(*_: object) -> None:
    raise KeyError


def test_foreign_errors_are_caught(acme: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(acme, "side", raises_key_error)
        assert "the adapter raised KeyError" in found("short")[0]
    with monkeypatch.context() as patch:
        patch.setattr(acme, "parse", raises_key_error)
        assert any("HTTP 520 and a page of HTML" in told for told in found(EVERY_CASE))


def test_a_wrong_declaration_is_caught(acme: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    origins = dict(acme.DECLARATION.account.origins)

    def declared(**changes: Any) -> list[str]:
        fields = {name: origin for name, origin in (origins | changes).items() if origin is not None}
        declaration = acme.Declaration(Fields(**fields), acme.DECLARATION.position, acme.DECLARATION.balance)
        with monkeypatch.context() as patch:
            patch.setattr(acme, "DECLARATION", declaration)
            return found(EVERY_CASE)

    assert not declared()
    assert "lacks health of Account" in declared(health=None)[0]
    assert any(
        "at /accounts/0/cash" in told for told in declared(equity=Reported("getAccounts", "/accounts/0/cash"))
    )
    nowhere = Reported("getAccounts", "/accounts/0/nothing")
    assert any("equity cannot be explained" in told for told in declared(equity=nowhere))
    never = Never(Missing.UNSUPPORTED, "says who")
    assert any("declared as never there" in told for told in declared(equity=never))


def test_a_gap_must_be_declared(tmp_path: Path, acme: ModuleType) -> None:  # noqa: ARG001
    cases = conformance.cases(PLUGIN / "fixtures")
    kept = conformance.Cases(tuple([case for case in cases.cases if case.name != "hedge"]), {})

    (problem,) = conformance.check("acme", kept)
    assert (problem.scenario, problem.case) == ("hedge", None)
    assert not conformance.check("acme", conformance.Cases(kept.cases, {"hedge": "it nets"}))

    table = {"flat": ["flat"], "hedge": "it nets"}
    (tmp_path / "connect.json").write_text("{}")
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "exchange.json").write_text('{"answers": []}')
    wrong: tuple[tuple[dict[str, object], str], ...] = (
        ({"flatt": ["flat"]}, "no scenario 'flatt'; there are flat, long"),
        ({"flat": ["falt"]}, "flat: no case 'falt'"),
        ({"hedge": ""}, "hedge: name its cases, or say why"),
        ({"flat": []}, "flat: name its cases, or say why"),
        ({"flat": 1}, "scenarios.json: Expected"),
    )
    for changes, says in wrong:
        (tmp_path / "scenarios.json").write_text(json.dumps(table | changes))
        with pytest.raises(av.UsageError, match=says):
            conformance.cases(tmp_path)
    (tmp_path / "scenarios.json").unlink()
    with pytest.raises(av.UsageError, match=r"scenarios\.json: cannot be read"):
        conformance.cases(tmp_path)
