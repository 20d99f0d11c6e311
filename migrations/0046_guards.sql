-- What one role's password could still do to the others: locks that anybody could take, a key or a secret
-- that stopped all, people made out of other people's passwords, entries under somebody else's name.

-- Advisory locks. Everybody could take the lock that says which program is the active one, and nothing
-- would tell. Now nobody may lock by a number of his own choice, but for
--   weir_owner      'weir.migrate' (weirctl migrate), and whatever else it wants: it owns the tables;
--   weir_api        pairs of integers: keys of idempotency and the making of a signing key, its own affair;
--   weir_take_lock  what program_lock says, for whom it says;
--   weir_prune_audit  the turn to prune.
-- The functions belong to the server's superuser, so deploy/postgres/roles.sql says so; here only where
-- whoever migrates is one.
DO $$
DECLARE f regprocedure; is_super boolean := (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'weir_take_lock') THEN
        CREATE ROLE weir_take_lock NOLOGIN;
    END IF;
    IF NOT pg_has_role(current_user, 'weir_take_lock', 'MEMBER') THEN
        EXECUTE format('GRANT weir_take_lock TO %I', current_user);
    END IF;
    FOR f IN SELECT p.oid FROM pg_proc p
              WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname ~ '^(pg_(try_)?advisory_|lo_|loread$|lowrite$)'
                AND is_super LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
    END LOOP;
    IF is_super THEN
        GRANT EXECUTE ON FUNCTION pg_catalog.pg_advisory_xact_lock(int, int) TO weir_api;
        GRANT EXECUTE ON FUNCTION pg_catalog.pg_try_advisory_lock(bigint) TO weir_take_lock;
        GRANT EXECUTE ON FUNCTION pg_catalog.pg_try_advisory_xact_lock(bigint) TO weir_prune_audit;
    END IF;
    IF has_function_privilege('weir_auditor', 'pg_catalog.pg_advisory_lock(bigint)', 'EXECUTE')
       OR NOT has_function_privilege('weir_take_lock', 'pg_catalog.pg_try_advisory_lock(bigint)', 'EXECUTE') THEN
        RAISE EXCEPTION 'everybody may still take any lock in this database' USING ERRCODE = 'insufficient_privilege';
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'roles and rights of this release are missing: %', SQLERRM
        USING ERRCODE = 'insufficient_privilege', HINT = 'a superuser runs deploy/postgres/roles.sql first';
END $$;
GRANT USAGE ON SCHEMA public TO weir_take_lock;

-- Whether the caller now has the lock, until its session ends: each program may take its own and no other's.
-- The numbers are those of the releases before, so that one of them and a new one don't both become active.
CREATE FUNCTION program_lock(p_lock text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE program text := CASE WHEN starts_with(p_lock, 'weir-access:') THEN 'weir_access'
                             WHEN p_lock = 'weir-biller-watch' THEN 'weir_biller' END;
BEGIN
    IF program IS NULL OR NOT pg_has_role(session_user, program, 'USAGE') THEN
        RAISE EXCEPTION 'the lock % is not for %', p_lock, session_user USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN pg_try_advisory_lock(hashtextextended(p_lock, 0));
END $$;
REVOKE ALL ON FUNCTION program_lock(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION program_lock(text) TO weir_access, weir_biller;
GRANT CREATE ON SCHEMA public TO weir_take_lock;
ALTER FUNCTION program_lock(text) OWNER TO weir_take_lock;
REVOKE CREATE ON SCHEMA public FROM weir_take_lock;

-- As in 0038, but as a pair: the other numbers are the programs'.
CREATE OR REPLACE FUNCTION lock_key(key bigint) RETURNS boolean LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp
    SET lock_timeout = '500ms'
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock((key >> 32)::int, key::bit(32)::int);
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END $$;
