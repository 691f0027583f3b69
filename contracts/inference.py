"""The contracts of the prompt flow: requested, attempted, completed, failed, and the deltas between."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.errors import HTTP_STATUS, ErrorCode, PenstockError
from contracts.money import Dollars
from contracts.tags import Tags

RequestId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
OPENAI_CHAT = "openai.chat_completions"
OPENAI_RESPONSES = "openai.responses"
OPENAI_EMBEDDINGS = "openai.embeddings"
ANTHROPIC_MESSAGES = "anthropic.messages"
ANTHROPIC_COUNT_TOKENS = "anthropic.count_tokens"
APIS = (OPENAI_CHAT, OPENAI_RESPONSES, OPENAI_EMBEDDINGS, ANTHROPIC_MESSAGES, ANTHROPIC_COUNT_TOKENS)
"""The shapes in which a request may be made, whichever provider answers it."""
DROP_PARAMS = "drop_params"
"""A field of ours that a request of any API may have; it goes no further than the provider worker."""


class Contract(BaseModel):
    """A message body. Unknown fields are ignored, so that a newer producer can talk to an older worker."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Ground(Contract):
    """A passage that was looked up for a prompt: what an answer can cite. `start` and `end` are its place in the
    document's text, in characters.
    """

    store_id: str
    document_id: str
    filename: str
    attributes: Annotated[dict[str, str | bool | float], Field(default_factory=dict)]
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]
    page: int | None = None
    version: Annotated[int | None, Field(description="Of the store's index, where it was found.")] = None
    score: Annotated[float, Field(description="Of the search: see `retrieval.answered`.")]
    text: str


class InferenceRequested(Contract):
    """One prompt. The body of `requested`, `validated`, `uncached` and `routed`: the stages forward it untouched.

    Of a prompt that documents are looked up for, `request` stays as its caller wrote it, and `grounds` come beside it
    (ADR 0013).
    """

    request_id: Annotated[RequestId, Field(description="The caller's own id; the result is published under it.")]
    api: Annotated[str, Field(description="The shape of `request`: " + ", ".join(APIS))] = OPENAI_CHAT
    request: Annotated[dict[str, Any], Field(description="The request as that API takes it, unknown fields included.")]
    deadline: Annotated[AwareDatetime | None, Field(description="After this the request fails instead of running.")] = (
        None
    )
    cache_control: Annotated[
        Literal["no-cache", "no-store"] | None,
        Field(description="no-cache: don't answer from the cache. no-store: nor keep the answer."),
    ] = None
    no_semantic: Annotated[
        bool, Field(description="Answer it with no other question's answer, nor another question with its answer.")
    ] = False
    residency: Annotated[
        Literal["local"] | None,
        Field(description="local: nothing outside may see the prompt, in failover either."),
    ] = None
    drop_params: Annotated[
        bool, Field(description="Leave out what the provider can't be asked, instead of refusing the request.")
    ] = False
    api_version: Annotated[
        str | None,
        Field(pattern=r"^\d{4}-\d{2}-\d{2}$", description="What `anthropic-version` says, for Anthropic itself."),
    ] = None
    beta: Annotated[
        str | None,
        Field(
            pattern=r"^[\x21-\x7e ]{1,1024}$", description="What `anthropic-beta` says, for a provider that reads it."
        ),
    ] = None
    tags: Tags | None = None
    grounds: Annotated[
        tuple[Ground, ...] | None,
        Field(description="What its file_search found, the best first; set by the retrieval worker alone."),
    ] = None


class TokenUsage(Contract):
    """Tokens by kind, all of them input or output. `estimated` marks what the provider did not report."""

    input_tokens: Annotated[int, Field(ge=0)] = 0
    output_tokens: Annotated[int, Field(ge=0)] = 0
    cached_input_tokens: Annotated[int, Field(ge=0, description="Of the input: read from the provider's cache.")] = 0
    reasoning_tokens: Annotated[int, Field(ge=0, description="Of the output.")] = 0
    cache_write_tokens: Annotated[int, Field(ge=0, description="Of the input: written into the provider's cache.")] = 0
    cache_write_1h_tokens: Annotated[int, Field(ge=0, description="Of these: those that stay there for an hour.")] = 0
    input_audio_tokens: Annotated[int, Field(ge=0, description="Of the input.")] = 0
    output_audio_tokens: Annotated[int, Field(ge=0, description="Of the output.")] = 0
    estimated: bool = False


class AttemptedCall(Contract):
    """One provider call, as it is known before it is answered."""

    request_id: RequestId
    attempt: Annotated[int, Field(ge=1)]
    model: str
    deployment: str
    provider: str
    provider_model: str
    idempotency_key: str
    started_at: AwareDatetime
    input_tokens: Annotated[int, Field(ge=0, description="An estimate: the call has not been answered yet.")] = 0


