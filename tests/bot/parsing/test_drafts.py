from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.parsing.drafts import Draft, Verb, draft_free, draft_order
from bot.parsing.refusals import TITLE_CHARACTERS_MAX, Refusal
from engine.signals import SignalAction, Target, TradingSignal
from tests.bot.parsing.markets import MARKET

D = Decimal


def signal(**changes: Any) -> TradingSignal:
    given: dict[str, Any] = {"symbol": "BTC/USDT", "action": SignalAction.BUY, "venue": "binance"}
    return TradingSignal(**(given | changes))


HALVES = (Target(percent=D(4), fraction=D("0.5")), Target(percent=D(8), fraction=D("0.5")))
ACCEPTED = [
    ("/buy BTC/USDT 0.01", signal(quantity=D("0.01"))),
    ("/buy btc 250 usdt", signal(notional=D(250))),
    ("/buy BTCUSDT 250USDT", signal(notional=D(250))),
    ("/buy btc $250", signal(notional=D(250))),
    ("/buy $250 of btc please", signal(notional=D(250))),
    ("/buy btc 250$", signal(notional=D(250))),
    ("/buy btc 250 usd", signal(notional=D(250))),
    ("/buy btc .5", signal(quantity=D("0.5"))),
    ("/buy 0.01 btc", signal(quantity=D("0.01"))),
    ("/buy btc 0.01btc", signal(quantity=D("0.01"))),
    ("/buy btc 1,250.50 usdt", signal(notional=D("1250.50"))),
    ("/buy btc 1,250,000 usdt", signal(notional=D(1250000))),
    ("/buy btc 0.01 @ 61200", signal(quantity=D("0.01"), price_limit=D(61200))),
    ("/buy btc 0.01 @61,200.50", signal(quantity=D("0.01"), price_limit=D("61200.50"))),
    ("/buy btc 0.01 limit 61200 usdt", signal(quantity=D("0.01"), price_limit=D(61200))),
    ("/buy btc 0.01 at 61200", signal(quantity=D("0.01"), price_limit=D(61200))),
    ("/buy btc 0.01 at market", signal(quantity=D("0.01"))),
    ("/buy btc 0.01 sl 2%", signal(quantity=D("0.01"), stop_loss_pct=D(2))),
    ("/buy btc 0.01 sl 2 %", signal(quantity=D("0.01"), stop_loss_pct=D(2))),
    ("/buy btc 0.01 sl2%", signal(quantity=D("0.01"), stop_loss_pct=D(2))),
    ("/buy btc 0.01 stop=59400", signal(quantity=D("0.01"), stop_loss=D(59400))),
    ("/buy btc 0.01 tp 4%", signal(quantity=D("0.01"), targets=(Target(percent=D(4)),))),
    ("/buy btc 0.01 tp 4% 8%", signal(quantity=D("0.01"), targets=HALVES)),
    ("/buy btc 0.01 tp 4%, 8%", signal(quantity=D("0.01"), targets=HALVES)),
    ("/buy btc 0.01 tp 4%,8%", signal(quantity=D("0.01"), targets=HALVES)),
    ("/buy btc 0.01 tp 4% tp 8%", signal(quantity=D("0.01"), targets=HALVES)),
    ("/buy tp 4% 8% btc 0.01", signal(quantity=D("0.01"), targets=HALVES)),
    ("/buy tp 4% 0.01 btc", signal(quantity=D("0.01"), targets=(Target(percent=D(4)),))),
    ("/buy btc tp 63000 250 usdt", signal(notional=D(250), targets=(Target(price=D(63000)),))),
    ("/buy btc tp 63000 50%", signal(percent=D(50), targets=(Target(price=D(63000)),))),
    ("/buy sl 2% tp 4% 250 usdt @ 61200 btc", signal(
        notional=D(250), stop_loss_pct=D(2), price_limit=D(61200), targets=(Target(percent=D(4)),)
    )),
    ("/buy btc risk 1% sl 3%", signal(risk_pct=D(1), stop_loss_pct=D(3))),
    ("/buy btc sl 59400 risk 0.5%", signal(risk_pct=D("0.5"), stop_loss=D(59400))),
    ("/buy btc 5%", signal(percent=D(5))),
    ("/BUY   Btc   0.01   SL 2%", signal(quantity=D("0.01"), stop_loss_pct=D(2))),
    ("/buy ＢＴＣ ０．０１", signal(quantity=D("0.01"))),
    ("/buy btc ٠٫٠١", signal(quantity=D("0.01"))),
    ("/buy btc 0.01 spot", signal(quantity=D("0.01"))),
    ("/buy btc 0.01 1x", signal(quantity=D("0.01"))),
    ("/buy btc-usdt 0.01", signal(quantity=D("0.01"))),
    ("/buy btc 0.01 on bybit", signal(quantity=D("0.01"), venue="bybit")),
    ("/buy ton 5", signal(symbol="TON/USDT", quantity=D(5), venue="bybit")),
    ("/buy eth/btc 0.5", signal(symbol="ETH/BTC", quantity=D("0.5"))),
    ("/buy eth/btc 0.5 btc", signal(symbol="ETH/BTC", notional=D("0.5"))),
    ("/buy 1inch 5", signal(symbol="1INCH/USDT", quantity=D(5))),
    ("/buy 5 1inch", signal(symbol="1INCH/USDT", quantity=D(5))),
    ("/buy btc 0.01 perp 3x", signal(
        symbol="BTC/USDT:USDT", quantity=D("0.01"), leverage=D(3), venue="bybit"
    )),
    ("/buy btc/usdt:usdt 0.01 x3", signal(
        symbol="BTC/USDT:USDT", quantity=D("0.01"), leverage=D(3), venue="bybit"
    )),
    ("/buy btc 0.01 perp leverage 2.5", signal(
        symbol="BTC/USDT:USDT", quantity=D("0.01"), leverage=D("2.5"), venue="bybit"
    )),
    ("/sell eth 50%", signal(symbol="ETH/USDT", action=SignalAction.SELL, percent=D(50))),
    ("/sell eth all", signal(symbol="ETH/USDT", action=SignalAction.SELL, percent=D(100))),
    ("/sell half of eth", signal(symbol="ETH/USDT", action=SignalAction.SELL, percent=D(50))),
    ("/sell eth 0.1 @ 3500", signal(
        symbol="ETH/USDT", action=SignalAction.SELL, quantity=D("0.1"), price_limit=D(3500)
    )),
    ("/sell btc 0.03 short perp 3x sl 1.5% tp 3%", signal(
        symbol="BTC/USDT:USDT", action=SignalAction.SHORT, quantity=D("0.03"), leverage=D(3),
        stop_loss_pct=D("1.5"), targets=(Target(percent=D(3)),), venue="bybit",
    )),
]  # fmt: skip


