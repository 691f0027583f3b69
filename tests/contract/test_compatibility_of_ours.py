"""The rules of compatibility on our own schemas, events and channels."""

from collections.abc import Iterator

import pytest

from contracts.asyncapi import asyncapi, channel_incompatibilities, incompatible_changes
from contracts.compatibility import SchemaError, incompatibilities
from contracts.schema import Schema, schemas


def _keywords(schema: Schema) -> Iterator[str]:
    """The path of each keyword that says something, definitions included."""
    annotations = {"title", "description", "$defs"}
    for keyword, value in schema.items():
        if keyword not in annotations and value is not True:
            yield keyword
        if keyword in ("properties", "$defs"):
            for name, inner in value.items():
                yield from (f"{keyword} {name} {path}" for path in _keywords(inner))
        if keyword == "anyOf":
            for index, inner in enumerate(value):
                yield from (f"{keyword} {index} {path}" for path in _keywords(inner))


@pytest.mark.parametrize("name", sorted(schemas()))
def test_no_keyword_of_our_own_schemas_can_go(edited, name):
    schema = schemas()[name]
    kept = [path for path in _keywords(schema) if not incompatibilities(schema, edited(schema, (path, ...)))]
    assert kept == []


@pytest.mark.parametrize("name", sorted(schemas()))
def test_an_optional_property_can_come_at_every_place_of_our_own_schemas(edited, name):
    schema = schemas()[name]
    places = [path for path in _keywords(schema) if path.split()[-1] == "properties"]
    assert places
    for place in places:
        assert incompatibilities(schema, edited(schema, (f"{place} brandnew", {"type": "string"}))) == []


def test_an_event_that_is_gone_is_refused_and_a_new_one_is_not():
    fewer = {name: schema for name, schema in schemas().items() if name != "cache.stored"}
    assert incompatible_changes(fewer, schemas()) == []
    assert incompatible_changes(schemas(), fewer) == [
        "cache.stored: it was removed or renamed, and may still be sent or read"
    ]


CHANNEL_REFUSALS = {
    "an address": ("channels inference.cancel address", "x.{request_id}", "$.channels['inference.cancel']: address"),
    "a channel": ("channels inference.delta", ..., "$.channels['inference.delta']: it was removed"),
    "a stream": ("channels deadletter x-jetstream-stream", "DEAD", "$.channels.deadletter: x-jetstream-stream changed"),
    "an operation": ("operations sendCancel", ..., "$.operations.sendCancel: it was removed"),
    "who sends": ("operations sendCancel action", "receive", "$.operations.sendCancel: action changed"),
    "the content type": (
        "components messages deadletter contentType",
        "text/plain",
        "$.components.messages.deadletter:",
    ),
    "a message's headers": (
        "components messages inference.delta headers $ref",
        "./envelope.json",
        "$.components.messages['inference.delta']: headers changed",
    ),
    "a message's body": (
        "components messages inference.cancel payload",
        {},
        "$.components.messages['inference.cancel']:",
    ),
    "a lane": ("components parameters lane enum", ["interactive"], "$.components.parameters.lane: enum changed"),
    "a header of a delta": (
        "components schemas deltaHeaders properties ce-sequence",
        ...,
        "$.components.schemas.deltaHeaders['ce-sequence']: the property was removed",
    ),
    "what a delta must have": (
        "components schemas chatCompletionChunk required",
        [],
        "$.components.schemas.chatCompletionChunk.choices: it stopped",
    ),
}


@pytest.mark.parametrize(("path", "value", "sentence"), CHANNEL_REFUSALS.values(), ids=CHANNEL_REFUSALS.keys())
def test_what_only_the_asyncapi_document_says_is_kept_too(edited, path, value, sentence):
    found = channel_incompatibilities(asyncapi(), edited(asyncapi(), (path, value)))
    assert any(said.startswith(sentence) for said in found), found


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("channels order.placed", {"address": "penstock.v1.order.placed", "messages": {}}),
        ("operations receiveOrder", {"action": "receive", "channel": {"$ref": "#/channels/inference.delta"}}),
        ("components schemas deltaHeaders properties ce-more", {"type": "string"}),
        ("components messages inference.delta summary", "In other words."),
        ("components parameters tenant description", "In other words."),
        ("info description", "In other words."),
    ],
    ids=["a channel", "an operation", "an optional header", "a summary", "a description", "the document's description"],
)
def test_channels_may_be_added_to(edited, path, value):
    assert channel_incompatibilities(asyncapi(), edited(asyncapi(), (path, value))) == []


def test_what_is_no_asyncapi_document_is_said_to_be_none():
    with pytest.raises(SchemaError, match="channels"):
        channel_incompatibilities({"channels": []}, asyncapi())
