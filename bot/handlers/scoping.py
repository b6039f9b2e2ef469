"""Scoping: breakers re-armed, and one venue, symbol or strategy stopped or let go."""

from dataclasses import dataclass

from bot import callbacks as b
from bot.handlers.notices import notice
from bot.handlers.outcomes import Outcomes, is_bound, refused_in
from bot.handlers.trading import Trading
from bot.handlers.visits import Sight, Visit
from bot.parsing.refusals import Refusal
from bot.parsing.scopes import scope_of
from bot.screens.breakers import rearm as rearm_screen
from bot.screens.layout import Sign
from bot.screens.scopes import scope_ask, scope_set
from bot.views.breakers import rearm_view
from bot.views.scopes import held_by, scope_meant, scope_view
from engine import commands as c
from engine.decide.factors import needs_code
from engine.events import TradingStateSet
from engine.receipts import Receipt
from engine.risk_limits import TradingState
from engine.scopes import Scope

UNKNOWN = Refusal(
    title="Nothing of that name",
    sentence="Nothing was done: I know no such venue, symbol or strategy.",
    examples=("/resume", "/resume binance", "/resume btc", "/resume strategy breakout"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoping:
    """Ask before anything is let go; hold back at once."""

    sight: Sight
    outcomes: Outcomes
    trading: Trading

    def scope(self, text: str) -> Scope | None:
        """Read what followed /stop or /resume."""
        return scope_of(text, self.sight.state, self.sight.instruments)

    async def ask(self, visit: Visit, button: b.RearmAsk) -> None:
        """Show what re-arming would let go, and ask."""
        await visit.answer()
        sight, scene = self.sight, self.sight.scene(visit.person)
        latched = sight.state.breakers.get(button.breaker_id)
        if latched is None:
            await visit.reply(notice(scene, "Not tripped", "That breaker is re-armed already."))
            return
        view = rearm_view(scene, latched, sight.state, sight.quotes, sight.instruments)
        await visit.reply(rearm_screen(view))

    async def rearm(self, visit: Visit, button: b.Rearm) -> None:
        """Re-arm a breaker."""
        await visit.answer()
        receipt = await self.sight.console.send(
            c.RearmBreaker(
                command_id=visit.command_id,
                actor=visit.person.actor,
                at=self.sight.now,
                breaker_id=button.breaker_id,
            )
        )
        await self.outcomes.tell(visit, receipt)
        if refused_in(receipt) is None:
            await visit.strip()
            state = self.sight.state.trading
            await visit.reply(
                notice(
                    self.sight.scene(visit.person), "Breaker re-armed", f"Trading is {state} now."
                )
            )

    async def resume(self, visit: Visit, text: str) -> None:
        """Run /resume with a scope: show what it lets go, and ask."""
        sight, scene = self.sight, self.sight.scene(visit.person)
        scope = self.scope(text)
        if scope is None:
            await self.trading.refuse(visit, UNKNOWN)
            return
        why = held_by(sight.state, scope)
        if not why and scope.key not in sight.state.restrictions:
            await visit.reply(notice(scene, "ACTIVE already", "Nothing there is held back."))
            return
        coded = needs_code(sight.state, visit.person.user_id)
        await visit.reply(scope_ask(scene, scope, why, needs_code=coded))

    async def go(self, visit: Visit, button: b.ScopeGo) -> None:
        """Let a scope trade again."""
        await visit.answer()
        scope = scope_meant(button.scope, self.sight.state.restrictions)
        if scope is None:
            scene = self.sight.scene(visit.person)
            await visit.reply(notice(scene, "ACTIVE already", "Nothing there is held back."))
            return
        receipt = await self.sight.console.send(
            c.SetTradingState(
                command_id=visit.command_id,
                actor=visit.person.actor,
                at=self.sight.now,
                scope=scope,
                trading=TradingState.ACTIVE,
            )
        )
        await self.outcomes.tell(visit, receipt)
        if refused_in(receipt) is None:
            await visit.strip()
            await self.told(visit, receipt)

    async def told(self, visit: Visit, receipt: Receipt) -> None:
        """Say what became of a scope, where the outbox does not say it."""
        events = [each for each in receipt.events if isinstance(each, TradingStateSet)]
        if events and not receipt.is_repeat and is_bound(self.sight, visit.chat_id):
            return
        scene = self.sight.scene(visit.person)
        if events:
            await visit.reply(scope_set(scope_view(scene, events[0], self.sight.state)))
            return
        refused = refused_in(receipt)
        sentence = refused.sentence if refused is not None else "Nothing changed."
        await visit.reply(notice(scene, "Halted already", sentence, sign=Sign.STOPPED))
