"""Damage to stored rows, written once in SQLite's words and done to either database."""

import re
from collections.abc import Callable
from typing import Final

import pytest
from sqlalchemy import Connection, text

Damage = Callable[[Connection], object]
# What no Postgres lets anybody store.
REFUSED: Final = re.compile(r"day='someday'|journal SET payload=7")


def damaging(sql: str) -> Damage:
    """Give what runs the statement; `rowid=N` is the Nth row by number, `x'..'` are bytes."""

    def damage(connection: Connection) -> object:
        words = sql
        if connection.dialect.name == "postgresql":
            if REFUSED.search(sql):
                pytest.skip("Postgres refuses to store what this test is about.")
            words = on_postgres(sql)
        return connection.execute(text(words)).rowcount

    return damage


def on_postgres(sql: str) -> str:
    table = re.search(r"(?:UPDATE|FROM) (\w+)", sql)
    assert table is not None
    words = re.sub(r"x'([0-9a-f]*)'", r"decode('\1', 'hex')", sql)
    words = words.replace(
        "replace(payload, '1', '2')", "decode(replace(encode(payload, 'hex'), '31', '32'), 'hex')"
    )
    nth = f"ctid = (SELECT ctid FROM {table[1]} ORDER BY seq, ctid OFFSET \\1 - 1 LIMIT 1)"  # noqa: S608 - a test's own words
    return re.sub(r"rowid=(\d+)", nth, words)
