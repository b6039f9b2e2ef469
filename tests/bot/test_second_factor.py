"""The second factor: codes of an authenticator, each taken once, and secrets that lie sealed."""

import base64
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest

from bot.second_factor import LOCK, SCOPE, TRIES_MAX, SecondFactor, Verdict
from bot.secret import Secret
from storage.database import Database
from storage.journal import SqlJournal
from storage.notes import Notes

OWNER, TRADER = 4242, 77
KEY = Secret("k" * 40)
# RFC 6238's own secret for SHA-1, "12345678901234567890".
KNOWN = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
NOON = datetime(2026, 11, 17, 12, 0, 10, tzinfo=UTC)


def known(_size: int) -> bytes:
    return base64.b32decode(KNOWN)


class Clock:
    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture
async def notes(tmp_path: Path) -> AsyncIterator[Notes]:
    database = Database(f"sqlite:///{tmp_path / 'journal.db'}")
    await SqlJournal(database).open()
    yield Notes(database)
    await database.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def factor(notes: Notes, clock: Clock) -> SecondFactor:
    made = SecondFactor(notes=notes, key=KEY, clock=clock, draw=known)
    await made.begin(OWNER, "owner 4242")
    assert (await made.finish(OWNER, code(clock.at))).verdict is Verdict.GOOD
    clock.at += timedelta(minutes=5)
    return made


def code(at: datetime, steps: int = 0, secret: str = KNOWN) -> str:
    return pyotp.TOTP(secret).at(at + timedelta(seconds=30 * steps))


async def wrong(factor: SecondFactor, at: datetime, times: int) -> None:
    near = {code(at, steps) for steps in (-1, 0, 1)}
    guess = next(f"{n:06}" for n in range(10) if f"{n:06}" not in near)
    for _ in range(times):
        await factor.check(OWNER, guess)


async def test_the_codes_are_those_of_the_standard(notes: Notes, clock: Clock) -> None:
    # RFC 6238, appendix B: at second 1111111109 the code is 07081804, of which six digits stay.
    clock.at = datetime.fromtimestamp(1111111109, UTC)
    factor = SecondFactor(notes=notes, key=KEY, clock=clock, draw=known)
    await factor.begin(OWNER, "owner 4242")
    assert (await factor.finish(OWNER, "081804")).verdict is Verdict.GOOD


@pytest.mark.parametrize(("steps", "verdict"), [
    (-2, Verdict.WRONG), (-1, Verdict.GOOD), (0, Verdict.GOOD), (1, Verdict.GOOD),
    (2, Verdict.WRONG),
])  # fmt: skip
async def test_a_code_may_be_one_step_early_or_late(
    factor: SecondFactor, clock: Clock, steps: int, verdict: Verdict
) -> None:
    assert (await factor.check(OWNER, code(clock.at, steps))).verdict is verdict


async def test_a_code_is_taken_once(factor: SecondFactor, clock: Clock) -> None:
    given = code(clock.at)
    assert (await factor.check(OWNER, given)).verdict is Verdict.GOOD
    again = await factor.check(OWNER, given)
    assert (again.verdict, again.tries_left) == (Verdict.USED, TRIES_MAX - 1)


async def test_a_code_older_than_one_that_was_taken_is_used_up_too(
    factor: SecondFactor, clock: Clock
) -> None:
    assert (await factor.check(OWNER, code(clock.at))).verdict is Verdict.GOOD
    assert (await factor.check(OWNER, code(clock.at, -1))).verdict is Verdict.USED


async def test_the_code_that_set_it_up_is_used_up(notes: Notes, clock: Clock) -> None:
    factor = SecondFactor(notes=notes, key=KEY, clock=clock, draw=known)
    await factor.begin(OWNER, "owner 4242")
    await factor.finish(OWNER, code(clock.at))
    assert (await factor.check(OWNER, code(clock.at))).verdict is Verdict.USED


async def test_five_wrong_codes_lock_a_quarter_of_an_hour_and_then_none_is_taken(
    factor: SecondFactor, clock: Clock
) -> None:
    await wrong(factor, clock.at, TRIES_MAX - 1)
    answer = await factor.check(OWNER, "x")
    assert answer.locks
    assert (answer.verdict, answer.until) == (Verdict.LOCKED, clock.at + LOCK)
    clock.at += LOCK - timedelta(seconds=1)
    still = await factor.check(OWNER, code(clock.at))
    assert (still.verdict, still.locks) == (Verdict.LOCKED, False)
    clock.at += timedelta(seconds=1)
    assert (await factor.check(OWNER, code(clock.at))).verdict is Verdict.GOOD


