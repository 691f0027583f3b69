"""One body of each event, as an example beside its schema."""

from datetime import UTC, datetime, timedelta
from typing import Any

from contracts import envelope
from contracts.inference import OPENAI_CHAT
from contracts.registry import MessageContract
from contracts.schema import Schema, body_schema

_MOMENT = datetime(2026, 11, 23, 8, tzinfo=UTC)
_REQUEST = "invoice-4711"
_SAMPLES: dict[str, Any] = {
    "request_id": _REQUEST,
    "api": OPENAI_CHAT,
    "request": {"model": "small", "messages": [{"role": "user", "content": "Say hello."}]},
    "response": {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": int(_MOMENT.timestamp()),
        "model": "gpt-4.1-mini",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"},
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12},
    },
    "deadline": envelope.rfc3339(_MOMENT + timedelta(seconds=30)),
    "code": "provider_unavailable",
    "message": "openai could not be reached",
    "stage": "provider",
    "retryable": True,
    "retry_after": 2.0,
    "tenant": "default",
    "key_id": "a1b2c3d4",
    "lane": "interactive",
    "model": "small",
    "deployment": "openai/gpt-4.1-mini",
    "provider": "openai",
    "provider_model": "gpt-4.1-mini",
    "route": "alias",
    "cache": "miss",
    "status": "completed",
    "attempts": 1,
    "input_tokens": 10,
    "output_tokens": 2,
    "cost_usd": "0.0000072",
    "saved_usd": None,
    "tags": {"team": "search"},
    "idempotency_key": f"default.{_REQUEST}.1",
    "latency_ms": 412.5,
    "first_token_ms": 180.2,
    "trace_id": "0af7651916cd43dd8448eb211c80319c",
    "response_id": f"resp_{_REQUEST}",
    "submission_id": "faq-42-7",
    "store": "docs",
    "store_id": "vs_1",
    "document_id": "faq-42",
    "filename": "faq.md",
    "text": "# Returns\n\nWithin 30 days.",
    "heading": "Returns",
    "attributes": {"region": "eu"},
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "dimension": 2,
    "revision": "1",
    "vectors": "ADwAAA==",
    "job_id": "reindex-7",
    "state": "building",
    "evaluation_set": None,
    "media_type": None,
    "content": None,
    "file_id": None,
    "only_version": None,
    "reason": None,
    "cache_control": None,
    "residency": None,
    "api_version": None,
    "beta": None,
    "param": None,
    "error_code": None,
}
"""What a field of this name looks like; None leaves it out. A field that isn't here gets a value of its type."""


def example(contract: MessageContract) -> Schema:
    """One body of this event, always the same.

    Raises `pydantic.ValidationError` where a sample is no value of its field any more: mend `_SAMPLES` then.
    """
    schema = body_schema(contract)
    found = _sample("", schema, schema.get("$defs", {}))
    return contract.body.model_validate(found).model_dump(mode="json", exclude_none=True)


def _sample(name: str, schema: Schema, definitions: Schema) -> Any:  # noqa: ANN401 - any JSON
    if name in _SAMPLES:
        return _SAMPLES[name]
    if "$ref" in schema:
        return _sample("", definitions[schema["$ref"].removeprefix("#/$defs/")], definitions)
    if "anyOf" in schema:
        return _sample(name, schema["anyOf"][0], definitions)
    if "properties" in schema:
        return {field: _sample(field, inner, definitions) for field, inner in schema["properties"].items()}
    return _plain_sample(schema)


def _plain_sample(schema: Schema) -> Any:  # noqa: ANN401 - any JSON
    for value in (schema.get("default"), schema.get("const"), *schema.get("enum", ())):
        if value is not None:
            return value
    if schema.get("format") == "date-time":
        return envelope.rfc3339(_MOMENT)
    number = schema.get("minimum", 1)
    of_type: Schema = {"integer": number, "number": number, "boolean": True, "array": [], "object": {}}
    return of_type.get(schema.get("type", "string"), "text")
