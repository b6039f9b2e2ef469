"""From the words to the order: tickets, taps, and the taps that must do nothing."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from bot.sandbox import Sandbox, SeenMessage
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.orders import OrderStatus
from engine.protection import is_protection
from engine.tickets import TicketStatus
from tests.bot.chat.world import DESK_GROUP, OWNER, PLAN, TRADER, VIEWER, ChatWorld, console

BUY = "/buy btc 250 usdt sl 2% tp 4% 8%"


async def ticket_of(
    world: ChatWorld, user_id: int = OWNER, text: str = BUY, chat_id: int | None = None
) -> SeenMessage:
    asked = await world.sandbox.say(user_id, text, chat_id=chat_id)
    return await world.sandbox.wait_for_message(
        lambda one: one.has_button("Confirm") and one.message_id > asked,
        chat_id=chat_id or user_id,
    )


def orders(world: ChatWorld) -> list[str]:
    """Give what was sent, but for the stops that protect it."""
    state = world.assembly.engine.state
    sent = {**state.orders, **state.orders_finished}
    return [name for name, order in sent.items() if not is_protection(order)]


async def held(world: ChatWorld) -> None:
    await world.until(lambda state: bool(state.positions))


async def bought(world: ChatWorld, text: str = BUY) -> None:
    card = await ticket_of(world, text=text)
    await world.sandbox.press(OWNER, card.message_id, "Confirm")
    await held(world)


async def test_a_typed_buy_becomes_a_ticket_and_a_confirm_exactly_one_order(
    world: ChatWorld,
) -> None:
    card = await ticket_of(world)
    assert "Buy 0.00414 BTC?" in card.text
    assert card.labels[0].startswith("Confirm paper buy")
    assert card.labels[1:] == ["Edit size", "Cancel"]
    # when it is confirmed
    query = await world.sandbox.press(OWNER, card.message_id, "Confirm")
    answer = await world.sandbox.wait_for_answer(query)
    await held(world)
    # then the tap is answered, the card says so, and one order went out
    assert (answer.text, answer.show_alert) == (None, False)
    done = await world.sandbox.wait_for_text("Confirmed", chat_id=OWNER)
    assert done.message_id == card.message_id
    assert done.labels == []
    assert len(orders(world)) == 1
    (position,) = world.assembly.engine.state.positions.values()
    assert position.stop is not None
    assert len(position.targets) == 2


async def test_two_taps_on_confirm_make_one_order_and_the_second_is_told(world: ChatWorld) -> None:
    card = await ticket_of(world)
    first = await world.sandbox.press(OWNER, card.message_id, "Confirm")
    second = await world.sandbox.press(OWNER, card.message_id, "Confirm", gone_ok=True,
                                       callback_data=card.callback_data("Confirm"))  # fmt: skip
    answers = [await world.sandbox.wait_for_answer(one) for one in (first, second)]
    await held(world)
    assert answers[0].text is None
    assert (answers[1].text or "").startswith("Already used. T-")
    assert "confirmed by you" in (answers[1].text or "")
    assert answers[1].show_alert
    assert len(orders(world)) == 1


async def test_a_withdrawn_ticket_says_so_on_its_card_and_on_every_later_tap(
    world: ChatWorld,
) -> None:
    card = await ticket_of(world)
    await world.sandbox.press(OWNER, card.message_id, "Cancel")
    gone = await world.sandbox.wait_for_text("Cancelled: nothing sent", chat_id=OWNER)
    assert gone.message_id == card.message_id
    late = await world.sandbox.press(
        OWNER, card.message_id, gone_ok=True, callback_data=card.callback_data("Confirm")
    )
    answer = await world.sandbox.wait_for_answer(late)
    assert (answer.text or "").startswith("Cancelled. T-")
    assert "This tap did nothing." in (answer.text or "")
    assert orders(world) == []


async def test_a_forged_button_is_answered_and_does_nothing(world: ChatWorld) -> None:
    card = await ticket_of(world)
    for forged in ("q1|tc|nosuchticket", "q1|zz", "garbage", "q1|gp|k|buy|n|-5"):
        query = await world.sandbox.press(
            OWNER, card.message_id, gone_ok=True, callback_data=forged
        )
        answer = await world.sandbox.wait_for_answer(query)
        assert answer.show_alert
        assert "This tap did nothing." in (answer.text or ""), forged
    assert orders(world) == []


async def test_a_ticket_in_a_group_obeys_its_person_and_owners_alone(world: ChatWorld) -> None:
    # given a ticket of the owner in a group
    card = await ticket_of(world, OWNER, chat_id=DESK_GROUP)
    # when the trader taps
    query = await world.sandbox.press(TRADER, card.message_id, "Confirm")
    answer = await world.sandbox.wait_for_answer(query)
    assert (answer.text or "").startswith("Not yours. T-")
    assert orders(world) == []
    # then the card still stands for its own person
    await world.sandbox.press(OWNER, card.message_id, "Confirm")
    await held(world)
    assert len(orders(world)) == 1


async def test_an_owner_may_confirm_a_traders_ticket(world: ChatWorld) -> None:
    card = await ticket_of(world, TRADER, chat_id=DESK_GROUP)
    await world.sandbox.press(OWNER, card.message_id, "Confirm")
    await held(world)


async def test_a_moved_price_refuses_the_confirm_and_offers_a_new_ticket(world: ChatWorld) -> None:
    card = await ticket_of(world)
    world.requote(Decimal("1.01"))
    await world.sandbox.press(OWNER, card.message_id, "Confirm")
    moved = await world.sandbox.wait_for_text("Price moved: nothing sent", chat_id=OWNER)
    assert moved.message_id == card.message_id
    assert orders(world) == []
    # when a new one is asked for
    await world.sandbox.press(OWNER, card.message_id, "New ticket")
    again = await world.sandbox.wait_for_message(
        lambda one: one.has_button("Confirm") and one.message_id > card.message_id, chat_id=OWNER
    )
    assert "Buy" in again.text


async def test_edit_size_voids_the_ticket_and_makes_a_new_one(world: ChatWorld) -> None:
    card = await ticket_of(world)
    await world.sandbox.press(OWNER, card.message_id, "Edit size")
    sizes = await world.sandbox.wait_for_text("how much", chat_id=OWNER)
    assert sizes.message_id == card.message_id
    await world.sandbox.press(OWNER, card.message_id, "100 USDT")
    again = await world.sandbox.wait_for_message(
        lambda one: one.has_button("Confirm") and one.message_id > card.message_id, chat_id=OWNER
    )
    assert "Buy 0.00165 BTC?" in again.text
    old = await world.sandbox.message(card.message_id)
    assert "Cancelled: nothing sent" in old.text
    statuses = [one.status for one in world.assembly.engine.state.tickets_ended.values()]
    assert statuses == [TicketStatus.CANCELED]


async def test_free_text_that_looks_like_an_order_is_only_ever_a_ticket(world: ChatWorld) -> None:
    card = await ticket_of(world, text="buy btc 250 usdt")
    assert "Buy" in card.text
    assert orders(world) == []


async def test_the_guided_trade_walks_on_one_message_to_a_ticket(world: ChatWorld) -> None:
    await world.said(OWNER, "Trade", part="1 of 3")
    picker = await world.sandbox.wait_for_text("1 of 3", chat_id=OWNER)
    await world.sandbox.press(OWNER, picker.message_id, "BTC")
    await world.sandbox.wait_for_text("2 of 3", chat_id=OWNER)
    await world.sandbox.press(OWNER, picker.message_id, "Buy BTC")
    await world.sandbox.wait_for_text("3 of 3", chat_id=OWNER)
    await world.sandbox.press(OWNER, picker.message_id, "250 USDT")
    card = await world.sandbox.wait_for_message(
        lambda one: one.has_button("Confirm"), chat_id=OWNER
    )
    assert "Stop" in card.text
    assert "Target" in card.text
    await world.sandbox.wait_for_message(lambda one: one.from_bot, chat_id=OWNER)
    assert orders(world) == []


async def test_a_suggested_correction_runs_with_one_tap_for_its_person(world: ChatWorld) -> None:
    asked = await world.sandbox.say(OWNER, "/buy btcc 250 usdt sl 2%")
    card = await world.sandbox.wait_for_text("No symbol BTCC", chat_id=OWNER, after=asked)
    await world.sandbox.press(OWNER, card.message_id, "BTC/USDT")
    ticket = await world.sandbox.wait_for_message(
        lambda one: one.has_button("Confirm"), chat_id=OWNER
    )
    assert "Stop" in ticket.text


async def test_a_denial_names_its_rule_and_its_button_makes_the_passing_ticket(
    world: ChatWorld,
) -> None:
    asked = await world.sandbox.say(OWNER, "/buy btc 2000 usdt")
    denial = await world.sandbox.wait_for_text("Denied", chat_id=OWNER, after=asked)
    assert "Nothing was sent" in denial.text
    await world.sandbox.press(OWNER, denial.message_id, "Ticket for")
    await world.sandbox.wait_for_message(
        lambda one: one.has_button("Confirm") and one.message_id > denial.message_id, chat_id=OWNER
    )


async def test_a_denial_while_halted_says_who_lifts_it(world: ChatWorld) -> None:
    await world.said(OWNER, "/stop", part="Halted")
    denial = await world.said(OWNER, "/buy btc 100 usdt", part="Denied")
    assert "/resume allows entries again." in denial


async def test_a_position_is_closed_by_half_from_its_card(world: ChatWorld) -> None:
    await bought(world)
    before = next(iter(world.assembly.engine.state.positions.values())).quantity
    await world.said(OWNER, "/positions", part="1 position")
    listed = await world.sandbox.wait_for_text("1 position", chat_id=OWNER)
    await world.sandbox.press(OWNER, listed.message_id, "1 BTC")
    card = await world.sandbox.wait_for_message(
        lambda one: one.has_button("Close 50%"), chat_id=OWNER
    )
    query = await world.sandbox.press(OWNER, card.message_id, "Close 50%")
    await world.sandbox.wait_for_answer(query)
    await world.until(lambda state: next(iter(state.positions.values())).quantity != before)


async def test_a_second_tap_on_close_sells_no_second_half(world: ChatWorld) -> None:
    await bought(world)
    before = next(iter(world.assembly.engine.state.positions.values())).quantity
    await world.said(OWNER, "/positions", part="1 position")
    listed = await world.sandbox.wait_for_text("1 position", chat_id=OWNER)
    await world.sandbox.press(OWNER, listed.message_id, "1 BTC")
    card = await world.sandbox.wait_for_message(
        lambda one: one.has_button("Close 50%"), chat_id=OWNER
    )

    first, second = [
        await world.sandbox.press(OWNER, card.message_id, "Close 50%", gone_ok=True)
        for _ in range(2)
    ]

    assert (await world.sandbox.wait_for_answer(first)).text is None
    told = await world.sandbox.wait_for_answer(second)
    assert told.show_alert
    assert (told.text or "").endswith("This tap did nothing.")
    await world.until(lambda state: next(iter(state.positions.values())).quantity != before)
    late = await world.sandbox.press(
        OWNER, card.message_id, callback_data=card.callback_data("Close 50%"), gone_ok=True
    )
    assert "is not what this card showed" in (
        (await world.sandbox.wait_for_answer(late)).text or ""
    )
    held = next(iter(world.assembly.engine.state.positions.values()))
    assert held.quantity == before / 2
    fresh = await world.sandbox.wait_for_message(
        lambda one: one.message_id == card.message_id and one.has_button("Close 100%"),
        chat_id=OWNER,
    )
    await world.sandbox.press(OWNER, fresh.message_id, "Close 100%")
    await world.until(lambda state: not state.positions)


async def test_a_viewer_who_taps_close_is_told_the_role_it_takes(world: ChatWorld) -> None:
    await bought(world)
    await world.said(VIEWER, "/positions", part="1 position")
    listed = await world.sandbox.wait_for_text("1 position", chat_id=VIEWER)
    position_id = next(iter(world.assembly.engine.state.positions.values())).position_id
    query = await world.sandbox.press(
        VIEWER, listed.message_id, gone_ok=True, callback_data=f"q1|pc|{position_id}|100|0"
    )
    answer = await world.sandbox.wait_for_answer(query)
    assert (answer.text or "").startswith("Close needs a trader")
    assert answer.show_alert


async def test_a_resting_entry_is_cancelled_by_command(world: ChatWorld) -> None:
    card = await ticket_of(world, text="/buy btc 0.004 @ 59000")
    await world.sandbox.press(OWNER, card.message_id, "Confirm")
    await world.until(
        lambda state: any(one.status is OrderStatus.ACCEPTED for one in state.orders.values())
    )
    await world.said(OWNER, "/cancel btc", part="Cancelling")
    await world.until(lambda state: not state.orders)


async def test_stop_flatten_and_resume_from_the_chat(world: ChatWorld) -> None:
    await bought(world)
    # when STOP is tapped
    await world.sandbox.say(OWNER, "⛔ STOP")
    ladder = await world.sandbox.wait_for_text("HALTED", chat_id=OWNER)
    assert ladder.has_button("Flatten everything")
    assert not ladder.silent
    # and everything is flattened from its card
    await world.sandbox.press(OWNER, ladder.message_id, "Flatten everything")
    await world.until(lambda state: not state.positions and state.flattening is None)
    # then entries are still refused, and an owner resumes
    world.requote()
    await world.said(OWNER, "/buy btc 250 usdt", part="Denied")
    asked = await world.sandbox.say(OWNER, "/resume")
    card = await world.sandbox.wait_for_text("Resume?", chat_id=OWNER, after=asked)
    await world.sandbox.press(OWNER, card.message_id, "Resume")
    await world.sandbox.wait_for_text("ACTIVE", chat_id=OWNER, after=card.message_id)
    assert world.assembly.engine.state.stop is None
    # and the card that asked does not go on saying that everything stands still
    await world.sandbox.wait_for_message(
        lambda one: one.message_id == card.message_id and "Resumed" in one.text, chat_id=OWNER
    )


async def test_without_confirmation_an_order_leaves_at_once_and_is_answered(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    plan = replace(PLAN, confirm=ConfirmPolicy(mode=ConfirmMode.NEVER))
    async with console(tmp_path, sandbox, plan=plan) as world:
        asked = await sandbox.say(OWNER, "/buy btc 250 usdt")
        answer = await world.answer_to(OWNER, asked)
        assert "BTC" in answer.text
        assert not answer.has_button("Confirm")
        await held(world)
        # when it is taken off in two steps from the keyboard
        await world.said(OWNER, "/sell btc 50%", part="BTC")
        await world.until(lambda state: not state.orders)
        await world.said(OWNER, "/close btc", part="BTC")
        await world.until(lambda state: not state.positions)


async def test_a_short_on_the_perp_opens_and_closes(sandbox: Sandbox, tmp_path: Path) -> None:
    plan = replace(PLAN, confirm=ConfirmPolicy(mode=ConfirmMode.NEVER))
    async with console(tmp_path, sandbox, plan=plan) as world:
        await sandbox.say(OWNER, "/sell btc 0.004 short perp 2x sl 2%")
        await world.until(lambda state: bool(state.positions))
        (position,) = world.assembly.engine.state.positions.values()
        assert position.quantity == Decimal("-0.004")
        await world.said(OWNER, "/close btc", part="BTC")
        await world.until(lambda state: not state.positions)


async def test_a_new_ticket_is_made_of_an_expired_one(world: ChatWorld) -> None:
    card = await ticket_of(world)
    world.clock.ahead = timedelta(seconds=61)
    query = await world.sandbox.press(OWNER, card.message_id, "Confirm")
    await world.sandbox.wait_for_answer(query)
    expired = await world.sandbox.wait_for_text("Expired: nothing sent", chat_id=OWNER)
    world.clock.ahead = timedelta()
    world.requote()
    await world.sandbox.press(OWNER, expired.message_id, "New ticket")
    await world.sandbox.wait_for_message(
        lambda one: one.has_button("Confirm") and one.message_id > card.message_id, chat_id=OWNER
    )
    assert orders(world) == []
