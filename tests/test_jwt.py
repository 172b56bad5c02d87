"""The JWT of RabbitX and BFX: signed as it is sent, read in both forms, kept, asked for once, and seen by nobody."""

import asyncio
import base64
import copy
import hashlib
import hmac
import json
import logging
import pickle
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import pytest
from canaries import seen
from support import ReplayServer, StoredAnswer

import accountview as av
from accountview.cli.commands import run as run_command
from accountview.errors import OutcomeUnknown
from accountview.network import route
from accountview.sandbox import Sandbox
from accountview.secret import Secret
from accountview.venues import bfx, rabbitx
from accountview.venues._rabbit_jwt import claimed_expiry
from accountview.venues.rabbitx import AsyncRabbitClient, Jwt, RabbitClient

CONNECT: dict[str, Any] = {"rabbitx": rabbitx.connect_writing, "bfx": bfx.connect_writing}
CONNECT_ASYNC: dict[str, Any] = {"rabbitx": rabbitx.connect_writing_async, "bfx": bfx.connect_writing_async}
VENUES = list(CONNECT)
FAKE = {"api_key": "fake-key-of-a-test", "api_secret": "00" * 31 + "07"}
CANARY = "canary-REFRESH/token+not.real-0001"


def made_up(claims: object, *, head: str = "eyJhbGciOiJub25lIn0") -> str:
    """A token with these claims; nobody signed it."""
    text = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{head}.{text}.bm90LXNpZ25lZA"


LATER = int(time.time()) + 48 * 3600
TOKEN = made_up({"sub": "7", "exp": LATER})


def granted(result: object, **more: Any) -> StoredAnswer:
    body = {"success": True, "error": "", "result": result}
    return StoredAnswer("POST /jwt", 200, text=json.dumps(body), **more)


def posts(replay: ReplayServer, key: str) -> list[bytes]:
    """The bodies that were sent to get a token."""
    return [body for method, path, _, body in replay.asked if (method, path) == ("POST", f"/{key}/jwt")]


@pytest.fixture
def server(replay: ReplayServer) -> Iterator[ReplayServer]:
    replay.asked.clear()
    yield replay
    replay.asked.clear()


def opened(server: ReplayServer, venue: str, *answers: StoredAnswer) -> RabbitClient:
    client = CONNECT[venue](**FAKE, base_url=server.serve(f"jwt-{venue}", list(answers)))
    assert isinstance(client, RabbitClient)
    return client


def opened_async(server: ReplayServer, venue: str, *answers: StoredAnswer) -> AsyncRabbitClient:
    client = CONNECT_ASYNC[venue](**FAKE, base_url=server.serve(f"jwt-{venue}", list(answers)))
    assert isinstance(client, AsyncRabbitClient)
    return client


# What is sent -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize(
    ("options", "body"),
    [
        ({}, b'{"is_client":false,"refresh_token":""}'),
        (
            {"is_client": True, "refresh_token": CANARY},
            b'{"is_client":true,"refresh_token":"%s"}' % CANARY.encode(),
        ),
    ],
)
def test_the_signature_is_over_exactly_what_is_sent(
    server: ReplayServer, venue: str, options: dict[str, Any], body: bytes
) -> None:
    with opened(server, venue, granted([TOKEN])) as client:
        client.new_jwt(**options)

    [(method, _, headers, content)] = server.asked
    assert (method, content) == ("POST", body)
    members = {name: json.dumps(value).strip('"') for name, value in json.loads(content).items()}
    pairs = {**members, "method": "POST", "path": "/jwt"}
    lower = {name.lower(): value for name, value in headers.items()}
    text = "".join(f"{name}={pairs[name]}" for name in sorted(pairs)) + lower["rbt-ts"]
    digest = hashlib.sha256(text.encode()).digest()
    secret = bytes.fromhex(FAKE["api_secret"])
    assert lower["rbt-signature"] == "0x" + hmac.new(secret, digest, hashlib.sha256).hexdigest()
    assert lower["rbt-api-key"] == FAKE["api_key"]


