"""Telegram's refusals: the codes and the exact words of the Bot API server.

Refusal is the tree's only member: the request was understood and turned down, and the caller reads
`description` as a client of Telegram would.
"""

import math

from bot.sandbox.wire import Json

NOT_MODIFIED = (
    "Bad Request: message is not modified: specified new message content and reply markup are "
    "exactly the same as a current content and reply markup of the message"
)
QUERY_TOO_OLD = "Bad Request: query is too old and response timeout expired or query ID is invalid"
OTHER_POLLER = (
    "Conflict: terminated by other getUpdates request; "
    "make sure that only one bot instance is running"
)
WEBHOOK_ACTIVE = (
    "Conflict: can't use getUpdates method while webhook is active; "
    "use deleteWebhook to delete the webhook first"
)


class Refusal(Exception):
    """A method was turned down; answer with this code and description."""

    def __init__(self, code: int, description: str, parameters: Json | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters

    def body(self) -> Json:
        """Give the JSON that Telegram's server would answer with."""
        answer: Json = {"ok": False, "error_code": self.code, "description": self.description}
        if self.parameters:
            answer["parameters"] = self.parameters
        return answer


def bad_request(reason: str) -> Refusal:
    """Refuse with 400 and `reason`, worded as the Bot API words it."""
    return Refusal(400, f"Bad Request: {reason}")


def unparsable(reason: str) -> Refusal:
    """Refuse a text whose markup is broken."""
    return bad_request(f"can't parse entities: {reason}")


def not_modified() -> Refusal:
    """Refuse an edit that changes nothing."""
    return Refusal(400, NOT_MODIFIED)


def query_too_old() -> Refusal:
    """Refuse an answer to a callback query that is stale, unknown or answered."""
    return Refusal(400, QUERY_TOO_OLD)


def unauthorized() -> Refusal:
    """Refuse a well-formed token of no bot."""
    return Refusal(401, "Unauthorized")


def blocked() -> Refusal:
    """Refuse a message to a person who blocked the bot."""
    return Refusal(403, "Forbidden: bot was blocked by the user")


def not_found() -> Refusal:
    """Refuse a malformed token or path."""
    return Refusal(404, "Not Found")


def method_not_found() -> Refusal:
    """Refuse a method that this server does not know."""
    return Refusal(404, "Not Found: method not found")


def other_poller() -> Refusal:
    """Refuse the older of two pollers."""
    return Refusal(409, OTHER_POLLER)


def webhook_active() -> Refusal:
    """Refuse getUpdates while updates go to a webhook."""
    return Refusal(409, WEBHOOK_ACTIVE)


def too_many_requests(retry_after_s: float) -> Refusal:
    """Refuse for now; `retry_after_s` is rounded up to whole seconds, at least one."""
    seconds = max(1, math.ceil(retry_after_s))
    return Refusal(429, f"Too Many Requests: retry after {seconds}", {"retry_after": seconds})
