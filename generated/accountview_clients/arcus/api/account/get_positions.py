# Generated from specs/arcus.yaml by `uv run scripts/regenerate.py`: do not edit.
"""getPositions: GET /v1/positions.

The open positions

The open positions of one account, in the same rows that getAccount has. An account that was never
used has none. The list is whole: there are no pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import UnexpectedStatus
from ...models.error_body import ErrorBody
from ...models.position_list import PositionList
from ...types import UNSET, Decode, Operation, Request, Response, UnsetType, as_pairs, decode

if TYPE_CHECKING:
    from ...client import Client

OPERATION = Operation(name="getPositions", method="GET", path="/v1/positions")


def build_request(
    *, address: str, account_index: int | UnsetType = UNSET, market: str | UnsetType = UNSET
) -> Request:
    """The request, ready to be sent; nothing is sent.

    Args:
        address: Whose account: an EVM address in any case, with or without 0x. Answers show it in lower
            case with 0x.
        account_index: Which account of the address; 0 when it is left out. A misspelt name of this
            parameter is ignored without a word, so the index in the answer must be compared with the one
            that was asked for.
        market: Only the position of this market: its name, in any case, or its number.
    """
    return Request(
        OPERATION,
        path="/v1/positions",
        query=as_pairs(("address", address), ("accountIndex", account_index), ("market", market)),
    )


def parse_response(status: int, content: bytes, *, decode: Decode = decode) -> PositionList | ErrorBody:
    """What an answer says, by its status; nothing is received.

    Raises:
        UnexpectedStatus: the spec does not document this status.
    """
    if status == 200:
        return decode(content, PositionList)
    if status == 429:
        return decode(content, ErrorBody)
    if 400 <= status <= 499:
        return decode(content, ErrorBody)
    if 500 <= status <= 599:
        return decode(content, ErrorBody)
    raise UnexpectedStatus(status)


def sync_detailed(
    *, client: Client, address: str, account_index: int | UnsetType = UNSET, market: str | UnsetType = UNSET
) -> Response[PositionList | ErrorBody]:
    """Send the request; the answer with its status, headers and content."""
    return client.send(
        build_request(address=address, account_index=account_index, market=market), parse_response
    )


def sync(
    *, client: Client, address: str, account_index: int | UnsetType = UNSET, market: str | UnsetType = UNSET
) -> PositionList | ErrorBody:
    """Send the request; what the answer says."""
    return sync_detailed(client=client, address=address, account_index=account_index, market=market).parsed


async def asyncio_detailed(
    *, client: Client, address: str, account_index: int | UnsetType = UNSET, market: str | UnsetType = UNSET
) -> Response[PositionList | ErrorBody]:
    """Send the request; the answer with its status, headers and content."""
    return await client.asend(
        build_request(address=address, account_index=account_index, market=market), parse_response
    )


async def asyncio(
    *, client: Client, address: str, account_index: int | UnsetType = UNSET, market: str | UnsetType = UNSET
) -> PositionList | ErrorBody:
    """Send the request; what the answer says."""
    return (
        await asyncio_detailed(client=client, address=address, account_index=account_index, market=market)
    ).parsed
