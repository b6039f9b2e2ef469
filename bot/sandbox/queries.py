"""Callback queries: a press that waits for its answer."""

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.sandbox.refusals import bad_request, query_too_old

KEPT_MAX = 2000
ANSWER_CHARACTERS_MAX = 200
# Telegram names no number; answers were seen refused after some tens of seconds.
AGE_S_MAX = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One press; times are monotonic seconds, `text` is what the answer shows."""

    id: str
    user_id: int
    chat_id: int
    message_id: int
    callback_data: str
    asked_s: float
    answered_s: float | None = None
    text: str | None = None
    show_alert: bool = False
    url: str | None = None


def _drawn() -> int:
    return secrets.randbits(60)


class Queries:
    """The last 2000 presses."""

    def __init__(self, draw: Callable[[], int] = _drawn) -> None:
        """Begin without presses; `draw` gives numbers below 2**60 that nobody can guess."""
        self.age_s_max = AGE_S_MAX
        self._draw = draw
        self._queries: OrderedDict[str, Query] = OrderedDict()

    def ask(
        self, *, user_id: int, chat_id: int, message_id: int, callback_data: str, asked_s: float
    ) -> Query:
        """Note a press."""
        query = Query(
            id=str(4_000_000_000_000_000_000 + self._draw()),
            user_id=user_id,
            chat_id=chat_id,
            message_id=message_id,
            callback_data=callback_data,
            asked_s=asked_s,
        )
        self._queries[query.id] = query
        while len(self._queries) > KEPT_MAX:
            self._queries.popitem(last=False)
        return query

    def answer(
        self, query_id: str, *, text: str | None, show_alert: bool, url: str | None, now_s: float
    ) -> Query:
        """Answer once, in time. Raises: Refusal."""
        query = self._queries.get(query_id)
        stale = query is None or now_s - query.asked_s > self.age_s_max
        if query is None or stale or query.answered_s is not None:
            raise query_too_old()
        if text is not None and len(text) > ANSWER_CHARACTERS_MAX:
            raise bad_request("MESSAGE_TOO_LONG")
        answered = replace(
            query, answered_s=now_s, text=text or None, show_alert=show_alert, url=url
        )
        self._queries[query_id] = answered
        return answered

    def all(self) -> list[Query]:
        """List presses, oldest first."""
        return list(self._queries.values())
