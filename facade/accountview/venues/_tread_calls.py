"""What all that is asked of Tread.fi has in common: the list of accounts, and how the venue says no."""

from typing import Any

from accountview.plan import Call
from accountview_clients.tread.api.accounts import list_accounts
from accountview_clients.tread.models import Account, AccountsWrapped, ProblemObject
from accountview_clients.tread.types import UNSET


def refusal(parsed: object) -> str | None:
    """The venue's words for an error; its answers to errors are a text, or an object with one of several keys."""
    if isinstance(parsed, str):
        return parsed
    if not isinstance(parsed, ProblemObject):
        return None
    errors = "; ".join(parsed.errors) if isinstance(parsed.errors, list) else parsed.errors
    words = (parsed.error, parsed.message, parsed.detail, errors)
    return next((word for word in words if isinstance(word, str) and word), "")


def ask_for_accounts(*, include_archived: bool = False) -> Call[Any]:
    """The list of accounts; `listed` reads it."""
    return Call(
        list_accounts.build_request(include_archived=True if include_archived else UNSET),
        list_accounts.parse_response,
        refusal,
    )


def listed(parsed: Any) -> list[Account]:
    """The accounts of a good answer, which holds them bare or wrapped."""
    accounts: list[Account] = parsed.accounts if isinstance(parsed, AccountsWrapped) else parsed
    return accounts
