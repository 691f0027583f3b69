"""Requests to Anthropic's messages API and their parts, as tests write them."""

from typing import Any

import pytest

from contracts.apis.fields import Fields
from contracts.apis.messages_to_chat.request import to_chat
from contracts.errors import ErrorCode, PenstockError
from tests.unit.apis.sdk import check_chat_request

Json = dict[str, Any]
HELLO: Json = {"role": "user", "content": "Hello"}
SCHEMA: Json = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
CLOSED: Json = {**SCHEMA, "additionalProperties": False}
TOOL: Json = {"name": "add", "description": "Adds.", "input_schema": SCHEMA}
FUNCTION: Json = {"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": SCHEMA}}


def translated(fields: Fields | None = None, **request: object) -> Json:
    body = to_chat({"model": "m", "max_tokens": 7, "messages": [HELLO], **request}, fields or Fields())
    check_chat_request(body)
    return body


def beside(**request: object) -> Json:
    """What the request adds to the plainest body."""
    plainest = {"max_tokens": 7, "messages": [HELLO]}
    return {name: value for name, value in translated(**request).items() if plainest.get(name) != value}


def refused(param: str, **request: object) -> str:
    with pytest.raises(PenstockError) as caught:
        translated(**request)
    assert (caught.value.code, caught.value.param) == (ErrorCode.INVALID_REQUEST, param)
    return caught.value.message


CACHED = {"cache_control": {"type": "ephemeral"}}
IMAGE: Json = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
SHOWN: Json = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
PDF: Json = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "BBBB"}}
FILE: Json = {"type": "file", "file": {"filename": "document.pdf", "file_data": "data:application/pdf;base64,BBBB"}}


def text(said: str, **more: object) -> Json:
    return {"type": "text", "text": said, **more}


def user(*blocks: Json) -> Json:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: Json) -> Json:
    return {"role": "assistant", "content": list(blocks)}


def result(call_id: str, **more: object) -> Json:
    return {"type": "tool_result", "tool_use_id": call_id, **more}


def use(call_id: str, **given: object) -> Json:
    return {"type": "tool_use", "id": call_id, "name": "add", "input": given}


def conversation(*turns: Json, fields: Fields | None = None, **request: object) -> list[Json]:
    body = to_chat({"model": "m", "max_tokens": 7, "messages": list(turns), **request}, fields or Fields())
    check_chat_request(body)
    return body["messages"]


DOCUMENT = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}
