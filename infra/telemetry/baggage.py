"""W3C baggage: whose a request is and how it is tagged, for whoever takes a message or a call over.

https://www.w3.org/TR/baggage/. What callers send as baggage goes no further: nobody knows what is in it.
"""

from functools import lru_cache
from typing import Literal
from urllib.parse import quote

import orjson

from infra.telemetry import names

Reach = Literal["off", "inside", "providers"]
_PLAIN = "!#$&'()*+-./:<=>?@[]^_`{|}~"
"""What may stand in a value as it is, beside letters and digits (`baggage-octet`)."""


@lru_cache(maxsize=1024)
def baggage_of(tenant: str, tags: str | None) -> str:
    """The header's value; `tags` as `ce-tags` carries them, a JSON object of strings."""
    entries = {names.TENANT: tenant}
    if tags is not None:
        entries |= {f"{names.TAG}.{name}": value for name, value in orjson.loads(tags).items()}
    return ",".join(f"{name}={quote(value, safe=_PLAIN)}" for name, value in entries.items())
