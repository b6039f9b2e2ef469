"""What a venue's reply proves: every fault over a real socket, through the real ccxt."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from engine.reports import (
    CancelAccepted,
    CancelUnanswered,
    SubmitAccepted,
    SubmitRefused,
    SubmitUnanswered,
)
from engine.venues.ccxt_library import client_class, rebased
from engine.venues.live.answers import cancel_answer, is_about_clock, silence, submit_answer

OURS, SYMBOL = "qdours", "BTC/USDT"
KEY, SECRET = "the-api-key", "c2VjcmV0LXdvcmQ="
HTML = "<html><body>down</body></html>"
FUNDS = '{"code":-2010,"msg":"Account has insufficient balance for requested action."}'
DUPLICATE = '{"code":-2010,"msg":"Duplicate order sent."}'
OKX = '{"code":"1","data":[{"clOrdId":"x","ordId":"","sCode":"%s","sMsg":"m"}],"msg":""}'
CUT, STALL, RESET, GARBAGE = "cut", "stall", "reset", "garbage"


@dataclass(slots=True)
class Door:
    """Answer every request with what is set; `way` says how the line fails, if it does."""

    status: int = 200
    body: str = ""
    way: str = ""
    url: str = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if (length := re.search(rb"content-length: (\d+)", head, re.IGNORECASE)) is not None:
                await reader.readexactly(int(length[1]))
            if self.way == STALL:
                await reader.read()  # until the client has gone
            elif self.way == GARBAGE:
                writer.write(b"\x00\x01 no http\r\n\r\n")
            elif self.way != RESET:
                body = self.body.encode()
                told = len(body) + (50 if self.way == CUT else 0)
                head = f"HTTP/1.1 {self.status} X\r\nContent-Type: application/json\r\n".encode()
                writer.write(head + b"Connection: close\r\n")
                writer.write(b"Content-Length: %d\r\n\r\n" % told + body)
            await writer.drain()
        finally:
            writer.close()


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    found = Door()
    server = await asyncio.start_server(found.answer, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield found
    server.close()


async def outcome(venue: str, url: str, *, cancel: bool = False, timeout_ms: int = 20_000) -> Any:
    """Create an order, or cancel one, and give what ccxt returned or raised."""
    client = client_class(venue)(
        {
            "apiKey": KEY,
            "secret": SECRET,
            "password": "p",
            "enableRateLimit": False,
            "timeout": timeout_ms,
            "timeout_on_exit": 0,
        }
    )
    client.urls["api"] = rebased(client.urls["api"], url)
    client.options |= {"maxRetriesOnFailure": 0, "enableUnifiedAccount": True}
    client.options["enableUnifiedMargin"] = False
    client.set_markets([_market()])
    try:
        if cancel:
            return await client.cancel_order("77", SYMBOL)
        return await client.create_order(SYMBOL, "limit", "buy", "0.01", "100")
    except Exception as fault:  # task boundary: whatever ccxt raises is what is judged
        return fault
    finally:
        await client.close()


def _market() -> dict[str, Any]:
    no = dict.fromkeys(("swap", "future", "option", "contract", "inverse", "linear"), False)
    names = {"id": "BTCUSDT", "symbol": SYMBOL, "base": "BTC", "quote": "USDT"}
    kind = {"baseId": "BTC", "quoteId": "USDT", "type": "spot", "spot": True, "active": True}
    steps: dict[str, Any] = {"precision": {"amount": 1e-6, "price": 0.01}}
    limits = {"limits": {"amount": {}, "price": {}, "cost": {}}, "info": {"orderTypes": ["LIMIT"]}}
    return {**names, **kind, **no, **steps, **limits}


SILENT = [
    ("binance", 200, '{"orderId":1', CUT),
    ("binance", 200, "", GARBAGE),
    ("binance", 200, "", RESET),
    *(("binance", 200, body, "") for body in (HTML, "", "{}")),
    *(("binance", status, HTML, "") for status in (400, 403, 404, 408, 500, 502, 503, 504)),
    *(("binance", status, HTML, "") for status in (418, 429, 524, 599)),
    *(("binance", 400, f'{{"code":{code},"msg":"m"}}', "") for code in (-1000, -1006, -1007)),
    ("binance", 400, DUPLICATE, ""),
    ("binance", 403, '<html>{"code":-2015,"msg":"m"}</html>', ""),
    ("binance", 400, '[{"code":-2015,"msg":"m"},{"co', ""),
    *(("okx", 200, OKX % code, "") for code in ("50004", "51149", "51016")),
    *(("bybit", 200, f'{{"retCode":{code},"retMsg":"m"}}', "") for code in (10000, 10016, 110072)),
]
NAMES = [
    f"{row[0]} {row[1]} {row[3] or row[2][:42] or 'empty'} {at}" for at, row in enumerate(SILENT)
]


@pytest.mark.parametrize(("venue", "status", "body", "way"), SILENT, ids=NAMES)
async def test_what_proves_nothing_is_no_answer_to_a_create_nor_to_a_cancel(
    door: Door, venue: str, status: int, body: str, way: str
) -> None:
    door.status, door.body, door.way = status, body, way
    created = await outcome(venue, door.url)
    cancelled = await outcome(venue, door.url, cancel=True)
    submitted, withdrawn = (
        submit_answer(venue, OURS, created),
        cancel_answer(venue, OURS, cancelled),
    )
    assert isinstance(submitted, SubmitUnanswered)
    assert isinstance(withdrawn, CancelUnanswered)
    for answer in (submitted, withdrawn):
        assert not any(secret in answer.text for secret in ("http", "signature", KEY, SECRET))


async def test_a_stalled_line_is_no_answer(door: Door) -> None:
    door.way = STALL
    answer = submit_answer("binance", OURS, await outcome("binance", door.url, timeout_ms=500))
    assert answer == SubmitUnanswered(client_order_id=OURS, text="binance did not answer in time")


async def test_a_refused_connection_is_no_answer() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        answer = submit_answer("binance", OURS, await outcome("binance", url))
    assert isinstance(answer, SubmitUnanswered)


@pytest.mark.parametrize(
    ("venue", "status", "body", "code"),
    [
        ("binance", 400, FUNDS, "-2010"),
        ("binance", 400, '{"code":-2010,"msg":"Market is closed."}', "-2010"),
        ("binance", 400, '{"code":-1013,"msg":"Filter failure: LOT_SIZE"}', "-1013"),
        ("binance", 400, '{"code":-1021,"msg":"outside of the recvWindow"}', "-1021"),
        ("okx", 200, OKX % "51008", "51008"),
        ("bybit", 200, '{"retCode":170131,"retMsg":"Balance insufficient"}', "170131"),
    ],
    ids=["funds", "closed", "filter", "clock", "okx funds", "bybit funds"],
)
async def test_a_listed_code_in_a_whole_body_is_a_refusal_in_plain_words(
    door: Door, venue: str, status: int, body: str, code: str
) -> None:
    door.status, door.body = status, body
    answer = submit_answer(venue, OURS, await outcome(venue, door.url))
    assert isinstance(answer, SubmitRefused)
    assert answer.code == code
    assert answer.text.endswith(".")
    assert "{" not in answer.text


async def test_a_duplicate_name_is_told_as_an_order_that_is_there(door: Door) -> None:
    door.status, door.body = 400, DUPLICATE
    answer = submit_answer("binance", OURS, await outcome("binance", door.url))
    assert isinstance(answer, SubmitUnanswered)
    assert answer.text == "binance says that it has an order of this name"


async def test_a_clock_that_is_off_is_told_so_that_it_is_measured_again(door: Door) -> None:
    door.status, door.body = 400, '{"code":-1021,"msg":"outside of the recvWindow"}'
    fault = await outcome("binance", door.url, cancel=True)
    assert is_about_clock("binance", fault)
    assert silence("binance", fault) == "binance says that the clock here is off"


async def test_an_answer_with_an_id_is_accepted_unless_it_names_another_order(door: Door) -> None:
    door.body = (
        '{"orderId":77,"symbol":"BTCUSDT","clientOrderId":"qdours","status":"NEW","side":"BUY",'
        '"type":"LIMIT","timeInForce":"GTC","price":"100","origQty":"0.01","executedQty":"0",'
        '"transactTime":1700000000000,"fills":[]}'
    )
    created = await outcome("binance", door.url)
    cancelled = await outcome("binance", door.url, cancel=True)
    accepted = submit_answer("binance", OURS, created, echoed=created["clientOrderId"])
    other = submit_answer("binance", "qdother", created, echoed=created["clientOrderId"])
    assert accepted == SubmitAccepted(client_order_id=OURS, venue_order_id="77")
    assert isinstance(other, SubmitUnanswered)
    assert cancel_answer("binance", OURS, cancelled) == CancelAccepted(client_order_id=OURS)
