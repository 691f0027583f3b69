"""What a caller is told of a request that breaks the rules."""

from pydantic import ValidationError

from contracts.errors import ErrorCode, PenstockError

_BRANCHES = ("str", "bool", "int", "float")
_NO_OBJECT = ("model_type", "dict_type")


def invalid(error: ValidationError, stage: str) -> PenstockError:
    """One sentence and one path out of pydantic's list: the first is what the caller has to mend first."""
    found = error.errors()
    # The branches of a union all complain; the one that got furthest is the one that was meant.
    first = max((item for item in found if item["loc"][:2] == found[0]["loc"][:2]), key=lambda item: len(item["loc"]))
    path = field_path(first["loc"])
    reason = "must be an object" if first["type"] in _NO_OBJECT else first["msg"].removeprefix("Value error, ")
    return PenstockError(
        ErrorCode.INVALID_REQUEST, f"{path or 'the request'}: {reason}", stage=stage, param=path or None
    )


def field_path(loc: tuple[int | str, ...]) -> str:
    """`messages[0].role`; the names of union branches, which pydantic puts in as well, are left out."""
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part not in _BRANCHES and "[" not in part:
            path += f".{part}" if path else part
    return path
