"""Refusals: the codes by which a venue says for certain that it did not take an order.

What is not in here proves nothing: the order may be there. The codes are the venues' documented
ones; a code that some venue also uses for a fault of its own is left out.
"""

from collections.abc import Mapping
from typing import Final

Path = tuple[str | int, ...]

FUNDS: Final = "There is not enough free balance for this order."
TOO_SMALL: Final = "The order is smaller than the venue takes."
FILTERS: Final = "The price or the size is not one the venue takes."
NO_SYMBOL: Final = "The venue does not trade this symbol."
CLOSED: Final = "Trading of this symbol is closed at the venue."
KEY: Final = "The venue refused the key: check its secret, its permissions and its IP list."
CLOCK: Final = "The clock here differs too much from the venue's. It is measured again now."
SLOWER: Final = "The venue wants fewer requests. Nothing was taken; try again in a moment."
REDUCE: Final = "There is no position that this order could reduce."
TRIGGER: Final = "The stop would fire at once at the present price."
MARGIN: Final = "There is not enough free margin for this order."
LIMIT: Final = "The venue allows no more open orders, or no larger position."

CODE_PATHS: Final[Mapping[str, tuple[Path, ...]]] = {
    "binance": (("code",),),
    "bybit": (("retCode",),),
    "okx": (("data", 0, "sCode"), ("code",)),
    "kraken": (("error", 0),),
    "kucoin": (("code",),),
    "gate": (("label",),),
    "bitget": (("code",),),
    "coinbase": (
        ("error_response", "error"),
        ("error_response", "new_order_failure_reason"),
        ("error_response", "preview_failure_reason"),
    ),
    "htx": (("err-code",), ("err_code",)),
    "mexc": (("code",),),
    "bitfinex": ((2,),),
    "bitstamp": (("reason", "__all__", 0), ("response_code",), ("code",)),
}
"""Where each venue's code stands in its answer; the first that is there counts."""

_BINANCE_2010 = {
    "Account has insufficient balance for requested action.": FUNDS,
    "Market is closed.": CLOSED,
    "Stop price would trigger immediately.": TRIGGER,
    "This symbol is not permitted for this account.": KEY,
    "Rest API trading is not enabled.": KEY,
    "This action is disabled on this account.": KEY,
}
BY_MESSAGE: Final[Mapping[tuple[str, str], Mapping[str, str]]] = {
    # A duplicate name comes under the same code, and means that the order is there.
    ("binance", "-2010"): _BINANCE_2010,
}
"""Codes that say nothing without the words beside them."""

BY_PHRASE: Final[Mapping[str, Mapping[str, str]]] = {
    "bitfinex": {
        "Invalid order: not enough exchange balance": FUNDS,
        "Invalid order: minimum size": TOO_SMALL,
        "Invalid order: maximum size": LIMIT,
        "apikey: ": KEY,
    },
    "bitstamp": {
        "You need ": FUNDS,
        "You have only ": FUNDS,
        "Minimum order size is ": TOO_SMALL,
        "invalid signature": KEY,
    },
}
"""How a refusal begins where the venue writes sentences with numbers in them, and no code."""

SPEAKS_WITH: Final[Mapping[str, int]] = {"bitfinex": 500}
"""Statuses of a server that fails with which a venue refuses all the same."""

DUPLICATES: Final[Mapping[str, frozenset[str]]] = {
    "binance": frozenset(("Duplicate order sent.", "-4116")),
    "bybit": frozenset(("110072", "170141", "12141")),
    "okx": frozenset(("51016",)),
    "kucoin": frozenset(("126044",)),
}
"""Codes and messages that say the name is taken: the order may be ours, so it is looked up."""

