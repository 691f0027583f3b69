"""JSON Schemas (2020-12) of what is on the wire: one of each event's body, and one of the headers.

Each event has a file of its own that is complete in itself, also where four events share a body: whoever generates a
client in another language fetches one file and resolves nothing, and the day one of the four gets a field more there
is no reference to untie. No keyword is used whose meaning differs between 2020-12 and draft-07, so that AsyncAPI,
whose schemas are draft-07, can refer to the same files.
"""

import json
from collections.abc import Iterable
from typing import Any, Literal

from pydantic.json_schema import GenerateJsonSchema

from contracts import deadletter, envelope
from contracts.registry import CONTRACTS, MessageContract, contract_of

Schema = dict[str, Any]

VERSION = "v1"
DOORS = ("inference.requested", "documents.submitted", "reindex.requested")
"""The events that others publish; every other one is published by Penstock alone."""
SUBJECT_KEYWORD = "x-penstock-subject"
STREAM_KEYWORD = "x-penstock-stream"

_AT_THE_DOOR = (
    envelope.MSG_ID,
    envelope.REQUEST_ID,
    envelope.INGRESS,
    envelope.TRACEPARENT,
    envelope.TRACESTATE,
    envelope.SPEC,
    envelope.ID,
    envelope.TYPE,
    envelope.SOURCE,
    envelope.TIME,
)
_COUNT = r"^[1-9][0-9]*$"
_DELTA_HEADERS: dict[str, Schema] = {
    envelope.SEQUENCE: {"description": "Counts a request's deltas from 1; a gap is a loss.", "pattern": _COUNT},
    envelope.ATTEMPTS: {"description": "Which provider call this comes from.", "pattern": _COUNT},
    envelope.DEPLOYMENT: {"description": "What answers. On the first delta."},
    envelope.PROVIDER_MODEL: {"description": "The model as the provider calls it. On the first delta."},
    envelope.ROUTE: {"description": "Why this deployment. On the first delta."},
}
_DEAD_LETTER_HEADERS: dict[str, Schema] = {
    deadletter.REASON: {"description": "A sentence for a person."},
    deadletter.ERROR_CODE: {"description": "The error's code."},
    deadletter.STAGE: {"description": "The worker that gave up."},
    deadletter.SUBJECT: {"description": "Where the message came from."},
    deadletter.STREAM: {"description": "The stream that held it."},
    deadletter.SEQUENCE: {"description": "Its sequence in that stream."},
    deadletter.DELIVERIES: {"description": "How often it was delivered."},
    envelope.MSG_ID: {"description": "deadletter.<stream>.<sequence>: a message is buried once."},
}
CHUNK: Schema = {
    "title": "ChatCompletionChunk",
    "description": "A chunk as OpenAI's API streams it; fields that are not named here are the provider's.",
    "type": "object",
    "properties": {
        "object": {"description": "chat.completion.chunk"},
        "choices": {"description": "What is new in each choice, as its delta.", "type": "array"},
        "usage": {"description": "On a last chunk without choices, where the request asked for it."},
    },
    "required": ["choices"],
    "examples": [
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": {"content": "Hello."}, "finish_reason": None}],
        }
    ],
}


class _WithoutFieldTitles(GenerateJsonSchema):
    """A title that only repeats the field's name says nothing, and code generators make a type of each."""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False


def schemas() -> dict[str, Schema]:
    """Every schema by the stem of its file: the events in the order of the registry, and `envelope`."""
    return {contract.event: body_schema(contract) for contract in CONTRACTS} | {"envelope": envelope_schema()}


def schema_id(name: str) -> str:
    """`penstock:inference.completed.v1`"""
    return f"penstock:{name}.{VERSION}"


def body_schema(contract: MessageContract) -> Schema:
    """The schema of one event's body. Subject and stream are in it, so that it is known when they change.

    A body that others write is what we accept (pydantic's validation mode): the prompt, which every stage forwards
    as it came. The rest is what we write (serialization mode): money, say, is a string there, although a number would
    be read as well. A field with a default may be absent in both: an older process of ours doesn't know it yet.
    """
    mode: Literal["validation", "serialization"] = (
        "validation" if contract.body in {contract_of(door).body for door in DOORS} else "serialization"
    )
    found = contract.body.model_json_schema(mode=mode, schema_generator=_WithoutFieldTitles)
    says = " ".join(part for part in (contract.summary, found.pop("description", "")) if part)
    where = {SUBJECT_KEYWORD: contract.subject} | ({STREAM_KEYWORD: contract.stream} if contract.stream else {})
    return _ordered(contract.event, found, {"description": says, **where})


def envelope_schema() -> Schema:
    """The schema of the headers. On the wire a header is a string or absent: never null."""
    found = envelope.Envelope.model_json_schema(
        by_alias=True, mode="serialization", schema_generator=_WithoutFieldTitles
    )
    found["properties"] = {name: _never_null(header) for name, header in found["properties"].items()}
    return _ordered("envelope", found, {"description": found.pop("description")})


def core_schemas() -> dict[str, Schema]:
    """The schemas of what has no file: headers that aren't the envelope's, and bodies of core messages."""
    known = envelope_schema()["properties"]
    door = {name: known[name] for name in _AT_THE_DOOR}
    delta = ("DeltaHeaders", "The headers of a delta.", _DELTA_HEADERS, (envelope.SEQUENCE, envelope.ATTEMPTS))
    says = "What a producer may say; a body alone is enough. Penstock adds the rest of the envelope."
    beside = "What is said of a message that a stage gave up on; beside these, the message's own headers."
    return {
        "producerHeaders": _headers_schema("ProducerHeaders", says, door, ()),
        "deltaHeaders": _headers_schema(*delta),
        "deadLetterHeaders": _headers_schema("DeadLetterHeaders", beside, _DEAD_LETTER_HEADERS, deadletter.OWN),
        "chatCompletionChunk": CHUNK,
        "emptyBody": {"description": "The body is empty: the subject says it all.", "type": "string", "maxLength": 0},
        "originalBody": {"description": "The body is the message as it came; it may be no JSON at all."},
    }


def to_text(document: Schema) -> str:
    """The one way a document is written down: indented, in the order it was made, with a newline at its end."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _ordered(name: str, found: Schema, extra: Schema) -> Schema:
    head = {"$schema": GenerateJsonSchema.schema_dialect, "$id": schema_id(name), "title": found.pop("title"), **extra}
    names = ("type", "properties", "required", "$defs")
    return head | {key: found[key] for key in names if key in found} | {k: found[k] for k in sorted(found)}


def _headers_schema(title: str, description: str, headers: dict[str, Schema], required: Iterable[str]) -> Schema:
    named = {name: {"type": "string", **header} for name, header in headers.items()}
    head = {"title": title, "description": description, "type": "object"}
    return {**head, "properties": named, "required": list(required)}


def _never_null(header: Schema) -> Schema:
    rest = {key: value for key, value in header.items() if key not in ("anyOf", "default")}
    for branch in header.get("anyOf", ()):
        if branch != {"type": "null"}:
            rest = branch | rest
    return rest
