"""A chat that was bound by /start: the outbox and the desk together say everything once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.app import App, ChatPlan
from bot.assembly import assembled
from bot.sandbox import Sandbox, SeenMessage
from bot.secret import Secret
from engine.markets.manual import ManualMarket
from engine.state import State
from tests.bot.chat.conftest import PEOPLE
from tests.bot.chat.world import OPERATORS, OWNER, PLAN, PRICES, TestClock, market_of, wait_until

BUY = "/buy btc 250 usdt sl 2% tp 4%"


def requote(market: ManualMarket) -> None:
    for base, price in PRICES.items():
        market.set(f"{base}/USDT", price, price + Decimal("0.02"))


@asynccontextmanager
async def app_on(folder: Path, sandbox: Sandbox, clock: TestClock) -> AsyncIterator[App]:
    market = market_of(clock)
    plan = replace(PLAN, database_url=f"sqlite:///{folder / 'journal.db'}")
    app = App(
        assembled(plan, market, clock),
        ChatPlan(
            token=Secret(sandbox.token),
            api_url=sandbox.url,
            operators=OPERATORS,
            port=None,
            metrics_token=None,
            tz=UTC,
        ),
    )
    requote(market)
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


@pytest.fixture
async def app(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[App]:
    async with app_on(tmp_path, sandbox, TestClock()) as running:
        await sandbox.say(OWNER, "/start")
        await sandbox.wait_for_text("Try three things", chat_id=OWNER)
        yield running


async def ticket_of(sandbox: Sandbox, text: str = BUY) -> SeenMessage:
    asked = await sandbox.say(OWNER, text)
    return await sandbox.wait_for_message(
        lambda one: one.has_button("Confirm") and one.message_id > asked, chat_id=OWNER
    )


def flat(state: State) -> bool:
    return not state.positions and state.flattening is None


async def test_a_ticket_comes_once_under_its_command_and_becomes_its_outcome(
    app: App, sandbox: Sandbox
) -> None:
    card = await ticket_of(sandbox)
    await sandbox.press(OWNER, card.message_id, "Confirm")
    confirmed = await sandbox.wait_for_text("Confirmed", chat_id=OWNER)
    assert confirmed.message_id == card.message_id
    # the fill is a card of its own
    filled = await sandbox.wait_for_text("Bought 0.00414 BTC", chat_id=OWNER)
    assert filled.message_id != card.message_id
    messages = await sandbox.messages(OWNER)
    replies = [one for one in messages if one.reply_to == card.reply_to]
    assert card.reply_to is not None
    assert [one.message_id for one in replies] == [card.message_id]
    assert app.assembly.engine.state.positions


async def test_stop_shows_one_ladder_flatten_verifies_and_resume_is_said_once(
    app: App, sandbox: Sandbox
) -> None:
    card = await ticket_of(sandbox)
    await sandbox.press(OWNER, card.message_id, "Confirm")
    await wait_until(app.assembly.engine, lambda state: bool(state.positions))
    # when STOP is tapped, and tapped again
    await sandbox.say(OWNER, "⛔ STOP")
    ladder = await sandbox.wait_for_message(
        lambda one: one.has_button("Flatten everything"), chat_id=OWNER
    )
    await sandbox.say(OWNER, "⛔ STOP")
    again = await sandbox.wait_for_message(
        lambda one: one.has_button("Flatten everything") and one.message_id > ladder.message_id,
        chat_id=OWNER,
    )
    # and all is flattened
    await sandbox.press(OWNER, again.message_id, "Flatten everything")
    await sandbox.wait_for_text("FLAT, verified", chat_id=OWNER)
    await wait_until(app.assembly.engine, flat)
    # then an owner resumes
    asked = await sandbox.say(OWNER, "/resume")
    ask = await sandbox.wait_for_text("Resume?", chat_id=OWNER, after=asked)
    await sandbox.press(OWNER, ask.message_id, "Resume")
    await sandbox.wait_for_text("ACTIVE since", chat_id=OWNER)
    said = [one for one in await sandbox.messages(OWNER) if "ACTIVE since" in one.text]
    assert len(said) == 1


async def test_what_was_asked_while_the_console_was_down_is_listed_and_redone_by_a_tap(
    tmp_path: Path,
) -> None:
    # One clock for both: a tap is told from an old one by the time on its card.
    clock = TestClock()
    async with Sandbox(people=PEOPLE, clock=lambda: clock.now().timestamp()) as sandbox:
        await asked_while_down_is_redone(sandbox, tmp_path, clock)


async def asked_while_down_is_redone(sandbox: Sandbox, tmp_path: Path, clock: TestClock) -> None:
    async with app_on(tmp_path, sandbox, clock):
        await sandbox.say(OWNER, "/start")
        await sandbox.wait_for_text("Try three things", chat_id=OWNER)
    # given a command that nobody heard
    asked = await sandbox.say(OWNER, BUY)
    clock.ahead = timedelta(minutes=11)
    # when the console is back
    async with app_on(tmp_path, sandbox, clock) as app:
        back = await sandbox.wait_for_text("1 set aside, not run", chat_id=OWNER, after=asked)
        assert BUY in back.text
        assert app.assembly.engine.state.tickets == {}
        # and the line is redone
        await sandbox.press(OWNER, back.message_id, "Redo 1")
        # then it is a ticket, at today's price
        await sandbox.wait_for_message(
            lambda one: one.has_button("Confirm") and one.message_id > back.message_id,
            chat_id=OWNER,
        )
        assert len(app.assembly.engine.state.tickets) == 1


async def test_alert_preferences_turn_on_their_card(app: App, sandbox: Sandbox) -> None:
    await sandbox.say(OWNER, "/alerts")
    card = await sandbox.wait_for_text("Alerts in this chat", chat_id=OWNER)
    await sandbox.press(OWNER, card.message_id, "Fills: on")
    await sandbox.wait_for_message(lambda one: one.has_button("Fills: silent"), chat_id=OWNER)
    assert app.assembly.engine.state.chats[str(OWNER)].modes["fill"] == "silent"
