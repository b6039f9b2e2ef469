"""Limits: owners hear of each change, and are asked where a second one has to say yes."""

from bot.screens import limit_cards as screens
from bot.tellings.telling import Desk, Silence, Telling, Told
from engine.decide.factors import needs_code
from engine.events import LimitChanged, LimitProposalEnded, LimitProposed
from engine.limits import ProposalOutcome, limit_named
from storage.cards import Card
from storage.outbox import OutboxRow

# What ended so rings again: who asked waits for it.
_RINGING = (ProposalOutcome.REJECTED, ProposalOutcome.EXPIRED)


async def limit_telling(desk: Desk, rows: tuple[OutboxRow, ...], card: Card | None) -> Told:
    """Tell a change, a change that waits, or what became of it."""
    event, scene = await desk.event(rows[-1]), desk.scene(rows[-1].chat_id)
    if isinstance(event, LimitChanged):
        return Telling(screen=screens.changed(scene, event, limit_named(event.name)), fresh=True)
    if not isinstance(event, LimitProposed | LimitProposalEnded):
        return Silence(reason="no such limit")
    waiting, about = event.proposal, limit_named(event.proposal.name)
    if about is None:
        return Silence(reason="a limit of another release")
    if isinstance(event, LimitProposed):
        if desk.state().limits_proposed.get(waiting.name) != waiting:
            # Its end is an event of its own, and comes next.
            return Silence(reason="waits no more")
        coded = needs_code(desk.state(), scene.user_id)
        return Telling(screen=screens.proposed(scene, waiting, about, coded=coded), fresh=True)
    rings = event.outcome in _RINGING
    if card is None and not rings:
        return Silence(reason="never asked in this chat")
    by = event.actor.text if event.actor.user_id is not None else "the console"
    return Telling(
        screen=screens.ended(scene, waiting, about, event.outcome, by),
        fresh=rings,
        removes=card.message_id if card is not None and rings else None,
    )
