"""A course: what an operator sends to a live console, while requests fail and the process dies."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final

from bot.sandbox import Sandbox, SeenCall, SeenMessage
from engine.identities import short
from tests.exchange.orders import BINANCE, BYBIT
from tests.exchange.server import TestExchange
from tests.system.console import OPERATORS, OWNER, PEOPLE, ConsoleProcess, Phone, environment, until

# A create is lost before the ledger, or booked with its answer lost, late or unreadable.
CREATES: Final = (
    ("dropped", "lost", "late", "stall", "truncated", "html", "empty", "{}", "garbage"),
    ("500", "502", "504", "429"),
)
CANCELS: Final = ("dropped", "lost", "stall", "truncated", "html", "502", "race", "429")
READS: Final = ("stale", "empty", "html", "truncated", "503", "lost")
STREAMS: Final = ("drop", "duplicate", "reorder", "cut")
CREATE_SHARE, CANCEL_SHARE, READ_SHARE, STREAM_SHARE = 0.4, 0.5, 0.01, 0.05
DECIDED_S, REST_S, LOOK_S = 60.0, 240.0, 0.05
TRIES_MAX: Final = 12  # wishes for each order that is to be sent: some are denied, as they should


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Name one market; `words` and `least`, in base currency, are what a person would write."""

    venue: str
    symbol: str
    listed: str
    words: str
    least: Decimal
    step: Decimal
    tick: Decimal

    @property
    def key(self) -> str:
        return f"{self.venue}:{self.symbol}"


