"""`/v1/responses` by the `openai` SDK."""

import json
from types import ModuleType
from typing import Any, ClassVar

import openai

from tests.e2e.sdk.chat_front import told_by_openai
from tests.e2e.sdk.front import Front, Told, Unsupported, each, given, got, opened
from tests.e2e.sdk.matrix import KINDS
from tests.e2e.sdk.prompts import Answer, Assistant, Call, Prompt, Results, Stranger, Tool, Turn, Usage, User

ENDS = ("response.completed", "response.incomplete")


class ResponsesFront(Front):
    """Responses."""

    name = "responses"
    sdk: ClassVar[ModuleType] = openai
    names_fields = True
    unsupported: ClassVar[Unsupported] = {"max_tool_calls": (3, KINDS), "top_logprobs": (2, ("anthropic",))}

    async def whole(self, prompt: Prompt) -> Answer:
        return self.answer(await got(self.client.responses.create(**asked(prompt))))

    async def parse(self, prompt: Prompt) -> Answer:
        return self.answer(await got(self.client.responses.parse(**asked(prompt), text_format=prompt.output)))

    async def helper(self, prompt: Prompt) -> Answer:
        more = given(text_format=prompt.output)
        async with opened(self.client.responses.stream(**asked(prompt), **more)) as stream:
            return self._streamed([event async for event in each(stream)])

    async def stream(self, prompt: Prompt) -> Answer:
        stream = await got(self.client.responses.create(**asked(prompt), stream=True))
        return self._streamed([event async for event in each(stream)])

    def told(self, error: Any) -> Told:
        return told_by_openai(error)

    def kind_of(self, error: Any) -> str:
        return str(error.type)

    def answer(self, response: Any, pieces: tuple[str, ...] = ()) -> Answer:
        """Of a response that has ended."""
        calls = tuple(
            Call(item.call_id, item.name, json.loads(item.arguments))
            for item in response.output
            if item.type == "function_call"
        )
        return Answer(
            text=response.output_text,
            calls=calls,
            stop=_stop_of(response, calls),
            usage=_usage(response.usage),
            model=response.model,
            headers=self.heard.headers,
            reasoning="".join(
                part.text for item in response.output if item.type == "reasoning" for part in item.summary
            ),
            pieces=pieces,
            parsed=getattr(response, "output_parsed", None),
            said=response,
        )

    def _streamed(self, events: list[Any]) -> Answer:
        assert [event.sequence_number for event in events] == list(range(len(events)))
        assert events[0].type == "response.created"
        assert [event.type for event in events if event.type in ENDS] == [events[-1].type]
        pieces = tuple(event.delta for event in events if event.type == "response.output_text.delta")
        arguments = "".join(event.delta for event in events if event.type == "response.function_call_arguments.delta")
        answer = self.answer(events[-1].response, pieces)
        assert arguments == "".join(item.arguments for item in answer.said.output if item.type == "function_call")
        return answer


def asked(prompt: Prompt) -> dict[str, Any]:
    """The arguments of `responses.create`. The API knows no stop sequence: it is passed on as any unknown field."""
    named = prompt.choice if prompt.choice in (None, "auto", "required") else _function(prompt.choice)
    return given(
        model=prompt.model,
        input=[item for turn in prompt.turns for item in _items(turn)],
        instructions=prompt.system,
        tools=[_tool(tool) for tool in prompt.tools] or None,
        tool_choice=named,
        parallel_tool_calls=prompt.parallel,
        max_output_tokens=prompt.max_tokens,
        reasoning=prompt.effort and {"effort": prompt.effort},
        extra_body={**prompt.more, **given(stop=prompt.stop)} or None,
        extra_headers=dict(prompt.headers) or None,
        **prompt.fields,
    )


def _items(turn: Turn) -> list[Any]:
    match turn:
        case User(text, ()):
            return [{"role": "user", "content": text}]
        case User(text, images):
            parts = [{"type": "input_image", "image_url": url, "detail": "auto"} for url in images]
            return [{"role": "user", "content": [{"type": "input_text", "text": text}, *parts]}]
        case Assistant(text):
            return [{"role": "assistant", "content": text}]
        case Stranger(role):
            return [{"role": role, "content": "Hello"}]
        case Results(texts):
            return [{"type": "function_call_output", "call_id": call, "output": text} for call, text in texts.items()]
        case Answer():
            return list(turn.said.output)


def _tool(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.schema, "strict": True}
    return {"type": "function", **function}


def _function(name: str) -> dict[str, Any]:
    return {"type": "function", "name": name}


def _stop_of(response: Any, calls: tuple[Call, ...]) -> str:
    if response.status == "completed":
        assert response.incomplete_details is None
        return "calls" if calls else "end"
    assert (response.status, response.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    return "length"


def _usage(usage: Any) -> Usage:
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    return Usage(usage.input_tokens, usage.output_tokens, usage.output_tokens_details.reasoning_tokens)
