"""Whether an event of a stream says that the answer is at its end: what is reported of tokens then is all of them."""

from contracts.apis.fields import Json

_LAST_OF_RESPONSES = ("response.completed", "response.incomplete", "response.failed")


def ends_in(event: Json) -> bool:
    """A finish reason of OpenAI's chats, a stop reason of Anthropic's messages, the last event of a response."""
    if event.get("type") in _LAST_OF_RESPONSES:
        return True
    delta = event.get("delta")
    if isinstance(delta, dict) and delta.get("stop_reason"):
        return True
    choices = event.get("choices")
    return isinstance(choices, list) and any(isinstance(one, dict) and one.get("finish_reason") for one in choices)
