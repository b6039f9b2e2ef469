"""One environment variable at a time: read, checked, and its fault kept as a plain sentence."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from urllib.parse import SplitResult, urlsplit

from bot.secret import Secret

SHOWN_CHARACTERS_MAX = 20
DIGITS_MAX = 15
SECRET_CHARACTERS_MAX = 16_384
FLAGS = {"1": True, "true": True, "yes": True, "on": True}
FLAGS |= {"0": False, "false": False, "no": False, "off": False}


def shown(value: str) -> str:
    """Quote what somebody wrote, unless it is long: that may be a secret in the wrong place."""
    if len(value) > SHOWN_CHARACTERS_MAX:
        return f"a text of {len(value)} characters"
    return f"'{''.join(c if c.isprintable() else '?' for c in value)}'"


def words(values: Sequence[str], last: str = "or") -> str:
    """Join values the way a sentence does: a, b or c."""
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])} {last} {values[-1]}"


class Variables:
    """Read variables by name; an unset, empty or blank one is None, a wrong one leaves a fault."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.faults: list[str] = []
        self.warnings: list[str] = []

    def text(self, name: str) -> str | None:
        return self._environ.get(name, "").strip() or None

    def names(self) -> list[str]:
        return sorted(name for name in self._environ if self.text(name) is not None)

    def choice(self, name: str, accepted: Sequence[str], default: str) -> str:
        """Read one of a few words, in any case."""
        value = self.text(name)
        if value is None:
            return default
        if value.lower() not in accepted:
            self.faults.append(f"{name} is {shown(value)}: give {words(accepted)}.")
            return default
        return value.lower()

    def flag(self, name: str) -> bool:
        """Read a switch; unset is off."""
        value = self.text(name)
        if value is None:
            return False
        if value.lower() not in FLAGS:
            self.faults.append(f"{name} is {shown(value)}: give true or false.")
        return FLAGS.get(value.lower(), False)

    def whole(self, name: str, low: int, high: int, example: int) -> int | None:
        """Read a whole number between low and high, both included."""
        value = self.text(name)
        if value is None:
            return None
        if not re.fullmatch(r"[0-9]{1,15}", value) or not low <= int(value) <= high:
            self.faults.append(
                f"{name} is {shown(value)}: give a whole number from {low} to {high}, "
                f"for example {example}."
            )
            return None
        return int(value)

    def percent(self, name: str, default: Decimal) -> Decimal:
        """Read a share above 0 and up to 100, in percent."""
        value = self.text(name)
        if value is None:
            return default
        number = _decimal(value)
        if number is None or not 0 < number <= 100:
            self.faults.append(
                f"{name} is {shown(value)}: give a percentage above 0 and up to 100, "
                f"without the sign, for example {default}."
            )
            return default
        return number

    def number(self, name: str, low: Decimal, high: Decimal, default: Decimal) -> Decimal:
        """Read a plain number between low and high, both included."""
        value = self.text(name)
        if value is None:
            return default
        number = _decimal(value)
        if number is None or not low <= number <= high:
            self.faults.append(
                f"{name} is {shown(value)}: give a number from {low} to {high}, "
                f"for example {default}."
            )
            return default
        return number

    def secret(self, name: str, *, lines: bool = False) -> Secret | None:
        """Read a secret; unless it may have lines, white space in it means that pasting failed."""
        value = self.text(name)
        if value is None:
            return None
        if not lines and any(character.isspace() for character in value):
            self.faults.append(
                f"{name} contains a space or a line break: paste it again, in one piece."
            )
            return None
        if len(value) > SECRET_CHARACTERS_MAX:
            self.faults.append(f"{name} is longer than {SECRET_CHARACTERS_MAX} characters.")
            return None
        return Secret(value)

    def address(self, name: str, schemes: Sequence[str], *, path: bool) -> str | None:
        """Read a URL without its last slash; no user, query or fragment, and a path if allowed."""
        value = self.text(name)
        if value is None:
            return None
        parts = split_address(value)
        example = f"{schemes[0]}://localhost:8081"
        if parts is None or parts.scheme not in schemes or not parts.hostname:
            kinds = words([f"{scheme}://" for scheme in schemes])
            self.faults.append(
                f"{name} is no address: it must start with {kinds} and name a host, "
                f"for example {example}."
            )
            return None
        if parts.query or parts.fragment or "@" in parts.netloc:
            self.faults.append(
                f"{name} has a user, a query or a fragment: give only scheme, host and port, "
                f"for example {example}."
            )
            return None
        if not path and parts.path.strip("/"):
            self.faults.append(
                f"{name} has a path: give only scheme, host and port, for example {example}; "
                "the path of each request is kept."
            )
            return None
        return value.rstrip("/")

    def balance(self, name: str, default: tuple[Decimal, str]) -> tuple[Decimal, str]:
        """Read an amount and a currency, such as `10000 USDT`."""
        value = self.text(name)
        if value is None:
            return default
        found = re.fullmatch(r"(\S+)\s+([A-Za-z0-9]{2,10})", value)
        amount = _decimal(found[1]) if found else None
        if found is None or amount is None or amount <= 0:
            self.faults.append(
                f"{name} is {shown(value)}: give an amount above 0 and a currency, "
                "for example 10000 USDT."
            )
            return default
        return amount, found[2].upper()


def split_address(value: str) -> SplitResult | None:
    """Take a URL apart; None when it is none, or its port is none."""
    if any(character.isspace() for character in value):
        return None
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _decimal(text: str) -> Decimal | None:
    """Read plain digits with at most one point: no sign, no exponent, no separators."""
    if len(text) > DIGITS_MAX or not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return None
    return Decimal(text)
