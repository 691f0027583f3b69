"""Who asks, and may they?"""

from api.auth import Principal, require_scope
from api.dialects.dialect import Dialect
from api.exchange import Exchange
from api.gateway import Gateway
from api.observed import Visit
from infra.access.scopes import INFERENCE
from infra.telemetry import names


async def admit(
    gateway: Gateway, exchange: Exchange, visit: Visit, dialect: Dialect, scope: str | None = INFERENCE
) -> Principal:
    """The caller behind a request's key, which must have `scope`, where one is named.

    Raises `PenstockError`: `invalid_api_key`, `rate_limited`, `permission_denied`, or `pipeline_unavailable`.
    """
    authorization = dialect.authorization(exchange.header)
    address = exchange.address(gateway.settings.client_address_header)
    principal = await gateway.authenticator.authenticate(authorization, dialect.key_hint, address)
    visit.facts["key_id"] = principal.key_id
    visit.about.tenant = principal.tenant
    visit.span.attributes[names.TENANT] = principal.tenant
    if scope is not None:
        require_scope(principal, scope)
    return principal
