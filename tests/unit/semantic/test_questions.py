"""Which requests the semantic cache looks at, what must be equal in two of them, and which answers are the same."""

from typing import Any

import numpy as np
import pytest

from contracts import envelope
from contracts.apis.fields import Json
from contracts.inference import ANTHROPIC_MESSAGES, OPENAI_CHAT, OPENAI_EMBEDDINGS, OPENAI_RESPONSES
from infra.catalog.semantic import SemanticCache
from workers.cache.semantic.answers import answer_of, is_same, text_of
from workers.cache.semantic.candidates import Candidate
from workers.cache.semantic.lookup import is_sampled
from workers.cache.semantic.note import ASKED, VERIFIED, Note, decoded
from workers.cache.semantic.questions import Question, question_of

SETTINGS = SemanticCache(except_keys=frozenset({"left-out"}))
TEXT = "How do I reset my password?"
SEARCH = {"type": "file_search", "vector_store_ids": ["vs_1"]}
GROUND = {"store_id": "vs_1", "document_id": "d1", "start": 0, "end": 9, "text": "passage", "version": 1, "score": 0.5}


def user(content: Any = TEXT) -> Json:
    return {"role": "user", "content": content}


def look_at(api: str = OPENAI_CHAT, *, model: str = "m", grounds: Any = None, key: str = "k", **fields: Any):
    request = {"model": "m", **({"messages": [user()]} if api != OPENAI_RESPONSES else {"input": TEXT}), **fields}
    body = {"request": request} | ({} if grounds is None else {"grounds": grounds})
    return question_of(body, {envelope.API: api, envelope.KEY_ID: key}, SETTINGS, model)


def found(**fields: Any) -> Question:
    question = look_at(**fields)
    assert question is not None
    return question


@pytest.mark.parametrize("api", [OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC_MESSAGES])
def test_one_question_in_words_is_looked_at(api: str):
    assert found(api=api).text == TEXT


def test_a_question_in_parts_of_text_is_looked_at():
    assert found(messages=[user([{"type": "text", "text": TEXT}])]).text == TEXT


@pytest.mark.parametrize(
    "fields",
    [
        {"api": OPENAI_EMBEDDINGS, "input": TEXT},
        {"key": "left-out"},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"tools": [SEARCH]},
        {"tools": [SEARCH], "grounds": []},
        {"tools": [SEARCH], "grounds": [{**GROUND, "version": None}]},
        {"n": 2},
        {"logprobs": True},
        {"temperature": 1.0},
        {"messages": [user([{"type": "text", "text": TEXT}, {"type": "image_url", "image_url": {"url": "x"}}])]},
        {"messages": [user(), {"role": "assistant", "content": "Hi"}, user()]},
        {"messages": [user(), user()]},
        {"messages": [user(), {"role": "assistant", "content": "Sure:"}]},
        {"messages": [user("why " * 200)]},
        {"messages": [user("")]},
        {"messages": [user("Write to ada@example.org?")]},
        {"messages": [user("Is my card 4111 1111 1111 1111 blocked?")]},
        {"messages": [user("Why does +49 170 1234567 call me?")]},
        {"messages": [user("Is DE89 3704 0044 0532 0130 00 valid?")]},
        {"messages": [user("My name is Ada, am I insured?")]},
        {"messages": [user("What is ```x = 1```?")]},
        {"messages": [user("def f(x):\n  return x")]},
        {"messages": [user("What does foo(bar); do?")]},
    ],
)
def test_what_is_left_to_the_model(fields: dict[str, Any]):
    assert look_at(**fields) is None


@pytest.mark.parametrize("fields", [{"stream": True}, {"user": "u"}, {"messages": [user("Where is my card?")]}])
def test_what_may_differ(fields: dict[str, Any]):
    assert found(**fields).scope == found().scope


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": [{"role": "system", "content": "Be brief."}, user()]},
        {"temperature": 0.2},
        {"max_tokens": 5},
        {"response_format": {"type": "json_object"}},
        {"model": "another provider's"},
        {"api": ANTHROPIC_MESSAGES},
    ],
)
def test_what_must_be_equal(fields: dict[str, Any]):
    assert found(**fields).scope != found().scope
    assert found(**fields).group != found().group


def test_a_new_index_version_makes_entries_unreachable_and_learns_on():
    before, after = (found(tools=[SEARCH], grounds=[{**GROUND, "version": version}]) for version in (1, 2))
    assert before.scope != after.scope
    assert before.group == after.group


def test_other_passages_are_other_grounds():
    assert (
        found(tools=[SEARCH], grounds=[GROUND]).scope
        != found(tools=[SEARCH], grounds=[{**GROUND, "text": "edited"}]).scope
    )


ONE, NEAR, FAR = (np.array(vector, np.float32) for vector in ([1.0, 0.0], [0.98, 0.199], [0.6, 0.8]))


def test_answers_are_the_same_by_their_words_or_by_facts_and_meaning():
    one = answer_of("Go to **Settings**.", ONE)
    assert is_same(one, answer_of("go to settings", FAR), 0.95)
    assert is_same(answer_of("Open it there.", ONE), answer_of("You can open it there.", NEAR), 0.95)
    assert not is_same(answer_of("Open it there.", ONE), answer_of("You can open it there.", FAR), 0.95)
    assert not is_same(answer_of("It takes 3 days.", ONE), answer_of("It takes 5 days.", ONE), 0.95)
    assert not is_same(answer_of("You can.", ONE), answer_of("You cannot.", ONE), 0.95)


@pytest.mark.parametrize(
    ("api", "response", "text"),
    [
        (OPENAI_CHAT, {"choices": [{"message": {"content": " Yes. "}}]}, "Yes."),
        (OPENAI_CHAT, {"choices": [{"message": {"content": None, "tool_calls": [{}]}}]}, None),
        (OPENAI_CHAT, {"choices": [{"message": {"content": "No", "refusal": "I can't"}}]}, None),
        (OPENAI_CHAT, {}, None),
        (ANTHROPIC_MESSAGES, {"content": [{"type": "text", "text": "Yes."}]}, "Yes."),
        (ANTHROPIC_MESSAGES, {"content": [{"type": "tool_use"}]}, None),
        (
            OPENAI_RESPONSES,
            {"output": [{"type": "message", "content": [{"type": "output_text", "text": "Yes."}]}]},
            "Yes.",
        ),
        (OPENAI_RESPONSES, {"output": [{"type": "function_call"}]}, None),
    ],
)
def test_what_an_answer_says(api: str, response: Json, text: str | None):
    assert text_of(api, response) == text


def test_a_note_comes_through_a_header():
    note = Note(ASKED, b"\x00scope", b"group\xff", "not*0\x1f«é»\x1ea\x1eb", "m", 0.01, 0.95)
    proposed = note.proposing(VERIFIED, Candidate(7, 3, 0.9, (0.9, 1.0)))
    for each in (note, proposed):
        assert each.encoded().isascii()
        assert decoded(each.encoded()) == each


@pytest.mark.parametrize("header", [None, "", "{}", "[1]", "null"])
def test_what_is_no_note_is_none(header: str | None):
    assert decoded(header) is None


def test_the_verified_are_the_asked_for_share_and_the_same_each_time():
    sampled = [is_sampled(f"r{number}", 0.05) for number in range(10_000)]
    assert 400 < sum(sampled) < 600
    assert sampled == [is_sampled(f"r{number}", 0.05) for number in range(10_000)]
