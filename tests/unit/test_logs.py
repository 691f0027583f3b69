"""What a log line says of the work in hand, and what it never says."""

import io
import json
import logging
import sys
from typing import Any

import psycopg
import pytest
import structlog
from sqlalchemy.exc import DBAPIError

from contracts.errors import ErrorCode, PenstockError
from infra.telemetry import about
from infra.telemetry.logs import Logger, configure_logging
from infra.telemetry.told import told

PLANTED = "Xyzzy the patient"
KEY = "psk_7d77e90862d66337_f7635024e4a5c0c02d9100d22e659b48456c18e0c0d3dacc"


class Stderr(io.BytesIO):
    """Standard error as a process has it: what is written to it, and its buffer."""

    @property
    def buffer(self) -> "Stderr":
        return self

    def write(self, text: Any) -> int:
        return super().write(text.encode() if isinstance(text, str) else text)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def stderr(monkeypatch: pytest.MonkeyPatch):
    stderr = Stderr()
    monkeypatch.setattr(sys, "stderr", stderr)
    yield stderr
    structlog.reset_defaults()
    about.begin(None)


@pytest.fixture
def log(stderr: Stderr) -> Logger:
    return configure_logging("probe", "debug")


def test_a_line_says_which_stage_request_tenant_and_trace_it_is_about(log: Logger, stderr: Stderr):
    about.begin(about.About("routing", "r-1", "acme", 0xAB))
    log.info("chosen")
    logging.getLogger("library").warning("careful")
    for line in stderr.lines:
        assert (line["stage"], line["request_id"], line["tenant"]) == ("routing", "r-1", "acme")
        assert line["trace_id"] == f"{0xAB:032x}"
        assert line["service"] == "probe"


def test_what_a_line_says_itself_counts(log: Logger, stderr: Stderr):
    about.begin(about.About("sweeper", ""))
    log.error("dead_letter", stage="validation")
    assert stderr.lines[0]["stage"] == "validation"
    assert "request_id" not in stderr.lines[0]


def test_a_key_is_in_no_line_whatever_field_it_came_in(log: Logger, stderr: Stderr):
    log.warning(
        "odd", path=f"/v1/{KEY}", nats_url="nats://u:hunter22@host:4222", header="Authorization: Bearer abcdefgh1"
    )
    written = stderr.getvalue().decode()
    for secret in (KEY.rpartition("_")[2], "hunter22", "abcdefgh1"):
        assert secret not in written
    assert json.loads(written)["path"] == "/v1/[key]"


def test_a_stack_has_types_and_places_and_not_what_the_errors_say(log: Logger, stderr: Stderr):
    try:
        try:
            int(PLANTED)
        except ValueError as error:
            raise KeyError(PLANTED) from error
    except KeyError:
        log.exception("failed")
    logging.getLogger("library").error("broken", exc_info=ValueError(PLANTED))
    ours, theirs = stderr.lines
    assert PLANTED.split(maxsplit=1)[0] not in stderr.getvalue().decode()
    assert (
        ours["exception"].index("ValueError") < ours["exception"].index("caused:") < ours["exception"].index("KeyError")
    )
    assert "test_logs.py" in ours["exception"]
    assert theirs["exception"].endswith("ValueError")


def test_no_library_says_more_than_warnings_whatever_its_own_level_is(log: Logger, stderr: Stderr):
    logging.getLogger("openai._base_client").setLevel(logging.DEBUG)
    try:
        logging.getLogger("openai._base_client").debug("Request options: %s", {"content": PLANTED})
    finally:
        logging.getLogger("openai._base_client").setLevel(logging.NOTSET)
    assert not stderr.lines


def test_a_handler_that_a_library_has_set_up_does_not_stay(stderr: Stderr):
    logging.basicConfig(level=logging.DEBUG, force=True)
    configure_logging("probe", "debug")
    assert len(logging.root.handlers) == 1
    logging.getLogger("httpx").debug(PLANTED)
    assert not stderr.lines


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError(PLANTED), "ValueError"),
        (
            DBAPIError(PLANTED, {}, psycopg.errors.UniqueViolation(PLANTED)),
            "UniqueViolation (sqlstate 23505)",
        ),
        (ConnectionRefusedError(111, "Connection refused"), "ConnectionRefusedError: Connection refused"),
        (PenstockError(ErrorCode.OVERLOADED, "the queue is full", stage="provider"), "the queue is full"),
        (
            PenstockError(ErrorCode.INVALID_REQUEST, f"I can't read {PLANTED}", stage="provider"),
            "the provider refused the request (invalid_request)",
        ),
        (PenstockError(ErrorCode.INTERNAL_ERROR, f"no such key: {KEY}", stage="api"), "no such key: [key]"),
    ],
)
def test_an_error_says_what_it_may(error: Exception, said: str):
    assert told(error) == said
