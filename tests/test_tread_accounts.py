"""Tread.fi's accounts: listed, added, changed and archived; sent once, seen afterwards, and no key seen by anybody."""

import asyncio
import io
import json
import logging
import pickle
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from canaries import seen
from support import ReplayServer, StoredAnswer

import accountview as av
from accountview.cli.commands import run as run_command
from accountview.errors import OutcomeUnknown
from accountview.sandbox import Sandbox
from accountview.venues import tread
from accountview.venues.tread import AccountChange, TreadAccount

KEY = "canary-KEY/not+real-0001"
SECRET = '-----BEGIN FAKE KEY-----\ncanary "SECRET" not real 0002\n-----END FAKE KEY-----'
PASSWORD = "canary-PASS\\not.real"
CREDENTIALS: dict[str, Any] = {"api_key": KEY, "api_secret": SECRET, "password": PASSWORD}

Act = Callable[..., Any]


@pytest.fixture(params=["sync", "async"])
def act(request: pytest.FixtureRequest) -> Act:
    """Opens a client that writes and does one thing with it, either way."""

    def act_sync(options: dict[str, Any], method: str, *arguments: Any, **named: Any) -> Any:
        with tread.connect_writing(**options) as client:
            return getattr(client, method)(*arguments, **named)

    def act_async(options: dict[str, Any], method: str, *arguments: Any, **named: Any) -> Any:
        async def act() -> Any:
            async with tread.connect_writing_async(**options) as client:
                return await getattr(client, method)(*arguments, **named)

        return asyncio.run(act())

    return act_sync if request.param == "sync" else act_async


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def options(sandbox: Sandbox, label: str = "tread") -> dict[str, Any]:
    return dict(next(entry for entry in sandbox.all_entries if entry.label == label).options)


def names(sandbox: Sandbox) -> list[str]:
    """What the ordinary view shows."""
    with av.connect("tread", **options(sandbox)) as client:
        return [account.account_id for account in client.accounts()]


# What changes is seen ------------------------------------------------------------------------------------------------


def test_an_account_that_is_created_is_listed_and_read(act: Act, sandbox: Sandbox) -> None:
    change: AccountChange = act(
        options(sandbox),
        "create_account",
        "New one",
        "OKX",
        **CREDENTIALS,
        credential_options={"spot": True, "options": False},
    )

    assert change.state == "changed"
    assert change.before is None
    assert change.after is not None
    assert (change.after.name, change.after.exchange, change.after.archived) == ("New one", "OKX", False)
    assert change.after in act(options(sandbox), "list_accounts")
    assert "New one" in names(sandbox)


def test_an_account_that_is_archived_is_gone_from_the_view(act: Act, sandbox: Sandbox) -> None:
    assert "xyz" in names(sandbox)

    change: AccountChange = act(options(sandbox), "archive_account", "xyz")

    assert change.state == "changed"
    assert change.before is not None
    assert change.after is not None
    assert (change.before.archived, change.after.archived) == (False, True)
    assert "xyz" not in names(sandbox)
    assert "xyz" not in [each.name for each in act(options(sandbox), "list_accounts")]
    assert "xyz" in [each.name for each in act(options(sandbox), "list_accounts", include_archived=True)]
    assert act(options(sandbox), "archive_account", "xyz").state == "already_set"


def test_a_margin_mode_that_is_set_is_shown(act: Act, sandbox: Sandbox) -> None:
    def mode() -> object:
        # One without a unified wallet, which the view would tell instead.
        with av.connect("tread", **options(sandbox)) as client:
            return client.account("xyz").mode

    assert mode() is av.Mode.UNKNOWN
    for before, after, seen_as in (
        (None, "ISOLATED", av.Mode.ISOLATED),
        ("ISOLATED", "CROSS", av.Mode.CROSS),
    ):
        change: AccountChange = act(options(sandbox), "set_margin_mode", "xyz", after)
        assert change.state == "changed"
        assert change.before is not None
        assert change.after is not None
        assert (change.before.margin_mode, change.after.margin_mode) == (before, after)
        assert mode() is seen_as
    assert act(options(sandbox), "set_margin_mode", "xyz", "CROSS").state == "already_set"


