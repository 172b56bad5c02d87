"""Clients: they run the plans of one venue's adapter over the network, and turn what goes wrong into our errors.

An adapter module makes an `Adapter` of its credentials and calls `connector` and `connector_async` on that function;
it gets `connect` and `connect_async` with exactly its own parameters and their types.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import wraps
from types import TracebackType
from typing import Any, ParamSpec, TypedDict, TypeVar, final
from urllib.parse import urlsplit

import msgspec

from accountview import spec
from accountview.drift import MODES, Counters, Drift, Mode, Radar
from accountview.errors import (
    AnswerInvalid,
    CredentialsRefused,
    RateLimited,
    RequestRefused,
    UsageError,
    VenueError,
    VenueUnavailable,
)
from accountview.guard import Memory
from accountview.plan import NOBODY, Call, Owner, Plan, Reading, Reply
from accountview.secret import Secret
from accountview.transport import Answer, AsyncSender, AsyncTransport, Endpoint, NoAnswer, Signer, Transport
from accountview.view import Account, Finding
from accountview.wire import Malformed
from accountview_clients import UnexpectedStatus

DEFAULT_TIMEOUT = 10.0
"""Seconds that each phase of a request may take."""

P = ParamSpec("P")
T = TypeVar("T")


class Settings(TypedDict, total=False):
    """What the client of every venue can be told, beside the venue's own options."""

    base_url: str
    """Another address than the documented one; plain http only to loopback."""
    timeout: float
    """Seconds that each phase of a request may take; `DEFAULT_TIMEOUT` unless told."""
    drift: Mode
    """Which answers are held against the venue's spec: `off` none, `always` all; `sample`, unless told, the first of
    each operation, then one in 1000. Unless `off`, amounts under unknown keys are looked for in all."""
    on_drift: Callable[[Drift], None]
    """Called with each drift that is found, in the thread or event loop of the read; what it raises is only logged."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """One venue with one set of credentials: where to ask, how to sign, and the plan that reads its accounts."""

    venue: str
    endpoint: Endpoint
    read: Callable[[Owner], Plan[Reading]]
    radar: Radar = field(default_factory=Radar, repr=False)


def adapter(
    venue: str,
    settings: Settings,
    *,
    read: Callable[[Owner], Plan[Reading]],
    sign: Signer,
    secrets: tuple[Secret, ...],
    network: str = "mainnet",
) -> Adapter:
    """An adapter with its address looked up in the venue's spec, unless the settings hold a `base_url`.

    Raises UsageError for an address, network or setting that cannot be used.
    """
    timeout = settings.get("timeout", DEFAULT_TIMEOUT)
    if not 0 < timeout <= 600:
        raise UsageError(f"{venue}: timeout is {timeout}; give seconds above 0 and up to 600")
    mode = settings.get("drift", "sample")
    if mode not in MODES:
        raise UsageError(f"{venue}: drift is {mode!r}; there are {', '.join(MODES)}")
    address = _address(venue, settings.get("base_url"), network)
    return Adapter(
        venue=venue,
        endpoint=Endpoint(address, sign, timeout, secrets),
        read=lambda owner: _with_findings(read(owner)),
        radar=Radar(mode, tell=settings.get("on_drift"), secrets=secrets),
    )


def _with_findings(plan: Plan[Reading]) -> Plan[Reading]:
    """The same plan; its accounts tell what the answers gave cause to tell. Of several, which is not known: all do."""
    findings: list[Finding] = []
    try:
        calls = next(plan)
        while True:
            try:
                replies = yield calls
            except VenueError as error:
                calls = plan.throw(error)
            else:
                findings += [finding for reply in replies for finding in reply.findings]
                calls = plan.send(replies)
    except StopIteration as stop:
        reading: Reading = stop.value
    if not findings:
        return reading
    told = tuple(dict.fromkeys(findings))
    accounts = [
        msgspec.structs.replace(account, findings=(*account.findings, *told)) for account in reading.accounts
    ]
    return replace(reading, accounts=tuple(accounts))


def _address(venue: str, base_url: str | None, network: str) -> str:
    described = spec.load(venue)
    servers = {server.network: server.url for server in reversed(described.servers)}
    if base_url is not None:
        address = _usable(venue, base_url)
        if described.lifecycle.state == "dead" and _host(address) in map(_host, servers.values()):
            raise _closed(venue)
        return address
    if described.lifecycle.state == "dead":
        raise _closed(venue)
    if not servers:
        raise UsageError(f"{venue}: no server is documented; give base_url")
    if network not in servers:
        raise UsageError(f"{venue}: network is {network!r}; there are {', '.join(sorted(servers))}")
    return servers[network]


def _host(url: str) -> str | None:
    return urlsplit(url).hostname


def _closed(venue: str) -> UsageError:
    # Whoever holds the name of a closed venue today must not be sent a key, so a base_url to it is refused as well.
    note = spec.load(venue).lifecycle.note.rstrip(".")
    return UsageError(
        f"{venue}: the venue has closed ({note}), so its own hosts are not asked; replay a snapshot of it that was "
        "saved (accountview.replay), use the sandbox (accountview.sandbox), or give the base_url of something else"
    )


def _usable(venue: str, base_url: str) -> str:
    parts = urlsplit(base_url)
    try:
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        port_is_fine = False
    if not parts.hostname or not port_is_fine or parts.username is not None or parts.query or parts.fragment:
        raise UsageError(
            f"{venue}: base_url must be https://host[:port][/path] without user, query or fragment"
        )
    loopback = parts.hostname in ("localhost", "::1") or re.fullmatch(r"127(\.\d{1,3}){3}", parts.hostname)
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        raise UsageError(
            f"{venue}: base_url must start with https:// (plain http only to a loopback address)"
        )
    return base_url.rstrip("/")


def header_secret(venue: str, name: str, value: str | Secret) -> Secret:
    """A credential that will travel in a header. Raises UsageError, without the value, when it cannot."""
    secret = Secret.of(value)
    if not secret.passes(re.compile(r"[!-~]+").fullmatch):
        raise UsageError(f"{venue}: {name} must be visible ASCII text without spaces; is it empty or cut?")
    return secret


# What a request's fate means -------------------------------------------------------------------------------------


def interpret(adapter: Adapter, owner: Owner, call: Call[T], answer: Answer) -> Reply[T]:
    """The reply that an answer is, or the error that it means."""
    findings = adapter.radar.look(adapter.venue, call.request.operation.name, answer.status, answer.content)
    try:
        parsed = call.parse(answer.status, answer.content)
        code = call.refusal(parsed)
    except Malformed as problem:
        malformed = problem
    except UnexpectedStatus:
        malformed = Malformed("the spec knows no such status")
    else:
        if code is not None or (answer.status >= 400 and answer.status not in call.expected):
            _raise_for_status(adapter, owner, call, answer, code or "")
        return Reply(parsed, answer.requested_at, answer.received_at, findings)
    # An error page need not be JSON: the status alone may say what it means.
    _raise_for_status(adapter, owner, call, answer, None)
    raise AnswerInvalid(
        malformed.problem,
        venue=adapter.venue,
        account=owner.label,
        operation=call.request.operation.name,
        status=answer.status,
        path=malformed.path,
    )


def _raise_for_status(
    adapter: Adapter, owner: Owner, call: Call[Any], answer: Answer, code: str | None
) -> None:
    """Raise what a refusal means; return when neither the status nor a code says that it is one."""
    status = answer.status
    outcomes = spec.load(adapter.venue).outcomes
    outcome = _of_code(outcomes, code) or _of_status(outcomes, status)
    if outcome is None:
        if code is None:
            return
        outcome = "request_refused"
    said = (
        f"the venue says {_safe(adapter, code)!r}" if code else "the venue gives no reason that can be read"
    )
    common: dict[str, Any] = {
        "venue": adapter.venue,
        "account": owner.label,
        "operation": call.request.operation.name,
        "status": status,
    }
    match outcome:
        case "credentials_refused":
            raise CredentialsRefused(f"credentials refused: {said}", **common)
        case "rate_limited":
            wait = _seconds(answer.headers.get("retry-after"))
            raise RateLimited(f"too many requests: {said}", retry_after=wait, **common)
        case "unavailable":
            raise VenueUnavailable(f"the venue cannot serve now: {said}", **common)
        case "request_refused":
            raise RequestRefused(f"refused: {said}", code=_safe(adapter, code) if code else None, **common)


def _of_code(outcomes: spec.Outcomes, code: str | None) -> spec.OutcomeName | None:
    for listed, meaning in outcomes.codes.items():
        # A code stands alone or as words inside a sentence.
        if code and re.search(rf"(?<![A-Za-z0-9_]){re.escape(listed)}(?![A-Za-z0-9_])", code, re.IGNORECASE):
            return meaning.outcome
    return None


def _of_status(outcomes: spec.Outcomes, status: int) -> spec.OutcomeName | None:
    listed = outcomes.statuses.get(str(status)) or outcomes.statuses.get(f"{status // 100}XX")
    if listed is not None:
        return listed.outcome
    if status == 429:
        return "rate_limited"
    if status >= 500:
        return "unavailable"
    return "request_refused" if status >= 400 else None


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and re.fullmatch(r"\d{1,6}", text) else None


def _safe(adapter: Adapter, text: str) -> str:
    """A venue's words, short, printable, and without our credentials should it echo them."""
    for secret in adapter.endpoint.secrets:
        text = secret.strike(text)
    return "".join(character if character.isprintable() else "�" for character in text)[:200]


