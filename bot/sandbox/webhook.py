"""Delivery of updates to a webhook, one at a time, each until it is taken."""

import asyncio

import aiohttp

from bot.sandbox.world import World

TIMEOUT_S = 15.0
RETRY_S_FIRST = 0.2
RETRY_S_MAX = 5.0


async def deliver_for_ever(world: World) -> None:
    """Post every update to the webhook while one is set; retry with a growing pause."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    retry_s = RETRY_S_FIRST
    async with aiohttp.ClientSession(timeout=timeout) as session:
        while True:
            if not world.webhook or not world.updates.pending:
                await world.updates.wait()
                continue
            if await _deliver_first(world, session):
                retry_s = RETRY_S_FIRST
            else:
                await asyncio.sleep(retry_s)
                retry_s = min(2 * retry_s, RETRY_S_MAX)


async def _deliver_first(world: World, session: aiohttp.ClientSession) -> bool:
    update = world.updates.pending[0]
    webhook = world.webhook
    headers = {}
    if webhook["secret_token"]:
        headers["X-Telegram-Bot-Api-Secret-Token"] = webhook["secret_token"]
    try:
        async with session.post(webhook["url"], json=update, headers=headers) as response:
            taken = 200 <= response.status < 300
            trouble = f"Wrong response from the webhook: {response.status} {response.reason}"
    except (aiohttp.ClientError, TimeoutError) as fault:
        taken, trouble = False, f"Connection failed: {type(fault).__name__}"
    if taken:
        if world.updates.pending and world.updates.pending[0] is update:
            world.updates.drop_first()
    else:
        webhook["last_error_date"] = int(world.clock())
        webhook["last_error_message"] = trouble
    return taken
