"""The second factor: one-time codes by time (RFC 6238), thirty seconds and six digits each.

A person's secret stands encrypted in the console's notes, never in the journal: Fernet, under a key
that HKDF-SHA256 (RFC 5869) makes from SECRET_KEY. A code is taken once, a step early or late at
most; five wrong ones in a row lock that person's codes for a quarter of an hour. Every try is
written down before it is answered, so that ending the process gives nobody another one.
"""

import base64
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec

from bot.secret import Secret
from engine.ports import Clock
from storage.notes import Notes

TRIES_MAX: Final = 5
LOCK: Final = timedelta(minutes=15)
STEP_S: Final = 30
STEPS_ASIDE: Final = 1
ISSUER: Final = "Quarterdeck"
SCOPE: Final = "factor"
SECRET_BYTES: Final = 20
PURPOSE: Final = b"quarterdeck second factor"


class Verdict(StrEnum):
    """What becomes of a code. USED was right and taken before; UNREADABLE is not the person's."""

    GOOD = "good"
    WRONG = "wrong"
    USED = "used"
    LOCKED = "locked"
    UNREADABLE = "unreadable"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeAnswer:
    """Answer a code: how many tries are left after a wrong one, until when codes are locked.

    `locks` when this very try was the one too many.
    """

    verdict: Verdict
    tries_left: int = 0
    until: datetime | None = None
    locks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """Give what an authenticator needs: the secret to type, and the address that a picture holds.

    Neither may be logged or kept anywhere but in the person's own chat, for as long as it takes.
    """

    secret: Secret
    address: Secret


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What a note holds: the encrypted secret, the last step taken, and the wrong tries."""

    secret: str
    used: int = 0
    tries: int = 0
    locked_until: datetime | None = None


class SecondFactor:
    """Set up, check and remove the second factors of persons, by Telegram user id."""

    def __init__(
        self,
        *,
        notes: Notes,
        key: Secret | None,
        clock: Clock,
        draw: Callable[[int], bytes],
    ) -> None:
        """`draw` gives so many bytes by chance; without a `key` nothing is set up, or read."""
        self._notes = notes
        self._key = key
        self._clock = clock
        self._draw = draw

    @property
    def has_key(self) -> bool:
        """Tell whether SECRET_KEY is set."""
        return self._key is not None

    async def begin(self, user_id: int, account: str) -> Enrolment:
        """Draw a new secret, and keep it beside the old one until a code of it was given.

        `account` is the name that the authenticator shows. Needs a key.
        """
        drawn = base64.b32encode(self._draw(SECRET_BYTES)).decode()
        await self._put(_new(user_id), _Kept(secret=self._sealed(drawn)))
        address = _totp(drawn).provisioning_uri(name=account, issuer_name=ISSUER)
        return Enrolment(secret=Secret(drawn), address=Secret(address))

    async def finish(self, user_id: int, code: str) -> CodeAnswer:
        """Check the first code of a new secret, and put the secret in force when it is right."""
        answer, kept = await self._checked(_new(user_id), code)
        if answer.verdict is Verdict.GOOD and kept is not None:
            await self._put(str(user_id), kept)
            await self._notes.delete(SCOPE, _new(user_id))
        return answer

    async def check(self, user_id: int, code: str) -> CodeAnswer:
        """Check a code. Raises: JournalError when the try cannot be written down."""
        answer, _ = await self._checked(str(user_id), code)
        return answer

    async def is_readable(self, user_id: int) -> bool:
        """Tell whether the person's secret is there and opens with this SECRET_KEY."""
        kept = await self._get(str(user_id))
        return kept is not None and self._opened(kept.secret) is not None

    async def forget(self, user_id: int) -> None:
        """Forget a person's secret."""
        await self._notes.delete(SCOPE, str(user_id))

    async def _checked(self, name: str, code: str) -> tuple[CodeAnswer, _Kept | None]:
        raw = await self._notes.get(SCOPE, name)
        if raw is None:
            return CodeAnswer(verdict=Verdict.ABSENT), None
        kept = _read(raw)
        opened = self._opened(kept.secret) if kept is not None else None
        if kept is None or opened is None:
            return CodeAnswer(verdict=Verdict.UNREADABLE), None
        now = self._clock.now()
        # A lock that ends further away than any lock lasts was set by a clock that ran ahead.
        if kept.locked_until is not None and now < kept.locked_until <= now + LOCK:
            return CodeAnswer(verdict=Verdict.LOCKED, until=kept.locked_until), None
        tries = 0 if kept.locked_until is not None else kept.tries
        step = _step_of(opened, code, now)
        if step is not None and step > kept.used:
            after = _Kept(secret=kept.secret, used=step)
            await self._put(name, after)
            return CodeAnswer(verdict=Verdict.GOOD), after
        tries += 1
        until = now + LOCK if tries >= TRIES_MAX else None
        await self._put(
            name, _Kept(secret=kept.secret, used=kept.used, tries=tries, locked_until=until)
        )
        if until is not None:
            return CodeAnswer(verdict=Verdict.LOCKED, until=until, locks=True), None
        verdict = Verdict.WRONG if step is None else Verdict.USED
        return CodeAnswer(verdict=verdict, tries_left=TRIES_MAX - tries), None

    async def _get(self, name: str) -> _Kept | None:
        raw = await self._notes.get(SCOPE, name)
        return _read(raw) if raw is not None else None

    async def _put(self, name: str, kept: _Kept) -> None:
        await self._notes.put(SCOPE, name, msgspec.json.encode(kept).decode())

    def _sealed(self, text: str) -> str:
        sealed: bytes = self._cipher().encrypt(text.encode())
        return sealed.decode()

    def _opened(self, sealed: str) -> str | None:
        if self._key is None:
            return None
        # As below.
        from cryptography.fernet import InvalidToken  # noqa: PLC0415 - see `_cipher`

        try:
            opened: bytes = self._cipher().decrypt(sealed.encode())
        except InvalidToken:
            return None
        return opened.decode()

    def _cipher(self) -> Any:
        assert self._key is not None, "nothing is sealed without a key"
        # 8 MB and 25 ms that only who uses a second factor pays.
        from cryptography.fernet import Fernet  # noqa: PLC0415 - see above
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - see above
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415 - see above

        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE)
        return Fernet(base64.urlsafe_b64encode(derived.derive(self._key.reveal().encode())))


def _new(user_id: int) -> str:
    return f"{user_id}:new"


def _read(raw: str) -> _Kept | None:
    try:
        return msgspec.json.decode(raw, type=_Kept)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _totp(secret: str) -> Any:
    # 5 MB and 35 ms that only who uses a second factor pays.
    import pyotp  # noqa: PLC0415 - see above

    return pyotp.TOTP(secret)


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """Give the step whose code this is, the newest first; None when it is none of those near."""
    at_step = int(now.timestamp()) // STEP_S
    offered, totp = code.encode(), _totp(secret)
    found = None
    # Every step is looked at, so that the time taken does not tell which one was right.
    for step in range(at_step - STEPS_ASIDE, at_step + STEPS_ASIDE + 1):
        if hmac.compare_digest(totp.generate_otp(step).encode(), offered):
            found = step
    return found
