# Generated from specs/arcus.yaml by `uv run scripts/regenerate.py`: do not edit.
"""getAccount: GET /v1/account.

The account

One account of an address: its cash, its equity, what is free, and its positions. Equity and what is
free are computed at the moment of reading and move with the oracle prices without a new
`sequenceNumber`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import UnexpectedStatus
from ...models.account import Account
from ...models.error_body import ErrorBody
from ...types import UNSET, Decode, Operation, Request, Response, UnsetType, as_pairs, decode

if TYPE_CHECKING:
    from ...client import Client

OPERATION = Operation(name="getAccount", method="GET", path="/v1/account")


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
        OPERATION, path="/v1/account", query=as_pairs(("address", address), ("accountIndex", account_index))
    )


def parse_response(status: int, content: bytes, *, decode: Decode = decode) -> Account | ErrorBody:
    """What an answer says, by its status; nothing is received.

    Raises:
        UnexpectedStatus: the spec does not document this status.
    """
    if status == 200:
        return decode(content, Account)
    if status == 404:
        return decode(content, ErrorBody)
    if status == 429:
        return decode(content, ErrorBody)
    if 400 <= status <= 499:
        return decode(content, ErrorBody)
    if 500 <= status <= 599:
        return decode(content, ErrorBody)
    raise UnexpectedStatus(status)


def sync_detailed(
    *, client: Client, address: str, account_index: int | UnsetType = UNSET
) -> Response[Account | ErrorBody]:
    """Send the request; the answer with its status, headers and content."""
    return client.send(build_request(address=address, account_index=account_index), parse_response)


def sync(*, client: Client, address: str, account_index: int | UnsetType = UNSET) -> Account | ErrorBody:
    """Send the request; what the answer says."""
    return sync_detailed(client=client, address=address, account_index=account_index).parsed


async def asyncio_detailed(
    *, client: Client, address: str, account_index: int | UnsetType = UNSET
) -> Response[Account | ErrorBody]:
    """Send the request; the answer with its status, headers and content."""
    return await client.asend(build_request(address=address, account_index=account_index), parse_response)


async def asyncio(
    *, client: Client, address: str, account_index: int | UnsetType = UNSET
) -> Account | ErrorBody:
    """Send the request; what the answer says."""
    return (await asyncio_detailed(client=client, address=address, account_index=account_index)).parsed
