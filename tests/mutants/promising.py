"""Mistakes between a person and the engine: tickets, repeats, memory, alerts, updates."""

from tests.mutants.mutant import Edit, Mutant

TICKET_APPROVED_TWICE = Mutant(
    name="ticket-approved-twice",
    breaks="I16",
    mistake="takes a second tap on Confirm for a second wish, and names an order after the tap",
    edits=(
        Edit(
            path="engine/decide/tickets.py",
            original="    if ticket.status is not TicketStatus.OPEN:\n",
            replacement="    if ticket.status not in (TicketStatus.OPEN, TicketStatus.APPROVED):\n",
        ),
        Edit(
            path="engine/decide/tickets.py",
            original="""\
    end(turn, ticket, TicketStatus.APPROVED, command.actor, quote)
    submit(turn, shown, actor=command.actor, intent=ticket.ticket_id, ticket=ticket)
""",
            replacement="""\
    if ticket.status is TicketStatus.OPEN:
        end(turn, ticket, TicketStatus.APPROVED, command.actor, quote)
    submit(turn, shown, actor=command.actor, intent=command.command_id, ticket=ticket)
""",
        ),
        Edit(
            path="engine/decide/entries.py",
            original="        client_order_id=identity if ticket is None else "
            "ticket.client_order_id,\n",
            replacement="        client_order_id=identity,\n",
        ),
    ),
    suites=("tests/engine/test_tickets.py", "tests/bot/chat/test_tickets.py"),
)

TICKET_SIZED_ANEW = Mutant(
    name="ticket-sized-anew",
    breaks="DESIGN 4.4",
    mistake="sends what the signal would be today, not what the ticket showed",
    edits=(
        Edit(
            path="engine/decide/tickets.py",
            original="    shown = _as_shown(proposal, ticket)\n",
            replacement="    shown = proposal\n",
        ),
    ),
    suites=("tests/engine/test_tickets.py",),
)

DRIFT_UNCHECKED = Mutant(
    name="drift-unchecked",
    breaks="DESIGN 4.4",
    mistake="lets a ticket's price limit stand in for the check that the price has not moved",
    edits=(
        Edit(
            path="engine/decide/tickets.py",
            original="        if abs(moved) > turn.state.limits.drift_bps_max:\n",
            replacement="        if moved > turn.state.limits.drift_bps_max and "
            "ticket.price_limit is None:\n",
        ),
    ),
    suites=("tests/engine/test_tickets.py",),
)

COMMAND_CONSUMED_TWICE = Mutant(
    name="command-consumed-twice",
    breaks="I16",
    mistake="recognises a repeat only while the first of them is in the same batch",
    edits=(
        Edit(
            path="engine/loop.py",
            original="""\
        found = tuple(await self._journal.find_command(command_id))
        # Without the journal nobody can say what came of it; it came, and is not done again.
        return found if found or self.in_emergency else None
""",
            replacement="""\
        return None
""",
        ),
    ),
    suites=("tests/engine/test_loop.py", "tests/engine/test_execution.py"),
)

CHAIN_UNCHECKED = Mutant(
    name="chain-unchecked",
    breaks="DESIGN 3.11",
    mistake="reads stored events without asking whether their hashes follow",
    edits=(
        Edit(
            path="storage/chain.py",
            original="""\
    if linked(link, seq, at, kind=kind, version=version, payload=payload) != stored_link:
""",
            replacement="""\
    if not linked(link, seq, at, kind=kind, version=version, payload=payload):
""",
        ),
    ),
    suites=("tests/storage/test_journal_faults.py",),
)

REBUILD_LOSES_TAIL = Mutant(
    name="rebuild-loses-tail",
    breaks="I10",
    mistake="writes the projections of each full page, and not those of the last one",
    edits=(
        Edit(
            path="storage/rebuild.py",
            original="""\
    store_projection(connection, projection)
    store_reach(connection, state.seq)
""",
            replacement="""\
    store_reach(connection, state.seq)
""",
        ),
    ),
    suites=("tests/storage/test_journal_faults.py",),
)

PROJECTION_SKIPPED = Mutant(
    name="projection-skipped",
    breaks="I10",
    mistake="leaves an order's row as it was when the order expires",
    edits=(
        Edit(
            path="storage/projections.py",
            original="""\
            | e.OrderCanceled()
            | e.OrderExpired()
            | e.OrderReappeared()
""",
            replacement="""\
            | e.OrderCanceled()
            | e.OrderReappeared()
""",
        ),
    ),
    suites=("tests/storage/test_journal.py", "tests/storage/test_journal_faults.py"),
)

STATE_CHANGED_BY_HAND = Mutant(
    name="state-changed-by-hand",
    breaks="I10",
    mistake="drops the open tickets from State at a start, without an event that says so",
    edits=(
        Edit(
            path="engine/loop.py",
            original="        self.state = await self._journal.open()\n",
            replacement="        self.state = replace(await self._journal.open(), tickets={})\n",
        ),
        Edit(
            path="engine/loop.py",
            original="from dataclasses import dataclass\n",
            replacement="from dataclasses import dataclass, replace\n",
        ),
    ),
    suites=("tests/engine/test_loop.py",),
)

