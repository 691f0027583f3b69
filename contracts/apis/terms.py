"""On which terms a provider answers: the tier of service and the speed, which have prices of their own."""

from contracts.apis.fields import Json

_NAMES = ("service_tier", "speed")
_STANDARD = ("auto", "default", "standard")


def terms_in(said: Json, before: dict[str, str]) -> dict[str, str]:
    """The terms known after an answer, one event of a stream, or of what a request asks for; empty for the usual ones.

    OpenAI names the tier beside the usage, Anthropic tier and speed within it.
    """
    message = said.get("message")
    named = {
        name: source[name]
        for source in (said, said.get("usage"), message.get("usage") if isinstance(message, dict) else None)
        if isinstance(source, dict)
        for name in _NAMES
        if isinstance(source.get(name), str)
    }
    if not named:
        return before
    return {name: term for name, term in (before | named).items() if term not in _STANDARD}
