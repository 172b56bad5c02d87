# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
"""getCachedBalances: GET /api/sor/get_cached_account_balance.

What the accounts held when the venue last looked

The same from the venue's cache, in another form: a list of accounts with a time of its own, and
rows with other names. Whether its amounts are numbers or texts is not known; both are read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ...errors import UnexpectedStatus
from ...models.cached_balances import CachedBalances
from ...models.problem_object import ProblemObject
from ...types import UNSET, Decode, Operation, Request, Response, UnsetType, as_pairs, decode

if TYPE_CHECKING:
    from ...client import Client

OPERATION = Operation(name="getCachedBalances", method="GET", path="/api/sor/get_cached_account_balance")


def build_request(*, account_names: str | UnsetType = UNSET) -> Request:
    """The request, ready to be sent; nothing is sent.

    Args:
        account_names: The names of the accounts that are wanted, joined by commas; all when left out or
            empty.
    """
    return Request(
        OPERATION,
        path="/api/sor/get_cached_account_balance",
        query=as_pairs(("account_names", account_names)),
    )


def parse_response(
    status: int, content: bytes, *, decode: Decode = decode
) -> CachedBalances | str | ProblemObject:
    """What an answer says, by its status; nothing is received.

    Raises:
        UnexpectedStatus: the spec does not document this status.
    """
    if status == 200:
        return decode(content, CachedBalances)
    if 400 <= status <= 499:
        return decode(content, cast("type[str | ProblemObject]", str | ProblemObject))
    if 500 <= status <= 599:
        return decode(content, cast("type[str | ProblemObject]", str | ProblemObject))
    raise UnexpectedStatus(status)


def sync_detailed(
    *, client: Client, account_names: str | UnsetType = UNSET
) -> Response[CachedBalances | str | ProblemObject]:
    """Send the request; the answer with its status, headers and content."""
    return client.send(build_request(account_names=account_names), parse_response)


def sync(*, client: Client, account_names: str | UnsetType = UNSET) -> CachedBalances | str | ProblemObject:
    """Send the request; what the answer says."""
    return sync_detailed(client=client, account_names=account_names).parsed


async def asyncio_detailed(
    *, client: Client, account_names: str | UnsetType = UNSET
) -> Response[CachedBalances | str | ProblemObject]:
    """Send the request; the answer with its status, headers and content."""
    return await client.asend(build_request(account_names=account_names), parse_response)


async def asyncio(
    *, client: Client, account_names: str | UnsetType = UNSET
) -> CachedBalances | str | ProblemObject:
    """Send the request; what the answer says."""
    return (await asyncio_detailed(client=client, account_names=account_names)).parsed