def drafted(command: str) -> Draft | Refusal:
    verb, _, rest = command.partition(" ")
    return draft_order(Verb(verb.removeprefix("/").lower()), rest, MARKET)


@pytest.mark.parametrize(("command", "wanted"), ACCEPTED, ids=[row[0] for row in ACCEPTED])
def test_an_order_is_read_as_a_person_means_it(command: str, wanted: TradingSignal) -> None:
    assert wanted.venue is not None
    assert drafted(command) == Draft(signal=wanted, venue=wanted.venue)


REFUSED = [
    ("/buy", "Symbol missing", "I read: buy. Which symbol?"),
    ("/sell", "Symbol missing", "I read: sell. Which symbol?"),
    ("/buy 250 usdt", "Symbol missing", "I read: buy, 250 usdt. Which symbol?"),
    ("/buy $250 sl 2%", "Symbol missing", "I read: buy, $250, stop 2%. Which symbol?"),
    ("/buy btc", "Size missing", "I read: buy, BTC/USDT."),
    ("/buy btc sl 2%", "Size missing", "I read: buy, BTC/USDT, stop 2%."),
    ("/buy btc @ 61200", "Size missing", "I read: buy, BTC/USDT, limit 61200."),
    (
        "/buy btc tp 63000 0.01",
        "Size missing",
        "I read: buy, BTC/USDT, target 63000 0.01.",
    ),
    ("/sell eth", "Size missing", "I read: sell, ETH/USDT."),
    ("/sell btc short perp", "Size missing", "I read: sell, BTC/USDT:USDT, short, perp."),
    ("/buy btcc 250 usdt", "No symbol BTCC", "Closest: BTC/USDT, BCH/USDT."),
    ("/buy qqqq 1", "No symbol QQQQ", "QQQQ is not listed at binance or bybit."),
    ("/buy qqqq 1 on bybit", "No symbol QQQQ", "QQQQ is not listed at bybit."),
    ("/buy sol 1 perp", "No symbol SOL", "SOL is not listed at binance or bybit."),
    ("/buy eth 1 on bybit", "No symbol ETH", "ETH is not listed at bybit."),
    ("/buy usdt 1", "No symbol USDT", "USDT is not listed at binance or bybit."),
    ("/buy btc eth 1", "Two symbols", "I read BTC/USDT and ETH/USDT. Keep one of the two."),
    ("/buy btc 1 quickly", "Word unknown", "I do not know the word quickly."),
    (
        "/buy btc 1 <b>boldly</b>antidisestablishment",
        "Word unknown",
        "I do not know the word <b>boldly</b>antidi….",
    ),
    ("/buy btc 0", "Zero", "0 is zero. The number must be above zero."),
    ("/buy btc 0.000", "Zero", "0.000 is zero. The number must be above zero."),
    ("/buy btc 0 usdt", "Zero", "0 is zero. The number must be above zero."),
    ("/buy btc 0.01 sl 0%", "Zero", "0% is zero. The number must be above zero."),
    ("/buy btc -1", "Below zero", "-1 is below zero. Leave the minus out: the side says it."),
    ("/buy btc −1", "Below zero", "-1 is below zero. Leave the minus out: the side says it."),
    ("/buy btc －１", "Below zero", "-1 is below zero. Leave the minus out: the side says it."),
    ("/buy btc -$5", "Below zero", "-$5 is below zero. Leave the minus out: the side says it."),
    (
        "/buy btc 1 sl -2%",
        "Below zero",
        "-2% is below zero. Leave the minus out: the side says it.",
    ),
    (
        "/buy btc 61,200",
        "Number unclear",
        "61,200 reads two ways. Write 61200, or 61.2 if you meant that.",
    ),
    (
        "/buy btc 0.01 @ 61,200",
        "Number unclear",
        "61,200 reads two ways. Write 61200, or 61.2 if you meant that.",
    ),
    ("/buy btc 0,01", "Number unclear", "0,01: decimals take a point. Write 0.01."),
    ("/buy btc 0,010", "Number unclear", "0,010: decimals take a point. Write 0.010."),
    ("/buy btc 12,34.5", "Not a number", "12,34.5 is no number such as 0.01."),
    ("/buy btc 1.234.567", "Not a number", "1.234.567 is no number such as 0.01."),
    ("/buy btc 1.234,5", "Not a number", "1.234,5 is no number such as 0.01."),
    ("/buy btc 1_000", "Not a number", "1_000 is no number such as 0.01."),
    ("/buy btc 1'000", "Not a number", "1'000 is no number such as 0.01."),
    ("/buy btc 1..5", "Not a number", "1..5 is no number such as 0.01."),
    ("/buy btc 5.", "Not a number", "5. is no number such as 0.01."),
    ("/buy btc 0x10", "Not a number", "0x10 is no number such as 0.01."),
    ("/buy btc 1e3", "Not a number", "1e3 has an exponent. Write the number out."),
    ("/buy btc nan", "Not a number", "nan is no number such as 0.01."),
    ("/buy btc inf", "Not a number", "inf is no number such as 0.01."),
    (
        "/buy btc sl nan",
        "Number missing",
        "The stop needs a number, such as sl 2%: nan is no number.",
    ),
    ("/buy btc 5k usdt", "Number unclear", "5k: write the zeros out."),
    ("/buy btc $5usdt", "Number unclear", "$5usdt has two units. Keep one."),
    ("/buy btc 250€", "Unit unknown", "250€: € is no currency."),
    ("/buy btc 5lots", "Unit unknown", "5lots: lots is no currency."),
    ("/buy btc " + "1" * 25, "Number too long", "A number has at most 24 characters."),
    (
        "/buy btc 9999999999999999999",
        "Number too large",
        "9999999999999999999 is more than any market holds.",
    ),
    ("/buy btc 0.01 0.02", "Two sizes", "I read 0.01 and 0.02. Keep one of the two."),
    ("/buy btc 0.01 250 usdt", "Two sizes", "I read 0.01 and 250 usdt. Keep one of the two."),
    ("/buy btc 5% 250 usdt", "Two sizes", "I read 5% and 250 usdt. Keep one of the two."),
    ("/buy btc 0.01 risk 1% sl 2%", "Two sizes", "I read 0.01 and risk 1%. Keep one of the two."),
    ("/buy btc risk 1% sl 2% 0.01", "Two sizes", "I read risk 1% and 0.01. Keep one of the two."),
    ("/sell eth all 50%", "Two sizes", "I read all and 50%. Keep one of the two."),
    ("/buy btc 0.01 sl 2% sl 3%", "Two stops", "Give the stop once: sl 2% or sl 59400."),
    ("/buy btc 0.01 @ 1 @ 2", "Two limits", "Give the limit price once, such as @ 61200."),
    ("/buy btc 0.01 3x 4x perp", "Two leverages", "Give the leverage once, such as 3x."),
    ("/buy btc 1 on bybit on binance", "Two venues", "One order goes to one venue."),
    (
        "/buy btc 0.01 sl",
        "Number missing",
        "The stop needs a number, such as sl 2%: nothing follows.",
    ),
    (
        "/buy btc 0.01 sl tp 4%",
        "Number missing",
        "The stop needs a number, such as sl 2%: tp is no number.",
    ),
    (
        "/buy btc 0.01 tp",
        "Number missing",
        "The target needs a number, such as tp 4%: nothing follows.",
    ),
    (
        "/buy btc 0.01 @",
        "Number missing",
        "The limit price needs a number, such as @ 61200: nothing follows.",
    ),
    ("/buy btc risk", "Number missing", "Risk needs a number, such as risk 1%: nothing follows."),
    ("/buy btc risk 1 sl 2%", "Risk unclear", "Risk is a share of equity: write risk 1%."),
    ("/buy btc risk 1%", "Stop missing", "Sizing by risk needs a stop: risk 1% sl 2%."),
    ("/buy btc 0.01 @ 2%", "Limit unclear", "A limit is a price, such as @ 61200: 2%."),
    (
        "/buy btc 0.01 sl 2x",
        "Unit unknown",
        "The stop is a price or a percentage, such as 59400 or 2%: 2x.",
    ),
    ("/buy btc 0.01 on kraken", "No venue kraken", "Connected: binance, bybit."),
    ("/buy btc 0.01 on", "Venue missing", "The word on needs a venue: binance, bybit."),
    (
        "/buy btc 0.01 short",
        "Buy or short",
        "A buy is never short. Write /sell btc 0.01 short perp.",
    ),
    ("/sell btc 0.01 short", "Needs perp", "A short needs the swap. Add the word perp."),
    ("/buy btc 0.01 3x", "Needs perp", "Leverage needs the swap. Add the word perp."),
    ("/buy btc 0.01 perp 0.5x", "Leverage too small", "Leverage is at least 1x, not 0.5x."),
    ("/buy btc 0.01 spot perp", "Spot or perp", "I read spot and perp. Keep one of the two."),
    ("/buy btc 1 market @ 5", "Market or limit", "I read market and a limit. Keep one of the two."),
    (
        "/sell eth 50% sl 2%",
        "No stop on a sell",
        "A sell reduces what is held, so it takes no stop and no target. Leave them out.",
    ),
    (
        "/sell eth risk 1%",
        "No risk on a sell",
        "Risk sizes a buy or a short. Write a share: 50%.",
    ),
    (
        "/buy eth 100 btc",
        "Currency differs",
        "ETH/USDT is counted in ETH and paid in USDT, not in BTC.",
    ),
    (
        "/buy eth/btc $100",
        "Currency differs",
        "ETH/BTC is counted in ETH and paid in BTC, not in dollars.",
    ),
    ("/buy btc 101%", "Cannot be traded", "The percentage must be at most 100%, not 101%."),
    ("/buy btc 1 sl 100%", "Cannot be traded", "The stop must be less than 100% away, not 100%."),
    ("/buy btc 1 tp 1% 2% 3% 4% 5% 6% 7%", "Too many targets", "At most 6 targets, not 7."),
    ("/buy btc " + "a" * 300, "Too long", "An order has at most 300 characters."),
    ("/buy btc " + "a " * 60, "Too long", "An order has at most 40 words."),
]


