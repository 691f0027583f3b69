"""What each named fault does to a call. Slow models are not here: `knobs` gives them their waits."""

from dataclasses import dataclass, replace

from infra.simulator.dialect import Reply, Script, Shape, Stamp, whole_reply
from infra.simulator.errors import ApiError, ErrorKind
from infra.simulator.knobs import FIRST_CHUNKS, Fault, Knobs

SERVER_ERROR = ApiError(ErrorKind.SERVER, "The server had an error while processing your request. Sorry about that!")

_ERRORS = {
    Fault.FLAKY: SERVER_ERROR,
    Fault.ERROR_500: SERVER_ERROR,
    Fault.ERROR_429: ApiError(
        ErrorKind.RATE_LIMIT, "Rate limit reached. Please try again later.", code="rate_limit_exceeded"
    ),
    Fault.ERROR_401: ApiError(ErrorKind.AUTHENTICATION, "Incorrect API key provided.", code="invalid_api_key"),
    Fault.ERROR_403: ApiError(
        ErrorKind.PERMISSION, "You do not have permission to use this model.", code="permission_denied"
    ),
    Fault.ERROR_400: ApiError(
        ErrorKind.INVALID_REQUEST,
        "Unsupported value: 'temperature' does not support this value with this model.",
        param="temperature",
        code="unsupported_value",
    ),
}
STREAM_FAULTS = frozenset({Fault.ERR_IN_STREAM, Fault.CUT_STREAM, Fault.BAD_JSON})


@dataclass(frozen=True, slots=True)
class Ordinals:
    """Which call this is, counted from 1.

    Of the calls to its model's name, and of those whose request was the same to the byte.
    """

    of_model: int
    of_request: int


def error_of(knobs: Knobs, call: Ordinals, *, stream: bool) -> ApiError | None:
    """The error that takes the place of this call's answer, if its fault is one and strikes this call."""
    if knobs.fault is Fault.FLAKY:
        return SERVER_ERROR if call.of_request % 2 == 1 else None
    if knobs.fault is Fault.ERR_IN_STREAM and not stream:
        return SERVER_ERROR if _lasts(knobs, call.of_model) else None
    if knobs.fault in _ERRORS:
        started = call.of_model - (knobs.after or 0)
        return _ERRORS[knobs.fault] if started > 0 and _lasts(knobs, started) else None
    return None


def stream_fault_of(knobs: Knobs, call: Ordinals) -> Fault | None:
    """The fault that spoils this call's answer on its way, if any."""
    return knobs.fault if knobs.fault in STREAM_FAULTS and _lasts(knobs, call.of_model) else None


def filters(knobs: Knobs, call: Ordinals) -> bool:
    """Whether this call's answer is cut by a content filter."""
    return knobs.fault is Fault.CONTENT_FILTER and _lasts(knobs, call.of_model)


def retry_after_s(knobs: Knobs, error: ApiError) -> float | None:
    """What an error's Retry-After says, in seconds, where it has one: the knob, or 1 for a rate limit."""
    return 1.0 if knobs.retry_s is None and error.kind is ErrorKind.RATE_LIMIT else knobs.retry_s


def _lasts(knobs: Knobs, number: int) -> bool:
    return knobs.times is None or number <= knobs.times


def spoil_stream(script: Script, fault: Fault, knobs: Knobs, dialect: Shape, stamp: Stamp) -> Script:
    """The stream with its fault: an error event or a cut after some tokens, or one token's event that is no JSON."""
    after = FIRST_CHUNKS if knobs.after is None else knobs.after
    sent = script.tokens[:after]
    if fault is Fault.ERR_IN_STREAM:
        return Script(script.head, sent, dialect.error_event(SERVER_ERROR, stamp))
    if fault is Fault.CUT_STREAM:
        return Script(script.head, sent, b"", cut=True)
    return replace(script, tokens=(*sent, dialect.broken_event, *script.tokens[after + 1 :]))


def spoil_reply(reply: Reply, fault: Fault) -> Reply:
    """The JSON response with its fault: half of its body, where it ends or where the connection is cut."""
    half = reply.body[: reply.length // 2]
    return Reply(half, reply.length, cut=True) if fault is Fault.CUT_STREAM else whole_reply(half)
