"""TLS and the environment: what must be refused is, nobody can turn that off, and no proxy learns a secret."""

# pyright: reportPrivateUsage=false

import asyncio
import base64
import inspect
import re
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from faults import certificates
from faults.judging import chain
from faults.kinds import silence
from faults.proxy import FaultProxy, Line, Port, written
from faults.tunnel import Tunnel, tunnel

import accountview as av
from accountview.client import AsyncClient, Client
from accountview.network import retry, transport
from accountview.network.sending import Endpoint
from accountview.plan import Reading
from accountview.sandbox import Sandbox
from accountview.venues import open_adapter, parameters
from accountview_clients import VENUES

NAMES_A_PROXY = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
OF_THE_ENVIRONMENT = (*NAMES_A_PROXY, "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy")
WAYS = ("sync", "async")

Made = Callable[[Path], ssl.SSLContext]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture(scope="module")
def proxy(sandbox: Sandbox) -> Iterator[FaultProxy]:
    with FaultProxy(sandbox.url) as running:
        yield running


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The environment names no proxy, and the authority; returns the authority's file."""
    for name in OF_THE_ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    file = certificates.write_authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.setattr(retry, "BASE", 0.01)  # as often as ever, and sooner
    return file


def options(sandbox: Sandbox, port: Port, host: str = "127.0.0.1", scheme: str = "https") -> dict[str, Any]:
    entry = next(entry for entry in sandbox.entries if entry.label == "bfx-main")
    return {**entry.options, "base_url": f"{scheme}://{host}:{port.number}/bfx", "timeout": 5}


def read(way: str, settings: dict[str, Any]) -> Reading:
    """What one client reads."""
    if way == "sync":
        with Client(open_adapter("bfx", settings)) as client:
            return client.read()

    async def aread() -> Reading:
        async with AsyncClient(open_adapter("bfx", settings)) as client:
            return await client.read()

    return asyncio.run(aread())


def anything_goes(_: Endpoint) -> ssl.SSLContext:
    """In the place of what checks."""
    return certificates.anything_goes()


# S6: what a server shows ------------------------------------------------------------------------------------------