@pytest.mark.parametrize(
    ("command", "title", "sentence"), REFUSED, ids=[row[0][:40] for row in REFUSED]
)
def test_a_malformed_order_is_refused_with_its_sentence(
    command: str, title: str, sentence: str
) -> None:
    refusal = drafted(command)
    assert isinstance(refusal, Refusal)
    assert (refusal.title, refusal.sentence) == (title, f"Nothing was sent. {sentence}")


@pytest.mark.parametrize("command", [row[0] for row in REFUSED], ids=lambda one: one[:40])
def test_every_example_and_every_suggestion_of_a_refusal_is_accepted_itself(command: str) -> None:
    refusal = drafted(command)
    assert isinstance(refusal, Refusal)
    assert len(refusal.examples) == 3
    for example in refusal.examples:
        assert isinstance(drafted(example), Draft), example
    for suggestion in refusal.suggestions:
        assert isinstance(drafted(suggestion.command), Draft | Refusal)
        if refusal.title == "Size missing" and "tp 63000 0.01" not in command:
            assert isinstance(drafted(suggestion.command), Draft), suggestion.command


def test_a_wrong_symbol_is_offered_again_with_the_rest_of_the_command_kept() -> None:
    refusal = drafted("/buy btcc 250 usdt sl 2%")
    assert isinstance(refusal, Refusal)
    assert [(one.label, one.command) for one in refusal.suggestions] == [
        ("BTC/USDT", "/buy btc/usdt 250 usdt sl 2%"),
        ("BCH/USDT", "/buy bch/usdt 250 usdt sl 2%"),
    ]


