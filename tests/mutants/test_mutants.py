"""Every mutant still fits the source that it was written for."""

from collections import Counter
from pathlib import Path

import pytest

from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import PROMISES, Edit, Mutant, OriginalGone, behaviour, planted
from tests.mutants.objection import first_of, promise_of
from tests.mutants.results import BEGIN, END, Row, lines, put_into, read, write
from tests.mutants.tree import ROOT, mutated
from tests.mutants.trial import Simulated, Suited, simulated

# No client of a live venue exists yet that paper could touch; its mutant comes with the adapter.
WITHOUT_MUTANT = {"I17"}


def example(*edits: Edit) -> Mutant:
    return Mutant(name="example", breaks="I1", mistake="none", edits=edits, suites=())


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_applies_compiles_and_changes_what_the_code_does(mutant: Mutant) -> None:
    assert mutant.edits
    for path in mutant.paths:
        # given the source as it is today
        text = (ROOT / path).read_text(encoding="utf-8")
        # when the mistake is planted
        changed = planted(text, mutant, path)
        # then it is Python still, and does something else
        compile(changed, path, "exec")
        assert behaviour(changed) != behaviour(text)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_suites_that_should_catch_a_mutant_exist(mutant: Mutant) -> None:
    assert mutant.suites
    assert [suite for suite in mutant.suites if not (ROOT / suite).is_file()] == []


def test_names_are_unique_and_every_promise_is_broken_by_somebody() -> None:
    names = Counter(mutant.name for mutant in MUTANTS)
    assert [name for name, count in names.items() if count > 1] == []
    broken = {mutant.breaks for mutant in MUTANTS}
    assert PROMISES - broken == WITHOUT_MUTANT
    others = [name for name in broken - PROMISES if not name.startswith(("DESIGN", "EXECUTION"))]
    assert others == []


def test_a_mutant_whose_text_is_gone_or_stands_there_twice_fails_loudly() -> None:
    edit = Edit(path="a.py", original="one()\n", replacement="two()\n")
    for text in ("three()\n", "one()\none()\n"):
        with pytest.raises(OriginalGone, match=r"example: a\.py has 'one\(\)'"):
            planted(text, example(edit), "a.py")
    assert planted("one()\n", example(edit), "a.py") == "two()\n"
    # and another file's edit leaves a text alone
    assert planted("one()\n", example(edit), "b.py") == "one()\n"


def test_a_comment_or_a_docstring_is_no_behaviour() -> None:
    assert behaviour('"""One."""\na = 1  # why\n') == behaviour('"""Two."""\na = 1\n')
    assert behaviour("a = 1\n") != behaviour("a = 2\n")


def test_planting_leaves_the_tree_that_it_copies_alone(tmp_path: Path) -> None:
    # given a tree of one file
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a.py").write_text("one()\n")
    # when a mutant is planted
    edit = Edit(path="a.py", original="one()", replacement="two()")
    copy = mutated(tree, example(edit), tree.parent)
    # then only the copy has it
    assert (copy / "a.py").read_text() == "two()\n"
    assert (tree / "a.py").read_text() == "one()\n"


@pytest.mark.parametrize(
    ("said", "promise"),
    [
        ("AssertionError: I12: entry abc leaves after {'sim:4'}", "I12"),
        ("AssertionError: the engine stopped: AssertionError('x')", "the engine stops itself"),
        ("no end after 60 s", "no end"),
        ("KeyError: 'binance:BTC/USDT'", "'binance:BTC/USDT'"),
        ("AssertionError: entry qd7f leaves 2.3 s late", "entry ... leaves ... s late"),
        ("AssertionError: ", "AssertionError"),
    ],
)
def test_an_objection_is_put_down_to_the_promise_that_it_names(said: str, promise: str) -> None:
    assert promise_of(said) == promise


def test_the_first_of_nested_faults_speaks() -> None:
    inner = ExceptionGroup("many", [ValueError("a\nb"), KeyError("c")])
    assert first_of(ExceptionGroup("more", [inner])) == "a"


@pytest.mark.parametrize(
    ("caught", "failed", "verdict"),
    [
        (3, "tests/a.py::test_b", "both"),
        (3, "", "simulation only"),
        (0, "tests/a.py::test_b", "suite only"),
        (0, "", "SURVIVES"),
    ],
)
def test_the_table_says_who_caught_a_mutant(caught: int, failed: str, verdict: str) -> None:
    promises = {"I5": caught} if caught else {}
    ran = Simulated(seeds=9, caught=caught, first_seed=None, first_said="", promises=promises)
    row = Row(mutant=example(), simulated=ran, suited=Suited(failed=failed))
    assert row.verdict == verdict
    assert row.survives is (verdict == "SURVIVES")
    said = "\n".join(lines([row]))
    assert f"{caught}/9" in said
    assert ("SURVIVES: example" in said) is row.survives


def test_a_mutant_that_no_seed_was_spent_on_is_not_called_unseen_by_the_simulation() -> None:
    # given a run of the suites alone
    ran = simulated(ROOT, seeds=range(0), enough=5)
    # when one of them fails
    row = Row(mutant=example(), simulated=ran, suited=Suited(failed="tests/a.py::test_b"))
    # then the table does not speak of the simulation
    assert (row.seeds_text, row.verdict, row.survives) == ("-", "suite", False)


def caught(mutant: Mutant) -> Row:
    return Row(
        mutant=mutant,
        simulated=Simulated(
            seeds=7, caught=2, first_seed=3, first_said="I5: twice", promises={"I5": 2}
        ),
        suited=Suited(failed="tests/engine/test_loop.py::test_a_thing_holds[1]"),
    )


def test_what_was_found_is_read_again_as_it_was_written(tmp_path: Path) -> None:
    # given the results of one mutant
    first, second = MUTANTS[:2]
    path = tmp_path / "mutants.json"
    assert read(path, MUTANTS) == {}
    # when they are written
    write({first.name: caught(first)}, path)
    # then they are read as they were, and of the others there is nothing
    assert read(path, (first, second)) == {first.name: caught(first)}


def test_the_document_gets_the_table_between_its_marks_and_keeps_the_rest(tmp_path: Path) -> None:
    # given a document with an older table
    path = tmp_path / "proof.md"
    path.write_text(f"before\n{BEGIN}yesterday\n{END}after\n")
    # when the table is put in
    put_into(path, [caught(MUTANTS[0])])
    # then it stands there, and nothing else has changed
    before, _, rest = path.read_text().partition(BEGIN)
    table, _, after = rest.partition(END)
    assert (before, after) == ("before\n", "after\n")
    assert "1 mutants, 1 caught: 1 by the suites, 1 by the simulation (of 1 that it was" in table
    assert "| 2/7 | I5 | a thing holds |" in table
    assert "yesterday" not in table


def test_a_document_without_marks_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "proof.md"
    path.write_text("before\n")
    with pytest.raises(ValueError, match="has no place for the table"):
        put_into(path, [])
    assert path.read_text() == "before\n"