@pytest.mark.parametrize("venue", VENUES)
def test_who_only_reads_has_no_way_to_it(server: ReplayServer, venue: str) -> None:
    with av.connect(venue, **FAKE, base_url=server.serve("reads", [])) as client:
        assert not hasattr(client, "jwt")
        assert not hasattr(client, "new_jwt")
    with av.connect(venue, writes=True, **FAKE, base_url=server.serve("writes", [])) as writing:
        assert isinstance(writing, RabbitClient)


@pytest.mark.parametrize("token", ["", "two words", "a\nb", "ä"])
def test_a_refresh_token_that_is_none_is_not_sent(server: ReplayServer, token: str) -> None:
    with opened(server, "bfx") as client, pytest.raises(av.UsageError, match="refresh_token") as caught:
        client.new_jwt(is_client=True, refresh_token=token)
    assert not token or token not in str(caught.value)
    assert server.asked == []


# What is answered ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("is_client", [False, True])
def test_both_forms_are_read(server: ReplayServer, venue: str, is_client: bool) -> None:  # noqa: FBT001
    for form in (TOKEN, {"jwt": TOKEN}):
        with opened(server, venue, granted([form])) as client:
            made = client.new_jwt(is_client=is_client, refresh_token="fake-refresh" if is_client else None)
        assert made.token.reveal() == TOKEN
        assert made.expires_at == datetime.fromtimestamp(LATER, UTC)
        assert made.expiry_is_claimed
        assert made.refresh_token is made.session_secret is None


def test_what_a_session_goes_on_with_is_told(server: ReplayServer) -> None:
    row = {"jwt": TOKEN, "refresh_token": "fake-next", "random_secret": "0x00ff"}
    with opened(server, "rabbitx", granted([row])) as client:
        made = client.new_jwt(is_client=True, refresh_token="fake-first")
    assert made.refresh_token is not None
    assert made.session_secret is not None
    assert (made.refresh_token.reveal(), made.session_secret.reveal()) == ("fake-next", "0x00ff")


@pytest.mark.parametrize(
    "token",
    [
        "opaque",
        "a.b",
        "a.b.c.d",
        made_up([]),
        made_up({"sub": "7"}),
        made_up({"exp": "soon"}),
        made_up({"exp": 10**20}),
        made_up({"exp": 1.5}),
        "x.!!!!.y",
        "x." + base64.urlsafe_b64encode(b"\xff{").decode() + ".y",
    ],
)
def test_a_token_that_does_not_tell_its_end_lives_as_long_as_is_documented(
    server: ReplayServer, token: str
) -> None:
    assert claimed_expiry(Secret(token)) is None
    with opened(server, "bfx", granted([token])) as client:
        made = client.new_jwt()
    assert not made.expiry_is_claimed
    assert abs(made.expires_at - datetime.now(UTC) - timedelta(hours=48)) < timedelta(seconds=10)


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        ([], "expected one token, got 0"),
        ([TOKEN, TOKEN], "expected one token, got 2"),
        ([""], "no token"),
        (["two words"], "no token"),
        ([{"jwt": ""}], "no token"),
        ([made_up({"exp": int(time.time()) - 1})], "ended already"),
    ],
)
def test_what_is_no_token_is_refused(server: ReplayServer, result: list[Any], problem: str) -> None:
    with opened(server, "bfx", granted(result)) as client, pytest.raises(av.AnswerInvalid) as caught:
        client.jwt()
    assert problem in str(caught.value)
    assert caught.value.operation == "refreshJwt"
    assert "eyJ" not in str(caught.value)
    assert len(posts(server, "jwt-bfx")) == 1


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, "REFRESH_TOKEN_NOT_FOUND", av.CredentialsRefused),
        (400, "KEY_EXPIRED", av.CredentialsRefused),
        (429, "RATE_LIMIT", av.RateLimited),
        (200, "API_JWT_UPDATE_ERROR", av.RequestRefused),
        (500, "boom", OutcomeUnknown),
        (302, "moved", OutcomeUnknown),
    ],
)
async def test_a_refusal_is_told_and_nothing_is_sent_twice(
    server: ReplayServer, venue: str, status: int, error: str, kind: type[av.VenueError]
) -> None:
    body = json.dumps({"success": False, "error": error, "result": []})
    answer = StoredAnswer("POST /jwt", status, text=body)
    with opened(server, venue, answer) as client, pytest.raises(kind) as caught:
        client.jwt()
    async with opened_async(server, venue, answer) as async_client:
        with pytest.raises(kind):
            await async_client.jwt()
    assert len(posts(server, f"jwt-{venue}")) == 2
    if isinstance(caught.value, OutcomeUnknown):
        assert caught.value.resolution == "cannot_tell"
        assert not caught.value.retryable