REFUSED: dict[str, Made] = {
    "untrusted authority": lambda _: certificates.untrusted(),
    "signed by itself": certificates.self_signed,
    "another name": lambda _: certificates.wrong_name(),
    "expired": lambda _: certificates.expired(),
    "TLS 1.0": lambda _: certificates.only(ssl.TLSVersion.TLSv1),
    "TLS 1.1": lambda _: certificates.only(ssl.TLSVersion.TLSv1_1),
    "key of 1024 bits": certificates.weak_key,
    "NUL in the name": certificates.null_name,
    "no name": certificates.no_name,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_good_certificate_is_taken(way: str, sandbox: Sandbox, proxy: FaultProxy) -> None:
    port = proxy.port(tls=certificates.good())

    reading = read(way, {**options(sandbox, port), "trust_env": True})

    assert len(reading.accounts) == 1
    assert len(port.asked) == 2


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("reason", REFUSED)
def test_a_bad_certificate_is_refused_before_anything_is_asked(
    reason: str,
    way: str,
    sandbox: Sandbox,
    proxy: FaultProxy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port = proxy.port(tls=REFUSED[reason](tmp_path))
    host = "localhost" if reason == "NUL in the name" else "127.0.0.1"
    settings = {**options(sandbox, port, host), "trust_env": True}

    with pytest.raises(av.VenueUnavailable, match="cannot connect") as caught:
        read(way, settings)

    assert port.asked == []
    assert caught.value.operation == "getAccount"
    # It is the check that refused: without any, the same server is read.
    monkeypatch.setattr(transport, "_tls", anything_goes)
    assert read(way, settings).accounts
    assert port.asked


def test_there_is_no_way_to_turn_the_checks_off() -> None:
    for venue in VENUES:
        names = [
            *parameters(venue),
            *inspect.signature(Client).parameters,
            *inspect.signature(AsyncClient).parameters,
        ]
        assert not [name for name in names if re.search("verify|insecure|ssl|tls|cert", name)]
    for context in (transport._tls_context(None), transport._tls_context((None, None))):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def wait_until(true: Callable[[], bool]) -> None:
    """Fails when it does not come true within a second."""
    end = time.monotonic() + 1.0
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


async def test_a_reading_that_is_given_up_leaves_no_connection_open(
    sandbox: Sandbox, proxy: FaultProxy
) -> None:
    port = proxy.port(silence, at_connect=True)  # so that nobody gets further than to greet it
    async with AsyncClient(open_adapter("bfx", {**options(sandbox, port), "trust_env": True})) as client:
        reading = asyncio.create_task(client.read())
        await asyncio.to_thread(wait_until, lambda: port.connections == 2)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await asyncio.to_thread(wait_until, lambda: port.left == 2)


@pytest.mark.parametrize("way", WAYS)
def test_bytes_that_are_no_tls_in_the_middle_of_an_answer_are_unavailable(
    way: str, sandbox: Sandbox, proxy: FaultProxy
) -> None:
    async def garble(line: Line) -> None:
        body = (await line.honest()).body
        await line.send(written(200, body)[:-20])
        line.send_below_tls(b"this is no TLS record" * 10)
        await line.stay_silent()

    port = proxy.port(garble, tls=certificates.good())

    with pytest.raises(av.VenueUnavailable, match="broke"):
        read(way, {**options(sandbox, port), "trust_env": True})


# S7: the environment ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_authorities_of_the_environment_are_trusted_only_when_told(
    name: str,
    way: str,
    sandbox: Sandbox,
    proxy: FaultProxy,
    environment: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv(name, str(environment if name == "SSL_CERT_FILE" else environment.parent))
    for untold in ({}, {"trust_env": False}):
        port = proxy.port(tls=certificates.good())
        with pytest.raises(av.VenueUnavailable, match="cannot connect"):
            read(way, {**options(sandbox, port), **untold})
        assert port.asked == []

    port = proxy.port(tls=certificates.good())
    assert read(way, {**options(sandbox, port), "trust_env": True}).accounts


@pytest.mark.parametrize("content", [None, b"", b"this is no certificate"], ids=["absent", "empty", "no PEM"])
def test_a_file_of_authorities_that_cannot_be_read_is_told(
    content: bytes | None,
    sandbox: Sandbox,
    proxy: FaultProxy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "of-nobody.pem"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    settings = {**options(sandbox, proxy.port(tls=certificates.good())), "trust_env": True}

    for way in WAYS:
        with pytest.raises(av.UsageError, match="SSL_CERT_FILE"):
            read(way, settings)


@pytest.mark.parametrize("way", WAYS)
def test_the_keys_of_a_session_are_written_nowhere(
    way: str,
    sandbox: Sandbox,
    proxy: FaultProxy,
    environment: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = tmp_path / "keys.log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(keys))
    other = environment.with_name("another-name.pem")  # so that no context of another test is used
    other.write_bytes(environment.read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    port = proxy.port(tls=certificates.good())

    assert read(way, {**options(sandbox, port), "trust_env": True}).accounts

    assert not keys.exists() or b"CLIENT" not in keys.read_bytes()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("named", "through"),
    [
        (("HTTPS_PROXY",), True),
        (("https_proxy",), True),
        (("ALL_PROXY",), True),
        (("all_proxy",), True),
        (("HTTP_PROXY",), False),
        (("HTTPS_PROXY", "NO_PROXY=127.0.0.1"), False),
        (("HTTPS_PROXY", "NO_PROXY=*"), False),
        (("HTTPS_PROXY", "no_proxy=127.0.0.1"), False),
        (("ALL_PROXY", "NO_PROXY=example.org,127.0.0.1"), False),
        (("HTTPS_PROXY", "NO_PROXY=example.org"), True),
    ],
    ids=lambda value: "+".join(cast("tuple[str, ...]", value)) if isinstance(value, tuple) else "",
)
def test_a_proxy_of_the_environment_is_used_only_when_told(
    named: tuple[str, ...],
    through: bool,  # noqa: FBT001 - a column of the table
    way: str,
    sandbox: Sandbox,
    proxy: FaultProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port = proxy.port(tls=certificates.good())
    settings = options(sandbox, port)
    with tunnel() as seen:
        for name in named:
            variable, _, value = name.partition("=")
            monkeypatch.setenv(variable, value or f"http://127.0.0.1:{seen.port}")

        with pytest.raises(av.VenueUnavailable):  # the authority of the environment is not asked either
            read(way, settings)
        assert seen.heads == []

        assert read(way, {**settings, "trust_env": True}).accounts
        assert bool(seen.heads) is through


# S8: what a proxy learns ------------------------------------------------------------------------------------------

PASSWORD = "canary-password-not-real"


@pytest.fixture
def through(monkeypatch: pytest.MonkeyPatch) -> Callable[[Tunnel], None]:
    """Let the environment name a proxy, with a user and a password of its own."""
    return lambda seen: monkeypatch.setenv("HTTPS_PROXY", f"http://desk:{PASSWORD}@127.0.0.1:{seen.port}")


@pytest.mark.parametrize("way", WAYS)
def test_a_proxy_learns_where_and_its_own_password_and_nothing_else(
    way: str, sandbox: Sandbox, proxy: FaultProxy, through: Callable[[Tunnel], None]
) -> None:
    port = proxy.port(tls=certificates.good())
    settings = options(sandbox, port)
    own = base64.b64encode(f"desk:{PASSWORD}".encode())
    with tunnel() as seen:
        through(seen)
        assert read(way, {**settings, "trust_env": True}).accounts

    for head in seen.heads:
        line, *headers = head.strip().split(b"\r\n")
        assert line == f"CONNECT 127.0.0.1:{port.number} HTTP/1.1".encode()
        told = dict(header.split(b": ", 1) for header in headers)
        assert {name.lower() for name in told} <= {b"host", b"accept", b"proxy-authorization", b"user-agent"}
        assert own in told[b"Proxy-Authorization"]
    shown = b"".join(seen.heads) + seen.passed
    for secret in (settings["api_key"].reveal(), settings["api_secret"].reveal(), "RBT-API-KEY", "/account"):
        assert secret.encode() not in shown
        assert secret.removeprefix("0x").encode() not in shown
    # The venue learns nothing of the proxy.
    assert port.asked
    assert not [head for head in port.heads if b"proxy-" in head.lower() or own in head]


ANSWERS = {
    "refused": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
    "who are you": b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
    "venue not reached": b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\noops",
    "redirected": b"HTTP/1.1 302 Found\r\nLocation: https://example.org/\r\nContent-Length: 0\r\n\r\n",
    "no HTTP": b"this is no HTTP\r\n\r\n",
    "silent": b"",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_proxy_that_does_not_help_is_unavailable(
    answer: str, way: str, sandbox: Sandbox, proxy: FaultProxy, through: Callable[[Tunnel], None]
) -> None:
    port = proxy.port(tls=certificates.good())
    with tunnel(ANSWERS[answer]) as seen:
        through(seen)
        with pytest.raises(av.VenueUnavailable) as caught:
            read(way, {**options(sandbox, port), "trust_env": True, "timeout": 0.5})

    assert port.connections == 0
    assert all(head.startswith(b"CONNECT ") for head in seen.heads)
    for each in chain(caught.value):
        assert type(each).__module__.startswith("accountview.")
        assert PASSWORD not in repr(each)


@pytest.mark.parametrize("way", WAYS)
def test_a_proxy_may_be_spoken_to_over_tls(
    way: str, sandbox: Sandbox, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = proxy.port(tls=certificates.good())
    settings = {**options(sandbox, port), "trust_env": True}
    with tunnel(tls=certificates.good()) as seen:
        monkeypatch.setenv("HTTPS_PROXY", f"https://desk:{PASSWORD}@127.0.0.1:{seen.port}")
        assert read(way, settings).accounts
    assert len(port.asked) == 2
    assert seen.heads

    with tunnel(tls=certificates.untrusted()) as strange:
        monkeypatch.setenv("HTTPS_PROXY", f"https://desk:{PASSWORD}@127.0.0.1:{strange.port}")
        with pytest.raises(av.VenueUnavailable, match="cannot connect"):
            read(way, settings)
    assert not strange.heads
    assert len(port.asked) == 2


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("over_tls", [True, False])
def test_a_proxy_that_drips_ends_at_the_deadline(
    over_tls: bool,  # noqa: FBT001 - a column of the table
    way: str,
    sandbox: Sandbox,
    proxy: FaultProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port = proxy.port(tls=certificates.good())
    with tunnel(tls=certificates.good() if over_tls else None, drips=True) as seen:
        scheme = "https" if over_tls else "http"
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://127.0.0.1:{seen.port}")
        begun = time.monotonic()
        with pytest.raises(av.VenueUnavailable):
            read(way, {**options(sandbox, port), "trust_env": True, "timeout": 0.5})
        assert time.monotonic() - begun < 20  # a handshake of a byte each 0.1 seconds takes minutes


@pytest.mark.parametrize("way", WAYS)
def test_a_certificate_is_looked_at_behind_a_proxy_too(
    way: str, sandbox: Sandbox, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for of_proxy in (None, certificates.good()):
        port = proxy.port(tls=certificates.untrusted())
        with tunnel(tls=of_proxy) as seen:
            scheme = "https" if of_proxy else "http"
            monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://127.0.0.1:{seen.port}")
            with pytest.raises(av.VenueUnavailable, match="cannot connect"):
                read(way, {**options(sandbox, port), "trust_env": True})
        assert seen.heads
        assert port.asked == []


@pytest.mark.parametrize("way", WAYS)
def test_a_dead_proxy_is_unavailable_and_not_gone_around(
    way: str, sandbox: Sandbox, proxy: FaultProxy, through: Callable[[Tunnel], None]
) -> None:
    port = proxy.port(tls=certificates.good())
    with tunnel() as seen:
        through(seen)

    with pytest.raises(av.VenueUnavailable, match="cannot connect"):
        read(way, {**options(sandbox, port), "trust_env": True})

    assert port.connections == 0


@pytest.mark.parametrize(
    "address",
    ["socks5://127.0.0.1:1080", "http://", "http://127.0.0.1:99999", "http://desk:canary-word@", "://"],
)
@pytest.mark.parametrize("way", WAYS)
def test_a_proxy_that_cannot_be_used_is_told(
    way: str, address: str, sandbox: Sandbox, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", address)
    port = proxy.port(tls=certificates.good())

    with pytest.raises(av.UsageError, match="HTTPS_PROXY") as caught:
        read(way, {**options(sandbox, port), "trust_env": True})

    assert "canary-word" not in str(caught.value)
    assert port.connections == 0


@pytest.mark.parametrize("way", WAYS)
def test_plain_http_stays_on_this_machine(
    way: str, sandbox: Sandbox, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = proxy.port()
    with tunnel() as seen:
        for name in ("HTTP_PROXY", *NAMES_A_PROXY):
            monkeypatch.setenv(name, f"http://127.0.0.1:{seen.port}")
        assert read(way, {**options(sandbox, port, scheme="http"), "trust_env": True}).accounts

    assert seen.heads == []
