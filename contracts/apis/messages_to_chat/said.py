"""What a chat model said, in a message or in a delta of one."""

from contracts.apis.answered import list_in, object_of, text_in
from contracts.apis.fields import Json

_REASONING = ("reasoning_content", "reasoning")
"""No field of OpenAI's: DeepSeek, vLLM and llama.cpp call it so, and OpenRouter, Groq and Ollama the other."""


def reasoning_in(said: Json) -> str:
    """The reasoning, empty for none. Raises `TypeError` or `KeyError` for what is no message."""
    own = next((text for name in _REASONING if (text := text_in(said, name))), "")
    return own + "".join(_inner(part) for part in _parts(said) if part["type"] == "thinking")


def text_in_content(said: Json) -> str:
    """The text, empty for none; a refusal is text too. Raises `TypeError` or `KeyError` for what is no message."""
    own = text_in(said, "content") if not isinstance(said.get("content"), list) else ""
    return own + "".join(part["text"] for part in _parts(said) if part["type"] == "text") + text_in(said, "refusal")


def _parts(said: Json) -> list[Json]:
    """The parts of a content that is a list, as Mistral's reasoning models send it."""
    content = said.get("content")
    return [object_of(part) for part in content] if isinstance(content, list) else []


def _inner(part: Json) -> str:
    return "".join(text_in(object_of(item), "text") for item in list_in(part, "thinking"))
