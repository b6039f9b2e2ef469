"""Text that must never be shown: tokens, keys, passwords and addresses that contain one."""

import hmac
from typing import NoReturn, final

MASK = "***"


@final
class Secret:
    """Hold a secret text: printed, logged or formatted it is `***`; only `reveal` gives it out.

    It is no dataclass on purpose: `dataclasses.asdict` of what holds it would lay it open.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Give the text itself, to the library that needs it and to nobody else."""
        return self._text

    def matches(self, offered: str) -> bool:
        """Compare in a time that does not tell how much of `offered` was right."""
        # Environment and headers carry bytes that are no UTF-8 as surrogates: they compare, too.
        mine, theirs = (text.encode(errors="surrogateescape") for text in (self._text, offered))
        return hmac.compare_digest(mine, theirs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.matches(other._text)

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret is neither pickled nor copied: give the other side its own.")
