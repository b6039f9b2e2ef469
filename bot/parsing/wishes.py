"""Wishes: an order's words sorted by what they say, before any market is asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from bot.parsing.amounts import Amount, is_amount, read_amount
from bot.parsing.plans import BREAK_EVEN, TIME, TRAIL, lasts_of, moment_of
from bot.parsing.refusals import Malformed, shown
from bot.parsing.symbols import DOLLARS
from engine.numbers import HUNDRED, plain
from engine.signals import TARGETS_MAX

_FILLERS = frozenset({"of", "for", "worth", "with", "and", "please", "a", "an", "the", "to"})
_NO_NUMBERS = frozenset({"nan", "inf", "infinity", "-inf", "+inf", "-infinity", "-nan"})
_DOLLAR_UNITS = frozenset({"$", *(name.casefold() for name in DOLLARS)})
_STOP = frozenset({"sl", "stop", "stoploss", "stop-loss"})
_TARGET = frozenset({"tp", "target", "targets", "takeprofit", "take-profit"})
_PERP = frozenset({"perp", "perps", "perpetual", "swap", "future", "futures"})


@dataclass(slots=True, kw_only=True)
class Wish:
    """Hold what the words said so far; `read` repeats it in plain words, in their order."""

    size: Amount | None = None
    risk_pct: Decimal | None = None
    price_limit: Decimal | None = None
    is_market: bool = False
    stop: Amount | None = None
    targets: list[Amount] = field(default_factory=list)
    trail: Amount | None = None
    trail_from: Amount | None = None
    break_even_after: int | None = None
    close_after_s: int | None = None
    close_at: datetime | None = None
    leverage: Decimal | None = None
    is_perp: bool = False
    is_spot: bool = False
    is_short: bool = False
    venue: str | None = None
    names: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)


def read_wish(words: Sequence[str], currencies: frozenset[str], venues: Sequence[str]) -> Wish:
    """Sort the words of an order. Raises: Malformed at the first word that cannot be meant."""
    return _Reader(words, currencies, venues).wish()


class _Reader:
    """Walk over the words once; each method takes the words that it understands."""

    def __init__(
        self, words: Sequence[str], currencies: frozenset[str], venues: Sequence[str]
    ) -> None:
        self._words = words
        self._currencies = frozenset(name.casefold() for name in currencies) | _DOLLAR_UNITS
        self._venues = venues
        self._next = 0
        self._wish = Wish()

    def wish(self) -> Wish:
        while self._next < len(self._words):
            word = self._take()
            if word in _NO_NUMBERS:
                raise Malformed("Not a number", f"{shown(word)} is no number such as 0.01.")
            if not self._flag(word) and not self._option(word):
                self._size_or_name(word)
        return self._wish

    def _take(self) -> str:
        self._next += 1
        return self._words[self._next - 1]

    def _peek(self) -> str | None:
        return self._words[self._next] if self._next < len(self._words) else None

    def _flag(self, word: str) -> bool:
        """Understand a word that stands alone."""
        wish = self._wish
        if word in _FILLERS:
            return True
        if word in _PERP:
            wish.is_perp = True
        elif word == "spot":
            wish.is_spot = True
        elif word == "short":
            wish.is_short = True
        elif word == "market":
            wish.is_market = True
        elif word in ("all", "everything", "half"):
            number = HUNDRED if word != "half" else HUNDRED / 2
            self._sized(Amount(number=number, unit="%", text=word))
            return True
        else:
            return False
        wish.read.append(word)
        return True

    def _option(self, word: str) -> bool:
        """Understand a word that is followed by its value."""
        if word in _STOP:
            self._stop()
        elif word in _TARGET:
            self._targets()
        elif word == "risk":
            self._risk()
        elif word in TRAIL:
            self._trail()
        elif word in BREAK_EVEN:
            self._break_even()
        elif word in TIME:
            self._time()
        elif word in ("@", "limit", "at"):
            self._limit(word)
        elif word in ("on", "venue"):
            self._venue()
        elif word in ("leverage", "lev"):
            self._leveraged(self._value("The leverage", "3x"))
        elif is_amount(word) and word.endswith("x") and word[-2:-1].isdigit():
            self._leveraged(read_amount(word))
        elif word[0] == "x" and word[1:].isdigit():
            self._leveraged(read_amount(word[1:] + "x"))
        else:
            return False
        return True

    def _value(self, name: str, example: str) -> Amount:
        word = self._peek()
        if word is None or not is_amount(word):
            found = "nothing follows" if word is None else f"{shown(word)} is no number"
            raise Malformed("Number missing", f"{name} needs a number, such as {example}: {found}.")
        self._next += 1
        return self._with_unit(read_amount(word))

    def _with_unit(self, amount: Amount) -> Amount:
        """Join a number with the dollars that follow it; other currencies only size an order."""
        following = self._peek()
        if not amount.unit and following in _DOLLAR_UNITS:
            self._next += 1
            return Amount(
                number=amount.number, unit=following or "", text=f"{amount.text} {following}"
            )
        return amount

    def _stop(self) -> None:
        if self._wish.stop is not None:
            raise Malformed("Two stops", "Give the stop once: sl 2% or sl 59400.")
        self._wish.stop = _price_or_percent(self._value("The stop", "sl 2%"), "The stop")
        self._wish.read.append(f"stop {self._wish.stop.text}")

    def _targets(self) -> None:
        amounts = [_price_or_percent(self._value("The target", "tp 4%"), "The target")]
        while self._target_follows(amounts[0]):
            amounts.append(
                _price_or_percent(self._with_unit(read_amount(self._take())), "A target")
            )
        self._wish.targets.extend(amounts)
        if len(self._wish.targets) > TARGETS_MAX:
            count = len(self._wish.targets)
            raise Malformed("Too many targets", f"At most {TARGETS_MAX} targets, not {count}.")
        self._wish.read.append("target " + " ".join(amount.text for amount in amounts))

    def _target_follows(self, first: Amount) -> bool:
        """Tell whether the next number is one more target: of the same kind, and no size."""
        word = self._peek()
        percent = first.unit == "%"
        if word is None or not is_amount(word) or word.endswith("%") is not percent:
            return False
        if percent:
            return True
        if "$" in word and first.unit != "$":
            # `tp 63000 $250` says what `tp 63000 250 usdt` says.
            return False
        after = self._words[self._next + 1] if self._next + 1 < len(self._words) else None
        return word[-1].isdigit() and after not in self._currencies

    def _trail(self) -> None:
        if self._wish.trail is not None:
            raise Malformed("Two trails", "Give the trail once: trail 1.5% or trail 500.")
        trail = _price_or_percent(self._value("The trail", "trail 1.5%"), "The trail")
        self._wish.trail = trail
        self._wish.read.append(f"trail {trail.text}")
        if self._peek() == "from":
            self._next += 1
            begins = self._value("Where the trail begins", "from 3%")
            self._wish.trail_from = _price_or_percent(begins, "Where the trail begins")
            self._wish.read.append(f"from {begins.text}")

    def _break_even(self) -> None:
        if self._wish.break_even_after is not None:
            raise Malformed("Break-even twice", "Say once when the stop goes to break-even: be.")
        after = 1
        if self._peek() == "after":
            self._next += 1
            amount = self._value("Break-even after", "be after 1")
            if amount.unit or amount.number != int(amount.number):
                raise Malformed(
                    "Break-even unclear", f"Say after which target: be after 1, not {amount.text}."
                )
            after = int(amount.number)
        self._wish.break_even_after = after
        self._wish.read.append(f"break-even after {after}")

    def _time(self) -> None:
        if self._wish.close_after_s is not None or self._wish.close_at is not None:
            raise Malformed("Two times", "Give the time stop once, such as time 4h.")
        word = self._peek()
        if word is None:
            raise Malformed("Time missing", "A time stop needs its time, such as time 4h.")
        self._next += 1
        if word in ("in", "after", "at") and self._peek() is not None:
            word = self._take()
        unit = self._peek()
        if word.isdigit() and unit is not None and unit.isalpha():
            word += self._take()
        self._wish.close_at = moment_of(word)
        if self._wish.close_at is None:
            self._wish.close_after_s = lasts_of(word)
        self._wish.read.append(f"time {shown(word)}")

    def _risk(self) -> None:
        amount = self._value("Risk", "risk 1%")
        if amount.unit != "%":
            raise Malformed(
                "Risk unclear", f"Risk is a share of equity: write risk {plain(amount.number)}%."
            )
        if self._wish.risk_pct is not None or self._wish.size is not None:
            raise self._two_sizes(f"risk {amount.text}")
        self._wish.risk_pct = amount.number
        self._wish.read.append(f"risk {amount.text}")

    def _limit(self, word: str) -> None:
        if word == "at" and self._peek() == "market":
            return
        amount = self._value("The limit price", "@ 61200")
        if amount.unit == "%":
            raise Malformed("Limit unclear", f"A limit is a price, such as @ 61200: {amount.text}.")
        if amount.unit not in _DOLLAR_UNITS | {""}:
            raise Malformed("Limit unclear", f"A limit is a price, such as @ 61200: {amount.text}.")
        if self._wish.price_limit is not None:
            raise Malformed("Two limits", "Give the limit price once, such as @ 61200.")
        self._wish.price_limit = amount.number
        self._wish.read.append(f"limit {amount.text}")

    def _venue(self) -> None:
        name = self._peek()
        known = ", ".join(self._venues)
        if name is None:
            raise Malformed("Venue missing", f"The word on needs a venue: {known}.")
        self._next += 1
        if name not in self._venues:
            raise Malformed(f"No venue {shown(name)[:14]}", f"Connected: {known}.")
        if self._wish.venue not in (None, name):
            raise Malformed("Two venues", "One order goes to one venue.")
        self._wish.venue = name
        self._wish.read.append(f"on {name}")

    def _leveraged(self, amount: Amount) -> None:
        if amount.unit not in ("x", ""):
            raise Malformed("Leverage unclear", f"Leverage is written 3x, not {amount.text}.")
        if self._wish.leverage is not None:
            raise Malformed("Two leverages", "Give the leverage once, such as 3x.")
        if amount.number < 1:
            raise Malformed("Leverage too small", f"Leverage is at least 1x, not {amount.text}.")
        self._wish.leverage = amount.number
        self._wish.read.append(f"{plain(amount.number)}x")

    def _size_or_name(self, word: str) -> None:
        if not is_amount(word):
            self._name(word)
            return
        try:
            amount = read_amount(word)
        except Malformed:
            # 1INCH begins like a number and is a name.
            if word.partition("/")[0] in self._currencies:
                self._name(word)
                return
            raise
        following = self._peek()
        if amount.unit == "" and following in self._currencies:
            self._next += 1
            amount = Amount(
                number=amount.number, unit=following or "", text=f"{amount.text} {following}"
            )
        elif amount.unit not in self._currencies | {"", "%"}:
            if word.partition("/")[0] in self._currencies:
                self._name(word)
                return
            raise Malformed("Unit unknown", f"{shown(word)}: {shown(amount.unit)} is no currency.")
        self._sized(amount)

    def _name(self, word: str) -> None:
        self._wish.names.append(word)

    def _sized(self, amount: Amount) -> None:
        if self._wish.size is not None or self._wish.risk_pct is not None:
            raise self._two_sizes(amount.text)
        self._wish.size = amount
        self._wish.read.append(amount.text)

    def _two_sizes(self, second: str) -> Malformed:
        size = self._wish.size
        first = size.text if size is not None else f"risk {plain(self._wish.risk_pct or HUNDRED)}%"
        return Malformed("Two sizes", f"I read {first} and {second}. Keep one of the two.")


def _price_or_percent(amount: Amount, name: str) -> Amount:
    if amount.unit in _DOLLAR_UNITS | {"", "%"}:
        return amount
    raise Malformed(
        "Unit unknown", f"{name} is a price or a percentage, such as 59400 or 2%: {amount.text}."
    )
