"""The catalogue: every mutant, by the promise that it breaks."""

from tests.mutants import breaking, counting, leasing, promising, sending, stopping
from tests.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *sending.MUTANTS,
    *stopping.MUTANTS,
    *breaking.MUTANTS,
    *counting.MUTANTS,
    *promising.MUTANTS,
    *leasing.MUTANTS,
)
