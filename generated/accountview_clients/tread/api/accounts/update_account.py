# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
"""updateAccount: PUT /api/accounts/.

Change the margin mode of an account

Sets the margin mode of an account; the web application does so for OKX alone. The page may have
more to change. What is answered is not known. Never sent again by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ...errors import UnexpectedStatus
from ...models.done import Done
from ...models.problem_object import ProblemObject
from ...models.update_account_request import UpdateAccountRequest
from ...types import Decode, Operation, Request, Response, as_json, as_pairs, decode

if TYPE_CHECKING:
    from ...client import Client

OPERATION = Operation(name="updateAccount", method="PUT", path="/api/accounts/")


def build_request(*, body: UpdateAccountRequest) -> Request:
    """The request, ready to be sent; nothing is sent.

    Args:
        body: A change of an account.
    """
    return Request(
        OPERATION,
        path="/api/accounts/",
        headers=as_pairs(("content-type", "application/json")),
        content=as_json(body),
    )


def parse_response(status: int, content: bytes, *, decode: Decode = decode) -> Done | str | ProblemObject:
    """What an answer says, by its status; nothing is received.

    Raises:
        UnexpectedStatus: the spec does not document this status.
    """
    if status == 200:
        return decode(content, Done)
    if 400 <= status <= 499:
        return decode(content, cast("type[str | ProblemObject]", str | ProblemObject))
    if 500 <= status <= 599:
        return decode(content, cast("type[str | ProblemObject]", str | ProblemObject))
    raise UnexpectedStatus(status)


def sync_detailed(*, client: Client, body: UpdateAccountRequest) -> Response[Done | str | ProblemObject]:
    """Send the request; the answer with its status, headers and content."""
    return client.send(build_request(body=body), parse_response)


def sync(*, client: Client, body: UpdateAccountRequest) -> Done | str | ProblemObject:
    """Send the request; what the answer says."""
    return sync_detailed(client=client, body=body).parsed


async def asyncio_detailed(
    *, client: Client, body: UpdateAccountRequest
) -> Response[Done | str | ProblemObject]:
    """Send the request; the answer with its status, headers and content."""
    return await client.asend(build_request(body=body), parse_response)


async def asyncio(*, client: Client, body: UpdateAccountRequest) -> Done | str | ProblemObject:
    """Send the request; what the answer says."""
    return (await asyncio_detailed(client=client, body=body)).parsed
