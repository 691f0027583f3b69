"""The envelope: CloudEvents 1.0 attributes as `ce-` headers, W3C trace context, and JetStream's message id.

What the caller says is in the body and stays there untouched; what the stages found out about it travels here.
So a stage that doesn't change the prompt forwards its bytes as they came.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json"

MSG_ID = "Nats-Msg-Id"
EXPECTED_LAST_SEQUENCE = "Nats-Expected-Last-Subject-Sequence"
MSG_TTL = "Nats-TTL"
EXPECTED_LAST_SEQUENCE_SUBJECT = "Nats-Expected-Last-Subject-Sequence-Subject"

ID = "ce-id"
TYPE = "ce-type"
SOURCE = "ce-source"
TIME = "ce-time"
SPEC = "ce-specversion"
TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"
BAGGAGE = "baggage"

REQUEST_ID = "ce-requestid"
TENANT = "ce-tenant"
KEY_ID = "ce-keyid"
INGRESS = "ce-ingress"
DEADLINE = "ce-deadline"
API = "ce-api"
MODEL = "ce-model"
STREAM = "ce-stream"
CACHE_CONTROL = "ce-cachecontrol"
CACHE_STATUS = "ce-cachestatus"
CACHE_KEY = "ce-cachekey"
FLIGHT = "ce-flight"
INDEX = "ce-index"
DEPLOYMENTS = "ce-deployments"
ROUTE = "ce-route"
LONG_CONTEXT = "ce-longcontext"
DECISION = "ce-decision"
RESIDENCY = "ce-residency"
DROP_PARAMS = "ce-dropparams"
API_VERSION = "ce-apiversion"
BETA = "ce-beta"
CONFIDENTIAL = "ce-confidential"
COUNTED = "ce-counted"
ROOMS = "ce-rooms"
TAGS = "ce-tags"
EMBEDDING = "ce-embedding"
SEMANTIC = "ce-semantic"
NO_SEMANTIC = "ce-nosemantic"

CARRIED = (
    REQUEST_ID,
    TENANT,
    KEY_ID,
    INGRESS,
    DEADLINE,
    API,
    MODEL,
    STREAM,
    CACHE_CONTROL,
    CACHE_STATUS,
    CACHE_KEY,
    FLIGHT,
    INDEX,
    DEPLOYMENTS,
    ROUTE,
    LONG_CONTEXT,
    DECISION,
    RESIDENCY,
    DROP_PARAMS,
    API_VERSION,
    BETA,
    CONFIDENTIAL,
    COUNTED,
    ROOMS,
    TAGS,
    EMBEDDING,
    SEMANTIC,
    NO_SEMANTIC,
)
"""What a stage passes on to the next; the rest of the envelope is each message's own."""

CLAIM = "ce-claim"
"""Where a body is that is too large for its message: an object's name in the bucket `penstock-claims`. Each message's
own, so it is not passed on."""

LEADER = "ce-leader"
LANE = "ce-lane"
"""Where a cache entry will be, a message without a body stands for the request that is making it: its id, its lane."""

SEQUENCE = "ce-sequence"
DEPLOYMENT = "ce-deployment"
PROVIDER_MODEL = "ce-providermodel"
ATTEMPTS = "ce-attempts"


