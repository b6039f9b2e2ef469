"""Guiding: the picker's steps on one message; what is chosen so far stands in its buttons."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot import callbacks as b
from bot.callbacks import Button, ForgedCallback, PresetUnit, decode
from bot.handlers.ticketing import resized
from bot.handlers.trading import Trading
from bot.handlers.visits import Sight, Visit
from bot.screens import guided as guided_screens
from bot.screens.layout import Screen
from bot.views.guided import (
    SYMBOLS_SHOWN,
    GuidedSymbolView,
    GuidedView,
    guided_symbols,
    guided_view,
)
from engine.instruments import InstrumentKind
from engine.orders import OrderSide
from engine.signals import SignalAction, Target, TradingSignal

STOP_PCT: Final = Decimal(2)
TARGET_PCT: Final = Decimal(4)
FAVOURITES: Final = ("BTC", "ETH", "SOL", "XRP", "BNB", "LTC")
STEPS: Final = (b.GuidedSymbol, b.GuidedOther, b.GuidedSide, b.GuidedPreset, b.GuidedType)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guiding:
    """Walk a person from symbol to side to size; the end is a ticket."""

    sight: Sight
    trading: Trading

    async def begin(self, visit: Visit) -> None:
        """Show the first step: on the picker's own message, or as a new one."""
        screen = guided_screens.guided_symbol(self._symbols(visit))
        if any(self._is_step(each) for each in visit.callbacks_there):
            await visit.edit(screen)
        else:
            await visit.reply(screen)

    def _is_step(self, callback: str) -> bool:
        try:
            return isinstance(decode(callback), STEPS)
        except ForgedCallback:
            return False

    def _symbols(self, visit: Visit) -> GuidedSymbolView:
        sight = self.sight
        keys = self._keys()
        for key in keys:
            sight.console.quotes.follow(key)
        return guided_symbols(sight.scene(visit.person), keys, sight.quotes, sight.instruments)

    def _keys(self) -> list[str]:
        """Give six instruments to offer: the well-known ones first, then whatever is listed."""
        market = self.sight.market()
        spot = [
            each
            for each in market.listed(InstrumentKind.SPOT)
            if each.quote == market.currency and each.venue in market.venues[:1]
        ]
        names = {base: place for place, base in enumerate(FAVOURITES)}
        ordered = sorted(spot, key=lambda each: (names.get(each.base, len(names)), each.base))
        return [f"{each.venue}:{each.symbol}" for each in ordered[:SYMBOLS_SHOWN]]

    async def step(self, visit: Visit, button: Button) -> None:
        """Show the step that a tap asks for."""
        screen = self._screen(visit, button)
        if screen is not None:
            await visit.edit(screen)

    def _screen(self, visit: Visit, button: Button) -> Screen | None:
        match button:
            case b.GuidedOther():
                return guided_screens.guided_other(self._symbols(visit))
            case b.GuidedSymbol(key=key):
                self.sight.console.quotes.follow(key)
                return guided_screens.guided_side(self._view(visit, key, None))
            case b.GuidedSide(key=key, side=side):
                return guided_screens.guided_size(self._view(visit, key, side))
            case b.GuidedType(key=key, side=side):
                return guided_screens.guided_typing(self._view(visit, key, side))
            case _:
                return None

    def _view(self, visit: Visit, key: str, side: OrderSide | None) -> GuidedView:
        sight = self.sight
        return guided_view(
            sight.scene(visit.person),
            key,
            sight.state,
            sight.quotes,
            sight.instruments,
            side=side,
            stop_pct=STOP_PCT,
            target_pct=TARGET_PCT,
        )

    async def preset(self, visit: Visit, button: b.GuidedPreset) -> None:
        """Make a ticket of the chosen size; the picker gives way to it."""
        venue, _, symbol = button.key.partition(":")
        is_buy = button.side is OrderSide.BUY
        # Sized at once, because a risk without its stop is no signal.
        signal = TradingSignal(
            symbol=symbol,
            action=SignalAction.BUY if is_buy else SignalAction.SELL,
            notional=button.amount,
            stop_loss_pct=STOP_PCT if is_buy else None,
            targets=(Target(percent=TARGET_PCT),) if is_buy else (),
            venue=venue,
        )
        if button.unit is not PresetUnit.NOTIONAL:
            signal = resized(signal, button.unit, button.amount)
        await self.trading.submit(visit, signal, venue, wanted=True)
        await visit.remove()
