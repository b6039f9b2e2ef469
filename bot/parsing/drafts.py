"""Drafts: an order's text made into a signal for a venue, or a refusal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum

from bot.parsing.refusals import TITLE_CHARACTERS_MAX, Malformed, Refusal, Suggestion, shown
from bot.parsing.symbols import DOLLARS, Market
from bot.parsing.wishes import Wish, read_wish
from bot.parsing.words import TEXT_CHARACTERS_MAX, WORDS_MAX, words_of
from engine.errors import InvalidInput
from engine.exit_plan import NO_PLAN, ExitPlan
from engine.instruments import Instrument, InstrumentKind
from engine.numbers import ONE
from engine.signals import SignalAction, Target, TradingSignal

PRESETS = ("100", "250", "500")
_FREE_VERBS = {"buy": "buy", "long": "buy", "sell": "sell", "short": "short"}


class Verb(StrEnum):
    """The command an order came by."""

    BUY = "buy"
    SELL = "sell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A signal ready to be submitted to a venue; every number in it is finite and above zero."""

    signal: TradingSignal
    venue: str


def draft_order(verb: Verb, text: str, market: Market) -> Draft | Refusal:
    """Read what followed /buy or /sell. Never raises."""
    if len(text) > TEXT_CHARACTERS_MAX:
        return _refusal(verb, "Too long", f"An order has at most {TEXT_CHARACTERS_MAX} characters.")
    words = words_of(text)
    if len(words) > WORDS_MAX:
        return _refusal(verb, "Too long", f"An order has at most {WORDS_MAX} words.")
    base = "eth" if verb is Verb.SELL else "btc"
    try:
        wish = read_wish(words, market.currencies(), market.venues)
        instrument = _instrument(wish, words, verb, market)
        base = instrument.base.casefold()
        return _draft(wish, words, verb, instrument)
    except Malformed as fault:
        return _refusal(verb, fault.title, fault.sentence, base, fault.suggestions)
    except InvalidInput as fault:
        return _refusal(verb, "Cannot be traded", str(fault), base)


def draft_free(text: str, market: Market) -> Draft | Refusal | None:
    """Read a text without a command; None where it does not look like an order. Never raises."""
    verb, _, rest = text.strip().partition(" ")
    meant = _FREE_VERBS.get(verb.casefold())
    if meant is None or not rest.strip():
        return None
    if meant == "short":
        return draft_order(Verb.SELL, f"{rest} short", market)
    return draft_order(Verb(meant), rest, market)


def _refusal(
    verb: Verb,
    title: str,
    sentence: str,
    base: str | None = None,
    suggestions: tuple[Suggestion, ...] = (),
) -> Refusal:
    name = base or ("eth" if verb is Verb.SELL else "btc")
    examples = (
        (f"/sell {name} 50%", f"/sell {name} all", f"/sell {name} 0.01")
        if verb is Verb.SELL
        else (f"/buy {name} 250 usdt", f"/buy {name} 0.004", f"/buy {name} risk 1% sl 2%")
    )
    return Refusal(
        title=title[:TITLE_CHARACTERS_MAX],
        sentence=f"Nothing was sent. {sentence}",
        examples=examples,
        suggestions=suggestions,
    )


def _instrument(wish: Wish, words: Sequence[str], verb: Verb, market: Market) -> Instrument:
    """Find the one instrument that the words name. Raises: Malformed."""
    if wish.is_perp and wish.is_spot:
        raise Malformed("Spot or perp", "I read spot and perp. Keep one of the two.")
    names = list(wish.names)
    unit = wish.size.unit if wish.size is not None else ""
    if not names and unit and unit not in ("%", "$") and unit.upper() not in DOLLARS:
        names = [unit]
    if not names:
        raise Malformed("Symbol missing", f"{_read(wish, verb)} Which symbol?")
    kinds = _kinds(wish, names)
    found = {
        name: instrument
        for name in names
        for kind in kinds
        if (instrument := market.find(name, kind, wish.venue)) is not None
    }
    if len({each.symbol for each in found.values()}) > 1:
        listed = " and ".join(each.symbol for each in list(found.values())[:2])
        raise Malformed("Two symbols", f"I read {listed}. Keep one of the two.")
    unknown = [name for name in names if name not in found]
    if found and unknown:
        raise Malformed("Word unknown", f"I do not know the word {shown(unknown[0])}.")
    if unknown:
        raise _no_symbol(
            unknown[0],
            market.near(unknown[0], kinds[0], wish.venue),
            wish.venue or " or ".join(market.venues),
            lambda name: _command(verb, words, unknown[0], name),
        )
    return next(iter(found.values()))


def _kinds(wish: Wish, names: Sequence[str]) -> tuple[InstrumentKind, ...]:
    if wish.is_perp or any(":" in name for name in names):
        return (InstrumentKind.SWAP,)
    return (InstrumentKind.SPOT,)


def _no_symbol(
    name: str, near: Sequence[Instrument], where: str, command: Callable[[str], str]
) -> Malformed:
    """Name the closest symbols, each with the whole command as it would be."""
    word = shown(name.upper())
    if not near:
        return Malformed(f"No symbol {word}", f"{word} is not listed at {where}.")
    suggestions = tuple(
        Suggestion(label=each.symbol, command=command(_spoken(each))) for each in near
    )
    listed = ", ".join(each.symbol for each in near)
    return Malformed(f"No symbol {word}", f"Closest: {listed}.", suggestions)


def _spoken(instrument: Instrument) -> str:
    return f"{instrument.base}/{instrument.quote}".casefold()


