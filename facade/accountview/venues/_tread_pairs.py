"""What a pair of Tread.fi names: spot, perpetual, dated future or option, in the words of the view.

BTC-USDT                            spot
ETH:PERP-USDT                       perpetual; xyz_XYZ100:PERP-USDC is XYZ100 in a market that others built
SOL:FUTURE_2025.03.28-USDC          dated future
BTC:CALL@98000_2024.11.22-USDT      option
"""

import re
from datetime import date
from decimal import Decimal
from functools import lru_cache

from accountview.view import Instrument, Kind

_PAIR = re.compile(
    r"""
    (?:[a-z0-9]+_)?                       # the builder of a market, in lower case
    (?P<base>[^\s:@_-][^\s:@-]*)
    (?: : (?:
        (?P<perpetual>PERP)
      | (?:FUTURE | (?:CALL|PUT)@(?P<strike>[0-9]{1,30}(?:\.[0-9]{1,30})?) )
        _ (?P<year>[0-9]{4})\.(?P<month>[0-9]{2})\.(?P<day>[0-9]{2})
    ) )?
    - (?P<quote>[^\s:@-]+)
    """,
    re.VERBOSE | re.ASCII,
)


@lru_cache(maxsize=4096)
def instrument(pair: str) -> Instrument | None:
    """What a pair names; None for any form that the venue's page on pair names does not have."""
    match = _PAIR.fullmatch(pair)
    if match is None:
        return None
    base, quote = match["base"], match["quote"]
    if match["perpetual"]:
        return Instrument(base=base, quote=quote, kind=Kind.PERPETUAL)
    if not match["year"]:
        return Instrument(base=base, quote=quote, kind=Kind.SPOT)
    try:
        expiry = date(int(match["year"]), int(match["month"]), int(match["day"]))
    except ValueError:
        return None
    if match["strike"] is None:
        return Instrument(base=base, quote=quote, kind=Kind.FUTURE, expiry=expiry)
    return Instrument(
        base=base, quote=quote, kind=Kind.OPTION, expiry=expiry, strike=Decimal(match["strike"])
    )
