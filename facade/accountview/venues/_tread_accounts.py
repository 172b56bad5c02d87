"""The accounts that Tread.fi holds: listed, added, their margin mode set, archived.

The accounts are listed before and after a change. In between it is sent, at most once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import msgspec

from accountview.errors import OutcomeUnknown, RequestRefused, UsageError, VenueError
from accountview.mapping import known
from accountview.plan import Call, Decode, Plan, ask
from accountview.secret import Secret
from accountview.venues._tread_calls import ask_for_accounts, listed, refusal
from accountview.writing import AsyncWritingClient, WritingClient
from accountview_clients.tread.api.accounts import archive_account, create_account, update_account
from accountview_clients.tread.models import Account as ListedAccount
from accountview_clients.tread.models import (
    AccountMarginMode,
    ArchiveAccountRequest,
    CreateAccountRequest,
    Done,
    ProblemObject,
    UpdateAccountRequest,
)
from accountview_clients.tread.types import UNSET

MarginMode = Literal["ISOLATED", "CROSS", "CASH", "SPOT_ISOLATED"]
MARGIN_MODES: tuple[str, ...] = get_args(MarginMode)


class TreadAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account as Tread.fi lists it. None stands for what it does not say."""

    name: str
    """Names the account to people, and in the view: its `account_id`."""
    id: str | None
    """The venue's own id."""
    exchange: str | None
    """The exchange that holds the account."""
    margin_mode: str | None
    """One of `MARGIN_MODES` for an account at OKX; another word of the venue's as it came."""
    archived: bool | None
    """Whether it was archived."""
    valid: bool | None
    """Whether the exchange still takes the key that Tread.fi holds."""


