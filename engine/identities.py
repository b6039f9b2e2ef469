"""Identities: deterministic names of orders, tickets and positions.

An order's name is derived from the command that asked for it, so a retry, a double tap or a
replay names the same order and can never make a second one.
"""

import hashlib

ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"
# Two letters at a time: half the divisions of a large number.
_PAIRS = tuple(first + second for second in ALPHABET for first in ALPHABET)
SHORT_LENGTH = 4
CLIENT_ORDER_ID_LENGTH = 24


def digest(*parts: object, length: int = CLIENT_ORDER_ID_LENGTH) -> str:
    """Hash the parts to `length` lower-case letters and digits without look-alikes (SHA-256)."""
    text = "\x1f".join(str(part) for part in parts)
    number = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
    pairs = []
    for _ in range(0, length, 2):
        number, index = divmod(number, len(_PAIRS))
        pairs.append(_PAIRS[index])
    return "".join(pairs)[:length]


def client_order_id(journal_id: str, epoch: int, intent: str, leg: str, attempt: int) -> str:
    """Name an order: 26 characters, `qd` first, fit for every venue's plain format."""
    return "qd" + digest(journal_id, epoch, intent, leg, attempt)


def short(identity: str, letter: str) -> str:
    """Give the name a person reads, for example `T-7K4M`; not unique, never used to act on."""
    return f"{letter}-{digest(identity, length=SHORT_LENGTH).upper()}"


def instrument_key(venue: str, symbol: str) -> str:
    """Name one symbol of one venue, for example `binance:BTC/USDT`."""
    return f"{venue}:{symbol}"
