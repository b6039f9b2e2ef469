"""The garbage collector's hours: none while the process starts, and few once it runs.

Everything that is imported stays for ever, and the collector walks through all of it again and
again while it is made: an eighth of the start. Once the console serves, what there is by then is
set aside (`gc.freeze`), so that a full collection walks only through what came later: some
milliseconds instead of about a hundred, which a STOP would wait for.
"""

import gc
from typing import Final

YOUNG_MAX: Final = 10_000
"""Objects made and not given back, before the young are looked through; Python's own is 700."""


def pause() -> None:
    """Collect nothing until `settle`."""
    gc.disable()


def settle() -> None:
    """Set aside what the start has made, and collect from now on, less often.

    What the start left as garbage is set aside too: to look for it takes 80 ms, for next to none.
    """
    gc.freeze()
    gc.set_threshold(YOUNG_MAX)
    gc.enable()
