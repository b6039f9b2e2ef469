from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from telegram import Bot

from bot.sandbox.server import Sandbox
from tests.bot.speech.conftest import OWNER
from tests.bot.speech.world import SpeakingWorld, speaking_world


@pytest.fixture
async def world(bot: Bot, tmp_path: Path) -> AsyncIterator[SpeakingWorld]:
    async with speaking_world(bot, tmp_path) as made:
        await made.bind(OWNER)
        yield made


async def test_the_first_fill_rings_and_the_next_ones_edit_its_card(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    order = await world.submit(quantity="0.03")
    async with world.speaking():
        await world.happen(world.fill(order, "0.01"))
        await world.until_told()
        await world.happen(world.fill(order, "0.01"))
        await world.until_told()
        await world.happen(world.fill(order, "0.01"))
        await world.until_told()

    (card,) = await phones.messages(OWNER)
    assert not card.silent
    assert card.edits == 2
    assert "Bought 0.03 BTC" in card.text
