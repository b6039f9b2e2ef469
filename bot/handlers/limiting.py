"""Limiting: the limits shown, and changed by owners; what is riskier is asked first."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, assert_never

from bot import callbacks as b
from bot.handlers.codes import Codes
from bot.handlers.notices import notice
from bot.handlers.outcomes import refused_in
from bot.handlers.trading import Trading
from bot.handlers.visits import Sight, Visit
from bot.parsing.limits import limit_wish
from bot.parsing.refusals import Refusal
from bot.screens import limit_cards as screens
from bot.screens.layout import Screen, Sign
from bot.views.limits import LimitView, limit_view, limits_view
from engine import commands as c
from engine.decide.factors import needs_code
from engine.limits import Limit, fault_in, limit_named
from engine.receipts import Receipt

LimitButton = (
    b.LimitsShow
    | b.LimitOpen
    | b.LimitType
    | b.LimitAsk
    | b.LimitSet
    | b.LimitApprove
    | b.LimitReject
)
NO_LIMIT: Final = "There is no such limit here. This tap did nothing."
OVER: Final = "That change waits no more. This tap did nothing."
LIST_WORDS: Final = ("limits", "all", "list")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limiting:
    """Show limits and change them."""

    sight: Sight
    trading: Trading
    codes: Codes

    async def command(self, visit: Visit, text: str) -> None:
        """Run /risk with a limit's name: show its card, or change it to the value behind it."""
        if text.strip().casefold() in LIST_WORDS:
            await visit.reply(self._list(visit, 0))
            return
        wish = limit_wish(text)
        if isinstance(wish, Refusal):
            await self.trading.refuse(visit, wish)
            return
        view = self._view(visit, wish.limit)
        if wish.value is None:
            await visit.reply(screens.limit(view))
            return
        await self._typed(visit, view, wish.value)

    async def _typed(self, visit: Visit, view: LimitView, value: Decimal) -> None:
        """Change it at once where it is safer; ask first where it is riskier and allowed."""
        limit = view.limit
        is_allowed = fault_in(limit, value, self.sight.state.ceilings) is None
        if is_allowed and limit.is_riskier(value, view.value):
            await visit.reply(screens.raise_ask(view, value))
            return
        receipt = await self._changed(visit, limit, value, None)
        refused = refused_in(receipt)
        if refused is not None:
            scene = self.sight.scene(visit.person)
            await visit.reply(
                notice(scene, "Limit not changed", refused.sentence, sign=Sign.STOPPED)
            )
            return
        await visit.reply(screens.limit(self._view(visit, limit)))

    async def tapped(self, visit: Visit, button: LimitButton) -> None:
        """Run a tap on a limit's buttons."""
        match button:
            case b.LimitsShow(number=number):
                await self._shown(visit, self._list(visit, number))
            case b.LimitOpen() | b.LimitType() | b.LimitAsk() | b.LimitSet():
                limit = limit_named(button.name)
                if limit is None:
                    await visit.answer(NO_LIMIT, alert=True)
                    return
                await self._on_limit(visit, button, limit)
            case b.LimitApprove() | b.LimitReject():
                await self._decide(visit, button)
            case _:
                assert_never(button)

    async def _on_limit(
        self,
        visit: Visit,
        button: b.LimitOpen | b.LimitType | b.LimitAsk | b.LimitSet,
        limit: Limit,
    ) -> None:
        view = self._view(visit, limit)
        match button:
            case b.LimitOpen():
                await self._shown(visit, screens.limit(view))
            case b.LimitType():
                await self._shown(visit, screens.typing(view))
            case b.LimitAsk(value=value, before=before):
                if before != view.value:
                    await visit.answer(_stale(limit, view.value, before), alert=True)
                    await visit.edit(screens.limit(view))
                    return
                await self._shown(visit, screens.raise_ask(view, value))
            case b.LimitSet():
                await self._set(visit, button, view)
            case _:
                assert_never(button)

    async def _set(self, visit: Visit, button: b.LimitSet, view: LimitView) -> None:
        limit, person = view.limit, visit.person
        is_riskier = limit.is_riskier(button.value, view.value) and button.before == view.value
        if is_riskier and view.coded and not person.with_code:
            text = f"{limit.title} {limit.text(button.value)}, {limit.text(view.value)} now."
            await self.codes.ask(visit, button, what=text)
            return
        receipt = await self._changed(visit, limit, button.value, button.before)
        await self._told(visit, limit, receipt)

    async def _decide(self, visit: Visit, button: b.LimitApprove | b.LimitReject) -> None:
        """Say yes or no to what waits."""
        sight, person = self.sight, visit.person
        waiting = next(
            (
                each
                for each in sight.state.limits_proposed.values()
                if each.proposal_id == button.proposal_id
            ),
            None,
        )
        limit = limit_named(waiting.name) if waiting is not None else None
        if waiting is None or limit is None:
            await visit.answer(OVER, alert=True)
            await visit.strip()
            return
        approves = isinstance(button, b.LimitApprove)
        is_second = waiting.user_id != person.user_id
        has_factor = needs_code(sight.state, person.user_id)
        if approves and is_second and has_factor and not person.with_code:
            what = f"{limit.title} {limit.text(waiting.after)}, {waiting.by} asked."
            await self.codes.ask(visit, button, what=what, until=waiting.expires_at)
            return
        kind = c.ApproveLimit if approves else c.RejectLimit
        receipt = await sight.console.send(
            kind(
                command_id=visit.command_id,
                actor=person.actor,
                at=sight.now,
                proposal_id=button.proposal_id,
            )
        )
        await self._told(visit, limit, receipt)

    async def _changed(
        self, visit: Visit, limit: Limit, value: Decimal, before: Decimal | None
    ) -> Receipt:
        return await self.sight.console.send(
            c.ChangeLimit(
                command_id=visit.command_id,
                actor=visit.person.actor,
                at=self.sight.now,
                name=limit.name,
                value=value,
                before=before,
            )
        )

    async def _told(self, visit: Visit, limit: Limit, receipt: Receipt) -> None:
        """Answer the tap, and show on its card what the limit is now."""
        refused = refused_in(receipt)
        if refused is not None and visit.update.is_tap:
            await visit.answer(f"{refused.sentence} This tap did nothing.", alert=True)
        elif refused is not None:
            await visit.reply_text(refused.sentence)
        await visit.answer()
        await visit.edit(screens.limit(self._view(visit, limit)))

    async def _shown(self, visit: Visit, screen: Screen) -> None:
        await visit.answer()
        await visit.edit(screen)

    def _list(self, visit: Visit, number: int) -> Screen:
        sight, scene = self.sight, self.sight.scene(visit.person)
        return screens.limits(
            limits_view(scene, number, sight.state, sight.quotes, sight.instruments)
        )

    def _view(self, visit: Visit, limit: Limit) -> LimitView:
        sight, scene = self.sight, self.sight.scene(visit.person)
        return limit_view(scene, limit, sight.state, sight.quotes, sight.instruments)


def _stale(limit: Limit, now: Decimal, shown: Decimal) -> str:
    return (
        f"{limit.title} is {limit.text(now)} by now, not {limit.text(shown)}. This tap did nothing."
    )
