"""The capability table of the venues with swaps that are tried request by request only."""

from typing import Any

from engine.venues.live.capabilities_parts import (
    by_id,
    closed,
    named,
    opened,
    spot,
    swap,
    watched,
)
from engine.venues.live.capabilities_terms import (
    Book,
    CancelProof,
    Capabilities,
    Deadline,
    Naming,
    StopForm,
    StopTerms,
    Tested,
)

_CROSS = {"marginMode": "cross"}
_SWAP: dict[str, Any] = {"type": "swap"}

# A stop lies in a book of its own, under a name of its own, and becomes another order as it fires;
# that one names the stop, and is followed.
_OKX_STOP = StopTerms(form=StopForm.MARKET, children=("ordId",))
_OKX_TRIGGER = Book(
    lookups=(by_id("fetch_order", trigger=True), opened(trigger=True)),
    cancels=(by_id("cancel_order", trigger=True),),
    id_key="algoClOrdId",
)
# Filled ones and cancelled ones are two lists.
_OKX_BOOK = named(closed(), closed("fetch_canceled_orders"))
_OKX_WINDOW_MS = 5_000
OKX = Capabilities(
    venue="okx",
    tested=Tested.WIRE,
    spot=spot(
        "okx",
        _OKX_BOOK,
        _OKX_STOP,
        trigger=_OKX_TRIGGER,
        id_keys=("algoClOrdId",),
        market_buy_params={"tgtCcy": "base_ccy"},
        # The list of stops covers spot and swaps; each kind of stop is asked for by its name.
        listings=(
            opened(instType="SPOT"),
            opened(trigger=True),
            opened(trigger=True, ordType="conditional,oco"),
            opened(trigger=True, ordType="move_order_stop"),
        ),
    ),
    swap=swap(
        "okx",
        _OKX_BOOK,
        StopTerms(
            form=StopForm.MARKET,
            children=_OKX_STOP.children,
            buy={"triggerPxType": "mark"},
            sell={"triggerPxType": "mark"},
        ),
        _SWAP,
        trigger=_OKX_TRIGGER,
        id_keys=("algoClOrdId",),
        params=_CROSS,
        listings=(opened(instType="SWAP"),),
        # One purse holds both.
        balance_params={},
        position_params={"instType": "SWAP"},
        leverage_params=_CROSS,
    ),
    # ccxt would name a stop after its broker, beside our name.
    options={"createOrder": "privatePostTradeOrder", "brokerId": None},
    deadline=Deadline(window_ms=_OKX_WINDOW_MS, header="expTime"),
    receive_window_ms=_OKX_WINDOW_MS,
    has_sandbox=True,
    needs_password=True,
)
_BITGET_BOOK = named(closed("fetch_canceled_and_closed_orders"))
BITGET = Capabilities(
    venue="bitget",
    tested=Tested.WIRE,
    spot=spot(
        "bitget",
        _BITGET_BOOK,
        watched("ccxt sends a stop to a unified account as a market order at once."),
        market_buy_params=None,
        listings=(opened(), opened(trigger=True)),
        # Spot and swap share their names there.
        trade_params={"category": "SPOT"},
        is_fee_unsigned=True,
        is_traded_by_symbol=True,
    ),
    swap=swap(
        "bitget",
        _BITGET_BOOK,
        watched("a unified account binds a stop to the whole position, and ccxt cannot find it."),
        _SWAP,
        is_traded_by_symbol=True,
        listings=(opened(**_SWAP), opened(**_SWAP, trigger=True)),
        trade_params={"category": "USDT-FUTURES"},
        is_fee_unsigned=True,
        balance_params={},
        position_params={},
    ),
    options={"uta": True},
    has_sandbox=True,
    needs_password=True,
    notes=("Needs a unified trading account.",),
)
_GATE_BOOK = Book(
    lookups=(by_id("fetch_order", Naming.ARGUMENT), opened(), closed()),
    cancels=(by_id("cancel_order", Naming.ARGUMENT),),
)
_GATE_STOP = watched("Gate keeps no name of ours on a stop, so it could not be found again.")
GATE = Capabilities(
    venue="gate",
    tested=Tested.WIRE,
    spot=spot(
        "gate",
        _GATE_BOOK,
        _GATE_STOP,
        id_prefix="t-",
        id_keys=("text",),
        market_buy_params=None,
        listings=(opened(), opened(trigger=True)),
    ),
    swap=swap(
        "gate",
        _GATE_BOOK,
        _GATE_STOP,
        _SWAP,
        id_prefix="t-",
        id_keys=("text",),
        listings=(opened(**_SWAP), opened(**_SWAP, trigger=True)),
        leverage_params=_CROSS,
    ),
    options={"unifiedAccount": False},
    trade_window_days=30,
    has_sandbox=True,
    notes=("Swaps are those settled in USDT.",),
)
MEXC = Capabilities(
    venue="mexc",
    tested=Tested.WIRE,
    spot=spot(
        "mexc",
        named(closed("fetch_orders")),
        watched("ccxt sends a stop as a market order at once."),
        is_listed_by_symbol=True,
        is_traded_by_symbol=True,
    ),
    swap_refusal="ccxt writes sizes and prices of contracts as floats, and rests immediate orders.",
    receive_window_ms=5_000,
)
_KUCOIN_BOOK = named()
KUCOIN = Capabilities(
    venue="kucoin",
    tested=Tested.WIRE,
    spot=spot(
        "kucoin",
        _KUCOIN_BOOK,
        StopTerms(form=StopForm.MARKET),
        trigger=Book(
            lookups=(opened(trigger=True), *_KUCOIN_BOOK.lookups),
            cancels=(by_id("cancel_order", trigger=True), *_KUCOIN_BOOK.cancels),
        ),
        listings=(opened(), opened(trigger=True)),
        trades_page_max=50,
    ),
    swap=swap(
        "kucoin",
        Book(
            lookups=(
                by_id("fetch_order"),
                opened(pageSize=100),
                closed(pageSize=100),
            ),
            cancels=_KUCOIN_BOOK.cancels,
        ),
        watched("KuCoin cancels a stop on a contract by its own number only."),
        _SWAP,
        params=_CROSS,
        is_quantity_whole=True,
        listings=(
            opened(**_SWAP, pageSize=100),
            opened(**_SWAP, pageSize=100, trigger=True),
        ),
        cancel_proof=CancelProof(path=("data", "cancelledOrderIds")),
        balance_params={"type": "swap", "code": "USDT"},
        position_params={},
        trades_page_max=50,
    ),
    options={"uta": False},
    trade_window_days=7,
    needs_password=True,
    notes=("Needs a classic account.", "Swaps are those settled in USDT."),
)
_HTX_SWAP: dict[str, Any] = {"type": "swap", "subType": "linear"}
HTX = Capabilities(
    venue="htx",
    tested=Tested.WIRE,
    spot=spot(
        "htx",
        Book(
            lookups=named(closed(states="filled,partial-canceled,canceled")).lookups,
            # Of the answer to its own cancel ccxt keeps nothing.
            cancels=(
                by_id(
                    "spot_private_post_v1_order_orders_submitcancelclientorder",
                    key="client-order-id",
                ),
            ),
        ),
        # It is the same order before and after it fires.
        StopTerms(form=StopForm.LIMIT),
        market_buy_params=None,
        id_keys=("client-order-id",),
        # Partly cancelled, cancelled, being cancelled; the others say that nothing was.
        cancel_proof=CancelProof(path=("data",), values=frozenset({"5", "7", "10"})),
    ),
    swap=swap(
        "htx",
        named(closed(states="filled,partially_canceled,canceled")),
        watched("ccxt overwrites what marks a stop on a contract, so it would leave at once."),
        _HTX_SWAP,
        params=_CROSS,
        is_traded_by_symbol=True,
        cancel_proof=CancelProof(path=("order_id",)),
        listings=(
            opened(**_HTX_SWAP),
            opened(**_HTX_SWAP, trigger=True),
            opened(**_HTX_SWAP, stopLossTakeProfit=True),
            opened(**_HTX_SWAP, trailing=True),
        ),
    ),
    trade_window_days=2,
    notes=("ccxt asks once for the account's number before the first spot order.",),
)