def test_a_missing_size_is_offered_as_three_presets() -> None:
    refusal = drafted("/buy btc sl 2%")
    assert isinstance(refusal, Refusal)
    assert [one.label for one in refusal.suggestions] == ["100 USDT", "250 USDT", "500 USDT"]
    assert refusal.suggestions[1].command == "/buy btc sl 2% 250 usdt"


@pytest.mark.parametrize("size", ["$250", "250 usdt", "250usdt"])
def test_dollars_after_a_target_without_them_are_the_size(size: str) -> None:
    draft = drafted(f"/buy btc tp 63000 {size}")
    assert isinstance(draft, Draft)
    assert (draft.signal.notional, draft.signal.quantity) == (D(250), None)
    assert [target.price for target in draft.signal.targets] == [D(63000)]


def test_dollars_after_a_target_in_dollars_are_one_more_target() -> None:
    draft = drafted("/buy btc 0.01 tp $63000 $64000")
    assert isinstance(draft, Draft)
    assert [target.price for target in draft.signal.targets] == [D(63000), D(64000)]


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("buy btc 250 usdt", SignalAction.BUY),
        ("Long BTC 0.01", SignalAction.BUY),
        ("SELL btc 50%", SignalAction.SELL),
        ("short btc 0.01 perp", SignalAction.SHORT),
    ],
)
def test_free_text_that_looks_like_an_order_is_read_like_one(
    text: str, action: SignalAction
) -> None:
    draft = draft_free(text, MARKET)
    assert isinstance(draft, Draft)
    assert draft.signal.action is action


