"""What a venue's own load needs beside the list of its markets."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from aiohttp import web

from engine.markets.listing import MarketSource
from engine.markets.loading import LoadFailed, load_here

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PAIR = {
    "altname": "BABYUSD", "wsname": "BABY/USD", "base": "BABY", "quote": "ZUSD",
    "pair_decimals": 5, "lot_decimals": 8, "ordermin": "50", "costmin": "0.5", "status": "online",
    "fees": [[0, 0.4]], "fees_maker": [[0, 0.25]], "leverage_buy": [],
}  # fmt: skip
ASSETS = {
    "BABY": {"aclass": "currency", "altname": "BABY", "decimals": 5, "status": "enabled"},
    "ZUSD": {"aclass": "currency", "altname": "USD", "decimals": 4, "status": "enabled"},
}


async def served(results: dict[str, object]) -> tuple[web.AppRunner, MarketSource]:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"error": [], "result": results[request.match_info["what"]]})

    app = web.Application()
    app.add_routes([web.get("/0/public/{what}", answer)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    return runner, MarketSource(venue="kraken", api_url=url)


async def test_on_kraken_the_asset_s_places_bound_the_pair_s() -> None:
    runner, source = await served({"AssetPairs": {"BABYUSD": PAIR}, "Assets": ASSETS})

    listing = await load_here(source, AT, 30)
    await runner.cleanup()

    assert listing.instruments["kraken:BABY/USD"].quantity_step == Decimal("0.00001")
    assert listing.aliases["marketsByAltname"] == {"BABYUSD": "BABY/USD"}


async def test_a_venue_without_a_market_for_us_is_not_loaded() -> None:
    undecided = {**PAIR, "pair_decimals": None}
    runner, source = await served({"AssetPairs": {"BABYUSD": undecided}, "Assets": ASSETS})

    with pytest.raises(LoadFailed, match="kraken lists no market that can be traded here"):
        await load_here(source, AT, 30)
    await runner.cleanup()
