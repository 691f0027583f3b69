"""The content blocks of an Anthropic message: texts, images, documents, tool uses."""

import re
from collections.abc import Mapping
from typing import Any

from infra.simulator.errors import ApiError, ErrorKind, invalid
from infra.simulator.fields import as_object, as_string, canonical
from infra.simulator.media import (
    IMAGE_TYPES,
    PDF,
    check_base64,
    check_media_type,
    check_url,
    inline_media,
    linked_media,
)

_TOOL_USE_ID = re.compile(r"[a-zA-Z0-9_-]+")
# Parts of OpenAI's APIs, which this one does not take, and blocks that can't stand where an attachment can.
_FOREIGN = frozenset(
    {"image_url", "input_audio", "file", "refusal", "input_text", "input_image", "input_file", "output_text"}
    | {"tool_use", "tool_result", "thinking", "redacted_thinking"}
)


def read_texts(content: object, where: str) -> tuple[str, tuple[bytes, ...]]:
    """The text of a content, its text blocks joined by newlines, and its other blocks as attachments."""
    if isinstance(content, str):
        return content, ()
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise invalid(where, "expected a string or an array of content blocks", "invalid_type")
    texts: list[str] = []
    attachments: list[bytes] = []
    for index, block in enumerate(content):
        if block.get("type") == "text":
            texts.append(_text(block, f"{where}[{index}]"))
        else:
            attachments.append(read_attachment(block, f"{where}[{index}]"))
    return "\n".join(texts), tuple(attachments)


def read_attachment(block: Mapping[str, Any], where: str) -> bytes:
    """A block that is neither text nor a tool's, as canonical JSON; ApiError 400 for a malformed or misplaced one."""
    kind = block.get("type")
    if kind == "image":
        return _image(as_object(block.get("source"), f"{where}.source"), f"{where}.source")
    if kind == "document":
        return _document(as_object(block.get("source"), f"{where}.source"), f"{where}.source")
    if isinstance(kind, str) and kind not in _FOREIGN:
        # Search results, what Anthropic's own tools leave, and what the API learns after this page was written.
        return canonical(block)
    raise invalid(f"{where}.type", f"it is no block that can stand here: {kind!r:.40}")


def read_tool_use(block: Mapping[str, Any], where: str) -> tuple[str, bytes]:
    """A tool_use's id, and the call as canonical JSON without it."""
    call_id = as_string(block.get("id"), f"{where}.id")
    if _TOOL_USE_ID.fullmatch(call_id) is None:
        raise invalid(f"{where}.id", "String should match pattern '^[a-zA-Z0-9_-]+$'")
    name = as_string(block.get("name"), f"{where}.name")
    return call_id, canonical({"name": name, "arguments": as_object(block.get("input"), f"{where}.input")})


def _text(block: Mapping[str, Any], where: str) -> str:
    text = as_string(block.get("text"), f"{where}.text")
    if not text:
        raise ApiError(ErrorKind.INVALID_REQUEST, f"{where}: text content blocks must be non-empty")
    return text


def _image(source: Mapping[str, Any], where: str) -> bytes:
    if source.get("type") == "base64":
        return _inline("image", source, IMAGE_TYPES, where)
    return _elsewhere("image", source, where)


def _document(source: Mapping[str, Any], where: str) -> bytes:
    match source.get("type"):
        case "base64":
            return _inline("document", source, frozenset({PDF}), where)
        case "text":
            check_media_type(
                as_string(source.get("media_type"), f"{where}.media_type"),
                frozenset({"text/plain"}),
                f"{where}.media_type",
            )
            return inline_media("document", "text/plain", as_string(source.get("data"), f"{where}.data"))
        case "content":
            text, parts = read_texts(source.get("content"), f"{where}.content")
            return canonical({"kind": "document", "text": text, "parts": [part.decode() for part in parts]})
    return _elsewhere("document", source, where)


def _inline(kind: str, source: Mapping[str, Any], allowed: frozenset[str], where: str) -> bytes:
    media_type = as_string(source.get("media_type"), f"{where}.media_type")
    check_media_type(media_type, allowed, f"{where}.media_type")
    data = as_string(source.get("data"), f"{where}.data")
    check_base64(data, f"{where}.data")
    return inline_media(kind, media_type, data)


def _elsewhere(kind: str, source: Mapping[str, Any], where: str) -> bytes:
    match source.get("type"):
        case "url":
            url = as_string(source.get("url"), f"{where}.url")
            check_url(url, f"{where}.url")
            return linked_media(kind, url)
        case "file":
            return canonical({"kind": kind, "file_id": as_string(source.get("file_id"), f"{where}.file_id")})
        case other:
            raise invalid(f"{where}.type", f"expected base64, url or file, but got {other!r:.40}")
