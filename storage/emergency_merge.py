"""Where a record belongs: behind the journal's end as it is, or among what another process did.

The first is the rule: the pages that the journal lacks follow its last event, hash by hash. The
other happens where a process that could not reach the journal was fenced, and another one took
over: then orders of ours that the journal does not know are told to it, so that they are asked
about at the venue, and what it has booked meanwhile stays as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from engine import events as e
from engine.alerts import Alert, alerts_of
from engine.errors import JournalCorrupt
from engine.events import Event
from engine.fold import apply
from engine.orders import OrderTrigger, can
from engine.ports import Step
from engine.state import State
from storage.chain import Head
from storage.emergency_file import Record
from storage.journal import SqlJournal


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Give the steps that the journal lacks; `is_ours` is False for another journal's record."""

    steps: tuple[Step, ...]
    is_ours: bool = True


async def placed(
    record: Record, state: State, head: Head, known: Mapping[int, str], journal: SqlJournal
) -> Placed:
    """Find out what the journal lacks; `known` are its hashes by number."""
    if state.journal is None or record.journal_id != state.journal.journal_id:
        return Placed(steps=(), is_ours=False)
    pages = list(record.pages)
    while pages and known.get(pages[0].after.seq) == pages[0].after.hash:
        del pages[0]
    if not pages:
        return Placed(steps=())
    events = [step for page in pages for step in page.steps]
    follows = [head, *(page.after for page in pages)]
    if all(page.before == before for page, before in zip(pages, follows, strict=False)):
        return Placed(steps=folded(events, state))
    missing = await _missing([one for step in events for one in step], state, journal)
    return Placed(steps=folded([missing], state) if missing else ())


async def _missing(events: Sequence[Event], state: State, journal: SqlJournal) -> list[Event]:
    """Give what may be told to a journal that went on without it: orders, their fills, the stop.

    No command is named: another process may have consumed it.
    """
    names = [one.order.client_order_id for one in events if isinstance(one, e.OrderSubmitted)]
    # What fills under such a name were taken for is a position by now, and stays one.
    taken = await journal.booked(names)
    found: list[Event] = []
    ours: set[str] = set()
    for event in events:
        match event:
            case e.TradingHalted() if state.stop is None:
                found.append(event)
            case e.OrderSubmitted(order=order):
                name = order.client_order_id
                if name not in taken and await journal.find_order(name) is None:
                    ours.add(name)
                    found.append(event)
            case e.FillBooked(fill=fill):
                if fill.client_order_id in ours:
                    found.append(event)
            case _:
                continue
    kept: list[Event] = []
    for event in found:
        kept.append(replace(event, command_id=None))
        state = folded([kept[-1:]], state)[0].states[-1]
    for name in sorted(ours):
        told = state.order(name)
        if told is not None and can(told, OrderTrigger.NO_ANSWER):
            # What became of it is asked at the venue.
            reason = "it was sent while the journal was away"
            unknown = e.OrderUnknown(at=events[-1].at, client_order_id=name, reason=reason)
            kept.append(unknown)
            state = apply(state, unknown)
    return kept


def folded(events: Sequence[Sequence[Event]], before: State) -> tuple[Step, ...]:
    """Fold recorded events upon a State; alerts are raised as they would have been.

    Raises: JournalCorrupt when they do not follow from it.
    """
    state, steps = before, []
    for step in events:
        states: list[State] = []
        alerts: list[Alert] = []
        for event in step:
            try:
                following = apply(state, event)
            except (AssertionError, KeyError) as error:
                raise JournalCorrupt(f"{type(event).__name__} does not follow: {error}") from error
            alerts.extend(alerts_of(state, event, following))
            states.append(following)
            state = following
        steps.append(Step(events=tuple(step), alerts=tuple(alerts), states=tuple(states)))
    return tuple(steps)
