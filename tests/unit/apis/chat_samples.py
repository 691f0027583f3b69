"""Chat completion requests and their parts, as tests write them."""

from typing import Any

import pytest

from contracts.apis.chat_to_messages.request import to_messages
from contracts.apis.fields import Fields
from contracts.errors import ErrorCode, PenstockError
from tests.unit.apis.sdk import check_messages_request

Json = dict[str, Any]
HELLO: Json = {"role": "user", "content": "Hello"}
FUNCTION: Json = {"name": "add", "description": "Adds.", "parameters": {"type": "object", "properties": {"x": {}}}}
TOOLS = [{"type": "function", "function": FUNCTION}]
TOOL: Json = {"name": "add", "description": "Adds.", "input_schema": FUNCTION["parameters"]}


def translated(fields: Fields | None = None, **request: object) -> Json:
    body = to_messages({"model": "m", "messages": [HELLO], **request}, fields or Fields())
    check_messages_request(body)
    return body


def beside(**request: object) -> Json:
    """What the request adds to the plainest body."""
    plainest = {"max_tokens": 4096, "messages": [HELLO]}
    return {name: value for name, value in translated(**request).items() if plainest.get(name) != value}


def refused(param: str, **request: object) -> str:
    with pytest.raises(PenstockError) as caught:
        translated(**request)
    assert (caught.value.code, caught.value.param) == (ErrorCode.INVALID_REQUEST, param)
    return caught.value.message


CACHED = {"cache_control": {"type": "ephemeral"}}
PNG, PDF = "data:image/png;base64,AAAA", "data:application/pdf;base64,BBBB"


def text(said: str, **more: object) -> Json:
    return {"type": "text", "text": said, **more}


def call(call_id: str, name: str = "add", arguments: str = "{}") -> Json:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def calling(*calls: Json, **more: object) -> Json:
    return {"role": "assistant", "content": None, "tool_calls": list(calls), **more}


def result(call_id: str, content: object = "3") -> Json:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def conversation(*messages: Json, drop: bool = False) -> Json:
    body = to_messages({"model": "m", "messages": list(messages)}, Fields(drop=drop))
    check_messages_request(body)
    return body
