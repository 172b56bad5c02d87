# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
"""listAccounts: GET /api/accounts/.

The accounts

Every account of the token's owner, without balances. Keys of the exchanges come back masked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ...errors import UnexpectedStatus
from ...models.account import Account
from ...models.accounts_wrapped import AccountsWrapped
from ...models.problem_object import ProblemObject
from ...types import UNSET, Decode, Operation, Request, Response, UnsetType, as_pairs, decode

if TYPE_CHECKING:
    from ...client import Client

OPERATION = Operation(name="listAccounts", method="GET", path="/api/accounts/")


def build_request(*, include_archived: bool | UnsetType = UNSET) -> Request:
    """The request, ready to be sent; nothing is sent.

    Args:
        include_archived: Whether archived accounts are listed too. Presumably not when left out.
    """
    return Request(OPERATION, path="/api/accounts/", query=as_pairs(("include_archived", include_archived)))


def parse_response(
    status: int, content: bytes, *, decode: Decode = decode
) -> list[Account] | AccountsWrapped | str | ProblemObject:
    """What an answer says, by its status; nothing is received.

    Raises:
        UnexpectedStatus: the spec does not document this status.
    """
    if status == 200:
        return decode(content, cast("type[list[Account] | AccountsWrapped]", list[Account] | AccountsWrapped))
    if 400 <= status <= 499:
        return decode(content, cast("type[str | ProblemObject]", str | ProblemObject))
    if 500 <= status <= 599:
        return decode(content, cast("type[str | ProblemObject]", str | ProblemObject))
    raise UnexpectedStatus(status)


def sync_detailed(
    *, client: Client, include_archived: bool | UnsetType = UNSET
) -> Response[list[Account] | AccountsWrapped | str | ProblemObject]:
    """Send the request; the answer with its status, headers and content."""
    return client.send(build_request(include_archived=include_archived), parse_response)


def sync(
    *, client: Client, include_archived: bool | UnsetType = UNSET
) -> list[Account] | AccountsWrapped | str | ProblemObject:
    """Send the request; what the answer says."""
    return sync_detailed(client=client, include_archived=include_archived).parsed


async def asyncio_detailed(
    *, client: Client, include_archived: bool | UnsetType = UNSET
) -> Response[list[Account] | AccountsWrapped | str | ProblemObject]:
    """Send the request; the answer with its status, headers and content."""
    return await client.asend(build_request(include_archived=include_archived), parse_response)


async def asyncio(
    *, client: Client, include_archived: bool | UnsetType = UNSET
) -> list[Account] | AccountsWrapped | str | ProblemObject:
    """Send the request; what the answer says."""
    return (await asyncio_detailed(client=client, include_archived=include_archived)).parsed
