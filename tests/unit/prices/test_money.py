"""Tokens to dollars, kind by kind, exactly."""

from decimal import Decimal

import pytest

from contracts.inference import (
    ANTHROPIC_COUNT_TOKENS,
    ANTHROPIC_MESSAGES,
    OPENAI_CHAT,
    OPENAI_EMBEDDINGS,
    OPENAI_RESPONSES,
    TokenUsage,
)
from infra.catalog import Deployment
from infra.prices import PriceSet, ceiling, cost, most_output

EACH_ITS_OWN = {
    **{"input": "1", "cached_input": "0.1", "cache_write": "1.25", "cache_write_1h": "2", "input_audio": "40"},
    **{"output": "5", "reasoning": "6", "output_audio": "80"},
}
OF_ALL_KINDS = TokenUsage(
    input_tokens=1000,
    cached_input_tokens=400,
    cache_write_tokens=300,
    cache_write_1h_tokens=100,
    input_audio_tokens=50,
    output_tokens=200,
    reasoning_tokens=120,
    output_audio_tokens=30,
)


def prices(**rates: object) -> PriceSet:
    return PriceSet.model_validate(rates)


def test_each_kind_of_token_has_its_own_price():
    inputs = 250 * 1 + 400 * Decimal("0.1") + 200 * Decimal("1.25") + 100 * 2 + 50 * 40
    outputs = 50 * 5 + 120 * 6 + 30 * 80
    assert cost(OF_ALL_KINDS, prices(**EACH_ITS_OWN)) == (inputs + outputs) / 1_000_000


def test_a_kind_without_a_price_costs_what_it_is_part_of():
    assert cost(OF_ALL_KINDS, prices(input="1", output="5")) == Decimal("0.002")
    written_for_an_hour = prices(input="1", output="5", cache_write="2")
    assert cost(OF_ALL_KINDS, written_for_an_hour) == Decimal("0.0023")


def test_parts_that_are_more_than_the_whole_are_not_paid_for():
    usage = TokenUsage(
        input_tokens=10, cached_input_tokens=8, cache_write_tokens=8, output_tokens=2, reasoning_tokens=9
    )
    assert cost(usage, prices(input="1", cached_input="0", cache_write="3", output="1", reasoning="2")) == Decimal(
        "0.00001"
    )


def test_no_price_for_output_is_none_at_all_where_there_is_output():
    only_input = prices(input="0.02")
    assert cost(TokenUsage(input_tokens=1000), only_input) == Decimal("0.00002")
    assert cost(TokenUsage(input_tokens=1000, output_tokens=1), only_input) is None
    assert ceiling(1000, 0, only_input) == Decimal("0.00002")
    assert ceiling(1000, 1, only_input) is None


def test_a_long_prompt_has_the_prices_of_its_tier_for_all_its_tokens():
    tiered = prices(input="1", output="2", tiers=[{"above": 100, "input": "3", "output": "4"}])
    assert cost(TokenUsage(input_tokens=100, output_tokens=10), tiered) == Decimal("0.00012")
    assert cost(TokenUsage(input_tokens=101, output_tokens=10), tiered) == Decimal("0.000343")
    assert ceiling(101, 10, tiered) == Decimal("0.000343")


def test_a_call_may_cost_something_itself_but_not_one_that_came_to_nothing():
    searching = prices(input="1", output="1", requests="5")
    assert cost(TokenUsage(input_tokens=1, output_tokens=1), searching) == Decimal("0.005002")
    assert cost(TokenUsage(), searching) == 0


def test_a_cost_has_as_many_decimals_as_the_ledger_keeps():
    exact = cost(TokenUsage(input_tokens=3), prices(input="0.0375"))
    assert exact == Decimal("0.0000001125")
    rounded = cost(TokenUsage(input_tokens=1), prices(input="0.00005"))
    assert str(rounded) == "1E-10"


def test_a_large_bill_is_exact_too():
    usage = TokenUsage(input_tokens=999_999_999, output_tokens=999_999_999)
    assert cost(usage, prices(input="123.4567", output="0.0001")) == Decimal("123456.7998765432")


def test_nothing_that_was_asked_for_costs_more_than_the_ceiling():
    own = prices(**EACH_ITS_OWN)
    most, spent = ceiling(1000, 200, own), cost(OF_ALL_KINDS, own)
    assert most == (1000 * 40 + 200 * 80) / Decimal(1_000_000)
    assert spent is not None
    assert spent <= most


@pytest.mark.parametrize(
    ("api", "request_", "most"),
    [
        (OPENAI_CHAT, {"max_tokens": 10}, 10),
        (OPENAI_CHAT, {"max_completion_tokens": 20, "max_tokens": 10, "n": 3}, 60),
        (OPENAI_CHAT, {"n": 2}, 1000),
        (OPENAI_CHAT, {"max_tokens": None, "n": None}, 500),
        (OPENAI_RESPONSES, {"max_output_tokens": 30}, 30),
        (OPENAI_RESPONSES, {"n": 4}, 500),
        (ANTHROPIC_MESSAGES, {"max_tokens": 40}, 40),
        (OPENAI_EMBEDDINGS, {"input": "x"}, 0),
        (ANTHROPIC_COUNT_TOKENS, {"max_tokens": 40}, 0),
    ],
)
def test_an_answer_is_as_long_as_its_caller_allows_or_else_as_the_deployment_does(api: str, request_: dict, most: int):
    deployment = Deployment(name="d", provider="p", model="m", max_output_tokens=500)
    assert most_output(api, request_, deployment, 7) == most


def test_an_answer_that_nobody_limits_is_reckoned_with_by_the_setting():
    assert most_output(OPENAI_CHAT, {"n": 2}, Deployment(name="d", provider="p", model="m"), 7) == 14
