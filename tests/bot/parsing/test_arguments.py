from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.parsing.arguments import (
    AlertDraft,
    CancelDraft,
    ChartDraft,
    CloseDraft,
    alert_of,
    cancel_of,
    chart_of,
    close_of,
    surplus_of,
)
from bot.parsing.refusals import Refusal
from bot.parsing.words import split_command
from engine.commands import AlertKind, AlertMode
from engine.orders import Order, OrderKind, OrderPurpose, OrderSide
from engine.positions import Position
from tests.bot.parsing.markets import MARKET


def position(position_id: str, symbol: str, venue: str = "binance") -> Position:
    return Position(
        position_id=position_id,
        venue=venue,
        symbol=symbol,
        quantity=Decimal("0.05"),
        entry_price=Decimal(60000),
        realised_pnl=Decimal(0),
        fees=Decimal(0),
        opened_at=datetime(2026, 1, 1, tzinfo=UTC),
        quantity_peak=Decimal("0.05"),
    )


def order(client_order_id: str, symbol: str, purpose: OrderPurpose) -> Order:
    return Order(
        client_order_id=client_order_id,
        venue="binance",
        symbol=symbol,
        side=OrderSide.BUY,
        kind=OrderKind.LIMIT,
        purpose=purpose,
        quantity=Decimal(1),
        intent=client_order_id,
    )


BTC = position("pbtc", "BTC/USDT")
ETH = position("peth", "ETH/USDT")
SWAP = position("pswap", "BTC/USDT:USDT", "bybit")
ENTRY = order("qdentry", "LTC/USDT", OrderPurpose.ENTRY)
EXIT = order("qdexit", "LTC/USDT", OrderPurpose.EXIT)


def said(result: object) -> tuple[str, str]:
    assert isinstance(result, Refusal)
    assert result.examples
    return result.title, result.sentence.removeprefix("Nothing was sent. ")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", None),
        ("btc", CloseDraft(position_id="pbtc", fraction=Decimal(1))),
        ("BTC/USDT all", CloseDraft(position_id="pbtc", fraction=Decimal(1))),
        ("btcusdt 25%", CloseDraft(position_id="pbtc", fraction=Decimal("0.25"))),
        ("half eth", CloseDraft(position_id="peth", fraction=Decimal("0.5"))),
        (ETH.short_id, CloseDraft(position_id="peth", fraction=Decimal(1))),
    ],
)
def test_a_close_names_one_position_and_a_share(text: str, wanted: CloseDraft | None) -> None:
    assert close_of(text, (BTC, ETH)) == wanted


@pytest.mark.parametrize(
    ("text", "title", "sentence"),
    [
        ("50%", "Position missing", "Name one position. Closing everything is /flatten."),
        ("all", "Position missing", "Name one position. Closing everything is /flatten."),
        (
            "sol",
            "No such position",
            f"SOL is not held. Open: BTC/USDT {BTC.short_id}, ETH/USDT {ETH.short_id}.",
        ),
        ("btc eth", "Too many words", "I do not know what eth is for."),
        ("btc 20% 30%", "Too many words", "I do not know what 30% is for."),
        (
            "btc 0.01",
            "Share missing",
            "0.01 is no share of a position. Write 50%, or /sell.",
        ),
        ("btc 150%", "More than held", "150% is more than the position."),
        ("btc 0%", "Zero", "0% is zero. The number must be above zero."),
    ],
)
def test_a_close_that_cannot_be_meant_is_refused(text: str, title: str, sentence: str) -> None:
    assert said(close_of(text, (BTC, ETH))) == (title, sentence)


def test_a_close_of_two_positions_with_one_name_asks_which() -> None:
    refusal = close_of("btc", (BTC, SWAP))
    title, sentence = said(refusal)
    assert title == "Which position?"
    assert sentence == f"BTC names 2 positions: {BTC.short_id}, {SWAP.short_id}."
    assert isinstance(refusal, Refusal)
    again = refusal.suggestions[1].command.removeprefix("/close ")
    assert close_of(again, (BTC, SWAP)) == CloseDraft(position_id="pswap", fraction=Decimal(1))


def test_a_close_while_flat_says_that_all_is_flat() -> None:
    assert said(close_of("btc", ()))[1] == "BTC is not held. All is flat."


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", None),
        ("all", CancelDraft(entries=True)),
        ("ltc", CancelDraft(client_order_ids=("qdentry",))),
        (EXIT.short_id, CancelDraft(client_order_ids=("qdexit",))),
        ("qdexit", CancelDraft(client_order_ids=("qdexit",))),
    ],
)
def test_a_cancel_names_an_order_a_symbols_entries_or_every_entry(
    text: str, wanted: CancelDraft | None
) -> None:
    assert cancel_of(text, (ENTRY, EXIT)) == wanted


