"""Structured logs: one JSON object a line on stderr. Prompts, answers and keys are never fields.

A line says which stage, request, tenant and trace it is about where there is one (`about.py`); an error says of itself
what it may (`told.py`); and whatever else, no line leaves with a key in it (`redaction.py`).
"""

import logging
import sys
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog

from infra.telemetry.about import add_about
from infra.telemetry.redaction import without_secrets
from infra.telemetry.told import told_traceback

Logger = structlog.typing.FilteringBoundLogger


def configure_logging(service: str, level: str) -> Logger:
    """Set up logging for the process and return its logger, bound to the service's name."""
    threshold = getattr(logging, level.upper())
    structlog.configure(
        processors=[
            add_about,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(told_traceback),
            structlog.processors.JSONRenderer(serializer=_serialize),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.BytesLoggerFactory(file=sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    least = max(threshold, logging.WARNING)
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonLines(service))
    # The SDKs log whole requests at the level of debugging, and OPENAI_LOG sets their loggers to it: what a library
    # says below a warning goes nowhere, by whichever logger, and no handler that one of them has set up stays.
    handler.setLevel(least)
    logging.basicConfig(level=least, handlers=[handler], force=True)
    logger: Logger = structlog.get_logger().bind(service=service)
    return logger


class _JsonLines(logging.Formatter):
    """What libraries log, as lines of the same shape as ours."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        # asyncio tells of a failed task in further lines, with the error's own words.
        line = {"service": self._service, "logger": record.name, "event": record.getMessage().partition("\n")[0]}
        line |= {"level": record.levelname.lower(), "timestamp": when}
        if record.exc_info:
            line["exception"] = told_traceback(record.exc_info)
        return _serialize(add_about(None, "", line)).decode()


def _serialize(event: Any, **_: Any) -> bytes:  # noqa: ANN401 - structlog's own signature
    return without_secrets(orjson.dumps(event, default=str).decode()).encode()
