"""Orders as text: any text is a draft or a refusal; nothing is understood that was not written."""

import re
import unicodedata
from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from bot.callbacks import suggestion_name
from bot.parsing.arguments import alert_of, cancel_of, chart_of, close_of, surplus_of
from bot.parsing.drafts import Draft, Verb, draft_free, draft_order
from bot.parsing.refusals import TITLE_CHARACTERS_MAX, Refusal
from bot.parsing.words import split_command
from engine.numbers import MAGNITUDE_MAX, plain
from engine.orders import OrderPurpose
from engine.signals import SignalAction, Target, TradingSignal
from tests.bot.parsing.markets import MARKET
from tests.bot.parsing.test_arguments import BTC, ENTRY, ETH, EXIT, order

TELEGRAM_CHARACTERS_MAX = 4096
OTHER = order("qdother", "ETH/USDT", OrderPurpose.ENTRY)

_WORDS = (
    "btc BTC/USDT btcusdt btcc eth 1inch usdt usd $ @ sl tp risk on bybit binance perp spot short "
    "3x x3 0.01 250 2% 61,200 61,200.5 -1 -0 0 1e5 1e999999999 0x10 nan inf all half market limit "
    "at , ; : = % k 99999999999 ０．０１ −5 \u200f ٠٫٠١ ① ½ Ⅷ 一 <b> & /buy \U0001f4b5 \ud800 \x00"
).split(" ")
# Every character there is, lone surrogates included: JSON can carry them.
ANY_CHARACTERS = st.text(st.characters(), max_size=60)
TEXTS = st.one_of(
    ANY_CHARACTERS,
    st.lists(st.sampled_from(_WORDS), max_size=12).map(" ".join),
    st.lists(st.sampled_from(_WORDS), max_size=12).map("".join),
    st.tuples(ANY_CHARACTERS, st.sampled_from([100, 299, 300, 301, 4096, 5000])).map(
        lambda pair: (pair[0] * pair[1])[: pair[1]]
    ),
)


def is_a_sentence_for_a_person(refusal: Refusal) -> bool:
    words = (refusal.title, refusal.sentence, *refusal.examples)
    return (
        all(text.isprintable() for text in words)
        and 0 < len(refusal.title) <= TITLE_CHARACTERS_MAX
        and refusal.sentence.startswith("Nothing was sent. ")
        and refusal.sentence[-1] in ".?"
        and len(refusal.sentence) <= 300
        and bool(refusal.examples)
        # A suggestion becomes a button, named by the hash of its words.
        and all(suggestion_name(one.command) for one in refusal.suggestions)
    )


@given(text=TEXTS, verb=st.sampled_from(Verb))
def test_any_text_is_a_draft_or_a_refusal_in_a_sentence(text: str, verb: Verb) -> None:
    result = draft_order(verb, text, MARKET)
    assert isinstance(result, Draft) or is_a_sentence_for_a_person(result)
    free = draft_free(text, MARKET)
    assert free is None or isinstance(free, Draft) or is_a_sentence_for_a_person(free)


@given(text=TEXTS)
def test_any_words_after_any_command_are_understood_or_refused_in_a_sentence(text: str) -> None:
    results = [
        close_of(text, (BTC, ETH)),
        cancel_of(text, (ENTRY, EXIT, OTHER)),
        chart_of(text, MARKET),
        alert_of(text),
        surplus_of("flatten", text),
        surplus_of("status", text),
    ]
    for result in results:
        assert not isinstance(result, Refusal) or is_a_sentence_for_a_person(result)
    parted = split_command(text)
    assert parted is None or re.fullmatch(r"[a-z0-9_]{1,32}", parted[0])


# -- what is accepted reads the same when it is written again ------------------------------------


def written(draft: Draft) -> tuple[Verb, str]:
    """Write a draft as the plainest command that means it."""
    wish = draft.signal
    words = [wish.symbol, "on", draft.venue]
    if ":" in wish.symbol:
        words.append("perp")
    if wish.action is SignalAction.SHORT:
        words.append("short")
    base, quote = wish.symbol.partition(":")[0].split("/")
    sizes = [(wish.quantity, f" {base}"), (wish.notional, f" {quote}"), (wish.percent, "%")]
    words += [f"{plain(size)}{unit}" for size, unit in sizes if size is not None]
    if wish.risk_pct is not None:
        words.append(f"risk {plain(wish.risk_pct)}%")
    if wish.price_limit is not None:
        words.append(f"limit {plain(wish.price_limit)}")
    if wish.stop_loss is not None:
        words.append(f"sl {plain(wish.stop_loss)}")
    if wish.stop_loss_pct is not None:
        words.append(f"sl {plain(wish.stop_loss_pct)}%")
    words += [
        f"tp {plain(target.price)}" if target.price is not None else f"tp {plain_percent(target)}"
        for target in wish.targets
    ]
    words.append(f"leverage {plain(wish.leverage)}")
    return Verb.BUY if wish.action is SignalAction.BUY else Verb.SELL, " ".join(words)


