"""Pruning: what was delivered and handled long ago is let go of, each hour."""

import asyncio
from datetime import timedelta

from bot.assembly import Assembly
from bot.tellings.orders import asked_scope

PRUNE_EVERY_S = 3600.0
KEPT = timedelta(days=30)
UPDATES_KEPT = 10_000


class Pruning:
    """Keep the console's own tables small; the journal stays whole."""

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly

    async def run(self) -> None:
        """Prune for ever."""
        assembly = self._assembly
        while True:
            before = assembly.clock.now() - KEPT
            await assembly.outbox.prune(before)
            await assembly.cards.prune(before)
            await assembly.updates.prune(UPDATES_KEPT)
            await self._forget_askers()
            await asyncio.sleep(PRUNE_EVERY_S)

    async def _forget_askers(self) -> None:
        """Forget which message asked for an order, once the order has ended."""
        notes, state = self._assembly.notes, self._assembly.engine.state
        for chat in state.chats.values():
            for name in await notes.all(asked_scope(chat.chat_id)):
                if name not in state.orders:
                    await notes.delete(asked_scope(chat.chat_id), name)
