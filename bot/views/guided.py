"""Guided trade: the picker's three steps; what is chosen so far stands in the buttons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from bot.callbacks import can_stand
from bot.views.scene import Listing, Scene, listing
from engine.instruments import Instrument, cash_currency
from engine.numbers import HUNDRED, ZERO
from engine.orders import OrderSide
from engine.portfolio import cash_free
from engine.positions import Position
from engine.quotes import Quote
from engine.state import State

SYMBOLS_SHOWN = 6
PRICES_SHOWN = 4
# The longest preset beside the key: q1|gp||sell|n|1000000
_PRESET_LENGTH = 25
PRESETS = (Decimal(100), Decimal(250), Decimal(500))
PRESET_RISKS_PCT = (Decimal("0.5"), Decimal(1))
PRESET_SHARES_PCT = (Decimal(25), Decimal(50), Decimal(100))


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceLine:
    """Show a symbol's price and its change over 24 h, in percent."""

    listing: Listing
    mid: Decimal | None
    change_pct: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidedSymbolView:
    """Show what can be traded, the most usual first."""

    scene: Scene
    lines: tuple[PriceLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidedView:
    """Show the chosen symbol with what is held of it; `side` None until it is chosen.

    `free` is the cash that can be spent at its venue; `stop_pct` and `target_pct` come with a
    preset, and `risk_cost` is what the stop costs at the larger preset risk.
    """

    scene: Scene
    listing: Listing
    side: OrderSide | None
    mid: Decimal | None
    quote_age: timedelta | None
    position: Position | None
    pnl: Decimal | None
    pnl_pct: Decimal | None
    free: Decimal
    stop_pct: Decimal | None
    target_pct: Decimal | None
    equity: Decimal | None
    presets: tuple[Decimal, ...]
    risks_pct: tuple[Decimal, ...]


def guided_symbols(
    scene: Scene,
    keys: Sequence[str],
    quotes: Mapping[str, Quote],
    instruments: Mapping[str, Instrument],
) -> GuidedSymbolView:
    """Offer the first of the keys that are listed and that a button can carry."""
    listed = [key for key in keys if key in instruments and can_stand(key, _PRESET_LENGTH)]
    shown = listed[:SYMBOLS_SHOWN]
    return GuidedSymbolView(
        scene=scene,
        lines=tuple(
            PriceLine(
                listing=listing(key, instruments),
                mid=quotes[key].mid if key in quotes else None,
                change_pct=quotes[key].change_pct if key in quotes else None,
            )
            for key in shown
        ),
    )


def guided_view(
    scene: Scene,
    key: str,
    state: State,
    quotes: Mapping[str, Quote],
    instruments: Mapping[str, Instrument],
    *,
    side: OrderSide | None = None,
    stop_pct: Decimal | None = Decimal(2),
    target_pct: Decimal | None = Decimal(4),
) -> GuidedView:
    """Show the second step, or with a side the third."""
    about = listing(key, instruments)
    quote, position = quotes.get(key), state.positions.get(key)
    pnl = position.unrealised_pnl(quote.mark) if position and quote else None
    paid = abs(position.quantity) * position.entry_price if position else ZERO
    return GuidedView(
        scene=scene,
        listing=about,
        side=side,
        mid=quote.mid if quote is not None else None,
        quote_age=max(timedelta(), scene.now - quote.at) if quote is not None else None,
        position=position,
        pnl=pnl,
        pnl_pct=pnl / paid * HUNDRED if pnl is not None and paid > ZERO else None,
        free=cash_free(state, about.venue, cash_currency(about.symbol), about.fee_taker),
        stop_pct=stop_pct,
        target_pct=target_pct,
        equity=state.equity.equity if state.equity is not None else None,
        presets=PRESETS,
        risks_pct=PRESET_RISKS_PCT if stop_pct is not None else (),
    )