def plain_percent(target: Target) -> str:
    assert target.percent is not None
    return f"{plain(target.percent)}%"


def reads_the_same_again(draft: Draft) -> bool:
    verb, text = written(draft)
    return draft_order(verb, text, MARKET) == draft


@given(text=TEXTS, verb=st.sampled_from(Verb))
def test_what_any_text_is_taken_for_reads_the_same_when_written_plainly(
    text: str, verb: Verb
) -> None:
    result = draft_order(verb, text, MARKET)
    assert isinstance(result, Refusal) or reads_the_same_again(result)


# -- valid orders, from a grammar ----------------------------------------------------------------

NUMBERS = st.one_of(
    st.decimals("0.00001", "99999", places=5),
    st.integers(1, 10**9).map(Decimal),
    st.decimals("0.01", "9999999", places=2),
)
PERCENTS = st.decimals("0.01", "99.99", places=2)
DIGITS = {
    "plain": "0123456789",
    "arabic": "٠١٢٣٤٥٦٧٨٩",
    "fullwidth": "０１２３４５６７８９",
    "devanagari": "०१२३४५६७८९",
}


@st.composite
def spelled(draw: st.DrawFn, number: Decimal) -> str:
    """Write a number in one of the ways that have one meaning."""
    text = plain(number)
    whole, point, broken = text.partition(".")
    grouped = f"{int(whole):,}" + point + broken
    # One comma without a point has two meanings; see the test of what is refused.
    if grouped.count(",") >= 2 or ("," in grouped and point):
        text = draw(st.sampled_from([text, grouped]))
    elif whole == "0":
        text = draw(st.sampled_from([text, text[1:]]))
    digits = draw(st.sampled_from(sorted(DIGITS.values())))
    made = text.translate(str.maketrans("0123456789", digits))
    if digits == DIGITS["arabic"]:
        made = made.replace(".", "٫").replace(",", "٬")
    return draw(st.sampled_from(["", "+"])) + made if made[0] != "." else made


@st.composite
def orders(draw: st.DrawFn) -> tuple[Verb, str, Draft]:
    """Make an order's text with its clauses in any order, and what it must be taken for."""
    clauses: list[str] = []
    verb = draw(st.sampled_from(Verb))
    is_perp = draw(st.booleans())
    is_short = verb is Verb.SELL and is_perp and draw(st.booleans())
    protects = verb is Verb.BUY or is_short
    fields: dict[str, Any] = {}
    base = draw(st.sampled_from(["BTC", "ETH"]))
    venue = "bybit" if is_perp or (base == "BTC" and draw(st.booleans())) else "binance"
    names = (f"{base}", f"{base}/USDT", f"{base}USDT", f"{base}-USDT")
    clauses.append(draw(st.sampled_from(names)))
    if is_perp:
        clauses.append(draw(st.sampled_from(["perp", "swap", "futures"])))
        if draw(st.booleans()):
            leverage = draw(st.integers(1, 125))
            forms = [f"{leverage}x", f"x{leverage}", f"lev {leverage}", f"leverage {leverage}x"]
            clauses.append(draw(st.sampled_from(forms)))
            fields["leverage"] = Decimal(leverage)
    if is_short:
        clauses.append("short")
    if venue == "bybit" and (not is_perp or draw(st.booleans())):
        clauses.append("on bybit")
    size = draw(_sizes(base, with_risk=protects))
    clauses.append(size[0])
    fields |= size[1]
    if draw(st.booleans()):
        price = draw(NUMBERS)
        mark = draw(st.sampled_from(["@", "@ ", "limit ", "limit=", "at "]))
        clauses.append(f"{mark}{draw(spelled(price))}")
        fields["price_limit"] = price
    elif draw(st.booleans()):
        clauses.append(draw(st.sampled_from(["market", "at market"])))
    if protects:
        made, wanted = draw(_protections(needs_stop="risk_pct" in fields))
        clauses += made
        fields |= wanted
    arranged = draw(st.permutations(clauses))
    if "percent" in fields:
        # `tp 4% 5%` is a ladder, so a share of the account stands before the targets.
        arranged = [size[0], *(clause for clause in arranged if clause is not size[0])]
    text = draw(_joined(arranged))
    symbol = f"{base}/USDT:USDT" if is_perp else f"{base}/USDT"
    action = SignalAction.SHORT if is_short else SignalAction(verb.value)
    wish = TradingSignal(symbol=symbol, action=action, venue=venue, **fields)
    return verb, text, Draft(signal=wish, venue=venue)


