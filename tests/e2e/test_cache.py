"""The exact cache: an answer is given again to its own tenant, and to nobody else."""

import uuid
from typing import Any

import pytest
from openai import APIError, OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.e2e.running import Penstock
from tests.e2e.waiting import until


class Asked:
    """One answer, and what its headers say of the cache."""

    def __init__(self, client: OpenAI, question: str, *, control: str | None = None, **more: Any) -> None:
        self.raw = client.chat.completions.with_raw_response.create(
            model="sim-small",
            messages=[{"role": "user", "content": question}],
            extra_headers={"Cache-Control": control} if control else {},
            **more,
        )
        self.cache = self.raw.headers["x-penstock-cache"]

    @property
    def answer(self) -> ChatCompletion:
        parsed = self.raw.parse()
        assert isinstance(parsed, ChatCompletion)
        return parsed

    @property
    def chunks(self) -> list[ChatCompletionChunk]:
        return list(self.raw.parse())


def hit(client: OpenAI, question: str, misses: list[Asked] | None = None) -> Asked:
    """Ask until the cache answers: an answer is kept just after it was given. `misses` takes those before."""

    def asked() -> Asked | None:
        found = Asked(client, question)
        if found.cache != "hit" and misses is not None:
            misses.append(found)
        return found if found.cache == "hit" else None

    return until(asked, f"a cache hit for «{question}»")


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def test_a_hit_is_equal_and_says_so(client: OpenAI, question: str) -> None:
    before = [Asked(client, question)]
    again = hit(client, question, before)
    assert {asked.cache for asked in before} == {"miss"}
    assert again.answer in [asked.answer for asked in before]
    assert again.raw.headers["x-penstock-attempts"] == "0"
    assert float(again.raw.headers["x-penstock-cost-usd"]) == 0
    assert again.raw.headers["x-penstock-model"] == before[0].raw.headers["x-penstock-model"]


def test_a_hit_calls_no_provider(penstock: Penstock, client: OpenAI, question: str) -> None:
    hit(client, question)
    calls = penstock.simulator_stats()["calls"]
    assert Asked(client, question).cache == "hit"
    assert penstock.simulator_stats()["calls"] == calls


def test_a_hit_can_be_had_as_a_stream(client: OpenAI, question: str) -> None:
    Asked(client, question)
    whole = hit(client, question).answer
    streamed = Asked(client, question, stream=True)
    assert streamed.cache == "hit"
    chunks = streamed.chunks
    assert text_of(chunks) == whole.choices[0].message.content
    assert {chunk.id for chunk in chunks} == {whole.id}
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert not [chunk for chunk in chunks if chunk.usage]


def test_a_hit_as_a_stream_has_the_usage_where_that_is_asked_for(client: OpenAI, question: str) -> None:
    Asked(client, question)
    whole = hit(client, question).answer
    last = Asked(client, question, stream=True, stream_options={"include_usage": True}).chunks[-1]
    assert last.choices == []
    assert last.usage == whole.usage


def test_a_stream_fills_the_cache_for_a_whole_answer(client: OpenAI, question: str) -> None:
    streamed = Asked(client, question, stream=True)
    assert streamed.cache == "miss"
    chunks = streamed.chunks
    whole = hit(client, question).answer
    assert whole.choices[0].message.content == text_of(chunks)
    assert whole.usage is not None
    assert whole.usage.completion_tokens == 32


def test_no_cache_asks_the_provider_and_keeps_the_new_answer(client: OpenAI, question: str) -> None:
    Asked(client, question)
    old = hit(client, question).answer
    fresh = Asked(client, question, control="no-cache")
    assert fresh.cache == "bypass"
    assert fresh.answer.id != old.id
    until(lambda: hit(client, question).answer.id == fresh.answer.id, "the new answer from the cache")


def test_no_store_keeps_nothing(client: OpenAI, question: str) -> None:
    kept_out = Asked(client, question, control="no-store")
    assert kept_out.cache == "bypass"
    # A second question takes the same way through the same consumer: once it is kept, the first one would be too.
    hit(client, f"{question} And then?")
    assert Asked(client, question).cache == "miss"


def test_another_parameter_is_another_question(client: OpenAI, question: str) -> None:
    Asked(client, question)
    hit(client, question)
    assert Asked(client, question, temperature=0.3).cache == "miss"
    assert Asked(client, question, max_tokens=5).cache == "miss"
    assert Asked(client, question, user="somebody").cache == "hit"


def test_two_tenants_never_share_an_entry(penstock: Penstock, question: str) -> None:
    teams = [f"team-{uuid.uuid4().hex[:8]}" for _ in range(2)]
    one, other = (penstock.client(penstock.create_key(team)) for team in teams)
    with one, other:
        Asked(one, question)
        first = hit(one, question).answer
        assert Asked(other, question).cache == "miss"
        assert hit(other, question).answer.id != first.id
        assert hit(one, question).answer.id == first.id


def test_two_keys_of_a_tenant_do(penstock: Penstock, client: OpenAI, question: str) -> None:
    Asked(client, question)
    first = hit(client, question).answer
    with penstock.client(penstock.create_key("default")) as colleague:
        assert Asked(colleague, question).answer.id == first.id


@pytest.mark.parametrize("model", ["sim-cut-stream", "sim-err-in-stream"])
def test_half_an_answer_is_never_kept(penstock: Penstock, client: OpenAI, question: str, model: str) -> None:
    """The fault strikes the first call of the model's name only, so the second one has a whole answer."""
    name = f"{model}-{uuid.uuid4().hex[:8]}@times=1"
    asked: dict[str, Any] = {"model": name, "messages": [{"role": "user", "content": question}]}
    with pytest.raises(APIError, match=r"cut the stream|reported an error"):
        list(client.chat.completions.create(**asked, stream=True))
    assert len(client.chat.completions.create(**asked).choices[0].message.content or "") > 50
