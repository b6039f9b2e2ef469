"""The demo: a chat page, a simulated market, a paper venue and a journal in a folder of its own."""

import asyncio
import logging
import secrets
import sqlite3
import webbrowser
from collections.abc import Callable
from pathlib import Path

from bot import collector
from bot.app import App
from bot.assembly import AccountPlan, Assembly, assembled
from bot.cli.arguments import DemoArguments, demo_database_url
from bot.cli.faults import CommandRefused
from bot.clock import SystemClock, local_zone
from bot.plans import ChatPlan
from bot.sandbox import Person, Sandbox
from bot.secret import Secret
from bot.settings import OperatorSetting, Settings
from engine.commands import Role
from engine.confirming import ConfirmPolicy
from engine.markets.simulated import SimulatedMarket
from storage.database import Database
from storage.notes import Notes

VENUE = "binance"
PORT = 8123
OPERATORS = (
    (4242, Role.OWNER, "You, the owner"),
    (77, Role.TRADER, "A trader"),
    (99, Role.VIEWER, "A viewer"),
)
STRANGER = (555019283, "A stranger")

log = logging.getLogger("quarterdeck.demo")


async def run_demo(
    arguments: DemoArguments,
    settings: Settings,
    stopping: asyncio.Event,
    say: Callable[[str], None],
) -> BaseException | None:
    """Run the demo until asked to stop; give the engine's fault if it stopped by itself.

    Raises: CommandRefused, JournalError, OSError where the port is taken.
    """
    _prepare(arguments.folder)
    people = [Person(id=user_id, name=name) for user_id, _, name in OPERATORS]
    sandbox = Sandbox(
        port=PORT if arguments.port is None else arguments.port,
        people=(*people, Person(id=STRANGER[0], name=STRANGER[1])),
        folder=arguments.folder / "chat",
    )
    await _open_sandbox(sandbox, arguments)
    try:
        app = await _app(arguments, settings, sandbox)
        await app.start()
        collector.settle()
        if not app.assembly.engine.state.chats:
            await sandbox.say(OPERATORS[0][0], "/start")
        _announce(sandbox.url, arguments, say)
        return await app.run(stopping)
    finally:
        await sandbox.stop()


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise CommandRefused(
            f"The folder {folder} cannot be made ({fault.strerror}); choose another with --folder."
        ) from fault


async def _open_sandbox(sandbox: Sandbox, arguments: DemoArguments) -> None:
    """Open the page; where nobody chose the port and it is taken, take a free one.

    Raises: CommandRefused when the chosen port or the folder's chat cannot be had.
    """
    try:
        try:
            await sandbox.start()
        except OSError as fault:
            if arguments.port is not None:
                raise CommandRefused(
                    f"Port {arguments.port} cannot be had ({fault.strerror}); choose another with "
                    "--port, or leave it out."
                ) from fault
            sandbox.port = 0
            await sandbox.start()
    except sqlite3.DatabaseError as fault:
        raise CommandRefused(
            f"The chat in {arguments.folder} is in use by another demo, or damaged ({fault}). Stop "
            "that demo, or choose another folder with --folder."
        ) from fault


async def _app(arguments: DemoArguments, settings: Settings, sandbox: Sandbox) -> App:
    seed = await seed_of(demo_database_url(arguments.folder), arguments.seed)
    chat = ChatPlan(
        token=Secret(sandbox.token),
        api_url=sandbox.url,
        operators=tuple(OperatorSetting(user_id=user, role=role) for user, role, _ in OPERATORS),
        port=None,
        metrics_token=None,
        tz=local_zone(),
        # Simulated money: it only lets people try the second factor.
        secret_key=Secret(sandbox.token),
    )
    return App(demo_assembly(arguments.folder, settings, seed), chat)


def demo_assembly(folder: Path, settings: Settings, seed: int) -> Assembly:
    """Wire the demo's account: simulated prices, a paper venue, a journal in the folder."""
    clock = SystemClock()
    plan = AccountPlan(
        database_url=demo_database_url(folder),
        accounts=(VENUE,),
        market=f"simulated:{seed}",
        currency=settings.paper_balance.currency,
        cash=settings.paper_balance.amount,
        limits=settings.limits,
        confirm=ConfirmPolicy(mode=settings.confirm, tiers=settings.confirm_tiers),
        scaling=settings.scaling,
        owners=tuple(user for user, role, _ in OPERATORS if role is Role.OWNER),
        kept=settings.kept,
    )
    market = SimulatedMarket(venue=VENUE, clock=clock, seed=seed)
    return assembled(plan, market, clock, depth=market.depth, candles=market)


async def seed_of(url: str, wanted: int | None = None) -> int:
    """Give the market's seed: chosen once for a journal, and kept beside it."""
    database = Database(url)
    await database.open()
    try:
        notes = Notes(database)
        known = await notes.get("demo", "seed")
        if known is not None:
            if wanted is not None and wanted != int(known):
                log.warning("this journal's market keeps its seed %s", known)
            return int(known)
        seed = secrets.randbelow(1_000_000) if wanted is None else wanted
        await notes.put("demo", "seed", str(seed))
        return seed
    finally:
        await database.close()


def _announce(url: str, arguments: DemoArguments, say: Callable[[str], None]) -> None:
    say(f"The chat is at {url}")
    say(f"Its journal is in {arguments.folder}. Press Ctrl+C to stop; start again to go on.")
    if arguments.browser:
        try:
            webbrowser.open(url)
        except webbrowser.Error:
            say("No browser could be opened; open the address yourself.")
