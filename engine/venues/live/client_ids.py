"""Client order ids as they travel: written for the wire, and recognised in what comes back."""

from collections.abc import Mapping
from typing import Any

from engine.orders import Order
from engine.venues.live.capabilities_terms import Segment


def on_wire(segment: Segment, client_order_id: str) -> str | int:
    """Write our id as the venue takes it: as text, or as a number."""
    if segment.is_id_whole:
        return int(client_order_id)
    return segment.id_prefix + client_order_id


def seen(segment: Segment, answered: Mapping[str, Any]) -> str | None:
    """Read our id out of an order or a trade as ccxt gives it; None where it carries none.

    The venue's prefix is taken off again, so that it equals the id in the journal.
    """
    raw = answered.get("info")
    found = [answered.get("clientOrderId")]
    if isinstance(raw, Mapping):
        found += [raw.get(key) for key in segment.id_keys]
    for each in found:
        if each not in (None, "", 0, "0"):
            return str(each).removeprefix(segment.id_prefix)
    return None


def names(segment: Segment, answered: Mapping[str, Any], order: Order) -> bool:
    """Tell whether an order or a trade as ccxt gives it is, or belongs to, this order."""
    if seen(segment, answered) == order.client_order_id:
        return True
    theirs = answered.get("order") if "takerOrMaker" in answered else answered.get("id")
    return theirs is not None and theirs == order.venue_order_id


def venue_ids(answered: Mapping[str, Any]) -> frozenset[str]:
    """Give the venue's ids of an order: ccxt's, and that in the raw answer.

    They differ for what a stop of OKX became: ccxt gives it the id of the stop.
    """
    raw = answered.get("info")
    named = [answered.get("id"), raw.get("ordId") if isinstance(raw, Mapping) else None]
    return frozenset(str(each) for each in named if each not in (None, ""))
