"""The JSON of what is administered. Times are in seconds since 1970. Pure."""

from collections.abc import Sequence
from datetime import datetime

from api.documents.shapes import seconds
from api.served import Json
from infra.access.audit import Change
from infra.access.keys import Key
from infra.access.organisations import Organisation
from infra.access.tenants import Tenant


def organisation_object(organisation: Organisation) -> Json:
    """An organisation."""
    return {
        "id": organisation.id,
        "object": "organisation",
        "name": organisation.name,
        "created_at": seconds(organisation.created_at),
        "disabled_at": moment(organisation.disabled_at),
    }


def tenant_object(tenant: Tenant) -> Json:
    """A tenant. `models` null are all."""
    return {
        "id": tenant.id,
        "object": "tenant",
        "organisation": tenant.organisation,
        "name": tenant.name,
        "models": listed(tenant.models),
        "created_at": seconds(tenant.created_at),
        "disabled_at": moment(tenant.disabled_at),
    }


def key_object(key: Key) -> Json:
    """A key, without its secret. `models` and `stores` null are all that its tenant may use."""
    return {
        "id": key.id,
        "object": "key",
        "tenant": key.tenant,
        "name": key.name,
        "scopes": list(key.scopes),
        "models": listed(key.models),
        "stores": listed(key.stores),
        "cached": key.cached,
        "replaces": key.replaces,
        "created_at": seconds(key.created_at),
        "expires_at": moment(key.expires_at),
        "revoked_at": moment(key.revoked_at),
    }


def change_object(change: Change) -> Json:
    """An entry of the audit log."""
    return {
        "id": str(change.id),
        "object": "audit.change",
        "at": seconds(change.at),
        "actor": change.actor,
        "action": change.action,
        "kind": change.kind,
        "subject_id": change.subject_id,
        "before": change.before,
        "after": change.after,
    }


def listed(names: Sequence[str] | None) -> list[str] | None:
    """Names as JSON has them."""
    return None if names is None else list(names)


def moment(when: datetime | None) -> int | None:
    """In seconds since 1970; None where it hasn't come."""
    return None if when is None else seconds(when)