REFUSALS: Final[Mapping[str, Mapping[str, str]]] = {
    "binance": {
        "-1003": SLOWER,
        "-1013": FILTERS,
        "-1015": SLOWER,
        "-1021": CLOCK,
        "-1022": KEY,
        "-1100": FILTERS,
        "-1102": FILTERS,
        "-1111": FILTERS,
        "-1121": NO_SYMBOL,
        "-2014": KEY,
        "-2015": KEY,
        "-2018": FUNDS,
        "-2019": MARGIN,
        "-2021": TRIGGER,
        "-2022": REDUCE,
        "-2025": LIMIT,
        "-2027": LIMIT,
        "-4003": FILTERS,
        "-4005": FILTERS,
        "-4014": FILTERS,
        "-4164": TOO_SMALL,
    },
    "bybit": {
        "10001": FILTERS,
        "10002": CLOCK,
        "10003": KEY,
        "10004": KEY,
        "10005": KEY,
        "10006": SLOWER,
        "10010": KEY,
        "110003": FILTERS,
        "110004": FUNDS,
        "110006": FUNDS,
        "110007": FUNDS,
        "110009": LIMIT,
        "110012": FUNDS,
        "110014": FUNDS,
        "110017": REDUCE,
        "110092": TRIGGER,
        "110093": TRIGGER,
        "110094": TOO_SMALL,
        "170121": NO_SYMBOL,
        "170131": FUNDS,
        "170136": TOO_SMALL,
        "170140": TOO_SMALL,
    },
    "okx": {
        "50011": SLOWER,
        "50036": CLOCK,
        "50102": CLOCK,
        "50111": KEY,
        "50113": KEY,
        "51001": NO_SYMBOL,
        "51006": FILTERS,
        "51008": FUNDS,
        "51020": TOO_SMALL,
        "51119": FUNDS,
        "51121": FILTERS,
        "51131": FUNDS,
        "51169": REDUCE,
        "51280": TRIGGER,
    },
    "kraken": {
        "EOrder:Insufficient funds": FUNDS,
        "EOrder:Insufficient margin": MARGIN,
        "EOrder:Order minimum not met": TOO_SMALL,
        "EOrder:Cost minimum not met": TOO_SMALL,
        "EOrder:Invalid price": FILTERS,
        "EOrder:Tick size check failed": FILTERS,
        "EOrder:Rate limit exceeded": SLOWER,
        "EOrder:Orders limit exceeded": LIMIT,
        "EAPI:Invalid key": KEY,
        "EAPI:Invalid signature": KEY,
        "EAPI:Rate limit exceeded": SLOWER,
        "EGeneral:Permission denied": KEY,
        "EQuery:Unknown asset pair": NO_SYMBOL,
    },
    "kucoin": {
        "200004": FUNDS,
        "300003": FUNDS,
        "400003": KEY,
        "400004": KEY,
        "400005": KEY,
        "400006": KEY,
        "400007": KEY,
        "429000": SLOWER,
        "900001": NO_SYMBOL,
    },
    "gate": {
        "AMOUNT_TOO_LITTLE": TOO_SMALL,
        "BALANCE_NOT_ENOUGH": FUNDS,
        "INSUFFICIENT_AVAILABLE": MARGIN,
        "INVALID_CURRENCY_PAIR": NO_SYMBOL,
        "INVALID_KEY": KEY,
        "INVALID_PRECISION": FILTERS,
        "INVALID_SIGNATURE": KEY,
        "READ_ONLY": KEY,
        "REDUCE_EXCEEDED": REDUCE,
        "TOO_MANY_REQUESTS": SLOWER,
    },
    "bitget": {
        "429": SLOWER,
        "40006": KEY,
        "40008": CLOCK,
        "40009": KEY,
        "40012": KEY,
        "40762": FUNDS,
        "43012": FUNDS,
        "45110": TOO_SMALL,
        "45111": TOO_SMALL,
    },
    "coinbase": {
        "INSUFFICIENT_FUND": FUNDS,
        "INVALID_LIMIT_PRICE_POST_ONLY": FILTERS,
        "INVALID_SIZE_PRECISION": FILTERS,
        "INVALID_PRICE_PRECISION": FILTERS,
        "PREVIEW_INSUFFICIENT_FUND": FUNDS,
        "UNSUPPORTED_ORDER_CONFIGURATION": FILTERS,
    },
    "htx": {
        "account-frozen-balance-insufficient-error": FUNDS,
        "api-signature-not-valid": KEY,
        "base-symbol-error": NO_SYMBOL,
        "invalid-price": FILTERS,
        "invalid-amount": FILTERS,
        "order-limitorder-amount-min-error": TOO_SMALL,
        "order-marketorder-amount-min-error": TOO_SMALL,
        "order-value-min-error": TOO_SMALL,
        "1041": FILTERS,
        "1047": MARGIN,
        "1048": REDUCE,
    },
    "mexc": {
        "429": SLOWER,
        "30002": TOO_SMALL,
        "30004": FUNDS,
        "30005": FUNDS,
        "30010": FILTERS,
        "30014": NO_SYMBOL,
        "10101": FUNDS,
        "700002": KEY,
        "700003": CLOCK,
        "10072": KEY,
    },
    "bitfinex": {
        "apikey: invalid": KEY,
        "ERR_RATE_LIMIT": SLOWER,
        "symbol: invalid": NO_SYMBOL,
    },
    "bitstamp": {
        "403.002": KEY,
        "API0001": KEY,
        "API0003": KEY,
        "API0005": KEY,
    },
}
"""Each venue's definitive codes, with what to tell the operator."""
