"""What revision 0009 defines: the functions that change balances and reservations of budgets.

All of it is changed by functions, so that a reservation is one round trip and nobody does half of it. Three rules keep
them right: whoever changes a balance has locked it, all of a transaction in one order; a balance that isn't there yet
is made of what the ledger and the reservations say at that moment; a budget is made while no other function runs.
"""

PERIODS = """
CREATE FUNCTION budget_period_start(period text, at timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE period WHEN 'total' THEN timestamptz 'epoch' ELSE date_trunc(period, at, 'UTC') END
$$;
CREATE FUNCTION budget_period_end(period text, start timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN period <> 'total'
        THEN (start AT TIME ZONE 'UTC' + ('1 ' || period)::interval) AT TIME ZONE 'UTC' END
$$;
"""

SCOPES = """
CREATE TYPE budget_scope AS (organisation_id text, tenant_id text, key_id text, at timestamptz);

CREATE FUNCTION key_and_replaced(key text) RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
BEGIN
    WHILE key IS NOT NULL LOOP
        RETURN NEXT key;
        key := (SELECT k.replaces FROM api_keys k WHERE k.id = key);
    END LOOP;
END $$;

-- In PL/pgSQL, as PostgreSQL 18's planner fails when it inlines it: «variable not found in subplan target list».
CREATE FUNCTION budgets_of(scope budget_scope) RETURNS SETOF budgets LANGUAGE plpgsql STABLE ROWS 3 AS $$
BEGIN
    RETURN QUERY SELECT b.* FROM (
        SELECT 'organisation', scope.organisation_id UNION ALL SELECT 'tenant', scope.tenant_id
        UNION ALL SELECT 'key', id FROM key_and_replaced(scope.key_id) AS k (id)) AS v (kind, subject_id)
    JOIN budgets b USING (kind, subject_id);
END $$;

CREATE FUNCTION budget_spent_before(kind text, subject text, period text, start timestamptz) RETURNS numeric
LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(h.cost_usd), 0) FROM usage_hourly h
    WHERE h.hour >= start AND h.hour < coalesce(budget_period_end(period, start), 'infinity') AND CASE kind
        WHEN 'organisation' THEN h.organisation_id = subject
        WHEN 'tenant' THEN h.tenant_id = subject
        ELSE (h.key_id, h.tenant_id) IN (
            SELECT k.id, k.tenant_id FROM api_keys k WHERE subject IN (SELECT key_and_replaced(k.id))) END
$$;

CREATE FUNCTION budget_reserved_before(kind text, subject text, period text, start timestamptz) RETURNS numeric
LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(r.amount), 0) FROM budget_reservations r
    WHERE CASE kind WHEN 'organisation' THEN r.organisation_id = subject
        WHEN 'tenant' THEN r.tenant_id = subject ELSE subject IN (SELECT key_and_replaced(r.key_id)) END
    AND budget_period_start(period, r.started_at) = start
$$;
"""

LOCK = """
CREATE FUNCTION lock_budget_balances(scopes budget_scope[]) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    missing record;
    made text[] := '{}';
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7306512);
    FOR missing IN
        SELECT DISTINCT b.id, b.kind, b.subject_id, b.period, budget_period_start(b.period, s.at) AS start
        FROM unnest(scopes) s CROSS JOIN LATERAL budgets_of(s) b
        LEFT JOIN budget_balances x ON x.budget_id = b.id AND x.period_start = budget_period_start(b.period, s.at)
        WHERE x.budget_id IS NULL ORDER BY b.id, start
    LOOP
        INSERT INTO budget_balances (budget_id, period_start, spent, reserved)
        VALUES (missing.id, missing.start,
            budget_spent_before(missing.kind, missing.subject_id, missing.period, missing.start),
            budget_reserved_before(missing.kind, missing.subject_id, missing.period, missing.start))
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
            made := made || (missing.id || ' ' || extract(epoch FROM missing.start));
        END IF;
    END LOOP;
    PERFORM FROM budget_balances x WHERE (x.budget_id, x.period_start) IN (
        SELECT b.id, budget_period_start(b.period, s.at) FROM unnest(scopes) s CROSS JOIN LATERAL budgets_of(s) b)
    ORDER BY x.budget_id, x.period_start FOR UPDATE;
    RETURN made;
END $$;

CREATE FUNCTION budgets_made_alone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7306512);
    RETURN NULL;
END $$;
CREATE TRIGGER budgets_made_alone BEFORE INSERT ON budgets FOR EACH STATEMENT EXECUTE FUNCTION budgets_made_alone();
"""

