"""The visual language: no figure is ever cut, and every line and label keeps its limit."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.callbacks import Dismiss
from bot.screens import figures
from bot.screens.layout import (
    Screen,
    Sign,
    line,
    listed,
    panel,
    press,
    quote,
    row,
    shortened,
    text_of,
    title_fits,
    title_line,
    visible_length,
)
from bot.screens.splitting import for_group, parts_of, split

NUMBERS = st.decimals(
    min_value=Decimal("-1e12"),
    max_value=Decimal("1e12"),
    allow_nan=False,
    allow_infinity=False,
    places=8,
)
NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=0, max_size=9)
NOTES = st.sampled_from(["", "USDT", "bps est.", "of 10%", "14:32:05", "resting"])


@given(NAMES, NUMBERS, NOTES, NUMBERS)
def test_no_number_of_a_row_is_ever_cut_and_no_row_is_wider_than_the_panel(
    name: str, number: Decimal, note: str, second: Decimal
) -> None:
    written, other = figures.quantity(number), figures.signed_money(second)
    for text in (line(name, written, note), line(name, written, second=other)):
        assert all(len(part) <= 27 for part in text.split("\n"))
        assert written in text
    assert other in line(name, written, second=other)
    assert note in line(name, written, note)


@given(NAMES, NUMBERS, NUMBERS)
def test_no_number_of_a_list_is_ever_cut(name: str, number: Decimal, second: Decimal) -> None:
    written, other = figures.signed_money(number), figures.quantity(second)
    text = listed(name, written, other)
    assert all(len(part) <= 27 for part in text.split("\n"))
    assert written in text
    assert other in text


@given(st.decimals(min_value=0, max_value=99999, places=2), st.sampled_from(["USDT", "BTC", ""]))
def test_a_usual_row_has_its_number_at_18_and_its_unit_at_20(number: Decimal, unit: str) -> None:
    text = line("Equity", figures.money(number), unit)
    assert text[:18].endswith(figures.money(number))
    assert text[19:] == unit or not unit


@given(NUMBERS, st.booleans(), st.sampled_from([*Sign, None]))
def test_a_first_line_never_exceeds_36_characters(
    number: Decimal, live: bool, sign: Sign | None
) -> None:
    full = f"Bought {figures.quantity(number)} 1000SATS"
    text = re.sub(r"<[^>]+>", "", title_line((full, "Bought"), sign=sign, live=live))
    assert visible_length(text) <= 36
    assert (full in text) is title_fits(full, sign=sign, live=live)


def test_a_first_line_that_cannot_fit_is_a_bug_of_ours() -> None:
    with pytest.raises(AssertionError, match="does not fit"):
        title_line("x" * 40, sign=Sign.FINE, live=True)


@given(st.integers(1, 4), NUMBERS)
def test_a_label_keeps_its_limit_or_says_less(number: int, amount: Decimal) -> None:
    labels = (f"Confirm LIVE buy {figures.money(amount)} USDT", "Confirm")
    shown = row(*(press(labels, Dismiss()) for _ in range(number)))
    limit = {1: 34, 2: 17, 3: 9, 4: 9}[number]
    for button in shown:
        assert len(button.label) <= limit
        assert button.label in labels


def test_a_label_that_cannot_fit_is_a_bug_of_ours() -> None:
    with pytest.raises(AssertionError, match="longer than 34"):
        row(press("x" * 35, Dismiss()))


def test_a_panel_has_at_most_eleven_rows_of_27_columns() -> None:
    with pytest.raises(AssertionError, match="more than a panel holds"):
        panel(*("row" for _ in range(12)))
    with pytest.raises(AssertionError, match="wider than a panel"):
        panel("x" * 28)


def test_what_somebody_wrote_is_escaped_everywhere() -> None:
    evil = "<b>&</b>"
    assert "<b>&" not in panel(evil)
    assert title_line(evil, sign=None, live=None) == "<b>&lt;b&gt;&amp;&lt;/b&gt;</b>"


def test_blocks_stand_apart_from_panels_and_tight_at_quotes() -> None:
    text = text_of("a", "b", panel("c"), quote("d"), "e", None, "", "f")
    assert text == ("a\nb\n\n<code>c</code>\n<blockquote>d</blockquote>\ne\n\nf")
    assert quote() is None


def test_a_group_gets_its_panel_as_pre_and_its_ids_as_before() -> None:
    screen = Screen(text=text_of("t", panel("a  1", "b  2"), "<code>T-7K4M</code>"))
    assert for_group(screen).text == "t\n\n<pre>a  1\nb  2</pre>\n\n<code>T-7K4M</code>"


def _is_balanced(text: str) -> bool:
    opened: list[str] = []
    for slash, name in re.findall(r"<(/?)([a-z]+)>", text):
        if not slash:
            opened.append(name)
        elif not opened or opened.pop() != name:
            return False
    return not opened


@given(st.lists(st.sampled_from(["plain", "<b>bold</b> 💵", "&amp; more"]), max_size=80))
def test_an_over_long_text_is_split_with_valid_markup_and_its_first_line(words: list[str]) -> None:
    inner = "\n".join(f"{number} {word}" for number, word in enumerate(words))
    text = f"<b>First</b>\n<blockquote>{inner}</blockquote>\n<code>a\nb\nc</code>\nend"
    parts = parts_of(text, 200)
    for part in parts:
        assert len(part.encode("utf-16-le")) // 2 <= 200
        assert part.startswith("<b>First</b>")
        assert _is_balanced(part)
    said = re.sub(r"<[^>]+>", "", "\n".join(part.partition("\n")[2] for part in parts))
    assert said.split("\n") == re.sub(r"<[^>]+>", "", text.partition("\n")[2]).split("\n")


def test_a_line_longer_than_a_message_is_cut_but_nothing_is_lost() -> None:
    parts = parts_of("<b>First</b>\n" + "x&amp;" * 400, 200)
    assert all(len(part) <= 200 for part in parts)
    assert "".join(part.partition("\n")[2].replace("\n", "") for part in parts) == "x&amp;" * 400


def test_the_buttons_of_a_split_screen_stand_under_its_last_part() -> None:
    screen = Screen(
        text="First\n" + "\n".join("x" * 50 for _ in range(200)), rows=(row(press("A", Dismiss())),)
    )
    *before, last = split(screen)
    assert before
    assert all(part.rows == () for part in before)
    assert last.rows == screen.rows


@pytest.mark.parametrize(
    ("shown", "written"),
    [
        (figures.money(Decimal("-1234.565")), "−1,234.57"),
        (figures.signed_money(Decimal("0.004")), "0.00"),
        (figures.signed_money(Decimal("-0.004")), "0.00"),
        (figures.signed_money(Decimal("48.3")), "+48.30"),
        (figures.price(Decimal(61240), Decimal("0.01")), "61,240.00"),
        (figures.price(Decimal("0.00001234"), None), "0.00001234"),
        (figures.average(Decimal("2.1465"), Decimal("0.0001")), "2.14650"),
        (figures.average(Decimal("61245.1"), Decimal("0.01")), "61,245.10"),
        (figures.mid(Decimal("61232.45"), Decimal("0.1")), "61,232.45"),
        (figures.quantity(Decimal("0.00407000")), "0.00407"),
        (figures.quantity(Decimal("1E+3")), "1,000"),
        (figures.signed_percent(Decimal("-2.0184")), "−2.02%"),
        (figures.share(Decimal(1), Decimal(0)), "–"),
        (figures.distance_bps(Decimal("10.0")), "+10 bps"),
        (figures.distance_bps(Decimal("-9.9865")), "−10 bps"),
        (figures.age(Decimal("0.4")), "0.4 s"),
        (figures.age(60), "60 s"),
        (figures.age(192), "3 min 12 s"),
        (figures.age(timedelta(hours=29)), "1 d 5 h"),
        (figures.age_coarse(timedelta(seconds=1339)), "22 min"),
        (figures.bar(Decimal("9.99"), Decimal(10)), "▓▓▓▓▓▓▓░"),
        (figures.bar(Decimal(10), Decimal(10)), "▓▓▓▓▓▓▓▓"),
        (figures.bar(Decimal(0), Decimal(10)), "░░░░░░░░"),
        (shortened("1000000MOG", 9), "1000000M…"),
    ],
)
def test_figures_look_the_same_everywhere(shown: str, written: str) -> None:
    assert shown == written


@given(NUMBERS, st.integers(0, 8))
def test_a_written_number_reads_back_to_its_rounding(number: Decimal, decimals: int) -> None:
    text = figures.fixed(number, decimals).replace(",", "").replace("−", "-")
    assert abs(Decimal(text) - number) <= Decimal("0.5").scaleb(-decimals)


def test_a_time_of_another_day_carries_its_date() -> None:
    at, tz = datetime(2026, 11, 17, 23, 30, tzinfo=UTC), UTC
    assert figures.clock(at, tz, at) == "23:30:00"
    assert figures.clock(at, tz, at + timedelta(hours=1)) == "17 Nov 23:30:00"
