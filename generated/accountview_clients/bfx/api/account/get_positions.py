# Generated from specs/bfx.yaml by `uv run scripts/regenerate.py`: do not edit.
"""getPositions: GET /positions.

The open positions

The open positions of the account, one for each market: there is no hedge mode. An empty `result` is
a flat account. No parameter is documented, and the list may end at a page (x-facts,
positions_page).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import UnexpectedStatus
from ...models.error_envelope import ErrorEnvelope
from ...models.positions_envelope import PositionsEnvelope
from ...types import Decode, Operation, Request, Response, decode

if TYPE_CHECKING:
    from ...client import Client

OPERATION = Operation(name="getPositions", method="GET", path="/positions")


def build_request() -> Request:
    """The request, ready to be sent; nothing is sent."""
    return Request(OPERATION, path="/positions")


def parse_response(
    status: int, content: bytes, *, decode: Decode = decode
) -> PositionsEnvelope | ErrorEnvelope:
    """What an answer says, by its status; nothing is received.

    Raises:
        UnexpectedStatus: the spec does not document this status.
    """
    if status == 200:
        return decode(content, PositionsEnvelope)
    if status == 429:
        return decode(content, ErrorEnvelope)
    if 400 <= status <= 499:
        return decode(content, ErrorEnvelope)
    if 500 <= status <= 599:
        return decode(content, ErrorEnvelope)
    raise UnexpectedStatus(status)


def sync_detailed(*, client: Client) -> Response[PositionsEnvelope | ErrorEnvelope]:
    """Send the request; the answer with its status, headers and content."""
    return client.send(build_request(), parse_response)


def sync(*, client: Client) -> PositionsEnvelope | ErrorEnvelope:
    """Send the request; what the answer says."""
    return sync_detailed(client=client).parsed


async def asyncio_detailed(*, client: Client) -> Response[PositionsEnvelope | ErrorEnvelope]:
    """Send the request; the answer with its status, headers and content."""
    return await client.asend(build_request(), parse_response)


async def asyncio(*, client: Client) -> PositionsEnvelope | ErrorEnvelope:
    """Send the request; what the answer says."""
    return (await asyncio_detailed(client=client)).parsed
