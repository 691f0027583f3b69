"""What a Claude model takes depends on its version, and the name tells it.

Source: Anthropic's "Thinking" and "Adaptive thinking" pages, and the 400s that the models answer. A name without a
version (another server with the same API) is taken for an older one: that is the form such servers know.
"""

import re

_VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)")
"""`claude-opus-4-6`, `claude-3-7-sonnet-20250219`, `us.anthropic.claude-sonnet-4-5-20250929-v1:0`."""
Version = tuple[int, int]


def version_of(model: str) -> Version:
    """The version in a model's name, (0, 0) for none."""
    found = _VERSION.search(model.lower())
    return (int(found[1]), int(found[2] or 0)) if found else (0, 0)


def thinks_by_effort(version: Version) -> bool:
    """From 4.6 on `thinking` is adaptive and steered by `output_config.effort`; before, it has a budget of tokens."""
    return version >= (4, 6)


def thinks_unasked(version: Version) -> bool:
    """From 5 on some models think without being told to."""
    return version >= (5, 0)


def samples_by_itself(version: Version) -> bool:
    """From 4.7 on `temperature`, `top_p` and `top_k` are refused."""
    return version >= (4, 7)


def takes_one_sampler(version: Version) -> bool:
    """From 4.1 on `temperature` and `top_p` are refused together."""
    return version >= (4, 1)