@st.composite
def _sizes(draw: st.DrawFn, base: str, *, with_risk: bool) -> tuple[str, dict[str, Any]]:
    kinds = ["base", "quote", "dollars", "percent", "word", *(["risk"] if with_risk else [])]
    kind = draw(st.sampled_from(kinds))
    if kind == "word":
        word, percent = draw(st.sampled_from([("all", 100), ("half", 50), ("everything", 100)]))
        return word, {"percent": Decimal(percent)}
    number = draw(PERCENTS if kind in ("percent", "risk") else NUMBERS)
    text = draw(spelled(number))
    gap = draw(st.sampled_from(["", " "]))
    match kind:
        case "base":
            return f"{text}{gap}{base}", {"quantity": number}
        case "quote":
            return f"{text}{gap}usdt", {"notional": number}
        case "dollars":
            return f"${text.lstrip('+')}", {"notional": number}
        case "percent":
            return f"{text}{gap}%", {"percent": number}
        case _:
            return f"risk {text}{gap}%", {"risk_pct": number}


@st.composite
def _protections(draw: st.DrawFn, *, needs_stop: bool) -> tuple[list[str], dict[str, Any]]:
    clauses: list[str] = []
    fields: dict[str, Any] = {}
    if needs_stop or draw(st.booleans()):
        name = draw(st.sampled_from(["sl ", "stop ", "stoploss ", "stop-loss ", "sl=", "sl:"]))
        number, unit = draw(_distances())
        clauses.append(f"{name}{draw(spelled(number))}{unit}")
        fields["stop_loss_pct" if unit else "stop_loss"] = number
    targets = draw(st.lists(_distances(), max_size=6))
    share = (1 / Decimal(len(targets) or 1)).quantize(Decimal("0.0001"), "ROUND_DOWN")
    if targets:
        # The shares stand in the order written, so the targets stay one clause.
        parts = [f"tp {draw(spelled(number))}{unit}" for number, unit in targets]
        clauses.append(" ".join(parts))
        rest = 1 - share * (len(targets) - 1)
        fractions = [share] * (len(targets) - 1) + [rest]
        fields["targets"] = tuple(
            Target(percent=number, fraction=part) if unit else Target(price=number, fraction=part)
            for (number, unit), part in zip(targets, fractions, strict=True)
        )
    return clauses, fields


@st.composite
def _distances(draw: st.DrawFn) -> tuple[Decimal, str]:
    unit = draw(st.sampled_from(["", "%"]))
    return draw(PERCENTS if unit else NUMBERS), unit


@st.composite
def _joined(draw: st.DrawFn, clauses: list[str]) -> str:
    gaps = st.sampled_from([" ", "  ", "\n", "\u00a0", "\u200f ", " and ", " please "])
    text = "".join(f"{clause}{draw(gaps)}" for clause in clauses)
    return draw(st.sampled_from([text, text.upper(), text.lower(), text.title()]))


@given(case=orders())
def test_a_valid_order_is_understood_whatever_the_order_of_its_clauses(
    case: tuple[Verb, str, Draft],
) -> None:
    verb, text, wanted = case
    assert draft_order(verb, text, MARKET) == wanted
    assert reads_the_same_again(wanted)


# -- near-misses ---------------------------------------------------------------------------------


def numbers_written(text: str) -> set[Decimal]:
    """Read every number out of a text in another way than the parser does."""
    folded = unicodedata.normalize("NFKC", text.replace("٫", ".").replace("٬", ","))
    digits = "".join(
        str(unicodedata.decimal(each, each))
        for each in folded
        if unicodedata.category(each) != "Cf"
    )
    found = re.findall(r"[0-9][0-9,]*(?:\.[0-9]+)?|\.[0-9]+", digits)
    return {Decimal(each.replace(",", "")) for each in found} | {Decimal(50), Decimal(100)}


def numbers_of(wish: TradingSignal) -> set[Decimal]:
    singles = (
        *(wish.quantity, wish.notional, wish.percent, wish.risk_pct, wish.price_limit),
        *(wish.stop_loss, wish.stop_loss_pct),
        *(target.price or target.percent for target in wish.targets),
        wish.leverage if wish.leverage != 1 else None,
    )
    return {number for number in singles if number is not None}


