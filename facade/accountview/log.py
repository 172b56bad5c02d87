"""What accountview tells a log: one line for each attempt at a venue, of fields that are listed here and no others.

Nothing is shown unless somebody asks. An application configures logging as it likes (logger `accountview`), or the
environment does: `ACCOUNTVIEW_LOG` names the least level that is shown (debug, info, warning, error), on stderr unless
the application shows it already. Queries, bodies, headers and texts of errors are never told. Accounts are told by a
mark that stays equal while the process runs and from which no name can be guessed; `ACCOUNTVIEW_LOG_ACCOUNTS=1` shows
their labels. Each record also holds its fields as a dict, in the attribute `accountview`.
"""

import logging
import os
import time
import traceback
from functools import cache
from hashlib import blake2b
from pathlib import PurePath

from accountview.errors import UsageError
from accountview.secret import Secret

LEVEL = "ACCOUNTVIEW_LOG"
"""Environment variable: the least level that is shown."""
LABELS = "ACCOUNTVIEW_LOG_ACCOUNTS"
"""Environment variable: 1 shows the labels of accounts."""

_LEVELS = ("debug", "info", "warning", "error")
_LONGEST = 200
_SHORTEST_SECRET = 6
"""A shorter one, as a test may have, would be found in any text."""

_logger = logging.getLogger("accountview")
_logger.addHandler(logging.NullHandler())  # else logging itself would show what is grave on stderr


@cache
def begin() -> None:
    """Show what the environment asks to see; done once in a process. Raises UsageError for a level that is none."""
    level = os.environ.get(LEVEL, "").strip().lower()
    if not level:
        return
    if level not in _LEVELS:
        raise UsageError(f"${LEVEL} is {level!r}; there are {', '.join(_LEVELS)}")
    _logger.setLevel(level.upper())
    if not _is_shown(_logger):
        handler = logging.StreamHandler()
        formatter = logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        formatter.converter = time.gmtime
        handler.setFormatter(formatter)
        _logger.addHandler(handler)


def is_on() -> bool:
    """Whether anybody would see an attempt."""
    return _logger.isEnabledFor(logging.INFO)


def attempt(
    *,
    venue: str,
    account: str | None,
    operation: str,
    method: str,
    host: str,
    path: str,
    status: int | None,
    outcome: str,
    attempt: int,
    milliseconds: int,
    request_id: str | None,
    secrets: tuple[Secret, ...] = (),
) -> None:
    """Tell of one attempt at a request, at level info.

    `account` is the label of the account, None when it has none. `path` is the template of the operation, without what
    is filled in. `status` is None without an answer; `outcome` is one word of ours; `attempt` counts from 1;
    `milliseconds` are those of this attempt. `request_id` is the venue's; it is a venue's text, so `secrets` are struck
    out of it.
    """
    if not is_on():
        return
    for secret in secrets:
        request_id = request_id and secret.strike(request_id, shortest=_SHORTEST_SECRET)
    _tell(
        logging.INFO,
        "attempt",
        {
            "venue": venue,
            "account": _marked(account),
            "operation": operation,
            "method": method,
            "host": host,
            "path": path,
            "status": status,
            "outcome": outcome,
            "attempt": attempt,
            "milliseconds": milliseconds,
            "request_id": request_id,
        },
    )


def slip(*, venue: str, operation: str, doing: str, error: BaseException) -> None:
    """Tell of an error that was caught because it must not cost a read, at level error.

    `doing` is a word of ours. Of the error its class and where it came from are told; its text, and the variables on
    its way, may hold what a venue answered.
    """
    steps = traceback.walk_tb(error.__traceback__)
    places = [f"{PurePath(frame.f_code.co_filename).name}:{line}" for frame, line in steps]
    _tell(
        logging.ERROR,
        "slip",
        {
            "venue": venue,
            "operation": operation,
            "doing": doing,
            "error": type(error).__name__,
            "at": ">".join(places[-5:]),
        },
    )


def _tell(level: int, event: str, fields: dict[str, str | int | None]) -> None:
    told = {name: _neutral(value) if isinstance(value, str) else value for name, value in fields.items()}
    line = " ".join(f"{name}={'-' if value is None else value}" for name, value in told.items())
    _logger.log(level, "%s %s", event, line, extra={"accountview": {"event": event, **told}})


def _neutral(text: str) -> str:
    """The text as one word of visible ASCII: no line ends in it, and no terminal is steered by it."""
    word = text[:_LONGEST].encode("unicode_escape").decode("ascii").replace(" ", "\\x20")
    return word or "-"


_key = os.urandom(32)


def _marked(account: str | None) -> str | None:
    """A mark of an account. Its key dies with the process: without it a name could be found by trying names."""
    if account is None or os.environ.get(LABELS) == "1":
        return account
    return blake2b(account.encode("utf-8", "surrogatepass"), key=_key, digest_size=6).hexdigest()


def _is_shown(logger: logging.Logger) -> bool:
    """Whether the application has given a logger, or one that it passes records to, a handler."""
    above: logging.Logger | None = logger
    while above is not None:
        if any(not isinstance(handler, logging.NullHandler) for handler in above.handlers):
            return True
        above = above.parent if above.propagate else None
    return False
