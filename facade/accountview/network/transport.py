"""The one module that touches httpx: requests go out, checked bytes come back, our own errors are raised.

Addresses and TLS are httpx's business, connections that of its engine, httpcore. What lies between, `httpx.Client`, is
left out: it keeps the cookies of one account for the next, writes whole addresses into logs, inflates whatever it is
sent, and asks the environment for proxies. Nothing here is redirected or remembered; `connections` and `inflating`
guard the rest.
"""

import asyncio
import os
import ssl
import time
import urllib.request
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import final
from urllib.parse import unquote, urlsplit

import httpcore
import httpx

from accountview import plan
from accountview.errors import UsageError
from accountview.network.connections import BEFORE_SENDING, FAILURES, AsyncSlots, NoSlot, Slots
from accountview.network.inflating import Body
from accountview.network.sending import Answer, Attempt, Endpoint, NoAnswer, NoConnectionFree, Outgoing

CONNECTIONS = 10
"""How many requests of one client are under way at a time at most."""
SHARED_CONNECTIONS = 48
"""The same for all accounts of a portfolio at one host. With 20 ms for an answer, more bring nothing: then this
machine is busy all the time. With slower answers they would, but no venue needs a crowd at its door. How often it is
asked is for the limiter to say."""

_HEADERS = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "accountview"}
_WITH_BODY = ("POST", "PUT", "PATCH")
"""Methods whose body has a length even when it is empty."""


