"""Limits changed from the chat: one tap lowers, raising is asked, and two owners cross."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from bot.sandbox import Sandbox, SeenMessage
from engine import commands as c
from engine.commands import Actor, ActorKind, Role
from engine.events import CommandRefused, LimitChanged, LimitProposalEnded, LimitProposed
from engine.limits import ProposalOutcome
from engine.risk_limits import RiskLimits
from tests.bot.chat.test_codes import code_of, gone, set_up, shown
from tests.bot.chat.world import OWNER, PLAN, TRADER, VIEWER, ChatWorld, console

SECOND = 5151


def positions(world: ChatWorld) -> int:
    return world.assembly.engine.state.limits.positions_max


async def lowered(world: ChatWorld, value: int = 5) -> None:
    await world.sandbox.say(OWNER, f"/risk positions {value}")
    await world.until(lambda state: state.limits.positions_max == value)


async def card_of(world: ChatWorld, name: str = "positions", user: int = OWNER) -> SeenMessage:
    asked = await world.sandbox.say(user, f"/risk {name}")
    return await world.answer_to(user, asked)


async def pressed(world: ChatWorld, card: SeenMessage, label: str, user: int = OWNER) -> str:
    """Press a button of a card as it was seen, whatever it shows by now; give the popup's text."""
    tap = await world.sandbox.press(
        user, card.message_id, gone_ok=True, callback_data=card.callback_data(label)
    )
    return (await world.sandbox.wait_for_answer(tap)).text or ""


async def showing(world: ChatWorld, message_id: int, part: str, user: int = OWNER) -> SeenMessage:
    return await world.sandbox.wait_for_message(
        lambda one: one.message_id == message_id and part in one.text, chat_id=user
    )


@asynccontextmanager
async def two_owners(folder: Path, sandbox: Sandbox) -> AsyncIterator[ChatWorld]:
    """Run a console that has a second owner, who is not in this chat."""
    async with console(folder, sandbox, plan=replace(PLAN, owners=(OWNER, SECOND))) as world:
        yield world


async def test_from_risk_to_the_list_to_a_card_and_lower_with_one_tap(world: ChatWorld) -> None:
    asked = await world.sandbox.say(OWNER, "/risk")
    risk = await world.answer_to(OWNER, asked)
    await world.sandbox.press(OWNER, risk.message_id, "Change limits")
    await showing(world, risk.message_id, "Limits: exposure and losses")
    await world.sandbox.press(OWNER, risk.message_id, "Prices")
    listed = await showing(world, risk.message_id, "Limits: prices and pace")
    assert "Collar" in listed.labels
    await world.sandbox.press(OWNER, risk.message_id, "Exposure")
    await showing(world, risk.message_id, "Limits: exposure and losses")
    await world.sandbox.press(OWNER, risk.message_id, "Positions")
    await showing(world, risk.message_id, "Limit: Positions 10")
    await world.sandbox.press(OWNER, risk.message_id, "Lower to 8")
    await showing(world, risk.message_id, "Limit: Positions 8")
    assert positions(world) == 8
    await world.sandbox.press(OWNER, risk.message_id, "Back")
    await showing(world, risk.message_id, "Limits: exposure and losses")
    await world.sandbox.press(OWNER, risk.message_id, "Risk")
    await showing(world, risk.message_id, "Risk: every limit holds")


async def test_a_second_tap_on_the_same_preset_changes_nothing(world: ChatWorld) -> None:
    card = await card_of(world)
    await pressed(world, card, "Lower to 5")
    again = await pressed(world, card, "Lower to 5")
    assert again.startswith("Positions is 5 by now, not 10.")
    assert again.endswith("This tap did nothing.")
    assert len(await world.event_of(LimitChanged)) == 1


async def test_a_card_that_grew_old_is_refused_and_shows_what_holds(world: ChatWorld) -> None:
    await lowered(world, 8)
    card = await card_of(world)
    await lowered(world, 4)
    for label in ("Lower to 6", "Raise to 10"):
        assert "Positions is 4 by now, not 8." in await pressed(world, card, label)
        await showing(world, card.message_id, "Limit: Positions 4")
    assert positions(world) == 4


