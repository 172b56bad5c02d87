# Generated from specs/rabbitx.yaml by `uv run scripts/regenerate.py`: do not edit.
"""getAccount: GET /account.

The account

The summary of the account that the API key belongs to: exactly one element of `result`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import UnexpectedStatus
from ...models.account_envelope import AccountEnvelope
from ...models.error_envelope import ErrorEnvelope
from ...types import Decode, Operation, Request, Response, decode

if TYPE_CHECKING:
    from ...client import Client

OPERATION = Operation(name="getAccount", method="GET", path="/account")


def build_request() -> Request:
    """The request, ready to be sent; nothing is sent."""
    return Request(OPERATION, path="/account")


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


def sync_detailed(*, client: Client) -> Response[AccountEnvelope | ErrorEnvelope]:
    """Send the request; the answer with its status, headers and content."""
    return client.send(build_request(), parse_response)


def sync(*, client: Client) -> AccountEnvelope | ErrorEnvelope:
    """Send the request; what the answer says."""
    return sync_detailed(client=client).parsed


async def asyncio_detailed(*, client: Client) -> Response[AccountEnvelope | ErrorEnvelope]:
    """Send the request; the answer with its status, headers and content."""
    return await client.asend(build_request(), parse_response)


async def asyncio(*, client: Client) -> AccountEnvelope | ErrorEnvelope:
    """Send the request; what the answer says."""
    return (await asyncio_detailed(client=client)).parsed
