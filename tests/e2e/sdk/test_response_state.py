"""Responses that are kept: gone on from, read back, listed, deleted; by their own tenant alone."""

import re
from dataclasses import replace
from typing import Any

import openai
import pytest
from openai.types.responses import Response

from tests.e2e.sdk.front import each, got
from tests.e2e.sdk.matrix import KINDS, Cell, behaviour_of, together
from tests.e2e.sdk.oracle import expected
from tests.e2e.sdk.prompts import Answer, Prompt, Results, Tool, User
from tests.e2e.sdk.responses_front import ResponsesFront
from tests.support.waiting import eventually

pytestmark = together
on_responses = behaviour_of("responses")


def after(answer: Answer, prompt: Prompt) -> Prompt:
    """The prompt as one that goes on from an answer."""
    return replace(prompt, fields={"previous_response_id": answer.said.id})


async def kept(front: ResponsesFront, response_id: str) -> Response:
    """A response that is read back: it is stored just after it was given."""

    async def found() -> Any:
        try:
            return await got(front.client.responses.retrieve(response_id))
        except openai.NotFoundError:
            return None

    response = await eventually(found, what="the stored response")
    assert isinstance(response, Response)
    return response


async def is_not_found(front: ResponsesFront, response_id: str) -> bool:
    """Whether none of its paths knows it."""
    responses = front.client.responses
    for call in (responses.retrieve, responses.input_items.list, responses.cancel, responses.delete):
        with pytest.raises(openai.NotFoundError) as raised:
            await got(call(response_id))
        assert front.told(raised.value).param == "response_id"
    return True


@on_responses
async def test_a_response_goes_on_from_another(front: ResponsesFront, question: str) -> None:
    first = front.prompt(question)
    answer = await front.whole(first)
    second = after(answer, front.prompt("And then?"))
    further = await front.helper(second)
    told = replace(first, turns=(*first.turns, answer, User("And then?")))
    assert (further.text, further.usage) == expected(told)
    last = await front.whole(after(further, front.prompt("Why?")))
    assert (last.text, last.usage) == expected(replace(told, turns=(*told.turns, further, User("Why?"))))
    assert last.said.previous_response_id == further.said.id


@on_responses
async def test_it_goes_on_at_every_other_kind_of_provider(front: ResponsesFront, question: str) -> None:
    first = front.prompt(question)
    answer = await front.whole(first)
    told = replace(first, turns=(*first.turns, answer, User("And there?")))
    for kind in KINDS:
        there = after(answer, Prompt(f"{kind}-small", (User("And there?"),)))
        further = await front.whole(there)
        assert (further.text, further.usage) == expected(told)


@on_responses
async def test_a_loop_of_tools_goes_on_from_the_calls_alone(front: ResponsesFront, question: str) -> None:
    tools = (Tool("get_weather"), Tool("get_time"))
    answer = await front.helper(front.prompt(f"Use get_weather and get_time. {question}", tools=tools))
    results = Results({call.id: f"{call.name}: fine" for call in answer.calls})
    last = await front.helper(after(answer, front.prompt(results, tools=tools)))
    assert last.text.startswith("Echo: get_weather: fine; get_time: fine")


@on_responses
async def test_instructions_are_not_carried_over(front: ResponsesFront, question: str) -> None:
    answer = await front.whole(front.prompt(question, system="Be brief."))
    further = await front.whole(after(answer, front.prompt("And then?")))
    assert (further.text, further.usage) == expected(front.prompt(question, answer, "And then?"))


@on_responses
async def test_it_is_read_back_as_it_was_given(front: ResponsesFront, question: str) -> None:
    for way in (front.whole, front.stream):
        answer = await way(front.prompt(question, headers={"Cache-Control": "no-store"}))
        again = await kept(front, answer.said.id)
        assert again.to_dict() == answer.said.to_dict()


@on_responses
async def test_it_is_read_back_as_a_stream(front: ResponsesFront, question: str) -> None:
    answer = await front.whole(front.prompt(question))
    await kept(front, answer.said.id)
    stream = await got(front.client.responses.retrieve(answer.said.id, stream=True))
    events = [event async for event in each(stream)]
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == answer.text
    assert events[-1].type == "response.completed"
    assert events[-1].response.to_dict() == answer.said.to_dict()


