"""Mistakes in the breakers and in what a scope holds back."""

from tests.mutants.mutant import Edit, Mutant

TABLE = "tests/engine/test_breaker_table.py"
STATES = "tests/engine/test_trading_states.py"

WARNS_AT_THE_LIMIT = Mutant(
    name="warns-at-the-limit",
    breaks="EXECUTION 7",
    mistake="warns when the limit is reached, not at its warning share",
    edits=(
        Edit(
            path="engine/breakers.py",
            original=" value >= self.limit(limits) * limits.warn_share\n",
            replacement=" value >= self.limit(limits)\n",
        ),
    ),
    suites=(TABLE, "tests/engine/test_breakers.py"),
)

TRIPS_BEYOND_THE_LIMIT = Mutant(
    name="trips-beyond-the-limit",
    breaks="EXECUTION 7",
    mistake="trips above the limit, not at it",
    edits=(
        Edit(
            path="engine/breakers.py",
            original="        return value > ZERO and value >= self.limit(limits)\n",
            replacement="        return value > self.limit(limits)\n",
        ),
    ),
    suites=(TABLE, "tests/engine/test_breakers.py"),
)

PROFIT_TRIPS = Mutant(
    name="profit-trips",
    breaks="EXECUTION 6",
    mistake="measures how far a day is from its opening, a gain like a loss",
    edits=(
        Edit(
            path="engine/equity.py",
            original="        return max(ZERO, lost) if lost is not None else ZERO\n",
            replacement="        return abs(lost) if lost is not None else ZERO\n",
        ),
    ),
    suites=("tests/engine/test_breakers.py", TABLE),
)

GAIN_COUNTS_AS_LOSS = Mutant(
    name="gain-counts-as-loss",
    breaks="EXECUTION 7",
    mistake="counts closed trades in a row, whatever they made",
    edits=(
        Edit(
            path="engine/fold_breakers.py",
            original="        lost = tally.lost > before.lost\n",
            replacement="        lost = tally.closed_trades > before.closed_trades\n",
        ),
    ),
    suites=(TABLE,),
)

CLEARS_BY_ITSELF = Mutant(
    name="clears-by-itself",
    breaks="EXECUTION 7",
    mistake="clears a breaker after its time although nobody switched that on",
    edits=(
        Edit(
            path="engine/breaker_limits.py",
            original="    clear_after_s: int = 0\n",
            replacement="    clear_after_s: int = 3600\n",
        ),
    ),
    suites=(TABLE,),
)

OLD_EVIDENCE_STANDS = Mutant(
    name="old-evidence-stands",
    breaks="EXECUTION 7",
    mistake="counts on after a person has re-armed",
    edits=(
        Edit(
            path="engine/fold_breakers.py",
            original='            changes["losses"] = without(evidence.losses, name)\n',
            replacement="            pass\n",
        ),
    ),
    suites=(TABLE, "tests/properties/test_breaker_machine.py"),
)

WARNS_AGAIN_AND_AGAIN = Mutant(
    name="warns-again-and-again",
    breaks="EXECUTION 7",
    mistake="warns at each measurement while a limit is in danger",
    edits=(
        Edit(
            path="engine/decide/breakers.py",
            original="    elif incident not in state.warned:\n",
            replacement="    elif incident not in state.warned or limits.warn_share:\n",
        ),
    ),
    suites=(TABLE, "tests/engine/test_breakers.py"),
)

CLOCK_MAKES_STALE = Mutant(
    name="clock-makes-stale",
    breaks="EXECUTION 7",
    mistake="takes a clock that was set forward for waiting",
    edits=(
        Edit(
            path="engine/context.py",
            original="        if steady is not None and (steady > since or since > self.now):\n",
            replacement="        if steady is not None and since > self.now:\n",
        ),
    ),
    suites=(TABLE,),
)

SCOPE_FORGOTTEN_AT_SEND = Mutant(
    name="scope-forgotten-at-send",
    breaks="I13",
    mistake="looks at what holds for everything only, just before the send",
    edits=(
        Edit(
            path="engine/sending.py",
            original="trading, _ = state.trading_on(order.venue, order.symbol, order.strategy)\n",
            replacement="trading = state.trading\n",
        ),
    ),
    suites=(STATES,),
)

EXIT_FLIPS_AT_SEND = Mutant(
    name="exit-flips-at-send",
    breaks="I13",
    mistake="sends an exit as it was decided, whatever became of its position since",
    edits=(
        Edit(
            path="engine/sending.py",
            original="    if before + order.remaining > abs(position.quantity):\n",
            replacement="    if before > abs(position.quantity):\n",
        ),
    ),
    suites=(STATES, "tests/properties/test_reducing_machine.py"),
)

TRADER_LOOSENS = Mutant(
    name="trader-loosens",
    breaks="EXECUTION 7",
    mistake="lets whoever may stop a scope let it go again",
    edits=(
        Edit(
            path="engine/decide/breakers.py",
            original="    if is_looser and not _may_loosen(turn, actor, name):\n        return\n",
            replacement="",
        ),
    ),
    suites=(STATES,),
)

SCOPE_LATCHES_LATE = Mutant(
    name="scope-latches-late",
    breaks="I12",
    mistake="holds a scope back when the journal has it, not when it is said",
    edits=(
        Edit(
            path="engine/loop.py",
            original="            self._scopes_waiting.append(message.scope)\n",
            replacement="            self._scopes_waiting = self._scopes_waiting\n",
        ),
        Edit(
            path="engine/loop.py",
            original="                self._scopes_waiting.remove(entry.message.scope)\n",
            replacement="                self._scopes_waiting.clear()\n",
        ),
    ),
    suites=("tests/engine/test_stop.py", "tests/engine/test_loop.py"),
)

UNREAD_STOP_STOPS_NOTHING = Mutant(
    name="unread-stop-stops-nothing",
    breaks="DESIGN 3.3",
    mistake="takes every word after /stop for a coin, listed or not",
    edits=(
        Edit(
            path="bot/parsing/scopes.py",
            original="name=symbol) if symbol is not None else None\n",
            replacement="name=symbol or name)\n",
        ),
    ),
    suites=("tests/properties/test_scopes.py", "tests/bot/chat/test_scopes.py"),
)

MUTANTS = (
    WARNS_AT_THE_LIMIT,
    TRIPS_BEYOND_THE_LIMIT,
    PROFIT_TRIPS,
    GAIN_COUNTS_AS_LOSS,
    CLEARS_BY_ITSELF,
    OLD_EVIDENCE_STANDS,
    WARNS_AGAIN_AND_AGAIN,
    CLOCK_MAKES_STALE,
    SCOPE_FORGOTTEN_AT_SEND,
    EXIT_FLIPS_AT_SEND,
    TRADER_LOOSENS,
    SCOPE_LATCHES_LATE,
    UNREAD_STOP_STOPS_NOTHING,
)
