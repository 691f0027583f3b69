"""GET /v1/models, in both APIs' shapes. Any other name is answered too; these are the ones worth showing."""

import orjson

from infra.simulator.knobs import Fault

MODELS = ("sim-small", "sim-large", "sim-reason", *(f"sim-{fault.value}" for fault in Fault))
EMBEDDING_MODELS = ("sim-embedding", "sim-embedding-large")
_CREATED = 1_735_689_600
_CREATED_AT = "2025-01-01T00:00:00Z"


def openai_models() -> bytes:
    """A `list` of `model` objects, those of embedding models too."""
    models = [
        {"id": name, "object": "model", "created": _CREATED, "owned_by": "penstock-simulator"}
        for name in (*MODELS, *EMBEDDING_MODELS)
    ]
    return orjson.dumps({"object": "list", "data": models})


def anthropic_models() -> bytes:
    """One page that holds every chat model."""
    models = [
        {"type": "model", "id": name, "display_name": name, "created_at": _CREATED_AT, "lifecycle": "active"}
        for name in MODELS
    ]
    return orjson.dumps({"data": models, "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]})
