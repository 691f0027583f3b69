"""What revision 0020 defines: reservations of calls out of one that was made ahead of them; and no alert of a refusal
where that is one, or will be handed back to make room.
"""

from infra.database.migrations import functions_0018

BOOK = """
CREATE FUNCTION book_calls(tenant text, advance text, requests text[], attempts bigint[], amounts numeric[],
    starts timestamptz[], expires timestamptz[])
RETURNS boolean LANGUAGE plpgsql SET plan_cache_mode = 'force_generic_plan' AS $$
#variable_conflict use_column
DECLARE
    held budget_reservations;
    scope budget_scope;
    total numeric := (SELECT sum(round(a, 10)) FROM unnest(amounts) a);
    booked numeric;
BEGIN
    SELECT * INTO held FROM budget_reservations r
    WHERE r.tenant_id = tenant AND r.request_id = advance AND r.attempt = 1;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    scope := ROW(held.organisation_id, tenant, held.key_id, held.started_at);
    -- Who settles one of these calls has locked the same: it has either not begun, or its rows are seen below.
    PERFORM lock_budget_balances(ARRAY[scope]);
    UPDATE budget_reservations r SET amount = r.amount - total
    WHERE r.tenant_id = tenant AND r.request_id = advance AND r.attempt = 1 AND r.amount >= total;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    WITH made AS (
        INSERT INTO budget_reservations
        SELECT tenant, c.q, c.n, held.organisation_id, held.key_id, round(c.a, 10), held.started_at, c.e
        FROM unnest(requests, attempts, amounts, starts, expires) AS c (q, n, a, s, e)
        WHERE NOT EXISTS (SELECT FROM usage u WHERE u.tenant_id = tenant AND u.request_id = c.q
            AND u.attempt = c.n AND u.started_at = c.s)
        ON CONFLICT DO NOTHING RETURNING amount
    )
    SELECT coalesce(sum(amount), 0) INTO booked FROM made;
    IF booked < total THEN
        -- The ledger has some of them already.
        UPDATE budget_balances x SET reserved = x.reserved - (total - booked) FROM budgets_of(scope) b
        WHERE x.budget_id = b.id AND x.period_start = budget_period_start(b.period, held.started_at);
    END IF;
    RETURN true;
END $$;
"""

_ALERT = """
                INSERT INTO budget_alerts (budget_id, period_start, event, share, amount_usd, spent_usd)
                VALUES (full_one.id, full_one.period_start, 'refused', 1, full_one.amount_usd, full_one.spent)
                ON CONFLICT DO NOTHING;
"""
_ALERT_UNLESS_IT_WILL_FIT = """
                INSERT INTO budget_alerts (budget_id, period_start, event, share, amount_usd, spent_usd)
                SELECT full_one.id, full_one.period_start, 'refused', 1, full_one.amount_usd, full_one.spent
                FROM (SELECT coalesce(sum(r.amount), 0) FROM budget_reservations r
                    WHERE r.request_id LIKE 'ahead.%' AND r.organisation_id = scope.organisation_id
                    AND (full_one.kind = 'organisation' OR r.tenant_id = tenant)) a (held)
                JOIN budget_balances x ON x.budget_id = full_one.id AND x.period_start = full_one.period_start
                WHERE request NOT LIKE 'ahead.%' AND (held = 0 OR x.spent + x.reserved - held + more > full_one.amount_usd)
                ON CONFLICT DO NOTHING;
"""
RESERVE = functions_0018.RESERVE.replace(_ALERT, _ALERT_UNLESS_IT_WILL_FIT)