def _failed(adapter: Adapter, owner: Owner, call: Call[Any], problem: NoAnswer | Malformed) -> VenueError:
    """The error for a request that brought no answer, or one that could not even be taken in."""
    kind = VenueUnavailable if isinstance(problem, NoAnswer) else AnswerInvalid
    operation = call.request.operation.name
    return kind(str(problem), venue=adapter.venue, account=owner.label, operation=operation)


# The two drivers -------------------------------------------------------------------------------------------------


def run(plan: Plan[T], send: Callable[[Call[Any]], Reply[Any]]) -> T:
    """Run a plan, one call after another."""
    try:
        calls = next(plan)
        while True:
            try:
                replies = tuple([send(call) for call in calls])
            except VenueError as error:
                calls = plan.throw(error)
            else:
                calls = plan.send(replies)
    except StopIteration as stop:
        result: T = stop.value
        return result


async def run_async(plan: Plan[T], send: Callable[[Call[Any]], Awaitable[Reply[Any]]]) -> T:
    """Run a plan, the calls of one step side by side."""
    try:
        calls = next(plan)
        while True:
            try:
                replies = await _together([send(call) for call in calls])
            except VenueError as error:
                calls = plan.throw(error)
            else:
                calls = plan.send(replies)
    except StopIteration as stop:
        result: T = stop.value
        return result


