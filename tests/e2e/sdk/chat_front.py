"""`/v1/chat/completions` by the `openai` SDK."""

import json
from types import ModuleType
from typing import Any, ClassVar

import openai

from tests.e2e.sdk.front import Front, Told, Unsupported, each, given, got, opened
from tests.e2e.sdk.prompts import Answer, Assistant, Call, Prompt, Results, Stranger, Tool, Turn, Usage, User

_STOPS = {"stop": "end", "length": "length", "tool_calls": "calls"}
_WITH_USAGE = {"include_usage": True}


class ChatFront(Front):
    """Chat completions."""

    name = "chat"
    sdk: ClassVar[ModuleType] = openai
    names_fields = True
    unsupported: ClassVar[Unsupported] = {"logit_bias": ({"50256": -100}, ("anthropic",)), "seed": (7, ("anthropic",))}

    async def whole(self, prompt: Prompt) -> Answer:
        return self._answer(await got(self._chat.create(**_asked(prompt))))

    async def parse(self, prompt: Prompt) -> Answer:
        return self._answer(await got(self._chat.parse(**_asked(prompt), response_format=prompt.output)))

    async def helper(self, prompt: Prompt) -> Answer:
        more = given(response_format=prompt.output, stream_options=_WITH_USAGE)
        async with opened(self._chat.stream(**_asked(prompt), **more)) as stream:
            pieces = [event.delta async for event in each(stream) if event.type == "content.delta"]
            try:
                return self._answer(await got(stream.get_final_completion()), pieces)
            except openai.LengthFinishReasonError as error:
                # What was cut off can't be parsed: this is how the SDK says so.
                return self._answer(error.completion, pieces)

    async def stream(self, prompt: Prompt) -> Answer:
        stream = await got(self._chat.create(**_asked(prompt), stream=True, stream_options=_WITH_USAGE))
        *chunks, last = [chunk async for chunk in each(stream)]
        deltas = [chunk.choices[0].delta for chunk in chunks]
        (stop,) = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason]
        pieces = tuple(delta.content for delta in deltas if delta.content)
        return Answer(
            text="".join(pieces),
            calls=_calls_in(deltas),
            stop=_STOPS[stop],
            usage=_usage(last.usage),
            model=last.model,
            headers=self.heard.headers,
            reasoning="".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas),
            pieces=pieces,
        )

    def told(self, error: Any) -> Told:
        return told_by_openai(error)

    def kind_of(self, error: Any) -> str:
        return str(error.type)

    @property
    def _chat(self) -> Any:
        return self.client.chat.completions

    def _answer(self, completion: Any, pieces: list[str] | None = None) -> Answer:
        (choice,) = completion.choices
        message = choice.message
        return Answer(
            text=message.content or "",
            calls=tuple(
                Call(call.id, call.function.name, json.loads(call.function.arguments))
                for call in message.tool_calls or ()
            ),
            stop=_STOPS[choice.finish_reason],
            usage=_usage(completion.usage),
            model=completion.model,
            headers=self.heard.headers,
            reasoning=getattr(message, "reasoning_content", None) or "",
            pieces=tuple(pieces or ()),
            parsed=getattr(message, "parsed", None),
            said=message,
        )


def told_by_openai(error: Any) -> Told:
    """The `error` object in all of OpenAI's APIs."""
    return Told(error.status_code, error.type, error.body["message"], error.param, error.response.headers)


def _asked(prompt: Prompt) -> dict[str, Any]:
    system = [{"role": "system", "content": prompt.system}] if prompt.system else []
    named = prompt.choice if prompt.choice in (None, "auto", "required") else _function(prompt.choice)
    return given(
        model=prompt.model,
        messages=[*system, *(message for turn in prompt.turns for message in _messages(turn))],
        tools=[_tool(tool) for tool in prompt.tools] or None,
        tool_choice=named,
        parallel_tool_calls=prompt.parallel,
        max_completion_tokens=prompt.max_tokens,
        stop=prompt.stop,
        reasoning_effort=prompt.effort,
        extra_body=dict(prompt.more) or None,
        extra_headers=dict(prompt.headers) or None,
        **prompt.fields,
    )


def _messages(turn: Turn) -> list[Any]:
    match turn:
        case User(text, ()):
            return [{"role": "user", "content": text}]
        case User(text, images):
            parts = [{"type": "image_url", "image_url": {"url": url}} for url in images]
            return [{"role": "user", "content": [{"type": "text", "text": text}, *parts]}]
        case Assistant(text):
            return [{"role": "assistant", "content": text}]
        case Stranger(role):
            return [{"role": role, "content": "Hello"}]
        case Results(texts):
            return [{"role": "tool", "tool_call_id": call, "content": text} for call, text in texts.items()]
        case Answer():
            return [turn.said]


def _tool(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.schema, "strict": True}
    return {"type": "function", "function": function}


def _function(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


def _usage(usage: Any) -> Usage:
    details = usage.completion_tokens_details
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    return Usage(usage.prompt_tokens, usage.completion_tokens, (details and details.reasoning_tokens) or 0)


def _calls_in(deltas: list[Any]) -> tuple[Call, ...]:
    """Put together by hand: the id and the name come once, the arguments in fragments."""
    found: dict[int, tuple[str, str, list[str]]] = {}
    for call in (call for delta in deltas for call in delta.tool_calls or ()):
        if call.index not in found:
            found[call.index] = (call.id, call.function.name, [])
        found[call.index][2].append(call.function.arguments or "")
    return tuple(Call(of, name, json.loads("".join(parts))) for of, name, parts in found.values())
