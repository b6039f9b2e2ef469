"""Symbols: the instrument a person meant, or the closest ones."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

from engine.instruments import Instrument, InstrumentKind, symbol_named

SUGGESTIONS_MAX = 2
LIKENESS_MIN = 0.5
DOLLARS = frozenset({"USD", "USDT", "USDC", "FDUSD", "TUSD", "BUSD", "DAI"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """Know what can be traded where: venues in the order of preference, and their instruments."""

    venues: tuple[str, ...]
    instruments: Mapping[str, Instrument]
    currency: str = "USDT"

    def listed(self, kind: InstrumentKind, venue: str | None = None) -> list[Instrument]:
        """Give the active instruments of a kind, the preferred venue first."""
        wanted = (venue,) if venue is not None else self.venues
        return [
            each
            for name in wanted
            for each in self.instruments.values()
            if each.venue == name and each.kind is kind and each.active
        ]

    def currencies(self) -> frozenset[str]:
        """Give every base and quote currency, in capitals."""
        every = self.instruments.values()
        return frozenset(c.upper() for each in every for c in (each.base, each.quote))

    def find(self, word: str, kind: InstrumentKind, venue: str | None = None) -> Instrument | None:
        """Find the instrument a word names: `BTC/USDT`, `BTCUSDT`, `btc`, `BTC/USDT:USDT`."""
        for name in (venue,) if venue is not None else self.venues:
            known = self.listed(kind, name)
            symbol = symbol_named(_spelled(word), _names(known), quote=self.currency)
            for each in known:
                if symbol is not None and symbol in (each.symbol, _spot_name(each)):
                    return each
        return None

    def near(self, word: str, kind: InstrumentKind, venue: str | None = None) -> list[Instrument]:
        """Give at most two instruments whose name or base looks like the word, closest first."""
        wanted = word.upper().partition("/")[0].removesuffix(self.currency) or word.upper()
        scored: dict[str, tuple[float, Instrument]] = {}
        for each in self.listed(kind, venue):
            likeness = _likeness(wanted, each.base.upper())
            if likeness >= LIKENESS_MIN and each.symbol not in scored:
                scored[each.symbol] = (likeness, each)
        # In order of likeness, and among equals the reporting currency before the others.
        ordered = sorted(
            scored.values(),
            key=lambda one: (-one[0], one[1].quote != self.currency, one[1].symbol),
        )
        return [each for _, each in ordered[:SUGGESTIONS_MAX]]


def _names(instruments: Iterable[Instrument]) -> list[str]:
    return [name for each in instruments for name in (each.symbol, _spot_name(each))]


def _spot_name(instrument: Instrument) -> str:
    """Name a swap the way a person who also wrote `perp` does."""
    return f"{instrument.base}/{instrument.quote}"


def _spelled(word: str) -> str:
    return word.upper().replace("-", "/").replace("_", "/")


def _likeness(wanted: str, base: str) -> float:
    matcher = SequenceMatcher(None, wanted, base, autojunk=False)
    # One wrong letter in a three-letter name leaves 2/3; two swapped letters should count as near.
    same_letters = 0.6 if sorted(wanted) == sorted(base) else 0.0
    return max(matcher.ratio(), same_letters)
