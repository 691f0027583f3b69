"""Hypothesis strategies: chat completion requests as the SDK sends them, and completions as providers do."""

import json

from hypothesis import strategies as st

from tests.unit.apis.strategies import (
    BASE64,
    IDS,
    IMAGE_TYPES,
    INPUTS,
    NAMES,
    SAID,
    SCHEMAS,
    TEXTS,
    URLS,
    Json,
    distinct,
    objects,
)

_DATA_URL = st.builds("data:{};base64,{}".format, IMAGE_TYPES, BASE64)
_TEXT_PART = objects(type="text", text=SAID)
_IMAGE_PART = objects(type="image_url", image_url=objects(url=_DATA_URL | URLS))
_FILE_PART = objects(
    type="file", file=objects(filename=NAMES, file_data=BASE64.map("data:application/pdf;base64,{}".format))
)
# json.dumps, because a model doesn't write JSON in its shortest form.
_CALL = objects(id=IDS, type="function", function=objects(name=NAMES, arguments=INPUTS.map(json.dumps)))
_TOOLS = st.lists(
    objects(type="function", function=objects(name=NAMES, description=TEXTS, parameters=SCHEMAS)), max_size=2
)


@st.composite
def _chat_turn(draw: st.DrawFn) -> list[Json]:
    """What the user says, and what the assistant answers: with calls, then with their results, or without."""
    parts = st.lists(_TEXT_PART | _IMAGE_PART | _FILE_PART, min_size=1, max_size=3)
    turn: list[Json] = [{"role": "user", "content": draw(SAID | parts)}]
    calls = draw(distinct(_CALL))
    if calls:
        content = draw(st.none() | st.just("") | SAID)
        turn.append({"role": "assistant", "content": content, "tool_calls": calls})
        turn += [
            {"role": "tool", "tool_call_id": call["id"], "content": draw(TEXTS)}
            for call in draw(st.permutations(calls))
        ]
    if draw(st.booleans()):
        turn.append({"role": "assistant", "content": draw(SAID | st.lists(_TEXT_PART, min_size=1, max_size=2))})
    return turn


@st.composite
def chat_requests(draw: st.DrawFn) -> Json:
    """Valid requests that Anthropic can be asked in full."""
    roles = st.sampled_from(["system", "developer"])
    system = draw(st.lists(objects(role=roles, content=SAID | st.lists(_TEXT_PART, max_size=2)), max_size=2))
    turns = draw(st.lists(_chat_turn(), min_size=1, max_size=3))
    optional = {
        "tools": _TOOLS,
        "tool_choice": st.sampled_from(["auto", "none", "required"]),
        "parallel_tool_calls": st.booleans(),
        "max_tokens": st.integers(1, 10_000),
        "temperature": st.floats(0, 1),
        "stop": st.lists(SAID, max_size=4),
        "user": TEXTS,
    }
    beside = draw(st.fixed_dictionaries({}, optional=optional))
    return {"model": "m", "messages": [*system, *(message for turn in turns for message in turn)], **beside}


_USAGE = st.builds(
    lambda cached, written, rest, output, reasoning: {
        "prompt_tokens": cached + written + rest,
        "completion_tokens": output + reasoning,
        "total_tokens": cached + written + rest + output + reasoning,
        "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    },
    *[st.integers(0, 1000)] * 5,
)


@st.composite
def completions(draw: st.DrawFn) -> Json:
    """A whole answer with at most one choice; a call now and then with arguments that are no JSON."""
    calls = draw(distinct(_CALL))
    for call in calls:
        if draw(st.integers(0, 9)) == 0:
            call["function"]["arguments"] = draw(st.sampled_from(["{", "[1]", "nonsense", '{"x": "cut o']))
    said: Json = {"role": "assistant", "content": draw(TEXTS)}
    if draw(st.booleans()):
        said["reasoning_content"] = draw(SAID)
    if calls:
        said["tool_calls"] = calls
    finish_reason = "tool_calls" if calls else draw(st.sampled_from(["stop", "length", "content_filter"]))
    head = {"id": draw(IDS), "object": "chat.completion", "created": 1, "model": "m"}
    choice = {"index": 0, "message": said, "finish_reason": finish_reason}
    return {**head, "choices": [choice], "usage": draw(_USAGE)}
