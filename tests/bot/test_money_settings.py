"""When a day begins and what counts as cash: read, refused with a sentence, and handed on."""

from decimal import Decimal

import pytest

from bot.money_settings import read_cash_currencies, read_day_starts
from bot.running import account_plan
from bot.settings import SettingsError, load_settings
from bot.variables import Variables
from engine.scaling import ScalingPolicy


def test_both_reach_the_plan_of_the_account() -> None:
    environ = {"DAY_STARTS": "22:00", "CASH_CURRENCIES": "usdc, eur,USDC"}
    plan = account_plan(load_settings(environ, for_command="stop"))
    assert (plan.day_starts, plan.cash_currencies) == ("22:00", ("USDC", "EUR"))


def test_unset_a_day_begins_at_midnight_and_one_currency_is_cash() -> None:
    at = Variables({})
    assert (read_day_starts(at), read_cash_currencies(at), at.faults) == ("00:00", (), [])


@pytest.mark.parametrize(
    ("name", "value"), [("DAY_STARTS", "25:00"), ("CASH_CURRENCIES", "USDC;EUR")]
)
def test_what_is_neither_is_a_fault(name: str, value: str) -> None:
    at = Variables({name: value})
    read_day_starts(at), read_cash_currencies(at)
    (fault,) = at.faults
    assert fault.startswith(f"{name} is '{value}'")


def test_how_signals_are_sized_is_read_from_the_environment() -> None:
    written = {
        "SIGNAL_SIZE_PCT": "2.5",
        "CONFIDENCE_FULL": "0.9",
        "CONFIDENCE_LEAST": "0.5",
        "CONFIDENCE_PART": "0.4",
        "ADAPTIVE_SIZE": "yes",
        "ADAPTIVE_VOLATILITY_PCT": "5",
    }
    policy = load_settings(written, for_command="demo").scaling
    assert policy == ScalingPolicy(
        size_pct=Decimal("2.5"),
        full_from=Decimal("0.9"),
        part_from=Decimal("0.5"),
        part=Decimal("0.4"),
        adaptive=True,
        volatility_pct=Decimal(5),
    )
    assert load_settings({}, for_command="demo").scaling == ScalingPolicy()


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("CONFIDENCE_FULL", "1.1", "a number 0 to 1"),
        ("CONFIDENCE_FULL", "nan", "a number 0 to 1"),
        ("CONFIDENCE_PART", "0", "above 0"),
        ("CONFIDENCE_LEAST", "0.8", "above CONFIDENCE_FULL"),
        ("SIGNAL_SIZE_PCT", "0", "SIGNAL_SIZE_PCT"),
        ("ADAPTIVE_SIZE", "perhaps", "true or false"),
    ],
)
def test_a_size_that_cannot_be_is_refused(name: str, value: str, part: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({name: value}, for_command="demo")
    assert part in refused.value.faults[0]
