"""A logger whose lines a test can read; pytest shows them with a test that fails."""

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from infra.telemetry.logs import Logger

_RENDER = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)


@dataclass(slots=True)
class RecordedLog:
    """`logger` for the code under test, `entries` for the test: each line's fields, the oldest first."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    logger: Logger = field(init=False)

    def __post_init__(self) -> None:
        self.logger = structlog.wrap_logger(
            structlog.PrintLogger(),
            processors=[structlog.processors.add_log_level, self._record, _RENDER],
            wrapper_class=structlog.make_filtering_bound_logger(0),
        )

    def events(self, name: str) -> list[dict[str, Any]]:
        """The lines of one event."""
        return [entry for entry in self.entries if entry["event"] == name]

    def _record(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        self.entries.append(dict(event))
        return event
