"""What each venue's refusals look like over a real socket, and what is none."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from engine.ports import VenueUnavailable
from engine.reports import CancelUnanswered, SubmitRefused, SubmitUnanswered
from engine.venues.live import capabilities, client_ids, refusals
from engine.venues.live.answers import cancel_answer, submit_answer
from engine.venues.live.budget import Priority
from engine.venues.live.capabilities_terms import CancelProof
from engine.venues.live.line import Line
from tests.engine.venues.live.wire import cells, wire
from tests.engine.venues.live.wire.cells import VENUES
from tests.engine.venues.live.wire.markets import MARKETS, prepared
from tests.engine.venues.live.wire.wire import Wire
from tests.engine.venues.room import StillClock

OKX = '{"code":"1","data":[{"clOrdId":"x","ordId":"","sCode":"%s","sMsg":"m"}],"msg":""}'
COINBASE = (
    '{"success":false,"order_id":"","error_response":{"error":"%s","message":"m",'
    '"error_details":"","preview_failure_reason":"%s"}}'
)
BITGET = '{"code":"%s","msg":"m","requestTime":1,"data":null}'
HTX = '{"status":"error","err-code":"%s","err-msg":"m","data":null}'
NEED = (
    '{"status":"error","reason":{"__all__":["You need 18372.00 USDT to open that order. '
    'You have only 0.00 USDT available. Check your account balance for details."]}}'
)
# Venue, status, body, sentence.
REFUSED = [
    ("binance", 400, '{"code":-2019,"msg":"Margin is insufficient."}', refusals.MARGIN),
    ("binance", 400, '{"code":-1121,"msg":"Invalid symbol."}', refusals.NO_SYMBOL),
    ("binance", 429, '{"code":-1003,"msg":"Too many requests."}', refusals.SLOWER),
    ("bybit", 200, '{"retCode":110007,"retMsg":"ab not enough"}', refusals.FUNDS),
    ("bybit", 200, '{"retCode":10002,"retMsg":"invalid request"}', refusals.CLOCK),
    ("okx", 200, OKX % "51020", refusals.TOO_SMALL),
    ("okx", 200, OKX % "50036", refusals.CLOCK),
    ("okx", 401, '{"msg":"Invalid OK-ACCESS-KEY","code":"50111"}', refusals.KEY),
    ("kraken", 200, '{"error":["EOrder:Insufficient funds"]}', refusals.FUNDS),
    ("kraken", 200, '{"error":["EOrder:Order minimum not met"]}', refusals.TOO_SMALL),
    ("kucoin", 200, '{"code":"200004","msg":"Balance insufficient!"}', refusals.FUNDS),
    ("kucoin", 400, '{"code":"400003","msg":"KC-API-KEY not exists"}', refusals.KEY),
    ("gate", 400, '{"label":"BALANCE_NOT_ENOUGH","message":"m"}', refusals.FUNDS),
    ("gate", 401, '{"label":"INVALID_KEY","message":"m"}', refusals.KEY),
    ("bitget", 400, BITGET % "43012", refusals.FUNDS),
    ("bitget", 400, BITGET % "45110", refusals.TOO_SMALL),
    ("coinbase", 200, COINBASE % ("INSUFFICIENT_FUND", "X"), refusals.FUNDS),
    ("htx", 200, HTX % "account-frozen-balance-insufficient-error", refusals.FUNDS),
    ("htx", 200, HTX % "api-signature-not-valid", refusals.KEY),
    ("mexc", 400, '{"code":30004,"msg":"Insufficient position"}', refusals.FUNDS),
    ("mexc", 400, '{"code":10101,"msg":"Insufficient balance"}', refusals.FUNDS),
    ("mexc", 400, '{"code":700003,"msg":"outside of the recvWindow."}', refusals.CLOCK),
    (
        *("bitfinex", 500),
        '["error",10001,"Invalid order: not enough exchange balance for 0.3 BTCUST at 61240"]',
        refusals.FUNDS,
    ),
    (
        *("bitfinex", 500),
        '["error",10001,"Invalid order: minimum size for BTCUST is 0.00004"]',
        refusals.TOO_SMALL,
    ),
    ("bitfinex", 500, '["error",10100,"apikey: invalid"]', refusals.KEY),
    ("bitstamp", 400, NEED, refusals.FUNDS),
    (
        *("bitstamp", 400),
        '{"status":"error","reason":{"__all__":["Minimum order size is 10.0 USDT."]}}',
        refusals.TOO_SMALL,
    ),
    ("bitstamp", 403, '{"status":"error","reason":"m","code":"API0003"}', refusals.KEY),
]
HTML = "<html><body>down</body></html>"
OF_VENUES = {
    "okx": [(200, OKX % "51149")],
    "kraken": [(200, '{"error":["EService:Unavailable"]}'), (200, '{"error":["EGeneral:X"]}')],
    "kucoin": [(200, '{"code":"500000","msg":"Internal Server Error"}')],
    "gate": [(400, '{"label":"SERVER_ERROR","message":"m"}')],
    "bitget": [(400, BITGET % "40015")],
    "coinbase": [(200, COINBASE % ("UNKNOWN_FAILURE_REASON", "X"))],
    "htx": [(200, HTX % "gateway-internal-error")],
    "bitfinex": [
        (500, '["error",10000,"ERR_UNK"]'),
        (500, HTML + "Invalid order: not enough exchange balance"),
        (503, '["error",10001,"Invalid order: not enough exchange balance for 1"]'),
    ],
    "bitstamp": [(500, NEED)],
}
SILENT = [
    *((venue, status, body) for venue, rows in OF_VENUES.items() for status, body in rows),
    *((venue, status, HTML) for venue in VENUES for status in (200, 502)),
    *((venue, 200, body) for venue in VENUES for body in ("", "{}")),
]
Room = tuple[Wire, dict[str, Any], dict[str, Line]]
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def room() -> AsyncIterator[Room]:
    async with Wire() as listening:
        made = {v: prepared(wire.client(v, listening.url, MARKETS[v])) for v in VENUES}
        lines = {venue: line_of(venue) for venue in VENUES}
        for venue, client in made.items():
            lines[venue].hooked(client)
        yield listening, made, lines
        for each in made.values():
            await each.close()


def line_of(venue: str) -> Line:
    clock, jitter = StillClock(), random.Random(1)
    return Line(venue=venue, clock=clock, jitter=jitter, timeout_s=20, sleep=asyncio.sleep)


async def outcome(room: Room, venue: str, operation: str) -> tuple[object, CancelProof | None]:
    table = capabilities.of(venue)
    call, *_ = cells.asked(table, table.spot, "plain", operation)
    # A ban that an answer before it brought would hold the next one up.
    line = line_of(venue)
    room[2][venue].budget = line.budget
    return (
        await room[2][venue].outcome(room[1][venue], call, Priority.CANCEL),
        table.spot.cancel_proof,
    )


def ids(row: tuple[Any, ...]) -> str:
    return f"{row[0]} {row[1]} {row[2][:60] or 'empty'}"


@pytest.mark.parametrize("row", REFUSED, ids=ids)
async def test_a_definitive_refusal_of_any_venue_is_one_in_plain_words(
    room: Room, row: tuple[str, int, str, str]
) -> None:
    venue, room[0].status, room[0].body, sentence = row
    found, _ = await outcome(room, venue, "create")
    answer = submit_answer(venue, "qdours", found)
    assert isinstance(answer, SubmitRefused), repr(found)
    assert answer.text == sentence


async def test_every_venue_has_a_refusal_that_is_tried_here() -> None:
    assert {row[0] for row in REFUSED} == set(VENUES) == set(refusals.REFUSALS)


@pytest.mark.parametrize("row", SILENT, ids=ids)
async def test_nothing_else_is_an_answer_at_any_venue(
    room: Room, row: tuple[str, int, str]
) -> None:
    venue, room[0].status, room[0].body = row
    found, proof = await outcome(room, venue, "create")
    segment = capabilities.of(venue).spot
    echoed = client_ids.seen(segment, found) if isinstance(found, dict) else None
    submitted = submit_answer(venue, "qdours", found, echoed=echoed)
    assert isinstance(submitted, SubmitUnanswered), repr(found)
    found, proof = await outcome(room, venue, "cancel")
    withdrawn = cancel_answer(venue, "qdours", found, proof=proof)
    assert isinstance(withdrawn, CancelUnanswered), repr(found)
    for answer in (submitted, withdrawn):
        assert "http" not in answer.text
        assert "127.0.0.1" not in answer.text


@pytest.mark.parametrize(
    ("venue", "status", "body"),
    [
        ("bybit", 200, '{"retCode":110072,"retMsg":"OrderLinkedID is duplicate"}'),
        ("okx", 200, OKX % "51016"),
    ],
)
async def test_a_duplicate_name_is_told_as_an_order_that_is_there(
    room: Room, venue: str, status: int, body: str
) -> None:
    room[0].status, room[0].body = status, body
    found, _ = await outcome(room, venue, "create")
    answer = submit_answer(venue, "qdours", found)
    assert isinstance(answer, SubmitUnanswered)
    assert answer.text == f"{venue} says that it has an order of this name"


async def test_who_asks_for_patience_over_the_socket_gets_as_much_as_it_asks_for(
    room: Room,
) -> None:
    clock = StillClock()

    async def sleep(seconds: float) -> None:
        clock.advance(seconds + 0.001)  # the clock knows nothing below a microsecond

    line = Line(venue="mexc", clock=clock, jitter=random.Random(1), timeout_s=20, sleep=sleep)
    client = prepared(wire.client("mexc", room[0].url, MARKETS["mexc"]))
    line.hooked(client)
    table = capabilities.of("mexc")
    (call,) = cells.asked(table, table.spot, "plain", "create")
    room[0].body, room[0].headers = HTML, {"Retry-After": "20"}
    try:
        for status, least_s in ((429, 20), (418, 20)):
            room[0].status, begun = status, clock.monotonic()
            found = await line.outcome(client, call, Priority.CANCEL)
            assert isinstance(submit_answer("mexc", "qdours", found), SubmitUnanswered)
            if status == 429:
                await line.outcome(client, call, Priority.EXIT)
                assert clock.monotonic() - begun >= least_s
            else:
                assert line.budget.banned_s >= least_s
                with pytest.raises(VenueUnavailable, match="nothing but cancels"):
                    await line.outcome(client, call, Priority.EXIT)
    finally:
        room[0].headers = {}
        await client.close()
