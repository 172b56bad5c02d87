"""A credential that cannot be printed, formatted, pickled or copied into a log by accident."""

from typing import NoReturn, final


@final
class Secret:
    """Holds one credential; `reveal()` is the only way to its text."""

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    @classmethod
    def of(cls, value: "str | Secret") -> "Secret":
        """The secret itself, or a new one around a plain text."""
        return value if isinstance(value, Secret) else cls(value)

    def reveal(self) -> str:
        """The credential, for signing and nothing else."""
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