async def _together(awaitables: list[Awaitable[Reply[Any]]]) -> tuple[Reply[Any], ...]:
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        # In order, so that of several failures it is always the first call's that is told, as in the sync driver.
        return tuple([await task for task in tasks])
    finally:
        # One failed or we were cancelled: nothing is left running, and no error is left unseen.
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Connection:
    """What both clients know."""

    def __init__(self, adapter: Adapter, owner: Owner, memory: Memory | None) -> None:
        self._adapter = adapter
        self._owner = owner
        self._memory = memory or Memory()

    @property
    def venue(self) -> str:
        """Key of the venue."""
        return self._adapter.venue

    @property
    def drift(self) -> Counters:
        """How many answers were held against the venue's spec, by operation, and where they differed from it."""
        return self._adapter.radar.counters()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._adapter.venue} {self._adapter.endpoint.base_url}>"

    def _believed(self, reading: Reading) -> Reading:
        """The reading, held against what was seen before: see `accountview.guard`."""
        return replace(reading, accounts=tuple([self._memory.take(account) for account in reading.accounts]))

    def _whole(self, reading: Reading) -> tuple[Account, ...]:
        if reading.failures:
            raise reading.failures[0]
        return reading.accounts

    def _one(self, accounts: tuple[Account, ...], account_id: str | None) -> Account:
        matching = [a for a in accounts if account_id is None or a.account_id == account_id]
        if len(matching) == 1:
            return matching[0]
        ids = ", ".join(account.account_id for account in accounts) or "none"
        if account_id is None:
            raise UsageError(f"{self.venue}: this credential sees several accounts; name one of: {ids}")
        raise UsageError(f"{self.venue}: no account {account_id!r}; this credential sees: {ids}")


