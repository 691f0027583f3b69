"""What `penstock up` says when everything is ready."""

import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Started:
    """A platform that is ready: URLs, the first key (None where there was one before), and what can be asked."""

    api: str
    nats: str
    nats_creds: Path
    database: str = field(repr=False)
    simulator: str | None
    api_key: str | None = field(repr=False)
    data: Path
    logs: Path
    metrics: dict[str, str]
    prometheus_targets: Path
    providers: tuple[str, ...]
    example_model: str | None
    catalog_given: bool


def start_message(started: Started, seconds: float) -> str:
    """The whole message, a first request included, which works as it stands."""
    places = {
        "API": started.api,
        "NATS": started.nats,
        "producers": f"{started.nats_creds} (NATS credentials of the tenant default)",
        "data": str(started.data),
        "logs": str(started.logs),
        "metrics": f"{started.prometheus_targets} (targets for Prometheus)",
        **({"providers": ", ".join(started.providers)} if started.providers else {}),
        **({"simulator": started.simulator} if started.simulator else {}),
    }
    return "\n".join(
        [
            f"Penstock is ready after {seconds:.1f} s.",
            *(f"  {name:<10} {place}" for name, place in places.items()),
            *_notes(started),
            "",
            *([first_key(started.api_key)] if started.api_key else []),
            "A first request:",
            f"  {_curl(started)}",
            "",
            "Ctrl-C stops it.",
        ]
    )


def first_key(key: str) -> str:
    """The line that shows the first key."""
    return f"The first API key, shown only this once: {key}"


def _notes(started: Started) -> list[str]:
    if started.simulator is None or started.catalog_given:
        return []
    if started.providers:
        return ["no provider key is set: answers to sim-* models come from the built-in simulator"]
    return ["no provider key is set: answers come from the built-in simulator"]


def _curl(started: Started) -> str:
    key = started.api_key or "$PENSTOCK_API_KEY"
    if started.example_model is None:
        return f'curl {started.api}/v1/models -H "Authorization: Bearer {key}"'
    body = {"model": started.example_model, "messages": [{"role": "user", "content": "Hello"}]}
    return (
        f'curl {started.api}/v1/chat/completions -H "Authorization: Bearer {key}" '
        f'-H "Content-Type: application/json" -d {shlex.quote(json.dumps(body))}'
    )
