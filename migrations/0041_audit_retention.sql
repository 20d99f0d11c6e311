-- Rows of the audit log that only count what happened often (refusals, the operator's reads) have a time
-- after which they go. What changed something stays for ever.
--
-- The role is made by deploy/postgres/roles.sql, which a superuser runs before; here only where whoever
-- migrates may do that too.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'weir_prune_audit') THEN
        CREATE ROLE weir_prune_audit NOLOGIN;
    END IF;
    IF NOT pg_has_role(current_user, 'weir_prune_audit', 'MEMBER') THEN
        EXECUTE format('GRANT weir_prune_audit TO %I', current_user);
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'role weir_prune_audit is missing, or % is not a member of it', current_user
        USING ERRCODE = 'insufficient_privilege', HINT = 'a superuser runs deploy/postgres/roles.sql first';
END $$;
GRANT USAGE ON SCHEMA public TO weir_prune_audit;

-- The kinds of services/api/request/tally.c.
CREATE FUNCTION audit_is_counted(action text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT action IN ('session.refuse', 'token.refuse', 'request.deny', 'tenant.read') $$;
CREATE INDEX audit_log_counted ON audit_log (at) WHERE audit_is_counted(action);

-- Whoever asks, and whatever is set: nothing else goes, and of these nothing that is younger than a month.
CREATE FUNCTION guard_audit_log() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT audit_is_counted(OLD.action) OR OLD.at > now() - interval '1 month' THEN
        RAISE EXCEPTION 'DELETE on audit_log is refused: what it counted goes after a month at the earliest, all else never'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN OLD;
END $$;
DROP TRIGGER audit_log_append_only ON audit_log;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_log_counted_goes BEFORE DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION guard_audit_log();

-- At most p_rows of them; none while somebody else is at it.
CREATE FUNCTION prune_audit_log(p_months int, p_rows int) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF pg_try_advisory_xact_lock(hashtextextended('prune_audit_log', 0)) THEN
        DELETE FROM public.audit_log a
         WHERE a.id = ANY (ARRAY(
               SELECT x.id FROM public.audit_log x
                WHERE public.audit_is_counted(x.action) AND x.at < now() - make_interval(months => p_months)
                ORDER BY x.at LIMIT p_rows));
    END IF;
END $$;
REVOKE ALL ON FUNCTION prune_audit_log(int, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION prune_audit_log(int, int) TO weir_api;
GRANT SELECT (id, at, action), DELETE ON audit_log TO weir_prune_audit;
CREATE POLICY function ON audit_log TO weir_prune_audit USING (true);

-- A function's new owner must be able to make functions for the moment of the change.
GRANT CREATE ON SCHEMA public TO weir_prune_audit;
ALTER FUNCTION prune_audit_log(int, int) OWNER TO weir_prune_audit;
REVOKE CREATE ON SCHEMA public FROM weir_prune_audit;
