# Generated from specs/zkx.yaml by `uv run scripts/regenerate.py`: do not edit.
"""getPositions: GET /v1/private/positions.

The open positions

Open positions, as an array without an envelope. There is no cursor and no total: of more positions
than `limit` the rest is cut without a word. getAccountInfo holds the list without a limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import UnexpectedStatus
from ...models.position import Position
from ...types import UNSET, Decode, Operation, Request, Response, UnsetType, as_pairs, decode

if TYPE_CHECKING:
    from ...client import Client

OPERATION = Operation(name="getPositions", method="GET", path="/v1/private/positions")


def build_request(
    *,
    collateral_id: str,
    market_id: str | UnsetType = UNSET,
    limit: int | UnsetType = UNSET,
    x_request_id: str | UnsetType = UNSET,
) -> Request:
    """The request, ready to be sent; nothing is sent.

    Args:
        collateral_id: The collateral that is asked about.
        market_id: Only the positions of this market, as in `BTCUSDC`.
        limit: The most rows to answer; 25 unless it is given. A maximum is not documented.
        x_request_id: A name for the request, to quote to the support. Its form, and whether it must be
            sent, is unconfirmed.
    """
    return Request(
        OPERATION,
        path="/v1/private/positions",
        query=as_pairs(("collateralId", collateral_id), ("marketId", market_id), ("limit", limit)),
        headers=as_pairs(("x-request-id", x_request_id)),
    )


def parse_response(status: int, content: bytes, *, decode: Decode = decode) -> list[Position] | None:
    """What an answer says, by its status; nothing is received.

    Raises:
        UnexpectedStatus: the spec does not document this status.
    """
    if status == 200:
        return decode(content, list[Position])
    if status == 429:
        return None
    if 400 <= status <= 499:
        return None
    if 500 <= status <= 599:
        return None
    raise UnexpectedStatus(status)


def sync_detailed(
    *,
    client: Client,
    collateral_id: str,
    market_id: str | UnsetType = UNSET,
    limit: int | UnsetType = UNSET,
    x_request_id: str | UnsetType = UNSET,
) -> Response[list[Position] | None]:
    """Send the request; the answer with its status, headers and content."""
    return client.send(
        build_request(
            collateral_id=collateral_id, market_id=market_id, limit=limit, x_request_id=x_request_id
        ),
        parse_response,
    )


def sync(
    *,
    client: Client,
    collateral_id: str,
    market_id: str | UnsetType = UNSET,
    limit: int | UnsetType = UNSET,
    x_request_id: str | UnsetType = UNSET,
) -> list[Position] | None:
    """Send the request; what the answer says."""
    return sync_detailed(
        client=client,
        collateral_id=collateral_id,
        market_id=market_id,
        limit=limit,
        x_request_id=x_request_id,
    ).parsed


async def asyncio_detailed(
    *,
    client: Client,
    collateral_id: str,
    market_id: str | UnsetType = UNSET,
    limit: int | UnsetType = UNSET,
    x_request_id: str | UnsetType = UNSET,
) -> Response[list[Position] | None]:
    """Send the request; the answer with its status, headers and content."""
    return await client.asend(
        build_request(
            collateral_id=collateral_id, market_id=market_id, limit=limit, x_request_id=x_request_id
        ),
        parse_response,
    )


async def asyncio(
    *,
    client: Client,
    collateral_id: str,
    market_id: str | UnsetType = UNSET,
    limit: int | UnsetType = UNSET,
    x_request_id: str | UnsetType = UNSET,
) -> list[Position] | None:
    """Send the request; what the answer says."""
    return (
        await asyncio_detailed(
            client=client,
            collateral_id=collateral_id,
            market_id=market_id,
            limit=limit,
            x_request_id=x_request_id,
        )
    ).parsed
