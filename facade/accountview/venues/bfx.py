"""Blast Futures Exchange (BFX): the backend of RabbitX under another name, with USDB as collateral."""

from decimal import Decimal
from typing import Any, Literal, Unpack

from accountview import spec, writing
from accountview.adapter import Adapter
from accountview.amounts import multiply
from accountview.client import connector, connector_async
from accountview.mapping import known
from accountview.plan import Call, Decode
from accountview.provenance import Derived
from accountview.secret import Secret
from accountview.settings import Settings
from accountview.venues import _rabbit, _rabbit_jwt
from accountview.venues._rabbit_jwt import AsyncRabbitClient as AsyncRabbitClient
from accountview.venues._rabbit_jwt import Jwt as Jwt
from accountview.venues._rabbit_jwt import RabbitClient as RabbitClient
from accountview_clients.bfx.api.account import get_account, get_positions, refresh_jwt, set_leverage
from accountview_clients.bfx.models import Account, RefreshJwtRequest, SetLeverageRequest


def _maintenance_margin(row: Account) -> Decimal | None:
    return multiply(spec.load("bfx").amount("maintenance_margin_rate"), known(row.total_notional))


DECLARATION = _rabbit.declaration(
    Derived("maintenance_margin_rate × notional", ("notional",), facts=("maintenance_margin_rate",))
)


def _set_leverage(market: str, leverage: int) -> Call[Any]:
    return Call(
        set_leverage.build_request(body=SetLeverageRequest(market_id=market, leverage=leverage)),
        set_leverage.parse_response,
        _rabbit.refusal,
    )


def _refresh_jwt(*, is_client: bool, refresh_token: Secret) -> Call[_rabbit_jwt.Answer]:
    def parse(status: int, content: bytes, *, decode: Decode) -> _rabbit_jwt.Answer:
        return _rabbit_jwt.sealed(refresh_jwt.parse_response(status, content, decode=decode), refresh_token)

    return Call(
        refresh_jwt.build_request(
            body=RefreshJwtRequest(is_client=is_client, refresh_token=refresh_token.reveal())
        ),
        parse,
        _rabbit.refusal,
    )


EXCHANGE = _rabbit.Exchange(
    venue="bfx",
    declaration=DECLARATION,
    get_account=Call(
        get_account.build_request(),
        get_account.parse_response,
        _rabbit.refusal,
    ),
    get_positions=Call(
        get_positions.build_request(),
        get_positions.parse_response,
        _rabbit.refusal,
    ),
    maintenance_margin=_maintenance_margin,
    set_leverage=_set_leverage,
    refresh_jwt=_refresh_jwt,
)


def open_adapter(
    *,
    api_key: str | Secret,
    api_secret: str | Secret,
    network: Literal["mainnet", "testnet"] = "mainnet",
    **settings: Unpack[Settings],
) -> Adapter:
    """BFX with one API key.

    Args:
        api_key: the key, as the exchange shows it.
        api_secret: its secret, hexadecimal.
        network: which of the documented hosts is asked.
        **settings: what every client takes, see `accountview.client.Settings`.

    Raises:
        UsageError: an option cannot be used; the message says which and why.
    """
    return _rabbit.open_exchange(
        EXCHANGE,
        api_key=api_key,
        api_secret=api_secret,
        exchange_id="bfx",
        network=network,
        settings=settings,
    )


connect = connector(open_adapter)
connect_async = connector_async(open_adapter)
connect_writing = writing.connector(open_adapter, RabbitClient)
connect_writing_async = writing.connector(open_adapter, AsyncRabbitClient)
