"""A database with nobody in it: looked at and changed as its owner's own tools would do it."""

import random
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, MetaData, make_url

from storage.database import Database
from storage.home import home_of

R = TypeVar("R")


async def worked(url: str, function: Callable[[Connection], R], *, is_raw: bool = False) -> R:
    """Run a function in one transaction; `is_raw` beside `Database`, which would migrate first."""
    if is_raw:
        return raw(url, function)
    database = Database(url)
    await database.open()
    try:
        return await database.write(function)
    finally:
        await database.close()


def raw(url: str, function: Callable[[Connection], R]) -> R:
    home = home_of(make_url(url), is_reader=False, checked_bytes_max=0, jitter=random.Random(1))
    home.take(lambda: 0.0)
    engine = home.engine(writes=True)
    try:
        with engine.begin() as connection:
            return function(connection)
    finally:
        engine.dispose()
        home.release()


async def emptied(url: str) -> None:
    """Drop every table."""

    def drop(connection: Connection) -> None:
        found = MetaData()
        found.reflect(connection)
        found.drop_all(connection)

    raw(url, drop)
