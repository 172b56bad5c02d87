"""Snapshots that are saved and read again: the same to the byte, without secrets, whatever the file holds."""

import base64
import copy
import gzip
import json
import os
import pickle
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn, cast
from urllib.parse import quote

import msgspec
import pytest
from support import Case, ReplayServer, StoredAnswer, cases

import accountview as av
from accountview import bundle, spec, venues
from accountview.accounts_file import Entry
from accountview.deadline import Deadline
from accountview.network.sending import Attempt
from accountview.portfolio import Portfolio
from accountview.recording import KEPT_HEADERS, Kept, strike
from accountview.replaying import NOWHERE, Stored, compare, replay
from accountview.sandbox import Sandbox
from accountview.secret import NoCredential, Secret
from accountview.snapshot import Snapshot
from accountview.venues import _rabbit, bfx
from accountview.view import Account, Missing

KEY = "canary_Key+1/not=real"
SECRET = "0xCaFe00112233445566778899aabbccddeeff0011"
WHOLE = "long-and-short"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

Document = dict[str, Any]


def read(replay_server: ReplayServer, case: Case, answers: list[StoredAnswer] | None = None) -> Snapshot:
    """What a portfolio reads of a case, over real HTTP."""
    stored = case.exchange.answers if answers is None else answers
    base_url = replay_server.serve(f"replayed--{case.venue}--{case.name}", stored)
    return Portfolio([Entry("golden", case.venue, case.options | {"base_url": base_url}, ("test",))]).fetch()


def whole(venue: str = "bfx") -> Case:
    return Case(venue, WHOLE)


