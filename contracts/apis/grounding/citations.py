"""What an answer cites of the sources that the model was given: annotations as a chat's message has them."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from contracts.apis.answered import list_in, object_in, object_of
from contracts.apis.fields import Json
from contracts.apis.grounding.sources import NUMBERS
from contracts.apis.responses.output import text_of
from contracts.inference import Ground

_MARKER_OR_CODE = re.compile(rf"```.*?(?:```|\Z)|`[^`\n]*`|{NUMBERS.pattern}", re.DOTALL)


def citations(text: str, grounds: Sequence[Ground]) -> list[Json]:
    """A `file_citation` for every number that stands in the text, `index` being where its marker begins.

    Of a text that cites none, all that was given is told at its end: the model had read it. No text cites nothing.
    """
    if not text:
        return []
    found = [
        _citation(grounds[int(number) - 1], place)
        for place, numbers in _markers(text)
        for number in numbers.split(",")
        if int(number) <= len(grounds)
    ]
    return found or [_citation(ground, len(text)) for ground in grounds]


def cited(completion: Json, grounds: Sequence[Ground]) -> Json:
    """The completion with the citations of each choice. Raises `KeyError` or `TypeError` for what is none."""
    return {**completion, "choices": [_cited_choice(object_of(one), grounds) for one in completion["choices"]]}


class CitedChunks:
    """A `StreamTranslator` of a chat's chunks: all annotations of a choice come in one chunk before its end.

    Those of the provider wait for ours: a client that adds deltas up can't put together a list of objects that arrives
    in pieces.
    """

    def __init__(self, grounds: Sequence[Ground]) -> None:
        self._grounds = grounds
        self._texts: defaultdict[int, list[str]] = defaultdict(list)
        self._own: defaultdict[int, list[Json]] = defaultdict(list)
        self._head: Json = {}

    def events(self, event: Json) -> Iterator[Json]:
        """The chunks of one chunk. Raises `KeyError` or `TypeError` for what is none."""
        self._head = {name: value for name, value in event.items() if name not in ("choices", "usage")}
        choices = [self._taken(object_of(choice)) for choice in event["choices"]]
        ended = [choice for choice in choices if choice.get("finish_reason")]
        if not ended:
            yield {**event, "choices": choices}
            return
        said = [{**choice, "finish_reason": None} for choice in choices if choice.get("delta")]
        if said:
            yield {**self._head, "choices": said}
        for choice in ended:
            yield from self._annotated(_index(choice))
        ends = [{"index": _index(choice), "delta": {}, "finish_reason": choice["finish_reason"]} for choice in ended]
        yield {**event, "choices": ends}

    def end(self) -> Iterator[Json]:
        """What a stream that never said how it finished still owes."""
        for index in sorted(self._texts):
            yield from self._annotated(index)

    def _taken(self, choice: Json) -> Json:
        delta = object_in(choice, "delta")
        if text := text_of(delta):
            self._texts[_index(choice)].append(text)
        if annotations := list_in(delta, "annotations"):
            self._own[_index(choice)] += map(object_of, annotations)
            return {**choice, "delta": {name: value for name, value in delta.items() if name != "annotations"}}
        return choice

    def _annotated(self, index: int) -> Iterator[Json]:
        found = self._own.pop(index, []) + citations("".join(self._texts.pop(index, [])), self._grounds)
        if found:
            delta = {"annotations": found}
            yield {**self._head, "choices": [{"index": index, "delta": delta, "finish_reason": None}]}


def _markers(text: str) -> Iterator[tuple[int, str]]:
    """Where numbers in brackets stand, but in code, and in an answer that is an object: there they are lists."""
    if text.lstrip().startswith("{"):
        return
    for found in _MARKER_OR_CODE.finditer(text):
        if found[1] is not None:
            yield found.start(), found[1]


def _citation(ground: Ground, index: int) -> Json:
    citation = {
        "index": index,
        "file_id": ground.document_id,
        "filename": ground.filename,
        "start_offset": ground.start,
        "end_offset": ground.end,
        "score": ground.score,
        "vector_store_id": ground.store_id,
    }
    return {"type": "file_citation", "file_citation": citation}


def _cited_choice(choice: Json, grounds: Sequence[Ground]) -> Json:
    message = object_of(choice["message"])
    found = citations(text_of(message), grounds)
    if not found:
        return choice
    return {**choice, "message": {**message, "annotations": [*list_in(message, "annotations"), *found]}}


def _index(choice: Json) -> int:
    index = choice.get("index") or 0
    if not isinstance(index, int):
        raise TypeError("the index of a choice must be a whole number")
    return index
