"""A confusion matrix, for people and for programs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from workers.routing.confusion import Confusion


_WIDE = 200
"""Characters, for a dozen classes."""


def as_object(confusion: "Confusion", classes: Sequence[str]) -> dict[str, Any]:
    """`matrix[label][class]` is how many prompts of a label were taken for a class."""
    labels = confusion.labels(classes)
    return {
        "prompts": confusion.total,
        "accuracy": round(confusion.accuracy, 6),
        "classes": {name: confusion.figures(name)._asdict() for name in labels},
        "matrix": {label: {name: confusion.counts[label, name] for name in labels} for label in labels},
    }


def print_matrix(confusion: "Confusion", classes: Sequence[str]) -> None:
    """A row a label and a column a class, with recall at the end of each row and precision below each column."""
    from rich.table import Table

    labels = confusion.labels(classes)
    table = Table("label", *labels, "prompts", "recall", title="rows: labels; columns: what they were taken for")
    for label in labels:
        figures = confusion.figures(label)
        counts = (f"{confusion.counts[label, name]:,}" for name in labels)
        table.add_row(label, *counts, f"{figures.prompts:,}", _share(figures.recall))
    precisions = (_share(confusion.figures(name).precision) for name in labels)
    table.add_row("precision", *precisions, f"{confusion.total:,}", "", style="dim")
    console = wide_console()
    console.print(table)
    console.print(f"accuracy {confusion.accuracy:.4f} of {confusion.total:,} prompts")


def wide_console() -> "Console":
    """Standard output; where that is no terminal, as wide as a table needs."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_WIDE)


def _share(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.4f}"
