"""OpenAI's POST /v1/chat/completions. Shapes: the API reference, as the `openai` SDK 3.54 types them."""

from typing import Any

import orjson

from infra.simulator.answer import Answer, Choice
from infra.simulator.answers import compose, prompt_tokens
from infra.simulator.dialect import Script, Stamp, Whole
from infra.simulator.fields import load_object
from infra.simulator.knobs import Knobs
from infra.simulator.logprobs import logprobs_of
from infra.simulator.openai_parts import FINISH, envelope, shows_reasoning, tool_call, usage_object
from infra.simulator.openai_request import read_chat
from infra.simulator.openai_shape import OpenAIShape
from infra.simulator.openai_stream import play
from infra.simulator.requests import ChatRequest


class OpenAIDialect(OpenAIShape):
    """Chat completions, JSON and SSE; `deployment` is the model of a request that names none."""

    def __init__(self, deployment: str = "") -> None:
        self._deployment = deployment

    def parse(self, body: bytes) -> ChatRequest:
        """The request in a body; ApiError 400 for a bad one."""
        return read_chat(load_object(body), self._deployment)

    def prompt_tokens(self, request: ChatRequest) -> int:
        """How many tokens the request's prompt has."""
        return prompt_tokens(request)

    def respond(self, request: ChatRequest, knobs: Knobs, stamp: Stamp, *, filtered: bool = False) -> Script | Whole:
        """The answer, which is a stream if that was asked for; ApiError 400 where there is none."""
        answer = compose(request, knobs, filtered=filtered)
        if request.stream:
            return self.script(request, answer, stamp)
        steps = max(choice.length for choice in answer.choices)
        return Whole(self.reply(request, answer, stamp), steps, answer.usage)

    def reply(self, request: ChatRequest, answer: Answer, stamp: Stamp) -> bytes:
        """A `chat.completion`."""
        choices = [_choice(request, stamp, index, choice) for index, choice in enumerate(answer.choices)]
        frame = envelope("chat.completion", request, stamp)
        return orjson.dumps(frame | {"choices": choices, "usage": usage_object(answer.usage)})

    def script(self, request: ChatRequest, answer: Answer, stamp: Stamp) -> Script:
        """The stream of `chat.completion.chunk`s, to [DONE]."""
        return play(request, answer, stamp)


def _choice(request: ChatRequest, stamp: Stamp, index: int, choice: Choice) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": choice.text, "refusal": None, "annotations": []}
    if choice.calls:
        message["content"] = choice.text or None
        message["tool_calls"] = [
            tool_call(stamp, index, number, call.name, call.arguments) for number, call in enumerate(choice.calls)
        ]
    if choice.reasoning and shows_reasoning(request):
        message["reasoning_content"] = "".join(choice.reasoning)
    scored = request.top_logprobs is not None and bool(choice.tokens)
    return {
        "index": index,
        "message": message,
        "logprobs": logprobs_of(choice.tokens, request.top_logprobs or 0) if scored else None,
        "finish_reason": FINISH[choice.finish],
    }
