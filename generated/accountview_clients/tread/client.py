# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
"""The transport of this client: httpx with a timeout, without redirects, proxies and netrc."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import urlsplit

from .types import Request, Response

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")


class Client:
    """Sends requests to one venue, synchronously and asynchronously.

    Args:
        base_url: where the venue is; its repr is all that shows of a client.
        auth: signs or marks every request, in both modes.
        headers: sent with every request.
        timeout: seconds to wait for a connection, and for each part that is sent or received.

    Raises:
        ValueError: base_url holds credentials, or timeout is not a finite number above 0.
    """

    def __init__(
        self,
        base_url: str,
        *,
        auth: httpx.Auth | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
    ) -> None:
        if "@" in urlsplit(base_url).netloc:
            raise ValueError("base_url must not hold credentials: they would show in logs")
        if not 0 < timeout < float("inf"):
            raise ValueError("timeout must be a finite number of seconds above 0")
        self.base_url = base_url
        self._settings: dict[str, Any] = {
            "base_url": base_url,
            "auth": auth,
            "headers": headers,
            "timeout": timeout,
            "follow_redirects": False,
            "trust_env": False,
        }
        self._sync: httpx.Client | None = None
        self._async: httpx.AsyncClient | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r})"

    def send(self, request: Request, parse: Callable[[int, bytes], T]) -> Response[T]:
        """Send a request and parse its answer. Raises what httpx and `parse` raise."""
        if self._sync is None:
            import httpx  # here, because building requests and parsing answers need no httpx

            self._sync = httpx.Client(**self._settings)
        return _parsed(self._sync.send(_prepared(self._sync, request)), parse)

    async def asend(self, request: Request, parse: Callable[[int, bytes], T]) -> Response[T]:
        """Send a request and parse its answer. Raises what httpx and `parse` raise."""
        if self._async is None:
            import httpx

            self._async = httpx.AsyncClient(**self._settings)
        return _parsed(await self._async.send(_prepared(self._async, request)), parse)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._sync is not None:
            self._sync.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._async is not None:
            await self._async.aclose()


def _prepared(client: httpx.Client | httpx.AsyncClient, request: Request) -> httpx.Request:
    return client.build_request(
        request.operation.method,
        request.path,
        params=request.query or None,
        headers=request.headers,
        content=request.content,
    )


def _parsed(answer: httpx.Response, parse: Callable[[int, bytes], T]) -> Response[T]:
    return Response(
        status=answer.status_code,
        parsed=parse(answer.status_code, answer.content),
        headers=tuple(answer.headers.multi_items()),
        content=answer.content,
    )


__all__ = ("Client",)