def test_an_answer_that_cannot_be_read_leaves_the_outcome_open(server: ReplayServer) -> None:
    answer = StoredAnswer("POST /jwt", 200, text='{"success": true, "result": [{"no": "token"}]}')
    with opened(server, "bfx", answer) as client, pytest.raises(OutcomeUnknown):
        client.jwt()
    assert len(posts(server, "jwt-bfx")) == 1


# Kept ---------------------------------------------------------------------------------------------------------------


async def test_500_coroutines_ask_once_and_once_more_when_it_is_refused(server: ReplayServer) -> None:
    async with opened_async(server, "rabbitx", granted([TOKEN])) as client:
        first = await asyncio.gather(*[client.jwt() for _ in range(500)])
        assert len({id(jwt) for jwt in first}) == 1
        assert len(posts(server, "jwt-rabbitx")) == 1
        second = await asyncio.gather(*[client.jwt(stale=first[0]) for _ in range(500)])
    assert {id(jwt) for jwt in second} != {id(first[0])}
    assert len({id(jwt) for jwt in second}) == 1
    assert len(posts(server, "jwt-rabbitx")) == 2


def test_50_threads_ask_once_and_once_more_when_it_is_refused(server: ReplayServer) -> None:
    with opened(server, "bfx", granted([{"jwt": TOKEN}])) as client, ThreadPoolExecutor(50) as pool:
        first = [each.result(10) for each in [pool.submit(client.jwt) for _ in range(50)]]
        second = list(pool.map(client.jwt, first))
    assert (len({id(jwt) for jwt in first}), len({id(jwt) for jwt in second})) == (1, 1)
    assert first[0] is not second[0]
    assert len(posts(server, "jwt-bfx")) == 2


def test_who_asks_for_a_new_one_gets_a_new_one_and_it_is_not_kept(server: ReplayServer) -> None:
    with opened(server, "bfx", granted([TOKEN])) as client:
        kept = client.jwt()
        assert client.new_jwt() is not kept
        assert client.jwt() is kept


# With the sandbox ---------------------------------------------------------------------------------------------------


class Clock:
    """The sandbox's: ours, set forward."""

    ahead = 0

    def __call__(self) -> int:
        return time.time_ns() + self.ahead * 1_000_000_000


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def running(clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox, clock: Clock) -> Iterator[Sandbox]:
    yield running
    clock.ahead = 0


def options(sandbox: Sandbox, label: str) -> dict[str, Any]:
    return dict(next(entry for entry in sandbox.all_entries if entry.label == label).options)


def shown(sandbox: Sandbox, venue: str, label: str, made: Jwt, *, ahead: int = 0) -> httpx.Response:
    """What the account answers to a request that a token stands in for the key of."""
    expires = str(int(time.time()) + ahead + 60)
    digest = hashlib.sha256(f"method=GETpath=/account{expires}".encode()).digest()
    secret = bytes.fromhex(options(sandbox, label)["api_secret"].reveal().removeprefix("0x"))
    headers = {
        "rbt-jwt": made.token.reveal(),
        "rbt-ts": expires,
        "rbt-signature": "0x" + hmac.new(secret, digest, hashlib.sha256).hexdigest(),
        "eid": "bfx" if venue == "bfx" else "rbx",
    }
    return httpx.get(f"{sandbox.base_url(venue)}/account", headers=headers, timeout=10, trust_env=False)


