"""What an adapter module makes of credentials and settings: one venue that can be asked."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import msgspec

from accountview import log
from accountview.drift import MODES, Radar
from accountview.errors import UsageError, VenueError
from accountview.leverage import LeverageOf
from accountview.network import route
from accountview.network.route import Route
from accountview.network.sending import Endpoint, Signer
from accountview.plan import Owner, Plan, Reading
from accountview.secret import Secret
from accountview.settings import DEFAULT_TIMEOUT, Settings, address
from accountview.view import Finding


@dataclass(frozen=True, slots=True)
class Writes:
    """What can be changed at a venue. A venue with more to change has a subclass with its plans."""

    leverage: LeverageOf


@dataclass(frozen=True, slots=True)
class Adapter:
    """One venue with one set of credentials: where to ask, how to sign, and the plan that reads its accounts."""

    venue: str
    endpoint: Endpoint
    read: Callable[[Owner], Plan[Reading]]
    timeout: float = DEFAULT_TIMEOUT
    """Seconds that a reading may take in all."""
    open_writes: Callable[[], Writes] | None = None
    """What a client that writes can change; None where nothing can be. Raises UsageError when what it needs for that
    is lacking."""
    signs_time: bool = False
    """Whether a signature holds the time, so that a wrong clock makes the venue refuse it."""
    signs_reads: bool = True
    """Whether reads are signed too, and not only what changes something."""
    route: Route = field(default_factory=Route, repr=False)
    """What is known of the host, shared by all that ask it."""
    radar: Radar = field(default_factory=Radar, repr=False)


def adapter(
    venue: str,
    settings: Settings,
    *,
    read: Callable[[Owner], Plan[Reading]],
    sign: Signer,
    secrets: tuple[Secret, ...],
    network: str = "mainnet",
    open_writes: Callable[[], Writes] | None = None,
    signs_time: bool = False,
    signs_reads: bool = True,
) -> Adapter:
    """An adapter with its address looked up in the venue's spec, unless the settings hold a `base_url`.

    Raises UsageError for an address, network or setting that cannot be used.
    """
    log.begin()
    timeout = settings.get("timeout", DEFAULT_TIMEOUT)
    if not 0 < timeout <= 600:
        raise UsageError(f"{venue}: timeout is {timeout}; give seconds above 0 and up to 600")
    mode = settings.get("drift", "sample")
    if mode not in MODES:
        raise UsageError(f"{venue}: drift is {mode!r}; there are {', '.join(MODES)}")
    base_url = address(venue, settings.get("base_url"), network)
    shared = route.of(venue, base_url)
    return Adapter(
        venue=venue,
        endpoint=Endpoint(base_url, sign, secrets, shared.now, settings.get("trust_env", False)),
        read=lambda owner: _with_circumstances(read(owner)),
        timeout=timeout,
        open_writes=open_writes,
        signs_time=signs_time,
        signs_reads=signs_reads,
        route=shared,
        radar=Radar(mode, tell=settings.get("on_drift"), secrets=secrets),
    )


def _with_circumstances(plan: Plan[Reading]) -> Plan[Reading]:
    """The same plan; its accounts tell what the answers gave cause to tell, and how often they were asked for.

    Where there are several accounts it is not known which one is concerned: all tell it.
    """
    findings: list[Finding] = []
    attempts = 1
    try:
        calls = next(plan)
        while True:
            try:
                replies = yield calls
            except VenueError as error:
                calls = plan.throw(error)
            else:
                for reply in replies:
                    findings += reply.findings
                    attempts = max(attempts, reply.attempts)
                calls = plan.send(replies)
    except StopIteration as stop:
        reading: Reading = stop.value
    if not findings and attempts == 1:
        return reading
    told = tuple(dict.fromkeys(findings))
    accounts = [
        msgspec.structs.replace(account, findings=(*account.findings, *told), attempts=attempts)
        for account in reading.accounts
    ]
    return replace(reading, accounts=tuple(accounts))


def header_secret(venue: str, name: str, value: str | Secret) -> Secret:
    """A credential that will travel in a header. Raises UsageError, without the value, when it cannot."""
    secret = Secret.of(value)
    if not secret.passes(re.compile(r"[!-~]+").fullmatch):
        raise UsageError(f"{venue}: {name} must be visible ASCII text without spaces; is it empty or cut?")
    return secret
