"""Blast Futures Exchange (BFX): the backend of RabbitX under another name, with USDB as collateral."""

from decimal import Decimal
from typing import Literal, Unpack

from accountview import spec, wire
from accountview.amounts import multiply
from accountview.client import Adapter, Settings, connector, connector_async
from accountview.mapping import known
from accountview.plan import Call
from accountview.provenance import Derived
from accountview.secret import Secret
from accountview.venues import _rabbit
from accountview_clients.bfx.api.account import get_account, get_positions
from accountview_clients.bfx.models import Account


def _maintenance_margin(row: Account) -> Decimal | None:
    return multiply(spec.load("bfx").amount("maintenance_margin_rate"), known(row.total_notional))


DECLARATION = _rabbit.declaration(
    Derived("maintenance_margin_rate × notional", ("notional",), facts=("maintenance_margin_rate",))
)

EXCHANGE = _rabbit.Exchange(
    venue="bfx",
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
