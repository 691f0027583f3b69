"""What the simulator answers, and how it counts tokens."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.simulator.answer import Answer, Finish
from infra.simulator.answers import compose
from infra.simulator.knobs import read_knobs
from infra.simulator.options import SimulatorOptions
from infra.simulator.requests import ChatRequest, Turn
from infra.simulator.tokens import count_tokens, split_tokens

FRANCE = "What is the capital of France?"
TEXTS = st.text(max_size=200)


def asked(text: str, model: str = "sim-small", **changes: object) -> ChatRequest:
    return replace(ChatRequest(model=model, turns=(Turn("user", text),)), **changes)


def answered(request: ChatRequest) -> Answer:
    return compose(request, read_knobs(request.model, {}, SimulatorOptions()))


def text_of(request: ChatRequest) -> str:
    return answered(request).choices[0].text


def test_an_answer_is_the_same_in_every_process_and_release():
    assert text_of(asked(FRANCE, "sim-small@tokens=16")) == (
        "Echo: What is the capital of France? orchard bridge garden moss stone valley."
    )


def test_the_same_request_gives_the_same_answer_at_any_speed():
    assert text_of(asked(FRANCE)) == text_of(asked(FRANCE)) == text_of(asked(FRANCE, "sim-small@latency=5,tps=10"))


@pytest.mark.parametrize(
    "other",
    [
        asked("What is the capital of Spain?"),
        asked(FRANCE, "sim-other"),
        replace(asked(FRANCE), turns=(Turn("system", "Be brief."), Turn("user", FRANCE))),
        replace(asked(FRANCE), turns=(Turn("user", FRANCE, (b'{"type":"image"}',)),)),
        asked(f"{FRANCE} {'and so on, ' * 100} in the end"),
    ],
    ids=["prompt", "model", "system prompt", "image", "end of a long prompt"],
)
def test_another_request_gives_another_answer(other: ChatRequest):
    assert text_of(other) != text_of(asked(FRANCE))


def test_every_choice_has_its_own_words_and_all_are_counted():
    answer = answered(asked(FRANCE, choices=3))
    assert len({choice.text for choice in answer.choices}) == 3
    assert answer.usage.completion_tokens == 3 * 32


@pytest.mark.parametrize(
    ("model", "length"), [("sim-small", 32), ("sim-large", 128), ("sim-large@tokens=7", 7), ("sim-small@tokens=1", 1)]
)
def test_the_models_name_sets_the_length(model: str, length: int):
    answer = answered(asked(FRANCE, model))
    assert answer.usage.completion_tokens == length == count_tokens(answer.choices[0].text)
    assert answer.choices[0].finish is Finish.END


def test_a_limit_cuts_the_answer_where_a_longer_one_goes_on():
    cut = answered(asked(FRANCE, max_tokens=20)).choices[0]
    assert cut.finish is Finish.LENGTH
    assert len(cut.tokens) == 20
    assert text_of(asked(FRANCE)).startswith(cut.text)


def test_a_limit_that_is_just_enough_cuts_nothing():
    assert answered(asked(FRANCE, max_tokens=32)).choices[0].finish is Finish.END


def test_the_first_stop_sequence_in_the_text_ends_it():
    choice = answered(asked(FRANCE, stops=("garden", "bridge", "absent"))).choices[0]
    assert choice.text == "Echo: What is the capital of France? orchard "
    assert (choice.finish, choice.stop_sequence) == (Finish.STOP_SEQUENCE, "bridge")


def test_a_stop_sequence_behind_the_limit_is_never_reached():
    assert answered(asked(FRANCE, stops=("garden",), max_tokens=10)).choices[0].finish is Finish.LENGTH


def test_the_prompt_counts_texts_frames_and_attachments():
    turns = (Turn("system", "Be brief."), Turn("user", "Hello, world", (b"{}",)))
    assert answered(ChatRequest("sim-small", turns)).usage.prompt_tokens == (3 + 3) + (3 + 3 + 85)


def test_cached_tokens_are_a_part_of_the_prompt():
    assert answered(asked("Hello, world", "sim-small@cached=2")).usage.cached_tokens == 2
    assert answered(asked("Hello, world", "sim-small@cached=999")).usage.cached_tokens == 6


@given(TEXTS)
def test_the_tokens_of_a_text_join_to_the_text(text: str):
    assert "".join(split_tokens(text)) == text
    assert all(split_tokens(text))


@given(TEXTS, st.integers(1, 60), st.lists(st.text(min_size=1, max_size=3), max_size=2))
def test_usage_agrees_with_the_tokens_of_the_text(text: str, limit: int, stops: list[str]):
    answer = answered(asked(text, max_tokens=limit, stops=tuple(stops)))
    (choice,) = answer.choices
    assert answer.usage.completion_tokens == len(choice.tokens) == count_tokens(choice.text)
    assert not any(stop in choice.text for stop in stops)
