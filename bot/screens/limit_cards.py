"""K2, changed: the list of limits, one limit's card, the question before a riskier one."""

from decimal import Decimal

from bot.callbacks import (
    LimitApprove,
    LimitAsk,
    LimitOpen,
    LimitReject,
    LimitSet,
    LimitsShow,
    LimitType,
    Page,
    Refresh,
    Show,
)
from bot.screens import figures
from bot.screens.layout import (
    ButtonView,
    Row,
    Screen,
    Sign,
    code,
    in_threes,
    in_twos,
    line,
    panel,
    plain_text,
    press,
    quote,
    row,
    text_of,
    title_line,
)
from bot.views.limits import LimitsView, LimitView
from bot.views.scene import Scene
from engine.events import LimitChanged
from engine.limits import GROUPS, Limit, LimitProposal, ProposalOutcome

_HEADS = ("Exposure and losses", "Prices and pace", "Breakers")
_TURNS = ("Exposure", "Prices", "Breakers")
_OUTCOMES = {
    ProposalOutcome.APPROVED: "Limit approved",
    ProposalOutcome.REJECTED: "Limit rejected",
    ProposalOutcome.REPLACED: "Limit replaced",
    ProposalOutcome.EXPIRED: "Limit expired",
}


def limits(view: LimitsView) -> Screen:
    """List a group: use against limit where there is one, else the limit and its ceiling."""
    scene = view.scene
    turns = [
        press(_TURNS[number], LimitsShow(number=number))
        for number in range(len(GROUPS))
        if number != view.number
    ]
    can_change = "Tap one to change it." if scene.is_owner else "Only an owner changes them."
    return Screen(
        text=text_of(
            title_line(f"Limits: {_HEADS[view.number].lower()}", sign=None, live=scene.live),
            panel(*(_row(item) for item in view.rows)),
            can_change,
            f"As of {figures.clock(scene.now, scene.tz)}",
        ),
        rows=(
            *in_threes(
                [press(each.limit.title, LimitOpen(name=each.limit.name)) for each in view.rows]
            ),
            row(*turns, press("Risk", Refresh(page=Page.RISK, number=0))),
        ),
    )


def _row(view: LimitView) -> str:
    limit, used = view.limit, view.used
    if used is not None:
        text = f"{figures.used(used.value, used.limit)} / {limit.text(view.value)}"
        return line(limit.title, text, figures.bar(used.value, used.limit))
    return line(limit.title, limit.text(view.value), "" if view.at_ceiling else _of(view))


def _of(view: LimitView) -> str:
    return f"of {figures.trimmed(view.ceiling)}"


def limit(view: LimitView) -> Screen:
    """Show one limit: what it is, what is used, how far it may go, and what changes it."""
    scene, about = view.scene, view.limit
    word = "At least" if about.is_floor else "At most"
    bar = None
    if view.used is not None:
        bar = line(
            "Used",
            figures.used(view.used.value, view.used.limit),
            figures.bar(view.used.value, view.used.limit),
        )
    return Screen(
        text=text_of(
            title_line(
                (f"Limit: {about.title} {about.text(view.value)}", f"Limit: {about.title}"),
                sign=Sign.WAITING if view.waiting is not None else None,
                live=scene.live,
            ),
            plain_text(f"{about.what}."),
            panel(line("Now", about.text(view.value)), bar, line(word, about.text(view.ceiling))),
            quote(*_rules(view)),
            f"As of {figures.clock(scene.now, scene.tz)}",
        ),
        rows=(
            *_change_rows(view),
            row(
                press("Back", LimitsShow(number=view.group)),
                press("Refresh", LimitOpen(name=about.name)),
            ),
        ),
    )


def _rules(view: LimitView) -> tuple[str, ...]:
    about, scene = view.limit, view.scene
    lines = [plain_text(f"{about.variable} is the ceiling; it is set where the console runs.")]
    waiting = view.waiting
    if waiting is not None:
        end = figures.clock_short(waiting.expires_at, scene.tz, scene.now)
        who = _who(scene, waiting.by, waiting.user_id)
        lines.append(plain_text(f"{about.text(waiting.after)} waits: {who} asked, until {end}."))
    if scene.is_owner:
        safer, riskier = ("Higher", "Lower") if about.is_floor else ("Lower", "Higher")
        lines.append(f"<b>{safer}</b> holds at once, with one tap")
        lines.append(f"<b>{riskier}</b> {_steps(view)}")
    return tuple(lines)


def _steps(view: LimitView) -> str:
    if view.at_ceiling:
        return "is not possible: this is the ceiling"
    if view.seconded:
        return "takes your code, then another owner" if view.coded else "takes another owner"
    return "takes your code" if view.coded else "is asked once more"


def _change_rows(view: LimitView) -> tuple[Row, ...]:
    if not view.scene.is_owner:
        return ()
    about, rows = view.limit, []
    if view.waiting is not None:
        rows.append(row(*_decisions(view.scene, view.waiting, about, coded=view.coded)))
    presets = [_preset(view, value, ask=False) for value in view.safer]
    presets += [_preset(view, value, ask=True) for value in view.riskier]
    shown = [each for each in presets if each is not None]
    typed = row(press("Type it", LimitType(name=about.name)))
    return (*rows, *in_twos(shown), typed)


def _preset(view: LimitView, value: Decimal, *, ask: bool) -> ButtonView | None:
    about = view.limit
    # A ceiling finer than a button can carry is typed.
    if not all(_can_be_carried(each) for each in (value, view.value)):
        return None
    kind = LimitAsk if ask else LimitSet
    label = (f"{_verb(view, value)} to {about.text(value)}", f"{figures.trimmed(value)}")
    return press(label, kind(name=about.name, value=value, before=view.value))


