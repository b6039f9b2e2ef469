"""Second factors decided: who has one, and where its code is missing.

A person who has one gives its code with each act that makes risk larger; who has none yet is asked
for no code. What the code is made from stands in no command, no event and no State.
"""

from engine import events as e
from engine.commands import Actor, ActorKind, EnrolFactor, LockFactor, RemoveFactor
from engine.decide.turn import Turn
from engine.state import State


def needs_code(state: State, user_id: int | None) -> bool:
    """Tell whether a person has a second factor, so that risky acts ask its code."""
    return user_id in state.enrolled


def code_missing(turn: Turn, actor: Actor, command: str) -> bool:
    """Refuse a command of a person who has a second factor and gave no code; True then."""
    is_person = actor.kind is ActorKind.PERSON
    if not is_person or actor.with_code or not needs_code(turn.state, actor.user_id):
        return False
    sentence = f"{command.capitalize()} takes the code of your second factor. Nothing was done."
    turn.refuse(actor, command, "code", sentence)
    return True


def enrol(turn: Turn, command: EnrolFactor) -> None:
    """Begin to ask a person's code; setting it up anew takes the code of the one that stands."""
    actor = command.actor
    assert actor.user_id is not None, "only a person has a second factor"
    if code_missing(turn, actor, "second factor"):
        return
    turn.add(
        e.FactorEnrolled(
            at=turn.now, command_id=turn.command_id, user_id=actor.user_id, actor=actor
        )
    )


def remove(turn: Turn, command: RemoveFactor) -> None:
    """Ask a person for no code any more."""
    actor = command.actor
    if command.user_id not in turn.state.enrolled:
        turn.refuse(actor, "second factor", "no_factor", "There is no second factor to remove.")
    elif actor.kind is ActorKind.PERSON and actor.user_id != command.user_id:
        sentence = "Only the person it belongs to may remove a second factor."
        turn.refuse(actor, "second factor", "role", sentence)
    elif not code_missing(turn, actor, "second factor"):
        turn.add(
            e.FactorRemoved(
                at=turn.now,
                command_id=turn.command_id,
                user_id=command.user_id,
                reason=command.reason,
                actor=actor,
            )
        )


def lock(turn: Turn, command: LockFactor) -> None:
    """Note that a person's codes are not taken for a while."""
    turn.add(
        e.FactorLocked(
            at=turn.now,
            command_id=turn.command_id,
            user_id=command.user_id,
            until=command.until,
        )
    )
