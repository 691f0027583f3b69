"""What Anthropic's API alone has: signed thinking, versions, two ways to send a key, stop sequences that are named."""

from dataclasses import replace
from typing import Any

import anthropic
import httpx2
import pytest

from tests.e2e.running import Penstock
from tests.e2e.sdk.front import got
from tests.e2e.sdk.matrix import behaviour_of, together
from tests.e2e.sdk.messages_front import MessagesFront
from tests.e2e.sdk.prompts import Answer, Results, Tool

pytestmark = together
on_messages = behaviour_of("messages")
NO_STORE = {"Cache-Control": "no-store"}
TOOL = Tool("get_weather")


def thinking_in(answer: Answer) -> list[Any]:
    """The blocks of thinking."""
    return [block for block in answer.said.content if block.type == "thinking"]


@on_messages
async def test_thinking_comes_first_and_signed_by_who_signs(front: MessagesFront, question: str) -> None:
    for way in (front.whole, front.helper):
        answer = await way(front.prompt(question, model="reason", effort="low", headers=NO_STORE))
        (block,) = thinking_in(answer)
        assert answer.said.content[0] is block
        assert block.thinking.startswith("Let me think:")
        assert bool(block.signature) == (front.cell.kind == "anthropic")


@on_messages
async def test_thinking_is_sent_back_in_a_loop_of_tools(front: MessagesFront, question: str) -> None:
    """Anthropic refuses results whose calls come back without the thinking before them, or with a changed one."""
    for way in (front.whole, front.helper):
        prompt = front.prompt(
            f"Use get_weather. {question}", model="reason", effort="low", tools=(TOOL,), headers=NO_STORE
        )
        called = await way(prompt)
        assert thinking_in(called)
        (call,) = called.calls
        last = await way(replace(prompt, turns=(*prompt.turns, called, Results({call.id: "fine"}))))
        assert last.text.startswith("Echo: fine")


@on_messages
async def test_the_stop_sequence_that_was_met_is_named_by_who_knows_it(front: MessagesFront, question: str) -> None:
    """OpenAI's API does not say which one it was, or whether it was any."""
    answer = await front.whole(front.prompt(f"Hello stop here {question}", stop=" here", headers=NO_STORE))
    known = ("stop_sequence", " here") if front.cell.kind == "anthropic" else ("end_turn", None)
    assert (answer.said.stop_reason, answer.said.stop_sequence) == known


@on_messages
async def test_a_message_has_the_shape_of_one(front: MessagesFront, question: str) -> None:
    for way in (front.whole, front.helper):
        said = (await way(front.prompt(question, headers=NO_STORE))).said
        assert (said.type, said.role) == ("message", "assistant")
        assert (said.stop_reason, said.stop_sequence) == ("end_turn", None)
        assert said.id.startswith("msg_")
        assert [block.type for block in said.content] == ["text"]


@on_messages
async def test_the_sdk_finds_the_requests_id(front: MessagesFront, question: str) -> None:
    answer = await front.whole(front.prompt(question))
    assert answer.said._request_id == answer.headers["x-request-id"]


@on_messages
async def test_a_version_must_be_named(front: MessagesFront, question: str) -> None:
    for version in (anthropic.Omit(), "1999-01-01"):
        with pytest.raises(anthropic.BadRequestError) as raised:
            await front.whole(front.prompt(question, headers={"anthropic-version": version}))
        said = front.told(raised.value)
        assert (said.status, said.kind) == (400, "invalid_request_error")
        assert "anthropic-version" in said.message


@on_messages
async def test_a_key_may_be_a_bearer_token(front: MessagesFront, question: str, platform: Penstock) -> None:
    by_token = front.client.with_options(api_key=None, auth_token=platform.key)
    answer = await MessagesFront(by_token, front.heard, front.cell).whole(front.prompt(question))
    assert answer.stop == "end"


@on_messages
async def test_no_key_at_all_is_told_in_its_shape(front: MessagesFront, question: str, platform: Penstock) -> None:
    body = {"model": front.prompt(question).model, "max_tokens": 5, "messages": [{"role": "user", "content": question}]}
    answer = httpx2.post(f"{platform.api}/v1/messages", json=body, headers={"anthropic-version": "2023-06-01"})
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "authentication_error"
    assert answer.json()["type"] == "error"


@on_messages
async def test_the_limit_of_tokens_must_be_named(front: MessagesFront, question: str) -> None:
    body = {"model": front.prompt(question).model, "messages": [{"role": "user", "content": question}]}
    with pytest.raises(anthropic.BadRequestError) as raised:
        await got(front.client.post("/v1/messages", body=body, cast_to=object))
    assert "max_tokens" in front.told(raised.value).message


@on_messages
async def test_the_helper_gives_the_text_alone(front: MessagesFront, question: str) -> None:
    asked = {"model": front.prompt(question).model, "max_tokens": 100}
    manager = front.client.messages.stream(**asked, messages=[{"role": "user", "content": question}])
    if front.cell.mode == "sync":
        with manager as stream:
            assert "".join(stream.text_stream).startswith("Echo: What is")
    else:
        async with manager as stream:
            assert "".join([text async for text in stream.text_stream]).startswith("Echo: What is")


@on_messages
async def test_models_are_listed_in_its_shape(front: MessagesFront) -> None:
    page = await got(front.client.models.list())
    assert f"{front.cell.kind}-small" in {model.id for model in page.data}
    found = await got(front.client.models.retrieve(f"{front.cell.kind}-small"))
    assert (found.type, found.display_name) == ("model", f"{front.cell.kind}-small")


@on_messages
@pytest.mark.parametrize("thread", [False, anthropic.omit], ids=["without a thread", "as it is"])
async def test_the_sdks_own_loop_of_tools_ends(front: MessagesFront, question: str, thread: Any) -> None:
    """It wants the server to hold the conversation, and does without where the server says that it can't."""
    tools = {
        "sync": anthropic.beta_tool(_get_weather, name="get_weather"),
        "async": anthropic.beta_async_tool(_get_weather_later, name="get_weather"),
    }
    runner = front.client.beta.messages.tool_runner(
        model=front.prompt(question, model="plain").model,
        max_tokens=500,
        messages=[{"role": "user", "content": f"Use get_weather. {question}"}],
        tools=[tools[front.cell.mode]],
        thread=thread,
    )
    last = await got(runner.until_done())
    assert last.content[0].text.startswith("Echo: the weather of ")


def _get_weather(city: str) -> str:
    """The weather in a city."""
    return f"the weather of {city} is fine"


async def _get_weather_later(city: str) -> str:
    """The weather in a city."""
    return _get_weather(city)
