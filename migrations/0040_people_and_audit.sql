-- What people may end: an organisation's doing, an application's, a session, a right to write; and what the
-- audit log says of it. Rights stand beside what they are for, whatever an earlier migration gave.

-- A suspended organisation gets no token, no session and no access to a cluster, until it is resumed. Only
-- the operator says so, and never of itself.
ALTER TABLE organisation ADD COLUMN suspended_at timestamptz,
    ADD CONSTRAINT organisation_operator_stays CHECK (NOT is_operator OR suspended_at IS NULL);
GRANT UPDATE (suspended_at) ON organisation TO weir_api;
CREATE OR REPLACE VIEW organisation_public WITH (security_barrier) AS
    SELECT id, name, country, time_zone, is_provider, is_operator, suspended_at IS NOT NULL AS suspended FROM organisation;
GRANT SELECT (id, suspended) ON organisation_public TO weir_access;
CREATE TRIGGER organisation_suspended_notify AFTER UPDATE OF suspended_at ON organisation
    FOR EACH STATEMENT EXECUTE FUNCTION notify_access();

CREATE OR REPLACE FUNCTION guard_organisation() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF weir_org() IS NOT NULL AND NOT weir_operator() AND (NEW.topic_prefix, NEW.verified_at, NEW.suspended_at)
       IS DISTINCT FROM (OLD.topic_prefix, OLD.verified_at, OLD.suspended_at) THEN
        RAISE EXCEPTION 'only the marketplace''s operator sets this' USING ERRCODE = 'WD001';
    END IF;
    IF NEW.topic_prefix IS DISTINCT FROM OLD.topic_prefix AND OLD.topic_prefix IS NOT NULL
       AND (EXISTS (SELECT FROM producer_grant g WHERE g.org_id = OLD.id)
            OR EXISTS (SELECT FROM product_topic t WHERE t.org_id = OLD.id)) THEN
        RAISE EXCEPTION 'the topic prefix is in use: applications write, or products offer topics, below it'
            USING ERRCODE = 'WC001', HINT = 'a prefix can be changed only before its first use';
    END IF;
    RETURN NEW;
END $$;

-- A grant period ends once. While its end is to come it may come sooner (a subscription that ends with the
-- month, of an organisation that is suspended before), never later.
CREATE OR REPLACE FUNCTION guard_grant_period() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'grant periods are closed, never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.cluster_id, NEW.application_id, NEW.topic, NEW.subscription_id, NEW.shadow, lower(NEW.during))
       IS DISTINCT FROM
       (OLD.cluster_id, OLD.application_id, OLD.topic, OLD.subscription_id, OLD.shadow, lower(OLD.during))
       OR NOT (upper_inf(OLD.during)
               OR (upper(OLD.during) > now() AND NOT upper_inf(NEW.during) AND upper(NEW.during) <= upper(OLD.during))) THEN
        RAISE EXCEPTION 'only the end of a grant period can be set, and only to an earlier time'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    -- What was read until now has a payer: no tenant takes that back.
    IF weir_org() IS NOT NULL AND upper(NEW.during) < now() THEN
        RAISE EXCEPTION 'a grant period doesn''t end in the past' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

-- Nothing is granted to whoever is suspended. What is given back when it is resumed may also end with a
-- cancellation that has not come due.
DROP POLICY open ON grant_period;
CREATE POLICY open ON grant_period FOR INSERT TO weir_api
    WITH CHECK (EXISTS (
        SELECT FROM subscription s
          JOIN organisation_public o ON o.id = s.org_id AND NOT o.suspended
          JOIN subscription_application sa ON sa.subscription_id = s.id
          JOIN product_topic t ON t.product_id = s.product_id AND t.number = s.product_version
         WHERE s.id = grant_period.subscription_id
           AND (s.state IN ('active', 'trialing', 'shadow')
                OR (s.state = 'cancelling' AND upper(grant_period.during) <= s.ends_at))
           AND sa.application_id = grant_period.application_id AND sa.org_id = grant_period.org_id
           AND t.cluster_id = grant_period.cluster_id AND t.topic = grant_period.topic
           AND lower(grant_period.during) >= s.starts_at));

-- What may be changed is enough for a lock.
REVOKE UPDATE (updated_at) ON application FROM weir_api;
GRANT UPDATE (state) ON application TO weir_api;
GRANT UPDATE (revoked_at) ON producer_grant TO weir_api;

-- A session has a name that doesn't open it, and says from where it was begun.
ALTER TABLE session ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    ADD COLUMN address text CHECK (length(address) <= 64);
GRANT INSERT (address) ON session TO weir_api;
CREATE POLICY change_password ON person FOR UPDATE TO weir_api
    USING (EXISTS (SELECT FROM membership m WHERE m.person_id = person.id AND m.org_id = weir_org()))
    WITH CHECK (EXISTS (SELECT FROM membership m WHERE m.person_id = person.id AND m.org_id = weir_org()));
GRANT UPDATE (password_hash) ON person TO weir_api;

-- Whose people acted: a row of another organisation's object tells its owner so.
ALTER TABLE audit_log ADD COLUMN actor_org_id uuid;
GRANT SELECT, INSERT (actor_org_id) ON audit_log TO weir_api;
