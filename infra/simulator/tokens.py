"""The simulator's tokens: one rule for prompts and answers, streamed or not.

A token is up to 8 letters, digits or underscores in a row, or one other visible character, each with the white space
before it; white space at the end of a text is one more. So "Hello, world" is 3 tokens (`Hello` `,` ` world`), and
joining the tokens of a text gives the text.
"""

import re

_TOKEN = re.compile(r"\s*(?:\w{1,8}|[^\w\s])|\s+")


def split_tokens(text: str) -> list[str]:
    """The tokens of a text, in order; their concatenation is the text."""
    return _TOKEN.findall(text)


def count_tokens(text: str) -> int:
    """How many tokens a text has."""
    return len(_TOKEN.findall(text))
