"""The whole Response, put together from the events of its stream: what is kept, and what was said before a cut."""

from contracts.apis.answered import list_in, object_of, text_in
from contracts.apis.fields import Json

_LIFE = frozenset({"created", "queued", "in_progress"})
_ENDS = frozenset({"completed", "incomplete", "failed"})


class ResponseAssembler:
    """Collects the events of one stream, of ours or of OpenAI's. Events that it doesn't know are passed over.

    `output_characters` counts what the model said, thought and called with, for an estimate of what a cut stream cost.
    """

    def __init__(self) -> None:
        self.output_characters = 0
        self._head: Json = {"object": "response", "status": "in_progress"}
        self._items: dict[int, Json] = {}
        self._final: Json | None = None

    def add(self, event: Json) -> None:
        """Take one event in. Raises `KeyError` or `TypeError` for one that doesn't fit those before."""
        kind = text_in(event, "type").removeprefix("response.")
        if kind in _LIFE:
            self._head = object_of(event["response"])
        elif kind in _ENDS:
            self._final = self._with_output(object_of(event["response"]))
        elif kind in ("output_item.added", "output_item.done"):
            self._items[event["output_index"]] = _copied(object_of(event["item"]))
        elif "output_index" in event:
            self._fill(self._items[event["output_index"]], kind, event)

    def answer(self) -> Json:
        """The Response so far: whole after the last event, before it with what there is of each item."""
        if self._final is not None:
            return self._final
        return {**self._head, "output": self._output()}

    def _output(self) -> list[Json]:
        return [self._items[index] for index in sorted(self._items)]

    def _with_output(self, response: Json) -> Json:
        # The SDK allows for servers that leave the output out at the end.
        return response if response.get("output") is not None else {**response, "output": self._output()}

    def _fill(self, item: Json, kind: str, event: Json) -> None:
        match kind:
            case "content_part.added":
                _put(item, "content", event["content_index"], object_of(event["part"]))
            case "reasoning_summary_part.added":
                _put(item, "summary", event["summary_index"], object_of(event["part"]))
            case "output_text.delta":
                part = _part(item, "content", event["content_index"])
                part["text"] += self._counted(event)
                if logprobs := list_in(event, "logprobs"):
                    part["logprobs"] = [*list_in(part, "logprobs"), *logprobs]
            case "reasoning_text.delta":
                _part(item, "content", event["content_index"])["text"] += self._counted(event)
            case "refusal.delta":
                _part(item, "content", event["content_index"])["refusal"] += self._counted(event)
            case "reasoning_summary_text.delta":
                _part(item, "summary", event["summary_index"])["text"] += self._counted(event)
            case "function_call_arguments.delta":
                item["arguments"] += self._counted(event)
            case "custom_tool_call_input.delta":
                item["input"] += self._counted(event)
            case "output_text.annotation.added":
                part = _part(item, "content", event["content_index"])
                part["annotations"] = [*list_in(part, "annotations"), event["annotation"]]

    def _counted(self, event: Json) -> str:
        delta = text_in(event, "delta")
        self.output_characters += len(delta)
        return delta


def _copied(item: Json) -> Json:
    """A copy whose parts may be filled without touching the event's."""
    copied = dict(item)
    for name in ("content", "summary"):
        if isinstance(parts := item.get(name), list):
            copied[name] = [_copied_part(object_of(part)) for part in parts]
    return copied


def _copied_part(part: Json) -> Json:
    return {name: list(value) if isinstance(value, list) else value for name, value in part.items()}


def _put(item: Json, name: str, index: int, part: Json) -> None:
    item[name] = [*list_in(item, name)[:index], _copied_part(part)]


def _part(item: Json, name: str, index: int) -> Json:
    parts = list_in(item, name)
    if not 0 <= index < len(parts):
        raise KeyError(f"{name}[{index}]")
    return object_of(parts[index])
