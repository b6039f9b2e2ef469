"""A chat that was bound by /start: the outbox and the desk together say everything once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.app import App
from bot.assembly import assembled
from bot.plans import ChatPlan
from bot.sandbox import Sandbox, SeenMessage
from bot.secret import Secret
from bot.telegram_api import TelegramUnreachable
from engine.confirming import ConfirmPolicy
from engine.markets.manual import ManualMarket
from engine.state import State
from tests.bot.chat.world import (
    OPERATORS,
    OWNER,
    PEOPLE,
    PLAN,
    PRICES,
    TestClock,
    market_of,
    wait_until,
)

BUY = "/buy btc 250 usdt sl 2% tp 4%"


def requote(market: ManualMarket) -> None:
    for base, price in PRICES.items():
        market.set(f"{base}/USDT", price, price + Decimal("0.02"))


@asynccontextmanager
async def app_on(
    folder: Path, sandbox: Sandbox, clock: TestClock, *, confirm: ConfirmPolicy = PLAN.confirm
) -> AsyncIterator[App]:
    market = market_of(clock)
    url = f"sqlite:///{folder / 'journal.db'}"
    plan = replace(PLAN, database_url=url, confirm=confirm)
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


@pytest.fixture
async def brisk(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[App]:
    """Run a console that asks only for what is risky."""
    async with app_on(tmp_path, sandbox, TestClock(), confirm=ConfirmPolicy()) as running:
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


async def test_a_direct_order_is_answered_by_its_fill_card_alone(
    brisk: App, sandbox: Sandbox
) -> None:
    # when a small order goes out without a ticket
    asked = await sandbox.say(OWNER, "/buy btc 100 usdt sl 2%")
    card = await sandbox.wait_for_text("Filled in", chat_id=OWNER, after=asked)
    # then its fill card answers the message that asked, and rings
    assert card.reply_to == asked
    assert not card.silent
    answers = [one for one in await sandbox.messages(OWNER) if one.message_id > asked]
    assert [one.message_id for one in answers] == [card.message_id]


async def test_a_resting_order_is_shown_as_sent_until_its_fill_takes_the_card_away(
    brisk: App, sandbox: Sandbox
) -> None:
    asked = await sandbox.say(OWNER, "/buy btc 100 usdt @ 59500")
    sent = await sandbox.wait_for_text("Working", chat_id=OWNER, after=asked)
    assert sent.has_button("Cancel order")
    # when the market trades through its limit
    market = brisk.assembly.market
    assert isinstance(market, ManualMarket)
    market.set("BTC/USDT", Decimal(59400), Decimal("59400.02"))
    # then the fill card answers the same message, and the older card is gone
    card = await sandbox.wait_for_text("Filled in", chat_id=OWNER, after=sent.message_id)
    assert card.reply_to == asked
    await sandbox.wait_for_call("deleteMessage")
    assert (await sandbox.message(sent.message_id)).deleted


async def test_a_flatten_after_stop_goes_on_on_the_ladders_card(
    brisk: App, sandbox: Sandbox
) -> None:
    asked = await sandbox.say(OWNER, "/buy btc 100 usdt sl 2%")
    await sandbox.wait_for_text("Filled in", chat_id=OWNER, after=asked)
    await sandbox.say(OWNER, "⛔ STOP")
    ladder = await sandbox.wait_for_message(lambda one: one.has_button("Flatten"), chat_id=OWNER)
    # when everything is flattened from the ladder
    await sandbox.press(OWNER, ladder.message_id, "Flatten")
    flat = await sandbox.wait_for_text("Flat, still HALTED", chat_id=OWNER)
    # then the ladder's card told the progress, and the verdict alone is new beside the fill
    after = [
        one.text.partition("\n")[0]
        for one in await sandbox.messages(OWNER)
        if one.message_id > ladder.message_id and not one.deleted
    ]
    assert flat.message_id > ladder.message_id
    assert not any("Flattening" in line for line in after), after
    assert "Flattening" in (await sandbox.message(ladder.message_id)).text


async def test_open_positions_are_watched_though_telegram_cannot_be_reached(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    # given a position with a stop, and a console that ended
    clock = TestClock()
    async with app_on(tmp_path, sandbox, clock, confirm=ConfirmPolicy()):
        await sandbox.say(OWNER, "/start")
        await sandbox.wait_for_text("Try three things", chat_id=OWNER)
        await sandbox.say(OWNER, "/buy btc 100 usdt sl 2%")
        bought = await sandbox.wait_for_text("Filled in", chat_id=OWNER)
    # when it starts again while Telegram cannot be reached, and the stop is gone through
    await sandbox.network(up=False)
    async with app_on(tmp_path, sandbox, clock, confirm=ConfirmPolicy()) as app:
        market = app.assembly.market
        assert isinstance(market, ManualMarket)
        market.set("BTC/USDT", Decimal(58000), Decimal("58000.02"))
        await wait_until(app.assembly.engine, lambda state: not state.positions)
        # then the stop has closed it, and the chat is told as soon as it can be
        await sandbox.network(up=True)
        await sandbox.wait_for_text("Sold", chat_id=OWNER, after=bought.message_id, timeout_s=60)


async def test_nothing_starts_for_nothing_while_telegram_cannot_be_reached(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    await sandbox.network(up=False)
    with pytest.raises(TelegramUnreachable):
        async with app_on(tmp_path, sandbox, TestClock()):
            pass


async def test_a_command_that_names_another_bot_is_left_to_it(app: App, sandbox: Sandbox) -> None:
    asked = await sandbox.say(OWNER, "/positions@other_bot")
    named = await sandbox.say(OWNER, "/positions@Quarterdeck_Sandbox_Bot")
    card = await sandbox.wait_for_text("No positions", chat_id=OWNER, after=asked)
    assert card.reply_to == named
    # STOP is ours whatever it names
    await sandbox.say(OWNER, "/stop@other_bot")
    await sandbox.wait_for_text("HALTED", chat_id=OWNER, after=named)
