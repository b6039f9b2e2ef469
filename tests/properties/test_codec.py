"""The journal's bytes: what was written comes back, whatever the fields hold, or is refused."""

import json
from dataclasses import replace
from fractions import Fraction
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import JournalCorrupt
from engine.events import EVENTS, Event
from engine.orders import Order
from engine.positions import Position
from engine.state import State
from engine.tickets import Ticket
from storage.codec import (
    ORDERS,
    POSITIONS,
    TICKETS,
    Codec,
    DocumentCodec,
    StoredForm,
    fields_of,
    json_line,
    state_hash,
)
from tests.properties.strategies import examples, sparse, values

CODEC = Codec()
ANY_EVENT: st.SearchStrategy[Event] = st.sampled_from(EVENTS).flatmap(values)


def decoded(form: StoredForm) -> Event:
    return CODEC.decode(7, form.kind, form.version, form.payload)


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_every_event_comes_back_equal_and_writes_the_same_bytes_again(kind: type[Event]) -> None:
    @examples(Fraction(1, 6))
    @given(event=values(kind))
    def comes_back(event: Event) -> None:
        form = CODEC.encode(event)
        again = decoded(form)
        assert again == event
        assert type(again) is kind
        assert Codec().encode(again) == form

    comes_back()


@given(event=ANY_EVENT)
def test_an_exported_line_holds_every_field_of_the_event(event: Event) -> None:
    line = json_line(fields_of(event))
    assert b"\n" not in line
    assert json.loads(line) == json.loads(CODEC.encode(event).payload)


def read_or_refused(kind: str, payload: bytes) -> Event | None:
    """Decode bytes; anything but an event of the kind or the stated error fails the test."""
    try:
        event = CODEC.decode(4711, kind, 1, payload)
    except JournalCorrupt as refusal:
        sentence = str(refusal)
    else:
        assert type(event).__name__ == kind
        return event
    assert "Event 4711" in sentence
    return None


@given(event=ANY_EVENT, payload=st.binary(max_size=80) | st.text(max_size=60).map(str.encode))
def test_bytes_that_nobody_wrote_are_refused_by_number(event: Event, payload: bytes) -> None:
    kind = CODEC.encode(event).kind
    read = read_or_refused(kind, payload)
    assert read is None or CODEC.decode(1, kind, 1, CODEC.encode(read).payload) == read


@given(event=ANY_EVENT, data=st.data())
def test_a_damaged_event_is_refused_or_is_an_honest_event(
    event: Event, data: st.DataObject
) -> None:
    form = CODEC.encode(event)
    place = data.draw(st.integers(0, len(form.payload) - 1), label="place")
    bit = 1 << data.draw(st.integers(0, 7), label="bit")
    flipped = bytearray(form.payload)
    flipped[place] ^= bit
    read_or_refused(form.kind, bytes(flipped))


@given(event=ANY_EVENT, data=st.data())
def test_a_truncated_event_is_always_refused(event: Event, data: st.DataObject) -> None:
    form = CODEC.encode(event)
    length = data.draw(st.integers(0, len(form.payload) - 1))
    assert read_or_refused(form.kind, form.payload[:length]) is None


# A list of lists of lists stands in no event.
WRONG = [[["x"]]]


@given(event=ANY_EVENT, data=st.data())
def test_a_field_of_another_type_is_refused(event: Event, data: st.DataObject) -> None:
    form = CODEC.encode(event)
    fields = json.loads(form.payload)
    name = data.draw(st.sampled_from(sorted(fields)))
    damaged = json.dumps(fields | {name: WRONG}).encode()
    assert read_or_refused(form.kind, damaged) is None


@given(event=ANY_EVENT, data=st.data())
def test_a_missing_field_is_refused_unless_it_has_a_default(
    event: Event, data: st.DataObject
) -> None:
    form = CODEC.encode(event)
    fields = json.loads(form.payload)
    name = data.draw(st.sampled_from(sorted(fields)))
    del fields[name]
    read = read_or_refused(form.kind, json.dumps(fields).encode())
    required = type(event).__dataclass_fields__[name]
    assert (read is None) == (required.default is required.default_factory)


DOCUMENTS = [(ORDERS, Order), (TICKETS, Ticket), (POSITIONS, Position)]


@pytest.mark.parametrize(("codec", "kind"), DOCUMENTS, ids=["order", "ticket", "position"])
def test_every_document_comes_back_equal(codec: DocumentCodec[object], kind: type) -> None:
    @examples(Fraction(1, 3))
    @given(value=values(kind))
    def comes_back(value: object) -> None:
        payload = codec.encode(value)
        again = codec.decode(payload, "orders", "x")
        assert again == value
        assert codec.encode(again) == payload

    comes_back()


STATES = DocumentCodec(State)


@given(state=sparse(State))
def test_a_state_comes_back_equal_and_with_the_hash_it_had(state: State) -> None:
    again = STATES.decode(STATES.encode(state), "snapshots", 1)
    assert again == state
    assert state_hash(again) == state_hash(state)


@given(state=sparse(State), data=st.data())
def test_two_states_share_a_hash_only_when_they_hold_the_same(
    state: State, data: st.DataObject
) -> None:
    hints = get_type_hints(State)
    name = data.draw(st.sampled_from(sorted(hints)))
    other = replace(state, **{name: data.draw(values(hints[name]))})
    same = STATES.encode(state) == STATES.encode(other)
    assert (state_hash(state) == state_hash(other)) == same
