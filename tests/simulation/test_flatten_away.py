"""Flatten from the chat while the disk is away: done, told at once, and written down afterwards."""

from decimal import Decimal
from pathlib import Path

from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.orders import OrderStatus
from tests.simulation.outside import OWNER
from tests.simulation.story import Story
from tests.simulation.virtual_time import run


async def _flattened(folder: Path) -> None:
    story = Story(folder)
    story.dies_at = lambda _dice: None
    story.confirm = ConfirmPolicy(mode=ConfirmMode.NEVER)
    outside = story.outside
    await outside.start()
    outside.telegram.say(OWNER, "/start")
    await story.open()
    await story.pass_time(0.5)
    await story.say(OWNER, "/buy btc 60 usdt sl 2%", 2.0)
    await story.say(OWNER, "/buy eth 60 usdt", 3.0)
    assert len(story.state.positions) == 2
    # when the disk is away, and somebody flattens
    outside.disk.is_down = True
    await story.say(OWNER, "/flatten", 15.0)
    # then it is flat at the venue, and the chat was told so, and how it is kept
    engine = story.engine
    flat = engine.state.flatten
    assert flat is not None
    assert flat.ended_at is not None
    # what fees in coins leave is too little for an order, and shown
    assert all(abs(p.quantity) < Decimal("0.001") for p in engine.state.positions.values())
    assert "too little for an order" in words(story)
    assert engine.loop.journal_down_since_s is not None
    assert "FLAT, verified" in words(story)
    assert "recorded beside it" in words(story)
    assert outside.disk.emergency.read_bytes().strip(b"\0")
    # when the disk is back, all of it is in the journal, once
    outside.disk.come_back()
    await story.pass_time(15)
    assert not engine.loop.in_emergency
    assert not outside.disk.emergency.read_bytes().strip(b"\0")
    assert "Journal is back" in words(story)
    exits = [o for o in story.state.orders_finished.values() if o.reason == "flatten"]
    assert [order.status for order in exits] == [OrderStatus.FILLED] * 2
    await story.rest()
    await story.close()


def words(story: Story) -> str:
    """Give what the owner's chat was shown."""
    return "\n".join(one.text for one in story.outside.telegram.shown if one.chat_id == OWNER)


def test_a_flatten_with_the_disk_away_is_done_told_and_written_down_later(tmp_path: Path) -> None:
    run(_flattened(tmp_path))
