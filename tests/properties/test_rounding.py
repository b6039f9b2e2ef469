"""Rounding: onto the grid, in the direction meant, however long the digits are."""

from dataclasses import replace
from decimal import Context, Decimal
from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from engine.instruments import Instrument, Toward
from engine.markets.catalogue import catalogue
from engine.numbers import MAGNITUDE_MAX, MAGNITUDE_MIN, ZERO

BTC = catalogue("binance")["binance:BTC/USDT"]
PERP = catalogue("binance")["binance:BTC/USDT:USDT"]

# Steps as venues state them, and steps that do not divide a power of ten.
STEPS = st.one_of(
    st.builds(lambda n: Decimal(1).scaleb(n), st.integers(-18, 3)),
    st.builds(
        lambda n, d: Decimal(n).scaleb(d),
        st.sampled_from([2, 3, 5, 7, 25, 125, 33]),
        st.integers(-8, 2),
    ),
)
# The widest numbers that the edge lets in, with the 28 digits that a division leaves.
VALUES = st.one_of(
    st.decimals(MAGNITUDE_MIN, MAGNITUDE_MAX, allow_nan=False, allow_infinity=False),
    st.builds(lambda n, d: Decimal(n).scaleb(d), st.integers(1, 10**28 - 1), st.integers(-40, -10)),
)


@st.composite
def beside_the_grid(draw: st.DrawFn, step: Decimal) -> Decimal:
    """Make the longest number right below or above a grid point: where a rounding can slip."""
    context = Context(prec=28)
    point = context.multiply(step, draw(st.integers(1, 99) | st.integers(1, 10**9)))
    return draw(st.sampled_from([context.next_minus, context.next_plus]))(point)


def cases() -> st.SearchStrategy[tuple[Decimal, Decimal]]:
    """Make a value and a step."""
    return STEPS.flatmap(
        lambda step: st.tuples(st.one_of(VALUES, *[beside_the_grid(step)] * 4), st.just(step))
    )


def on_the_grid(value: Decimal, step: Decimal) -> bool:
    return (Fraction(value) / Fraction(step)).denominator == 1


def stepped(step: Decimal) -> Instrument:
    return replace(BTC, quantity_step=step, price_tick=step, quantity_min=step)


# 28 digits divided by 3 end on one more nine: the quotient itself must not be rounded up.
SLIPPERY = (Decimal("0.8999999999999999999999999999"), Decimal("0.3"))

# The largest number over the smallest step: 36 digits before the point.
WIDE = (Decimal("123456789012345678.123456789012345678"), Decimal("1e-18"))


@given(case=cases())
@example(case=SLIPPERY)
@example(case=WIDE)
def test_a_quantity_is_never_rounded_up_and_never_by_a_whole_lot(
    case: tuple[Decimal, Decimal],
) -> None:
    value, step = case
    rounded = Fraction(stepped(step).quantity_rounded(value))
    assert rounded <= Fraction(value) < rounded + Fraction(step)


@given(case=cases(), toward=st.sampled_from(Toward))
@example(case=SLIPPERY, toward=Toward.DOWN)
@example(case=WIDE, toward=Toward.DOWN)
@example(case=WIDE, toward=Toward.UP)
def test_a_price_stays_on_its_side_and_within_one_tick(
    case: tuple[Decimal, Decimal], toward: Toward
) -> None:
    value, step = case
    rounded = Fraction(stepped(step).price_rounded(value, toward))
    passed = rounded - Fraction(value)
    if toward is Toward.DOWN:
        assert 0 <= -passed < Fraction(step)
    else:
        assert 0 <= passed < Fraction(step)


@given(case=cases(), toward=st.sampled_from(Toward))
@example(case=SLIPPERY, toward=Toward.DOWN)
@example(case=WIDE, toward=Toward.DOWN)
@example(case=WIDE, toward=Toward.UP)
def test_what_is_rounded_lies_on_the_grid_and_rounds_to_itself(
    case: tuple[Decimal, Decimal], toward: Toward
) -> None:
    value, step = case
    instrument = stepped(step)
    price = instrument.price_rounded(value, toward)
    assert on_the_grid(price, step)
    assert instrument.price_rounded(price, toward) == price
    quantity = instrument.quantity_rounded(value)
    assert on_the_grid(quantity, step)
    assert instrument.quantity_rounded(quantity) == quantity


@given(one=VALUES, other=VALUES, step=STEPS, toward=st.sampled_from(Toward))
def test_rounding_never_turns_two_numbers_around(
    one: Decimal, other: Decimal, step: Decimal, toward: Toward
) -> None:
    low, high = sorted((one, other))
    instrument = stepped(step)
    assert instrument.price_rounded(low, toward) <= instrument.price_rounded(high, toward)
    assert instrument.quantity_rounded(low) <= instrument.quantity_rounded(high)


@given(
    notional=st.decimals("0.01", "1e9", places=8),
    price=st.decimals("1e-8", "1e7", places=8),
    step=STEPS,
    lots_min=st.integers(1, 50),
)
def test_a_covering_quantity_is_worth_enough_and_one_lot_less_is_not(
    notional: Decimal, price: Decimal, step: Decimal, lots_min: int
) -> None:
    instrument = replace(stepped(step), quantity_min=step * lots_min)
    quantity = instrument.quantity_covering(notional, price)
    assert on_the_grid(quantity, step)
    assert Fraction(quantity) * Fraction(price) >= Fraction(notional)
    less = Fraction(quantity) - Fraction(step)
    assert less < Fraction(instrument.quantity_min) or less * Fraction(price) < Fraction(notional)


@given(
    case=cases(),
    price=st.none() | st.decimals("1e-8", "1e7", places=8),
    notional_min=st.sampled_from([ZERO, Decimal(5), Decimal(100)]),
    is_swap=st.booleans(),
    is_short=st.booleans(),
)
def test_dust_is_exactly_what_the_venue_would_not_take(
    *,
    case: tuple[Decimal, Decimal],
    price: Decimal | None,
    notional_min: Decimal,
    is_swap: bool,
    is_short: bool,
) -> None:
    value, step = case
    base = PERP if is_swap else BTC
    instrument = replace(base, quantity_step=step, quantity_min=2 * step, notional_min=notional_min)
    lots = Fraction(value) // Fraction(step)
    worth = lots * Fraction(step) * Fraction(price or 0)
    refused = lots < 2 or (not is_swap and price is not None and worth < notional_min)
    assert instrument.is_dust(-value if is_short else value, price) is refused
