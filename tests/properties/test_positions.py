"""Money: positions, cash, fees and profit as decided and folded, against a ledger in fractions."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.numbers import ZERO
from engine.orders import OrderSide
from engine.state import State
from tests.engine.desk import Desk
from tests.properties.ledger import Ledger

SPOT = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
SWAPS = ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT")
BNB_BID, BNB_ASK = "654.9", "655.1"
BNB_MID = Decimal(655)
# Averages are quotients, kept to 28 digits; everything else is exact.
NEARLY = Fraction(1, 10**18)


@dataclass(frozen=True)
class Execution:
    """One execution, wherever it comes from; the fee is `rate` of its worth, paid in `paid_in`."""

    symbol: str
    side: OrderSide
    quantity: Decimal
    price: Decimal
    rate: Decimal
    paid_in: str

    @property
    def base(self) -> str:
        return self.symbol.partition("/")[0]

    @property
    def fee(self) -> tuple[Decimal, str]:
        """Give the fee as the venue reports it."""
        worth = self.quantity * self.price * self.rate
        if self.paid_in == "base":
            return self.quantity * self.rate, self.base
        if self.paid_in == "third":
            return (worth / BNB_MID).quantize(Decimal("1e-8")), "BNB"
        if self.paid_in == "unpriced":
            return worth.quantize(Decimal("1e-8")), "NOTHING"
        return worth, "USDT"


SIZES = st.integers(1, 5000).map(lambda n: Decimal(n) / 1000)
PRICES = st.integers(1, 10_000_000).map(lambda n: Decimal(n) / 100)
RATES = st.sampled_from(["0", "0.001", "0.00055", "-0.0001", "0.0002"]).map(Decimal)
PAID_IN = st.sampled_from(["quote", "base", "third", "unpriced"])


def executions(symbols: tuple[str, ...]) -> st.SearchStrategy[Execution]:
    return st.builds(
        Execution,
        symbol=st.sampled_from(symbols),
        side=st.sampled_from(OrderSide),
        quantity=SIZES,
        price=PRICES,
        rate=RATES,
        paid_in=PAID_IN,
    )


def possible(wanted: list[Execution]) -> list[Execution]:
    """Leave out what a spot account cannot sell; whoever sells all there is goes flat."""
    held: dict[str, Decimal] = {}
    found: list[Execution] = []
    for each in wanted:
        owned = held.get(each.symbol, ZERO)
        if ":" not in each.symbol and each.side is OrderSide.SELL:
            if owned <= ZERO:
                continue
            fields = {**vars(each), "quantity": min(owned, each.quantity)}
            each = Execution(**fields)  # noqa: PLW2901 - the same sale, made possible
        bought_with = each.paid_in == "base" and each.side is OrderSide.BUY
        kept_back = each.fee[0] if bought_with and ":" not in each.symbol else ZERO
        held[each.symbol] = owned + each.side.sign * each.quantity - kept_back
        found.append(each)
    return found


def worth_and_units(each: Execution) -> tuple[Fraction, Fraction]:
    """Give the fee's worth in cash currency, and what it kept back of the bought units.

    One that nothing prices costs nothing yet.
    """
    fee, currency = each.fee
    if currency == "NOTHING":
        return Fraction(0), Fraction(0)
    if currency == "BNB":
        return Fraction(fee) * Fraction(BNB_MID), Fraction(0)
    if currency == each.base:
        is_spot_buy = each.side is OrderSide.BUY and ":" not in each.symbol
        kept_back = Fraction(fee) if is_spot_buy else Fraction(0)
        return Fraction(fee) * Fraction(each.price), kept_back
    return Fraction(fee), Fraction(0)


def a_desk() -> Desk:
    desk = Desk(cash="1000000")
    desk.quote("BNB/USDT", BNB_BID, BNB_ASK)
    return desk


def execute(desk: Desk, each: Execution, number: int) -> None:
    fee, currency = each.fee
    fields: dict[str, Any] = {
        "symbol": each.symbol,
        "side": each.side,
        "fee": fee,
        "fee_currency": currency,
        "trade_id": f"{each.symbol}-{number}",
    }
    name = desk.sent(each.symbol, each.side, each.quantity, f"qd{number}")
    desk.fill(name, str(each.quantity), str(each.price), **fields)


def enter(ledger: Ledger, each: Execution) -> None:
    worth, kept_back = worth_and_units(each)
    ledger.trade(
        each.symbol,
        sign=each.side.sign,
        units=Fraction(each.quantity),
        price=Fraction(each.price),
        fee_worth=worth,
        fee_units=kept_back,
        fee_cash=worth if each.fee[1] == "USDT" else Fraction(0),
    )


def nearly(value: Decimal, exact: Fraction) -> bool:
    return abs(Fraction(value) - exact) <= NEARLY * (1 + abs(exact))


def assert_equal(state: State, ledger: Ledger) -> None:
    assert nearly(state.cash["binance:USDT"], ledger.cash)
    positions = {position.symbol: position for position in state.positions.values()}
    assert positions.keys() == ledger.holdings.keys()
    for symbol, holding in ledger.holdings.items():
        position = positions[symbol]
        assert Fraction(position.quantity) == holding.units
        assert nearly(position.entry_price, holding.average)
        assert nearly(position.realised_pnl, holding.earned)
        assert nearly(position.fees, holding.fees)
        assert position.quantity_peak >= abs(position.quantity)
    tally = state.tally
    assert nearly(tally.realised_pnl, ledger.realised)
    assert nearly(tally.fees, ledger.fees)
    assert nearly(tally.volume, ledger.volume)
    assert tally.closed_trades == len(ledger.finished)
    # What earned nothing but dust of a division is neither won nor lost for certain.
    won = sum(1 for pnl in ledger.finished if pnl > NEARLY)
    lost = sum(1 for pnl in ledger.finished if pnl < -NEARLY)
    assert won <= tally.won <= len(ledger.finished) - lost
    assert lost <= tally.lost <= len(ledger.finished) - won
    if ledger.finished:
        assert tally.best is not None
        assert tally.worst is not None
        assert nearly(tally.best, max(ledger.finished))
        assert nearly(tally.worst, min(ledger.finished))


@given(wanted=st.lists(executions(SPOT + SWAPS), min_size=1, max_size=14))
def test_every_fill_leaves_what_the_ledger_has(wanted: list[Execution]) -> None:
    desk, ledger = a_desk(), Ledger(cash=Fraction(1_000_000))
    for number, each in enumerate(possible(wanted)):
        execute(desk, each, number)
        enter(ledger, each)
        assert_equal(desk.state, ledger)


@given(wanted=st.lists(executions(SWAPS[:1]), min_size=2, max_size=14))
def test_a_swap_that_turns_around_leaves_what_the_ledger_has(wanted: list[Execution]) -> None:
    desk, ledger = a_desk(), Ledger(cash=Fraction(1_000_000))
    for number, each in enumerate(wanted):
        execute(desk, each, number)
        enter(ledger, each)
        assert_equal(desk.state, ledger)


@given(wanted=st.lists(executions(SPOT + SWAPS), min_size=1, max_size=12), data=st.data())
def test_money_at_any_mark_is_what_went_in_and_what_was_earned(
    wanted: list[Execution], data: st.DataObject
) -> None:
    desk = a_desk()
    for number, each in enumerate(possible(wanted)):
        execute(desk, each, number)
    state = desk.state
    marks = {key: data.draw(PRICES) for key in state.positions}
    swaps = sum(
        (p.unrealised_pnl(marks[key]) for key, p in state.positions.items() if ":" in p.symbol),
        ZERO,
    )
    units = sum(
        (p.quantity * marks[key] for key, p in state.positions.items() if ":" not in p.symbol), ZERO
    )
    equity = state.cash["binance:USDT"] + swaps + units
    open_pnl = sum((p.unrealised_pnl(marks[key]) for key, p in state.positions.items()), ZERO)
    earned = Decimal(1_000_000) + state.tally.realised_pnl + open_pnl
    # A fee out of coins that are not counted is money that came in, and was lost at once.
    assert state.equity is not None
    assert abs(equity - state.equity.day_flows - earned) < Decimal("1e-9")
    assert nearly(state.equity.day_flows, sum(map(beside, possible(wanted)), Fraction(0)))


def beside(each: Execution) -> Fraction:
    """Give what a fee took of coins that are neither this cash nor what was bought."""
    worth, kept_back = worth_and_units(each)
    return worth if each.fee[1] != "USDT" and not kept_back else Fraction(0)


@given(wanted=st.lists(executions(SPOT + SWAPS), min_size=2, max_size=10), data=st.data())
def test_the_order_of_independent_symbols_does_not_matter(
    wanted: list[Execution], data: st.DataObject
) -> None:
    given_order = possible(wanted)
    queues: dict[str, list[tuple[int, Execution]]] = {}
    for number, each in enumerate(given_order):
        queues.setdefault(each.symbol, []).append((number, each))
    one, other = a_desk(), a_desk()
    for number, each in enumerate(given_order):
        execute(one, each, number)
    while queues:
        symbol = data.draw(st.sampled_from(sorted(queues)))
        number, each = queues[symbol].pop(0)
        execute(other, each, number)
        if not queues[symbol]:
            del queues[symbol]
    assert dict(other.state.positions) == dict(one.state.positions)
    # Sums of more than 28 digits are rounded, and each order rounds elsewhere.
    assert near(other.state.cash["binance:USDT"], one.state.cash["binance:USDT"])
    for name in ("realised_pnl", "fees", "volume"):
        assert near(getattr(other.state.tally, name), getattr(one.state.tally, name)), name
    for name in ("closed_trades", "won", "lost", "best", "worst"):
        assert getattr(other.state.tally, name) == getattr(one.state.tally, name), name


def near(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) < Decimal("1e-15")


@given(wanted=st.lists(executions(SPOT + SWAPS), min_size=1, max_size=8), data=st.data())
def test_a_fill_told_again_changes_nothing(wanted: list[Execution], data: st.DataObject) -> None:
    desk = a_desk()
    told: list[tuple[int, Execution]] = []
    for number, each in enumerate(possible(wanted)):
        execute(desk, each, number)
        told.append((number, each))
        before = desk.state
        again = data.draw(st.sampled_from(told))
        execute(desk, again[1], again[0])
        assert desk.state is before
