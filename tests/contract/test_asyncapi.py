"""The AsyncAPI document: whole, by the specification, and about the subjects that are really used.

The official JSON Schema of AsyncAPI is half a megabyte and no dependency of ours; FastStream's models and the rules
below, out of the specification (https://www.asyncapi.com/docs/reference/specification/v3.0.0), stand for it offline.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from faststream.specification.asyncapi.v3_0_0.schema import ApplicationSchema

from cli.contracts import ROOT, SCHEMAS
from contracts import deadletter, envelope, subjects
from contracts.asyncapi import asyncapi
from contracts.registry import CONTRACTS
from contracts.schema import core_schemas

DOCUMENT: dict[str, Any] = json.loads((ROOT / SCHEMAS / "asyncapi.json").read_text(encoding="utf-8"))
CHANNELS: dict[str, Any] = DOCUMENT["channels"]
OPERATIONS: dict[str, Any] = DOCUMENT["operations"]
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]

ALLOWED = {
    "root": {"asyncapi", "id", "info", "defaultContentType", "servers", "channels", "operations", "components"},
    "server": {"host", "protocol", "protocolVersion", "pathname", "description", "title", "summary", "variables"},
    "channel": {"address", "messages", "title", "summary", "description", "servers", "parameters", "tags", "bindings"},
    "operation": {"action", "channel", "title", "summary", "description", "bindings", "messages", "reply", "tags"},
    "message": {"headers", "payload", "correlationId", "contentType", "name", "title", "summary", "examples", "tags"},
    "parameter": {"enum", "default", "description", "examples", "location"},
    "example": {"headers", "payload", "name", "summary"},
}


def unknown(kind: str, found: dict[str, Any]) -> set[str]:
    return {field for field in found if field not in ALLOWED[kind] and not field.startswith("x-")}


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for inner in node.values():
            yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)


def resolved(reference: str) -> dict[str, Any]:
    file, _, pointer = reference.partition("#")
    found: Any = json.loads((ROOT / SCHEMAS / file).read_text(encoding="utf-8")) if file else DOCUMENT
    for part in pointer.split("/")[1:]:
        found = found[part]
    return found


def test_faststreams_models_read_it():
    document = asyncapi()
    # The specification leaves the path out where there is none; FastStream's model insists on it.
    document["servers"]["nats"]["pathname"] = ""
    read = ApplicationSchema.model_validate(document)
    assert read.asyncapi == "3.0.0"
    assert {name: channel.address for name, channel in read.channels.items()} == {
        name: channel["address"] for name, channel in CHANNELS.items()
    }
    assert {operation.action.value for operation in read.operations.values()} == {"send", "receive"}


def test_it_has_no_field_that_the_specification_does_not_know():
    assert not unknown("root", DOCUMENT)
    for kind, entries in (
        ("server", DOCUMENT["servers"]),
        ("channel", CHANNELS),
        ("operation", OPERATIONS),
        ("message", MESSAGES),
        ("parameter", DOCUMENT["components"]["parameters"]),
    ):
        assert {name: unknown(kind, entry) for name, entry in entries.items() if unknown(kind, entry)} == {}
    for message in MESSAGES.values():
        assert not any(unknown("example", shown) for shown in message.get("examples", ()))


def test_names_are_such_as_the_specification_allows():
    for section in DOCUMENT["components"].values():
        assert all(re.fullmatch(r"[\w.-]+", name) for name in section)


def test_every_reference_leads_somewhere():
    found = set(references(DOCUMENT))
    assert "./inference.completed.json" in found
    for reference in found:
        assert isinstance(resolved(reference), dict), reference


def test_it_speaks_nats_and_json():
    assert [server["protocol"] for server in DOCUMENT["servers"].values()] == ["nats"]
    assert DOCUMENT["defaultContentType"] == "application/json"
    variables = DOCUMENT["servers"]["nats"]["variables"]
    assert set(re.findall(r"{(\w+)}", DOCUMENT["servers"]["nats"]["host"])) == variables.keys()


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.event)
def test_every_event_is_a_channel(contract):
    channel = CHANNELS[contract.event]
    assert channel["address"] == contract.subject
    assert channel.get("x-jetstream-stream") == contract.stream
    assert MESSAGES[contract.event]["payload"] == {"$ref": f"./{contract.event}.json"}


def test_what_is_not_stored_is_a_channel_too():
    assert CHANNELS["inference.delta"]["address"] == subjects.delta("{ingress}", "{request_id}")
    assert CHANNELS["inference.cancel"]["address"] == subjects.cancel("{request_id}")
    assert CHANNELS["deadletter"]["address"] == subjects.deadletter("{stage}")
    assert len(CHANNELS) == len(CONTRACTS) + 3


@pytest.mark.parametrize("name", CHANNELS)
def test_a_channel_declares_the_parameters_of_its_address_and_has_a_message(name):
    channel = CHANNELS[name]
    assert set(re.findall(r"{(\w+)}", channel["address"])) == channel["parameters"].keys()
    assert re.fullmatch(r"penstock\.v1(\.([a-z]+|{\w+}))+", channel["address"])
    assert [resolved(message["$ref"]) for message in channel["messages"].values()] == [MESSAGES[name]]


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_uses_messages_of_its_channel_over_nats(name):
    operation = OPERATIONS[name]
    channel = resolved(operation["channel"]["$ref"])
    of_channel = {f"{operation['channel']['$ref']}/messages/{message}" for message in channel["messages"]}
    assert {message["$ref"] for message in operation["messages"]} <= of_channel
    assert operation["messages"]
    assert operation["bindings"] == {"nats": {"bindingVersion": "0.1.0"}}


def test_it_is_written_for_the_other_side():
    actions = {
        operation["channel"]["$ref"].rpartition("/")[2]: operation["action"] for operation in OPERATIONS.values()
    }
    assert {name for name, action in actions.items() if action == "send"} == {
        "inference.requested",
        "inference.cancel",
        "documents.submitted",
        "reindex.requested",
    }
    assert {name for name, action in actions.items() if action == "receive"} >= {
        "inference.completed",
        "inference.failed",
        "inference.delta",
    }


@pytest.mark.parametrize("name", MESSAGES)
def test_the_examples_are_valid(name):
    message = MESSAGES[name]
    for shown in message.get("examples", ()):
        for part in shown.keys() & {"headers", "payload"}:
            schema = resolved(message[part]["$ref"])
            jsonschema.Draft7Validator(schema).validate(shown[part])


def test_headers_are_objects_with_properties():
    described = {name: message["headers"] for name, message in MESSAGES.items() if "headers" in message}
    assert MESSAGES.keys() - described.keys() == {"inference.cancel"}
    for headers in described.values():
        schema = resolved(headers["$ref"])
        assert schema["type"] == "object"
        assert schema["properties"]


def test_the_headers_of_a_delta_are_those_that_the_provider_worker_sends():
    schema = core_schemas()["deltaHeaders"]
    following = {envelope.SEQUENCE: "2", envelope.ATTEMPTS: "1"}
    first = {**following, envelope.DEPLOYMENT: "a/b", envelope.PROVIDER_MODEL: "b", envelope.ROUTE: "alias"}
    assert first.keys() == schema["properties"].keys()
    for headers in (first, following):
        jsonschema.Draft202012Validator(schema).validate(headers)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate({**following, envelope.SEQUENCE: "0"})


def test_the_headers_of_a_dead_letter_are_its_own():
    schema = core_schemas()["deadLetterHeaders"]
    assert schema["properties"].keys() == set(deadletter.OWN) == set(schema["required"])
