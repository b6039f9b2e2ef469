"""Codes in the chat: set up by a picture, asked before risk grows, deleted, and taken once."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pyotp

from bot.incoming import CODE_UNREAD, payload_of, update_from
from bot.sandbox import Sandbox, SeenMessage
from bot.secret import Secret
from engine.commands import Actor, ActorKind, Halt
from engine.events import FactorEnrolled, FactorLocked, FactorRemoved, TradingResumed
from tests.bot.chat.world import DESK_GROUP, OWNER, TRADER, VIEWER, ChatWorld, console

SET_UP = "Set up second factor"


def code_of(world: ChatWorld, secret: str, *, first: bool = False) -> str:
    """Give a code that was not taken yet: the one that set it up is used up, the next is not."""
    return pyotp.TOTP(secret).at(world.clock.now() + timedelta(seconds=0 if first else 30))


async def shown(world: ChatWorld, part: str, *, after: int = 0, user: int = OWNER) -> SeenMessage:
    return await world.sandbox.wait_for_message(
        lambda one: one.from_bot and part in one.text and one.message_id > after, chat_id=user
    )


async def gone(world: ChatWorld, message_id: int, user: int = OWNER) -> None:
    await world.handled()
    messages = await world.sandbox.messages(user)
    assert message_id not in [one.message_id for one in messages]


async def set_up(world: ChatWorld, user: int = OWNER) -> str:
    """Set up a person's second factor, and give the secret that was shown."""
    asked = await world.sandbox.say(user, "/mode")
    card = await world.answer_to(user, asked)
    await world.sandbox.press(user, card.message_id, SET_UP)
    picture = await shown(world, "Set up your second factor", after=asked, user=user)
    secret = next(line for line in picture.text.splitlines() if line.isalnum() and line.isupper())
    said = await world.sandbox.say(user, code_of(world, secret, first=True))
    await world.until(lambda state: user in state.enrolled)
    await shown(world, "Second factor set up", after=said, user=user)
    await gone(world, said, user)
    await gone(world, picture.message_id, user)
    return secret


async def halted(world: ChatWorld) -> int:
    """Stop, ask to resume, and give the number of the card that asks."""
    await world.sandbox.say(OWNER, "/stop")
    await world.until(lambda state: state.stop is not None)
    asked = await world.sandbox.say(OWNER, "/resume")
    return (await world.answer_to(OWNER, asked)).message_id


async def asked_to_resume(world: ChatWorld) -> SeenMessage:
    card = await halted(world)
    await world.sandbox.press(OWNER, card, "Resume paper, then code")
    return await shown(world, "Send the 6-digit code", after=card)


async def test_the_picture_holds_what_the_text_says_and_nobody_may_pass_it_on(
    world: ChatWorld,
) -> None:
    asked = await world.sandbox.say(OWNER, "/mode")
    card = await world.answer_to(OWNER, asked)
    await world.sandbox.press(OWNER, card.message_id, SET_UP)
    picture = await shown(world, "Set up your second factor", after=asked)
    assert picture.media is not None
    assert picture.protected
    assert not any(isinstance(one, FactorEnrolled) for one in await world.journaled())


async def test_resume_takes_the_code_and_says_so(world: ChatWorld) -> None:
    secret = await set_up(world)
    question = await asked_to_resume(world)
    assert "It lets new entries leave again." in question.text
    said = await world.sandbox.say(OWNER, code_of(world, secret))
    await world.until(lambda state: state.stop is None)
    (resumed,) = await world.event_of(TradingResumed)
    assert resumed.actor.with_code
    await gone(world, said)
    await gone(world, question.message_id)


async def test_without_the_code_nothing_is_resumed(world: ChatWorld) -> None:
    await set_up(world)
    await asked_to_resume(world)
    assert world.assembly.engine.state.stop is not None
    assert "Wrong code" in await world.said(OWNER, "000000", part="Wrong code")
    assert world.assembly.engine.state.stop is not None


async def test_a_code_that_nobody_asked_for_runs_nothing(world: ChatWorld) -> None:
    secret = await set_up(world)
    await halted(world)
    await world.said(OWNER, code_of(world, secret), part="No code is asked for")
    assert world.assembly.engine.state.stop is not None


