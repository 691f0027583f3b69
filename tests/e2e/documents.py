"""What the tests of files and vector stores share."""

from collections.abc import Callable
from typing import Any

import openai
import pytest

HOSTILE = {
    "sql": "'; DROP TABLE files; --",
    "quotes": "\"'`$$ \\ %s :tenant {0}",
    "newlines": "a\r\nset-cookie: b",
    "markup": "<script>alert(1)</script>",
    "right to left": "\u202egpj.exe",
    "emoji": "📎" * 40,
}
"""Text that has to come back as it is."""


def refusal(attempt: Callable[[], Any]) -> tuple[int, str | None]:
    """The status and the field of the error that an attempt ends with."""
    with pytest.raises(openai.APIStatusError) as raised:
        attempt()
    body: Any = raised.value.body
    return raised.value.status_code, body["param"]
