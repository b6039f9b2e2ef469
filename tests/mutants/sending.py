"""Mistakes on the way to the venue: what is sent, how often, and what an answer means."""

from tests.mutants.mutant import Edit, Mutant

SEND_BEFORE_JOURNAL = Mutant(
    name="send-before-journal",
    breaks="I3",
    mistake="dispatches a batch before its commit, so that orders leave sooner",
    edits=(
        Edit(
            path="engine/loop.py",
            original="""\
            if steps:
                await self._commit(steps, before, after)
                if not self.in_emergency:
                    self.journal_down_since_s = None
        except JournalUnavailable as fault:
            await self._wait_for_journal(batch, fault)
""",
            replacement="""\
            self.state = after
            for outcome in outcomes:
                self._tell(outcome)
            if steps:
                await self._commit(steps, before, after)
                if not self.in_emergency:
                    self.journal_down_since_s = None
        except JournalUnavailable as fault:
            self.state = before
            await self._wait_for_journal(batch, fault)
""",
        ),
        Edit(
            path="engine/loop.py",
            original="""\
        for outcome in outcomes:
            self._tell(outcome)
        self._batch = []
""",
            replacement="""\
        self._batch = []
""",
        ),
    ),
    suites=("tests/engine/test_loop.py", "tests/engine/test_stop.py"),
)

TIMEOUT_IS_REJECTED = Mutant(
    name="timeout-is-rejected",
    breaks="I4",
    mistake="reads a submit that timed out as an order that the venue does not have",
    edits=(
        Edit(
            path="engine/monitor.py",
            original="""\
            text = f"no answer from {self._venue.name} in {self._timeout_s:.0f} s"
            answer = SubmitUnanswered(client_order_id=order.client_order_id, text=text)
""",
            replacement="""\
            text = f"no answer from {self._venue.name} in {self._timeout_s:.0f} s"
            answer = SubmitRefused(client_order_id=order.client_order_id, code="time", text=text)
""",
        ),
        Edit(
            path="engine/monitor.py",
            original="    SubmitUnanswered,\n",
            replacement="    SubmitRefused,\n    SubmitUnanswered,\n",
        ),
    ),
    suites=("tests/engine/test_unknown_orders.py", "tests/engine/test_monitor.py"),
)

BLIND_RESEND = Mutant(
    name="blind-resend",
    breaks="I1",
    mistake="sends a create once more when its answer does not come",
    edits=(
        Edit(
            path="engine/monitor.py",
            original="""\
            text = f"no answer from {self._venue.name} in {self._timeout_s:.0f} s"
            answer = SubmitUnanswered(client_order_id=order.client_order_id, text=text)
""",
            replacement="""\
            text = f"no answer from {self._venue.name} in {self._timeout_s:.0f} s"
            again = await self._within(self._venue.submit(order, gate))
            answer = again or SubmitUnanswered(client_order_id=order.client_order_id, text=text)
""",
        ),
    ),
    suites=("tests/engine/test_unknown_orders.py", "tests/engine/test_monitor.py"),
)

RESEND_UNDER_A_NEW_NAME = Mutant(
    name="resend-under-a-new-name",
    breaks="I2",
    mistake="repeats a create that failed under a new name, since the venue refuses the old one",
    edits=(
        Edit(
            path="engine/monitor.py",
            original="""\
            text = f"no answer from {self._venue.name} in {self._timeout_s:.0f} s"
            answer = SubmitUnanswered(client_order_id=order.client_order_id, text=text)
""",
            replacement="""\
            text = f"no answer from {self._venue.name} in {self._timeout_s:.0f} s"
            renamed = copied(order, client_order_id=f"{order.client_order_id[:-1]}2")
            again = await self._within(self._venue.submit(renamed, gate))
            answer = again or SubmitUnanswered(client_order_id=order.client_order_id, text=text)
""",
        ),
        Edit(
            path="engine/monitor.py",
            original="from engine.orders import Order, OrderStatus\n",
            replacement="from engine.copies import copied\n"
            "from engine.orders import Order, OrderStatus\n",
        ),
    ),
    suites=("tests/engine/test_unknown_orders.py", "tests/engine/test_monitor.py"),
)

