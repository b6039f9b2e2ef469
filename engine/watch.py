"""The watch: looks at every new quote for a reached stop or target, or a limit in danger."""

from collections.abc import Callable
from decimal import Decimal

from engine import commands as c
from engine.exits import follow, reached, trigger_price
from engine.portfolio import valuation
from engine.ports import Clock, Quotes
from engine.positions import Position
from engine.protection import is_covered
from engine.quotes import Quote
from engine.state import State

EQUITY_EVERY_S = 1.0
EQUITY_AGE_MAX_S = 90
TRIGGER_AGAIN_S = 2.0
TRIGGER_AGAIN_MAX_S = 30.0
VENUE_FILLS_S = 3.0


class Watch:
    """Turn quotes into TriggerExit and SampleEquity commands. Never waits for anything."""

    def __init__(
        self,
        *,
        quotes: Quotes,
        clock: Clock,
        state: Callable[[], State],
        post: Callable[[c.Command], None],
    ) -> None:
        """Wire the watch; it begins with `start`."""
        self._quotes = quotes
        self._clock = clock
        self._state = state
        self._post = post
        self._tried_s: dict[str, tuple[int, float]] = {}
        self._left_s: dict[str, float] = {}
        self._equity_at_s = 0.0

    def start(self) -> None:
        """Listen to the quotes."""
        self._quotes.subscribe(self.see)

    def see(self, quote: Quote) -> None:
        """Look at one new quote."""
        state = self._state()
        if state.journal is None:
            return
        position = state.positions.get(f"{quote.venue}:{quote.symbol}")
        if position is not None:
            self._exits(position, quote)
            self._follow(position, quote)
        self._limits(state)

    def _exits(self, position: Position, quote: Quote) -> None:
        leg = reached(position, quote)
        if leg is None:
            self._left_s.pop(position.key, None)
            return
        if leg.leg == "stop" and self._is_left(position, quote):
            return
        name = f"{position.position_id}:{leg.leg}:{leg.price}"
        tries, last_s = self._tried_s.get(name, (0, 0.0))
        now = self._clock.monotonic()
        pause_s = min(TRIGGER_AGAIN_MAX_S, TRIGGER_AGAIN_S * 2 ** min(tries, 4))
        if tries and now - last_s < pause_s:
            return
        self._tried_s = {**self._tried_s, name: (tries + 1, now)}
        self._forget()
        self._post(
            c.TriggerExit(
                command_id=f"exit:{name}:{quote.at.isoformat()}",
                actor=c.ENGINE,
                at=self._clock.now(),
                position_id=position.position_id,
                leg=leg.leg,
                price=leg.price,
                quote=quote,
            )
        )

    def _follow(self, position: Position, quote: Quote) -> None:
        """Let a stop follow the price; the plan of most positions says nothing of that."""
        if not position.plan.follows:
            return
        if follow(position, quote, self._quotes.instruments().get(position.key)) is None:
            return
        self._post(
            c.FollowStop(
                command_id=f"follow:{position.position_id}:{quote.at.isoformat()}",
                actor=c.ENGINE,
                at=self._clock.now(),
                position_id=position.position_id,
                quote=quote,
            )
        )

    def _is_left(self, position: Position, quote: Quote) -> bool:
        """Tell whether a reached stop is left to the venue, where it rests for all that is held.

        Not for long: what should have filled by now, and has not, is closed from here.
        """
        price = trigger_price(position, quote)
        if not is_covered(self._state(), position, price, self._quotes.instruments()):
            return False
        now = self._clock.monotonic()
        return now - self._left_s.setdefault(position.key, now) < VENUE_FILLS_S

    def _forget(self) -> None:
        """Keep only what concerns positions that are still open."""
        held = {position.position_id for position in self._state().positions.values()}
        self._tried_s = {
            name: tried for name, tried in self._tried_s.items() if name.partition(":")[0] in held
        }

    def _limits(self, state: State) -> None:
        """Ask for a measurement when a limit has reached its warning, or nobody else has asked."""
        now = self._clock.monotonic()
        if now - self._equity_at_s < EQUITY_EVERY_S or state.equity is None:
            return
        self._equity_at_s = now
        worth = valuation(state, self._quotes.latest())
        if worth is None:
            return
        equity, limits = state.equity, state.limits
        now_worth = equity.priced(worth.equity)
        lost, loss_limit = now_worth.day_loss_pct, limits.daily_loss_pct_max
        sunk, sink_limit = now_worth.drawdown_pct, limits.drawdown_pct_max
        latched = {breaker.kind for breaker in state.breakers.values()}
        unmeasured_s = (self._clock.now() - equity.at).total_seconds()
        if (
            unmeasured_s > EQUITY_AGE_MAX_S
            or self._near("daily_loss", lost, loss_limit, latched)
            or self._near("drawdown", sunk, sink_limit, latched)
        ):
            self._post(
                c.SampleEquity(
                    command_id=f"watch:{self._clock.now().isoformat()}",
                    actor=c.ENGINE,
                    at=self._clock.now(),
                )
            )

    def _near(self, kind: str, value: Decimal, limit: Decimal, latched: set[str]) -> bool:
        """Tell whether a limit must be judged now: reached, or warned about for the first time."""
        if kind in latched:
            return False
        state = self._state()
        return value >= limit or (
            kind not in state.warned and value >= limit * state.limits.warn_share
        )
