"""Makes the routes: a path, its methods, and what a caller is told who asks for another."""

from collections.abc import Mapping

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from api.dialects.dialect import STAGE, Dialect, Header
from api.exchange import Exchange
from api.front import spoken_by
from api.gateway import Gateway
from api.observed import Endpoint, Observed, Visit
from contracts.errors import ErrorCode, PenstockError


class Doors:
    """Makes routes whose errors are in the API's own shape."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def door(
        self, path: str, by_method: Mapping[str, Endpoint], dialect: Dialect | None = None, name: str | None = None
    ) -> Route:
        """One path and its methods; without a dialect, the one that the caller speaks. `name` is what spans say."""

        def speaks(header: Header) -> Dialect:
            return dialect or spoken_by(header)

        allowed = (*by_method, "HEAD") if "GET" in by_method else tuple(by_method)
        right = {method: Observed(self._gateway, name or path, end, speaks) for method, end in by_method.items()}
        return Route(path, _ByMethod(right, Observed(self._gateway, name or path, _only(allowed), speaks)))


class _ByMethod:
    """One path, its methods; any other is told so."""

    def __init__(self, right: Mapping[str, Observed], wrong: Observed) -> None:
        self._right = {**right, "HEAD": right["GET"]} if "GET" in right else right
        self._wrong = wrong

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._right.get(scope["method"], self._wrong)(scope, receive, send)


def _only(allowed: tuple[str, ...]) -> Endpoint:
    async def refuse(exchange: Exchange, _: Visit) -> None:
        exchange.answer_headers["allow"] = ", ".join(allowed)
        message = f"{exchange.method} is not a method of {exchange.path}"
        raise PenstockError(ErrorCode.METHOD_NOT_ALLOWED, message, stage=STAGE)

    return refuse
