"""The names of spans, attributes and metrics: the one registry of what an SRE can search for.

Standard names are from the OpenTelemetry semantic conventions (messaging, GenAI, HTTP; FACTS «Telemetry names»);
Penstock's own start with `penstock.`.
"""

MESSAGING_SYSTEM = "messaging.system"
MESSAGING_OPERATION = "messaging.operation.type"
MESSAGING_OPERATION_NAME = "messaging.operation.name"
MESSAGING_DESTINATION = "messaging.destination.name"
MESSAGING_TEMPLATE = "messaging.destination.template"
MESSAGING_MESSAGE_ID = "messaging.message.id"
MESSAGING_BODY_SIZE = "messaging.message.body.size"
MESSAGING_GROUP = "messaging.consumer.group.name"

NATS_STREAM = "messaging.nats.stream"
NATS_SEQUENCE = "messaging.nats.stream.sequence"
DELIVERY_COUNT = "penstock.delivery_count"
QUEUE_WAIT_MS = "penstock.queue_wait_ms"
"""From the moment the message was published to the moment a worker took it, in milliseconds."""
GATE_WAIT_MS = "penstock.gate_wait_ms"
"""From the moment the worker took the message to the moment it had a free slot, in milliseconds."""
OUTCOME = "penstock.outcome"
REFUSALS = "penstock.send.refusals"
"""How often a full queue refused a message before it was stored or given up."""

REQUEST_ID = "penstock.request_id"
WITHIN = "penstock.within"
"""The request, or the job, in whose name a trace was begun that is none of its own spans."""
TENANT = "penstock.tenant"
TAG = "penstock.tag"
"""In baggage, before the name of a tag."""
LANE = "penstock.lane"
STAGE = "penstock.stage"
CACHE = "penstock.cache"
ROUTE = "penstock.route"
ROUTE_CLASS, ROUTE_CONFIDENCE = "penstock.route.class", "penstock.route.confidence"
ROUTE_LIKELIEST = "penstock.route.likeliest"
"""The class of the highest probability, also where that was too low to count."""
ROUTE_POLICY, ROUTE_RULE = "penstock.route.policy", "penstock.route.rule"
ROUTE_CANDIDATES, ROUTE_PASSED = "penstock.route.candidates", "penstock.route.passed_over"
"""The models in the order in which they are tried; those that were not first, each with what stood in the way."""
ROUTE_DIFFICULTY = "penstock.route.difficulty"
"""The probability that the strong model's answer would be the better one."""
CLOSENESS = "penstock.closeness"
"""The largest cosine between a prompt's texts and the tenant's confidential stores."""
ROUTE_SHADOW = "penstock.route.shadow"
"""What the router would have chosen for a request that asked for a model by its name."""
DEPLOYMENT = "penstock.deployment"
ATTEMPT = "penstock.attempt"
ATTEMPTS = "penstock.attempts"
CALL_KIND = "penstock.call.kind"
"""What a provider call is to its request: first, failover, retry or hedge."""
SKIPPED = "penstock.deployments.skipped"
"""The deployments that would have been called before this one, each with what stood in the way."""
RESIDENCY = "penstock.residency"
SLOT_WAIT_MS = "penstock.slot_wait_ms"
"""From the wish to call a provider to a deployment's being free for it, in milliseconds."""
COST_USD = "penstock.cost_usd"
USAGE_ESTIMATED = "penstock.usage.estimated"
FIRST_TOKEN_MS = "penstock.first_token_ms"  # noqa: S105 - a token of text, not a secret
ROWS = "penstock.ledger.rows"
BATCH_MESSAGES = "penstock.batch.messages"
EMBEDDED, REUSED = "penstock.embedded", "penstock.reused"
"""Texts that a model was asked for, and chunks whose vectors were there already."""

