"""The one module that touches httpx: requests go out, checked bytes come back, our own errors are raised.

httpx 0.28.1 follows what a server says too willingly for money: it inflates whatever it is sent, has no limit on a
body, and takes proxies from the environment. Here nothing is redirected, nothing is compressed, bodies are capped
while they arrive, every phase has a finite timeout and the environment is not asked.
"""

import ssl
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Protocol

import httpx

from accountview import plan, wire
from accountview.secret import Secret

Signer = Callable[["Outgoing"], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a signer sees: exactly what is about to be sent."""

    method: str
    path: str
    """Of the operation, filled in, without the host and without any path of the base URL."""
    query: bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a venue is and how it is spoken to."""

    base_url: str
    sign: Signer
    timeout: float
    """Seconds that each of connecting, sending, waiting for a connection and waiting for data may take."""
    secrets: tuple[Secret, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came, and when the request had started and the last byte had arrived (UTC)."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    requested_at: datetime
    received_at: datetime


class AsyncSender(Protocol):
    """What an `AsyncClient` asks: `AsyncTransport`, or something that stands before it or in its place."""

    async def send(self, request: plan.Request) -> Answer:
        """The answer, whatever its status. Raises NoAnswer, wire.Malformed."""
        ...

    async def close(self) -> None:
        """Give back what it holds; may be called twice."""
        ...


class NoAnswer(Exception):
    """Nothing came back; the client, which knows the venue, makes a VenueUnavailable of it."""


class _Signature(httpx.Auth):
    """Signs the very bytes that httpx sends; one object serves sync and async."""

    requires_request_body = True

    def __init__(self, sign: Signer) -> None:
        self._sign = sign

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        path: str = request.extensions["operation_path"]
        outgoing = Outgoing(request.method, path, request.url.query, request.content)
        request.headers.update(self._sign(outgoing))
        yield request


@cache
def _tls() -> ssl.SSLContext:
    # Building one costs tens of milliseconds; all clients share it.
    return httpx.create_ssl_context(trust_env=False)


def _settings(endpoint: Endpoint) -> dict[str, object]:
    return {
        "auth": _Signature(endpoint.sign),
        "timeout": httpx.Timeout(endpoint.timeout),
        "limits": httpx.Limits(max_connections=10, max_keepalive_connections=5),
        "follow_redirects": False,
        "trust_env": False,
        "headers": {"accept": "application/json", "accept-encoding": "identity", "user-agent": "accountview"},
    }


def _outgoing(
    client: httpx.Client | httpx.AsyncClient, base_url: str, request: plan.Request
) -> httpx.Request:
    return client.build_request(
        request.operation.method,
        base_url + request.path,
        params=list(request.query) or None,
        headers=list(request.headers),
        content=request.content,
        extensions={"operation_path": request.path},
    )


def _check_head(response: httpx.Response) -> None:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise wire.Malformed("the answer is compressed although that was not asked for")


def _check_room(received: int) -> None:
    if received > wire.MAX_BYTES:
        raise wire.Malformed(f"the answer is larger than {wire.MAX_BYTES} bytes")


def _answer(response: httpx.Response, content: bytes, requested_at: datetime) -> Answer:
    return Answer(response.status_code, dict(response.headers), content, requested_at, datetime.now(UTC))


def _problem(error: httpx.HTTPError | httpx.InvalidURL) -> str:
    # Told by kind: the text of an httpx error may hold a URL or what the server sent.
    match error:
        case httpx.ConnectTimeout() | httpx.ConnectError():
            return "cannot connect"
        case httpx.TimeoutException():
            return "no answer in time"
        case _:
            return "the connection broke before the answer was whole"


class Transport:
    """Sends requests to one endpoint, one at a time or from several threads."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._client = httpx.Client(verify=_tls(), **_settings(endpoint))  # type: ignore[arg-type] # one dict for both clients

    def send(self, request: plan.Request) -> Answer:
        """The answer, whatever its status. Raises NoAnswer, wire.Malformed."""
        requested_at = datetime.now(UTC)
        try:
            outgoing = _outgoing(self._client, self._endpoint.base_url, request)
            response = self._client.send(outgoing, stream=True)
            try:
                _check_head(response)
                content = bytearray()
                for part in response.iter_raw():
                    content += part
                    _check_room(len(content))
            finally:
                response.close()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            problem = _problem(error)
        else:
            return _answer(response, bytes(content), requested_at)
        # Raised out here so that no error of ours leads to the httpx error: it holds the request with its credentials.
        raise NoAnswer(problem)

    def close(self) -> None:
        """Give the connections back; may be called twice."""
        self._client.close()


class AsyncTransport:
    """Sends requests to one endpoint from one event loop."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._client = httpx.AsyncClient(verify=_tls(), **_settings(endpoint))  # type: ignore[arg-type] # one dict for both clients

    async def send(self, request: plan.Request) -> Answer:
        """The answer, whatever its status. Raises NoAnswer, wire.Malformed."""
        requested_at = datetime.now(UTC)
        try:
            outgoing = _outgoing(self._client, self._endpoint.base_url, request)
            response = await self._client.send(outgoing, stream=True)
            try:
                _check_head(response)
                content = bytearray()
                async for part in response.aiter_raw():
                    content += part
                    _check_room(len(content))
            finally:
                await response.aclose()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            problem = _problem(error)
        else:
            return _answer(response, bytes(content), requested_at)
        # Raised out here so that no error of ours leads to the httpx error: it holds the request with its credentials.
        raise NoAnswer(problem)

    async def close(self) -> None:
        """Give the connections back; may be called twice."""
        await self._client.aclose()