@pytest.mark.parametrize("text", ["", "hello", "buy", "3000", "0.01 btc", "what is btc doing"])
def test_other_free_text_is_no_order(text: str) -> None:
    assert draft_free(text, MARKET) is None


_WORDS = st.sampled_from(
    "btc BTC/USDT btcusdt eth 1inch usdt usd $ @ sl tp risk on bybit binance perp spot short 3x x3 "
    "0.01 250 2% 61,200 61,200.5 -1 0 1e5 nan inf all half market limit at , ; : = % k 99999999999"
    " ０．０１ −5 \u200f ٠٫٠١ <b> & /buy \U0001f4b5".split()
)
_TEXTS = st.one_of(
    st.text(max_size=60), st.lists(_WORDS, max_size=12).map(" ".join), st.lists(_WORDS).map("".join)
)


@given(verb=st.sampled_from(Verb), text=_TEXTS)
def test_any_text_is_a_draft_or_a_refusal_and_never_a_crash(verb: Verb, text: str) -> None:
    result = draft_order(verb, text, MARKET)
    if isinstance(result, Refusal):
        assert 0 < len(result.title) <= TITLE_CHARACTERS_MAX
        assert result.sentence.isprintable()
        assert result.sentence.startswith("Nothing was sent. ")
        assert len(result.sentence) <= 300
        return
    wish = result.signal
    numbers = [wish.quantity, wish.notional, wish.percent, wish.risk_pct, wish.price_limit,
               wish.stop_loss, wish.stop_loss_pct, wish.leverage,
               *(target.price or target.percent for target in wish.targets),
               *(target.fraction for target in wish.targets)]  # fmt: skip
    assert all(number.is_finite() and number > 0 for number in numbers if number is not None)
    sizes = (wish.quantity, wish.notional, wish.percent, wish.risk_pct)
    assert sum(size is not None for size in sizes) == 1
    assert sum((target.fraction for target in wish.targets), D(0)) in (0, 1)
    assert f"{result.venue}:{wish.symbol}" in MARKET.instruments
