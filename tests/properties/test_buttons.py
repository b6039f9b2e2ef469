"""Buttons: every id of the engine fits, no two buttons share their data, and a forged one acts on
nothing that its presser was not shown.
"""

import string
from dataclasses import fields, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any, get_type_hints

from hypothesis import assume, given
from hypothesis import strategies as st

from bot.callbacks import (
    BYTES_MAX,
    CODES,
    Acknowledge,
    Button,
    CancelOrder,
    CancelTicket,
    ConfirmTicket,
    ForgedCallback,
    can_stand,
    decode,
    encode,
    size_name,
    suggestion_name,
)
from bot.views.scopes import token_of
from engine import commands as c
from engine import events as e
from engine.decide import decide
from engine.identities import client_order_id, digest, instrument_key
from engine.scopes import Scope, ScopeKind
from tests.engine.desk import OWNER, Desk, signal

KINDS = sorted(CODES.values(), key=lambda kind: kind.__name__)
ORDER_IDS = st.builds(
    client_order_id,
    st.text(max_size=8),
    st.integers(1, 99),
    st.text(max_size=20),
    st.sampled_from(["entry", "close", "stop", "target", "flatten"]),
    st.integers(0, 10**6),
)
SEQS = st.integers(0, 10**12 - 1)
VENUES = st.sampled_from(["binance", "binanceusdm", "coinbaseexchange", "krakenfutures", "okx"])
BASES = st.text(string.ascii_uppercase + string.digits, min_size=1, max_size=10)
SYMBOLS = st.builds(
    lambda base, quote, swap: f"{base}/{quote}" + (f":{quote}" if swap else ""),
    BASES,
    st.sampled_from(["USDT", "USDC", "BTC", "EUR"]),
    st.booleans(),
)
KEYS = st.builds(instrument_key, VENUES, SYMBOLS)
SCOPES = st.builds(
    Scope,
    kind=st.sampled_from(list(ScopeKind)[1:]),
    name=st.one_of(VENUES, KEYS, st.text(min_size=1)),
)
# The ids as the engine makes them, by the name of the field that carries them.
IDS: dict[str, st.SearchStrategy[Any]] = {
    "ticket_id": st.builds(digest, st.text(max_size=9), length=st.just(16)),
    "client_order_id": ORDER_IDS,
    "position_id": st.text(max_size=9).map(lambda text: "p" + digest(text, length=15)),
    "breaker_id": st.builds(digest, st.text(max_size=9), length=st.just(12)),
    "key": KEYS.filter(can_stand),
    "symbol": SYMBOLS.filter(can_stand),
    "name": st.text(max_size=20).map(suggestion_name),
    "seen": st.decimals("0", "1e9", places=8).map(size_name),
    "subject": st.one_of(
        ORDER_IDS.map("order:{}".format),
        ORDER_IDS.map("slippage:{}".format),
        VENUES.map("venue:{}".format),
        VENUES.map("books:{}".format),
        SEQS.map("backlog:{}".format),
        SEQS.map("warning:daily_loss:{}".format),
        st.sampled_from(["flatten", "stop"]),
    ),
    "scope": SCOPES.map(token_of),
    "proposal_id": st.builds(digest, st.text(max_size=9), length=st.just(12)),
    "value": st.decimals("0.01", "86400", places=2),
    "before": st.decimals("0.01", "86400", places=2),
    "percent": st.integers(1, 100),
    "hours": st.integers(0, 999),
    "index": st.integers(0, 99),
    "number": st.integers(0, 10**6),
    "message_id": st.integers(1, 2**31),
    "seq": SEQS,
    "session": SEQS,
    "amount": st.one_of(
        st.integers(1, 999_999).map(Decimal), st.decimals("0.01", "9999", places=2)
    ),
}


@st.composite
def buttons(draw: st.DrawFn, kinds: list[type[Button]] | None = None) -> Button:
    kind = draw(st.sampled_from(kinds or KINDS))
    made: dict[str, Any] = {}
    for name, hint in get_type_hints(kind).items():
        choice = st.sampled_from(hint) if issubclass(hint, StrEnum) else IDS[name]
        made[name] = draw(choice)
    return kind(**made)


def read(text: str) -> Button | None:
    """Read callback data; anything but a button or the stated refusal fails the test."""
    try:
        return decode(text)
    except ForgedCallback as refusal:
        sentence = str(refusal)
    assert sentence.startswith("This button")
    assert sentence.endswith(".")
    return None


@given(button=buttons())
def test_every_id_of_the_engine_fits_and_comes_back(button: Button) -> None:
    text = encode(button)
    assert len(text.encode()) <= BYTES_MAX
    assert decode(text) == button
    assert encode(decode(text)) == text


