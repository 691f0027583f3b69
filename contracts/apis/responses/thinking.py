"""A model's thinking, as a reasoning item carries it to the caller and back.

Anthropic wants the blocks of a turn with tool calls back unchanged; a chat message holds them as `thinking_blocks`. A
reasoning item has one field that callers return untouched: `encrypted_content`. Ours is not encrypted: the caller may
read the thinking, and the provider checks the signature that is in it.
"""

import base64
import binascii
import json

from contracts.apis.fields import Json

_MARK = "penstock.thinking.v1."
"""Sets ours apart from what OpenAI puts into the same field, which nobody but OpenAI can read."""


def sealed(blocks: list[Json]) -> str | None:
    """The `encrypted_content` for a message's `thinking_blocks`; None for none."""
    if not blocks:
        return None
    return _MARK + base64.b64encode(json.dumps(blocks, separators=(",", ":")).encode()).decode()


def unsealed(encrypted_content: object) -> list[Json]:
    """The `thinking_blocks` again; none where it isn't ours, or no longer what we wrote."""
    if not isinstance(encrypted_content, str) or not encrypted_content.startswith(_MARK):
        return []
    try:
        blocks = json.loads(base64.b64decode(encrypted_content.removeprefix(_MARK), validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return []
    if not isinstance(blocks, list):
        return []
    return [block for block in blocks if isinstance(block, dict)]
