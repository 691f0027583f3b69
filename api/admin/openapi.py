"""Administration in the OpenAPI document. Pure."""

from typing import Final

from pydantic import BaseModel

from api.admin.rules import CreateOrganisation, UpdateOrganisation
from api.documents.paging import MOST
from api.openapi_parts import Json, in_path, in_query, objects, operation, paging

BODIES: Final[tuple[type[BaseModel], ...]] = (CreateOrganisation, UpdateOrganisation)
"""The rules whose schemas are referred to."""

_TEXT: Json = {"type": "string"}
_OBJECTS = {
    "Organisation": ("id", "object", "name", "created_at", "disabled_at"),
}


def paths() -> Json:
    """Every path of `api.admin.routes`."""
    return {**_organisations(), **_audit()}


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


def _audit() -> Json:
    limit = in_query("limit", {"type": "integer", "minimum": 1, "maximum": MOST})
    named = (in_query(name, _TEXT) for name in ("after", "kind", "subject_id"))
    return {"/admin/v1/audit": {"get": operation("listChanges", "The newest first.", "Page", limit, *named)}}


def schemas() -> Json:
    """Of what is answered."""
    return objects(_OBJECTS)
