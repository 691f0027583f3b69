"""Tables of commands."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_WIDE = 200
"""Characters of a line that nobody looks at in a terminal."""


def console() -> "Console":
    """Prints as wide as the terminal is; into a file or a pipe as wide as it takes."""
    from rich.console import Console

    found = Console()
    return found if found.is_terminal else Console(width=_WIDE)