class AccountChange(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a change of an account.

    `already_set`: it was so before, and nothing was sent. `changed`: the list shows it. `rejected`: the venue said no,
    and why is `reason`. `unconfirmed`: the venue took it, and the list does not show it (yet).
    """

    state: Literal["already_set", "changed", "rejected", "unconfirmed"]
    before: TreadAccount | None
    """The account as it was listed before; None when it was not there."""
    after: TreadAccount | None
    """The account as it was listed afterwards; None when it was not there, or the list could not be read."""
    reason: str | None = None
    """Why it was rejected or is unconfirmed."""


# The plans ----------------------------------------------------------------------------------------------------------


def accounts(*, include_archived: bool = False) -> Plan[tuple[TreadAccount, ...]]:
    """All accounts that are listed."""
    reply = yield from ask(ask_for_accounts(include_archived=include_archived))
    return tuple([_account(row) for row in listed(reply.parsed)])


def _account(row: ListedAccount) -> TreadAccount:
    margin_mode = known(row.margin_mode)
    return TreadAccount(
        name=row.name,
        id=known(row.id),
        exchange=known(row.exchange),
        margin_mode=None if margin_mode is None else str(margin_mode),
        archived=known(row.archived),
        valid=known(row.valid),
    )


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What an account is made of; the secrets are those that the exchange knows."""

    name: str
    exchange: str
    api_key: Secret
    api_secret: Secret
    password: Secret | None = None
    credential_options: Mapping[str, bool] | None = None
    vault_address: str | None = None

    @property
    def secrets(self) -> tuple[Secret, ...]:
        every = (self.api_key, self.api_secret, self.password)
        return tuple([secret for secret in every if secret is not None])


def create(new: NewAccount) -> Plan[AccountChange]:
    """Add an account. Raises UsageError when one of this name is there."""
    if not new.name or not new.exchange:
        raise UsageError("tread: an account needs a name, and the exchange that holds it")
    if not all(secret.passes(bool) for secret in new.secrets):
        raise UsageError("tread: api_key, api_secret and password must not be empty")
    rows = yield from accounts(include_archived=True)
    if any(row.name == new.name and row.archived is not True for row in rows):
        raise UsageError(
            f"tread: there is an account {new.name!r}; give another name, or archive that one first"
        )
    wish = _Wish(
        call=_create(new),
        before=None,
        find=lambda row: row.name == new.name and row.archived is not True,
        shown=lambda row: row is not None,
        wanted=True,
    )
    return (yield from _change(wish))


def set_margin_mode(name: str, margin_mode: str) -> Plan[AccountChange]:
    """Set the margin mode of an account. Raises UsageError when it is not clear which account, or no such mode."""
    if margin_mode not in MARGIN_MODES:
        raise UsageError(f"tread: margin_mode is {margin_mode!r}; there are {', '.join(MARGIN_MODES)}")
    rows = yield from accounts(include_archived=True)
    before = _live(rows, name)
    if before.margin_mode == margin_mode:
        return AccountChange(state="already_set", before=before, after=before)
    if before.id is None:
        raise UsageError(f"tread: the venue lists no id of {name!r}, and its margin mode is set by id")
    wish = _Wish(
        call=_update(before.id, margin_mode),
        before=before,
        find=lambda row: row.id == before.id,
        shown=lambda row: None if row is None else row.margin_mode,
        wanted=margin_mode,
    )
    return (yield from _change(wish))


def archive(name: str) -> Plan[AccountChange]:
    """Archive an account. Raises UsageError when it is not clear which one."""
    rows = yield from accounts(include_archived=True)
    called = [row for row in rows if row.name == name]
    if called and all(row.archived for row in called):
        return AccountChange(state="already_set", before=called[0], after=called[0])
    before = _live(rows, name)
    wish = _Wish(
        call=_archive(name),
        before=before,
        find=lambda row: row.name == name and row.id == before.id,
        shown=lambda row: row is None or row.archived is True,
        wanted=True,
    )
    return (yield from _change(wish))


def _live(rows: tuple[TreadAccount, ...], name: str) -> TreadAccount:
    called = [row for row in rows if row.name == name and row.archived is not True]
    if len(called) == 1:
        return called[0]
    if called:
        raise UsageError(
            f"tread: {len(called)} accounts are called {name!r}; tell them apart in the web application"
        )
    names = ", ".join(row.name for row in rows if row.archived is not True) or "none"
    raise UsageError(f"tread: no account {name!r} that is not archived; there are: {names}")


@dataclass(frozen=True, slots=True)
class _Wish:
    """A change, and how the list shows it."""

    call: Call[Any]
    before: TreadAccount | None
    find: Callable[[TreadAccount], bool]
    """Whether a row of the list is the account."""
    shown: Callable[[TreadAccount | None], object]
    """What is to be changed, as the account shows it; None is an account that is not listed."""
    wanted: object


def _change(wish: _Wish) -> Plan[AccountChange]:
    doubtful: OutcomeUnknown | None = None
    try:
        yield from ask(wish.call)
    except RequestRefused as refused:
        after, _ = yield from _again(wish)
        return AccountChange(state="rejected", before=wish.before, after=after, reason=refused.problem)
    except OutcomeUnknown as unknown:
        doubtful = unknown
    after, problem = yield from _again(wish)
    if problem is None and wish.shown(after) == wish.wanted:
        found = AccountChange(state="changed", before=wish.before, after=after)
        resolution: Literal["applied", "not_applied", "cannot_tell"] = "applied"
    else:
        reason = problem or "the list does not show it"
        found = AccountChange(state="unconfirmed", before=wish.before, after=after, reason=reason)
        is_as_before = problem is None and wish.shown(after) == wish.shown(wish.before)
        # A third state is somebody else's doing: ours may have come before it, or not at all.
        resolution = "not_applied" if is_as_before else "cannot_tell"
    if doubtful is not None:
        raise doubtful.resolved(resolution, found)
    return found


def _again(wish: _Wish) -> Plan[tuple[TreadAccount | None, str | None]]:
    """The account as it is listed now, and why the list could not be read."""
    try:
        rows = yield from accounts(include_archived=True)
    except VenueError as error:
        return None, f"listing the accounts again failed: {error.problem}"
    return next((row for row in rows if wish.find(row)), None), None


# The requests -------------------------------------------------------------------------------------------------------


def _create(new: NewAccount) -> Call[Any]:
    def parse(status: int, content: bytes, *, decode: Decode) -> Done | str:
        return _without(new.secrets, create_account.parse_response(status, content, decode=decode))

    # Revealed where the bytes are made: no variable holds a plain one.
    request = create_account.build_request(
        body=CreateAccountRequest(
            name=new.name,
            exchange=new.exchange,
            api_key=new.api_key.reveal(),
            api_secret=new.api_secret.reveal(),
            password=UNSET if new.password is None else new.password.reveal(),
            credential_options=UNSET if new.credential_options is None else dict(new.credential_options),
            vault_address=UNSET if new.vault_address is None else new.vault_address,
        )
    )
    return Call(
        request,
        parse,
        refusal,
    )


def _without(secrets: tuple[Secret, ...], parsed: Done | ProblemObject | str) -> Done | str:
    """An answer that does not repeat the secrets: of a refusal its words alone are kept."""
    if isinstance(parsed, Done):
        return parsed
    words = refusal(parsed) or ""
    for secret in secrets:
        words = secret.strike(words)
    return words


def _update(id_: str, margin_mode: str) -> Call[Any]:
    return Call(
        update_account.build_request(
            body=UpdateAccountRequest(id=id_, margin_mode=AccountMarginMode(margin_mode))
        ),
        update_account.parse_response,
        refusal,
    )


def _archive(name: str) -> Call[Any]:
    return Call(
        archive_account.build_request(body=ArchiveAccountRequest(name=name)),
        archive_account.parse_response,
        refusal,
    )


# The clients --------------------------------------------------------------------------------------------------------


class TreadClient(WritingClient):
    """A `WritingClient` of Tread.fi, which looks after the accounts that it holds as well.

    Where it is not known whether a change was carried out, the accounts are listed again: see `OutcomeUnknown`, whose
    `found` is an `AccountChange`.
    """

    def list_accounts(self, *, include_archived: bool = False) -> tuple[TreadAccount, ...]:
        """The accounts of the token's owner, without what they hold. Raises VenueError."""
        return self._write(accounts(include_archived=include_archived))

    def create_account(
        self,
        name: str,
        exchange: str,
        *,
        api_key: str | Secret,
        api_secret: str | Secret,
        password: str | Secret | None = None,
        credential_options: Mapping[str, bool] | None = None,
        vault_address: str | None = None,
    ) -> AccountChange:
        """Hand Tread.fi the key of an account at an exchange.

        Args:
            name: a name that no other account has.
            exchange: the exchange, as Tread.fi writes it: `Bybit`, `Binance`, `OKX`.
            api_key: the key that the exchange gave out. It is sent to Tread.fi and kept nowhere here.
            api_secret: its secret, treated alike.
            password: the passphrase of the key, which OKX, Coinbase and Bitget want.
            credential_options: market → whether the key is used for it; seen are default, spot, usd_futures,
                coin_futures, futures, options, otc and unified.
            vault_address: a vault of Hyperliquid.

        Raises:
            UsageError: before anything is sent: an account of this name is there, or something is empty.
            OutcomeUnknown: it was sent, and no definite answer came; `resolution` says what was listed afterwards.
            VenueError: anything else; then nothing was changed.
        """
        # Under the names of the arguments, so that no variable on the way of an error holds a plain one.
        api_key, api_secret = Secret.of(api_key), Secret.of(api_secret)
        password = None if password is None else Secret.of(password)
        new = NewAccount(name, exchange, api_key, api_secret, password, credential_options, vault_address)
        return self._write(create(new))

    def set_margin_mode(self, name: str, margin_mode: MarginMode) -> AccountChange:
        """Set how an account shares its margin, known to work at OKX. Raises what `create_account` does.

        Args:
            name: the account, as it is listed: `account_id` of the view.
            margin_mode: one of `MARGIN_MODES`.
        """
        return self._write(set_margin_mode(name, margin_mode))

    def archive_account(self, name: str) -> AccountChange:
        """Take an account out of the list. Its key at the exchange is needed again to bring it back.

        Open positions and balances stay at the exchange; they are in no view of Tread.fi any longer. Raises what
        `create_account` does.
        """
        return self._write(archive(name))


class AsyncTreadClient(AsyncWritingClient):
    """The same as `TreadClient`, awaited."""

    async def list_accounts(self, *, include_archived: bool = False) -> tuple[TreadAccount, ...]:
        """See `TreadClient.list_accounts`."""
        return await self._write(accounts(include_archived=include_archived))

    async def create_account(
        self,
        name: str,
        exchange: str,
        *,
        api_key: str | Secret,
        api_secret: str | Secret,
        password: str | Secret | None = None,
        credential_options: Mapping[str, bool] | None = None,
        vault_address: str | None = None,
    ) -> AccountChange:
        """See `TreadClient.create_account`."""
        # Under the names of the arguments, so that no variable on the way of an error holds a plain one.
        api_key, api_secret = Secret.of(api_key), Secret.of(api_secret)
        password = None if password is None else Secret.of(password)
        new = NewAccount(name, exchange, api_key, api_secret, password, credential_options, vault_address)
        return await self._write(create(new))

    async def set_margin_mode(self, name: str, margin_mode: MarginMode) -> AccountChange:
        """See `TreadClient.set_margin_mode`."""
        return await self._write(set_margin_mode(name, margin_mode))

    async def archive_account(self, name: str) -> AccountChange:
        """See `TreadClient.archive_account`."""
        return await self._write(archive(name))
