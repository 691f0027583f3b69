"""From the bytes of a message to the contract that they are to be."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from contracts.errors import ContractError

Shape = TypeVar("Shape", bound=BaseModel)


def read_contract(shape: type[Shape], body: bytes, *, what: str, stage: str) -> Shape:
    """The message. Raises `ContractError` for one that is no `what`, with the first place that is wrong."""
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ContractError(f"no {what}: {place}: {first['msg']}", stage=stage, param=place) from None