@pytest.mark.parametrize(
    ("text", "title", "sentence"),
    [
        (
            "btc",
            "No such order",
            f"BTC is no open order. Open: LTC/USDT {ENTRY.short_id}, LTC/USDT {EXIT.short_id}.",
        ),
        ("ltc btc", "Too many words", "I do not know what btc is for."),
    ],
)
def test_a_cancel_of_nothing_open_is_refused(text: str, title: str, sentence: str) -> None:
    assert said(cancel_of(text, (ENTRY, EXIT))) == (title, sentence)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("btc", ChartDraft(venue="binance", symbol="BTC/USDT", interval="15m")),
        ("BTCUSDT 1D", ChartDraft(venue="binance", symbol="BTC/USDT", interval="1d")),
        ("1h eth perp", ChartDraft(venue="bybit", symbol="ETH/USDT:USDT", interval="1h")),
    ],
)
def test_a_chart_names_a_symbol_and_an_interval(text: str, wanted: ChartDraft) -> None:
    assert chart_of(text, MARKET) == wanted


@pytest.mark.parametrize(
    ("text", "title", "sentence"),
    [
        ("", "Symbol missing", "Which symbol?"),
        ("1h", "Symbol missing", "Which symbol?"),
        ("btcc", "No symbol BTCC", "Closest: BTC/USDT, BCH/USDT."),
        ("qqqq", "No symbol QQQQ", "QQQQ is not listed at binance or bybit."),
        ("btc 5m", "No such interval", "5m is no interval. There are 1m, 15m, 1h, 1d."),
        ("btc eth", "Too many words", "I do not know what eth is for."),
        ("btc 1h 1d", "Too many words", "I do not know what 1d is for."),
    ],
)
def test_a_chart_that_cannot_be_drawn_is_refused(text: str, title: str, sentence: str) -> None:
    assert said(chart_of(text, MARKET)) == (title, sentence)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", None),
        ("fills off", AlertDraft(kind=AlertKind.FILL, mode=AlertMode.OFF)),
        ("Reports Silent", AlertDraft(kind=AlertKind.REPORT, mode=AlertMode.SILENT)),
    ],
)
def test_an_alert_is_named_with_its_mode(text: str, wanted: AlertDraft | None) -> None:
    assert alert_of(text) == wanted


@pytest.mark.parametrize(
    ("text", "title", "sentence"),
    [
        ("stop off", "Always on", "Stop, breaker and tickets are always on."),
        (
            "weather on",
            "No such alert",
            "weather is no kind of alert: fills, trouble, warnings, slippage, reports, signals.",
        ),
        ("fills", "Mode missing", "Say how: fills on, silent or off."),
        ("fills loud", "Mode missing", "Say how: fills on, silent or off."),
    ],
)
def test_an_alert_that_cannot_be_set_is_refused(text: str, title: str, sentence: str) -> None:
    assert said(alert_of(text)) == (title, sentence)


def test_flatten_with_a_symbol_closes_nothing_and_names_the_command_that_would() -> None:
    assert said(surplus_of("flatten", "btc")) == (
        "Everything, or one?",
        "/flatten closes everything, and I read btc. To close one, use /close.",
    )
    assert surplus_of("flatten", " ") is None


def test_resume_takes_no_words() -> None:
    assert said(surplus_of("resume", "now"))[1] == "/resume takes no words, and I read now."


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("/buy btc 1", ("buy", "btc 1")),
        ("/BUY@quarterdeck_bot  btc\n1 ", ("buy", "btc\n1")),
        ("/stop", ("stop", "")),
        ("  /stop  ", ("stop", "")),
        ("stop", None),
        ("/", None),
        ("//", None),
        ("/buy-btc", None),
    ],
)
def test_a_command_is_parted_from_its_words(text: str, wanted: tuple[str, str] | None) -> None:
    assert split_command(text) == wanted


@given(text=st.text(max_size=60))
def test_no_text_makes_an_argument_crash(text: str) -> None:
    close_of(text, (BTC, SWAP))
    cancel_of(text, (ENTRY, EXIT))
    chart_of(text, MARKET)
    alert_of(text)
    surplus_of("flatten", text)
    split_command(text)
