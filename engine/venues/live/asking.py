"""Asking: one call through a ccxt client, stamped with what only the moment of sending knows."""

import contextvars
from collections.abc import Mapping
from typing import Any

from engine.venues.live.calls import Call

_headers: contextvars.ContextVar[Mapping[str, str] | None] = contextvars.ContextVar(
    "sent beside what ccxt signs", default=None
)


def stamped(client: Any) -> None:  # ccxt ships no types
    """Let a client send the headers of a call, which ccxt has no way to be told."""
    sign = client.sign

    def signed(*args: Any, **named: Any) -> Any:
        request = sign(*args, **named)
        beside = _headers.get()
        if beside:
            request["headers"] = {**(request.get("headers") or {}), **beside}
        return request

    client.sign = signed


async def ask(client: Any, call: Call) -> Any:  # ccxt ships no types
    """Send a call through a ccxt client. Raises: whatever ccxt raises."""
    params, headers = dict(call.params), dict[str, str]()
    if call.market_key is not None:
        params[call.market_key] = client.market(call.symbol)["id"]
    deadline = call.deadline
    if deadline is not None:
        # The venue's time, as far as it was measured: ccxt stamps its requests by the same.
        now_ms = client.milliseconds() - int(client.options.get("timeDifference") or 0)
        until_ms = now_ms + deadline.window_ms
        if deadline.header is not None:
            headers[deadline.header] = str(until_ms)
        if deadline.key is not None:
            params[deadline.key] = client.iso8601(until_ms)
    token = _headers.set(headers)
    try:
        answer = await getattr(client, call.method)(*call.args, params)
    finally:
        _headers.reset(token)
    if call.unwrap is None:
        return answer
    inner = client.safe_dict(answer, call.unwrap, {})
    return client.parse_order(inner, client.market(call.symbol))
