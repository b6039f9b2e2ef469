"""Screens: making the view of a ticket and of a fill, and rendering it."""

from dataclasses import replace
from decimal import Decimal

from bot.screens import orders, tickets
from bot.views.orders import order_view
from bot.views.tickets import ticket_view
from engine.orders import OrderSide, OrderStatus
from tests.benchmarks.effort import Effort
from tests.benchmarks.rows import MS, Row, p99_below, row_of, timed
from tests.bot.screens import account as a


async def screens(effort: Effort) -> list[Row]:
    """Render a ticket and a fill card from State."""
    state, quotes = a.live_state(), a.quotes()
    filled = a.order(
        a.BTC,
        OrderSide.BUY,
        "0.00407",
        a.D1.client_order_id,
        ticket_id=a.T_7K4M,
        status=OrderStatus.FILLED,
        filled=Decimal("0.00407"),
        fills=1,
        price_decision=Decimal("61240.00"),
        price_arrival=Decimal("61240.00"),
        price_average=Decimal("61243.10"),
        fees=Decimal("0.249"),
        submitted_at=a.at("14:32:21"),
        first_fill_at=a.at("14:32:21.400"),
        finished_at=a.at("14:32:21.400"),
    )
    holding = replace(state, orders_finished={filled.client_order_id: filled})

    def ticket() -> None:
        scene = a.scene(state)
        view = ticket_view(scene, a.D1, state, a.INSTRUMENTS, quotes[a.BTC])
        assert tickets.ticket(view).text

    def card() -> None:
        assert orders.order(order_view(a.scene(holding), filled, holding, a.INSTRUMENTS)).text

    n = effort.n(2000, quick=300)
    return [
        row_of(
            f"screen.{name}",
            "ms",
            timed(work, n, MS),
            p99_below(2.0),
            note=f"State to the text and buttons of a {what}",
            cause="formatting of amounts, one Decimal after another",
        )
        for name, what, work in (("ticket", "ticket", ticket), ("fill", "fill card", card))
    ]
