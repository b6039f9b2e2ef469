"""Scopes: read, named in a button, covered; no text after STOP is ever more than it says."""

from hypothesis import given
from hypothesis import strategies as st

from bot.parsing.scopes import scope_of
from bot.views.scopes import scope_meant, token_of
from engine.markets.catalogue import catalogue
from engine.scopes import EVERYWHERE, Scope, ScopeKind, keys_over, scope_at
from tests.engine.desk import Desk, signal

INSTRUMENTS = catalogue("binance")
DESK = Desk()
DESK.order(signal(quantity="0.001", strategy="Break-out", confidence=0.9))
WORDS = st.sampled_from(
    ["btc", "BTC/USDT", "ethusdt", "binance", "kraken", "strategy", "break-out", "venue", "all"]
)
TEXTS = st.one_of(st.text(), st.lists(st.one_of(WORDS, st.text(max_size=5))).map(" ".join))
NAMES = st.one_of(st.text(min_size=1), st.sampled_from(["BTC", "BTC/USDT", "binance:BTC/USDT"]))
SCOPES = st.one_of(
    st.just(EVERYWHERE), st.builds(Scope, kind=st.sampled_from(list(ScopeKind)[1:]), name=NAMES)
)


@given(TEXTS)
def test_any_text_after_stop_is_a_scope_that_is_there_or_everything(text: str) -> None:
    scope = scope_of(text, DESK.state, INSTRUMENTS)
    if scope is None:
        return
    known = [
        ("binance", each.symbol, strategy)
        for each in INSTRUMENTS.values()
        for strategy in ("manual", "Break-out")
    ]
    assert any(scope.covers(*one) for one in known), "a scope that stops nothing is no stop"


@given(SCOPES)
def test_a_scope_reads_back_from_its_key_and_covers_by_it_alone(scope: Scope) -> None:
    assert scope_at(scope.key) == scope
    for at in (("binance", "BTC/USDT", "manual"), ("kraken", "ETH/USDT:USDT", "x")):
        assert scope.covers(*at) is (scope.key in keys_over(*at))


@given(SCOPES, st.lists(SCOPES))
def test_a_button_means_the_scope_it_was_made_for(scope: Scope, others: list[Scope]) -> None:
    keys = [each.key for each in [*others, scope]]
    assert scope_meant(token_of(scope), keys) == scope
