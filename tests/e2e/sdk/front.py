"""What the fronts have in common, each behind its official SDK, synchronous or asynchronous."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, ClassVar

import httpx2

from tests.e2e.sdk.catalogue import faulty
from tests.e2e.sdk.matrix import Cell
from tests.e2e.sdk.prompts import Answer, Prompt, Turn, User

Unsupported = Mapping[str, tuple[Any, tuple[str, ...]]]
Way = Callable[[Prompt], Coroutine[Any, Any, Answer]]
PATIENCE = 5
"""Seconds that somebody who asks a failing model waits."""


@dataclass(slots=True)
class Heard:
    """The headers of the newest response: the SDKs give them away for some of their calls only."""

    headers: Mapping[str, str] = field(default_factory=dict)

    def hear(self, response: httpx2.Response) -> None:
        """A hook of the synchronous client."""
        self.headers = response.headers

    async def hear_async(self, response: httpx2.Response) -> None:
        """… and of the asynchronous one."""
        self.hear(response)


@dataclass(frozen=True, slots=True)
class Told:
    """An error as its API tells it; `param` is None where that has no such thing."""

    status: int
    kind: str
    message: str
    param: str | None
    headers: Mapping[str, str]


class Front(ABC):
    """One door of the gateway, and the model behind it."""

    name: ClassVar[str]
    sdk: ClassVar[ModuleType]
    key_error: ClassVar[str] = "authentication_error"
    unsupported: ClassVar[Unsupported]
    """Fields by their name, each with a value, and the kinds of provider that can't be asked for it."""
    names_fields: ClassVar[bool]
    """Whether its errors have a place for the name of a field."""

    def __init__(self, client: Any, heard: Heard, cell: Cell) -> None:
        self.client = client
        self.heard = heard
        self.cell = cell
        self.ways: tuple[Way, ...] = (self.whole, self.stream, self.helper)

    def prompt(self, *turns: str | Turn, model: str = "small", **fields: Any) -> Prompt:
        """A prompt for the cell's provider, and for a model of `catalogue.MODELS`."""
        said = tuple(User(turn) if isinstance(turn, str) else turn for turn in turns)
        return Prompt(f"{self.cell.kind}-{model}", said, **fields)

    def failing(self, fault: str, way: Way, question: str) -> Prompt:
        """A prompt for a model that fails, which nobody waits for long, and which is asked in this way alone."""
        model = faulty(self.cell.kind, fault, self.name, self.cell.mode, way.__name__)
        return Prompt(model, (User(question),), headers={"x-penstock-timeout": f"{PATIENCE}"})

    @abstractmethod
    async def whole(self, prompt: Prompt) -> Answer:
        """`.create()`."""

    @abstractmethod
    async def stream(self, prompt: Prompt) -> Answer:
        """`.create(stream=True)`, and what its events amount to."""

    @abstractmethod
    async def helper(self, prompt: Prompt) -> Answer:
        """`.stream()`, and what the SDK put together."""

    @abstractmethod
    async def parse(self, prompt: Prompt) -> Answer:
        """`.parse()`."""

    @abstractmethod
    def told(self, error: Any) -> Told:
        """What an `APIStatusError` of the SDK says."""

    @abstractmethod
    def kind_of(self, error: Any) -> str:
        """The `type` of an error, one that broke a stream among them."""

    def with_key(self, key: str) -> "Front":
        """The same with another key."""
        return type(self)(self.client.with_options(api_key=key), self.heard, self.cell)


async def got(value: Any) -> Any:
    """What either client returns."""
    return await value if inspect.isawaitable(value) else value


async def each(items: Any) -> AsyncIterator[Any]:
    """What either client's stream holds."""
    if hasattr(items, "__aiter__"):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


@asynccontextmanager
async def opened(manager: Any) -> AsyncIterator[Any]:
    """Either client's context."""
    if hasattr(manager, "__aenter__"):
        async with manager as found:
            yield found
    else:
        with manager as found:
            yield found


def given(**fields: Any) -> dict[str, Any]:
    """Those that are not None: the SDKs send a null as it is."""
    return {name: value for name, value in fields.items() if value is not None}
