"""The whole message, put together from the events of its stream."""

from contracts.apis import arguments
from contracts.apis.answered import list_in, object_in, object_of, text_in
from contracts.apis.fields import Json

_NOTHING_YET: Json = {
    "id": "",
    "type": "message",
    "role": "assistant",
    "model": "",
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {"input_tokens": 0, "output_tokens": 0},
}
_GROWING = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}


class MessageAssembler:
    """Collects the events of Anthropic's stream. After any number of them `message()` is what has been said so far."""

    def __init__(self) -> None:
        self.output_characters = 0
        self._head = _NOTHING_YET
        self._blocks: dict[int, _Block] = {}

    def add(self, event: Json) -> None:
        """Take one event in; one of an unknown kind changes nothing.

        Raises `KeyError`, `TypeError` or `ValueError` for no event.
        """
        match event["type"]:
            case "message_start":
                self._head = {**_NOTHING_YET, **object_of(event["message"])}
                for index, block in enumerate(list_in(self._head, "content")):
                    self._begin(index, object_of(block))
            case "content_block_start":
                self._begin(event["index"], object_of(event["content_block"]))
            case "content_block_delta":
                self.output_characters += self._blocks[event["index"]].add(object_of(event["delta"]))
            case "content_block_stop":
                self._blocks[event["index"]].closed = True
            case "message_delta":
                self._head = {**self._head, **object_of(event["delta"]), "usage": self._counted(event)}

    def answer(self) -> Json:
        """The message so far. The input of a tool that is still being called is as much of it as is known."""
        return {**self._head, "content": [self._blocks[index].block() for index in sorted(self._blocks)]}

    def _begin(self, index: object, block: Json) -> None:
        if not isinstance(index, int):
            raise TypeError("the index of a block must be a whole number")
        self.output_characters += sum(len(text_in(block, name)) for name in ("text", "thinking"))
        self._blocks[index] = _Block(block)

    def _counted(self, event: Json) -> Json:
        """Counts are totals so far: the later one holds, and one that is absent or null changes nothing."""
        later = {name: value for name, value in object_in(event, "usage").items() if value is not None}
        return {**object_of(self._head["usage"]), **later}


class _Block:
    """One content block and the fragments that came for it."""

    def __init__(self, opened: Json) -> None:
        self.closed = False
        self._opened = opened
        self._fragments: dict[str, list[str]] = {}
        self._rest: Json = {}
        self._kind = opened["type"]

    def add(self, delta: Json) -> int:
        """Returns how many characters the model wrote."""
        kind = delta["type"]
        if kind in _GROWING:
            fragment = text_in(delta, _GROWING[kind])
            self._fragments.setdefault(_GROWING[kind], []).append(fragment)
            return len(fragment)
        if kind == "signature_delta":
            self._rest["signature"] = delta["signature"]
        elif kind == "citations_delta":
            cited = list_in(self._rest, "citations") or list_in(self._opened, "citations")
            self._rest["citations"] = [*cited, delta["citation"]]
        return 0

    def block(self) -> Json:
        grown: Json = {}
        for name, fragments in self._fragments.items():
            text = "".join(fragments)
            if name != "partial_json":
                grown[name] = text_in(self._opened, name) + text
            elif text:
                grown["input"] = arguments.parse_answered(text) if self.closed else arguments.parse_so_far(text)
        return {**self._opened, **self._rest, **grown}
