"""Responses in the background: asked for, polled, cancelled, and what became of them."""

from typing import Any

import openai
import pytest

from tests.e2e.running import Penstock
from tests.e2e.sdk.catalogue import faulty, slow
from tests.e2e.sdk.front import got
from tests.e2e.sdk.matrix import behaviour_of, together
from tests.e2e.sdk.oracle import expected
from tests.e2e.sdk.prompts import Prompt, Tool, User
from tests.e2e.sdk.responses_front import ResponsesFront, asked
from tests.support.waiting import eventually

pytestmark = together
on_responses = behaviour_of("responses")
OPEN = ("queued", "in_progress")


async def begun(front: ResponsesFront, prompt: Prompt) -> Any:
    """The response as it is at once."""
    response = await got(front.client.responses.create(**asked(prompt), background=True))
    assert (response.status, response.background, response.output) == ("queued", True, [])
    return response


async def ended(front: ResponsesFront, response_id: str) -> Any:
    """The response when it is no longer open."""

    async def there() -> Any:
        response = await got(front.client.responses.retrieve(response_id))
        return None if response.status in OPEN else response

    return await eventually(there, within=10, what="the end of the response")


@on_responses
async def test_it_is_completed_while_nobody_waits(front: ResponsesFront, question: str, platform: Penstock) -> None:
    prompt = front.prompt(question)
    queued = await begun(front, prompt)
    request_id = front.heard.headers["x-request-id"]
    response = await ended(front, queued.id)
    answer = front.answer(response)
    assert (answer.text, answer.usage) == expected(prompt)
    assert (response.id, response.created_at, response.background) == (queued.id, queued.created_at, True)
    (row,) = platform.ledger(request_id)
    assert (row["input_tokens"], row["output_tokens"]) == (answer.usage.input, answer.usage.output)
    assert row["lane"] == "batch"


@on_responses
async def test_it_is_gone_on_from_while_it_is_made(front: ResponsesFront, question: str) -> None:
    prompt = front.prompt(question)
    queued = await begun(front, prompt)
    answer = front.answer(await ended(front, queued.id))
    further = await front.whole(front.prompt("And then?", fields={"previous_response_id": queued.id}))
    assert further.text == expected(front.prompt(question, answer, "And then?"))[0]


@on_responses
async def test_its_calls_of_tools_are_there(front: ResponsesFront, question: str) -> None:
    queued = await begun(front, front.prompt(f"Use get_weather. {question}", tools=(Tool("get_weather"),)))
    answer = front.answer(await ended(front, queued.id))
    assert [call.name for call in answer.calls] == ["get_weather"]


@on_responses
async def test_cancelled_it_stops_the_providers_work(front: ResponsesFront, question: str, platform: Penstock) -> None:
    model = slow(front.cell.kind, front.cell.mode)
    before = platform.simulator_stats()["cancelled"]
    queued = await begun(front, Prompt(model, (User(question),)))
    await eventually(lambda: _is_called(platform, model), what="the provider's call")
    assert (await got(front.client.responses.retrieve(queued.id))).status == "in_progress"
    cancelled = await got(front.client.responses.cancel(queued.id))
    assert (cancelled.id, cancelled.status) == (queued.id, "cancelled")
    await eventually(lambda: platform.simulator_stats()["cancelled"] == before + 1, what="the end of the call")
    assert (await ended(front, queued.id)).status == "cancelled"
    again = await got(front.client.responses.cancel(queued.id))
    assert again.status == "cancelled"


@on_responses
async def test_one_that_is_done_stays_what_it_is(front: ResponsesFront, question: str) -> None:
    queued = await begun(front, front.prompt(question))
    await ended(front, queued.id)
    assert (await got(front.client.responses.cancel(queued.id))).status == "completed"


@on_responses
async def test_one_in_the_foreground_cannot_be_cancelled(front: ResponsesFront, question: str) -> None:
    queued = await begun(front, front.prompt(question))
    await ended(front, queued.id)
    answer = await front.whole(front.prompt(f"{question}?"))

    async def refused() -> openai.BadRequestError | None:
        try:
            await got(front.client.responses.cancel(answer.said.id))
        except openai.NotFoundError:
            return None  # not stored yet
        except openai.BadRequestError as error:
            return error
        raise AssertionError("it was cancelled")

    error = await eventually(refused, what="the refusal")
    assert "background" in front.told(error).message


@on_responses
async def test_one_that_fails_says_why(front: ResponsesFront, question: str) -> None:
    cell = front.cell
    model = faulty(cell.kind, "error-400", cell.front, cell.mode, "helper")
    queued = await begun(front, Prompt(model, (User(question),)))
    response = await ended(front, queued.id)
    assert response.status == "failed"
    assert "does not support this value" in response.error.message
    assert response.output == []


@on_responses
@pytest.mark.parametrize(("fields", "param"), [({"stream": True}, "stream"), ({"store": False}, "store")])
async def test_what_cannot_be_in_the_background_is_named(
    front: ResponsesFront, question: str, fields: dict[str, bool], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        await got(front.client.responses.create(**asked(front.prompt(question)), background=True, **fields))
    assert front.told(raised.value).param == param


def _is_called(platform: Penstock, model: str) -> bool:
    return any(name.startswith(model) for name in platform.simulator_stats()["by_model"])
