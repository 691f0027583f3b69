"""The items of an input: listed for whoever asks, and carried on into the next request."""

from typing import Any

import pytest
from openai.types.responses import ResponseItem
from pydantic import TypeAdapter

from contracts.apis.fields import Fields
from contracts.apis.responses.answer import to_response
from contracts.apis.responses.items import continued, input_items, referenced, resolved
from contracts.apis.responses.request import to_chat
from contracts.errors import PenstockError
from tests.unit.apis.responses_samples import BLOCKS, STAMP, completion, function_call

Json = dict[str, Any]
_ITEM: TypeAdapter[Any] = TypeAdapter(ResponseItem)
CALL: Json = {"type": "function_call", "call_id": "a", "name": "add", "arguments": "{}"}
OUTPUT: Json = {"type": "function_call_output", "call_id": "a", "output": "3"}


def test_text_alone_is_listed_as_a_users_message():
    assert input_items({"input": "Hello"}, "resp_1") == [
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "Hello"}],
            "id": "msg_1_in0",
            "status": "completed",
        }
    ]


@pytest.mark.parametrize(
    "item",
    [
        {"role": "user", "content": "Hello"},
        {"role": "system", "content": [{"type": "input_text", "text": "Be brief"}]},
        {"role": "assistant", "content": "Hi"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi", "annotations": []}]},
        CALL,
        OUTPUT,
        {"type": "reasoning", "summary": []},
    ],
)
def test_every_item_is_listed_in_the_shape_that_the_sdk_knows(item: Json):
    [listed] = input_items({"input": [item]}, "resp_1")
    assert _ITEM.validate_python(listed).id == listed["id"]


def test_ids_that_the_caller_gave_stay_and_the_others_are_the_same_each_time_and_all_different():
    request = {"input": [{"id": "msg_mine", "role": "user", "content": "a"}, CALL, OUTPUT, {**CALL, "id": None}]}
    ids = [item["id"] for item in input_items(request, "resp_1")]
    assert ids == ["msg_mine", "fc_1_in1", "fco_1_in2", "fc_1_in3"]
    assert ids == [item["id"] for item in input_items(request, "resp_1")]
    assert ids[1:] != [item["id"] for item in input_items(request, "resp_2")][1:]


def test_a_request_goes_on_from_what_was_asked_and_answered_before():
    first = {"model": "m", "input": "1+2?", "instructions": "Be brief"}
    message = {"content": "I add.", "tool_calls": [function_call("a", "add", '{"x":1}')], "thinking_blocks": BLOCKS}
    answer = to_response(completion(message, "tool_calls"), first, **STAMP)
    second = {"model": "m", "input": [OUTPUT], "instructions": "Be loud", "previous_response_id": "resp_1"}
    whole = continued(second, input_items(first, "resp_1"), answer["output"])
    assert to_chat(whole, Fields())["messages"] == [
        {"role": "system", "content": "Be loud"},
        {"role": "user", "content": "1+2?"},
        {
            "role": "assistant",
            "content": "I add.",
            "thinking_blocks": BLOCKS,
            "tool_calls": [function_call("a", "add", '{"x":1}')],
        },
        {"role": "tool", "tool_call_id": "a", "content": "3"},
    ]
    assert whole["previous_response_id"] == "resp_1"


def test_a_third_request_has_all_of_it_once():
    first = {"model": "m", "input": "a"}
    answers = [to_response(completion({"content": text}), first, **STAMP)["output"] for text in ("A", "B")]
    second = continued({"model": "m", "input": "b"}, input_items(first, "resp_1"), answers[0])
    third = continued({"model": "m", "input": "c"}, input_items(second, "resp_2"), answers[1])
    said = [(message["role"], message["content"]) for message in to_chat(third, Fields())["messages"]]
    assert said == [("user", "a"), ("assistant", "A"), ("user", "b"), ("assistant", "B"), ("user", "c")]


def test_an_output_is_taken_back_without_what_openai_refuses_in_an_input():
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": None, "status": "completed"}
    text = {"type": "output_text", "text": "Hi", "annotations": [], "logprobs": []}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [text]}
    before = repr([reasoning, message])
    taken = continued({"input": "x"}, [], [reasoning, message])["input"]
    assert taken[0] == {"type": "reasoning", "id": "rs_1", "summary": []}
    assert taken[1]["content"] == [{"type": "output_text", "text": "Hi", "annotations": []}]
    assert repr([reasoning, message]) == before


@pytest.mark.parametrize(
    "reference", [{"type": "item_reference", "id": "fc_0"}, {"id": "fc_0"}, {"type": None, "id": "fc_0"}]
)
def test_a_reference_gives_way_to_the_item_that_is_known(reference: Json):
    request = {"input": [{"role": "user", "content": "x"}, reference, {"id": "other"}]}
    assert referenced(request) == ["fc_0", "other"]
    known = {"fc_0": {**CALL, "id": "fc_0"}}
    assert resolved(request, known)["input"][1:] == [known["fc_0"], {"id": "other"}]


def test_a_request_that_refers_to_nothing_is_the_same_object():
    request = {"input": "x"}
    assert resolved(request, {}) is request


@pytest.mark.parametrize(("given", "param"), [(7, "input"), ([7], "input[0]"), ({}, "input")])
def test_an_input_that_is_none_is_refused(given: object, param: str):
    for use in (lambda r: input_items(r, "resp_1"), lambda r: continued(r, [], []), referenced):
        with pytest.raises(PenstockError) as caught:
            use({"input": given})
        assert caught.value.param == param
