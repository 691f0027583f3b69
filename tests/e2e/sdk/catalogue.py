"""The catalogue of these tests: the simulator as a provider of every kind, and models that fail on demand."""

import json
from itertools import product
from pathlib import Path
from typing import Any

from tests.e2e.sdk.matrix import FRONTS, KINDS, MODES, WAYS

KEY_VARIABLE = "AZURE_KEY_OF_THESE_TESTS"
RETRY_AFTER = 7
"""Seconds. Longer than these tests' callers wait, so that nothing is tried twice and none of them is slow."""
MODELS = {"small": "sim-small@tokens=20", "plain": "sim-small", "reason": "sim-reason", "embedding": "sim-embedding"}
"""The simulator's models. The first says less, as every token of a stream has its cost; but it also talks before it
calls tools, which the second does not."""
FAULTS = {
    "error-500": f"sim-error-500@retry={RETRY_AFTER}",
    "error-429": f"sim-error-429@retry={RETRY_AFTER}",
    "error-401": "sim-error-401",
    "error-400": "sim-error-400",
    "cut-stream": "sim-cut-stream",
    "err-in-stream": "sim-err-in-stream",
}
OUTSIDE = "outside"
"""A model whose provider is not in the house."""
_PATHS: dict[str, dict[str, str]] = {
    "openai": {"kind": "openai", "path": "/v1"},
    "azure-dated": {"kind": "azure", "api_version": "2024-10-21", "api_key_env": KEY_VARIABLE},
    "azure-v1": {"kind": "azure", "api_key_env": KEY_VARIABLE},
    "anthropic": {"kind": "anthropic"},
}


def write_catalogue(path: Path, simulator: str) -> Path:
    """The catalogue as a file; `simulator` is that one's URL."""
    providers = [
        {"name": kind, "residency": "local", "base_url": simulator + found.get("path", "")}
        | {name: value for name, value in found.items() if name != "path"}
        for kind, found in _PATHS.items()
    ]
    providers.append({"name": OUTSIDE, "kind": "openai", "base_url": f"{simulator}/v1"})
    models = [model for kind in KINDS for model in _models(kind)]
    models.append({"name": OUTSIDE, "deployments": [{"name": OUTSIDE, "provider": OUTSIDE, "model": "sim-small"}]})
    path.write_text(json.dumps({"providers": providers, "models": models}))
    return path


def faulty(kind: str, fault: str, front: str, mode: str, way: str) -> str:
    """The name of a model with a fault. Each way of each cell has its own: a deployment that failed is left alone."""
    return f"{kind}-{fault}-{front}-{mode}-{way}"


def slow(kind: str, mode: str) -> str:
    """The name of a model that takes longer than any test, which the provider knows by the same name."""
    return f"sim-slow-{kind}-{mode}"


def _models(kind: str) -> list[dict[str, Any]]:
    found = {f"{kind}-{name}": model for name, model in MODELS.items()}
    found |= {slow(kind, mode): f"{slow(kind, mode)}@latency=60000" for mode in MODES}
    for (fault, model), front, mode, way in product(FAULTS.items(), FRONTS, MODES, WAYS):
        found[faulty(kind, fault, front, mode, way)] = model
    prices = {"input": "1", "output": "2"}
    return [
        {
            "name": name,
            "deployments": [{"name": f"{kind}/{name}", "provider": kind, "model": model, "prices": prices}],
        }
        for name, model in found.items()
    ]
