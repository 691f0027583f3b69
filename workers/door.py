"""At the producers' doors: what an envelope may claim that anybody may have written.

Whose a message is, its subject says: only who may publish there can have sent it (ADR 0017).
"""

from collections.abc import Mapping

from contracts import envelope
from contracts.errors import ContractError, ErrorCode, PenstockError
from contracts.subjects import require_token
from infra.access.policies import Policies
from infra.access.policy import Policy
from infra.dispatch.job import Job


async def admitted(job: Job, policies: Policies, stage: str, *, waits: bool = False) -> dict[str, str]:
    """The job's envelope with its subject's tenant, and with a key only where that is one of the tenant's.

    Raises `PenstockError`: `permission_denied` for a tenant that is disabled, retryable for work that `waits` until it
    is not; `pipeline_unavailable`, retryable, where nobody can tell.
    """
    policy = await policies.of(job.tenant, job.headers.get(envelope.KEY_ID))
    require_enabled(policy, stage, waits=waits)
    return of_tenant(job.headers, job.tenant, policy.key_id)


def require_enabled(policy: Policy, stage: str, *, waits: bool = False) -> None:
    """Raises `PenstockError` (`permission_denied`, retryable for who `waits`) for a tenant that is disabled, or whose
    organisation is.
    """
    if policy.disabled:
        message = f"the tenant «{policy.tenant}», or its organisation, is disabled"
        raise PenstockError(ErrorCode.PERMISSION_DENIED, message, stage=stage, retryable=waits)


def of_tenant(headers: Mapping[str, str], tenant: str, key_id: str | None) -> dict[str, str]:
    """The same, once it is known which key it is; None for no key of the tenant's."""
    kept = {name: value for name, value in headers.items() if name != envelope.KEY_ID}
    return {**kept, envelope.TENANT: tenant, **({} if key_id is None else {envelope.KEY_ID: key_id})}


def require_own_ingress(job: Job, stage: str, *, accounts: bool) -> None:
    """Deltas go to the ingress that the request names, so it must be the sender's own.

    An ingress of Penstock's begins its request ids with its own id. With `accounts` a tenant hears deltas under its own
    name alone; a NATS without them has no tenants that are kept apart. Raises `ContractError`.
    """
    ingress = job.headers.get(envelope.INGRESS)
    if ingress is None:
        return
    require_token(ingress, envelope.INGRESS, stage=stage)
    if accounts and ingress != job.tenant and not job.request_id.startswith(ingress):
        message = f"{envelope.INGRESS} must be the tenant's own id: deltas come under that name"
        raise ContractError(message, stage=stage, param=envelope.INGRESS)
