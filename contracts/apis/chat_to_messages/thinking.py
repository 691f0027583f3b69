"""`reasoning_effort` as Claude's thinking, and the limit of tokens that leaves room for it."""

from dataclasses import dataclass, field

from contracts.apis.asked import object_at, text_at, whole_number_at
from contracts.apis.chat_to_messages.models import Version, thinks_by_effort, thinks_unasked
from contracts.apis.fields import Fields, Json, invalid

DEFAULT_MAX_TOKENS = 4096
"""For the visible answer: Anthropic wants a limit, OpenAI's callers need not name one."""
_LEAST_BUDGET = 1024
_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 4096, "high": 16384, "xhigh": 24576, "max": 24576}
"""Tokens of thinking, for models with a budget. Ours: Anthropic names only the least. With an answer of
`DEFAULT_MAX_TOKENS` the most fits into 32,000, the smallest output limit of a model that thinks (Claude Opus 4.1)."""
_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh", "max": "max"}
_OFF = "none"


@dataclass(frozen=True)
class Thinking:
    """What goes into the request: `thinking`, `output_config.effort` and `max_tokens`."""

    max_tokens: int
    config: Json | None = None
    output_config: Json = field(default_factory=dict)

    @property
    def on(self) -> bool:
        """Whether Claude thinks; then it samples as it likes."""
        return self.config is not None and self.config.get("type") in ("enabled", "adaptive")


def thinking_of(request: Json, turns: list[Json], *, forced_tool: bool, version: Version, fields: Fields) -> Thinking:
    """A caller's own `thinking`, in Anthropic's shape, goes before `reasoning_effort`.

    `forced_tool` is whether `tool_choice` demands a call. Raises `PenstockError` for an effort that is none, or that
    can't be asked.
    """
    limit, effort = _limit(request), _effort(request)
    if request.get("thinking") is not None:
        return _own(object_at(request["thinking"], "thinking"), effort, limit, version)
    if thinks_by_effort(version):
        return _adaptive(effort, limit, version)
    if effort is None or effort == _OFF:
        return Thinking(limit or DEFAULT_MAX_TOKENS)
    return _by_budget(_BUDGETS[effort], limit, turns, forced_tool, fields)


def _limit(request: Json) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):
        if request.get(name) is not None:
            return whole_number_at(request[name], name)
    return None


def _effort(request: Json) -> str | None:
    if request.get("reasoning_effort") is None:
        return None
    effort = text_at(request["reasoning_effort"], "reasoning_effort")
    if effort != _OFF and effort not in _EFFORTS:
        raise invalid("reasoning_effort", f"must be one of {', '.join((_OFF, *_EFFORTS))}")
    return effort


def _own(config: Json, effort: str | None, limit: int | None, version: Version) -> Thinking:
    budget = config.get("budget_tokens")
    by_effort = effort in _EFFORTS and thinks_by_effort(version)
    return Thinking(
        limit or DEFAULT_MAX_TOKENS + (budget if isinstance(budget, int) else 0),
        config,
        {"effort": _EFFORTS[effort]} if effort is not None and by_effort else {},
    )


def _adaptive(effort: str | None, limit: int | None, version: Version) -> Thinking:
    if effort == _OFF:
        return Thinking(limit or DEFAULT_MAX_TOKENS, {"type": "disabled"})
    if effort is None:
        room = _BUDGETS["high"] if thinks_unasked(version) else 0
        return Thinking(limit or DEFAULT_MAX_TOKENS + room)
    room = DEFAULT_MAX_TOKENS + _BUDGETS[effort]
    return Thinking(limit or room, {"type": "adaptive"}, {"effort": _EFFORTS[effort]})


def _by_budget(budget: int, limit: int | None, turns: list[Json], forced_tool: bool, fields: Fields) -> Thinking:
    """A limit that the caller named counts thinking too, in both APIs: at most half of it is spent so, if it can be."""
    without = Thinking(limit or DEFAULT_MAX_TOKENS)
    if forced_tool:
        fields.cannot("reasoning_effort", "can't be combined with a forced tool_choice by this model's provider")
        return without
    if _inside_a_loop_without_its_thinking(turns):
        return without
    if limit is not None:
        if limit <= _LEAST_BUDGET:
            fields.cannot("reasoning_effort", f"needs more than {_LEAST_BUDGET} max_completion_tokens")
            return without
        budget = min(budget, max(_LEAST_BUDGET, limit // 2))
    return Thinking(limit or DEFAULT_MAX_TOKENS + budget, {"type": "enabled", "budget_tokens": budget})


def _inside_a_loop_without_its_thinking(turns: list[Json]) -> bool:
    """Whether results of tools are to be answered and the turn that called them came back without `thinking_blocks`.

    OpenAI's clients drop fields that they don't know, and Anthropic refuses to go on thinking without the blocks: the
    loop is finished without.
    """
    if len(turns) < 2 or turns[-1]["content"][0]["type"] != "tool_result":
        return False
    return turns[-2]["content"][0]["type"] not in ("thinking", "redacted_thinking")