@final
class Transport:
    """Sends requests to one endpoint, from any number of threads."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._slots = Slots(CONNECTIONS, _tls(endpoint), _proxy(endpoint))

    def send(self, attempt: Attempt) -> Answer:
        """See `Sender`."""
        try:
            with self._slots.slot(attempt.deadline) as slot:
                for seconds in attempt.waits():
                    time.sleep(seconds)
                requested_at = datetime.now(UTC)
                request = _signed(self._endpoint, attempt.request)
                with slot.exchange(request, attempt.deadline, alone=attempt.alone) as response:
                    headers = _headers(response.headers)
                    body = Body(headers.get("content-encoding", "").lower())
                    for part in response.iter_stream():
                        body.add(part)
                    content = body.whole()
                received_at = datetime.now(UTC)
                return Answer(response.status, headers, content, requested_at, received_at, attempt.number)
        except NoSlot:
            problem: NoAnswer = NoConnectionFree()
        except (*FAILURES, httpx.InvalidURL) as error:
            problem = _told(error)
        # Raised out here so that no error of ours leads to one that holds a request with its credentials.
        raise problem

    def close(self) -> None:
        """See `Sender`."""
        self._slots.close()


@final
class AsyncTransport:
    """Sends requests to one endpoint, from one event loop."""

    def __init__(self, endpoint: Endpoint, slots: AsyncSlots | None = None) -> None:
        """`slots` are connections that are shared with others; they stay open when this is closed."""
        self._endpoint = endpoint
        self._own = slots is None
        self._slots = _async_slots(endpoint, CONNECTIONS) if slots is None else slots

    async def send(self, attempt: Attempt) -> Answer:
        """See `AsyncSender`."""
        try:
            async with self._slots.slot(attempt.deadline) as slot:
                for seconds in attempt.waits():
                    await asyncio.sleep(seconds)
                requested_at = datetime.now(UTC)
                request = _signed(self._endpoint, attempt.request)
                async with slot.exchange(request, attempt.deadline, alone=attempt.alone) as response:
                    headers = _headers(response.headers)
                    body = Body(headers.get("content-encoding", "").lower())
                    async for part in response.aiter_stream():
                        body.add(part)
                    content = body.whole()
                received_at = datetime.now(UTC)
                return Answer(response.status, headers, content, requested_at, received_at, attempt.number)
        except NoSlot:
            problem: NoAnswer = NoConnectionFree()
        except (*FAILURES, httpx.InvalidURL) as error:
            problem = _told(error)
        # Raised out here so that no error of ours leads to one that holds a request with its credentials.
        raise problem

    async def close(self) -> None:
        """See `AsyncSender`."""
        if self._own:
            await self._slots.close()


@final
class Network:
    """The connections of several transports, in one event loop: all that ask one host share them."""

    def __init__(self) -> None:
        self._slots: dict[tuple[str, bytes, bool], AsyncSlots] = {}

    def slots(self, endpoint: Endpoint) -> AsyncSlots:
        """Those to the host of an endpoint."""
        key = (*_origin(endpoint.base_url), endpoint.trust_env)
        if key not in self._slots:
            self._slots[key] = _async_slots(endpoint, SHARED_CONNECTIONS)
        return self._slots[key]

    async def aclose(self) -> None:
        """Close all of them."""
        for slots in self._slots.values():
            await slots.close()


def _async_slots(endpoint: Endpoint, size: int) -> AsyncSlots:
    return AsyncSlots(size, _tls(endpoint), _proxy(endpoint))


# What goes out ----------------------------------------------------------------------------------------------------


def _signed(endpoint: Endpoint, request: plan.Request) -> httpcore.Request:
    method = request.operation.method
    host, url, query = _address(endpoint.base_url, request.path, tuple(request.query))
    usual = {"host": host, **_HEADERS, **_lowered(request.headers)}
    if request.content or method in _WITH_BODY:
        usual["content-length"] = str(len(request.content or b""))
    # No variable holds the body or what is signed: a traceback may be shown with all variables.
    outgoing = Outgoing(method, request.path, query, request.content or b"", endpoint.now())
    return httpcore.Request(
        method,
        url,
        headers=_encoded({**usual, **_lowered(endpoint.sign(outgoing).items())}),
        content=request.content,
    )


def _lowered(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]


@lru_cache(maxsize=1024)
def _address(base_url: str, path: str, query: tuple[tuple[str, str], ...]) -> tuple[str, httpcore.URL, bytes]:
    """The header `host`, the whole address, and its query. Raises httpx.InvalidURL."""
    url = httpx.URL(base_url + path, params=query or None)
    # A path is filled in with what a caller gave: it must not lead anywhere else.
    if (url.scheme, url.netloc) != _origin(base_url):
        raise httpx.InvalidURL("another host")
    address = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    return url.netloc.decode("ascii"), address, url.query


@cache
def _origin(base_url: str) -> tuple[str, bytes]:
    url = httpx.URL(base_url)
    return url.scheme, url.netloc


def _tls(endpoint: Endpoint) -> ssl.SSLContext:
    named = (os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")) if endpoint.trust_env else None
    return _tls_context(named)


@cache
def _tls_context(named: tuple[str | None, str | None] | None) -> ssl.SSLContext:
    # Building one costs tens of milliseconds; all clients share it.
    context: ssl.SSLContext | None = None
    with suppress(OSError):  # of which ssl.SSLError is one
        context = httpx.create_ssl_context(trust_env=named is not None)
    if context is None:
        raise UsageError(
            "the certificates that the environment names (SSL_CERT_FILE, SSL_CERT_DIR) cannot be read; "
            "correct it, or leave trust_env out"
        )
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.keylog_filename = None  # type: ignore[assignment] # None turns SSLKEYLOGFILE off
    return context


def _proxy(endpoint: Endpoint) -> httpcore.Proxy | None:
    """The proxy that the environment names for a host, if it may be asked for one. Raises UsageError."""
    parts = urlsplit(endpoint.base_url)
    if not endpoint.trust_env or parts.scheme != "https" or not parts.hostname:
        return None  # plain http is for this machine only, and so stays on it
    named = urllib.request.getproxies()
    address = named.get("https") or named.get("all")
    if not address or urllib.request.proxy_bypass(parts.netloc):
        return None
    with suppress(ValueError):  # of a port that is none, or a name that cannot be written in ASCII
        proxy = urlsplit(address if "://" in address else f"http://{address}")
        port = proxy.port or (443 if proxy.scheme == "https" else 80)
        if proxy.scheme in ("http", "https") and proxy.hostname:
            host = proxy.hostname.encode("idna")
            return httpcore.Proxy(
                httpcore.URL(scheme=proxy.scheme.encode(), host=host, port=port, target=b"/"),
                auth=(unquote(proxy.username), unquote(proxy.password or "")) if proxy.username else None,
                ssl_context=_tls(endpoint) if proxy.scheme == "https" else None,
            )
    # Told without it: it may hold a password.
    raise UsageError(
        "the proxy that the environment names (HTTPS_PROXY, ALL_PROXY) is no http:// or https:// address"
    )


# What comes back --------------------------------------------------------------------------------------------------


def _headers(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _told(error: Exception) -> NoAnswer:
    # Told by kind: the text of the error itself may hold an address, or what a server sent.
    match error:
        case httpx.InvalidURL():
            return NoAnswer("the request has no address that can be used", sent=False)
        case httpcore.ProxyError():
            return NoAnswer("the proxy refused to connect", sent=False)
        case httpcore.ConnectTimeout() | httpcore.ConnectError():
            return NoAnswer("cannot connect", sent=False)
        case httpcore.TimeoutException():
            return NoAnswer("no answer in time", sent=not isinstance(error, BEFORE_SENDING))
        case _:
            problem = "the connection broke before the answer was whole"
            return NoAnswer(problem, sent=not isinstance(error, BEFORE_SENDING))
