"""Photos and documents in the arguments of a call."""

from bot.sandbox.chats import Media, MediaKind
from bot.sandbox.files import picture_size, picture_type
from bot.sandbox.parameters import Parameters, Upload
from bot.sandbox.refusals import bad_request
from bot.sandbox.wire import Json
from bot.sandbox.world import World

PHOTO_SIDES_MAX = 10_000
PHOTO_RATIO_MAX = 20


def media_of(world: World, given: Parameters, kind: MediaKind) -> Media:
    """Read the argument named like the kind: an upload or a file id. Raises: Refusal."""
    upload = given.uploads.get(kind)
    if upload is not None:
        return _uploaded(world, upload, kind)
    named = given.text(kind)
    if not named:
        raise bad_request(f"there is no {kind} in the request")
    return named_media(world, given, named, kind)


def named_media(world: World, given: Parameters, named: str, kind: MediaKind) -> Media:
    """Read `attach://name` or a file id. Raises: Refusal."""
    if named.startswith("attach://"):
        upload = given.uploads.get(named.removeprefix("attach://"))
        if upload is None:
            raise bad_request("can't find file in the request")
        return _uploaded(world, upload, kind)
    stored = world.files.by_id(named)
    if stored is None:
        if named.startswith(("http://", "https://")):
            # The sandbox fetches nothing from the internet.
            raise bad_request("failed to get HTTP URL content")
        raise bad_request("wrong file identifier/HTTP URL specified")
    if kind == "document":
        return Media(kind=kind, file_id=stored.file_id)
    size = picture_size(world.files.content(stored))
    if size is None:
        raise bad_request("can't use file of type Document as Photo")
    return Media(kind=kind, file_id=stored.file_id, width=size[0], height=size[1])


def _uploaded(world: World, upload: Upload, kind: MediaKind) -> Media:
    width, height = 0, 0
    mime_type = upload.mime_type
    if kind == "photo" and upload.content:
        size = picture_size(upload.content)
        if size is None:
            raise bad_request("IMAGE_PROCESS_FAILED")
        width, height = size
        mime_type = picture_type(upload.content)
        longest, shortest = max(size), max(1, min(size))
        if width + height > PHOTO_SIDES_MAX or longest / shortest > PHOTO_RATIO_MAX:
            raise bad_request("PHOTO_INVALID_DIMENSIONS")
    stored = world.files.keep(
        content=upload.content,
        name=upload.name,
        mime_type=mime_type,
        folder=f"{kind}s",
    )
    return Media(kind=kind, file_id=stored.file_id, width=width, height=height)


def input_media(world: World, given: Parameters, item: Json) -> Media:
    """Read one InputMedia. Raises: Refusal."""
    kind, named = item.get("type"), item.get("media")
    if not isinstance(named, str) or not named:
        raise bad_request("media not found")
    if kind == "photo":
        return named_media(world, given, named, "photo")
    if kind == "document":
        return named_media(world, given, named, "document")
    raise bad_request("can't parse InputMedia: type must be photo or document in this sandbox")
