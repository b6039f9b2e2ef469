"""Gathering: what a decision needs beside State, fetched before it is made."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

from engine import commands as c
from engine import reports as r
from engine.calls import CallTally
from engine.context import Context
from engine.counted import Counted
from engine.decide import Message
from engine.external import ORDERS_SHOWN_MAX
from engine.identities import instrument_key
from engine.instruments import symbol_named
from engine.orders import Order
from engine.ports import Clock, Journal, Known, Quotes
from engine.protection import StopRest
from engine.state import COMMANDS_TAIL, FILLS_TAIL, State
from engine.steadiness import Steadiness
from engine.tails import outside
from engine.volatility import Volatility


class Gathering:
    """Ask clock, market and journal; remember what each venue showed last."""

    def __init__(
        self,
        *,
        journal: Journal,
        quotes: Quotes,
        clock: Clock,
        settle_s: int,
        settle_by_venue: Mapping[str, int],
        rests: Mapping[str, StopRest],
    ) -> None:
        """Wire it; a venue outside `settle_by_venue` has the window `settle_s`."""
        self._journal = journal
        self._quotes = quotes
        self._clock = clock
        self._settle_s = settle_s
        self._settle_by_venue = settle_by_venue
        self._rests = rests
        self._steadiness = Steadiness()
        self.volatility = Volatility()
        self._shown: dict[str, r.VenueSnapshot] = {}
        self._counted: dict[str, Counted] = {}

    def count(self, venues: Mapping[str, Counted]) -> None:
        """Tell from now on how each venue's calls went."""
        self._counted = dict(venues)

    async def stored(self, batch: Sequence[Message], state: State) -> Known:
        """Give which of a batch's commands and fills are known from before it.

        What State's window does not tell the journal is asked, once for the whole batch. What the
        batch itself adds may push others out of the window, but stays there to its own end.
        """
        commands, fills = set[str](), set[str]()
        for message in batch:
            match message:
                case c.CommandBase(command_id=command_id):
                    commands.add(command_id)
                case r.FillReported(fill=fill):
                    fills.add(fill.identity)
                case _:
                    continue
        known = Known(
            commands=frozenset(commands & state.commands_known.keys()),
            fills=frozenset(fills & state.fills_known.keys()),
        )
        commands = outside(commands, state.commands_known, COMMANDS_TAIL)
        fills = outside(fills, state.fills_known, FILLS_TAIL)
        if not commands and not fills:
            return known
        older = await self._journal.known(commands, fills)
        return Known(commands=known.commands | older.commands, fills=known.fills | older.fills)

    async def context(self, message: Message, state: State, stored: Known) -> Context:
        """Give what a message's decision needs; whoever asks adds what it latches itself."""
        order, ticket, fill_known = None, None, False
        known: dict[str, Order] = {}
        match message:
            case r.OrdersOpen():
                known = await self._journaled(message, state)
            case r.VenueSnapshot(venue=venue):
                self._shown[venue] = message
                known = await self._journaled(message, state)
            case r.OrderSeen(client_order_id=str(name)):
                if state.order(name) is None:
                    order = await self._journal.find_order(name)
            case c.ApproveTicket(ticket_id=ticket_id) | c.CancelTicket(ticket_id=ticket_id):
                if state.ticket(ticket_id) is None:
                    ticket = await self._journal.find_ticket(ticket_id)
            case c.CancelOrder(client_order_id=client_order_id):
                if state.order(client_order_id) is None:
                    order = await self._journal.find_order(client_order_id)
            case r.FillReported(fill=fill):
                fill_known = fill.identity in stored.fills  # told again, it says nothing new
                identity = None if fill_known else fill.client_order_id
                if identity is not None and state.order(identity) is None:
                    order = await self._journal.find_order(identity)
            case _:
                pass
        now, monotonic = self._clock.now(), timedelta(seconds=self._clock.monotonic())
        return Context(
            now=now,
            steady_since=self._steadiness.since(now, monotonic),
            quotes=self._quotes.latest(),
            instruments=self._quotes.instruments(),
            order=order,
            ticket=ticket,
            fill_known=fill_known,
            settle_s=self._settle_s_of(message, state),
            rests=self._rests,
            known=known,
            shown=dict(self._shown),
            calls=self.tallies(state) if isinstance(message, c.CheckBreakers) else {},
            volatility_pct=self._volatility_pct(message, state),
        )

    def _volatility_pct(self, message: Message, state: State) -> Decimal | None:
        if not isinstance(message, c.SubmitSignal) or not state.scaling.adaptive:
            return None
        listed = [i.symbol for i in self._quotes.instruments().values() if i.venue == message.venue]
        symbol = symbol_named(message.signal.symbol, listed, quote=state.currency)
        if symbol is None:
            return None
        return self.volatility.daily_pct(instrument_key(message.venue, symbol), self._clock.now())

    def tallies(self, state: State) -> dict[str, CallTally]:
        """Give by venue how its calls went lately."""
        window = timedelta(seconds=state.limits.breakers.venue_errors_window_s)
        tallies = {name: venue.tally(window) for name, venue in self._counted.items()}
        return {venue: tally for venue, tally in tallies.items() if tally is not None}

    async def _journaled(
        self, shown: r.VenueSnapshot | r.OrdersOpen, state: State
    ) -> dict[str, Order]:
        """Find the orders that a venue shows and State holds no more."""
        names = [seen.client_order_id for seen in shown.orders[:ORDERS_SHOWN_MAX]]
        gone = {name for name in names if name is not None and state.order(name) is None}
        found = {name: await self._journal.find_order(name) for name in sorted(gone)}
        return {name: order for name, order in found.items() if order is not None}

    def _settle_s_of(self, message: Message, state: State) -> int:
        """Give the settle window of the venue that a message is about."""
        venue = ""
        match message:
            case r.OrderNotSeen(client_order_id=name):
                order = state.order(name)
                venue = order.venue if order is not None else ""
            case c.ClosePosition(position_id=position_id) | c.TriggerExit(position_id=position_id):
                position = state.position(position_id)
                venue = position.venue if position is not None else ""
            case c.SubmitSignal(venue=venue):
                pass
            case c.Flatten() | c.ContinueFlatten() | c.TendStops():
                # Its exits go to every venue.
                return max(self._settle_by_venue.values(), default=self._settle_s)
            case _:
                pass
        return self._settle_by_venue.get(venue, self._settle_s)
