"""The capability table of the venues that are tried request by request, and not at the venue."""

from dataclasses import replace
from typing import Any

from engine.identities import form_of
from engine.instruments import InstrumentKind
from engine.venues.live.capabilities_terms import (
    REDUCE_ONLY,
    Book,
    Capabilities,
    Naming,
    Params,
    Question,
    Segment,
    Source,
    StopForm,
    StopTerms,
    Tested,
)

_SPOT, _SWAP = InstrumentKind.SPOT, InstrumentKind.SWAP
_NO_STOP = StopTerms(form=StopForm.NONE)


def _by_id(
    method: str, naming: Naming = Naming.PARAMETER, *, key: str = "clientOrderId", **params: object
) -> Question:
    return Question(method=method, source=Source.BY_ID, naming=naming, key=key, params=params)


def _open(**params: object) -> Question:
    return Question(
        method="fetch_open_orders",
        source=Source.OPEN,
        naming=Naming.LISTED,
        params=params,
        page_max=100,
    )


_CLOSED = Question(
    method="fetch_closed_orders",
    source=Source.CLOSED,
    naming=Naming.LISTED,
    page_max=100,
    takes_since=True,
)
_CLOSED_50 = replace(_CLOSED, page_max=50)
_NAMED = Book(lookups=(_by_id("fetch_order"), _open(), _CLOSED), cancels=(_by_id("cancel_order"),))


def _resolved() -> Book:
    """Our id does not cancel: the venue's own is looked up in lists first."""
    return Book(
        lookups=(_open(), _CLOSED),
        cancels=(_by_id("cancel_order", Naming.VENUE_ID),),
    )


def _spot(venue: str, plain: Book, **fields: Any) -> Segment:
    made: dict[str, Any] = {"trigger": plain, "stop": _NO_STOP, "listings": (_open(),)} | fields
    return Segment(kind=_SPOT, id_form=form_of(venue, is_swap=False), plain=plain, **made)


def _swap(venue: str, plain: Book, params: Params, listing: Params) -> Segment:
    return Segment(
        kind=_SWAP,
        id_form=form_of(venue, is_swap=True),
        plain=plain,
        trigger=plain,
        stop=_NO_STOP,
        listings=(_open(**listing),),
        params=params,
        exit_params=REDUCE_ONLY,
        is_reduce_only_enforced=True,
        trade_params=listing,
        balance_params=listing,
    )


OKX = Capabilities(
    venue="okx",
    tested=Tested.WIRE,
    spot=_spot("okx", _NAMED, market_buy_params={"tgtCcy": "base_ccy"}),
    swap=_swap("okx", _NAMED, {"marginMode": "cross"}, {"type": "swap"}),
    options={"createOrder": "privatePostTradeOrder"},
    has_sandbox=True,
    needs_password=True,
    notes=("Stops are watched by the engine: not tried yet at the venue's trigger book.",),
)
BITGET = Capabilities(
    venue="bitget",
    tested=Tested.WIRE,
    spot=_spot("bitget", _NAMED, market_buy_params=None),
    swap=_swap("bitget", _NAMED, {"marginMode": "cross"}, {"type": "swap"}),
    options={"uta": True},
    has_sandbox=True,
    needs_password=True,
    notes=("Needs a unified trading account.",),
)
KRAKEN = Capabilities(
    venue="kraken",
    tested=Tested.WIRE,
    spot=_spot(
        "kraken",
        Book(lookups=(_open(), _CLOSED_50), cancels=(_by_id("cancel_order"),)),
        id_keys=("cl_ord_id",),
        trades_page_max=50,
    ),
    notes=("ccxt sends a stop with `triggerPrice` as a market order at once: never do.",),
)
COINBASE = Capabilities(
    venue="coinbase",
    tested=Tested.WIRE,
    spot=_spot(
        "coinbase",
        Book(id_key="client_order_id", lookups=_resolved().lookups, cancels=_resolved().cancels),
        market_buy_params=None,
    ),
    has_trade_stream=False,
    notes=("Rests a stop only with a limit; the engine watches it instead.",),
)
GATE = Capabilities(
    venue="gate",
    tested=Tested.WIRE,
    spot=_spot(
        "gate",
        Book(
            lookups=(_by_id("fetch_order", Naming.ARGUMENT), _open(), _CLOSED),
            cancels=(_by_id("cancel_order", Naming.ARGUMENT),),
        ),
        id_prefix="t-",
        id_keys=("text",),
        market_buy_params=None,
    ),
    options={"unifiedAccount": False},
    trade_window_days=30,
    has_sandbox=True,
)
MEXC = Capabilities(
    venue="mexc",
    tested=Tested.WIRE,
    spot=_spot("mexc", _NAMED, is_listed_by_symbol=True, is_traded_by_symbol=True),
    receive_window_ms=5_000,
    notes=(
        "ccxt sends a stop as a market order at once: never do.",
        "Swaps are left out: ccxt writes their numbers as floats and rests an immediate order.",
    ),
)
BITSTAMP = Capabilities(
    venue="bitstamp",
    tested=Tested.WIRE,
    spot=_spot(
        "bitstamp",
        Book(
            lookups=(_by_id("fetch_order"), _open()),
            cancels=(_by_id("cancel_order", Naming.VENUE_ID),),
        ),
        ioc_params={"ioc_order": "True"},
    ),
    notes=("ccxt sends a stop as a market order at once: never do.",),
)

KUCOIN = Capabilities(
    venue="kucoin",
    tested=Tested.WIRE,
    spot=_spot(
        "kucoin",
        _NAMED,
        trigger=Book(
            lookups=(_open(trigger=True), *_NAMED.lookups),
            cancels=(_by_id("cancel_order", trigger=True), *_NAMED.cancels),
        ),
        stop=StopTerms(form=StopForm.MARKET),
        listings=(_open(), _open(trigger=True)),
        trades_page_max=50,
    ),
    options={"uta": False},
    trade_window_days=7,
    needs_password=True,
    notes=("Needs a classic account.", "Swaps are left out: ccxt fails on exact quantities."),
)
HTX = Capabilities(
    venue="htx",
    tested=Tested.WIRE,
    spot=_spot("htx", _NAMED, market_buy_params=None, id_keys=("client-order-id",)),
    swap=_swap("htx", _NAMED, {"marginMode": "cross"}, {"type": "swap"}),
    trade_window_days=2,
    notes=("ccxt asks once for the account's number before the first spot order.",),
)
