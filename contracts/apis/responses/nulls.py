"""In these APIs null says no more than leaving the field out."""

from contracts.apis.fields import Json


def given(value: Json) -> Json:
    """Without the fields that are null."""
    return {name: field for name, field in value.items() if field is not None}
