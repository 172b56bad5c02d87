# Generated from specs/bfx.yaml by `uv run scripts/regenerate.py`: do not edit.
"""setLeverage: PUT /account/leverage.

Set the leverage of one market

Sets the leverage of one market and so re-prices the margin of its positions and orders. The answer
is the account with the new value in its `leverage` map; `account_leverage` is another figure. Never
sent again by itself: when the outcome is unclear, read the account.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import UnexpectedStatus
from ...models.account_envelope import AccountEnvelope
from ...models.error_envelope import ErrorEnvelope
from ...models.set_leverage_request import SetLeverageRequest
from ...types import Decode, Operation, Request, Response, as_json, as_pairs, decode

if TYPE_CHECKING:
    from ...client import Client

OPERATION = Operation(name="setLeverage", method="PUT", path="/account/leverage")


def build_request(*, body: SetLeverageRequest) -> Request:
    """The request, ready to be sent; nothing is sent.

    Args:
        body: The body of setLeverage.
    """
    return Request(
        OPERATION,
        path="/account/leverage",
        headers=as_pairs(("content-type", "application/json")),
        content=as_json(body),
    )


def parse_response(
    status: int, content: bytes, *, decode: Decode = decode
) -> AccountEnvelope | ErrorEnvelope:
    """What an answer says, by its status; nothing is received.

    Raises:
        UnexpectedStatus: the spec does not document this status.
    """
    if status == 200:
        return decode(content, AccountEnvelope)
    if status == 429:
        return decode(content, ErrorEnvelope)
    if 400 <= status <= 499:
        return decode(content, ErrorEnvelope)
    if 500 <= status <= 599:
        return decode(content, ErrorEnvelope)
    raise UnexpectedStatus(status)


def sync_detailed(*, client: Client, body: SetLeverageRequest) -> Response[AccountEnvelope | ErrorEnvelope]:
    """Send the request; the answer with its status, headers and content."""
    return client.send(build_request(body=body), parse_response)


def sync(*, client: Client, body: SetLeverageRequest) -> AccountEnvelope | ErrorEnvelope:
    """Send the request; what the answer says."""
    return sync_detailed(client=client, body=body).parsed


async def asyncio_detailed(
    *, client: Client, body: SetLeverageRequest
) -> Response[AccountEnvelope | ErrorEnvelope]:
    """Send the request; the answer with its status, headers and content."""
    return await client.asend(build_request(body=body), parse_response)


async def asyncio(*, client: Client, body: SetLeverageRequest) -> AccountEnvelope | ErrorEnvelope:
    """Send the request; what the answer says."""
    return (await asyncio_detailed(client=client, body=body)).parsed