@pytest.fixture
def saved(replay: ReplayServer, tmp_path: Path) -> Path:
    """A bundle of one whole account."""
    path = tmp_path / "saved.bundle"
    read(replay, whole()).save(path)
    return path


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens a connection or looks up a name fails."""

    def refuse(*_: object) -> NoReturn:
        raise AssertionError("a replay must not use the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def sealed(saved: Path, request: pytest.FixtureRequest) -> Path:
    """The same, in a place without a network."""
    request.getfixturevalue("offline")
    return saved


def document(path: Path) -> Document:
    content: Document = json.loads(gzip.decompress(path.read_bytes()))
    return content


def rewritten(path: Path, change: Callable[[Document], object]) -> Path:
    """The bundle with a change made to its document."""
    changed = document(path)
    change(changed)
    path.write_bytes(gzip.compress(json.dumps(changed).encode()))
    return path


# The same to the byte ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", cases(), ids=str)
def test_every_fixture_replays_as_it_was_read(
    case: Case, replay: ReplayServer, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    live = read(replay, case)
    live.save(tmp_path / "bundle")
    request.getfixturevalue("offline")

    replayed = av.replay(tmp_path / "bundle")

    assert replayed.to_json() == live.to_json()
    assert replayed == live
    assert compare(tmp_path / "bundle").differences == ()
    # The live reading is what the golden file says, so the replay is too.
    assert [golden(account.to_dict()) for account in replayed.accounts] == [
        golden(expected) for expected in case.expected["accounts"]
    ]
    said = [(failure.error, failure.operation, failure.message) for failure in replayed.failures]
    expected = [(each["error"], each["operation"], each["message"]) for each in case.expected["failures"]]
    if case.expected["accounts"] or expected:
        assert said == expected
    else:
        assert [error for error, _, _ in said] == ["AnswerInvalid"]


def golden(account: Document) -> Document:
    """Without our own times and label: a portfolio labels several accounts of one credential apart."""
    return {
        name: value for name, value in account.items() if name not in ("requested_at", "received_at", "label")
    }


async def test_inside_an_event_loop_it_works_as_well(saved: Path) -> None:
    assert av.replay(str(saved)).accounts


def test_what_is_remembered_is_saved_too(replay: ReplayServer, tmp_path: Path) -> None:
    """A zero that only an earlier reading makes suspect is suspect in the replay."""
    case = whole("rabbitx")
    base_url = replay.serve("fallen", case.exchange.answers)
    portfolio = Portfolio([Entry("main", case.venue, case.options | {"base_url": base_url})])
    (before,) = portfolio.fetch().accounts
    answers = {stored.request: json.loads(stored.content) for stored in case.exchange.answers}
    row = answers["GET /account"]["result"][0]
    for name, value in row.items():
        if isinstance(value, str) and value.replace(".", "").replace("-", "").isdecimal():
            row[name] = "0"
    answers["GET /positions"]["result"] = []
    replay.exchanges["fallen"] = [
        StoredAnswer(request=request, status=200, text=json.dumps(body)) for request, body in answers.items()
    ]
    live = portfolio.fetch()
    live.save(tmp_path / "bundle")

    assert before.equity
    assert live.accounts[0].missing["equity"] == "SUSPECT"
    assert av.replay(tmp_path / "bundle") == live
    forgetful = rewritten(tmp_path / "bundle", lambda it: it["rows"][0].update(remembered=[]))
    assert av.replay(forgetful).accounts[0].equity == 0, (
        "the test shows nothing: it was suspect without a memory"
    )


def test_an_answer_that_is_no_text_and_one_that_never_came(tmp_path: Path, replay: ReplayServer) -> None:
    case = whole()
    body = b'\xff\xfe{"success": tr'
    answers = [StoredAnswer(request="GET /account", status=503, base64="//57InN1Y2Nlc3MiOiB0cg==")]
    read(replay, case, answers).save(tmp_path / "broken")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    nobody = Portfolio([Entry("main", case.venue, case.options | {"base_url": f"http://127.0.0.1:{port}"})])
    live = nobody.fetch()
    live.save(tmp_path / "nobody")

    kept = bundle.read(tmp_path / "broken").rows[0].exchanges[0].answer
    assert kept is not None
    assert kept.content == body
    lost = [exchange.lost for exchange in bundle.read(tmp_path / "nobody").rows[0].exchanges]
    assert {each.kind for each in lost if each is not None} <= {"no_answer", "given_up"}
    assert lost[0] is not None
    assert lost[0].problem == "cannot connect"
    assert av.replay(tmp_path / "nobody") == live


# The file ----------------------------------------------------------------------------------------------------------


def test_equal_snapshots_are_equal_bytes_that_only_the_owner_reads(
    replay: ReplayServer, tmp_path: Path
) -> None:
    snapshot = read(replay, whole())
    paths = [tmp_path / "one", tmp_path / "other"]
    for path in paths:
        snapshot.save(path)

    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].read_bytes()[4:8] == bytes(4), "the time of writing stands in it"
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}


def test_a_write_that_fails_leaves_what_was_there(
    replay: ReplayServer, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved.read_bytes()

    def full(_: int) -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(av.UsageError, match=r"saved\.bundle: cannot be written: No space left"):
        read(replay, whole("rabbitx")).save(saved)

    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_a_folder_that_is_not_there_is_told(replay: ReplayServer, tmp_path: Path) -> None:
    with pytest.raises(av.UsageError, match="none/bundle: cannot be written"):
        read(replay, whole()).save(tmp_path / "none" / "bundle")


def test_what_would_be_too_large_to_read_is_not_written(
    replay: ReplayServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "MAX_BYTES", 1000)

    with pytest.raises(av.UsageError, match="larger than 1000 bytes"):
        read(replay, whole()).save(tmp_path / "bundle")
    assert not list(tmp_path.iterdir())


def test_the_answers_are_no_part_of_what_a_snapshot_shows(replay: ReplayServer, tmp_path: Path) -> None:
    snapshot = read(replay, whole())
    copies: list[Snapshot] = [
        copy.copy(snapshot),
        copy.deepcopy(snapshot),
        pickle.loads(pickle.dumps(snapshot)),  # noqa: S301 - our own bytes
        msgspec.structs.replace(snapshot, failures=()),
        Snapshot(taken_at=snapshot.taken_at, accounts=snapshot.accounts, failures=()),
    ]

    for shown in (repr(snapshot), str(snapshot.to_dict()), msgspec.json.encode(snapshot).decode()):
        assert "getAccount" not in shown
        assert "exchanges" not in shown
    for each in copies:
        assert each == snapshot
        with pytest.raises(av.UsageError, match="a copied snapshot holds no answers"):
            each.save(tmp_path / "copy")
    assert not list(tmp_path.iterdir())


def test_a_replayed_snapshot_can_be_saved_again(saved: Path, tmp_path: Path) -> None:
    av.replay(saved).save(tmp_path / "again")

    assert bundle.read(tmp_path / "again") == bundle.read(saved)
    assert (tmp_path / "again").read_bytes() == saved.read_bytes()


def test_of_a_request_and_an_answer_only_what_is_listed_is_kept(saved: Path) -> None:
    (row,) = document(saved)["rows"]

    assert {name for exchange in row["exchanges"] for name in exchange} <= {
        "operation", "method", "path", "query", "requested_at", "ended_at", "answer",
    }  # fmt: skip
    for exchange in row["exchanges"]:
        assert set(exchange["answer"]["headers"]) <= set(KEPT_HEADERS)
        assert "content-type" in exchange["answer"]["headers"]
    assert row["options"] == {}
    assert row["secrets"] == ["api_key", "api_secret"]
    assert row["spec"] == spec.digest("bfx")


def test_options_that_are_no_secrets_come_back(replay: ReplayServer, tmp_path: Path) -> None:
    case = whole("rabbitx")
    base_url = replay.serve("options", case.exchange.answers)
    options = case.options | {"base_url": base_url, "exchange_id": "rbx_base", "timeout": 3.0}
    Portfolio([Entry("main", case.venue, options)]).fetch().save(tmp_path / "bundle")

    assert document(tmp_path / "bundle")["rows"][0]["options"] == {"exchange_id": "rbx_base"}
    assert base_url.encode() not in gzip.decompress((tmp_path / "bundle").read_bytes())
    assert av.replay(tmp_path / "bundle").complete


# Secrets -----------------------------------------------------------------------------------------------------------


class Echo:
    """A venue that tells everybody everything: it answers with the headers that it was sent."""

    def __init__(self) -> None:
        self.signatures: list[str] = []
        echo = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                echo.signatures.append(self.headers["RBT-SIGNATURE"])
                said: Document = {"success": False, "error": str(self.headers), "result": []}
                content = json.dumps(said).encode()
                self.send_response(400)
                self.send_header("X-Request-Id", self.headers["RBT-API-KEY"])
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})


@pytest.fixture
def echo() -> Iterator[Echo]:
    running = Echo()
    running.thread.start()
    yield running
    running.server.shutdown()
    running.thread.join()
    running.server.server_close()


def assert_no_canary(path: Path, *signatures: str) -> None:
    packed = path.read_bytes()
    unpacked = gzip.decompress(packed).decode()
    texts = [unpacked, *strings(json.loads(unpacked))]
    for text in texts:
        for secret in (KEY, quote(KEY, safe=""), SECRET.removeprefix("0x"), *signatures):
            assert secret.lower() not in text.lower()
            assert secret.encode() not in packed


def strings(value: Any) -> Iterator[str]:
    """Every text of a document, and every text of the JSON that is in one."""
    if isinstance(value, str):
        yield value
        with suppress(ValueError):
            yield from strings(json.loads(value))
    elif isinstance(value, dict):
        members = cast("Document", value)
        yield from members
        for part in members.values():
            yield from strings(part)
    elif isinstance(value, list):
        for part in cast("Sequence[Any]", value):
            yield from strings(part)


def test_a_venue_that_echoes_credentials_and_signatures(echo: Echo, tmp_path: Path) -> None:
    base_url = f"http://127.0.0.1:{echo.server.server_port}"
    options = {"api_key": KEY, "api_secret": Secret(SECRET), "base_url": base_url}
    live = Portfolio([Entry("main", "bfx", options)]).fetch()
    live.save(tmp_path / "bundle")

    assert echo.signatures
    assert_no_canary(tmp_path / "bundle", *echo.signatures)
    answers = [each.answer for each in bundle.read(tmp_path / "bundle").rows[0].exchanges]
    assert all(answer.struck for answer in answers if answer is not None)
    assert any(answer is not None and answer.headers["x-request-id"] == "…" for answer in answers)
    assert [failure.error for failure in av.replay(tmp_path / "bundle").failures] == [live.failures[0].error]


@pytest.mark.parametrize(
    "echoed",
    [
        KEY,
        KEY.upper(),
        SECRET.removeprefix("0x").lower(),
        "canary_Key%2B1%2Fnot%3Dreal",
        f"before {KEY} and {SECRET} after",
    ],
)
def test_a_secret_that_was_published_is_not_saved(echoed: str, replay: ReplayServer, tmp_path: Path) -> None:
    """Also as a name, also spelt with escapes, and in what is not the answer: our own label, a tag, an option."""
    answers = [copy.deepcopy(stored) for stored in whole("rabbitx").exchange.answers]
    positions = json.loads(answers[1].content)
    assert answers[1].request == "GET /positions"
    positions["result"][0]["market_id"] = echoed
    positions["result"][0][echoed] = "0"
    escaped = "".join(f"\\u{ord(character):04x}" for character in echoed)
    text = (
        json.dumps(positions)[:-1]
        + f', "also": "{escaped}", "slashed": "{echoed.replace("/", chr(92) + "/")}"'
        + "}"
    )
    answers[1] = StoredAnswer(request="GET /positions", status=200, text=text)
    base_url = replay.serve("canary", answers)
    options = {"api_key": KEY, "api_secret": SECRET, "base_url": base_url}
    live = Portfolio([Entry(f"main {echoed}", "rabbitx", options, (echoed,))]).fetch()
    live.save(tmp_path / "bundle")

    assert echoed in live.to_json().decode(), "the test shows nothing: nothing was published"
    assert_no_canary(tmp_path / "bundle")
    comparison = compare(tmp_path / "bundle")
    assert comparison.snapshot.accounts[0].equity == live.accounts[0].equity
    # Only where what was published held a cut piece of it.
    assert {each.field for each in comparison.differences} <= {"findings/INSTRUMENT_UNKNOWN/message"}


def test_striking_leaves_everything_else_as_it_is() -> None:
    short, long = Secret("12"), Secret("0xabcdef0123")

    text = '{"a": "1\\u00320.50", "b": "x\\/y", "c": "ABCDEF0123", "d": "\\ud83d\\ude00"}'

    assert strike(text, [short, long]) == text.replace("ABCDEF0123", "…")
    assert strike("no json \\ 0xAbCdEf0123!", [long]) == "no json \\ …!"


def test_a_secret_in_path_query_or_header_is_not_saved(saved: Path) -> None:
    kept = bundle.read(saved)
    exchange = msgspec.structs.replace(
        kept.rows[0].exchanges[0],
        path=f"/v1/{KEY}",
        query=(("token", KEY), ("limit", "50")),
        answer=Kept(status=200, headers={"x-request-id": SECRET}, base64=encoded(b"\xff" + KEY.encode())),
    )
    row = msgspec.structs.replace(kept.rows[0], exchanges=(exchange,))

    bundle.write(saved, msgspec.structs.replace(kept, rows=(row,)), [Secret(KEY), Secret(SECRET)])

    assert_no_canary(saved)
    (struck,) = bundle.read(saved).rows[0].exchanges
    assert (struck.path, struck.query) == ("/v1/…", (("token", "…"), ("limit", "50")))
    assert struck.answer == Kept(
        status=200, headers={"x-request-id": "…"}, base64=encoded(b"\xff" + "…".encode()), struck=True
    )


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_an_absent_credential_signs_nothing_and_passes_for_any() -> None:
    absent = Secret.absent()

    assert absent.passes(lambda _: False)
    assert not Secret("x").passes(lambda _: False)
    assert absent.strike("text") == "text"
    assert repr(absent) == "Secret(…)"
    with pytest.raises(NoCredential):
        absent.reveal()


@pytest.mark.parametrize("venue", sorted({case.venue for case in cases()}))
def test_every_adapter_opens_without_credentials(venue: str) -> None:
    """Whatever an adapter does with a credential, it does while it signs."""
    secrets = {name: Secret.absent() for name, each in venues.parameters(venue).items() if each.secret}
    others = {name: value for name, value in whole(venue).options.items() if name not in secrets}

    assert venues.open_adapter(venue, others | secrets | {"base_url": NOWHERE}).venue == venue


def test_an_adapter_that_reveals_too_early_is_named(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = bfx.open_adapter

    def eager(*, api_key: str | Secret, api_secret: str | Secret, base_url: str) -> object:
        return opened(api_key=Secret.of(api_key).reveal(), api_secret=api_secret, base_url=base_url)

    monkeypatch.setattr(bfx, "open_adapter", eager)
    with pytest.raises(
        av.UsageError, match=r"saved\.bundle: account 'golden': the adapter of bfx wants a cred"
    ):
        replay(saved)


# What a bundle may not be ------------------------------------------------------------------------------------------


def test_no_cut_bundle_is_read(saved: Path) -> None:
    content = saved.read_bytes()
    for length in (*range(40), *range(40, len(content), 97), len(content) - 8, len(content) - 1):
        saved.write_bytes(content[:length])
        with pytest.raises(av.UsageError, match=r"saved\.bundle: is no bundle"):
            replay(saved)


def test_no_damaged_bundle_is_read(saved: Path) -> None:
    content = saved.read_bytes()
    for place in range(10, len(content), 61):
        saved.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        with pytest.raises(av.UsageError, match=r"saved\.bundle: is no bundle"):
            replay(saved)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"schema": "accountview-bundle/1"}',
        b"[" * 100_000,
        b"PK\x03\x04",
    ],
)
def test_what_is_no_bundle_is_told(content: bytes, tmp_path: Path) -> None:
    for name, packed in (("plain", content), ("packed", gzip.compress(content))):
        (tmp_path / name).write_bytes(packed)
        with pytest.raises(av.UsageError, match=f"{name}: is no bundle of accountview"):
            replay(tmp_path / name)


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, problem in (
        ("pipe", "is no file"),
        (".", "is no file"),
        ("nothing", "cannot be read: No such file"),
    ):
        with pytest.raises(av.UsageError, match=problem):
            replay(tmp_path / name)


def test_a_bundle_that_unpacks_to_too_much_is_refused(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "MAX_BYTES", 1_000_000)
    saved.write_bytes(gzip.compress(b" " * 50_000_000))

    with pytest.raises(av.UsageError, match="more than 1000000 bytes"):
        replay(saved)


def first(document: Document) -> Document:
    row: Document = document["rows"][0]
    return row


def answer(document: Document) -> Document:
    found: Document = first(document)["exchanges"][0]["answer"]
    return found


HOSTILE: dict[str, Callable[[Document], object]] = {
    "another version": lambda it: it.update(schema="accountview-bundle/2"),
    "two of one label": lambda it: it["rows"].append(it["rows"][0]),
    "no label": lambda it: first(it).update(label=""),
    "label is no text": lambda it: first(it).update(label=7),
    "no such venue": lambda it: first(it).update(venue="nowhere"),
    "venue is a path": lambda it: first(it).update(venue="../../etc/passwd"),
    "venue is a module": lambda it: first(it).update(venue="_rabbit"),
    "no such option": lambda it: first(it).update(options={"colour": "red"}),
    "an option of another type": lambda it: first(it).update(options={"drift": 7}),
    "an option that cannot be said": lambda it: first(it).update(options={"on_drift": "print"}),
    "a secret as an option": lambda it: first(it).update(options={"api_key": "k"}),
    "a secret that is none": lambda it: first(it).update(secrets=["api_key", "api_secret", "timeout"]),
    "a secret that is lacking": lambda it: first(it).update(secrets=["api_key"]),
    "a time without a zone": lambda it: it.update(taken_at="2026-01-02T03:04:05"),
    "a status that is none": lambda it: answer(it).update(status=42),
    "an answer without a body": lambda it: answer(it).pop("text"),
    "an answer with two bodies": lambda it: answer(it).update(base64=""),
    "base64 that is none": lambda it: (answer(it).pop("text"), answer(it).update(base64="!")),
    "no answer and no reason": lambda it: first(it)["exchanges"][0].pop("answer"),
    "both": lambda it: first(it)["exchanges"][0].update(lost={"kind": "no_answer", "problem": ""}),
    "a memory of nothing": lambda it: first(it).update(remembered=[{"newest": {}, "valued": {}}]),
    "rows that are none": lambda it: it.update(rows={}),
    "nothing published": lambda it: it.pop("published"),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_bundle_is_refused_by_name(change: Callable[[Document], object], sealed: Path) -> None:
    rewritten(sealed, change)

    for reading in (replay, compare):
        with pytest.raises(av.UsageError, match=r"saved\.bundle: "):
            reading(sealed)
    assert [path.name for path in sealed.parent.iterdir()] == [sealed.name]


def test_an_address_in_a_bundle_is_not_asked(sealed: Path) -> None:
    rewritten(sealed, lambda it: first(it).update(options={"base_url": "https://evil.example"}))

    with pytest.raises(av.UsageError, match="base_url"):
        replay(sealed)


def test_hostile_answers_meet_the_checks_that_live_ones_meet(saved: Path) -> None:
    rewritten(saved, lambda it: answer(it).update(text='{"success": true, "success": false}'))
    (failure,) = replay(saved).failures
    assert (failure.error, failure.message) == (
        "AnswerInvalid",
        "bfx account 'golden', getAccount: a key stands twice in one object (HTTP 200)",
    )


def test_published_nonsense_is_no_crash(saved: Path) -> None:
    accounts: list[Document] = [{"label": 7, "positions": {"0": "x"}, "findings": [1, {"code": []}]}, {}, {}]
    rewritten(saved, lambda it: it["published"].update(accounts=accounts, totals=[{}], failures=[{}]))

    assert compare(saved).differences


def test_what_is_nested_too_deep_is_refused(saved: Path) -> None:
    rewritten(saved, lambda it: it["published"]["accounts"][0].update(deep="here"))
    text = gzip.decompress(saved.read_bytes()).decode()
    refused: list[int] = []
    for depth in (*range(100, 2000, 100), 100_000):
        saved.write_bytes(gzip.compress(text.replace('"here"', "[" * depth + '"x"' + "]" * depth).encode()))
        try:
            assert [each.now for each in compare(saved).differences] == [None]
        except av.UsageError as error:
            assert "saved.bundle: is no bundle of accountview: " in str(error)  # noqa: PT017 - some depths pass
            assert "nested too deep" in str(error)  # noqa: PT017 - the same
            refused.append(depth)

    assert refused[-1] == 100_000


# What a bundle lacks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["getAccount", "getPositions"])
def test_an_answer_that_was_cut_out_is_missed_by_name(operation: str, saved: Path) -> None:
    def without(it: Document) -> None:
        row = first(it)
        row["exchanges"] = [each for each in row["exchanges"] if each["operation"] != operation]

    snapshot = replay(rewritten(saved, without))

    assert snapshot.accounts == ()
    (failure,) = snapshot.failures
    assert (failure.operation, failure.error, failure.retryable) == (operation, "VenueError", False)
    assert "the bundle holds no answer to this request" in failure.message


async def test_each_answer_is_given_once_and_in_order(saved: Path) -> None:
    row = bundle.read(saved).rows[0]
    account = row.exchanges[0]
    later = msgspec.structs.replace(account, answer=Kept(status=503, text="later"))
    stored = Stored(msgspec.structs.replace(row, exchanges=(account, later)))
    request = bfx.EXCHANGE.get_account.request

    assert [(await stored.send(Attempt(request, Deadline(9)))).status for _ in range(2)] == [200, 503]
    with pytest.raises(av.VenueError, match="the bundle holds no answer"):
        await stored.send(Attempt(request, Deadline(9)))


# What differs ------------------------------------------------------------------------------------------------------


def test_a_changed_mapping_shows_the_changed_field_and_why(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapped = _rabbit.account_view

    def changed(*arguments: Any) -> Account:
        account = mapped(*arguments)
        missing = {**account.missing, "withdrawable": Missing.UNSUPPORTED}
        return msgspec.structs.replace(account, withdrawable=None, missing=missing)

    (before,) = replay(saved).accounts
    monkeypatch.setattr(_rabbit, "account_view", changed)
    comparison = compare(saved)

    found = {each.field: each for each in comparison.differences}
    assert set(found) == {"withdrawable", "missing/withdrawable"}
    figure = found["withdrawable"]
    assert (figure.row, figure.how, figure.now) == ("accounts/golden", "changed", None)
    assert figure.published == before.to_dict()["withdrawable"] is not None
    assert figure.explanation is not None
    assert (figure.explanation.how, figure.explanation.operation) == ("missing", "getAccount")
    reason = found["missing/withdrawable"]
    assert (reason.how, reason.published, reason.now) == ("new", None, "UNSUPPORTED")
    assert reason.explanation == figure.explanation
    assert "the mapping was changed without a new version" in comparison.reasons[0]


def test_the_reasons_name_version_and_spec(saved: Path) -> None:
    def older(it: Document) -> None:
        it["version"] = "0.0.1"
        first(it)["spec"] = "sha256:00"
        it["published"]["accounts"][0]["equity"] = "1"

    comparison = compare(rewritten(saved, older))

    assert [(each.field, each.published) for each in comparison.differences] == [("equity", "1")]
    assert comparison.published_by == "0.0.1"
    assert comparison.reasons == (
        f"the mapping is of accountview {av.__version__}; it was of 0.0.1",
        f"the spec of bfx has changed: it is {spec.digest('bfx')}; it was sha256:00",
    )


def test_rows_are_held_against_the_row_of_their_name(saved: Path) -> None:
    """A row more or less, or in another place, is not a difference of all that follow it."""

    def changed(it: Document) -> None:
        published = it["published"]
        account = published["accounts"][0]
        published["accounts"].insert(0, {"label": "gone", "equity": "5"})
        published["failures"].append({"label": "failed", "error": "RateLimited"})
        account["findings"].insert(0, {"code": "ODD", "fields": ["equity"]})
        del account["positions"][-1]["size"]

    found = {
        (each.row, each.field): (each.how, each.published, each.now)
        for each in compare(rewritten(saved, changed)).differences
    }

    last = len(replay(saved).accounts[0].positions) - 1
    size = replay(saved).accounts[0].to_dict()["positions"][last]["size"]
    assert found == {
        ("accounts/gone", "label"): ("gone", "gone", None),
        ("accounts/gone", "equity"): ("gone", "5", None),
        ("accounts/golden", "findings/ODD/code"): ("gone", "ODD", None),
        ("accounts/golden", "findings/ODD/fields/0"): ("gone", "equity", None),
        ("accounts/golden", f"positions/{last}/size"): ("new", None, size),
        ("failures/failed", "label"): ("gone", "failed", None),
        ("failures/failed", "error"): ("gone", "RateLimited", None),
    }


# A venue that has closed -------------------------------------------------------------------------------------------


@pytest.fixture
def dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every venue has closed."""
    loaded = spec.load
    lifecycle = spec.Lifecycle(state="dead", note="closed in 2026.")

    def closed(venue: str) -> spec.VenueSpec:
        return msgspec.structs.replace(loaded(venue), lifecycle=lifecycle)

    monkeypatch.setattr(spec, "load", closed)


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.usefixtures("dead")
def test_the_hosts_of_a_closed_venue_are_refused(*, own: bool) -> None:
    options = {"api_key": "k", "api_secret": "00"}
    if own:
        options["base_url"] = f"{spec.load('bfx').servers[0].url.upper().replace('HTTPS', 'https')}/v2"

    with pytest.raises(av.UsageError) as caught:
        av.connect("bfx", **options)

    message = str(caught.value)
    assert message.startswith("bfx: the venue has closed (closed in 2026)")
    assert "accountview.replay" in message
    assert "accountview.sandbox" in message
    assert "base_url" in message


