"""The capability table of the venues without swaps, which are tried request by request only."""

from dataclasses import replace

from engine.venues.live.capabilities_parts import (
    CANCEL_BY_VENUE_ID,
    by_id,
    closed,
    opened,
    spot,
    watched,
)
from engine.venues.live.capabilities_terms import (
    Book,
    CancelProof,
    Capabilities,
    Deadline,
    StopForm,
    StopTerms,
    Tested,
)

_KRAKEN_WINDOW_MS = 5_000
KRAKEN = Capabilities(
    venue="kraken",
    tested=Tested.WIRE,
    spot=spot(
        "kraken",
        Book(
            lookups=(opened(page_max=1000), closed(page_max=50)),
            cancels=(by_id("cancel_order"),),
        ),
        # `triggerPrice` would leave as a market order at once.
        StopTerms(form=StopForm.MARKET, price_key="stopLossPrice"),
        id_keys=("cl_ord_id",),
        listings=(opened(page_max=1000),),
        cancel_proof=CancelProof(path=("result", "count")),
        trades_page_max=50,
    ),
    swap_refusal="in ccxt Kraken's swaps are another venue, with keys of its own.",
    # The venue takes two seconds to a minute.
    deadline=Deadline(window_ms=_KRAKEN_WINDOW_MS, key="deadline"),
    receive_window_ms=_KRAKEN_WINDOW_MS,
)
COINBASE = Capabilities(
    venue="coinbase",
    tested=Tested.WIRE,
    spot=spot(
        "coinbase",
        Book(
            id_key="client_order_id",
            lookups=(opened(), closed("fetch_orders")),
            cancels=(CANCEL_BY_VENUE_ID,),
        ),
        # With `triggerPrice` ccxt turns the direction round: the stop would fire at once.
        StopTerms(form=StopForm.LIMIT, price_key="stopLossPrice"),
        market_buy_params=None,
        # The older account list knows of nothing that is bound.
        balance_params={"v3": True},
    ),
    swap_refusal="ccxt closes a position at market in place of a reduce-only order, and sets no"
    " leverage.",
    has_trade_stream=False,
)
BITSTAMP = Capabilities(
    venue="bitstamp",
    tested=Tested.WIRE,
    spot=spot(
        "bitstamp",
        Book(lookups=(by_id("fetch_order"), opened(page_max=1000)), cancels=(CANCEL_BY_VENUE_ID,)),
        watched("ccxt sends a stop as a market order at once."),
        ioc_params={"ioc_order": "True"},
        listings=(opened(page_max=1000),),
        trades_page_max=1000,
    ),
    swap_refusal="ccxt knows none there.",
)
_BITFINEX_CANCEL = replace(by_id("cancel_order"), date_key="cidDate")
BITFINEX = Capabilities(
    venue="bitfinex",
    tested=Tested.WIRE,
    spot=spot(
        "bitfinex",
        Book(
            lookups=(opened(page_max=2500), closed(page_max=2500)),
            # Our name counts on the day of the order only.
            cancels=(CANCEL_BY_VENUE_ID, _BITFINEX_CANCEL),
        ),
        StopTerms(form=StopForm.MARKET),
        listings=(opened(page_max=2500),),
        is_id_whole=True,
        price_digits_max=5,
        trades_page_max=1000,
    ),
    swap_refusal="ccxt can neither set nor read the leverage there.",
)
