"""Outcomes of what was proposed, and the rules learnt from them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_RECORD = text("""
INSERT INTO semantic_outcomes (tenant_id, request_id, question_group, entry_id, evidence, "right", hit)
VALUES (:tenant, :request_id, :question_group, :entry_id, :evidence, :is_right, :hit)
ON CONFLICT (tenant_id, request_id) DO NOTHING
""")
_NEWER = text("""
INSERT INTO semantic_rules (tenant_id, question_group, model, target, new, known)
VALUES (:tenant, :question_group, :model, :target, 1, 1)
ON CONFLICT (tenant_id, question_group) DO UPDATE SET new = semantic_rules.new + 1, known = semantic_rules.known + 1
RETURNING new, known
""")
# Who dislikes an answer says that it was wrong; who likes it hasn't seen the other one.
_OUTCOMES = text("""
SELECT o.evidence, o."right" AND NOT f.disliked AS is_right, o.hit FROM semantic_outcomes o
CROSS JOIN LATERAL (SELECT EXISTS (
  SELECT FROM feedback WHERE tenant_id = o.tenant_id AND request_id = o.request_id AND rating < 0) AS disliked) f
WHERE o.question_group = :question_group AND (o."right" IS NOT NULL OR f.disliked)
ORDER BY o.at DESC, o.request_id LIMIT :window
""")
_LEARNT = text("""
UPDATE semantic_rules SET model = :model, target = :target, weights = :weights, threshold = :threshold, seen = :seen,
  wrong = :wrong, bound = :bound, watchful = :watchful, new = 0, learnt_at = now()
WHERE question_group = :question_group
""")
_RULE = text("""
SELECT weights, threshold, seen, wrong, bound, watchful FROM semantic_rules
WHERE question_group = :question_group AND target <= :target
""")
_FORGET = text("""
DELETE FROM semantic_outcomes WHERE question_group = :question_group AND at < now() - interval '90 days'
""")


@dataclass(frozen=True, slots=True)
class Proposed:
    """What was proposed for a request, and what was found: `right` is None where nobody looked."""

    request_id: str
    group: bytes
    entry_id: int
    evidence: tuple[float, ...]
    right: bool | None
    hit: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Questions that one rule is learnt for; `target` is the share of hits that may be wrong."""

    key: bytes
    model: str
    target: float


async def record(connection: AsyncConnection, tenant: str, proposed: Proposed) -> bool:
    """Keep it; False where it was there already. In a transaction of the tenant, like all of these."""
    values = {
        "tenant": tenant,
        "request_id": proposed.request_id,
        "question_group": proposed.group,
        "entry_id": proposed.entry_id,
        "evidence": list(proposed.evidence),
        "is_right": proposed.right,
        "hit": proposed.hit,
    }
    return (await connection.execute(_RECORD, values)).rowcount == 1


async def one_more(connection: AsyncConnection, tenant: str, group: Group) -> tuple[int, int]:
    """Count a new outcome; how many have come since the rule was learnt, and how many there are."""
    values = {"tenant": tenant, "question_group": group.key, "model": group.model, "target": group.target}
    row = (await connection.execute(_NEWER, values)).one()
    return row[0], row[1]


async def outcomes(connection: AsyncConnection, group: bytes, window: int) -> list[tuple[list[float], bool, bool]]:
    """The newest of a group, oldest first: evidence, whether it was right (None, disliked: wrong), whether a hit."""
    rows = (await connection.execute(_OUTCOMES, {"question_group": group, "window": window})).all()
    return [(row[0], bool(row[1]), row[2]) for row in reversed(rows)]


async def learnt(connection: AsyncConnection, group: Group, rule: dict[str, object]) -> None:
    """Keep what was learnt, and forget outcomes of a quarter of a year ago."""
    values = {"question_group": group.key, "model": group.model, "target": group.target, **rule}
    await connection.execute(_LEARNT, values)
    await connection.execute(_FORGET, {"question_group": group.key})


async def rule_of(connection: AsyncConnection, group: Group) -> Sequence[object] | None:
    """Weights, threshold, seen, wrong, bound and watchful of a group's rule; None where none keeps to its target."""
    found = (await connection.execute(_RULE, {"question_group": group.key, "target": group.target})).one_or_none()
    return None if found is None else tuple(found)