class Envelope(BaseModel):
    """The headers of every message, for the schema; on the wire they are NATS headers of these names."""

    model_config = ConfigDict(title="Envelope", serialize_by_alias=True)

    spec_version: Annotated[Literal["1.0"], Field(alias=SPEC)]
    id: Annotated[str, Field(alias=ID, description="Unique with ce-source; also Nats-Msg-Id.")]
    type: Annotated[str, Field(alias=TYPE, description="Event and version: penstock.inference.requested.v1")]
    source: Annotated[str, Field(alias=SOURCE, description="The process that published: penstock/<service>")]
    time: Annotated[AwareDatetime, Field(alias=TIME)]
    message_id: Annotated[str, Field(alias=MSG_ID, description="JetStream's key for dropping duplicates.")]
    traceparent: Annotated[str | None, Field(alias=TRACEPARENT, description="W3C trace context.")] = None
    tracestate: Annotated[str | None, Field(alias=TRACESTATE)] = None
    baggage: Annotated[
        str | None, Field(alias=BAGGAGE, description="W3C baggage: tenant and tags. Only in what stages pass on.")
    ] = None
    request_id: Annotated[str | None, Field(alias=REQUEST_ID)] = None
    tenant: Annotated[str | None, Field(alias=TENANT, description="From the subject, never from a body.")] = None
    key_id: Annotated[str | None, Field(alias=KEY_ID, description="Public id of the API key.")] = None
    ingress: Annotated[str | None, Field(alias=INGRESS, description="Who waits for token deltas.")] = None
    deadline: Annotated[AwareDatetime | None, Field(alias=DEADLINE)] = None
    api: Annotated[str | None, Field(alias=API, description="The shape of the request and of its answer.")] = None
    model: Annotated[str | None, Field(alias=MODEL, description="The model that was asked for.")] = None
    stream: Annotated[str | None, Field(alias=STREAM, description="'true' where deltas are wanted.")] = None
    cache_control: Annotated[str | None, Field(alias=CACHE_CONTROL, description="'no-cache' or 'no-store'.")] = None
    cache_status: Annotated[str | None, Field(alias=CACHE_STATUS, description="'miss' or 'bypass'.")] = None
    cache_key: Annotated[str | None, Field(alias=CACHE_KEY, description="Where the answer may be stored.")] = None
    flight: Annotated[
        str | None,
        Field(alias=FLIGHT, description="Its place among the entries: its answer is kept only where it still has it."),
    ] = None
    index: Annotated[
        str | None,
        Field(alias=INDEX, description="The index versions that were searched: store@version, separated by «,»."),
    ] = None
    deployments: Annotated[
        str | None,
        Field(
            alias=DEPLOYMENTS,
            description="Tiers in order of preference, separated by «;»; in a tier, deployments of equal rank, "
            "separated by «,»; behind a deployment «=» and the model asked of it, where that is another.",
        ),
    ] = None
    long_context: Annotated[
        str | None, Field(alias=LONG_CONTEXT, description="The same, for a prompt that is too long for the others.")
    ] = None
    decision: Annotated[
        str | None, Field(alias=DECISION, description="The router's, as the result's `decision` has it: JSON.")
    ] = None
    residency: Annotated[str | None, Field(alias=RESIDENCY, description="'local': nothing outside may see it.")] = None
    drop_params: Annotated[
        str | None, Field(alias=DROP_PARAMS, description="'true': what a provider can't be asked is left out.")
    ] = None
    api_version: Annotated[str | None, Field(alias=API_VERSION, description="The caller's `anthropic-version`.")] = None
    beta: Annotated[str | None, Field(alias=BETA, description="The caller's `anthropic-beta`.")] = None
    confidential: Annotated[
        str | None, Field(alias=CONFIDENTIAL, description="'true': it rests on documents of a confidential store.")
    ] = None
    counted: Annotated[
        str | None, Field(alias=COUNTED, description="What the request counts as until it ends, where a limit is set.")
    ] = None
    rooms: Annotated[
        str | None,
        Field(
            alias=ROOMS,
            description="What its limits a minute have room for, as JSON: of `requests` and of `tokens`, `limit`, "
            "`remaining` and `reset` (seconds) of the tightest.",
        ),
    ] = None
    tags: Annotated[
        str | None, Field(alias=TAGS, description="The caller's own tags, as a JSON object of strings; for reports.")
    ] = None
    embedding: Annotated[
        str | None,
        Field(
            alias=EMBEDDING,
            description="The vector of the user's newest text by the built-in model: 256 numbers of half precision, in "
            "base64. Computed once, for the cache and the router.",
        ),
    ] = None
    no_semantic: Annotated[
        str | None, Field(alias=NO_SEMANTIC, description="'true': no other question's answer will do.")
    ] = None
    semantic: Annotated[
        str | None,
        Field(
            alias=SEMANTIC,
            description="What the semantic cache's look-up found out of the question, for its fill: JSON, in ASCII.",
        ),
    ] = None
    route: Annotated[str | None, Field(alias=ROUTE, description="Why these deployments.")] = None
    claim: Annotated[
        str | None,
        Field(
            alias=CLAIM,
            description="The body is an object of this name in the object store `penstock-claims`, as it is too large "
            "for a message, which is empty then. The name begins with the tenant and a dot.",
        ),
    ] = None


def rfc3339(moment: datetime) -> str:
    """`moment` in UTC with milliseconds, as in 2026-11-23T08:00:00.000Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def event_type(event: str) -> str:
    """The CloudEvents type of `event` (`inference.requested`) in this version."""
    return f"penstock.{event}.v1"


def new_headers(*, event: str, message_id: str, source: str, now: datetime) -> dict[str, str]:
    """The attributes that every message has; the caller adds trace context and what the stage knows."""
    return {
        SPEC: SPEC_VERSION,
        ID: message_id,
        TYPE: event_type(event),
        SOURCE: source,
        TIME: rfc3339(now),
        MSG_ID: message_id,
    }


def parse_deadline(value: str) -> datetime:
    """An RFC 3339 time with a zone. Raises `ValueError` for anything else."""
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("a deadline needs a time zone")
    return moment
