"""The AsyncAPI 3.0 document of all channels, as an application that is not Penstock sees them.

https://www.asyncapi.com/docs/reference/specification/v3.0.0. So `send` is what a producer in another language does, and
`receive` what a consumer does. Bodies and headers of events are referred to, each in its file beside the document. The
NATS binding (0.1.0) leaves channels and messages nothing to say, so the stream stands in an `x-` field.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from contracts import envelope, subjects
from contracts.compatibility import SchemaError, changed, child_path, incompatibilities
from contracts.examples import example
from contracts.registry import CONTRACTS, MessageContract
from contracts.schema import CHUNK, DOORS, VERSION, Schema, core_schemas

NAME = "asyncapi"
"""The stem of the document's file, among those of the schemas."""
STREAM_FIELD = "x-jetstream-stream"
DELTA, CANCEL, DEADLETTER = "inference.delta", "inference.cancel", "deadletter"

_CHARACTERS = "1 to 128 of A-Z a-z 0-9 - _."
_PARAMETERS: dict[str, Schema] = {
    "lane": {
        "description": "interactive or batch: bulk work never stands in front of a person.",
        "enum": [lane.value for lane in subjects.Lane],
    },
    "tenant": {"description": f"The team whose request it is: {_CHARACTERS}", "examples": ["default"]},
    "provider": {
        "description": "The provider of the first deployment, as the catalogue calls it.",
        "examples": ["openai"],
    },
    "request_id": {
        "description": f"The id that the caller gave the request: {_CHARACTERS}",
        "examples": ["invoice-4711"],
    },
    "submission_id": {"description": f"The id that the producer gave the submission: {_CHARACTERS}"},
    "job_id": {"description": f"The id that the caller gave the re-index: {_CHARACTERS}"},
    "pool": {
        "description": "Who embeds: @local, or a provider as the catalogue calls it.",
        "examples": ["@local", "openai"],
    },
    "ingress": {
        "description": "Who waits for the deltas, as `ce-ingress` of the request says; where tenants have accounts, "
        f"the tenant: {_CHARACTERS}"
    },
    "key": {"description": "SHA-256 of what determines the answer, in hexadecimal digits."},
    "stage": {"description": "The worker that gave the message up.", "examples": ["provider"]},
}
_OPERATIONS = (
    (
        "sendRequest",
        "send",
        "inference.requested",
        "Ask. JetStream's publish-ack says that the request is stored and will be answered.",
    ),
    ("sendDocument", "send", "documents.submitted", "Put a document into a store, or take it out."),
    ("sendReindex", "send", "reindex.requested", "Build a store's index anew while the old one answers."),
    ("sendCancel", "send", CANCEL, "Stop a request that nobody waits for any more."),
    ("receiveCompleted", "receive", "inference.completed", "The answer; a request has this or `failed`, once."),
    ("receiveFailed", "receive", "inference.failed", "Why there is no answer."),
    ("receiveDelta", "receive", DELTA, "The answer as it comes. Subscribe before you ask: deltas are not stored."),
    ("receiveUsage", "receive", "usage.recorded", "What each attempt used. The stream is the ledger's: only listen."),
    ("receiveIndexed", "receive", "documents.indexed", "A document can be found; one message an index version."),
    ("receiveDocumentFailed", "receive", "documents.failed", "Why a document can't be indexed."),
    ("receiveProgress", "receive", "reindex.progressed", "How far a re-index has come."),
    ("receiveReindexed", "receive", "reindex.completed", "How a re-index ended."),
    ("receiveDeadLetter", "receive", DEADLETTER, "Messages that need a person."),
)


@dataclass(frozen=True, slots=True)
class _Channel:
    """One channel and its only message."""

    name: str
    address: str
    stream: str | None
    summary: str
    headers: Schema | None
    payload: Schema
    content_type: str = envelope.CONTENT_TYPE
    example: Schema | None = None


def asyncapi() -> Schema:
    """The document. A subject's parameters are described in `_PARAMETERS`."""
    channels = [_of_contract(contract) for contract in CONTRACTS] + [_delta(), _cancel(), _dead_letter()]
    return {
        "asyncapi": "3.0.0",
        "id": f"urn:penstock:{VERSION}",
        "info": {
            "title": "Penstock",
            "version": VERSION.removeprefix("v"),
            "description": "Within a version changes are additive; anything else is a new version.",
        },
        "defaultContentType": envelope.CONTENT_TYPE,
        "servers": {"nats": _server()},
        "channels": {channel.name: _channel(channel) for channel in channels},
        "operations": {name: _operation(action, channel, summary) for name, action, channel, summary in _OPERATIONS},
        "components": {
            "messages": {channel.name: _message(channel) for channel in channels},
            "parameters": _PARAMETERS,
            "schemas": core_schemas(),
        },
    }


