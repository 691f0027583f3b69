"""The values the simulator makes for a JSON schema: valid for it, whatever it is."""

import contextlib
import json
from datetime import date
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field

from infra.simulator.errors import ApiError
from infra.simulator.schemas import example

NAMES = st.sampled_from(["city", "unit", "days", "tags", "place"])
SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5)
FORMATS = ["date", "time", "date-time", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid", "unheard-of"]
PATTERNS = [
    r"^\d{5}$", r"^[A-Z]{2,3}-[0-9]+$", r"^(foo|bar)+baz?$", r"[^a-z]", r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$",
    r"^(\w)x\1$", r"^\S+@\S+\.[a-z]{2,}$", r"^.{3,}$", "",
]  # fmt: skip


def is_valid(value: object, schema: Any) -> bool:
    # A value goes over the wire as JSON, so it is judged as what arrives.
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).is_valid(
        json.loads(json.dumps(value))
    )


@st.composite
def strings(draw: st.DrawFn) -> dict[str, Any]:
    low = draw(st.integers(0, 12))
    sizes = {"minLength": low, "maxLength": low + draw(st.integers(0, 12))}
    chosen = draw(st.sampled_from([{}, sizes, {"minLength": low}, {"format": draw(st.sampled_from(FORMATS))}]))
    return {"type": "string", **chosen}


@st.composite
def numbers(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["integer", "number"]))
    low = draw(st.integers(-50, 50) if kind == "integer" else st.floats(-50, 50))
    bounds = [{"minimum": low}, {"maximum": low}, {"exclusiveMinimum": low}, {"exclusiveMaximum": low}, {}]
    ranges = [{"minimum": low, "maximum": low + 3}, {"exclusiveMinimum": low, "exclusiveMaximum": low + 2}]
    steps = [{"multipleOf": 7}, {"multipleOf": 0.25}, {"multipleOf": 0.1, "minimum": low}]
    return {"type": kind, **draw(st.sampled_from([*bounds, *ranges, *steps]))}


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    objects = st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(NAMES, inner, max_size=4)},
        optional={
            "required": st.lists(NAMES, unique=True, max_size=3),
            "additionalProperties": inner,
            "minProperties": st.integers(0, 3),
        },
    )
    maps = st.fixed_dictionaries({"type": st.just("object"), "additionalProperties": inner | st.booleans()})
    arrays = st.fixed_dictionaries(
        {"type": st.just("array"), "items": inner},
        optional={"minItems": st.integers(0, 2), "maxItems": st.integers(2, 4)},
    )
    tuples = st.fixed_dictionaries(
        {"type": st.just("array"), "prefixItems": st.lists(inner, min_size=1, max_size=2)},
        optional={"items": st.just(False) | inner},
    )
    unions = st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=3)})
    return objects | maps | arrays | tuples | unions


LEAVES = (
    strings()
    | numbers()
    | st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": ["string", "null"]}, True, {}])
    | st.fixed_dictionaries({"const": SCALARS})
    | st.fixed_dictionaries({"enum": st.lists(SCALARS, min_size=1, max_size=4)})
    | st.sampled_from(PATTERNS).map(lambda pattern: {"type": "string", "pattern": pattern})
)
SCHEMAS = st.recursive(LEAVES, containers, max_leaves=12).filter(lambda schema: schema is not True)
KEYWORDS = [
    "type", "properties", "required", "items", "anyOf", "allOf", "$ref", "enum", "const", "minimum", "maximum",
    "multipleOf", "minLength", "maxLength", "pattern", "format", "minItems", "uniqueItems", "prefixItems",
    "additionalProperties", "minProperties", "patternProperties", "propertyNames", "$defs",
]  # fmt: skip
NONSENSE = st.recursive(
    SCALARS | st.sampled_from(["string", "number", "object", "array", "#", "#/$defs/a", "("]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=3),
    max_leaves=10,
)


@given(SCHEMAS, st.binary(max_size=4))
@settings(max_examples=400, deadline=None)
def test_every_value_is_valid_for_its_schema(schema: dict[str, Any], seed: bytes):
    assert is_valid(example(schema, seed), schema)


