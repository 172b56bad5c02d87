"""How often accounts can be read: what a reading asks of each host, held against the limit that the venue documents."""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from urllib.parse import urlsplit

import msgspec

from accountview import spec
from accountview.accounts_file import Entry
from accountview.adapter import Adapter
from accountview.amounts import EXACT, divide
from accountview.errors import VenueError
from accountview.plan import NOBODY
from accountview.venues import open_adapter


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue allows, by its spec."""

    budget: Decimal
    """What may be spent in each window."""
    window: Decimal
    """Seconds."""
    unit: str
    """What the budget counts, and whom it is for, in the venue's words."""
    evidence: str
    """How this is known: `documented: …`, `captured: …` or `inferred: …`."""


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What one refresh of all accounts at one host of one venue takes, and how often it can be had."""

    venue: str
    host: str
    labels: tuple[str, ...]
    """The entries that are read there; an entry may see several accounts."""
    calls: Mapping[str, int]
    """operationId → how often it is called in one refresh, when nothing has to be asked twice."""
    cost: int
    """What one refresh takes from the budget: the calls, each at its `x-rate-cost`."""
    limit: Limit | None
    """None where no limit is documented."""
    every: Decimal | None
    """Seconds from one refresh to the next at the most often, on average, while nobody else spends of the same
    budget; None where no limit is documented."""


def budgets(entries: Iterable[Entry]) -> tuple[Budget, ...]:
    """The budget of each venue and host that these entries are read from, in their order. Nothing is asked.

    Raises UsageError for an entry that cannot be opened.
    """
    hosts: dict[tuple[str, str], dict[str, Adapter]] = {}
    for entry in entries:
        adapter = open_adapter(entry.venue, entry.options)
        host = urlsplit(adapter.endpoint.base_url).netloc.lower()
        hosts.setdefault((entry.venue, host), {})[entry.label] = adapter
    return tuple([_budget(venue, host, adapters) for (venue, host), adapters in hosts.items()])


def calls(adapter: Adapter) -> Counter[str]:
    """operationId → how often a reading calls it.

    Found by running the plan itself with every call failing: so nothing is sent, and what the options ask for counts
    as they have it. What a plan would ask for only because of what an answer said is not seen; no plan of ours does.
    """
    counted: Counter[str] = Counter()
    plan = adapter.read(NOBODY)
    try:
        step = next(plan)
        while True:
            counted.update(call.request.operation.name for call in step)
            step = plan.throw(VenueError("not asked", venue=adapter.venue))
    except (StopIteration, VenueError):
        return counted


def _budget(venue: str, host: str, adapters: Mapping[str, Adapter]) -> Budget:
    counted: Counter[str] = Counter()
    for adapter in adapters.values():
        counted += calls(adapter)
    cost = sum(spec.operation(venue, name).cost * count for name, count in counted.items())
    limit = _limit(spec.load(venue))
    return Budget(
        venue=venue,
        host=host,
        labels=tuple(adapters),
        calls=dict(counted),
        cost=cost,
        limit=limit,
        every=None if limit is None else divide(EXACT.multiply(Decimal(cost), limit.window), limit.budget),
    )


def _limit(described: spec.VenueSpec) -> Limit | None:
    budget, window = described.facts.get("rate_budget"), described.facts.get("rate_window")
    if budget is None or window is None:
        return None
    return Limit(
        budget=Decimal(budget.value),
        window=Decimal(window.value),
        unit=budget.unit or "",
        evidence=described.evidence(budget.evidence),
    )
