"""When breakers trip (EXECUTION 7), read from the environment."""

from bot.variables import Variables
from engine.breaker_limits import BreakerLimits

COUNT_MAX = 1000
DAY_S = 86_400
WEEK_MINUTES = 10_080


def read_breakers(read: Variables) -> BreakerLimits:
    """Read every threshold and window; an unset one keeps its default."""
    usual = BreakerLimits()
    slippage = read.percent("BREAKER_SLIPPAGE_PCT", usual.slippage_pct_max)
    warn = read.percent("BREAKER_SLIPPAGE_WARN_PCT", usual.slippage_pct_warn)
    if warn >= slippage:
        read.faults.append(
            f"BREAKER_SLIPPAGE_WARN_PCT is {warn}, which is not below BREAKER_SLIPPAGE_PCT "
            f"({slippage}): a warning that comes with the trip warns of nothing."
        )
    return BreakerLimits(
        losses_max=_whole(read, "BREAKER_LOSSES", usual.losses_max),
        failures_max=_whole(read, "BREAKER_FAILURES", usual.failures_max),
        reject_pct_max=read.percent("BREAKER_REJECT_PCT", usual.reject_pct_max),
        reject_window_s=_seconds(read, "BREAKER_REJECT_WINDOW_S", usual.reject_window_s),
        unknown_orders_max=_whole(read, "BREAKER_UNKNOWN_ORDERS", usual.unknown_orders_max),
        mismatch_s_max=_seconds(read, "BREAKER_BOOKS_S", usual.mismatch_s_max),
        stale_s_max=_seconds(read, "BREAKER_STALE_S", usual.stale_s_max),
        venue_errors_pct_max=read.percent("BREAKER_VENUE_ERRORS_PCT", usual.venue_errors_pct_max),
        venue_errors_window_s=_seconds(
            read, "BREAKER_VENUE_ERRORS_WINDOW_S", usual.venue_errors_window_s
        ),
        slippage_pct_max=slippage,
        slippage_pct_warn=warn,
        slippage_window_s=_seconds(read, "BREAKER_SLIPPAGE_WINDOW_S", usual.slippage_window_s),
        cooldown_s=_seconds(read, "BREAKER_COOLDOWN_S", usual.cooldown_s),
        clear_after_s=60 * (read.whole("BREAKER_CLEAR_MINUTES", 0, WEEK_MINUTES, 0) or 0),
    )


def _whole(read: Variables, name: str, usual: int) -> int:
    return read.whole(name, 1, COUNT_MAX, usual) or usual


def _seconds(read: Variables, name: str, usual: int) -> int:
    """Read a time; shorter than ten seconds would trip on what is usual."""
    return read.whole(name, 10, DAY_S, usual) or usual
