"""One running platform for the frameworks."""

from collections.abc import Iterator

import pytest

from tests.e2e.running import Penstock, Up, home_directory, penstock_of


@pytest.fixture(scope="session")
def penstock() -> Iterator[Penstock]:
    """The platform with its built-in simulator."""
    with home_directory() as home:
        up = Up(home)
        try:
            yield penstock_of(up.start(), up.data)
        finally:
            up.end()
