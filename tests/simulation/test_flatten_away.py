"""Flatten from the chat while the disk is away: done, told at once, and written down afterwards."""

from decimal import Decimal
from pathlib import Path

from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.orders import OrderStatus
from tests.simulation.outside import OWNER
from tests.simulation.story import Story
from tests.simulation.virtual_time import run


async def _opened(folder: Path) -> Story:
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
    return story


async def _flattened(folder: Path) -> None:
    story = await _opened(folder)
    outside = story.outside
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


async def _shouted(folder: Path) -> None:
    story = await _opened(folder)
    outside = story.outside
    # when disk and venue are away, and somebody flattens
    outside.disk.is_down = True
    outside.faults.go_down()
    await story.say(OWNER, "/flatten", 240.0)
    # then what is still open rings each minute, journal or not
    rung = shouts(story)
    assert 4 <= len(rung) <= 7, rung
    before = len(rung)
    await story.pass_time(130)
    assert len(shouts(story)) - before == 2
    assert "recorded beside it" in words(story)
    # when venue and disk are back it is closed, and nothing rings any more
    outside.faults.come_up()
    await story.pass_time(90)
    outside.disk.come_back()
    await story.pass_time(60)
    assert "FLAT, verified" in words(story)
    before = len(shouts(story))
    await story.pass_time(200)
    assert len(shouts(story)) == before
    await story.rest()
    await story.close()


def shouts(story: Story) -> list[str]:
    """Give each message to the owner that says what is still open."""
    shown = story.outside.telegram.shown
    return [one.text for one in shown if one.chat_id == OWNER and "STILL OPEN" in one.text]


def test_what_is_left_open_rings_each_minute_also_while_the_journal_is_away(
    tmp_path: Path,
) -> None:
    run(_shouted(tmp_path))


def words(story: Story) -> str:
    """Give what the owner's chat was shown."""
    return "\n".join(one.text for one in story.outside.telegram.shown if one.chat_id == OWNER)


def test_a_flatten_with_the_disk_away_is_done_told_and_written_down_later(tmp_path: Path) -> None:
    run(_flattened(tmp_path))
