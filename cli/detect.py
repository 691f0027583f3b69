"""Which providers this machine can reach, written down as the model catalogue that `penstock up` starts with."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from infra.embedded.ports import LOOPBACK
from infra.embedded.probes import Address, http_get

_OLLAMA_PORT = 11434
_OLLAMA_PATIENCE = 0.3
_USABLE_TAG = re.compile(r"[A-Za-z0-9_./:-]{1,120}")
_HEADER = "# Written by penstock up at each start. To change it, pass a copy with --catalog.\n"

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Detected:
    """A catalogue and what the start message says of it. `providers` are those other than the built-in simulator,
    `simulator` whether that is to be started; `example_model` is None where no model is named outright. `key_variables`
    name the variables that hold the providers' keys.
    """

    catalog: Path
    providers: tuple[str, ...]
    example_model: str | None
    simulator: bool
    key_variables: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Source:
    """One provider's lines in the catalogue."""

    providers: tuple[Entry, ...]
    models: tuple[Entry, ...]
    example_model: str


async def detect(target: Path, simulator_port: int, environ: Mapping[str, str]) -> Detected:
    """Look for provider keys and a local Ollama, and write the catalogue to `target`. Raises `OSError`.

    The simulator is in it when there is no key: with an Ollama alone, a name that Ollama doesn't have still works.
    """
    keyed = [source for source in (_openai(environ), _anthropic(environ)) if source]
    local = await _ollama(environ)
    real = [*keyed, *([local] if local else [])]
    sources = real if keyed else [*real, _simulator(simulator_port)]
    _write(target, sources)
    example = (keyed or sources[-1:])[0].example_model
    names = tuple(provider["name"] for source in real for provider in source.providers)
    providers = [provider for source in real for provider in source.providers]
    return Detected(target, names, example, simulator=not keyed, key_variables=_key_variables(providers))


def read_catalog(path: Path, simulator_port: int) -> Detected:
    """The same of a catalogue that somebody wrote; the simulator is wanted where a provider is at its address.

    What is wrong with the file is for the settings to say, with the place in it: here it has no providers.
    """
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        found = None
    entries = found if isinstance(found, dict) else {}
    providers = _named(entries.get("providers"))
    models = [entry["name"] for entry in _named(entries.get("models")) if not entry["name"].endswith("*")]
    real = [entry for entry in providers if not _is_simulator(entry.get("base_url"), simulator_port)]
    return Detected(
        path,
        tuple(provider["name"] for provider in real),
        models[0] if models else None,
        simulator=len(real) < len(providers),
        key_variables=_key_variables(providers),
    )


def _key_variables(providers: Sequence[Entry]) -> frozenset[str]:
    return frozenset(str(provider["api_key_env"]) for provider in providers if provider.get("api_key_env"))


def _named(entries: object) -> list[Entry]:
    listed = entries if isinstance(entries, list) else []
    return [entry for entry in listed if isinstance(entry, dict) and isinstance(entry.get("name"), str)]


def _is_simulator(base_url: object, port: int) -> bool:
    url = _split(str(base_url))
    return url is not None and url.hostname in (LOOPBACK, "localhost", "::1") and url.port == port


def _write(target: Path, sources: Sequence[_Source]) -> None:
    """As YAML with a JSON object a line: no YAML library stays in the supervisor's memory for it."""
    lines = ["providers:", *(_line(entry) for source in sources for entry in source.providers)]
    lines += ["models:", *(_line(entry) for source in sources for entry in source.models)]
    text = _HEADER + "\n".join(lines) + "\n"
    # A file that is written anew goes before what was applied since: where nothing else is found, it is left alone.
    if not target.exists() or target.read_text(encoding="utf-8", errors="replace") != text:
        target.write_text(text, encoding="utf-8")


def _line(entry: Entry) -> str:
    return f"  - {json.dumps(entry, ensure_ascii=False)}"


def _model(name: str, provider: str, deployment: str, model: str = "{model}", **more: object) -> Entry:
    return {"name": name, "deployments": [{"name": deployment, "provider": provider, "model": model, **more}]}


