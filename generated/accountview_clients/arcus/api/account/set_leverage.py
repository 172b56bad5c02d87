# Generated from specs/arcus.yaml by `uv run scripts/regenerate.py`: do not edit.
"""setLeverage: POST /v1/setLeverage.

Set the leverage of one market

Sets the leverage of one market for one account. The only signed call here: what is signed is the
text of X-Timestamp, the word `setLeverage`, and the body as canonical JSON (compact, keys sorted),
with nothing between them. Status 202 says only that the request was taken. Never sent again by
itself: when the outcome is unclear, read the leverages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import UnexpectedStatus
from ...models.error_body import ErrorBody
from ...models.set_leverage_request import SetLeverageRequest
from ...models.set_leverage_result import SetLeverageResult
from ...types import Decode, Operation, Request, Response, as_json, as_pairs, decode

if TYPE_CHECKING:
    from ...client import Client

OPERATION = Operation(name="setLeverage", method="POST", path="/v1/setLeverage")


def build_request(*, body: SetLeverageRequest) -> Request:
    """The request, ready to be sent; nothing is sent.

    Args:
        body: The body of setLeverage.
    """
    return Request(
        OPERATION,
        path="/v1/setLeverage",
        headers=as_pairs(("content-type", "application/json")),
        content=as_json(body),
    )


def parse_response(status: int, content: bytes, *, decode: Decode = decode) -> SetLeverageResult | ErrorBody:
    """What an answer says, by its status; nothing is received.

    Raises:
        UnexpectedStatus: the spec does not document this status.
    """
    if status == 200:
        return decode(content, SetLeverageResult)
    if status == 202:
        return decode(content, SetLeverageResult)
    if status == 422:
        return decode(content, SetLeverageResult)
    if status == 429:
        return decode(content, ErrorBody)
    if 400 <= status <= 499:
        return decode(content, ErrorBody)
    if 500 <= status <= 599:
        return decode(content, ErrorBody)
    raise UnexpectedStatus(status)


def sync_detailed(*, client: Client, body: SetLeverageRequest) -> Response[SetLeverageResult | ErrorBody]:
    """Send the request; the answer with its status, headers and content."""
    return client.send(build_request(body=body), parse_response)


def sync(*, client: Client, body: SetLeverageRequest) -> SetLeverageResult | ErrorBody:
    """Send the request; what the answer says."""
    return sync_detailed(client=client, body=body).parsed


async def asyncio_detailed(
    *, client: Client, body: SetLeverageRequest
) -> Response[SetLeverageResult | ErrorBody]:
    """Send the request; the answer with its status, headers and content."""
    return await client.asend(build_request(body=body), parse_response)


async def asyncio(*, client: Client, body: SetLeverageRequest) -> SetLeverageResult | ErrorBody:
    """Send the request; what the answer says."""
    return (await asyncio_detailed(client=client, body=body)).parsed
