"""The OpenAPI 3.1 document of the gateway, made from the rules that requests are checked by."""

from functools import cache

import orjson
from pydantic.json_schema import models_json_schema

from api.admin import openapi as admin
from api.dialects.anthropic import VERSION_HEADER, VERSIONS
from api.documents import openapi as documents
from api.exchange import Exchange
from api.front import FRONTS, RESPONSES_FRONT, Front
from api.observed import Visit
from api.openapi_parts import ERRORS, JSON, REF, Json, in_header, in_path, operation, paging, schema
from api.prompt import CACHE_HEADER, DROP_PARAMS_HEADER, RESIDENCY_HEADER, TAGS_HEADER, TIMEOUT_HEADER
from api.reindexing import openapi as reindexing
from api.retrieval import openapi as retrieval
from api.usage import openapi as usage
from contracts.apis.rules import RULES
from contracts.inference import (
    ANTHROPIC_COUNT_TOKENS,
    ANTHROPIC_MESSAGES,
    OPENAI_CHAT,
    OPENAI_EMBEDDINGS,
    OPENAI_RESPONSES,
)

PATH = "/openapi.json"
VERSION = "1"

_EVENTS = "text/event-stream"
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
    (TAGS_HEADER, "Your own, for reports: team=search,feature=faq", {"type": "string"}),
    (DROP_PARAMS_HEADER, "true: leave out what the provider can't be asked.", {"enum": ["true"]}),
    ("cache-control", "no-cache: don't answer from the cache. no-store: nor keep the answer.", {"type": "string"}),
    (CACHE_HEADER, "no-semantic: no other question's answer.", {"enum": ["no-semantic"]}),
)


def document() -> Json:
    """The document. Fields that it doesn't name are passed on to the provider."""
    responses = {
        "/v1/responses": {"post": _inference(RESPONSES_FRONT)},
        "/v1/responses/{response_id}": {
            "get": operation("retrieveResponse", "A stored response.", "Response", _response_id()),
            "delete": operation("deleteResponse", "It is found no more.", "Deleted", _response_id()),
        },
        "/v1/responses/{response_id}/cancel": {
            "post": operation("cancelResponse", "Stops one in the background.", "Response", _response_id())
        },
        "/v1/responses/{response_id}/input_items": {
            "get": operation("listInputItems", "What was asked, the newest first.", "List", _response_id(), *paging())
        },
    }
    models = {
        "/v1/models": {"get": operation("listModels", "The models on offer.", "List")},
        "/v1/models/{model}": {"get": operation("retrieveModel", "One of them.", "Model", in_path("model"))},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Penstock",
            "version": VERSION,
            "description": "OpenAI's and Anthropic's APIs over any model.",
        },
        "paths": {
            **{front.path: {"post": _inference(front)} for front in FRONTS},
            **responses,
            **models,
            **documents.paths(),
            **retrieval.paths(),
            **reindexing.paths(),
            **usage.paths(),
            **admin.paths(),
        },
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
    bodies = (*RULES.values(), *documents.BODIES, *reindexing.BODIES, *retrieval.BODIES, *admin.BODIES)
    _, found = models_json_schema([(rules, "validation") for rules in bodies], ref_template=REF + "{model}")
    answers = {name: {"type": "object", "required": list(required)} for name, required in _ANSWERS.values()}
    return {
        **found["$defs"],
        **answers,
        **documents.schemas(),
        **retrieval.schemas(),
        **reindexing.schemas(),
        **usage.schemas(),
        **admin.schemas(),
        "Model": {"type": "object", "required": ["id"]},
        "List": {"type": "object", "required": ["data"], "properties": {"data": {"type": "array"}}},
        "Deleted": {"type": "object", "required": ["id", "deleted"]},
        "Error": {"type": "object", "required": ["error"], "properties": {"error": {"type": "object"}}},
    }


def _inference(front: Front) -> Json:
    name, _ = _ANSWERS[front.api]
    content = {JSON: schema(name)} | ({_EVENTS: {"schema": {"type": "string"}}} if front.api in _STREAMED else {})
    anthropic = front.api in (ANTHROPIC_MESSAGES, ANTHROPIC_COUNT_TOKENS)
    version = (
        [in_header(VERSION_HEADER, "The API's version.", {"enum": list(VERSIONS)}, required=True)] if anthropic else []
    )
    return {
        "operationId": front.api.replace(".", "_"),
        "requestBody": {"required": True, "content": {JSON: schema(RULES[front.api].__name__)}},
        "parameters": [*version, *(in_header(*one, required=False) for one in _OURS)],
        "responses": {"200": {"description": "The answer.", "content": content}, **ERRORS},
    }


def _response_id() -> Json:
    return in_path("response_id")