async def test_raising_is_asked_once_more_and_left_alone_by_leave_it(world: ChatWorld) -> None:
    await lowered(world)
    card = await card_of(world)
    await world.sandbox.press(OWNER, card.message_id, "Raise to 10")
    question = await showing(world, card.message_id, "Raise positions to 10?")
    assert positions(world) == 5
    await world.sandbox.press(OWNER, card.message_id, "Leave it")
    await showing(world, card.message_id, "Limit: Positions 5")
    assert positions(world) == 5
    await pressed(world, question, "Raise to 10")
    await world.until(lambda state: state.limits.positions_max == 10)


async def test_a_typed_limit_lowers_at_once_and_asks_before_it_raises(world: ChatWorld) -> None:
    await world.said(OWNER, "/risk positions 4", part="Limit: Positions 4")
    await world.said(OWNER, "/risk day loss 1.5 %", part="Limit: Day loss 1.5%")
    assert str(world.assembly.engine.state.limits.daily_loss_pct_max) == "1.5"
    await world.said(OWNER, "/risk positions 6", part="Raise positions to 6?")
    assert positions(world) == 4


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("/risk positions 11", "beyond the ceiling: 10 at most, by MAX_POSITIONS"),
        ("/risk positions 0", "out of range: 1 to 1000"),
        ("/risk positions 4.5", "whole numbers only"),
        ("/risk positions 10", "Positions is 10 already"),
        ("/risk positions 5%", "Positions is a plain number"),
        ("/risk drawdown 3 s", "Drawdown is in %"),
        ("/risk drawdown 1,5", "I cannot read"),
        ("/risk drawdown -3", "I cannot read"),
        ("/risk mood 3", "I know no limit mood"),
        ("/risk 3", "I know no limit"),
        ("/risk positions 5 6", "I cannot read"),
        ("/risk positions ٥٥٥", "beyond the ceiling"),
    ],
)
async def test_what_cannot_be_is_said_and_nothing_changes(
    world: ChatWorld, text: str, part: str
) -> None:
    before = world.assembly.engine.state.limits
    await world.said(OWNER, text, part=part)
    assert world.assembly.engine.state.limits == before


async def test_a_limit_is_shown_by_its_name_and_the_list_by_a_word(world: ChatWorld) -> None:
    await world.said(VIEWER, "/risk daily loss", part="Limit: Day loss 2%")
    await world.said(VIEWER, "/risk MAX_COIN_PCT", part="Limit: Top coin 100%")
    await world.said(VIEWER, "/risk limits", part="Only an owner changes them.")


@pytest.mark.parametrize("user", [TRADER, VIEWER])
async def test_others_than_owners_are_refused_with_the_sentence(
    world: ChatWorld, user: int
) -> None:
    await world.said(user, "/risk positions 4", part="Change limits needs an owner.")
    own = await card_of(world, user=user)
    assert own.labels == ["Back", "Refresh"]
    card = await card_of(world)
    for label in ("Lower to 5", "Type it"):
        tap = await world.sandbox.press(
            user, own.message_id, gone_ok=True, callback_data=card.callback_data(label)
        )
        answer = await world.sandbox.wait_for_answer(tap)
        assert (answer.text or "").startswith("Change limits needs an owner.")
    assert world.assembly.engine.state.limits == RiskLimits()


async def test_raising_takes_the_code_and_lowering_does_not(world: ChatWorld) -> None:
    secret = await set_up(world)
    await lowered(world)
    card = await card_of(world)
    await world.sandbox.press(OWNER, card.message_id, "Raise to 8")
    asked = await showing(world, card.message_id, "It takes your code.")
    await world.sandbox.press(OWNER, card.message_id, "Raise to 8, then code")
    question = await shown(world, "Send the 6-digit code", after=card.message_id)
    assert "Positions 8, 5 now." in question.text
    assert positions(world) == 5
    await world.said(OWNER, "000000", part="Wrong code")
    assert positions(world) == 5
    await world.sandbox.say(OWNER, code_of(world, secret))
    await world.until(lambda state: state.limits.positions_max == 8)
    await gone(world, question.message_id)
    await showing(world, card.message_id, "Limit: Positions 8")
    # The old question's button says a value that holds no more: it asks no code, and does nothing.
    assert "by now, not 5" in await pressed(world, asked, "Raise to 8, then code")


