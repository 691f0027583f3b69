"""Keys that were not let in, as the log and the metric have them; never a secret."""

from api.auth import OnRefusal, Refusal
from infra.telemetry.logs import Logger
from infra.telemetry.metrics import ApiMetrics


def reported(log: Logger, metrics: ApiMetrics) -> OnRefusal:
    """Writes each down."""

    def report(address: str, key_id: str | None, reason: Refusal) -> None:
        metrics.failed_logins.labels(reason.value).inc()
        log.warning("login_failed", address=address, attempted_key_id=key_id, reason=reason.value)

    return report
