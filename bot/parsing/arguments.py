"""Arguments of the other commands: which position, which order, which chart, which alert."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from bot.parsing.amounts import is_amount, read_amount
from bot.parsing.refusals import TITLE_CHARACTERS_MAX, Malformed, Refusal, Suggestion, shown
from bot.parsing.symbols import Market
from bot.parsing.words import plain, words_of
from engine.commands import AlertKind, AlertMode
from engine.instruments import InstrumentKind
from engine.numbers import HUNDRED, ONE
from engine.orders import Order
from engine.positions import Position

_Read = TypeVar("_Read")
INTERVALS = ("1m", "15m", "1h", "1d")
INTERVAL = "15m"


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseDraft:
    """Name a position and the share of it to close, (0, 1]."""

    position_id: str
    fraction: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelDraft:
    """Name the orders to cancel, or every entry."""

    client_order_ids: tuple[str, ...] = ()
    entries: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartDraft:
    """Name a symbol of a venue and the candle's length."""

    venue: str
    symbol: str
    interval: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertDraft:
    """Name one kind of alert and how a chat is to be told."""

    kind: AlertKind
    mode: AlertMode


_KINDS = {
    "fill": AlertKind.FILL,
    "fills": AlertKind.FILL,
    "trouble": AlertKind.TROUBLE,
    "warning": AlertKind.WARNING,
    "warnings": AlertKind.WARNING,
    "slippage": AlertKind.SLIPPAGE,
    "report": AlertKind.REPORT,
    "reports": AlertKind.REPORT,
    "signal": AlertKind.SIGNAL,
    "signals": AlertKind.SIGNAL,
}
_ALWAYS = frozenset({"stop", "breaker", "breakers", "ticket", "tickets"})


def close_of(text: str, positions: Iterable[Position]) -> CloseDraft | Refusal | None:
    """Read what followed /close: `btc`, `btc 50%`, `P-3F8K`; None when nothing did."""
    words = words_of(text)
    if not words:
        return None
    held = tuple(positions)
    return _read(lambda: _close(words, held), ("/close btc", "/close btc 50%", "/close P-3F8K"))


def _close(words: list[str], held: tuple[Position, ...]) -> CloseDraft:
    shares = [word for word in words if word in ("all", "half") or is_amount(word)]
    names = [word for word in words if word not in shares]
    if not names:
        raise Malformed("Position missing", "Name one position. Closing everything is /flatten.")
    if len(names) > 1 or len(shares) > 1:
        extra = (names + shares)[-1] if len(shares) > 1 else names[1]
        raise Malformed("Too many words", f"I do not know what {shown(extra)} is for.")
    found = [each for each in held if _is_named(names[0], each.short_id, each.symbol)]
    if not found:
        raise _not_held(names[0], held)
    if len(found) > 1:
        raise Malformed(
            "Which position?",
            f"{shown(names[0].upper())} names {len(found)} positions: "
            f"{', '.join(each.short_id for each in found)}.",
            tuple(_close_button(each) for each in found[:4]),
        )
    return CloseDraft(position_id=found[0].position_id, fraction=_share(shares))


def _not_held(name: str, held: tuple[Position, ...]) -> Malformed:
    listed = ", ".join(f"{each.symbol} {each.short_id}" for each in held[:4])
    return Malformed(
        "No such position",
        f"{shown(name.upper())} is not held. " + (f"Open: {listed}." if held else "All is flat."),
        tuple(_close_button(each) for each in held[:4]),
    )


def _close_button(position: Position) -> Suggestion:
    return Suggestion(
        label=f"Close {position.symbol.partition('/')[0]}", command=f"/close {position.short_id}"
    )


def _share(words: list[str]) -> Decimal:
    if not words or words[0] == "all":
        return ONE
    if words[0] == "half":
        return ONE / 2
    amount = read_amount(words[0])
    if amount.unit != "%":
        raise Malformed(
            "Share missing", f"{amount.text} is no share of a position. Write 50%, or /sell."
        )
    if amount.number > HUNDRED:
        raise Malformed("More than held", f"{amount.text} is more than the position.")
    return amount.number / HUNDRED


def cancel_of(text: str, orders: Iterable[Order]) -> CancelDraft | Refusal | None:
    """Read what followed /cancel: `O-7K4M`, `btc`, `all`; None when nothing did.

    `all` means every entry: an exit is cancelled one at a time, by its id.
    """
    words = words_of(text)
    if not words:
        return None
    known = tuple(orders)
    return _read(lambda: _cancel(words, known), ("/cancel O-7K4M", "/cancel btc", "/cancel all"))


