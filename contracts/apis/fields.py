"""What to do about a field that the target of a translation can't be asked."""

from typing import Any

from contracts.errors import ErrorCode, PenstockError

Json = dict[str, Any]
_STAGE = "provider"


class Fields:
    """Refuses such a field by its name, or leaves it out where the caller said so; `dropped` lists those."""

    def __init__(self, *, drop: bool = False) -> None:
        self._drop = drop
        self.dropped: list[str] = []

    def again(self) -> "Fields":
        """Others of the same mind, which have dropped nothing yet."""
        return Fields(drop=self._drop)

    def cannot(self, path: str, reason: str = "is not supported by this model's provider") -> None:
        """The target can't be asked for `path` (as the caller wrote it, `messages[0].content[1]`).

        Raises `PenstockError` (`invalid_request`); returns where the caller wants such fields dropped.
        """
        if not self._drop:
            raise invalid(path, f"{reason}; send drop_params to leave it out")
        self.dropped.append(path)


def invalid(path: str, reason: str) -> PenstockError:
    """The error for a field that is wrong whatever the target: dropping it would change what was asked."""
    return PenstockError(ErrorCode.INVALID_REQUEST, f"{path} {reason}", stage=_STAGE, param=path)
