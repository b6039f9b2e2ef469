"""What a start must hear before anything else: a stop that was sent while nobody lived."""

from pathlib import Path

from engine import commands as c
from engine import events as e
from tests.engine.world import signal
from tests.simulation.acts import STRATEGY
from tests.simulation.outside import OWNER
from tests.simulation.story import Story
from tests.simulation.virtual_time import run


async def _stopped_meanwhile(folder: Path) -> None:
    # given a console that has died, and an owner who writes STOP to nobody
    story = Story(folder)
    await story.outside.start()
    await story.open()
    await story.say(OWNER, "/start")
    assert story.process is not None
    story.process.life.end("kill")
    await story.process.bury()
    story.outside.telegram.say(OWNER, "/stop")
    # when it starts again, and a strategy trades at once
    await story.open()
    wish = story.named(c.SubmitSignal, STRATEGY, signal=signal(quantity="0.01"), venue="binance")
    story.give(wish)
    await story.pass_time(2.0)
    # then the stop was heard first
    kinds = [type(event) for event in story.oracle.events]
    assert kinds.index(e.TradingHalted) < kinds.index(e.SignalReceived), kinds
    assert e.OrderDenied in kinds
    assert not story.oracle.sends.sent
    await story.rest()
    await story.close()


def test_a_stop_that_was_sent_to_nobody_is_heard_before_a_strategy_trades(tmp_path: Path) -> None:
    run(_stopped_meanwhile(tmp_path))