@pytest.mark.parametrize("venue", VENUES)
async def test_a_token_is_good_until_it_expires_and_the_client_makes_the_next_before(
    sandbox: Sandbox, venue: str, clock: Clock
) -> None:
    label = f"{venue}-main"
    with CONNECT[venue](**options(sandbox, label)) as client:
        async with CONNECT_ASYNC[venue](**options(sandbox, label)) as async_client:
            first = client.jwt(), await async_client.jwt()
            for hours, is_kept in ((1, True), (47.9, True), (47.95, False), (95.8, False), (200, False)):
                clock.ahead = int(hours * 3600)
                # One host, one clock: what is known of it is shared by both clients.
                route.of(venue, sandbox.base_url(venue)).offset = float(clock.ahead)
                now = client.jwt(), await async_client.jwt()
                assert [made is earlier for made, earlier in zip(now, first, strict=True)] == [is_kept] * 2
                for made in now:
                    answer = shown(sandbox, venue, label, made, ahead=clock.ahead)
                    assert answer.status_code == 200
    refused = shown(sandbox, venue, label, first[0], ahead=clock.ahead)
    assert (refused.status_code, refused.json()["error"]) == (400, "token expired")


@pytest.mark.parametrize("venue", VENUES)
def test_a_token_that_was_tampered_with_is_no_token(sandbox: Sandbox, venue: str) -> None:
    label = f"{venue}-main"
    with CONNECT[venue](**options(sandbox, label)) as client:
        made = client.jwt()
    head, claims, signature = made.token.reveal().split(".")
    for text in (
        f"{head}.{made_up({'sub': '4712', 'exp': LATER}).split('.')[1]}.{signature}",
        f"{head}.{claims}.",
        "no-token",
    ):
        forged = Jwt(Secret(text), made.expires_at, expiry_is_claimed=True)
        answer = shown(sandbox, venue, label, forged)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid token")


def test_a_refresh_token_is_good_for_one_call(sandbox: Sandbox) -> None:
    first = "demo-refresh-token-0-of-rabbitx-sunk"
    with rabbitx.connect_writing(**options(sandbox, "rabbitx-sunk")) as client:
        with pytest.raises(av.CredentialsRefused, match="REFRESH_TOKEN_NOT_FOUND"):
            client.new_jwt(is_client=True, refresh_token="somebody-elses")
        made = client.new_jwt(is_client=True, refresh_token=first)
        with pytest.raises(av.CredentialsRefused, match="REFRESH_TOKEN_NOT_FOUND"):
            client.new_jwt(is_client=True, refresh_token=first)
        assert made.refresh_token is not None
        assert client.new_jwt(is_client=True, refresh_token=made.refresh_token).token.reveal()


def test_a_page_shows_no_more_than_the_token(sandbox: Sandbox) -> None:
    with bfx.connect_writing(**options(sandbox, "bfx-main")) as client:
        made = client.new_jwt(is_client=True, refresh_token="demo-refresh-token-0-of-bfx-main")
    assert made.refresh_token is made.session_secret is None
    assert shown(sandbox, "bfx", "bfx-main", made).status_code == 200


@pytest.mark.parametrize("venue", VENUES)
def test_a_wrong_secret_makes_no_token(sandbox: Sandbox, venue: str) -> None:
    wrong = options(sandbox, f"{venue}-main") | {"api_secret": "00" * 32}
    with CONNECT[venue](**wrong) as client, pytest.raises(av.CredentialsRefused, match="signature"):
        client.jwt()


# Seen by nobody -----------------------------------------------------------------------------------------------------


def _steps(trace: TracebackType | None) -> list[TracebackType]:
    return [] if trace is None else [trace, *_steps(trace.tb_next)]


