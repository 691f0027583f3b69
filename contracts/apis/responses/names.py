"""What a caller of the Responses API calls a field of the chat that its request became."""

import re

from contracts.apis.fields import Fields, Json
from contracts.apis.responses.messages import origins

_FIELDS = {
    "logprobs": "top_logprobs",
    "reasoning_effort": "reasoning.effort",
    "verbosity": "text.verbosity",
    "max_completion_tokens": "max_output_tokens",
    "max_tokens": "max_output_tokens",
}
_SCHEMA = re.compile(r"^response_format(?:\.json_schema)?")
_TOOL = re.compile(r"^(tools\[\d+\])\.function")
_MESSAGE = re.compile(r"^messages\[(\d+)\](.*)$")
_PART = re.compile(r"(\.content\[\d+\])\.(?:image_url\.url|(?:file|input_audio)\.(\w+))$")


def name_in(request: Json, path: str) -> str:
    """The caller's path for one in the chat: `text.format.schema` for `response_format.json_schema.schema`."""
    if path in _FIELDS:
        return _FIELDS[path]
    if found := _MESSAGE.match(path):
        return _of_message(request, int(found[1]), found[2])
    return _TOOL.sub(r"\1", _SCHEMA.sub("text.format", path))


def _of_message(request: Json, index: int, rest: str) -> str:
    found = origins(request)
    if index >= len(found):
        return "input"
    origin, is_output = found[index]
    if origin == "instructions" or rest.startswith(".tool_calls"):
        return origin
    rest = _PART.sub(lambda part: f"{part[1]}.{part[2] or 'image_url'}", rest)
    return origin + (rest.replace(".content", ".output", 1) if is_output else rest)


class OfResponses(Fields):
    """Says of what no chat can be asked that it is Penstock's front, and not the provider, that hasn't got it."""

    def __init__(self, fields: Fields) -> None:
        super().__init__()
        self._fields = fields

    def cannot(self, path: str, reason: str = "is not supported by this gateway's responses") -> None:
        """See `Fields`."""
        self._fields.cannot(path, reason)


class NamedFields(Fields):
    """Refuses and drops by the names that the caller knows."""

    def __init__(self, fields: Fields, request: Json) -> None:
        super().__init__()
        self._fields = fields
        self._request = request

    def cannot(self, path: str, reason: str = "is not supported by this model's provider") -> None:
        """See `Fields`."""
        self._fields.cannot(name_in(self._request, path), reason)