def _hosted(name: str, environ: Mapping[str, str], default_url: str) -> Entry | None:
    """A provider with a key in `<NAME>_API_KEY`, at `<NAME>_BASE_URL` where that is set, as its own SDK has it."""
    variable = name.upper()
    if not environ.get(f"{variable}_API_KEY", "").strip():
        return None
    base_url = environ.get(f"{variable}_BASE_URL", "").strip() or default_url
    return {"name": name, "kind": name, "base_url": base_url, "api_key_env": f"{variable}_API_KEY"}


def _openai(environ: Mapping[str, str]) -> _Source | None:
    provider = _hosted("openai", environ, "https://api.openai.com/v1")
    families = ("gpt-", "o1", "o3", "o4", "chatgpt-")
    models = tuple(_model(f"{family}*", "openai", f"openai/{family.rstrip('-')}") for family in families)
    return _Source((provider,), models, "gpt-5.4-mini") if provider else None


def _anthropic(environ: Mapping[str, str]) -> _Source | None:
    provider = _hosted("anthropic", environ, "https://api.anthropic.com")
    models = (_model("claude-*", "anthropic", "anthropic/claude"),)
    return _Source((provider,), models, "claude-haiku-4-5") if provider else None


async def _ollama(environ: Mapping[str, str]) -> _Source | None:
    address = ollama_address(environ)
    answer = await http_get(address, "/api/tags", within=_OLLAMA_PATIENCE)
    tags = ollama_tags(answer.body) if answer is not None and answer.status == 200 else ()
    if not tags:
        return None
    provider = {"name": "ollama", "kind": "openai", "base_url": f"{address.url}/v1", "residency": "local"}
    # What runs on a machine of one's own costs nothing a token, and a budget wants that said.
    free = {"input": "0", "output": "0"}
    return _Source(
        (provider,), tuple(_model(tag, "ollama", f"ollama/{tag}", tag, prices=free) for tag in tags), tags[0]
    )


def ollama_address(environ: Mapping[str, str]) -> Address:
    """Where Ollama listens, by OLLAMA_HOST as Ollama reads it: a host, a port or a URL, each part optional."""
    setting = environ.get("OLLAMA_HOST", "").strip()
    url = _split(setting if "://" in setting else f"//{setting}")
    if url is None:
        return Address(LOOPBACK, _OLLAMA_PORT)
    default_port = {"http": 80, "https": 443}.get(url.scheme, _OLLAMA_PORT)
    return Address(url.hostname or LOOPBACK, url.port or default_port, tls=url.scheme == "https")


def ollama_tags(body: bytes) -> tuple[str, ...]:
    """The models' names in an answer of `/api/tags`, without those that a catalogue can't name."""
    try:
        listed = json.loads(body)
    except ValueError:
        return ()
    names = [entry["name"] for entry in _named(listed.get("models") if isinstance(listed, dict) else None)]
    return tuple(dict.fromkeys(name for name in names if _USABLE_TAG.fullmatch(name)))


def _simulator(port: int) -> _Source:
    root = f"http://{LOOPBACK}:{port}"
    # Made-up prices in dollars per million tokens, so that a trial shows costs.
    small = {"input": "0.15", "cached_input": "0.075", "output": "0.60", "reasoning": "0.80"}
    large = {"input": "2.50", "cached_input": "1.25", "output": "10.00"}
    return _Source(
        (
            {"name": "simulator", "kind": "openai", "base_url": f"{root}/v1", "residency": "local"},
            {"name": "simulator-anthropic", "kind": "anthropic", "base_url": root, "residency": "local"},
        ),
        (
            _model("sim-small", "simulator", "simulator/sim-small", "sim-small", prices=small),
            _model("sim-large", "simulator", "simulator/sim-large", "sim-large", prices=large),
            # The first pattern that fits is taken, so the narrower one comes first.
            _model("sim-claude*", "simulator-anthropic", "simulator-anthropic/sim-claude", prices=large),
            _model("sim-*", "simulator", "simulator/sim", prices=small),
        ),
        "sim-small",
    )


def _split(url: str) -> SplitResult | None:
    """The parts of a URL; None where its host or port is malformed."""
    try:
        parts = urlsplit(url)
        usable = parts.port != 0
    except ValueError:
        return None
    return parts if usable else None
