"""Mistakes in the books: fills, positions, fees, reservations, limits, exits."""

from tests.mutants.mutant import Edit, Mutant

FILL_BOOKED_AGAIN = Mutant(
    name="fill-booked-again",
    breaks="I5",
    mistake="books whatever the stream and the query report, each time that they do",
    edits=(
        Edit(
            path="engine/decide/answers.py",
            original="""\
    if fill.identity in turn.state.fills_known or turn.context.fill_known:
        return
""",
            replacement="",
        ),
        Edit(
            path="engine/fold_money.py",
            original='    assert fill.identity not in state.fills_known, f"{fill.identity} booked '
            'twice"\n',
            replacement="",
        ),
    ),
    suites=("tests/engine/test_answers.py", "tests/engine/test_execution.py"),
)

FILL_FORGOTTEN_BY_WINDOW = Mutant(
    name="fill-forgotten-by-window",
    breaks="I5",
    mistake="knows only the fills of State's window, and books an older one again",
    edits=(
        Edit(
            path="engine/decide/answers.py",
            original="    if fill.identity in turn.state.fills_known or turn.context.fill_known:\n",
            replacement="    if fill.identity in turn.state.fills_known:\n",
        ),
    ),
    suites=("tests/engine/test_window.py", "tests/engine/test_answers.py"),
)

FILL_AFTER_CANCEL_DROPPED = Mutant(
    name="fill-after-cancel-dropped",
    breaks="I7",
    mistake="expects nothing more of a cancelled order, and drops its late fill",
    edits=(
        Edit(
            path="engine/decide/answers.py",
            original="""\
    if order is not None and not order.is_exit and order.fills == 0:
        _bare_dust(turn, fill.key, order)
""",
            replacement="""\
    if order is not None and order.is_finished:
        return
    if order is not None and not order.is_exit and order.fills == 0:
        _bare_dust(turn, fill.key, order)
""",
        ),
    ),
    suites=("tests/engine/test_answers.py", "tests/engine/test_unknown_orders.py"),
)

LATE_FILL_REOPENS = Mutant(
    name="late-fill-reopens",
    breaks="I6",
    mistake="opens a finished order again when a late fill comes",
    edits=(
        Edit(
            path="engine/orders.py",
            original="    (status, trigger): status for status in FINISHED",
            replacement="    (status, trigger): _S.PARTIALLY_FILLED for status in FINISHED",
        ),
    ),
    suites=("tests/engine/test_orders.py", "tests/engine/test_answers.py"),
)

FILLS_WITHOUT_OVERLAP = Mutant(
    name="fills-without-overlap",
    breaks="I5",
    mistake="asks for fills from the last one on, though a venue lists an older one later",
    edits=(
        Edit(
            path="engine/monitor.py",
            original="        since = (self._cursor or self._start()) - FILLS_OVERLAP\n",
            replacement="        since = self._cursor or self._start()\n",
        ),
    ),
    suites=("tests/engine/test_monitor.py", "tests/engine/test_unknown_orders.py"),
)

FILL_LOST_WITH_JOURNAL = Mutant(
    name="fill-lost-with-journal",
    breaks="I5",
    mistake="throws fills away while the journal is down: the venue will be asked again",
    edits=(
        Edit(
            path="engine/inbox.py",
            original="""\
                fills.add(fill.identity)
                kept.append(entry)
""",
            replacement="""\
                fills.add(fill.identity)
""",
        ),
    ),
    suites=("tests/engine/test_loop.py", "tests/engine/test_monitor.py"),
)

FEE_IN_BASE_IGNORED = Mutant(
    name="fee-in-base-ignored",
    breaks="I8",
    mistake="holds all that was bought, though the venue took its fee out of it",
    edits=(
        Edit(
            path="engine/decide/fees.py",
            original="worth=fill.fee * fill.price, base=fill.fee if spot_buy else ZERO)\n",
            replacement="worth=fill.fee * fill.price if spot_buy else ZERO)\n",
        ),
    ),
    suites=("tests/engine/test_answers.py", "tests/engine/test_positions.py"),
)

