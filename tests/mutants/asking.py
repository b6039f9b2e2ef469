"""Mistakes in what a person sees before an order goes, and in stops that follow the price."""

from tests.mutants.mutant import Edit, Mutant

STEP_NOT_ASKED = Mutant(
    name="step-not-asked",
    breaks="DESIGN 4.4",
    mistake="leaves the amount typed, and the code, to the chat that asks for them",
    edits=(
        Edit(
            path="engine/decide/tickets.py",
            original="    if not _is_given(turn, ticket, command, step):\n",
            replacement="    if step is Confirmation.SECOND_PERSON and not _is_given(\n"
            "        turn, ticket, command, step\n"
            "    ):\n",
        ),
    ),
    suites=("tests/engine/test_asking.py",),
)

ONE_PERSON_TWICE = Mutant(
    name="one-person-twice",
    breaks="DESIGN 4.4",
    mistake="counts taps where it should count people",
    edits=(
        Edit(
            path="engine/asking.py",
            original="    if ticket.confirmed_at is None or user_id is None or user_id == first:\n",
            replacement="    if ticket.confirmed_at is None or user_id is None:\n",
        ),
    ),
    suites=("tests/engine/test_asking.py",),
)

SECOND_AT_MARKET = Mutant(
    name="second-at-market",
    breaks="EXECUTION 5",
    mistake="sends what two people confirmed at whatever the price is by then",
    edits=(
        Edit(
            path="engine/decide/entries.py",
            original="        proposal = replace(proposal, kind=OrderKind.LIMIT)\n",
            replacement="        proposal = replace(proposal)\n",
        ),
    ),
    suites=("tests/engine/test_asking.py",),
)

TRAIL_LOOSENS = Mutant(
    name="trail-loosens",
    breaks="EXECUTION 9",
    mistake="lets a trailing stop go wherever the price goes",
    edits=(
        Edit(
            path="engine/exits.py",
            original="moves = (price - peak) * direction * BPS >= peak * TRAIL_STEP_BPS\n",
            replacement="moves = abs(price - peak) * BPS >= peak * TRAIL_STEP_BPS\n",
        ),
        Edit(
            path="engine/fold_money.py",
            original="        stop = event.stop if stop is None else nearer(stop, event.stop)\n",
            replacement="        stop = event.stop\n",
        ),
    ),
    suites=("tests/engine/test_following.py",),
)

PEAK_IN_MEMORY = Mutant(
    name="peak-in-memory",
    breaks="EXECUTION 9",
    mistake="keeps the trailing stop's peak where a restart forgets it",
    edits=(
        Edit(
            path="engine/fold_money.py",
            original="        changed = copied(position, stop=stop, trail_peak=event.peak)\n",
            replacement="        changed = copied(position, stop=stop)\n",
        ),
    ),
    suites=("tests/engine/test_following.py",),
)

TIME_FROM_THE_RESTART = Mutant(
    name="time-from-the-restart",
    breaks="EXECUTION 9",
    mistake="closes by the clock a while after whatever moment is asked, so never",
    edits=(
        Edit(
            path="engine/exit_plan.py",
            original="return replace(self, close_after_s=None, close_at=ends)\n",
            replacement="return replace(self, close_after_s=None, close_at=ends + (ends - at))\n",
        ),
    ),
    suites=("tests/engine/test_following.py",),
)

MUTANTS = (
    STEP_NOT_ASKED,
    ONE_PERSON_TWICE,
    SECOND_AT_MARKET,
    TRAIL_LOOSENS,
    PEAK_IN_MEMORY,
    TIME_FROM_THE_RESTART,
)
