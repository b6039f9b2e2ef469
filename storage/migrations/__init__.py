"""Migrations: the line of revisions from the first tables to today's, the same on both databases.

They only lead forward: the way back is a backup. docs/upgrades.md says how to write one.
"""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
REVISIONS: Final = ("0001", "0002", "0003")
"""Every revision, oldest first, so that a start need not load Alembic to know the last one."""
