"""What the two official SDKs have in common: how they are set up, and how their failures are told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from contracts.errors import PenstockError
from workers.provider import errors
from workers.provider.calls import Call

Lost = Callable[[str], PenstockError]


@dataclass(frozen=True, slots=True)
class SdkErrors:
    """An SDK's own exceptions: both are generated from one pattern, and share names but no classes."""

    timeout: type[Exception]
    connection: type[Exception]
    status: type[Exception]
    any: type[Exception]


_ABOUT_US = ("Lang", "Package-Version", "OS", "Arch", "Runtime", "Runtime-Version", "Async")
_OF_A_CALL = ("retry-count", "read-timeout")


def untold(omit: type[Any], names: tuple[str, ...] = _ABOUT_US) -> dict[str, Any]:
    """Headers that take out what an SDK tells the provider of our machine: they cost 24 of the 147 µs of a request.

    `omit` is the SDK's own mark for a header that is not to be sent.
    """
    return {f"X-Stainless-{name}": omit() for name in names}


def limits(connections: int) -> httpx2.Limits:
    """As many connections as calls may be open; all are kept."""
    return httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)


def call_options(call: Call, omit: type[Any]) -> Any:  # noqa: ANN401 - the SDKs' own TypedDict
    """Headers and timeouts of one call."""
    headers = {"Idempotency-Key": call.idempotency_key, "traceparent": call.traceparent, **untold(omit, _OF_A_CALL)}
    if call.baggage:
        headers["baggage"] = call.baggage
    if call.api_version and not call.translated:
        headers["anthropic-version"] = call.api_version
    if call.beta and not call.translated:
        headers["anthropic-beta"] = call.beta
    return {
        "headers": headers,
        # The header says it; without this the SDK would draw one of its own for each call.
        "idempotency_key": call.idempotency_key,
        "timeout": httpx2.Timeout(call.timeout, connect=min(call.connect_timeout, call.timeout)),
    }


def holding(answer: Any, name: str, kind: type = object) -> dict[str, Any]:  # noqa: ANN401 - whatever JSON came
    """The answer, if it is an object that has a `kind` of that name. Raises `ValueError`."""
    if isinstance(answer, dict) and name in answer and isinstance(answer[name], kind):
        return answer
    raise ValueError(f"an answer without {name}")


@contextmanager
def translated(provider: str, sdk: SdkErrors, lost: Lost) -> Iterator[None]:
    """Raise every failure of a call as `PenstockError`.

    `lost` makes the error of a lost connection: the SDKs say the same of one that was never made and of one that broke
    in mid-stream.
    """
    try:
        yield
    except sdk.timeout as error:
        # Neither reached the provider: it has nothing to charge for.
        unsent = isinstance(error.__cause__, httpx2.ConnectTimeout | httpx2.PoolTimeout)
        raise (errors.unreachable if unsent else errors.timed_out)(provider) from error
    except (sdk.connection, httpx2.HTTPError) as error:
        raise lost(provider) from error
    except sdk.status as error:
        raise _from_status(provider, error) from error
    except sdk.any as error:
        raise errors.broke_off(provider) from error
    except (ValueError, KeyError, TypeError) as error:
        # JSON that is none, or not of the API's shape.
        raise errors.unreadable(provider) from error


def _from_status(provider: str, error: Any) -> PenstockError:  # noqa: ANN401 - either SDK's APIStatusError
    if error.status_code == 200:
        # An error event within a stream.
        return errors.broke_off(provider)
    return errors.from_status(error.status_code, error.body, error.response.headers.get("retry-after"), provider)
