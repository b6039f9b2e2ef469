"""What truly became of one order at its venue, and every message that can tell of it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from hypothesis import strategies as st

from engine import reports as r
from engine.numbers import ZERO
from engine.orders import Order, OrderStatus
from engine.positions import Fill
from engine.reports import VenueOrderStatus

ENDS = {
    VenueOrderStatus.FILLED: OrderStatus.FILLED,
    VenueOrderStatus.CANCELED: OrderStatus.CANCELED,
    VenueOrderStatus.EXPIRED: OrderStatus.EXPIRED,
    VenueOrderStatus.REJECTED: OrderStatus.REJECTED,
}


@dataclass(frozen=True)
class Truth:
    """The fills of an order, in the order they happened, and how it ended."""

    order: Order
    fills: tuple[Fill, ...]
    end: VenueOrderStatus

    @property
    def status(self) -> OrderStatus:
        return ENDS[self.end]

    @property
    def filled(self) -> Decimal:
        return sum((fill.quantity for fill in self.fills), ZERO)

    def seen(self, count: int, status: VenueOrderStatus) -> r.OrderSeen:
        """Show the order after some of its fills."""
        return r.OrderSeen(
            client_order_id=self.order.client_order_id,
            venue_order_id="v1",
            venue=self.order.venue,
            symbol=self.order.symbol,
            side=self.order.side,
            quantity=self.order.quantity,
            status=status,
            filled=sum((fill.quantity for fill in self.fills[:count]), ZERO),
        )

    def last_word(self) -> tuple[r.Report, ...]:
        """Tell what the monitor ends with: every trade of the account, then the order itself."""
        trades = tuple(r.FillReported(fill=fill) for fill in self.fills)
        return (*trades, self.seen(len(self.fills), self.end))


def truths(order: Order, at: datetime) -> st.SearchStrategy[Truth]:
    """Make an order filled, cancelled or expired after some fills, or rejected without any."""

    @st.composite
    def made(draw: st.DrawFn) -> Truth:
        end = draw(st.sampled_from(list(ENDS)))
        lots = int(order.quantity / LOT)
        whole = end is VenueOrderStatus.FILLED
        if end is VenueOrderStatus.REJECTED:
            return Truth(order=order, fills=(), end=end)
        cuts = draw(st.lists(st.integers(1, lots - 1), max_size=4, unique=True).map(sorted))
        edges = [0, *cuts, lots] if whole else [0, *cuts]
        fills = tuple(
            Fill(
                venue=order.venue,
                symbol=order.symbol,
                trade_id=f"{order.client_order_id}-{number}",
                side=order.side,
                quantity=(high - low) * LOT,
                price=draw(st.integers(6_000_000, 6_120_000).map(lambda n: Decimal(n) / 100)),
                fee=draw(st.integers(-5, 50).map(lambda n: Decimal(n) / 100)),
                fee_currency="USDT",
                at=at,
                client_order_id=order.client_order_id,
                venue_order_id="v1",
            )
            for number, (low, high) in enumerate(pairwise(edges))
        )
        return Truth(order=order, fills=fills, end=end)

    return made()


LOT = Decimal("0.001")


def messages(truth: Truth) -> st.SearchStrategy[list[r.Report]]:
    """Make what arrives of the truth: any part of it, repeated, in any order."""
    name = truth.order.client_order_id
    said: list[r.Report] = [r.FillReported(fill=fill) for fill in truth.fills]
    said += [truth.seen(n, VenueOrderStatus.OPEN) for n in range(len(truth.fills) + 1)]
    said += [
        truth.seen(len(truth.fills), truth.end),
        r.CancelUnanswered(client_order_id=name, text="timeout"),
        r.CancelAccepted(client_order_id=name),
        r.SubmitUnanswered(client_order_id=name, text="timeout"),
        # The venue was asked before the order reached it, or one of its lists did not answer.
        r.OrderNotSeen(client_order_id=name, complete=False, text="one list did not answer"),
    ]
    if truth.end is VenueOrderStatus.REJECTED:
        said.append(r.SubmitRefused(client_order_id=name, code="rejected", text="no"))
    else:
        said.append(r.SubmitAccepted(client_order_id=name, venue_order_id="v1"))
        said.append(r.SubmitAccepted(client_order_id=name, venue_order_id=None))
    return st.lists(st.sampled_from(said), max_size=16)