@given(NONSENSE)
@settings(max_examples=400, deadline=None)
def test_a_schema_that_makes_no_sense_is_refused_or_passed_over(schema: Any):
    # Any other exception than a refusal would end the call without an answer.
    for tried in (schema, {"properties": {"value": schema}}, {"anyOf": [schema, True]}):
        if isinstance(tried, dict):
            with contextlib.suppress(ApiError):
                example(tried, b"")


class Place(BaseModel):
    city: str = Field(min_length=3, max_length=8)
    country: Literal["FR", "ES"]


class Trip(BaseModel):
    places: list[Place] = Field(min_length=2)
    days: int = Field(ge=1, le=14)
    code: str = Field(pattern=r"^[A-Z]{3}-\d{4}$")
    start: date
    rating: float | None = None
    prices: dict[Literal["low", "high"], int] = {}
    then: "Trip | None" = None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: set[Literal["sit", "roll"]] = Field(min_length=2)


class Owner(BaseModel):
    pet: Cat | Dog = Field(discriminator="kind")


@pytest.mark.parametrize("model", [Place, Trip, Owner])
@pytest.mark.parametrize("seed", [b"a", b"b", b"c", b"d"])
def test_a_pydantic_models_schema_makes_that_model(model: type[BaseModel], seed: bytes):
    made = example(model.model_json_schema(), seed)
    assert is_valid(made, model.model_json_schema())
    assert model.model_validate_json(json.dumps(made)).model_fields_set == made.keys()


def test_the_same_seed_makes_the_same_value_and_another_one_another():
    schema = {"properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}
    assert example(schema, b"one") == example(schema, b"one")
    assert len({json.dumps(example(schema, b"%d" % seed)) for seed in range(20)}) > 15


def test_optional_properties_are_given_and_nullable_ones_are_not_null():
    schema = {"properties": {"a": {"type": ["null", "integer"]}, "b": {"anyOf": [{"type": "null"}, {"const": 1}]}}}
    made = example({**schema, "required": []}, b"")
    assert isinstance(made["a"], int)
    assert made["b"] == 1


def test_properties_come_in_the_order_of_the_schema():
    schema = {"properties": {name: {"type": "integer"} for name in "cab"}, "required": ["b"]}
    assert list(example(schema, b"")) == ["c", "a", "b"]


def test_a_recursive_schema_ends():
    node = {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#"}}}}
    linked = {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}}
    for schema in (node, linked | {"required": ["next"]}):
        made = example(schema, b"")
        assert is_valid(made, schema)
        assert len(json.dumps(made)) < 500


def test_what_is_said_in_several_places_holds_together():
    schema = {
        "$defs": {"few": {"type": "integer", "minimum": 3}},
        "properties": {"count": {"allOf": [{"$ref": "#/$defs/few"}, {"maximum": 4}, {"type": "number"}]}},
        "allOf": [{"required": ["count", "other"]}, {"properties": {"other": {"enum": [1, 2]}}}],
        "anyOf": [{"properties": {"other": {"enum": [2, 3]}}}],
    }
    assert is_valid(example(schema, b""), schema)
    assert example(schema, b"")["other"] == 2


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/absent"},
        {"$ref": "https://example.org/schema"},
        {"$ref": "#"},
        {"anyOf": [{"$ref": "#"}]},
        {"anyOf": []},
        {"enum": []},
        {"type": "colour"},
        {"type": "integer", "minimum": 2, "maximum": 1},
        {"type": "number", "exclusiveMinimum": 1, "exclusiveMaximum": 1},
        {"type": "string", "minLength": 2, "maxLength": 1},
        {"type": "string", "pattern": "("},
        {"type": "string", "pattern": "a^"},
        {"type": "array", "items": {"const": 1}, "minItems": 2, "uniqueItems": True},
        {"type": "array", "minItems": 10**9},
        {"required": ["self"], "properties": {"self": {"$ref": "#"}}},
        {"required": ["a"], "additionalProperties": False},
    ],
    ids=str,
)
def test_a_schema_without_a_value_is_refused(schema: dict[str, Any]):
    with pytest.raises(ApiError, match="Invalid schema"):
        example(schema, b"")
