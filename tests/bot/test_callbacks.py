"""Callbacks: every button survives its trip, fits Telegram, and nothing else is taken for one."""

from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.callbacks import (
    _HINTS,
    CODES,
    Acknowledge,
    Button,
    ClosePosition,
    ConfirmTicket,
    ForgedCallback,
    GuidedPreset,
    PresetUnit,
    Refresh,
    decode,
    encode,
    size_name,
)
from engine.orders import OrderSide

IDENTITIES = st.from_regex(r"[A-Za-z0-9:/._-]{1,26}", fullmatch=True)
AMOUNTS = st.decimals(
    min_value=0, max_value=999_999, places=2, allow_nan=False, allow_infinity=False
)


def _value(hint: type) -> st.SearchStrategy[object]:
    if hint is Decimal:
        return AMOUNTS
    if hint is int:
        return st.integers(0, 10**12 - 1)
    if hint is str:
        return IDENTITIES
    assert issubclass(hint, StrEnum)
    return st.sampled_from(hint)


@st.composite
def buttons(draw: st.DrawFn) -> Button:
    kind = draw(st.sampled_from(sorted(CODES.values(), key=lambda each: each.__name__)))
    values: dict[str, Any] = {name: draw(_value(hint)) for name, hint in _HINTS[kind]}
    return kind(**values)


@given(buttons())
def test_every_button_survives_its_trip_and_fits_sixty_four_bytes(button: Button) -> None:
    text = encode(button)
    assert len(text.encode()) <= 64
    assert decode(text) == button


def _is_forged(text: str) -> bool:
    try:
        decode(text)
    except ForgedCallback as refusal:
        return str(refusal).endswith(".")
    return False


@given(st.text(max_size=80))
def test_a_text_is_either_exactly_what_encode_writes_or_forged(text: str) -> None:
    assert _is_forged(text) or encode(decode(text)) == text


@given(buttons(), st.data())
def test_a_changed_button_is_forged_or_another_honest_button(
    button: Button, data: st.DataObject
) -> None:
    text = encode(button)
    place = data.draw(st.integers(0, len(text) - 1))
    changed = text[:place] + data.draw(st.characters()) + text[place + 1 :]
    assert _is_forged(changed) or encode(decode(changed)) == changed


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "not one of this console's"),
        ("q1", "not one of this console's"),
        ("q2|tc|abc", "not one of this console's"),
        ("confirm_abc", "not one of this console's"),
        ("q1|zz|abc", "does not know"),
        ("q1|tc", "too much or too little"),
        ("q1|tc|a|b", "too much or too little"),
        ("q1|tc|", "ticket id cannot be read"),
        ("q1|tc|a b", "ticket id cannot be read"),
        ("q1|tc|a\n", "ticket id cannot be read"),
        ("q1|tc|тикет", "ticket id cannot be read"),
        ("q1|pc|p1|-5|1", "percent cannot be read"),
        ("q1|pc|p1|050|1", "percent cannot be read"),
        ("q1|pc|p1|٥|1", "percent cannot be read"),
        ("q1|rf|nowhere|0", "page cannot be read"),
        ("q1|gp|binance:BTC/USDT|buy|n|1e9", "amount cannot be read"),
        ("q1|gp|binance:BTC/USDT|buy|n|NaN", "amount cannot be read"),
        ("q1|tc|" + "a" * 59, "more than 64 bytes"),
    ],
)
def test_what_no_button_carries_is_refused_with_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ForgedCallback, match=sentence):
        decode(text)


def test_the_format_is_compact_and_readable() -> None:
    assert encode(ConfirmTicket(ticket_id="t9k")) == "q1|tc|t9k"
    half = ClosePosition(position_id="p1", percent=50, seen=size_name(Decimal("0.5")))
    assert encode(half) == f"q1|pc|p1|50|{half.seen}"
    preset = GuidedPreset(
        key="binance:BTC/USDT:USDT",
        side=OrderSide.SELL,
        unit=PresetUnit.RISK_PCT,
        amount=Decimal("0.50"),
    )
    assert encode(preset) == "q1|gp|binance:BTC/USDT:USDT|sell|r|0.5"
    subject = "order:qd" + "2" * 24
    assert encode(Acknowledge(subject=subject)) == f"q1|ak|{subject}"


@pytest.mark.parametrize(
    "button",
    [
        ConfirmTicket(ticket_id="a|b"),
        ConfirmTicket(ticket_id=""),
        ClosePosition(position_id="p1", percent=-1, seen="x"),
        ConfirmTicket(ticket_id="a" * 59),
    ],
)
def test_an_id_that_no_button_can_carry_is_a_bug_of_ours(button: Button) -> None:
    with pytest.raises(AssertionError):
        encode(button)


def test_every_code_is_short_and_names_one_kind() -> None:
    assert all(len(code) == 2 for code in CODES)
    assert len(set(CODES.values())) == len(CODES)
    assert Refresh in CODES.values()
