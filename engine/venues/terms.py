"""The paper venue's terms: its settings, and the codes by which it refuses."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from engine.venues.book import BookShape


class RefusalCode(StrEnum):
    """Why an order was definitively not accepted."""

    SYMBOL_UNKNOWN = "symbol_unknown"
    SYMBOL_INACTIVE = "symbol_inactive"
    PRICE_MISSING = "price_missing"
    PRICE_TICK = "price_tick"
    QUANTITY_STEP = "quantity_step"
    QUANTITY_MIN = "quantity_min"
    QUANTITY_MAX = "quantity_max"
    NOTIONAL_MIN = "notional_min"
    LEVERAGE = "leverage"
    REDUCE_ONLY = "reduce_only"
    BALANCE = "insufficient_balance"
    TRIGGER_AT_ONCE = "trigger_at_once"
    NO_PRICE = "no_price"
    TOO_MANY_REQUESTS = "too_many_requests"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperSettings:
    """Say how the paper venue behaves; durations in seconds, shares as fractions.

    `latency_s` is the round trip of a request, zero for none. `seed` decides every random fault and
    the ledger's id. `quote_age_s_max` None trades on a quote of any age; with a number, older
    quotes are no price at all. `reuses_filled_ids` takes a client id again once its order has
    finished, as Binance does; otherwise a repeat always answers with the first order.
    `fees_in_base` takes a spot buy's fee out of what was bought. `maintenance_share` of a swap
    position's notional is the margin below which the venue liquidates it.
    """

    latency_s: float = 0.0
    seed: int = 0
    shape: BookShape = field(default_factory=BookShape)
    quote_age_s_max: Decimal | None = None
    reuses_filled_ids: bool = False
    fees_in_base: bool = False
    maintenance_share: Decimal = Decimal("0.004")
    sweep_s: float = 1.0
    requests_max: int = 10_000
    reports_max: int = 1_000
