"""A chat completion as a Response: output, ending, usage, and the settings that it repeats."""

from typing import Any

import pytest

from contracts.apis.responses.answer import error_of, to_response, unfinished
from contracts.apis.responses.thinking import unsealed
from contracts.errors import ErrorCode, PenstockError
from tests.unit.apis.responses_samples import (
    BLOCKS,
    REQUEST,
    STAMP,
    check_response,
    completion,
    function_call,
)

Json = dict[str, Any]


def response(message: Json, finish_reason: str = "stop", request: Json = REQUEST, **fields: Any) -> Json:
    made = to_response(completion(message, finish_reason, **fields), request, **STAMP)
    check_response(made)
    return made


def test_text_becomes_one_message():
    made = response({"content": "Hi"})
    assert made["output"] == [
        {
            "id": "msg_1_0",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Hi", "annotations": [], "logprobs": []}],
        }
    ]
    assert (made["id"], made["created_at"], made["object"]) == ("resp_1", 1_800_000_000, "response")
    assert (made["status"], made["error"], made["incomplete_details"]) == ("completed", None, None)
    assert check_response(made).output_text == "Hi"


def test_calls_become_items_with_their_arguments_untouched():
    calls = [function_call("a", "add", '{"x": 1.0}'), function_call("", "sub", "not json")]
    made = response({"content": None, "tool_calls": calls}, "tool_calls")
    assert made["status"] == "completed"
    assert [(i["id"], i["call_id"], i["name"], i["arguments"]) for i in made["output"]] == [
        ("fc_1_0", "a", "add", '{"x": 1.0}'),
        ("fc_1_1", "call_1_1", "sub", "not json"),
    ]


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_comes_first_as_a_summary_and_carries_the_blocks_to_bring_back(name: str):
    made = response({name: "Let me see", "thinking_blocks": BLOCKS, "content": "42"})
    assert [item["type"] for item in made["output"]] == ["reasoning", "message"]
    reasoning = made["output"][0]
    assert reasoning["summary"] == [{"type": "summary_text", "text": "Let me see"}]
    assert unsealed(reasoning["encrypted_content"]) == BLOCKS
    # OpenAI refuses to take back reasoning that has any.
    assert "content" not in reasoning


def test_thinking_that_is_hidden_is_carried_without_a_summary():
    message, reasoning = response({"thinking_blocks": BLOCKS[1:], "content": "42"}, "length")["output"]
    assert (reasoning["summary"], unsealed(reasoning["encrypted_content"])) == ([], BLOCKS[1:])
    assert (message["status"], reasoning["status"]) == ("incomplete", "completed")


def test_text_in_parts_as_mistral_sends_it_is_text_and_thinking():
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}
    reasoning, message = response({"content": [thought, {"type": "text", "text": "Hi"}]})["output"]
    assert reasoning["summary"] == [{"type": "summary_text", "text": "Hm"}]
    assert message["content"][0]["text"] == "Hi"


def test_a_refusal_is_a_part_of_the_message():
    assert response({"content": None, "refusal": "I won't."})["output"][0]["content"] == [
        {"type": "refusal", "refusal": "I won't."}
    ]


def test_annotations_lose_their_nesting():
    cited = {"url": "https://x", "title": "X", "start_index": 0, "end_index": 2}
    message = {"content": "Hi", "annotations": [{"type": "url_citation", "url_citation": cited}]}
    assert response(message)["output"][0]["content"][0]["annotations"] == [{"type": "url_citation", **cited}]


def test_log_probabilities_have_their_bytes_as_a_list():
    answer = completion({"content": "Hi"})
    token = {"token": "Hi", "logprob": -0.5, "bytes": None, "top_logprobs": []}
    answer["choices"][0]["logprobs"] = {"content": [token], "refusal": None}
    made = to_response(answer, REQUEST, **STAMP)
    check_response(made)
    assert made["output"][0]["content"][0]["logprobs"] == [{**token, "bytes": []}]


