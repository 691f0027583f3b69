"""Evaluation sets, and evaluations by them."""

from api.gateway import Gateway
from api.retrieval.asking import Patience, ask
from api.retrieval.rules import EvaluateStore, PutEvaluationSet
from api.served import Call, Json
from contracts import subjects
from contracts.retrieval import EvaluationRequested
from infra.index.evaluation_sets import EvaluationSets, SetInfo, StoredSet
from infra.index.stores import Stores

_PATIENCE = Patience(whole=900.0, again_after=900.0)
"""10,000 queries by three legs take some minutes."""


class EvaluationEndpoints:
    """Each raises `PenstockError`."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._stores = Stores(gateway.documents)
        self._sets = EvaluationSets(gateway.documents)

    async def put(self, call: Call) -> Json:
        """PUT /v1/vector_stores/{store}/evaluation_sets/{name}: instead of what had that name."""
        asked = await call.body(PutEvaluationSet)
        wanted = StoredSet(call.in_path["name"], asked.queries, asked.judgements)
        return _shown(await self._sets.put(call.tenant, await self._store_id(call), wanted))

    async def list(self, call: Call) -> Json:
        """GET /v1/vector_stores/{store}/evaluation_sets"""
        sets = await self._sets.list(call.tenant, await self._store_id(call))
        return {"object": "list", "data": [_shown(each) for each in sets], "has_more": False}

    async def retrieve(self, call: Call) -> Json:
        """GET /v1/vector_stores/{store}/evaluation_sets/{name}: with its queries and judgements."""
        found = await self._sets.find(call.tenant, await self._store_id(call), call.in_path["name"])
        return {**_NAMED, "name": found.name, "queries": found.queries, "judgements": found.judgements}

    async def delete(self, call: Call) -> Json:
        """DELETE /v1/vector_stores/{store}/evaluation_sets/{name}"""
        name = call.in_path["name"]
        await self._sets.delete(call.tenant, await self._store_id(call), name)
        return {"id": name, "object": "evaluation_set.deleted", "deleted": True}

    async def evaluate(self, call: Call) -> Json:
        """POST /v1/vector_stores/{store}/evaluate: takes as long as it takes."""
        asked = await call.body(EvaluateStore)
        subject = subjects.evaluation_requested(call.tenant)
        question = EvaluationRequested.model_validate(
            {"store": call.in_path["store"], **asked.model_dump(exclude_none=True)}
        )
        body = question.model_dump_json().encode()
        answer = await ask(self._gateway, call.visit, subject, body, _PATIENCE)
        return {"object": "evaluation", **{name: answer[name] for name in ("store_id", "measured", "read_back")}}

    async def _store_id(self, call: Call) -> str:
        return (await self._stores.resolve(call.tenant, call.in_path["store"])).id


_NAMED = {"object": "evaluation_set"}


def _shown(info: SetInfo) -> Json:
    counts = {"queries": info.queries, "judgements": info.judgements}
    return {**_NAMED, "name": info.name, **counts, "created_at": int(info.created_at.timestamp())}
