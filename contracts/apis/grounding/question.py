"""Where in a conversation the user asks: the newest turn of theirs that has text."""

from contracts.apis.fields import Json
from contracts.apis.responses.items import kind_of, listed
from contracts.inference import OPENAI_CHAT

_TEXTS = ("text", "input_text")


def turns_of(api: str, request: Json) -> list[Json]:
    """The messages of a chat, or the items of a Response's input."""
    return list(request["messages"]) if api == OPENAI_CHAT else listed(request)


def place_of_question(turns: list[Json]) -> int | None:
    """The index of the user's newest turn that has text; None where none has."""
    places = range(len(turns) - 1, -1, -1)
    return next((place for place in places if _is_of_user(turns[place]) and text_of_turn(turns[place])), None)


def text_of_turn(turn: Json) -> str:
    """What it says, its parts one below the other."""
    content = turn.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content or () if is_text(part))


def is_text(part: object) -> bool:
    """Whether a part of a content is text, and has some."""
    return isinstance(part, dict) and part.get("type") in _TEXTS and bool(part.get("text"))


def _is_of_user(turn: Json) -> bool:
    return turn.get("role") == "user" and kind_of(turn) == "message"
