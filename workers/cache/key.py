"""What makes two requests the same."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from contracts import envelope
from infra.catalog import Catalog

NOT_PART_OF_THE_QUESTION = frozenset(
    {
        "stream",
        "stream_options",
        "user",
        "metadata",
        "store",
        "background",
        "previous_response_id",  # by now its conversation is in the input
        "safety_identifier",
        "prompt_cache_key",
        "service_tier",
    }
)
"""Fields that change how an answer travels, is filed or is billed, and not what it says."""
TERMS = (envelope.RESIDENCY, envelope.DROP_PARAMS, envelope.API_VERSION, envelope.BETA, envelope.INDEX)
"""What else of the envelope decides who may be asked, how, and with what knowledge."""


def cache_key(
    api: str,
    request: dict[str, Any],
    grounds: list[Any] | None = None,
    headers: Mapping[str, str] | None = None,
    models: Sequence[str] = (),
) -> str:
    """SHA-256 over the canonical JSON (sorted keys) of everything that determines the answer; 64 hexadecimal digits.

    `grounds` are what was looked up for it: where the index has changed, so has the question. Of `headers`, the
    envelope, count those that say who may be asked, how, and which index versions were searched. `models` are those
    that the name in the request stands for. The tenant is not in it: it stands in the subject beside it, so that no
    tenant can reach another's entry.
    """
    question = {name: value for name, value in request.items() if name not in NOT_PART_OF_THE_QUESTION}
    terms = {name: headers[name] for name in TERMS if name in headers} if headers else {}
    canonical = orjson.dumps([api, question, grounds, terms, models], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(canonical).hexdigest()


def models_behind(catalog: Catalog, asked: str, named: Iterable[frozenset[str]] = ()) -> list[str]:
    """What a model's name stands for now: where the catalogue changes that, what was answered before is no answer.

    A name of the router's stands for what it chooses by, and for the models that tenant and key may use: `named`, see
    `Policy.models`. So nobody gets the answer of a model that is not allowed to him.
    """
    if catalog.alias(asked) is not None:
        return [catalog.choice, *(" ".join(sorted(names)) for names in named)]
    model = catalog.resolve(asked)
    if model is None:
        return []
    return sorted({f"{each.provider} {each.provider_model(asked)}" for each in model.deployments})
