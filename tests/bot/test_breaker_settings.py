"""The environment says when breakers trip, and what it says is obeyed or refused in a sentence."""

import re
from dataclasses import fields
from decimal import Decimal

import pytest

from bot.breaker_settings import read_breakers
from bot.running import account_plan
from bot.settings import SettingsError, load_settings
from bot.variables import Variables
from engine.breaker_limits import BreakerLimits
from engine.breakers import BREAKERS
from engine.risk_limits import TradingState
from engine.scopes import ScopeKind
from tests.house.sources import ROOT

SET = {
    "BREAKER_LOSSES": ("7", "losses_max", 7),
    "BREAKER_FAILURES": ("8", "failures_max", 8),
    "BREAKER_REJECT_PCT": ("33.3", "reject_pct_max", Decimal("33.3")),
    "BREAKER_REJECT_WINDOW_S": ("61", "reject_window_s", 61),
    "BREAKER_UNKNOWN_ORDERS": ("2", "unknown_orders_max", 2),
    "BREAKER_BOOKS_S": ("90", "mismatch_s_max", 90),
    "BREAKER_STALE_S": ("30", "stale_s_max", 30),
    "BREAKER_VENUE_ERRORS_PCT": ("80", "venue_errors_pct_max", Decimal(80)),
    "BREAKER_VENUE_ERRORS_WINDOW_S": ("120", "venue_errors_window_s", 120),
    "BREAKER_SLIPPAGE_PCT": ("2", "slippage_pct_max", Decimal(2)),
    "BREAKER_SLIPPAGE_WARN_PCT": ("0.25", "slippage_pct_warn", Decimal("0.25")),
    "BREAKER_SLIPPAGE_WINDOW_S": ("86400", "slippage_window_s", 86400),
    "BREAKER_COOLDOWN_S": ("10", "cooldown_s", 10),
    "BREAKER_CLEAR_MINUTES": ("60", "clear_after_s", 3600),
}
KEYS = {"TELEGRAM_BOT_TOKEN": "1:a", "OPERATORS": "4242:owner"}


@pytest.mark.parametrize("name", SET)
def test_each_variable_sets_its_limit_and_no_other(name: str) -> None:
    text, field, value = SET[name]
    read = Variables({name: text})
    limits = read_breakers(read)
    assert read.faults == []
    changed = {
        each.name: getattr(limits, each.name)
        for each in fields(BreakerLimits)
        if getattr(limits, each.name) != getattr(BreakerLimits(), each.name)
    }
    assert changed == {field: value}


def test_what_is_set_reaches_the_engine() -> None:
    environ = KEYS | {name: text for name, (text, _, _) in SET.items()}
    limits = account_plan(load_settings(environ, for_command="run")).limits.breakers
    for _, field, value in SET.values():
        assert getattr(limits, field) == value


def test_the_example_file_states_the_defaults() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    stated = dict(re.findall(r"^# (BREAKER_\w+)=(\S+)$", example, re.MULTILINE))
    assert stated.keys() == SET.keys()
    assert read_breakers(Variables(stated)) == BreakerLimits()


def test_the_page_of_breakers_states_the_defaults() -> None:
    page = (ROOT / "docs/breakers.md").read_text(encoding="utf-8")
    stated = dict(re.findall(r"`(BREAKER_\w+)`, ([\d.]+\d|\d)", page))
    assert stated.keys() == SET.keys() - {"BREAKER_CLEAR_MINUTES"}
    assert read_breakers(Variables(stated)) == BreakerLimits()


def test_the_page_names_every_breaker_and_what_it_does() -> None:
    page = (ROOT / "docs/breakers.md").read_text(encoding="utf-8")
    rows = {row.split("|")[1].strip(): row for row in page.splitlines() if row.startswith("| ")}
    for spec in BREAKERS:
        word = "Halted" if spec.action is TradingState.HALTED else "Only exits"
        assert f"| {word} |" in rows[spec.name]
        scope = "everything" if spec.scope is ScopeKind.GLOBAL else f"that {spec.scope}"
        assert f"| {scope} |" in rows[spec.name]


@pytest.mark.parametrize(
    ("environ", "fault"),
    [
        ({"BREAKER_LOSSES": "0"}, "BREAKER_LOSSES is '0': give a whole number from 1 to 1000"),
        ({"BREAKER_LOSSES": "2.5"}, "BREAKER_LOSSES is '2.5'"),
        ({"BREAKER_STALE_S": "9"}, "BREAKER_STALE_S is '9': give a whole number from 10 to 86400"),
        ({"BREAKER_REJECT_PCT": "NaN"}, "BREAKER_REJECT_PCT is 'NaN': give a percentage"),
        ({"BREAKER_REJECT_PCT": "0"}, "BREAKER_REJECT_PCT is '0'"),
        ({"BREAKER_CLEAR_MINUTES": "-1"}, "BREAKER_CLEAR_MINUTES is '-1'"),
        ({"BREAKER_SLIPPAGE_WARN_PCT": "1"}, "is 1, which is not below BREAKER_SLIPPAGE_PCT (1)"),
        ({"BREAKER_SLIPPAGE_PCT": "0.5"}, "is 0.5, which is not below BREAKER_SLIPPAGE_PCT (0.5)"),
    ],
)
def test_a_wrong_one_is_refused_in_a_sentence(environ: dict[str, str], fault: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(KEYS | environ, for_command="run")
    assert [each for each in refused.value.faults if fault in each]