def _can_be_carried(value: Decimal) -> bool:
    return value == value.quantize(Decimal("0.000001")) and value < 10**9


def _verb(view: LimitView, value: Decimal) -> str:
    return "Raise" if value > view.value else "Lower"


def raise_ask(view: LimitView, value: Decimal) -> Screen:
    """Ask an owner whether a limit may become riskier, and say what that takes."""
    scene, about = view.scene, view.limit
    verb, text = _verb(view, value), about.text(value)
    label = f"{verb} to {text}, then code" if view.coded else f"{verb} to {text}"
    steps = []
    if view.coded:
        steps.append("It takes your code.")
    if view.seconded:
        steps.append("Then another owner confirms it, within 15 minutes.")
    name = about.title[0].lower() + about.title[1:]
    return Screen(
        text=text_of(
            title_line(
                (f"{verb} {name} to {text}?", f"{verb} {name}?"), sign=Sign.LOOK, live=scene.live
            ),
            plain_text(f"{about.what}."),
            panel(
                line("Now", about.text(view.value)),
                line("Then", text),
                line("At least" if about.is_floor else "At most", about.text(view.ceiling)),
            ),
            quote(*steps) if steps else None,
            "It lets more through, and holds until somebody changes it.",
        ),
        rows=(
            row(press(label, LimitSet(name=about.name, value=value, before=view.value))),
            row(press("Leave it", LimitOpen(name=about.name))),
        ),
    )


def typing(view: LimitView) -> Screen:
    """Say how any other value is typed."""
    about, scene = view.limit, view.scene
    unit = about.unit if about.unit in ("%", "x") else ""
    example = f"/risk {about.name} {figures.trimmed((view.safer or (view.value,))[0])}{unit}"
    word = "least" if about.is_floor else "most"
    return Screen(
        text=text_of(
            title_line(f"Type it: {about.title}", sign=Sign.WAITING, live=scene.live),
            "Send it as a message, with your value. Tap to copy:",
            code(example.replace(",", "")),
            plain_text(f"{about.text(view.ceiling)} at {word}, by {about.variable}."),
        ),
        rows=(row(press("Back", LimitOpen(name=about.name))),),
    )


def changed(scene: Scene, event: LimitChanged, about: Limit | None) -> Screen:
    """Tell the owners that a limit is another one, and who changed it."""
    title = about.title if about is not None else event.name
    before, after = (
        (about.text(event.before), about.text(event.after))
        if about is not None
        else (figures.trimmed(event.before), figures.trimmed(event.after))
    )
    by = _who(scene, event.actor.text, event.actor.user_id)
    lines = [f"{before} before, {after} now."]
    if event.asked_by:
        lines.append(f"{event.asked_by.capitalize()} asked, {by} confirmed.")
    elif event.reason:
        lines.append(f"By the console: {event.reason}.")
    else:
        lines.append(f"By {by}.")
    is_riskier = about is not None and about.is_riskier(event.after, event.before)
    return Screen(
        text=text_of(
            title_line(
                (f"Limit changed: {title}", "Limit changed"),
                sign=Sign.LOOK if is_riskier else Sign.FINE,
                live=scene.live,
            ),
            *map(plain_text, lines),
            figures.clock(event.at, scene.tz, scene.now),
        ),
        rows=(row(press("Risk", Show(page=Page.RISK))),),
    )


def proposed(scene: Scene, waiting: LimitProposal, about: Limit, *, coded: bool) -> Screen:
    """Ask the other owners to confirm a riskier limit; who asked may take it back."""
    end = figures.clock_short(waiting.expires_at, scene.tz, scene.now)
    mine = scene.user_id == waiting.user_id
    who = _who(scene, waiting.by, waiting.user_id)
    return Screen(
        text=text_of(
            title_line(
                (f"Limit waits: {about.title}", "A limit waits"), sign=Sign.WAITING, live=scene.live
            ),
            plain_text(f"{about.what}."),
            panel(
                line("Now", about.text(waiting.before)), line("Asked", about.text(waiting.after))
            ),
            plain_text(f"{who[0].upper()}{who[1:]} asked. It waits for another owner until {end}."),
            None if mine else "It lets more through once you approve.",
        ),
        rows=(row(*_decisions(scene, waiting, about, coded=coded)),) if scene.is_owner else (),
    )


def ended(
    scene: Scene, waiting: LimitProposal, about: Limit, outcome: ProposalOutcome, by: str
) -> Screen:
    """Say what became of a change that waited."""
    kept = outcome is not ProposalOutcome.APPROVED
    what = f"{about.title} {about.text(waiting.after)}, asked by {waiting.by}"
    return Screen(
        text=text_of(
            title_line(
                _OUTCOMES[outcome], sign=Sign.STOPPED if kept else Sign.FINE, live=scene.live
            ),
            plain_text(f"{what}: {outcome} by {by}."),
            "Nothing was changed by it." if kept else None,
        ),
        rows=(row(press("Risk", Show(page=Page.RISK))),),
    )


def _decisions(
    scene: Scene, waiting: LimitProposal, about: Limit, *, coded: bool
) -> tuple[ButtonView, ...]:
    if scene.user_id == waiting.user_id:
        return (press("Take it back", LimitReject(proposal_id=waiting.proposal_id)),)
    text = about.text(waiting.after)
    label = (f"Approve {text}, code", "Approve, code") if coded else (f"Approve {text}", "Approve")
    return (
        press(label, LimitApprove(proposal_id=waiting.proposal_id)),
        press("Reject", LimitReject(proposal_id=waiting.proposal_id)),
    )


def _who(scene: Scene, text: str, user_id: int | None) -> str:
    return "you" if user_id is not None and user_id == scene.user_id else text
