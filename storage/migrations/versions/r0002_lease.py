"""The lease: which process is the active one."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, String

revision = "0002"
down_revision = "0001"

INTEGER_64 = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "lease",
        Column("name", String, primary_key=True),
        Column("holder", String, nullable=False),
        Column("token", INTEGER_64, nullable=False),
        Column("expires_ms", INTEGER_64, nullable=False),
    )
