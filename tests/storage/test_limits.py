"""Limits that owners chose stand in the journal: a start gives them again, from any snapshot."""

from dataclasses import replace
from decimal import Decimal

import pytest

from engine import events as e
from engine.fold import apply
from engine.limits import LimitProposal
from engine.ports import Step
from engine.risk_limits import RiskLimits
from storage.database import Database
from storage.journal import SqlJournal
from tests.storage.samples import filled
from tests.storage.story import OWNER, Story


@pytest.mark.parametrize("snapshot_every", [1, 10_000])
async def test_a_changed_limit_is_read_back_by_the_next_process(
    url: str, snapshot_every: int
) -> None:
    # Given a journal in which an owner lowered one limit, and another waits.
    journal = SqlJournal(Database(url), snapshot_every=snapshot_every)
    await journal.open()
    story = Story(5)
    for step, before, after in story.steps(3):
        await journal.append([step], before, after)
    proposal = replace(filled(LimitProposal), name="drawdown", after=Decimal("12.5"))
    before = story.state
    told: Step = story.tell(
        e.LimitChanged(
            at=story.at, name="positions", before=Decimal(10), after=Decimal(4), actor=OWNER
        ),
        e.LimitProposed(at=story.at, proposal=proposal, actor=OWNER),
    )
    await journal.append([told], before, story.state)
    await journal.close()

    # When the next process opens it.
    again = SqlJournal(Database(url), snapshot_every=snapshot_every)
    state = await again.open()
    verification = await again.verify()
    await again.close()

    # Then it holds the same limits, and a start with a stricter ceiling takes the stricter.
    assert state == story.state
    assert verification.faults == ()
    assert state.limits.positions_max == 4
    assert state.limits_proposed == {"drawdown": proposal}
    started = replace(
        filled(e.EngineStarted), limits=RiskLimits(positions_max=3), at=story.at, command_id=None
    )
    state = apply(state, started)
    assert state.limits.positions_max == 3
    assert apply(state, replace(started, limits=RiskLimits())).limits.positions_max == 4
