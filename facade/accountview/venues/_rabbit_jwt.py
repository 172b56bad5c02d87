"""The JWT of RabbitX and BFX, the token of their WebSocket: asked for, read, and kept by the client that made it."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, final

import msgspec
from msgspec import UnsetType

from accountview import spec
from accountview.adapter import Adapter, Writes, header_secret
from accountview.errors import AnswerInvalid, OutcomeUnknown, UsageError
from accountview.mapping import known
from accountview.plan import NOBODY, Call, Owner, Plan, Reply, ask
from accountview.secret import Secret
from accountview.tokens import AsyncKeeper, Keeper
from accountview.wire import Malformed, decode
from accountview.writing import AsyncWritingClient, WritingClient


@dataclass(frozen=True, slots=True)
class Jwt:
    """A JWT and what came with it. No text form of it shows a secret."""

    token: Secret
    """The token; `token.reveal()` is what the WebSocket wants."""
    expires_at: datetime
    """When it ends, UTC, by the venue's clock."""
    expiry_is_claimed: bool
    """Whether the token itself says when it ends (its signature cannot be verified here: it is the venue's claim);
    otherwise the documented lifetime is counted from when it was asked for."""
    refresh_token: Secret | None = None
    """Of a session of the web application: its refresh token from now on, where the venue sent one."""
    session_secret: Secret | None = None
    """Of a session of the web application: what it signs with from now on, where the venue sent it."""


class Row(Protocol):
    """An element of `result` that is an object, as both generated clients declare it."""

    @property
    def jwt(self) -> str: ...
    @property
    def refresh_token(self) -> str | UnsetType: ...
    @property
    def random_secret(self) -> str | UnsetType: ...


