"""Structured logs: one JSON object a line on stderr. Prompts, answers and keys are never fields."""

import logging
import sys
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog

Logger = structlog.typing.FilteringBoundLogger


def configure_logging(service: str, level: str) -> Logger:
    """Set up logging for the process and return its logger, bound to the service's name."""
    threshold = getattr(logging, level.upper())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_serialize),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.BytesLoggerFactory(file=sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonLines(service))
    logging.basicConfig(level=max(threshold, logging.WARNING), handlers=[handler])
    logger: Logger = structlog.get_logger().bind(service=service)
    return logger


class _JsonLines(logging.Formatter):
    """What libraries log, as lines of the same shape as ours."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        line = {"service": self._service, "logger": record.name, "event": record.getMessage()}
        line |= {"level": record.levelname.lower(), "timestamp": when}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _serialize(line).decode()


def _serialize(event: Any, **_: Any) -> bytes:  # noqa: ANN401 - structlog's own signature
    return orjson.dumps(event, default=str)