RESERVE = """
CREATE FUNCTION reserve_budget(organisation text, tenant text, key text, request text, number bigint, asked numeric,
    starts timestamptz, expires timestamptz, unasked boolean)
RETURNS TABLE (kind text, subject_id text, period text, amount_usd numeric, ends_at timestamptz) LANGUAGE plpgsql
-- Planned anew, as PostgreSQL would, each call costs three times as much.
SET plan_cache_mode = 'force_generic_plan' AS $$
#variable_conflict use_column
DECLARE
    scope budget_scope := ROW(organisation, tenant, key, starts);
    keys text[] := CASE WHEN key IS NOT NULL THEN ARRAY(SELECT key_and_replaced(key)) END;
    more numeric := round(asked, 10);
    ids text[];
    begins timestamptz[];
    limits numeric[];
    missing boolean;
    held record;
    full_one record;
BEGIN
    IF unasked AND EXISTS (SELECT FROM usage u WHERE u.tenant_id = tenant AND u.request_id = request
        AND u.attempt = number AND u.started_at = starts) THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock_shared(7306512);
    SELECT array_agg(b.id ORDER BY b.id), array_agg(budget_period_start(b.period, starts) ORDER BY b.id),
        array_agg(b.amount_usd ORDER BY b.id), bool_or(x.budget_id IS NULL) INTO ids, begins, limits, missing
    FROM budgets b LEFT JOIN budget_balances x
        ON x.budget_id = b.id AND x.period_start = budget_period_start(b.period, starts)
    WHERE (b.kind = 'organisation' AND b.subject_id = organisation)
        OR (b.kind = 'tenant' AND b.subject_id = tenant) OR (b.kind = 'key' AND b.subject_id = ANY (keys));
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

RELEASE = """
CREATE FUNCTION settle_budgets(organisations text[], tenants text[], keys text[], requests text[], attempts bigint[],
    starts timestamptz[], costs numeric[])
RETURNS bigint LANGUAGE plpgsql SET plan_cache_mode = 'force_generic_plan' AS $$
DECLARE
    spends budget_scope[];
    made text[];
    alerts bigint;
BEGIN
    SELECT array_agg(ROW(coalesce(a.o, t.organisation_id), a.t, k.id, a.s)::budget_scope ORDER BY a.number) INTO spends
    FROM unnest(organisations, tenants, keys, starts) WITH ORDINALITY AS a (o, t, k, s, number)
    LEFT JOIN tenants t ON t.id = a.t LEFT JOIN api_keys k ON k.id = a.k AND k.tenant_id = a.t;
    made := lock_budget_balances(spends || ARRAY(
        SELECT ROW(r.organisation_id, r.tenant_id, r.key_id, r.started_at)::budget_scope
        FROM unnest(tenants, requests, attempts) AS a (t, q, n)
        JOIN budget_reservations r ON r.tenant_id = a.t AND r.request_id = a.q AND r.attempt = a.n));
    WITH released AS (
        DELETE FROM budget_reservations r USING unnest(tenants, requests, attempts) AS a (t, q, n)
        WHERE r.tenant_id = a.t AND r.request_id = a.q AND r.attempt = a.n RETURNING r.*
    ), changes AS (
        SELECT ROW(s.organisation_id, s.tenant_id, s.key_id, s.at)::budget_scope AS scope, s.at,
            coalesce(s.cost, 0) AS spent, 0::numeric AS released
        FROM ROWS FROM (unnest(spends), unnest(costs)) AS s (organisation_id, tenant_id, key_id, at, cost)
        UNION ALL SELECT ROW(r.organisation_id, r.tenant_id, r.key_id, r.started_at)::budget_scope, r.started_at,
            0, r.amount FROM released r
    ), sums AS (
        SELECT b.id, budget_period_start(b.period, c.at) AS start, sum(c.spent) AS spent, sum(c.released) AS released
        FROM changes c CROSS JOIN LATERAL budgets_of(c.scope) b GROUP BY 1, 2
    ), changed AS (
        UPDATE budget_balances x SET reserved = x.reserved - s.released,
            -- One that was made a moment ago has these rows of the ledger in it already.
            spent = x.spent + CASE WHEN x.budget_id || ' ' || extract(epoch FROM x.period_start) = ANY (made)
                THEN 0 ELSE s.spent END
        FROM sums s WHERE x.budget_id = s.id AND x.period_start = s.start RETURNING x.*
    ), crossed AS (
        INSERT INTO budget_alerts (budget_id, period_start, event, share, amount_usd, spent_usd)
        SELECT b.id, c.period_start, 'crossed', share, b.amount_usd, c.spent
        FROM changed c JOIN budgets b ON b.id = c.budget_id CROSS JOIN LATERAL unnest(b.alert_shares) share
        WHERE c.spent >= share * b.amount_usd ON CONFLICT DO NOTHING RETURNING 1
    )
    SELECT count(*) INTO alerts FROM crossed;
    RETURN alerts;
END $$;

CREATE FUNCTION expire_budget_reservations(before timestamptz, most bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    late budget_reservations[];
    expired bigint;
BEGIN
    late := ARRAY(SELECT r FROM budget_reservations r WHERE r.expires_at < before ORDER BY r.expires_at LIMIT most);
    IF cardinality(late) = 0 THEN
        RETURN 0;
    END IF;
    PERFORM lock_budget_balances(ARRAY(SELECT ROW(organisation_id, tenant_id, key_id, started_at)::budget_scope
        FROM unnest(late)));
    WITH released AS (
        DELETE FROM budget_reservations r USING unnest(late) l
        WHERE r.tenant_id = l.tenant_id AND r.request_id = l.request_id AND r.attempt = l.attempt
        AND r.expires_at < before RETURNING r.*
    ), sums AS (
        SELECT b.id, budget_period_start(b.period, r.started_at) AS start, sum(r.amount) AS released
        FROM released r CROSS JOIN LATERAL
            budgets_of(ROW(r.organisation_id, r.tenant_id, r.key_id, r.started_at)::budget_scope) b GROUP BY 1, 2
    ), changed AS (
        UPDATE budget_balances x SET reserved = x.reserved - s.released
        FROM sums s WHERE x.budget_id = s.id AND x.period_start = s.start
    )
    SELECT count(*) INTO expired FROM released;
    RETURN expired;
END $$;
"""

FUNCTIONS = (PERIODS, SCOPES, LOCK, RESERVE, RELEASE)
