"""DEAD_MAN_S: where it is read, refused with a sentence, and when an account wants its timer."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.live import StateLater
from bot.settings import SettingsError, load_settings
from engine import commands as c
from engine.external import ExternalOrder
from engine.orders import OrderSide
from tests.engine.desk import LIMITS, Desk, signal

LIVE = {"EXECUTION_MODE": "live"}
WIDE = replace(LIMITS, order_notional_pct_max=Decimal(1000))
NONE_AT_BYBIT = (
    "DEAD_MAN_S is set, but bybit has no timer that cancels orders: only okx, kraken and htx have "
    "one. Set BYBIT_DEAD_MAN_S=0."
)
ON_PAPER = (
    "OKX_DEAD_MAN_S is set, but no real venue is traded at on paper: take it out, or trade live."
)
KEYS = {
    "OKX": {"OKX_API_KEY": "k", "OKX_API_SECRET": "s", "OKX_API_PASSWORD": "p"},
    "KRAKEN": {"KRAKEN_API_KEY": "k", "KRAKEN_API_SECRET": "s"},
    "BYBIT": {"BYBIT_API_KEY": "k", "BYBIT_API_SECRET": "s"},
}


def timers(changes: dict[str, str], *venues: str) -> dict[str, int | None]:
    keys = {name: value for venue in venues for name, value in KEYS[venue].items()}
    settings = load_settings(
        {"VENUES": ",".join(venues), **LIVE, **keys, **changes}, for_command="stop"
    )
    return {each.venue: each.dead_man_s for each in settings.venues}


def test_it_is_off_by_default_and_read_for_all_venues_or_one() -> None:
    assert timers({}, "OKX", "KRAKEN") == {"okx": None, "kraken": None}
    assert timers({"DEAD_MAN_S": "60"}, "OKX", "KRAKEN") == {"okx": 60, "kraken": 60}
    assert timers({"DEAD_MAN_S": "60", "OKX_DEAD_MAN_S": "10"}, "OKX", "KRAKEN") == {
        "okx": 10,
        "kraken": 60,
    }
    assert timers({"DEAD_MAN_S": "120", "BYBIT_DEAD_MAN_S": "0"}, "OKX", "BYBIT") == {
        "okx": 120,
        "bybit": None,
    }


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"DEAD_MAN_S": "60"}, NONE_AT_BYBIT),
        ({"BYBIT_DEAD_MAN_S": "60"}, f"BYBIT_{NONE_AT_BYBIT}"),
        (
            {"OKX_DEAD_MAN_S": "9"},
            "OKX_DEAD_MAN_S is '9': give a whole number from 10 to 120, for example 60.",
        ),
        ({"OKX_DEAD_MAN_S": "60", "EXECUTION_MODE": "paper"}, ON_PAPER),
    ],
)
def test_what_it_cannot_be_is_refused_with_a_sentence(
    changes: dict[str, str], sentence: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        timers(changes, "OKX", "BYBIT")
    assert sentence in caught.value.faults


# --- when an account wants its timer


def wants(desk: Desk, *, holds_lease: bool = True) -> bool:
    later = StateLater()
    later.read = lambda: desk.state
    later.holds_lease = lambda: holds_lease
    return later.only_entries("binance")


def resting() -> Desk:
    desk = Desk(limits=WIDE)
    desk.order(signal("eth", quantity="0.1", price_limit="3000"))
    return desk


def test_it_runs_for_an_entry_that_rests_and_not_without_one_or_without_the_lease() -> None:
    desk = resting()
    assert wants(desk)
    assert not wants(Desk())
    assert not wants(desk, holds_lease=False)
    assert not StateLater(read=lambda: desk.state).only_entries("binance")


def test_it_does_not_run_for_the_entries_of_another_venue() -> None:
    later = StateLater()
    later.read, later.holds_lease = (lambda: resting().state), lambda: True
    assert not later.only_entries("okx")


def test_it_never_runs_beside_an_exit_that_rests() -> None:
    desk = resting()
    desk.hold("BTC/USDT", "0.01", "61240")
    assert wants(desk)
    desk.give(c.SubmitSignal, signal=signal("btc", "sell", price_limit="70000"), venue="binance")
    assert not wants(desk)


def test_it_never_runs_beside_an_order_that_is_not_from_here() -> None:
    desk = resting()
    theirs = ExternalOrder(
        venue="binance",
        venue_order_id="theirs",
        client_order_id=None,
        symbol="SOL/USDT",
        side=OrderSide.SELL,
        quantity=Decimal(1),
        filled=Decimal(0),
        price_trigger=Decimal(100),
    )
    assert wants(desk)
    desk.state = replace(desk.state, external_orders={"binance": (theirs,)})
    assert not wants(desk)
