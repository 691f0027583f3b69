"""The paths of files, vector stores and documents."""

from collections.abc import Mapping

from starlette.routing import Route

from api.documents.batches import BatchEndpoints
from api.documents.bulk import BulkEndpoints
from api.documents.files import FileEndpoints
from api.documents.store_files import StoreFileEndpoints
from api.documents.stores import StoreEndpoints
from api.doors import Doors
from api.front import OPENAI
from api.gateway import Gateway
from api.observed import Endpoint
from api.served import READERS, WRITERS, Handle, Served

_STORE = "/v1/vector_stores/{store}"
_Paths = Mapping[str, Mapping[str, Endpoint]]


def document_routes(doors: Doors, gateway: Gateway) -> list[Route]:
    """An id that may have slashes ends a path, so what goes on behind it comes first."""
    serve = _Serve(gateway)
    paths = {
        **_files(gateway, serve),
        **_stores(gateway, serve),
        **_bulk(gateway, serve),
        **_store_files(gateway, serve),
    }
    return [doors.door(path, ends, OPENAI, path.replace(":path}", "}")) for path, ends in paths.items()]


class _Serve:
    """Endpoints for those who may read, and for those who may write."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def read(self, handle: Handle) -> Served:
        return Served(self._gateway, READERS, handle)

    def write(self, handle: Handle, status: int = 200) -> Served:
        return Served(self._gateway, WRITERS, handle, status)


def _files(gateway: Gateway, serve: _Serve) -> _Paths:
    files = FileEndpoints(gateway)
    return {
        "/v1/files": {"POST": serve.write(files.create), "GET": serve.read(files.list)},
        "/v1/files/{file_id}": {"GET": serve.read(files.retrieve), "DELETE": serve.write(files.delete)},
        "/v1/files/{file_id}/content": {"GET": serve.read(files.content)},
    }


def _stores(gateway: Gateway, serve: _Serve) -> _Paths:
    stores = StoreEndpoints(gateway)
    one = {
        "GET": serve.read(stores.retrieve),
        "POST": serve.write(stores.update),
        "DELETE": serve.write(stores.delete),
    }
    return {"/v1/vector_stores": {"POST": serve.write(stores.create), "GET": serve.read(stores.list)}, _STORE: one}


def _store_files(gateway: Gateway, serve: _Serve) -> _Paths:
    files, batches = StoreFileEndpoints(gateway), BatchEndpoints(gateway)
    one = {
        "GET": serve.read(files.retrieve),
        "POST": serve.write(files.update),
        "DELETE": serve.write(files.delete),
    }
    return {
        f"{_STORE}/file_batches": {"POST": serve.write(batches.create)},
        f"{_STORE}/file_batches/{{batch}}": {"GET": serve.read(batches.retrieve)},
        f"{_STORE}/file_batches/{{batch}}/cancel": {"POST": serve.write(batches.cancel)},
        f"{_STORE}/file_batches/{{batch}}/files": {"GET": serve.read(batches.files)},
        f"{_STORE}/files": {"POST": serve.write(files.create), "GET": serve.read(files.list)},
        f"{_STORE}/files/{{document:path}}/content": {"GET": serve.read(files.content)},
        f"{_STORE}/files/{{document:path}}": one,
    }


def _bulk(gateway: Gateway, serve: _Serve) -> _Paths:
    bulk = BulkEndpoints(gateway)
    return {
        f"{_STORE}/documents": {"POST": serve.write(bulk.submit, 202), "GET": serve.read(bulk.list)},
        f"{_STORE}/documents/delete": {"POST": serve.write(bulk.delete)},
        f"{_STORE}/documents/retry": {"POST": serve.write(bulk.retry)},
    }
