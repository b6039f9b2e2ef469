"""`quarterdeck doctor`: check what `run` would meet, and say how to mend what is wrong."""

import asyncio
import platform
import sys
from collections.abc import Awaitable, Mapping
from typing import Final

from bot.cli.arguments import DoctorArguments
from bot.cli.check_accounts import check_account
from bot.cli.check_database import check_database, is_held
from bot.cli.check_network import check_port, check_redis, check_telegram
from bot.cli.check_venues import check_venue
from bot.cli.findings import Finding, Verdict, fail, ok, warn
from bot.cli.reading import settings_of
from bot.cli.refusal import CommandRefused
from bot.kill_switch import Say
from bot.log import Redactor
from bot.running import account_plan
from bot.settings import Settings
from bot.side_door import database_file

PYTHON_MIN: Final = (3, 11)
WELL: Final = 0
ILL: Final = 1


async def examine(arguments: DoctorArguments, environ: Mapping[str, str], say: Say) -> int:
    """Check everything, one line for each finding; 0 when nothing fails, else 1.

    Raises: SettingsError, EnvironmentFileError; nothing else can be checked then.
    """
    say(_python().line)
    settings = settings_of(environ, arguments.env_file, for_command="doctor")
    redactor = Redactor(settings.secrets)
    failed = 0

    def tell(findings: list[Finding]) -> None:
        nonlocal failed
        for finding in findings:
            failed += finding.verdict is Verdict.FAIL
            say(redactor.clean(finding.line))

    tell(_configuration(settings))
    # Told in this order, however long each takes.
    for check in [asyncio.ensure_future(each) for each in _checks(settings)]:
        tell(await check)
    if failed:
        say(f"{failed} {'check' if failed == 1 else 'checks'} failed.")
        return ILL
    say("Nothing failed: quarterdeck run can start.")
    return WELL


def _checks(settings: Settings) -> list[Awaitable[list[Finding]]]:
    file = database_file(settings.database_url.reveal())
    currency = settings.paper_balance.currency
    return [
        check_database(settings),
        check_redis(settings.redis_url, settings.streams),
        check_telegram(settings),
        *(check_venue(venue, currency) for venue in settings.venues),
        *(check_account(venue, currency) for venue in settings.venues if settings.mode == "live"),
        check_port(settings.port, is_running=file is not None and is_held(file)),
    ]


def _python() -> Finding:
    version = platform.python_version()
    if sys.version_info[:2] < PYTHON_MIN:
        return fail("python", f"{version} is too old: install 3.11 or newer.")
    return ok("python", f"{version} on {platform.system()}.")


def _configuration(settings: Settings) -> list[Finding]:
    owners = sum(1 for each in settings.operators if each.role == "owner")
    venues = ", ".join(venue.venue for venue in settings.venues)
    found = [
        ok(
            "configuration",
            f"{settings.mode} mode on {venues}, {len(settings.operators)} operators, "
            f"{owners} of them owners.",
        )
    ]
    try:
        account_plan(settings)
    except CommandRefused as fault:
        found = [fail("configuration", str(fault))]
    found += [warn("configuration", sentence) for sentence in settings.warnings]
    return found