def test_the_venue_says_no(act: Act, sandbox: Sandbox) -> None:
    change: AccountChange = act(
        options(sandbox), "create_account", "New", "OKX", api_key="fake", api_secret="fake"
    )
    assert (change.state, change.before, change.after) == ("rejected", None, None)
    assert change.reason is not None
    assert "OKX needs a password" in change.reason

    taken: AccountChange = act(options(sandbox), "create_account", "Old Bitget", "Bybit", **CREDENTIALS)
    assert taken.reason is not None
    assert "an account of this name exists" in taken.reason

    with pytest.raises(av.CredentialsRefused):
        act(options(sandbox) | {"token": "no-such-token"}, "list_accounts")


# What is sent --------------------------------------------------------------------------------------------------------


class Script(ReplayServer):
    """Answers each request with the next of the answers that were stored for it; the last one stays."""

    def find(self, method: str, path: str) -> StoredAnswer:
        answers = self.exchanges[path.split("/")[1]]
        matching = [each for each in answers if each.request.split()[0] == method]
        if len(matching) > 1:
            answers.remove(matching[0])
        return matching[0]

    @property
    def writes(self) -> list[tuple[str, str, bytes]]:
        return [(method, path, body) for method, path, _, body in self.asked if method != "GET"]


@pytest.fixture
def script() -> Iterator[Script]:
    server = Script()
    with server.running():
        yield server


Row = dict[str, Any]
OKX: Row = {"id": "id-1", "name": "okx one", "exchange": "OKX", "margin_mode": "CROSS", "archived": False}
NEW: Row = {"id": "id-2", "name": "new", "exchange": "Bybit", "archived": False}


def listing(*rows: Row) -> StoredAnswer:
    return StoredAnswer("GET /api/accounts/", 200, text=json.dumps(rows))


def serve(script: Script, *answers: StoredAnswer) -> dict[str, Any]:
    return {"token": "fake-token", "base_url": script.serve("tread", list(answers)), "timeout": 5.0}


DONE = '{"message": "Done."}'


@dataclass(frozen=True)
class Case:
    """A change, what is sent for it, and the list before and after."""

    method: str
    arguments: tuple[str, ...]
    named: dict[str, Any]
    request: str
    body: Row
    before: tuple[Row, ...]
    after: tuple[Row, ...]


