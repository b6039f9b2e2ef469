"""Refusals: what cannot run, why, and the button that does what would pass."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.callbacks import (
    Button,
    DenialTicket,
    MinimumTicket,
    StopChoice,
    SymbolChoice,
    TakeSuggestion,
    can_stand,
    suggestion_name,
)
from bot.parsing.refusals import Refusal
from bot.views.scene import Listing, Scene, listing
from bot.views.tickets import DeniedView
from engine.events import CommandRefused
from engine.identities import instrument_key
from engine.instruments import Instrument, Toward
from engine.numbers import HUNDRED
from engine.orders import OrderSide
from engine.quotes import Quote

STOP_CHOICES_PCT = (2, 3)
# A button beside its symbol: q1|sy|, a number of twelve digits, |
_SEQ_LENGTH = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Offer a button on a refusal."""

    label: str
    button: Button


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedView:
    """Show what cannot run: M1, M4 and everything else that is no risk rule."""

    scene: Scene
    title: str
    sentences: tuple[str, ...]
    examples: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TooSmallView:
    """Show an order below the venue's minimum; amounts in quote currency."""

    scene: Scene
    listing: Listing
    asked: Decimal
    least: Decimal
    nearest: Decimal
    cost: Decimal
    button: Button


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongStopView:
    """Show a stop on the wrong side, with stops that pass: percent, price, button."""

    scene: Scene
    listing: Listing
    side: OrderSide
    stop: Decimal
    quote: Quote
    passing: tuple[tuple[int, Decimal, Button], ...]


def refusal_view(scene: Scene, refusal: Refusal, message_id: int) -> RefusedView:
    """Show what the parser made of a message; its suggestions become buttons."""
    return RefusedView(
        scene=scene,
        title=refusal.title,
        sentences=(refusal.sentence,),
        examples=refusal.examples,
        choices=tuple(
            Choice(
                label=suggestion.label,
                button=TakeSuggestion(
                    message_id=message_id, name=suggestion_name(suggestion.command)
                ),
            )
            for suggestion in refusal.suggestions
        ),
    )


def command_refused_view(scene: Scene, event: CommandRefused) -> RefusedView:
    """Show a command that the engine refused; nothing was done."""
    return RefusedView(
        scene=scene,
        title=f"Cannot {event.command}",
        sentences=(event.sentence, "Nothing was done."),
    )


def unknown_symbol_view(
    scene: Scene, name: str, venue_title: str, symbols: Sequence[str], seq: int
) -> RefusedView:
    """M1: show a denial whose symbol is not listed, with those that are."""
    has = f"Nothing was sent. {venue_title} has:" if symbols else "Nothing was sent."
    return RefusedView(
        scene=scene,
        title=f"No symbol {name}",
        sentences=(has,),
        choices=tuple(
            Choice(label=symbol, button=SymbolChoice(seq=seq, symbol=symbol))
            for symbol in symbols
            if can_stand(symbol, _SEQ_LENGTH)
        ),
    )


def too_small_view(
    scene: Scene,
    instrument: Instrument,
    quote: Quote,
    asked: Decimal,
    seq: int,
) -> TooSmallView:
    """M2: show an order below the minimum, and the smallest that passes."""
    key = instrument_key(instrument.venue, instrument.symbol)
    nearest = instrument.quantity_covering(instrument.notional_min, quote.mid)
    return TooSmallView(
        scene=scene,
        listing=listing(key, {key: instrument}),
        asked=asked,
        least=instrument.notional_min,
        nearest=nearest,
        cost=nearest * quote.mid,
        button=MinimumTicket(seq=seq),
    )


def wrong_stop_view(
    scene: Scene, instrument: Instrument, quote: Quote, side: OrderSide, stop: Decimal, *, seq: int
) -> WrongStopView:
    """M3: show a stop on the wrong side of the price, and two that pass."""
    key = instrument_key(instrument.venue, instrument.symbol)
    toward = Toward.UP if side is OrderSide.BUY else Toward.DOWN
    passing = tuple(
        (
            percent,
            instrument.price_rounded(
                quote.mid * (1 - side.sign * Decimal(percent) / HUNDRED), toward
            ),
            StopChoice(seq=seq, percent=percent),
        )
        for percent in STOP_CHOICES_PCT
    )
    return WrongStopView(
        scene=scene,
        listing=listing(key, {key: instrument}),
        side=side,
        stop=stop,
        quote=quote,
        passing=passing,
    )


def passing_button(view: DeniedView) -> Button | None:
    """Give the button that makes a ticket of the amount that passes every rule."""
    return DenialTicket(seq=view.seq) if view.passing is not None else None
