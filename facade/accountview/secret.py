"""A credential that cannot be printed, formatted, pickled or copied into a log by accident."""

import json
import re
from collections.abc import Callable
from typing import Any, NoReturn, final, get_args, get_type_hints
from urllib.parse import quote


class NoCredential(Exception):
    """A credential was needed where there is none: see `Secret.absent`."""


@final
class Secret:
    """Holds one credential; `reveal()` is the only way to its text.

    It never changes, so a copy is the secret itself. It is equal to itself alone, and always true.
    """

    __slots__ = ("__held",)

    def __init__(self, text: str) -> None:
        # In a function and not in an attribute: tools that list attributes, or take an object's state, show it as one.
        self.__held: Callable[[], str | None] = lambda: text

    @classmethod
    def of(cls, value: "str | Secret") -> "Secret":
        """The secret itself, or a new one around a plain text."""
        return value if isinstance(value, Secret) else cls(value)

    @classmethod
    def absent(cls) -> "Secret":
        """The credential of nobody: it passes for any form, and nothing can be signed with it.

        With it an adapter can be opened to read answers that are already here.
        """
        secret = cls("")
        secret.__held = lambda: None
        return secret

    def passes(self, check: Callable[[str], object]) -> bool:
        """Whether the credential has a form: what `check` makes of its text. One that is absent has any form.

        `check` must not raise: the error would lead to the text.
        """
        return self.__held() is None or bool(check(self.reveal()))

    def strike(self, text: str, *, shortest: int = 1) -> str:
        """The text with "…" for the credential wherever it stands: in any case, with 0x or without.

        It is found as it is, URL-encoded, and as JSON and JSON pointers escape it. A credential of fewer than
        `shortest` characters is not looked for.
        """
        bare = (self.__held() or "").removeprefix("0x")
        if len(bare) < shortest:
            return text
        pointer = bare.replace("~", "~0").replace("/", "~1")
        written = (bare, quote(bare, safe=""), json.dumps(bare)[1:-1], pointer)
        forms = "|".join(re.escape(form) for form in dict.fromkeys(written))
        return re.sub(f"(?:0x)?(?:{forms})", "…", text, flags=re.IGNORECASE)

    def reveal(self) -> str:
        """The credential, for signing and nothing else. Raises NoCredential when it is absent."""
        text = self.__held()
        if text is None:
            raise NoCredential
        return text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __str__(self) -> NoReturn:
        raise TypeError("a Secret has no text form; use reveal() where it is needed")

    def __format__(self, specification: str) -> NoReturn:
        raise TypeError("a Secret cannot be formatted; use reveal() where it is needed")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled")

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, _memo: object) -> "Secret":
        return self

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__


def seal(opener: Callable[..., object], options: dict[str, Any]) -> None:
    """Put a `Secret` in the place of each plain text that `opener` takes as one.

    So that no variable of ours holds a plain one: a traceback may be shown with all variables on its way.
    """
    for name, kind in get_type_hints(opener).items():
        if Secret in get_args(kind) and isinstance(options.get(name), str):
            options[name] = Secret(options[name])
