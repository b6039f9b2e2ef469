"""Acts: what operators, programs, the market, the venue and bad luck do in a session."""

import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engine import commands as c
from engine.commands import Actor, ActorKind, Role
from engine.exit_plan import ExitPlan
from engine.orders import OrderSide
from engine.risk_limits import TradingState
from engine.scopes import EVERYWHERE, Scope, ScopeKind
from engine.signals import Target
from engine.venues.faults import Fault, FaultKind, Operation
from tests.engine.world import signal
from tests.simulation.outside import (
    DESK,
    OWNER,
    PARTNER,
    STRANGER,
    SYMBOLS,
    TRADER,
    VIEWER,
)

if TYPE_CHECKING:
    from tests.simulation.session import Session

TYPED = re.compile(r"Type ([0-9.]+) to")
Act = Callable[["Session"], Awaitable[None]]
STRATEGY = Actor(kind=ActorKind.STRATEGY, name="momentum")
TEXTS = (
    "/positions", "/orders", "/status", "/risk", "/balance", "/pnl", "/help", "/signals", "/alerts",
    "/audit", "/venues", "/performance", "/mode", "/buy", "/buy BTC/USDT", "/buy BTC/USDT -5",
    "/buy BTC/USDT nan usdt", "/sell DOGE/USDT 5", "/cancel", "/close", "/chart BTC/USDT", "hello",
    "/buy BTC/USDT 1e9 usdt", "/resume", "🙂" * 30,
)  # fmt: skip
SCOPES = (
    EVERYWHERE,
    Scope(kind=ScopeKind.VENUE, name="binance"),
    Scope(kind=ScopeKind.STRATEGY, name="manual"),
    Scope(kind=ScopeKind.SYMBOL, name="BTC"),
    Scope(kind=ScopeKind.SYMBOL, name="binance:ETH/USDT"),
)
PLANS = (
    ExitPlan(trail_pct=Decimal("0.5")),
    ExitPlan(trail_pct=Decimal(1), trail_from_pct=Decimal("0.5")),
    ExitPlan(close_after_s=60),
    ExitPlan(break_even_after=1),
)
SPOT = ("BTC/USDT", "ETH/USDT", "SOL/USDT")


async def wish(session: "Session") -> None:
    """A program wishes for a trade: any symbol, side, size, limit and protection."""
    dice = session.dice
    symbol = dice.choice(list(SYMBOLS))
    price = session.outside.prices[symbol]
    swap = ":" in symbol
    action = dice.choice(["buy", "buy", "short" if swap else "buy", "sell"])
    fields: dict[str, Any] = {"notional": str(round(dice.uniform(3, 1300), 2))}
    if action == "sell" and dice.random() < 0.5:
        fields = {}
    if dice.random() < 0.4:
        fields["price_limit"] = str(round(price * dice.uniform(0.985, 1.015), 1))
    if action != "sell" and dice.random() < 0.6:
        fields["stop_loss_pct"] = dice.choice(["0.5", "1", "3"])
    if action != "sell" and dice.random() < 0.4:
        near, far = Target(percent=Decimal("0.5")), Target(percent=Decimal(2))
        half = Decimal("0.5")
        ladder = (replace(near, fraction=half), replace(far, fraction=half))
        fields["targets"] = dice.choice([(near,), ladder])
    if swap and dice.random() < 0.3:
        fields["leverage"] = "3"
    if action != "sell" and dice.random() < 0.3:
        fields["plan"] = dice.choice(PLANS if "targets" in fields else PLANS[:-1])
    made = signal(symbol, action, **fields)
    person = dice.choice([OWNER, TRADER])
    role = Role.OWNER if person == OWNER else Role.TRADER
    actor = dice.choice(
        [STRATEGY, Actor(kind=ActorKind.PERSON, user_id=person, role=role, chat_id=person)]
    )
    for _ in range(dice.choice([1, 1, 1, 2])):
        session.give(session.named(c.SubmitSignal, actor, signal=made, venue="binance"))


