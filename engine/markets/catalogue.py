"""The instruments of simulated and manual markets: steps, minima and fees as real venues have."""

from dataclasses import dataclass
from decimal import Decimal

from engine.identities import instrument_key
from engine.instruments import Instrument, InstrumentKind
from engine.numbers import ONE

FEE_SPOT = Decimal("0.001")
FEE_SWAP_MAKER = Decimal("0.0002")
FEE_SWAP_TAKER = Decimal("0.00055")


@dataclass(frozen=True, slots=True, kw_only=True)
class Coin:
    """One base currency: its anchor price in USDT, steps, and liveliness.

    `volatility_bps` is a typical move in an hour; `spread_bps` the usual distance of bid and ask;
    `depth_notional` what rests on the best level, in USDT.
    """

    base: str
    price: Decimal
    price_tick: Decimal
    quantity_step: Decimal
    volatility_bps: int
    spread_bps: Decimal
    depth_notional: Decimal


def _coin(base: str, numbers: str) -> Coin:
    price, tick, step, volatility, spread, depth = numbers.split()
    return Coin(
        base=base,
        price=Decimal(price),
        price_tick=Decimal(tick),
        quantity_step=Decimal(step),
        volatility_bps=int(volatility),
        spread_bps=Decimal(spread),
        depth_notional=Decimal(depth),
    )


COINS: tuple[Coin, ...] = (
    _coin("BTC", "61000 0.01 0.00001 55 0.4 60000"),
    _coin("ETH", "3400 0.01 0.0001 70 0.6 40000"),
    _coin("SOL", "150 0.01 0.001 95 1.2 15000"),
    _coin("XRP", "2.1 0.0001 0.1 90 1.5 12000"),
    _coin("BNB", "655 0.01 0.001 55 0.8 15000"),
    _coin("LTC", "98 0.01 0.001 80 1.8 8000"),
    _coin("DOGE", "0.18 0.00001 1 110 2 8000"),
    _coin("ADA", "0.62 0.0001 0.1 95 2 6000"),
)
SWAP_BASES = ("BTC", "ETH", "SOL")
# Swaps tick and step more coarsely than spot, and allow five units of value and up.
SWAP_STEPS = {"BTC": ("0.1", "0.001"), "ETH": ("0.01", "0.01"), "SOL": ("0.001", "0.1")}


def spot(venue: str, coin: Coin) -> Instrument:
    """Describe the coin against USDT on the spot market."""
    return Instrument(
        venue=venue,
        symbol=f"{coin.base}/USDT",
        base=coin.base,
        quote="USDT",
        kind=InstrumentKind.SPOT,
        price_tick=coin.price_tick,
        quantity_step=coin.quantity_step,
        quantity_min=coin.quantity_step,
        quantity_max=_quantity_max(coin),
        notional_min=Decimal(5),
        fee_maker=FEE_SPOT,
        fee_taker=FEE_SPOT,
    )


def swap(venue: str, coin: Coin) -> Instrument:
    """Describe the coin's linear perpetual swap, settled in USDT."""
    tick, step = SWAP_STEPS[coin.base]
    return Instrument(
        venue=venue,
        symbol=f"{coin.base}/USDT:USDT",
        base=coin.base,
        quote="USDT",
        kind=InstrumentKind.SWAP,
        price_tick=Decimal(tick),
        quantity_step=Decimal(step),
        quantity_min=Decimal(step),
        quantity_max=_quantity_max(coin),
        notional_min=Decimal(5),
        contract_size=ONE,
        fee_maker=FEE_SWAP_MAKER,
        fee_taker=FEE_SWAP_TAKER,
        leverage_max=Decimal(50),
    )


def catalogue(venue: str) -> dict[str, Instrument]:
    """Give every instrument of a venue by `instrument_key`."""
    spots = [spot(venue, coin) for coin in COINS]
    swaps = [swap(venue, coin) for coin in COINS if coin.base in SWAP_BASES]
    return {instrument_key(venue, each.symbol): each for each in (*spots, *swaps)}


def _quantity_max(coin: Coin) -> Decimal:
    """Give the power of ten just below a hundred million of quote currency."""
    return Decimal(10) ** (Decimal(100_000_000) / coin.price).adjusted()
