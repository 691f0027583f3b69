"""Anthropic's content blocks as the parts of a chat message."""

from contracts.apis.asked import list_at, object_at, text_at
from contracts.apis.fields import Fields, Json, invalid

PARAGRAPHS = "\n\n"
"""Between texts that become one string: several servers take no list of parts (DeepSeek: «expected a string»)."""


def parts_of(content: object, path: str, fields: Fields) -> list[Json]:
    """The parts of a user's or a tool's content: a string or blocks of text, images, documents and search results.

    `cache_control` is left out: it is about the price of the prompt. Raises `PenstockError` with the path of the block
    that is wrong or can't be asked.
    """
    if isinstance(content, str):
        return [_text(content)]
    parts: list[Json] = []
    for index, item in enumerate(list_at(content, path)):
        parts += parts_of_block(object_at(item, f"{path}[{index}]"), f"{path}[{index}]", fields)
    return parts


def parts_of_block(block: Json, path: str, fields: Fields) -> list[Json]:
    """The parts of one such block."""
    match text_at(block.get("type"), f"{path}.type"):
        case "text":
            return [_text(text_at(block.get("text"), f"{path}.text"))]
        case "image":
            return _image(block, path, fields)
        case "document":
            return _document(block, path, fields)
        case "search_result":
            return _search_result(block, path, fields)
        case _:
            fields.cannot(f"{path}.type")
            return []


def texts_of(content: object, path: str) -> list[Json]:
    """The parts where Anthropic takes nothing but text. Raises `PenstockError` for anything else."""
    if isinstance(content, str):
        return [_text(content)]
    parts = []
    for index, item in enumerate(list_at(content, path)):
        block = object_at(item, f"{path}[{index}]")
        if block.get("type") != "text":
            raise invalid(f"{path}[{index}].type", "must be text")
        parts.append(_text(text_at(block.get("text"), f"{path}[{index}].text")))
    return parts


def compact(parts: list[Json]) -> str | list[Json]:
    """A string where all is text."""
    if all(part["type"] == "text" for part in parts):
        return PARAGRAPHS.join(part["text"] for part in parts)
    return parts


def _text(text: str) -> Json:
    return {"type": "text", "text": text}


def _source(block: Json, path: str) -> tuple[Json, str, str]:
    source = object_at(block.get("source"), f"{path}.source")
    return source, text_at(source.get("type"), f"{path}.source.type"), f"{path}.source"


def _data_url(source: Json, path: str) -> str:
    media = text_at(source.get("media_type"), f"{path}.media_type")
    return f"data:{media};base64,{text_at(source.get('data'), f'{path}.data')}"


def _image(block: Json, path: str, fields: Fields) -> list[Json]:
    if block.get("transformations"):
        fields.cannot(f"{path}.transformations")
    source, kind, path = _source(block, path)
    if kind == "base64":
        url = _data_url(source, path)
    elif kind == "url":
        url = text_at(source.get("url"), f"{path}.url")
    else:
        fields.cannot(f"{path}.type")
        return []
    return [{"type": "image_url", "image_url": {"url": url}}]


def _document(block: Json, path: str, fields: Fields) -> list[Json]:
    """A PDF becomes a file, text stays text. Title and context, which Claude reads too, go before it."""
    _no_citations(block, path, fields)
    told = [text_at(block[name], f"{path}.{name}") for name in ("title", "context") if block.get(name) is not None]
    source, kind, path = _source(block, path)
    if kind == "base64":
        title = told.pop(0) if block.get("title") is not None else "document.pdf"
        file = {"filename": title, "file_data": _data_url(source, path)}
        return [*map(_text, told), {"type": "file", "file": file}]
    if kind == "text":
        return [_text("\n".join((*told, text_at(source.get("data"), f"{path}.data"))))]
    if kind == "content":
        return [*map(_text, told), *_inside_document(source.get("content"), f"{path}.content", fields)]
    fields.cannot(f"{path}.type")
    return []


def _inside_document(content: object, path: str, fields: Fields) -> list[Json]:
    for index, item in enumerate(content if isinstance(content, list) else ()):
        if isinstance(item, dict) and item.get("type") not in ("text", "image"):
            raise invalid(f"{path}[{index}].type", "must be text or image")
    return parts_of(content, path, fields)


def _search_result(block: Json, path: str, fields: Fields) -> list[Json]:
    _no_citations(block, path, fields)
    head = [text_at(block.get(name), f"{path}.{name}") for name in ("title", "source")]
    said = texts_of(block.get("content"), f"{path}.content")
    return [_text("\n".join((*head, *(part["text"] for part in said))))]


def _no_citations(block: Json, path: str, fields: Fields) -> None:
    citations = block.get("citations")
    if citations is not None and object_at(citations, f"{path}.citations").get("enabled"):
        fields.cannot(f"{path}.citations")
