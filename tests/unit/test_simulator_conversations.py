"""Tool results, images and thinking in a conversation: what the simulator makes of them, alike for both APIs."""

import base64
from typing import Any

import pytest

from infra.simulator.thinking import redact, sign
from tests.support.simulated import (
    ANTHROPIC,
    anthropic_call,
    anthropic_results,
    anthropic_tools,
    completion,
    message,
    openai_call,
    openai_result,
    openai_tools,
    refusal,
)

PNG = base64.b64encode(b"\x89PNG").decode()
HELLO: dict[str, Any] = {"role": "user", "content": "Hello"}
THINKING = {"type": "enabled", "budget_tokens": 1024}
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": sign("Hm.")}


def openai_text(*messages: dict[str, Any], **body: Any) -> str:
    return completion(model="sim-small", messages=messages, **body).choices[0].message.content or ""


def anthropic_text(*messages: dict[str, Any], **body: Any) -> str:
    said = message(model="sim-small", messages=messages, **body).content
    return "".join(block.text for block in said if block.type == "text")


def test_each_tool_result_is_echoed_in_text():
    long = " ".join(f"word{number}" for number in range(30))
    said = openai_text(HELLO, openai_call("a", "b"), openai_result("b", "21 degrees"), openai_result("a", long))
    assert said == f"Echo: 21 degrees; {long}."


def test_both_apis_answer_a_tool_loop_alike_whatever_its_ids():
    one = openai_text(
        HELLO, openai_call("a", "b"), openai_result("a"), openai_result("b", "9:30"), tools=openai_tools("x")
    )
    results = anthropic_results("c"), anthropic_results("d", text=[{"type": "text", "text": "9:30"}])
    merged = {"role": "user", "content": [*results[0]["content"], *results[1]["content"]]}
    assert one == anthropic_text(HELLO, anthropic_call("c", "d"), merged, tools=anthropic_tools("x"))
    # Users' messages in a row are one message for Anthropic.
    assert one == anthropic_text(HELLO, anthropic_call("c", "d"), *results, tools=anthropic_tools("x"))


def test_what_a_user_says_beside_the_results_is_answered():
    more = {"type": "text", "text": "And tomorrow?"}
    one = openai_text(HELLO, openai_call("a"), openai_result("a"), {"role": "user", "content": "And tomorrow?"})
    two = anthropic_text(HELLO, anthropic_call("a"), anthropic_results("a", after=(more,)))
    assert one == two
    assert one.startswith("Echo: And tomorrow?")


def test_arguments_that_are_no_json_are_taken_back():
    assert openai_text(HELLO, openai_call("a", arguments='{"city": "Par'), openai_result("a")).startswith("Echo: 21")


def test_both_apis_see_the_same_images():
    parts = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
             {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "low"}},
             {"type": "text", "text": "What is it?"}]  # fmt: skip
    blocks = [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
              {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}},
              {"type": "text", "text": "What is it?"}]  # fmt: skip
    one = completion(model="sim-small", messages=[{"role": "user", "content": parts}])
    two = message(model="sim-small", messages=[{"role": "user", "content": blocks}])
    assert one.choices[0].message.content == anthropic_text({"role": "user", "content": blocks})
    assert one.usage is not None
    assert one.usage.prompt_tokens == two.usage.input_tokens == 4 + 3 + 2 * 85
    assert one.choices[0].message.content != openai_text({"role": "user", "content": [parts[0], *parts]})


def test_documents_and_files_are_attachments():
    pdf = {"type": "base64", "media_type": "application/pdf", "data": PNG}
    plain = {"type": "text", "media_type": "text/plain", "data": "Hello"}
    content = {"type": "content", "content": [{"type": "text", "text": "Hello"}]}
    linked, stored = {"type": "url", "url": "https://example.org"}, {"type": "file", "file_id": "file_1"}
    sources = [pdf, plain, content, linked, stored]
    said = {anthropic_text({"role": "user", "content": [{"type": "document", "source": source}]}) for source in sources}
    assert len(said) == len(sources)
    file = {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PNG}"}}
    assert openai_text({"role": "user", "content": [file]}) in said


def test_a_part_of_a_kind_that_is_newer_is_an_attachment():
    asked: dict[str, Any] = {
        "role": "user",
        "content": [{"type": "text", "text": "Hi"}, {"type": "hologram", "text": 3}],
    }
    one, two = (ask(model="sim-small", messages=[asked]) for ask in (completion, message))
    assert one.usage.prompt_tokens == two.usage.input_tokens == 1 + 3 + 85


@pytest.mark.parametrize("block", [THOUGHT, {"type": "redacted_thinking", "data": redact("Hm.")}])
def test_thinking_that_comes_back_as_it_was_changes_nothing(block: dict[str, Any]):
    plain = anthropic_text(HELLO, anthropic_call("a"), anthropic_results("a"))
    assert anthropic_text(HELLO, anthropic_call("a", before=(block,)), anthropic_results("a")) == plain


def test_a_fixed_budget_wants_to_see_the_thought_before_the_calls():
    body = {"model": "sim-small", "max_tokens": 2000, "thinking": THINKING}
    refused = refusal(ANTHROPIC, body | {"messages": [HELLO, anthropic_call("a"), anthropic_results("a")]})
    assert "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found" in refused["message"]
    thought = (HELLO, anthropic_call("a", before=(THOUGHT,)), anthropic_results("a"))
    assert anthropic_text(*thought, thinking=THINKING).startswith("Echo: 21")
    # The thought at the beginning of a loop is enough for all of it.
    assert anthropic_text(*thought, anthropic_call("b"), anthropic_results("b"), thinking=THINKING)


def test_adaptive_thinking_does_without_the_thought_before_the_calls():
    unthought = (HELLO, anthropic_call("a"), anthropic_results("a"))
    assert anthropic_text(*unthought, thinking={"type": "adaptive"}).startswith("Echo: 21")
