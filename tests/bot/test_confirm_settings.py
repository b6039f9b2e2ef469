"""CONFIRM_TIERS: what it means, and what it refuses with a sentence."""

from decimal import Decimal

import pytest

from bot.confirm_settings import EXAMPLE, read_tiers
from bot.settings import SettingsError, load_settings
from bot.variables import Variables
from engine.confirming import Confirmation, ConfirmMode, ConfirmPolicy, Measure, Tier


def tier(measure: str, step: str, over: str | None = None) -> Tier:
    number = None if over is None else Decimal(over)
    return Tier(measure=Measure(measure), confirmation=Confirmation(step), over=number)


@pytest.mark.parametrize(
    ("text", "tiers"),
    [
        ("", ()),
        (" , ,", ()),
        (
            EXAMPLE,
            (
                tier("equity", "tap", "2"),
                tier("leverage", "code", "3"),
                tier("equity", "second_person", "25"),
            ),
        ),
        ("notional 2000 typed", (tier("notional", "typed", "2000"),)),
        ("LIVE Second", (tier("live", "second_person"),)),
        ("live none", (tier("live", "none"),)),
        ("coin 25 tap", (tier("coin", "tap", "25"),)),
        ("confidence 0.75 code", (tier("confidence", "code", "0.75"),)),
        (
            "drift 20bps typed,drift 30 code",
            (tier("drift", "typed", "20"), tier("drift", "code", "30")),
        ),
    ],
)  # fmt: skip
def test_tiers_are_read_as_written(text: str, tiers: tuple[Tier, ...]) -> None:
    read = Variables({"CONFIRM_TIERS": text})
    assert read_tiers(read) == tiers
    assert read.faults == []


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("price 2% tap", "begin with notional, equity"),
        ("equity tap", "write equity 25% and one of none, tap, typed, code or second"),
        ("equity 2% twice", "and one of none, tap"),
        ("live 2% tap", "write live and one of"),
        ("equity -1% tap", "give a number of 0 or more, such as 25%"),
        ("equity nan tap", "give a number"),
        ("equity 2x tap", "give a number"),
        ("leverage 3% tap", "such as 3x"),
        ("confidence 1.1 tap", "such as 0.6"),
        ("equity 1e3 tap", "give a number"),
        ("equity ٣ tap", "give a number"),
        ("drift 20bps tap", "can ask for typed or code"),
        ("drift 20bps second", "can ask for typed or code"),
        ("equity 2% tap, equity 2% code", "stands twice"),
        (", ".join(f"equity {n}% tap" for n in range(21)), "at most 20"),
    ],
)
def test_what_means_nothing_is_refused_with_what_would_be_taken(text: str, part: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({"CONFIRM_TIERS": text}, for_command="demo")
    (fault,) = refused.value.faults
    assert fault.startswith("CONFIRM_TIERS h")
    assert part in fault


def test_every_fault_of_one_list_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({"CONFIRM_TIERS": "price 2 tap, equity x tap"}, for_command="demo")
    assert len(refused.value.faults) == 2


def test_a_tap_tier_takes_the_place_of_the_usual_one_and_a_heavier_one_adds() -> None:
    settings = load_settings(
        {"CONFIRM_TIERS": "equity 5% tap, leverage 3x code"}, for_command="demo"
    )
    policy = ConfirmPolicy(mode=ConfirmMode.RISKY, tiers=settings.confirm_tiers)
    in_force = [
        (each.measure.value, each.confirmation.value, each.over) for each in policy.tiers_in_force()
    ]
    assert in_force == [
        ("leverage", "tap", Decimal(1)),
        ("live", "tap", None),
        ("confidence", "tap", Decimal("0.6")),
        ("equity", "tap", Decimal(5)),
        ("leverage", "code", Decimal(3)),
    ]
