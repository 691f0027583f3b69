"""From the API that the caller speaks to one that the provider speaks, and back. Chat completions are the pivot."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import chain

from contracts.apis.chat_to_messages.answer import to_completion
from contracts.apis.chat_to_messages.request import to_messages
from contracts.apis.chat_to_messages.stream import ChunksOfMessage
from contracts.apis.fields import Fields, Json, invalid
from contracts.apis.grounding.citations import CitedChunks, cited
from contracts.apis.grounding.grounding import Grounding
from contracts.apis.messages_to_chat.answer import to_message
from contracts.apis.messages_to_chat.request import to_chat as messages_to_chat
from contracts.apis.messages_to_chat.stream import MessageEventsOfChunks
from contracts.apis.responses.answer import to_response
from contracts.apis.responses.names import NamedFields, OfResponses, name_in
from contracts.apis.responses.request import to_chat as responses_to_chat
from contracts.apis.responses.search import search_item
from contracts.apis.responses.stream import ResponseEventsOfChunks
from contracts.apis.stream import StreamTranslator
from contracts.errors import PenstockError
from contracts.inference import (
    ANTHROPIC_COUNT_TOKENS,
    ANTHROPIC_MESSAGES,
    OPENAI_CHAT,
    OPENAI_EMBEDDINGS,
    OPENAI_RESPONSES,
)
from contracts.responses import response_id_of

_CALLED = {OPENAI_EMBEDDINGS: "embeddings", ANTHROPIC_COUNT_TOKENS: "the counting of tokens"}


@dataclass(frozen=True, slots=True)
class Origin:
    """What a translation needs to know of the request besides its body.

    `created_at` is in seconds since 1970; `provider_model` is what the provider calls the model.
    """

    request_id: str
    created_at: int
    provider_model: str = ""


@dataclass(frozen=True, slots=True)
class Translation:
    """One request on its way to a provider that speaks `api`, and its answer's way back."""

    api: str
    request: Json
    answer: Callable[[Json], Json]
    stream: Callable[[], StreamTranslator]


def translate(  # noqa: PLR0913, PLR0917 - what a translation can depend on
    api: str,
    request: Json,
    spoken: Iterable[str],
    fields: Fields,
    origin: Origin,
    grounding: Grounding | None = None,
) -> Translation:
    """The request for a provider that speaks only the APIs in `spoken`; limits of tokens have OpenAI's newer name.

    Where there is a `grounding`, its sources go with the request, and the answer cites them. Raises `PenstockError`
    (`invalid_request`) naming what the provider can't be asked.
    """
    known = frozenset(spoken)
    if grounding is None:
        return _translated(api, request, known, fields, origin)
    inner = fields.again()
    try:
        if api == OPENAI_RESPONSES:
            made = _of_response(request, known, inner, origin, grounding)
        else:
            made = _citing(_translated(api, grounding.request, known, inner, origin), grounding)
    except PenstockError as error:
        raise _named(error, grounding.path) from error
    fields.dropped += map(grounding.path, inner.dropped)
    return made


def _translated(api: str, request: Json, known: frozenset[str], fields: Fields, origin: Origin) -> Translation:
    if api in known:
        return Translation(api, request, _as_it_is, AsItIs)
    if api == ANTHROPIC_MESSAGES and OPENAI_CHAT in known:
        asked = messages_to_chat(request, fields, limit="max_completion_tokens")
        return Translation(OPENAI_CHAT, asked, to_message, MessageEventsOfChunks)
    if api == OPENAI_CHAT and ANTHROPIC_MESSAGES in known:
        asked = to_messages(request, fields, model=origin.provider_model)
        return Translation(ANTHROPIC_MESSAGES, asked, to_completion, ChunksOfMessage)
    if api == OPENAI_RESPONSES and known & {OPENAI_CHAT, ANTHROPIC_MESSAGES}:
        return _of_response(request, known, fields, origin)
    raise invalid("model", f"has a provider that offers nothing like {_CALLED.get(api, api)}")


def _of_response(
    request: Json, known: frozenset[str], fields: Fields, origin: Origin, grounding: Grounding | None = None
) -> Translation:
    response_id, created_at = response_id_of(origin.request_id), origin.created_at
    asked = request if grounding is None else grounding.request
    chat = responses_to_chat(asked, OfResponses(fields))
    try:
        further = _translated(OPENAI_CHAT, chat, known, NamedFields(fields, asked), origin)
    except PenstockError as error:
        raise _named(error, partial(name_in, asked)) from error
    search = None
    if grounding is not None:
        further = _citing(further, grounding)
        search = search_item(response_id, grounding.queries, grounding.grounds, request)

    def answer(native: Json) -> Json:
        whole = further.answer(native)
        return to_response(whole, request, response_id=response_id, created_at=created_at, search=search)

    def stream() -> StreamTranslator:
        events = ResponseEventsOfChunks(request, response_id=response_id, created_at=created_at, search=search)
        return Chained(further.stream(), events)

    return Translation(further.api, further.request, answer, stream)


def _citing(chat: Translation, grounding: Grounding) -> Translation:
    """A chat whose answer cites what the model was given."""
    grounds = grounding.grounds
    if not grounds:
        return chat

    def answer(native: Json) -> Json:
        return cited(chat.answer(native), grounds)

    def stream() -> StreamTranslator:
        return Chained(chat.stream(), CitedChunks(grounds))

    return Translation(chat.api, chat.request, answer, stream)


def _named(error: PenstockError, name: Callable[[str], str]) -> PenstockError:
    """The error with the field's name as the caller knows it; one that has it already stays."""
    if error.param is None:
        return error
    param = name(error.param)
    return PenstockError(error.code, error.message.replace(error.param, param, 1), stage=error.stage, param=param)


class AsItIs:
    """The stream of a provider that speaks the caller's API."""

    def events(self, event: Json) -> Iterable[Json]:
        """The event itself."""
        return (event,)

    def end(self) -> Iterable[Json]:
        """Nothing."""
        return ()


class Chained:
    """Two translators, one behind the other."""

    def __init__(self, first: StreamTranslator, second: StreamTranslator) -> None:
        self._first = first
        self._second = second

    def events(self, event: Json) -> Iterable[Json]:
        """What the second makes of what the first makes of it."""
        return chain.from_iterable(self._second.events(between) for between in self._first.events(event))

    def end(self) -> Iterable[Json]:
        """What both still owe."""
        owed = chain.from_iterable(self._second.events(between) for between in self._first.end())
        return chain(owed, self._second.end())


def _as_it_is(answer: Json) -> Json:
    return answer