async def write(session: "Session") -> None:
    """An operator writes an order, sometimes twice."""
    dice = session.dice
    symbol = dice.choice(list(SYMBOLS))
    base = symbol.partition("/")[0].lower()
    size = round(dice.uniform(8, 900), 2)
    words = [dice.choice(["/buy", "/buy", "/buy", "/sell"]), f"{base}/usdt", f"{size}", "usdt"]
    if ":" in symbol:
        words.append("perp")
        if dice.random() < 0.4:
            words.append("short")
        if dice.random() < 0.3:
            words.append("3x")
    if dice.random() < 0.6:
        words += ["sl", dice.choice(["1%", "2%", "0.5%"])]
    if dice.random() < 0.4:
        words += ["tp", dice.choice(["1%", "4%"])]
    if dice.random() < 0.2:
        words += dice.choice([["trail", "1%"], ["trail", "2%", "from", "1%"], ["time", "2m"]])
    who = dice.choice([OWNER, PARTNER, TRADER, VIEWER])
    for _ in range(dice.choice([1, 1, 1, 2])):
        session.outside.telegram.say(who, " ".join(words))


async def chat(session: "Session") -> None:
    """Somebody writes something else, or a stranger writes."""
    dice = session.dice
    who = dice.choice([OWNER, PARTNER, TRADER, VIEWER, STRANGER])
    session.outside.telegram.say(who, dice.choice(TEXTS))


async def confirm(session: "Session") -> None:
    """Somebody taps Confirm, once or twice, perhaps on an old card, perhaps two persons do."""
    dice, telegram = session.dice, session.outside.telegram
    chats = dice.sample([OWNER, PARTNER, TRADER, VIEWER, DESK], 5)
    for chat_id in chats:
        found = [one for one in telegram.buttons(chat_id) if one[1].startswith("Confirm")]
        if not found:
            continue
        message, _, data = found[-1] if dice.random() < 0.8 else dice.choice(found)
        who = chat_id if chat_id > 0 else dice.choice([OWNER, PARTNER, TRADER])
        for _ in range(dice.choice([1, 1, 2, 3])):
            telegram.tap(who, message, data)
        return


async def type_amount(session: "Session") -> None:
    """Somebody types the amount that a ticket asks for, or nearly, perhaps twice."""
    dice, telegram = session.dice, session.outside.telegram
    who = dice.choice([OWNER, PARTNER, TRADER])
    texts = [
        found[1]
        for message in telegram.world.messages.values()
        if message.chat_id == who and (found := TYPED.search(message.formatted.text))
    ]
    if texts:
        amount = texts[-1] if dice.random() < 0.9 else f"{texts[-1]}1"
        for _ in range(dice.choice([1, 1, 2])):
            telegram.say(who, amount)


async def follow(session: "Session") -> None:
    """A person moves a stop, lets it trail, or sets a time by which all is closed."""
    dice, held = session.dice, list(session.state.positions.values())
    if not held:
        return
    name = dice.choice(held).position_id
    wishes: list[tuple[Any, dict[str, Any]]] = [
        (c.TrailStop, {"percent": dice.choice([Decimal("0.3"), Decimal(2), None])}),
        (c.MoveStop, {"percent": dice.choice([Decimal("0.2"), Decimal(3)])}),
        (c.MoveStop, {}),
        (c.SetTimeStop, {"after_s": dice.choice([60, 120, None, 5])}),
    ]
    kind, fields = dice.choice(wishes)
    for _ in range(dice.choice([1, 1, 2])):
        session.give(session.named(kind, position_id=name, **fields))


async def tap(session: "Session") -> None:
    """Somebody taps any button that stands in a chat, new or old."""
    dice, telegram = session.dice, session.outside.telegram
    chat_id = dice.choice([OWNER, PARTNER, TRADER, VIEWER, DESK])
    found = telegram.buttons(chat_id)
    if found:
        message, _, data = found[-1 - int(len(found) * dice.random() ** 3)]
        who = chat_id if chat_id > 0 else dice.choice([OWNER, TRADER, STRANGER])
        for _ in range(dice.choice([1, 1, 1, 2])):
            telegram.tap(who, message, data)


