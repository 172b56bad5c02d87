"""Toy exchange: one figure, one token."""

from typing import Unpack

from accountview_clients.toy.api.account import get_wallet
from accountview_clients.toy.models import Wallet

from accountview import spec
from accountview.adapter import Adapter, adapter, header_secret
from accountview.client import connector, connector_async
from accountview.settings import Settings
from accountview.mapping import known
from accountview.plan import Call, Owner, Plan, Reading, ask
from accountview.provenance import Declaration, Derived, Fields, Never, Reported
from accountview.secret import Secret
from accountview.view import Account, Balance, Missing, Mode, Position, Status

_NOT_HERE = Never(Missing.UNSUPPORTED, "a toy has one figure")
_OWN = {
    "account_id": Reported("getWallet", "/owner"),
    "currency": Derived("the collateral", facts=("collateral",)),
    "status": Derived("a toy is always active"),
    "mode": Derived("a toy has no mode"),
    "equity": Reported("getWallet", "/worth"),
}
_UNEXPLAINED = {
    *("label", "tags", "venue", "underlying_venue", "requested_at", "received_at", "attempts"),
    *("missing", "findings"),
}


def _others(kind: type[Account] | type[Position] | type[Balance], own: set[str]) -> dict[str, Never]:
    return {name: _NOT_HERE for name in kind.__struct_fields__ if name not in own | _UNEXPLAINED}


DECLARATION = Declaration(
    account=Fields(**_OWN, **_others(Account, set(_OWN))),
    position=Fields(**_others(Position, set())),
    balance=Fields(**_others(Balance, set())),
)
WALLET = Call(
    get_wallet.build_request(),
    get_wallet.parse_response,
    lambda _: None,
)


def read(owner: Owner) -> Plan[Reading]:
    """The wallet."""
    reply = yield from ask(WALLET)
    wallet: Wallet = reply.parsed
    view = Account(
        label=owner.label,
        tags=owner.tags,
        venue="toy",
        account_id=wallet.owner,
        currency=spec.load("toy").fact("collateral"),
        status=Status.ACTIVE,
        mode=Mode.UNKNOWN,
        equity=known(wallet.worth),
        requested_at=reply.requested_at,
        received_at=reply.received_at,
    )
    return Reading((DECLARATION.account.with_reasons(view, {}),))


def open_adapter(*, token: str | Secret, **settings: Unpack[Settings]) -> Adapter:
    """The toy exchange with one token."""
    secret = header_secret("toy", "token", token)
    return adapter(
        "toy",
        settings,
        read=read,
        sign=lambda _: {"Authorization": f"Bearer {secret.reveal()}"},
        secrets=(secret,),
    )


connect = connector(open_adapter)
connect_async = connector_async(open_adapter)
