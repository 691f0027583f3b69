"""Structured outputs, reasoning, log probabilities and filtered answers, in both APIs' shapes."""

import json
import math
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from infra.simulator.thinking import is_redacted, is_signed
from tests.support.simulated import PLACE, anthropic_tools, chunks, completion, events, message, openai_tools

USER: list[dict[str, Any]] = [{"role": "user", "content": "What is the capital of France?"}]
OPENAI_FORMAT = {"type": "json_schema", "json_schema": {"name": "place", "schema": PLACE, "strict": True}}
ANTHROPIC_FORMAT = {"format": {"type": "json_schema", "schema": PLACE}}
ENABLED = {"type": "enabled", "budget_tokens": 1024}


def openai_stream(**body: Any) -> tuple[str, str]:
    """The reasoning and the text of a stream."""
    deltas = [choice.delta for chunk in chunks(messages=USER, **body) for choice in chunk.choices]
    reasoning = "".join((delta.model_extra or {}).get("reasoning_content", "") for delta in deltas)
    return reasoning, "".join(delta.content or "" for delta in deltas)


def test_both_apis_fill_a_schema_with_the_same_valid_json():
    said = completion(model="sim-small", messages=USER, response_format=OPENAI_FORMAT).choices[0]
    (block,) = message(model="sim-small", messages=USER, output_config=ANTHROPIC_FORMAT).content
    assert block.type == "text"
    assert said.finish_reason == "stop"
    assert said.message.content == block.text
    assert Draft202012Validator(PLACE).is_valid(json.loads(block.text))
    assert json.loads(block.text).keys() == PLACE["properties"].keys()


def test_json_comes_in_tokens_and_every_choice_has_its_own():
    body: dict[str, Any] = {"model": "sim-small", "response_format": OPENAI_FORMAT}
    whole = completion(messages=USER, n=2, **body)
    assert len({choice.message.content for choice in whole.choices}) == 2
    assert openai_stream(**body)[1] == whole.choices[0].message.content
    assert len(chunks(messages=USER, **body)) > 10


def test_a_json_object_says_what_was_asked():
    said = completion(model="sim-small", messages=USER, response_format={"type": "json_object"}).choices[0].message
    value = json.loads(said.content or "")
    assert value == {"echo": "What is the capital of France?", "number": value["number"]}


def test_a_limit_cuts_json_too():
    said = completion(model="sim-small", messages=USER, response_format=OPENAI_FORMAT, max_tokens=4).choices[0]
    assert (said.finish_reason, said.message.content) == ("length", '{"city"')


def test_called_tools_go_before_the_format():
    body: dict[str, Any] = {"model": "sim-small", "messages": [{"role": "user", "content": "ask"}]}
    one = completion(**body, response_format=OPENAI_FORMAT, tools=openai_tools("ask"))
    two = message(**body, output_config=ANTHROPIC_FORMAT, tools=anthropic_tools("ask"))
    assert (one.choices[0].finish_reason, two.stop_reason) == ("tool_calls", "tool_use")


@pytest.mark.parametrize(
    ("effort", "tokens"),
    [(None, 0), ("none", 0), ("minimal", 0), ("low", 8), ("medium", 16), ("high", 24), ("max", 40)],
)
def test_openai_counts_reasoning_in_the_completion(effort: str | None, tokens: int):
    usage = completion(model="sim-small", messages=USER, reasoning_effort=effort).usage
    assert usage is not None
    assert usage.completion_tokens_details is not None
    assert usage.completion_tokens_details.reasoning_tokens == tokens
    assert usage.completion_tokens == 32 + tokens


def test_only_a_reasoning_model_shows_its_reasoning_before_the_text():
    plain, text = openai_stream(model="sim-small", reasoning_effort="low")
    assert plain == ""
    assert text == openai_stream(model="sim-small")[1]
    reasoning, text = openai_stream(model="sim-reason", reasoning_effort="low")
    said = completion(model="sim-reason", messages=USER, reasoning_effort="low").choices[0].message
    assert reasoning == (said.model_extra or {})["reasoning_content"]
    assert reasoning.startswith("Let me think: ")
    assert text == said.content
    assert openai_stream(model="sim-reason")[0] == ""


def test_reasoning_may_leave_nothing_of_the_limit():
    said = completion(model="sim-small", messages=USER, reasoning_effort="high", max_completion_tokens=20)
    assert (said.choices[0].finish_reason, said.choices[0].message.content) == ("length", "")
    assert said.usage is not None
    assert said.usage.completion_tokens == 20


