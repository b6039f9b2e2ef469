"""Stops moved from the position's card: by a distance, typed, trailing, and closed by the clock."""

from decimal import Decimal

from bot.sandbox import SeenMessage
from engine.positions import Position
from tests.bot.chat.test_tickets import bought
from tests.bot.chat.world import OWNER, TRADER, VIEWER, ChatWorld


def position_of(world: ChatWorld) -> Position:
    (position,) = world.assembly.engine.state.positions.values()
    return position


async def card_of(world: ChatWorld, user: int = OWNER) -> SeenMessage:
    asked = await world.sandbox.say(user, "/positions")
    answer = await world.answer_to(user, asked)
    await world.sandbox.press(user, answer.message_id, "1 BTC")
    return await world.sandbox.wait_for_message(
        lambda one: one.message_id > asked and "BTC long" in one.text, chat_id=user
    )


async def opened(world: ChatWorld, button: str, part: str, user: int = OWNER) -> SeenMessage:
    card = await card_of(world, user)
    await world.sandbox.press(user, card.message_id, button)
    return await world.sandbox.wait_for_message(
        lambda one: one.message_id == card.message_id and part in one.text, chat_id=user
    )


async def test_a_stop_moves_by_a_distance_from_the_price_now(world: ChatWorld) -> None:
    await bought(world)
    card = await opened(world, "Move stop", "Move the stop of BTC?")
    assert card.labels[:3] == ["1%", "2%", "3%"]
    await world.sandbox.press(OWNER, card.message_id, "5%")
    await world.until(lambda state: next(iter(state.positions.values())).stop == Decimal(57000))
    back = await world.sandbox.wait_for_message(
        lambda one: one.message_id == card.message_id and "57,000.00" in one.text, chat_id=OWNER
    )
    assert "Move stop" in back.labels


async def test_a_typed_price_moves_it_once_and_the_question_goes(world: ChatWorld) -> None:
    await bought(world)
    card = await opened(world, "Move stop", "Move the stop of BTC?")
    await world.sandbox.press(OWNER, card.message_id, "Type it")
    question = await world.sandbox.wait_for_text("Type the stop of BTC?", chat_id=OWNER)
    await world.said(OWNER, "hello", part="I read commands")
    await world.said(OWNER, "61,000", part="must stand below the price")
    assert position_of(world).stop == Decimal("58800.01")
    await world.handled()
    messages = await world.sandbox.messages(OWNER)
    assert question.message_id not in [one.message_id for one in messages]
    # It waits no longer: the next number is only a number.
    await world.said(OWNER, "59000", part="I read commands")
    card = await opened(world, "Move stop", "Move the stop of BTC?")
    await world.sandbox.press(OWNER, card.message_id, "Type it")
    await world.sandbox.wait_for_text("Type the stop of BTC?", chat_id=OWNER)
    await world.said(OWNER, "3%", part="Stop moved")
    assert position_of(world).stop == Decimal("58200.00")


async def test_a_trail_is_set_shown_and_taken_off(world: ChatWorld) -> None:
    await bought(world)
    card = await opened(world, "Trail", "Trail the stop of BTC?")
    await world.sandbox.press(OWNER, card.message_id, "2%")
    await world.until(lambda state: next(iter(state.positions.values())).plan.trails)
    await world.sandbox.wait_for_message(
        lambda one: one.message_id == card.message_id and "Stop trails by 2%." in one.text,
        chat_id=OWNER,
    )
    world.requote(Decimal("1.05"))
    await world.until(
        lambda state: next(iter(state.positions.values())).stop == Decimal("61740.00")
    )
    card = await opened(world, "Trail", "Trail the stop of BTC?")
    await world.sandbox.press(OWNER, card.message_id, "Stop trailing")
    await world.until(lambda state: not next(iter(state.positions.values())).plan.trails)
    assert position_of(world).stop == Decimal("61740.00")


async def test_a_position_is_closed_by_the_clock_unless_that_is_taken_away(
    world: ChatWorld,
) -> None:
    await bought(world)
    card = await opened(world, "Trail", "Trail the stop of BTC?")
    await world.sandbox.press(OWNER, card.message_id, "In 4 h")
    await world.until(lambda state: next(iter(state.positions.values())).plan.close_at is not None)
    card = await opened(world, "Trail", "Trail the stop of BTC?")
    assert "Closes by the clock at" in card.text
    await world.sandbox.press(OWNER, card.message_id, "No time stop")
    await world.until(lambda state: next(iter(state.positions.values())).plan.close_at is None)


async def test_a_viewer_moves_nothing_and_a_forged_distance_neither(world: ChatWorld) -> None:
    await bought(world)
    name = position_of(world).position_id
    seen = await card_of(world, VIEWER)
    assert seen.labels == ["Back", "Refresh"]
    for data in (f"q1|pp|{name}|5", f"q1|pk|{name}|2", f"q1|pt|{name}", f"q1|pq|{name}|1"):
        query = await world.sandbox.press(VIEWER, seen.message_id, gone_ok=True, callback_data=data)
        answer = await world.sandbox.wait_for_answer(query)
        assert "This tap did nothing" in (answer.text or "")
    card = await card_of(world, TRADER)
    for data, part in (
        (f"q1|pp|{name}|150", "must stand below"),
        (f"q1|pq|{name}|999999999999", "one minute to 366 days"),
    ):
        await world.sandbox.press(TRADER, card.message_id, gone_ok=True, callback_data=data)
        await world.sandbox.wait_for_text(part, chat_id=TRADER)
    assert position_of(world).stop == Decimal("58800.01")
    assert position_of(world).plan.close_at is None
