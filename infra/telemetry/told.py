"""What an error may say in a log, a span or a dead letter: never what a caller, a document or a row has in it.

A driver's error carries its statement's parameters, a provider's the body it refused, a parser's the text it could not
read. Only our own errors, the broker's and the system's have words that are known to be harmless; of any other there
is its type, with the code that it carries, and where in the source it was raised.
"""

import hashlib
import traceback
from types import TracebackType

from contracts.errors import ErrorCode, PenstockError
from infra.telemetry.redaction import without_secrets

_OURS = ("contracts", "infra", "ingestion", "workers", "api", "cli", "nats")
_QUOTING = (ErrorCode.INVALID_REQUEST, ErrorCode.CONTEXT_LENGTH_EXCEEDED)
_PROVIDER = "provider"
_LONGEST_CHAIN = 8

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def told(error: BaseException) -> str:
    """An error in one line, as `ReadTimeout` or `UniqueViolation (sqlstate 23505)`."""
    if isinstance(error, PenstockError):
        return sentence(error)
    kind = type(error)
    if kind.__module__.partition(".")[0] in _OURS:
        return without_secrets(f"{kind.__name__}: {error}")
    if isinstance(error, OSError) and error.strerror:
        return f"{kind.__name__}: {error.strerror}"
    driver = getattr(error, "orig", None)
    if isinstance(driver, BaseException):
        # SQLAlchemy's wrapper, whose text is the statement with its parameters.
        return told(driver)
    for name, word in (("sqlstate", "sqlstate"), ("status_code", "status")):
        value = getattr(error, name, None)
        if isinstance(value, str | int):
            return f"{kind.__name__} ({word} {value})"
    return kind.__name__


def sentence(error: PenstockError) -> str:
    """Its message, for an operator. What a provider says about a request is the caller's alone: it may quote it."""
    if error.stage == _PROVIDER and error.code in _QUOTING:
        return f"the provider refused the request ({error.code})"
    return without_secrets(error.message)


def told_traceback(exc_info: ExcInfo) -> str:
    """The stack of an error and of those that it came from, each with what may be told of it."""
    lines: list[str] = []
    error = exc_info[1]
    while error is not None and len(lines) < _LONGEST_CHAIN:
        stack = "".join(traceback.format_tb(error.__traceback__))
        lines.append(f"{stack}{told(error)}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\ncaused:\n".join(reversed(lines))


def document_digest(document_id: str) -> str:
    """How a document is named here: an id may be a path that tells much."""
    return hashlib.sha256(document_id.encode("utf-8", "replace")).hexdigest()[:16]
