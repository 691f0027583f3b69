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

REQUEST_ID = "penstock.request_id"
TENANT = "penstock.tenant"
LANE = "penstock.lane"
STAGE = "penstock.stage"
CACHE = "penstock.cache"
ROUTE = "penstock.route"
DEPLOYMENT = "penstock.deployment"
ATTEMPT = "penstock.attempt"
ATTEMPTS = "penstock.attempts"
COST_USD = "penstock.cost_usd"
USAGE_ESTIMATED = "penstock.usage.estimated"
FIRST_TOKEN_MS = "penstock.first_token_ms"  # noqa: S105 - a token of text, not a secret
ROWS = "penstock.ledger.rows"

ERROR_TYPE = "error.type"
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

NATS = "nats"
SEND, PROCESS = "send", "process"