@pytest.mark.parametrize(
    ("finish_reason", "status", "reason"),
    [
        ("stop", "completed", None),
        ("tool_calls", "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("content_filter", "incomplete", "content_filter"),
        (None, "completed", None),
        ("eos", "completed", None),
    ],
)
def test_the_ending_says_whether_there_would_be_more(finish_reason: Any, status: str, reason: str | None):
    made = response({"reasoning_content": "Hm", "content": "Hi"}, finish_reason)
    assert made["status"] == status
    assert made["incomplete_details"] == ({"reason": reason} if reason else None)
    assert [item["status"] for item in made["output"]] == ["completed", status]


def test_usage_is_counted_under_its_other_names():
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 8,
        "total_tokens": 17,
        "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    assert response({"content": "Hi"}, usage=usage)["usage"] == {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
        "output_tokens": 8,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 17,
    }


def test_usage_without_details_counts_none_of_them_and_no_usage_is_none():
    bare = {"prompt_tokens": 9, "completion_tokens": 8, "prompt_tokens_details": None}
    assert response({"content": "Hi"}, usage=bare)["usage"]["total_tokens"] == 17
    assert response({"content": "Hi"}, usage=None)["usage"] is None


def test_what_the_caller_left_out_has_openais_defaults():
    made = response({"content": "Hi"})
    expected: Json = {
        "background": False,
        "instructions": None,
        "max_output_tokens": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
    }
    assert {name: made[name] for name in expected} == expected


def test_what_the_caller_set_is_repeated():
    asked: Json = {
        "instructions": "Be brief",
        "max_output_tokens": 9,
        "metadata": {"team": "a"},
        "parallel_tool_calls": False,
        "previous_response_id": "resp_0",
        "store": False,
        "temperature": 0,
        "text": {"format": {"type": "json_object"}, "verbosity": "low"},
        "tool_choice": "required",
        "top_p": 0.5,
        "user": "u",
    }
    tool = {"type": "function", "name": "add", "parameters": {"type": "object"}}
    effort = {"effort": "low"}
    made = response({"content": "Hi"}, request={**REQUEST, **asked, "tools": [tool], "reasoning": effort})
    assert {name: made[name] for name in asked} == asked
    assert made["tools"] == [{**tool, "description": None, "strict": None}]
    assert made["reasoning"] == {"effort": "low", "summary": None}


def test_the_model_and_the_tier_are_those_that_answered():
    assert response({"content": "Hi"}, service_tier="flex")["service_tier"] == "flex"
    assert response({"content": "Hi"}, service_tier="standard")["service_tier"] == "default"
    assert response({"content": "Hi"})["model"] == "m-2026"
    assert response({"content": "Hi"}, model="")["model"] == "m"


@pytest.mark.parametrize("status", ["queued", "in_progress", "cancelled"])
def test_a_request_without_an_answer_has_a_response_all_the_same(status: str):
    made = unfinished({**REQUEST, "background": True}, **STAMP, status=status)
    check_response(made)
    assert (made["status"], made["output"], made["usage"]) == (status, [], None)
    assert (made["background"], made["model"]) == (True, "m")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (ErrorCode.RATE_LIMITED, "rate_limit_exceeded"),
        (ErrorCode.INVALID_REQUEST, "invalid_prompt"),
        (ErrorCode.PROVIDER_UNAVAILABLE, "server_error"),
    ],
)
def test_a_request_that_failed_says_why(code: ErrorCode, said: str):
    error = error_of(PenstockError(code, "It went wrong", stage="provider"))
    made = unfinished(REQUEST, **STAMP, status="failed", error=error)
    check_response(made)
    assert made["error"] == {"code": said, "message": "It went wrong"}


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"choices": []},
        {"choices": ["x"]},
        {"choices": [{"message": "x"}]},
        {"choices": [{"message": {"content": {}}}]},
        {"choices": [{"message": {"tool_calls": [{"id": "a"}]}}]},
        {"choices": [{"message": {"tool_calls": [{"function": {"arguments": {}}}]}}]},
        {"choices": [{"message": {"content": "x"}, "finish_reason": []}]},
        {"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": "9"}},
    ],
)
def test_what_is_no_completion_is_one_of_three_errors(wrong: Json):
    with pytest.raises((KeyError, TypeError, ValueError)):
        to_response(wrong, REQUEST, **STAMP)
