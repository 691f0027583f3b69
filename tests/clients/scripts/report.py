"""What every script asks, and how it tells what it got."""

import json
import sys

PROMPT = "Use get_weather for Paris."
ANSWER = "eleven degrees and drizzle"


def report(*, calls: int, told: str | None, streamed: str) -> None:
    """One JSON object on standard output."""
    json.dump({"calls": calls, "told": told, "streamed": streamed}, sys.stdout)
