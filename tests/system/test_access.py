"""Who may do what, asked of the real process: old cards, forged taps, strangers, roles."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.sandbox import SeenMessage
from tests.system.console import STRANGER, ticket_id, until
from tests.system.house import House, house

pytestmark = [pytest.mark.system, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    folder: Path = tmp_path_factory.mktemp("access")
    async with house(folder, CONFIRM="always") as running:
        await running.bind(running.owner)
        yield running


def orders(desk: House) -> int:
    return len(desk.console.rows("select 1 from orders"))


async def open_ticket(desk: House) -> SeenMessage:
    return await desk.trader.ticket("/buy btc 150 usdt")


@pytest.mark.parametrize(
    "forged",
    [
        "garbage",
        "q9|ct|T123",
        "q1|ct",
        "q1|ct|../../etc/passwd",
        "q1||||||||",
        "q1|ct|" + "A" * 57,
        "q1|zz|1",
        "\u202eq1|ct|1",
    ],
)
async def test_a_forged_tap_is_refused_in_a_popup_and_does_nothing(
    desk: House, forged: str
) -> None:
    card = await desk.trader.ask("/mode", "Simulated money")
    before = orders(desk)

    tap = await desk.trader.forge(card.message_id, forged)

    assert tap.show_alert
    assert tap.text
    assert orders(desk) == before


async def test_a_ticket_of_somebody_else_is_not_confirmed_by_a_forged_tap(desk: House) -> None:
    card = await desk.owner.ticket("/buy eth 150 usdt")
    before = orders(desk)
    mine = await desk.trader.ask("/mode", "Simulated money")

    tap = await desk.trader.forge(mine.message_id, card.callback_data("Confirm"))

    assert tap.text is not None
    assert tap.text.startswith("Not yours.")
    assert orders(desk) == before
    await desk.owner.pressed(card, "Cancel")


async def test_a_ticket_that_never_was_is_not_confirmed(desk: House) -> None:
    card = await open_ticket(desk)
    before = orders(desk)
    data = card.callback_data("Confirm").replace(ticket_id(card), "X" + ticket_id(card)[1:])

    tap = await desk.trader.forge(card.message_id, data)

    assert tap.text
    assert orders(desk) == before


async def test_a_viewer_may_neither_trade_nor_confirm_what_others_made(desk: House) -> None:
    before = orders(desk)
    refused = await desk.viewer.ask("/buy btc 150 usdt", "Not your role")
    assert "Trade needs a trader" in refused.text
    card = await open_ticket(desk)

    tap = await desk.viewer.forge(refused.message_id, card.callback_data("Confirm"))

    assert "needs a trader" in (tap.text or "")
    assert orders(desk) == before


async def test_a_trader_may_not_resume_what_a_stop_halted(desk: House) -> None:
    refused = await desk.trader.ask("/resume", "Not your role")

    assert "Resume needs an owner" in refused.text


async def test_a_stranger_meets_silence_and_the_owner_hears_of_it_once(desk: House) -> None:
    known = await desk.owner.ask("/mode", "Simulated money")
    calls = max(call.number for call in await desk.sandbox.calls())

    await desk.stranger.say("/start")
    await desk.stranger.say("/buy btc 1000 usdt")
    await desk.stranger.say("STOP")
    query = await desk.sandbox.press(
        STRANGER, await desk.stranger.say("hello"), callback_data="q1|ct|1", gone_ok=True
    )

    notice = await desk.owner.see("A stranger wrote here")
    await desk.owner.ask("/status", "ACTIVE")
    assert str(STRANGER) in notice.text
    told = [one for one in await desk.owner.history(known.message_id) if "stranger" in one.text]
    assert len(told) == 1
    after = await desk.sandbox.calls(after=calls)
    assert [call for call in after if call.chat_id == STRANGER] == []
    answer = (await desk.sandbox.answers(query))[0]
    assert answer.answered_s is None


async def test_a_card_from_before_a_restart_says_that_it_expired(tmp_path: Path) -> None:
    async with house(tmp_path, CONFIRM="always") as at:
        await at.bind(at.owner)
        card = await at.owner.ticket("/buy btc 150 usdt")
        # From here on the card is known to the outbox, so a kill repeats nothing.
        told = "select 1 from cards where subject like 'ticket:%'"
        await until(lambda: at.console.rows(told) != [], "the card was never noted")
        await at.console.kill()
        await at.console.start(at.sandbox)

        await at.owner.see_in(card.message_id, "Expired")
        tap = await at.owner.pressed(card, "Confirm")

        assert "expired" in (tap.text or "").lower()
        assert orders(at) == 0
        await at.console.verified()
