"""What is an addition, and what is a change that old readers or old writers would trip over."""

from typing import Any

import pytest

from contracts.compatibility import SchemaError, incompatibilities
from contracts.schema import Schema

OLD: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "penstock:order.placed.v1",
    "title": "OrderPlaced",
    "x-penstock-subject": "penstock.v1.order.placed.{tenant}",
    "x-penstock-stream": "ORDERS",
    "type": "object",
    "properties": {
        "id": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 8},
        "at": {"type": "string", "format": "date-time"},
        "count": {"type": "integer", "minimum": 0, "maximum": 9, "default": 0},
        "kind": {"enum": ["new", "old"], "type": "string"},
        "spec": {"const": "1.0", "type": "string"},
        "note": {"anyOf": [{"type": "string", "minLength": 1}, {"type": "null"}], "default": None},
        "plain": {"type": "string"},
        "line": {"$ref": "#/$defs/Line", "default": {"sku": "none", "amount": 1}},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}, "maxItems": 5},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "closed": {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False},
        "tree": {"anyOf": [{"$ref": "#/$defs/Tree"}, {"type": "null"}]},
        "never": {"type": "object", "not": {"required": ["b"]}},
    },
    "required": ["id", "at"],
    "$defs": {
        "Line": {
            "type": "object",
            "title": "Line",
            "properties": {"sku": {"type": "string"}, "amount": {"type": "integer", "default": 1}},
            "required": ["sku"],
        },
        "Tree": {
            "type": "object",
            "properties": {"left": {"$ref": "#/$defs/Tree"}, "size": {"type": "integer"}},
        },
    },
}


ADDITIONS = {
    "nothing": (),
    "an optional property": (("properties extra", {"type": "integer"}),),
    "an optional property with a default": (("properties extra", {"type": "integer", "default": 3}),),
    "an optional property in a definition": (("$defs Line properties extra", {"type": "integer"}),),
    "an optional property in a definition, and in the default that is made of it": (
        ("$defs Line properties extra", {"type": "integer", "default": 0}),
        ("properties line default extra", 0),
    ),
    "an optional property in a definition that contains itself": (("$defs Tree properties extra", {"type": "string"}),),
    "an optional object that nobody knew": (("properties extra", {"$ref": "#/$defs/Line"}),),
    "an unused definition": (("$defs Unused", {"type": "string"}),),
    "a definition that nobody uses any more": (
        ("properties line", OLD["$defs"]["Line"] | {"default": {"sku": "none", "amount": 1}}),
    ),
    "a title": (("title", "Order"), ("properties id title", "Id")),
    "a description": (("properties id description", "Which one."),),
    "examples": (("properties id examples", ["abc"]),),
    "a default of an optional property": (("properties plain default", "x"),),
    "a deprecation": (("properties plain deprecated", True),),
    "another order of what has none": (
        ("required", ["at", "id"]),
        ("properties kind enum", ["old", "new"]),
        ("properties note anyOf", [{"type": "null"}, {"type": "string", "minLength": 1}]),
    ),
    "another name for a definition": (
        ("$defs Position", OLD["$defs"]["Line"]),
        ("properties line $ref", "#/$defs/Position"),
        ("properties lines items $ref", "#/$defs/Position"),
        ("$defs Line", ...),
    ),
    "a definition instead of the same thing in place": (
        ("$defs Plain", {"type": "string", "title": "Plain"}),
        ("properties plain", {"$ref": "#/$defs/Plain"}),
    ),
    "the way older generators refer": (
        ("properties line", {"allOf": [{"$ref": "#/$defs/Line"}], "default": {"sku": "none", "amount": 1}}),
    ),
    "open said aloud": (("additionalProperties", True),),
}

