"""The Bot API over HTTP: token, faults, limits, then the method."""

import asyncio
import json
import re
from contextlib import suppress

from aiohttp import web

from bot.sandbox.calls import Calls
from bot.sandbox.faults import Fault, FaultKind, Faults
from bot.sandbox.methods import LIMITED, METHODS
from bot.sandbox.parameters import Parameters, read_parameters
from bot.sandbox.refusals import (
    Refusal,
    bad_request,
    method_not_found,
    not_found,
    too_many_requests,
    unauthorized,
)
from bot.sandbox.updates import kinds_from
from bot.sandbox.world import World

WELL_FORMED = re.compile(r"\d{1,20}:[\w-]{8,80}", re.ASCII)
BAD_GATEWAY_PAGE = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    "<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx/1.18.0</center>\r\n"
    "</body>\r\n</html>\r\n"
)
GARBAGE = b'{"ok":true,"result":{"message_id'


class BotApi:
    """Answers the bot's requests."""

    def __init__(self, world: World, faults: Faults, calls: Calls) -> None:
        self._world = world
        self._faults = faults
        self._calls = calls

    def routes(self) -> list[web.RouteDef]:
        """List the addresses of the Bot API."""
        return [
            web.get("/bot{token:[^/]*}/{method}", self._call),
            web.post("/bot{token:[^/]*}/{method}", self._call),
            web.get("/file/bot{token:[^/]*}/{path:.+}", self._file),
        ]

    def _check_token(self, request: web.Request) -> None:
        token = request.match_info["token"]
        if token == self._world.identity.token:
            return
        raise unauthorized() if WELL_FORMED.fullmatch(token) else not_found()

    async def _call(self, request: web.Request) -> web.StreamResponse:
        arrived_s = self._world.monotonic()
        method = request.match_info["method"]
        try:
            given = await read_parameters(request)
        except Refusal as refusal:
            return web.json_response(refusal.body(), status=refusal.code)
        chat_id = given.integer("chat_id")
        number = self._calls.arrive(method, chat_id, dict(given.values), arrived_s)
        fault = self._faults.take(method, chat_id) if self._faults.network_up else None
        response = await self._respond(request, method, given, fault)
        self._calls.answer(
            number,
            code=response.status if response else None,
            fault=fault.kind.value if fault else None,
            now_s=self._world.monotonic(),
        )
        return response or _cut(request)

    async def _respond(
        self, request: web.Request, method: str, given: Parameters, fault: Fault | None
    ) -> web.Response | None:
        """Answer, or give None where the connection breaks."""
        if not self._faults.network_up:
            return None
        try:
            self._check_token(request)
            if fault is not None:
                early = await self._suffer(fault)
                if early is not None:
                    return early
                if fault.kind is FaultKind.DROP_BEFORE:
                    return None
            answer = await self._execute(method.lower(), given)
            response = web.json_response({"ok": True, "result": answer})
        except Refusal as refusal:
            response = web.json_response(refusal.body(), status=refusal.code)
        if not self._faults.network_up or self._world.closing.is_set():
            return None
        if fault is not None and fault.kind is FaultKind.DROP_AFTER:
            return None
        if fault is not None and fault.kind is FaultKind.GARBAGE:
            return web.Response(body=GARBAGE, content_type="application/json")
        return response

    async def _suffer(self, fault: Fault) -> web.Response | None:
        """Do what comes before the execution; a response replaces it."""
        match fault.kind:
            case FaultKind.FLOOD:
                raise too_many_requests(fault.retry_after_s)
            case FaultKind.REFUSE:
                raise Refusal(fault.code, fault.description)
            case FaultKind.INTERNAL:
                raise Refusal(500, "Internal Server Error")
            case FaultKind.BAD_GATEWAY:
                return web.Response(status=502, text=BAD_GATEWAY_PAGE, content_type="text/html")
            case FaultKind.HANG:
                with suppress(TimeoutError):
                    async with asyncio.timeout(fault.hang_s):
                        await self._world.closing.wait()
            case FaultKind.DROP_BEFORE | FaultKind.DROP_AFTER | FaultKind.GARBAGE:
                pass  # these strike around the execution
        return None

    async def _execute(self, method: str, given: Parameters) -> object:
        if method == "getupdates":
            try:
                timeout_s = float(given.text("timeout") or 0)
            except ValueError:
                raise bad_request("wrong parameter timeout in request") from None
            limit = given.integer("limit")
            return await self._world.updates.poll(
                offset=given.integer("offset") or 0,
                limit=100 if limit is None else limit,
                timeout_s=timeout_s,
                kinds=kinds_from(given.structure("allowed_updates")),
            )
        action = METHODS.get(method)
        if action is None:
            raise method_not_found()
        if method in LIMITED:
            self._world.limits.check(given.integer("chat_id"), self._world.monotonic())
        return action(self._world, given)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        fault = self._faults.take("getFileContent", None)
        if not self._faults.network_up or (fault and fault.kind is FaultKind.DROP_BEFORE):
            return _cut(request)
        try:
            self._check_token(request)
            stored = self._world.files.by_path(request.match_info["path"])
            if stored is None:
                raise not_found()
        except Refusal as refusal:
            return web.json_response(refusal.body(), status=refusal.code)
        return web.Response(
            body=self._world.files.content(stored), content_type="application/octet-stream"
        )


def _cut(request: web.Request) -> web.Response:
    """Break the connection, so that the client gets no answer at all."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(text=json.dumps({"ok": False}))