async def approve(session: "Session") -> None:
    """A ticket is approved three times at once, twice under one name."""
    tickets = list(session.state.tickets)
    if not tickets:
        await confirm(session)
        return
    ticket_id = session.dice.choice(tickets)
    first = session.named(c.ApproveTicket, ticket_id=ticket_id)
    again = session.named(c.ApproveTicket, ticket_id=ticket_id)
    for command in (first, replace(first), again):
        session.give(command)


async def close(session: "Session") -> None:
    """A position is closed, in part or whole, sometimes by two at once."""
    dice, positions = session.dice, list(session.state.positions.values())
    if not positions:
        await wish(session)
        return
    position = dice.choice(positions)
    share = Decimal(dice.choice(["0.3", "0.5", "0.97", "1"]))
    if dice.random() < 0.3:
        symbol = position.symbol
        words = f"{symbol.partition('/')[0].lower()}{' perp' if ':' in symbol else ''}"
        session.outside.telegram.say(dice.choice([OWNER, TRADER]), f"/close {words}")
        return
    for _ in range(dice.choice([1, 1, 2])):
        session.give(
            session.named(c.ClosePosition, position_id=position.position_id, fraction=share)
        )


async def cancel(session: "Session") -> None:
    """An order is cancelled."""
    orders = list(session.state.orders)
    if orders:
        name = session.dice.choice(orders)
        session.give(session.named(c.CancelOrder, client_order_id=name))


async def stop(session: "Session") -> None:
    """Somebody presses STOP: on a phone, at a shell, in the middle of a wish."""
    dice = session.dice
    if dice.random() < 0.5:
        await wish(session)
        await session.pass_time(dice.choice([0, 0, 0.02, 0.06]))
    if dice.random() < 0.5:
        for _ in range(dice.choice([1, 2])):
            session.outside.telegram.say(dice.choice([OWNER, TRADER]), "/stop")
    else:
        session.give(session.named(c.Halt))


async def trip(session: "Session") -> None:
    """A program trips the breaker, in the middle of a wish."""
    if session.dice.random() < 0.5:
        await wish(session)
    session.give(session.named(c.TripBreaker, STRATEGY, reason="tripped by a program"))
    await wish(session)


async def hold_back(session: "Session") -> None:
    """Somebody holds a venue, a coin, a strategy or everything back, in the middle of a wish."""
    dice = session.dice
    if dice.random() < 0.5:
        await wish(session)
        await session.pass_time(dice.choice([0, 0, 0.02, 0.06]))
    if dice.random() < 0.3:
        words = dice.choice(["btc", "binance", "eth/usdt", "strategy manual", "nonsense"])
        session.outside.telegram.say(dice.choice([OWNER, TRADER, VIEWER]), f"/stop {words}")
        await wish(session)
        return
    scope = dice.choice(SCOPES)
    trading = dice.choice([TradingState.REDUCING, TradingState.HALTED, TradingState.ACTIVE])
    session.give(session.named(c.SetTradingState, scope=scope, trading=trading))
    await wish(session)


async def be_refused(session: "Session") -> None:
    """The venue refuses one order after another, and somebody tries once more."""
    refused = Fault(kind=FaultKind.REFUSED)
    session.outside.faults.script(Operation.SUBMIT, *[refused] * 6)
    for number in range(7):
        made = signal(session.dice.choice(SPOT), "buy", notional=str(20 + number))
        session.give(session.named(c.SubmitSignal, signal=made, venue="binance"))
        await session.pass_time(0.5)


async def lose(session: "Session") -> None:
    """Somebody buys high and sells low, again and again, and tries once more."""
    for _ in range(4):
        symbol = session.dice.choice(SPOT)
        made = signal(symbol, "buy", notional="1000")
        session.give(session.named(c.SubmitSignal, signal=made, venue="binance"))
        await session.pass_time(1)
        session.outside.move(symbol, 0.97)
        session.outside.quote()
        for position in tuple(session.state.positions.values()):
            if position.symbol == symbol:
                name = position.position_id
                session.give(session.named(c.ClosePosition, position_id=name))
        await session.pass_time(1)
    session.give(session.named(c.SampleEquity, c.SCHEDULE))
    await wish(session)