async def test_type_it_says_what_to_send(world: ChatWorld) -> None:
    card = await card_of(world, "order")
    await world.sandbox.press(OWNER, card.message_id, "Type it")
    typing = await showing(world, card.message_id, "Send it as a message")
    assert "/risk order 7.5%" in typing.text
    await world.said(OWNER, "/risk order 7.5%", part="Limit: One order 7.5%")


async def test_a_raise_waits_for_the_second_owner_and_is_taken_back_by_the_first(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with two_owners(tmp_path, sandbox) as world:
        await lowered(world)
        card = await card_of(world)
        await world.sandbox.press(OWNER, card.message_id, "Raise to 8")
        question = await showing(world, card.message_id, "Then another owner confirms it")
        await pressed(world, question, "Raise to 8")
        await world.event_of(LimitProposed)
        waits = await showing(world, card.message_id, "8 waits: you asked")
        assert positions(world) == 5
        assert "Approve 8" not in waits.labels
        await world.sandbox.press(OWNER, card.message_id, "Take it back")
        (ended,) = await world.event_of(LimitProposalEnded)
        assert ended.outcome is ProposalOutcome.REJECTED
        await showing(world, card.message_id, "takes another owner")
        assert "waits no more" in await pressed(world, waits, "Take it back")
        assert positions(world) == 5


async def test_two_owners_cross_one_approves_while_the_other_lowers(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with console(tmp_path, sandbox, plan=replace(PLAN, owners=(SECOND, OWNER))) as world:
        await lowered(world)
        # Given a raise that the owner who is not here asked for.
        await asked_by_second(world, 8)
        card = await card_of(world)
        assert card.labels[:2] == ["Approve 8", "Reject"]
        # When this one lowers it meanwhile and then approves what an old card shows.
        await lowered(world, 3)
        (ended,) = await world.event_of(LimitProposalEnded)
        assert ended.outcome is ProposalOutcome.REPLACED
        assert "waits no more" in await pressed(world, card, "Approve 8")
        assert positions(world) == 3
        # Then only what waits now can be approved, once.
        await asked_by_second(world, 6)
        card = await card_of(world)
        await pressed(world, card, "Approve 6")
        await world.until(lambda state: state.limits.positions_max == 6)
        assert "waits no more" in await pressed(world, card, "Approve 6")
        changed = (await world.event_of(LimitChanged))[-1]
        assert (changed.actor.user_id, changed.asked_by) == (OWNER, f"owner {SECOND}")
        refused = [one for one in await world.journaled() if isinstance(one, CommandRefused)]
        assert refused == []


async def asked_by_second(world: ChatWorld, value: int) -> None:
    engine = world.assembly.engine
    actor = Actor(kind=ActorKind.PERSON, user_id=SECOND, role=Role.OWNER, chat_id=SECOND)
    await engine.send(
        c.ChangeLimit(
            command_id=f"second:{value}",
            actor=actor,
            at=world.clock.now(),
            name="positions",
            value=Decimal(value),
        )
    )
    assert "positions" in engine.state.limits_proposed


async def test_a_lowered_limit_denies_the_very_next_order_and_holds_after_a_restart(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with console(tmp_path, sandbox) as world:
        await lowered(world, 4)
        await world.said(OWNER, "/risk order 1%", part="Limit: One order 1%")
        await world.said(OWNER, "/buy btc 250 usdt", part="Denied")
    # A restart with a lower ceiling for the positions.
    less = replace(PLAN, limits=replace(PLAN.limits, positions_max=3))
    async with console(tmp_path, sandbox, plan=less) as world:
        state = world.assembly.engine.state
        assert (state.limits.positions_max, str(state.limits.order_notional_pct_max)) == (3, "1")
        await world.said(OWNER, "/buy btc 250 usdt", part="Denied")
        changes = await world.event_of(LimitChanged)
        assert [one.reason for one in changes] == ["", "", "MAX_POSITIONS is the ceiling"]
