"""The tool of `make mutation` counts what it should, and changes no meaning before it mutates."""

import importlib.util
from pathlib import Path

import pytest

from tests.mutation.results import Noted, changed_lines, read, score_of, survivors, table, write
from tests.mutation.rewriting import opened

SOURCE = """
class Side:
    value: int

    @property
    def sign(self) -> int:
        \"\"\"Give +1 or -1.\"\"\"
        return 1 if self.value > 0 else -1

    @property
    def opposite(self) -> "Side":
        return Side()

    @staticmethod
    def name() -> str:
        return "side"
"""


def test_a_property_is_written_as_a_method_and_means_the_same(tmp_path: Path) -> None:
    text = opened(SOURCE)
    assert "@property" not in text
    assert "@staticmethod" in text
    written = tmp_path / "side.py"
    written.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("side", written)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    side = module.Side()
    for value, sign in ((5, 1), (-5, -1)):
        side.value = value
        assert side.sign == sign
    assert isinstance(side.opposite, module.Side)
    assert isinstance(module.Side.sign, property)


def test_what_is_opened_twice_changes_no_more() -> None:
    assert opened(opened(SOURCE)) == opened(SOURCE)


NAMES = ("m.x_f__mutmut_1", "m.x_f__mutmut_2", "m.x_f__mutmut_3", "m.x_f__mutmut_4")
FOUND = {NAMES[0]: "killed", NAMES[1]: "survived", NAMES[2]: "out of time"}


def test_what_no_test_runs_has_survived_and_what_was_not_tried_counts_nowhere() -> None:
    score = score_of("m.py", NAMES, FOUND | {NAMES[3]: "no tests"})
    assert (score.mutants, score.killed, score.survived, score.percent) == (4, 2, 2, 50.0)
    score = score_of("m.py", NAMES, FOUND)
    assert (score.mutants, score.killed, score.survived) == (4, 2, 1)
    assert score.percent == pytest.approx(66.7, abs=0.1)
    assert table([score])[1].endswith("66.7%  (1 not tried)")
    assert survivors(NAMES, FOUND | {NAMES[3]: "no tests"}) == [NAMES[1], NAMES[3]]


def test_a_run_goes_on_where_it_ended_but_not_over_a_source_that_changed(tmp_path: Path) -> None:
    noted = {"m.py": Noted(digest="a", names=NAMES)}
    write(tmp_path, noted, {NAMES[0]: "killed"})
    # given what a trial noted before it was interrupted
    (tmp_path / "outcomes.txt").write_text(f"{NAMES[2]} out of time\n", encoding="utf-8")
    assert read(tmp_path, noted) == {NAMES[0]: "killed", NAMES[2]: "out of time"}
    assert read(tmp_path, {"m.py": Noted(digest="b", names=NAMES)}) == {}
    assert read(tmp_path / "elsewhere", noted) == {}


def test_a_survivor_is_shown_with_the_line_that_it_changes() -> None:
    mutated = """
def x_f__mutmut_orig(a):
    b = a + 1
    return b
def x_f__mutmut_1(a):
    b = a - 1
    return b
"""
    assert list(changed_lines(mutated, [NAMES[0]])) == [f"{NAMES[0]}: -b = a + 1  +b = a - 1"]
