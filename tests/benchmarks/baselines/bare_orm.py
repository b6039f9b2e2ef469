"""Bare SQLAlchemy: an ORM session and a commit for each change of an order. No events, no chain.

The database is as durable as ours (WAL, synchronous=FULL). One thread owns it: with several, SQLite
answers "database is locked" under load.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import DateTime, String, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

FEE = Decimal("0.001")


class Base(DeclarativeBase):
    """Stand at the root of the tables."""


class OrderRow(Base):
    """Hold an order as it stands."""

    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    client_order_id: Mapped[str] = mapped_column(String(64), unique=True)
    symbol: Mapped[str] = mapped_column(String(32), index=True)
    side: Mapped[str] = mapped_column(String(8))
    quantity: Mapped[str] = mapped_column(String(40))
    price: Mapped[str] = mapped_column(String(40))
    fee: Mapped[str] = mapped_column(String(40), default="0")
    status: Mapped[str] = mapped_column(String(16), index=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class OrderStore:
    """Write orders, each change in a session of its own."""

    def __init__(self, file: Path) -> None:
        self._engine = create_engine(f"sqlite:///{file}", connect_args={"check_same_thread": False})
        event.listen(self._engine, "connect", _prepare)
        Base.metadata.create_all(self._engine)
        self._sessions = sessionmaker(self._engine)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="orm")

    async def submitted(self, name: str, symbol: str, quantity: Decimal, price: Decimal) -> None:
        """Store a new order, durably."""
        await self._run(self._insert, name, symbol, quantity, price)

    async def filled(self, name: str, price: Decimal) -> None:
        """Mark an order filled, durably."""
        await self._run(self._fill, name, price)

    async def _run(self, work: Any, *given: object) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, work, *given)

    def _insert(self, name: str, symbol: str, quantity: Decimal, price: Decimal) -> None:
        with self._sessions() as session:
            session.add(
                OrderRow(
                    client_order_id=name,
                    symbol=symbol,
                    side="buy",
                    quantity=str(quantity),
                    price=str(price),
                    status="submitted",
                    at=datetime.now(UTC),
                )
            )
            session.commit()

    def _fill(self, name: str, price: Decimal) -> None:
        with self._sessions() as session:
            row = _named(session, name)
            row.status, row.fee = "filled", str(Decimal(row.quantity) * price * FEE)
            session.commit()

    def close(self) -> None:
        self._thread.shutdown()
        self._engine.dispose()


async def handle(store: OrderStore, name: str, symbol: str, quantity: Decimal) -> None:
    """Trade a signal on paper at a fixed price: store the order, fill it, store the fill."""
    price = Decimal(100)
    await store.submitted(name, symbol, quantity, price)
    await store.filled(name, price)


def _named(session: Session, name: str) -> OrderRow:
    return session.query(OrderRow).filter_by(client_order_id=name).one()


def _prepare(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