CASES = {
    "create": Case(
        "create_account",
        ("new", "Bybit"),
        {**CREDENTIALS, "credential_options": {"spot": True}, "vault_address": "0x00"},
        "POST /api/accounts/",
        {
            "name": "new",
            "exchange": "Bybit",
            **CREDENTIALS,
            "credential_options": {"spot": True},
            "vault_address": "0x00",
        },
        (OKX,),
        (OKX, NEW),
    ),
    "margin mode": Case(
        "set_margin_mode",
        ("okx one", "ISOLATED"),
        {},
        "PUT /api/accounts/",
        {"id": "id-1", "margin_mode": "ISOLATED"},
        (OKX,),
        ({**OKX, "margin_mode": "ISOLATED"},),
    ),
    "archive": Case(
        "archive_account",
        ("okx one",),
        {},
        "DELETE /api/accounts/",
        {"name": "okx one"},
        (OKX, NEW),
        ({**OKX, "archived": True}, NEW),
    ),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def change(act: Act, script: Script, case: Case, *answers: StoredAnswer) -> Any:
    return act(serve(script, *answers), case.method, *case.arguments, **case.named)


def test_what_is_sent_is_what_the_spec_says(act: Act, script: Script, case: Case) -> None:
    done = StoredAnswer(case.request, 200, text=DONE)
    result = change(act, script, case, listing(*case.before), done, listing(*case.after))

    assert result.state == "changed"
    [(method, path, body)] = script.writes
    assert (f"{method} {path.removeprefix('/tread')}", json.loads(body)) == (case.request, case.body)
    [headers] = [headers for method, _, headers, _ in script.asked if method != "GET"]
    lower = {name.lower(): value for name, value in headers.items()}
    assert lower["authorization"] == "Token fake-token"
    assert lower["content-type"] == "application/json"
    assert lower["content-length"] == str(len(body))
    paths = [path for method, path, _, _ in script.asked if method == "GET"]
    assert paths == ["/tread/api/accounts/?include_archived=true"] * 2


def test_what_is_left_out_is_not_sent(act: Act, script: Script) -> None:
    done = StoredAnswer("POST /api/accounts/", 201, text=DONE)
    act(
        serve(script, listing(), done, listing(NEW)),
        "create_account",
        "new",
        "Bybit",
        api_key="fake",
        api_secret="fake",
    )
    [(_, _, body)] = script.writes
    assert json.loads(body) == {"name": "new", "exchange": "Bybit", "api_key": "fake", "api_secret": "fake"}


@pytest.mark.parametrize(
    ("method", "arguments", "named", "problem"),
    [
        ("create_account", ("okx one", "OKX"), CREDENTIALS, "there is an account 'okx one'"),
        ("create_account", ("", "OKX"), CREDENTIALS, "needs a name"),
        ("create_account", ("x", ""), CREDENTIALS, "needs a name"),
        ("create_account", ("x", "OKX"), {**CREDENTIALS, "api_secret": ""}, "must not be empty"),
        ("create_account", ("x", "OKX"), {**CREDENTIALS, "password": ""}, "must not be empty"),
        ("set_margin_mode", ("okx one", "cross"), {}, "there are ISOLATED, CROSS, CASH, SPOT_ISOLATED"),
        (
            "set_margin_mode",
            ("okx", "CROSS"),
            {},
            "no account 'okx' .* there are: okx one, twice, twice, no id",
        ),
        ("set_margin_mode", ("no id", "CASH"), {}, "lists no id"),
        ("set_margin_mode", ("old", "CROSS"), {}, "no account 'old' that is not archived"),
        ("archive_account", ("twice",), {}, "2 accounts are called 'twice'"),
        ("archive_account", ("nobody",), {}, "no account 'nobody'"),
    ],
)
def test_what_is_not_clear_is_refused_before_anything_is_sent(
    act: Act, script: Script, method: str, arguments: tuple[str, ...], named: dict[str, Any], problem: str
) -> None:
    twice = {"name": "twice", "exchange": "Bybit"}
    rows = (OKX, twice, twice, {"name": "no id"}, {"name": "old", "archived": True})
    with pytest.raises(av.UsageError, match=problem) as caught:
        act(serve(script, listing(*rows)), method, *arguments, **named)
    assert script.writes == []
    for secret in CREDENTIALS.values():
        assert seen(secret, str(caught.value)) == []


def test_what_is_so_already_sends_nothing(act: Act, script: Script) -> None:
    rows = ({"name": "old", "archived": True}, OKX)
    assert act(serve(script, listing(*rows)), "archive_account", "old").state == "already_set"
    assert act(serve(script, listing(*rows)), "set_margin_mode", "okx one", "CROSS").state == "already_set"
    assert script.writes == []


# Sent once -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "text"),
    [(502, "bad gateway"), (500, '{"error": "x"}'), (200, "<html>"), (302, ""), (408, '"x"')],
)
@pytest.mark.parametrize("resolution", ["applied", "not_applied", "unreadable"])
def test_an_unclear_outcome_is_resolved_by_the_list(
    act: Act, script: Script, case: Case, status: int, text: str, resolution: str
) -> None:
    unclear = StoredAnswer(case.request, status, text=text)
    after = {
        "applied": listing(*case.after),
        "not_applied": listing(*case.before),
        "unreadable": StoredAnswer("GET /api/accounts/", 401, text='{"detail": "Invalid token."}'),
    }[resolution]

    with pytest.raises(OutcomeUnknown) as caught:
        change(act, script, case, listing(*case.before), unclear, after)

    assert caught.value.resolution == ("cannot_tell" if resolution == "unreadable" else resolution)
    assert not caught.value.retryable
    assert isinstance(caught.value.found, AccountChange)
    assert caught.value.found.state == ("changed" if resolution == "applied" else "unconfirmed")
    assert len(script.writes) == 1


def test_a_third_state_tells_nothing(act: Act, script: Script) -> None:
    lists = listing(OKX), listing({**OKX, "margin_mode": "CASH"})
    unclear = StoredAnswer("PUT /api/accounts/", 502, text="bad gateway")
    with pytest.raises(OutcomeUnknown) as caught:
        change(act, script, CASES["margin mode"], lists[0], unclear, lists[1])
    assert caught.value.resolution == "cannot_tell"


def test_what_is_taken_and_not_listed_is_unconfirmed(act: Act, script: Script, case: Case) -> None:
    done = StoredAnswer(case.request, 200, text=DONE)
    unconfirmed = change(act, script, case, listing(*case.before), done, listing(*case.before))
    assert unconfirmed.state == "unconfirmed"
    assert unconfirmed.reason == "the list does not show it"
    unread = StoredAnswer("GET /api/accounts/", 401, text='{"detail": "Invalid token."}')
    unconfirmed = change(act, script, case, listing(*case.before), done, unread)
    assert unconfirmed.state == "unconfirmed"
    assert "listing the accounts again failed" in unconfirmed.reason
    assert len(script.writes) == 2


