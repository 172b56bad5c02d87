"""RabbitX: perpetuals against a USDT collateral. One credential sees one account."""

from decimal import Decimal
from typing import Any, Literal, Unpack

from accountview import writing
from accountview.adapter import Adapter
from accountview.client import connector, connector_async
from accountview.mapping import known
from accountview.plan import Call, Decode
from accountview.provenance import Reported
from accountview.secret import Secret
from accountview.settings import Settings
from accountview.venues import _rabbit, _rabbit_jwt
from accountview.venues._rabbit_jwt import AsyncRabbitClient as AsyncRabbitClient
from accountview.venues._rabbit_jwt import Jwt as Jwt
from accountview.venues._rabbit_jwt import RabbitClient as RabbitClient
from accountview.view import Missing
from accountview_clients.rabbitx.api.account import get_account, get_positions, refresh_jwt, set_leverage
from accountview_clients.rabbitx.models import Account, RefreshJwtRequest, SetLeverageRequest


def _maintenance_margin(row: Account) -> Decimal | None:
    return known(row.mmf_total)


DECLARATION = _rabbit.declaration(
    Reported(
        "getAccount",
        "/result/0/mmf_total",
        gaps={Missing.NOT_RETURNED: "the exchange sends it since 2025; this answer did not hold it"},
    )
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
    venue="rabbitx",
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
    exchange_id: Literal["rbx", "rbx_sonic", "rbx_base", "rbx_arbitrum"] = "rbx",
    network: Literal["mainnet", "testnet"] = "mainnet",
    **settings: Unpack[Settings],
) -> Adapter:
    """RabbitX with one API key.

    Args:
        api_key: the key, as the exchange shows it.
        api_secret: its secret, hexadecimal.
        exchange_id: which chain's exchange the key belongs to; it is sent as `EID`.
        network: which of the documented hosts is asked.
        **settings: what every client takes, see `accountview.client.Settings`.

    Raises:
        UsageError: an option cannot be used; the message says which and why.
    """
    return _rabbit.open_exchange(
        EXCHANGE,
        api_key=api_key,
        api_secret=api_secret,
        exchange_id=exchange_id,
        network=network,
        settings=settings,
    )


connect = connector(open_adapter)
connect_async = connector_async(open_adapter)
connect_writing = writing.connector(open_adapter, RabbitClient)
connect_writing_async = writing.connector(open_adapter, AsyncRabbitClient)
