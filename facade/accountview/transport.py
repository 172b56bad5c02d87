"""The one module that touches httpx: requests go out, checked bytes come back, our own errors are raised.

Requests are httpx's and connections are its engine's, httpcore's. What lies between, `httpx.Client`, is left out: it
keeps the cookies of one account for the next, writes whole addresses into logs, inflates whatever it is sent, and asks
the environment for proxies. Nothing here is redirected or remembered; `connections` and `inflating` guard the rest.
"""

import os
import ssl
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Protocol, final
from urllib.parse import unquote, urlsplit

import httpcore
import httpx

from accountview import plan
from accountview.connections import BEFORE_SENDING, FAILURES, AsyncSlots, NoSlot, Slots
from accountview.deadline import Deadline
from accountview.errors import UsageError
from accountview.inflating import Body
from accountview.secret import Secret

Signer = Callable[["Outgoing"], Mapping[str, str]]

CONNECTIONS = 10
"""How many requests of one client, or of all accounts of a portfolio at one venue, are under way at a time at most."""

_HEADERS = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "accountview"}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a signer sees: exactly what is about to be sent."""

    method: str
    path: str
    """Of the operation, filled in, without the host and without any path of the base URL."""
    query: bytes
    content: bytes = field(repr=False)
    now: float = field(default_factory=time.time)
    """UNIX seconds by the venue's clock, as far as it is known."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a venue is and how it is spoken to."""

    base_url: str
    sign: Signer
    secrets: tuple[Secret, ...] = field(repr=False)
    now: Callable[[], float] = field(default=time.time, repr=False)
    """UNIX seconds by the venue's clock."""
    trust_env: bool = False
    """Whether proxies and certificate authorities that the environment names are used."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sending of a request."""

    request: plan.Request
    deadline: Deadline
    number: int = 1
    alone: bool = False
    """Whether it has a connection of its own: one that was kept may be dead already, and after a request that must
    not be sent again nobody could say whether it arrived."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came, and when the request had started and the last byte had arrived (UTC)."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case; of several of one name the values are joined by a comma."""
    content: bytes = field(repr=False)
    requested_at: datetime
    received_at: datetime
    attempt: int = 1
    """The number of the attempt that it answers."""


class Sender(Protocol):
    """What a `Client` asks: `Transport`, or something that stands before it or in its place."""

    def send(self, attempt: Attempt) -> Answer:
        """The answer, whatever its status. Raises NoAnswer, wire.Malformed."""
        ...

    def close(self) -> None:
        """Give back what it holds; may be called twice."""
        ...


class AsyncSender(Protocol):
    """What an `AsyncClient` asks: `AsyncTransport`, or something that stands before it or in its place."""

    async def send(self, attempt: Attempt) -> Answer:
        """The answer, whatever its status. Raises NoAnswer, wire.Malformed."""
        ...

    async def close(self) -> None:
        """Give back what it holds; may be called twice."""
        ...


class NoAnswer(Exception):
    """Nothing came back; the client, which knows the venue, makes an error of it that says what can be done."""

    def __init__(self, problem: str, *, sent: bool = True) -> None:
        """`sent`: whether any of the request may have reached the venue."""
        super().__init__(problem)
        self.sent = sent


class NoConnectionFree(NoAnswer):
    """All our own connections were in use until the deadline: that says nothing of the venue."""

    def __init__(self) -> None:
        super().__init__("no connection was free in time", sent=False)


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
                requested_at = datetime.now(UTC)
                request = _signed(self._endpoint, attempt.request)
                with slot.exchange(request, attempt.deadline, alone=attempt.alone) as response:
                    body = _body(response)
                    for part in response.iter_stream():
                        body.add(part)
                    content = body.whole()
                return _answer(attempt, response, content, requested_at)
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
        self._slots = _async_slots(endpoint) if slots is None else slots

    async def send(self, attempt: Attempt) -> Answer:
        """See `AsyncSender`."""
        try:
            async with self._slots.slot(attempt.deadline) as slot:
                requested_at = datetime.now(UTC)
                request = _signed(self._endpoint, attempt.request)
                async with slot.exchange(request, attempt.deadline, alone=attempt.alone) as response:
                    body = _body(response)
                    async for part in response.aiter_stream():
                        body.add(part)
                    content = body.whole()
                return _answer(attempt, response, content, requested_at)
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
            self._slots[key] = _async_slots(endpoint)
        return self._slots[key]

    async def aclose(self) -> None:
        """Close all of them."""
        for slots in self._slots.values():
            await slots.close()


def _async_slots(endpoint: Endpoint) -> AsyncSlots:
    return AsyncSlots(CONNECTIONS, _tls(endpoint), _proxy(endpoint))


# What goes out ----------------------------------------------------------------------------------------------------


def _signed(endpoint: Endpoint, request: plan.Request) -> httpcore.Request:
    built = httpx.Request(
        request.operation.method,
        endpoint.base_url + request.path,
        params=list(request.query) or None,
        headers=[*_HEADERS.items(), *request.headers],
        content=request.content,
    )
    # A path is filled in with what a caller gave: it must not lead anywhere else.
    if (built.url.scheme, built.url.netloc) != _origin(endpoint.base_url):
        raise httpx.InvalidURL("another host")
    # No variable holds the body: it may hold a credential, and a traceback may be shown with all variables.
    outgoing = Outgoing(built.method, request.path, built.url.query, built.read(), endpoint.now())
    built.headers.update(endpoint.sign(outgoing))
    url = built.url
    return httpcore.Request(
        built.method,
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=built.headers.raw,
        content=built.read(),
    )


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
            )
    # Told without it: it may hold a password.
    raise UsageError("the proxy that the environment names (HTTPS_PROXY, ALL_PROXY) is no http:// address")


# What comes back --------------------------------------------------------------------------------------------------


def _body(response: httpcore.Response) -> Body:
    return Body(_headers(response.headers).get("content-encoding", "").lower())


def _answer(attempt: Attempt, response: httpcore.Response, content: bytes, requested_at: datetime) -> Answer:
    return Answer(
        response.status,
        _headers(response.headers),
        content,
        requested_at,
        datetime.now(UTC),
        attempt.number,
    )


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
