"""The clients on the wire: what they send, what they refuse to follow, and what each failure is called."""

# pyright: reportPrivateUsage=false

import asyncio
import gzip
import inspect
import pickle
import socket
import ssl
import threading
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest
from support import Case, ReplayServer, StoredAnswer

import accountview as av
from accountview import wire
from accountview.network import route, transport
from accountview.settings import Settings
from accountview.venues import bfx, parameters, rabbitx

SECRET = "0x" + "5e" * 32
KEY = "canary-key-not-real"
CREDENTIALS: dict[str, Any] = {"api_key": KEY, "api_secret": SECRET}


@contextmanager
def raw_server(handle: Callable[[socket.socket], None]) -> Generator[str]:
    """A server that does to each connection what `handle` says."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(5)
    stopping = threading.Event()

    def serve() -> None:
        while not stopping.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                if connection.recv(65536):
                    handle(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stopping.set()
        with socket.create_connection(listener.getsockname()):
            pass
        thread.join()
        listener.close()


def error_of(base_url: str, timeout: float = 5.0) -> av.VenueError:
    """The error of a read, which is the same for both clients."""
    with (
        bfx.connect(**CREDENTIALS, base_url=base_url, timeout=timeout) as client,
        pytest.raises(av.VenueError) as caught,
    ):
        client.account()

    route._known.cache_clear()  # the second client must not know what the first one was told

    async def read() -> None:
        async with bfx.connect_async(**CREDENTIALS, base_url=base_url, timeout=timeout) as client:
            await client.account()

    with pytest.raises(av.VenueError) as caught_async:
        asyncio.run(read())
    assert type(caught.value) is type(caught_async.value)
    assert str(caught.value) == str(caught_async.value)
    return caught.value


def answer(status: str, headers: str, body: bytes) -> Callable[[socket.socket], None]:
    head = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
    return lambda connection: connection.sendall(head + body)


def test_nobody_there_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    error = error_of(f"http://127.0.0.1:{port}")

    assert isinstance(error, av.VenueUnavailable)
    assert error.retryable
    assert "cannot connect" in str(error)
    assert (error.venue, error.operation, error.status) == ("bfx", "getAccount", None)


def test_silence_ends_in_time() -> None:
    with raw_server(hold_the_line) as base_url:
        error = error_of(base_url, timeout=0.2)

    assert isinstance(error, av.VenueUnavailable)
    assert "no answer in time" in str(error)


def hold_the_line(connection: socket.socket) -> None:
    connection.settimeout(0.6)
    try:
        connection.recv(1)
    except TimeoutError:
        return


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"this is no HTTP\r\n\r\n",
    ],
    ids=["closed at once", "short body", "cut chunk", "no HTTP"],
)
def test_a_broken_connection_is_unavailable(sent: bytes) -> None:
    with raw_server(lambda connection: connection.sendall(sent)) as base_url:
        error = error_of(base_url)

    assert isinstance(error, av.VenueUnavailable)
    assert "broke" in str(error)


def test_a_compressed_answer_is_inflated_no_further_than_the_cap() -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    with raw_server(answer("200 OK", "Content-Encoding: gzip\r\n", bomb)) as base_url:
        error = error_of(base_url)

    assert isinstance(error, av.AnswerInvalid)
    assert str(wire.MAX_BYTES) in str(error)


def test_a_body_is_capped_while_it_arrives() -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        try:
            for _ in range(64):
                connection.sendall(b" " * 1024 * 1024)
        except OSError:
            return  # the client hung up, as it should

    with raw_server(flood) as base_url:
        error = error_of(base_url)

    assert isinstance(error, av.AnswerInvalid)
    assert str(wire.MAX_BYTES) in str(error)


def test_a_redirect_is_not_followed(replay: ReplayServer) -> None:
    ok = Case("bfx", "seed-flat").exchange.answers
    target = replay.serve("redirected-to", ok)
    moved = [
        StoredAnswer(request=stored.request, status=307, headers={"Location": target + "/account"}, text="")
        for stored in ok
    ]
    replay.asked.clear()

    error = error_of(replay.serve("redirecting", moved))

    assert isinstance(error, av.AnswerInvalid)
    assert error.status == 307
    assert not [path for _, path, _, _ in replay.asked if "redirected-to" in path]


def test_the_environment_is_not_asked_for_a_proxy(
    replay: ReplayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    base_url = replay.serve("no-proxy", Case("bfx", "seed-flat").exchange.answers)

    with bfx.connect(**CREDENTIALS, base_url=base_url) as client:
        assert client.account().account_id == "13"


def test_only_one_tls_context_is_built() -> None:
    built = {id(transport._tls(client._adapter.endpoint)) for client in (bfx.connect(**CREDENTIALS),) * 2}
    assert len(built) == 1
    context = transport._tls(bfx.connect(**CREDENTIALS)._adapter.endpoint)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_venue_that_echoes_the_key_does_not_put_it_into_the_error(replay: ReplayServer) -> None:
    body = f'{{"success": false, "error": "NO_SUCH_KEY {KEY} \x1b[31m", "result": []}}'.replace(
        "\x1b", "\\u001b"
    )
    stored = [
        StoredAnswer(request=f"GET /{path}", status=400, text=body) for path in ("account", "positions")
    ]

    error = error_of(replay.serve("echo", stored))

    assert isinstance(error, av.CredentialsRefused)
    assert KEY not in str(error)
    assert "\x1b" not in str(error)
    assert "NO_SUCH_KEY" in str(error)


def test_no_secret_shows_anywhere_around_an_error(replay: ReplayServer) -> None:
    client = bfx.connect(**CREDENTIALS, base_url=replay.serve("nothing-here", []))
    with client, pytest.raises(av.VenueError) as caught:
        client.account()

    shown = "".join(
        traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
    ) + repr([client, client._adapter, vars(client), caught.value, vars(caught.value)])
    copied = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes

    assert KEY not in shown
    assert SECRET.removeprefix("0x") not in shown
    assert (str(copied), vars(copied), type(copied)) == (
        str(caught.value),
        vars(caught.value),
        type(caught.value),
    )
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("kind", "status", "retry_after"),
    [(av.RateLimited, 429, 70.0), (av.VenueUnavailable, 520, None)],
)
def test_what_can_be_retried_says_so(
    kind: type[av.VenueError], status: int, retry_after: float | None, replay: ReplayServer
) -> None:
    stored = [
        StoredAnswer(request=f"GET /{path}", status=status, headers={"Retry-After": "70"}, text="<html>")
        for path in ("account", "positions")
    ]

    error = error_of(replay.serve(f"status-{status}", stored))

    assert type(error) is kind
    assert error.retryable
    assert getattr(error, "retry_after", None) == retry_after


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"api_key": KEY}, "missing option api_secret"),
        ({**CREDENTIALS, "api_scret": "x"}, "unknown option api_scret; there are api_key, api_secret"),
        ({**CREDENTIALS, "network": "moonnet"}, "there are mainnet, testnet"),
        ({**CREDENTIALS, "exchange_id": "rbx_moon"}, "there are rbx, rbx_sonic, rbx_base, rbx_arbitrum"),
        ({**CREDENTIALS, "api_secret": "not hexadecimal"}, "api_secret must be hexadecimal"),
        ({**CREDENTIALS, "api_key": "2x2\r\nlines"}, "api_key must be visible ASCII"),
        ({**CREDENTIALS, "api_key": ""}, "api_key must be visible ASCII"),
        ({**CREDENTIALS, "timeout": 0}, "timeout is 0"),
        ({**CREDENTIALS, "timeout": float("inf")}, "timeout is inf"),
        ({**CREDENTIALS, "base_url": "http://api.example.com"}, "must start with https://"),
        ({**CREDENTIALS, "base_url": "http://127.0.0.1.example.com"}, "must start with https://"),
        ({**CREDENTIALS, "base_url": "ftp://127.0.0.1"}, "must start with https://"),
        ({**CREDENTIALS, "base_url": "https://user:pass@api.example.com"}, "without user"),
        ({**CREDENTIALS, "base_url": "https://api.example.com/?a=b"}, "without user, query"),
        ({**CREDENTIALS, "base_url": "https://api.example.com:99999"}, "base_url must be"),
        ({**CREDENTIALS, "base_url": "api.example.com"}, "base_url must be"),
    ],
)
def test_a_call_that_cannot_work_says_what_to_change(options: dict[str, object], told: str) -> None:
    with pytest.raises(av.UsageError) as caught:
        av.connect("rabbitx", **options)

    assert str(caught.value).startswith("rabbitx: ")
    assert told in str(caught.value)
    for value in ("not hexadecimal", "2x2", ":pass"):
        assert value not in str(caught.value)


def test_an_unknown_venue_names_the_venues() -> None:
    with pytest.raises(av.UsageError, match=r"no venue 'binance'; there are .*bfx.*rabbitx"):
        av.connect("binance")


def test_the_typed_connect_has_the_parameters_of_the_venue() -> None:
    own = list(inspect.signature(rabbitx.connect).parameters)
    assert own == ["api_key", "api_secret", "exchange_id", "network", "settings"]
    assert list(parameters("rabbitx")) == [*own[:-1], *Settings.__annotations__]
    assert {name for name, parameter in parameters("rabbitx").items() if parameter.secret} == {
        "api_key",
        "api_secret",
    }
    assert {name for name, parameter in parameters("bfx").items() if parameter.required} == {
        "api_key",
        "api_secret",
    }


@pytest.mark.parametrize(
    ("venue", "network", "host"),
    [
        ("rabbitx", "mainnet", "https://api.rabbitx.com"),
        ("rabbitx", "testnet", "https://api.testnet.rabbitx.io"),
        ("bfx", "mainnet", "https://api.bfx.trade"),
    ],
)
def test_the_host_is_the_first_that_the_spec_lists(venue: str, network: str, host: str) -> None:
    with av.connect(venue, **CREDENTIALS, network=network) as client:
        assert repr(client) == f"<Client {venue} {host}>"


async def test_a_failed_call_ends_the_one_beside_it(replay: ReplayServer) -> None:
    case = Case("bfx", "positions-fail")
    async with bfx.connect_async(
        **CREDENTIALS, base_url=replay.serve("beside", case.exchange.answers)
    ) as client:
        with pytest.raises(av.VenueUnavailable, match="getPositions"):
            await client.account()
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert left == []


def test_one_client_serves_several_threads(replay: ReplayServer) -> None:
    base_url = replay.serve("threads", Case("bfx", "long-and-short").exchange.answers)
    found: list[str] = []
    with bfx.connect(**CREDENTIALS, base_url=base_url) as client:
        threads = [
            threading.Thread(target=lambda: found.append(client.account().account_id)) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == ["4711"] * 8


def test_closing_twice_is_fine() -> None:
    client = bfx.connect(**CREDENTIALS)
    client.close()
    client.close()


def test_naming_an_account(replay: ReplayServer) -> None:
    base_url = replay.serve("naming", Case("bfx", "seed-flat").exchange.answers)
    with bfx.connect(**CREDENTIALS, base_url=base_url) as client:
        assert client.account("13").account_id == client.account().account_id
        assert [account.account_id for account in client.accounts()] == ["13"]
        with pytest.raises(av.UsageError, match=r"no account '14'; this credential sees: 13"):
            client.account("14")