def renderings(thing: object) -> str:
    """Whatever shows a thing, or the error it is."""
    ways: list[Any] = [repr, str, format, pickle.dumps, copy.deepcopy, vars]
    texts: list[str] = []
    for way in ways:
        try:
            texts.append(repr(way(thing)))
        except (TypeError, AttributeError, pickle.PicklingError) as error:
            texts.append(str(error))
    if isinstance(thing, BaseException):
        # The test itself holds it in variables: what is ours begins after its last frame.
        steps = [step.tb_frame.f_code.co_filename for step in _steps(thing.__traceback__)]
        own = len(steps) - steps[::-1].index(__file__)
        thing.__traceback__ = _steps(thing.__traceback__)[own]
        texts += traceback.TracebackException.from_exception(thing, capture_locals=True).format()
    return "\n".join(texts)


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("status", [200, 400, 429, 500])
async def test_a_refresh_token_that_a_venue_repeats_is_not_told(
    server: ReplayServer, venue: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    body = json.dumps({"success": False, "error": f"NOT_YOUR_REFRESH_TOKEN {CANARY}", "result": []})
    answer = StoredAnswer("POST /jwt", status, text=body)
    errors: list[BaseException] = []
    with caplog.at_level(logging.DEBUG):
        with opened(server, venue, answer) as client:
            with pytest.raises(av.VenueError) as caught:
                client.new_jwt(is_client=True, refresh_token=CANARY)
            errors.append(caught.value)
        async with opened_async(server, venue, answer) as async_client:
            with pytest.raises(av.VenueError) as caught:
                await async_client.new_jwt(is_client=True, refresh_token=CANARY)
            errors.append(caught.value)
    assert "…" in str(errors[0])
    for error in errors:
        assert seen(CANARY, renderings(error)) == []
    assert seen(CANARY, caplog.text + "".join(repr(vars(record)) for record in caplog.records)) == []


async def test_a_token_is_in_no_text_form_of_anything(
    server: ReplayServer, caplog: pytest.LogCaptureFixture
) -> None:
    row = {"jwt": TOKEN, "refresh_token": CANARY, "random_secret": "0x" + "5ca1ab1e" * 8}
    with caplog.at_level(logging.DEBUG):
        with opened(server, "rabbitx", granted([row])) as client:
            made = client.jwt()
            captured = [renderings(made), renderings(client), repr(vars(client))]
        # Two tokens where one is expected: an error on whose way the tokens are.
        async with opened_async(server, "rabbitx", granted([TOKEN, row])) as async_client:
            with pytest.raises(av.AnswerInvalid) as caught:
                await async_client.jwt()
            captured.append(renderings(caught.value))
    captured += [caplog.text, *(repr(vars(record)) for record in caplog.records)]
    for secret in (TOKEN, CANARY, "5ca1ab1e" * 8):
        for text in captured:
            assert seen(secret, text) == []


# The command --------------------------------------------------------------------------------------------------------


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Runs `accountview jwt`, without a terminal."""
    accounts = tmp_path / "accounts.toml"
    sandbox.write_accounts(accounts)

    def run(*arguments: str) -> Done:
        code = run_command(["jwt", *arguments, "--file", str(accounts)])
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return run


def test_the_command_tells_the_caution_and_gives_the_token_only_where_it_is_told_to(
    run: Callable[..., Done], tmp_path: Path
) -> None:
    assert "end of the API key itself" in " ".join(run("--help").stdout.split())

    nowhere = run("bfx-main", "--yes")
    assert (nowhere.returncode, nowhere.stdout) == (2, "")
    assert "--write FILE or --reveal" in nowhere.stderr

    unasked = run("bfx-main", "--reveal")
    assert (unasked.returncode, unasked.stdout) == (2, "")
    assert "caution" in unasked.stderr

    target = tmp_path / "token"
    written = run("bfx-main", "--write", str(target), "--yes")
    assert (written.returncode, written.stdout) == (0, "")
    assert target.stat().st_mode & 0o777 == 0o600
    token = target.read_text().strip()
    assert claimed_expiry(Secret(token)) is not None
    assert seen(token, written.stderr) == []

    again = run("bfx-main", "--write", str(target), "--yes")
    assert again.returncode == 2
    assert target.read_text().strip() == token

    revealed = run("rabbitx-main", "--reveal", "--yes")
    assert revealed.returncode == 0
    assert claimed_expiry(Secret(revealed.stdout.strip())) is not None
    assert seen(revealed.stdout.strip(), revealed.stderr) == []


def test_the_command_leaves_no_file_without_a_token(
    sandbox: Sandbox, run: Callable[..., Done], tmp_path: Path
) -> None:
    sandbox.fail("bfx", "refreshJwt", status=500, body=b"no")
    try:
        failed = run("bfx-main", "--write", str(tmp_path / "token"), "--yes")
    finally:
        sandbox.recover()
    assert failed.returncode == 8
    assert not (tmp_path / "token").exists()

    other = run("tread", "--reveal", "--yes")
    assert (other.returncode, other.stdout) == (2, "")
