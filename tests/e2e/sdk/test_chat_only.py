"""What chat completions alone have: several choices, logprobs, a JSON object without a schema, roles of their own."""

import json
from dataclasses import replace

import openai
import pytest

from tests.e2e.sdk.chat_front import ChatFront
from tests.e2e.sdk.front import each, got
from tests.e2e.sdk.matrix import behaviour_of, together
from tests.e2e.sdk.oracle import expected
from tests.e2e.sdk.prompts import Results, Tool

pytestmark = together
on_chat = behaviour_of("chat")


def messages(question: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}]


@on_chat
async def test_several_choices_come_where_they_can_be_asked_for(front: ChatFront, question: str) -> None:
    asked = {"model": front.prompt(question).model, "messages": messages(question), "n": 3}
    create = front.client.chat.completions.create
    if front.cell.kind == "anthropic":
        with pytest.raises(openai.BadRequestError) as raised:
            await got(create(**asked))
        assert raised.value.param == "n"
        answer = await got(create(**asked, extra_body={"drop_params": True}))
        assert len(answer.choices) == 1
        return
    whole = await got(create(**asked, extra_headers={"Cache-Control": "no-store"}))
    assert len({choice.message.content for choice in whole.choices}) == 3
    texts = ["", "", ""]
    async for chunk in each(await got(create(**asked, stream=True, extra_headers={"Cache-Control": "no-store"}))):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts == [choice.message.content for choice in whole.choices]


@on_chat
async def test_logprobs_come_where_they_can_be_asked_for(front: ChatFront, question: str) -> None:
    asked = {"model": front.prompt(question).model, "messages": messages(question), "logprobs": True, "top_logprobs": 2}
    create = front.client.chat.completions.create
    if front.cell.kind == "anthropic":
        with pytest.raises(openai.BadRequestError) as raised:
            await got(create(**asked))
        assert raised.value.param == "logprobs"
        return
    (choice,) = (await got(create(**asked))).choices
    assert "".join(token.token for token in choice.logprobs.content) == choice.message.content
    assert {len(token.top_logprobs) for token in choice.logprobs.content} == {2}


@on_chat
async def test_a_json_object_can_be_asked_for(front: ChatFront, question: str) -> None:
    """Anthropic has no such mode: there it is a line in the system prompt, and the simulator answers in prose."""
    prompt = front.prompt(f"Answer in JSON. {question}", fields={"response_format": {"type": "json_object"}})
    answer = await front.whole(prompt)
    if front.cell.kind == "anthropic":
        assert answer.usage.input > expected(prompt)[1].input
    else:
        assert set(json.loads(answer.text)) == {"echo", "number"}


@on_chat
async def test_a_developers_message_is_a_system_prompt(front: ChatFront, question: str) -> None:
    body = [{"role": "developer", "content": "Be brief."}, *messages(question)]
    prompt = front.prompt(question, system="Be brief.")
    answer = await got(front.client.chat.completions.create(model=prompt.model, messages=body))
    assert answer.choices[0].message.content == expected(prompt)[0]


@on_chat
async def test_the_older_limit_of_tokens_is_taken_as_well(front: ChatFront, question: str) -> None:
    answer = await front.whole(front.prompt(question, fields={"max_tokens": 8}))
    assert (answer.stop, answer.usage.output) == ("length", 8)


@on_chat
async def test_usage_is_in_a_stream_only_where_it_is_asked_for(front: ChatFront, question: str) -> None:
    asked = {"model": front.prompt(question).model, "messages": messages(question), "stream": True}
    chunks = [chunk async for chunk in each(await got(front.client.chat.completions.create(**asked)))]
    assert not [chunk for chunk in chunks if chunk.usage or not chunk.choices]
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"


@on_chat
async def test_models_are_listed(front: ChatFront) -> None:
    models = {model.id: model async for model in each(front.client.models.list())}
    assert models[f"{front.cell.kind}-small"].owned_by == front.cell.kind
    found = await got(front.client.models.retrieve(f"{front.cell.kind}-small"))
    assert (found.id, found.object) == (f"{front.cell.kind}-small", "model")


@on_chat
async def test_claudes_thinking_is_sent_back_in_a_loop_of_tools(front: ChatFront, question: str) -> None:
    """By the SDK's users as it is: the signed blocks travel in a field that OpenAI's API does not know."""
    prompt = front.prompt(f"Use get_weather. {question}", model="reason", effort="low", tools=(Tool("get_weather"),))
    for way in (front.whole, front.helper):
        called = await way(prompt)
        (call,) = called.calls
        last = await way(replace(prompt, turns=(*prompt.turns, called, Results({call.id: "fine"}))))
        assert last.text.startswith("Echo: fine")
