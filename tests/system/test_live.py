"""Live trading in the real process at the test exchange: unarmed, armed, bought, sold."""

from decimal import Decimal
from pathlib import Path

import pytest

from bot.sandbox import Sandbox
from tests.exchange.orders import VenueOrder
from tests.exchange.server import TestExchange
from tests.system.console import (
    OPERATORS,
    OWNER,
    PEOPLE,
    ConsoleProcess,
    Phone,
    environment,
    quarterdeck,
    until,
)

pytestmark = pytest.mark.system


def live_console(folder: Path, sandbox: Sandbox, exchange: TestExchange) -> ConsoleProcess:
    env = environment(
        folder,
        TELEGRAM_BOT_TOKEN=sandbox.token,
        TELEGRAM_API_URL=sandbox.url,
        OPERATORS=OPERATORS,
        EXECUTION_MODE="live",
        BINANCE_API_KEY=exchange.api_key,
        BINANCE_API_SECRET=exchange.api_secret,
        BINANCE_API_URL=exchange.url,
        BINANCE_WS_URL=exchange.ws_url,
    )
    return ConsoleProcess(folder=folder, env=env, database="quarterdeck-live.db")


def traded(exchange: TestExchange) -> list[VenueOrder]:
    """Give what was sent to trade at once; the stops that rest beside it sold nothing."""
    orders = exchange.ledger.orders.values()
    assert all(not each.filled for each in orders if each.wanted.trigger is not None)
    return [each for each in orders if each.wanted.trigger is None]


async def test_nothing_is_bought_before_an_owner_arms_it_and_a_restart_disarms(
    tmp_path: Path,
) -> None:
    async with (
        TestExchange() as exchange,
        Sandbox(people=PEOPLE, folder=tmp_path / "telegram") as sandbox,
    ):
        console = live_console(tmp_path, sandbox, exchange)
        owner = Phone(sandbox=sandbox, user_id=OWNER)
        try:
            await console.start(sandbox)
            await owner.ask("/start", "Try three things")
            denied = await owner.ask("/buy btc 300 usdt sl 2%", "Denied")
            assert "armed" in denied.text
            assert exchange.ledger.orders == {}

            # A second start asks those who have said /start by now.
            assert await console.terminate() == 0
            await console.start(sandbox)
            card = await owner.see("Arm live trading?")
            await owner.press(card, "Arm")
            await owner.see_in(card.message_id, "armed")

            ticket = await owner.ticket("/buy btc 300 usdt sl 2%")
            await owner.pressed(ticket, "Confirm")
            await owner.see("Bought")
            (bought,) = traded(exchange)
            assert exchange.created("binance", bought.wanted.client_id) == 1

            shown = await owner.ask("/venues", "1 venue")
            assert "streamed" in shown.text
            assert "of 5,000" in shown.text

            await console.kill()
            await console.start(sandbox)
            await owner.see("Arm live trading?")
            # Unarmed again, and the way out is open.
            await owner.ask("/close btc", "Sold")
            assert [each.wanted.is_buy for each in traded(exchange)] == [True, False]
            bought_size, sold_size = (each.filled for each in traded(exchange))
            assert bought_size >= sold_size > Decimal("0.9") * bought_size
            assert exchange.api_secret not in console.log
            assert exchange.api_key not in console.log
            assert "signature" not in console.log
        finally:
            await console.gone()


async def test_a_key_that_may_withdraw_is_refused_before_anything_runs(tmp_path: Path) -> None:
    async with (
        TestExchange() as exchange,
        Sandbox(people=PEOPLE, folder=tmp_path / "tg") as sandbox,
    ):
        exchange.can_withdraw = True
        env = live_console(tmp_path, sandbox, exchange).env
        ended = await quarterdeck("run", folder=tmp_path, env=env)
        assert ended.code == 2
        (sentence,) = [each for each in ended.sentences if "withdraw" in each]
        assert sentence.startswith("The key of binance may withdraw money")
        assert exchange.api_secret not in ended.err


async def test_a_venue_that_is_silent_at_the_start_holds_up_nobody_s_stop(tmp_path: Path) -> None:
    async with (
        TestExchange() as exchange,
        Sandbox(people=PEOPLE, folder=tmp_path / "telegram") as sandbox,
    ):
        # given a venue that takes every question and gives no answer
        for kind in ("markets", "time", "any"):
            exchange.faults.add(kind, "stall", count=None)
        console = live_console(tmp_path, sandbox, exchange)
        owner = Phone(sandbox=sandbox, user_id=OWNER)
        try:
            # when the console starts, then it answers, and stops
            await console.start(sandbox)
            await owner.ask("/start", "Try three things")
            await owner.ask("STOP", "HALTED at")
            assert console.rows("select 1 from journal where kind = 'VenueAnswered'") == []
            # and takes the venue up as soon as it speaks
            exchange.faults.clear()
            await until(
                lambda: bool(console.rows("select 1 from journal where kind = 'CashFlowed'")),
                "the account was never read",
                60,
            )
            denied = await owner.ask("/buy btc 300 usdt sl 2%", "Denied")
            assert "compared" not in denied.text
            assert exchange.ledger.orders == {}
        finally:
            await console.gone()
