"""Mistakes in getting flat, in the venue's own timer, and in the worst case that entries count."""

from tests.mutants.mutant import Edit, Mutant

FLAT_AT_ONE_LOOK = Mutant(
    name="flat-at-one-look",
    breaks="EXECUTION 8",
    mistake="takes the first word of a venue for flat, though it may be of a moment before",
    edits=(
        Edit(
            path="engine/decide/flatten.py",
            original="""\
    if looked_at is None:
        turn.add(e.FlattenLooked(at=turn.now, venue=report.venue))
    elif abs(report.at - looked_at) >= timedelta(seconds=LOOK_AGAIN_S):
""",
            replacement="""\
    if looked_at is None or looked_at is not None:
""",
        ),
    ),
    suites=("tests/engine/test_flatten.py", "tests/engine/test_kill_switch_worlds.py"),
)

FLAT_UNSEEN = Mutant(
    name="flat-unseen",
    breaks="EXECUTION 8",
    mistake="asks its own books alone whether all is flat",
    edits=(
        Edit(
            path="engine/decide/flatten.py",
            original="    if lines or open_there or swaps or waiting:\n",
            replacement="    if here or waiting:\n",
        ),
    ),
    suites=("tests/engine/test_flatten.py", "tests/engine/test_kill_switch_worlds.py"),
)

TIMER_BESIDE_A_STOP = Mutant(
    name="timer-beside-a-stop",
    breaks="EXECUTION 8",
    mistake="lets the venue's timer run on when a stop comes to rest, which it would cancel, too",
    edits=(
        Edit(
            path="engine/venues/live/timed.py",
            original="            await self._dead_man.release()\n",
            replacement="            pass\n",
        ),
    ),
    suites=("tests/engine/venues/live/wire/test_dead_man.py",),
)

GROSS_UNBOUND = Mutant(
    name="gross-unbound",
    breaks="I11",
    mistake="leaves the sum of all sizes to the sum of their own limits",
    edits=(
        Edit(
            path="engine/risk_rules.py",
            original='    Rule(name="gross", check=money.gross),\n',
            replacement="",
        ),
    ),
    suites=("tests/engine/test_exposure.py",),
)

UNKNOWN_TAKES_NOTHING = Mutant(
    name="unknown-takes-nothing",
    breaks="I11",
    mistake="frees what an order reserved as soon as nobody knows what became of it",
    edits=(
        Edit(
            path="engine/fold_orders.py",
            original="    worth = order.remaining * price\n",
            replacement="    is_known = order.unknown_since is None\n"
            "    worth = order.remaining * price if is_known else ZERO\n",
        ),
        Edit(
            path="engine/fold_orders.py",
            original="    if before is None or has is None or order.filled != before.filled:\n",
            replacement="    if True:\n",
        ),
    ),
    suites=("tests/engine/test_exposure.py", "tests/engine/test_risk.py"),
)

MUTANTS = (
    FLAT_AT_ONE_LOOK,
    FLAT_UNSEEN,
    TIMER_BESIDE_A_STOP,
    GROSS_UNBOUND,
    UNKNOWN_TAKES_NOTHING,
)
