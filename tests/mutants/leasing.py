"""Mistakes about who may act: two processes that both think they are the one."""

from tests.mutants.mutant import Edit, Mutant

LEASE_NOT_ASKED_BEFORE_SEND = Mutant(
    name="lease-not-asked-before-send",
    breaks="EXECUTION 1.3",
    mistake="trusts that whoever decided an order still holds the lease when it is sent",
    edits=(
        Edit(
            path="engine/dispatch.py",
            original="""\
        if not self._lease.is_held() and not (order.is_exit and self._loop.in_emergency):
            return LEASE_LOST
""",
            replacement="",
        ),
    ),
    suites=("tests/engine/test_lease.py",),
)

EXIT_WITHOUT_LEASE = Mutant(
    name="exit-without-lease",
    breaks="I1",
    mistake="lets exits pass whoever holds the lease, since nothing may stand before flat",
    edits=(
        Edit(
            path="engine/dispatch.py",
            original="        if not self._lease.is_held() and not (order.is_exit and "
            "self._loop.in_emergency):\n",
            replacement="        if not order.is_exit and not self._lease.is_held():\n",
        ),
    ),
    suites=("tests/engine/test_lease.py",),
)

TOKEN_NOT_COMPARED = Mutant(
    name="token-not-compared",
    breaks="DESIGN 3.9",
    mistake="asks whether anybody holds the lease, and not whether it is still the same holder",
    edits=(
        Edit(
            path="storage/lease_server.py",
            original="            if row is None or row[0] != token:\n",
            replacement="            if row is None:\n",
        ),
    ),
    suites=("tests/storage/test_lease.py",),
)

LEASE_COUNTED_FROM_THE_ANSWER = Mutant(
    name="lease-counted-from-the-answer",
    breaks="EXECUTION 1.3",
    mistake="counts a renewal from when its answer came, however long that was on its way",
    edits=(
        Edit(
            path="storage/lease_server.py",
            original="                self._term = asked\n",
            replacement="                self._term = self._asked()\n",
        ),
    ),
    suites=("tests/storage/test_lease.py",),
)

SLEEP_NOT_COUNTED = Mutant(
    name="sleep-not-counted",
    breaks="EXECUTION 1.3",
    mistake="counts a lease by the monotonic clock alone, which stands while a machine sleeps",
    edits=(
        Edit(
            path="engine/lease.py",
            original=" and at - self.asked_at < self.lasts\n",
            replacement="\n",
        ),
    ),
    suites=("tests/storage/test_lease.py",),
)

MUTANTS = (
    LEASE_NOT_ASKED_BEFORE_SEND,
    EXIT_WITHOUT_LEASE,
    TOKEN_NOT_COMPARED,
    LEASE_COUNTED_FROM_THE_ANSWER,
    SLEEP_NOT_COUNTED,
)
