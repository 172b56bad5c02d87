"""Where each figure of an account at Tread.fi comes from: one declaration for each of the two answers that hold it."""

from accountview.provenance import Declaration, Derived, Fields, Never, Origin, Reported
from accountview.view import Missing

_NOT_SENT = "no token is listed, or a token without this figure"
_NO_PRICE = (
    "a token has the figure, and no size or value to tell its price by; or a loan, which may be in its value"
)
_WORTH = {Missing.NOT_RETURNED: _NOT_SENT, Missing.NOT_DERIVABLE: _NO_PRICE}
_SETTLED = {
    Missing.NOT_DERIVABLE: (
        "the coin that it is settled in is not certain (a quote that inverse contracts have too), "
        "or no token row tells what that coin is worth"
    )
}


def _declaration(
    operation: str,
    account: str,
    *,
    own: dict[str, Origin],
    exchange: tuple[str, ...],
    size: tuple[str, ...],
    wallet: tuple[str, ...],
    loan: tuple[str, ...],
    available: Origin,
    borrowed: Origin,
) -> Declaration:
    """The declaration of one answer.

    `account` points to an account in it; `exchange`, `size` and `wallet` are the names that hold these, the first one
    that is there counting, and `loan` those that hold one; `own` is what this answer alone says of the account.
    """

    def wire(rows: str, name: str) -> Reported:
        return Reported(operation, f"{account}/assets/[{rows}]/{name}")

    tokens = "asset_type=token"
    coin = "asset_type=token,symbol={symbol}"
    position = "asset_type=position,symbol={symbol}"
    quote = "asset_type=token,symbol={quote}"
    sizes = " else ".join(size)
    wallets = " else ".join(wallet)

    def price(rows: str) -> tuple[Reported, ...]:
        # With a loan there is none.
        return (wire(rows, "notional"), *(wire(rows, name) for name in (*size, *loan)))

    def worth(name: str) -> Derived:
        return Derived(
            f"Σ over the tokens of {name} × notional / size",
            inputs=(wire(tokens, name), *price(tokens)),
            note="a token's figures are in its coin; its own row says what the coin is worth",
            gaps=_WORTH,
        )

    def settled(name: str) -> Derived:
        return Derived(
            f"{name} × what the coin that it is settled in is worth, by the token row of its quote",
            inputs=(wire(position, name), *price(quote)),
            gaps=_SETTLED,
        )

    def listed(name: str) -> tuple[Reported, ...]:
        # The list of accounts comes as it is, or inside an object.
        row = f"[name={{account}}]/{name}"
        return Reported("listAccounts", f"/{row}"), Reported("listAccounts", f"/accounts/{row}")

    in_wallets = tuple(wire(tokens, name) for name in wallet)
    one_of = {Missing.NOT_RETURNED: "the answer has none of these names"}
    not_told = "no answer of the venue has it"
    two_wallets = (
        "an input is missing, equity is not positive, or the tokens are in several wallets: what is in one does not "
        "back the positions of another"
    )
    account_fields: dict[str, Origin] = {
        "currency": Derived("what the venue values everything in", facts=("currency",)),
        "underlying_venue": Derived(
            f"{' else '.join(exchange)} else what the list of accounts says",
            inputs=(
                *(Reported(operation, f"{account}/{name}") for name in exchange),
                *listed("exchange"),
                *listed("archived"),
            ),
            gaps={Missing.NOT_DERIVABLE: "neither answer names the exchange"},
        ),
        "status": Derived(
            "active when it is listed, not archived and its key is taken; unknown when it is not listed",
            inputs=(*listed("name"), *listed("archived")),
        ),
        "venue_status": Never(Missing.UNSUPPORTED, "the venue has no word for it"),
        "mode": Derived(
            "unified when a token is in a unified wallet, else the margin mode of the list of accounts",
            inputs=(*in_wallets, *listed("margin_mode"), *listed("archived")),
        ),
        "wallet_balance": Derived(
            "Σ over the tokens of notional",
            inputs=(wire(tokens, "notional"), *(wire(tokens, name) for name in loan)),
            gaps=_WORTH,
        ),
        "unrealized_pnl": worth("unrealized_profit"),
        "available": Never(Missing.NOT_RETURNED, "no figure for the account is sent"),
        "withdrawable": Never(Missing.UNSUPPORTED, not_told),
        "initial_margin": worth("initial_margin"),
        "position_margin": Never(Missing.UNSUPPORTED, "not told apart from what open orders lock"),
        "order_margin": Never(Missing.UNSUPPORTED, "not told apart from what positions lock"),
        "maintenance_margin": worth("maint_margin"),
        "margin_buffer": Derived(
            "equity − maintenance_margin, where all tokens are in one wallet",
            ("equity", "maintenance_margin", *in_wallets),
            gaps={Missing.NOT_DERIVABLE: two_wallets},
        ),
        "margin_ratio": Derived(
            "maintenance_margin / equity, where all tokens are in one wallet",
            ("maintenance_margin", "equity", *in_wallets),
            gaps={Missing.NOT_DERIVABLE: two_wallets},
        ),
        "notional": Derived(
            "Σ over the positions of |notional|",
            inputs=(wire("asset_type=position", "notional"),),
            gaps={Missing.NOT_RETURNED: "the list of positions may not be whole, or one has no notional"},
        ),
        "effective_leverage": Derived(
            "notional / equity",
            ("notional", "equity"),
            gaps={
                Missing.NOT_DERIVABLE: "an input is missing, the account is flat, or equity is not positive"
            },
        ),
        "net_deposits": Never(Missing.UNSUPPORTED, not_told),
        "pending_deposits": Never(Missing.UNSUPPORTED, not_told),
        "pending_withdrawals": Never(Missing.UNSUPPORTED, not_told),
        "health": Never(Missing.UNSUPPORTED, not_told),
        "leverage_by_market": Never(Missing.UNSUPPORTED, "told of open positions only, and there it stands"),
        "sequence": Never(Missing.UNSUPPORTED, not_told),
        "positions": Reported(
            operation,
            f"{account}/assets",
            "the rows that are positions",
            {Missing.NOT_RETURNED: "the list may not be whole: it is shown as far as it came"},
        ),
        "balances": Reported(
            operation,
            f"{account}/assets",
            "the rows that are tokens",
            {Missing.NOT_RETURNED: "the list may not be whole: it is shown as far as it came"},
        ),
    }
    return Declaration(
        account=Fields(**account_fields, **own),
        position=Fields(
            instrument=Derived(
                "what the pair names",
                inputs=(wire(position, "symbol"),),
                gaps={Missing.UNLISTED: "the pair has no form that the venue's page on pair names has"},
            ),
            venue_symbol=wire(position, "symbol"),
            side=Derived(
                "LONG when the size is above 0, SHORT below",
                inputs=tuple(wire(position, name) for name in size),
            ),
            size=Derived(
                f"|{sizes}|",
                inputs=tuple(wire(position, name) for name in size),
                facts=("contract_sized_exchanges", "inverse_quotes"),
                gaps={
                    Missing.NOT_DERIVABLE: "it counts contracts, or may do, and what one is worth is not told"
                },
            ),
            entry_price=Never(
                Missing.NOT_DERIVABLE,
                "not sent; profit tells it for linear contracts only, and nothing says which are",
            ),
            mark_price=Derived(
                "notional / size",
                inputs=(wire(position, "notional"), *(wire(position, name) for name in size)),
                gaps={
                    Missing.NOT_DERIVABLE: "the size is not certain to be in base units, or it has no such price"
                },
            ),
            liquidation_price=Never(Missing.UNSUPPORTED, not_told),
            notional=Derived("|notional|", inputs=(wire(position, "notional"),)),
            leverage=Reported(
                operation,
                f"{account}/assets/[{position}]/leverage",
                gaps={Missing.UNKNOWN_SENTINEL: "the venue sent 0: the exchange sets none here"},
            ),
            margin_mode=Never(Missing.UNSUPPORTED, "not told by position"),
            wallet=Derived(wallets, inputs=tuple(wire(position, name) for name in wallet), gaps=one_of),
            initial_margin=settled("initial_margin"),
            maintenance_margin=settled("maint_margin"),
            unrealized_pnl=settled("unrealized_profit"),
            realized_pnl=Never(Missing.UNSUPPORTED, not_told),
            funding=Never(Missing.UNSUPPORTED, not_told),
        ),
        balance=Fields(
            asset=wire(coin, "symbol"),
            total=Derived(sizes, inputs=tuple(wire(coin, name) for name in size), gaps=one_of),
            available=available,
            borrowed=borrowed,
            value=Derived(
                "notional",
                inputs=(wire(coin, "notional"), *(wire(coin, name) for name in loan)),
                gaps={Missing.NOT_DERIVABLE: "there is a loan, which may be taken off the value or not"},
            ),
            wallet=Derived(wallets, inputs=tuple(wire(coin, name) for name in wallet), gaps=one_of),
        ),
    )


