"""What revision 0020 defines: reservations of calls out of one that was made ahead of them; and no alert of a refusal
where that is one, or will be handed back to make room.
"""

from infra.database.migrations import functions_0018

SET_ASIDE = """
CREATE FUNCTION budget_set_aside(kind text, subject text, period text, start timestamptz, organisation text)
RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(r.amount), 0) FROM budget_reservations r
    WHERE r.request_id LIKE 'ahead.%' AND r.organisation_id = organisation
    AND budget_period_start(period, r.started_at) = start AND CASE kind WHEN 'organisation' THEN true
        WHEN 'tenant' THEN r.tenant_id = subject ELSE subject IN (SELECT key_and_replaced(r.key_id)) END
$$;
"""

BOOK = """
CREATE FUNCTION book_calls(tenant text, advance text, requests text[], attempts bigint[], amounts numeric[],
    starts timestamptz[], expires timestamptz[])
RETURNS boolean LANGUAGE plpgsql SET plan_cache_mode = 'force_generic_plan' AS $$
#variable_conflict use_column
DECLARE
    held budget_reservations;
    enough boolean;
    calls budget_reservations[] := '{}';
    total numeric := 0;
    booked numeric;
BEGIN
    SELECT * INTO held FROM budget_reservations r
    WHERE r.tenant_id = tenant AND r.request_id = advance AND r.attempt = 1;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    -- Who settles one of these calls has locked the same: it has either not begun, or its rows are seen below.
    PERFORM lock_budget_balances(ARRAY[ROW(held.organisation_id, tenant, held.key_id, held.started_at)::budget_scope]);
    FOR i IN 1 .. cardinality(requests) LOOP
        SELECT r.amount >= round(amounts[i], 10) AND r.expires_at >= expires[i] INTO enough FROM budget_reservations r
        WHERE r.tenant_id = tenant AND r.request_id = requests[i] AND r.attempt = attempts[i];
        IF NOT enough THEN
            -- It was delivered before, and reserved for as a call that could cost less or end sooner.
            RETURN false;
        END IF;
        -- What is booked already, and what the ledger has, takes nothing: that may be the second time of asking.
        CONTINUE WHEN enough OR EXISTS (SELECT FROM usage u WHERE u.tenant_id = tenant AND u.request_id = requests[i]
            AND u.attempt = attempts[i] AND u.started_at = starts[i]);
        total := total + round(amounts[i], 10);
        calls := calls || ROW(tenant, requests[i], attempts[i], held.organisation_id, held.key_id,
            round(amounts[i], 10), held.started_at, expires[i])::budget_reservations;
    END LOOP;
    UPDATE budget_reservations r SET amount = r.amount - total
    WHERE r.tenant_id = tenant AND r.request_id = advance AND r.attempt = 1 AND r.amount >= total;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    WITH made AS (
        INSERT INTO budget_reservations SELECT * FROM unnest(calls) ON CONFLICT DO NOTHING RETURNING amount
    )
    SELECT coalesce(sum(amount), 0) INTO booked FROM made;
    IF booked < total THEN
        -- Another worker has reserved for one of them in this moment.
        UPDATE budget_reservations r SET amount = r.amount + total - booked
        WHERE r.tenant_id = tenant AND r.request_id = advance AND r.attempt = 1;
    END IF;
    RETURN booked = total;
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
                FROM budget_balances x
                WHERE x.budget_id = full_one.id AND x.period_start = full_one.period_start
                AND request NOT LIKE 'ahead.%'
                AND x.spent + x.reserved + more - budget_set_aside(full_one.kind, full_one.subject_id, full_one.period,
                    full_one.period_start, scope.organisation_id) > full_one.amount_usd
                ON CONFLICT DO NOTHING;
"""
RESERVE = functions_0018.RESERVE.replace(_ALERT, _ALERT_UNLESS_IT_WILL_FIT)
