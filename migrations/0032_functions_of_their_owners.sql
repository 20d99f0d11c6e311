-- A function that runs with its owner's rights (SECURITY DEFINER) is owned by a role that can do that one
-- thing, and it finds no object of its caller's. Two doors were open: "search_path = public" still looks
-- into the caller's temporary objects first, and the owner of the functions owned everything.
--
-- Roles are made by deploy/postgres/roles.sql, which a superuser runs before; here only where whoever
-- migrates may do that too.
DO $$
DECLARE r text;
BEGIN
    FOREACH r IN ARRAY ARRAY['weir_count_grants', 'weir_read_statement', 'weir_keep_zone'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', r);
            END IF;
            IF NOT pg_has_role(current_user, r, 'MEMBER') THEN
                EXECUTE format('GRANT %I TO %I', r, current_user);
            END IF;
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE EXCEPTION 'role % is missing, or % is not a member of it', r, current_user
                USING ERRCODE = 'insufficient_privilege', HINT = 'a superuser runs deploy/postgres/roles.sql first';
        END;
        EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', r);
    END LOOP;
    EXECUTE format('REVOKE TEMPORARY, CREATE ON DATABASE %I FROM PUBLIC', current_database());
    IF has_database_privilege('weir_api', current_database(), 'TEMPORARY') THEN
        RAISE EXCEPTION 'the programs may still make temporary objects in this database'
            USING ERRCODE = 'insufficient_privilege', HINT = 'a superuser runs deploy/postgres/roles.sql first';
    END IF;
END $$;

CREATE OR REPLACE FUNCTION topic_open_grants(p_cluster uuid, p_topic text) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$ SELECT count(DISTINCT g.application_id) FROM public.grant_period g
           WHERE g.cluster_id = p_cluster AND g.topic = p_topic AND upper_inf(g.during) $$;
GRANT SELECT (cluster_id, topic, application_id, during) ON grant_period TO weir_count_grants;
CREATE POLICY function ON grant_period FOR SELECT TO weir_count_grants USING (true);

CREATE OR REPLACE FUNCTION statement_lines(p_statement uuid)
    RETURNS TABLE (invoice_number text, line int, description text, net numeric, share numeric)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT i.number, l.line, l.description, l.net, s.amount
      FROM public.document st
      JOIN public.document_split s ON s.statement_id = st.id
      JOIN public.document_line l ON l.document_id = s.document_id AND l.line = s.line
      JOIN public.document i ON i.id = s.document_id
     WHERE st.id = p_statement AND st.kind = 'statement' AND (public.weir_operator() OR st.org_id = public.weir_org()) $$;
GRANT SELECT (id, kind, org_id, number) ON document TO weir_read_statement;
GRANT SELECT (document_id, line, amount, statement_id) ON document_split TO weir_read_statement;
GRANT SELECT (document_id, line, description, net) ON document_line TO weir_read_statement;
CREATE POLICY function ON document FOR SELECT TO weir_read_statement USING (true);
CREATE POLICY function ON document_split FOR SELECT TO weir_read_statement USING (true);
CREATE POLICY function ON document_line FOR SELECT TO weir_read_statement USING (true);

CREATE OR REPLACE FUNCTION keep_time_zone() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM public.subscription s WHERE s.org_id = NEW.id AND s.starts_at IS NOT NULL AND s.state <> 'denied') THEN
        RAISE EXCEPTION 'the time zone can''t change once a subscription has begun: its months are billed in %', OLD.time_zone
            USING ERRCODE = 'WC001';
    END IF;
    RETURN NEW;
END $$;
GRANT SELECT (org_id, starts_at, state) ON subscription TO weir_keep_zone;
CREATE POLICY function ON subscription FOR SELECT TO weir_keep_zone USING (true);
REVOKE ALL ON FUNCTION keep_time_zone() FROM PUBLIC;

-- A function's new owner must be able to make functions for the moment of the change.
GRANT CREATE ON SCHEMA public TO weir_count_grants, weir_read_statement, weir_keep_zone;
ALTER FUNCTION topic_open_grants(uuid, text) OWNER TO weir_count_grants;
ALTER FUNCTION statement_lines(uuid) OWNER TO weir_read_statement;
ALTER FUNCTION keep_time_zone() OWNER TO weir_keep_zone;
REVOKE CREATE ON SCHEMA public FROM weir_count_grants, weir_read_statement, weir_keep_zone;

-- Guards run with their caller's rights, but a guard that reads the caller's temporary table guards nothing.
DO $$
DECLARE f regprocedure;
BEGIN
    FOR f IN SELECT p.oid FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
              WHERE p.pronamespace = 'public'::regnamespace AND l.lanname = 'plpgsql' AND NOT p.prosecdef LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, public, pg_temp', f);
    END LOOP;
END $$;
