"""Whose files a key sees that is bound to some stores."""

from collections.abc import Collection

from api.documents.submitting import no_such_file
from api.served import Call
from infra.index.store_documents import StoreDocuments


async def require_files(
    held: StoreDocuments, call: Call, file_ids: Collection[str], param: str | None = None, *, alone: bool = False
) -> None:
    """Such a key sees the files that are in a store of its own, or in none; with `alone`, those in no other's.

    Raises `PenstockError` (`not_found`) as for a file that isn't there; `param` is the field that names it.
    """
    own = call.principal.stores
    if own is None or not file_ids:
        return
    for file_id, stores in (await held.stores_of_files(call.tenant, file_ids)).items():
        if not (stores <= own if alone else stores & own):
            raise no_such_file(file_id, param)
