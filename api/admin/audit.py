"""/admin/v1/audit"""

from api.admin.shapes import change_object
from api.documents.paging import MOST, USUAL, limit_of
from api.documents.shapes import page
from api.gateway import Gateway
from api.served import Call, Json
from infra.access.audit import AuditLog


class AuditEndpoints:
    """Each raises `PenstockError`."""

    def __init__(self, gateway: Gateway) -> None:
        self._log = AuditLog(gateway.documents)

    async def list(self, call: Call) -> Json:
        """GET: `limit`, `after`; `kind` and `subject_id`, of which only the changes are wanted."""
        query = call.query
        found, more = await self._log.list(
            limit_of(query, USUAL, MOST),
            after=query.get("after"),
            kind=query.get("kind"),
            subject_id=query.get("subject_id"),
        )
        return page([change_object(each) for each in found], more=more)
