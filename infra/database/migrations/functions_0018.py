"""What revision 0018 defines anew: the reservation, with less to execute before it writes."""

RESERVE = """
CREATE OR REPLACE FUNCTION reserve_budget(organisation text, tenant text, key text, request text, number bigint,
    asked numeric, starts timestamptz, expires timestamptz, unasked boolean)
RETURNS TABLE (kind text, subject_id text, period text, amount_usd numeric, ends_at timestamptz) LANGUAGE plpgsql
-- Planned anew, as PostgreSQL would, each call costs three times as much.
SET plan_cache_mode = 'force_generic_plan' AS $$
#variable_conflict use_column
DECLARE
    scope budget_scope := ROW(organisation, tenant, key, starts);
    -- Here, and not in the query: a function of SQL that is called for each row costs more than all else in it.
    day timestamptz := date_trunc('day', starts, 'UTC');
    month timestamptz := date_trunc('month', starts, 'UTC');
    more numeric := round(asked, 10);
    ids text[];
    begins timestamptz[];
    limits numeric[];
    missing boolean;
    older text;
    held record;
    full_one record;
BEGIN
    IF unasked THEN
        IF EXISTS (SELECT FROM usage u WHERE u.tenant_id = tenant AND u.request_id = request
            AND u.attempt = number AND u.started_at = starts) THEN
            RETURN;
        END IF;
    END IF;
    PERFORM pg_advisory_xact_lock_shared(7306512);
    SELECT array_agg(v.id), array_agg(v.start), array_agg(v.most), bool_or(v.unmade),
        (SELECT k.replaces FROM api_keys k WHERE k.id = key) INTO ids, begins, limits, missing, older
    FROM (
        SELECT b.id, p.start, b.amount_usd AS most, x.budget_id IS NULL AS unmade
        FROM budgets b CROSS JOIN LATERAL (
            SELECT CASE b.period WHEN 'day' THEN day WHEN 'month' THEN month ELSE timestamptz 'epoch' END AS start) p
        LEFT JOIN budget_balances x ON x.budget_id = b.id AND x.period_start = p.start
        WHERE (b.kind = 'organisation' AND b.subject_id = organisation)
            OR (b.kind = 'tenant' AND b.subject_id = tenant) OR (b.kind = 'key' AND b.subject_id = key)
        ORDER BY b.id) v;
    IF older IS NOT NULL THEN
        -- What it has taken the place of has budgets that hold for it too.
        missing := true;
        SELECT array_agg(b.id ORDER BY b.id), array_agg(budget_period_start(b.period, starts) ORDER BY b.id),
            array_agg(b.amount_usd ORDER BY b.id) INTO ids, begins, limits FROM budgets_of(scope) b;
    END IF;
    IF missing THEN
        PERFORM lock_budget_balances(ARRAY[scope]);
    END IF;
    INSERT INTO budget_reservations AS r VALUES (tenant, request, number, organisation, key, more, starts, expires)
    ON CONFLICT (tenant_id, request_id, attempt) DO UPDATE SET expires_at = greatest(r.expires_at, excluded.expires_at)
    RETURNING new.*, old.amount AS before INTO held;
    IF held.before IS NOT NULL THEN
        -- Asked again, maybe in another period: it stays what it was, but for the amount.
        scope := ROW(held.organisation_id, tenant, held.key_id, held.started_at);
        PERFORM lock_budget_balances(ARRAY[scope]);
        SELECT array_agg(b.id ORDER BY b.id), array_agg(budget_period_start(b.period, scope.at) ORDER BY b.id),
            array_agg(b.amount_usd ORDER BY b.id) INTO ids, begins, limits FROM budgets_of(scope) b;
        more := more - held.before;
    END IF;
    FOR i IN 1 .. coalesce(cardinality(ids), 0) LOOP
        LOOP
            UPDATE budget_balances x SET reserved = x.reserved + more
            WHERE x.budget_id = ids[i] AND x.period_start = begins[i]
                AND (unasked OR more <= 0 OR x.spent + x.reserved + more <= limits[i]);
            EXIT WHEN FOUND;
            -- Nobody has seen what was added to those before. Of all that have too little, the one that lasts is named.
            SELECT b.*, x.period_start, x.spent, budget_period_end(b.period, x.period_start) AS ends INTO full_one
            FROM unnest(ids, begins, limits) WITH ORDINALITY AS v (id, start, most, place)
            JOIN budgets b ON b.id = v.id JOIN budget_balances x ON x.budget_id = v.id AND x.period_start = v.start
            WHERE x.spent + x.reserved + CASE WHEN v.place < i THEN 0 ELSE more END > v.most
            ORDER BY ends DESC NULLS FIRST LIMIT 1;
            IF FOUND THEN
                UPDATE budget_balances x SET reserved = x.reserved - more
                FROM unnest(ids[:i - 1], begins[:i - 1]) AS v (id, start)
                WHERE x.budget_id = v.id AND x.period_start = v.start;
                IF held.before IS NULL THEN
                    DELETE FROM budget_reservations r
                    WHERE r.tenant_id = tenant AND r.request_id = request AND r.attempt = number;
                END IF;
                INSERT INTO budget_alerts (budget_id, period_start, event, share, amount_usd, spent_usd)
                VALUES (full_one.id, full_one.period_start, 'refused', 1, full_one.amount_usd, full_one.spent)
                ON CONFLICT DO NOTHING;
                RETURN QUERY
                    SELECT full_one.kind, full_one.subject_id, full_one.period, full_one.amount_usd, full_one.ends;
                RETURN;
            END IF;
            -- Something was given back a moment ago: it is tried again. Or the budget was deleted.
            EXIT WHEN NOT EXISTS (
                SELECT FROM budget_balances x WHERE x.budget_id = ids[i] AND x.period_start = begins[i]);
        END LOOP;
    END LOOP;
    IF held.before IS NOT NULL THEN
        UPDATE budget_reservations r SET amount = held.before + more
        WHERE r.tenant_id = tenant AND r.request_id = request AND r.attempt = number;
    END IF;
END $$;
"""
