"""Exposure: what is held, and what it may become if every open entry fills, at the marks of now.

Worst-case exposure = positions + open entries, the unknown among them, + orders that nobody here
sent and that may open a position (EXECUTION 5). Amounts are in the reporting currency, positions
at their newest mark, however old, or at their entry price where there is none; entries at the worst
price they can fill at. Exits count as not filled yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from engine.copies import quick
from engine.instruments import cash_currency
from engine.numbers import HUNDRED, ONE, ZERO
from engine.portfolio import external_reserved_on
from engine.quotes import Quote
from engine.state import State


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Sum up exposure around one instrument.

    `gross` adds all sizes, `longs` and `shorts` what either side may come to at most, net;
    `coin` is the gross of the instrument's base currency over all venues, `symbol` that of the
    instrument alone; `held` is what of `gross` is filled already.
    """

    held: Decimal = ZERO
    gross: Decimal = ZERO
    longs: Decimal = ZERO
    shorts: Decimal = ZERO
    coin: Decimal = ZERO
    symbol: Decimal = ZERO

    def with_entry(self, amount: Decimal, sign: int) -> "Exposure":
        """Give the exposure once an entry of this worth has filled, a buy or a sell by `sign`."""
        bought, sold = (amount, ZERO) if sign > 0 else (ZERO, amount)
        return Exposure(
            held=self.held,
            gross=self.gross + amount,
            longs=self.longs + bought,
            shorts=self.shorts + sold,
            coin=self.coin + amount,
            symbol=self.symbol + amount,
        )

    @property
    def net(self) -> Decimal:
        """Give the heavier side: what is left when only that side's entries fill."""
        return max(self.longs, self.shorts)


NONE = Exposure()


def exposure(state: State, quotes: Mapping[str, Quote], key: str) -> Exposure:
    """Give the worst-case exposure, seen from one instrument.

    `longs` is the signed sum of positions plus every open buy, `shorts` the negated sum plus every
    open short; a side that the other outweighs is negative. All of it is in the reporting currency,
    by the rates of the last measurement.
    """
    base = base_of(key)
    gross = net = coin = symbol = ZERO
    for name, position in state.positions.items():
        quote = quotes.get(name)
        value = position.quantity * (quote.mark if quote is not None else position.entry_price)
        value = in_reporting(state, name, value)
        size = abs(value)
        gross += size
        net += value
        if base_of(name) == base:
            coin += size
            if name == key:
                symbol += size
    held, bought, sold = gross, ZERO, ZERO
    for name, on in state.open_on.items():
        if not on.entries:
            continue
        buys, sells = on.buys, on.sells
        if state.rates:
            buys, sells = in_reporting(state, name, buys), in_reporting(state, name, sells)
        bought += buys
        sold += sells
        if base_of(name) == base:
            coin += buys + sells
            if name == key:
                symbol += buys + sells
    if state.external_orders:
        for name, reserved, sign in external_reserved_on(state):
            worth = in_reporting(state, name, reserved)
            if sign > 0:
                bought += worth
            else:
                sold += worth
            if base_of(name) == base:
                coin += worth
                if name == key:
                    symbol += worth
    return Exposure(
        held=held,
        gross=gross + bought + sold,
        longs=net + bought,
        shorts=sold - net,
        coin=coin,
        symbol=symbol,
    )


def in_reporting(state: State, key: str, amount: Decimal) -> Decimal:
    """Give an instrument's amount in the reporting currency; as it is where no rate is known."""
    if not state.rates:
        return amount
    return amount * state.rates.get(cash_currency(key.partition(":")[2]), ONE)


def base_of(key: str) -> str:
    """Give the base currency of an instrument key, `binance:BTC/USDT`, in which a coin counts."""
    return key.partition(":")[2].partition("/")[0]


def share_pct(amount: Decimal, equity: Decimal) -> Decimal:
    """Give an amount as a share of equity, in percent; a hundred times over where there is none."""
    return amount / equity * HUNDRED if equity > ZERO else HUNDRED * HUNDRED


def largest_coin(state: State, quotes: Mapping[str, Quote]) -> tuple[str, Decimal]:
    """Give the coin with the most worst-case exposure, and how much; empty where nothing is."""
    coins: dict[str, Decimal] = {}
    for key, amount in _by_symbol(state, quotes).items():
        coins[base_of(key)] = coins.get(base_of(key), ZERO) + amount
    return _most(coins)


def largest_symbol(state: State, quotes: Mapping[str, Quote]) -> tuple[str, Decimal]:
    """Give the instrument's key with the most worst-case exposure, and how much."""
    return _most(_by_symbol(state, quotes))


def _by_symbol(state: State, quotes: Mapping[str, Quote]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for key, position in state.positions.items():
        quote = quotes.get(key)
        mark = quote.mark if quote is not None else position.entry_price
        found[key] = in_reporting(state, key, abs(position.quantity) * mark)
    for key, on in state.open_on.items():
        found[key] = found.get(key, ZERO) + in_reporting(state, key, on.buys + on.sells)
    for key, worth, _ in external_reserved_on(state):
        found[key] = found.get(key, ZERO) + in_reporting(state, key, worth)
    return found


def _most(amounts: Mapping[str, Decimal]) -> tuple[str, Decimal]:
    name = max(amounts, key=lambda each: (amounts[each], each), default="")
    return name, amounts.get(name, ZERO)