async def test_after_a_lock_there_are_five_tries_again(factor: SecondFactor, clock: Clock) -> None:
    await wrong(factor, clock.at, TRIES_MAX)
    clock.at += LOCK
    assert (await factor.check(OWNER, "x")).tries_left == TRIES_MAX - 1


async def test_a_right_code_forgives_the_wrong_ones(factor: SecondFactor, clock: Clock) -> None:
    await wrong(factor, clock.at, TRIES_MAX - 1)
    assert (await factor.check(OWNER, code(clock.at))).verdict is Verdict.GOOD
    assert (await factor.check(OWNER, "x")).tries_left == TRIES_MAX - 1


async def test_wrong_codes_are_remembered_by_the_next_process(
    factor: SecondFactor, notes: Notes, clock: Clock
) -> None:
    await wrong(factor, clock.at, TRIES_MAX)
    reborn = SecondFactor(notes=notes, key=KEY, clock=clock, draw=secrets.token_bytes)
    assert (await reborn.check(OWNER, code(clock.at))).verdict is Verdict.LOCKED


async def test_a_lock_by_a_clock_that_ran_ahead_ends_when_it_is_set_back(
    factor: SecondFactor, clock: Clock
) -> None:
    clock.at += timedelta(days=1)
    await wrong(factor, clock.at, TRIES_MAX)
    clock.at -= timedelta(days=1)
    assert (await factor.check(OWNER, code(clock.at))).verdict is Verdict.GOOD


async def test_one_persons_code_is_not_anothers(factor: SecondFactor, clock: Clock) -> None:
    assert (await factor.check(TRADER, code(clock.at))).verdict is Verdict.ABSENT


async def test_the_old_secret_stands_until_the_new_one_gave_a_code(
    factor: SecondFactor, notes: Notes, clock: Clock
) -> None:
    fresh = SecondFactor(notes=notes, key=KEY, clock=clock, draw=secrets.token_bytes)
    new = (await fresh.begin(OWNER, "owner 4242")).secret.reveal()
    assert (await fresh.check(OWNER, code(clock.at))).verdict is Verdict.GOOD
    assert (await fresh.finish(OWNER, code(clock.at, secret=new))).verdict is Verdict.GOOD
    clock.at += timedelta(minutes=1)
    assert (await fresh.check(OWNER, code(clock.at))).verdict is not Verdict.GOOD
    assert (await fresh.check(OWNER, code(clock.at, secret=new))).verdict is Verdict.GOOD
    assert (await fresh.finish(OWNER, code(clock.at, secret=new))).verdict is Verdict.ABSENT


async def test_no_secret_lies_open_and_another_key_reads_none(
    factor: SecondFactor, notes: Notes, clock: Clock
) -> None:
    kept = (await notes.all(SCOPE))[str(OWNER)]
    assert KNOWN not in kept
    assert await factor.is_readable(OWNER)
    for key in (Secret("j" * 40), None):
        stranger = SecondFactor(notes=notes, key=key, clock=clock, draw=known)
        assert not await stranger.is_readable(OWNER)
        assert (await stranger.check(OWNER, code(clock.at))).verdict is Verdict.UNREADABLE
    assert (await factor.check(OWNER, code(clock.at))).verdict is Verdict.GOOD


@pytest.mark.parametrize("note", ["", "{", '{"secret": 5}', '{"secret": "gAAAA"}', "[]"])
async def test_a_damaged_note_is_unreadable_and_no_fault(
    factor: SecondFactor, notes: Notes, note: str
) -> None:
    await notes.put(SCOPE, str(OWNER), note)
    assert (await factor.check(OWNER, "123456")).verdict is Verdict.UNREADABLE


async def test_the_authenticators_address_names_issuer_person_and_secret(
    notes: Notes, clock: Clock
) -> None:
    factor = SecondFactor(notes=notes, key=KEY, clock=clock, draw=known)
    made = await factor.begin(OWNER, "owner 4242")
    read = pyotp.parse_uri(made.address.reveal())
    assert isinstance(read, pyotp.TOTP)
    assert (read.secret, read.issuer, read.name) == (KNOWN, "Quarterdeck", "owner 4242")
    assert KNOWN not in f"{made}"


async def test_a_forgotten_factor_is_absent(factor: SecondFactor, clock: Clock) -> None:
    await factor.forget(OWNER)
    assert (await factor.check(OWNER, code(clock.at))).verdict is Verdict.ABSENT
