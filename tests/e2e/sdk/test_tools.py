"""Tools: called, their results brought back, until the final text has them; through every front, by every provider."""

from dataclasses import replace
from typing import Any

from tests.e2e.sdk.front import Front, Way
from tests.e2e.sdk.matrix import behaviour, together
from tests.e2e.sdk.oracle import expected
from tests.e2e.sdk.prompts import Answer, Prompt, Results, Tool, User

pytestmark = together
WEATHER, CLOCK = Tool("get_weather", "The weather in a city."), Tool("get_time", "The time in a city.")
BOTH = (WEATHER, CLOCK)
PLAIN: dict[str, Any] = {"tools": BOTH, "model": "plain"}
NO_STORE = {"Cache-Control": "no-store"}


def run(answer: Answer) -> Results:
    """What the tools return."""
    return Results({call.id: f"{call.name} of {call.arguments['city']} is fine" for call in answer.calls})


async def loop(ask: Way, prompt: Prompt) -> tuple[Answer, Prompt, Answer]:
    """Run tools until the model calls none: its first answer, the last prompt, and the answer to that."""
    first = answer = await ask(prompt)
    while answer.calls:
        assert len(prompt.turns) < 9, "the model calls tools without end"
        prompt = replace(prompt, turns=(*prompt.turns, answer, run(answer)), choice=None)
        answer = await ask(prompt)
    return first, prompt, answer


def is_a_call_of(answer: Answer, *tools: Tool) -> bool:
    """Whether these tools are called, in this order, with arguments that are valid for them."""
    assert answer.stop == "calls"
    assert len({call.id for call in answer.calls}) == len(answer.calls)
    assert all(list(call.arguments) == ["city"] and call.arguments["city"] for call in answer.calls)
    return [call.name for call in answer.calls] == [tool.name for tool in tools]


def says_what_they_returned(prompt: Prompt, answer: Answer) -> bool:
    """Whether the final text has the results, in their order."""
    assert answer.stop == "end"
    results = prompt.turns[-1]
    assert isinstance(results, Results)
    return answer.text.startswith("Echo: " + "; ".join(results.texts.values()))


@behaviour
async def test_tools_that_are_asked_for_are_called_alike_whole_and_streamed(front: Front, question: str) -> None:
    prompt = front.prompt(f"Use get_time and get_weather. {question}", **PLAIN, headers=NO_STORE)
    whole, stream, helper = [await way(prompt) for way in front.ways]
    for answer in (whole, stream, helper):
        assert is_a_call_of(answer, WEATHER, CLOCK)
        assert (answer.text, answer.usage) == ("", whole.usage)
        assert [call.arguments for call in answer.calls] == [call.arguments for call in whole.calls]


@behaviour
async def test_a_loop_ends_with_what_the_tool_returned(front: Front, question: str) -> None:
    first, prompt, last = await loop(front.whole, front.prompt(f"Use get_weather. {question}", **PLAIN))
    assert is_a_call_of(first, WEATHER)
    assert says_what_they_returned(prompt, last)
    assert last.text == expected(prompt)[0]


@behaviour
async def test_a_loop_of_streams_ends_with_what_the_tool_returned(front: Front, question: str) -> None:
    first, prompt, last = await loop(front.helper, front.prompt(f"Use get_weather. {question}", **PLAIN))
    assert is_a_call_of(first, WEATHER)
    assert says_what_they_returned(prompt, last)
    assert last.text == expected(prompt)[0]


@behaviour
async def test_tools_called_in_parallel_have_their_results_in_order(front: Front, question: str) -> None:
    asked = front.prompt(f"Use get_time and get_weather. {question}", **PLAIN)
    for way in (front.whole, front.helper):
        first, prompt, last = await loop(way, asked)
        assert is_a_call_of(first, WEATHER, CLOCK)
        assert says_what_they_returned(prompt, last)


@behaviour
async def test_parallel_calls_can_be_forbidden(front: Front, question: str) -> None:
    asked = front.prompt(f"Use get_time and get_weather. {question}", **PLAIN, parallel=False)
    assert is_a_call_of(await front.whole(asked), WEATHER)


@behaviour
async def test_a_tool_can_be_forced(front: Front, question: str) -> None:
    first, prompt, last = await loop(front.helper, front.prompt(question, **PLAIN, choice=CLOCK.name))
    assert is_a_call_of(first, CLOCK)
    assert says_what_they_returned(prompt, last)


@behaviour
async def test_some_tool_can_be_forced(front: Front, question: str) -> None:
    assert is_a_call_of(await front.whole(front.prompt(question, **PLAIN, choice="required")), WEATHER)


@behaviour
async def test_a_tool_that_nobody_asks_for_is_not_called(front: Front, question: str) -> None:
    answer = await front.whole(front.prompt(question, **PLAIN, choice="auto"))
    assert (answer.calls, answer.stop) == ((), "end")
    assert answer.text.startswith("Echo: What is")


@behaviour
async def test_text_before_a_call_is_kept(front: Front, question: str) -> None:
    prompt = front.prompt(f"Use get_weather. {question}", tools=BOTH, headers=NO_STORE)
    for way in front.ways:
        answer = await way(prompt)
        assert is_a_call_of(answer, WEATHER)
        assert answer.text == expected(prompt)[0]
    further = replace(prompt, turns=(*prompt.turns, answered := await front.helper(prompt), run(answered)), tools=())
    assert (await front.whole(further)).text == expected(further)[0]


@behaviour
async def test_the_conversation_goes_on_after_a_loop(front: Front, question: str) -> None:
    asked = front.prompt(f"Use get_time. {question}", **PLAIN, system="Be brief.")
    _, prompt, answer = await loop(front.whole, asked)
    longer = replace(prompt, turns=(*prompt.turns, answer, User("Thank you.")), tools=())
    last = await front.whole(longer)
    assert (last.text, last.usage) == expected(longer)
