"""The validation worker's rules: what is refused, and which field the caller is told to mend."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts import envelope
from contracts.errors import ErrorCode, PenstockError
from contracts.inference import ANTHROPIC_COUNT_TOKENS, ANTHROPIC_MESSAGES, OPENAI_EMBEDDINGS, OPENAI_RESPONSES
from contracts.tags import tags_of
from workers.validation.validate import findings, from_outside, validate, without_grounds

GOOD: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}


def message(request: object = GOOD, **fields: object) -> bytes:
    return json.dumps({"request_id": "r1", "request": request, **fields}).encode()


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "Hello"}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
        ({"messages": [*GOOD["messages"], {"role": "tool", "content": None}]}, "messages[1]"),
        ({"model": ""}, "model"),
        ({"model": 7}, "model"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 3}, "temperature"),
        ({"n": 0}, "n"),
        ({"n": True}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"stream": "yes"}, "stream"),
        ({"stop": 3}, "stop"),
        ({"stream_options": {"include_usage": "x"}}, "stream_options.include_usage"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], param: str):
    with pytest.raises(PenstockError) as caught:
        validate(message({**GOOD, **change}), "r1")
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    assert caught.value.param == param
    assert not caught.value.retryable


@pytest.mark.parametrize("body", [b"", b"nonsense", b"\xff\xfe", b"[]", b'{"request_id": "r1"}', b'{"request_id":1}'])
def test_what_is_no_contract_is_an_invalid_request(body: bytes):
    with pytest.raises(PenstockError) as caught:
        validate(body, "r1")
    assert caught.value.code is ErrorCode.INVALID_REQUEST


ASKED: dict[str, dict[str, Any]] = {
    ANTHROPIC_MESSAGES: {**GOOD, "max_tokens": 9},
    ANTHROPIC_COUNT_TOKENS: GOOD,
    OPENAI_EMBEDDINGS: {"model": "m", "input": "Hello"},
    OPENAI_RESPONSES: {"model": "m", "input": "Hello"},
}


@pytest.mark.parametrize("api", ASKED)
def test_each_api_has_rules_of_its_own(api: str):
    assert validate(message({**ASKED[api], "new_field": 1}, api=api), "r1").contract.api == api


@pytest.mark.parametrize(
    ("api", "change", "param"),
    [
        (ANTHROPIC_MESSAGES, {"max_tokens": None}, "max_tokens"),
        (ANTHROPIC_MESSAGES, {"max_tokens": 0}, "max_tokens"),
        (ANTHROPIC_MESSAGES, {"temperature": 1.5}, "temperature"),
        (ANTHROPIC_MESSAGES, {"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        (ANTHROPIC_MESSAGES, {"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0]"),
        (ANTHROPIC_MESSAGES, {"tools": [{"input_schema": {}}]}, "tools[0].name"),
        (ANTHROPIC_COUNT_TOKENS, {"messages": []}, "messages"),
        (OPENAI_EMBEDDINGS, {"input": ""}, "input"),
        (OPENAI_EMBEDDINGS, {"input": []}, "input"),
        (OPENAI_EMBEDDINGS, {"input": ["x"] * 2049}, "input"),
        (OPENAI_EMBEDDINGS, {"encoding_format": "hex"}, "encoding_format"),
        (OPENAI_EMBEDDINGS, {"dimensions": 0}, "dimensions"),
        (OPENAI_RESPONSES, {"input": []}, "input"),
        (OPENAI_RESPONSES, {"model": ""}, "model"),
    ],
)
def test_a_wrong_field_is_named_in_every_api(api: str, change: dict[str, Any], param: str):
    with pytest.raises(PenstockError) as caught:
        validate(message({**ASKED[api], **change}, api=api), "r1")
    assert caught.value.param == param


def test_what_a_caller_lets_us_drop_may_stand_in_its_request():
    assert findings(validate(message({**GOOD, "drop_params": True}), "r1"), "acme", 1)[envelope.DROP_PARAMS] == "true"


def test_what_the_contract_asks_for_goes_into_the_envelope():
    found = findings(validate(message(residency="local", beta="one"), "r1"), "acme", 1)
    assert (found[envelope.RESIDENCY], found[envelope.BETA]) == ("local", "one")


def test_a_conversation_that_the_provider_would_keep_is_refused_so_that_the_sdk_sends_it():
    with pytest.raises(PenstockError) as caught:
        validate(message({**ASKED[ANTHROPIC_MESSAGES], "thread": {"type": "create"}}, api=ANTHROPIC_MESSAGES), "r1")
    assert (caught.value.code, caught.value.param) == (ErrorCode.THREAD_UNSUPPORTED, "thread")


def test_what_is_nested_too_deeply_is_refused():
    deep: dict[str, Any] = {}
    for _ in range(300):
        deep = {"x": deep}
    with pytest.raises(PenstockError) as caught:
        validate(message({**GOOD, "metadata": deep}), "r1")
    assert caught.value.code is ErrorCode.INVALID_REQUEST


def test_two_different_request_ids_are_refused():
    with pytest.raises(PenstockError, match="differ"):
        validate(message(), "r2")


def test_an_api_that_is_not_known_is_refused():
    with pytest.raises(PenstockError) as caught:
        validate(message(api="openai.telepathy"), "r1")
    assert caught.value.param == "api"


def test_fields_that_are_not_known_are_the_providers_business():
    assert validate(message({**GOOD, "top_k": 40, "reasoning": {"effort": "low"}}), "r1").model == "m"


def test_an_assistants_tool_call_needs_no_content():
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function", "function": {}}]}
    validate(message({**GOOD, "messages": [*GOOD["messages"], call]}), "r1")


def test_what_was_found_goes_into_the_envelope():
    found = findings(validate(message({**GOOD, "stream": True}, cache_control="no-store"), "r1"), "acme", 1_800_000_000)
    assert found == {
        envelope.TENANT: "acme",
        envelope.API: "openai.chat_completions",
        envelope.MODEL: "m",
        envelope.STREAM: "true",
        envelope.DEADLINE: envelope.rfc3339(datetime.fromtimestamp(1_800_000_000, UTC)),
        envelope.CACHE_CONTROL: "no-store",
    }


def test_the_callers_own_deadline_goes_before_the_platforms():
    found = findings(validate(message(deadline="2030-01-01T00:00:00+02:00"), "r1"), "acme", 1_800_000_000)
    assert found[envelope.DEADLINE] == "2029-12-31T22:00:00.000Z"


SEARCH: dict[str, Any] = {"type": "file_search", "vector_store_ids": ["docs"]}
FUNCTION: dict[str, Any] = {"type": "function", "name": "add", "function": {"name": "add"}}


@pytest.mark.parametrize(
    ("api", "tools", "searches"),
    [
        ("openai.chat_completions", [FUNCTION, SEARCH], True),
        (OPENAI_RESPONSES, [SEARCH], True),
        ("openai.chat_completions", [FUNCTION], False),
        (OPENAI_RESPONSES, None, False),
        (ANTHROPIC_MESSAGES, [{**SEARCH, "name": "file_search"}], False),
    ],
)
def test_only_a_request_with_the_tool_is_looked_up_for(api: str, tools: object, searches: bool):
    asked = {**ASKED.get(api, GOOD), **({"tools": tools} if tools else {})}
    assert validate(message(asked, api=api), "r1").searches is searches


def test_what_a_producer_says_was_looked_up_is_taken_out():
    ground = {"store_id": "s", "document_id": "d", "filename": "f", "start": 0, "end": 1, "score": 1, "text": "x"}
    body = message(grounds=[ground])
    assert validate(body, "r1").contract.grounds is not None
    assert validate(without_grounds(body), "r1").contract.grounds is None
    assert json.loads(without_grounds(body)) == json.loads(message())


def test_tags_travel_in_the_envelope_in_the_order_of_their_names():
    found = findings(validate(message(tags={"team": "search", "feature": "a b"}), "r1"), "acme", 1)
    assert tags_of(found) == {"team": "search", "feature": "a b"}
    assert found[envelope.TAGS] == '{"feature":"a b","team":"search"}'
    assert envelope.TAGS not in findings(validate(message(), "r1"), "acme", 1)


@pytest.mark.parametrize(
    "tags", [{"team": "=x"}, {"1": "x"}, {"team": 7}, dict.fromkeys(map("t{}".format, range(11)), "x")]
)
def test_tags_that_are_none_are_refused(tags: dict[str, Any]):
    with pytest.raises(PenstockError) as caught:
        validate(message(tags=tags), "r1")
    assert str(caught.value.param).startswith("tags")


def test_nobody_tags_past_the_check():
    assert from_outside({envelope.TAGS: "nonsense", envelope.KEY_ID: "k1"}) == {envelope.KEY_ID: "k1"}
