"""The daily loss breaker of the real process: trips, survives a kill, is re-armed by an owner."""

from pathlib import Path

import pytest

from tests.system.house import house

pytestmark = pytest.mark.system


async def test_the_daily_loss_breaker_halts_survives_a_restart_and_an_owner_re_arms_it(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, CONFIRM="never", DAILY_LOSS_LIMIT_PCT="0.2") as at:
        await at.bind(at.owner)
        await at.trader.ask("/buy btc 900 usdt", "Sent")
        await at.owner.see("Bought")

        at.exchange.move("BTC", "58000")

        alert = await at.owner.see("Breaker: day loss")
        assert "Halted since" in alert.text
        denied = await at.trader.ask("/buy eth 100 usdt", "Denied")
        assert "Nothing was sent" in denied.text
        await at.console.kill()
        await at.console.start(at.sandbox)
        await at.trader.ask("/buy eth 110 usdt", "Denied")
        refused = await at.trader.forge(denied.message_id, alert.callback_data("Re-arm"))
        assert "needs an owner" in (refused.text or "")

        # A restart may ping anew, and a ping replaces the one before it.
        shown = [one for one in await at.owner.history(alert.message_id - 1) if one.labels]
        card = [one for one in shown if one.has_button("Re-arm") and not one.deleted][-1]
        await at.owner.pressed(card, "Re-arm")
        question = await at.owner.see("Re-arm daily loss?")
        assert "grants one further limit" in question.text
        assert not await at.console.events("BreakerRearmed")
        await at.owner.pressed(question, "Re-arm")

        await at.owner.see("re-armed")
        await at.trader.ask("/buy eth 120 usdt", "Sent")
        assert len(await at.console.events("BreakerTripped")) == 1
        assert len(await at.console.events("BreakerRearmed")) == 1
        await at.console.verified()
