"""Kill the real process where it hurts, and start it again on what it left."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from bot.sandbox import FaultKind
from storage.database import Database
from storage.updates import Updates
from tests.system.console import short_id, until
from tests.system.house import House, house

pytestmark = pytest.mark.system

HELD_S = 1.0

# The order reaches the venue and fills there; nothing of it comes back.
DEAF = "submit:hanging*9,stream:dropped*999,fills:ok,fills:swallowed*99,lookup:swallowed*99"


def fills_at_the_venue(at: House) -> int:
    return len(at.console.rows("select 1 from paper_trades"))


async def test_a_kill_between_confirm_and_fill_leaves_one_order_its_position_and_its_alert(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, PAPER_FAULTS=DEAF) as at:
        await at.bind(at.owner)
        card = await at.owner.ticket("/buy btc 300 usdt sl 2%")
        await at.owner.pressed(card, "Confirm")
        await until(lambda: fills_at_the_venue(at) == 1, "the venue never had it")

        await at.console.kill()
        told = [one for one in await at.owner.history(card.message_id) if "Bought" in one.text]
        assert told == []
        del at.console.env["PAPER_FAULTS"]
        at.owner.seen = card.message_id
        await at.console.start(at.sandbox)

        order = short_id(card).replace("T-", "O-")
        alert = await at.owner.sandbox.wait_for_message(
            lambda one: order in one.text and "0.00489 BTC" in one.text
            and one.message_id > card.message_id and "ought" in one.text,
            chat_id=at.owner.user_id, timeout_s=30,
        )  # fmt: skip
        assert "repeat" not in alert.text
        assert fills_at_the_venue(at) == 1
        orders = "select 1 from orders where kind != 'stop'"
        assert len(at.console.rows(orders)) == 1
        assert at.position("BTC/USDT") == Decimal("0.00489")
        again = await at.owner.pressed(card, "Confirm")
        assert "Already used" in (again.text or "")
        verified = await at.console.verified()
        assert "1 executions, 2 orders" in verified  # the second is its stop
        assert fills_at_the_venue(at) == 1


async def test_an_alert_in_flight_at_the_kill_comes_again_marked_as_a_repeat(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as at:
        await at.bind(at.owner)
        await at.sandbox.fail(
            "sendMessage", FaultKind.HANG, count=1, hang_s=HELD_S, chat_id=at.owner.user_id
        )

        last = max(call.number for call in await at.sandbox.calls())
        await at.trader.say("/stop")
        call = await at.sandbox.wait_for_call("sendMessage", after=last)
        while call.chat_id != at.owner.user_id:
            call = await at.sandbox.wait_for_call("sendMessage", after=call.number)
        assert call.answered_s is None
        await at.console.kill()
        await at.console.start(at.sandbox)

        await at.owner.see("repeat")
        cards = [one for one in await at.owner.history() if "HALTED at" in one.text]
        assert sorted("repeat" in one.text for one in cards if not one.pinned) == [False, True]
        assert len(await at.console.events("TradingHalted")) == 1


async def test_a_stop_sent_right_before_a_kill_halts_the_process_that_starts_next(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as at:
        await at.bind(at.owner)

        # Whether the update was stored before the kill is left to chance: both must do.
        await at.owner.tap("STOP")
        await at.console.kill()
        await at.console.start(at.sandbox)

        told = await at.owner.see("HALTED")
        assert "no new entries" in told.text
        denied = await at.owner.ask("/buy btc 100 usdt", "Denied")
        assert "Nothing was sent" in denied.text
        halts = await at.console.events("TradingHalted")
        assert len(halts) == 1
        await at.console.verified()


async def test_a_stop_that_was_sent_to_a_dead_process_halts_the_next_one(tmp_path: Path) -> None:
    async with house(tmp_path) as at:
        await at.bind(at.owner)
        await at.console.kill()

        await at.owner.tap("STOP")
        await at.console.start(at.sandbox)

        await at.owner.see("HALTED")
        status = await at.owner.ask("/status", "HALTED")
        assert "ACTIVE" not in status.text
        await at.console.kill()
        await at.console.start(at.sandbox)
        await at.owner.ask("/status", "HALTED")


async def test_a_stop_that_was_stored_and_never_journaled_halts_the_next_process_once(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as at:
        await at.bind(at.owner)
        await at.console.kill()
        await at.owner.tap("STOP")
        await store_update(at)

        # Telegram delivers it again, too: nothing confirmed it.
        await at.console.start(at.sandbox)

        await at.owner.see("HALTED at")
        await at.owner.ask("/status", "HALTED")
        assert len(await at.console.events("TradingHalted")) == 1
        cards = [one for one in await at.owner.history() if "HALTED at" in one.text]
        cards = [one for one in cards if "<b>Flatten</b>" in one.html]
        assert len(cards) == 1


async def store_update(at: House) -> None:
    """Write what waits at Telegram into the store, as a process does that dies right after."""
    assert at.sandbox._world is not None
    database = Database(f"sqlite:///{at.console.journal}")
    await database.open()
    try:
        pending = list(at.sandbox._world.updates.pending)
        now = datetime.now(UTC)
        rows = [(each["update_id"], now, json.dumps(each).encode()) for each in pending]
        assert len(await Updates(database).store(rows)) == len(pending) == 1
    finally:
        await database.close()