async def flood(session: "Session") -> None:
    """Three hundred commands wait behind a disk that hangs, and a stop comes last."""
    session.outside.disk.hangs_s = 0.5
    for _ in range(300):
        session.give(session.named(c.SampleEquity, STRATEGY))
    await stop(session)


async def flatten(session: "Session") -> None:
    """Somebody wants to be flat."""
    if session.dice.random() < 0.5:
        session.outside.telegram.say(OWNER, "/flatten")
        await session.pass_time(2)
        found = [o for o in session.outside.telegram.buttons(OWNER) if o[1].startswith("Flatten")]
        if found:
            session.outside.telegram.tap(OWNER, found[-1][0], found[-1][2])
    else:
        session.give(session.named(c.Flatten, with_external=session.dice.random() < 0.3))
    if session.dice.random() < 0.2:
        await session.pass_time(session.dice.uniform(0.05, 3))
        await trade_elsewhere(session)


async def flatten_away(session: "Session") -> None:
    """The database is away for seconds, and somebody wants to be flat meanwhile."""
    dice, disk = session.dice, session.outside.disk
    disk.is_down = True
    session.outside.later(dice.uniform(1, 12), disk.come_back)
    await session.pass_time(dice.uniform(0.05, 1))
    await flatten(session)
    await session.pass_time(dice.uniform(0.2, 4))
    if dice.random() < 0.3:
        await wish(session)
    if dice.random() < 0.2:
        await crash(session)


async def resume(session: "Session") -> None:
    """Somebody resumes, and somebody else may stop at once."""
    session.resume()
    if session.dice.random() < 0.2:
        session.give(session.named(c.Halt))


async def stop_again(session: "Session") -> None:
    """A stop is handled once more, as after a crash."""
    if session.stops_given:
        session.give(session.dice.choice(session.stops_given))


async def move(session: "Session") -> None:
    """A price jumps."""
    symbol = session.dice.choice(list(SYMBOLS))
    session.outside.move(symbol, session.dice.choice([0.95, 0.98, 0.99, 1.01, 1.02, 1.05]))
    session.outside.quote()


async def schedule(session: "Session") -> None:
    """The clock does what it does."""
    kind = session.dice.choice([c.Sweep, c.SampleEquity, c.RollDay, c.CancelEntries])
    session.give(session.named(kind, c.SCHEDULE))


async def crash(session: "Session") -> None:
    """The process is killed."""
    await session.crash()


async def disk_away(session: "Session") -> None:
    """The database is away for seconds, and a stop comes meanwhile."""
    dice = session.dice
    before_s, after_s = dice.uniform(0.2, 4), dice.uniform(0.2, 2)
    session.outside.disk.is_down = True
    session.outside.later(before_s + after_s, session.outside.disk.come_back)
    await session.pass_time(before_s)
    if dice.random() < 0.3:
        await stop(session)
    await wish(session)
    await session.pass_time(after_s)


async def venue_away(session: "Session") -> None:
    """The venue is unreachable for seconds; on its side it goes on matching."""
    away_s = session.dice.uniform(0.5, 12)
    session.outside.faults.go_down()
    session.outside.later(away_s, session.outside.faults.come_up)
    await session.pass_time(away_s)


async def telegram_away(session: "Session") -> None:
    """Telegram is unreachable for seconds."""
    away_s = session.dice.uniform(0.5, 20)
    session.outside.telegram.is_down = True
    session.outside.later(away_s, session.outside.telegram.come_back)
    await session.pass_time(away_s)


async def stale_prices(session: "Session") -> None:
    """The line of prices is cut for seconds; the market goes on."""
    away_s = session.dice.uniform(1, 15)
    session.outside.is_quoting = False
    session.outside.later(away_s, session.outside.quote_again)
    await move(session)
    await session.pass_time(away_s)


async def clock_jump(session: "Session") -> None:
    """The wall clock is set forward or back."""
    session.outside.clock.jump(session.dice.choice([-3, 3, -40, 20]))