def incompatible_changes(old: Mapping[str, Schema], new: Mapping[str, Schema]) -> list[str]:
    """One sentence for each change between two sets of documents, by name, that is not additive. Raises `SchemaError`.

    A name that is only in `new` is a new event, and additive.
    """
    found: list[str] = []
    for name in sorted(old):
        if name not in new:
            found.append(f"{name}: it was removed or renamed, and may still be sent or read")
            continue
        compare = channel_incompatibilities if name == NAME else incompatibilities
        found += [f"{name}: {sentence}" for sentence in compare(old[name], new[name])]
    return found


def channel_incompatibilities(old: Schema, new: Schema) -> list[str]:
    """What of two AsyncAPI documents is not additive: what they alone say, and no schema file. Raises `SchemaError`."""
    found: list[str] = []
    for place, kept in (
        ("channels", ("address", "messages", STREAM_FIELD)),
        ("operations", ("action", "channel", "messages")),
        ("components.messages", ("contentType", "headers", "payload")),
        ("components.parameters", ("enum",)),
        ("components.schemas", ()),
    ):
        before, after = _entries(old, place), _entries(new, place)
        for name in sorted(before):
            path = child_path(f"$.{place}", name)
            if name not in after:
                found.append(f"{path}: it was removed or renamed")
            elif place == "components.schemas":
                # The path within the schema goes on from the path of the schema.
                found += [path + sentence[1:] for sentence in incompatibilities(before[name], after[name])]
            else:
                found += [f"{path}: {what}" for key in kept for what in changed(key, before[name], after[name])]
    return found


def _entries(document: Schema, place: str) -> dict[str, Schema]:
    found: object = document
    for key in place.split("."):
        found = found.get(key, {}) if isinstance(found, dict) else None
    if not isinstance(found, dict) or not all(isinstance(entry, dict) for entry in found.values()):
        raise SchemaError(f"$.{place} is no object of objects")
    return found


def _server() -> Schema:
    return {
        "host": "{host}:{port}",
        "protocol": "nats",
        "description": "A stock NATS client, with JetStream for what is stored.",
        "variables": {"host": {"default": "127.0.0.1"}, "port": {"default": "4222"}},
    }


def _of_contract(contract: MessageContract) -> _Channel:
    at_the_door = contract.event in DOORS
    return _Channel(
        name=contract.event,
        address=contract.subject,
        stream=contract.stream,
        summary=contract.summary,
        headers={"$ref": "#/components/schemas/producerHeaders" if at_the_door else "./envelope.json"},
        payload={"$ref": f"./{contract.event}.json"},
        example={"payload": example(contract)},
    )


def _delta() -> _Channel:
    return _Channel(
        name=DELTA,
        address=subjects.delta("{ingress}", "{request_id}"),
        stream=None,
        summary="A piece of the answer, while the provider still speaks. Sent where the request says `stream` and the "
        "envelope names an ingress. Core NATS: what nobody hears is gone, and `completed` holds all of it.",
        headers={"$ref": "#/components/schemas/deltaHeaders"},
        payload={"$ref": "#/components/schemas/chatCompletionChunk"},
        example={"headers": {envelope.SEQUENCE: "2", envelope.ATTEMPTS: "1"}, "payload": CHUNK["examples"][0]},
    )


def _cancel() -> _Channel:
    return _Channel(
        name=CANCEL,
        address=subjects.cancel("{request_id}"),
        stream=None,
        summary="The caller went away: the provider call ends, what it used is recorded, the request has `failed`. "
        "Where tenants have accounts, it ends a request of the sender's alone.",
        headers=None,
        payload={"$ref": "#/components/schemas/emptyBody"},
        content_type="text/plain",
    )


def _dead_letter() -> _Channel:
    return _Channel(
        name=DEADLETTER,
        address=subjects.deadletter("{stage}"),
        stream="DEADLETTER",
        summary="A message that a stage gave up on, byte for byte, with its own headers and the reason.",
        headers={"$ref": "#/components/schemas/deadLetterHeaders"},
        payload={"$ref": "#/components/schemas/originalBody"},
        content_type="application/octet-stream",
    )


def _channel(channel: _Channel) -> Schema:
    parameters = re.findall(r"{(\w+)}", channel.address)
    found: Schema = {
        "address": channel.address,
        "description": channel.summary,
        "parameters": {name: {"$ref": f"#/components/parameters/{name}"} for name in parameters},
    }
    if channel.stream:
        found[STREAM_FIELD] = channel.stream
    return found | {"messages": {channel.name: {"$ref": f"#/components/messages/{channel.name}"}}}


def _message(channel: _Channel) -> Schema:
    found: Schema = {"name": channel.name, "summary": channel.summary, "contentType": channel.content_type}
    if channel.headers:
        found["headers"] = channel.headers
    found["payload"] = channel.payload
    if channel.example:
        found["examples"] = [channel.example]
    return found


def _operation(action: str, channel: str, summary: str) -> Schema:
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{channel}"}],
        "bindings": {"nats": {"bindingVersion": "0.1.0"}},
    }
