"""A credential that cannot be printed, formatted, pickled or copied into a log by accident."""

import re
from collections.abc import Callable
from typing import NoReturn, final
from urllib.parse import quote


class NoCredential(Exception):
    """A credential was needed where there is none: see `Secret.absent`."""


@final
class Secret:
    """Holds one credential; `reveal()` is the only way to its text."""

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text: str | None = text

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
        secret.__text = None
        return secret

    def passes(self, check: Callable[[str], object]) -> bool:
        """Whether the credential has a form: what `check` makes of its text. One that is absent has any form."""
        return self.__text is None or bool(check(self.__text))

    def strike(self, text: str, *, shortest: int = 1) -> str:
        """The text with "…" for the credential wherever it stands: in any case, with 0x or without, URL-encoded.

        A credential of fewer than `shortest` characters is not looked for.
        """
        bare = (self.__text or "").removeprefix("0x")
        if len(bare) < shortest:
            return text
        forms = "|".join(re.escape(form) for form in dict.fromkeys((bare, quote(bare, safe=""))))
        return re.sub(f"(?:0x)?(?:{forms})", "…", text, flags=re.IGNORECASE)

    def reveal(self) -> str:
        """The credential, for signing and nothing else. Raises NoCredential when it is absent."""
        if self.__text is None:
            raise NoCredential
        return self.__text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __str__(self) -> NoReturn:
        raise TypeError("a Secret has no text form; use reveal() where it is needed")

    def __format__(self, specification: str) -> NoReturn:
        raise TypeError("a Secret cannot be formatted; use reveal() where it is needed")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled")

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__
