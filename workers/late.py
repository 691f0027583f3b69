"""Parts of a worker that cost memory: made when they are first wanted."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Late(Generic[T]):
    """Makes one thing once, in a thread, as what it is made of has to be imported first."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: T | None = None
        self._turn = asyncio.Lock()
        self._is_made = asyncio.Event()

    async def get(self) -> T:
        """The thing. Raises what its making raised, and makes it again the next time."""
        if self._made is None:
            async with self._turn:
                if self._made is None:
                    self._made = await asyncio.to_thread(self._make)
                    self._is_made.set()
        return self._made

    @property
    def made(self) -> T | None:
        """The thing, if anybody has wanted it yet."""
        return self._made

    async def wanted(self) -> T:
        """The thing, once somebody has wanted it."""
        await self._is_made.wait()
        return await self.get()
