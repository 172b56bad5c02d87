# Generated from specs/zkx.yaml by `uv run scripts/regenerate.py`: do not edit.
"""getAccountInfo: GET /v1/private/account-info.

The account with its positions

One trading account's collateral, margins and open positions. The account is the one of the
x-account-id header. No parameter limits the list of positions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import UnexpectedStatus
from ...models.account_info import AccountInfo
from ...types import UNSET, Decode, Operation, Request, Response, UnsetType, as_pairs, decode

if TYPE_CHECKING:
    from ...client import Client

OPERATION = Operation(name="getAccountInfo", method="GET", path="/v1/private/account-info")


def build_request(*, collateral_id: str, x_request_id: str | UnsetType = UNSET) -> Request:
    """The request, ready to be sent; nothing is sent.

    Args:
        collateral_id: The collateral that is asked about.
        x_request_id: A name for the request, to quote to the support. Its form, and whether it must be
            sent, is unconfirmed.
    """
    return Request(
        OPERATION,
        path="/v1/private/account-info",
        query=as_pairs(("collateralId", collateral_id)),
        headers=as_pairs(("x-request-id", x_request_id)),
    )


def parse_response(status: int, content: bytes, *, decode: Decode = decode) -> AccountInfo | None:
    """What an answer says, by its status; nothing is received.

    Raises:
        UnexpectedStatus: the spec does not document this status.
    """
    if status == 200:
        return decode(content, AccountInfo)
    if status == 429:
        return None
    if 400 <= status <= 499:
        return None
    if 500 <= status <= 599:
        return None
    raise UnexpectedStatus(status)


def sync_detailed(
    *, client: Client, collateral_id: str, x_request_id: str | UnsetType = UNSET
) -> Response[AccountInfo | None]:
    """Send the request; the answer with its status, headers and content."""
    return client.send(build_request(collateral_id=collateral_id, x_request_id=x_request_id), parse_response)


def sync(*, client: Client, collateral_id: str, x_request_id: str | UnsetType = UNSET) -> AccountInfo | None:
    """Send the request; what the answer says."""
    return sync_detailed(client=client, collateral_id=collateral_id, x_request_id=x_request_id).parsed


async def asyncio_detailed(
    *, client: Client, collateral_id: str, x_request_id: str | UnsetType = UNSET
) -> Response[AccountInfo | None]:
    """Send the request; the answer with its status, headers and content."""
    return await client.asend(
        build_request(collateral_id=collateral_id, x_request_id=x_request_id), parse_response
    )


async def asyncio(
    *, client: Client, collateral_id: str, x_request_id: str | UnsetType = UNSET
) -> AccountInfo | None:
    """Send the request; what the answer says."""
    return (
        await asyncio_detailed(client=client, collateral_id=collateral_id, x_request_id=x_request_id)
    ).parsed
