"""The one settings model. Every field is an environment variable `PENSTOCK_<NAME>`; secrets come from nowhere else."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, HttpUrl, PostgresDsn, UrlConstraints, ValidationError
from pydantic_core import Url
from pydantic_settings import BaseSettings, SettingsConfigDict

NatsUrl = Annotated[Url, UrlConstraints(allowed_schemes=["nats", "tls", "ws", "wss"])]

LogLevel = Literal["debug", "info", "warning", "error"]


def _number(value: object) -> object:
    """The environment holds strings, and a literal accepts no other spelling of its values."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


class SettingsError(Exception):
    """A setting is wrong; the message names it and says what is accepted."""


class Settings(BaseSettings):
    """What a Penstock process is told from outside. Durations are in seconds, sizes in bytes."""

    model_config = SettingsConfigDict(env_prefix="PENSTOCK_", extra="ignore", frozen=True)

    nats_url: Annotated[NatsUrl, Field(description="The NATS server with JetStream.")] = Url("nats://127.0.0.1:4222")
    nats_creds: Annotated[
        Path | None, Field(description="A .creds file for Penstock's own processes; none for a NATS without accounts.")
    ] = None
    nats_operator: Annotated[
        Path | None,
        Field(description="The operator's seed, a file: for commands, and an API, that hand out NATS credentials."),
    ] = None
    database_url: Annotated[
        PostgresDsn | None, Field(description="PostgreSQL 18 with pgvector, as postgresql://user:password@host/name.")
    ] = None
    catalog: Annotated[
        Path | None, Field(description="The model catalogue (YAML): providers, models, deployments.")
    ] = None

    api_host: Annotated[str, Field(description="Where the API listens.")] = "127.0.0.1"
    api_port: Annotated[int, Field(ge=0, le=65535, description="0 takes a free one.")] = 8080
    max_request_bytes: Annotated[
        int, Field(ge=1024, le=7 * 1024 * 1024, description="A larger HTTP body is refused with 413.")
    ] = 6 * 1024 * 1024
    max_header_bytes: Annotated[
        int, Field(ge=4096, le=1024 * 1024, description="Longer HTTP request headers are refused with 431.")
    ] = 64 * 1024
    keep_alive: Annotated[
        int,
        Field(
            ge=1,
            description="Seconds for which an HTTP connection may idle. Longer than clients keep theirs (SDKs: 5 s), "
            "and than a proxy in front: who is closed upon loses the request that was on its way.",
        ),
    ] = 75
    client_address_header: Annotated[
        str | None,
        Field(
            description="A header in which the proxy in front says who called, such as x-forwarded-for; its last entry "
            "counts. Without one, who connects is the caller."
        ),
    ] = None
    failed_logins: Annotated[
        int,
        Field(ge=1, description="Wrong API keys a minute from one address, or with one key's id; one more is a 429."),
    ] = 60
    request_timeout: Annotated[
        float, Field(gt=0, le=3600, description="The deadline of a request that names none.")
    ] = 120.0
    max_in_flight: Annotated[
        int, Field(ge=1, description="Requests that one API process holds open; one more is a 503.")
    ] = 2000

    replicas: Annotated[
        Literal[1, 3, 5], BeforeValidator(_number), Field(description="Copies of each stream in a NATS cluster.")
    ] = 1
    queue_messages: Annotated[int, Field(ge=1, description="A stage's stream refuses when it holds this many.")] = (
        100_000
    )
    queue_bytes: Annotated[int, Field(ge=1024 * 1024, description="… or this many bytes.")] = 1024 * 1024 * 1024
    results_age: Annotated[float, Field(ge=60, description="How long results wait for callers that wait.")] = 600.0
    results_async_age: Annotated[float, Field(ge=60, description="… and in the batch lane.")] = 86_400.0

    ack_wait: Annotated[
        float, Field(ge=1, le=300, description="A message whose worker died is delivered again after this.")
    ] = 4.0
    max_deliveries: Annotated[int, Field(ge=1, le=50, description="After these a message goes to the dead letter.")] = 5
    stage_concurrency: Annotated[int, Field(ge=1, description="Messages that a short stage works on at once.")] = 64
    provider_concurrency: Annotated[int, Field(ge=1, description="Provider calls that one process has open.")] = 256
    reserved_output_tokens: Annotated[
        int,
        Field(ge=1, description="What a budget sets aside for an answer that neither caller nor deployment limits."),
    ] = 4096
    reservation_margin: Annotated[
        float,
        Field(ge=1, le=86_400, description="A budget's reservation that no row settled ends so long after its call."),
    ] = 120.0
    provider_attempts: Annotated[int, Field(ge=1, le=10, description="Provider calls for one request, at most.")] = 3
    drain_timeout: Annotated[float, Field(gt=0, le=600, description="How long a stop waits for work in hand.")] = 20.0

    cache_ttl: Annotated[float, Field(ge=0, description="The life of a cached answer; 0 switches the cache off.")] = (
        3600.0
    )
    cache_bytes: Annotated[int, Field(ge=1024 * 1024, description="The cache drops its oldest beyond this.")] = (
        256 * 1024 * 1024
    )
    responses_age: Annotated[float, Field(ge=60, description="How long stored responses can be asked for.")] = (
        30 * 86_400.0
    )
    ledger_batch: Annotated[int, Field(ge=1, le=10_000, description="Usage rows in one transaction, at most.")] = 200
    ledger_linger: Annotated[float, Field(ge=0, le=5, description="How long a usage row waits for company.")] = 0.05
    usage_retention_days: Annotated[
        int,
        Field(ge=15, le=36_500, description="Days that the ledger keeps its rows; their sums by hour stay for good."),
    ] = 90

    max_file_bytes: Annotated[int, Field(ge=1024, description="A larger uploaded file is refused with 413.")] = (
        64 * 1024 * 1024
    )
    document_concurrency: Annotated[
        int, Field(ge=1, description="Documents that a process chunks or embeds at once.")
    ] = 128
    parser_processes: Annotated[int, Field(ge=1, le=64, description="Processes that parse PDF, Office and HTML.")] = 2
    index_batch: Annotated[
        int, Field(ge=1, le=10_000, description="Documents written in one transaction, at most.")
    ] = 256
    index_linger: Annotated[
        float, Field(ge=0, le=5, description="How long a document waits for the next; bulk work for ten times as long.")
    ] = 0.05
    grounding_tokens: Annotated[
        int,
        Field(ge=100, le=1_000_000, description="Tokens of documents that file_search puts into a prompt, at most."),
    ] = 8_000
    keep_versions: Annotated[
        int, Field(ge=0, le=100, description="Past index versions that a store keeps to go back to.")
    ] = 1

    metrics_port: Annotated[
        int | None,
        Field(
            ge=1, le=65535, description="Where a worker process serves /metrics and /healthz; not at all where unset."
        ),
    ] = None
    metrics: Annotated[
        bool, Field(description="Whether anything is counted; /metrics has the process's CPU and memory in any case.")
    ] = True
    metric_tenants: Annotated[
        int,
        Field(ge=0, le=10_000, description="Tenants that a process's metrics tell apart; more are one, `other`."),
    ] = 50
    trace_ratio: Annotated[float, Field(ge=0, le=1, description="The share of requests that are traced.")] = 1.0
    trace_slow: Annotated[
        float, Field(gt=0, description="A request or a hop that takes longer is traced whatever the ratio.")
    ] = 5.0
    trace_tail_spans: Annotated[
        int,
        Field(
            ge=0,
            description="Spans of requests beyond the ratio that a process holds back, a minute at most, until it is "
            "known whether one of them fails or is slow; 0 where a collector decides that.",
        ),
    ] = 10_000
    trace_dir: Annotated[
        Path | None,
        Field(
            description="Where spans are written, for `penstock trace`, where no OTEL_EXPORTER_OTLP_ENDPOINT is set."
        ),
    ] = None
    trace_age: Annotated[float, Field(ge=60, description="How long they are kept there.")] = 3600.0
    trace_bytes: Annotated[int, Field(ge=32 * 1024 * 1024, description="… and how much of them, the newest.")] = (
        256 * 1024 * 1024
    )
    jaeger_url: Annotated[
        HttpUrl | None, Field(description="The Jaeger that `penstock trace` asks, as http://host:16686.")
    ] = None
    capture_content: Annotated[
        bool,
        Field(
            description="Prompts and answers are put on spans, with keys and personal text taken out of them by rules."
        ),
    ] = False
    capture_chars: Annotated[int, Field(ge=100, le=1_000_000, description="So much of each, at most.")] = 8192
    redaction_rules: Annotated[
        Path | None,
        Field(description="A YAML file of further rules, a name and a regular expression each, applied before ours."),
    ] = None
    baggage: Annotated[
        Literal["off", "inside", "providers"],
        Field(
            description="How far tenant and tags travel as W3C baggage: nowhere, with Penstock's own messages, or to "
            "providers as well."
        ),
    ] = "inside"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="The least that is logged.")
    ] = "info"

    def require_database_url(self) -> str:
        """The database's URL for SQLAlchemy's psycopg driver. Raises `SettingsError` where it is not set."""
        return self.require_postgres_url().replace("postgresql://", "postgresql+psycopg://", 1)

    def require_postgres_url(self) -> str:
        """The database's URL as it is set, for psycopg itself. Raises `SettingsError` where it is not."""
        if self.database_url is None:
            raise SettingsError("PENSTOCK_DATABASE_URL is not set: name a PostgreSQL, or run `penstock up`.")
        return self.database_url.unicode_string()


def load_settings() -> Settings:
    """Read the environment. Raises `SettingsError`, one sentence a wrong variable, naming it."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(" ".join(_sentence(item["loc"], item["msg"]) for item in error.errors())) from None


def _sentence(loc: tuple[int | str, ...], reason: str) -> str:
    name = "PENSTOCK_" + str(loc[0]).upper() if loc else "the environment"
    return f"{name} is not usable: {reason[0].lower()}{reason[1:]}."
