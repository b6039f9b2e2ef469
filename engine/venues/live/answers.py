"""Answers: what a venue's reply to a create or a cancel proves, and what it does not.

Accepted needs the order's id, or our own name given back. Refused needs a code from the venue's
list of definitive ones, in a body that came whole. Everything else is no answer: the order may
be there, and is looked up.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from engine.reports import (
    CancelAccepted,
    CancelAnswer,
    CancelUnanswered,
    SubmitAccepted,
    SubmitAnswer,
    SubmitRefused,
    SubmitUnanswered,
)
from engine.venues.live.capabilities_terms import CancelProof
from engine.venues.live.refusals import (
    BY_MESSAGE,
    BY_PHRASE,
    CLOCK,
    CODE_PATHS,
    DUPLICATES,
    REFUSALS,
    Path,
)

MESSAGE_KEYS: Final = ("msg", "retMsg", "message")
_SLOW = {"DDoSProtection", "RateLimitExceeded", "AccountSuspended"}
_LATE = {"RequestTimeout", "TimeoutError"}
_AWAY = {"NetworkError", "ExchangeNotAvailable", "OnMaintenance", "ClientError", "OSError"}
_KEYS = {"AuthenticationError", "PermissionDenied"}


def submit_answer(
    venue: str,
    client_order_id: str,
    outcome: object,
    *,
    echoed: str | None = None,
) -> SubmitAnswer:
    """Judge what a create came to: what ccxt returned, or the exception that it raised.

    `echoed` is our name as the answer carries it, None where it carries none.
    """
    if isinstance(outcome, BaseException):
        refused = refusal(venue, outcome)
        if refused is not None:
            code, text = refused
            return SubmitRefused(client_order_id=client_order_id, code=code, text=text)
        return SubmitUnanswered(client_order_id=client_order_id, text=silence(venue, outcome))
    named = outcome.get("id") if isinstance(outcome, Mapping) else None
    if echoed is not None and echoed != client_order_id:
        text = f"{venue} answered about another order"
        return SubmitUnanswered(client_order_id=client_order_id, text=text)
    if not _is_name(named) and echoed is None:
        text = f"{venue} sent an answer without an order in it"
        return SubmitUnanswered(client_order_id=client_order_id, text=text)
    return SubmitAccepted(
        client_order_id=client_order_id, venue_order_id=str(named) if _is_name(named) else None
    )


def cancel_answer(
    venue: str, client_order_id: str, outcome: object, *, proof: CancelProof | None = None
) -> CancelAnswer:
    """Judge what a cancel came to; "not found" is no answer, the order is looked up then.

    Neither is an answer without the order's id, or what the venue's `proof` is: ccxt makes an order
    out of an empty page too.
    """
    if isinstance(outcome, BaseException):
        return CancelUnanswered(client_order_id=client_order_id, text=silence(venue, outcome))
    named = outcome.get("id") if isinstance(outcome, Mapping) else None
    if not _is_name(named) and not _is_proven(outcome, proof):
        text = f"{venue} sent an answer without an order in it"
        return CancelUnanswered(client_order_id=client_order_id, text=text)
    return CancelAccepted(client_order_id=client_order_id)


def refusal(venue: str, fault: BaseException) -> tuple[str, str] | None:
    """Give the definitive code in a fault, and its sentence; None when it proves nothing.

    A fault with a cause is one of the line: whatever stands in its text, the body was cut.
    """
    if fault.__cause__ is not None:
        return None
    body = _body(str(fault))
    if body is None:
        return _bare(venue, str(fault))
    code = _code(venue, body)
    if code is None:
        return None
    by_message = BY_MESSAGE.get((venue, code))
    if by_message is not None:
        sentence = by_message.get(_message(body))
    else:
        sentence = REFUSALS.get(venue, {}).get(code)
    if sentence is None:
        return _phrased(venue, code)
    return code, sentence


def is_about_clock(venue: str, fault: BaseException) -> bool:
    """Tell whether the venue refused because of the time stamp, so that clocks are compared."""
    found = refusal(venue, fault)
    return found is not None and found[1] == CLOCK


def silence(venue: str, fault: BaseException) -> str:
    """Say in a plain sentence what was wrong with no answer.

    Nothing of the fault's own text is used: that may hold an address, a key or a signature.
    """
    names = {each.__name__ for each in type(fault).__mro__}
    if _is_duplicate(venue, fault):
        return f"{venue} says that it has an order of this name"
    if is_about_clock(venue, fault):
        return f"{venue} says that the clock here is off"
    if names & _SLOW:
        return f"{venue} asks us to slow down"
    if names & _LATE:
        return f"{venue} did not answer in time"
    if names & _KEYS:
        return f"{venue} refused the key"
    if names & _AWAY or fault.__cause__ is not None:
        return f"{venue} is not reachable, or is out of service"
    if "OrderNotFound" in names:
        return f"{venue} does not find the order"
    return f"{venue} sent an answer that makes no sense"


def _is_name(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value not in ("", 0)


def _is_proven(outcome: object, proof: CancelProof | None) -> bool:
    if proof is None or not isinstance(outcome, Mapping):
        return False
    found = _at(outcome.get("info", outcome), proof.path)
    return str(found) in proof.values if proof.values else found not in (None, "", 0, "0", [])


def _body(text: str) -> object:
    """Read the body at the end of a fault's text; None when it is cut, or part of a page."""
    starts = [place for place in (text.find("{"), text.find("[")) if place >= 0]
    if not starts or "<" in text[: min(starts)]:
        return None
    try:
        return json.loads(text[min(starts) :])
    except (ValueError, RecursionError):
        return None


def _bare(venue: str, text: str) -> tuple[str, str] | None:
    """Find a message that ccxt tells alone: of those it knows by heart it drops the code."""
    for (listed, code), sentences in BY_MESSAGE.items():
        sentence = sentences.get(text.removeprefix(f"{venue} ")) if listed == venue else None
        if sentence is not None:
            return code, sentence
    return _phrased(venue, text.removeprefix(f"{venue} "))


def _phrased(venue: str, said: str) -> tuple[str, str] | None:
    """Know a refusal by how its sentence begins; part of a page is none."""
    if "<" in said or "{" in said:
        return None
    for phrase, sentence in BY_PHRASE.get(venue, {}).items():
        if said.startswith(phrase):
            return phrase.strip(" :"), sentence
    return None


def _is_duplicate(venue: str, fault: BaseException) -> bool:
    body = None if fault.__cause__ is not None else _body(str(fault))
    said = {None if body is None else _code(venue, body), None if body is None else _message(body)}
    return not DUPLICATES.get(venue, frozenset()).isdisjoint(said)


def _code(venue: str, body: object) -> str | None:
    for path in CODE_PATHS.get(venue, ()):
        found = _at(body, path)
        if isinstance(found, str | int) and not isinstance(found, bool) and found != "":
            return str(found)
    return None


def _message(body: object) -> str:
    for key in MESSAGE_KEYS:
        found = _at(body, (key,))
        if isinstance(found, str):
            return found
    return ""


def _at(body: object, path: Path) -> object:
    for step in path:
        if isinstance(step, str) and isinstance(body, Mapping):
            body = body.get(step)
        elif (
            isinstance(step, int)
            and isinstance(body, Sequence)
            and not isinstance(body, str)
            and len(body) > step
        ):
            body = body[step]
        else:
            return None
    return body
