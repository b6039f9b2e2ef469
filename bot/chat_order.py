"""Chat order: who speaks to a chat now, so that two speakers of one subject do not cross."""

import asyncio


class ChatOrder:
    """Give each chat one lock; alerts hold it while they tell, handlers while a card is theirs."""

    def __init__(self) -> None:
        self._locks: dict[int, asyncio.Lock] = {}

    def of(self, chat_id: int) -> asyncio.Lock:
        """Give the chat's lock; there are as many as chats that were ever spoken to."""
        return self._locks.setdefault(chat_id, asyncio.Lock())
