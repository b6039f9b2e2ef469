"""What was asked while nobody listened: only what reduces risk runs, the rest is set aside."""

import asyncio
import time
from pathlib import Path

import pytest

from bot.sandbox import Sandbox
from tests.system.console import Phone, until
from tests.system.house import house

pytestmark = pytest.mark.system
LONG_AGO_S = 300
FIRST_OLD_ID = 90_001


async def said_long_ago(sandbox: Sandbox, phone: Phone, number: int, text: str) -> None:
    """Queue a message that was written five minutes ago."""
    command = text.split(maxsplit=1)[0]
    entities = [{"type": "bot_command", "offset": 0, "length": len(command)}]
    await sandbox.inject(
        {
            "message": {
                "message_id": FIRST_OLD_ID + number,
                "from": {"id": phone.user_id, "is_bot": False, "first_name": "Olivia"},
                "chat": {"id": phone.user_id, "type": "private", "first_name": "Olivia"},
                "date": int(time.time()) - LONG_AGO_S,
                "text": text,
                **({"entities": entities} if text.startswith("/") else {}),
            }
        }
    )


async def test_of_old_commands_only_cancels_and_stop_run_and_redo_makes_a_new_ticket(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, CONFIRM="always") as at:
        await at.bind(at.owner)
        card = await at.owner.ticket("/buy doge 1000 @ 0.17400")
        await at.owner.pressed(card, "Confirm")
        await until(
            lambda: at.console.rows("select status from orders") == [("accepted",)],
            "the limit order never rested",
        )
        await at.console.kill()
        for number, text in enumerate(
            ("/buy btc 150 usdt sl 2%", "/close btc", "/cancel doge", "/flatten")
        ):
            await said_long_ago(at.sandbox, at.owner, number, text)
        at.owner.seen = card.message_id

        await at.console.start(at.sandbox)
        aside = await at.owner.see("set aside, not run")

        assert "buy btc 150 usdt sl 2%" in aside.text
        assert "flatten" in aside.text
        assert "Done" in aside.text
        await until(
            lambda: at.console.rows("select status from orders") == [("canceled",)],
            "the old cancel did not run",
        )
        assert at.console.rows("select 1 from journal where kind = 'FlattenStarted'") == []
        await at.owner.pressed(aside, "Redo 1")
        fresh = await at.owner.sandbox.wait_for_message(
            lambda one: one.message_id > aside.message_id and one.has_button("Confirm"),
            chat_id=at.owner.user_id,
        )
        assert "Buy 0.0024" in fresh.text
        orders = "select 1 from orders where kind != 'stop'"
        assert len(at.console.rows(orders)) == 1


async def test_an_old_stop_halts_whatever_its_age(tmp_path: Path) -> None:
    async with house(tmp_path) as at:
        await at.bind(at.owner)
        await at.console.kill()
        await said_long_ago(at.sandbox, at.owner, 0, "/buy btc 150 usdt")
        await said_long_ago(at.sandbox, at.owner, 1, "⛔ STOP")

        await at.console.start(at.sandbox)

        aside, halted = await asyncio.gather(
            at.owner.see("set aside, not run"), at.owner.see("HALTED at")
        )
        assert "no new entries" in halted.text
        assert "STOP" in aside.text
        assert at.console.rows("select 1 from orders") == []
