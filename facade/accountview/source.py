"""What a row of a snapshot was made of: kept beside the snapshot, so that it can be saved and mapped again."""

from dataclasses import dataclass, field

from accountview import bundle, spec, venues
from accountview.accounts_file import Entry
from accountview.guard import Remembered
from accountview.recording import Exchange
from accountview.secret import Secret


@dataclass(frozen=True, slots=True)
class Source:
    """What was known before, asked and answered for one entry of a portfolio."""

    entry: Entry
    remembered: tuple[Remembered, ...]
    """What was believed of its accounts before."""
    exchanges: tuple[Exchange, ...] = field(repr=False)
    secrets: tuple[Secret, ...]
    """What must not be seen of the exchanges."""


def kept(source: Source) -> bundle.Row:
    """The row of a bundle: without any credential, and without what has no meaning for answers that are here."""
    entry = source.entry
    known = venues.parameters(entry.venue)
    return bundle.Row(
        label=entry.label,
        tags=entry.tags,
        venue=entry.venue,
        options={
            name: entry.options[name]
            for name, parameter in known.items()
            if name in entry.options and not parameter.secret and name not in bundle.NOT_KEPT
        },
        secrets=tuple([name for name in known if name in entry.options and known[name].secret]),
        spec=spec.digest(entry.venue),
        remembered=tuple(
            [
                bundle.Remembered(newest=seen.newest.to_dict(), valued=seen.valued.to_dict())
                for seen in source.remembered
            ]
        ),
        exchanges=source.exchanges,
    )
