"""The paths of administration."""

from starlette.routing import Route

from api.admin.audit import AuditEndpoints
from api.admin.organisations import OrganisationEndpoints
from api.admin.serving import Administered
from api.doors import Doors
from api.front import OPENAI
from api.gateway import Gateway

ROOT = "/admin/v1"


def admin_routes(doors: Doors, gateway: Gateway) -> list[Route]:
    """All of them."""
    serve = Administered(gateway)
    organisations, audit = OrganisationEndpoints(gateway), AuditEndpoints(gateway)
    at = {
        "/organisations": {"POST": serve.change(organisations.create, 201), "GET": serve.read(organisations.list)},
        "/organisations/{organisation}": {
            "GET": serve.read(organisations.retrieve),
            "POST": serve.change(organisations.update),
        },
        "/audit": {"GET": serve.read(audit.list)},
    }
    return [doors.door(ROOT + path, by_method, OPENAI) for path, by_method in at.items()]
