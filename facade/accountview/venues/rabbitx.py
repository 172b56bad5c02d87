"""RabbitX: perpetuals against a USDT collateral. One credential sees one account."""

from decimal import Decimal
from typing import Literal, Unpack

from accountview import wire
from accountview.client import Adapter, Settings, connector, connector_async
from accountview.mapping import known
from accountview.plan import Call
from accountview.provenance import Reported
from accountview.secret import Secret
from accountview.venues import _rabbit
from accountview.view import Missing
from accountview_clients.rabbitx.api.account import get_account, get_positions
from accountview_clients.rabbitx.models import Account


def _maintenance_margin(row: Account) -> Decimal | None:
    return known(row.mmf_total)


DECLARATION = _rabbit.declaration(
    Reported(
        "getAccount",
        "/result/0/mmf_total",
        gaps={Missing.NOT_RETURNED: "the exchange sends it since 2025; this answer did not hold it"},
    )
)

EXCHANGE = _rabbit.Exchange(
    venue="rabbitx",
    declaration=DECLARATION,
    get_account=Call(
        get_account.build_request(),
        lambda status, content: get_account.parse_response(status, content, decode=wire.decode),
        _rabbit.refusal,
    ),
    get_positions=Call(
        get_positions.build_request(),
        lambda status, content: get_positions.parse_response(status, content, decode=wire.decode),
        _rabbit.refusal,
    ),
    maintenance_margin=_maintenance_margin,
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