@given(text=TEXTS, verb=st.sampled_from(Verb))
def test_no_number_is_traded_that_was_not_written(text: str, verb: Verb) -> None:
    result = draft_order(verb, text, MARKET)
    assert isinstance(result, Refusal) or numbers_of(result.signal) <= numbers_written(text)


@given(case=orders(), data=st.data())
def test_an_order_with_one_token_changed_is_refused_or_says_what_it_now_says(
    case: tuple[Verb, str, Draft], data: st.DataObject
) -> None:
    verb, text, _ = case
    tokens = text.split()
    place = data.draw(st.integers(0, len(tokens) - 1), label="place")
    token = tokens[place]
    spot = data.draw(st.integers(0, len(token) - 1), label="spot")
    mutants = [
        "",
        token[:spot] + token[spot + 1 :],
        token[:spot] + token[spot] * 2 + token[spot + 1 :],
        token[:spot] + data.draw(st.characters()) + token[spot + 1 :],
        data.draw(st.sampled_from(_WORDS)),
        f"-{token}",
    ]
    tokens[place] = data.draw(st.sampled_from(mutants), label="mutant")
    changed = " ".join(tokens)
    result = draft_order(verb, changed, MARKET)
    if isinstance(result, Refusal):
        assert is_a_sentence_for_a_person(result)
        return
    assert numbers_of(result.signal) <= numbers_written(changed)
    assert reads_the_same_again(result)


@given(case=orders(), data=st.data())
def test_a_word_that_says_nothing_known_is_never_passed_over(
    case: tuple[Verb, str, Draft], data: st.DataObject
) -> None:
    verb, text, _ = case
    word = data.draw(st.text("bcdfghjklmnpqrstvwxyz", min_size=4, max_size=9))
    assume(MARKET.find(word, next(iter(MARKET.instruments.values())).kind) is None)
    assume(word not in ("spot", "perp", "perps", "swap", "short", "half"))
    result = draft_order(verb, f"{text} {word}", MARKET)
    assert isinstance(result, Refusal)
    assert is_a_sentence_for_a_person(result)


# -- numbers that have no meaning, or two --------------------------------------------------------

AMBIGUOUS = st.builds(lambda a, b: f"{a},{b:03}", st.integers(1, 999), st.integers(0, 999))
NOT_NUMBERS = st.one_of(
    AMBIGUOUS,
    st.builds(lambda a, b: f"{a}e{b}", st.integers(0, 999), st.integers(-(10**9), 10**9)),
    st.integers(0, 2**64).map(hex),
    st.builds(lambda a, b: f"{a}_{b}", st.integers(0, 999), st.integers(0, 999)),
    st.builds(lambda a, b: f"{a}'{b}", st.integers(0, 999), st.integers(0, 999)),
    st.builds(lambda a, b: f"{a},{b}", st.integers(0, 9), st.integers(0, 99)),
    st.builds(lambda a, b, c: f"{a}.{b}.{c}", *[st.integers(0, 999)] * 3),
    st.decimals("0", "1e9", places=2).map(lambda number: f"-{number}"),
    st.integers(0, 40).map(lambda zeros: "0." + "0" * zeros),
    st.integers(25, 280).map(lambda digits: "9" * digits),
    st.integers(1, 9).map(lambda one: str(MAGNITUDE_MAX * one + 1)),
    st.sampled_from(["nan", "inf", "-inf", "infinity", "NaN", "-nan", "-0", "½", "①", "一", "Ⅷ"]),
)


@given(number=NOT_NUMBERS, verb=st.sampled_from(Verb), clause=st.sampled_from(["", "@", "limit "]))
def test_a_number_without_exactly_one_meaning_is_refused(
    number: str, verb: Verb, clause: str
) -> None:
    size = "0.5 " if clause else ""
    result = draft_order(verb, f"btc {size}{clause}{number}", MARKET)
    folded = unicodedata.normalize("NFKC", number)
    # A circled one is a one; that is all it can mean.
    if number == "①":
        assert isinstance(result, Draft)
        assert numbers_of(result.signal) <= {Decimal(1), Decimal("0.5")}
        return
    assert isinstance(result, Refusal), folded
    assert is_a_sentence_for_a_person(result)


@given(number=NUMBERS, data=st.data())
def test_every_notation_of_a_number_means_the_same(number: Decimal, data: st.DataObject) -> None:
    text = data.draw(spelled(number))
    result = draft_order(Verb.BUY, f"btc {text} usdt", MARKET)
    assert isinstance(result, Draft), text
    assert result.signal == replace(result.signal, notional=number)
