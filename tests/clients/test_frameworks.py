"""Frameworks that people build on, each with one tool loop and one stream against the platform.

They run in an environment of their own: `make test-clients` makes it. Without it they are skipped.
"""

import json
import subprocess
from pathlib import Path

import pytest

from tests.clients.conftest import ANSWERED_BY_ANTHROPIC, ANSWERED_BY_OPENAI
from tests.clients.scripts.report import ANSWER
from tests.e2e.running import Penstock, clean_environ

ROOT = Path(__file__).parents[2]
CLIENTS, LLAMAINDEX = (ROOT / f".venv-{name}/bin/python" for name in ("clients", "clients-llamaindex"))
SCRIPTS = Path(__file__).parent / "scripts"

pytestmark = [
    pytest.mark.skipif(
        not (CLIENTS.exists() and LLAMAINDEX.exists()), reason="no frameworks are installed: run `make test-clients`"
    ),
]


@pytest.mark.parametrize("model", [ANSWERED_BY_OPENAI, ANSWERED_BY_ANTHROPIC])
@pytest.mark.parametrize(
    ("script", "front"),
    [
        ("langchain_openai_client", "chat"),
        ("langchain_anthropic_client", "messages"),
        ("pydantic_ai_client", "chat"),
        ("pydantic_ai_client", "responses"),
        ("pydantic_ai_client", "messages"),
        ("llama_index_client", "chat"),
    ],
)
def test_a_tool_loop_and_a_stream(penstock: Penstock, script: str, front: str, model: str) -> None:
    python = LLAMAINDEX if script.startswith("llama_index") else CLIENTS
    environ = clean_environ(API=penstock.api, KEY=penstock.key, MODEL=model, FRONT=front)
    done = subprocess.run(
        [python, SCRIPTS / f"{script}.py"], env=environ, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["calls"] == 1
    assert ANSWER in told["told"]
    assert told["streamed"].startswith("Echo: Hi")
