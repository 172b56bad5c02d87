"""Setting a leverage at every venue that takes one, through the sandbox over loopback, with both clients."""

import asyncio
import json
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import click
import pytest
from faults.proxy import FaultProxy

import accountview as av
from accountview import leverage as leverages
from accountview.cli.commands import run
from accountview.errors import OutcomeUnknown
from accountview.leverage import LeverageChange, LeverageOf, LeverageSetting, Seen
from accountview.plan import NOBODY, Call, Owner, Plan, Reply
from accountview.sandbox import Sandbox
from accountview.testing import make_account
from accountview.venues import bfx, rabbitx
from accountview.writing import AsyncWritingClient, WritingClient

WAYS = ("sync", "async")
WRITES = ("setLeverage", "leverage")
"""How the path of a change ends, in small letters or not."""


@dataclass(frozen=True)
class Subject:
    """Whose leverage is changed, of which market; its instrument has one name at every venue."""

    venue: str
    label: str
    symbol: str
    instrument: av.Instrument
    text: str
    account: str | None = None

    def __str__(self) -> str:
        return self.venue


def perpetual(base: str, quote: str) -> av.Instrument:
    return av.Instrument(base=base, quote=quote, kind=av.Kind.PERPETUAL)


SUBJECTS = (
    Subject("rabbitx", "rabbitx-main", "SOL-USD", perpetual("SOL", "USD"), "SOL-USD"),
    Subject("bfx", "bfx-main", "SOL-USD", perpetual("SOL", "USD"), "SOL-USD"),
    Subject("arcus", "arcus-main", "SOL-USD", perpetual("SOL", "USD"), "SOL-USD"),
    Subject("tread", "tread", "SOL:PERP-USDC", perpetual("SOL", "USDC"), "SOL-USDC", "Bybit main"),
)
BY_VENUE = {subject.venue: subject for subject in SUBJECTS}
every_venue = pytest.mark.parametrize("subject", SUBJECTS, ids=str)
both_ways = pytest.mark.parametrize("way", WAYS)


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Sandbox, FaultProxy]]:
    with Sandbox() as sandbox, FaultProxy(sandbox.url) as proxy:
        yield sandbox, proxy


