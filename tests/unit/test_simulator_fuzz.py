"""Requests of any shape: the simulator answers or refuses each, and never fails."""

import contextlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.simulator.anthropic_dialect import TokenCount
from infra.simulator.dialect import Dialect
from infra.simulator.embeddings import Embeddings
from infra.simulator.errors import ApiError
from tests.support.simulated import (
    ANTHROPIC,
    OPENAI,
    anthropic_call,
    anthropic_results,
    anthropic_tools,
    openai_call,
    openai_result,
    openai_tools,
    respond,
)

NONSENSE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 2**63)
    | st.floats(-9, 9)
    | st.sampled_from(["", "text", "auto", "user"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "text", "name", "content", "id"]), inner, max_size=2)
    ),
    max_leaves=4,
)
HELLO: dict[str, Any] = {"role": "user", "content": [{"type": "text", "text": "ask"}]}
COMMON: dict[str, Any] = {"model": "sim-reason", "stream": True, "max_tokens": 2000}
OPENAI_BODY = COMMON | {
    "messages": [HELLO, openai_call("a"), openai_result("a"), HELLO],
    "tools": openai_tools("ask"),
    "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": openai_tools("ask")}},
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
    "reasoning_effort": "low",
    "logprobs": True,
    "top_logprobs": 1,
    "stream_options": {"include_usage": True},
    "n": 2,
    "stop": ["x"],
}
ANTHROPIC_BODY = COMMON | {
    "messages": [HELLO, anthropic_call("a"), anthropic_results("a"), {"role": "assistant", "content": "Hi"}, HELLO],
    "system": [{"type": "text", "text": "Be brief."}],
    "tools": anthropic_tools("ask"),
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
    "stop_sequences": ["x"],
}
EMBEDDINGS_BODY = {"model": "m", "input": ["a", "b"], "dimensions": 4, "encoding_format": "base64"}
ENDPOINTS: list[tuple[Dialect[Any], dict[str, Any]]] = [
    (OPENAI, OPENAI_BODY),
    (ANTHROPIC, ANTHROPIC_BODY),
    (TokenCount(), ANTHROPIC_BODY),
    (Embeddings(), EMBEDDINGS_BODY),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to every value inside a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for name, inner in items for found in ((*path, name), *places(inner, (*path, name)))]


def replaced(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """The value with another one at a path."""
    if not path:
        return other
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[path[0]] = replaced(value[path[0]], path[1:], other)
    return changed


@given(st.data(), NONSENSE)
@settings(max_examples=300, deadline=None)
def test_a_request_with_nonsense_in_any_place_is_answered_or_refused(data: st.DataObject, nonsense: Any):
    dialect, body = data.draw(st.sampled_from(ENDPOINTS))
    changed = replaced(body, data.draw(st.sampled_from(places(body))), nonsense)
    with contextlib.suppress(ApiError):
        assert respond(dialect, changed)


def test_the_request_without_nonsense_is_answered():
    assert all(respond(dialect, body) for dialect, body in ENDPOINTS)
