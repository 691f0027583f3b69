"""The terms on which a provider answers, wherever it says them; and what callers ask for."""

import pytest

from contracts.apis.terms import terms_in


@pytest.mark.parametrize(
    ("said", "terms"),
    [
        ({"service_tier": "flex", "usage": {"prompt_tokens": 1}}, {"service_tier": "flex"}),
        ({"service_tier": "default"}, {}),
        ({"service_tier": None, "usage": None}, {}),
        ({"usage": {"service_tier": "priority", "speed": "fast"}}, {"service_tier": "priority", "speed": "fast"}),
        (
            {"type": "message_start", "message": {"usage": {"service_tier": "standard", "speed": "fast"}}},
            {"speed": "fast"},
        ),
        ({"service_tier": 3, "usage": "none", "message": "none"}, {}),
    ],
)
def test_the_usual_terms_are_none_and_others_are_told(said: dict, terms: dict[str, str]):
    assert terms_in(said, {}) == terms


def test_what_a_stream_said_before_stays_until_it_says_otherwise():
    assert terms_in({"choices": []}, {"service_tier": "flex"}) == {"service_tier": "flex"}
    assert terms_in({"service_tier": "priority"}, {"service_tier": "flex"}) == {"service_tier": "priority"}
    assert terms_in({"service_tier": "default"}, {"service_tier": "priority"}) == {}, "OpenAI turned it down"
