"""Mistakes in what must always hold: the stop, the breakers, reducing only."""

from tests.mutants.mutant import Edit, Mutant

STOP_WAITS_FOR_VENUE = Mutant(
    name="stop-waits-for-venue",
    breaks="DESIGN 3.3",
    mistake="cancels the entries at their venues first, and answers the stop after that",
    edits=(
        Edit(
            path="engine/runtime.py",
            original="""\
        self.loop.stop_latched = True
        return self.loop.send(command)
""",
            replacement="""\
        self.loop.stop_latched = True
        return asyncio.ensure_future(self._stopped(command))

    async def _stopped(self, command: c.Halt) -> Receipt:
        for order in self.state.entries():
            await self.dispatcher._monitors[order.venue].cancel(order.client_order_id)
        return await self.loop.send(command)
""",
        ),
    ),
    suites=("tests/engine/test_stop.py",),
)

STOP_LATCHES_LATE = Mutant(
    name="stop-latches-late",
    breaks="I12",
    mistake="latches a stop when the journal has it, not when it is pressed",
    edits=(
        Edit(
            path="engine/loop.py",
            original="""\
            self.stop_latched = True
            self._halts_waiting += 1
""",
            replacement="""\
            self._halts_waiting += 1
""",
        ),
        Edit(
            path="engine/runtime.py",
            original="""\
        self.loop.stop_latched = True
        return self.loop.send(command)
""",
            replacement="""\
        return self.loop.send(command)
""",
        ),
    ),
    suites=("tests/engine/test_stop.py", "tests/engine/test_loop.py"),
)

HALT_GATE_REMOVED = Mutant(
    name="halt-gate-removed",
    breaks="I12",
    mistake="trusts the decision, and does not ask once more just before the send",
    edits=(
        Edit(
            path="engine/dispatch.py",
            original="""\
        if self._loop.is_latched or self._loop.is_latched_for(order):
            return HALTED
""",
            replacement="",
        ),
        Edit(
            path="engine/sending.py",
            original="            return HALTED\n",
            replacement="            return None\n",
        ),
    ),
    suites=("tests/engine/test_stop.py",),
)

REPEAT_RELEASES_STOP = Mutant(
    name="repeat-releases-stop",
    breaks="I12",
    mistake="lets a repeated command set the latch to what is journaled, a stop pressed or not",
    edits=(
        Edit(
            path="engine/loop.py",
            original="""\
        if not self._halts_waiting:
            self.stop_latched = self.state.stop is not None
""",
            replacement="""\
        self.stop_latched = self.state.stop is not None
""",
        ),
    ),
    suites=("tests/engine/test_stop.py", "tests/engine/test_loop.py"),
)

STOP_WAITS_IN_LINE = Mutant(
    name="stop-waits-in-line",
    breaks="DESIGN 3.3",
    mistake="puts a stop behind everything that waits in the inbox",
    edits=(
        Edit(
            path="engine/inbox.py",
            original="""\
            self._first.extend(self._overtaken())
            self._first.append(entry)
""",
            replacement="""\
            self._rest.append(entry)
""",
        ),
    ),
    suites=("tests/engine/test_loop.py", "tests/engine/test_stop.py"),
)

BREAKER_NOT_LATCHED = Mutant(
    name="breaker-not-latched",
    breaks="I12",
    mistake="tells of a tripped breaker, and goes on trading",
    edits=(
        Edit(
            path="engine/standings.py",
            original="            if breaker.scope.covers(venue, symbol, strategy):\n",
            replacement="            if breaker.acknowledged:\n",
        ),
    ),
    suites=("tests/engine/test_breakers.py", "tests/engine/test_stop.py"),
)

BREAKER_ENDS_WITH_PROCESS = Mutant(
    name="breaker-ends-with-process",
    breaks="EXECUTION 7",
    mistake="begins each session with every breaker re-armed",
    edits=(
        Edit(
            path="engine/decide/session.py",
            original="    for ticket in tuple(turn.state.tickets.values()):\n",
            replacement="""\
    for breaker_id in tuple(turn.state.breakers):
        turn.add(e.BreakerRearmed(at=turn.now, breaker_id=breaker_id, actor=ENGINE))
    for ticket in tuple(turn.state.tickets.values()):
""",
        ),
    ),
    suites=("tests/engine/test_stop.py", "tests/engine/test_breakers.py"),
)

REDUCING_NOT_DECIDED = Mutant(
    name="reducing-not-decided",
    breaks="I13",
    mistake="lets entries through on a symbol that may only be reduced",
    edits=(
        Edit(
            path="engine/standings.py",
            original="    if key in state.reducing:\n",
            replacement="    if key in state.reducing and key not in state.positions:\n",
        ),
    ),
    suites=("tests/engine/test_risk.py", "tests/engine/test_answers.py"),
)

REDUCING_IGNORED_AT_SEND = Mutant(
    name="reducing-ignored-at-send",
    breaks="I13",
    mistake="sends what was decided before its symbol was set to be reduced only",
    edits=(
        Edit(
            path="engine/sending.py",
            original="            return REDUCING\n",
            replacement="            return None\n",
        ),
    ),
    suites=("tests/engine/test_stop.py",),
)

STOP_FORGOTTEN_UNJOURNALED = Mutant(
    name="stop-forgotten-unjournaled",
    breaks="DESIGN 3.3",
    mistake="marks a STOP's update as handled once it was answered, journaled or not",
    edits=(
        Edit(
            path="bot/stops.py",
            original="""\
        if fault is None:
            await self._done([update_id])
        else:
            log""",
            replacement="""\
        await self._done([update_id])
        if fault is not None:
            log""",
        ),
    ),
    suites=("tests/bot/chat/test_intake.py",),
)

START_IS_DEAF = Mutant(
    name="start-is-deaf",
    breaks="I12",
    mistake="lets programs trade before it has heard what was sent while nobody lived",
    edits=(
        Edit(
            path="bot/app.py",
            original="        await self._intake.catch_up()\n",
            replacement="",
        ),
    ),
    suites=("tests/simulation/test_starts.py",),
)

MUTANTS = (
    STOP_FORGOTTEN_UNJOURNALED,
    START_IS_DEAF,
    STOP_WAITS_FOR_VENUE,
    STOP_LATCHES_LATE,
    HALT_GATE_REMOVED,
    REPEAT_RELEASES_STOP,
    STOP_WAITS_IN_LINE,
    BREAKER_NOT_LATCHED,
    BREAKER_ENDS_WITH_PROCESS,
    REDUCING_NOT_DECIDED,
    REDUCING_IGNORED_AT_SEND,
)
