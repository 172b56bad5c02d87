"""Every error of accountview, one tree, ordered by what the caller can do about it.

    AccountviewError
    ├── UsageError                 fix the call or the accounts file
    ├── IncompleteSnapshot         decide: wait for the missing rows, or say allow_partial=True
    └── VenueError                 names venue, account, operation and whether a retry can help
        ├── CredentialsRefused     fix the credentials
        ├── RateLimited            wait (`retry_after` seconds, when the venue said so)
        ├── VenueUnavailable       retry: nobody answered, or the venue said that it cannot
        ├── RequestRefused         the venue understood and said no (`code` is its own word)
        └── AnswerInvalid          the answer is not what the venue's spec says: report a drift

No message, attribute or repr of an error ever holds a credential, or a value of a venue's answer.
"""

import difflib
from collections.abc import Iterable
from typing import Any


class AccountviewError(Exception):
    """Root of all errors that accountview raises on purpose."""


class UsageError(AccountviewError):
    """The call, or the accounts file, cannot be used as it is; the message says what to change."""


class IncompleteSnapshot(AccountviewError):
    """A sum was asked of a snapshot that lacks rows; it would look like money that is not there."""


class VenueError(AccountviewError):
    """Something went wrong with one venue.

    Attributes:
        venue: key of the venue, as in `connect`.
        account: label of the account that was read, None when it has none.
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
        where = venue if account is None else f"{venue} account {account!r}"
        step = "" if operation is None else f", {operation}"
        answered = "" if status is None else f" (HTTP {status})"
        super().__init__(f"{where}{step}: {problem}{answered}")
        self.problem = problem
        self.venue = venue
        self.account = account
        self.operation = operation
        self.status = status

    def __reduce__(self) -> tuple[Any, ...]:
        # Built from keywords, so the default protocol (cls, args) could not make it again.
        return _rebuild, (type(self), str(self), dict(vars(self)))


def _rebuild(kind: type[VenueError], message: str, state: dict[str, object]) -> VenueError:
    error = kind.__new__(kind, message)
    error.__dict__.update(state)
    return error


class CredentialsRefused(VenueError):
    """The venue does not accept the key, its signature or its rights."""


class RateLimited(VenueError):
    """Too many requests. `retry_after`: seconds to wait, None when the venue did not say."""

    retryable = True

    def __init__(
        self,
        problem: str,
        *,
        venue: str,
        account: str | None = None,
        operation: str | None = None,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(problem, venue=venue, account=account, operation=operation, status=status)
        self.retry_after = retry_after


class VenueUnavailable(VenueError):
    """No answer came (refused, timed out, cut off), or the venue said that it cannot serve now."""

    retryable = True


class RequestRefused(VenueError):
    """The venue understood the request and refused it. `code`: its own word for why, when it gave one."""

    def __init__(
        self,
        problem: str,
        *,
        venue: str,
        account: str | None = None,
        operation: str | None = None,
        status: int | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(problem, venue=venue, account=account, operation=operation, status=status)
        self.code = code


class AnswerInvalid(VenueError):
    """An answer that its spec does not allow. `path`: where in the JSON (`$.result[0].id`), when known.

    The value itself is never kept: it may be private.
    """

    def __init__(
        self,
        problem: str,
        *,
        venue: str,
        account: str | None = None,
        operation: str | None = None,
        status: int | None = None,
        path: str | None = None,
    ) -> None:
        super().__init__(
            problem if path is None else f"{problem} at {path}",
            venue=venue,
            account=account,
            operation=operation,
            status=status,
        )
        self.path = path


def closest(name: str, choices: Iterable[str]) -> str:
    """`did you mean …? ` when something close is among the choices, else nothing: how a message may begin."""
    close = difflib.get_close_matches(name, list(choices), n=3)
    return f"did you mean {' or '.join(close)}? " if close else ""
