"""What the simulator answers to a conversation, whichever API brings it: a translation that loses nothing keeps it."""

import re

from infra.simulator.answers import compose
from infra.simulator.fields import canonical
from infra.simulator.knobs import read_knobs
from infra.simulator.media import inline_media, linked_media
from infra.simulator.options import SimulatorOptions
from infra.simulator.requests import ChatRequest
from infra.simulator.requests import Turn as Heard
from tests.e2e.sdk.catalogue import MODELS
from tests.e2e.sdk.prompts import Answer, Assistant, Prompt, Results, Stranger, Turn, Usage, User


def expected(prompt: Prompt) -> tuple[str, Usage]:
    """The text and the tokens of an answer to a prompt without tools on offer, by the simulator's own rules."""
    system = [Heard("system", prompt.system)] if prompt.system else []
    turns = (*system, *(heard for turn in prompt.turns for heard in _heard(turn)))
    knobs = read_knobs(MODELS[prompt.model.rpartition("-")[2]], {}, SimulatorOptions())
    request = ChatRequest(knobs.base, turns, max_tokens=prompt.max_tokens, stops=(prompt.stop,) if prompt.stop else ())
    answer = compose(request, knobs)
    return answer.choices[0].text, Usage(answer.usage.prompt_tokens, answer.usage.completion_tokens)


def _heard(turn: Turn) -> list[Heard]:
    match turn:
        case User(text, images):
            return [Heard("user", text, tuple(map(_image, images)))]
        case Assistant(text):
            return [Heard("assistant", text)]
        case Stranger(role):
            return [Heard(role, "Hello")]
        case Results(texts):
            return [Heard("tool", text) for text in texts.values()]
        case Answer(text, calls):
            made = tuple(canonical({"name": call.name, "arguments": call.arguments}) for call in calls)
            return [Heard("assistant", text, calls=made)]


def _image(url: str) -> bytes:
    found = re.fullmatch(r"data:([^;]+);base64,(.+)", url)
    return inline_media("image", found[1], found[2]) if found else linked_media("image", url)
