"""Counting tokens for a model whose provider can't be asked: an estimate, and said to be one."""

from typing import Any

import orjson
import pytest

from contracts import envelope
from contracts.inference import ANTHROPIC_COUNT_TOKENS
from contracts.route import Candidate
from infra.catalog import Catalog
from workers.routing.choose import Route
from workers.routing.count_tokens import can_count, counted, estimated_tokens

CATALOG = Catalog.model_validate(
    {
        "providers": [
            {"name": "one", "kind": "openai", "base_url": "http://127.0.0.1:1/v1"},
            {"name": "two", "kind": "anthropic", "base_url": "http://127.0.0.1:2"},
        ],
        "models": [
            {"name": "a", "deployments": [{"name": "one/a", "provider": "one", "model": "a"}], "fallbacks": ["b"]},
            {"name": "b", "deployments": [{"name": "two/b", "provider": "two", "model": "b"}]},
        ],
    }
)
ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": "x" * 40}]}


def route(*deployments: str) -> Route:
    tiers = tuple((Candidate(name),) for name in deployments)
    return Route(tiers, (), CATALOG.deployments()[deployments[0]], "alias")


@pytest.mark.parametrize(("deployments", "can"), [(("one/a",), False), (("two/b",), True), (("one/a", "two/b"), True)])
def test_anthropic_counts_itself_wherever_it_is_on_the_route(deployments: tuple[str, ...], can: bool):
    assert can_count(CATALOG, route(*deployments)) is can


def test_an_estimate_grows_with_all_that_is_asked():
    plain = estimated_tokens(ASKED)
    assert plain >= 10
    assert estimated_tokens({**ASKED, "system": "Be brief, and do not speak of anything else."}) > plain
    assert estimated_tokens({**ASKED, "tools": [{"name": "get_weather", "input_schema": {"type": "object"}}]}) > plain
    assert estimated_tokens({"messages": [*ASKED["messages"], {"role": "assistant", "content": ""}]}) > plain
    image = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [image]}
    assert estimated_tokens({"messages": [{"role": "user", "content": [image, result]}]}) > 2 * 255


def test_it_costs_nothing_and_says_that_it_is_an_estimate():
    headers = {envelope.API: ANTHROPIC_COUNT_TOKENS, envelope.MODEL: "a"}
    answer = counted(headers, "r1", orjson.dumps({"request": ASKED}), route("one/a"))
    assert answer.response == {"input_tokens": estimated_tokens(ASKED)}
    assert (answer.attempts, answer.cost_usd, answer.usage.estimated) == (0, 0, True)