@on_responses
async def test_what_is_not_to_be_stored_is_not_found(front: ResponsesFront, question: str) -> None:
    unkept = await front.whole(front.prompt(question, fields={"store": False}))
    assert unkept.said.store is False
    # A later one takes the same way through the same queue: once it is stored, the first one would be too.
    await kept(front, (await front.whole(front.prompt(f"{question}?"))).said.id)
    assert await is_not_found(front, unkept.said.id)


@on_responses
async def test_its_input_is_listed(front: ResponsesFront, question: str) -> None:
    answer = await front.whole(front.prompt(question))
    further = await front.whole(after(answer, front.prompt("And then?")))
    await kept(front, further.said.id)
    items = front.client.responses.input_items
    page = await got(items.list(further.said.id, order="asc"))
    assert [item.role for item in page.data] == ["user", "assistant", "user"]
    assert [item.content[0].text for item in page.data] == [question, answer.text, "And then?"]
    newest = items.list(further.said.id, limit=1)
    texts = [item.content[0].text async for item in each(newest)]
    assert texts == ["And then?", answer.text, question], "the pages do not follow each other"


@on_responses
async def test_deleted_it_is_not_found(front: ResponsesFront, question: str) -> None:
    answer = await front.whole(front.prompt(question))
    await kept(front, answer.said.id)
    assert await got(front.client.responses.delete(answer.said.id)) is None
    await eventually(lambda: _is_gone(front, answer.said.id), what="the deletion")
    assert await is_not_found(front, answer.said.id)


@on_responses
async def test_another_tenant_does_not_find_it(front: ResponsesFront, question: str, other_key: str) -> None:
    answer = await front.whole(front.prompt(question))
    await kept(front, answer.said.id)
    stranger = front.with_key(other_key)
    assert isinstance(stranger, ResponsesFront)
    assert await is_not_found(stranger, answer.said.id)
    with pytest.raises(openai.BadRequestError) as raised:
        await stranger.whole(after(answer, front.prompt("And then?")))
    assert front.told(raised.value).param == "previous_response_id"
    assert (await kept(front, answer.said.id)).id == answer.said.id


@on_responses
async def test_an_answer_from_the_cache_has_an_id_of_its_own(front: ResponsesFront, question: str) -> None:
    prompt = front.prompt(question)
    first = await front.whole(prompt)

    async def hit() -> Answer | None:
        answer = await front.whole(replace(prompt, fields={"metadata": {"of": "the second"}}))
        return answer if answer.headers["x-penstock-cache"] == "hit" else None

    again = await eventually(hit, what="a cache hit")
    assert again.said.id != first.said.id
    assert again.said.metadata == {"of": "the second"}
    assert (await kept(front, again.said.id)).to_dict() == again.said.to_dict()
    assert (await kept(front, first.said.id)).to_dict() == first.said.to_dict()
    further = await front.whole(after(again, front.prompt("And then?")))
    assert further.text == expected(front.prompt(question, first, "And then?"))[0]


@on_responses
async def test_it_repeats_what_was_asked(front: ResponsesFront, question: str) -> None:
    prompt = front.prompt(question, system="Be brief.", max_tokens=200, fields={"metadata": {"team": "blue"}})
    for way in front.ways:
        said = (await way(prompt)).said
        assert (said.instructions, said.max_output_tokens) == ("Be brief.", 200)
        assert (said.object, said.status, said.error) == ("response", "completed", None)
        assert said.metadata == {"team": "blue"}
        assert re.fullmatch(r"resp_[0-9a-f]+", said.id)


@pytest.mark.parametrize("cell", [Cell("responses", "openai", "async")], ids=str)
async def test_nothing_goes_on_from_one_that_is_not_there_any_more(front: ResponsesFront, question: str) -> None:
    """One cell: the provider has no part in it, and a response that may yet be stored is waited for."""
    unkept = await front.whole(front.prompt(question, fields={"store": False}))
    deleted = await front.whole(front.prompt(f"{question}?"))
    await kept(front, deleted.said.id)
    await got(front.client.responses.delete(deleted.said.id))
    for answer in (unkept, deleted):
        with pytest.raises(openai.BadRequestError) as raised:
            await front.whole(after(answer, front.prompt("And then?")))
        assert front.told(raised.value).param == "previous_response_id"


async def _is_gone(front: ResponsesFront, response_id: str) -> bool:
    try:
        await got(front.client.responses.retrieve(response_id))
    except openai.NotFoundError:
        return True
    return False
