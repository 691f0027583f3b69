"""What is taken out of captured prompts and answers, and what is not."""

from pathlib import Path

import pytest
from opentelemetry.trace import SpanKind

from contracts.subjects import Lane
from infra.dispatch.capture import capture_of
from infra.dispatch.job import Job, Position
from infra.dispatch.outcome import Publication
from infra.settings import Settings, SettingsError
from infra.telemetry import names
from infra.telemetry.redaction import Redactor, read_rules
from infra.telemetry.tracing import Tracer


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("my key is psk_7d77e90862d66337_f7635024e4a5c0c02d9100d2 now", "my key is [key] now"),
        ("sk-proj-abc123def456ghi789", "[key]"),
        ("Authorization: Bearer abc.def-ghi_jkl", "Authorization: [token]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "[token]"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "[private key]"),
        ("postgresql://u:hunter22@db/x", "postgresql://[password]@db/x"),
        ('{"password": "hunter22"}', '{"[password]"}'),
        ("write to ada.lovelace+x@example.co.uk, please", "write to [e-mail], please"),
        ("call +49 (0)30 1234-5678!", "call [phone]!"),
        ("call 555-867-5309", "call [phone]"),
        ("card 4111 1111 1111 1111", "card [card]"),
        ("order 4111 1111 1111 1112", "order 4111 1111 1111 1112"),
        ("to DE89 3704 0044 0532 0130 00.", "to [iban]."),
        ("part DE88 3704 AB12", "part DE88 3704 AB12"),
        ("ssn 078-05-1120", "ssn [social security number]"),
        ("at 12:30 on 2026-11-25, 3.14159 times", "at 12:30 on 2026-11-25, 3.14159 times"),
    ],
)
def test_keys_and_personal_text_are_named_and_not_kept(text: str, redacted: str):
    assert Redactor().redact(text, 1000) == redacted


def test_a_secret_at_the_end_of_what_is_kept_is_not_cut_in_two():
    text = "x" * 90 + " 4111 1111 1111 1111 and more"
    assert Redactor().redact(text, 100) == "x" * 90 + " [card] an…"


def test_an_operators_rules_come_first(tmp_path: Path):
    file = tmp_path / "rules.yaml"
    file.write_text("patient: 'P-[0-9]{6}'\n")
    assert Redactor(read_rules(file)).redact("P-123456 is ill", 100) == "[patient] is ill"


@pytest.mark.parametrize("text", ["- a list", "name: '('", "{", ""])
def test_rules_that_can_not_be_used_stop_the_start(tmp_path: Path, text: str):
    file = tmp_path / "rules.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError, match="PENSTOCK_REDACTION_RULES is not usable"):
        capture_of(Settings(capture_content=True, redaction_rules=file))


def test_nothing_is_captured_unless_it_is_asked_for():
    assert capture_of(Settings()) is None


def test_what_ends_a_request_puts_both_on_its_span_redacted():
    capture = capture_of(Settings(capture_content=True, capture_chars=100))
    assert capture is not None
    job = a_job(b'{"request": "I am ada@example.com"}')
    row, end = (Publication("event", "subject", "key", body, terminal=body == b"Hi!") for body in (b"row", b"Hi!"))
    capture.take(job, [row, end])
    assert job.span.attributes == {
        names.CONTENT_REQUEST: '{"request": "I am [e-mail]"}',
        names.CONTENT_ANSWER: "Hi!",
    }


def test_what_only_goes_on_puts_nothing_there():
    capture = capture_of(Settings(capture_content=True))
    assert capture is not None
    job = a_job(b"a prompt")
    capture.take(job, [Publication("inference.validated", "s", "k", b"a prompt")])
    assert job.span.attributes == {}


def a_job(body: bytes) -> Job:
    """A message in hand, with a span that nobody exports."""
    span = Tracer("probe", None).start("process", SpanKind.CONSUMER, None, {})
    position = Position("STREAM", "consumer", 1, 1, 0.0)
    return Job("subject", Lane.INTERACTIVE, "acme", "r-1", {}, body, None, position, span)
