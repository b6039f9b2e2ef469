"""Logs: one line per event, `key=value`, and never a secret.

Write `log.info("ticket approved", extra={"command_id": ..., "client_order_id": ..., "seq": ...})`.
"""

import json
import logging
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, TextIO

from bot.secret import MASK, Secret

# A shorter text would blot out ordinary words; nothing that short is a secret worth the name.
SECRET_CHARACTERS_MIN: Final = 6

# httpx logs every address at INFO, and the token is part of it; the others are merely chatty.
NOISY: Final = {
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "telegram": logging.WARNING,
    "apscheduler": logging.WARNING,
    "aiohttp.access": logging.WARNING,
    "ccxt": logging.WARNING,
    "asyncio": logging.WARNING,
    "matplotlib": logging.WARNING,
}

_NAMES = (
    r"api[_-]?key|api[_-]?secret|api[_-]?password|secret[_-]?key|secret[_-]?token|secret|password"
    r"|passwd|passphrase|token|signature|authorization|otp|totp|code_digits"
)
_PATTERNS: Final = (
    # The address of a Bot API request, whatever stands where the token should.
    (re.compile(r"(/bot)[^/\s\"']+(?=/)"), rf"\1{MASK}"),
    # A token of Telegram, wherever it stands.
    (re.compile(r"\b\d{5,}:[A-Za-z0-9_-]{20,}"), MASK),
    # A person and a password in an address.
    (re.compile(r"(\b[a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s\"'@]+@"), rf"\1{MASK}@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"), rf"\1 {MASK}"),
    (re.compile(r"(?i)\b(webhook|telegram)/[A-Za-z0-9_-]{16,}"), rf"\1/{MASK}"),
    (
        re.compile(rf"(?i)([\"']?\b(?:[a-z0-9]+[_-])*(?:{_NAMES})[\"']?\s*[=:]\s*)"
                   r"(\"[^\"]*\"|'[^']*'|[^\s,;&)}\]]+)"),
        rf"\1{MASK}",
    ),
    # Six digits after the word code are a second factor.
    (re.compile(r"(?i)\b(code\W{1,3})\d{6}\b"), rf"\1{MASK}"),
)  # fmt: skip
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Redactor:
    """Replace secrets by `***`: those it was told, and whatever looks like one."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._texts: tuple[str, ...] = ()
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: Secret) -> None:
        """Hide one more secret from now on, as it is and as JSON or an address would write it."""
        text = secret.reveal()
        if len(text) < SECRET_CHARACTERS_MIN:
            return
        known = {*self._texts, text, json.dumps(text)[1:-1], repr(text)[1:-1]}
        # The longest first: a secret that contains another one leaves no rest.
        self._texts = tuple(sorted(known, key=len, reverse=True))

    def clean(self, text: str) -> str:
        """Give the text without secrets."""
        for secret in self._texts:
            text = text.replace(secret, MASK)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    def clean_value(self, value: object) -> object:
        """Give a field's value without secrets; a number stays a number."""
        if value is None or isinstance(value, bool | int | float):
            return value
        return self.clean(str(value))


class RedactingFilter(logging.Filter):
    """Rewrite each record before any formatter sees it: message, arguments, fields, traceback."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor
        self._traceback = logging.Formatter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean the record in place and let it pass."""
        clean = self._redactor.clean
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):
            # A log line whose arguments do not fit must not take down who writes it.
            message = f"{record.msg} (arguments do not fit)"
        record.msg = clean(message)
        record.args = None
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = self._traceback.formatException(record.exc_info)
        record.exc_info = None
        if record.exc_text:
            record.exc_text = clean(record.exc_text)
        if record.stack_info:
            record.stack_info = clean(record.stack_info)
        for name in sorted(record.__dict__.keys() - _STANDARD):
            value = record.__dict__[name]
            whole = clean(f"{name}={value}")
            hidden = not isinstance(value, bool | int | float) and whole == f"{name}={MASK}"
            record.__dict__[name] = MASK if hidden else self._redactor.clean_value(value)
        return True


class LineFormatter(logging.Formatter):
    """Write a record as one line of `key=value`; a traceback becomes one field."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line, without its end."""
        fields: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        for name in sorted(record.__dict__.keys() - _STANDARD):
            fields[name] = record.__dict__[name]
        if record.exc_info and record.exc_info[0] is not None and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            fields["traceback"] = record.exc_text
        if record.stack_info:
            fields["stack"] = record.stack_info
        return " ".join(f"{name}={_written(value)}" for name, value in fields.items())


def install(
    *,
    secrets: Iterable[Secret],
    level: int = logging.INFO,
    stream: TextIO | None = None,
) -> Redactor:
    """Send every record of the process to a stream (standard error by default), cleaned.

    Uncaught exceptions and warnings go the same way. Gives the redactor, which can learn more.
    """
    redactor = Redactor(secrets)
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.addFilter(RedactingFilter(redactor))
    handler.setFormatter(LineFormatter())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name, quiet in NOISY.items():
        logging.getLogger(name).setLevel(max(level, quiet))
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_crash
    return redactor


def _log_crash(
    kind: type[BaseException], crash: BaseException, traceback: TracebackType | None
) -> Any:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("quarterdeck").critical("crashed", exc_info=(kind, crash, traceback))


def _written(value: object) -> str:
    """Write a value so that a line stays one line and its fields can be told apart."""
    text = str(value)
    if not text.isprintable():
        return json.dumps(text)
    plain = text and not any(character in text for character in ' "=\\')
    return text if plain else json.dumps(text, ensure_ascii=False)
