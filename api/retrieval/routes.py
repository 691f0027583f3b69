"""The paths of searches, evaluations and feedback."""

from starlette.routing import Route

from api.doors import Doors
from api.front import OPENAI
from api.gateway import Gateway
from api.retrieval.evaluation import EvaluationEndpoints
from api.retrieval.feedback import FeedbackEndpoints
from api.retrieval.search import SearchEndpoint
from api.served import READERS, SEARCHERS, WRITERS, Served

_STORE = "/v1/vector_stores/{store}"


def retrieval_routes(doors: Doors, gateway: Gateway) -> list[Route]:
    """Who may put documents into a store may say how it is measured."""
    sets, feedback = EvaluationEndpoints(gateway), FeedbackEndpoints(gateway)
    at = {
        f"{_STORE}/search": {"POST": Served(gateway, SEARCHERS, SearchEndpoint(gateway).search)},
        f"{_STORE}/evaluate": {"POST": Served(gateway, SEARCHERS, sets.evaluate)},
        f"{_STORE}/evaluation_sets": {"GET": Served(gateway, READERS, sets.list)},
        f"{_STORE}/evaluation_sets/{{name}}": {
            "GET": Served(gateway, READERS, sets.retrieve),
            "PUT": Served(gateway, WRITERS, sets.put),
            "DELETE": Served(gateway, WRITERS, sets.delete),
        },
        "/v1/feedback": {
            "POST": Served(gateway, SEARCHERS, feedback.create),
            "GET": Served(gateway, READERS, feedback.list),
        },
    }
    return [doors.door(path, by_method, OPENAI) for path, by_method in at.items()]
