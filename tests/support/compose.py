"""compose.yaml as a test reads it, and the images that it names."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "compose.yaml"

Service = dict[str, Any]


def services() -> dict[str, Service]:
    """Every service with its anchors resolved; variables stand as they are written."""
    found: dict[str, Service] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    return found


def image(service: str) -> str:
    """The image, with its tag: tests that take a server from a container take the same one."""
    return str(services()[service]["image"])


def command(service: Service) -> list[str]:
    """A service's command, part by part."""
    return [str(part) for part in service.get("command", [])]
