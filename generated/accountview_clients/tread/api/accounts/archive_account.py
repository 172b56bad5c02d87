# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
"""archiveAccount: DELETE /api/accounts/.

Archive an account

Takes an account out of the list; its key is needed again to bring it back. A DELETE with a body,
which some programs between here and there drop. What is answered is not known. Never sent again by
itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ...errors import UnexpectedStatus
from ...models.archive_account_request import ArchiveAccountRequest
from ...models.done import Done
from ...models.problem_object import ProblemObject
from ...types import Decode, Operation, Request, Response, as_json, as_pairs, decode

if TYPE_CHECKING:
    from ...client import Client

OPERATION = Operation(name="archiveAccount", method="DELETE", path="/api/accounts/")


def build_request(*, body: ArchiveAccountRequest) -> Request:
    """The request, ready to be sent; nothing is sent.

    Args:
        body: Which account to archive.
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


def sync_detailed(*, client: Client, body: ArchiveAccountRequest) -> Response[Done | str | ProblemObject]:
    """Send the request; the answer with its status, headers and content."""
    return client.send(build_request(body=body), parse_response)


def sync(*, client: Client, body: ArchiveAccountRequest) -> Done | str | ProblemObject:
    """Send the request; what the answer says."""
    return sync_detailed(client=client, body=body).parsed


async def asyncio_detailed(
    *, client: Client, body: ArchiveAccountRequest
) -> Response[Done | str | ProblemObject]:
    """Send the request; the answer with its status, headers and content."""
    return await client.asend(build_request(body=body), parse_response)


async def asyncio(*, client: Client, body: ArchiveAccountRequest) -> Done | str | ProblemObject:
    """Send the request; what the answer says."""
    return (await asyncio_detailed(client=client, body=body)).parsed