def test_an_account_that_is_listed_no_longer_is_archived(act: Act, script: Script) -> None:
    # Should the venue list no archived accounts although it is asked to.
    done = StoredAnswer("DELETE /api/accounts/", 200, text=DONE)
    result = act(serve(script, listing(OKX, NEW), done, listing(NEW)), "archive_account", "okx one")
    assert (result.state, result.after) == ("changed", None)


@pytest.mark.parametrize(
    ("status", "kind"), [(401, av.CredentialsRefused), (403, av.CredentialsRefused), (429, av.RateLimited)]
)
def test_what_is_refused_for_certain_is_told_as_for_a_read(
    act: Act, script: Script, case: Case, status: int, kind: type[av.VenueError]
) -> None:
    refused = StoredAnswer(case.request, status, text='{"detail": "no"}')
    with pytest.raises(kind):
        change(act, script, case, listing(*case.before), refused)
    assert len(script.writes) == 1


def test_who_only_reads_has_no_way_to_it(script: Script) -> None:
    with av.connect("tread", **serve(script)) as client:
        for method in ("list_accounts", "create_account", "set_margin_mode", "archive_account"):
            assert not hasattr(client, method)


# Seen by nobody ------------------------------------------------------------------------------------------------------


def _steps(trace: TracebackType | None) -> list[TracebackType]:
    return [] if trace is None else [trace, *_steps(trace.tb_next)]


def renderings(thing: Any) -> str:
    texts = [repr(thing), str(thing), repr(pickle.dumps(thing))]
    if isinstance(thing, BaseException):
        # The test itself holds it in variables: what is ours begins after its last frame.
        steps = [step.tb_frame.f_code.co_filename for step in _steps(thing.__traceback__)]
        own = len(steps) - steps[::-1].index(__file__)
        thing.__traceback__ = _steps(thing.__traceback__)[own]
        texts += traceback.TracebackException.from_exception(thing, capture_locals=True).format()
    return "\n".join(texts)


