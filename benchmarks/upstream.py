"""An instant provider: OpenAI's chat completions, answered from bytes that are made once.

`GET /stats` gives `{"calls": n}`, the chat completions that were answered. `python -m benchmarks.upstream --port 9000`.
"""

from typing import Any

import orjson

from benchmarks import payloads, server


class Upstream:
    """What is answered to which path; counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def answer(self, path: bytes, body: bytes) -> bytes:
        """The whole response, as bytes."""
        if path == b"/v1/chat/completions":
            return self._complete(body)
        if path == b"/stats":
            return payloads.response(200, "application/json", orjson.dumps({"calls": self.calls}))
        return server.refusal(404, f"There is nothing at {path.decode(errors='replace')}.")

    def _complete(self, body: bytes) -> bytes:
        try:
            asked: dict[str, Any] = orjson.loads(body)
            model = asked["model"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return server.refusal(400, "The body is no JSON object with a model.")
        self.calls += 1
        found = payloads.TAG.search(body)
        tag = found[1] if found else payloads.NO_TAG
        if asked.get("stream"):
            usage = bool((asked.get("stream_options") or {}).get("include_usage"))
            return tag.join(payloads.stream_answer(model, usage=usage))
        return tag.join(payloads.json_answer(model))


if __name__ == "__main__":
    server.run("An instant OpenAI-compatible upstream on loopback.", Upstream().answer)
