"""Judged pairs of answers: read from a file, and shown as a curve of quality over strong calls."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.failures import CommandError

if TYPE_CHECKING:
    from workers.routing.difficulty import Judged, Point

_SHARES = (0.95, 0.99)


def read_judged(path: Path) -> "list[Judged]":
    """JSON lines of `prompt`, `weak` and `strong`: how good both answers were, 0 to 1; or true and false.

    Raises `CommandError` that names the line that is wrong.
    """
    from workers.routing.difficulty import Judged

    found = []
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} can't be read: {error}.") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            one = json.loads(line)
            prompt, weak, strong = one["prompt"], float(one["weak"]), float(one["strong"])
        except (ValueError, KeyError, TypeError):
            raise CommandError(f"{path}: line {number} has no prompt, weak and strong.") from None
        if not isinstance(prompt, str) or not (0 <= weak <= 1 and 0 <= strong <= 1):
            raise CommandError(f"{path}: line {number} has no text in prompt, or a quality outside 0 to 1.")
        found.append(Judged(prompt, weak, strong))
    return found


def curve_object(curve: "Sequence[Point]") -> dict[str, Any]:
    """The curve as JSON has it, and how many strong calls some shares of the strong model's quality take."""
    from workers.routing.difficulty import calls_for, chance_needs

    names = ("threshold", "strong_calls", "quality", "by_chance")
    needs = {
        f"{share:.0%}": {
            "strong_calls": calls_for(curve, share).strong_calls,
            "threshold": calls_for(curve, share).threshold,
            "by_chance": chance_needs(curve, share),
        }
        for share in _SHARES
    }
    return {"curve": [{name: round(getattr(point, name), 4) for name in names} for point in curve], "needs": needs}


def print_curve(curve: "Sequence[Point]") -> None:
    """A row a point, and a sentence for each share."""
    from rich.table import Table

    from cli.route.matrix import wide_console

    table = Table("threshold", "strong calls", "quality", "by chance", title="on prompts that were held out")
    for point in curve:
        cells = (
            f"{point.threshold:.3f}",
            f"{point.strong_calls:.0%}",
            f"{point.quality:.4f}",
            f"{point.by_chance:.4f}",
        )
        table.add_row(*cells)
    console = wide_console()
    console.print(table)
    for share, needed in curve_object(curve)["needs"].items():
        console.print(
            f"{share} of the strong model's quality takes {needed['strong_calls']:.0%} strong calls "
            f"(threshold {needed['threshold']:.3f}), where chance takes {needed['by_chance']:.0%}"
        )
