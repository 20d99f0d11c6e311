-- The lock of an Idempotency-Key waits a moment: whoever got an answer that changed nothing may come again
-- before the transaction behind it has been rolled back.

-- Takes the key until the end of the transaction. False: somebody else still has it after half a second.
CREATE FUNCTION lock_key(key bigint) RETURNS boolean LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp
    SET lock_timeout = '500ms'
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(key);
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END $$;
