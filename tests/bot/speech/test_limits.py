"""Limits: owners hear of each change, and who can say yes is asked; nobody else is told."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from telegram import Bot

from bot.sandbox.server import Sandbox
from engine import events as e
from engine.commands import ENGINE, Actor, ActorKind, Role
from engine.limits import LimitProposal, ProposalOutcome
from tests.bot.speech.conftest import GROUP, OWNER, TRADER
from tests.bot.speech.world import SpeakingWorld, speaking_world

ME = Actor(kind=ActorKind.PERSON, user_id=OWNER, role=Role.OWNER, chat_id=OWNER)
OTHER = Actor(kind=ActorKind.PERSON, user_id=5151, role=Role.OWNER, chat_id=5151)


@pytest.fixture
async def world(bot: Bot, tmp_path: Path) -> AsyncIterator[SpeakingWorld]:
    async with speaking_world(bot, tmp_path) as made:
        await made.bind(OWNER)
        await made.bind(TRADER)
        yield made


def proposal(world: SpeakingWorld, asked: Actor = OTHER) -> LimitProposal:
    assert asked.user_id is not None
    return LimitProposal(
        proposal_id="p7k4m",
        name="positions",
        before=Decimal(5),
        after=Decimal(8),
        by=asked.text,
        user_id=asked.user_id,
        expires_at=world.clock.now() + timedelta(minutes=15),
    )


async def asked(world: SpeakingWorld, waiting: LimitProposal, actor: Actor = OTHER) -> None:
    await world.happen(e.LimitProposed(at=world.clock.now(), proposal=waiting, actor=actor))


async def ended(world: SpeakingWorld, waiting: LimitProposal, outcome: ProposalOutcome) -> None:
    actor = ENGINE if outcome is ProposalOutcome.EXPIRED else ME
    await world.happen(
        e.LimitProposalEnded(at=world.clock.now(), proposal=waiting, outcome=outcome, actor=actor)
    )


async def changed(
    world: SpeakingWorld, actor: Actor = ME, *, asked_by: str = "", reason: str = ""
) -> None:
    event = e.LimitChanged(
        at=world.clock.now(),
        name="positions",
        before=Decimal(10),
        after=Decimal(5),
        actor=actor,
        asked_by=asked_by,
        reason=reason,
    )
    await world.happen(event)


async def test_a_change_rings_at_the_owners_and_at_nobody_else(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    await world.bind(GROUP)
    async with world.speaking():
        await changed(world)
        await changed(world, ENGINE, reason="MAX_POSITIONS is the ceiling")
        await world.until_told()
    first, second = await phones.messages(OWNER)
    assert "Limit changed: Positions" in first.text
    assert "10 before, 5 now." in first.text
    assert "By you." in first.text
    assert not first.silent
    assert "By the console: MAX_POSITIONS is the ceiling." in second.text
    assert await phones.messages(TRADER) == []
    assert await phones.messages(GROUP) == []


async def test_the_other_owner_is_asked_and_the_answer_edits_the_question(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    waiting = proposal(world)
    async with world.speaking():
        await asked(world, waiting)
        await world.until_told()
        (question,) = await phones.messages(OWNER)
        assert question.labels == ["Approve 8", "Reject"]
        assert "Owner 5151 asked." in question.text
        assert not question.silent
        await ended(world, waiting, ProposalOutcome.APPROVED)
        await changed(world, asked_by="owner 5151")
        await world.until_told()
    edited, told = await phones.messages(OWNER)
    assert edited.message_id == question.message_id
    assert "Limit approved" in edited.text
    assert "Approve 8" not in edited.labels
    assert "Owner 5151 asked, you confirmed." in told.text
    assert await phones.messages(TRADER) == []


@pytest.mark.parametrize("outcome", [ProposalOutcome.REJECTED, ProposalOutcome.EXPIRED])
async def test_a_no_rings_in_a_new_message_and_the_question_goes(
    world: SpeakingWorld, phones: Sandbox, outcome: ProposalOutcome
) -> None:
    waiting = proposal(world, ME)
    async with world.speaking():
        await asked(world, waiting, ME)
        await world.until_told()
        (question,) = await phones.messages(OWNER)
        assert question.labels == ["Take it back"]
        await ended(world, waiting, outcome)
        await world.until_told()
    (told,) = await phones.messages(OWNER)
    assert told.message_id > question.message_id
    assert f"Limit {outcome}" in told.text
    assert "Nothing was changed by it." in told.text


async def test_a_question_that_is_answered_before_it_was_told_is_never_asked(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    waiting = proposal(world)
    await asked(world, waiting)
    await ended(world, waiting, ProposalOutcome.REPLACED)
    async with world.speaking():
        await world.until_told()
    assert await phones.messages(OWNER) == []
