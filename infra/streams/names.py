"""The streams by name, and the few figures that more than one place has to know."""

DUPLICATE_WINDOW = 120.0
"""Seconds in which JetStream drops a message id that it has seen; an older message is checked for an outcome."""
SERVER_MAX_DELIVER = 20
"""The server's own limit, well above the workers': the safety net for a message that kills the process each time."""
BATCH_SHARE = 4
"""A lane in four slots may be batch work; the others are kept free for people."""

WAITING_SHARE = 16
"""For each slot of a short stage, eight times as many requests may wait for another one's answer."""

REQUESTED, VALIDATED, UNGROUNDED, WAITING, UNCACHED, ROUTED = (
    f"INFERENCE_{name}" for name in ("REQUESTED", "VALIDATED", "UNGROUNDED", "WAITING", "UNCACHED", "ROUTED")
)
ATTEMPTED, RESULTS, RESULTS_ASYNC = "INFERENCE_ATTEMPTED", "RESULTS", "RESULTS_ASYNC"
USAGE, CACHE, RESPONSES, DEADLETTER, ADVISORIES = "USAGE", "CACHE", "RESPONSES", "DEADLETTER", "ADVISORIES"
COUNTERS, LIMITS = "COUNTERS", "LIMITS"
COUNTER_AGE = 150.0
"""Seconds after its last increment in which a counter is known. Longer than the duplicate window: an increment that is
taken for a repeated one is there to be read."""
SUBMITTED, CHUNKED, EMBEDDED, ENDED = (f"DOCUMENTS_{name}" for name in ("SUBMITTED", "CHUNKED", "EMBEDDED", "ENDED"))
REINDEX = "REINDEX"
LOCAL_POOL = "@local"
"""Who embeds with a model of this machine. The other pools are providers of the catalogue: none can have this name."""
CLAIMS = "penstock-claims"
"""An object store: bodies that are too large for a message."""
BREAKERS = "penstock-breakers"
"""A key-value bucket: which deployments are not to be called, and who tries whether one answers again."""
ACCESS = "penstock-access"
"""A key-value bucket: the last change of an organisation, a tenant, a key, a limit or a budget."""
SWEPT = frozenset(
    {REQUESTED, VALIDATED, UNGROUNDED, WAITING, UNCACHED, ROUTED, USAGE, LIMITS, SUBMITTED, CHUNKED, EMBEDDED}
)
"""The work queues: a message that nobody takes off one would stay in it for ever."""