UNCERTAIN_IS_UNDONE = Mutant(
    name="uncertain-is-undone",
    breaks="I10",
    mistake="takes a commit without an answer for one that did not happen",
    edits=(
        Edit(
            path="engine/loop.py",
            original="""\
            stored = await self._read_again(steps, before, after)
            if stored.seq == before.seq:
                raise JournalUnavailable("The append did not happen.") from fault
            if stored != after:
                raise JournalLocked("Another process wrote the journal.") from fault
""",
            replacement="""\
            raise JournalUnavailable("The append did not happen.") from fault
""",
        ),
    ),
    suites=("tests/engine/test_loop.py",),
)

ALERT_OUTSIDE_TRANSACTION = Mutant(
    name="alert-outside-transaction",
    breaks="I18",
    mistake="stores the alerts after the commit, in a transaction of their own",
    edits=(
        Edit(
            path="storage/batch.py",
            original="            run_many(connection, inserting(t.OUTBOX), batch.outbox)\n",
            replacement="",
        ),
        Edit(
            path="storage/journal.py",
            original="""\
        self._head = batch.head
        if batch.outbox:
            self.outbox.changed.set()
""",
            replacement="""\
        self._head = batch.head
        if batch.outbox:
            await self._database.write(
                lambda connection: run_many(connection, inserting(t.OUTBOX), batch.outbox)
            )
            self.outbox.changed.set()
""",
        ),
        Edit(
            path="storage/journal.py",
            original="from storage.statements import Values, fenced, rows_of\n",
            replacement="""\
from storage.statements import Values, fenced, inserting, rows_of, run_many
""",
        ),
    ),
    suites=("tests/storage/test_outbox.py", "tests/storage/test_journal.py"),
)

ALERT_LOST_WITH_TELEGRAM = Mutant(
    name="alert-lost-with-telegram",
    breaks="I18",
    mistake="gives an alert up that Telegram did not take",
    edits=(
        Edit(
            path="bot/alerts.py",
            original="                await self._outgoing.retry(rows, str(fault))\n",
            replacement="                await self._outgoing.drop(rows, str(fault))\n",
        ),
    ),
    suites=("tests/bot/speech/test_alerts.py",),
)

ALERT_SENT_BEFORE_IT_LEFT = Mutant(
    name="alert-sent-before-it-left",
    breaks="I18",
    mistake="marks an alert as sent before Telegram has it, so that nothing is told twice",
    edits=(
        Edit(
            path="bot/alerts.py",
            original="                await self._outgoing.begin(rows)\n",
            replacement="                await self._outgoing.sent(rows)\n",
        ),
    ),
    suites=("tests/bot/speech/test_alerts.py",),
)

ALERTS_OVERTAKE = Mutant(
    name="alerts-overtake",
    breaks="I18",
    mistake="hands out a subject's newer alert while an older one is being sent or waits",
    edits=(
        Edit(
            path="storage/outbox.py",
            original="~held,",
            replacement="",
        ),
    ),
    suites=("tests/storage/test_outbox.py", "tests/bot/speech/test_alerts.py"),
)

UPDATE_CONFIRMED_UNSTORED = Mutant(
    name="update-confirmed-unstored",
    breaks="DESIGN 4.1",
    mistake="asks Telegram for what follows a batch, stored or not",
    edits=(
        Edit(
            path="bot/intake.py",
            original="offset = self._unstored.offset(update_ids)",
            replacement="offset = max(update_ids) + 1",
        ),
    ),
    suites=("tests/bot/chat/test_intake.py",),
)

REFUSED_THEN_RUN = Mutant(
    name="refused-then-run",
    breaks="DESIGN 4.4",
    mistake="runs what was refused while the store was away, once it can be stored",
    edits=(
        Edit(
            path="bot/intake.py",
            original="""\
            elif fate is Fate.DONE:
                settled.append(each.update_id)
""",
            replacement="",
        ),
    ),
    suites=("tests/bot/chat/test_intake.py",),
)

MUTANTS = (
    TICKET_APPROVED_TWICE,
    TICKET_SIZED_ANEW,
    DRIFT_UNCHECKED,
    COMMAND_CONSUMED_TWICE,
    CHAIN_UNCHECKED,
    REBUILD_LOSES_TAIL,
    PROJECTION_SKIPPED,
    STATE_CHANGED_BY_HAND,
    UNCERTAIN_IS_UNDONE,
    ALERT_OUTSIDE_TRANSACTION,
    ALERT_LOST_WITH_TELEGRAM,
    ALERT_SENT_BEFORE_IT_LEFT,
    ALERTS_OVERTAKE,
    UPDATE_CONFIRMED_UNSTORED,
    REFUSED_THEN_RUN,
)
