"""Every error of accountview, one tree, ordered by what the caller can do about it.

    AccountviewError
    ├── UsageError                 fix the call or the accounts file
    ├── IncompleteSnapshot         decide: wait for the missing rows, or say allow_partial=True
    └── VenueError                 names venue, account, operation and whether a retry can help
        ├── CredentialsRefused     fix the credentials
        ├── ClockSkew              set this machine's clock (it is off by `offset` seconds)
        ├── RateLimited            wait (`retry_after` seconds, when the venue said so)
        ├── VenueUnavailable       retry: nobody answered, or the venue said that it cannot
        ├── RequestRefused         the venue understood and said no (`code` is its own word)
        ├── AnswerInvalid          the answer is not what the venue's spec says: report a drift
        └── OutcomeUnknown         look whether the change was carried out (`resolution` says what was seen)

No message, attribute or repr of an error ever holds a credential, or a value of a venue's answer; only what a change
was about is told by `OutcomeUnknown.found`.
"""

import difflib
from collections.abc import Iterable
from typing import Any, Literal, Required, TypedDict, Unpack


class AccountviewError(Exception):
    """Root of all errors that accountview raises on purpose."""


class UsageError(AccountviewError):
    """The call, or the accounts file, cannot be used as it is; the message says what to change."""


class IncompleteSnapshot(AccountviewError):
    """A sum was asked of a snapshot that lacks rows; it would look like money that is not there."""


class Where(TypedDict, total=False):
    """What every `VenueError` is made with, beside the problem; see there."""

    venue: Required[str]
    account: str | None
    operation: str | None
    status: int | None


class VenueError(AccountviewError):
    """Something went wrong with one venue.

    Attributes:
        venue: key of the venue, as in `connect`.
        account: label of the account that was read, at most 100 characters of it; None when it has none.
        operation: operationId of the request in the venue's spec; None when no request was involved.
        status: HTTP status of the answer, None when there was none.
        retryable: whether the same call may succeed later without a change.
    """

    retryable = False

    def __init__(
        self,
        problem: str,
        *,
        venue: str,
        account: str | None = None,
        operation: str | None = None,
        status: int | None = None,
    ) -> None:
        # A venue can send a name, or a key on a path, of any length.
        account = None if account is None else _shortened(account, 100)
        problem = _shortened(problem, 400)
        where = venue if account is None else f"{venue} account {account!r}"
        step = "" if operation is None else f", {operation}"
        answered = "" if status is None else f" (HTTP {status})"
        super().__init__(f"{where}{step}: {problem}{answered}")
        self.problem = problem
        self.venue = venue
        self.account = account
        self.operation = operation
        self.status = status

    @property
    def where(self) -> Where:
        """What another error about the same request is made with."""
        return Where(venue=self.venue, account=self.account, operation=self.operation, status=self.status)

    def __reduce__(self) -> tuple[Any, ...]:
        # Built from keywords, so the default protocol (cls, args) could not make it again.
        return _rebuild, (type(self), str(self), dict(vars(self)))


def _rebuild(kind: type[VenueError], message: str, state: dict[str, object]) -> VenueError:
    error = kind.__new__(kind, message)
    error.__dict__.update(state)
    return error


class CredentialsRefused(VenueError):
    """The venue does not accept the key, its signature or its rights."""


class ClockSkew(VenueError):
    """The venue refused a signature whose time is off. `offset`: seconds that its clock is ahead of this machine's."""

    def __init__(self, problem: str, *, offset: float, **where: Unpack[Where]) -> None:
        super().__init__(problem, **where)
        self.offset = offset


class RateLimited(VenueError):
    """Too many requests. `retry_after`: seconds to wait, None when the venue did not say."""

    retryable = True

    def __init__(self, problem: str, *, retry_after: float | None = None, **where: Unpack[Where]) -> None:
        super().__init__(problem, **where)
        self.retry_after = retry_after


class VenueUnavailable(VenueError):
    """No answer came (refused, timed out, cut off), or the venue said that it cannot serve now."""

    retryable = True


class RequestRefused(VenueError):
    """The venue understood the request and refused it. `code`: its own word for why, when it gave one."""

    def __init__(self, problem: str, *, code: str | None = None, **where: Unpack[Where]) -> None:
        super().__init__(problem, **where)
        self.code = code


class AnswerInvalid(VenueError):
    """An answer that its spec does not allow. `path`: where in the JSON (`$.result[0].id`), when known.

    The value itself is never kept: it may be private.
    """

    def __init__(self, problem: str, *, path: str | None = None, **where: Unpack[Where]) -> None:
        path = None if path is None else _shortened(path, 100)
        super().__init__(problem if path is None else f"{problem} at {path}", **where)
        self.path = path


Resolution = Literal["applied", "not_applied", "cannot_tell"]


class OutcomeUnknown(VenueError):
    """A change was sent, once, and no definite answer came: it may have been carried out or not.

    It is never sent again by itself. The account was read afterwards:

    Attributes:
        resolution: `applied`: it shows the change; `not_applied`: it shows what it did before, though a request that
            was held up on its way may still arrive; `cannot_tell`: it shows neither, or could not be read.
        found: what was read, such as a `LeverageChange`; None when nothing was.
    """

    def __init__(
        self,
        problem: str,
        *,
        resolution: Resolution = "cannot_tell",
        found: Any = None,
        **where: Unpack[Where],
    ) -> None:
        super().__init__(problem, **where)
        self.resolution: Resolution = resolution
        self.found = found

    @classmethod
    def after(cls, error: VenueError) -> "OutcomeUnknown":
        """What an error means that came after a change was sent."""
        return cls(f"sent once, and not known whether it was carried out: {error.problem}", **error.where)

    def resolved(self, resolution: Resolution, found: Any) -> "OutcomeUnknown":
        """The same, in the light of what was read afterwards."""
        return OutcomeUnknown(
            f"{self.problem}; read afterwards, {_RESOLVED[resolution]}",
            resolution=resolution,
            found=found,
            **self.where,
        )


_RESOLVED = {
    "applied": "it was carried out",
    "not_applied": "it was not carried out by then",
    "cannot_tell": "the account does not tell",
}


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def closest(name: str, choices: Iterable[str]) -> str:
    """`did you mean …? ` when something close is among the choices, else nothing: how a message may begin."""
    close = difflib.get_close_matches(name, list(choices), n=3)
    return f"did you mean {' or '.join(close)}? " if close else ""