RETRIEVAL_MODE = "penstock.retrieval.mode"
RETRIEVAL_QUERIES = "penstock.retrieval.queries"
RETRIEVAL_HITS = "penstock.retrieval.hits"
STORE = "penstock.store"
GROUNDING_STORES = "penstock.grounding.stores"
GROUNDING_TOKENS = "penstock.grounding.tokens"
"""Stores that were searched for a prompt, and an estimate of the tokens of what was put into it."""
INDEX_VERSION = "penstock.index.version"
DOCUMENT = "penstock.document"
"""The first 16 digits of the SHA-256 of a document's id: an id may be a path that tells much."""
DOCUMENT_KIND = "penstock.document.kind"
CHUNKS = "penstock.chunks"
"""Of all index versions together."""
VERSIONS = "penstock.versions"

ERROR_TYPE, OTHER_ERROR = "error.type", "_OTHER"
"""`_OTHER` is the conventions' word for an error that has no code."""
EXCEPTION, EXCEPTION_TYPE, EXCEPTION_MESSAGE = "exception", "exception.type", "exception.message"
HTTP_METHOD = "http.request.method"
HTTP_ROUTE = "http.route"
HTTP_STATUS = "http.response.status_code"

GEN_AI_OPERATION = "gen_ai.operation.name"
GEN_AI_PROVIDER = "gen_ai.provider.name"
GEN_AI_REQUEST_MODEL = "gen_ai.request.model"
GEN_AI_RESPONSE_MODEL = "gen_ai.response.model"
GEN_AI_RESPONSE_ID = "gen_ai.response.id"
GEN_AI_FINISH_REASONS = "gen_ai.response.finish_reasons"
GEN_AI_INPUT_TOKENS = "gen_ai.usage.input_tokens"
GEN_AI_OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
GEN_AI_CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens"
SERVER_ADDRESS = "server.address"


# Events: something that was decided within a span, and when.
DEPLOYMENT_SKIPPED = "deployment.skipped"
"""A deployment that would have been called, with what stood in the way (`OBSTACLE`) and for how long it does."""
CALL_REPEATED = "call.repeated"
"""A call has failed, and another one follows after a pause (`PAUSE_MS`)."""
BREAKER_OPENED, BREAKER_CLOSED, BREAKER_PROBED = "breaker.opened", "breaker.closed", "breaker.probed"
LIMITER_COUNTED, LIMITER_REFUSED = "limiter.counted", "limiter.refused"
BUDGET_RESERVED, BUDGET_REFUSED = "budget.reserved", "budget.refused"
SEND_REFUSED = "send.refused"
"""The queue ahead is full, and the message is held until it has room."""
OBSTACLE, REASON = "penstock.obstacle", "penstock.reason"
PAUSE_MS, OPEN_MS = "penstock.pause_ms", "penstock.open_ms"
LIMITS, ROOM = "penstock.limits", "penstock.room"
"""How many limits were asked, and what the one with the least room still lets through."""
AMOUNT_USD = "penstock.amount_usd"

CONTENT_REQUEST, CONTENT_ANSWER = "penstock.content.request", "penstock.content.answer"
"""What was asked and answered, as JSON of the API that it was asked in, redacted: only where content is captured."""

EMBED_SPAN, SEARCH_SPAN, MEASURE_SPAN = "retrieval.embed", "retrieval.search", "retrieval.measure"

NATS = "nats"
SEND, PROCESS = "send", "process"

# Metrics are named as Prometheus has them. These have names in the conventions, which they have over OTLP; with units.
OTLP_METRICS = {
    "gen_ai_client_operation_duration_seconds": ("gen_ai.client.operation.duration", "s"),
    "gen_ai_client_operation_time_to_first_chunk_seconds": ("gen_ai.client.operation.time_to_first_chunk", "s"),
    "gen_ai_client_token_usage": ("gen_ai.client.token.usage", "{token}"),
}
OTLP_LABELS = {
    "gen_ai_operation_name": GEN_AI_OPERATION,
    "gen_ai_provider_name": GEN_AI_PROVIDER,
    "gen_ai_request_model": GEN_AI_REQUEST_MODEL,
    "gen_ai_token_type": "gen_ai.token.type",
    "error_type": ERROR_TYPE,
    "penstock_deployment": DEPLOYMENT,
}
