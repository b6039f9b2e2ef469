"""Identities: deterministic names of orders, tickets and positions.

An order's name is derived from the command that asked for it, so a retry, a double tap or a
replay names the same order and can never make a second one.
"""

import hashlib
from enum import StrEnum
from typing import assert_never

ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"
# Two letters at a time: half the divisions of a large number.
_PAIRS = tuple(first + second for second in ALPHABET for first in ALPHABET)
SHORT_LENGTH = 4
CLIENT_ORDER_ID_LENGTH = 24
_LETTERS = frozenset(ALPHABET)


def digest(*parts: object, length: int = CLIENT_ORDER_ID_LENGTH) -> str:
    """Hash the parts to `length` lower-case letters and digits without look-alikes (SHA-256)."""
    number = _number(parts)
    pairs = []
    for _ in range(0, length, 2):
        number, index = divmod(number, len(_PAIRS))
        pairs.append(_PAIRS[index])
    return "".join(pairs)[:length]


class ClientIdForm(StrEnum):
    """The form that a venue takes a client order id in.

    PLAIN is `qd` and 24 letters and digits; UUID is one of version 4 that begins with `71642d64`
    ("qd-d"); INTEGER is 15 digits, for ccxt sends it through a float, exact below 2**53, and
    INTEGER_45_BITS 14, both beginning with 27.
    """

    PLAIN = "plain"
    UUID = "uuid"
    INTEGER = "integer"
    INTEGER_45_BITS = "integer_45_bits"


PLAIN_PREFIX = "qd"
UUID_PREFIX = "71642d64"
INTEGER_PREFIX = "27"
_UUID_LENGTH = 32
_DIGITS = {ClientIdForm.INTEGER: 15, ClientIdForm.INTEGER_45_BITS: 14}
_UUID_VENUES = frozenset({"kraken", "coinbase"})


def form_of(venue: str, *, is_swap: bool) -> ClientIdForm:
    """Give the form of client order id that a venue takes for a kind of instrument."""
    if venue in _UUID_VENUES:
        return ClientIdForm.UUID
    if venue == "bitfinex":
        return ClientIdForm.INTEGER_45_BITS
    if venue == "htx" and is_swap:
        return ClientIdForm.INTEGER
    return ClientIdForm.PLAIN


def client_order_id(
    journal_id: str,
    epoch: int,
    intent: str,
    leg: str,
    attempt: int,
    *,
    form: ClientIdForm = ClientIdForm.PLAIN,
) -> str:
    """Name an order in the form of its venue; the same parts name the same order for ever."""
    parts = (journal_id, epoch, intent, leg, attempt)
    match form:
        case ClientIdForm.PLAIN:
            return PLAIN_PREFIX + digest(*parts)
        case ClientIdForm.UUID:
            return _uuid(_number(parts))
        case ClientIdForm.INTEGER | ClientIdForm.INTEGER_45_BITS:
            free = _DIGITS[form] - len(INTEGER_PREFIX)
            return f"{INTEGER_PREFIX}{_number(parts) % 10**free:0{free}}"
        case _:
            assert_never(form)


def is_our_form(text: str, form: ClientIdForm) -> bool:
    """Tell whether a client order id could be one of ours, in this form or the plain one.

    Ours is what the journal names; this only says whether to look there.
    """
    return _is_plain(text) or _is_of(text, form)


def _is_of(text: str, form: ClientIdForm) -> bool:
    match form:
        case ClientIdForm.PLAIN:
            return _is_plain(text)
        case ClientIdForm.UUID:
            pure = text.replace("-", "").lower()
            return len(pure) == _UUID_LENGTH and pure.startswith(UUID_PREFIX)
        case ClientIdForm.INTEGER | ClientIdForm.INTEGER_45_BITS:
            is_number = text.isascii() and text.isdecimal()
            return is_number and len(text) == _DIGITS[form] and text.startswith(INTEGER_PREFIX)
        case _:
            assert_never(form)


def _is_plain(text: str) -> bool:
    length = len(PLAIN_PREFIX) + CLIENT_ORDER_ID_LENGTH
    return len(text) == length and text.startswith(PLAIN_PREFIX) and set(text[2:]) <= _LETTERS


def _number(parts: tuple[object, ...]) -> int:
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")


def _uuid(number: int) -> str:
    """Write 90 bits of a number as a UUID of version 4, variant 1, that begins as ours do."""
    number, third = divmod(number, 16**3)
    number, variant = divmod(number, 4)
    number, fourth = divmod(number, 16**3)
    middle = f"{number % 16**4:04x}"
    rest = f"{number // 16**4 % 16**12:012x}"
    return f"{UUID_PREFIX}-{middle}-4{third:03x}-{8 + variant:x}{fourth:03x}-{rest}"


def short(identity: str, letter: str) -> str:
    """Give the name a person reads, for example `T-7K4M`; not unique, never used to act on."""
    return f"{letter}-{digest(identity, length=SHORT_LENGTH).upper()}"


def instrument_key(venue: str, symbol: str) -> str:
    """Name one symbol of one venue, for example `binance:BTC/USDT`."""
    return f"{venue}:{symbol}"
