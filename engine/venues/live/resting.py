"""Resting: where a stop can lie at the venue itself, and in which form."""

from collections.abc import Iterable

from engine.instruments import InstrumentKind
from engine.protection import StopRest
from engine.venues.live.capabilities import TABLE
from engine.venues.live.capabilities_terms import StopForm

_FORMS = {StopForm.MARKET: StopRest.MARKET, StopForm.LIMIT: StopRest.LIMIT}


def rests_at(venues: Iterable[str]) -> dict[str, StopRest]:
    """Give how stops rest, by venue and kind of instrument as `rest_place` names them.

    What stands not in it is watched by the engine. Paper rests its stops where the real venue does.
    """
    found: dict[str, StopRest] = {}
    for venue in venues:
        capabilities = TABLE.get(venue)
        for segment in capabilities.segments if capabilities is not None else ():
            form = _FORMS.get(segment.stop.form)
            kind = "swap" if segment.kind is InstrumentKind.SWAP else "spot"
            if form is not None:
                found[f"{venue}:{kind}"] = form
    return found
