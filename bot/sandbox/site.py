"""The chat page, its news, its pictures, and the control API over HTTP."""

import asyncio
import json
from pathlib import Path

from aiohttp import web

from bot.sandbox.acts import ActRefused
from bot.sandbox.control import Control
from bot.sandbox.views import message_view
from bot.sandbox.wire import Json
from bot.sandbox.world import World

PAGE_FOLDER = Path(__file__).parent / "page"
PAGE_FILES = {
    "index.html": "text/html",
    "page.css": "text/css",
    "page.js": "text/javascript",
    "state.js": "text/javascript",
    "drawing.js": "text/javascript",
    "bubbles.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
SHOWN_PICTURES = frozenset({"image/png", "image/jpeg", "image/gif"})
BEAT_S = 15.0
NEWS_OF_MESSAGES = frozenset({"message", "edit"})


class Site:
    """Serves browsers and test clients."""

    def __init__(self, world: World, control: Control) -> None:
        self._world = world
        self._control = control

    def routes(self) -> list[web.RouteDef]:
        """List the addresses of page and control API."""
        return [
            web.get("/", self._index),
            web.get("/page/{name}", self._page_file),
            web.get("/sandbox/events", self._events),
            web.get("/sandbox/files/{file_id}", self._file),
            web.post("/sandbox/{verb}", self._verb),
        ]

    async def _index(self, request: web.Request) -> web.StreamResponse:
        return self._page("index.html")

    async def _page_file(self, request: web.Request) -> web.StreamResponse:
        return self._page(request.match_info["name"])

    def _page(self, name: str) -> web.Response:
        if name not in PAGE_FILES:
            return web.json_response({"error": "no such page"}, status=404)
        return web.Response(
            body=(PAGE_FOLDER / name).read_bytes(),
            content_type=PAGE_FILES[name],
            charset="utf-8",
            headers={"Cache-Control": "no-cache"},
        )

    async def _verb(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await request.json()
        except ValueError:
            return web.json_response({"error": "the body is no JSON"}, status=400)
        if not isinstance(body, dict):
            return web.json_response({"error": "the body is no JSON object"}, status=400)
        try:
            return web.json_response(await self._control.perform(request.match_info["verb"], body))
        except ActRefused as refused:
            return web.json_response({"error": str(refused)}, status=400)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        stored = self._world.files.by_id(request.match_info["file_id"])
        if stored is None:
            return web.json_response({"error": "no such file"}, status=404)
        shown = stored.mime_type in SHOWN_PICTURES
        headers = {"Cache-Control": "private, max-age=3600, immutable"}
        if not shown:
            headers["Content-Disposition"] = "attachment"
        return web.Response(
            body=self._world.files.content(stored),
            content_type=stored.mime_type if shown else "application/octet-stream",
            headers=headers,
        )

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Stream news as server-sent events until the listener or the sandbox goes."""
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        queue = self._world.feed.listen()
        try:
            await response.prepare(request)
            await response.write(b"retry: 700\n\n")
            while True:
                news = await _next(queue)
                if news is None:
                    break
                async with asyncio.timeout(BEAT_S):
                    await response.write(_event(self._expanded(news)))
        except (ConnectionError, TimeoutError):
            pass  # the page was closed or sleeps; it asks for everything when it comes back
        finally:
            self._world.feed.leave(queue)
        return response

    def _expanded(self, news: Json) -> Json:
        if news.get("kind") not in NEWS_OF_MESSAGES:
            return news
        message = self._world.messages.get(news["message_id"])
        return news | {"message": message_view(self._world, message)} if message else news


async def _next(queue: asyncio.Queue[Json | None]) -> Json | None:
    """Give the next piece of news, or a beat that shows that the line is alive."""
    try:
        async with asyncio.timeout(BEAT_S):
            return await queue.get()
    except TimeoutError:
        return {"kind": "beat"}


def _event(news: Json) -> bytes:
    return f"data: {json.dumps(news)}\n\n".encode()
