"""A whole console but for the outbox: sandbox, poller, desk, engine, paper venue, SQLite."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from telegram import Bot

from bot.access import Access
from bot.assembly import AccountPlan, Assembly, assembled
from bot.buckets import Rate, Rates
from bot.delivery import Delivery
from bot.handlers.desk import Desk
from bot.handlers.reception import desk_of
from bot.intake import Intake
from bot.menus import Menus
from bot.poller import Poller, PollPatience
from bot.sandbox import Group, Person, Sandbox, SeenMessage
from bot.secret import Secret
from bot.settings import OperatorSetting
from bot.telegram_api import telegram_bot
from bot.views.health import health_of
from engine.commands import Role
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.events import Event
from engine.execution import ExecutionEngine
from engine.instruments import Instrument, InstrumentKind
from engine.markets.manual import ManualMarket
from engine.risk_limits import RiskLimits
from engine.state import State

E = TypeVar("E")
OWNER, TRADER, VIEWER, STRANGER = 4242, 77, 99, 555019283
DESK_GROUP = -100
PEOPLE = tuple(
    Person(id=user_id, name=name, started=True)
    for user_id, name in (
        (OWNER, "Olivia"), (TRADER, "Tom"), (VIEWER, "Vera"), (STRANGER, "Sam"),
    )
)  # fmt: skip
GROUPS = (Group(id=DESK_GROUP, title="Desk", member_ids=(OWNER, TRADER, STRANGER)),)
OPERATORS = (
    OperatorSetting(user_id=OWNER, role=Role.OWNER),
    OperatorSetting(user_id=TRADER, role=Role.TRADER),
    OperatorSetting(user_id=VIEWER, role=Role.VIEWER),
)
PROMPT = PollPatience(wait_s=2, read_s=5.0, backoff_s=0.02, backoff_s_max=0.1, conflict_s=0.05)
FAST = Rates(
    overall=Rate(size=1000, window_s=0.1),
    chat=Rate(size=1000, window_s=0.1),
    group=Rate(size=1000, window_s=0.1),
)
KEY = Secret("k" * 40)
PRICES = {"BTC": Decimal(60000), "ETH": Decimal(3000), "SOL": Decimal(150)}
PLAN = AccountPlan(
    database_url="",
    accounts=("binance",),
    market="manual",
    currency="USDT",
    cash=Decimal(10000),
    limits=RiskLimits(),
    confirm=ConfirmPolicy(mode=ConfirmMode.ALWAYS),
)


class TestClock:
    """The machine's clock; only its wall time is moved, by `ahead`."""

    __test__ = False

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


def instrument(base: str, *, swap: bool = False) -> Instrument:
    return Instrument(
        venue="binance",
        symbol=f"{base}/USDT" + (":USDT" if swap else ""),
        base=base,
        quote="USDT",
        kind=InstrumentKind.SWAP if swap else InstrumentKind.SPOT,
        price_tick=Decimal("0.01"),
        quantity_step=Decimal("0.00001"),
        quantity_min=Decimal("0.00001"),
        notional_min=Decimal(5),
        fee_maker=Decimal("0.001"),
        fee_taker=Decimal("0.001"),
        leverage_max=Decimal(10) if swap else Decimal(1),
    )


def market_of(clock: TestClock) -> ManualMarket:
    listed = [instrument(base) for base in PRICES] + [instrument("BTC", swap=True)]
    return ManualMarket(instruments=listed, clock=clock)


