"""/v1/files"""

import secrets
from typing import Final

from api.auth import denied
from api.documents.file_access import require_files
from api.documents.paging import MOST_FILES, paging_of
from api.documents.shapes import deleted, file_object, page
from api.documents.upload import Upload, read_upload
from api.gateway import Gateway
from api.served import Call, Json, refused
from infra.index.documents import Documents
from infra.index.files import Files, NewFile
from infra.index.store_documents import StoreDocuments

PURPOSES: Final = ("assistants", "batch", "evals", "fine-tune", "user_data", "vision")
"""https://platform.openai.com/docs/api-reference/files/create"""
_LONGEST_NAME, _LONGEST_TYPE = 1024, 256


class FileEndpoints:
    """Each raises `PenstockError`."""

    def __init__(self, gateway: Gateway) -> None:
        self._limit = gateway.settings.max_file_bytes
        self._files = Files(gateway.documents)
        self._documents = Documents(gateway.documents)
        self._held = StoreDocuments(gateway.documents)

    async def create(self, call: Call) -> Json:
        """POST /v1/files: a multipart form with `file` and `purpose`."""
        upload = await read_upload(call.exchange, self._limit)
        (stored,) = await self._files.put(call.tenant, [_new_file(upload)])
        return file_object(stored)

    async def list(self, call: Call) -> Json:
        """GET /v1/files: `purpose`, `limit`, `order`, `after`. It names the files of every store."""
        if call.principal.stores is not None:
            raise denied("this API key may use only some stores, and the list has the files of all")
        paging = paging_of(call.query, usual=MOST_FILES, most=MOST_FILES)
        files, more = await self._files.list(call.tenant, paging, call.query.get("purpose"))
        return page([file_object(each) for each in files], more=more)

    async def retrieve(self, call: Call) -> Json:
        """GET /v1/files/{file_id}"""
        await require_files(self._held, call, [call.in_path["file_id"]])
        return file_object(await self._files.find(call.tenant, call.in_path["file_id"]))

    async def delete(self, call: Call) -> Json:
        """DELETE /v1/files/{file_id}: the documents that were made of it go first, out of every store."""
        tenant, file_id = call.tenant, call.in_path["file_id"]
        await require_files(self._held, call, [file_id], alone=True)
        await self._files.find(tenant, file_id)
        for store, document_ids in (await self._held.of_file(tenant, file_id)).items():
            await self._documents.delete(tenant, store, document_ids)
        await self._files.delete(tenant, file_id)
        return deleted(file_id, "file")

    async def content(self, call: Call) -> None:
        """GET /v1/files/{file_id}/content: the bytes. Never of a type that a browser would run."""
        await require_files(self._held, call, [call.in_path["file_id"]])
        file = await self._files.find(call.tenant, call.in_path["file_id"])
        contents = await self._files.contents(call.tenant, [file.id])
        body = contents[file.id].content if file.id in contents else b""
        headers = {"content-type": "application/octet-stream", "x-content-type-options": "nosniff"}
        await call.exchange.reply(200, body, headers)


def _new_file(upload: Upload) -> NewFile:
    """Raises `PenstockError` (`invalid_request`) for a field that is wrong."""
    purpose = upload.fields.get("purpose")
    if purpose not in PURPOSES:
        raise refused(f"purpose: must be one of {', '.join(PURPOSES)}", "purpose")
    unknown = next((name for name in upload.fields if name != "purpose"), None)
    if unknown is not None:
        kept = "files are kept until they are deleted" if unknown.startswith("expires_after") else "there is none"
        raise refused(f"{unknown[:64]}: {kept}", unknown[:64])
    if len(upload.filename) > _LONGEST_NAME:
        raise refused(f"file: its name has more than {_LONGEST_NAME} characters", "file")
    media_type = None if upload.media_type is None else upload.media_type[:_LONGEST_TYPE]
    return NewFile(f"file-{secrets.token_hex(12)}", upload.filename, purpose, media_type, upload.content)
