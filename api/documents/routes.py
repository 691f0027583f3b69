"""The paths of files, vector stores and documents."""

from starlette.routing import Route

from api.documents.files import FileEndpoints
from api.documents.stores import StoreEndpoints
from api.doors import Doors
from api.front import OPENAI
from api.gateway import Gateway
from api.served import READERS, WRITERS, Handle, Served


def document_routes(doors: Doors, gateway: Gateway) -> list[Route]:
    """A path with an id that may have slashes comes behind those that go on."""
    files, stores = FileEndpoints(gateway), StoreEndpoints(gateway)

    def read(handle: Handle) -> Served:
        return Served(gateway, READERS, handle)

    def write(handle: Handle) -> Served:
        return Served(gateway, WRITERS, handle)

    at = {
        "/v1/files": {"POST": write(files.create), "GET": read(files.list)},
        "/v1/files/{file_id}": {"GET": read(files.retrieve), "DELETE": write(files.delete)},
        "/v1/files/{file_id}/content": {"GET": read(files.content)},
        "/v1/vector_stores": {"POST": write(stores.create), "GET": read(stores.list)},
        "/v1/vector_stores/{store}": {
            "POST": write(stores.update),
            "GET": read(stores.retrieve),
            "DELETE": write(stores.delete),
        },
    }
    return [doors.door(path, by_method, OPENAI) for path, by_method in at.items()]
