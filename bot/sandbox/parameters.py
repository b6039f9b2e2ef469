"""What a request carries: form, multipart and JSON bodies, read in one way."""

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web

from bot.sandbox.refusals import bad_request
from bot.sandbox.wire import Json

PARTS_MAX = 200
PART_BYTES_MAX = 50 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file in a request."""

    name: str
    content: bytes
    mime_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The arguments of one call."""

    values: Json
    uploads: dict[str, Upload] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """Read a string."""
        given = self.values.get(name)
        return given if given is None or isinstance(given, str) else json.dumps(given)

    def integer(self, name: str) -> int | None:
        """Read a whole number; None where it is missing or none."""
        try:
            return int(self.values[name])
        except (KeyError, TypeError, ValueError):
            return None

    def flag(self, name: str) -> bool:
        """Read a truth value as Telegram does."""
        given = self.values.get(name)
        return given is True or str(given).lower() in {"true", "yes", "1"}

    def structure(self, name: str) -> Any:
        """Read a JSON value that may come as text. Raises: Refusal."""
        given = self.values.get(name)
        if not isinstance(given, str):
            return given
        if not given:
            return None
        try:
            return json.loads(given)
        except ValueError:
            raise bad_request(f"can't parse {name.replace('_', ' ')} JSON object") from None

    def mapping(self, name: str) -> Json | None:
        """Read a JSON object. Raises: Refusal."""
        given = self.structure(name)
        if given is None or isinstance(given, dict):
            return given
        raise bad_request(f"object expected as {name.replace('_', ' ')}")


async def read_parameters(request: web.Request) -> Parameters:
    """Read query and body. Raises: Refusal for a body that is not what it says."""
    values: Json = dict(request.query)
    uploads: dict[str, Upload] = {}
    kind = request.content_type
    if kind == "application/json":
        try:
            body = await request.json()
        except ValueError:
            raise bad_request("can't parse JSON object") from None
        if not isinstance(body, dict):
            raise bad_request("object expected")
        values |= body
    elif kind == "multipart/form-data":
        await _read_parts(request, values, uploads)
    elif kind == "application/x-www-form-urlencoded":
        form = await request.post()
        values |= {name: given for name, given in form.items() if isinstance(given, str)}
    return Parameters(values=values, uploads=uploads)


async def _read_parts(request: web.Request, values: Json, uploads: dict[str, Upload]) -> None:
    count = 0
    async for part in await request.multipart():
        count += 1
        if count > PARTS_MAX or not isinstance(part, BodyPartReader):
            raise bad_request("wrong multipart body")
        content = bytes(await part.read(decode=True))
        if len(content) > PART_BYTES_MAX:
            raise bad_request("file is too big")
        name = part.name or ""
        if part.filename is None:
            values[name] = content.decode("utf-8", "replace")
        else:
            mime_type = part.headers.get("Content-Type", "application/octet-stream")
            uploads[name] = Upload(name=part.filename, content=content, mime_type=mime_type)
