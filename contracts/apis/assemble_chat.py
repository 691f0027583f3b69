"""The whole answer, put together from its chunks: what the cache keeps and a producer without a stream receives."""

from typing import Any


class ChatAssembler:
    """Collects `chat.completion.chunk`s. After any number of them `answer()` is what has been said so far."""

    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}
        self._usage: dict[str, Any] | None = None
        self.output_characters = 0

    def add(self, chunk: dict[str, Any]) -> None:
        """Take one chunk in."""
        if not self._head:
            self._head = {name: value for name, value in chunk.items() if name not in ("choices", "usage", "object")}
        if chunk.get("usage"):
            self._usage = chunk["usage"]
        for choice in chunk["choices"]:
            self._add_choice(choice)

    def answer(self) -> dict[str, Any]:
        """The `chat.completion` so far."""
        choices = [self._choices[index] for index in sorted(self._choices)]
        whole = {**self._head, "object": "chat.completion", "choices": choices}
        if self._usage is not None:
            whole["usage"] = self._usage
        return whole

    def _add_choice(self, choice: dict[str, Any]) -> None:
        index = choice.get("index", 0)
        kept = self._choices.setdefault(
            index, {"index": index, "message": {"role": "assistant", "content": None}, "finish_reason": None}
        )
        if choice.get("finish_reason"):
            kept["finish_reason"] = choice["finish_reason"]
        if choice.get("logprobs"):
            _merge(kept.setdefault("logprobs", {}), choice["logprobs"])
        for name, value in (choice.get("delta") or {}).items():
            self._add_field(kept["message"], name, value)

    def _add_field(self, message: dict[str, Any], name: str, value: Any) -> None:  # noqa: ANN401 - any JSON
        if name == "tool_calls":
            for call in value or ():
                self._add_tool_call(message.setdefault("tool_calls", []), call)
        elif name != "role" and isinstance(value, str):
            self.output_characters += len(value)
            message[name] = (message.get(name) or "") + value
        elif value is not None:
            message[name] = value

    def _add_tool_call(self, calls: list[dict[str, Any]], part: dict[str, Any]) -> None:
        index = part.get("index", len(calls))
        while len(calls) <= index:
            calls.append({"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
        call, function = calls[index], part.get("function") or {}
        call["id"] = part.get("id") or call["id"]
        call["function"]["name"] += function.get("name") or ""
        call["function"]["arguments"] += function.get("arguments") or ""
        self.output_characters += len(function.get("arguments") or "")


def _merge(kept: dict[str, Any], more: dict[str, Any]) -> None:
    for name, value in more.items():
        kept[name] = [*(kept.get(name) or []), *value] if isinstance(value, list) else value
