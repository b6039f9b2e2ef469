"""The capability table of Binance and Bybit, which are tried deep."""

from engine.identities import form_of
from engine.instruments import InstrumentKind
from engine.venues.live.capabilities_terms import (
    REDUCE_ONLY,
    Book,
    Capabilities,
    KeyCheck,
    Naming,
    Question,
    Segment,
    Source,
    StopForm,
    StopTerms,
    Tested,
)

_BY_PARAMETER = Naming.PARAMETER
_SPOT, _SWAP = InstrumentKind.SPOT, InstrumentKind.SWAP
_TRIGGER = {"trigger": True}


def _binance_book(**params: object) -> Book:
    """Our id finds and cancels; a fired swap stop is an order of the plain book too."""
    fetch = Question(
        method="fetch_order", source=Source.BY_ID, naming=_BY_PARAMETER, params=params, weight=4
    )
    cancel = Question(
        method="cancel_order", source=Source.BY_ID, naming=_BY_PARAMETER, params=params
    )
    return Book(lookups=(fetch, _open(params), _BINANCE_CLOSED), cancels=(cancel,))


def _open(params: object) -> Question:
    assert isinstance(params, dict)
    return Question(
        method="fetch_open_orders",
        source=Source.OPEN,
        naming=Naming.LISTED,
        params=params,
        weight=6,
        page_max=1000,
    )


_BINANCE_CLOSED = Question(
    method="fetch_orders",
    source=Source.CLOSED,
    naming=Naming.LISTED,
    weight=20,
    page_max=1000,
    takes_since=True,
)


def _binance_listing(**params: object) -> Question:
    return Question(
        method="fetch_open_orders",
        source=Source.OPEN,
        naming=Naming.LISTED,
        params=params,
        weight=80 if not params else 40,
    )


_LINEAR = {"type": "swap", "subType": "linear"}
BINANCE = Capabilities(
    venue="binance",
    tested=Tested.DEEP,
    spot=Segment(
        kind=_SPOT,
        id_form=form_of("binance", is_swap=False),
        plain=_binance_book(),
        trigger=_binance_book(),
        stop=StopTerms(form=StopForm.MARKET),
        quantity_key="quantity",
        price_key="price",
        listings=(_binance_listing(),),
        is_traded_by_symbol=True,
        trades_page_max=1000,
    ),
    swap=Segment(
        kind=_SWAP,
        id_form=form_of("binance", is_swap=True),
        plain=_binance_book(),
        trigger=Book(
            lookups=(*_binance_book(trigger=True).lookups[:2], *_binance_book().lookups),
            cancels=(*_binance_book(trigger=True).cancels, *_binance_book().cancels),
        ),
        stop=StopTerms(
            form=StopForm.MARKET,
            buy={"workingType": "MARK_PRICE"},
            sell={"workingType": "MARK_PRICE"},
            children=("actualOrderId",),
        ),
        exit_params=REDUCE_ONLY,
        is_reduce_only_enforced=True,
        quantity_key="quantity",
        price_key="price",
        listings=(_binance_listing(**_LINEAR), _binance_listing(**_LINEAR, trigger=True)),
        is_traded_by_symbol=True,
        trades_page_max=1000,
        balance_params=_LINEAR,
        position_params=_LINEAR,
    ),
    options={"fetchOpenOrders": {"warnWithoutSymbol": False}},
    receive_window_ms=10_000,
    trade_window_days=1,
    has_sandbox=True,
    cancel_all=frozenset({_SPOT, _SWAP}),
    key_check=KeyCheck(
        method="sapi_get_account_apirestrictions",
        path=("enableWithdrawals",),
        trade_path=("enableSpotAndMarginTrading",),
    ),
    notes=("A spot stop lies in the plain book.", "The sandbox does not tell what a key may do."),
)


def _bybit_book(**params: object) -> Book:
    """Our id is `orderLinkId`, in lists only; a list without it proves the absence."""
    question = Question(
        method="fetch_open_orders",
        source=Source.BY_ID,
        naming=_BY_PARAMETER,
        key="orderLinkId",
        params=params,
        page_max=50,
    )
    closed = Question(
        method="fetch_canceled_and_closed_orders",
        source=Source.CLOSED,
        naming=_BY_PARAMETER,
        key="orderLinkId",
        params=params,
        page_max=50,
    )
    traded = Question(
        method="fetch_my_trades",
        source=Source.TRADES,
        naming=_BY_PARAMETER,
        key="orderLinkId",
        page_max=100,
    )
    cancel = Question(
        method="cancel_order",
        source=Source.BY_ID,
        naming=_BY_PARAMETER,
        key="orderLinkId",
        params=params,
    )
    return Book(lookups=(question, closed, traded), cancels=(cancel,))


def _bybit_listing(**params: object) -> Question:
    return Question(
        method="fetch_open_orders",
        source=Source.OPEN,
        naming=Naming.LISTED,
        params=params,
        page_max=50,
    )


_BYBIT_TRIGGER = Book(
    lookups=(*_bybit_book(trigger=True).lookups, *_bybit_book().lookups[:2]),
    cancels=(*_bybit_book(trigger=True).cancels, *_bybit_book().cancels),
)
BYBIT = Capabilities(
    venue="bybit",
    tested=Tested.DEEP,
    spot=Segment(
        kind=_SPOT,
        id_form=form_of("bybit", is_swap=False),
        plain=_bybit_book(),
        trigger=_BYBIT_TRIGGER,
        stop=StopTerms(form=StopForm.MARKET),
        listings=(_bybit_listing(type="spot"), _bybit_listing(type="spot", trigger=True)),
        id_keys=("orderLinkId",),
        trade_params={"type": "spot"},
    ),
    swap=Segment(
        kind=_SWAP,
        id_form=form_of("bybit", is_swap=True),
        plain=_bybit_book(),
        # One book, one id: a fired stop goes on under its own name.
        trigger=_bybit_book(),
        stop=StopTerms(
            form=StopForm.MARKET,
            buy={"triggerDirection": "ascending", "triggerBy": "MarkPrice"},
            sell={"triggerDirection": "descending", "triggerBy": "MarkPrice"},
        ),
        params={"positionIdx": 0},
        exit_params=REDUCE_ONLY,
        is_reduce_only_enforced=True,
        listings=(
            _bybit_listing(type="swap", subType="linear"),
            _bybit_listing(type="swap", subType="linear", trigger=True),
        ),
        settle_key="settleCoin",
        id_keys=("orderLinkId",),
        trade_params={"type": "swap", "subType": "linear"},
        position_params={"type": "swap", "subType": "linear"},
    ),
    options={"enableUnifiedMargin": False, "enableUnifiedAccount": True},
    receive_window_ms=5_000,
    trade_window_days=7,
    has_sandbox=True,
    cancel_all=frozenset({_SPOT, _SWAP}),
    key_check=KeyCheck(
        method="private_get_v5_user_query_api",
        path=("result", "permissions", "Wallet"),
        withdraw_words=("Withdraw",),
        trade_path=("result", "permissions", "ContractTrade"),
        trade_words=("Order",),
    ),
    notes=("Needs a unified trading account.",),
)
