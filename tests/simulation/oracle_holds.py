"""The oracle's eye on what holds entries back: breakers and persons' scopes, by its own arithmetic.

A breaker goes only by a person's hand (7), warns once an incident, and no entry of its scope is
decided or leaves past it; nor past a scope that somebody holds back, from the moment it was said.
"""

from engine import events as e
from engine.commands import Actor, ActorKind
from engine.orders import Order
from engine.risk_limits import TradingState
from engine.scopes import Scope, ScopeKind
from tests.simulation.outside import OWNERS

COMMITTING_S = 0.005


class Holds:
    """Know what is latched and what is held back."""

    def __init__(self) -> None:
        self.breakers: dict[str, tuple[str, Scope]] = {}
        self.tripped_s: dict[str, float] = {}
        self.scopes: dict[Scope, TradingState] = {}
        self.said: dict[str, tuple[Scope, float]] = {}
        self.tripped: dict[str, int] = {}
        self._warned: set[tuple[str, Scope]] = set()
        self._taken: set[str] = set()

    def say(self, command_id: str, scope: Scope, at_s: float) -> None:
        """Note a scope in the moment in which the process hears that it is to be held back."""
        if command_id not in self._taken:
            self.said.setdefault(command_id, (scope, at_s))

    def forget_unheard(self) -> None:
        """Forget what died with whoever heard it."""
        self.said.clear()

    def take(self, event: e.Event, now_s: float) -> None:
        """Take in one durable event."""
        if event.command_id is not None:
            self._taken.add(event.command_id)
            self.said.pop(event.command_id, None)
        match event:
            case e.BreakerTripped(breaker_id=breaker_id, kind=kind, scope=scope):
                twice = [one for one in self.breakers.values() if one == (kind, scope)]
                is_manual = kind == "manual"
                assert is_manual or not twice, f"the breaker {kind} trips twice"
                assert is_manual or event.value >= event.limit > 0, f"{kind} trips below its limit"
                self.breakers[breaker_id] = (kind, scope)
                self.tripped_s[breaker_id] = now_s
                self.tripped[kind] = self.tripped.get(kind, 0) + 1
            case e.BreakerRearmed(breaker_id=breaker_id, actor=actor):
                _by_an_owner(actor, f"breaker {breaker_id} is re-armed")
                self._warned.discard(self.breakers[breaker_id])
                del self.breakers[breaker_id]
            case e.BreakerWarned(kind=kind, scope=scope):
                assert (kind, scope) not in self._warned, f"{kind} warns twice of one incident"
                assert event.value < event.limit, f"{kind} warns of what trips it"
                self._warned.add((kind, scope))
            case e.BreakerEased(kind=kind, scope=scope):
                assert (kind, scope) in self._warned, f"{kind} eases without a warning"
                self._warned.discard((kind, scope))
            case e.DayRolled():
                self._warned = {one for one in self._warned if one[0] != "daily_loss"}
            case e.TradingStateSet(scope=scope, trading=trading, actor=actor):
                before = self.scopes.get(scope, TradingState.ACTIVE)
                if trading.severity < before.severity:
                    _by_an_owner(actor, f"{scope.text} is let go")
                self.scopes[scope] = trading
            case e.TradingResumed():
                self.scopes.pop(Scope(), None)
            case _:
                return

    def assert_free(self, order: Order, what: str, now_s: float) -> None:
        """Object to an entry in a scope that is held back."""
        for name, (kind, scope) in self.breakers.items():
            # What leaves in the moment of the commit was checked before the loop went on from it.
            late = now_s - self.tripped_s[name] > COMMITTING_S
            assert not late or not _within(scope, order), f"I12: {what} past the breaker {kind}"
        for scope, trading in self.scopes.items():
            free = trading is TradingState.ACTIVE
            assert free or not _within(scope, order), f"I12: {what}, {scope.text} is {trading}"
        for name, (scope, at_s) in self.said.items():
            late = at_s < now_s and _within(scope, order)
            assert not late, f"I12: {what} after {name} held {scope.text} back"


def _within(scope: Scope, order: Order) -> bool:
    match scope.kind:
        case ScopeKind.GLOBAL:
            return True
        case ScopeKind.VENUE:
            return order.venue == scope.name
        case ScopeKind.STRATEGY:
            return order.strategy == scope.name
        case ScopeKind.SYMBOL:
            base = order.symbol.split("/")[0]
            return scope.name in (base, order.symbol, f"{order.venue}:{order.symbol}")


def _by_an_owner(actor: Actor, what: str) -> None:
    """Only an owner, or a program in the process, lets go; the engine by itself never."""
    is_owner = actor.kind is ActorKind.PERSON and actor.user_id in OWNERS
    is_ours = actor.kind in (ActorKind.PROGRAM, ActorKind.SHELL)
    assert is_owner or is_ours, f"I12: {what} by {actor.text}"
