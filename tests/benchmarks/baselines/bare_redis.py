"""Bare redis-py: a client, GET and SET awaited. No prefix, no timeout, no fallback."""

from redis.asyncio import Redis


async def found(client: "Redis", name: str) -> str | None:
    """Look a value up."""
    value = await client.get(name)
    return None if value is None else str(value)
