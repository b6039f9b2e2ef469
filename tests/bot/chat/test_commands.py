import pytest
from telegram import BotCommandScopeChat

from bot.access import COMMANDS
from engine.events import StrangerNoted
from tests.bot.chat.world import DESK_GROUP, OWNER, STRANGER, TRADER, VIEWER, ChatWorld

ANSWERS = {
    "/start": "Ready, not real money",
    "/help": "Help for an owner",
    "/buy": "Symbol missing",
    "/sell": "Symbol missing",
    "/close": "No positions",
    "/positions": "No positions",
    "/orders": "No open orders",
    "/cancel": "No open orders",
    "/balance": "10,000.00",
    "/pnl": "PAPER",
    "/performance": "PAPER",
    "/signals": "PAPER",
    "/risk": "Risk",
    "/flatten": "PAPER",
    "/resume": "ACTIVE already",
    "/mode": "PAPER",
    "/status": "ACTIVE",
    "/alerts": "Alerts in this chat",
    "/audit": "Audit",
    "/venues": "Binance",
    "/chart btc": "BTC",
    "/stop": "HALTED",
}


@pytest.mark.parametrize("command", ANSWERS)
async def test_every_command_has_an_answer_that_says_what_it_is_about(
    world: ChatWorld, command: str
) -> None:
    await world.said(OWNER, command, part=ANSWERS[command])


async def test_help_comes_with_its_buttons(world: ChatWorld) -> None:
    asked = await world.sandbox.say(OWNER, "/help")
    card = await world.answer_to(OWNER, asked)
    assert card.labels == ["Guided trade", "Status", "Risk"]


def test_no_command_is_forgotten_above() -> None:
    assert {line.removeprefix("/").partition(" ")[0] for line in ANSWERS} == COMMANDS.keys()


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("Status", "ACTIVE"),
        ("Positions", "No positions"),
        ("Orders", "No open orders"),
        ("Trade", "Trade, 1 of 3"),
        ("⛔ STOP", "HALTED"),
        ("stop!", "HALTED"),
        ("/nonsense", "There is no command /nonsense"),
        ("good morning", "/help lists them"),
        ("/flatten btc", "/flatten closes everything, and I read btc"),
        ("/buy btc", "Size missing"),
        ("/buy btcc 5 usdt", "No symbol BTCC"),
        ("/chart qqqq", "No symbol QQQQ"),
        ("/close sol", "No such position"),
        ("/cancel O-9999", "No such order"),
    ],
)
async def test_every_key_and_every_wrong_word_is_answered(
    world: ChatWorld, text: str, part: str
) -> None:
    await world.said(OWNER, text, part=part)


@pytest.mark.parametrize(
    ("user_id", "command", "part"),
    [
        (VIEWER, "/buy btc 100 usdt", "Trade needs a trader"),
        (VIEWER, "/flatten", "Flatten needs a trader"),
        (VIEWER, "/close btc", "Close needs a trader"),
        (TRADER, "/resume", "Resume needs an owner"),
        (VIEWER, "/stop", "HALTED"),
        (VIEWER, "Trade", "Trade needs a trader"),
        (VIEWER, "buy btc 100 usdt", "/help lists them"),
    ],
)
async def test_a_role_is_told_what_it_lacks_and_everyone_may_stop(
    world: ChatWorld, user_id: int, command: str, part: str
) -> None:
    await world.said(user_id, command, part=part)


async def test_a_stranger_gets_silence_in_private_and_in_a_group_and_is_journaled(
    world: ChatWorld,
) -> None:
    # given a stranger who tries both
    await world.sandbox.say(STRANGER, "/stop")
    await world.sandbox.say(STRANGER, "/buy btc 100 usdt", chat_id=DESK_GROUP)
    # when an owner is served after that
    await world.said(OWNER, "/status", part="ACTIVE")
    noted = await world.event_of(StrangerNoted)
    # then nothing was said to the stranger, and nothing was done
    assert [one for one in await world.sandbox.messages(STRANGER) if one.from_bot] == []
    assert [one for one in await world.sandbox.messages(DESK_GROUP) if one.from_bot] == []
    assert [(event.user_id, event.messages) for event in noted] == [(STRANGER, 1)]
    assert world.assembly.engine.state.stop is None


async def test_an_operator_is_served_in_a_group_where_strangers_read_along(
    world: ChatWorld,
) -> None:
    answer = await world.said(TRADER, "/positions", part="No positions", chat_id=DESK_GROUP)
    assert "PAPER" in answer


async def test_start_binds_the_chat_and_sets_keyboard_and_menu(world: ChatWorld) -> None:
    await world.said(VIEWER, "/start", part="Try three things")
    keys = await world.sandbox.wait_for_message(lambda one: bool(one.keyboard), chat_id=VIEWER)
    assert keys.keyboard is not None
    assert [key["text"] for row in keys.keyboard["keyboard"] for key in row] == [
        "Status", "Positions", "Orders", "⛔ STOP",
    ]  # fmt: skip
    assert str(VIEWER) in world.assembly.engine.state.chats


async def test_the_menu_of_a_viewer_holds_no_command_that_trades(world: ChatWorld) -> None:
    await world.said(VIEWER, "/start", part="Try three things")
    await world.handled()  # the menu follows the answer
    menu = await world.bot.get_my_commands(scope=BotCommandScopeChat(VIEWER))
    names = {one.command for one in menu}
    assert "stop" in names
    assert names.isdisjoint({"buy", "sell", "close", "flatten", "resume"})


async def test_a_command_that_fails_says_so_and_that_nothing_was_sent(world: ChatWorld) -> None:
    await world.assembly.engine.stop()
    await world.said(OWNER, "/buy btc 250 usdt", part="The engine is not running. Nothing was sent")


async def test_a_tap_that_fails_is_answered_all_the_same(world: ChatWorld) -> None:
    asked = await world.sandbox.say(OWNER, "/buy btc 250 usdt")
    card = await world.sandbox.wait_for_message(
        lambda one: one.has_button("Confirm") and one.message_id > asked, chat_id=OWNER
    )
    await world.assembly.engine.stop()
    query = await world.sandbox.press(OWNER, card.message_id, "Confirm")
    await world.sandbox.wait_for_answer(query)
    await world.sandbox.wait_for_text("Nothing was sent", chat_id=OWNER, after=card.message_id)