@dataclass(frozen=True, slots=True)
class Granted:
    """One element of `result`, sealed."""

    token: Secret
    refresh_token: Secret | None
    session_secret: Secret | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of refreshJwt, sealed: no variable on the way of a reply holds a plain token."""

    success: bool
    error: str
    granted: tuple[Granted, ...]


def sealed(envelope: Any, refresh_token: Secret) -> Answer:
    """A parsed answer whose tokens are secrets, in either form: as texts, or as objects that hold them.

    The venue's words for an error do not repeat the refresh token that was sent.
    """
    rows: Sequence[str | Row] = envelope.result if envelope.success else ()
    error = refresh_token.strike(known(envelope.error) or "")
    return Answer(envelope.success, error, tuple([_granted(row) for row in rows]))


def _granted(row: str | Row) -> Granted:
    if isinstance(row, str):
        return Granted(Secret(row), None, None)
    refresh_token, session_secret = known(row.refresh_token), known(row.random_secret)
    return Granted(
        Secret(row.jwt),
        Secret(refresh_token) if refresh_token else None,
        Secret(session_secret) if session_secret else None,
    )


# The plan ---------------------------------------------------------------------------------------------------------


class RefreshJwt(Protocol):
    """Makes the request of one exchange; the refresh token is empty for the owner of an API key."""

    def __call__(self, *, is_client: bool, refresh_token: Secret) -> Call[Answer]: ...


def new_jwt(
    venue: str, refresh_jwt: RefreshJwt, owner: Owner, *, is_client: bool, refresh_token: Secret | None
) -> Plan[Jwt]:
    """Ask for a token, once. Raises VenueError; after OutcomeUnknown nothing can be read that would tell."""
    call = refresh_jwt(is_client=is_client, refresh_token=refresh_token or Secret(""))
    try:
        reply = yield from ask(call)
    except OutcomeUnknown as unknown:
        doubtful = unknown
    else:
        try:
            return _jwt(venue, reply)
        except Malformed as malformed:
            problem = malformed.problem
        operation = call.request.operation.name
        raise AnswerInvalid(problem, venue=venue, account=owner.label, operation=operation, path="$.result")
    raise doubtful.resolved("cannot_tell", None)


def _jwt(venue: str, reply: Reply[Answer]) -> Jwt:
    if len(reply.parsed.granted) != 1:
        raise Malformed(f"expected one token, got {len(reply.parsed.granted)}")
    (granted,) = reply.parsed.granted
    if not granted.token.passes(re.compile(r"[!-~]+").fullmatch):
        raise Malformed("a text that is no token")
    claimed = claimed_expiry(granted.token)
    lifetime = timedelta(seconds=int(spec.load(venue).fact("jwt_lifetime")))
    expires_at = reply.requested_at + lifetime if claimed is None else claimed
    if expires_at <= reply.received_at:
        raise Malformed("a token that has ended already, by this machine's clock")
    return Jwt(granted.token, expires_at, claimed is not None, granted.refresh_token, granted.session_secret)


class _Claims(msgspec.Struct):
    exp: int


def claimed_expiry(token: Secret) -> datetime | None:
    """When a JWT says that it ends, UTC; None when it does not say so in a form that can be read.

    Its signature is not verified: only the venue could.
    """
    try:
        claims = decode(_payload(token), _Claims)
        return datetime.fromtimestamp(claims.exp, UTC)
    except (ValueError, OverflowError, OSError, Malformed):
        return None


def _payload(token: Secret) -> bytes:
    """Raises ValueError."""
    _, payload, _ = token.reveal().split(".")
    return base64.b64decode(payload + "=" * (-len(payload) % 4), altchars=b"-_", validate=True)


# The clients --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RabbitWrites(Writes):
    """What can be changed at RabbitX and BFX."""

    refresh_jwt: RefreshJwt


def _sealed(refresh_token: str | Secret | None) -> Secret | None:
    # Under the name of the argument, so that no variable on the way of an error holds a plain one.
    return None if refresh_token is None else Secret.of(refresh_token)


def _plan(
    adapter: Adapter, writes: Writes, owner: Owner, *, is_client: bool, refresh_token: Secret | None
) -> Plan[Jwt]:
    if not isinstance(writes, RabbitWrites):
        raise UsageError(f"{adapter.venue}: this adapter makes no JWT")
    if refresh_token is not None:
        header_secret(adapter.venue, "refresh_token", refresh_token)
    return new_jwt(adapter.venue, writes.refresh_jwt, owner, is_client=is_client, refresh_token=refresh_token)


@final
class RabbitClient(WritingClient):
    """A `WritingClient` of RabbitX or BFX, which makes JWTs as well."""

    def __init__(self, adapter: Adapter, owner: Owner = NOBODY) -> None:
        super().__init__(adapter, owner)
        self._jwts = Keeper[Jwt](self.new_jwt, adapter.endpoint.now)

    def jwt(self, stale: Jwt | None = None) -> Jwt:
        """The JWT of this API key: the one that this client has made, or a new one when that is near its end.

        It is made anew once for all threads that ask meanwhile, and when that fails all of them get the error; see
        `new_jwt` for which, and for what a new one may do to the API key.

        Args:
            stale: a token that the venue has refused; it is not given again.
        """
        return self._jwts.get(stale)

    def new_jwt(self, *, is_client: bool = False, refresh_token: str | Secret | None = None) -> Jwt:
        """Ask for a new JWT, whatever there is already. It is not kept: `jwt` does not know of it.

        Caution: one unconfirmed source says that asking also moves the end of the API key itself to that of the new
        token, so that a key made for 30 days would end after 48 hours. Ask when a token is needed and not before.

        Args:
            is_client: False for the owner of an API key; True for a session of the web application.
            refresh_token: that of the session, good for one call; none for the owner of an API key.

        Raises:
            UsageError: the refresh token cannot be sent.
            OutcomeUnknown: it was asked for, once, and no definite answer came. Nothing can be read that would tell
                whether there is a new token; `resolution` is `cannot_tell`.
            VenueError: as for a read; nothing is sent a second time.
        """
        refresh_token = _sealed(refresh_token)
        return self._write(
            _plan(self._adapter, self._writes, self._owner, is_client=is_client, refresh_token=refresh_token)
        )


@final
class AsyncRabbitClient(AsyncWritingClient):
    """The same as `RabbitClient`, awaited."""

    def __init__(self, adapter: Adapter, owner: Owner = NOBODY) -> None:
        super().__init__(adapter, owner)
        self._jwts = AsyncKeeper[Jwt](self.new_jwt, adapter.endpoint.now)

    async def jwt(self, stale: Jwt | None = None) -> Jwt:
        """See `RabbitClient.jwt`. A caller who is cancelled leaves; the token is made for the others all the same."""
        return await self._jwts.get(stale)

    async def new_jwt(self, *, is_client: bool = False, refresh_token: str | Secret | None = None) -> Jwt:
        """See `RabbitClient.new_jwt`."""
        refresh_token = _sealed(refresh_token)
        return await self._write(
            _plan(self._adapter, self._writes, self._owner, is_client=is_client, refresh_token=refresh_token)
        )
