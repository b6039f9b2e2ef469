"""What comes between Confirm and the order: an amount typed, a code, a second person."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from bot.sandbox import Sandbox, SeenMessage
from engine.confirming import Confirmation, ConfirmPolicy, Measure, Tier
from engine.events import CommandRefused, TicketConfirmed
from tests.bot.chat.test_codes import code_of, gone, set_up, shown
from tests.bot.chat.test_tickets import held, orders, ticket_of
from tests.bot.chat.world import DESK_GROUP, OWNER, PLAN, TRADER, ChatWorld, console


@asynccontextmanager
async def asking(folder: Path, sandbox: Sandbox, step: Confirmation) -> AsyncIterator[ChatWorld]:
    """Run a console where an order over 100 USDT takes a step; its owner is OWNER alone."""
    tier = Tier(measure=Measure.NOTIONAL, confirmation=step, over=Decimal(100))
    plan = replace(PLAN, confirm=ConfirmPolicy(tiers=(tier,), ticket_life_s=40), owners=(OWNER,))
    async with console(folder, sandbox, plan=plan) as world:
        yield world


async def question_of(world: ChatWorld, user: int = OWNER) -> tuple[SeenMessage, SeenMessage]:
    """Ask for 250 USDT, tap Confirm, and give the ticket's card with the question that came."""
    card = await ticket_of(world, user)
    await world.sandbox.press(user, card.message_id, "Confirm")
    return card, await shown(world, "Type 250", after=card.message_id, user=user)


async def test_the_amount_typed_sends_the_order_once_and_the_question_goes(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with asking(tmp_path, sandbox, Confirmation.TYPED) as world:
        card, question = await question_of(world)
        assert card.labels[0] == "Confirm paper, then type 250"
        assert "Any other text leaves it waiting." in question.text
        assert not question.silent
        await world.sandbox.say(OWNER, "250")
        await held(world)
        await gone(world, question.message_id)
        done = await world.sandbox.wait_for_text("Confirmed", chat_id=OWNER)
        assert done.message_id == card.message_id
        # typed again, it is only a number
        await world.sandbox.say(OWNER, "250")
        await world.handled()
        assert len(orders(world)) == 1


async def test_other_texts_leave_it_waiting_and_do_what_they_say(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with asking(tmp_path, sandbox, Confirmation.TYPED) as world:
        await question_of(world)
        await world.said(OWNER, "251", part="That is not 250. Nothing was sent; it still waits.")
        await world.said(OWNER, "123456", part="That is not 250.")
        await world.said(OWNER, "/status", part="Equity")
        await world.said(OWNER, "yes", part="I read commands")
        assert orders(world) == []
        await world.sandbox.say(TRADER, "250")
        await world.sandbox.say(OWNER, "250", chat_id=DESK_GROUP)
        await world.handled()
        assert orders(world) == []
        await world.sandbox.say(OWNER, " 250.00 ")
        await held(world)


async def test_a_code_sent_where_an_amount_is_asked_does_not_stay_in_the_chat(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with asking(tmp_path, sandbox, Confirmation.TYPED) as world:
        await set_up(world)
        await question_of(world)
        said = await world.sandbox.say(OWNER, "123456")
        await shown(world, "That is not 250.", after=said)
        await gone(world, said)
        assert orders(world) == []


async def test_an_amount_typed_too_late_sends_nothing(tmp_path: Path, sandbox: Sandbox) -> None:
    async with asking(tmp_path, sandbox, Confirmation.TYPED) as world:
        _, question = await question_of(world)
        world.clock.ahead = timedelta(seconds=41)
        world.requote()
        await world.said(OWNER, "250", part="Expired: nothing was done")
        await gone(world, question.message_id)
        assert orders(world) == []


async def test_an_amount_typed_after_the_price_moved_is_told_so(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with asking(tmp_path, sandbox, Confirmation.TYPED) as world:
        card, _ = await question_of(world)
        world.requote(Decimal("1.01"))
        await world.sandbox.say(OWNER, "250")
        moved = await shown(world, "Price moved: nothing sent", after=card.message_id - 1)
        assert moved.message_id == card.message_id
        assert orders(world) == []


async def test_cancel_on_the_question_withdraws_the_ticket(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with asking(tmp_path, sandbox, Confirmation.TYPED) as world:
        card, question = await question_of(world)
        await world.sandbox.press(OWNER, question.message_id, "Cancel")
        await world.until(lambda state: not state.tickets)
        await gone(world, question.message_id)
        await world.sandbox.say(OWNER, "250")
        await world.handled()
        assert orders(world) == []
        late = await world.sandbox.press(
            OWNER, card.message_id, gone_ok=True, callback_data=card.callback_data("Confirm")
        )
        answer = await world.sandbox.wait_for_answer(late)
        assert (answer.text or "").startswith("Cancelled. T-")


async def test_a_ticket_that_takes_a_code_waits_for_it(tmp_path: Path, sandbox: Sandbox) -> None:
    async with asking(tmp_path, sandbox, Confirmation.CODE) as world:
        secret = await set_up(world)
        card = await ticket_of(world)
        assert card.labels[0] == "Confirm paper buy, then code"
        await world.sandbox.press(OWNER, card.message_id, "Confirm")
        question = await shown(world, "Send the 6-digit code", after=card.message_id)
        assert "It buys 0.00414 BTC." in question.text
        assert question.labels == ["Cancel"]
        await world.said(OWNER, "000000", part="Wrong code")
        assert orders(world) == []
        await world.sandbox.say(OWNER, code_of(world, secret))
        await held(world)
        await gone(world, question.message_id)
        assert len(orders(world)) == 1


async def test_without_a_second_factor_the_same_ticket_asks_its_amount(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with asking(tmp_path, sandbox, Confirmation.CODE) as world:
        card, _ = await question_of(world)
        assert card.labels[0] == "Confirm paper, then type 250"
        await world.sandbox.say(OWNER, "250")
        await held(world)


async def test_a_traders_ticket_waits_for_an_owner_and_her_own_second_tap_does_nothing(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with asking(tmp_path, sandbox, Confirmation.SECOND_PERSON) as world:
        card = await ticket_of(world, TRADER, chat_id=DESK_GROUP)
        assert card.labels[0] == "Confirm paper, then a 2nd person"
        await world.sandbox.press(TRADER, card.message_id, "Confirm")
        (confirmed,) = await world.event_of(TicketConfirmed)
        assert confirmed.by == "trader 77"
        again = await world.sandbox.press(
            TRADER, card.message_id, gone_ok=True, callback_data=card.callback_data("Confirm")
        )
        answer = await world.sandbox.wait_for_answer(again)
        assert "waits for a second person; trader 77 was the first" in (answer.text or "")
        assert orders(world) == []
        await world.sandbox.press(
            OWNER, card.message_id, gone_ok=True, callback_data=card.callback_data("Confirm")
        )
        await world.until(lambda state: bool(state.orders or state.orders_finished))
        assert len(orders(world)) == 1
        refused = await world.event_of(CommandRefused)
        assert [one.rule for one in refused] == ["ticket_second"]


async def test_one_owner_alone_types_the_amount_where_two_people_were_asked(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with asking(tmp_path, sandbox, Confirmation.SECOND_PERSON) as world:
        await question_of(world)
        await world.sandbox.say(OWNER, "250")
        await held(world)
