"""The OpenAPI 3.1 document of the gateway, made from the rules that requests are checked by."""

from functools import cache
from typing import Any

import orjson
from pydantic.json_schema import models_json_schema

from api.dialects.anthropic import VERSION_HEADER, VERSIONS
from api.exchange import Exchange
from api.front import FRONTS, RESPONSES_FRONT, Front
from api.observed import Visit
from api.prompt import DROP_PARAMS_HEADER, RESIDENCY_HEADER, TIMEOUT_HEADER
from contracts.apis.rules import RULES
from contracts.inference import (
    ANTHROPIC_COUNT_TOKENS,
    ANTHROPIC_MESSAGES,
    OPENAI_CHAT,
    OPENAI_EMBEDDINGS,
    OPENAI_RESPONSES,
)

Json = dict[str, Any]
PATH = "/openapi.json"
VERSION = "1"

_REF = "#/components/schemas/"
_JSON, _EVENTS = "application/json", "text/event-stream"
_ANSWERS: dict[str, tuple[str, tuple[str, ...]]] = {
    OPENAI_CHAT: ("ChatCompletion", ("id", "object", "created", "model", "choices")),
    OPENAI_RESPONSES: ("Response", ("id", "object", "created_at", "model", "status", "output")),
    OPENAI_EMBEDDINGS: ("Embeddings", ("object", "data", "model")),
    ANTHROPIC_MESSAGES: ("Message", ("id", "type", "role", "model", "content")),
    ANTHROPIC_COUNT_TOKENS: ("TokenCount", ("input_tokens",)),
}
_STREAMED = (OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC_MESSAGES)
_OURS = (
    (TIMEOUT_HEADER, "Seconds that the caller is ready to wait.", {"type": "number", "exclusiveMinimum": 0}),
    (RESIDENCY_HEADER, "local: nothing outside may see the prompt.", {"enum": ["local"]}),
    (DROP_PARAMS_HEADER, "true: leave out what the provider can't be asked.", {"enum": ["true"]}),
    ("cache-control", "no-cache: don't answer from the cache. no-store: nor keep the answer.", {"type": "string"}),
)


def document() -> Json:
    """The document. Fields that it doesn't name are passed on to the provider."""
    responses = {
        "/v1/responses": {"post": _inference(RESPONSES_FRONT)},
        "/v1/responses/{response_id}": {
            "get": _plain("retrieveResponse", "A stored response.", "Response", _response_id()),
            "delete": _plain("deleteResponse", "It is found no more.", "Deleted", _response_id()),
        },
        "/v1/responses/{response_id}/cancel": {
            "post": _plain("cancelResponse", "Stops one in the background.", "Response", _response_id())
        },
        "/v1/responses/{response_id}/input_items": {
            "get": _plain("listInputItems", "What was asked, the newest first.", "List", _response_id(), *_paging())
        },
    }
    models = {
        "/v1/models": {"get": _plain("listModels", "The models on offer.", "List")},
        "/v1/models/{model}": {"get": _plain("retrieveModel", "One of them.", "Model", _in_path("model"))},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Penstock",
            "version": VERSION,
            "description": "OpenAI's and Anthropic's APIs over any model.",
        },
        "paths": {**{front.path: {"post": _inference(front)} for front in FRONTS}, **responses, **models},
        "components": {"schemas": _schemas(), "securitySchemes": _SCHEMES},
        "security": [{"bearer": []}, {"apiKey": []}],
    }


async def serve(exchange: Exchange, _: Visit) -> None:
    """GET /openapi.json"""
    await exchange.reply(200, _written(), {})


@cache
def _written() -> bytes:
    """It is the same for every caller, and takes milliseconds to make: once a process."""
    return orjson.dumps(document())


_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
}


def _schemas() -> Json:
    _, found = models_json_schema([(rules, "validation") for rules in RULES.values()], ref_template=_REF + "{model}")
    answers = {name: {"type": "object", "required": list(required)} for name, required in _ANSWERS.values()}
    return {
        **found["$defs"],
        **answers,
        "Model": {"type": "object", "required": ["id"]},
        "List": {"type": "object", "required": ["data"], "properties": {"data": {"type": "array"}}},
        "Deleted": {"type": "object", "required": ["id", "deleted"]},
        "Error": {"type": "object", "required": ["error"], "properties": {"error": {"type": "object"}}},
    }


def _inference(front: Front) -> Json:
    name, _ = _ANSWERS[front.api]
    content = {_JSON: _schema(name)} | ({_EVENTS: {"schema": {"type": "string"}}} if front.api in _STREAMED else {})
    anthropic = front.api in (ANTHROPIC_MESSAGES, ANTHROPIC_COUNT_TOKENS)
    version = (
        [_header(VERSION_HEADER, "The API's version.", {"enum": list(VERSIONS)}, required=True)] if anthropic else []
    )
    return {
        "operationId": front.api.replace(".", "_"),
        "requestBody": {"required": True, "content": {_JSON: _schema(RULES[front.api].__name__)}},
        "parameters": [*version, *(_header(*one, required=False) for one in _OURS)],
        "responses": {"200": {"description": "The answer.", "content": content}, **_ERRORS},
    }


def _plain(operation: str, summary: str, answer: str, *parameters: Json) -> Json:
    return {
        "operationId": operation,
        "summary": summary,
        "parameters": list(parameters),
        "responses": {"200": {"description": summary, "content": {_JSON: _schema(answer)}}, **_ERRORS},
    }


def _schema(name: str) -> Json:
    return {"schema": {"$ref": _REF + name}}


_ERRORS: Json = {
    "default": {"description": "Why not, in the API's own shape.", "content": {_JSON: _schema("Error")}},
}


def _header(name: str, description: str, schema: Json, *, required: bool) -> Json:
    return {"name": name, "in": "header", "required": required, "description": description, "schema": schema}


def _in_path(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _response_id() -> Json:
    return _in_path("response_id")


def _paging() -> tuple[Json, ...]:
    return (
        {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 100}},
        {"name": "order", "in": "query", "schema": {"enum": ["asc", "desc"]}},
        {"name": "after", "in": "query", "schema": {"type": "string"}},
    )
