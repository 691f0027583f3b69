"""Which requests the semantic cache looks at, and what must be equal in two of them besides what is asked."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from contracts import envelope
from contracts.apis.fields import Json
from contracts.apis.grounding.question import text_of_turn, turns_of
from contracts.inference import ANTHROPIC_MESSAGES, OPENAI_CHAT, OPENAI_RESPONSES
from infra.catalog import Catalog
from infra.catalog.semantic import SemanticCache
from workers.cache.key import NOT_PART_OF_THE_QUESTION, TERMS, models_behind

_TURNS = {OPENAI_CHAT: "messages", OPENAI_RESPONSES: "input", ANTHROPIC_MESSAGES: "messages"}
_OF_SYSTEM = ("system", "developer")
_WANTS_ANOTHER = ("logprobs", "top_logprobs", "audio", "modalities", "functions", "prediction", "prompt", "background")
"""Fields that ask for more than a text, or for a text that the request alone doesn't determine."""
_WARM = 0.7
"""A temperature above which a caller wants another answer each time."""
_PERSONAL = re.compile(
    r"[\w.+-]+@[\w-]+\.\w"  # e-mail
    r"|(?:\d[ -]?){9,}"  # telephones, cards, accounts
    r"|\+\d[\d /()-]{6,}"
    r"|\b[A-Z]{2}\d{2}[ ]?(?:[A-Z0-9]{4}[ ]?){2,}"  # IBAN
    r"|\b(?:my name is|i am called|i live (?:at|in)|(?:my (?:address|password|pin|birthday)|date of birth|ssn) is)\b",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"```|^\s*(?:def|class|import|from|public|private|function|const|let|var|#include|SELECT|INSERT|UPDATE)\b[^.?!]*[({=;*]"
    r"|[;{}]\s*$|</?\w+>|\w+\([^)]*\)\s*[;{]|==|=>|::|\bTraceback\b",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and where answers may come from: `scope` is equal for questions that differ in their text alone.

    One rule is learnt for a `group`: a scope in all versions of the documents that it rests on.
    """

    text: str
    scope: bytes
    group: bytes


def question_of(body: Json, headers: Mapping[str, str], settings: SemanticCache, model: str) -> Question | None:
    """The question of a request that its model's cache may look at; `model` is what `digest` says of it. None for all
    others: conversations, tools, images, code, long or personal ones, and those that want variety.
    """
    api, request, grounds = headers[envelope.API], body["request"], body.get("grounds")
    if api not in _TURNS or headers.get(envelope.KEY_ID) in settings.except_keys or _is_special(request, grounds):
        return None
    turns = list(request["messages"]) if api == ANTHROPIC_MESSAGES else turns_of(api, request)
    text = _only_text(turns)
    if text is None or not 0 < len(text) <= settings.longest or _PERSONAL.search(text) or _CODE.search(text):
        return None
    found = _passages(grounds, request)
    if found is None:
        return None
    rest = {name: value for name, value in request.items() if name not in NOT_PART_OF_THE_QUESTION}
    rest[_TURNS[api]] = turns[:-1]
    terms = {name: headers[name] for name in TERMS if name in headers}
    group = _hash([api, model, rest, terms])
    return Question(text, _hash([group.hex(), found]), group)


def digest(catalog: Catalog, asked: str, named: Iterable[frozenset[str]] = ()) -> str:
    """What stands behind a model's name: another provider or another of its models is another model.

    Behind one of the router's: what `models_behind` says of it.
    """
    if catalog.alias(asked) is not None:
        return orjson.dumps([asked, models_behind(catalog, asked, named)]).decode()
    model = catalog.resolve(asked)
    behind = [] if model is None else [(each.provider, each.provider_model(asked)) for each in model.deployments]
    return orjson.dumps([asked, behind]).decode()


def _is_special(request: Json, grounds: Sequence[Any] | None) -> bool:
    tools = request.get("tools") or ()
    searches = grounds is not None and all(tool.get("type") == "file_search" for tool in tools)
    return (
        bool(tools and not searches)
        or any(request.get(name) for name in _WANTS_ANOTHER)
        or (request.get("n") or 1) != 1
        or (request.get("temperature") or 0) > _WARM
        or bool(request.get("previous_response_id") or request.get("conversation"))
    )


def _only_text(turns: Sequence[Json]) -> str | None:
    """What the user says, where that is the one turn beside instructions, and is text alone."""
    if not turns or turns[-1].get("role") != "user":
        return None
    if any(turn.get("role") not in _OF_SYSTEM for turn in turns[:-1]):
        return None
    content = turns[-1].get("content")
    if isinstance(content, list) and any(part.get("type") not in ("text", "input_text") for part in content):
        return None
    return text_of_turn(turns[-1]).strip()


def _passages(grounds: Sequence[Json] | None, request: Json) -> list[Any] | None:
    """What of documents an answer rests on: the index's versions, and the passages. None where a version is unknown.

    Two questions for which other passages were found are answered from other grounds.
    """
    if grounds is None:
        return []
    stores = {store for tool in request.get("tools") or () for store in tool.get("vector_store_ids") or ()}
    versions = {(ground["store_id"], ground.get("version")) for ground in grounds}
    if len(versions) < len(stores) or any(version is None for _, version in versions):
        return None
    passages = sorted((each["store_id"], each["document_id"], each["start"], each["text"]) for each in grounds)
    return [sorted(versions), hashlib.sha256(orjson.dumps(passages)).hexdigest()]


def _hash(parts: Sequence[object]) -> bytes:
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).digest()[:16]
