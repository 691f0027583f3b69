"""What a provider's failure means to the caller: a code, a sentence without internals, and whether to try again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from contracts.errors import ErrorCode, PenstockError
from workers.provider.calls import STAGE

_CALLERS_FAULT = (400, 404, 413, 422)
_REFUSED = (401, 403)
_TOO_LONG = ("context_length_exceeded", "prompt is too long", "maximum context length")
"""What OpenAI, Anthropic and the compatible servers (vLLM, llama.cpp) say of a prompt that no window holds."""


class UnansweredError(PenstockError):
    """The provider had the request and may have worked on it, though no answer came of it: it may charge for that."""


def from_status(status: int, body: object, retry_after: str | None, provider: str) -> PenstockError:
    """From an HTTP status and the error body that the SDK read (OpenAI's and Anthropic's both have `message`).

    A provider's 4xx about the request is passed on with its words: they name what the caller has to mend. Its 401 and
    403 are about our key, so they say nothing.
    """
    detail: dict[str, Any] = body if isinstance(body, dict) else {}
    # Anthropic's SDK hands over the whole body, OpenAI's the object under `error`.
    inner = detail.get("error") if isinstance(detail.get("error"), dict) else detail
    if status in _CALLERS_FAULT:
        message = str(inner.get("message") or "the provider refused the request") if inner else "refused"
        param, code = (inner.get("param"), inner.get("code")) if inner else (None, None)
        too_long = any(words in f"{code} {message}" for words in _TOO_LONG)
        return PenstockError(
            ErrorCode.CONTEXT_LENGTH_EXCEEDED if too_long else ErrorCode.INVALID_REQUEST,
            message,
            stage=STAGE,
            param=param if isinstance(param, str) else None,
        )
    if status in _REFUSED:
        return PenstockError(ErrorCode.PROVIDER_ERROR, f"the provider {provider} refused our credentials", stage=STAGE)
    after = _seconds(retry_after)
    if status == 429:
        message = f"the provider {provider} is at its rate limit"
        return PenstockError(ErrorCode.RATE_LIMITED, message, stage=STAGE, retryable=True, retry_after=after)
    message = f"the provider {provider} answered with status {status}"
    return PenstockError(ErrorCode.PROVIDER_ERROR, message, stage=STAGE, retryable=True, retry_after=after)


def unreachable(provider: str) -> PenstockError:
    """No connection, or none that lasted to the first byte."""
    message = f"the provider {provider} can't be reached"
    return PenstockError(ErrorCode.PROVIDER_UNAVAILABLE, message, stage=STAGE, retryable=True)


def timed_out(provider: str) -> PenstockError:
    """The provider took longer than its own limit."""
    message = f"the provider {provider} did not answer in time"
    return UnansweredError(ErrorCode.PROVIDER_UNAVAILABLE, message, stage=STAGE, retryable=True)


def deadline_passed() -> PenstockError:
    """The caller's own patience ended first."""
    message = "the deadline passed while the provider was answering"
    return UnansweredError(ErrorCode.DEADLINE_EXCEEDED, message, stage=STAGE)


def unreadable(provider: str) -> PenstockError:
    """A 200 whose body is not what the API promises."""
    message = f"the provider {provider} sent an answer that can't be read"
    return UnansweredError(ErrorCode.PROVIDER_ERROR, message, stage=STAGE, retryable=True)


@contextmanager
def readable(provider: str) -> Iterator[None]:
    """Raise what a translator meets in an answer that is not of the API's shape as `unreadable`."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise unreadable(provider) from error


def cut_off(provider: str) -> PenstockError:
    """A stream that ended before it was complete."""
    message = f"the provider {provider} cut the stream off before its end"
    return PenstockError(ErrorCode.PROVIDER_ERROR, message, stage=STAGE, retryable=True)


def broke_off(provider: str) -> PenstockError:
    """A stream in which the provider reported an error of its own."""
    message = f"the provider {provider} reported an error in the middle of its answer"
    return PenstockError(ErrorCode.PROVIDER_ERROR, message, stage=STAGE, retryable=True)


def _seconds(retry_after: str | None) -> float | None:
    try:
        return max(float(retry_after), 0.0) if retry_after is not None else None
    except ValueError:
        # An HTTP date: rare, and the retry's own backoff does as well.
        return None
