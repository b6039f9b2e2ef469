"""The script of a drill: what it asks of the paper venue, and what is refused."""

import pytest

from bot.drills import Drill, read_drills, scripted
from bot.settings import SettingsError, load_settings
from bot.variables import Variables
from engine.venues.faults import Fault, FaultKind, Operation

LATE = Fault(kind=FaultKind.LATE, delay_s=5.0)
HANGING = Fault(kind=FaultKind.HANGING)


def read(text: str) -> tuple[tuple[Drill, ...], list[str]]:
    at = Variables({"PAPER_FAULTS": text})
    return read_drills(at, is_paper=True), at.faults


def test_a_script_names_operations_faults_seconds_and_repeats() -> None:
    assert read("submit:ok*2, submit:hanging*10,SUBMIT:late:5,stream:dropped") == (
        (
            Drill(operation=Operation.SUBMIT, fault=None, count=2),
            Drill(operation=Operation.SUBMIT, fault=HANGING, count=10),
            Drill(operation=Operation.SUBMIT, fault=LATE),
            Drill(operation=Operation.STREAM, fault=Fault(kind=FaultKind.DROPPED)),
        ),
        [],
    )


def test_the_paper_venue_meets_the_faults_in_the_order_written() -> None:
    faults = scripted(read("submit:ok,submit:hanging*2,cancel:lost")[0], seed=1)

    submits = [faults.draw(Operation.SUBMIT) for _ in range(4)]

    assert submits == [None, HANGING, HANGING, None]
    assert faults.draw(Operation.CANCEL) == Fault(kind=FaultKind.LOST)
    assert faults.draw(Operation.LOOKUP) is None


def test_a_drill_says_at_the_start_that_it_is_one() -> None:
    at = Variables({"PAPER_FAULTS": "submit:lost"})

    read_drills(at, is_paper=True)

    assert at.warnings == [
        "PAPER_FAULTS is set: this is a drill, and the paper venue will misbehave."
    ]


def test_without_the_variable_there_is_no_drill_and_no_word_of_it() -> None:
    at = Variables({})

    assert (read_drills(at, is_paper=True), at.faults, at.warnings) == ((), [], [])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "hang",
            (
                "PAPER_FAULTS holds 'hang': write operation:fault, such as "
                "submit:hanging*10 or submit:late:5."
            ),
        ),
        (
            "submit:late:soon",
            (
                "PAPER_FAULTS holds 'submit:late:soon': write operation:fault, such as "
                "submit:hanging*10 or submit:late:5."
            ),
        ),
        (
            "trade:lost",
            (
                "PAPER_FAULTS holds 'trade:lost': operations are submit, cancel, lookup, fills, "
                "open_orders, snapshot or stream."
            ),
        ),
        (
            "submit:stale",
            (
                "PAPER_FAULTS holds 'submit:stale': a submit can be dropped, hanging, late, lost, "
                "refused, swallowed or ok."
            ),
        ),
        (
            "submit:lost:3",
            "PAPER_FAULTS holds 'submit:lost:3': only late takes seconds, as in submit:late:5.",
        ),
        ("submit:ok*0", "PAPER_FAULTS holds 'submit:ok*0': repeat it 1 to 1000 times."),
        ("submit:ok*1001", "PAPER_FAULTS holds 'submit:ok*1001': repeat it 1 to 1000 times."),
    ],
)
def test_a_script_that_cannot_be_followed_is_refused_with_its_sentence(
    text: str, sentence: str
) -> None:
    assert read(text) == ((), [sentence])


def test_nothing_is_drilled_beside_real_money() -> None:
    environ = {
        "TELEGRAM_BOT_TOKEN": "1:a",
        "OPERATORS": "1:owner",
        "EXECUTION_MODE": "live",
        "BINANCE_API_KEY": "k",
        "BINANCE_API_SECRET": "s",
        "PAPER_FAULTS": "submit:lost",
    }

    with pytest.raises(SettingsError, match="faults are drilled on paper only") as refused:
        load_settings(environ, for_command="run")

    assert len(refused.value.faults) == 1
