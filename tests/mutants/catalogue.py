"""The catalogue: every mutant, by the promise that it breaks."""

from tests.mutants import (
    asking,
    breaking,
    counting,
    flattening,
    leasing,
    promising,
    sending,
    stopping,
)
from tests.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *sending.MUTANTS,
    *stopping.MUTANTS,
    *asking.MUTANTS,
    *breaking.MUTANTS,
    *counting.MUTANTS,
    *promising.MUTANTS,
    *leasing.MUTANTS,
    *flattening.MUTANTS,
)
