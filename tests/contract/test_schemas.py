"""The JSON Schemas: the committed ones are the code's, and what travels is valid by them."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest

from cli.contracts import ROOT, SCHEMAS, all_documents, files
from contracts import envelope
from contracts.examples import example
from contracts.inference import InferenceRequested
from contracts.registry import CONTRACTS, contract_of
from contracts.schema import Schema, body_schema, core_schemas, envelope_schema, schemas, to_text

EVENTS = [contract.event for contract in CONTRACTS]
FORWARDED = ("inference.requested", "inference.validated", "inference.uncached", "inference.routed")


def validate(instance: object, schema: Schema) -> None:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator(schema, format_checker=checker).validate(instance)


@pytest.mark.parametrize("path", [path for path in files(all_documents()) if path.startswith(SCHEMAS)])
def test_the_committed_file_is_what_the_code_says(path):
    assert (ROOT / path).read_text(encoding="utf-8") == files(all_documents())[path], "run «make schemas»"


def test_there_is_a_file_for_each_event_and_none_besides():
    committed = {path.stem for path in (ROOT / SCHEMAS).iterdir()}
    assert committed == {*EVENTS, "envelope", "asyncapi"}


@pytest.mark.parametrize("name", [*EVENTS, "envelope"])
def test_every_file_is_a_schema_in_both_dialects_that_read_it(name):
    schema = json.loads((ROOT / SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft7Validator.check_schema(schema)


def test_an_event_names_itself_its_subject_and_its_stream():
    schema = body_schema(contract_of("inference.completed"))
    assert schema["$id"] == "penstock:inference.completed.v1"
    assert schema["x-penstock-subject"] == "penstock.v1.inference.completed.{lane}.{tenant}.{request_id}"
    assert schema["x-penstock-stream"] == "RESULTS, RESULTS_ASYNC in the batch lane"


def test_a_file_needs_no_other_file():
    for schema in schemas().values():
        assert all(reference.startswith("#/$defs/") for reference in re.findall(r'"\$ref": "(.*)"', to_text(schema)))


def test_the_stages_that_forward_the_prompt_have_the_same_body():
    bodies = [body_schema(contract_of(event)) for event in FORWARDED]
    for body in bodies:
        assert (body["properties"], body["required"]) == (bodies[0]["properties"], bodies[0]["required"])


@pytest.mark.parametrize("event", EVENTS)
def test_the_example_is_valid_by_the_schema_and_by_the_model(event):
    contract = contract_of(event)
    body = example(contract)
    validate(body, body_schema(contract))
    read = contract.body.model_validate(body)
    assert json.loads(read.model_dump_json(exclude_none=True)) == body
    assert example(contract) == body


@pytest.mark.parametrize("event", EVENTS)
def test_an_example_shows_every_required_field(event):
    contract = contract_of(event)
    assert set(body_schema(contract)["required"]) <= example(contract).keys()


@pytest.mark.parametrize("event", EVENTS)
def test_a_reader_ignores_what_it_does_not_know(event):
    contract = contract_of(event)
    body = example(contract) | {"of_a_newer_version": {"a": 1}}
    validate(body, body_schema(contract))
    contract.body.model_validate(body)


@pytest.mark.parametrize("event", EVENTS)
def test_a_body_without_a_required_field_is_refused(event):
    contract = contract_of(event)
    for field in body_schema(contract)["required"]:
        body = {name: value for name, value in example(contract).items() if name != field}
        with pytest.raises(jsonschema.ValidationError, match=field):
            validate(body, body_schema(contract))


def test_a_producer_may_leave_out_or_null_what_it_need_not_say():
    schema = body_schema(contract_of("inference.requested"))
    validate({"request_id": "a", "request": {}}, schema)
    validate({"request_id": "a", "request": {}, "deadline": None, "cache_control": None}, schema)
    for wrong in ({"request_id": "a b"}, {"cache_control": "sometimes"}, {"deadline": 1795420800}):
        with pytest.raises(jsonschema.ValidationError):
            validate({"request_id": "a", "request": {}, **wrong}, schema)


def test_money_is_a_string_on_the_wire():
    cost = body_schema(contract_of("usage.recorded"))["properties"]["cost_usd"]
    assert [branch["type"] for branch in cost["anyOf"]] == ["string", "null"]


def test_the_headers_of_every_message_are_valid():
    headers = envelope.new_headers(
        event="inference.requested", message_id="default.a", source="penstock/api", now=datetime.now(UTC)
    )
    validate(headers, envelope_schema())
    validate({**headers, envelope.TRACEPARENT: "00-0-0-01", "x-of-somebody-else": "1"}, envelope_schema())
    for name in headers:
        with pytest.raises(jsonschema.ValidationError):
            validate({key: value for key, value in headers.items() if key != name}, envelope_schema())


def test_a_header_is_a_string_and_never_null():
    kinds = {name: header.get("type") for name, header in envelope_schema()["properties"].items()}
    assert set(kinds.values()) == {"string"}
    assert kinds.keys() >= set(envelope.CARRIED)


def test_a_producer_needs_no_header():
    validate({}, core_schemas()["producerHeaders"])
    assert envelope.MSG_ID in core_schemas()["producerHeaders"]["properties"]


def test_the_text_is_stable_and_keeps_the_order_of_the_fields():
    schema = body_schema(contract_of("inference.requested"))
    assert list(schema["properties"]) == list(InferenceRequested.model_fields)
    assert list(schema)[:3] == ["$schema", "$id", "title"]
    assert to_text(schema) == to_text(json.loads(to_text(schema)))
    assert to_text(schema).endswith("}\n")


def test_the_schemas_travel_with_the_package():
    assert Path(envelope.__file__).parent / "schemas" / "v1" == ROOT / SCHEMAS
