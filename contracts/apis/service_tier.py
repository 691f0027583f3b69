"""The tier of service that a request asks for: each API has words of its own for it."""

from collections.abc import Mapping

from contracts.apis.asked import text_at
from contracts.apis.fields import Fields, Json


def service_tier(request: Json, words: Mapping[str, str], fields: Fields) -> Json:
    """The field in the target's words, or nothing where it isn't asked for. Raises `PenstockError` through `fields`."""
    if request.get("service_tier") is None:
        return {}
    tier = text_at(request["service_tier"], "service_tier")
    if tier not in words:
        fields.cannot("service_tier", f"can't be {tier} for this model's provider")
        return {}
    return {"service_tier": words[tier]}
