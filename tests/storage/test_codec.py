from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import events as e
from engine.errors import JournalCorrupt, JournalError, JournalMismatch
from engine.orders import Order
from engine.signals import SignalAction, TradingSignal
from engine.state import State
from storage.codec import ORDERS, Codec, StoredForm, chained, fields_of, state_hash
from tests.storage.samples import AT, filled

CODEC = Codec()
FINITE = st.decimals(allow_nan=False, allow_infinity=False)


def decoded(form: StoredForm) -> e.Event:
    return CODEC.decode(7, form.kind, form.version, form.payload)


@pytest.mark.parametrize("kind", e.EVENTS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("sparse", [False, True], ids=["full", "sparse"])
def test_every_event_comes_back_as_it_was(kind: type[e.Event], sparse: bool) -> None:
    event = filled(kind, sparse=sparse)
    form = CODEC.encode(event)
    again = decoded(form)
    assert again == event
    assert type(again) is kind
    assert CODEC.encode(again) == form
    assert form.kind == kind.__name__


def test_every_kind_of_the_vocabulary_has_a_case() -> None:
    members = set(e.Event.__args__)
    assert members == set(e.EVENTS)
    assert {CODEC.encode(filled(kind)).kind for kind in members} == {
        kind.__name__ for kind in e.EVENTS
    }


@given(amount=FINITE)
def test_a_decimal_keeps_its_digits_and_its_exponent(amount: Decimal) -> None:
    event = replace(filled(e.EquitySampled), equity=amount)
    again = decoded(CODEC.encode(event))
    assert isinstance(again, e.EquitySampled)
    assert again.equity.as_tuple() == amount.as_tuple()


def test_a_time_of_another_zone_names_the_same_instant() -> None:
    east = datetime(2026, 3, 1, 15, 0, tzinfo=timezone(timedelta(hours=3)))
    again = decoded(CODEC.encode(e.EngineEnded(at=east)))
    assert again.at == east
    assert again.at.tzinfo is not None


@pytest.mark.parametrize(
    ("kind", "version", "payload", "words"),
    [
        ("OrderVanished", 1, b"{}", "newer release .* unknown kind"),
        ("EngineEnded", 2, b"{}", "newer release .* version 2, this one reads 1 to 1"),
        ("EngineEnded", 0, b"{}", "version 0"),
        ("EngineEnded", 1, b"{", "cannot be read"),
        ("EngineEnded", 1, b"\xff\xfe", "cannot be read"),
        ("EngineEnded", 1, b"{}", "cannot be read"),
        ("EngineEnded", 1, b'{"at":"yesterday"}', "cannot be read"),
        ("FlattenAsked", 1, b'{"at":"2026-01-01T00:00:00Z","attempt":"1"}', "cannot be read"),
    ],
)
def test_bytes_that_are_no_such_event_are_named(
    kind: str, version: int, payload: bytes, words: str
) -> None:
    with pytest.raises(JournalError, match=words) as caught:
        CODEC.decode(41, kind, version, payload)
    assert "Event 41" in str(caught.value)
    assert isinstance(caught.value, JournalMismatch if "newer" in words else JournalCorrupt)


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueWentSilent(e.EventBase):
    venue: str
    reason: str
    silent_s: int


def newer() -> Codec:
    def renamed(fields: dict[str, Any]) -> dict[str, Any]:
        fields["reason"] = fields.pop("why")
        return fields

    def timed(fields: dict[str, Any]) -> dict[str, Any]:
        return {**fields, "silent_s": 0}

    kinds: Any = (VenueWentSilent,)
    return Codec(
        kinds=kinds,
        versions={"VenueWentSilent": 3},
        upcasters={("VenueWentSilent", 1): renamed, ("VenueWentSilent", 2): timed},
    )


def test_an_event_of_an_older_version_is_lifted_step_by_step() -> None:
    codec = newer()
    oldest = b'{"at":"2026-03-01T12:00:00Z","command_id":null,"venue":"kraken","why":"no answer"}'
    older = b'{"at":"2026-03-01T12:00:00Z","command_id":null,"venue":"kraken","reason":"no answer"}'
    wanted: Any = VenueWentSilent(
        at=datetime(2026, 3, 1, 12, tzinfo=UTC), venue="kraken", reason="no answer", silent_s=0
    )
    assert codec.decode(1, "VenueWentSilent", 1, oldest) == wanted
    assert codec.decode(2, "VenueWentSilent", 2, older) == wanted
    assert codec.encode(wanted).version == 3


def test_an_old_event_that_the_upcaster_does_not_expect_is_named() -> None:
    with pytest.raises(JournalCorrupt, match=r"Event 9 \(VenueWentSilent\)"):
        newer().decode(9, "VenueWentSilent", 1, b'{"at":"2026-03-01T12:00:00Z"}')


def test_a_raised_version_without_its_upcaster_is_a_bug_of_ours() -> None:
    with pytest.raises(AssertionError, match="EngineEnded 1 has no upcaster"):
        Codec(versions={"EngineEnded": 2})


def test_the_chain_depends_on_everything_that_is_stored() -> None:
    form = StoredForm(kind="A", version=1, payload=b"{}")
    link = chained("0" * 64, 1, AT, form)
    others = {
        chained("1" * 64, 1, AT, form),
        chained("0" * 64, 2, AT, form),
        chained("0" * 64, 1, AT + timedelta(microseconds=1), form),
        chained("0" * 64, 1, AT, replace(form, kind="B")),
        chained("0" * 64, 1, AT, replace(form, version=2)),
        chained("0" * 64, 1, AT, replace(form, payload=b"{} ")),
    }
    assert len(others | {link}) == 7


def test_the_hash_of_a_state_is_that_of_its_stored_copy() -> None:
    received = filled(State)
    stored = msgspec.json.decode(msgspec.json.encode(received), type=State)
    assert state_hash(stored) == state_hash(received)


def test_a_whole_number_as_confidence_hashes_as_after_a_replay() -> None:
    whole = TradingSignal(symbol="BTC/USDT", action=SignalAction.BUY, confidence=1)
    broken = TradingSignal(symbol="BTC/USDT", action=SignalAction.BUY, confidence=1.0)
    received = filled(State)
    (signal,) = received.signals.values()
    assert state_hash(replace(received, signals={"k": replace(signal, signal=whole)})) == (
        state_hash(replace(received, signals={"k": replace(signal, signal=broken)}))
    )


def test_the_hash_tells_amounts_and_the_order_of_a_tail_apart() -> None:
    one = State(cash={"a": Decimal("1.0"), "b": Decimal(2)})
    assert state_hash(one) != state_hash(replace(one, cash={"a": Decimal("1.1"), "b": Decimal(2)}))
    first = State(fills_known={"x": 1, "y": 1})
    assert state_hash(first) != state_hash(State(fills_known={"y": 1, "x": 1}))


def test_a_broken_document_names_its_table_and_row() -> None:
    with pytest.raises(JournalCorrupt, match="Table orders, row qd1: no readable Order"):
        ORDERS.decode(b"{}", "orders", "qd1")
    order = filled(Order)
    assert ORDERS.decode(ORDERS.encode(order), "orders", "x") == order


def test_the_fields_of_an_event_are_plain_values() -> None:
    fields = fields_of(e.EngineEnded(at=AT, command_id="c1"))
    assert fields == {"at": "2026-03-01T12:30:15.123456Z", "command_id": "c1"}
