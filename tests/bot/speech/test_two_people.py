"""A ticket of two people: who is asked, who sees it wait, and who is asked again."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from telegram import Bot

from bot.sandbox.server import Sandbox
from engine import events as e
from engine.confirming import Confirmation
from engine.tickets import Ticket, TicketStatus
from tests.bot.speech.conftest import GROUP, OWNER, TRADER
from tests.bot.speech.world import SpeakingWorld, speaking_world


@pytest.fixture
async def world(bot: Bot, tmp_path: Path) -> AsyncIterator[SpeakingWorld]:
    async with speaking_world(bot, tmp_path) as made:
        await made.bind(OWNER)
        await made.bind(TRADER)
        made.state = replace(made.state, owners=(OWNER,))
        yield made


async def confirmed(world: SpeakingWorld, ticket: Ticket, user_id: int = TRADER) -> None:
    at = world.clock.now()
    role = "owner" if user_id == OWNER else "trader"
    await world.happen(
        e.TicketConfirmed(
            at=at,
            ticket_id=ticket.ticket_id,
            by=f"{role} {user_id}",
            user_id=user_id,
            expires_at=at + timedelta(minutes=15),
        )
    )


async def offered(world: SpeakingWorld, chat_id: int | None = None) -> Ticket:
    return await world.offer(
        owner_id=TRADER, chat_id=chat_id, confirmation=Confirmation.SECOND_PERSON
    )


async def test_the_owner_is_asked_only_once_the_trader_confirmed_and_it_rings(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    async with world.speaking():
        ticket = await offered(world)
        await world.until_told()
        assert await phones.messages(OWNER) == []
        await confirmed(world, ticket)
        await world.until_told()

    (asked,) = await phones.messages(OWNER)
    assert not asked.silent
    assert asked.labels == ["Confirm paper for trader 77", "Cancel ticket"]
    assert "Trader 77 confirmed at" in asked.text
    (card,) = await phones.messages(TRADER)
    assert "Waits for an owner: BTC" in card.text
    assert "1 owner asked" in card.text
    assert card.labels == ["Cancel ticket"]


async def test_both_cards_are_edited_to_the_outcome(world: SpeakingWorld, phones: Sandbox) -> None:
    async with world.speaking():
        ticket = await offered(world)
        await confirmed(world, ticket)
        await world.until_told()
        await world.happen(world.end(ticket, TicketStatus.APPROVED))
        await world.until_told()

    for chat_id in (OWNER, TRADER):
        (card,) = await phones.messages(chat_id)
        assert "Confirmed" in card.text
        assert card.labels == []


async def test_only_who_is_asked_is_rung_again_and_only_twice(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    async with world.speaking():
        ticket = await offered(world)
        await world.until_told()
        world.clock.ahead = timedelta(seconds=30)
        await confirmed(world, ticket)
        await world.until_told()
        for seconds in (40, 51, 72, 95):
            world.clock.ahead = timedelta(seconds=seconds)
            await world.pings.look()
            await world.until_told()

    assert len(await phones.messages(OWNER)) == 1
    assert len(await phones.messages(OWNER, deleted=True)) == 3
    assert len(await phones.messages(TRADER, deleted=True)) == 1


async def test_in_a_group_the_card_keeps_its_button_for_whoever_may(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    await world.bind(GROUP, OWNER)
    async with world.speaking():
        ticket = await offered(world, GROUP)
        await world.until_told()
        await confirmed(world, ticket)
        await world.until_told()

    (card,) = await phones.messages(GROUP)
    assert card.labels == ["Confirm paper for trader 77", "Cancel ticket"]
    assert len(await phones.messages(GROUP, deleted=True)) == 2