@pytest.mark.parametrize("thinking", [ENABLED, {"type": "adaptive"}])
def test_anthropic_thinks_in_a_signed_block_before_the_text(thinking: dict[str, Any]):
    body: dict[str, Any] = {"model": "sim-small", "messages": USER, "thinking": thinking}
    said = message(**body)
    thought, text = said.content
    assert thought.type == "thinking"
    assert text.type == "text"
    assert is_signed(thought.thinking, thought.signature)
    seen = [event for event in events(**body) if getattr(event, "index", None) == 0]
    kinds = [event.delta.type for event in seen if event.type == "content_block_delta"]
    assert kinds == ["thinking_delta"] * (len(kinds) - 1) + ["signature_delta"]
    assert "".join(event.delta.thinking for event in seen[1:-2]) == thought.thinking
    assert seen[-2].delta.signature == thought.signature
    assert said.usage.output_tokens_details is not None
    assert said.usage.output_tokens_details.thinking_tokens == len(kinds) - 1 == said.usage.output_tokens - 32


def test_an_effort_sets_how_much_anthropic_thinks():
    def thought(**config: Any) -> int:
        details = message(model="sim-small", messages=USER, **config).usage.output_tokens_details
        return details.thinking_tokens if details else 0

    assert thought(thinking={"type": "adaptive"}, output_config={"effort": "low"}) == 8
    assert thought(thinking={"type": "adaptive"}) == 24
    assert thought(thinking={"type": "disabled"}) == thought(thinking={"type": "between_tools"}) == thought() == 0


def test_thinking_can_be_left_out_of_the_answer():
    (thought, _) = message(model="sim-small", messages=USER, thinking=ENABLED | {"display": "omitted"}).content
    assert thought.type == "thinking"
    assert thought.thinking == ""
    assert is_signed("", thought.signature)


def test_a_model_that_redacts_gives_opaque_thinking():
    body: dict[str, Any] = {"model": "sim-redacted", "messages": USER, "thinking": ENABLED}
    thought, text = message(**body).content
    assert (thought.type, text.type) == ("redacted_thinking", "text")
    assert is_redacted(thought.data)
    start, stop = [event for event in events(**body) if getattr(event, "index", None) == 0]
    assert (start.content_block, stop.type) == (thought, "content_block_stop")


def test_logprobs_are_those_of_the_text():
    said = completion(model="sim-small", messages=USER, logprobs=True, top_logprobs=3).choices[0]
    assert said.logprobs is not None
    scored = said.logprobs.content or []
    assert "".join(token.token for token in scored) == said.message.content
    for token in scored:
        assert bytes(token.bytes or []).decode() == token.token
        assert token.top_logprobs[0].logprob == token.logprob
        shares = [math.exp(top.logprob) for top in token.top_logprobs]
        assert shares == sorted(shares, reverse=True)
        assert len({top.token for top in token.top_logprobs}) == len(shares) == 3
        assert sum(shares) < 1


def test_logprobs_are_streamed_with_their_token():
    body: dict[str, Any] = {"model": "sim-small@tokens=5", "messages": USER, "logprobs": True}
    whole = completion(**body).choices[0].logprobs
    _, *parts, last = [chunk.choices[0] for chunk in chunks(**body)]
    assert whole is not None
    assert [part.logprobs.content[0] for part in parts if part.logprobs and part.logprobs.content] == whole.content
    assert last.logprobs is None
    assert (whole.content or [])[0].top_logprobs == []


def test_there_are_no_logprobs_unless_asked_for_or_of_calls():
    assert completion(model="sim-small", messages=USER).choices[0].logprobs is None
    asked: list[dict[str, Any]] = [{"role": "user", "content": "ask"}]
    called = completion(model="sim-small", messages=asked, tools=openai_tools("ask"), logprobs=True)
    assert called.choices[0].logprobs is None


def test_a_filtered_answer_is_its_first_tokens_and_says_so():
    body: dict[str, Any] = {"model": "sim-content-filter@after=2", "messages": USER}
    said, told = completion(**body).choices[0], message(**body)
    assert (said.finish_reason, said.message.content) == ("content_filter", "Echo:")
    assert (told.stop_reason, [block.text for block in told.content if block.type == "text"]) == ("refusal", ["Echo:"])
    assert told.stop_details is not None
    assert chunks(**body)[-1].choices[0].finish_reason == "content_filter"
    assert [event.delta.stop_reason for event in events(**body) if event.type == "message_delta"] == ["refusal"]


def test_a_filter_comes_before_calls():
    asked: list[dict[str, Any]] = [{"role": "user", "content": "ask"}]
    said = completion(model="sim-content-filter", messages=asked, tools=openai_tools("ask")).choices[0]
    assert (said.finish_reason, said.message.tool_calls) == ("content_filter", None)