REFUSALS: dict[str, tuple[tuple[tuple[str, Any], ...], str]] = {
    "a property removed": ((("properties plain", ...),), "$.plain: the property was removed"),
    "a required property removed": ((("properties at", ...), ("required", ["id"])), "$.at: the property was removed"),
    "a property renamed": (
        (("properties plain", ...), ("properties simple", {"type": "string"})),
        "$.plain: the property was removed or renamed",
    ),
    "a property removed from a definition": ((("$defs Line properties amount", ...),), "$.line.amount: the property"),
    "an item's property removed": ((("$defs Line properties amount", ...),), "$.lines[*].amount: the property"),
    "a property required": ((("required", ["id", "at", "plain"]),), "$.plain: it became required"),
    "a property no longer required": ((("required", ["id"]),), "$.at: it stopped being required"),
    "a new required property": (
        (("properties extra", {"type": "string"}), ("required", ["id", "at", "extra"])),
        "$.extra: the new property is required",
    ),
    "a required property that no property describes": ((("required", ["id", "at", "x"]),), "$.x: it became required"),
    "a new property of a closed object": (
        (("properties closed properties b", {"type": "string"}),),
        "$.closed.b: the new property is one that the old schema refuses",
    ),
    "a new property where alternatives may describe it": (
        (("properties note properties", {"b": {"type": "string"}}),),
        "$.note.b: the new property is one that the old schema refuses or restricts",
    ),
    "alternatives beside what was there": (
        (("properties closed anyOf", [{"required": ["a"]}]),),
        "$.closed",
    ),
    "a type changed": ((("properties plain type", "integer"),), '$.plain: type changed from "string" to "integer"'),
    "a type widened": ((("properties count type", "number"),), "$.count: type changed"),
    "a type widened to a list": ((("properties plain type", ["string", "null"]),), "$.plain: type changed"),
    "a type no longer said": ((("properties plain type", ...),), '$.plain: type "string" was removed'),
    "null allowed": (
        (("properties plain", {"anyOf": [{"type": "string"}, {"type": "null"}]}),),
        "$.plain: it can now be null as well",
    ),
    "null no longer allowed": (
        (("properties note", {"type": "string", "minLength": 1, "default": None}),),
        "$.note: it can't be null any more",
    ),
    "an alternative added": (
        (("properties note anyOf", [*OLD["properties"]["note"]["anyOf"], {"type": "integer"}]),),
        "$.note: it can now be integer as well",
    ),
    "a constraint within an alternative": (
        (("properties note anyOf 0 minLength", 2),),
        "$.note: minLength changed from 1 to 2",
    ),
    "a pattern changed": ((("properties id pattern", "^[a-z0-9]+$"),), "$.id: pattern changed"),
    "a pattern added": ((("properties plain pattern", "^a"),), '$.plain: pattern "^a" was added'),
    "a pattern removed": ((("properties id pattern", ...),), "$.id: pattern"),
    "a length loosened": ((("properties id maxLength", 9),), "$.id: maxLength changed from 8 to 9"),
    "a length tightened": ((("properties id maxLength", 7),), "$.id: maxLength changed from 8 to 7"),
    "a minimum loosened": ((("properties count minimum", -1),), "$.count: minimum changed"),
    "a minimum excluded": (
        (("properties count minimum", ...), ("properties count exclusiveMinimum", 0)),
        "$.count: exclusiveMinimum 0 was added",
    ),
    "a maximum removed": ((("properties count maximum", ...),), "$.count: maximum 9 was removed"),
    "a number of items": ((("properties lines maxItems", 6),), "$.lines: maxItems changed"),
    "a value added to an enum": ((("properties kind enum", ["new", "old", "odd"]),), "$.kind: enum changed"),
    "a value removed from an enum": ((("properties kind enum", ["new"]),), "$.kind: enum changed"),
    "a constant changed": ((("properties spec const", "1.1"),), "$.spec: const changed"),
    "a constant that may now be two": (
        (("properties spec", {"enum": ["1.0", "1.1"], "type": "string"}),),
        '$.spec: const "1.0" was removed',
    ),
    "a format removed": ((("properties at format", ...),), '$.at: format "date-time" was removed'),
    "a format added": ((("properties plain format", "uuid"),), "$.plain: format"),
    "a default changed": ((("properties count default", 1),), "$.count: default changed from 0 to 1"),
    "a default of another type": ((("properties count default", False),), "$.count: default changed from 0 to false"),
    "a default removed": ((("properties count default", ...),), "$.count: default 0 was removed"),
    "a default of a required property": ((("properties id default", "a"),), "$.id: default"),
    "a default changed within a default": ((("properties line default amount", 2),), "$.line: default changed"),
    "a known property in a default": (
        (("properties line default", {"sku": "none"}),),
        "$.line: default changed",
    ),
    "an item changed": ((("properties lines items", {"type": "string"}),), "$.lines[*]: type changed"),
    "items described": ((("properties plain items", {"type": "string"}),), "$.plain: items"),
    "an object closed": ((("additionalProperties", False),), "$: additionalProperties false was added"),
    "an object opened": (
        (("properties closed additionalProperties", ...),),
        "$.closed: additionalProperties false was removed",
    ),
    "other properties restricted": (
        (("additionalProperties", {"type": "string"}),),
        "$: additionalProperties",
    ),
    "values of a map changed": (
        (("properties labels additionalProperties type", "integer"),),
        "$.labels.*: type changed",
    ),
    "a map closed": ((("properties labels additionalProperties", False),), "$.labels.*: it changed"),
    "a definition that contains itself": (
        (("$defs Tree properties size type", "number"),),
        "$.tree.size: type changed",
    ),
    "a definition that no longer contains itself": (
        (("$defs Tree properties left", {"type": "object"}),),
        "$.tree.left:",
    ),
    "beside a reference": ((("properties line minProperties", 1),), "$.line: minProperties 1 was added"),
    "what must not be": ((("properties never not required", ["b", "c"]),), "$.never: not changed"),
    "an addition to what must not be": (
        (("properties never not properties", {"b": {"type": "string"}}),),
        "$.never: not changed",
    ),
    "a keyword that nobody here knows": ((("properties plain contentEncoding", "base64"),), "$.plain: contentEncoding"),
    "the subject": ((("x-penstock-subject", "penstock.v1.orders.{tenant}"),), "$: subject changed"),
    "the stream": ((("x-penstock-stream", "OTHERS"),), "$: stream changed"),
    "the id": ((("$id", "penstock:order.placed.v2"),), "$: $id changed"),
    "the dialect": ((("$schema", "http://json-schema.org/draft-07/schema#"),), "$: $schema changed"),
}


