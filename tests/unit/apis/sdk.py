"""The official SDKs' own types as judges of what the translators make."""

from collections.abc import Iterable, Iterator
from typing import Any

from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter

Json = dict[str, Any]
_MESSAGES: TypeAdapter[Any] = TypeAdapter(MessageCreateParamsNonStreaming)
_CHAT: TypeAdapter[Any] = TypeAdapter(CompletionCreateParamsNonStreaming)
_EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
SAMPLING = ("temperature", "top_p", "top_k")
"""The SDK of today types them no longer; the API still takes them for older models."""


def check_messages_request(body: Json) -> None:
    """Anthropic's SDK types every field of the body, at every depth."""
    typed = {name: value for name, value in body.items() if name not in SAMPLING} | {"model": "m"}
    assert _consumed(_MESSAGES.validate_python(typed)) == typed


def check_chat_request(body: Json) -> None:
    """OpenAI's SDK types every field of the body, at every depth."""
    typed = body | {"model": "m"}
    assert _consumed(_CHAT.validate_python(typed)) == typed


def check_message(message: Json) -> Message:
    return Message.model_validate(message)


def check_completion(completion: Json) -> ChatCompletion:
    return ChatCompletion.model_validate(completion)


def accumulated_message(events: Iterable[Json]) -> Message:
    """What `client.messages.stream` makes of the events."""
    snapshot, buffers = None, dict[int, bytes]()
    for event in events:
        snapshot = accumulate_event(event=_EVENT.validate_python(event), current_snapshot=snapshot, json_bufs=buffers)
    assert snapshot is not None
    return Message.model_validate(snapshot.to_dict())


def accumulated_completion(chunks: Iterable[Json]) -> Json:
    """What `client.chat.completions.stream` makes of the chunks."""
    state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
    for chunk in chunks:
        state.handle_chunk(ChatCompletionChunk.model_validate(chunk))
    return state.current_completion_snapshot.to_dict()


def _consumed(value: object) -> object:
    """pydantic checks an `Iterable` of a TypedDict only when it is iterated over."""
    if isinstance(value, dict):
        return {name: _consumed(item) for name, item in value.items()}
    if isinstance(value, list | Iterator):
        return [_consumed(item) for item in value]
    return value
