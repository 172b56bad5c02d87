"""The generated code: a client of a spec that holds every form a spec may take, tried over loopback HTTP."""

from __future__ import annotations

import contextlib
import copy
import importlib
import os
import pickle
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import msgspec
import pytest

pytestmark = pytest.mark.repository

ROOT = Path(__file__).resolve().parent.parent
SPECS = Path(__file__).parent / "torture"
PACKAGE = "torture_clients"

ACCOUNT = b"""{
  "id": 18446744073709551616,
  "balance": "10000000.000000000000000000000000000000000010",
  "equity": 1414.060396410000000000000000000000000000000010,
  "status": "active",
  "nullable": null,
  "positions": {"3": {"size": "-0.10"}},
  "reference": "5",
  "open": true
}"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source root that holds the generated package."""
    root = tmp_path_factory.mktemp("torture")
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv, "the README's commands install uv"
    command = [uv, "run", "scripts/regenerate.py", "--specs", str(SPECS), "--output", str(root / PACKAGE)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture(scope="session")
def load(folder: Path) -> Iterator[Callable[[str], ModuleType]]:
    """Imports a module of the generated client; all of them are forgotten in the end."""

    def load(name: str) -> ModuleType:
        return importlib.import_module(f"{PACKAGE}.torture.{name}")

    sys.path.insert(0, str(folder))
    yield load
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        del sys.modules[name]


@pytest.fixture
def models(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("models")


@pytest.fixture
def get_account(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("api.account.get_account")


@pytest.fixture
def place_order(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("api.account.place_order")


def account_with(fields: str) -> bytes:
    return ACCOUNT.rstrip(b"}\n") + f", {fields}}}".encode()


# Reading


def test_decimals_are_exact_from_text_and_from_numbers(get_account: ModuleType) -> None:
    account = get_account.parse_response(200, ACCOUNT)
    assert str(account.balance) == "10000000.000000000000000000000000000000000010"
    assert str(account.equity) == "1414.060396410000000000000000000000000000000010"
    assert account.reference == Decimal(5)
    assert account.id == 2**64


def test_absent_null_and_given_are_three_things(get_account: ModuleType) -> None:
    account = get_account.parse_response(200, ACCOUNT)
    assert account.nullable is None
    assert account.absent is msgspec.UNSET
    assert account.both is msgspec.UNSET
    assert get_account.parse_response(200, account_with('"both": null')).both is None
    assert (
        get_account.parse_response(200, account_with('"both": 0.10')).both.as_tuple()
        == Decimal("0.10").as_tuple()
    )


def test_a_map_keeps_its_keys_as_text(get_account: ModuleType, models: ModuleType) -> None:
    assert get_account.parse_response(200, ACCOUNT).positions == {"3": models.Position(size=Decimal("-0.10"))}
    assert get_account.parse_response(
        200, account_with('"leverage": {"BTC": "20", "ETH": null}')
    ).leverage == {
        "BTC": Decimal(20),
        "ETH": None,
    }


def test_lists_of_lists_and_schemas_within_themselves(get_account: ModuleType) -> None:
    nested = (
        f'"levels": [["1.10", "2"], []], "parent": {ACCOUNT.decode()}, "above": {{"a": {ACCOUNT.decode()}}}'
    )
    account = get_account.parse_response(200, account_with(nested))
    assert [[str(part) for part in level] for level in account.levels] == [["1.10", "2"], []]
    assert account.parent == get_account.parse_response(200, ACCOUNT)
    assert account.above == {"a": account.parent}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ('"tag": "a"', "a"),
        ('"tag": 3', 3),
        ('"either": "1.5"', Decimal("1.5")),
        ('"either": 1.5', Decimal("1.5")),
        ('"side": null', None),
        ('"side": "short"', "short"),
        ('"opened_at": "2020-01-01T00:00:00Z"', "2020-01-01T00:00:00Z"),
        ('"version": "v1"', "v1"),
        ('"type": "word"', "word"),
        ('"camelCase": "own"', "own"),
    ],
)
def test_a_value_of_each_type(get_account: ModuleType, field: str, value: object) -> None:
    found = getattr(get_account.parse_response(200, account_with(field)), field.split('"')[1])
    assert found == value
    assert isinstance(found, type(value))


def test_what_the_spec_leaves_open_is_kept_as_its_bytes(get_account: ModuleType) -> None:
    account = get_account.parse_response(200, account_with('"anything": {"a": 0.1000000000000000000000001}'))
    assert bytes(account.anything) == b'{"a": 0.1000000000000000000000001}'


def test_unknown_keys_are_ignored(get_account: ModuleType) -> None:
    assert get_account.parse_response(200, account_with('"new": [1.5]')) == get_account.parse_response(
        200, ACCOUNT
    )


@pytest.mark.parametrize(
    ("key", "value", "listed", "unlisted"),
    [("status", '"frozen"', ["active", "in-liquidation", "3x"], "frozen"), ("tier", "7", [0, 1], 7)],
)
def test_an_unlisted_value_is_kept_and_known_as_such(
    get_account: ModuleType, models: ModuleType, key: str, value: str, listed: list[object], unlisted: object
) -> None:
    kind = getattr(models, key.title())
    new = getattr(get_account.parse_response(200, account_with(f'"{key}": {value}')), key)
    assert new == unlisted
    assert hash(new) == hash(unlisted)
    assert isinstance(new, kind)
    assert not new.known
    assert copy.deepcopy(new) == pickle.loads(pickle.dumps(new)) == new  # noqa: S301
    assert not kind("(unlisted)" if isinstance(unlisted, str) else 8).known
    assert [member.value for member in kind] == listed
    assert all(member.known for member in kind)
    with pytest.raises(ValueError, match="is not a valid"):
        kind(None)


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ('"balance": null', "$.balance"),
        ('"balance": {}', "$.balance"),
        ('"balance": "ten"', "$.balance"),
        ('"id": "13"', "$.id"),
        ('"status": 3', "$.status"),
        ('"open": 1', "$.open"),
        ('"positions": []', "$.positions"),
        ('"positions": {"3": {"size": true}}', "$.positions[...].size"),
        ('"levels": [["1", []]]', "$.levels[0][1]"),
        ('"version": "v2"', "$.version"),
        ('"tag": 1.5', "$.tag"),
        ('"camelCase": null', "$.camelCase"),
    ],
)
def test_a_wrong_type_is_refused_with_its_path(get_account: ModuleType, field: str, path: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        get_account.parse_response(200, account_with(field))
    assert str(caught.value).endswith(f"`{path}`")


def test_a_missing_field_is_refused_by_name(get_account: ModuleType) -> None:
    with pytest.raises(msgspec.ValidationError, match="`balance`"):
        get_account.parse_response(200, b'{"id": 1}')


def test_the_status_decides_what_is_read(
    get_account: ModuleType, place_order: ModuleType, models: ModuleType
) -> None:
    refusal = models.Refusal(error="no")
    content = b'{"error": "no", "code": 3}'
    assert get_account.parse_response(404, content) == models.NotFound(code=3)  # exact before the range
    assert get_account.parse_response(400, content) == get_account.parse_response(499, content) == refusal
    assert get_account.parse_response(520, b"<html>") == "<html>"
    assert place_order.parse_response(299, content) == refusal
    assert place_order.parse_response(204, b"") is None


@pytest.mark.parametrize("status", [201, 399, 500, 599, 999])
def test_an_undocumented_status_is_told_without_the_content(
    load: Callable[[str], ModuleType], get_account: ModuleType, status: int
) -> None:
    with pytest.raises(load("errors").UnexpectedStatus) as caught:
        get_account.parse_response(status, b"a secret")
    assert caught.value.status == status
    assert str(status) in str(caught.value)
    assert "secret" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301
    assert (type(again), again.status) == (type(caught.value), status)


def test_another_decoder_can_be_put_in(get_account: ModuleType, models: ModuleType) -> None:
    calls: list[tuple[bytes, object]] = []

    def decode(content: bytes, type_: object, /) -> str:
        calls.append((content, type_))
        return "decoded"

    assert get_account.parse_response(200, b"content", decode=decode) == "decoded"
    assert calls == [(b"content", models.Account)]


# Asking


def test_an_operation_is_named_as_in_the_spec(get_account: ModuleType) -> None:
    operation = get_account.OPERATION
    assert (operation.name, operation.method) == ("getAccount", "GET")
    assert operation.path == "/accounts/{accountId}/markets/{market}"


def test_a_request_in_full(get_account: ModuleType, models: ModuleType) -> None:
    request = get_account.build_request(
        account_id="0xé/ ?#%",
        market=3,
        markets=["BTC-USD", "a&b"],
        open_only=False,
        side=models.Side.LONG,
        minimum=Decimal("1E+3"),
        limit=25,
        x_request_id="7",
    )
    assert request.operation is get_account.OPERATION
    assert request.path == "/accounts/0x%C3%A9%2F%20%3F%23%25/markets/3"
    assert request.query == (
        ("markets", "BTC-USD"),
        ("markets", "a&b"),
        ("openOnly", "false"),
        ("side", "long"),
        ("minimum", "1000"),
        ("limit", "25"),
    )
    assert request.headers == (("X-Request-Id", "7"),)
    assert request.content is None


def test_what_is_left_out_or_none_is_not_sent(get_account: ModuleType) -> None:
    request = get_account.build_request(account_id="a", market=1, limit=1, minimum=None)
    assert (request.query, request.headers) == ((("limit", "1"),), ())


@pytest.mark.parametrize("text", ["", ".", ".."])
def test_a_path_never_becomes_another_operations(get_account: ModuleType, text: str) -> None:
    with pytest.raises(ValueError, match="path parameter"):
        get_account.build_request(account_id=text, market=1, limit=1)


def test_a_body_is_compact_json_with_decimals_as_text(place_order: ModuleType, models: ModuleType) -> None:
    order = models.Order(
        market="é", size=Decimal("0.10"), price=None, tags={"b": "1", "a": "2"}, secret=["s", 1]
    )
    request = place_order.build_request(body=order)
    assert request.content == (
        '{"market":"é","price":null,"secret":["s",1],"size":"0.10","tags":{"b":"1","a":"2"}}'.encode()
    )
    assert request.headers == (("content-type", "application/json"),)


def test_a_body_may_be_left_out(load: Callable[[str], ModuleType], models: ModuleType) -> None:
    set_flags = load("api.positions.set_flags")
    assert (set_flags.build_request().content, set_flags.build_request().headers) == (None, ())
    assert set_flags.build_request(body=models.Flags()).content == b"{}"


def test_secrets_do_not_show(
    load: Callable[[str], ModuleType], place_order: ModuleType, models: ModuleType
) -> None:
    order = models.Order(market="BTC", size=Decimal(1), secret=["hush"], key="hush")
    assert "market='BTC'" in repr(order)
    request = place_order.build_request(body=order)
    response = load("types").Response(status=200, parsed=order, headers=(("x", "hush"),), content=b"hush")
    assert "hush" not in f"{order!r} {request!r} {response!r}"


# Sending


class Server:
    """A venue on the loopback: it notes what it is sent and answers what it is told."""

    def __init__(self) -> None:
        self.status, self.headers, self.content = 200, dict[str, str](), b"{}"
        self.received: list[tuple[str, str, dict[str, str], bytes]] = []
        self.hang = threading.Event()
        self.hang.set()
        venue = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                venue.received.append((self.command, self.path, headers, body))
                venue.hang.wait(10)
                with contextlib.suppress(ConnectionError):  # the client may have stopped waiting
                    self.send_response(venue.status, "any")
                    for name, value in venue.headers.items():
                        self.send_header(name, value)
                    if venue.status != 204:
                        self.send_header("content-length", str(len(venue.content)))
                    self.end_headers()
                    self.wfile.write(venue.content)

            do_GET = do_POST = do_PUT = handle_any

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/api"


@pytest.fixture
def server() -> Iterator[Server]:
    venue = Server()
    thread = threading.Thread(target=venue.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield venue
    venue.hang.set()
    venue.http.shutdown()
    venue.http.server_close()
    thread.join()


class Signer(httpx.Auth):
    requires_request_body = True

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        request.headers["signature"] = request.content.hex()
        yield request


@pytest.fixture
def client_type(load: Callable[[str], ModuleType]) -> Any:
    return load("client").Client


def test_a_request_is_sent_as_it_was_built(server: Server, client_type: Any, get_account: ModuleType) -> None:
    server.content = ACCOUNT
    with client_type(server.url, headers={"x-always": "1"}) as client:
        account = get_account.sync(
            client=client, account_id="a/b c", market=1, limit=2, markets=["x", "y z"], x_request_id="7"
        )
    assert account == get_account.parse_response(200, ACCOUNT)
    ((method, path, headers, body),) = server.received
    assert (method, body) == ("GET", b"")
    assert path.replace("+", "%20") == "/api/accounts/a%2Fb%20c/markets/1?markets=x&markets=y%20z&limit=2"
    assert (headers["x-request-id"], headers["x-always"]) == ("7", "1")


async def test_sync_and_async_send_and_read_the_same(
    server: Server, client_type: Any, place_order: ModuleType, models: ModuleType
) -> None:
    server.status, server.content, server.headers = 299, b'{"error": "late"}', {"x-remark": "r"}
    order = models.Order(market="BTC", size=Decimal("0.10"), secret=[])
    client = client_type(server.url, auth=Signer())
    with client:
        first = place_order.sync_detailed(client=client, body=order)
    async with client:
        second = await place_order.asyncio_detailed(client=client, body=order)
        assert await place_order.asyncio(client=client, body=order) == models.Refusal(error="late")
    for response in (first, second):
        assert (response.status, response.parsed, response.content) == (
            299,
            models.Refusal(error="late"),
            server.content,
        )
        assert ("x-remark", "r") in response.headers
    bodies = [body for _, _, _, body in server.received]
    assert bodies == [place_order.build_request(body=order).content] * 3
    for _, path, headers, body in server.received:
        assert path == "/api/orders"
        assert headers["content-type"] == "application/json"
        assert headers["signature"] == body.hex()


@pytest.mark.parametrize(("status", "content"), [(204, b""), (299, b'{"error": "e"}')])
def test_statuses_that_python_has_no_name_for(
    server: Server, client_type: Any, place_order: ModuleType, models: ModuleType, status: int, content: bytes
) -> None:
    server.status, server.content = status, content
    with client_type(server.url) as client:
        response = place_order.sync_detailed(
            client=client, body=models.Order(market="m", size=Decimal(1), secret=[])
        )
    assert response.status == status
    assert response.parsed == (models.Refusal(error="e") if content else None)


def test_the_front_of_the_venue_is_down(server: Server, client_type: Any, get_account: ModuleType) -> None:
    server.status, server.content = 520, b"down"
    with client_type(server.url) as client:
        assert get_account.sync(client=client, account_id="a", market=1, limit=1) == "down"


def test_redirects_are_not_followed_and_proxies_not_asked(
    server: Server,
    client_type: Any,
    load: Callable[[str], ModuleType],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    server.status, server.headers = 302, {"location": server.url + "/elsewhere"}
    with client_type(server.url) as client, pytest.raises(load("errors").UnexpectedStatus, match="302"):
        load("api.positions.get_positions").sync(client=client)
    assert [path for _, path, _, _ in server.received] == ["/api/positions"]


async def test_a_venue_that_is_silent_is_not_waited_for(
    server: Server, client_type: Any, load: Callable[[str], ModuleType]
) -> None:
    server.hang.clear()
    get_positions = load("api.positions.get_positions")
    client = client_type(server.url, timeout=0.1)
    with client, pytest.raises(httpx.ReadTimeout):
        get_positions.sync(client=client)
    async with client:
        with pytest.raises(httpx.ReadTimeout):
            await get_positions.asyncio(client=client)


@pytest.mark.parametrize("timeout", [0.0, -1.0, float("inf"), float("nan"), None])
def test_a_timeout_is_finite(client_type: Any, timeout: float | None) -> None:
    with pytest.raises((ValueError, TypeError)):
        client_type("https://torture.example", timeout=timeout)


def test_a_client_shows_only_where_it_goes(client_type: Any) -> None:
    client = client_type("https://torture.example", headers={"key": "hush"}, auth=Signer())
    assert repr(client) == "Client('https://torture.example')"
    with pytest.raises(ValueError, match="credentials") as caught:
        client_type("https://user:hush@torture.example")
    assert "hush" not in str(caught.value)


# The code itself


def test_requests_and_answers_need_no_httpx(folder: Path) -> None:
    probe = f"""
import sys
import {PACKAGE}
assert {PACKAGE}.VENUES == ("torture",)
assert not [name for name in sys.modules if name.startswith("{PACKAGE}.")]
from {PACKAGE}.torture import Client, models
from {PACKAGE}.torture.api.positions import get_positions
get_positions.build_request()
assert get_positions.parse_response(200, b'{{"3": {{"size": "1"}}}}')["3"].size == 1
assert "httpx" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", probe], cwd=folder, check=True)


def test_type_checkers_see_the_exact_types(folder: Path) -> None:
    probe = folder / "probe.py"
    probe.write_text(
        f"""
from decimal import Decimal
from typing import assert_type
from msgspec import UnsetType
from {PACKAGE} import Venue
from {PACKAGE}.torture import Client
from {PACKAGE}.torture.api.account import get_account, place_order
from {PACKAGE}.torture.api.positions import get_positions, set_flags
from {PACKAGE}.torture.models import Account, NotFound, Position, Refusal, Side

venue: Venue = "torture"
assert_type(get_account.parse_response(200, b""), Account | NotFound | str | Refusal)
assert_type(place_order.parse_response(200, b""), Refusal | None)
assert_type(get_positions.sync(client=Client("")), dict[str, Position])
assert_type(set_flags.parse_response(200, b""), list[Side])

def check(account: Account) -> None:
    assert_type(account.balance, Decimal)
    assert_type(account.both, Decimal | None | UnsetType)
    assert_type(account.levels, list[list[Decimal]] | UnsetType)
    assert_type(account.either, Decimal | UnsetType)
    assert_type(account.tag, str | int | UnsetType)
    assert_type(account.side, Side | None | UnsetType)
""",
        "utf-8",
    )
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--python-version=3.11",
        "--cache-dir=mypy",
        "-p",
        PACKAGE,
    ]
    done = subprocess.run([*command, "-m", "probe"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
