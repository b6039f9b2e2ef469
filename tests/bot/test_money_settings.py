"""When a day begins and what counts as cash: read, refused with a sentence, and handed on."""

import pytest

from bot.money_settings import read_cash_currencies, read_day_starts
from bot.running import account_plan
from bot.settings import load_settings
from bot.variables import Variables


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
