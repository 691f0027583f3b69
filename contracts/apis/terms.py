"""On which terms a provider answers: the tier of service and the speed, which have prices of their own."""

from typing import Any

from contracts.apis.fields import Json

_NAMES = ("service_tier", "speed")
_STANDARD = ("auto", "default", "standard")


def terms_in(said: Json, before: dict[str, str]) -> dict[str, str]:
    """The terms known after an answer, one event of a stream, or of what a request asks for; empty for the usual ones.

    OpenAI names the tier beside the usage, Anthropic tier and speed within it.
    """
    usage: Any = said.get("usage") or (said.get("message") or {}).get("usage")
    for source in (said, usage):
        if isinstance(source, dict):
            for name in _NAMES:
                if isinstance(term := source.get(name), str) and term not in _STANDARD:
                    before = {**before, name: term}
    return before
