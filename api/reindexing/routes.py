"""The paths of a store's index versions and re-indexes."""

from starlette.routing import Route

from api.doors import Doors
from api.front import OPENAI
from api.gateway import Gateway
from api.reindexing.jobs import JobEndpoints
from api.reindexing.versions import VersionEndpoints
from api.served import READERS, WRITERS, Handle, Served
from infra.index.jobs import Wish

_STORE = "/v1/vector_stores/{store}"
_WISHES = {"pause": Wish.PAUSE, "resume": Wish.RUN, "cancel": Wish.CANCEL}


def reindexing_routes(doors: Doors, gateway: Gateway) -> list[Route]:
    """All of them."""
    versions, jobs = VersionEndpoints(gateway), JobEndpoints(gateway)

    def read(handle: Handle) -> Served:
        return Served(gateway, READERS, handle)

    def write(handle: Handle, status: int = 200) -> Served:
        return Served(gateway, WRITERS, handle, status)

    at = {
        f"{_STORE}/versions": {"GET": read(versions.list)},
        f"{_STORE}/versions/{{version}}": {"DELETE": write(versions.delete)},
        f"{_STORE}/rollback": {"POST": write(versions.rollback)},
        f"{_STORE}/reindex": {"POST": write(jobs.create, 202), "GET": read(jobs.list)},
        f"{_STORE}/reindex/{{job}}": {"GET": read(jobs.retrieve)},
        **{f"{_STORE}/reindex/{{job}}/{name}": {"POST": write(jobs.wish(wish))} for name, wish in _WISHES.items()},
    }
    return [doors.door(path, by_method, OPENAI) for path, by_method in at.items()]
