"""What the rules of all APIs have in common: strict types, unknown fields let through, names that can travel."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Open(BaseModel):
    """A part of a request. Fields that we don't know are the provider's to judge: they are passed on."""

    model_config = ConfigDict(extra="allow", strict=True)


def _is_a_name(model: str) -> str:
    # It travels in headers, which are trimmed, and into PostgreSQL, which takes no NUL.
    if " " in model or not model.isprintable():
        raise ValueError("the name of a model has neither white space nor control characters")
    return model


ModelName = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_is_a_name)]
