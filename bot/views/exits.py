"""Exits: a stop or a target that the console watched and a quote has reached."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from bot.views.scene import Listing, Scene, listing
from engine.events import ExitTriggered
from engine.instruments import Instrument
from engine.quotes import Quote
from engine.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitView:
    """Show a level that was reached; `quantity` is what is held now, signed, None when closed."""

    scene: Scene
    listing: Listing
    leg: str
    trailed: bool
    price: Decimal
    quote: Quote | None
    quantity: Decimal | None
    position_id: str
    event: ExitTriggered


def exit_view(
    scene: Scene, event: ExitTriggered, state: State, instruments: Mapping[str, Instrument]
) -> ExitView:
    """Show a level that was reached."""
    position = state.positions.get(event.key)
    is_same = position is not None and position.position_id == event.position_id
    return ExitView(
        scene=scene,
        listing=listing(event.key, instruments),
        leg=event.leg,
        trailed=event.trailed,
        price=event.price,
        quote=event.quote,
        quantity=position.quantity if position is not None and is_same else None,
        position_id=event.position_id,
        event=event,
    )
