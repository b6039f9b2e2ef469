"""The book of tellings: which subject is told by whom."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from bot.tellings.arming import arming_telling
from bot.tellings.factors import factor_telling
from bot.tellings.found import account_telling, adopted_telling, found_telling
from bot.tellings.kill_switch import (
    emergency_telling,
    flatten_telling,
    resume_telling,
    stop_telling,
)
from bot.tellings.limits import limit_telling
from bot.tellings.orders import exit_telling, order_telling
from bot.tellings.records import denied_telling, report_telling
from bot.tellings.scopes import scope_telling
from bot.tellings.telling import Desk, Silence, Told
from bot.tellings.tickets import ticket_telling
from bot.tellings.trouble import (
    backlog_telling,
    blocked_telling,
    books_telling,
    breaker_telling,
    slippage_telling,
    stranger_telling,
    venue_telling,
    warning_telling,
)
from storage.cards import Card
from storage.outbox import OutboxRow

Teller = Callable[[Desk, tuple[OutboxRow, ...], Card | None], Awaitable[Told]]

TELLERS: Final[Mapping[str, Teller]] = {
    "order": order_telling,
    "exit": exit_telling,
    "slippage": slippage_telling,
    "denied": denied_telling,
    "ticket": ticket_telling,
    "arming": arming_telling,
    "factor": factor_telling,
    "limit": limit_telling,
    "stop": stop_telling,
    "scope": scope_telling,
    "flatten": flatten_telling,
    "resume": resume_telling,
    "emergency": emergency_telling,
    "breaker": breaker_telling,
    "warning": warning_telling,
    "books": books_telling,
    "venue": venue_telling,
    "found": found_telling,
    "account": account_telling,
    "adopted": adopted_telling,
    "report": report_telling,
    "stranger": stranger_telling,
    "backlog": backlog_telling,
    "blocked": blocked_telling,
}


class Tellings:
    """Put alerts into words: the rows of one chat and subject, oldest first, become one telling."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def of(self, rows: tuple[OutboxRow, ...], card: Card | None) -> Told:
        """Give what the chat is told now; `card` is what it was told last."""
        kind, _, _ = rows[-1].subject.partition(":")
        teller = TELLERS.get(kind)
        if teller is None:
            return Silence(reason=f"nobody tells {kind}")
        return await teller(self._desk, rows, card)
