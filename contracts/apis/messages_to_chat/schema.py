"""Which JSON schemas OpenAI's strict structured outputs and tools take."""

from contracts.apis.fields import invalid


def is_strict(schema: object, path: str) -> bool:
    """Whether every object in the schema is closed and every property required.

    Anthropic allows optional properties; OpenAI would refuse the request for them, so it is asked less strictly. Raises
    `PenstockError` with `path` where the schema is nested beyond reading.
    """
    try:
        return _is_strict(schema)
    except RecursionError as error:
        raise invalid(path, "is nested too deeply") from error


def _is_strict(schema: object) -> bool:
    if isinstance(schema, list):
        return all(_is_strict(item) for item in schema)
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties")
    if schema.get("type") == "object" or isinstance(properties, dict):
        names = list(properties) if isinstance(properties, dict) else []
        required = schema.get("required") or []
        if schema.get("additionalProperties") is not False or not isinstance(required, list):
            return False
        if any(name not in required for name in names):
            return False
    return all(_is_strict(value) for value in schema.values())
