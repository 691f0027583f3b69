"""A tool's arguments: JSON text in OpenAI's APIs, an object in Anthropic's."""

import orjson
from pydantic_core import from_json

from contracts.apis.fields import Json

RAW = "_raw"
"""Under this key the object keeps, word for word, what a model wrote that is no JSON object.

Anthropic's callers demand an object, and a guess at what the model meant would be run as if it had been said."""


def parse(text: str) -> Json:
    """The object in the text. No text at all is an object without fields: so models call a tool without parameters.

    Raises `ValueError` where the text is no JSON object.
    """
    value = orjson.loads(text) if text.strip() else {}
    if isinstance(value, dict):
        return value
    raise ValueError("the arguments of a tool must be a JSON object")


def parse_answered(text: str) -> Json:
    """The object in what a model wrote, and what it wrote under `RAW` where there is no object in it."""
    try:
        return parse(text)
    except ValueError:
        return {RAW: text}


def parse_so_far(text: str) -> Json:
    """What is known of an object that is still being written; a string that is not yet closed counts as it is."""
    try:
        value = from_json(text, allow_partial="trailing-strings")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def write(value: Json) -> str:
    """The text of an object, and the text that `parse_answered` kept. Raises `ValueError` for what JSON can't say."""
    raw = value[RAW] if value.keys() == {RAW} else None
    return raw if isinstance(raw, str) else dump(value)


def dump(value: Json) -> str:
    """The text of an object. Raises `ValueError` for what JSON can't say."""
    try:
        return orjson.dumps(value).decode()
    except TypeError as error:
        raise ValueError(str(error)) from error
