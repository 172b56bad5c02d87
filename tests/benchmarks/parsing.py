"""Decode and map, held against msgspec alone, the standard library, and ccxt on payloads of as many positions."""

import importlib
import json
import math
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks import payloads
from benchmarks.measuring import Result, medians
from benchmarks.reading import Case

POSITIONS = 100
SIZES = (10, 100, 1_000, 10_000)


def decode_and_map(rounds: int) -> Iterator[Result]:
    """Bytes to an account, for each venue, in multiples of what msgspec alone takes for the same models."""
    for venue in payloads.VENUES:
        case = Case(venue, POSITIONS)
        taken = medians({name: getattr(case, name) for name, _, _ in _WAYS}, rounds)
        for name, what, target in _WAYS:
            if name in ("floor", "without_findings"):
                continue
            yield Result(
                f"{venue}: {what}",
                "msgspec.json.decode",
                taken[name] / taken["floor"],
                "×",
                2.3 if (venue, name) == ("tread", "bare") else target,
                detail=f"{taken[name] * 1e6:.0f} µs against {taken['floor'] * 1e6:.0f} µs, {case.size} bytes",
            )
        on, off = taken["whole"], taken["without_findings"]
        detail = f"{on * 1e6:.0f} µs against {off * 1e6:.0f} µs"
        yield Result(f"{venue}: with findings", "without", on / off, "×", 1.10, detail=detail)


_WAYS: tuple[tuple[str, str, float | None], ...] = (
    ("floor", "", None),
    ("bare", "decode and map, unchecked", 2.0),
    ("whole", "decode and map, as users get it", 3.5),
    ("checked", "decode with all checks", None),
    ("mapped", "map", None),
    ("untyped", "json.loads", None),
    ("without_findings", "", None),
)
"""Methods of `Case`, what they are called in the table, and their targets in multiples of the floor."""


def against_ccxt(rounds: int) -> Iterator[Result]:
    """Positions per second, in multiples of what ccxt's own parsers make of as many positions."""
    theirs = {
        "hyperliquid": _Parser("hyperliquid", payloads.hyperliquid(POSITIONS)),
        "binance": _Parser("binance", payloads.binance(POSITIONS)),
    }
    ours = {venue: Case(venue, POSITIONS) for venue in payloads.VENUES}
    for way, what, target in (
        ("whole", "decode and map, as users get it", 10.0),
        ("mapped", "map", 20.0),
    ):
        candidates: dict[str, Callable[[], object]] = {}
        for name, one in (*theirs.items(), *ours.items()):
            candidates[name] = getattr(one, way)
        taken = medians(candidates, rounds)
        for venue in ours:
            for name, parser in theirs.items():
                yield Result(
                    f"{venue}: {what}, positions/s",
                    f"ccxt {name}",
                    taken[name] / taken[venue],
                    "×",
                    target,
                    "at least",
                    f"{POSITIONS / taken[venue]:,.0f} against {POSITIONS / taken[name]:,.0f}, "
                    f"{ours[venue].size} bytes against {len(parser.content)}",
                )


class _Parser:
    """The positions of one exchange as ccxt reads them, its markets known as they are after `load_markets`."""

    def __init__(self, name: str, content: bytes) -> None:
        self.content = content
        self._rows = json.loads(content)
        self._parse = _ccxt(name)

    def whole(self) -> object:
        """Bytes to positions."""
        return self._parse(json.loads(self.content))

    def mapped(self) -> object:
        """Map only."""
        return self._parse(self._rows)


def _ccxt(name: str) -> Callable[[Any], object]:
    """The parser of positions of one exchange, with its markets known, as it is after `load_markets`."""
    exchange: Any = getattr(importlib.import_module("ccxt"), name)()
    quote = "USDC" if name == "hyperliquid" else "USDT"
    exchange.set_markets(
        [
            exchange.safe_market_structure(
                {
                    "id": row.base if name == "hyperliquid" else f"{row.base}{quote}",
                    "symbol": f"{row.base}/{quote}:{quote}",
                    "base": row.base,
                    "quote": quote,
                    "settle": quote,
                    "baseId": row.base,
                    "quoteId": quote,
                    "settleId": quote,
                    "type": "swap",
                    "swap": True,
                    "spot": False,
                    "contract": True,
                    "linear": True,
                    "contractSize": 1.0,
                    "precision": {"amount": 0.001, "price": 0.01},
                    "limits": {},
                }
            )
            for row in payloads.held(POSITIONS)
        ]
    )
    if name == "hyperliquid":
        return lambda answer: [exchange.parse_position(row) for row in answer["assetPositions"]]
    return lambda answer: [exchange.parse_position_risk(row) for row in answer]


def growth(rounds: int) -> Iterator[Result]:
    """How the time grows with the number of positions: the exponent that fits it best."""
    for venue in payloads.VENUES:
        taken: list[float] = []
        for size in SIZES:
            runs = max(3, rounds * SIZES[0] // size)
            taken.append(medians({"whole": Case(venue, size).whole}, runs)["whole"])
        detail = ", ".join(
            f"{size}: {seconds * 1e3:.2f} ms" for size, seconds in zip(SIZES, taken, strict=True)
        )
        yield Result(
            f"{venue}: time from {SIZES[0]} to {SIZES[-1]} positions",
            "positions",
            exponent(SIZES, taken),
            "exponent",
            1.05,
            detail=detail,
        )


def exponent(sizes: tuple[int, ...], costs: list[float]) -> float:
    """The slope of the straight line through the logarithms, by least squares."""
    x, y = [math.log(size) for size in sizes], [math.log(cost) for cost in costs]
    middle_x, middle_y = sum(x) / len(x), sum(y) / len(y)
    above = sum((a - middle_x) * (b - middle_y) for a, b in zip(x, y, strict=True))
    return above / sum((a - middle_x) ** 2 for a in x)
