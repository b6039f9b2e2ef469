"""The words of the capability table: what is said to a venue through ccxt, and in which way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from engine.identities import ClientIdForm
from engine.instruments import InstrumentKind

Params = Mapping[str, object]
IOC: Params = MappingProxyType({"timeInForce": "IOC"})
REDUCE_ONLY: Params = MappingProxyType({"reduceOnly": True})


class Naming(StrEnum):
    """How a question or a cancel names the order that it means.

    PARAMETER: our client order id travels in a parameter; ARGUMENT: it stands where the venue's own
    id would; VENUE_ID: only the venue's own id is understood; LISTED: nothing is named, the order
    is searched in the list that comes back.
    """

    PARAMETER = "parameter"
    ARGUMENT = "argument"
    VENUE_ID = "venue_id"
    LISTED = "listed"


class Source(StrEnum):
    """Where an order is looked for."""

    BY_ID = "by_id"
    OPEN = "open"
    CLOSED = "closed"
    TRADES = "trades"


class StopForm(StrEnum):
    """How a stop rests at the venue: as a market order, only as a limit order, or not at all.

    NONE leaves the stop to the engine, which watches the price.
    """

    MARKET = "market"
    LIMIT = "limit"
    NONE = "none"


class Tested(StrEnum):
    """How far a venue was tried: DEEP with streams, faults and drills, WIRE request by request."""

    DEEP = "deep"
    WIRE = "wire"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One way to ask for orders, or to cancel one.

    `method` is ccxt's, unified or of the venue's own endpoints; `key` the parameter that carries
    our id under `Naming.PARAMETER`; `weight` what it costs of the venue's request budget, in its
    units; `page_max` how many rows come back at most, None where the answer is one order; a list as
    long as that proves no absence. `market_key` names the parameter of an endpoint that
    takes the venue's id of the market; `unwrap` where the order lies in that endpoint's answer;
    `date_key` the one that takes the day (UTC) of the order beside our id.
    """

    method: str
    source: Source
    naming: Naming
    key: str = "clientOrderId"
    params: Params = field(default_factory=dict)
    weight: int = 1
    page_max: int | None = None
    takes_since: bool = False
    market_key: str | None = None
    unwrap: str | None = None
    date_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """How one kind of order, plain or trigger, is created, found and cancelled.

    `id_key` is the parameter of `create_order` that carries our id; `lookups` stand in the order in
    which they are asked; each of `cancels` is tried when the one before found nothing.
    """

    lookups: tuple[Question, ...]
    cancels: tuple[Question, ...]
    id_key: str = "clientOrderId"
    params: Params = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StopTerms:
    """How a stop is created: `price_key` carries its trigger price.

    `buy` and `sell` are added by side; `children` are the keys of a raw answer that name the order
    which a fired stop became: that one is asked for then. `refusal` says in plain words why no stop
    rests here, under `StopForm.NONE`.
    """

    form: StopForm
    refusal: str = ""
    price_key: str = "triggerPrice"
    buy: Params = field(default_factory=dict)
    sell: Params = field(default_factory=dict)
    children: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """How a create says until when the venue may take it: `window_ms` after it is sent.

    In `header` as milliseconds since 1970, or in the parameter `key` as ISO 8601.
    """

    window_ms: int
    header: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelProof:
    """Where a raw answer says that a cancel was taken, where it names no order.

    What stands under `path` must be one of `values`, or anything but nothing where none are given.
    """

    path: tuple[str, ...]
    values: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """How one kind of instrument, spot or linear swap, is traded at a venue.

    `params` go with every create; `exit_params` with every exit, reduce-only where the venue
    enforces it (`is_reduce_only_enforced`); `ioc_params` make a limit order immediate-or-cancel;
    `market_buy_params` go with a market buy sized in base currency, None where the venue sizes
    those by cost only. `id_prefix` is put before our id on the wire; `id_keys` are keys of a raw
    answer that carry our id where ccxt does not lift it. `listings` ask for all open orders, one
    question for each book; `settle_key` names the settle currency in them. `trade_params` go with a
    question for own trades. `quantity_key` and `price_key` are the venue's own parameters, set
    beside ccxt's where ccxt would write a float: it reads no Decimal as a market's precision.
    `is_quantity_whole` and `is_id_whole` mark what must be a number in JSON, exact as an integer.
    `price_digits_max` is how many significant digits a price may have; `is_fee_unsigned` says that
    a fee's sign as ccxt gives it means nothing: the venue pays no rebates.
    """

    kind: InstrumentKind
    id_form: ClientIdForm
    plain: Book
    trigger: Book
    stop: StopTerms
    listings: tuple[Question, ...]
    params: Params = field(default_factory=dict)
    exit_params: Params = field(default_factory=dict)
    ioc_params: Params = field(default_factory=lambda: IOC)
    market_buy_params: Params | None = field(default_factory=dict)
    is_reduce_only_enforced: bool = False
    quantity_key: str | None = None
    price_key: str | None = None
    is_quantity_whole: bool = False
    is_id_whole: bool = False
    price_digits_max: int | None = None
    is_fee_unsigned: bool = False
    id_prefix: str = ""
    id_keys: tuple[str, ...] = ()
    is_listed_by_symbol: bool = False
    settle_key: str | None = None
    trade_params: Params = field(default_factory=dict)
    is_traded_by_symbol: bool = False
    trades_page_max: int = 100
    balance_params: Params = field(default_factory=dict)
    position_params: Params = field(default_factory=dict)
    leverage_params: Params = field(default_factory=dict)
    cancel_proof: CancelProof | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCheck:
    """Where the venue tells what a key may do.

    `method` is ccxt's; the answer under `path` says that withdrawals are allowed when it is true
    or holds one of `withdraw_words`. `trade_path` and `trade_words` do so for orders.
    """

    method: str
    path: tuple[str, ...]
    withdraw_words: tuple[str, ...] = ()
    trade_path: tuple[str, ...] = ()
    trade_words: tuple[str, ...] = ()
    params: Params = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What one venue can do through ccxt, and how it is asked.

    `options` are set on every client; `receive_window_ms` is how long after its time stamp the
    venue still takes a create, None where it knows none; `trade_window_days` how far one question
    for own trades reaches, None where there is no bound; `has_*_stream` tell of ccxt.pro. `unused`
    names the kinds of instruments of which the account's venue lists none: nothing is asked there.
    `swap_refusal` says in plain words why there is no swap; `deadline` how a create is bounded
    where ccxt does not see to it by itself.
    """

    venue: str
    tested: Tested
    spot: Segment
    swap: Segment | None = None
    swap_refusal: str = ""
    deadline: Deadline | None = None
    options: Params = field(default_factory=dict)
    receive_window_ms: int | None = None
    trade_window_days: int | None = None
    has_order_stream: bool = True
    has_trade_stream: bool = True
    has_sandbox: bool = False
    needs_password: bool = False
    cancel_all: frozenset[InstrumentKind] = frozenset()
    key_check: KeyCheck | None = None
    notes: tuple[str, ...] = ()
    unused: frozenset[InstrumentKind] = frozenset()

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Give the kinds of instruments that are traded here."""
        known = (self.spot,) if self.swap is None else (self.spot, self.swap)
        return tuple(each for each in known if each.kind not in self.unused)

    def segment(self, kind: InstrumentKind) -> Segment | None:
        """Give how a kind of instrument is traded, None where it is not."""
        return self.spot if kind is InstrumentKind.SPOT else self.swap
