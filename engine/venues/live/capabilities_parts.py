"""The parts of which most capability tables are put together."""

from dataclasses import replace
from typing import Any

from engine.identities import form_of
from engine.instruments import InstrumentKind
from engine.venues.live.capabilities_terms import (
    REDUCE_ONLY,
    Book,
    Naming,
    Params,
    Question,
    Segment,
    Source,
    StopForm,
    StopTerms,
)

SPOT, SWAP = InstrumentKind.SPOT, InstrumentKind.SWAP


def by_id(
    method: str, naming: Naming = Naming.PARAMETER, *, key: str = "clientOrderId", **params: object
) -> Question:
    """Ask for one order, or cancel it, by its name."""
    return Question(method=method, source=Source.BY_ID, naming=naming, key=key, params=params)


def opened(*, page_max: int = 100, **params: object) -> Question:
    """List the open orders; of a longer list than `page_max` nothing is proven."""
    return Question(
        method="fetch_open_orders",
        source=Source.OPEN,
        naming=Naming.LISTED,
        params=params,
        page_max=page_max,
    )


def closed(
    method: str = "fetch_closed_orders", *, page_max: int = 100, **params: object
) -> Question:
    """List the orders that are done: filled, cancelled, and expired ones too."""
    return Question(
        method=method,
        source=Source.CLOSED,
        naming=Naming.LISTED,
        page_max=page_max,
        takes_since=True,
        params=params,
    )


def named(*done: Question) -> Book:
    """Find an order by our id, and otherwise in the open ones and in those that are done."""
    return Book(
        lookups=(by_id("fetch_order"), opened(), *(done or (closed(),))),
        cancels=(by_id("cancel_order"),),
    )


CANCEL_BY_VENUE_ID = by_id("cancel_order", Naming.VENUE_ID)


def watched(refusal: str) -> StopTerms:
    """Say why no stop rests at the venue, so that the engine watches the price."""
    return StopTerms(form=StopForm.NONE, refusal=refusal)


def spot(venue: str, plain: Book, stop: StopTerms, **fields: Any) -> Segment:
    """Describe spot trading; stops rest in the plain book unless `trigger` is given."""
    made: dict[str, Any] = {"trigger": plain, "listings": (opened(),)} | fields
    return Segment(kind=SPOT, id_form=form_of(venue, is_swap=False), plain=plain, stop=stop, **made)


def swap(venue: str, plain: Book, stop: StopTerms, asked: Params, **fields: Any) -> Segment:
    """Describe linear swaps: one-way mode, each exit reduce-only; `asked` names them in lists."""
    made: dict[str, Any] = {
        "trigger": plain,
        "listings": (replace(opened(), params=asked),),
        "exit_params": REDUCE_ONLY,
        "is_reduce_only_enforced": True,
        "trade_params": asked,
        "balance_params": asked,
        "position_params": asked,
    } | fields
    return Segment(kind=SWAP, id_form=form_of(venue, is_swap=True), plain=plain, stop=stop, **made)
