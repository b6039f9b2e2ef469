"""D6 and what follows it: asking for a code, and setting up what gives the codes."""

from datetime import datetime

from bot.callbacks import Button, CancelCode, FactorBegin, FactorRemove, Page, Show
from bot.screens import figures
from bot.screens.layout import (
    Row,
    Screen,
    Sign,
    bold,
    code,
    copy,
    plain_text,
    press,
    row,
    text_of,
    title_line,
)
from bot.second_factor import TRIES_MAX, CodeAnswer, Enrolment, Verdict
from bot.views.scene import Scene


def asked(
    scene: Scene, *, what: str, until: datetime, cancel: Button, name: str | None = None
) -> Screen:
    """D6: ask for the code, and say what it does; `name` is the ticket's short id."""
    end = bold(figures.clock(until, scene.tz))
    left = figures.age(until - scene.now)
    short = f" · {code(name)}" if name is not None else ""
    return Screen(
        text=text_of(
            title_line("Send the 6-digit code", sign=Sign.WAITING, live=scene.live),
            plain_text(what),
            f"The code is deleted once read. {TRIES_MAX} tries.",
            f"Until {end} ({left}){short}",
        ),
        rows=(row(press("Cancel", cancel)),),
    )


def wrong(scene: Scene, answer: CodeAnswer, until: datetime) -> Screen:
    """Say that a code was not taken, and that another may be sent."""
    used = answer.verdict is Verdict.USED
    tries = "1 try is left" if answer.tries_left == 1 else f"{answer.tries_left} tries are left"
    return Screen(
        text=text_of(
            title_line("Code used already" if used else "Wrong code", sign=Sign.STOPPED,
                       live=scene.live),
            "Each code is taken once: wait for the next." if used else "Nothing was done.",
            f"{tries}, until {figures.clock(until, scene.tz)}.",
        )
    )  # fmt: skip


def too_late(scene: Scene) -> Screen:
    """Say that a code came after what it was for had ended."""
    return Screen(
        text=text_of(
            title_line("Expired: nothing was done", sign=Sign.STOPPED, live=scene.live),
            "The code came too late. Tap the button again.",
        )
    )


def refused(scene: Scene, answer: CodeAnswer, *, has_key: bool) -> Screen:
    """Say that no code of this person is taken, why, and what helps."""
    match answer.verdict:
        case Verdict.LOCKED:
            assert answer.until is not None, "a lock has an end"
            end = figures.clock_short(answer.until, scene.tz, scene.now)
            title, lines = "Codes locked, nothing done", [
                f"{TRIES_MAX} wrong codes. None is taken before {end}.",
                "STOP, close and cancel need no code.",
            ]  # fmt: skip
        case Verdict.UNREADABLE if has_key:
            title, lines = "Code not checked", [
                "SECRET_KEY is another than when you set it up. Nothing was done.",
                "Put the old one back, or set up your second factor anew in /mode.",
            ]  # fmt: skip
        case Verdict.UNREADABLE:
            title, lines = "Code not checked", [
                "SECRET_KEY is not set here, so no code can be checked. Nothing was done.",
            ]  # fmt: skip
        case _:
            title, lines = "No second factor", [
                "There is none of yours to check. Nothing was done. /mode sets one up.",
            ]  # fmt: skip
    return Screen(
        text=text_of(title_line(title, sign=Sign.STOPPED, live=scene.live), *map(plain_text, lines))
    )


def no_key(scene: Scene) -> Screen:
    """Say what has to be done before anybody can have a second factor."""
    return Screen(
        text=text_of(
            title_line("SECRET_KEY is not set", sign=Sign.LOOK, live=scene.live),
            "It encrypts what gives the codes. Set it, restart, and come back here.",
        )
    )


def private_only(scene: Scene) -> Screen:
    """Send the person out of a group: what comes now is for nobody else."""
    return Screen(
        text=text_of(
            title_line("Not in a group", sign=Sign.STOPPED, live=scene.live),
            "Others would see it. Send /mode in your private chat with me.",
        )
    )


def enrolment(scene: Scene, made: Enrolment, until: datetime) -> Screen:
    """Set it up: the picture's caption, with the secret for an authenticator on the same phone."""
    return Screen(
        text=text_of(
            title_line("Set up your second factor", sign=Sign.WAITING, live=None),
            "Scan this with an authenticator, or copy the key into it on this phone. "
            "Then send the 6-digit code that it shows.",
            code(made.secret.reveal()),
            "Show this to nobody. It is deleted once the code was right.",
            f"Until {bold(figures.clock_short(until, scene.tz, scene.now))}",
        ),
        rows=(row(copy("Copy key", made.secret.reveal()), press("Cancel", CancelCode())),),
    )


def enrolled(scene: Scene) -> Screen:
    """Say that codes are asked from now on, and for what."""
    return Screen(
        text=text_of(
            title_line("Second factor set up", sign=Sign.FINE, live=scene.live),
            "Resume, re-arm, arm, higher limits and the riskiest tickets ask a code. "
            "STOP, close and cancel never do.",
            "Lost the phone? Whoever runs the console changes SECRET_KEY.",
        ),
        rows=(row(press("Mode", Show(page=Page.MODE))),),
    )


def removed(scene: Scene) -> Screen:
    """Say that no code is asked any more."""
    return Screen(
        text=text_of(
            title_line("Second factor removed", sign=Sign.LOOK, live=scene.live),
            "No code is asked of you any more. The owners are told.",
        ),
        rows=(row(press("Mode", Show(page=Page.MODE))),),
    )


def factor_rows(scene: Scene, *, is_enrolled: bool) -> tuple[Row, ...]:
    """Give the buttons of /mode that concern the person's second factor."""
    if not scene.may_trade:
        return ()
    if not is_enrolled:
        return (row(press("Set up second factor", FactorBegin())),)
    return (
        row(
            press(("New authenticator", "New device"), FactorBegin()),
            press(("Remove factor", "Remove"), FactorRemove()),
        ),
    )


def factor_line(*, is_enrolled: bool) -> str:
    """Say on /mode whether the person has a second factor."""
    return (
        "Second factor: set up, a code is asked for risk."
        if is_enrolled
        else "Second factor: none, no code is asked."
    )
