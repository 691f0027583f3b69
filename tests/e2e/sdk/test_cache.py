"""The same question again: the same answer, whole and streamed, and no provider asked."""

from typing import Any

from tests.e2e.running import Penstock
from tests.e2e.sdk.front import Front
from tests.e2e.sdk.matrix import behaviour, together
from tests.e2e.sdk.prompts import Answer, Prompt, Tool
from tests.support.waiting import eventually

pytestmark = together


async def from_the_cache(ask: Any, prompt: Prompt) -> Answer:
    """Ask until the cache answers: an answer is kept just after it was given."""

    async def hit() -> Answer | None:
        answer: Answer = await ask(prompt)
        return answer if answer.headers["x-penstock-cache"] == "hit" else None

    return await eventually(hit, what="a cache hit")


def same(one: Answer, other: Answer) -> bool:
    """Whether both say the same."""
    return (one.text, one.calls, one.stop, one.usage) == (other.text, other.calls, other.stop, other.usage)


@behaviour
async def test_the_same_question_again_is_answered_from_the_cache(
    front: Front, question: str, platform: Penstock
) -> None:
    prompt = front.prompt(question)
    first = await front.whole(prompt)
    assert first.headers["x-penstock-cache"] == "miss"
    again = await from_the_cache(front.whole, prompt)
    calls = platform.simulator_stats()["calls"]
    once_more = await front.whole(prompt)
    assert same(first, again)
    assert same(first, once_more)
    assert platform.simulator_stats()["calls"] == calls
    assert once_more.headers["x-penstock-attempts"] == "0"


@behaviour
async def test_a_whole_answer_is_replayed_as_a_stream(front: Front, question: str) -> None:
    prompt = front.prompt(question)
    whole = await front.whole(prompt)
    for way in (front.stream, front.helper):
        again = await from_the_cache(way, prompt)
        assert same(whole, again)
        assert again.text == "".join(again.pieces)


@behaviour
async def test_a_stream_is_given_again_as_a_whole(front: Front, question: str) -> None:
    prompt = front.prompt(question)
    streamed = await front.helper(prompt)
    assert streamed.headers["x-penstock-cache"] == "miss"
    assert same(streamed, await from_the_cache(front.whole, prompt))


@behaviour
async def test_calls_of_tools_are_replayed_as_a_stream(front: Front, question: str) -> None:
    tools = (Tool("get_weather"), Tool("get_time"))
    prompt = front.prompt(f"Use get_weather and get_time. {question}", tools=tools)
    whole = await front.whole(prompt)
    for way in (front.stream, front.helper):
        again = await from_the_cache(way, prompt)
        assert [(call.name, call.arguments) for call in again.calls] == [
            (call.name, call.arguments) for call in whole.calls
        ]
        assert again.stop == "calls"


@behaviour
async def test_reasoning_is_replayed_as_a_stream(front: Front, question: str) -> None:
    prompt = front.prompt(question, model="reason", effort="low")
    whole = await front.whole(prompt)
    again = await from_the_cache(front.helper, prompt)
    assert whole.reasoning
    assert (again.reasoning, again.text, again.usage) == (whole.reasoning, whole.text, whole.usage)
