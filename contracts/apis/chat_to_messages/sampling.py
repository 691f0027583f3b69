"""How the next token is drawn: OpenAI's temperature goes to 2, Claude's to 1, and its newer models take none."""

from contracts.apis.asked import number_at
from contracts.apis.chat_to_messages.models import Version, samples_by_itself, takes_one_sampler
from contracts.apis.fields import Fields, Json

NAMES = ("temperature", "top_p", "top_k")
_DEFAULTS = {"temperature": 1, "top_p": 1}
_LEAST_TOP_P_OF_THINKING = 0.95
"""Anthropic, "Extended thinking": top_p between 0.95 and 1, no temperature, no top_k."""


def sampling(request: Json, *, thinking: bool, version: Version, fields: Fields) -> Json:
    """`temperature`, `top_p` and `top_k`. A temperature over 1 becomes 1 where the caller has such fields dropped.

    A default that the model would refuse to be told is left out: nothing else was asked. Raises `PenstockError`.
    """
    asked: Json = {name: number_at(request[name], name) for name in NAMES if request.get(name) is not None}
    if asked.get("temperature", 0) > 1:
        fields.cannot("temperature", "must be at most 1 for this model's provider")
        asked["temperature"] = 1
    if samples_by_itself(version):
        return _without(asked, NAMES, "can't be set for this model", fields)
    if thinking:
        names = NAMES if asked.get("top_p", 1) < _LEAST_TOP_P_OF_THINKING else ("temperature", "top_k")
        return _without(asked, names, "can't be combined with reasoning by this model's provider", fields)
    if takes_one_sampler(version) and {"temperature", "top_p"} <= asked.keys():
        surplus = "temperature" if asked["temperature"] == 1 else "top_p"
        return _without(asked, (surplus,), "can't be combined with temperature by this model", fields)
    return asked


def _without(asked: Json, names: tuple[str, ...], reason: str, fields: Fields) -> Json:
    for name in names:
        if name in asked and asked[name] != _DEFAULTS.get(name):
            fields.cannot(name, reason)
    return {name: value for name, value in asked.items() if name not in names}
