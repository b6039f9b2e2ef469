"""A short drill: the real process trades live while requests fail, and dies once."""

from pathlib import Path

import pytest

from tests.drill.__main__ import drilled

pytestmark = pytest.mark.system


async def test_each_order_is_sent_once_and_each_fill_and_each_doubt_is_told(
    tmp_path: Path,
) -> None:
    verdict = await drilled(tmp_path, orders=12, kills=1, seed=3)

    assert verdict.objections == []
    assert verdict.orders >= 12
    assert verdict.fills
    assert verdict.faults
