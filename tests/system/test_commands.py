"""Every command of the contract, asked of the real process by every role; and its HTTP."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from bot.access import COMMANDS
from bot.sandbox import FaultKind, SeenMessage
from tests.system.console import WAIT_S, Phone
from tests.system.house import METRICS_TOKEN, House, house

pytestmark = [pytest.mark.system, pytest.mark.asyncio(loop_scope="module")]

CHARACTERS_MAX, TITLE_CHARACTERS_MAX = 4096, 36
# Words of a handler that broke.
FAILURE_WORDS = ("Failed here", "could not finish this")
KEYS = ("Status", "Positions", "Orders", "Trade")
# In a chat that is bound these are answered by their alert; they are asked last, for they halt.
TOLD_BY_THE_OUTBOX = {"buy": "PAPER", "sell": "PAPER", "stop": "HALTED", "flatten": "PAPER"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    folder: Path = tmp_path_factory.mktemp("commands")
    async with house(folder, PORT="0", METRICS_TOKEN=METRICS_TOKEN) as running:
        yield running


def wording(command: str) -> str:
    examples = {
        "buy": "/buy btc 100 usdt",
        "sell": "/sell btc 50%",
        "close": "/close btc",
        "chart": "/chart btc",
    }
    return examples.get(command, f"/{command}")


async def answered(phone: Phone, asked: int, part: str = "") -> SeenMessage:
    """Wait for the answer to one message: a reply, or where the outbox answers, its words."""
    return await phone.sandbox.wait_for_message(
        lambda one: (
            one.from_bot
            and one.message_id > asked
            and (one.reply_to == asked or (part != "" and part in one.text))
        ),
        chat_id=phone.user_id,
        timeout_s=WAIT_S,
    )


async def ask_everything(phone: Phone) -> dict[str, SeenMessage]:
    """Ask every command that is answered by a reply, one after the other."""
    answers = {}
    for name in [each for each in COMMANDS if each not in TOLD_BY_THE_OUTBOX]:
        answers[name] = await answered(phone, await phone.say(wording(name)))
    return answers


async def tap_everything(phone: Phone) -> dict[str, SeenMessage]:
    """Tap every key of the keyboard but STOP, in a chat of its own: a chat has a pace."""
    return {key: await answered(phone, await phone.sandbox.say(phone.user_id, key)) for key in KEYS}


async def test_every_command_and_key_gets_an_answer_fit_for_a_phone_whoever_asks(
    desk: House,
) -> None:
    phones = (desk.owner, desk.trader, desk.viewer)

    tapped, *everybody = await asyncio.gather(
        tap_everything(desk.owner_too), *(ask_everything(phone) for phone in phones)
    )
    for name, part in TOLD_BY_THE_OUTBOX.items():
        for phone, answers in zip(phones, everybody, strict=True):
            answers[name] = await answered(phone, await phone.say(wording(name)), part)
    await desk.owner.say("/resume")
    await desk.owner.pressed(await desk.owner.see("Resume?"), "Resume")

    assert len(tapped) == len(KEYS)
    for answers in [tapped, *everybody]:
        for name, answer in answers.items():
            assert answer.text, name
    assert [len(answers) for answers in everybody] == [len(COMMANDS)] * len(phones)
    for phone in (*phones, desk.owner_too):
        for card in await phone.history():
            title = card.text.partition("\n")[0]
            assert len(card.text) <= CHARACTERS_MAX
            assert len(title) <= TITLE_CHARACTERS_MAX or "PAPER" not in title, title
            assert not any(words in card.text for words in FAILURE_WORDS), card.text
    assert "level=error" not in desk.console.log
    assert "Traceback" not in desk.console.log


async def test_the_host_sees_that_it_lives_and_is_ready_and_prometheus_needs_its_token(
    desk: House,
) -> None:
    port = re.findall(r'event="web listening" port=(\d+)', desk.console.log)[-1]
    base = f"http://127.0.0.1:{port}"
    bearer = {"Authorization": f"Bearer {METRICS_TOKEN}"}

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        async with session.get(f"{base}/healthz") as alive:
            assert (alive.status, await alive.json()) == (200, {"alive": True})
        async with session.get(f"{base}/readyz") as ready:
            assert (ready.status, (await ready.json())["ready"]) == (200, True)
        async with session.get(f"{base}/metrics") as nobody:
            assert nobody.status == 401
        async with session.get(f"{base}/metrics", headers=bearer) as metrics:
            assert metrics.status == 200
            shown = await metrics.text()
    assert "quarterdeck_" in shown
    assert desk.sandbox.token not in shown


async def test_no_secret_stands_in_logs_journal_or_database(desk: House) -> None:
    await desk.sandbox.fail("sendMessage", FaultKind.INTERNAL, count=1)
    await desk.sandbox.fail("sendMessage", FaultKind.DROP_BEFORE, count=1)
    await desk.owner.ask("/mode", "Simulated money")

    exported = await desk.console.shell("journal", "export")
    stored = desk.console.journal.read_bytes()

    for secret in (desk.sandbox.token, METRICS_TOKEN):
        assert secret not in desk.console.log
        assert secret not in desk.console.out
        assert secret not in exported.out + exported.err
        assert secret.encode() not in stored


async def test_a_fresh_console_knows_its_venues_prices_before_anybody_trades(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as at:
        await at.owner.ask("/status", "ACTIVE")
        venues = await at.owner.ask("/venues", "Binance")
        assert "no quote" not in venues.text
