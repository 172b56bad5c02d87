# Generated from specs/tread.yaml by `uv run scripts/regenerate.py`: do not edit.
"""getBalances: GET /api/balances/.

What the accounts hold, asked of the exchanges

Tokens and open positions of every account, by its name. Names are free text: an error object of the
same shape of keys is told apart by its values, which are texts and no balances.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ...errors import UnexpectedStatus
from ...models.balances_by_account import BalancesByAccount
from ...models.problem_object import ProblemObject
from ...types import UNSET, Decode, Operation, Request, Response, UnsetType, as_pairs, decode

if TYPE_CHECKING:
    from ...client import Client

OPERATION = Operation(name="getBalances", method="GET", path="/api/balances/")


def build_request(
    *, account_names: str | UnsetType = UNSET, exchange_names: str | UnsetType = UNSET
) -> Request:
    """The request, ready to be sent; nothing is sent.

    Args:
        account_names: The names of the accounts that are wanted, joined by commas; all when left out. A
            name that holds a comma cannot be asked for. The page calls this a path parameter, yet the path
            has none.
        exchange_names: The exchanges that are wanted, joined by commas. The page does not have it.
    """
    return Request(
        OPERATION,
        path="/api/balances/",
        query=as_pairs(("account_names", account_names), ("exchange_names", exchange_names)),
    )


def parse_response(
    status: int, content: bytes, *, decode: Decode = decode
) -> BalancesByAccount | str | ProblemObject:
    """What an answer says, by its status; nothing is received.

    Raises:
        UnexpectedStatus: the spec does not document this status.
    """
    if status == 200:
        return decode(content, BalancesByAccount)
    if 400 <= status <= 499:
        return decode(content, cast("type[str | ProblemObject]", str | ProblemObject))
    if 500 <= status <= 599:
        return decode(content, cast("type[str | ProblemObject]", str | ProblemObject))
    raise UnexpectedStatus(status)


def sync_detailed(
    *, client: Client, account_names: str | UnsetType = UNSET, exchange_names: str | UnsetType = UNSET
) -> Response[BalancesByAccount | str | ProblemObject]:
    """Send the request; the answer with its status, headers and content."""
    return client.send(
        build_request(account_names=account_names, exchange_names=exchange_names), parse_response
    )


def sync(
    *, client: Client, account_names: str | UnsetType = UNSET, exchange_names: str | UnsetType = UNSET
) -> BalancesByAccount | str | ProblemObject:
    """Send the request; what the answer says."""
    return sync_detailed(client=client, account_names=account_names, exchange_names=exchange_names).parsed


async def asyncio_detailed(
    *, client: Client, account_names: str | UnsetType = UNSET, exchange_names: str | UnsetType = UNSET
) -> Response[BalancesByAccount | str | ProblemObject]:
    """Send the request; the answer with its status, headers and content."""
    return await client.asend(
        build_request(account_names=account_names, exchange_names=exchange_names), parse_response
    )


async def asyncio(
    *, client: Client, account_names: str | UnsetType = UNSET, exchange_names: str | UnsetType = UNSET
) -> BalancesByAccount | str | ProblemObject:
    """Send the request; what the answer says."""
    return (
        await asyncio_detailed(client=client, account_names=account_names, exchange_names=exchange_names)
    ).parsed
