"""What a request is like: what rules may ask, and what a model must be able to do to answer it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from contracts.apis.fields import Json
from contracts.apis.grounding.question import place_of_question, text_of_turn, turns_of
from contracts.apis.limits import prompt_tokens
from contracts.inference import ANTHROPIC_MESSAGES
from infra.catalog import Capability
from infra.catalog.conditions import Value
from workers.routing.features import Features, cut, features_of
from workers.routing.language import language_of

_IMAGES = frozenset({"image", "image_url", "input_image"})
_OF_CODE, _OF_MATHS = 0.36, 0.36
"""A feature of log(1 + 2) / 3: two marks of code, or of mathematics."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one request. `text` is the user's newest, as far as it is looked at; `before` the one that came before it."""

    text: str
    before: str
    features: Features
    tokens: int
    turns: int
    tools: int
    images: int
    json_schema: bool
    language: str
    length: int
    told: Mapping[str, Value | None] = field(default_factory=dict)

    @property
    def needs(self) -> frozenset[Capability]:
        """What a model must be able to do."""
        wanted: dict[Capability, bool] = {
            "tools": self.tools > 0,
            "images": self.images > 0,
            "json_schema": self.json_schema,
        }
        return frozenset(name for name, is_wanted in wanted.items() if is_wanted)

    def fields(self) -> dict[str, Value | None]:
        """What a rule's condition can ask: `infra.catalog.conditions.FIELDS`, and tags."""
        features = self.features
        return {
            "length": self.length,
            "tokens": self.tokens,
            "turns": self.turns,
            "tools": self.tools,
            "images": self.images,
            "has_code": bool(features.fenced or features.signature or features.code >= _OF_CODE),
            "has_maths": features.maths >= _OF_MATHS,
            "has_tools": self.tools > 0,
            "has_images": self.images > 0,
            "json_schema": self.json_schema,
            "language": self.language,
            **self.told,
        }


def facts_of(api: str, request: Json, told: Mapping[str, Value | None]) -> Facts:
    """Read a request that keeps its API's rules. `told` is what the envelope says: tenant, lane, tags and so on."""
    turns = list(request["messages"]) if api == ANTHROPIC_MESSAGES else turns_of(api, request)
    place = place_of_question(turns)
    earlier = None if place is None else place_of_question(turns[:place])
    whole = "" if place is None else text_of_turn(turns[place]).strip()
    text = cut(whole)
    return Facts(
        text=text,
        before="" if earlier is None else cut(text_of_turn(turns[earlier]).strip()),
        features=features_of(text),
        tokens=prompt_tokens(api, request),
        turns=sum(1 for turn in turns if turn.get("role") == "user"),
        tools=len(request.get("tools") or ()),
        images=sum(1 for turn in turns for part in _parts(turn.get("content")) if part.get("type") in _IMAGES),
        json_schema=_wants_schema(request),
        language=language_of(text),
        length=len(whole),
        told=told,
    )


def facts_of_prompt(prompt: str, told: Mapping[str, Value | None] | None = None) -> Facts:
    """Of a text alone, as it would be asked in a chat."""
    return facts_of("openai.chat_completions", {"messages": [{"role": "user", "content": prompt}]}, told or {})


def _parts(content: Any) -> Iterator[Json]:  # noqa: ANN401 - a text, a list of parts, or nothing
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict):
            yield part
            yield from _parts(part.get("content"))


def _wants_schema(request: Json) -> bool:
    """Of a chat, of a response, and of a message."""
    text, output = request.get("text"), request.get("output_config")
    places = (
        request.get("response_format"),
        request.get("output_format"),
        text.get("format") if isinstance(text, dict) else None,
        output.get("format") if isinstance(output, dict) else None,
    )
    return any(isinstance(found, dict) and found.get("type") == "json_schema" for found in places)
