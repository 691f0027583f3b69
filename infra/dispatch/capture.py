"""Prompts and answers on the span of the stage that ended the request, redacted: only where a setting asks for it."""

from collections.abc import Iterable

from infra.dispatch.job import Job
from infra.dispatch.outcome import Publication
from infra.settings import Settings
from infra.telemetry import names
from infra.telemetry.redaction import Redactor, read_rules


class Capture:
    """Takes at most `most` characters of a request's message and of its result."""

    def __init__(self, redactor: Redactor, most: int) -> None:
        self._redactor = redactor
        self._most = most

    def take(self, job: Job, publications: Iterable[Publication]) -> None:
        """Where one of them is the request's end, put both on the job's span."""
        for publication in publications:
            if publication.terminal:
                job.span.attributes[names.CONTENT_REQUEST] = self._text(job.body)
                job.span.attributes[names.CONTENT_ANSWER] = self._text(publication.body)

    def _text(self, body: bytes) -> str:
        return self._redactor.redact(body.decode("utf-8", "replace"), self._most)


def capture_of(settings: Settings) -> Capture | None:
    """As the settings have it. Raises `SettingsError` where the rules can't be read."""
    if not settings.capture_content:
        return None
    more = () if settings.redaction_rules is None else read_rules(settings.redaction_rules)
    return Capture(Redactor(more), settings.capture_chars)
