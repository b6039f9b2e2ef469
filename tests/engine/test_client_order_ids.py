"""The names of orders: one form per venue, the same for the same wish, recognised when seen."""

import uuid
from dataclasses import replace

import pytest

from engine import commands as c
from engine import events as e
from engine.decide.turn import Turn
from engine.identities import ClientIdForm, client_order_id, form_of, is_our_form
from tests.engine.desk import OWNER, Desk, signal

BITS_45 = 2**45
FORMS = tuple(ClientIdForm)


def names(form: ClientIdForm, count: int = 200) -> list[str]:
    return [client_order_id("desk", 1, f"wish{n}", "entry", 0, form=form) for n in range(count)]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_same_wish_has_the_same_name_and_another_has_another(form: ClientIdForm) -> None:
    assert names(form) == names(form)
    assert len(set(names(form))) == 200


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_our_names_are_recognised_in_their_form(form: ClientIdForm) -> None:
    assert all(is_our_form(name, form) for name in names(form))


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_plain_name_is_ours_at_every_venue(form: ClientIdForm) -> None:
    assert all(is_our_form(name, form) for name in names(ClientIdForm.PLAIN, 5))


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_names_that_others_give_are_not_taken_for_ours(form: ClientIdForm) -> None:
    others = (
        "",
        "qd",
        "qdnobody",
        "x-TKT5PX2F" + "a" * 16,
        "QD" + "A" * 24,
        "qd" + "1" * 24,  # no digit 1 in our alphabet
        str(uuid.UUID(int=7)),
        "1795426000000",
        "27",
        "2" * 14,
        "9" * 15,
        "٢٧" + "٠" * 12,
    )
    assert [text for text in others if is_our_form(text, form)] == []


def test_a_plain_name_fits_every_venue_that_takes_letters_and_digits() -> None:
    for name in names(ClientIdForm.PLAIN):
        assert len(name) == 26
        assert name.isalnum()
        assert name.islower()


def test_a_uuid_is_one_of_version_four() -> None:
    for name in names(ClientIdForm.UUID):
        read = uuid.UUID(name)
        assert str(read) == name
        assert (read.version, read.variant) == (4, uuid.RFC_4122)
        assert is_our_form(name.replace("-", "").upper(), ClientIdForm.UUID)


def test_an_integer_fits_the_venue_that_takes_it() -> None:
    for name in names(ClientIdForm.INTEGER_45_BITS):
        assert len(name) == 14
        assert 0 < int(name) < BITS_45
    for name in names(ClientIdForm.INTEGER):
        assert len(name) == 15
        assert 0 < int(name) < 2**53


@pytest.mark.parametrize(
    ("venue", "is_swap", "form"),
    [
        ("binance", False, ClientIdForm.PLAIN),
        ("bybit", True, ClientIdForm.PLAIN),
        ("gate", False, ClientIdForm.PLAIN),
        ("kraken", False, ClientIdForm.UUID),
        ("coinbase", True, ClientIdForm.UUID),
        ("bitfinex", False, ClientIdForm.INTEGER_45_BITS),
        ("bitfinex", True, ClientIdForm.INTEGER_45_BITS),
        ("htx", False, ClientIdForm.PLAIN),
        ("htx", True, ClientIdForm.INTEGER),
    ],
    ids=str,
)
def test_the_venue_and_the_kind_decide_the_form(
    venue: str, is_swap: bool, form: ClientIdForm
) -> None:
    assert form_of(venue, is_swap=is_swap) is form


def buy(desk: Desk, wish: str) -> e.OrderSubmitted:
    events = desk.give(
        c.SubmitSignal, OWNER, command_id=wish, signal=signal(notional=150), venue="binance"
    )
    (found,) = [event for event in events if isinstance(event, e.OrderSubmitted)]
    return found


def borne_by_another(name: str) -> Desk:
    """Sit at a desk where an order of another wish bears this name already."""
    desk = Desk()
    other = replace(buy(Desk(), "other").order, client_order_id=name)
    desk.state = replace(desk.state, orders={name: other})
    return desk


def test_a_name_that_another_order_bears_is_passed_over() -> None:
    wanted = buy(Desk(), "wish").order.client_order_id
    given = buy(borne_by_another(wanted), "wish").order.client_order_id
    assert given != wanted
    assert is_our_form(given, ClientIdForm.PLAIN)


def test_the_next_name_is_the_same_in_every_replay() -> None:
    wanted = buy(Desk(), "wish").order.client_order_id
    names_given = {buy(borne_by_another(wanted), "wish").order.client_order_id for _ in range(3)}
    assert len(names_given) == 1


def test_the_name_of_a_wish_is_never_passed_over_for_itself() -> None:
    desk = Desk()
    order = buy(desk, "wish").order
    finished = replace(desk.state, orders={}, orders_finished={order.client_order_id: order})
    for state in (desk.state, finished):
        turn = Turn(state, desk.context(), None)
        name = turn.order_name(order.venue, order.symbol, order.intent, "entry", 0)
        assert name == order.client_order_id


def test_an_order_is_named_in_the_form_of_its_venue() -> None:
    turn = Turn(Desk().state, Desk().context(), None)
    for venue, symbol, form in (
        ("kraken", "BTC/USDT", ClientIdForm.UUID),
        ("htx", "BTC/USDT:USDT", ClientIdForm.INTEGER),
        ("bitfinex", "BTC/USDT", ClientIdForm.INTEGER_45_BITS),
    ):
        name = turn.order_name(venue, symbol, "wish", "entry", 0)
        assert name == client_order_id("desk", 1, "wish", "entry", 0, form=form)
