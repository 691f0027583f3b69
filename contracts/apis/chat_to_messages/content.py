"""The parts of a chat message as Anthropic's content blocks."""

import base64
import binascii
from collections.abc import Iterable

from contracts.apis.asked import list_at, object_at, text_at
from contracts.apis.fields import Fields, Json, invalid

OF_SYSTEM = frozenset({"text"})
OF_USER = frozenset({"text", "image_url", "file", "image", "document", "search_result"})
OF_ASSISTANT = frozenset({"text", "refusal"})
OF_TOOL = frozenset({"text", "image_url", "image", "document", "search_result"})
"""The kinds of part that each role may say. The last three are Anthropic's own blocks: they go on as they are."""
_IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_PDF = "application/pdf"


def blocks_of(content: object, kinds: Iterable[str], path: str, fields: Fields) -> list[Json]:
    """The blocks of a message's content: a string, a list of parts or nothing. `cache_control` stays on its part.

    OpenAI's own `prompt_cache_breakpoint` is left out: it is about the price, and Anthropic's costs more to set.
    Text that is empty or only white space is left out: Anthropic refuses the whole request for it, and chat callers
    send it with every tool call. Raises `PenstockError` with the path of the part that is wrong or can't be asked.
    """
    if content is None:
        return []
    if isinstance(content, str):
        return text_blocks(content)
    blocks: list[Json] = []
    for index, item in enumerate(list_at(content, path)):
        part_path = f"{path}[{index}]"
        part = object_at(item, part_path)
        kind = text_at(part.get("type"), f"{part_path}.type")
        if kind not in kinds:
            fields.cannot(f"{part_path}.type")
            continue
        made = _blocks_of_part(kind, part, part_path, fields)
        blocks += marked(made, part.get("cache_control"))
    return blocks


def text_blocks(text: str) -> list[Json]:
    """One block, or none for text that says nothing."""
    return [{"type": "text", "text": text}] if text.strip() else []


def marked(blocks: list[Json], cache_control: object) -> list[Json]:
    """The blocks, the last one a cache breakpoint where the caller set one."""
    if blocks and cache_control is not None:
        return [*blocks[:-1], {**blocks[-1], "cache_control": cache_control}]
    return blocks


def _blocks_of_part(kind: str, part: Json, path: str, fields: Fields) -> list[Json]:
    if kind in ("text", "refusal"):
        return text_blocks(text_at(part.get(kind), f"{path}.{kind}"))
    if kind == "image_url":
        return _image(part.get("image_url"), f"{path}.image_url", fields)
    if kind == "file":
        return _file(object_at(part.get("file"), f"{path}.file"), f"{path}.file", fields)
    return [part]


def _image(image: object, path: str, fields: Fields) -> list[Json]:
    # `detail` is left out: it is about the price of an image, which Claude always sees as it is.
    if not isinstance(image, str):
        image, path = object_at(image, path).get("url"), f"{path}.url"
    url = text_at(image, path)
    if url.startswith(("http://", "https://")):
        return [{"type": "image", "source": {"type": "url", "url": url}}]
    media, data = _data_url(url, path)
    return _image_of(media, data, path, fields)


def _image_of(media: str, data: str, path: str, fields: Fields) -> list[Json]:
    media = "image/jpeg" if media == "image/jpg" else media
    if media not in _IMAGES:
        fields.cannot(
            path, f"holds {media or 'no media type'}, and this model's provider reads JPEG, PNG, GIF and WebP"
        )
        return []
    return [{"type": "image", "source": {"type": "base64", "media_type": media, "data": data}}]


def _file(file: Json, path: str, fields: Fields) -> list[Json]:
    if file.get("file_data") is None:
        if file.get("file_id") is None:
            raise invalid(path, "needs file_data")
        fields.cannot(f"{path}.file_id", "names a file that this model's provider doesn't have")
        return []
    path = f"{path}.file_data"
    data = text_at(file["file_data"], path)
    # OpenAI documents bare base64 and its clients send data: URLs; bare base64 can only be a PDF there.
    media, data = _data_url(data, path) if data.startswith("data:") else (_PDF, data)
    if media.startswith("image/"):
        return _image_of(media, data, path, fields)
    if media == _PDF:
        source = {"type": "base64", "media_type": _PDF, "data": data}
    elif media.startswith("text/"):
        source = {"type": "text", "media_type": "text/plain", "data": _decoded(data, path)}
    else:
        fields.cannot(path, f"holds {media or 'no media type'}, and this model's provider reads PDF and text")
        return []
    title = file.get("filename")
    return [{"type": "document", "source": source, **({"title": title} if isinstance(title, str) else {})}]


def _data_url(url: str, path: str) -> tuple[str, str]:
    head, comma, data = url.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        raise invalid(path, "must be an http(s) URL or a base64 data: URL")
    return head.removeprefix("data:").partition(";")[0].lower(), data


def _decoded(data: str, path: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise invalid(path, "must be UTF-8 text in base64") from error