@pytest.mark.usefixtures("dead")
def test_a_closed_venue_stays_usable(replay: ReplayServer, saved: Path) -> None:
    assert read(replay, whole()).complete  # over an explicit base_url
    assert av.replay(saved).complete


def test_a_venue_in_its_sunset_is_still_asked() -> None:
    assert spec.load("bfx").lifecycle.state == "sunset"
    with av.connect("bfx", api_key="k", api_secret="00") as client:
        assert spec.load("bfx").servers[0].url in repr(client)


# The command -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Snapshot]:
    """A bundle of all demonstration accounts, taken from a sandbox that is gone."""
    path = tmp_path_factory.mktemp("demo") / "demo.bundle"
    with Sandbox() as sandbox:
        snapshot = Portfolio(sandbox.entries).fetch()
    snapshot.save(path)
    return path, snapshot


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "accountview", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env={name: value for name, value in os.environ.items() if name not in ("COLUMNS", "FORCE_COLOR")},
        timeout=60,
    )


def test_replay_shows_what_was_saved(demo: tuple[Path, Snapshot]) -> None:
    path, snapshot = demo

    table = run("replay", str(path))
    as_json = run("replay", str(path), "--json")
    explained = run("replay", str(path), "--json", "--explain")

    taken_at = snapshot.to_dict()["taken_at"]
    expected = 0 if snapshot.complete else 3
    assert (table.returncode, as_json.returncode, explained.returncode) == (expected,) * 3
    assert table.stderr == as_json.stderr == f"accountview: replayed from {path}, taken at {taken_at}\n"
    assert all(account.label in table.stdout for account in snapshot.accounts if account.label)
    assert as_json.stdout.encode() == snapshot.to_json() + b"\n"
    assert "explanations" in json.loads(explained.stdout)["accounts"][0]