def _live() -> Declaration:
    tokens = "/{account}/assets/[asset_type=token]"
    return _declaration(
        "getBalances",
        "/{account}",
        own={
            "account_id": Derived("the name of the account, which is what balances are found by"),
            "equity": Derived(
                "Σ over the tokens of (margin_balance else size) × notional / size",
                inputs=tuple(
                    Reported("getBalances", f"{tokens}/{name}")
                    for name in ("margin_balance", "size", "notional")
                ),
                note="what positions repeat of it is not counted again, and their notional is no wealth",
                gaps=_WORTH,
            ),
            "as_of": Never(Missing.UNSUPPORTED, "the answer has no time"),
        },
        exchange=("exchange",),
        size=("size",),
        wallet=("market_type",),
        loan=(),
        available=Never(Missing.NOT_RETURNED, "only the cached answer has it"),
        borrowed=Never(Missing.NOT_RETURNED, "only the cached answer has it"),
    )


def _cached() -> Declaration:
    account = "/balances/[account_name={account}]"
    coin = "/assets/[asset_type=token,symbol={symbol}]"
    return _declaration(
        "getCachedBalances",
        account,
        own={
            "account_id": Reported("getCachedBalances", f"{account}/account_name"),
            "equity": Derived(
                "equity, else Σ over the wallets of total_equity",
                inputs=(
                    Reported("getCachedBalances", f"{account}/equity"),
                    Reported("getCachedBalances", f"{account}/equities/[]/total_equity"),
                ),
                facts=("equities_without_spot",),
                gaps={
                    Missing.NOT_RETURNED: "the answer has neither, or a wallet without its part",
                    Missing.NOT_DERIVABLE: "the wallets are told without spot, and there are spot holdings",
                },
            ),
            "as_of": Reported(
                "getCachedBalances",
                f"{account}/timestamp_millis",
                gaps={Missing.UNKNOWN_SENTINEL: "the venue sent a number that is no time"},
            ),
        },
        exchange=("exchange_name", "exchange"),
        size=("amount", "size"),
        wallet=("wallet_type", "market_type"),
        loan=("borrowed",),
        available=Reported("getCachedBalances", f"{account}{coin}/available_balance"),
        borrowed=Reported("getCachedBalances", f"{account}{coin}/borrowed"),
    )


LIVE = _live()
"""Of what the exchanges say."""
CACHED = _cached()
"""Of the venue's cache of it."""
