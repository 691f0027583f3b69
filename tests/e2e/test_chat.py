"""Chat completions with the official client, of which only the base URL and the key are changed."""

from decimal import Decimal

import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionChunk

from tests.e2e.running import Penstock, cost_of

NO_STORE = {"Cache-Control": "no-store"}


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def test_a_client_needs_another_base_url_and_nothing_else(penstock: Penstock, question: str) -> None:
    client = OpenAI(base_url=penstock.base_url, api_key=penstock.key)
    answer = client.chat.completions.create(model="sim-small", messages=[{"role": "user", "content": question}])
    assert answer.object == "chat.completion"
    assert answer.model == "sim-small"
    assert (answer.choices[0].message.content or "").startswith("Echo: What is ")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.completion_tokens == 32


async def test_the_asynchronous_client_as_well(penstock: Penstock, question: str) -> None:
    async with AsyncOpenAI(base_url=penstock.base_url, api_key=penstock.key) as client:
        answer = await client.chat.completions.create(
            model="sim-small", messages=[{"role": "user", "content": question}]
        )
    assert (answer.choices[0].message.content or "").startswith("Echo: What is ")


@pytest.mark.parametrize("model", ["sim-small", "sim-claude-small"])
def test_a_stream_says_what_the_whole_answer_says(client: OpenAI, question: str, model: str) -> None:
    asked = {"model": model, "messages": [{"role": "user", "content": question}]}
    whole = client.chat.completions.create(**asked, extra_headers=NO_STORE)  # type: ignore[call-overload]
    chunks = list(client.chat.completions.create(**asked, stream=True, extra_headers=NO_STORE))  # type: ignore[call-overload]
    assert text_of(chunks) == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason] == ["stop"]
    assert len(chunks) > 10, "the tokens came in one piece"
    assert {chunk.id for chunk in chunks} == {chunks[0].id}
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}


async def test_a_stream_to_the_asynchronous_client(penstock: Penstock, question: str) -> None:
    async with penstock.async_client() as client:
        stream = await client.chat.completions.create(
            model="sim-small", messages=[{"role": "user", "content": question}], stream=True
        )
        chunks = [chunk async for chunk in stream]
    assert text_of(chunks).startswith("Echo: What is ")
    assert chunks[-1].choices[0].finish_reason == "stop"


@pytest.mark.parametrize("model", ["sim-small", "sim-claude-small"])
def test_a_stream_ends_with_its_usage_where_that_is_asked_for(client: OpenAI, question: str, model: str) -> None:
    stream = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": question}],
        stream=True,
        stream_options={"include_usage": True},
    )
    *others, last = list(stream)
    assert last.usage is not None
    assert last.usage.completion_tokens == 32
    assert last.choices == []
    assert not [chunk for chunk in others if chunk.usage]


@pytest.mark.parametrize("options", [None, {"include_usage": False}])
def test_a_stream_has_no_usage_where_that_is_not_asked_for(
    client: OpenAI, question: str, options: dict[str, bool] | None
) -> None:
    more = {"stream_options": options} if options else {}
    chunks = list(
        client.chat.completions.create(
            model="sim-small",
            messages=[{"role": "user", "content": question}],
            stream=True,
            **more,  # type: ignore[call-overload]
        )
    )
    assert not [chunk for chunk in chunks if chunk.usage or not chunk.choices]


def test_the_clients_stream_helper_puts_the_answer_together(client: OpenAI, question: str) -> None:
    with client.chat.completions.stream(
        model="sim-small", messages=[{"role": "user", "content": question}], stream_options={"include_usage": True}
    ) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()
    assert final.choices[0].message.content == "".join(deltas)
    assert final.choices[0].finish_reason == "stop"
    assert final.usage is not None
    assert final.usage.completion_tokens == 32


@pytest.mark.parametrize("stream", [False, True])
def test_the_headers_say_what_happened(client: OpenAI, question: str, stream: bool) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="sim-small@tokens=20", messages=[{"role": "user", "content": question}], stream=stream
    )
    assert len(raw.headers["x-request-id"]) == 32
    assert len(raw.headers["traceparent"]) == 55
    assert raw.headers["x-penstock-cache"] == "miss"
    assert raw.headers["x-penstock-route"] == "pattern sim-*"
    assert raw.headers["x-penstock-model"] == "simulator/sim"
    assert raw.headers["x-penstock-attempts"] == "1"
    raw.parse()


def test_the_cost_is_the_tokens_at_the_deployments_prices(client: OpenAI, question: str) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="sim-large", messages=[{"role": "user", "content": question}]
    )
    usage = raw.parse().usage
    assert usage is not None
    dollars = usage.prompt_tokens * Decimal("2.50") + usage.completion_tokens * Decimal("10.00")
    assert cost_of(raw.headers["x-penstock-cost-usd"]) == dollars / 1_000_000
    assert raw.headers["x-penstock-route"] == "alias"


def test_parts_that_penstock_does_not_know_reach_the_provider(client: OpenAI, question: str) -> None:
    """The simulator counts 85 tokens for an attachment, whatever it is."""

    def prompt_tokens(*more: dict[str, object]) -> int:
        parts = [{"type": "text", "text": question}, *more]
        answer = client.chat.completions.create(
            model="sim-small",
            messages=[{"role": "user", "content": parts}],  # type: ignore[list-item,misc]
        )
        assert answer.usage is not None
        return answer.usage.prompt_tokens

    assert prompt_tokens({"type": "hologram", "text": 3}) == prompt_tokens() + 85


def test_several_choices_come_back(client: OpenAI, question: str) -> None:
    asked = {"model": "sim-small", "messages": [{"role": "user", "content": question}], "n": 3}
    answer = client.chat.completions.create(**asked)  # type: ignore[call-overload]
    assert len({choice.message.content for choice in answer.choices}) == 3


def test_a_prompt_of_five_megabytes_is_answered(client: OpenAI) -> None:
    prompt = "water " * (5 * 1024 * 1024 // 6)
    answer = client.chat.completions.create(model="sim-small", messages=[{"role": "user", "content": prompt}])
    assert answer.choices[0].finish_reason == "stop"


def test_the_models_are_listed(client: OpenAI) -> None:
    models = {model.id: model for model in client.models.list()}
    assert models.keys() == {"sim-small", "sim-large"}
    assert models["sim-small"].owned_by == "simulator"


@pytest.mark.parametrize("name", ["sim-small", "sim-of-tomorrow"])
def test_a_model_is_found_by_its_name(client: OpenAI, name: str) -> None:
    assert client.models.retrieve(name).id == name


@pytest.mark.parametrize(
    ("model", "prompt", "route"),
    [
        ("auto", "my parcel never came, where is it", "auto/faq/sim-small"),
        ("auto", "Write a Python function that merges two sorted lists, with tests.", "auto/code/sim-large"),
        (
            "auto:cost",
            "Prove by induction that every number above one has a prime factor.",
            "auto:cost/reasoning/sim-small",
        ),
    ],
)
def test_a_model_is_chosen_by_what_is_asked(client: OpenAI, model: str, prompt: str, route: str) -> None:
    raw = client.chat.completions.with_raw_response.create(model=model, messages=[{"role": "user", "content": prompt}])
    assert raw.headers["x-penstock-route"] == route
    assert raw.headers["x-penstock-model"] == f"simulator/{route.rpartition('/')[2]}"
    assert raw.parse().choices[0].message.content
