"""What the work in hand is about, for the lines that are logged while it lasts: whoever logs need not know.

Each message and each HTTP request is a task of its own, and what a task begins inherits it. A context variable costs a
request less than a bound logger: nothing is copied before there is a line.
"""

from collections.abc import MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class About:
    """One message or HTTP request. An empty string or 0 is what is not known."""

    stage: str
    request_id: str
    tenant: str = ""
    trace_id: int = 0


_ABOUT: ContextVar[About | None] = ContextVar("penstock_about", default=None)


def begin(about: About | None) -> None:
    """From here on this task's lines are about this; None ends it, for work that is many requests'."""
    _ABOUT.set(about)


def add_about(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor of structlog's: what the line does not say itself of stage, request, tenant and trace."""
    about = _ABOUT.get()
    if about is None:
        return event
    known = {"stage": about.stage, "request_id": about.request_id, "tenant": about.tenant}
    if about.trace_id:
        known["trace_id"] = f"{about.trace_id:032x}"
    for name, value in known.items():
        if value:
            event.setdefault(name, value)
    return event