ONE_NOT_FOUND_IS_DEAD = Mutant(
    name="one-not-found-is-dead",
    breaks="I4",
    mistake='takes the first "not found" for the venue\'s last word',
    edits=(
        Edit(
            path="engine/decide/answers.py",
            original="    enough = order.not_founds + 1 >= NOT_FOUNDS_MIN and waited_s >= "
            "turn.context.settle_s\n",
            replacement="    enough = order.not_founds + 1 >= 1\n",
        ),
    ),
    suites=("tests/engine/test_answers.py", "tests/engine/test_unknown_orders.py"),
)

SILENCE_IS_ABSENCE = Mutant(
    name="silence-is-absence",
    breaks="I4",
    mistake="counts a search that failed or saw half the lists as one that found nothing",
    edits=(
        Edit(
            path="engine/decide/answers.py",
            original="            nowhere=report.complete,\n",
            replacement="            nowhere=True,\n",
        ),
        Edit(
            path="engine/decide/answers.py",
            original="    if report.complete and enough and order.filled == ZERO:\n",
            replacement="    if enough and order.filled == ZERO:\n",
        ),
    ),
    suites=("tests/engine/test_answers.py", "tests/engine/test_unknown_orders.py"),
)

SEARCH_GIVES_UP = Mutant(
    name="search-gives-up",
    breaks="I15",
    mistake="looks for an unknown order five times and then leaves it",
    edits=(
        Edit(
            path="engine/monitor.py",
            original="""\
                if order.status is not OrderStatus.UNKNOWN:
                    return
                await self._look(order)
""",
            replacement="""\
                if order.status is not OrderStatus.UNKNOWN or order.asks >= 5:
                    return
                await self._look(order)
""",
        ),
    ),
    suites=("tests/engine/test_unknown_orders.py", "tests/engine/test_monitor.py"),
)

RESTART_ASKS_NOBODY = Mutant(
    name="restart-asks-nobody",
    breaks="I15",
    mistake="begins to search when an order becomes unknown, and forgets those that already are",
    edits=(
        Edit(
            path="engine/dispatch.py",
            original="""\
            if order.status is OrderStatus.UNKNOWN:
                self._start(monitor.search, order.client_order_id)
""",
            replacement="",
        ),
        Edit(
            path="engine/dispatch.py",
            original="from engine.orders import Order, OrderStatus\n",
            replacement="from engine.orders import Order\n",
        ),
    ),
    suites=("tests/engine/test_unknown_orders.py", "tests/engine/test_replay.py"),
)

RESTART_KEEPS_SUBMITTED = Mutant(
    name="restart-keeps-submitted",
    breaks="I15",
    mistake="leaves an order that was on its way at a kill as it was, waiting for its answer",
    edits=(
        Edit(
            path="engine/decide/session.py",
            original="        unanswered = order.accepted_at is None and order.filled == 0 "
            "and not order.held\n",
            replacement="        unanswered = order.venue_order_id is not None\n",
        ),
    ),
    suites=("tests/engine/test_unknown_orders.py", "tests/engine/test_replay.py"),
)

ENTRY_BESIDE_UNKNOWN = Mutant(
    name="entry-beside-unknown",
    breaks="EXECUTION 1.7",
    mistake="lets another entry out while nobody knows what became of the first",
    edits=(
        Edit(
            path="engine/risk_rules.py",
            original='    Rule(name="unknown", check=standing.unknown),\n',
            replacement="",
        ),
    ),
    suites=("tests/engine/test_risk.py", "tests/engine/test_unknown_orders.py"),
)

STALE_ENTRY_SENT = Mutant(
    name="stale-entry-sent",
    breaks="EXECUTION 1.3",
    mistake="does not look at an entry's age before it goes to the socket",
    edits=(
        Edit(
            path="engine/dispatch.py",
            original="        if since is None or self._clock.now() - since > ENTRY_AGE_MAX:\n",
            replacement="        if since is None:\n",
        ),
    ),
    suites=("tests/engine/test_stop.py",),
)

MUTANTS = (
    SEND_BEFORE_JOURNAL,
    TIMEOUT_IS_REJECTED,
    BLIND_RESEND,
    RESEND_UNDER_A_NEW_NAME,
    ONE_NOT_FOUND_IS_DEAD,
    SILENCE_IS_ABSENCE,
    SEARCH_GIVES_UP,
    RESTART_ASKS_NOBODY,
    RESTART_KEEPS_SUBMITTED,
    ENTRY_BESIDE_UNKNOWN,
    STALE_ENTRY_SENT,
)