async def test_a_code_is_not_taken_twice(world: ChatWorld) -> None:
    secret = await set_up(world)
    await asked_to_resume(world)
    given = code_of(world, secret)
    await world.sandbox.say(OWNER, given)
    await world.until(lambda state: state.stop is None)
    await asked_to_resume(world)
    await world.said(OWNER, given, part="Code used already")
    assert world.assembly.engine.state.stop is not None


async def test_five_wrong_codes_lock_and_the_lock_is_journaled(world: ChatWorld) -> None:
    secret = await set_up(world)
    await asked_to_resume(world)
    for left in (4, 3, 2):
        await world.said(OWNER, "000000", part=f"{left} tries are left")
    await world.said(OWNER, "000000", part="1 try is left")
    await world.said(OWNER, "000000", part="Codes locked")
    (locked,) = await world.event_of(FactorLocked)
    assert locked.user_id == OWNER
    await halted(world)
    await asked_to_resume(world)
    await world.said(OWNER, code_of(world, secret), part="Codes locked")
    assert world.assembly.engine.state.stop is not None


async def test_another_persons_code_and_chat_run_nothing_of_mine(world: ChatWorld) -> None:
    secret = await set_up(world)
    await asked_to_resume(world)
    await world.sandbox.say(TRADER, code_of(world, secret))
    await world.sandbox.say(OWNER, code_of(world, secret), chat_id=DESK_GROUP)
    await world.handled()
    assert world.assembly.engine.state.stop is not None


async def test_a_cancelled_question_goes_and_its_code_runs_nothing(world: ChatWorld) -> None:
    secret = await set_up(world)
    question = await asked_to_resume(world)
    await world.sandbox.press(OWNER, question.message_id, "Cancel")
    await gone(world, question.message_id)
    await world.said(OWNER, code_of(world, secret), part="No code is asked for")
    assert world.assembly.engine.state.stop is not None


async def test_a_code_that_comes_too_late_runs_nothing(world: ChatWorld) -> None:
    secret = await set_up(world)
    await asked_to_resume(world)
    await world.handled()
    notes, scope = world.assembly.notes, f"code:{OWNER}"
    waiting = json.loads((await notes.all(scope))[str(OWNER)])
    waiting["until"] = world.clock.now().isoformat()
    await notes.put(scope, str(OWNER), json.dumps(waiting))
    await world.said(OWNER, code_of(world, secret), part="Expired")
    assert world.assembly.engine.state.stop is not None


async def test_what_waits_for_a_code_survives_a_restart(sandbox: Sandbox, tmp_path: Path) -> None:
    async with console(tmp_path, sandbox) as world:
        secret = await set_up(world)
        await asked_to_resume(world)
        await world.handled()
        clock = world.clock
    async with console(tmp_path, sandbox, clock=clock) as world:
        await world.sandbox.say(OWNER, code_of(world, secret))
        await world.until(lambda state: state.stop is None)


async def test_no_code_and_no_secret_is_stored_readably(sandbox: Sandbox, tmp_path: Path) -> None:
    async with console(tmp_path, sandbox) as world:
        secret = await set_up(world)
        await asked_to_resume(world)
        given = code_of(world, secret)
        await world.sandbox.say(OWNER, given)
        await world.until(lambda state: state.stop is None)
        await world.handled()
    kept = await asyncio.to_thread(lambda: b"".join(f.read_bytes() for f in tmp_path.iterdir()))
    assert given.encode() not in kept
    assert secret.encode() not in kept


def test_a_code_that_waits_to_be_handled_is_not_stored() -> None:
    for text in ("123456", "123 456", " 123-456 "):
        made = update_from(
            json.dumps({
                "update_id": 7,
                "message": {
                    "message_id": 5, "date": 1_790_000_000, "text": text,
                    "chat": {"id": OWNER, "type": "private"},
                    "from": {"id": OWNER, "is_bot": False, "first_name": "O"},
                },
            }).encode()
        )  # fmt: skip
        kept = update_from(payload_of(made))
        assert kept.message is not None
        assert kept.message.text == CODE_UNREAD
        assert kept.effective_user == made.effective_user