@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
@pytest.mark.parametrize("form", ["text", "error", "message", "detail", "errors"])
def test_keys_that_the_venue_repeats_are_not_told(
    act: Act, script: Script, status: int, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    # Longer than what is told of a venue's words, so that the key is cut in two where those end.
    said = f"{'x' * 150} {KEY} {SECRET} {PASSWORD}"
    document: Any = {"text": said, "errors": {"errors": ["no", said]}}.get(form, {form: said})
    answers = (
        listing(OKX),
        StoredAnswer("POST /api/accounts/", status, text=json.dumps(document)),
        listing(OKX),
    )
    told: Any
    with caplog.at_level(logging.DEBUG):
        try:
            told = act(serve(script, *answers), "create_account", "new", "Bybit", **CREDENTIALS)
        except av.VenueError as error:
            told = error
    captured = [renderings(told), caplog.text, *(repr(vars(record)) for record in caplog.records)]
    for secret in CREDENTIALS.values():
        for text in captured:
            assert seen(secret, text) == []
    if status == 400:
        assert isinstance(told, AccountChange)
        assert "xxx" in str(told.reason)  # the rest of its words is told


def test_a_slip_in_a_call_shows_no_key(act: Act, script: Script) -> None:
    for named in ({**CREDENTIALS, "credential_options": 7}, {**CREDENTIALS, "vault_address": object()}):
        with pytest.raises((TypeError, av.UsageError)) as caught:
            act(serve(script, listing()), "create_account", "new", "Bybit", **named)
        shown = "".join(traceback.TracebackException.from_exception(caught.value).format())
        for secret in CREDENTIALS.values():
            assert seen(secret, shown) == []


def test_an_account_shows_no_key(sandbox: Sandbox) -> None:
    with tread.connect_writing(**options(sandbox)) as client:
        assert all(isinstance(each, TreadAccount) for each in client.list_accounts())
        assert "****" not in repr(client.list_accounts())


# The command ---------------------------------------------------------------------------------------------------------


@dataclass
class Done:
    code: int
    out: str
    err: str


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def run(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Done]:
    """Runs `accountview accounts`; `typed` is what somebody types at a terminal, None without one."""
    accounts = tmp_path / "accounts.toml"
    sandbox.write_accounts(accounts)

    def run(*arguments: str, typed: str | None = None) -> Done:
        monkeypatch.setattr(sys, "stdin", io.StringIO() if typed is None else Terminal(typed))
        code = run_command(["accounts", *arguments, "--file", str(accounts)])
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return run


def test_the_command_lists(run: Callable[..., Done]) -> None:
    done = run("list", "tread")
    assert (done.code, done.out.splitlines()) == (
        0,
        ["Bybit main (Bybit)", "alice/perps (Binance)", "OKX pm (OKX, CROSS)", "xyz (Hyperliquid)"],
    )
    everything = run("list", "tread", "--archived", "--json")
    document = json.loads(everything.out)
    assert document["accounts"][-1] == {
        "name": "Old Bitget",
        "id": "00000000-0000-0000-0000-000000000005",
        "exchange": "Bitget",
        "margin_mode": None,
        "archived": True,
        "valid": True,
    }
    assert run("list", "bfx-main").code == 2
    assert run("list", "tread/xyz").code == 2
    assert run("list", "nobody").code == 2


def test_the_command_creates_with_keys_by_reference_only(
    run: Callable[..., Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    secret.chmod(0o600)
    monkeypatch.setenv("FAKE_KEY", KEY)
    monkeypatch.setenv("FAKE_PASSWORD", PASSWORD)
    references = (
        "--api-key",
        "env:FAKE_KEY",
        "--api-secret",
        f"file:{secret}",
        "--password",
        "env:FAKE_PASSWORD",
    )

    plain = run("create", "tread", "new", "OKX", "--api-key", KEY, "--api-secret", "env:FAKE_KEY", "--yes")
    assert plain.code == 2
    assert '--api-key: a secret must not stand in the command itself; write "env:NAME"' in plain.err
    unasked = run("create", "tread", "new", "OKX", *references)
    assert (unasked.code, "nothing was changed" in unasked.err) == (2, True)
    assert "new" not in names(sandbox)
    no = run("create", "tread", "new", "OKX", *references, typed="n\n")
    assert (no.code, "nothing was changed" in no.err) == (2, True)
    assert run("create", "tread", "new", "OKX", *references, "--use", "spot", "--yes").code == 2
    rejected = run("create", "tread", "new", "OKX", *references[:4], "--yes")
    assert (rejected.code, "needs a password" in rejected.out) == (7, True)
    done = run("create", "tread", "new", "OKX", *references, "--use", "spot=yes", typed="y\n")
    assert (done.code, done.out) == (0, "tread new: done: new (OKX)\n")
    assert "new" in names(sandbox)
    again = run("create", "tread", "new", "OKX", *references, "--yes", "--json")
    assert again.code == 2
    for each in (plain, unasked, no, rejected, done, again):
        for value in CREDENTIALS.values():
            assert seen(value, each.out + each.err) == []


def test_the_command_archives_when_the_name_is_typed(run: Callable[..., Done], sandbox: Sandbox) -> None:
    for typed in (None, "n\n", "y\nxyy\n"):
        refused = run("archive", "tread", "xyz", typed=typed)
        assert (refused.code, "nothing was changed" in refused.err) == (2, True)
        assert "what is open stays open at the exchange" in refused.err
        assert "needs its key again" in refused.err
    assert "xyz" in names(sandbox)
    assert run("archive", "tread", "xyz", typed="y\nxyz\n").code == 0
    assert "xyz" not in names(sandbox)
    assert run("archive", "tread", "alice/perps", "--yes").code == 0
    assert "alice/perps" not in names(sandbox)
    already = run("archive", "tread", "xyz")
    assert (already.code, "nothing was sent" in already.out) == (0, True)
    assert run("archive", "tread", "nobody", "--yes").code == 2


def test_the_command_sets_a_margin_mode_and_tells_what_is_not_known(
    run: Callable[..., Done], sandbox: Sandbox
) -> None:
    done = run("margin-mode", "tread", "OKX pm", "ISOLATED", typed="y\n")
    assert (done.code, done.out) == (0, "tread OKX pm: done: OKX pm (OKX, ISOLATED)\n")
    assert "margin mode: CROSS → ISOLATED" in done.err
    sandbox.fail("tread", "updateAccount", status=502, body=b"bad gateway")
    unknown = run("margin-mode", "tread", "OKX pm", "CROSS", "--yes", "--json")
    document = json.loads(unknown.out)
    assert (unknown.code, document["resolution"], document["change"]["state"]) == (
        8,
        "not_applied",
        "unconfirmed",
    )
    sandbox.fail("tread", "updateAccount", status=401, body=b'{"detail": "no"}')
    assert run("margin-mode", "tread", "OKX pm", "CROSS", "--yes").code == 4