@given(one=buttons(), data=st.data())
def test_two_different_buttons_never_share_their_data(one: Button, data: st.DataObject) -> None:
    other = data.draw(buttons() | buttons([type(one)]))
    names = [field.name for field in fields(one)]
    if type(other) is type(one) and names:
        # Alike but for one field: the nearest that two buttons come to each other.
        name = data.draw(st.sampled_from(names))
        other = replace(one, **{name: getattr(other, name)})
    assert (encode(one) == encode(other)) == (one == other)


FORGED = st.one_of(
    st.text(st.characters(), max_size=90),
    st.binary(max_size=90).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
    st.binary(max_size=90).map(lambda raw: raw.decode("latin-1")),
    st.lists(
        st.sampled_from(["q1", "q2", "|", "||", "0", "-1", "٣", "p1", "buy", "1e9", "\n", *CODES]),
        max_size=9,
    ).map("|".join),
)


@given(text=FORGED)
def test_forged_data_is_refused_in_a_sentence_or_is_exactly_what_we_write(text: str) -> None:
    button = read(text)
    assert button is None or encode(button) == text


@given(button=buttons(), extra=st.sampled_from(["", "0", "x", "buy", "status"]), data=st.data())
def test_a_field_too_many_or_too_few_is_refused(
    button: Button, extra: str, data: st.DataObject
) -> None:
    parts = encode(button).split("|")
    place = data.draw(st.integers(2, len(parts)))
    assert read("|".join([*parts[:place], extra, *parts[place:]])) is None
    if place < len(parts):
        assert read("|".join([*parts[:place], *parts[place + 1 :]])) is None


@given(button=buttons(), data=st.data())
def test_flipped_bits_are_refused_or_are_exactly_what_we_write(
    button: Button, data: st.DataObject
) -> None:
    raw = bytearray(encode(button).encode())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= 1 << data.draw(st.integers(0, 7))
    text = raw.decode("utf-8", "surrogateescape")
    other = read(text)
    assert other is None or (other != button and encode(other) == text)


# The kinds whose data ends in an id that is a hash.
HASHES = ("ticket_id", "client_order_id", "position_id", "breaker_id", "name", "seen")
HASHED = [kind for kind in KINDS if any(each.name in HASHES for each in fields(kind)[-1:])]


@given(button=buttons(HASHED), data=st.data())
def test_a_button_cut_short_never_names_an_id_that_the_engine_makes(
    button: Button, data: st.DataObject
) -> None:
    text = encode(button)
    cut = read(text[: data.draw(st.integers(0, len(text) - 1))])
    if cut is None:
        return
    name = fields(cut)[-1].name
    # The ids of a kind are all of one length, so a shorter one is nobody's.
    assert type(cut) is type(button)
    assert len(getattr(cut, name)) < len(getattr(button, name))


@given(data=st.data())
def test_a_damaged_ticket_button_neither_approves_nor_cancels_the_ticket(
    data: st.DataObject,
) -> None:
    desk = Desk()
    ticket = desk.ticket(signal(quantity="0.01"))
    shown: Button = ConfirmTicket(ticket_id=ticket.ticket_id)
    if data.draw(st.booleans()):
        shown = CancelTicket(ticket_id=ticket.ticket_id)
    text = encode(shown)
    place = data.draw(st.integers(0, len(text) - 1))
    changed = text[:place] + data.draw(st.characters(codec="ascii")) + text[place + 1 :]
    changed = changed[: data.draw(st.integers(place + 1, len(changed)))]
    assume(changed != text)
    pressed = read(changed)
    if not isinstance(pressed, ConfirmTicket | CancelTicket):
        return
    if pressed.ticket_id == ticket.ticket_id:
        # One letter turns Confirm into Cancel of the same ticket; that is an honest button.
        assert type(pressed) is not type(shown)
        return
    wanted = c.ApproveTicket if isinstance(pressed, ConfirmTicket) else c.CancelTicket
    command = wanted(command_id="tap:1", actor=OWNER, at=desk.now, ticket_id=pressed.ticket_id)
    events = decide(desk.state, command, desk.context())
    assert [type(event) for event in events] == [e.CommandRefused]


@given(order=ORDER_IDS, other=ORDER_IDS)
def test_a_card_of_one_order_cancels_and_acknowledges_that_order_alone(
    order: str, other: str
) -> None:
    assume(order != other)
    assert decode(encode(CancelOrder(client_order_id=order))) != CancelOrder(client_order_id=other)
    assert encode(Acknowledge(subject=f"order:{order}")).endswith(order)
