-- There is always a key that signs: one is retired only when its successor has signed for an hour, the
-- longest life of a token, and the newest never. A key is published a day before it signs, unless no
-- other does.
CREATE FUNCTION guard_signing_key() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.retire_at IS NULL AND NOT EXISTS (
               SELECT FROM signing_key k
                WHERE k.sign_from > now()
                   OR (k.retire_at IS NULL OR k.retire_at > now()) AND NEW.sign_from < now() + interval '1 day') THEN
            RETURN NEW;
        END IF;
    ELSIF TG_OP = 'UPDATE' THEN
        IF (NEW.kid, NEW.private_key, NEW.public_jwk, NEW.created_at, NEW.sign_from)
           = (OLD.kid, OLD.private_key, OLD.public_jwk, OLD.created_at, OLD.sign_from)
           AND OLD.retire_at IS NULL AND EXISTS (
               SELECT FROM signing_key k
                WHERE k.sign_from > OLD.sign_from AND k.retire_at IS NULL
                  AND NEW.retire_at >= k.sign_from + interval '1 hour') THEN
            RETURN NEW;
        END IF;
    ELSIF OLD.retire_at <= now() THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'a signing key is retired once, after its successor has begun to sign, and the newest stays'
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER signing_key_guard BEFORE INSERT OR UPDATE OR DELETE ON signing_key
    FOR EACH ROW EXECUTE FUNCTION guard_signing_key();
CREATE TRIGGER signing_key_no_truncate BEFORE TRUNCATE ON signing_key
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- How a secret was hashed. 1: the secret alone, so a hash copied to another client would open it; 2: the
-- client with the secret. Those of 1 stay good until they are replaced (only who has the secret could make
-- them anew), but none can be added or moved any more, by whomever. No default: a program of before,
-- which hashes the old way, is refused instead of believed.
ALTER TABLE application_secret ADD COLUMN hash_version smallint NOT NULL DEFAULT 1 CHECK (hash_version IN (1, 2));
ALTER TABLE application_secret ALTER COLUMN hash_version DROP DEFAULT;
CREATE FUNCTION guard_application_secret() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.hash_version = 2 THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'a new secret is hashed together with its client' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.id, NEW.application_id, NEW.org_id, NEW.secret_hash, NEW.hash_version, NEW.created_at)
       IS DISTINCT FROM (OLD.id, OLD.application_id, OLD.org_id, OLD.secret_hash, OLD.hash_version, OLD.created_at)
       OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at) THEN
        RAISE EXCEPTION 'a secret stays what it is and whose it is, and once revoked, revoked'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER application_secret_guard BEFORE INSERT OR UPDATE ON application_secret
    FOR EACH ROW EXECUTE FUNCTION guard_application_secret();

CREATE OR REPLACE VIEW oauth_client WITH (security_barrier) AS
    SELECT a.principal AS client_id, a.id AS application_id, a.org_id, o.is_operator AS org_is_operator,
           a.api_role, a.state, s.secret_hash, s.expires_at AS secret_expires_at,
           coalesce((SELECT array_agg(DISTINCT c.audience ORDER BY c.audience) FROM cluster c
                      WHERE EXISTS (SELECT FROM grant_period g WHERE g.cluster_id = c.id
                                       AND g.application_id = a.id AND g.during @> now())
                         OR EXISTS (SELECT FROM producer_grant p WHERE p.cluster_id = c.id
                                       AND p.application_id = a.id AND p.revoked_at IS NULL)), '{}') AS audiences,
           s.hash_version
      FROM application a
      JOIN organisation o ON o.id = a.org_id
      JOIN application_secret s ON s.application_id = a.id
     WHERE NOT a.adopted AND s.revoked_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > now());
