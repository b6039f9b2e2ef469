"""Fan-out: the outbox rows of an alert, one for each chat that it addresses."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from engine.alerts import Alert, Audience
from engine.commands import AlertMode
from engine.state import Chat
from storage.statements import Values

DUE = "due"
SENDING = "sending"
SENT = "sent"
DROPPED = "dropped"


def outbox_values(alert: Alert, chats: Mapping[str, Chat], at: datetime) -> Iterator[Values]:
    """Give the rows of an alert raised at `at`.

    Who of the private chats is an owner is the sender's to judge: roles are not in State, so the
    row carries its audience. A chat that set this kind to OFF gets no row.
    """
    for chat_id, mode in _addressed(alert, chats.values()):
        if mode is AlertMode.OFF:
            continue
        yield {
            "seq": alert.seq,
            "chat_id": chat_id,
            "kind": alert.kind.value,
            "lane": alert.lane.value,
            "subject": alert.subject,
            "event": alert.event,
            "audience": alert.audience.value,
            "silent": mode is AlertMode.SILENT,
            "at": at,
            "status": DUE,
            "not_before": at,
            "attempts": 0,
            "was_sending": False,
            "reason": "",
            "ended_at": None,
        }


def _addressed(alert: Alert, chats: Iterable[Chat]) -> Iterator[tuple[int, AlertMode]]:
    known = {chat.chat_id: chat for chat in chats}
    if alert.audience is Audience.CHAT:
        assert alert.chat_id is not None, f"{alert.subject}: an alert for one chat names it"
        chat = known.get(alert.chat_id)
        yield alert.chat_id, AlertMode.ON if chat is None else chat.mode_of(alert.kind)
        return
    for chat in known.values():
        if alert.audience is Audience.OWNERS and chat.is_group:
            continue
        yield chat.chat_id, chat.mode_of(alert.kind)
