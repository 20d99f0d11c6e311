-- Rules that statements share: the calendar in a zone, words for states. They read no table, run with
-- their caller's rights, may be called by every role, and are inlined: a plan is the same as with the
-- expression written out. RETURN bodies are bound to what they name here, whatever the search_path.
--
-- A period is 'YYYY-MM', a month the date of its first day, a zone an IANA name. A month or day is
-- half-open: it ends at the instant the next begins.

CREATE FUNCTION period_month(period text) RETURNS date LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (period || '-01')::date;
CREATE FUNCTION next_month(month date) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (month + interval '1 month')::date;
-- Where the zone skips midnight, the first instant after it; where midnight comes twice, the second.
CREATE FUNCTION day_begins(day date, zone text) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN day::timestamp AT TIME ZONE zone;
CREATE FUNCTION period_begins(period text, zone text) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
    RETURN day_begins(period_month(period), zone);
CREATE FUNCTION period_ends(period text, zone text) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
    RETURN day_begins(next_month(period_month(period)), zone);
-- The day, month or period of the zone that holds an instant.
CREATE FUNCTION local_day(instant timestamptz, zone text) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (instant AT TIME ZONE zone)::date;
CREATE FUNCTION local_month(instant timestamptz, zone text) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN date_trunc('month', instant AT TIME ZONE zone)::date;
CREATE FUNCTION local_period(instant timestamptz, zone text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN to_char(instant AT TIME ZONE zone, 'YYYY-MM');
-- Days since 1970-01-01, as the rating engine counts them.
CREATE FUNCTION epoch_day(day date) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (day - date '1970-01-01')::bigint;
-- RFC 3339 in UTC, whole seconds: 2026-03-01T00:00:00Z.
CREATE FUNCTION utc_text(instant timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN to_char(instant AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');

-- The days of a month on which a subscription serves: [service_begins, service_ends). No start, no end:
-- the month's own. The end can lie before the beginning where both lie outside the month.
CREATE FUNCTION service_begins(month date, starts_at timestamptz, zone text) RETURNS date
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN least(greatest(month, local_day(starts_at, zone)), next_month(month));
CREATE FUNCTION service_ends(month date, ends_at timestamptz, zone text) RETURNS date
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN least(next_month(month), local_day(coalesce(ends_at, 'infinity'), zone));

-- States of a subscription: it runs and may be cancelled or is about to end; it has begun at some time
-- and may owe something; its state by the clock, for a cancellation that has come due reads as ended.
CREATE FUNCTION subscription_runs(state text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN state IN ('active', 'trialing', 'paused', 'suspended', 'cancelling');
CREATE FUNCTION subscription_begun(state text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN state IN ('active', 'trialing', 'paused', 'suspended', 'cancelling', 'ended');
CREATE FUNCTION subscription_state_now(state text, ends_at timestamptz) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN state = 'cancelling' AND ends_at <= now() THEN 'ended' ELSE state END;

-- What the API and rating call a row's delivery (usage_quarter.delivery).
CREATE FUNCTION delivery_name(delivery smallint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE delivery WHEN 0 THEN 'fresh' ELSE 'replay' END;
