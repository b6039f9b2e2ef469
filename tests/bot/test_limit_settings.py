"""Limits from the environment: each is read, obeyed as a ceiling, and documented."""

import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from bot.running import account_plan
from bot.settings import SettingsError, load_settings
from engine import commands as c
from engine import events as e
from engine.limits import BREAKERS, LIMITS, Limit, fault_in, value_of, with_value
from engine.risk_limits import RiskLimits
from tests.engine.desk import Desk

ROOT = Path(__file__).resolve().parents[2]
REQUIRED = {"TELEGRAM_BOT_TOKEN": "1:a", "OPERATORS": "4242:owner"}
USUAL = RiskLimits()


def read(environ: dict[str, str]) -> RiskLimits:
    """Give the limits that the engine is started with under an environment."""
    return account_plan(load_settings(REQUIRED | environ, for_command="run")).limits


def test_an_empty_environment_gives_the_defaults() -> None:
    assert read({}) == USUAL


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.variable)
def test_every_variable_is_read_into_its_limit_alone_and_is_a_ceiling(limit: Limit) -> None:
    # Given a value beside the default, that its range takes.
    usual = value_of(USUAL, limit)
    given = usual + (-1 if usual > limit.low + 1 else Decimal(1) if limit.is_whole else CENT)
    # When the environment gives it.
    limits = read({limit.variable: f"{given}"})
    # Then it is the limit, nothing else is another, and what is riskier is refused.
    assert limits == with_value(USUAL, limit, given)
    riskier = given - 1 if limit.is_floor else given + 1
    desk = Desk(limits=limits)
    (event,) = desk.give(c.ChangeLimit, name=limit.name, value=riskier)
    assert isinstance(event, e.CommandRefused)
    assert f"by {limit.variable}." in event.sentence
    assert fault_in(limit, given, limits) is None


CENT = Decimal("0.01")


@pytest.mark.parametrize("value", ["0", "-1", "x", "1e3", "10001"])
@pytest.mark.parametrize("name", ["MAX_ORDER_PCT", "MAX_GROSS_PCT", "MAX_LEVERAGE"])
def test_what_is_out_of_range_is_a_fault_with_the_range(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(REQUIRED | {name: value}, for_command="run")
    (fault,) = caught.value.faults
    assert fault.startswith(f"{name} is '{value}': give a number from ")


def test_the_demo_obeys_the_same_variables() -> None:
    settings = load_settings({"MAX_LEVERAGE": "2", "BREAKER_LOSSES": "3"}, for_command="demo")
    assert settings.limits.leverage_max == Decimal(2)
    assert settings.limits.breakers.losses_max == 3


def test_the_example_file_states_every_limit_with_its_default() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    stated = dict(re.findall(r"^# ([A-Z_]+)=(\S+)$", example, re.MULTILINE))
    for limit in LIMITS:
        assert Decimal(stated[limit.variable]) == value_of(USUAL, limit), limit.variable


def test_the_documentation_has_every_limit_with_its_name_default_and_variable() -> None:
    told = (ROOT / "docs" / "risk.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| [^|]+ \| `([a-z]+)` \| ([^|]+ \| `[A-Z_]+`)", told, re.MULTILINE))
    assert rows == {
        limit.name: f"{limit.text(value_of(USUAL, limit))} | `{limit.variable}`" for limit in LIMITS
    }


def test_a_ceiling_finer_than_the_chat_types_can_be_returned_to() -> None:
    fine = Decimal("123.456")
    limits = read({"MAX_GROSS_PCT": f"{fine}"})
    desk = Desk(limits=limits)
    desk.give(c.ChangeLimit, name="gross", value=Decimal(100))
    assert desk.state.limits.gross_pct_max == Decimal(100)
    desk.give(c.ChangeLimit, name="gross", value=fine)
    assert desk.state.limits == replace(USUAL, gross_pct_max=fine)


def test_every_breaker_that_has_a_limit_of_its_own_keeps_its_variable() -> None:
    source = (ROOT / "bot" / "breaker_settings.py").read_text(encoding="utf-8")
    for limit in BREAKERS:
        assert f'"{limit.variable}"' in source
