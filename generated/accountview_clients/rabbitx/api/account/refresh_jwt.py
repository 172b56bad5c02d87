# Generated from specs/rabbitx.yaml by `uv run scripts/regenerate.py`: do not edit.
"""refreshJwt: POST /jwt.

Make a new JWT

Makes a new JWT, the token of the WebSocket. It lives for 48 hours (x-facts, jwt_lifetime). One
unconfirmed source says that the call also sets the expiry of the API key itself to that of the new
token, which could shorten the life of the key. A refresh token is good for one call. Hence never
sent again by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import UnexpectedStatus
from ...models.error_envelope import ErrorEnvelope
from ...models.jwt_envelope import JwtEnvelope
from ...models.refresh_jwt_request import RefreshJwtRequest
from ...types import Decode, Operation, Request, Response, as_json, as_pairs, decode

if TYPE_CHECKING:
    from ...client import Client

OPERATION = Operation(name="refreshJwt", method="POST", path="/jwt")


def build_request(*, body: RefreshJwtRequest) -> Request:
    """The request, ready to be sent; nothing is sent.

    Args:
        body: The body of refreshJwt.
    """
    return Request(
        OPERATION, path="/jwt", headers=as_pairs(("content-type", "application/json")), content=as_json(body)
    )


def parse_response(status: int, content: bytes, *, decode: Decode = decode) -> JwtEnvelope | ErrorEnvelope:
    """What an answer says, by its status; nothing is received.

    Raises:
        UnexpectedStatus: the spec does not document this status.
    """
    if status == 200:
        return decode(content, JwtEnvelope)
    if status == 429:
        return decode(content, ErrorEnvelope)
    if 400 <= status <= 499:
        return decode(content, ErrorEnvelope)
    if 500 <= status <= 599:
        return decode(content, ErrorEnvelope)
    raise UnexpectedStatus(status)


def sync_detailed(*, client: Client, body: RefreshJwtRequest) -> Response[JwtEnvelope | ErrorEnvelope]:
    """Send the request; the answer with its status, headers and content."""
    return client.send(build_request(body=body), parse_response)


def sync(*, client: Client, body: RefreshJwtRequest) -> JwtEnvelope | ErrorEnvelope:
    """Send the request; what the answer says."""
    return sync_detailed(client=client, body=body).parsed


async def asyncio_detailed(
    *, client: Client, body: RefreshJwtRequest
) -> Response[JwtEnvelope | ErrorEnvelope]:
    """Send the request; the answer with its status, headers and content."""
    return await client.asend(build_request(body=body), parse_response)


async def asyncio(*, client: Client, body: RefreshJwtRequest) -> JwtEnvelope | ErrorEnvelope:
    """Send the request; what the answer says."""
    return (await asyncio_detailed(client=client, body=body)).parsed
