"""How many tokens a messages request has, for a model whose provider can't be asked."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson

from contracts import envelope
from contracts.apis.messages import prompt_characters
from contracts.inference import InferenceCompleted, TokenUsage
from infra.catalog import Catalog
from workers.routing.choose import Route

_CHARACTERS_PER_TOKEN = 4
"""OpenAI's rule of thumb for English text: platform.openai.com/tokenizer"""
_FRAME_TOKENS = 4
"""Of each message: its role and the marks around it."""
_IMAGE_TOKENS = 255
"""What OpenAI charges for a picture of up to 512 pixels a side, 85 and 170 a tile: its guide "Images and vision"."""


def can_count(catalog: Catalog, route: Route) -> bool:
    """Whether a provider among those of the route counts tokens itself."""
    deployments = catalog.deployments()
    found = (deployments[candidate.deployment].provider for tier in route.tiers for candidate in tier)
    return any(catalog.provider(name).kind == "anthropic" for name in found)


def counted(headers: Mapping[str, str], request_id: str, body: bytes, route: Route) -> InferenceCompleted:
    """The answer to a count that no provider was asked for: an estimate, which is marked as one and costs nothing."""
    tokens = estimated_tokens(orjson.loads(body)["request"])
    return InferenceCompleted(
        request_id=request_id,
        api=headers[envelope.API],
        response={"input_tokens": tokens},
        model=headers[envelope.MODEL],
        route=route.reason,
        cache=headers.get(envelope.CACHE_STATUS, "bypass"),
        usage=TokenUsage(estimated=True),
        cost_usd=Decimal(0),
    )


def estimated_tokens(request: dict[str, Any]) -> int:
    """An estimate from the length of its texts, the definitions of its tools, and its pictures."""
    characters = prompt_characters(request) + sum(len(orjson.dumps(tool)) for tool in request.get("tools") or ())
    images = sum(_images(message.get("content")) for message in request["messages"])
    frames = _FRAME_TOKENS * len(request["messages"])
    return -(-characters // _CHARACTERS_PER_TOKEN) + frames + _IMAGE_TOKENS * images


def _images(content: object) -> int:
    """Pictures among content blocks, those in tool results too."""
    blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    return sum(1 if block.get("type") == "image" else _images(block.get("content")) for block in blocks)