@pytest.mark.parametrize("changes", ADDITIONS.values(), ids=ADDITIONS.keys())
def test_an_addition_passes(edited, changes):
    assert incompatibilities(OLD, edited(OLD, *changes)) == []


@pytest.mark.parametrize(("changes", "sentence"), REFUSALS.values(), ids=REFUSALS.keys())
def test_anything_else_is_refused_and_named(edited, changes, sentence):
    found = incompatibilities(OLD, edited(OLD, *changes))
    assert any(said.startswith(sentence) for said in found), found


@pytest.mark.parametrize("changes", [changes for changes, _ in REFUSALS.values()], ids=REFUSALS.keys())
def test_what_is_refused_stays_refused_beside_an_addition(edited, changes):
    assert incompatibilities(OLD, edited(OLD, *changes, ("properties brandnew", {"type": "string"})))


def test_the_way_back_from_an_addition_is_a_removal(edited):
    assert incompatibilities(edited(OLD, *ADDITIONS["an optional property"]), OLD) == [
        "$.extra: the property was removed or renamed"
    ]


def test_every_difference_is_said(edited):
    found = incompatibilities(
        OLD, edited(OLD, ("properties plain", ...), ("properties id maxLength", 9), ("required", ["id"]))
    )
    assert len(found) == 3


@pytest.mark.parametrize(
    "broken",
    [
        {"$ref": "#/$defs/Nobody"},
        {"$ref": "#anchor"},
        {"properties": ["a"]},
        {"properties": {"a": 1}},
        {"required": "a"},
        {"anyOf": {"type": "string"}},
    ],
    ids=str,
)
def test_what_is_no_schema_is_said_to_be_none(broken):
    with pytest.raises(SchemaError):
        incompatibilities(OLD, {**OLD, **broken})
