"""Bare psycopg: one row of an order and a commit, on the server that ours writes to."""

from datetime import UTC, datetime
from decimal import Decimal

import psycopg

MADE = (
    "CREATE TABLE bare_orders (id bigserial PRIMARY KEY, client_order_id text UNIQUE, symbol text, "
    "quantity numeric, price numeric, at timestamptz)"
)
STORED = (
    "INSERT INTO bare_orders (client_order_id, symbol, quantity, price, at) "
    "VALUES (%s, %s, %s, %s, %s)"
)


class BareOrders:
    """Write orders, each in a transaction of its own, waiting for the disk as ours do."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, connect_timeout=5)
        self._connection.execute(MADE)
        self._connection.commit()

    def submitted(self, name: str, symbol: str, quantity: Decimal, price: Decimal) -> None:
        """Store an order."""
        self._connection.execute(STORED, (name, symbol, quantity, price, datetime.now(UTC)))
        self._connection.commit()

    def close(self) -> None:
        self._connection.close()