async def wait_until(engine: ExecutionEngine, predicate: Callable[[State], bool]) -> None:
    """Wait until an engine's State fits."""
    changed = asyncio.Event()
    engine.loop.subscribe(lambda _event, _state, _received: changed.set())
    async with asyncio.timeout(20):
        while not predicate(engine.state):
            changed.clear()
            await changed.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatWorld:
    """What a test holds of a running console."""

    sandbox: Sandbox
    assembly: Assembly
    bot: Bot
    clock: TestClock
    market: ManualMarket
    desk: Desk
    intake: Intake
    poller: Poller

    def requote(self, factor: Decimal = Decimal(1)) -> None:
        """Quote every symbol afresh, moved by a factor."""
        for base, price in PRICES.items():
            bid = (price * factor).quantize(Decimal("0.01"))
            for symbol in (f"{base}/USDT", f"{base}/USDT:USDT"):
                if f"binance:{symbol}" in self.market.instruments():
                    self.market.set(symbol, bid, bid + Decimal("0.02"))

    async def until(self, predicate: Callable[[State], bool]) -> None:
        """Wait until the engine's State fits."""
        await wait_until(self.assembly.engine, predicate)

    async def journaled(self) -> list[Event]:
        """Give every event of the journal."""
        last = self.assembly.engine.state.seq
        stored = [await self.assembly.queries.event(seq) for seq in range(1, last + 1)]
        return [each.event for each in stored if each is not None]

    async def event_of(self, kind: type[E]) -> list[E]:
        """Wait until the journal holds an event of a kind, and give them all."""
        changed = asyncio.Event()
        self.assembly.engine.loop.subscribe(lambda _event, _state, _received: changed.set())
        async with asyncio.timeout(20):
            while True:
                changed.clear()
                found: list[E] = [one for one in await self.journaled() if isinstance(one, kind)]
                if found:
                    return found
                await changed.wait()

    async def handled(self) -> None:
        """Wait until every update that came in is marked as handled."""
        async with asyncio.timeout(20):
            while await self.assembly.updates.unhandled():  # noqa: ASYNC110 - a table sets no event
                await asyncio.sleep(0.01)

    async def answer_to(self, chat_id: int, message_id: int) -> SeenMessage:
        """Wait for the answer to one message."""
        return await self.sandbox.wait_for_message(
            lambda one: one.from_bot and one.reply_to == message_id, chat_id=chat_id
        )

    async def said(self, user_id: int, text: str, *, part: str, chat_id: int | None = None) -> str:
        """Say something and give the text of the answer that contains `part`."""
        asked = await self.sandbox.say(user_id, text, chat_id=chat_id)
        reply = await self.sandbox.wait_for_message(
            lambda one: one.from_bot and part in one.text and one.message_id > asked,
            chat_id=chat_id or user_id,
        )
        return reply.text


@asynccontextmanager
async def console(
    folder: Path,
    sandbox: Sandbox,
    *,
    plan: AccountPlan = PLAN,
    clock: TestClock | None = None,
    listening: bool = True,
    secret_key: Secret | None = KEY,
) -> AsyncIterator[ChatWorld]:
    """Run a console on a folder's database; leaving kills it like a cut power line would not."""
    clock = clock or TestClock()
    market = market_of(clock)
    assembly = assembled(
        replace(plan, database_url=f"sqlite:///{folder / 'journal.db'}"), market, clock
    )
    bot = telegram_bot(Secret(sandbox.token), sandbox.url)
    access = Access(OPERATORS)
    menus = Menus(bot=bot, operators=access.operators)
    engine = assembly.engine
    desk = desk_of(
        console=engine,
        clock=clock,
        tz=UTC,
        sender=Delivery(bot=bot, clock=clock, rates=FAST),
        cards=assembly.cards,
        notes=assembly.notes,
        queries=assembly.queries,
        menus=menus,
        health=lambda: health_of(engine.state, market.latest(), market.instruments(), clock.now()),
        version="test",
        draw=secrets.token_bytes,
        secret_key=secret_key,
    )
    poller = Poller(bot=bot, clock=clock, patience=PROMPT)
    intake = Intake(
        poller=poller,
        store=assembly.updates,
        access=access,
        console=engine,
        desk=desk,
        clock=clock,
    )
    world = ChatWorld(
        sandbox=sandbox,
        assembly=assembly,
        bot=bot,
        clock=clock,
        market=market,
        desk=desk,
        intake=intake,
        poller=poller,
    )
    world.requote()
    async with bot:
        await assembly.start()
        task = asyncio.create_task(intake.run()) if listening else None
        try:
            yield world
        finally:
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await assembly.stop()
