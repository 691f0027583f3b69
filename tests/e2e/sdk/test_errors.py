"""What goes wrong is the SDK's own exception, with the status, the kind and the field of its API."""

from typing import Any

import pytest

from tests.e2e.running import Penstock
from tests.e2e.sdk.catalogue import RETRY_AFTER
from tests.e2e.sdk.front import Front, Told
from tests.e2e.sdk.matrix import behaviour, together
from tests.e2e.sdk.prompts import Prompt, Stranger

pytestmark = together
FAILURE = {"messages": "api_error"}
NOT_FOUND = {"messages": "not_found_error"}


async def told(front: Front, way: Any, prompt: Prompt, error: str) -> Told:
    """What the SDK raises, which must be its class of that name."""
    with pytest.raises(getattr(front.sdk, error)) as raised:
        await way(prompt)
    said = front.told(raised.value)
    assert len(said.headers["x-request-id"]) == 32
    return said


@behaviour
async def test_a_model_that_nobody_has_is_not_found(front: Front, question: str) -> None:
    prompt = Prompt("model-of-nobody", front.prompt(question).turns)
    for way in front.ways:
        said = await told(front, way, prompt, "NotFoundError")
        assert (said.status, said.kind) == (404, NOT_FOUND.get(front.name, "invalid_request_error"))
        assert "model-of-nobody" in said.message
        assert said.param == ("model" if front.names_fields else None)


@behaviour
async def test_a_wrong_field_is_named(front: Front, question: str) -> None:
    for way in front.ways:
        said = await told(front, way, front.prompt(question, more={"temperature": 2.5}), "BadRequestError")
        assert (said.status, said.kind) == (400, "invalid_request_error")
        assert said.message.startswith("temperature")
        assert said.param == ("temperature" if front.names_fields else None)


@behaviour
async def test_a_wrong_part_of_a_turn_is_named(front: Front, question: str) -> None:
    prompt = front.prompt(question, Stranger("wizard"))
    said = await told(front, front.whole, prompt, "BadRequestError")
    place = "input[1].role" if front.name == "responses" else "messages[1].role"
    assert place in (said.param or said.message)


@behaviour
async def test_a_key_that_nobody_has_is_refused(front: Front, question: str) -> None:
    stranger = front.with_key("psk_nobody_nothing")
    for way in stranger.ways:
        said = await told(front, way, front.prompt(question), "AuthenticationError")
        assert (said.status, said.kind) == (401, "authentication_error")


@behaviour
async def test_a_providers_failure_is_a_502(front: Front, question: str, platform: Penstock) -> None:
    failures = [
        await told(front, way, front.failing("error-500", way, question), "InternalServerError") for way in front.ways
    ]
    for said in failures:
        assert (said.status, said.kind) == (502, FAILURE.get(front.name, "server_error"))
        assert said.headers["retry-after"].isdigit()
        assert "Sorry about that" not in said.message
        (row,) = platform.ledger(said.headers["x-request-id"])
        assert (row["status"], row["input_tokens"], row["output_tokens"]) == ("failed", 0, 0)


@behaviour
async def test_a_providers_rate_limit_is_a_429_that_says_when(front: Front, question: str) -> None:
    for way in front.ways:
        said = await told(front, way, front.failing("error-429", way, question), "RateLimitError")
        assert (said.status, said.kind) == (429, "rate_limit_error")
        assert said.headers["retry-after"] == f"{RETRY_AFTER}"


@behaviour
async def test_a_key_of_ours_that_a_provider_refuses_is_a_502_without_internals(front: Front, question: str) -> None:
    for way in front.ways:
        said = await told(front, way, front.failing("error-401", way, question), "InternalServerError")
        assert said.status == 502
        assert "Incorrect API key" not in said.message


@behaviour
async def test_what_a_provider_says_of_the_request_reaches_the_caller(front: Front, question: str) -> None:
    for way in front.ways:
        said = await told(front, way, front.failing("error-400", way, question), "BadRequestError")
        assert (said.status, said.kind) == (400, "invalid_request_error")
        assert "does not support this value" in said.message


@behaviour
@pytest.mark.parametrize("fault", ["cut-stream", "err-in-stream"])
async def test_a_stream_that_breaks_never_ends_clean(
    front: Front, question: str, fault: str, platform: Penstock
) -> None:
    for way in (front.stream, front.helper):
        front.heard.headers = {}
        with pytest.raises(front.sdk.APIError, match=r"cut the stream|reported an error") as raised:
            await way(front.failing(fault, way, question))
        assert front.kind_of(raised.value) == FAILURE.get(front.name, "server_error")
        assert front.heard.headers["content-type"].startswith("text/event-stream"), "it had not begun"
        (row,) = platform.ledger(front.heard.headers["x-request-id"])
        assert row["status"] == "failed"
        assert row["output_tokens"] > 0
