"""The JSON of what is administered. Times are in seconds since 1970. Pure."""

from datetime import datetime

from api.documents.shapes import seconds
from api.served import Json
from infra.access.audit import Change
from infra.access.organisations import Organisation


def organisation_object(organisation: Organisation) -> Json:
    """An organisation."""
    return {
        "id": organisation.id,
        "object": "organisation",
        "name": organisation.name,
        "created_at": seconds(organisation.created_at),
        "disabled_at": moment(organisation.disabled_at),
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


def moment(when: datetime | None) -> int | None:
    """In seconds since 1970; None where it hasn't come."""
    return None if when is None else seconds(when)