FEE_IN_CASH_IGNORED = Mutant(
    name="fee-in-cash-ignored",
    breaks="I9",
    mistake="takes a spot fill's price from the cash, and forgets its fee",
    edits=(
        Edit(
            path="engine/positions.py",
            original="    cash = (gain if is_swap else -signed * fill.price) - paid_in_quote\n",
            replacement="    cash = gain - paid_in_quote if is_swap else -signed * fill.price\n",
        ),
    ),
    suites=("tests/engine/test_positions.py",),
)

SHORT_CLOSED_BY_SELLING = Mutant(
    name="short-closed-by-selling",
    breaks="I13",
    mistake="closes every position by selling, as on spot",
    edits=(
        Edit(
            path="engine/positions.py",
            original="        return OrderSide.SELL if self.is_long else OrderSide.BUY\n",
            replacement="        return OrderSide.SELL\n",
        ),
    ),
    suites=("tests/engine/test_exits.py", "tests/engine/test_positions.py"),
)

EXIT_OVER_POSITION = Mutant(
    name="exit-over-position",
    breaks="EXECUTION 5.12",
    mistake="caps an exit by the position, not by what other exits leave of it",
    edits=(
        Edit(
            path="engine/decide/exits.py",
            original="    quantity = min(wanted, abs(position.quantity) - pending)\n",
            replacement="    quantity = min(wanted, abs(position.quantity))\n",
        ),
    ),
    suites=("tests/engine/test_exits.py", "tests/engine/test_risk.py"),
)

RESERVATION_LEAKED = Mutant(
    name="reservation-leaked",
    breaks="I14",
    mistake="keeps what an entry reserved that ended unfilled",
    edits=(
        Edit(
            path="engine/fold_orders.py",
            original="    if order is None or order.is_exit or order.is_finished:\n",
            replacement="    if order is None or order.is_exit:\n",
        ),
    ),
    suites=("tests/engine/test_risk.py", "tests/engine/test_orders.py"),
)

RESERVATION_RELEASED_TWICE = Mutant(
    name="reservation-released-twice",
    breaks="I14",
    mistake="releases the whole order at its end, and a part before at each partial fill",
    edits=(
        Edit(
            path="engine/fold_orders.py",
            original="        held, holds = _reservation(before), _reservation(order)\n",
            replacement="""\
        if before is not None and order.is_finished:
            before = copied(before, filled=ZERO)
        held, holds = _reservation(before), _reservation(order)
""",
        ),
    ),
    suites=("tests/engine/test_risk.py", "tests/engine/test_orders.py"),
)

OPEN_ORDERS_UNCOUNTED = Mutant(
    name="open-orders-uncounted",
    breaks="I11",
    mistake="counts the positions held, and not the entries on their way",
    edits=(
        Edit(
            path="engine/rules/money.py",
            original="    held = {key for key, on in state.open_on.items() if on.entries} "
            "| external_keys(state)\n",
            replacement="    held = external_keys(state)\n",
        ),
    ),
    suites=("tests/engine/test_risk.py", "tests/engine/test_loop.py"),
)

MUTANTS = (
    FILL_BOOKED_AGAIN,
    FILL_FORGOTTEN_BY_WINDOW,
    FILL_AFTER_CANCEL_DROPPED,
    LATE_FILL_REOPENS,
    FILLS_WITHOUT_OVERLAP,
    FILL_LOST_WITH_JOURNAL,
    FEE_IN_BASE_IGNORED,
    FEE_IN_CASH_IGNORED,
    SHORT_CLOSED_BY_SELLING,
    EXIT_OVER_POSITION,
    RESERVATION_LEAKED,
    RESERVATION_RELEASED_TWICE,
    OPEN_ORDERS_UNCOUNTED,
)