@final
class Client(_Connection, AbstractContextManager["Client"]):
    """Reads the accounts that one set of credentials sees at one venue. Close it, or use it in a `with`."""

    def __init__(self, adapter: Adapter, owner: Owner = NOBODY, *, memory: Memory | None = None) -> None:
        """`memory` is what earlier clients of these credentials have seen; without it, this one starts anew."""
        super().__init__(adapter, owner, memory)
        self._transport = Transport(adapter.endpoint)

    def read(self) -> Reading:
        """Every account as a row: read, or failed with the reason. Raises VenueError when nothing can be listed."""
        return self._believed(run(self._adapter.read(self._owner), self._send))

    def accounts(self) -> tuple[Account, ...]:
        """All accounts. Raises VenueError when one of them could not be read: a part is never shown as the whole."""
        return self._whole(self.read())

    def account(self, account_id: str | None = None) -> Account:
        """The account; `account_id` says which one, where the credential sees several. Raises VenueError."""
        return self._one(self.accounts(), account_id)

    def close(self) -> None:
        """Close all connections; may be called twice."""
        self._transport.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, call: Call[Any]) -> Reply[Any]:
        try:
            answer = self._transport.send(call.request)
        except (NoAnswer, Malformed) as error:
            problem = error
        else:
            return interpret(self._adapter, self._owner, call, answer)
        raise _failed(self._adapter, self._owner, call, problem)


@final
class AsyncClient(_Connection, AbstractAsyncContextManager["AsyncClient"]):
    """The same as `Client`, awaited. Use it in one event loop; close it, or use it in an `async with`."""

    def __init__(
        self,
        adapter: Adapter,
        owner: Owner = NOBODY,
        transport: AsyncSender | None = None,
        *,
        memory: Memory | None = None,
    ) -> None:
        super().__init__(adapter, owner, memory)
        self._transport = transport or AsyncTransport(adapter.endpoint)

    async def read(self) -> Reading:
        """Every account as a row: read, or failed with the reason. Raises VenueError when nothing can be listed."""
        return self._believed(await run_async(self._adapter.read(self._owner), self._send))

    async def accounts(self) -> tuple[Account, ...]:
        """All accounts. Raises VenueError when one of them could not be read: a part is never shown as the whole."""
        return self._whole(await self.read())

    async def account(self, account_id: str | None = None) -> Account:
        """The account; `account_id` says which one, where the credential sees several. Raises VenueError."""
        return self._one(await self.accounts(), account_id)

    async def close(self) -> None:
        """Close all connections; may be called twice."""
        await self._transport.close()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _send(self, call: Call[Any]) -> Reply[Any]:
        try:
            answer = await self._transport.send(call.request)
        except (NoAnswer, Malformed) as error:
            problem = error
        else:
            return interpret(self._adapter, self._owner, call, answer)
        raise _failed(self._adapter, self._owner, call, problem)


def connector(open_adapter: Callable[P, Adapter]) -> Callable[P, Client]:
    """`connect` of a venue: the parameters of its `open_adapter`, a `Client` as result."""

    @wraps(open_adapter)
    def connect(*args: P.args, **kwargs: P.kwargs) -> Client:
        return Client(open_adapter(*args, **kwargs))

    return connect


def connector_async(open_adapter: Callable[P, Adapter]) -> Callable[P, AsyncClient]:
    """`connect_async` of a venue: the parameters of its `open_adapter`, an `AsyncClient` as result."""

    @wraps(open_adapter)
    def connect_async(*args: P.args, **kwargs: P.kwargs) -> AsyncClient:
        return AsyncClient(open_adapter(*args, **kwargs))

    return connect_async