async def test_it_is_removed_by_its_code_and_then_none_is_asked(world: ChatWorld) -> None:
    secret = await set_up(world)
    asked = await world.sandbox.say(OWNER, "/mode")
    card = await world.answer_to(OWNER, asked)
    await world.sandbox.press(OWNER, card.message_id, "Remove factor")
    await shown(world, "It removes your second factor.", after=asked)
    await world.said(OWNER, code_of(world, secret), part="Second factor removed")
    (removed,) = await world.event_of(FactorRemoved)
    assert removed.user_id == OWNER
    card_id = await halted(world)
    await world.sandbox.press(OWNER, card_id, "Resume paper")
    await world.until(lambda state: state.stop is None)


async def test_another_authenticator_takes_the_code_of_the_one_that_stands(
    world: ChatWorld,
) -> None:
    old = await set_up(world)
    asked = await world.sandbox.say(OWNER, "/mode")
    card = await world.answer_to(OWNER, asked)
    await world.sandbox.press(OWNER, card.message_id, "New authenticator")
    question = await shown(world, "It sets up another authenticator.", after=asked)
    said = await world.sandbox.say(OWNER, code_of(world, old))
    picture = await shown(world, "Set up your second factor", after=question.message_id)
    new = next(line for line in picture.text.splitlines() if line.isalnum() and line.isupper())
    assert new != old
    await world.sandbox.say(OWNER, code_of(world, new, first=True))
    await shown(world, "Second factor set up", after=said)
    await asked_to_resume(world)
    await world.said(OWNER, code_of(world, old), part="Wrong code")
    await world.sandbox.say(OWNER, code_of(world, new))
    await world.until(lambda state: state.stop is None)


async def test_with_another_key_a_code_is_not_checked_and_it_can_be_set_up_anew(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    async with console(tmp_path, sandbox) as world:
        secret = await set_up(world)
        clock = world.clock
    async with console(tmp_path, sandbox, clock=clock, secret_key=Secret("j" * 40)) as world:
        await asked_to_resume(world)
        await world.said(OWNER, code_of(world, secret), part="SECRET_KEY is another")
        assert world.assembly.engine.state.stop is not None
        asked = await world.sandbox.say(OWNER, "/mode")
        card = await world.answer_to(OWNER, asked)
        await world.sandbox.press(OWNER, card.message_id, "New authenticator")
        await shown(world, "Set up your second factor", after=asked)
        (removed,) = await world.event_of(FactorRemoved)
        assert removed.actor.kind is ActorKind.ENGINE


async def test_without_a_key_nobody_sets_one_up_and_no_code_is_checked(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    async with console(tmp_path, sandbox, secret_key=None) as world:
        asked = await world.sandbox.say(OWNER, "/mode")
        card = await world.answer_to(OWNER, asked)
        await world.sandbox.press(OWNER, card.message_id, SET_UP)
        await shown(world, "SECRET_KEY is not set", after=asked)


async def test_who_may_not_trade_is_offered_none(world: ChatWorld) -> None:
    asked = await world.sandbox.say(VIEWER, "/mode")
    assert SET_UP not in (await world.answer_to(VIEWER, asked)).labels


async def test_in_a_group_nothing_secret_is_shown(world: ChatWorld) -> None:
    asked = await world.sandbox.say(OWNER, "/mode", chat_id=DESK_GROUP)
    card = await world.answer_to(DESK_GROUP, asked)
    await world.sandbox.press(OWNER, card.message_id, SET_UP)
    await shown(world, "Not in a group", after=asked, user=DESK_GROUP)


async def test_stop_and_a_shell_need_no_code(world: ChatWorld) -> None:
    await set_up(world)
    await world.sandbox.say(OWNER, "/stop")
    await world.until(lambda state: state.stop is not None)
    shell = Actor(kind=ActorKind.SHELL, name="quarterdeck")
    await world.assembly.engine.loop.send(
        Halt(command_id="shell:1", actor=shell, at=world.clock.now())
    )