class InferenceAttempted(AttemptedCall):
    """Written before a provider is called, so that a call whose worker died is not forgotten."""

    beside: Annotated[
        AttemptedCall | None, Field(description="The call that is under way too, where this one is made beside it.")
    ] = None
    withdrawn: Annotated[
        bool | None, Field(description="The call was not made after all: its budget had too little left.")
    ] = None


OUTCOME_OF = "The attempt that this is the outcome of, where that is not the last one."


class PassedOver(Contract):
    """A model that was not tried first, and what stood in the way: residency, capability, rank, failing and so on."""

    model: str
    reason: str


class RouteDecision(Contract):
    """How the router came to the models of a request that left it the choice."""

    model_config = ConfigDict(extra="ignore", frozen=True, validate_by_name=True, serialize_by_alias=True)

    name: Annotated[str, Field(alias="class", description="The class that the prompt counted as.")]
    confidence: Annotated[float | None, Field(description="The classifier's; absent where a rule decided.")] = None
    rule: Annotated[str | None, Field(description="The rule that decided, if one did.")] = None
    policy: Annotated[str, Field(description="What put the models into their order.")]
    candidates: Annotated[tuple[str, ...], Field(description="The models in the order in which they are tried.")]
    passed_over: tuple[PassedOver, ...] = ()


def decision_of(header: str | None) -> RouteDecision | None:
    """The decision that an envelope carries; None where it carries none."""
    return None if header is None else RouteDecision.model_validate_json(header)


class InferenceCompleted(Contract):
    """The terminal message of an answered request."""

    request_id: RequestId
    api: str
    response: Annotated[dict[str, Any], Field(description="The answer, in the API's own shape, also after a stream.")]
    model: Annotated[str, Field(description="The model that was asked for.")]
    deployment: Annotated[str | None, Field(description="What answered.")] = None
    provider_model: str | None = None
    route: str | None = None
    decision: Annotated[
        RouteDecision | None, Field(description="The router's; absent where a model was named, or the cache answered.")
    ] = None
    cache: Annotated[str, Field(description="hit, semantic with its similarity, coalesced, miss or bypass")]
    attempts: Annotated[int, Field(ge=0, description="Provider calls; 0 for a cache hit.")] = 0
    attempt: Annotated[int | None, Field(ge=1, description=OUTCOME_OF)] = None
    usage: TokenUsage = TokenUsage()
    cost_usd: Annotated[Dollars | None, Field(description="Dollars; absent where no price is known, never 0.")] = None
    saved_usd: Annotated[
        Dollars | None, Field(description="Dollars that a cached answer cost when it was made; absent for any other.")
    ] = None
    latency_ms: Annotated[
        float | None, Field(ge=0, description="What the call took that answered; absent for an answer of the cache.")
    ] = None
    deltas: Annotated[int, Field(ge=0, description="How many deltas were sent before this message.")] = 0
    events: Annotated[
        int | None, Field(ge=0, description="How many events a stream had for others who wait for the same answer.")
    ] = None
    usage_events: Annotated[
        int | None, Field(ge=0, description="Of these: those that only somebody gets who asks for the usage.")
    ] = None


class ErrorBody(Contract):
    """An error as a message carries it."""

    code: Annotated[str, Field(description="See contracts.errors.ErrorCode; the set is open.")]
    message: str
    stage: str
    retryable: bool = False
    param: str | None = None
    retry_after: Annotated[float | None, Field(description="Seconds.")] = None

    @classmethod
    def of(cls, error: PenstockError) -> "ErrorBody":
        """The body of a raised error."""
        return cls(
            code=error.code,
            message=error.message,
            stage=error.stage,
            retryable=error.retryable,
            param=error.param,
            retry_after=error.retry_after,
        )

    def to_error(self) -> PenstockError:
        """The error again, on the other side; a code of a newer version becomes `internal_error`."""
        code = ErrorCode(self.code) if self.code in HTTP_STATUS else ErrorCode.INTERNAL_ERROR
        return PenstockError(
            code,
            self.message,
            stage=self.stage,
            retryable=self.retryable,
            param=self.param,
            retry_after=self.retry_after,
        )


class InferenceFailed(Contract):
    """The terminal message of a request that got no answer."""

    request_id: RequestId
    error: ErrorBody
    model: str | None = None
    deployment: str | None = None
    attempts: Annotated[int, Field(ge=0)] = 0
    attempt: Annotated[int | None, Field(ge=1, description=OUTCOME_OF)] = None
    usage: TokenUsage = TokenUsage()
    cost_usd: Dollars | None = None
    deltas: Annotated[int, Field(ge=0)] = 0
