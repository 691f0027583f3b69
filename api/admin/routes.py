"""The paths of administration."""

from starlette.routing import Route

from api.admin.audit import AuditEndpoints
from api.admin.budgets import BudgetEndpoints
from api.admin.cache import CacheEndpoints
from api.admin.keys import KeyEndpoints
from api.admin.limits import LimitEndpoints
from api.admin.nats_creds import NatsCredsEndpoints
from api.admin.organisations import OrganisationEndpoints
from api.admin.serving import Administered
from api.admin.tenants import TenantEndpoints
from api.doors import Doors
from api.front import OPENAI
from api.gateway import Gateway

ROOT = "/admin/v1"


def admin_routes(doors: Doors, gateway: Gateway) -> list[Route]:
    """All of them."""
    serve = Administered(gateway)
    nats_creds, audit = NatsCredsEndpoints(gateway), AuditEndpoints(gateway)
    organisations = OrganisationEndpoints(gateway, nats_creds.admit)
    tenants = TenantEndpoints(gateway, nats_creds.admit)
    keys, budgets, limits = KeyEndpoints(gateway), BudgetEndpoints(gateway), LimitEndpoints(gateway)
    at = {
        "/organisations": {"POST": serve.change(organisations.create, 201), "GET": serve.read(organisations.list)},
        "/organisations/{organisation}": {
            "GET": serve.read(organisations.retrieve),
            "POST": serve.change(organisations.update),
        },
        "/tenants": {"POST": serve.change(tenants.create, 201), "GET": serve.read(tenants.list)},
        "/tenants/{tenant}": {"GET": serve.read(tenants.retrieve), "POST": serve.change(tenants.update)},
        "/tenants/{tenant}/nats_creds": {"POST": serve.change(nats_creds.issue, 201)},
        "/tenants/{tenant}/nats_creds/revoke": {"POST": serve.change(nats_creds.revoke)},
        "/keys": {"POST": serve.change(keys.create, 201), "GET": serve.read(keys.list)},
        "/keys/{key}": {"GET": serve.read(keys.retrieve), "POST": serve.change(keys.update)},
        "/keys/{key}/rotate": {"POST": serve.change(keys.rotate, 201)},
        "/keys/{key}/revoke": {"POST": serve.change(keys.revoke)},
        "/budgets": {"POST": serve.change(budgets.create, 201), "GET": serve.read(budgets.list)},
        "/budgets/{budget}": {
            "GET": serve.read(budgets.retrieve),
            "POST": serve.change(budgets.update),
            "DELETE": serve.change(budgets.delete),
        },
        "/limits": {"POST": serve.change(limits.set), "GET": serve.read(limits.list)},
        "/limits/{limit}": {"GET": serve.read(limits.retrieve), "DELETE": serve.change(limits.delete)},
        "/cache": {"DELETE": serve.change(CacheEndpoints(gateway).purge)},
        "/audit": {"GET": serve.read(audit.list)},
    }
    return [doors.door(ROOT + path, by_method, OPENAI) for path, by_method in at.items()]