@dataclass
class Venue:
    """One venue of the sandbox behind a port that counts what it is asked."""

    subject: Subject
    sandbox: Sandbox
    proxy: FaultProxy
    way: str
    options: dict[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        entries = {entry.label: entry for entry in self.sandbox.all_entries}
        self.port = self.proxy.port()
        address = f"http://127.0.0.1:{self.port.number}/{self.subject.venue}"
        self.options = dict(entries[self.subject.label].options) | {"base_url": address} | self.options

    def set(self, leverage: Decimal | int, market: av.Instrument | str | None = None) -> LeverageChange:
        market, account = market or self.subject.symbol, self.subject.account
        if self.way == "sync":
            with av.connect(self.subject.venue, writes=True, **self.options) as client:
                return client.set_leverage(market, leverage, account)
        return asyncio.run(self._set_async(market, leverage, account))

    async def _set_async(
        self, market: av.Instrument | str, leverage: Decimal | int, account: str | None
    ) -> LeverageChange:
        async with av.connect_async(self.subject.venue, writes=True, **self.options) as client:
            return await client.set_leverage(market, leverage, account)

    def is_set(self) -> Decimal | None:
        """What an ordinary client reads."""
        with av.connect(self.subject.venue, **self.options) as client:
            account: av.Account = client.account(self.subject.account)
        by_position = {position.venue_symbol: position.leverage for position in account.positions}
        symbol = self.subject.symbol
        return account.leverage_by_market.get(symbol, by_position.get(symbol))

    def other(self) -> Decimal:
        """A leverage that is not set."""
        return Decimal(5 if self.is_set() != 5 else 4)

    @property
    def changes(self) -> int:
        """How many requests for a change have arrived."""
        return sum(target.rstrip("/").endswith(WRITES) for target in self.port.asked)


@pytest.fixture
def venue(shared: tuple[Sandbox, FaultProxy]) -> Iterator[Callable[[Subject, str], Venue]]:
    sandbox, proxy = shared
    yield lambda subject, way: Venue(subject, sandbox, proxy, way)
    sandbox.recover()


Opened = Callable[[Subject, str], Venue]


# What becomes of it ----------------------------------------------------------------------------------------------


@both_ways
@every_venue
def test_a_change_is_seen_by_ordinary_reads_and_made_once(venue: Opened, subject: Subject, way: str) -> None:
    at = venue(subject, way)
    before, wanted = at.is_set(), at.other()

    change = at.set(wanted)

    assert (change.state, change.before, change.after, change.wanted) == ("changed", before, wanted, wanted)
    assert (change.venue_symbol, change.instrument) == (subject.symbol, subject.instrument)
    assert at.is_set() == wanted
    assert at.changes == 1
    again = at.set(Decimal(f"{wanted}.0"))
    assert (again.state, again.before, again.after, again.reason) == ("already_set", wanted, wanted, None)
    assert at.changes == 1


@every_venue
def test_one_language_for_all_venues(venue: Opened, subject: Subject) -> None:
    at = venue(subject, "sync")
    for market in (subject.instrument, subject.text, subject.symbol):
        assert at.set(at.other(), market).venue_symbol == subject.symbol


REFUSALS: dict[str, tuple[int, dict[str, object], str]] = {
    "rabbitx": (400, {"success": False, "error": "MARKET_NOT_ACTIVE", "result": []}, "MARKET_NOT_ACTIVE"),
    "bfx": (200, {"success": False, "error": "PROFILE_NOT_ACTIVE", "result": []}, "PROFILE_NOT_ACTIVE"),
    "arcus": (422, {"status": "REJECTED", "rejectReason": "HAS_OPEN_POSITION"}, "HAS_OPEN_POSITION"),
    "tread": (400, {"message": "no margin"}, "no margin"),
}


@both_ways
@every_venue
def test_what_the_venue_refuses_is_rejected(venue: Opened, subject: Subject, way: str) -> None:
    at = venue(subject, way)
    status, body, reason = REFUSALS[subject.venue]
    at.sandbox.fail(subject.venue, "setLeverage", status=status, body=json.dumps(body).encode())
    before = at.is_set()

    change = at.set(at.other())

    assert (change.state, change.before, change.after) == ("rejected", before, before)
    assert change.reason is not None
    assert reason in change.reason
    assert at.changes == 1


def test_the_sandbox_rejects_by_itself(venue: Opened) -> None:
    arcus = venue(BY_VENUE["arcus"], "sync")
    assert "INVALID_LEVERAGE" in str(arcus.set(21).reason)  # the market's own maximum is 20
    tread = venue(BY_VENUE["tread"], "sync")
    assert "whole number" in str(tread.set(Decimal("2.5")).reason)
    assert "unknown pair" in str(tread.set(3, "FOO-USDC").reason)


@both_ways
@every_venue
@pytest.mark.parametrize(
    ("status", "kind"), [(401, av.CredentialsRefused), (403, av.CredentialsRefused), (429, av.RateLimited)]
)
def test_what_concerns_the_caller_is_raised(
    venue: Opened, subject: Subject, way: str, status: int, kind: type[av.VenueError]
) -> None:
    at = venue(subject, way)
    at.sandbox.fail(subject.venue, "setLeverage", status=status, body=b"{}")
    before, wanted = at.is_set(), at.other()
    with pytest.raises(kind) as refused:
        at.set(wanted)
    assert refused.value.operation == "setLeverage"
    assert at.changes == 1
    at.sandbox.recover()
    assert at.is_set() == before


def test_what_was_only_taken_is_unconfirmed(venue: Opened) -> None:
    at = venue(BY_VENUE["arcus"], "sync")
    at.sandbox.fail("arcus", "setLeverage", status=202, body=b'{"status":"ACK","requestId":"1"}')
    before, wanted = at.is_set(), at.other()

    change = at.set(wanted)

    assert (change.state, change.before, change.after) == ("unconfirmed", before, before)
    assert change.reason == f"the venue has taken it; the account shows {before}"
    at.sandbox.fail("arcus", "setLeverage", status=200, body=b'{"status":"APPLIED"}')
    assert at.set(wanted).reason == f"the venue says that it is set; the account shows {before}"


def test_where_nothing_is_open_tread_shows_nothing(venue: Opened) -> None:
    at = venue(replace(BY_VENUE["tread"], account="xyz"), "sync")

    change = at.set(3, "ETH-USDT")

    assert (change.state, change.before, change.after) == ("unconfirmed", None, None)
    assert change.venue_symbol == "ETH:PERP-USDT"
    assert "open position only" in str(change.reason)


@every_venue
def test_it_is_set_in_one_account_only(venue: Opened, subject: Subject) -> None:
    at = venue(subject, "sync")
    with av.connect(subject.venue, writes=True, **at.options) as client:
        with pytest.raises(av.UsageError, match="no account 'nobody'"):
            client.set_leverage(subject.symbol, 3, "nobody")
        if subject.account is not None:
            with pytest.raises(av.UsageError, match=r"several accounts.*Bybit main, alice/perps"):
                client.set_leverage(subject.symbol, 3)
        account = client.leverage(subject.symbol, subject.account).account_id
        assert client.set_leverage(subject.symbol, at.other(), account).account_id == account
    assert at.changes == 1


def test_of_all_accounts_of_an_address_one_must_be_named(venue: Opened) -> None:
    at = venue(BY_VENUE["arcus"], "sync")
    with av.connect("arcus", writes=True, **at.options | {"account_index": "all"}) as client:
        with pytest.raises(av.UsageError, match="several accounts are asked for"):
            client.set_leverage("SOL-USD", 3)
        assert client.set_leverage("SOL-USD", at.other(), "0").account_id.endswith("/0")
        with pytest.raises(av.CredentialsRefused, match="address does not match api key"):
            client.set_leverage("SOL-USD", 3, "1")  # the key is good for account 0


# Before anything is sent -------------------------------------------------------------------------------------------


@every_venue
@pytest.mark.parametrize(
    "leverage",
    [
        *(0, -1, 100_001, Decimal("NaN"), Decimal("Infinity"), Decimal("1e999999"), Decimal("1e-999999")),
        *(True, 2.0, "5", None),
    ],
)
def test_what_is_no_leverage_is_refused(venue: Opened, subject: Subject, leverage: Any) -> None:
    at = venue(subject, "sync")
    with pytest.raises(av.UsageError, match="leverage"):
        at.set(leverage)
    assert not at.port.asked


@pytest.mark.parametrize(
    ("key", "leverage", "said"),
    [
        ("rabbitx", Decimal("2.5"), "whole numbers"),
        ("bfx", Decimal("2.5"), "whole numbers"),
        ("arcus", Decimal("2.5"), "whole numbers"),
        ("rabbitx", 51, "it can be 1 to 50"),
        ("bfx", 21, "it can be 1 to 20"),
        ("arcus", 1001, "it can be 1 to 1000"),
    ],
)
def test_bounds_are_those_of_the_spec(venue: Opened, key: str, leverage: Any, said: str) -> None:
    at = venue(BY_VENUE[key], "sync")
    with pytest.raises(av.UsageError, match=said):
        at.set(leverage)
    assert not at.port.asked


def test_beyond_the_documented_maximum_the_venue_decides_and_that_is_said(venue: Opened) -> None:
    at = venue(BY_VENUE["rabbitx"], "sync")
    with av.connect("rabbitx", writes=True, **at.options) as client:
        said = client.check_leverage(21)
        assert said is not None
        assert "documented maximum is 20; 50 was seen later" in said
        assert client.check_leverage(20) is None
        change = client.set_leverage("SOL-USD", 50)
        assert (change.state, change.reason) == ("changed", client.check_leverage(50))
        assert client.set_leverage("SOL-USD", 3).state == "changed"


@pytest.mark.parametrize(
    ("key", "market", "said"),
    [
        ("bfx", "sol-usd", "did you mean SOL-USD"),
        ("bfx", "SOL-USDT", "did you mean SOL-USD"),
        ("bfx", "SOL", "did you mean SOL-USD"),
        ("bfx", "XRP-USD", "no market is 'XRP-USD' for certain"),
        ("bfx", "", "no market is '' for certain"),
        ("bfx", perpetual("SOL", "USDC"), "'SOL-USDC perpetual'"),
        ("bfx", av.Instrument(base="SOL", quote="USD", kind=av.Kind.SPOT), "'SOL-USD spot'"),
        ("arcus", "BTC-PERP", "did you mean BTC-USD"),
        ("arcus", "1", "no market is '1'"),
        ("tread", "SOLUSDC", "did you mean SOL:PERP-USDC"),
        ("tread", "SOL_USDC", "did you mean SOL:PERP-USDC"),
    ],
)
def test_a_market_that_is_not_certain_is_refused(venue: Opened, key: str, market: Any, said: str) -> None:
    at = venue(BY_VENUE[key], "sync")
    with av.connect(key, writes=True, **at.options) as client, pytest.raises(av.UsageError, match=said):
        client.set_leverage(market, 3, BY_VENUE[key].account)
    assert not at.changes


def test_two_markets_of_one_instrument_are_told_apart(venue: Opened) -> None:
    at = venue(BY_VENUE["tread"], "sync")
    with av.connect("tread", writes=True, **at.options) as client:
        for market in (perpetual("XYZ100", "USDC"), "XYZ100-USDC"):
            with pytest.raises(av.UsageError, match=r"may be xyz_XYZ100:PERP-USDC or XYZ100:PERP-USDC"):
                client.set_leverage(market, 3, "xyz")
        assert not at.changes
        assert client.set_leverage("xyz_XYZ100:PERP-USDC", 3, "xyz").state == "changed"


# Asked for ---------------------------------------------------------------------------------------------------------


def test_without_writes_there_is_no_method(venue: Opened) -> None:
    for subject in SUBJECTS:
        at = venue(subject, "sync")
        with av.connect(subject.venue, **at.options) as client:
            assert not hasattr(client, "set_leverage")
            assert not isinstance(client, WritingClient)
        with av.connect(subject.venue, writes=False, **at.options) as client:
            assert not hasattr(client, "set_leverage")
        assert not hasattr(av.connect_async(subject.venue, **at.options), "set_leverage")
        with av.connect(subject.venue, writes=True, **at.options) as writing:
            assert isinstance(writing, WritingClient)
            account = writing.account(subject.account)  # and it reads as others do
            assert account.venue == subject.venue
        assert isinstance(av.connect_async(subject.venue, writes=True, **at.options), AsyncWritingClient)


def test_where_nothing_can_be_changed_it_is_said(venue: Opened) -> None:
    entries = {entry.label: entry for entry in venue(SUBJECTS[0], "sync").sandbox.entries}
    for connect in (av.connect, av.connect_async):
        with pytest.raises(av.UsageError, match="zkx: nothing can be changed there"):
            connect("zkx", writes=True, **entries["zkx-main"].options)
        with pytest.raises(av.UsageError, match="arcus: missing option private_key"):
            connect("arcus", writes=True, address="0x" + "0" * 40)


def test_a_venue_offers_the_same_with_its_own_types(venue: Opened) -> None:
    for module, key in ((bfx, "bfx"), (rabbitx, "rabbitx")):
        options = venue(BY_VENUE[key], "sync").options
        with module.connect_writing(**options) as client:
            assert client.leverage("SOL-USD").venue_symbol == "SOL-USD"


@both_ways
def test_what_is_set_can_be_asked(venue: Opened, way: str) -> None:
    subject = BY_VENUE["arcus"]
    at = venue(subject, way)

    async def ask() -> LeverageSetting:
        async with av.connect_async("arcus", writes=True, **at.options) as client:
            assert client.check_leverage(5) is None
            return await client.leverage(subject.instrument)

    if way == "sync":
        with av.connect("arcus", writes=True, **at.options) as client:
            setting = client.leverage(subject.instrument)
    else:
        setting = asyncio.run(ask())
    assert setting.leverage == at.is_set()
    assert [(position.venue_symbol, position.side) for position in setting.positions] == [
        ("SOL-USD", "SHORT")
    ]
    assert not at.changes


# The plan, without a venue -----------------------------------------------------------------------------------------


def fake(shown: list[Decimal | av.VenueError | None]) -> LeverageOf:
    """A venue that shows one leverage after another."""
    rows = iter(shown)

    def look(_owner: Owner, _account: str | None) -> Plan[Seen]:
        leverage = next(rows)
        if isinstance(leverage, Exception):
            raise leverage
        yield ()
        by_market = {} if leverage is None else {"BTC-USD": leverage}
        return Seen(make_account(leverage_by_market=by_market, positions=()), {"BTC-USD": 1})

    def change(_seen: Seen, _symbol: str, _leverage: Decimal) -> Call[Any]:
        return cast("Call[Any]", "the change")

    return LeverageOf("tread", look, change, lambda _: perpetual("BTC", "USD"), is_whole=False)


def play(
    shown: list[Decimal | av.VenueError | None], ended: av.VenueError | None
) -> tuple[LeverageChange | OutcomeUnknown, int]:
    """What the plan makes of what the account shows and of how the change ends, and how often it was sent."""
    plan: Generator[Any, Any, LeverageChange] = leverages.change(fake(shown), NOBODY, "BTC-USD", 5, None)
    sent = 0
    try:
        step = next(plan)
        while True:
            if step != ("the change",):
                step = plan.send(())
                continue
            sent += 1
            step = plan.send((cast("Reply[Any]", _reply()),)) if ended is None else plan.throw(ended)
    except StopIteration as stop:
        return stop.value, sent
    except OutcomeUnknown as unknown:
        return unknown, sent


def _reply() -> Any:
    moment = make_account().requested_at
    return Reply("done", moment, moment)


BROKEN = av.VenueUnavailable("it broke", venue="tread")
UNKNOWN = OutcomeUnknown("nobody knows", venue="tread")
TWO, THREE, FIVE = Decimal(2), Decimal(3), Decimal(5)


@pytest.mark.parametrize(
    ("before", "after", "state"),
    [
        *((TWO, FIVE, "changed"), (TWO, TWO, "unconfirmed"), (TWO, THREE, "unconfirmed")),
        *((TWO, None, "unconfirmed"), (TWO, BROKEN, "unconfirmed")),
        *((None, FIVE, "changed"), (None, None, "unconfirmed")),
    ],
)
def test_what_the_venue_took_is_changed_only_when_it_is_seen(
    before: Decimal | None, after: Decimal | av.VenueError | None, state: str
) -> None:
    change, sent = play([before, after], None)
    assert isinstance(change, LeverageChange)
    assert (change.state, sent) == (state, 1)
    assert (change.reason is None) == (state == "changed")
    assert after is not BROKEN or "reading it back failed: it broke" in str(change.reason)


@pytest.mark.parametrize(
    ("before", "after", "resolution"),
    [
        *((TWO, FIVE, "applied"), (TWO, TWO, "not_applied"), (TWO, THREE, "cannot_tell")),
        *((TWO, None, "cannot_tell"), (TWO, BROKEN, "cannot_tell")),
        *((None, FIVE, "applied"), (None, TWO, "cannot_tell"), (None, None, "cannot_tell")),
    ],
)
def test_an_unknown_outcome_is_resolved_by_what_is_read(
    before: Decimal | None, after: Decimal | av.VenueError | None, resolution: str
) -> None:
    unknown, sent = play([before, after], UNKNOWN)
    assert isinstance(unknown, OutcomeUnknown)
    assert (unknown.resolution, sent) == (resolution, 1)
    assert isinstance(unknown.found, LeverageChange)
    assert unknown.found.before == before


def test_what_cannot_be_read_is_not_changed() -> None:
    with pytest.raises(av.VenueUnavailable):
        play([BROKEN], None)


def test_a_refusal_stands_even_when_it_cannot_be_read_back() -> None:
    change, sent = play([TWO, BROKEN], av.RequestRefused("no", venue="tread"))
    assert isinstance(change, LeverageChange)
    assert (change.state, change.before, change.after, change.reason, sent) == (
        "rejected",
        TWO,
        None,
        "no",
        1,
    )


# The command -------------------------------------------------------------------------------------------------------


@pytest.fixture
def file(shared: tuple[Sandbox, FaultProxy], tmp_path: Path) -> Iterator[Path]:
    sandbox, _ = shared
    path = tmp_path / "accounts.toml"
    sandbox.write_accounts(path)
    yield path
    sandbox.recover()


def command(file: Path, *arguments: str) -> int:
    return run(["leverage", *arguments, "--file", str(file)])


def agrees(_question: str, *, err: bool) -> bool:
    return err


def refuses(_question: str, *, err: bool) -> bool:
    return not err


def is_not_asked(question: str, *, err: bool) -> bool:
    pytest.fail(f"{question} {err}: there is nothing to ask")


def test_the_command_shows_asks_and_tells(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command(file, "show", "bfx-main", "ETH-USD", "--json") == 0
    shown = json.loads(capsys.readouterr().out)["setting"]
    wanted = "9" if shown["leverage"] != "9" else "8"

    assert command(file, "set", "bfx-main", "ETH-USD", wanted) == 2
    out, told = capsys.readouterr()
    assert not out
    assert f"leverage: {shown['leverage']}× → {wanted}×" in told
    assert "account: bfx-main (bfx 815)" in told
    assert "open: SHORT 2.50" in told
    assert "--yes agrees beforehand" in told

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(click, "confirm", refuses)
    assert command(file, "set", "bfx-main", "ETH-USD", wanted) == 2
    assert "nothing was changed" in capsys.readouterr().err

    monkeypatch.setattr(click, "confirm", agrees)
    assert command(file, "set", "bfx-main", "ETH-USD", wanted) == 0
    assert capsys.readouterr().out == f"bfx-main ETH-USD: changed, {shown['leverage']}× → {wanted}×\n"

    monkeypatch.setattr(click, "confirm", is_not_asked)
    assert command(file, "set", "bfx-main", "ETH-USD", wanted) == 0
    assert "set already; nothing was sent" in capsys.readouterr().out
    assert command(file, "set", "bfx-main", "ETH-USD", "7", "--yes", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["label"], document["venue"], document["change"]["state"]) == (
        "bfx-main",
        "bfx",
        "changed",
    )
    assert document["change"]["before"] == wanted


def test_what_the_command_says_to_the_shell(
    shared: tuple[Sandbox, FaultProxy], file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox, _ = shared

    def fails(
        status: int, body: bytes = b"{}", operation: str = "setLeverage", times: int | None = 1
    ) -> None:
        sandbox.recover()
        sandbox.fail("bfx", operation, status=status, body=body, times=times)

    def code(leverage: str = "3", *more: str, label: str = "bfx-main", market: str = "BLAST-USD") -> int:
        return command(file, "set", label, market, leverage, "--yes", *more)

    fails(401)
    assert code() == 4
    fails(429)
    assert code() == 5
    fails(200, b"{", "getAccount", None)
    assert code() == 6
    fails(400, b'{"success":false,"error":"MARKET_NOT_ACTIVE","result":[]}')
    assert code() == 7
    assert "MARKET_NOT_ACTIVE" in capsys.readouterr().out
    fails(502)
    assert code("3", "--json") == 8
    out, told = capsys.readouterr()
    assert json.loads(out)["resolution"] == "not_applied"
    assert "it was not carried out by then" in told
    sandbox.recover()
    assert code("3", label="tread/xyz", market="ETH-USDT") == 3
    assert "not confirmed" in capsys.readouterr().out
    for wrong in ("x", "-1", "1e3", "٣", ""):
        assert code(wrong) == 2
    assert code("21") == 2
    assert code("3", label="nobody") == 2
    assert code("3", market="NO-USD") == 2
    assert command(file, "show", "zkx-main", "BTC-USD") == 2


def test_the_demo_can_be_tried(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["leverage", "set", "rabbitx-main", "SOL-USD", "21", "--demo", "--yes"]) == 0
    out, told = capsys.readouterr()
    assert "changed, 3× → 21×" in out
    assert "note: the documented maximum is 20" in told
