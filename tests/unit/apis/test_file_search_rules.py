"""The rules of `file_search`, in both of OpenAI's APIs: what is refused, and which field the caller is told to mend."""

from typing import Any

import pytest
from pydantic import ValidationError

from contracts.apis.grounding.search import FileSearch, file_searches, queries_of, wants_search
from contracts.apis.rules import RULES
from contracts.apis.rules.refusal import invalid
from contracts.inference import OPENAI_CHAT, OPENAI_RESPONSES
from tests.unit.apis.grounding_samples import CHAT, FUNCTION, OF_API, OWN_FUNCTION, RESPONSE, SEARCH, Json

both = pytest.mark.parametrize("api", [OPENAI_CHAT, OPENAI_RESPONSES])
COMPARISON: Json = {"type": "eq", "key": "region", "value": "eu"}


def with_search(api: str, **fields: Any) -> Json:
    """A request whose second tool is a search."""
    tool = {name: value for name, value in {**SEARCH, **fields}.items() if value is not None}
    return {**OF_API[api], "tools": [FUNCTION if api == OPENAI_CHAT else OWN_FUNCTION, tool]}


@both
@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"vector_store_ids": None}, "tools[1].vector_store_ids"),
        ({"vector_store_ids": []}, "tools[1].vector_store_ids"),
        ({"vector_store_ids": "docs"}, "tools[1].vector_store_ids"),
        ({"vector_store_ids": ["docs", 7]}, "tools[1].vector_store_ids[1]"),
        ({"vector_store_ids": ["docs", ""]}, "tools[1].vector_store_ids[1]"),
        ({"vector_store_ids": [str(number) for number in range(11)]}, "tools[1].vector_store_ids"),
        ({"max_num_results": 0}, "tools[1].max_num_results"),
        ({"max_num_results": 51}, "tools[1].max_num_results"),
        ({"max_num_results": "5"}, "tools[1].max_num_results"),
        ({"filters": [COMPARISON]}, "tools[1].filters"),
        ({"ranking_options": "auto"}, "tools[1].ranking_options"),
        ({"ranking_options": {"score_threshold": 1.5}}, "tools[1].ranking_options.score_threshold"),
        (
            {"ranking_options": {"hybrid_search": {"embedding_weight": -1, "text_weight": 1}}},
            "tools[1].ranking_options.hybrid_search.embedding_weight",
        ),
        (
            {"ranking_options": {"hybrid_search": {"embedding_weight": 1}}},
            "tools[1].ranking_options.hybrid_search.text_weight",
        ),
    ],
)
def test_a_wrong_field_is_named(api: str, fields: Json, param: str):
    with pytest.raises(ValidationError) as caught:
        RULES[api].model_validate(with_search(api, **fields))
    assert invalid(caught.value, "validation").param == param


@both
def test_no_more_stores_are_searched_by_several_tools_than_by_one(api: str):
    several = [{**SEARCH, "vector_store_ids": [f"{tool}{number}" for number in range(6)]} for tool in "ab"]
    with pytest.raises(ValidationError) as caught:
        RULES[api].model_validate({**OF_API[api], "tools": several})
    assert invalid(caught.value, "validation").param == "tools"


@both
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"vector_store_ids": [str(number) for number in range(10)], "max_num_results": 50},
        {"filters": {"type": "and", "filters": [COMPARISON]}},
        {"filters": {"type": "nonsense"}},
        {"ranking_options": {"ranker": "auto", "score_threshold": 0.2}},
        {"something_new": 1},
    ],
    ids=str,
)
def test_what_can_be_searched_is_let_through(api: str, fields: Json):
    RULES[api].model_validate(with_search(api, **fields))


@both
def test_what_is_left_open_has_its_default(api: str):
    asked = {**OF_API[api], "tools": [{**SEARCH, "vector_store_ids": ["docs", "docs", "more"]}]}
    stores = ("docs", "tools[0].vector_store_ids[0]"), ("more", "tools[0].vector_store_ids[2]")
    assert file_searches(asked) == (FileSearch("tools[0]", stores, limit=10),)


@both
def test_what_is_asked_for_is_searched_with(api: str):
    hybrid = {"embedding_weight": 1, "text_weight": 3}
    ranking = {"score_threshold": 0.5, "hybrid_search": hybrid}
    asked = with_search(api, filters=COMPARISON, max_num_results=3, ranking_options=ranking)
    stores = (("docs", "tools[1].vector_store_ids[0]"),)
    assert file_searches(asked) == (FileSearch("tools[1]", stores, 3, COMPARISON, 0.5, 0.25),)


@both
def test_two_weights_of_nothing_say_nothing(api: str):
    ranking = {"hybrid_search": {"embedding_weight": 0, "text_weight": 0}}
    (search,) = file_searches(with_search(api, ranking_options=ranking))
    assert search.vector_weight is None


@both
def test_where_no_tool_may_be_used_nothing_is_searched_for(api: str):
    asked = {**OF_API[api], "tool_choice": "none"}
    assert wants_search(asked)
    assert (file_searches(asked), queries_of(api, asked)) == ((), ())


@pytest.mark.parametrize("tools", [None, [], [FUNCTION], [{"type": "web_search"}]])
def test_a_request_without_the_tool_wants_no_search(tools: list[Json] | None):
    assert not wants_search({**CHAT, "tools": tools})


ANSWERED: Json = {"role": "assistant", "content": "An hour."}
RESULT: Json = {"role": "tool", "tool_call_id": "call_1", "content": "7"}
PICTURE: Json = {"type": "image_url", "image_url": {"url": "https://x/y.png"}}


@pytest.mark.parametrize(
    ("messages", "query"),
    [
        ([*CHAT["messages"], ANSWERED, {"role": "user", "content": " And a pump? "}], "And a pump?"),
        ([*CHAT["messages"], ANSWERED, RESULT], "How long may a gate be open?"),
        ([*CHAT["messages"], {"role": "user", "content": [PICTURE]}], "How long may a gate be open?"),
        ([{"role": "user", "content": [{"type": "text", "text": "What"}, PICTURE, {"type": "text", "text": "is it?"}]}],
         "What\nis it?"),
        ([{"role": "user", "content": "x" * 5_000 + "?"}], "x" * 3_999 + "?"),
    ],
)  # fmt: skip
def test_the_users_newest_text_is_searched_for(messages: list[Json], query: str):
    assert queries_of(OPENAI_CHAT, {**CHAT, "messages": messages}) == (query,)


@pytest.mark.parametrize("messages", [[{"role": "system", "content": "Hi"}], [{"role": "user", "content": "  "}]])
def test_where_the_user_says_nothing_there_is_nothing_to_search_for(messages: list[Json]):
    assert queries_of(OPENAI_CHAT, {**CHAT, "messages": messages}) == ()


def test_of_a_response_the_newest_message_among_its_items_is_searched_for():
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "How long?"}]},
        {"type": "function_call_output", "call_id": "c", "output": "7"},
    ]
    assert queries_of(OPENAI_RESPONSES, {**RESPONSE, "input": items}) == ("How long?",)