def test_what_a_replay_shows_can_be_explained(demo: tuple[Path, Snapshot]) -> None:
    path, snapshot = demo
    label = snapshot.accounts[0].label

    done = run("explain", str(label), "equity", "--replay", str(path))
    both = run("explain", str(label), "equity", "--replay", str(path), "--demo")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("equity = ")
    assert both.returncode == 2
    assert "--demo and --replay are both given" in both.stderr


def test_diff_says_that_nothing_differs_or_what_and_why(demo: tuple[Path, Snapshot], tmp_path: Path) -> None:
    path, snapshot = demo
    label = snapshot.accounts[0].label
    other = tmp_path / "other"
    other.write_bytes(path.read_bytes())
    rewritten(other, lambda it: it["published"]["accounts"][0].update(equity="1.5", venue_status="\x1b[31m"))

    same = run("replay", str(path), "--diff")
    differs = run("replay", str(other), "--diff")
    as_json = run("replay", str(other), "--diff", "--json")

    assert (same.returncode, same.stdout) == (0, "Nothing differs from what was published.\n")
    assert (differs.returncode, as_json.returncode) == (6, 6)
    assert f"accounts/{label}\n" in differs.stdout
    assert f"  equity: 1.5 → {snapshot.accounts[0].to_dict()['equity']}\n    equity = " in differs.stdout
    assert "Why:\n" in differs.stdout
    assert "\x1b" not in differs.stdout
    assert f"published by accountview {av.__version__}" in differs.stderr
    found = {each["field"]: each for each in json.loads(as_json.stdout)["differences"]}
    assert set(found) == {"equity", "venue_status"}
    assert found["equity"]["explanation"]["how"] in ("reported", "derived")


def test_what_is_no_bundle_is_one_line_and_2(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("no bundle")

    for arguments in (
        ["plain"],
        ["plain", "--diff"],
        ["nothing"],
        ["plain", "--diff", "--explain", "--json"],
    ):
        done = run("replay", str(tmp_path / arguments[0]), *arguments[1:])
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    helped = run("replay", "--help")
    assert "6 when something does" in " ".join(helped.stdout.split())
