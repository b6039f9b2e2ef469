"""docs/redis.md, held against what is written."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from engine.instruments import Instrument
from engine.orders import OrderStatus
from engine.quotes import Quote
from storage.cache_records import (
    VERSION,
    MarketRecord,
    OrderRecord,
    decoded,
    full_name,
    market_key,
    order_key,
    quote_key,
)

TEXT = (Path(__file__).parents[2] / "docs" / "redis.md").read_text(encoding="utf-8")
JSON = re.findall(r"^```json\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
ORDER, QUOTE = (json.loads(each) for each in JSON)


def test_each_key_stands_in_the_document() -> None:
    keys = (order_key("<client_order_id>"), quote_key("<venue>", "<symbol>"), market_key("<venue>"))

    for key in keys:
        assert f"| `{full_name('<journal>', key.name)}` |" in TEXT
    assert f"version {VERSION}." in TEXT


@pytest.mark.parametrize(("example", "kind"), [(ORDER, OrderRecord), (QUOTE, Quote)])
def test_an_example_has_every_field_and_can_be_read(
    example: dict[str, Any], kind: type[Any]
) -> None:
    assert [field.name for field in dataclasses.fields(kind)] == list(example)
    payload = json.dumps(example).encode()
    read: object
    if kind is OrderRecord:
        read = decoded(order_key(example["client_order_id"]), payload)
    else:
        read = decoded(quote_key(example["venue"], example["symbol"]), payload)
    assert isinstance(read, kind)


def test_every_field_of_a_market_and_every_status_is_named() -> None:
    _, _, market = TEXT.partition("**Market.**")
    paragraph, _, _ = market.partition("\n## ")
    for kind in (MarketRecord, Instrument):
        for field in dataclasses.fields(kind):
            assert f'"{field.name}"' in paragraph or f"`{field.name}`" in paragraph, field.name

    # A denied order never was one: it has no name to be looked up by.
    named = {status for status in OrderStatus if f"`{status}`" in TEXT}
    assert named == set(OrderStatus) - {OrderStatus.DENIED}
