"""Real money trades only once an owner has armed it, after each start; the way out never asks."""

from engine import commands as c
from engine import events as e
from engine.commands import Actor, ActorKind, Role
from tests.engine.desk import Desk, signal


def person(role: Role) -> Actor:
    return Actor(kind=ActorKind.PERSON, user_id=4242, role=role)


def test_an_owner_arms_this_start_and_the_next_one_begins_unarmed() -> None:
    desk = Desk(mode="live")
    assert not desk.state.armed

    (armed,) = desk.give(c.ArmLive, actor=person(Role.OWNER), session=desk.state.session)

    assert isinstance(armed, e.LiveArmed)
    armed_then = desk.state.armed
    desk.start()
    assert (armed_then, desk.state.armed) == (True, False)


def test_nobody_else_arms_and_no_old_card_and_nobody_twice() -> None:
    desk = Desk(mode="live")
    session = desk.state.session

    def asked(actor: Actor, session: int) -> str:
        (refused,) = desk.give(c.ArmLive, actor=actor, session=session)
        assert isinstance(refused, e.CommandRefused)
        return refused.rule

    assert asked(person(Role.TRADER), session) == "role"
    assert asked(person(Role.VIEWER), session) == "role"
    assert asked(person(Role.OWNER), session - 1) == "session"
    desk.give(c.ArmLive, actor=person(Role.OWNER), session=session)
    assert asked(person(Role.OWNER), session) == "armed"


def test_paper_needs_no_arming() -> None:
    desk = Desk()
    (refused,) = desk.give(c.ArmLive, actor=person(Role.OWNER), session=desk.state.session)
    assert isinstance(refused, e.CommandRefused)
    assert refused.rule == "paper"
    assert "armed" not in desk.denied(signal(quantity="100000"))
