"""What the fate of a request means: a good reply, or the error that says what can be done about it."""

import re
from typing import Any, TypeVar

from accountview import spec
from accountview.adapter import Adapter
from accountview.errors import (
    AnswerInvalid,
    ClockSkew,
    CredentialsRefused,
    RateLimited,
    RequestRefused,
    VenueError,
    VenueUnavailable,
)
from accountview.network import retry
from accountview.network.sending import Answer, NoAnswer
from accountview.plan import Call, Owner, Reply
from accountview.wire import Decoding, Malformed
from accountview_clients import UnexpectedStatus

T = TypeVar("T")


def interpret(adapter: Adapter, owner: Owner, call: Call[T], answer: Answer) -> Reply[T]:
    """The reply that an answer is, or the error that it means."""
    decoding = Decoding()
    read = _read(call, answer, decoding)
    findings = adapter.radar.look(
        adapter.venue,
        call.request.operation.name,
        answer.status,
        answer.content,
        knew_all_keys=decoding.knew_all_keys,
    )
    if not isinstance(read, Malformed):
        parsed, code = read
        if code is not None or (answer.status >= 400 and answer.status not in call.expected):
            _raise_for_status(adapter, owner, call, answer, code or "")
        return Reply(parsed, answer.requested_at, answer.received_at, findings, answer.attempt)
    # An error page need not be JSON: the status alone may say what it means.
    _raise_for_status(adapter, owner, call, answer, None)
    raise AnswerInvalid(
        read.problem,
        venue=adapter.venue,
        account=owner.label,
        operation=call.request.operation.name,
        status=answer.status,
        path=read.path,
    )


def _read(call: Call[T], answer: Answer, decoding: Decoding) -> tuple[T, str | None] | Malformed:
    """The model of an answer, and the venue's word for an error in it; or why there is no model."""
    try:
        parsed = call.parse(answer.status, answer.content, decode=decoding.decode)
        return parsed, call.refusal(parsed)
    except Malformed as malformed:
        return malformed
    except UnexpectedStatus:
        return Malformed("the spec knows no such status")


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
            route = adapter.route
            wait = retry.retry_after(answer.headers, route.retry_after_header)
            wait = route.penalty if wait is None else wait
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


def _safe(adapter: Adapter, text: str) -> str:
    """A venue's words, short, printable, and without our credentials should it echo them."""
    for secret in adapter.endpoint.secrets:
        text = secret.strike(text)
    return "".join(character if character.isprintable() else "�" for character in text)[:200]


def is_definite(error: VenueError) -> bool:
    """Whether an error that an answer means says for certain that the venue did not do what it was asked."""
    if error.status == _TIMED_OUT:
        return False
    return isinstance(error, CredentialsRefused | RateLimited | RequestRefused | ClockSkew)


_TIMED_OUT = 408
"""Whoever gave up waiting for a request, a proxy say, does not know how far it came."""


def failed(adapter: Adapter, owner: Owner, call: Call[Any], problem: NoAnswer | Malformed) -> VenueError:
    """The error for a request that brought no answer, or one that could not even be taken in."""
    kind = VenueUnavailable if isinstance(problem, NoAnswer) else AnswerInvalid
    operation = call.request.operation.name
    return kind(str(problem), venue=adapter.venue, account=owner.label, operation=operation)
