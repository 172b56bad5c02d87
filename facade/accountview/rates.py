"""Rates between currencies: given by the caller, with a name and a time, for no venue's answer holds any."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from accountview.amounts import EXACT
from accountview.errors import UsageError

MAX_DIGITS = 100
"""Of a rate, before and after its point: more is no rate, and sums stay exact with so many."""


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """What one unit of each currency is worth in one currency.

        Rates(name="ECB reference", as_of=datetime(…, tzinfo=UTC), to="USD", rates={"USDT": Decimal("0.9998")})

    Raises UsageError for a rate that is no positive finite Decimal, a time without a zone, or a missing name.
    """

    name: str
    """Whose rates they are; it stands beside every sum that is made with them."""
    as_of: datetime
    """When they held; it has a time zone."""
    to: str
    """The currency that the others are converted to."""
    rates: Mapping[str, Decimal]
    """Currency → units of `to` for one unit of it. `to` itself is 1 and need not be there."""

    def __post_init__(self) -> None:
        # Looked at as what they are and not as what they are declared: callers without a type checker pass floats.
        given: dict[str, Any] = {name: getattr(self, name) for name in self.__struct_fields__}
        for name in ("name", "to"):
            if not isinstance(given[name], str) or not given[name].strip():
                raise UsageError(f"rates: {name} must be text that says something")
        as_of = given["as_of"]
        if not isinstance(as_of, datetime) or as_of.utcoffset() is None:
            raise UsageError(f"rates {self.name!r}: as_of must be a datetime with a time zone")
        if not isinstance(given["rates"], Mapping):
            raise UsageError(f"rates {self.name!r}: rates must be a mapping, currency → Decimal")
        rates = dict(self.rates)
        for currency, rate in rates.items():
            self._check(currency, rate)
        if rates.get(self.to, Decimal(1)) != 1:
            raise UsageError(f"rates {self.name!r}: one {self.to} is worth 1 {self.to}, not {rates[self.to]}")
        # A copy: nobody changes a rate after it was looked at.
        msgspec.structs.force_setattr(self, "rates", rates)

    def _check(self, currency: Any, rate: Any) -> None:
        where = f"rates {self.name!r}, {currency}"
        if not isinstance(currency, str) or not currency:
            raise UsageError(f"{where}: a currency is text, as accounts name it")
        if not isinstance(rate, Decimal):
            raise UsageError(f"{where}: is a {type(rate).__name__}; give a Decimal made of text")
        if not rate.is_finite() or rate <= 0:
            raise UsageError(f"{where}: is {rate}; a rate is above 0")
        _, digits, exponent = rate.as_tuple()
        if len(digits) > MAX_DIGITS or not -MAX_DIGITS <= int(exponent) <= MAX_DIGITS:
            raise UsageError(f"{where}: has too many digits for a rate; there may be {MAX_DIGITS}")

    def knows(self, currency: str) -> bool:
        """Whether there is a rate for this currency."""
        return currency == self.to or currency in self.rates

    def convert(self, amount: Decimal, currency: str) -> Decimal:
        """The amount in `to`, exact and never rounded. Raises UsageError when there is no rate."""
        if not self.knows(currency):
            raise UsageError(f"rates {self.name!r}: no rate from {currency} to {self.to}")
        return amount if currency == self.to else EXACT.multiply(amount, self.rates[currency])