def _command(verb: Verb, words: Sequence[str], old: str = "", new: str = "") -> str:
    return " ".join([f"/{verb}", *(new if word == old else word for word in words)])


def _read(wish: Wish, verb: Verb, symbol: str | None = None) -> str:
    """Say what was understood."""
    named = [symbol] if symbol is not None else []
    return f"I read: {', '.join([verb, *named, *wish.read])}."


def _draft(wish: Wish, words: Sequence[str], verb: Verb, instrument: Instrument) -> Draft:
    _check_words(wish, verb, instrument)
    if wish.size is None and wish.risk_pct is None:
        raise Malformed(
            "Size missing",
            _read(wish, verb, instrument.symbol),
            _presets(words, verb, instrument),
        )
    signal = TradingSignal(
        symbol=instrument.symbol,
        action=_action(wish, verb),
        price_limit=wish.price_limit,
        leverage=wish.leverage or ONE,
        venue=instrument.venue,
    )
    signal = _sized(signal, wish, instrument)
    return Draft(signal=_protected(signal, wish), venue=instrument.venue)


def _check_words(wish: Wish, verb: Verb, instrument: Instrument) -> None:
    """Refuse words that contradict each other. Raises: Malformed."""
    is_swap = instrument.kind is InstrumentKind.SWAP
    if wish.is_short and verb is Verb.BUY:
        raise Malformed("Buy or short", "A buy is never short. Write /sell btc 0.01 short perp.")
    if wish.is_short and not is_swap:
        raise Malformed("Needs perp", "A short needs the swap. Add the word perp.")
    if wish.leverage is not None and wish.leverage > ONE and not is_swap:
        raise Malformed("Needs perp", "Leverage needs the swap. Add the word perp.")
    if wish.is_market and wish.price_limit is not None:
        raise Malformed("Market or limit", "I read market and a limit. Keep one of the two.")
    if verb is Verb.SELL and not wish.is_short and _protects(wish):
        raise Malformed(
            "No stop on a sell",
            "A sell reduces what is held, so it takes no stop and no target. Leave them out.",
        )
    if verb is Verb.SELL and not wish.is_short and wish.risk_pct is not None:
        raise Malformed("No risk on a sell", "Risk sizes a buy or a short. Write a share: 50%.")


def _protects(wish: Wish) -> bool:
    return wish.stop is not None or bool(wish.targets) or _plan(wish) != NO_PLAN


def _plan(wish: Wish) -> ExitPlan:
    trail, begins = wish.trail, wish.trail_from
    return ExitPlan(
        trail_pct=trail.number if trail is not None and trail.unit == "%" else None,
        trail_distance=trail.number if trail is not None and trail.unit != "%" else None,
        trail_from=begins.number if begins is not None and begins.unit != "%" else None,
        trail_from_pct=begins.number if begins is not None and begins.unit == "%" else None,
        break_even_after=wish.break_even_after,
        close_after_s=wish.close_after_s,
        close_at=wish.close_at,
    )


def _action(wish: Wish, verb: Verb) -> SignalAction:
    if verb is Verb.BUY:
        return SignalAction.BUY
    return SignalAction.SHORT if wish.is_short else SignalAction.SELL


def _presets(words: Sequence[str], verb: Verb, instrument: Instrument) -> tuple[Suggestion, ...]:
    if verb is Verb.SELL:
        shares = ("25%", "50%", "100%")
        return tuple(
            Suggestion(label=share, command=f"{_command(verb, words)} {share}") for share in shares
        )
    quote = instrument.quote
    return tuple(
        Suggestion(
            label=f"{amount} {quote}",
            command=f"{_command(verb, words)} {amount} {quote.casefold()}",
        )
        for amount in PRESETS
    )


def _sized(signal: TradingSignal, wish: Wish, instrument: Instrument) -> TradingSignal:
    """Give the signal its size, in the unit that was written. Raises: Malformed, InvalidInput."""
    if wish.risk_pct is not None:
        if wish.stop is None:
            raise Malformed("Stop missing", "Sizing by risk needs a stop: risk 1% sl 2%.")
        return _protected(signal, wish, risk=wish.risk_pct)
    size = wish.size
    assert size is not None
    unit = size.unit.upper()
    if unit == "%":
        return replace(signal, percent=size.number)
    if unit in ("", instrument.base.upper()):
        return replace(signal, quantity=size.number)
    dollars = unit in ("$", "USD") and instrument.quote.upper() in DOLLARS
    if unit == instrument.quote.upper() or dollars:
        return replace(signal, notional=size.number)
    raise Malformed(
        "Currency differs",
        f"{instrument.symbol} is counted in {instrument.base} and paid in {instrument.quote}, "
        f"not in {'dollars' if unit == '$' else unit}.",
    )


def _protected(signal: TradingSignal, wish: Wish, risk: Decimal | None = None) -> TradingSignal:
    """Give the signal its stop and its targets, in equal shares that add up to one."""
    stop = wish.stop
    percent = stop.number if stop is not None and stop.unit == "%" else None
    price = stop.number if stop is not None and stop.unit != "%" else None
    count = len(wish.targets)
    share = (ONE / count).quantize(Decimal("0.0001"), ROUND_DOWN) if count else ONE
    targets = tuple(
        Target(
            price=None if each.unit == "%" else each.number,
            percent=each.number if each.unit == "%" else None,
            fraction=share if place < count else ONE - share * (count - 1),
        )
        for place, each in enumerate(wish.targets, 1)
    )
    return replace(
        signal,
        stop_loss=price,
        stop_loss_pct=percent,
        targets=targets,
        plan=_plan(wish),
        risk_pct=risk if risk is not None else signal.risk_pct,
    )