def _cancel(words: list[str], known: tuple[Order, ...]) -> CancelDraft:
    if len(words) > 1:
        raise Malformed("Too many words", f"I do not know what {shown(words[1])} is for.")
    word = words[0]
    if word in ("all", "entries", "everything"):
        return CancelDraft(entries=True)
    by_id = [each for each in known if word in (each.short_id.casefold(), each.client_order_id)]
    found = by_id or [
        each for each in known if not each.is_exit and _is_named(word, "", each.symbol)
    ]
    if not found:
        listed = ", ".join(f"{each.symbol} {each.short_id}" for each in known[:4])
        raise Malformed(
            "No such order",
            f"{shown(word.upper())} is no open order. "
            + (f"Open: {listed}." if known else "None is open."),
        )
    return CancelDraft(client_order_ids=tuple(each.client_order_id for each in found))


def chart_of(text: str, market: Market) -> ChartDraft | Refusal:
    """Read what followed /chart: a symbol, and 1m, 15m, 1h or 1d; 15m when left out."""
    return _read(lambda: _chart(words_of(text), market), ("/chart btc", "/chart eth 1h"))


def _chart(read: list[str], market: Market) -> ChartDraft:
    words = [word for word in read if word not in ("perp", "swap")]
    is_swap = len(words) < len(read) or any(":" in word for word in words)
    kind = InstrumentKind.SWAP if is_swap else InstrumentKind.SPOT
    names = [word for word in words if word not in INTERVALS]
    intervals = [word for word in words if word in INTERVALS]
    if not names:
        raise Malformed("Symbol missing", "Which symbol?")
    if len(names) > 1 and is_amount(names[1]):
        raise Malformed(
            "No such interval",
            f"{shown(names[1])} is no interval. There are {', '.join(INTERVALS)}.",
        )
    if len(names) > 1 or len(intervals) > 1:
        extra = names[1] if len(names) > 1 else intervals[1]
        raise Malformed("Too many words", f"I do not know what {shown(extra)} is for.")
    found = market.find(names[0], kind)
    if found is None:
        near = market.near(names[0], kind)
        word = shown(names[0].upper())
        raise Malformed(
            f"No symbol {word}",
            f"Closest: {', '.join(each.symbol for each in near)}."
            if near
            else f"{word} is not listed at {' or '.join(market.venues)}.",
            tuple(
                Suggestion(label=each.symbol, command=f"/chart {each.symbol.casefold()}")
                for each in near
            ),
        )
    interval = intervals[0] if intervals else INTERVAL
    return ChartDraft(venue=found.venue, symbol=found.symbol, interval=interval)


def alert_of(text: str) -> AlertDraft | Refusal | None:
    """Read what followed /alerts: `fills silent`; None when nothing did."""
    words = plain(text).split()
    if not words:
        return None
    return _read(lambda: _alert(words), ("/alerts", "/alerts fills silent", "/alerts reports off"))


def _alert(words: list[str]) -> AlertDraft:
    kinds = "fills, trouble, warnings, slippage, reports, signals"
    if words[0] in _ALWAYS:
        raise Malformed("Always on", "Stop, breaker and tickets are always on.")
    if words[0] not in _KINDS:
        raise Malformed("No such alert", f"{shown(words[0])} is no kind of alert: {kinds}.")
    if len(words) != 2 or words[1] not in tuple(AlertMode):
        raise Malformed("Mode missing", f"Say how: {words[0]} on, silent or off.")
    return AlertDraft(kind=_KINDS[words[0]], mode=AlertMode(words[1]))


def surplus_of(command: str, text: str) -> Refusal | None:
    """Refuse words after a command that takes none and does much: `/flatten btc`."""
    word = (plain(text).split() or [""])[0]
    if not word:
        return None
    if command == "flatten":
        fault = Malformed(
            "Everything, or one?",
            f"/flatten closes everything, and I read {shown(word)}. To close one, use /close.",
        )
        return _refusal(fault, (f"/close {shown(word)}", "/flatten"))
    fault = Malformed("Too many words", f"/{command} takes no words, and I read {shown(word)}.")
    return _refusal(fault, (f"/{command}",))


def _is_named(word: str, short_id: str, symbol: str) -> bool:
    spot = symbol.partition(":")[0].casefold()
    base = spot.partition("/")[0]
    names = (short_id.casefold(), symbol.casefold(), spot, spot.replace("/", ""), base)
    return word in names


def _read(read: Callable[[], _Read], examples: tuple[str, ...]) -> _Read | Refusal:
    try:
        return read()
    except Malformed as fault:
        return _refusal(fault, examples)


def _refusal(fault: Malformed, examples: tuple[str, ...]) -> Refusal:
    return Refusal(
        title=fault.title[:TITLE_CHARACTERS_MAX],
        sentence=f"Nothing was sent. {fault.sentence}",
        examples=examples,
        suggestions=fault.suggestions,
    )
