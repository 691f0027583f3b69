"""What a call is billed: what the provider reported, where it came to say all of it, else a marked estimate."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from contracts.apis.fields import Fields
from contracts.apis.translate import Origin, translate
from contracts.errors import ErrorCode, PenstockError
from contracts.inference import ANTHROPIC_MESSAGES, OPENAI_CHAT, TokenUsage
from workers.provider import errors
from workers.provider.calls import Call
from workers.provider.said import Asked, Said

PROMPT = "x" * 400
HEARD = "y" * 40
CHAT_USAGE = {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}
CANCELLED = PenstockError(ErrorCode.CANCELLED, "the caller went away", stage="provider")
ESTIMATE = TokenUsage(input_tokens=100, output_tokens=10, estimated=True)


class Plays:
    """A provider that says what it is told to, and then raises or hangs up."""

    name = "p"
    spoken = frozenset((OPENAI_CHAT, ANTHROPIC_MESSAGES))

    def __init__(self, events: list[dict[str, Any]], error: PenstockError | None = None) -> None:
        self._events = events
        self._error = error

    async def complete(self, call: Call) -> dict[str, Any]:
        if self._error is not None:
            raise self._error
        return self._events[0]

    async def stream(self, call: Call) -> AsyncIterator[dict[str, Any]]:
        for event in self._events:
            yield event
        if self._error is not None:
            raise self._error

    async def close(self) -> None:
        return


def chunk(text: str | None = None, *, finish: str | None = None, usage: Any = None) -> dict[str, Any]:
    choices = [] if text is None and finish is None else [
        {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}
    ]  # fmt: skip
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices} | (
        {"usage": usage} if usage else {}
    )


def message_start(**usage: int) -> dict[str, Any]:
    message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": usage}
    return {"type": "message_start", "message": message}


BLOCK = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}


def text_delta(text: str) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}


def message_delta(output: int, stop: str | None = "end_turn") -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": output}}


def said_by(provider: Plays, api: str) -> Said:
    request: dict[str, Any] = {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": PROMPT}]}
    translation = translate(api, request, provider.spoken, Fields(drop=False), Origin("r1", 1, "m"), None)
    call = Call(api, translation.request, "m", "key", 10, 10, None, None, "")
    return Said(provider, call, Asked(api, request, translation))


async def used(
    api: str, events: list[dict[str, Any]], error: PenstockError | None, *, stream: bool = True
) -> TokenUsage:
    """What is billed of a call of `api` that says these events and then ends with `error`."""
    said = said_by(Plays(events, None if error is CANCELLED else error), api)

    async def send(_: dict[str, Any]) -> None:
        await asyncio.sleep(0)

    try:
        await (said.stream(send) if stream else said.whole())
    except PenstockError as raised:
        assert raised is error
    return said.result(error).usage


@pytest.mark.parametrize("error", [CANCELLED, errors.cut_off("p"), errors.broke_off("p"), errors.timed_out("p")])
class TestABrokenStream:
    async def test_without_a_report_is_estimated(self, error: PenstockError):
        assert await used(OPENAI_CHAT, [chunk(HEARD)], error) == ESTIMATE

    async def test_that_reported_at_its_end_is_billed_that(self, error: PenstockError):
        events = [chunk(HEARD), chunk(finish="stop"), chunk(usage=CHAT_USAGE)]
        assert await used(OPENAI_CHAT, events, error) == TokenUsage(input_tokens=7, output_tokens=9)

    async def test_of_anthropics_is_not_billed_the_one_token_that_its_beginning_reports(self, error: PenstockError):
        events = [message_start(input_tokens=3, cache_read_input_tokens=60, output_tokens=1), BLOCK, text_delta(HEARD)]
        expected = TokenUsage(input_tokens=63, cached_input_tokens=60, output_tokens=10, estimated=True)
        assert await used(ANTHROPIC_MESSAGES, events, error) == expected

    async def test_of_anthropics_that_came_to_its_end_is_billed_what_it_reported(self, error: PenstockError):
        events = [message_start(input_tokens=3, output_tokens=1), BLOCK, text_delta(HEARD), message_delta(8)]
        assert await used(ANTHROPIC_MESSAGES, events, error) == TokenUsage(input_tokens=3, output_tokens=8)

    async def test_whose_running_count_is_above_what_was_heard_is_billed_that_count(self, error: PenstockError):
        events = [chunk(HEARD, usage={**CHAT_USAGE, "completion_tokens": 25})]
        assert await used(OPENAI_CHAT, events, error) == TokenUsage(input_tokens=7, output_tokens=25, estimated=True)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("status", [400, 429, 500])
async def test_what_the_provider_refused_costs_nothing(status: int, *, stream: bool):
    error = errors.from_status(status, {"message": "no"}, None, "p")
    assert await used(OPENAI_CHAT, [], error, stream=stream) == TokenUsage()


@pytest.mark.parametrize("stream", [True, False])
async def test_what_never_reached_the_provider_costs_nothing(*, stream: bool):
    assert await used(OPENAI_CHAT, [], errors.unreachable("p"), stream=stream) == TokenUsage()


@pytest.mark.parametrize("error", [errors.timed_out("p"), errors.deadline_passed(), errors.unreadable("p"), CANCELLED])
async def test_a_prompt_that_the_provider_may_have_worked_on_is_estimated(error: PenstockError):
    """It had the prompt, and may charge for it: nobody can tell, so it is not taken for free."""
    expected = TokenUsage(input_tokens=100, estimated=True)
    assert await used(OPENAI_CHAT, [], error) == expected


async def test_a_call_that_was_stopped_before_it_began_costs_nothing():
    """Its caller left while it was entered and reserved for: nobody was sent anything."""
    said = said_by(Plays([chunk(HEARD)]), OPENAI_CHAT)
    running = asyncio.create_task(said.whole())
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert said.result(CANCELLED).usage == TokenUsage()
