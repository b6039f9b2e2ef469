"""The stop button of the real process: beside hanging venue calls, down to flat, from a shell."""

from pathlib import Path

import pytest

from tests.system.console import until
from tests.system.house import House, house

pytestmark = pytest.mark.system

TEN = 10
# Nothing asked in the first five seconds is answered; every submit has arrived all the same.
SILENT = "submit:hanging*10,cancel:swallowed*10,stream:dropped*60,fills:ok,fills:swallowed*2"


def arrived(at: House) -> int:
    """Orders the venue holds: one that is journaled and not yet sent is caught by STOP, rightly."""
    return len(at.console.rows("select 1 from paper_orders"))


def answered(at: House) -> int:
    kinds = "'OrderAccepted', 'OrderUnknown', 'OrderRejected', 'FillBooked', 'OrderCanceled'"
    return len(at.console.rows(f"select 1 from journal where kind in ({kinds})"))  # noqa: S608


async def test_stop_answers_while_ten_venue_calls_hang_and_all_ten_are_found_afterwards(
    tmp_path: Path,
) -> None:
    async with house(
        tmp_path,
        CONFIRM="never",
        PAPER_FAULTS=SILENT,
        MAX_VENUE_ORDERS_PER_S="20",
        MAX_STRATEGY_ORDERS_PER_S="20",
    ) as at:
        await at.bind(at.viewer)
        traders = (at.owner, at.owner_too, at.trader)
        for number in range(TEN):
            await traders[number % 3].say(f"/buy btc {110 + number} usdt")
        await until(lambda: arrived(at) == TEN, "ten orders never arrived")

        await at.viewer.tap("STOP")
        card = await at.viewer.see("HALTED at")

        # Not one of the venue's calls had been answered when the card stood there.
        assert "no new entries" in card.text
        assert answered(at) == 0
        refused = await at.owner.ask("/buy eth 100 usdt", "Denied")
        assert "Nothing was sent" in refused.text
        await at.viewer.see("Unknown: buy BTC")
        await until(
            lambda: (
                at.console.rows("select status, count(*) from orders group by status")
                == [("filled", TEN)]
            ),
            "the ten were never found",
        )
        assert len(await at.console.events("OrderUnknown")) == TEN
        assert len(await at.console.events("OrderSubmitted")) == TEN
        verified = await at.console.verified()
        assert "10 executions, 10 orders" in verified


async def test_flatten_closes_longs_and_a_short_and_verifies_it_at_the_venue(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, CONFIRM="never") as at:
        await at.bind(at.trader)
        await at.trader.say("/buy btc 150 usdt sl 2%")
        await at.trader.say("/buy eth 160 usdt")
        await at.trader.say("/sell btc perp 200 usdt short")
        await until(
            lambda: (
                at.position("BTC/USDT") is not None
                and at.position("ETH/USDT") is not None
                and (at.position("BTC/USDT:USDT") or 0) != 0
            ),
            "the three positions never stood",
        )

        await at.trader.say("/flatten")
        flat = await at.trader.see("FLAT, verified")

        assert "0 orders, 0 open" in flat.text
        assert at.console.rows("select symbol from positions where closed_at is null") == []
        await at.owner.say("/resume")
        asked = await at.owner.see("Resume?")
        await at.owner.pressed(asked, "Resume")
        await at.owner.see("ACTIVE")
        await at.console.verified()


async def test_a_shell_stops_and_flattens_the_running_process_and_then_without_one(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, CONFIRM="never") as at:
        await at.bind(at.owner)
        await at.owner.say("/buy btc 150 usdt")
        await until(lambda: at.position("BTC/USDT") is not None, "the position never stood")

        stopped = await at.console.shell("stop")
        assert stopped.code == 0, stopped.err
        await at.owner.see("HALTED at")
        flat = await at.console.shell("flatten")
        assert flat.code == 0, flat.err
        await at.owner.see("FLAT, verified")
        assert at.position("BTC/USDT") is None

        await at.console.terminate()
        alone = await at.console.shell("stop")
        assert alone.code == 0, alone.err
        alone = await at.console.shell("flatten")
        assert alone.code == 0, alone.err
        await at.console.verified()
