"""What differs by the model: how Claude is told to think, and which of the sampling fields it takes."""

from typing import Any

import pytest

from contracts.apis.chat_to_messages.models import version_of
from contracts.apis.chat_to_messages.request import to_messages
from contracts.apis.fields import Fields
from contracts.errors import PenstockError
from tests.unit.apis.sdk import check_messages_request

Json = dict[str, Any]
HELLO: Json = {"role": "user", "content": "Hello"}
OLD, ADAPTIVE, NEW = "claude-sonnet-4-5", "claude-opus-4-6", "claude-sonnet-5"
TOOLS = [{"type": "function", "function": {"name": "add"}}]
CALLING: Json = {
    "role": "assistant",
    "tool_calls": [{"id": "a", "type": "function", "function": {"name": "add", "arguments": "{}"}}],
}
RESULT: Json = {"role": "tool", "tool_call_id": "a", "content": "3"}


def translated(model: str, fields: Fields | None = None, **request: object) -> Json:
    body = to_messages({"model": "auto", "messages": [HELLO], **request}, fields or Fields(), model=model)
    check_messages_request(body)
    return body


def of(body: Json, *names: str) -> tuple[object, ...]:
    return tuple(body.get(name) for name in names)


def dropped(model: str, param: str, **request: object) -> Json:
    with pytest.raises(PenstockError) as caught:
        translated(model, **request)
    assert caught.value.param == param
    fields = Fields(drop=True)
    body = translated(model, fields, **request)
    assert fields.dropped == [param]
    return body


@pytest.mark.parametrize(
    ("model", "version"),
    [
        ("claude-sonnet-4-5", (4, 5)),
        ("claude-sonnet-4-5-20250929", (4, 5)),
        ("claude-sonnet-4-20250514", (4, 0)),
        ("claude-3-7-sonnet-20250219", (3, 7)),
        ("us.anthropic.claude-opus-4-6-v1", (4, 6)),
        ("claude-opus-4-1@20250805", (4, 1)),
        ("anthropic/claude-sonnet-4.6", (4, 6)),
        ("Claude-Sonnet-5", (5, 0)),
        ("claude-fable-5-2", (5, 2)),
        ("claude-mythos-preview", (0, 0)),
        ("sim-small", (0, 0)),
        ("", (0, 0)),
    ],
)
def test_the_version_is_in_the_name(model: str, version: tuple[int, int]):
    assert version_of(model) == version


@pytest.mark.parametrize(
    ("effort", "budget"),
    [("minimal", 1024), ("low", 1024), ("medium", 4096), ("high", 16384), ("xhigh", 24576), ("max", 24576)],
)
@pytest.mark.parametrize("model", [OLD, "another-server"])
def test_an_older_model_thinks_within_a_budget_and_the_default_limit_leaves_room_for_it(
    model: str, effort: str, budget: int
):
    body = translated(model, reasoning_effort=effort)
    assert of(body, "thinking", "max_tokens", "output_config") == (
        {"type": "enabled", "budget_tokens": budget}, 4096 + budget, None,
    )  # fmt: skip


@pytest.mark.parametrize(("limit", "budget"), [(40_000, 16384), (16_000, 8000), (2048, 1024), (1500, 1024)])
def test_a_limit_that_the_caller_named_holds_and_the_budget_fits_into_it(limit: int, budget: int):
    body = translated(OLD, reasoning_effort="high", max_completion_tokens=limit)
    assert of(body, "thinking", "max_tokens") == ({"type": "enabled", "budget_tokens": budget}, limit)


def test_a_limit_too_small_for_any_thinking_is_told():
    body = dropped(OLD, "reasoning_effort", reasoning_effort="low", max_tokens=1024)
    assert of(body, "thinking", "max_tokens") == (None, 1024)


def test_an_older_model_cannot_think_before_a_call_that_is_forced():
    body = dropped(OLD, "reasoning_effort", reasoning_effort="low", tools=TOOLS, tool_choice="required")
    assert of(body, "thinking", "tool_choice") == (None, {"type": "any"})
    assert translated(ADAPTIVE, reasoning_effort="low", tools=TOOLS, tool_choice="required")["thinking"]


@pytest.mark.parametrize(
    ("effort", "expected"),
    [("minimal", "low"), ("low", "low"), ("medium", "medium"), ("high", "high"), ("xhigh", "xhigh"), ("max", "max")],
)
def test_a_newer_model_thinks_by_effort(effort: str, expected: str):
    body = translated(ADAPTIVE, reasoning_effort=effort)
    assert of(body, "thinking", "output_config") == ({"type": "adaptive"}, {"effort": expected})
    assert body["max_tokens"] > 4096


