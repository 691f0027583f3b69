"""Hypothesis strategies that the requests and the answers of both APIs are made of."""

from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]
IDS = st.text("abcXYZ019_-", min_size=1, max_size=12)
NAMES = st.text("abcdefg_", min_size=1, max_size=8)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
SAID = TEXTS.filter(lambda text: bool(text.strip()))
"""Text that is there: Anthropic refuses text of white space alone, so it doesn't come through."""
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)
INPUTS = st.dictionaries(TEXTS.filter(lambda name: name != "_raw"), JSON, max_size=3)
BASE64 = st.sampled_from(["AAAA", "QUJD", "aGVsbG8="])
IMAGE_TYPES = st.sampled_from(["image/png", "image/jpeg", "image/gif", "image/webp"])
URLS = st.sampled_from(["https://example.com/a.png", "http://example.com/b?c=d,e"])
SCHEMAS = st.dictionaries(NAMES, st.sampled_from([{"type": "string"}, {"type": "integer"}, {}]), max_size=3).map(
    lambda properties: {"type": "object", "properties": properties}
)


def objects(optional: dict[str, st.SearchStrategy[Any]] | None = None, **required: Any) -> st.SearchStrategy[Json]:
    """Objects with these fields; a value that is no strategy is that value."""
    fields = {
        name: value if isinstance(value, st.SearchStrategy) else st.just(value) for name, value in required.items()
    }
    return st.fixed_dictionaries(fields, optional=optional or {})


def distinct(calls: st.SearchStrategy[Json]) -> st.SearchStrategy[list[Json]]:
    """Up to three parallel calls."""
    return st.lists(calls, unique_by=lambda call: call["id"], max_size=3)


_PARTS = ("text", "image_url", "file", "image", "document", "search_result", "refusal", "thinking", "tool_use")
_ROLES = ("user", "assistant", "system", "tool", "function", "tool_result", "server_tool_use")
_CHOICES = ("auto", "any", "required", "allowed_tools", "custom", "enabled", "adaptive", "json_schema", "base64", "url")
_EVENTS = ("message_start", "content_block_start", "content_block_delta", "message_delta", "input_json_delta")
KINDS = st.sampled_from((*_PARTS, *_ROLES, *_CHOICES, *_EVENTS))
"""The words that decide what a value is read as."""


@st.composite
def spoilt(draw: st.DrawFn, sound: st.SearchStrategy[Json]) -> Json:
    """A sound value in which one thing, at any depth, is replaced by any JSON, or is missing."""
    value = deepcopy(draw(sound))
    holder: Any = value
    while True:
        keys = sorted(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = draw(st.sampled_from(keys))
        inner = holder[key]
        if not (isinstance(inner, dict | list) and inner) or draw(st.integers(0, 4)) == 0:
            break
        holder = inner
    if draw(st.booleans()):
        holder[key] = draw(JSON | KINDS)
    else:
        del holder[key]
    return value
