"""One venue, coin or strategy stopped from the chat; what cannot be read stops everything."""

import pytest

from engine import commands as c
from engine.commands import Actor, ActorKind
from engine.risk_limits import TradingState
from tests.bot.chat.test_codes import code_of, set_up
from tests.bot.chat.world import OWNER, TRADER, VIEWER, ChatWorld

PROGRAM = Actor(kind=ActorKind.PROGRAM)


@pytest.mark.parametrize(
    ("text", "key", "title"),
    [
        ("/stop btc", "symbol:BTC", "HALTED: BTC"),
        ("/stop BTC/USDT", "symbol:BTC/USDT", "HALTED: BTC/USDT"),
        ("/stop btcusdt", "symbol:BTC/USDT", "HALTED: BTC/USDT"),
        ("/stop binance", "venue:binance", "HALTED: Binance"),
        ("/stop venue Binance", "venue:binance", "HALTED: Binance"),
        ("/stop@quarterdeck_bot symbol btc", "symbol:BTC", "HALTED: BTC"),
    ],
)
async def test_a_named_scope_is_stopped_alone_by_anybody(
    world: ChatWorld, text: str, key: str, title: str
) -> None:
    await world.said(VIEWER, text, part=title)
    state = world.assembly.engine.state
    assert state.stop is None
    assert state.trading is TradingState.ACTIVE
    assert [(k, each.trading) for k, each in state.restrictions.items()] == [
        (key, TradingState.HALTED)
    ]
    await world.said(VIEWER, text, part="halted already; nothing changed")


@pytest.mark.parametrize(
    "text",
    [
        "/stop",
        "⛔ STOP",
        "stop btc",
        "/stop all",
        "/stop now",
        "/stop everything now please",
        "/stop qqqq",
        "/stop btc eth",
        "/stop strategy nobody",
        "/stop venue kraken",
        "/stop symbol binance",
        "/stop \x00 \u202e \U0001f6a8",
        "/stop " + "x" * 3000,
    ],
)
async def test_whatever_cannot_be_read_stops_everything(world: ChatWorld, text: str) -> None:
    if text == "stop btc":
        # Not the command: read as any other text, as before.
        await world.said(VIEWER, text, part="/help")
        assert world.assembly.engine.state.stop is None
        return
    await world.said(VIEWER, text, part="HALTED")
    assert world.assembly.engine.state.stop is not None
    assert world.assembly.engine.state.restrictions == {}


async def test_a_stop_with_an_unknown_word_says_that_everything_is_stopped(
    world: ChatWorld,
) -> None:
    text = await world.said(TRADER, "/stop binanse", part="HALTED: everything")
    assert "binanse names no venue, symbol or strategy here, so everything is stopped." in text


async def test_entries_of_the_coin_are_denied_and_others_pass(world: ChatWorld) -> None:
    await world.said(OWNER, "/stop btc", part="HALTED: BTC")
    await world.said(OWNER, "/buy btc 100 usdt", part="Halted on BTC: set by owner")
    await world.said(OWNER, "/buy eth 100 usdt", part="ETH?")


async def test_a_strategy_that_has_traded_can_be_stopped(world: ChatWorld) -> None:
    await world.said(OWNER, "/buy eth 100 usdt", part="ETH?")
    await world.said(TRADER, "/stop strategy manual", part="HALTED: strategy manual")
    await world.said(OWNER, "/buy btc 100 usdt", part="Halted for strategy manual")


async def test_only_an_owner_lets_a_scope_go_and_is_asked_first(world: ChatWorld) -> None:
    await world.said(OWNER, "/stop btc", part="HALTED: BTC")
    await world.said(TRADER, "/resume btc", part="Resume needs an owner")
    asked = await world.sandbox.say(OWNER, "/resume btc")
    card = await world.answer_to(OWNER, asked)
    assert "Resume BTC?" in card.text
    assert world.assembly.engine.state.restrictions
    await world.sandbox.press(OWNER, card.message_id, "Resume BTC")
    await world.until(lambda state: not state.restrictions)
    await world.sandbox.wait_for_text("ACTIVE again: BTC", chat_id=OWNER)


async def test_letting_a_scope_go_takes_the_code_of_who_has_one(world: ChatWorld) -> None:
    secret = await set_up(world)
    await world.said(OWNER, "/stop btc", part="HALTED: BTC")
    asked = await world.sandbox.say(OWNER, "/resume btc")
    card = await world.answer_to(OWNER, asked)
    await world.sandbox.press(OWNER, card.message_id, "Resume BTC, then code")
    question = await world.sandbox.wait_for_text("Send the 6-digit code", chat_id=OWNER)
    assert "It lets BTC trade again." in question.text
    assert world.assembly.engine.state.restrictions
    await world.sandbox.say(OWNER, code_of(world, secret))
    await world.until(lambda state: not state.restrictions)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("/resume qqqq", "Nothing of that name"),
        ("/resume btc", "ACTIVE already"),
        ("/resume", "ACTIVE already"),
    ],
)
async def test_a_resume_of_nothing_says_so(world: ChatWorld, text: str, part: str) -> None:
    await world.said(OWNER, text, part=part)


async def test_a_bare_resume_names_what_is_held_back_still(world: ChatWorld) -> None:
    await world.said(OWNER, "/stop btc", part="HALTED: BTC")
    text = await world.said(OWNER, "/resume", part="ACTIVE already")
    assert "but not on:\nBTC" in text


async def test_a_breaker_is_re_armed_only_after_a_card_that_says_what_that_does(
    world: ChatWorld,
) -> None:
    engine = world.assembly.engine
    await engine.send(
        c.TripBreaker(command_id="t", actor=PROGRAM, at=world.clock.now(), reason="by hand")
    )
    asked = await world.sandbox.say(OWNER, "/risk")
    risk = await world.answer_to(OWNER, asked)
    await world.sandbox.press(OWNER, risk.message_id, "Breakers")
    listed = await world.sandbox.wait_for_text("1 breaker tripped", chat_id=OWNER)
    await world.sandbox.press(OWNER, listed.message_id, "Re-arm by a program")
    card = await world.sandbox.wait_for_text("Re-arm by a program?", chat_id=OWNER)
    assert "Allows again new entries" in card.text
    assert engine.state.breakers
    await world.sandbox.press(OWNER, card.message_id, "Re-arm")
    await world.until(lambda state: not state.breakers)
    await world.sandbox.wait_for_text("Breaker re-armed", chat_id=OWNER)


async def test_the_list_shows_every_breaker_against_its_limit(world: ChatWorld) -> None:
    asked = await world.sandbox.say(TRADER, "/risk")
    risk = await world.answer_to(TRADER, asked)
    await world.sandbox.press(TRADER, risk.message_id, "Breakers")
    listed = await world.sandbox.wait_for_text("No breaker tripped", chat_id=TRADER)
    for name in ("Day loss", "Drawdown", "Losses", "Rejects", "Prices", "Slippage"):
        assert name in listed.text