@pytest.mark.parametrize(
    ("model", "thinking"), [(OLD, None), (ADAPTIVE, {"type": "disabled"}), (NEW, {"type": "disabled"})]
)
def test_thinking_can_be_switched_off(model: str, thinking: Json | None):
    assert of(translated(model, reasoning_effort="none"), "thinking", "max_tokens") == (thinking, 4096)


@pytest.mark.parametrize(("model", "limit"), [(OLD, 4096), (ADAPTIVE, 4096), (NEW, 4096 + 16384)])
def test_the_default_limit_leaves_room_for_a_model_that_thinks_unasked(model: str, limit: int):
    assert of(translated(model), "thinking", "max_tokens") == (None, limit)


def test_thinking_in_anthropics_own_shape_goes_before_the_effort():
    own = {"type": "enabled", "budget_tokens": 2000}
    body = translated(OLD, thinking=own, reasoning_effort="high")
    assert of(body, "thinking", "max_tokens", "output_config") == (own, 6096, None)
    adaptive = {"type": "adaptive", "display": "summarized"}
    body = translated(ADAPTIVE, thinking=adaptive, reasoning_effort="high")
    assert of(body, "thinking", "output_config") == (adaptive, {"effort": "high"})


def test_an_effort_in_anthropics_own_shape_goes_before_openais():
    body = translated(ADAPTIVE, reasoning_effort="high", output_config={"effort": "low"})
    assert body["output_config"] == {"effort": "low"}


@pytest.mark.parametrize(
    ("calling", "thinks"),
    [
        (CALLING, False),
        (CALLING | {"thinking_blocks": [{"type": "thinking", "thinking": "Hm.", "signature": "s"}]}, True),
        (CALLING | {"thinking_blocks": [{"type": "redacted_thinking", "data": "d"}]}, True),
    ],
)
def test_a_loop_of_tools_goes_on_without_thinking_where_the_blocks_are_missing(calling: Json, thinks: bool):
    messages = [HELLO, calling, RESULT]
    assert ("thinking" in translated(OLD, messages=messages, tools=TOOLS, reasoning_effort="low")) is thinks
    assert "thinking" in translated(ADAPTIVE, messages=messages, tools=TOOLS, reasoning_effort="low")
    later = [*messages, {"role": "assistant", "content": "3"}, HELLO]
    assert "thinking" in translated(OLD, messages=later, tools=TOOLS, reasoning_effort="low")


@pytest.mark.parametrize("request_", [{"temperature": 0.2}, {"top_p": 0.5}, {"top_k": 5}])
def test_the_newest_models_take_no_sampling(request_: Json):
    name = next(iter(request_))
    assert name not in dropped(NEW, name, **request_)
    assert name in translated(ADAPTIVE, **request_)


def test_a_default_is_not_told_to_a_model_that_would_refuse_it():
    assert of(translated(NEW, temperature=1, top_p=1), "temperature", "top_p") == (None, None)


@pytest.mark.parametrize("request_", [{"temperature": 0.2}, {"top_p": 0.5}, {"top_k": 5}])
def test_thinking_models_sample_as_they_like(request_: Json):
    name = next(iter(request_))
    assert name not in dropped(OLD, name, reasoning_effort="low", **request_)
    assert of(translated(OLD, reasoning_effort="low", temperature=1, top_p=0.97), "temperature", "top_p") == (
        None,
        0.97,
    )


@pytest.mark.parametrize(
    ("request_", "left"),
    [({"temperature": 1, "top_p": 0.5}, (None, 0.5)), ({"temperature": 0.5, "top_p": 1}, (0.5, None))],
)
def test_of_two_samplers_the_default_gives_way(request_: Json, left: tuple[object, ...]):
    assert of(translated(OLD, **request_), "temperature", "top_p") == left


def test_two_samplers_at_once_are_refused_by_models_that_take_one():
    both = {"temperature": 0.5, "top_p": 0.5}
    assert of(dropped(OLD, "top_p", **both), "temperature", "top_p") == (0.5, None)
    assert of(translated("claude-sonnet-4-20250514", **both), "temperature", "top_p") == (0.5, 0.5)


def test_the_model_of_the_request_is_taken_where_no_other_is_given():
    body = to_messages({"model": ADAPTIVE, "messages": [HELLO], "reasoning_effort": "low"}, Fields())
    assert body["thinking"] == {"type": "adaptive"}
