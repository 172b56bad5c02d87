# Generated from specs/arcus.yaml by `uv run scripts/regenerate.py`: do not edit.
"""getLeverages: GET /v1/leverages.

The leverage that is set, for every market

One row for every market, by its number, also for an account that was never used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import UnexpectedStatus
from ...models.error_body import ErrorBody
from ...models.leverage_list import LeverageList
from ...types import UNSET, Decode, Operation, Request, Response, UnsetType, as_pairs, decode

if TYPE_CHECKING:
    from ...client import Client

OPERATION = Operation(name="getLeverages", method="GET", path="/v1/leverages")


def build_request(*, address: str, account_index: int | UnsetType = UNSET) -> Request:
    """The request, ready to be sent; nothing is sent.

    Args:
        address: Whose account: an EVM address in any case, with or without 0x. Answers show it in lower
            case with 0x.
        account_index: Which account of the address; 0 when it is left out. A misspelt name of this
            parameter is ignored without a word, so the index in the answer must be compared with the one
            that was asked for.
    """
    return Request(
        OPERATION, path="/v1/leverages", query=as_pairs(("address", address), ("accountIndex", account_index))
    )


def parse_response(status: int, content: bytes, *, decode: Decode = decode) -> LeverageList | ErrorBody:
    """What an answer says, by its status; nothing is received.

    Raises:
        UnexpectedStatus: the spec does not document this status.
    """
    if status == 200:
        return decode(content, LeverageList)
    if status == 429:
        return decode(content, ErrorBody)
    if 400 <= status <= 499:
        return decode(content, ErrorBody)
    if 500 <= status <= 599:
        return decode(content, ErrorBody)
    raise UnexpectedStatus(status)


def sync_detailed(
    *, client: Client, address: str, account_index: int | UnsetType = UNSET
) -> Response[LeverageList | ErrorBody]:
    """Send the request; the answer with its status, headers and content."""
    return client.send(build_request(address=address, account_index=account_index), parse_response)


def sync(*, client: Client, address: str, account_index: int | UnsetType = UNSET) -> LeverageList | ErrorBody:
    """Send the request; what the answer says."""
    return sync_detailed(client=client, address=address, account_index=account_index).parsed


async def asyncio_detailed(
    *, client: Client, address: str, account_index: int | UnsetType = UNSET
) -> Response[LeverageList | ErrorBody]:
    """Send the request; the answer with its status, headers and content."""
    return await client.asend(build_request(address=address, account_index=account_index), parse_response)


async def asyncio(
    *, client: Client, address: str, account_index: int | UnsetType = UNSET
) -> LeverageList | ErrorBody:
    """Send the request; what the answer says."""
    return (await asyncio_detailed(client=client, address=address, account_index=account_index)).parsed