async def trade_elsewhere(session: "Session") -> None:
    """Somebody trades on this account at the venue itself."""
    dice, outside = session.dice, session.outside
    symbol = dice.choice(list(SYMBOLS))
    price = outside.prices[symbol]
    quantity = Decimal(str(round(dice.uniform(20, 150) / price, 3)))
    # Nobody may sell at the venue what was bought here: that is another difference.
    sides = [OrderSide.BUY, OrderSide.SELL] if ":" in symbol else [OrderSide.BUY]
    side = dice.choice(sides)
    limit = None
    if dice.random() < 0.3:
        limit = Decimal(str(round(price * (0.97 if side is OrderSide.BUY else 1.03), 1)))
    outside.trace.note("ELSE", f"{side} {quantity} {symbol}")
    if quantity > 0:
        await outside.venue.trade_by_hand(symbol, side, quantity, limit)


async def transfer(session: "Session") -> None:
    """Somebody brings money in, or takes some out."""
    amount = Decimal(session.dice.choice([-300, -40, 25, 500]))
    session.outside.trace.note("ELSE", f"transfer {amount} USDT")
    with suppress(ValueError):
        await session.outside.venue.transfer("USDT", amount)


async def adopt(session: "Session") -> None:
    """A holding, or the venue's quantity where the books differ, is adopted."""
    state, dice = session.state, session.dice
    found = [(each.key, each.there) for each in state.differing.values()]
    for purse, quantity in state.holdings.items():
        found.append((f"{purse}/USDT", quantity))
    if found:
        key, quantity = dice.choice(found)
        session.give(session.named(c.Adopt, key=key, quantity=quantity))


async def appear_late(session: "Session") -> None:
    """An order arrives at the venue long after it was given up."""
    late = Fault(kind=FaultKind.LATE, delay_s=session.dice.uniform(70, 110))
    session.outside.faults.script(Operation.SUBMIT, late)
    await wish(session)
    await session.pass_time(130)


async def straddle(session: "Session") -> None:
    """Bid below a swap's price, sell it short, each with a stop, and let the price fall."""
    dice = session.dice
    symbol = dice.choice([symbol for symbol in SYMBOLS if ":" in symbol])
    bid = str(round(session.outside.prices[symbol] * 0.995, 1))
    bought: dict[str, Any] = {"price_limit": bid, "notional": "70"}
    for action, fields in (("buy", bought), ("short", {"notional": "190"})):
        made = signal(symbol, action, stop_loss_pct="3", **fields)
        session.give(session.named(c.SubmitSignal, signal=made, venue="binance"))
    await session.pass_time(dice.uniform(0.1, 2))
    session.outside.move(symbol, dice.choice([0.99, 0.99, 1.01]))
    session.outside.quote()


async def redeliver(session: "Session") -> None:
    """Telegram hands out an update again."""
    pending = session.outside.telegram.world.updates.pending
    if pending:
        session.outside.telegram.world.updates.again(dict(pending[-1]))


ACTS: Mapping[str, tuple[Act, float]] = {
    "wish": (wish, 7),
    "write": (write, 5),
    "chat": (chat, 2),
    "confirm": (confirm, 4),
    "type_amount": (type_amount, 3),
    "follow": (follow, 1.5),
    "tap": (tap, 4),
    "approve": (approve, 3),
    "close": (close, 3),
    "cancel": (cancel, 2),
    "stop": (stop, 1.0),
    "trip": (trip, 0.5),
    "hold_back": (hold_back, 0.8),
    "be_refused": (be_refused, 0.4),
    "lose": (lose, 0.4),
    "flood": (flood, 0.1),
    "flatten": (flatten, 0.4),
    "flatten_away": (flatten_away, 0.3),
    "resume": (resume, 1.5),
    "stop_again": (stop_again, 0.7),
    "move": (move, 4),
    "schedule": (schedule, 1),
    "crash": (crash, 0.6),
    "disk_away": (disk_away, 0.8),
    "venue_away": (venue_away, 0.8),
    "telegram_away": (telegram_away, 0.6),
    "stale_prices": (stale_prices, 0.5),
    "clock_jump": (clock_jump, 0.4),
    "trade_elsewhere": (trade_elsewhere, 0.3),
    "transfer": (transfer, 0.3),
    "adopt": (adopt, 0.3),
    "appear_late": (appear_late, 0.3),
    "straddle": (straddle, 1),
    "redeliver": (redeliver, 0.3),
}
