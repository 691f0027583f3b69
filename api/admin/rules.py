"""What may stand in the bodies of administrative requests."""

from typing import Annotated, Literal

from pydantic import Field

from api.documents.rules import Closed, Text
from infra.access.names import LONGEST_NAME, MOST_NAMES
from infra.access.policy import DEFAULT_ORGANISATION
from infra.access.scopes import USUAL_SCOPES, Scope

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
"""It stands in subjects."""
Name = Annotated[Text, Field(max_length=256)]
Scopes = Annotated[list[Scope], Field(min_length=1, max_length=6)]
ModelNames = Annotated[Text, Field(min_length=1, max_length=LONGEST_NAME, pattern=r"^[^*]*\*?$")]
"""A model as its callers write it, or its beginning with a `*` behind."""
Models = Annotated[list[ModelNames], Field(max_length=MOST_NAMES)]
Stores = Annotated[list[Annotated[Text, Field(min_length=1, max_length=LONGEST_NAME)]], Field(max_length=MOST_NAMES)]
Moment = Annotated[int, Field(ge=0, le=253_402_300_799)]
"""Up to the end of the year 9999, which is as far as dates go."""
_YEAR = 366 * 86_400


class CreateOrganisation(Closed):
    """POST /admin/v1/organisations"""

    id: Id
    name: Name = ""


class UpdateOrganisation(Closed):
    """POST /admin/v1/organisations/{organisation}. What is absent or null stays."""

    name: Name | None = None
    disabled: bool | None = None


class CreateTenant(Closed):
    """POST /admin/v1/tenants. Without `models` it may use all."""

    id: Id
    organisation: Id = DEFAULT_ORGANISATION
    name: Name = ""
    models: Models | None = None


class UpdateTenant(Closed):
    """POST /admin/v1/tenants/{tenant}. What is absent stays; `models` null takes the bound away."""

    name: Name | None = None
    models: Models | None = None
    disabled: bool | None = None


class CreateKey(Closed):
    """POST /admin/v1/keys. Without `scopes` it may do all but administer; `expires_at` is in seconds since 1970."""

    tenant: Id
    name: Name = "key"
    scopes: Scopes = Field(default_factory=lambda: list(USUAL_SCOPES), min_length=1)
    models: Models | None = None
    stores: Stores | None = None
    expires_at: Moment | None = None
    cached: bool = True


class UpdateKey(Closed):
    """POST /admin/v1/keys/{key}. What is absent stays; null takes a bound away, of `expires_at` the end."""

    name: Name | None = None
    scopes: Scopes | None = None
    models: Models | None = None
    stores: Stores | None = None
    expires_at: Moment | None = None
    cached: bool | None = None


class RotateKey(Closed):
    """POST /admin/v1/keys/{key}/rotate. How long the old key is still let in, in seconds."""

    overlap_seconds: Annotated[int, Field(ge=0, le=_YEAR)] = 86_400


class IssueNatsCreds(Closed):
    """POST /admin/v1/tenants/{tenant}/nats_creds. `expires_at` is in seconds since 1970; null is until revoked."""

    expires_at: Moment | None = None


class RevokeNatsCreds(Closed):
    """POST /admin/v1/tenants/{tenant}/nats_creds/revoke. Without a `user` all that were made so far."""

    user: Annotated[str, Field(pattern=r"^U[A-Z2-7]{55}$")] | None = None


Most = Annotated[int | None, Field(ge=1, le=10**12)]


class WriteLimit(Closed):
    """POST /admin/v1/limits. The whole limit: what is absent or null is not limited; `model` is `*` for all of them."""

    kind: Literal["key", "tenant", "model"]
    subject_id: Annotated[Text, Field(min_length=1, max_length=LONGEST_NAME)]
    model: Annotated[Text, Field(min_length=1, max_length=LONGEST_NAME)] = "*"
    requests_per_minute: Most = None
    tokens_per_minute: Most = None
    concurrent_requests: Most = None


Dollars = Annotated[str, Field(pattern=r"^[0-9]{1,10}(\.[0-9]{1,10})?$")]
"""Text, as a float has no exact cents."""
Share = Annotated[float, Field(gt=0, le=1)]
Url = Annotated[Text, Field(max_length=2048)]


class CreateBudget(Closed):
    """POST /admin/v1/budgets"""

    kind: Literal["organisation", "tenant", "key"]
    subject_id: Id
    period: Literal["day", "month", "total"]
    amount_usd: Dollars
    alert_shares: Annotated[list[Share] | None, Field(max_length=10)] = None
    webhook_url: Url | None = None


class UpdateBudget(Closed):
    """POST /admin/v1/budgets/{budget}. What is absent or null stays; a webhook that is empty goes."""

    amount_usd: Dollars | None = None
    alert_shares: Annotated[list[Share] | None, Field(max_length=10)] = None
    webhook_url: Url | None = None
