"""What the simulator answers instead of a completion, before either API's own shape is put on it."""

from enum import Enum


class ErrorKind(Enum):
    """A class of API error; the value is its HTTP status."""

    INVALID_REQUEST = 400
    AUTHENTICATION = 401
    PERMISSION = 403
    NOT_FOUND = 404
    METHOD_NOT_ALLOWED = 405
    RATE_LIMIT = 429
    SERVER = 500


class ApiError(Exception):
    """An error answer. `param` names the offending field, `code` is OpenAI's machine-readable reason, where known."""

    def __init__(self, kind: ErrorKind, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.param = param
        self.code = code


class ClientGoneError(Exception):
    """The client closed the connection before its answer was complete."""


def invalid(param: str, problem: str, code: str = "invalid_value") -> ApiError:
    """The 400 for one field that is wrong."""
    return ApiError(ErrorKind.INVALID_REQUEST, f"Invalid '{param}': {problem}.", param=param, code=code)


def missing(param: str) -> ApiError:
    """The 400 for a required field that is absent."""
    message = f"Missing required parameter: '{param}'."
    return ApiError(ErrorKind.INVALID_REQUEST, message, param=param, code="missing_required_parameter")