PLACES: Final = (
    Place(
        venue=BINANCE, symbol="BTC/USDT", listed="BTCUSDT", words="btc",
        least=Decimal("0.0004"), step=Decimal("0.00001"), tick=Decimal("0.01"),
    ),
    Place(
        venue=BINANCE, symbol="ETH/USDT", listed="ETHUSDT", words="eth",
        least=Decimal("0.01"), step=Decimal("0.0001"), tick=Decimal("0.01"),
    ),
    Place(
        venue=BYBIT, symbol="BTC/USDT:USDT", listed="BTCUSDT", words="btc perp on bybit",
        least=Decimal("0.001"), step=Decimal("0.001"), tick=Decimal("0.1"),
    ),
    Place(
        venue=BYBIT, symbol="DOGE/USDT:USDT", listed="DOGEUSDT", words="doge perp on bybit",
        least=Decimal(100), step=Decimal(1), tick=Decimal("0.00001"),
    ),
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Course:
    """Drive one console. `wishes` counts what was asked for; `calls` are what the chats heard."""

    console: ConsoleProcess
    sandbox: Sandbox
    exchange: TestExchange
    dice: random.Random
    wishes: int = 0
    calls: list[SeenCall] = field(default_factory=list)

    @property
    def owner(self) -> Phone:
        return Phone(sandbox=self.sandbox, user_id=OWNER)

    @property
    def sent(self) -> int:
        """Count the orders that were journaled to be sent."""
        return len(self.console.rows("select 1 from journal where kind = 'OrderSubmitted'"))

    async def begin(self) -> None:
        """Start the console for the first time, introduce the owner, and arm it."""
        await self.console.start(self.sandbox)
        await self.owner.ask("/start", "Try three things")
        # A start asks those who have said /start before it.
        assert await self.console.terminate() == 0, self.console.log[-2000:]
        await self.live_on()

    async def live_on(self) -> None:
        """Start the console on its journal, and arm it as after every start."""
        after = max((each.message_id for each in await self.owner.history()), default=0)
        await self.console.start(self.sandbox)

        def asks(message: SeenMessage) -> bool:
            return message.message_id > after and message.has_button("Arm")

        card = await self.sandbox.wait_for_message(asks, chat_id=OWNER, timeout_s=DECIDED_S)
        await self.owner.press(card, "Arm")
        armed = "select 1 from journal where kind = 'LiveArmed'"
        count = self.console.lives - 1
        await until(lambda: len(self.console.rows(armed)) >= count, "it was never armed", DECIDED_S)

    async def run(self, *, orders: int, kills: int) -> None:
        """Send so many orders, and kill the process so often in their midst."""
        at = sorted(self.dice.sample(range(2, orders - 1), kills))
        self._plan_background()
        for _ in range(orders * TRIES_MAX):
            if self.sent >= orders:
                return
            dies = bool(at) and self.sent >= at[0]
            await self._one(dies=dies)
            if dies:
                at.pop(0)
                await self.console.kill()
                await self.live_on()
            await self._listen()
        raise AssertionError(f"only {self.sent} of {orders} orders were sent: {self.console.log}")

    async def rest(self) -> None:
        """Let everything go well, stop, and wait until nothing is open, unknown or untold."""
        self.exchange.faults.clear()
        await self.owner.say("/stop")
        await self._empty("select 1 from orders where finished_at is null", "an order is open")
        await self._empty("select 1 from outbox where ended_at is null", "something is untold")
        await self._listen()

    async def _empty(self, query: str, otherwise: str) -> None:
        await until(lambda: not self.console.rows(query), otherwise, REST_S)

    async def _one(self, *, dies: bool) -> None:
        """Ask for one thing, and wait until it is decided, unless the process is to die."""
        self._move_prices()
        wish, kind = await self._wish()
        self._plan(kind)
        self.wishes += 1
        number = await self.owner.say(wish)
        if dies:
            await asyncio.sleep(self.dice.choice((0.0, 0.02, 0.05, 0.1, 0.3)))
            return
        await self._decided(wish, number)
        await asyncio.sleep(self.dice.choice((0.0, 0.05, 0.2, 0.5)))

    async def _decided(self, wish: str, number: int) -> None:
        """Wait until the journal or the chat has an answer."""
        asked = "select 1 from journal where command_id = ?"
        try:
            async with asyncio.timeout(DECIDED_S):
                while not self.console.rows(asked, f"tg:{OWNER}:{number}"):
                    if await self.owner.history(number):
                        return
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise AssertionError(f"nobody decided {wish!r}: {self.console.log[-2000:]}") from None

    async def _wish(self) -> tuple[str, str]:
        place = self.dice.choice(await self._free())
        held = self._held(place)
        resting = self.console.rows(
            "select client_order_id from orders where status in ('accepted', 'partially_filled')"
            " and kind = 'limit'"
        )
        dice = self.dice.random()
        if resting and dice < 0.15:
            (name,) = self.dice.choice(resting)
            return f"/cancel {short(str(name), 'O')}", "cancel"
        if held is not None and dice < 0.4:
            part = self.dice.choice(("", " 50%"))
            return f"/close {short(held[0], 'P')}{part}", "create"
        quantity = place.least + place.step * self.dice.randrange(1, 60 if place.least < 1 else 300)
        is_short = place.venue == BYBIT and (
            held[1] == "short" if held is not None else self.dice.random() < 0.5
        )
        verb, ends = ("/sell", " short") if is_short else ("/buy", "")
        price = ""
        if self.dice.random() < 0.3:
            touch = self.exchange.ledger.touches[place.venue, place.listed]
            away = touch.ask * Decimal("1.004") if is_short else touch.bid * Decimal("0.996")
            price = f" @ {away.quantize(place.tick)}"
        base, _, rest = place.words.partition(" ")
        return f"{verb} {base} {rest} {quantity}{price}{ends}".replace("  ", " "), "create"

    async def _free(self) -> list[Place]:
        """Give the places without an unknown order; of one that has one, entries are denied."""

        def free() -> list[Place]:
            rows = self.console.rows("select venue, symbol from orders where status = 'unknown'")
            return [each for each in PLACES if (each.venue, each.symbol) not in rows]

        await until(lambda: bool(free()), "every place has an unknown order", REST_S)
        # Now and then somebody tries all the same.
        return free() if self.dice.random() < 0.95 else list(PLACES)

    def _held(self, place: Place) -> tuple[str, str] | None:
        found = self.console.rows(
            "select position_id, side from positions"
            " where closed_at is null and venue = ? and symbol = ?",
            place.venue,
            place.symbol,
        )
        return (str(found[0][0]), str(found[0][1])) if found else None

    def _plan(self, kind: str) -> None:
        faults = self.exchange.faults
        faults.planned[:] = [each for each in faults.planned if each.count is None]
        share = CREATE_SHARE if kind == "create" else CANCEL_SHARE
        if self.dice.random() >= share:
            return
        names = self.dice.choice(CREATES) if kind == "create" else CANCELS
        name = self.dice.choice(names)
        booked = name in ("lost", "stall") or self.dice.random() < 0.5
        faults.add(kind, name, booked=booked, retry_after_s=1 if name == "429" else None)

    def _plan_background(self) -> None:
        for kind in ("query", "open", "closed", "trades", "balance", "positions"):
            for name in READS:
                self.exchange.faults.add(kind, name, count=None, chance=READ_SHARE)
        for name in STREAMS:
            self.exchange.faults.add("stream", name, count=None, chance=STREAM_SHARE)

    def _move_prices(self) -> None:
        for place in PLACES:
            touch = self.exchange.ledger.touches[place.venue, place.listed]
            moved = touch.bid * (1 + Decimal(self.dice.randrange(-10, 11)) / 10_000)
            bid = moved.quantize(place.tick)
            self.exchange.price(place.listed, bid, bid + place.tick, venue=place.venue)

    async def _listen(self) -> None:
        after = self.calls[-1].number if self.calls else 0
        self.calls += await self.sandbox.calls(after=after)


@asynccontextmanager
async def course(folder: Path, seed: int) -> AsyncIterator[Course]:
    """Give a console in a folder, with a Telegram and an exchange of its own."""
    async with (
        TestExchange() as exchange,
        Sandbox(people=PEOPLE, folder=folder / "telegram") as sandbox,
    ):
        exchange.faults.seed(seed)
        console = ConsoleProcess(
            folder=folder,
            env=environment(folder, **_settings(sandbox, exchange)),
            database="quarterdeck-live.db",
        )
        try:
            yield Course(
                console=console, sandbox=sandbox, exchange=exchange, dice=random.Random(seed)
            )
        finally:
            await console.gone()


def _settings(sandbox: Sandbox, exchange: TestExchange) -> Mapping[str, str]:
    accounts = {
        f"{venue.upper()}_{name}": value
        for venue in (BINANCE, BYBIT)
        for name, value in (
            ("API_KEY", exchange.api_key),
            ("API_SECRET", exchange.api_secret),
            ("API_URL", exchange.url),
            ("WS_URL", exchange.ws_url),
        )
    }
    return {
        "TELEGRAM_BOT_TOKEN": sandbox.token,
        "TELEGRAM_API_URL": sandbox.url,
        "OPERATORS": OPERATORS,
        "EXECUTION_MODE": "live",
        "VENUES": f"{BINANCE},{BYBIT}",
        "CONFIRM": "never",
        **accounts,
    }
