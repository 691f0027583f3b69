"""Administration in the OpenAPI document. Pure."""

from typing import Final

from pydantic import BaseModel

from api.admin.rules import (
    CreateBudget,
    CreateKey,
    CreateOrganisation,
    CreateTenant,
    IssueNatsCreds,
    RevokeNatsCreds,
    RotateKey,
    UpdateBudget,
    UpdateKey,
    UpdateOrganisation,
    UpdateTenant,
    WriteLimit,
)
from api.documents.paging import MOST
from api.openapi_parts import Json, in_path, in_query, objects, operation, paging

BODIES: Final[tuple[type[BaseModel], ...]] = (
    CreateOrganisation,
    UpdateOrganisation,
    CreateTenant,
    UpdateTenant,
    CreateKey,
    UpdateKey,
    RotateKey,
    IssueNatsCreds,
    RevokeNatsCreds,
    CreateBudget,
    UpdateBudget,
    WriteLimit,
)
"""The rules whose schemas are referred to."""

_TEXT: Json = {"type": "string"}
_OBJECTS = {
    "Tenant": ("id", "object", "organisation", "name", "models", "created_at", "disabled_at"),
    "Key": (
        "id",
        "object",
        "tenant",
        "name",
        "scopes",
        "models",
        "stores",
        "cached",
        "created_at",
        "expires_at",
        "revoked_at",
    ),
    "MadeKey": ("id", "object", "tenant", "scopes", "key"),
    "NatsCreds": ("object", "tenant", "user", "expires_at", "creds"),
    "RevokedNatsCreds": ("object", "tenant", "user", "revoked"),
    "Budget": (
        *("id", "object", "kind", "subject_id", "period", "amount_usd", "spent_usd", "reserved_usd", "left_usd"),
        *("period_start", "period_end", "alert_shares", "webhook_url", "created_at"),
    ),
    "DeletedBudget": ("id", "object", "deleted"),
    "Limit": (
        *("id", "object", "kind", "subject_id", "model"),
        *("requests_per_minute", "tokens_per_minute", "concurrent_requests", "created_at"),
    ),
    "DeletedLimit": ("id", "object", "deleted"),
    "PurgedCache": ("object", "tenant", "entries"),
    "Organisation": ("id", "object", "name", "created_at", "disabled_at"),
}


def paths() -> Json:
    """Every path of `api.admin.routes`."""
    return {**_organisations(), **_tenants(), **_keys(), **_budgets(), **_limits(), **_cache(), **_audit()}


def _organisations() -> Json:
    one = in_path("organisation")
    return {
        "/admin/v1/organisations": {
            "post": operation(
                "createOrganisation", "A new one.", "Organisation", body="CreateOrganisation", status=201
            ),
            "get": operation("listOrganisations", "The newest first.", "Page", *paging(MOST, "before")),
        },
        "/admin/v1/organisations/{organisation}": {
            "get": operation("retrieveOrganisation", "One of them.", "Organisation", one),
            "post": operation("updateOrganisation", "As it is now.", "Organisation", one, body="UpdateOrganisation"),
        },
    }


def _tenants() -> Json:
    one, organisation = in_path("tenant"), in_query("organisation", _TEXT)
    at = "/admin/v1/tenants/{tenant}/nats_creds"
    made = "NATS credentials, shown this once."
    return {
        at: {"post": operation("issueNatsCreds", made, "NatsCreds", one, body="IssueNatsCreds", status=201)},
        f"{at}/revoke": {
            "post": operation("revokeNatsCreds", "They are void.", "RevokedNatsCreds", one, body="RevokeNatsCreds"),
        },
        "/admin/v1/tenants": {
            "post": operation("createTenant", "A new one.", "Tenant", body="CreateTenant", status=201),
            "get": operation("listTenants", "The newest first.", "Page", *paging(MOST, "before"), organisation),
        },
        "/admin/v1/tenants/{tenant}": {
            "get": operation("retrieveTenant", "One of them.", "Tenant", one),
            "post": operation("updateTenant", "As it is now.", "Tenant", one, body="UpdateTenant"),
        },
    }


def _keys() -> Json:
    one, tenant, at = in_path("key"), in_query("tenant", _TEXT), "/admin/v1/keys"
    made = "A key, shown this once."
    return {
        at: {
            "post": operation("createKey", made, "MadeKey", body="CreateKey", status=201),
            "get": operation("listKeys", "The newest first.", "Page", *paging(MOST, "before"), tenant),
        },
        f"{at}/{{key}}": {
            "get": operation("retrieveKey", "One of them, without its secret.", "Key", one),
            "post": operation("updateKey", "As it is now.", "Key", one, body="UpdateKey"),
        },
        f"{at}/{{key}}/rotate": {
            "post": operation("rotateKey", made, "MadeKey", one, body="RotateKey", status=201),
        },
        f"{at}/{{key}}/revoke": {"post": operation("revokeKey", "It is let in no more.", "Key", one)},
    }


def _budgets() -> Json:
    one, at = in_path("budget"), "/admin/v1/budgets"
    named = (in_query(name, _TEXT) for name in ("kind", "subject_id"))
    return {
        at: {
            "post": operation("createBudget", "A new one.", "Budget", body="CreateBudget", status=201),
            "get": operation("listBudgets", "The newest first.", "Page", *paging(MOST, "before"), *named),
        },
        f"{at}/{{budget}}": {
            "get": operation("retrieveBudget", "One of them, and how it stands.", "Budget", one),
            "post": operation("updateBudget", "As it is now.", "Budget", one, body="UpdateBudget"),
            "delete": operation("deleteBudget", "It is gone.", "DeletedBudget", one),
        },
    }


def _limits() -> Json:
    one, at = in_path("limit"), "/admin/v1/limits"
    named = (in_query(name, _TEXT) for name in ("kind", "subject_id"))
    return {
        at: {
            "post": operation("setLimit", "Instead of what was set for the same before.", "Limit", body="WriteLimit"),
            "get": operation("listLimits", "The newest first.", "Page", *paging(MOST, "before"), *named),
        },
        f"{at}/{{limit}}": {
            "get": operation("retrieveLimit", "One of them.", "Limit", one),
            "delete": operation("deleteLimit", "It is gone.", "DeletedLimit", one),
        },
    }


def _cache() -> Json:
    named = (in_query(name, _TEXT) for name in ("key", "index", "entry"))
    whose = {**in_query("tenant", _TEXT), "required": True}
    return {"/admin/v1/cache": {"delete": operation("purgeCache", "How many went.", "PurgedCache", whose, *named)}}


def _audit() -> Json:
    limit = in_query("limit", {"type": "integer", "minimum": 1, "maximum": MOST})
    named = (in_query(name, _TEXT) for name in ("after", "kind", "subject_id"))
    return {"/admin/v1/audit": {"get": operation("listChanges", "The newest first.", "Page", limit, *named)}}


def schemas() -> Json:
    """Of what is answered."""
    return objects(_OBJECTS)
