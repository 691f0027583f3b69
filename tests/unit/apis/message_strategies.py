"""Hypothesis strategies: messages requests as the SDK sends them, and messages as Claude writes them."""

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

_IMAGE = objects(
    type="image",
    source=objects(type="base64", media_type=IMAGE_TYPES, data=BASE64) | objects(type="url", url=URLS),
)
_PDF = objects(type="document", title=NAMES, source=objects(type="base64", media_type="application/pdf", data=BASE64))
_CACHED = {"cache_control": st.just({"type": "ephemeral"})}
_TEXT = objects(_CACHED, type="text", text=SAID)
_USE = objects(type="tool_use", id=IDS, name=NAMES, input=INPUTS)
_THOUGHT = objects(type="thinking", thinking=TEXTS, signature=IDS) | objects(type="redacted_thinking", data=IDS)
_TOOLS = st.lists(objects(_CACHED, name=NAMES, description=TEXTS, input_schema=SCHEMAS), max_size=2)


@st.composite
def _turn(draw: st.DrawFn) -> list[Json]:
    turn: list[Json] = [
        {"role": "user", "content": draw(SAID | st.lists(_TEXT | _IMAGE | _PDF, min_size=1, max_size=3))}
    ]
    thoughts = draw(st.lists(_THOUGHT, max_size=2))
    uses = draw(distinct(_USE))
    said = draw(st.lists(_TEXT, max_size=2))
    if uses:
        turn.append({"role": "assistant", "content": [*thoughts, *said, *uses]})
        results = [draw(_result(use["id"])) for use in uses]
        turn.append({"role": "user", "content": [*results, *draw(st.lists(_TEXT | _IMAGE, max_size=2))]})
    turn.append({"role": "assistant", "content": draw(SAID | st.lists(_TEXT, min_size=1, max_size=2))})
    return turn


def _result(use_id: str) -> st.SearchStrategy[Json]:
    content = SAID | st.lists(_TEXT, max_size=2)
    return objects({**_CACHED, "content": content}, type="tool_result", tool_use_id=use_id)


@st.composite
def messages_requests(draw: st.DrawFn) -> Json:
    """Valid requests that a chat provider can be asked in full."""
    turns = draw(st.lists(_turn(), min_size=1, max_size=3))
    optional = {
        "system": SAID | st.lists(_TEXT, max_size=2),
        "tools": _TOOLS,
        "tool_choice": st.sampled_from(
            [{"type": "auto"}, {"type": "none"}, {"type": "any", "disable_parallel_tool_use": True}]
        ),
        "temperature": st.floats(0, 1),
        "stop_sequences": st.lists(SAID, max_size=4),
        "metadata": st.fixed_dictionaries({"user_id": TEXTS}),
    }
    beside = draw(st.fixed_dictionaries({}, optional=optional))
    limit = draw(st.integers(1, 10_000))
    return {"model": "m", "max_tokens": limit, "messages": [message for turn in turns for message in turn], **beside}


_USAGE = objects(
    {
        "cache_read_input_tokens": st.integers(0, 1000),
        "cache_creation_input_tokens": st.integers(0, 1000),
        "output_tokens_details": objects(thinking_tokens=st.integers(1, 1000)),
        "service_tier": st.sampled_from(["standard", "priority", "batch"]),
    },
    input_tokens=st.integers(0, 1000),
    output_tokens=st.integers(0, 1000),
)


@st.composite
def messages(draw: st.DrawFn) -> Json:
    """A whole answer of Claude's: thinking, text with citations, calls."""
    citation = objects(
        type="web_search_result_location", cited_text=TEXTS, encrypted_index=IDS, title=st.none() | TEXTS, url=URLS
    )
    text = objects({"citations": st.lists(citation, max_size=2)}, type="text", text=TEXTS)
    uses = draw(distinct(_USE))
    content = [*draw(st.lists(_THOUGHT, max_size=2)), *draw(st.lists(text, max_size=3)), *uses]
    reasons = (
        ["tool_use"] if uses else ["end_turn", "max_tokens", "pause_turn", "refusal", "model_context_window_exceeded"]
    )
    head = {"id": draw(IDS.map("msg_{}".format)), "type": "message", "role": "assistant", "model": "claude"}
    stop = {"stop_reason": draw(st.sampled_from(reasons)), "stop_sequence": None}
    return {**head, "content": content, **stop, "usage": draw(_USAGE)}
